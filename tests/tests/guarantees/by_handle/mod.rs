//! Sessions that are not in hand: read (G5, G10, G16) and changed (G1, G3, G4, G9) by their handle or by an index, in
//! every format and by every kind of index.

mod changed;
mod changed_all;
mod paged;
mod person;
mod read;

use std::fmt::Debug;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_store::{Index, Promoted, Session, SessionAttributes};
use session_store_tests::TestBench;

/// A session with an index of each kind.
trait Account:
    SessionAttributes + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static
{
    const USER_ID: Index<Self, String>;
    const TENANT: Index<Self, String>;
    const COUNTRY: Index<Self, u64>;
    const AGENT: Promoted<Self>;
    const ROLES: Promoted<Self>;

    fn of(user: &str) -> Self;

    fn role(&mut self) -> &mut String;

    fn cart(&mut self) -> &mut Vec<String>;

    fn visits(&mut self) -> &mut u64;

    fn user(&mut self) -> &mut Option<String>;

    fn tenant(&mut self) -> &mut String;
}

macro_rules! in_format {
    ($format:ident; $($option:tt)*) => {
        mod $format {
            use super::*;

            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
            #[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h", $($option)*)]
            pub(super) struct App {
                #[dynamo(attr = "user_id", index(consistent), user)]
                user_id: Option<String>,
                #[dynamo(attr = "tenant", index)]
                tenant: String,
                #[dynamo(attr = "country", index(shards = 4))]
                country: u64,
                #[dynamo(attr = "agent")]
                agent: Option<String>,
                #[dynamo(attr = "roles")]
                roles: Vec<String>,
                role: String,
                cart: Vec<String>,
                visits: u64,
                /// Large enough to be compressed.
                profile: String,
            }

            impl Account for App {
                const USER_ID: Index<Self, String> = Self::USER_ID;
                const TENANT: Index<Self, String> = Self::TENANT;
                const COUNTRY: Index<Self, u64> = Self::COUNTRY;
                const AGENT: Promoted<Self> = Self::AGENT;
                const ROLES: Promoted<Self> = Self::ROLES;

                fn of(user: &str) -> Self {
                    Self {
                        user_id: Some(user.into()),
                        tenant: "acme".into(),
                        country: 977,
                        agent: Some(format!("{user}'s browser")),
                        roles: vec!["reader".into(), "payer".into()],
                        role: "reader".into(),
                        profile: "of interest; ".repeat(80),
                        ..Self::default()
                    }
                }

                fn role(&mut self) -> &mut String {
                    &mut self.role
                }

                fn cart(&mut self) -> &mut Vec<String> {
                    &mut self.cart
                }

                fn visits(&mut self) -> &mut u64 {
                    &mut self.visits
                }

                fn user(&mut self) -> &mut Option<String> {
                    &mut self.user_id
                }

                fn tenant(&mut self) -> &mut String {
                    &mut self.tenant
                }
            }
        }
    };
}

in_format!(map;);
in_format!(binary; data = "binary");
in_format!(compressed; data = "binary", compress = "zstd");

/// Runs each test in each format.
macro_rules! tests {
    ($($test:ident)*) => {
        mod map {
            $(#[tokio::test] async fn $test() { super::$test::<crate::by_handle::map::App>().await; })*
        }
        mod binary {
            $(#[tokio::test] async fn $test() { super::$test::<crate::by_handle::binary::App>().await; })*
        }
        mod compressed {
            $(#[tokio::test] async fn $test() { super::$test::<crate::by_handle::compressed::App>().await; })*
        }
    };
}
use tests;

/// As many sessions of a user, each a millisecond younger than the one before it.
async fn sessions<S: Account>(bench: &TestBench<S>, user: &str, n: usize) -> Vec<Session<S>> {
    let mut sessions = Vec::with_capacity(n);
    for _ in 0..n {
        bench.clock.advance(Duration::from_millis(1));
        sessions.push(bench.store.create(S::of(user)).await.unwrap());
    }
    sessions
}

/// Replaces an attribute of the item by a value that is none of the type.
async fn damage<S: Account>(bench: &TestBench<S>, session: &Session<S>, attribute: &str) {
    let mut item = bench.item(session.handle()).await.unwrap();
    item.insert(attribute.into(), AttributeValue::Bool(true));
    bench.put(item).await;
}
