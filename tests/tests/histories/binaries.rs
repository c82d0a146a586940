//! The programs that the clients run, old and new side by side.
//!
//! None of them marks its `user` as the user of the session. With the mark, a `save` or an `update` that names another
//! user is refused, and most of what moves sessions between rosters is such a write. What the mark refuses is tested in
//! `guarantees/g06_authentication.rs`, and so is `reauthenticated` of a session without its user.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, SessionAttributes};

use crate::plan::{self, LIMIT};

/// The fields of a session by name.
pub type Fields = BTreeMap<&'static str, Option<u64>>;

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "histories",
    type_name = "histories",
    idle_timeout = "10m",
    absolute_timeout = "25m"
)]
pub struct Old {
    #[dynamo(attr = "user", index)]
    user: Option<u64>,
    #[dynamo(attr = "level")]
    level: Option<u64>,
    red: Option<u64>,
    green: Option<u64>,
    count: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "histories",
    type_name = "histories",
    idle_timeout = "10m",
    absolute_timeout = "25m"
)]
pub struct New {
    #[dynamo(attr = "user", index)]
    user: Option<u64>,
    #[dynamo(attr = "level")]
    level: Option<u64>,
    red: Option<u64>,
    green: Option<u64>,
    count: u64,
    #[dynamo(attr = "note")]
    note: Option<u64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "histories",
    type_name = "histories",
    idle_timeout = "10m",
    absolute_timeout = "25m"
)]
#[dynamo(attr = "sum", with = Computed::sum)]
pub struct Computed {
    #[dynamo(attr = "user", index)]
    user: Option<u64>,
    #[dynamo(attr = "level")]
    level: Option<u64>,
    red: Option<u64>,
    green: Option<u64>,
    count: u64,
}

impl Computed {
    fn sum(&self) -> Option<u64> {
        Some(self.red.unwrap_or(0) + self.green.unwrap_or(0))
    }
}

/// The same program as the old one, but it stores its sessions as bytes.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "histories",
    type_name = "histories",
    idle_timeout = "10m",
    absolute_timeout = "25m",
    data = "binary"
)]
pub struct Bytes {
    #[dynamo(attr = "user", index)]
    user: Option<u64>,
    #[dynamo(attr = "level")]
    level: Option<u64>,
    red: Option<u64>,
    green: Option<u64>,
    count: u64,
}

macro_rules! with_roster {
    ($type:ident, $($index:tt)*) => {
        #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "histories",
    type_name = "histories", idle_timeout = "10m", absolute_timeout = "25m")]
        pub struct $type {
            #[dynamo(attr = "user", $($index)*)]
            user: Option<u64>,
            #[dynamo(attr = "level")]
            level: Option<u64>,
            red: Option<u64>,
            green: Option<u64>,
            count: u64,
        }
    };
}

with_roster!(
    Evicting,
    index(
        consistent,
        limit = 2,
        limit_by = Self::seats,
        on_limit = evict_oldest
    )
);
with_roster!(
    Refusing,
    index(
        consistent,
        limit = 2,
        limit_by = Self::seats,
        on_limit = reject
    )
);
with_roster!(Boundless, index(consistent));

impl Evicting {
    fn seats(&self) -> u32 {
        seats(self.user)
    }
}

impl Refusing {
    fn seats(&self) -> u32 {
        seats(self.user)
    }
}

fn seats(user: Option<u64>) -> u32 {
    u32::try_from(user.map_or(LIMIT, plan::seats)).unwrap()
}

/// A session type whose fields can be accessed by name.
pub trait Program:
    SessionAttributes + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// It writes only onto the version that it has read: it has an attribute that is computed from several
    /// fields, or stores its sessions as bytes.
    const PINNED: bool;
    fn field(&mut self, name: &str) -> &mut Option<u64>;
    fn count(&mut self) -> &mut u64;
    fn fields(&self) -> Fields;
    fn revoke(store: &DynamoDbStore<Self>, user: u64) -> session_store::Revoke<Self>;
    fn count_all(store: &DynamoDbStore<Self>, user: u64) -> session_store::UpdateAll<Self>;
    fn sessions(store: &DynamoDbStore<Self>, user: u64) -> session_store::Sessions<Self>;
}

macro_rules! program {
    ($type:ident, pinned: $pinned:literal, $($field:ident)*) => {
        impl Program for $type {
            const PINNED: bool = $pinned;
            fn field(&mut self, name: &str) -> &mut Option<u64> {
                match name {
                    $(stringify!($field) => &mut self.$field,)*
                    _ => panic!("no field {name}"),
                }
            }
            fn count(&mut self) -> &mut u64 {
                &mut self.count
            }
            fn fields(&self) -> Fields {
                Fields::from([$((stringify!($field), self.$field),)* ("count", Some(self.count))])
            }
            fn revoke(store: &DynamoDbStore<Self>, user: u64) -> session_store::Revoke<Self> {
                store.revoke(Self::USER, user)
            }
            fn count_all(store: &DynamoDbStore<Self>, user: u64) -> session_store::UpdateAll<Self> {
                store.update_all(Self::USER, user, |session| session.count += 1)
            }
            fn sessions(store: &DynamoDbStore<Self>, user: u64) -> session_store::Sessions<Self> {
                store.sessions(Self::USER, user)
            }
        }
    };
}

program!(Old, pinned: false, user level red green);
program!(New, pinned: false, user level red green note);
program!(Computed, pinned: true, user level red green);
program!(Bytes, pinned: true, user level red green);
program!(Evicting, pinned: false, user level red green);
program!(Refusing, pinned: false, user level red green);
program!(Boundless, pinned: false, user level red green);
