//! tower-sessions 0.15 and 0.14: the same tests for both, since the trait is the same. Each file of tests
//! has a macro that is called for each version; the store under test is here.

mod attributes;
mod cache;
mod copies;
mod expiry;
mod lifetime;
mod methods;
mod moved;
mod parallel;
mod saved_again;
mod sessions;
mod stores;
mod unreadable;
mod user;

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct App {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    #[serde(alias = "colour")]
    theme: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[dynamo(attr = "sum", with = Computed::sum)]
#[serde(default)]
struct Computed {
    a: u64,
    b: u64,
}

impl Computed {
    fn sum(&self) -> Option<session_store::AttributeValue> {
        Some(session_store::AttributeValue::N(
            (self.a + self.b).to_string(),
        ))
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Listed {
    #[dynamo(attr = "user_id", index(consistent, limit = 3))]
    user_id: Option<String>,
}

/// Who is logged in is declared, so that a log-in is known as one.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Member {
    #[dynamo(attr = "user_id", index(consistent), user)]
    user_id: Option<String>,
}

/// A session of this type can live as long as the framework's own default says.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "30d")]
#[serde(default)]
struct Lasting {
    theme: String,
}

macro_rules! one {
    ($version:ident, $core:ident) => {
        mod $version {
            use serde::Serialize;
            use serde::de::DeserializeOwned;
            use serde_json::Value;
            use session_store::SessionAttributes;
            use session_store::frameworks::tower_sessions::{RESERVED_KEY, TowerSessions};
            use session_store_tests::{Item, TestBench};
            use time::{Duration, OffsetDateTime};
            use $core::SessionStore;
            use $core::session::{Id, Record};

            /// A store with one session.
            pub(crate) struct One<S> {
                pub(crate) bench: TestBench<S>,
                pub(crate) store: TowerSessions<S>,
                pub(crate) id: Id,
            }

            impl<S> One<S>
            where
                S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
            {
                pub(crate) async fn with(data: Value) -> Self {
                    let bench = TestBench::<S>::new().await;
                    let store = TowerSessions::new(bench.store.clone());
                    let Value::Object(data) = data else { panic!() };
                    let mut record = Record {
                        id: Id::default(),
                        data: data.into_iter().collect(),
                        expiry_date: OffsetDateTime::UNIX_EPOCH,
                    };
                    record.expiry_date += Duration::milliseconds(bench.clock.millis() as i64);
                    record.expiry_date += Duration::minutes(30);
                    store.create(&mut record).await.unwrap();
                    bench.wire.clear();
                    Self {
                        bench,
                        store,
                        id: record.id,
                    }
                }

                /// A request's copy.
                pub(crate) async fn copy(&self) -> Record {
                    self.store
                        .load(&self.id)
                        .await
                        .unwrap()
                        .expect("it is live")
                }

                pub(crate) async fn save(&self, record: &Record) {
                    self.store.save(record).await.unwrap();
                }

                /// The session as the application would read it now.
                pub(crate) async fn data(&self) -> Value {
                    let mut data = self.copy().await.data;
                    data.remove(RESERVED_KEY);
                    data.into_iter().collect()
                }

                /// The stored item of the session; there may also be rosters.
                pub(crate) async fn item(&self) -> Item {
                    let items = self.bench.items().await.into_iter();
                    let mut items: Vec<_> =
                        items.filter(|item| item.contains_key("data")).collect();
                    assert_eq!(items.len(), 1);
                    items.remove(0)
                }

                pub(crate) fn writes(&self) -> usize {
                    let writes = self.bench.wire.operations();
                    writes.iter().filter(|name| *name != "GetItem").count()
                }
            }

            pub(crate) fn set(record: &mut Record, name: &str, value: impl Into<Value>) {
                record.data.insert(name.to_owned(), value.into());
            }

            pub(crate) fn number(item: &Item, name: &str) -> u64 {
                item[name].as_n().unwrap().parse().unwrap()
            }
        }
    };
}

one!(v0_15, tower_sessions_core);
one!(v0_14, tower_sessions_core_0_14);
