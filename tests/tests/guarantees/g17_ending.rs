//! G17. Ending fails closed: log-out and revocation end the session, whatever else fails, and report what
//! they did.

use std::fmt::Debug;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_store::{Error, Index, Session, SessionAttributes, SessionHandle};
use session_store_tests::{Fault, Item, TestBench};

/// A session with an index of each kind.
pub(super) trait Account:
    SessionAttributes + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    const USER_ID: Index<Self, String>;
    const TENANT: Index<Self, String>;
    /// The format of its data, as the item tells it.
    const FORMAT: Option<&str>;

    fn two() -> Self;
}

macro_rules! in_format {
    ($format:ident, $stored:expr; $($option:tt)*) => {
        pub(super) mod $format {
            use super::*;

            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
            #[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h", $($option)*)]
            pub(crate) struct Two {
                #[dynamo(attr = "user_id", index(consistent, limit = 2))]
                user_id: Option<String>,
                #[dynamo(attr = "tenant", index)]
                tenant: Option<String>,
                count: u64,
                /// Large enough to be compressed.
                profile: String,
            }

            impl Account for Two {
                const USER_ID: Index<Self, String> = Self::USER_ID;
                const TENANT: Index<Self, String> = Self::TENANT;
                const FORMAT: Option<&str> = $stored;

                fn two() -> Self {
                    Self {
                        user_id: Some("u".into()),
                        tenant: Some("acme".into()),
                        count: 0,
                        profile: "of interest; ".repeat(80),
                    }
                }
            }

            in_format! {
                a_session_that_cannot_be_read_can_be_ended
                a_session_that_cannot_be_read_does_not_hide_the_others
                an_unreadable_session_does_not_hold_its_place_for_ever
                an_entry_of_a_session_with_another_value_is_dropped
                an_entry_is_kept_if_its_session_comes_back_meanwhile
                a_revocation_drops_the_entries_of_sessions_with_another_value
                a_damaged_roster_is_repaired
                what_is_live_is_bounded_by_the_clock_of_the_reader
                no_stored_end_outlives_the_absolute_timeout
            }
        }
    };
    ($($test:ident)*) => {$(
        #[tokio::test]
        async fn $test() {
            super::$test::<Two>().await;
        }
    )*};
}

in_format!(map, None; data = "map");
in_format!(binary, Some("cbor"); data = "binary");
in_format!(zstd, Some("cbor+zstd"); data = "binary", compress = "zstd");

pub(super) async fn log_in<S: Account>(bench: &TestBench<S>) -> Session<S> {
    bench.clock.advance(Duration::from_millis(1));
    bench.store.create(S::two()).await.unwrap()
}

async fn change<S: Account>(
    bench: &TestBench<S>,
    handle: SessionHandle,
    name: &str,
    value: Option<AttributeValue>,
) {
    let mut item = bench.item(handle).await.unwrap();
    match value {
        Some(value) => item.insert(name.to_owned(), value),
        None => item.remove(name),
    };
    bench.put(item).await;
}

fn text(text: &str) -> Option<AttributeValue> {
    Some(AttributeValue::S(text.to_owned()))
}

/// Ways in which an item can be unreadable: its data, or one of the store's own attributes.
fn damages() -> Vec<(&'static str, Option<AttributeValue>)> {
    let bad = [("count".to_owned(), AttributeValue::S("x".to_owned()))];
    vec![
        ("data", Some(AttributeValue::M(Item::from(bad)))),
        ("data", text("none")),
        ("data", Some(AttributeValue::B(Blob::new(b"none")))),
        ("data", None),
        ("format", text("cbor2")),
        ("version", text("one")),
        ("writes", None),
        ("touched_at", None),
        ("expires_at", text("soon")),
        ("idle", text("long")),
    ]
}

