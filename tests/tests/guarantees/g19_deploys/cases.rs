//! Situations from public reports about deploys; docs/cases.md has the thread of each.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, Session, SessionAttributes};
use session_store_tests::{Fault, TestBench};

use super::{DAY, HOUR, MINUTE, Version, is_live, listed, revoked, visit};

version! {
    struct Plain {
        user_id: Option<String>,
        text: String,
    }
}

version! {
    #[dynamo(data = "binary")]
    struct InBytes {
        user_id: Option<String>,
        text: String,
    }
}

version! {
    struct Indexed {
        #[dynamo(attr = "user_id", index)]
        user_id: Option<String>,
        text: String,
    }
}

version! {
    struct Rostered {
        #[dynamo(attr = "user_id", index(consistent))]
        user_id: Option<String>,
        text: String,
    }
}

fn plain(user: &str) -> Plain {
    Plain {
        user_id: Some(user.to_owned()),
        text: String::new(),
    }
}

fn entries<S>(items: &[session_store_tests::Item], _: &TestBench<S>) -> usize {
    let members = items.iter().filter_map(|item| item.get("m")?.as_m().ok());
    members.map(std::collections::HashMap::len).sum()
}

/// The user is not changed, and the rows of a second store were only half the truth.
#[tokio::test]
async fn an_index_that_is_being_filled_or_is_missing_is_an_error_and_not_an_empty_list() {
    let texts = [
        "Cannot read from backfilling global secondary index: user_id-index",
        "The table does not have the specified index: user_id-index",
    ];
    for text in texts {
        let bench = TestBench::<Indexed>::new().await;
        let old = bench.other::<Plain>().await;
        let session = old.create(plain("u")).await.unwrap();
        bench
            .wire
            .every("Query", || Fault::Answer(400, "ValidationException", text));
        let listed = bench.store.sessions(Indexed::USER_ID, "u").all().await;
        assert!(matches!(listed, Err(Error::Service(_))), "{listed:?}");
        let revoked = bench.store.revoke(Indexed::USER_ID, "u").await;
        assert!(matches!(revoked, Err(Error::Service(_))), "{revoked:?}");
        // A visit and a log-in do not care.
        visit(&bench.store, session.id()).await.unwrap();
        bench.store.create(Indexed::default()).await.unwrap();
    }
}

/// A value that DynamoDB takes as data, and not as the key of an index.
#[tokio::test]
async fn a_value_that_no_index_can_have_does_not_fail_the_visit_that_would_mend_it() {
    for user in [String::new(), "u".repeat(3000)] {
        let bench = TestBench::<Indexed>::new().await;
        let old = bench.other::<Plain>().await;
        let session = old.create(plain(&user)).await.unwrap();
        for _ in 0..4 {
            bench.clock.advance(20 * MINUTE);
            let mut session = bench.store.load(session.id()).await.unwrap().unwrap();
            let touched = bench.store.touch(&mut session).await;
            assert!(touched.is_ok(), "{} bytes: {touched:?}", user.len());
        }
    }
}

/// There is no room for the attribute: the session is as large as an item can be.
#[tokio::test]
async fn a_session_without_room_for_an_attribute_is_touched_all_the_same() {
    let bench = TestBench::<Indexed>::new().await;
    let old = bench.other::<Plain>().await;
    let user = "u".repeat(2000);
    let mut size = 408_000;
    let session = loop {
        let session = Plain {
            text: "x".repeat(size),
            ..plain(&user)
        };
        match old.create(session).await {
            Ok(session) => break session,
            Err(Error::TooLarge(_)) => size -= 100,
            Err(error) => panic!("{error}"),
        }
    };
    for _ in 0..4 {
        bench.clock.advance(20 * MINUTE);
        let mut session = bench.store.load(session.id()).await.unwrap().unwrap();
        let touched = bench.store.touch(&mut session).await;
        assert!(touched.is_ok(), "{touched:?}");
    }
}

/// The visit that mends a session writes its attributes, and not its data.
#[tokio::test]
async fn a_visit_that_mends_bytes_leaves_them_as_they_are() {
    let bench = TestBench::<Indexed>::new().await;
    let old = bench.other::<InBytes>().await;
    let session = InBytes {
        user_id: Some("u".into()),
        text: "text".into(),
    };
    let session = old.create(session).await.unwrap();
    let before = bench.item(session.handle()).await.unwrap();
    visit(&bench.store, session.id()).await.unwrap();
    let after = bench.item(session.handle()).await.unwrap();
    assert_eq!(after["data"], before["data"]);
    assert_eq!(after["format"], before["format"]);
    assert_eq!(listed(&bench.store, Indexed::USER_ID, "u").await, 1);
}

/// Two tabs are opened at once, just after the deploy.
#[tokio::test]
async fn two_first_visits_at_once_enter_a_session_once() {
    let bench = TestBench::<Rostered>::new().await;
    let old = bench.other::<Plain>().await;
    let session = old.create(plain("u")).await.unwrap();
    let (store, id) = (bench.store.clone(), session.id().clone());
    bench.wire.next(
        "TransactWriteItems",
        Fault::meanwhile(move || async move {
            visit(&store, &id).await.unwrap();
        }),
    );
    visit(&bench.store, session.id()).await.unwrap();
    assert_eq!(entries(&bench.items().await, &bench), 1);
    assert_eq!(revoked(&bench.store, Rostered::USER_ID, "u").await, 1);
}

