use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, IndexKey, SessionAttributes, UuidBytes};
use std::num::NonZeroU64;
use uuid::Uuid;

// A key has the type of its field, and a `Uuid` as bytes is made by `UuidBytes::of`.
#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct AppSession {
    #[dynamo(attr = "user_id", index)]
    user: Option<UserId>,
    #[dynamo(attr = "tenant_id", index)]
    tenant: Uuid,
    #[dynamo(attr = "device_id", index, with = UuidBytes::of, key = UuidBytes)]
    device: Option<Uuid>,
    #[dynamo(attr = "account", index)]
    account: NonZeroU64,
    #[dynamo(attr = "is_staff", index)]
    is_staff: Option<bool>,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct OtherKeys {
    #[dynamo(attr = "device_id", index, with = UuidBytes::of, key = UuidBytes)]
    device: String,
    #[dynamo(attr = "tenant_id", index, with = UuidBytes::of, key = Uuid)]
    tenant: Uuid,
}

#[derive(Clone, Serialize, Deserialize)]
struct UserId(Uuid);

impl IndexKey for UserId {
    type As = Uuid;

    fn as_key(&self) -> &Uuid {
        &self.0
    }
}

fn queries(store: &DynamoDbStore<AppSession>, uuid: Uuid, text: &str) {
    store.sessions(AppSession::USER, uuid);
    store.sessions(AppSession::TENANT, text);
    store.sessions(AppSession::DEVICE, UserId(uuid));
    store.sessions(AppSession::ACCOUNT, 17_u64);
    store.sessions(AppSession::IS_STAFF, "true");
}

fn main() {}