async fn a_session_that_cannot_be_read_can_be_ended<S: Account>() {
    let bench = TestBench::<S>::new().await;
    for (name, value) in damages() {
        for way in ["delete", "handle", "roster", "index", "only"] {
            let session = log_in(&bench).await;
            let item = bench.item(session.handle()).await.unwrap();
            let format = item.get("format").map(|format| format.as_s().unwrap());
            assert_eq!(format.map(String::as_str), S::FORMAT);
            change(&bench, session.handle(), name, value.clone()).await;
            let loaded = bench.store.load(session.id()).await;
            assert!(
                matches!(loaded, Err(Error::Decode(_))),
                "{name}: {loaded:?}"
            );
            let store = &bench.store;
            let deleted = match way {
                "delete" => {
                    store.delete(session.id()).await.unwrap();
                    1
                }
                "handle" => store
                    .revoke_handle(&session.handle())
                    .await
                    .unwrap()
                    .deleted(),
                "roster" => store.revoke(S::USER_ID, "u").await.unwrap().deleted(),
                "index" => store.revoke(S::TENANT, "acme").await.unwrap().deleted(),
                _ => {
                    let only = store.revoke(S::USER_ID, "u").only(session.handle());
                    only.await.unwrap().deleted()
                }
            };
            assert_eq!(deleted, 1, "{name} by {way}");
            assert_eq!(bench.item(session.handle()).await, None, "{name} by {way}");
        }
    }
}

async fn a_session_that_cannot_be_read_does_not_hide_the_others<S: Account>() {
    for (name, value) in damages() {
        let bench = TestBench::<S>::new().await;
        let (bad, good) = (log_in(&bench).await, log_in(&bench).await);
        change(&bench, bad.handle(), name, value).await;
        for listed in [
            bench.store.sessions(S::USER_ID, "u").all().await.unwrap(),
            bench.store.sessions(S::TENANT, "acme").all().await.unwrap(),
        ] {
            let handles: Vec<_> = listed.iter().map(|session| session.handle()).collect();
            assert_eq!(handles, [good.handle(), bad.handle()], "{name}");
        }
        let count = bench.store.sessions(S::USER_ID, "u").count().await;
        assert_eq!(count.unwrap(), 2, "{name}");
    }
}

async fn an_unreadable_session_does_not_hold_its_place_for_ever<S: Account>() {
    let bench = TestBench::<S>::new().await;
    for _ in 0..2 {
        let session = log_in(&bench).await;
        change(&bench, session.handle(), "expires_at", text("soon")).await;
    }
    bench.clock.advance(Duration::from_secs(48 * 3600));
    let session = log_in(&bench).await;
    assert_eq!(Session::evicted(&session), []);
    assert_eq!(
        bench.store.sessions(S::USER_ID, "u").count().await.unwrap(),
        1
    );
}

/// A session that was changed in a console, or restored from a backup, is live and has another value.
async fn an_entry_of_a_session_with_another_value_is_dropped<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let (first, second) = (log_in(&bench).await, log_in(&bench).await);
    change(&bench, first.handle(), "user_id", text("v")).await;
    change(&bench, second.handle(), "user_id", None).await;
    bench.wire.clear();
    let third = log_in(&bench).await;
    assert_eq!(Session::evicted(&third), []);
    assert!(
        bench.wire.operations().len() < 10,
        "{:?}",
        bench.wire.operations()
    );
    for session in [&first, &second] {
        assert!(bench.item(session.handle()).await.is_some());
    }
    let fourth = log_in(&bench).await;
    assert_eq!(Session::evicted(&fourth), []);
}

/// If the session comes back to the value in between, its entry stays.
async fn an_entry_is_kept_if_its_session_comes_back_meanwhile<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let (first, second) = (log_in(&bench).await, log_in(&bench).await);
    let there = bench.item(first.handle()).await.unwrap();
    change(&bench, first.handle(), "user_id", text("v")).await;
    // The transaction that drops the entry finds it with the value again.
    let back = bench
        .store
        .client()
        .put_item()
        .table_name(bench.store.table_name());
    let back = back.set_item(Some(there));
    bench.wire.next(
        "TransactWriteItems",
        Fault::meanwhile(move || async move {
            back.send().await.unwrap();
        }),
    );
    let third = log_in(&bench).await;
    assert_eq!(Session::evicted(&third), [first.handle()]);
    let listed = bench.store.sessions(S::USER_ID, "u").all().await.unwrap();
    let handles: Vec<_> = listed.iter().map(|session| session.handle()).collect();
    assert_eq!(handles, [third.handle(), second.handle()]);
}

