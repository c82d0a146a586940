//! The two session types, each in two versions that differ in their keys and in their format.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use session_store::{Index, IndexKey, SessionAttributes};
use uuid::Uuid;

/// Reads a key of both forms, as a program must while the other version runs.
#[derive(Deserialize)]
#[serde(untagged)]
enum Either {
    Number(u64),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Either::deserialize(deserializer)? {
            Either::Number(key) => Ok(Self(key)),
            Either::Text(key) => key.parse().map(Self).map_err(serde::de::Error::custom),
        }
    }
}

impl IndexKey for Number {
    type As = u64;

    fn as_key(&self) -> &u64 {
        &self.0
    }
}

impl From<u64> for Number {
    fn from(key: u64) -> Self {
        Self(key)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Number(key) => key.to_string(),
            Either::Text(key) => key,
        }))
    }
}

impl IndexKey for Text {
    type As = str;

    fn as_key(&self) -> &str {
        &self.0
    }
}

impl From<u64> for Text {
    fn from(key: u64) -> Self {
        Self(key.to_string())
    }
}

pub(super) fn tenant(number: u64) -> Uuid {
    Uuid::from_u128(number.into())
}

pub(super) trait Kind:
    SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static
{
    type Key: IndexKey + From<u64>;

    const USER: Index<Self, Self::Key>;
    const DEVICE: Index<Self, Self::Key>;
    const TENANT: Index<Self, Uuid>;

    fn new(user: u64, device: u64) -> Self;

    /// The user, and a field of no index.
    fn owner(&mut self) -> (&mut Option<Self::Key>, &mut u64);
}

macro_rules! session_type {
    ($name:ident, $key:ty, $on_limit:ident: $($option:tt)*) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", idle_timeout = "20m", absolute_timeout = "40m", $($option)*)]
        pub(super) struct $name {
            #[dynamo(attr = "user", index(consistent, limit = 3, on_limit = $on_limit))]
            user: Option<$key>,
            #[dynamo(attr = "device", index(consistent, limit = 2))]
            device: Option<$key>,
            /// The keys of a default index have one kind for all who use the table.
            #[dynamo(attr = "tenant", index)]
            tenant: Option<Uuid>,
            count: u64,
            /// Large enough to be compressed.
            profile: String,
        }

        impl Kind for $name {
            type Key = $key;

            const USER: Index<Self, $key> = Self::USER;
            const DEVICE: Index<Self, $key> = Self::DEVICE;
            const TENANT: Index<Self, Uuid> = Self::TENANT;

            fn new(user: u64, device: u64) -> Self {
                Self {
                    user: Some(user.into()),
                    device: Some(device.into()),
                    tenant: Some(tenant(0)),
                    count: 0,
                    profile: "of interest; ".repeat(80),
                }
            }

            fn owner(&mut self) -> (&mut Option<$key>, &mut u64) {
                (&mut self.user, &mut self.count)
            }
        }
    };
}

session_type!(Customer, Number, evict_oldest: data = "map");
session_type!(PackedCustomer, Text, evict_oldest: type_name = "Customer", data = "binary");
session_type!(Staff, Number, evict_least_recent: data = "map");
session_type!(PackedStaff, Text, evict_least_recent: type_name = "Staff", data = "binary", compress = "zstd");
