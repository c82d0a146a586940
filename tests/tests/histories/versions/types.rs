//! The versions of one session type, each what a deploy could make of another.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_store::{Builder, DynamoDbStore, Error, Revoke, SessionAttributes, Sessions};

use super::program::{Host, Program, running};
use super::spec::{By, Format, Kind, Limit, Spec};

/// The fields of a session by the names that they have for the model, whatever a version calls them.
pub type Fields = BTreeMap<&'static str, Option<u64>>;

/// All fields of all versions.
pub const FIELDS: [&str; 8] = [
    "user", "team", "red", "green", "nick", "bulk", "count", "extra",
];

/// A session type of a version.
pub trait Version:
    SessionAttributes + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The fields that it knows.
    const FIELDS: &'static [&'static str];

    fn get(&self, name: &str) -> Option<u64>;
    fn set(&mut self, name: &str, value: Option<u64>);
    fn revoke(store: &DynamoDbStore<Self>, by: By, value: u64) -> Option<Revoke<Self>>;
    fn revoke_before(
        store: &DynamoDbStore<Self>,
        by: By,
        value: u64,
        moment: SystemTime,
    ) -> Option<Revoke<Self>>;
    fn sessions(store: &DynamoDbStore<Self>, by: By, value: u64) -> Option<Sessions<Self>>;
    fn revoke_all(store: &DynamoDbStore<Self>, moment: SystemTime) -> Option<Ending<'_>>;
    /// A builder with a lower limit.
    fn limited<C>(builder: Builder<Self, C>, by: By, sessions: u32) -> Option<Builder<Self, C>>;
}

pub type Ending<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// A text that is long for even numbers, so that some sessions are compressed and others not.
fn bulk(value: Option<u64>) -> String {
    let length = |value| if value % 2 == 0 { 1000 } else { 10 };
    value.map_or(String::new(), |value| {
        format!("{value}:{}", "text ".repeat(length(value) / 5))
    })
}

/// `"30m"` in milliseconds.
fn millis(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => panic!("no unit {unit}"),
    };
    number.parse::<u64>().unwrap() * unit * 1000
}

macro_rules! by_index {
    ($method:ident($store:ident, $($argument:ident),*), $index:ident, promoted) => {{
        let _ = ($store, $($argument),*);
        None
    }};
    ($method:ident($store:ident, $($argument:ident),*), $index:ident, index) => {
        Some($store.$method(Self::$index, $($argument),*))
    };
}

macro_rules! ends_all {
    ($store:ident, $moment:ident) => {{
        let _ = ($store, $moment);
        None
    }};
    ($store:ident, $moment:ident, revoke_all) => {
        Some(Box::pin($store.revoke_all_created_before($moment)))
    };
}

