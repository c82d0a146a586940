use serde::{Deserialize, Serialize};
use session_store::{AsKey, IsIndex, SessionAttributes};

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "app-sessions", idle_timeout = "30m", absolute_timeout = "1h 30m")]
#[dynamo(id = "pk", data = "d", created_at = "c", touched_at = "t", expires_at = "ttl")]
#[dynamo(idle = "i", version = "v", writes = "w", format = "f", session_type = "k", type_name = "app/session:v1")]
#[dynamo(key_prefix = "SESSION#", sort_key(name = "sk", value = "SESSION"), revoke_all, forget("email", "data",), crate = ::session_store)]
#[dynamo(attr = "is_admin", with = AppSession::is_admin)]
#[dynamo(attr = "shard", with = Self::shard, index(name = "by-shard"), key = u8)]
pub struct AppSession {
    #[dynamo(attr = "id", index)]
    user_id: Option<String>,
    #[dynamo(attr = "tenant")]
    #[dynamo(index(name = "by-tenant"))]
    pub tenant: u64,
    #[dynamo(attr = "roles", with = <[_]>::first, index, key = String,)]
    roles: Vec<String>,
    #[dynamo(attr = "cart")]
    #[serde(with = "hex")]
    cart: u32,
    #[dynamo(attr = "r#type")]
    #[serde(skip_serializing_if = "String::is_empty", default)]
    r#type: String,
    #[dynamo(attr = "match", with = Clone::clone)]
    r#match: String,
    #[dynamo(attr = "seat", index(consistent, limit = 1, on_limit = reject))]
    seat: Option<String>,
    #[dynamo(attr = "device", index(consistent, limit = 10, on_limit = evict_oldest, limit_by = Self::devices))]
    device: Option<u64>,
    #[dynamo(attr = "team", index(consistent))]
    team: Vec<u8>,
    #[dynamo(attr = "desk", index(consistent, limit_by = seats::<AppSession>))]
    desk: u8,
    #[dynamo(attr = "region", index(shards = 16))]
    region: Option<String>,
    #[dynamo(attr = "zone", index(name = "by-zone", shards = 2))]
    zone: i32,
    #[dynamo()]
    plain: Box<Option<AppSession>>,
}

impl AppSession {
    fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| role == "admin")
    }

    fn shard(&self) -> u8 {
        0
    }

    fn devices(&self) -> u32 {
        if self.is_admin() { 2 } else { 10 }
    }
}

fn seats<T>(_: &T) -> u32 {
    1
}

mod hex {
    pub fn serialize<S: serde::Serializer>(value: &u32, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&format!("{value:x}"))
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(d)?;
        u32::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

fn sessions<S, I: IsIndex<S>>(_: I, _: impl AsKey<I::Key>) {}

fn main() {
    sessions(AppSession::USER_ID, "u-17");
    sessions(AppSession::TENANT, 17);
    sessions(AppSession::TENANT, &17);
    sessions(AppSession::ROLES, String::from("admin"));
    sessions(AppSession::SHARD, 3);
    sessions(AppSession::SEAT, "12a");
    sessions(AppSession::DEVICE, 3);
    sessions(AppSession::TEAM, &[1, 2][..]);
    sessions(AppSession::REGION, "eu");
    sessions(AppSession::ZONE, -1);
    assert_eq!(AppSession::TYPE.name(), "r#type");
    assert_eq!(AppSession::CART.name(), "cart");
    assert_eq!(AppSession::IS_ADMIN.name(), "is_admin");
}