async fn a_revocation_drops_the_entries_of_sessions_with_another_value<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let (first, _) = (log_in(&bench).await, log_in(&bench).await);
    change(&bench, first.handle(), "user_id", text("v")).await;
    let revoked = bench.store.revoke(S::USER_ID, "u").await.unwrap();
    assert_eq!(
        (revoked.deleted(), revoked.moved(), revoked.failed().len()),
        (1, 1, 0)
    );
    assert!(bench.store.load(first.id()).await.unwrap().is_some());
    let again = bench.store.revoke(S::USER_ID, "u").await.unwrap();
    assert_eq!((again.deleted(), again.moved()), (0, 0));
}

/// A roster that was damaged by hand blocks no log-in.
async fn a_damaged_roster_is_repaired<S: Account>() {
    let number = || AttributeValue::N("1".to_owned());
    let junk = || {
        let entries = [("junk", number()), ("more", number())];
        let entries = entries.map(|(name, value)| (name.to_owned(), value));
        AttributeValue::M(Item::from(entries))
    };
    for (name, value) in [
        ("m", Some(junk())),
        ("m", text("x")),
        ("m", None),
        ("expires_at", None),
        ("expires_at", text("soon")),
    ] {
        let bench = TestBench::<S>::new().await;
        log_in(&bench).await;
        let items = bench.items().await.into_iter();
        let mut rosters = items.filter(|item| item["id"].as_s().unwrap().starts_with('#'));
        let mut roster = rosters.next().unwrap();
        match value.clone() {
            Some(value) => roster.insert(name.to_owned(), value),
            None => roster.remove(name),
        };
        bench.put(roster).await;
        let session = bench.store.create(S::two()).await;
        let mut session = session.unwrap_or_else(|error| panic!("{name} {value:?}: {error}"));
        bench.store.cycle_id(&mut session).await.unwrap();
        let revoked = bench.store.revoke(S::USER_ID, "u").await.unwrap();
        assert!(revoked.deleted() >= 1, "{name} {value:?}");
        assert!(bench.store.load(session.id()).await.unwrap().is_none());
    }
}

/// A host whose clock is not set, or runs far ahead, makes no session that lives for years.
async fn what_is_live_is_bounded_by_the_clock_of_the_reader<S: Account>() {
    let day = 24 * 3600 * 1000;
    let bench = TestBench::<S>::new().await;
    let now = bench.clock.millis();
    for created_at in [0, now - day, now + 2 * day, now + 365 * day, u64::MAX] {
        let session = log_in(&bench).await;
        let number = |value: u64| Some(AttributeValue::N(value.to_string()));
        change(&bench, session.handle(), "created_at", number(created_at)).await;
        change(&bench, session.handle(), "touched_at", number(created_at)).await;
        change(&bench, session.handle(), "expires_at", number(u64::MAX)).await;
        let loaded = bench.store.load(session.id()).await.unwrap();
        assert!(loaded.is_none(), "{created_at}");
        let listed = bench.store.sessions(S::USER_ID, "u").all().await.unwrap();
        assert_eq!(listed, [], "{created_at}");
        bench.store.delete(session.id()).await.unwrap();
    }
}

/// Sessions that the running type no longer lets live hold no place, although their stored end is later.
#[tokio::test]
async fn a_session_that_is_over_by_the_running_type_makes_room() {
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(
        table = "tests",
        type_name = "Short",
        idle_timeout = "3d",
        absolute_timeout = "30d"
    )]
    struct Long {
        #[dynamo(attr = "user_id", index(consistent, limit = 1, on_limit = reject))]
        user_id: Option<String>,
    }
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(
        table = "tests",
        type_name = "Short",
        idle_timeout = "10m",
        absolute_timeout = "1h"
    )]
    struct Short {
        #[dynamo(attr = "user_id", index(consistent, limit = 1, on_limit = reject))]
        user_id: Option<String>,
    }
    let bench = TestBench::<Long>::new().await;
    let short = bench.other::<Short>().await;
    let user_id = Some("u".to_owned());
    let long = Long {
        user_id: user_id.clone(),
    };
    bench.store.create(long).await.unwrap();
    bench.clock.advance(Duration::from_secs(2 * 3600));
    short.create(Short { user_id }).await.unwrap();
}

/// An end that was written by hand does not outlive the absolute timeout.
async fn no_stored_end_outlives_the_absolute_timeout<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = log_in(&bench).await;
    let never = Some(AttributeValue::N(u64::MAX.to_string()));
    change(&bench, session.handle(), "expires_at", never).await;
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
    bench.clock.advance(Duration::from_secs(12 * 3600));
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}