/// One tab gets a new id while the other is on its first visit.
#[tokio::test]
async fn a_new_id_during_the_first_visit_leaves_one_entry() {
    let bench = TestBench::<Rostered>::new().await;
    let old = bench.other::<Plain>().await;
    let session = old.create(plain("u")).await.unwrap();
    let mut late = bench.store.load(session.id()).await.unwrap().unwrap();
    let mut renamed = bench.store.load(session.id()).await.unwrap().unwrap();
    bench.store.cycle_id(&mut renamed).await.unwrap();
    let touched = bench.store.touch(&mut late).await;
    assert!(matches!(touched, Err(Error::Gone(_))), "{touched:?}");
    assert_eq!(entries(&bench.items().await, &bench), 1);
    assert_eq!(revoked(&bench.store, Rostered::USER_ID, "u").await, 1);
    assert!(!is_live(&bench.store, renamed.id()).await);
}

/// A log-out comes between the read of a visit and the write that mends.
#[tokio::test]
async fn g1_a_log_out_during_the_first_visit_leaves_no_session_and_no_entry() {
    let bench = TestBench::<Rostered>::new().await;
    let old = bench.other::<Plain>().await;
    let session = old.create(plain("u")).await.unwrap();
    let mut late = bench.store.load(session.id()).await.unwrap().unwrap();
    let (store, id) = (old.clone(), session.id().clone());
    bench.wire.next(
        "TransactWriteItems",
        Fault::meanwhile(move || async move { store.delete(&id).await.unwrap() }),
    );
    let touched = bench.store.touch(&mut late).await;
    assert!(matches!(touched, Err(Error::Gone(_))), "{touched:?}");
    assert_eq!(entries(&bench.items().await, &bench), 0);
    assert!(bench.item(session.handle()).await.is_none());
}

/// The answer to the visit that mends is lost, and the SDK sends it again.
#[tokio::test]
async fn g13_a_visit_whose_answer_was_lost_has_mended_once() {
    let bench = TestBench::<Rostered>::new().await;
    let old = bench.other::<Plain>().await;
    let session = old.create(plain("u")).await.unwrap();
    bench.wire.next("TransactWriteItems", Fault::LoseResponse);
    visit(&bench.store, session.id()).await.unwrap();
    assert_eq!(entries(&bench.items().await, &bench), 1);
    bench.wire.clear();
    visit(&bench.store, session.id()).await.unwrap();
    assert_eq!(bench.wire.operations(), ["GetItem"]);
}

/// Until the next visit, an index shows what the session was when a binary that knows the attribute wrote it.
#[tokio::test]
async fn until_the_next_visit_an_index_shows_what_an_old_binary_has_changed_as_it_was() {
    let bench = TestBench::<Indexed>::new().await;
    let old = bench.other::<Plain>().await;
    let mut session = old.create(plain("u")).await.unwrap();
    visit(&bench.store, session.id()).await.unwrap();
    session.user_id = Some("v".into());
    old.save(&mut session).await.unwrap();
    assert_eq!(listed(&bench.store, Indexed::USER_ID, "u").await, 1);
    assert_eq!(listed(&bench.store, Indexed::USER_ID, "v").await, 0);
}