macro_rules! versions {
    ($($name:ident {
        $idle:literal, $absolute:literal, $format:ident [$($option:tt)*] $($revoke_all:ident)?;
        $(sum: #[$sum:meta];)?
        user: $users:ident [$($user:tt)*] $user_kind:expr;
        team: $teams:ident [$(#[$team:meta])?] $team_kind:expr;
        $(extra: $extra:ident;)?
        nick: $renamed:literal $(#[$rename:meta])? $nick:ident;
    })*) => {
        $(
            #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
            #[dynamo(
                table = "versions",
                type_name = "versions",
                idle_timeout = $idle,
                absolute_timeout = $absolute
                $($option)*
                $(, $revoke_all)?
            )]
            $(#[$sum])?
            pub struct $name {
                #[dynamo(attr = "user" $($user)*)]
                user: Option<u64>,
                $(#[$team])?
                team: Option<u64>,
                red: Option<u64>,
                green: Option<u64>,
                $(#[$rename])?
                $nick: Option<u64>,
                bulk: String,
                count: u64,
                $(#[serde(default)]
                $extra: Option<u64>,)?
            }

            impl Version for $name {
                const FIELDS: &'static [&'static str] = &[
                    "user", "team", "red", "green", "nick", "bulk", "count", $(stringify!($extra))?
                ];

                fn get(&self, name: &str) -> Option<u64> {
                    match name {
                        "user" => self.user,
                        "team" => self.team,
                        "red" => self.red,
                        "green" => self.green,
                        "nick" => self.$nick,
                        "bulk" => self.bulk.split(':').next()?.parse().ok(),
                        "count" => Some(self.count),
                        $("extra" => self.$extra,)?
                        _ => panic!("no field {name}"),
                    }
                }

                fn set(&mut self, name: &str, value: Option<u64>) {
                    match name {
                        "user" => self.user = value,
                        "team" => self.team = value,
                        "red" => self.red = value,
                        "green" => self.green = value,
                        "nick" => self.$nick = value,
                        "bulk" => self.bulk = bulk(value),
                        "count" => self.count = value.unwrap_or_default(),
                        $("extra" => self.$extra = value,)?
                        _ => panic!("no field {name}"),
                    }
                }

                fn revoke(store: &DynamoDbStore<Self>, by: By, value: u64) -> Option<Revoke<Self>> {
                    match by {
                        By::User => by_index!(revoke(store, value), USER, $users),
                        By::Team => by_index!(revoke(store, value), TEAM, $teams),
                    }
                }

                fn revoke_before(
                    store: &DynamoDbStore<Self>,
                    by: By,
                    value: u64,
                    moment: SystemTime,
                ) -> Option<Revoke<Self>> {
                    match by {
                        By::User => by_index!(revoke_created_before(store, value, moment), USER, $users),
                        By::Team => by_index!(revoke_created_before(store, value, moment), TEAM, $teams),
                    }
                }

                fn sessions(store: &DynamoDbStore<Self>, by: By, value: u64) -> Option<Sessions<Self>> {
                    match by {
                        By::User => by_index!(sessions(store, value), USER, $users),
                        By::Team => by_index!(sessions(store, value), TEAM, $teams),
                    }
                }

                fn limited<C>(
                    builder: Builder<Self, C>,
                    by: By,
                    sessions: u32,
                ) -> Option<Builder<Self, C>> {
                    match by {
                        By::User => by_index!(limit(builder, sessions), USER, $users),
                        By::Team => by_index!(limit(builder, sessions), TEAM, $teams),
                    }
                }

                fn revoke_all(store: &DynamoDbStore<Self>, moment: SystemTime) -> Option<Ending<'_>> {
                    ends_all!(store, moment $(, $revoke_all)?)
                }
            }
        )*

        /// All versions.
        pub fn specs() -> Vec<Spec> {
            vec![$(Spec {
                name: stringify!($name),
                idle: millis($idle),
                absolute: millis($absolute),
                kinds: [$user_kind, $team_kind],
                format: Format::$format,
                fields: $name::FIELDS,
                renamed: $renamed,
                revoke_all: !stringify!($($revoke_all)?).is_empty(),
                sum: !stringify!($($sum)?).is_empty(),
            },)*]
        }

        /// The program of a version.
        pub async fn start(version: &Spec, on: &Host<'_>) -> Box<dyn Program> {
            match version.name {
                $(stringify!($name) => running::<$name>(on).await,)*
                other => panic!("no version {other}"),
            }
        }
    };
}

versions! {
    Base {
        "30m", "12h", Map [];
        user: index [, index] Kind::Default;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 0 nick;
    }
    ShortIdle {
        "5m", "12h", Map [];
        user: index [, index] Kind::Default;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 0 nick;
    }
    Long {
        "14d", "40d", Map [];
        user: index [, index] Kind::Default;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 0 nick;
    }
    ShortAbsolute {
        "30m", "1h", Map [];
        user: index [, index] Kind::Default;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 0 nick;
    }
    Promoted {
        "30m", "12h", Map [];
        user: promoted [] Kind::Promoted;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 0 nick;
    }
    Sharded4 {
        "30m", "12h", Map [];
        user: index [, index(shards = 4, name = "user-shards")] Kind::Sharded(4);
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 0 nick;
    }
    Sharded8 {
        "30m", "12h", Map [];
        user: index [, index(shards = 8, name = "user-shards")] Kind::Sharded(8);
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 0 nick;
    }
    Evict {
        "30m", "12h", Map [];
        user: index [, index(consistent, limit = 2, on_limit = evict_oldest)] EVICT;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 0 nick;
    }
    Reject {
        "30m", "12h", Map [] revoke_all;
        user: index [, index(consistent, limit = 3, on_limit = reject)] REJECT;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 0 nick;
    }
    Boundless {
        "30m", "12h", Map [];
        user: index [, index(consistent)] BOUNDLESS;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 0 nick;
    }
    BoundlessLong {
        "14d", "40d", Map [];
        user: index [, index(consistent)] BOUNDLESS;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 0 nick;
    }
    NoTeam {
        "30m", "12h", Map [];
        user: index [, index] Kind::Default;
        team: promoted [] Kind::Absent;
        nick: 0 nick;
    }
    TeamIndex {
        "30m", "12h", Map [];
        user: index [, index] Kind::Default;
        team: index [#[dynamo(attr = "team", index)]] Kind::Default;
        nick: 0 nick;
    }
    TeamRoster {
        "30m", "12h", Map [];
        user: index [, index(consistent)] BOUNDLESS;
        team: index [#[dynamo(attr = "team", index(consistent))]] BOUNDLESS;
        nick: 0 nick;
    }
    TwoLimits {
        "30m", "12h", Map [];
        user: index [, index(consistent, limit = 2, on_limit = evict_oldest)] EVICT;
        team: index [#[dynamo(attr = "team", index(consistent, limit = 2, on_limit = evict_oldest))]] EVICT;
        nick: 0 nick;
    }
    Cbor {
        "30m", "12h", Cbor [, data = "binary"] revoke_all;
        user: index [, index] Kind::Default;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 0 nick;
    }
    Zstd {
        "30m", "12h", Zstd [, compress = "zstd"];
        user: index [, index] Kind::Default;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        extra: extra;
        nick: 0 nick;
    }
    Renaming {
        "30m", "12h", Map [];
        user: index [, index] Kind::Default;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 1 #[serde(alias = "name")] nick;
    }
    Renamed {
        "30m", "12h", Map [];
        user: index [, index] Kind::Default;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        extra: extra;
        nick: 2 #[serde(alias = "nick")] name;
    }
    Summed {
        "30m", "12h", Map [];
        sum: #[dynamo(attr = "sum", with = sum)];
        user: index [, index] Kind::Default;
        team: promoted [#[dynamo(attr = "team")]] Kind::Promoted;
        nick: 0 nick;
    }
}

const EVICT: Kind = Kind::Roster(Limit {
    sessions: 2,
    evicts: true,
});
const REJECT: Kind = Kind::Roster(Limit {
    sessions: 3,
    evicts: false,
});
const BOUNDLESS: Kind = Kind::Roster(Limit {
    sessions: usize::MAX,
    evicts: false,
});

/// The attribute that `Summed` computes from two fields.
fn sum(session: &Summed) -> Option<u64> {
    Some(session.red.unwrap_or(0) + session.green.unwrap_or(0))
}