macro_rules! seats {
    ($($name:ident: $idle:literal, $absolute:literal, $index:meta;)*) => {$(
        version! {
            #[dynamo(idle_timeout = $idle, absolute_timeout = $absolute)]
            struct $name {
                #[dynamo(attr = "user_id", $index)]
                user_id: Option<String>,
                theme: Theme,
            }
        }

        impl $name {
            fn of_user() -> Self {
                Self { user_id: Some("u".into()), ..Self::default() }
            }
        }
    )*};
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Theme {
    #[default]
    Light,
    Contrast,
}

seats! {
    LongSeat: "14d", "30d", index(consistent, limit = 1, on_limit = reject);
    ShortSeat: "1h", "30d", index(consistent, limit = 1, on_limit = reject);
    DaySeat: "1h", "1h", index(consistent, limit = 1, on_limit = reject);
    Long: "14d", "30d", index(consistent, limit = 2);
    Short: "1h", "30d", index(consistent, limit = 2);
}

/// The seat is taken by a session that has ended by the new timeout.
#[tokio::test]
async fn a_session_that_has_ended_by_a_shorter_timeout_takes_no_seat() {
    let bench = TestBench::<LongSeat>::new().await;
    let (idle, absolute) = (
        bench.other::<ShortSeat>().await,
        bench.other::<DaySeat>().await,
    );
    for by_idle in [true, false] {
        let away = bench.store.create(LongSeat::of_user()).await.unwrap();
        bench.clock.advance(2 * HOUR);
        let refused = bench.store.create(LongSeat::of_user()).await;
        assert!(matches!(refused, Err(Error::Limit(_))), "{refused:?}");
        let id = if by_idle {
            let session = idle.create(ShortSeat::of_user()).await.unwrap();
            session.id().clone()
        } else {
            let session = absolute.create(DaySeat::of_user()).await.unwrap();
            session.id().clone()
        };
        // There is one seat, so that the other has ended for the old binary too.
        assert!(!is_live(&bench.store, away.id()).await);
        bench.store.delete(&id).await.unwrap();
    }
}

/// The session that is away goes before one that is in use, however old the roster says that they are.
#[tokio::test]
async fn a_session_that_has_ended_by_a_shorter_timeout_goes_before_a_live_one() {
    let bench = TestBench::<Long>::new().await;
    let new = bench.other::<Short>().await;
    let in_use = bench.store.create(Long::of_user()).await.unwrap();
    bench.clock.advance(MINUTE);
    let away = bench.store.create(Long::of_user()).await.unwrap();
    for _ in 0..3 {
        bench.clock.advance(30 * MINUTE);
        visit(&new, in_use.id()).await.unwrap();
    }
    let created = new.create(Short::of_user()).await.unwrap();
    assert_eq!(Session::evicted(&created), []);
    assert!(is_live(&new, in_use.id()).await);
    assert!(!is_live(&bench.store, away.id()).await);
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum OldTheme {
    #[default]
    Light,
}

version! {
    #[dynamo(idle_timeout = "14d", absolute_timeout = "30d")]
    struct OldThemes {
        #[dynamo(attr = "user_id", index(consistent, limit = 2))]
        user_id: Option<String>,
        theme: OldTheme,
    }
}

/// After a rollback, one session of the user has a variant that the old binary does not know.
#[tokio::test]
async fn a_session_that_the_old_binary_cannot_read_is_listed_counted_and_ended() {
    let bench = TestBench::<Long>::new().await;
    let old = bench.other::<OldThemes>().await;
    let of_user = || OldThemes {
        user_id: Some("u".into()),
        theme: OldTheme::Light,
    };
    let first = bench.store.create(Long::of_user()).await.unwrap();
    bench.clock.advance(MINUTE);
    let second = Long {
        theme: Theme::Contrast,
        ..Long::of_user()
    };
    let second = bench.store.create(second).await.unwrap();
    assert!(matches!(old.load(second.id()).await, Err(Error::Decode(_))));
    assert_eq!(listed(&old, OldThemes::USER_ID, "u").await, 2);
    bench.clock.advance(MINUTE);
    let third = old.create(of_user()).await.unwrap();
    assert_eq!(Session::evicted(&third), [first.handle()]);
    assert_eq!(revoked(&old, OldThemes::USER_ID, "u").await, 2);
    assert!(!is_live(&bench.store, second.id()).await);
}

/// Items as no version of the store writes them: each ends by the running type, or is unreadable. None is for ever.
#[tokio::test]
async fn an_item_without_its_times_or_with_times_of_another_unit_ends_by_the_running_type() {
    let number = |number: u64| AttributeValue::N(number.to_string());
    let bench = TestBench::<Long>::new().await;
    let new = bench.other::<Short>().await;
    let now = bench.clock.millis();
    for (name, value) in [
        ("touched_at", None),
        ("touched_at", Some(number(now / 1000))),
        ("touched_at", Some(number(now + 3 * 3_600_000))),
        ("created_at", None),
        ("created_at", Some(number(now / 1000))),
        ("expires_at", Some(number(now))),
    ] {
        let session = bench.store.create(Long::of_user()).await.unwrap();
        let mut item = bench.item(session.handle()).await.unwrap();
        match value.clone() {
            Some(value) => drop(item.insert(name.to_owned(), value)),
            None => drop(item.remove(name)),
        }
        bench.put(item).await;
        bench.clock.advance(5 * HOUR);
        let loaded = new.load(session.id()).await;
        let ended = matches!(loaded, Ok(None) | Err(Error::Decode(_)));
        assert!(ended, "{name} {value:?}: {loaded:?}");
        bench.clock.set(now);
        bench.store.delete(session.id()).await.unwrap();
    }
    bench.clock.advance(DAY);
}

async fn create_table_twice<S: Version>(bench: &TestBench<S>, store: &DynamoDbStore<S>) {
    let created = futures_util::future::join(store.create_table(), bench.store.create_table());
    let (first, second) = created.await;
    first.unwrap();
    second.unwrap();
}

/// Two hosts start with the new type at once, and both create the table.
#[tokio::test]
async fn two_hosts_that_create_the_table_at_once_both_succeed() {
    let bench = TestBench::<Indexed>::without_table().await;
    let other = bench.other::<Indexed>().await;
    create_table_twice(&bench, &other).await;
    bench.store.verify_table().await.unwrap();
}

/// The other host was faster by one request, as DynamoDB answers it.
#[tokio::test]
async fn a_ttl_that_another_host_has_enabled_meanwhile_is_no_error() {
    let bench = TestBench::<Indexed>::without_table().await;
    let already = "TimeToLive is already enabled";
    let already = Fault::Answer(400, "ValidationException", already);
    bench.wire.next("UpdateTimeToLive", already);
    bench.store.create_table().await.unwrap();
}
