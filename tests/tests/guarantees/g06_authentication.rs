//! G6. When a user has authenticated is told by a log-in and by `reauthenticated`, and moved by nothing else.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use session_store::test_util::fixtures;
use session_store::{DynamoDbStore, Error, Session, SessionAttributes};
use session_store_tests::{Fault, TestBench};

const WITHIN: Duration = Duration::from_secs(600);
const MILLI: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The sessions of one shop, that differ in how they are stored.
trait Shop:
    SessionAttributes + Clone + Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
    fn user(&mut self) -> &mut Option<String>;
    fn visits(&mut self) -> &mut u64;
    fn theme(&mut self) -> &mut String;

    fn of(user: &str) -> Self {
        let mut shop = Self::default();
        *shop.user() = Some(user.to_owned());
        *shop.theme() = "a theme with a long name ".repeat(30);
        shop
    }
}

types_in_every_format! {
    [idle_timeout = "30m", absolute_timeout = "12h"]
    {
        #[dynamo(attr = "user_id", index(consistent, limit = 1), user)]
        user_id: Option<String>,
        theme: String,
        visits: u64,
    }
    Shop {
        fn user(&mut self) -> &mut Option<String> {
            &mut self.user_id
        }

        fn visits(&mut self) -> &mut u64 {
            &mut self.visits
        }

        fn theme(&mut self) -> &mut String {
            &mut self.theme
        }
    }
}

/// A program of before `authenticated_at`, to which it is an attribute like any other.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    type_name = "app",
    idle_timeout = "30m",
    absolute_timeout = "12h",
    authenticated_at = "not_known"
)]
#[serde(default)]
struct Before {
    #[dynamo(attr = "user_id", index(consistent, limit = 1), user)]
    user_id: Option<String>,
    visits: u64,
}

in_every_format! {
    a_log_in_is_fresh_for_so_long_to_the_millisecond
    a_session_that_was_only_created_is_not_fresh
    nothing_but_an_authentication_moves_it
    a_new_authentication_keeps_all_but_the_id_and_the_moment
    the_old_id_is_absent_and_leads_to_the_new_one
    one_of_two_copies_that_authenticate_at_once_wins
    the_changes_of_others_are_kept
    a_lost_response_is_resolved
    an_outcome_that_stays_unknown_is_resumed_with_the_first_moment
    a_log_in_after_a_lost_one_is_one_of_its_own
    a_session_that_is_gone_is_not_begun_again
    a_log_in_whose_session_is_gone_is_fresh
    the_proof_of_a_user_is_none_for_another
    only_the_user_who_is_logged_in_can_authenticate_again
    a_user_who_logs_out_meanwhile_does_not_authenticate
    a_moment_that_no_store_has_written_is_not_fresh
    programs_of_before_keep_it
    it_costs_what_a_new_id_costs
}

fn is_unknown(done: &Result<(), Error>) -> bool {
    matches!(done, Err(Error::Service(error)) if error.outcome_unknown())
}

fn is_refused(done: &Result<(), Error>) -> bool {
    matches!(done, Err(Error::Encode(error)) if error.path() == "user_id")
}

fn at(bench: &TestBench<impl SessionAttributes>, session: &Session<impl Shop>) -> Option<Duration> {
    let at = Session::authenticated_at(session)?;
    Some(bench.clock.now().duration_since(at).unwrap())
}

/// A session whose user has logged in now.
async fn logged_in<S: Shop>(bench: &TestBench<S>) -> Session<S> {
    let mut session = bench.store.create(S::default()).await.unwrap();
    *session.user() = Some("u-17".into());
    bench.store.log_in(&mut session).await.unwrap();
    session
}

/// How many sessions there are.
async fn sessions<S: Shop>(bench: &TestBench<S>) -> usize {
    let items = bench.items().await;
    items
        .iter()
        .filter(|item| item.contains_key("data"))
        .count()
}

async fn load<S: Shop>(store: &DynamoDbStore<S>, session: &Session<S>) -> Session<S> {
    store.load(session.id()).await.unwrap().unwrap()
}

mod check {
    use super::*;

    pub async fn a_log_in_is_fresh_for_so_long_to_the_millisecond<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        bench.clock.advance(Duration::from_millis(345));
        let session = logged_in(&bench).await;
        let item = bench.item(session.handle()).await.unwrap();
        let now = AttributeValue::N(bench.clock.millis().to_string());
        assert_eq!(item["authenticated_at"], now);

        let loaded = load(&bench.store, &session).await;
        for session in [&session, &loaded] {
            assert_eq!(Session::authenticated_at(session), Some(bench.store.now()));
            assert!(Session::is_fresh(session, MILLI));
            assert!(!Session::is_fresh(session, Duration::ZERO));
        }
        bench.clock.advance(WITHIN - MILLI);
        for session in [&session, &loaded] {
            assert!(Session::is_fresh(session, WITHIN));
            assert!(!Session::is_fresh(session, WITHIN - MILLI));
        }
        bench.clock.advance(MILLI);
        for session in [&session, &loaded] {
            assert!(!Session::is_fresh(session, WITHIN));
            assert!(Session::is_fresh(session, Duration::MAX));
        }
        // A host whose clock is behind.
        bench.clock.set(bench.clock.millis() - 3_600_000);
        assert!(Session::is_fresh(&loaded, MILLI));
    }

    pub async fn a_session_that_was_only_created_is_not_fresh<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let mut session = bench.store.create(S::of("u-17")).await.unwrap();
        for _ in 0..2 {
            assert_eq!(Session::authenticated_at(&session), None);
            assert!(!Session::is_fresh(&session, Duration::MAX));
            let item = bench.item(session.handle()).await.unwrap();
            assert!(!item.contains_key("authenticated_at"));
            bench.store.cycle_id(&mut session).await.unwrap();
        }
        // A session of before has authenticated when it does so.
        bench.store.reauthenticated(&mut session).await.unwrap();
        assert!(Session::is_fresh(&session, MILLI));
    }

    pub async fn nothing_but_an_authentication_moves_it<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let mut session = logged_in(&bench).await;
        let since = Session::authenticated_at(&session);
        let mut last = None;
        while bench.clock.now() < since.unwrap() + 11 * 60 * MINUTE {
            bench.clock.advance(5 * MINUTE);
            *session.visits() += 1;
            bench.store.save(&mut session).await.unwrap();
            bench.clock.advance(5 * MINUTE);
            bench.store.touch(&mut session).await.unwrap();
            let id = session.id().clone();
            let visit = |data: &mut S| *data.visits() += 1;
            bench.store.update(&id, visit).await.unwrap();
            bench.store.refresh(&mut session).await.unwrap();
            Session::set_idle_timeout(&mut session, 29 * MINUTE);
            bench.store.cycle_id(&mut session).await.unwrap();
            let loaded = load(&bench.store, &session).await;
            for session in [&session, &loaded] {
                assert_eq!(Session::authenticated_at(session), since);
                let age = bench.clock.now().duration_since(since.unwrap()).unwrap();
                assert_eq!(Session::is_fresh(session, WITHIN), age < WITHIN);
            }
            last = Some(loaded);
        }
        let reindexed = bench.store.reindex().await.unwrap();
        assert_eq!(reindexed.failed(), 0);
        let last = last.unwrap();
        assert_eq!(
            Session::authenticated_at(&load(&bench.store, &last).await),
            since
        );
        // It is not the time of creation, which a log-in sets, too.
        bench.store.reauthenticated(&mut session).await.unwrap();
        assert_eq!(at(&bench, &session), Some(Duration::ZERO));
        assert_eq!(Some(session.created_at()), since);
    }

    pub async fn a_new_authentication_keeps_all_but_the_id_and_the_moment<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let mut session = logged_in(&bench).await;
        Session::set_idle_timeout(&mut session, 20 * MINUTE);
        bench.store.save(&mut session).await.unwrap();
        let mut item = bench.item(session.handle()).await.unwrap();
        item.insert("foreign".into(), AttributeValue::S("kept".into()));
        item.insert("cookie_end".into(), AttributeValue::N("2000000000".into()));
        bench.put(item.clone()).await;
        let mut session = load(&bench.store, &session).await;
        bench.clock.advance(15 * MINUTE);
        assert!(!Session::is_fresh(&session, WITHIN));

        *session.visits() = 7;
        bench.store.reauthenticated(&mut session).await.unwrap();
        assert!(Session::is_fresh(&session, MILLI));
        assert_eq!(*session.visits(), 7);
        let ends = bench.clock.now() + 20 * MINUTE;
        assert_eq!(session.expires_at(), ends);
        let mut new = bench.item(session.handle()).await.unwrap();
        let now = AttributeValue::N(bench.clock.millis().to_string());
        assert_eq!(new["authenticated_at"], now);
        for name in [
            "id",
            "authenticated_at",
            "touched_at",
            "expires_at",
            "version",
            "writes",
            "data",
            "user_id-roster",
            "format",
        ] {
            assert!(name == "format" || new[name] != item[name], "{name}");
            new.remove(name);
            item.remove(name);
        }
        assert_eq!(new, item);

        // G9: the new id does not evict its own session, and adds no line.
        assert!(Session::evicted(&session).is_empty());
        assert_eq!(sessions(&bench).await, 1);

        // G6: it ends by the absolute timeout of its log-in.
        let end = session.created_at() + 12 * 60 * MINUTE;
        while bench.clock.now() + 20 * MINUTE < end {
            bench.clock.advance(19 * MINUTE);
            bench.store.reauthenticated(&mut session).await.unwrap();
            assert!(session.expires_at() <= end);
        }
        bench.clock.advance(20 * MINUTE);
        let late = bench.store.reauthenticated(&mut session).await;
        assert!(matches!(late, Err(Error::Gone(gone)) if gone.is_expired()));
    }

    pub async fn the_old_id_is_absent_and_leads_to_the_new_one<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let mut session = logged_in(&bench).await;
        let old = session.id().clone();
        let mut copy = load(&bench.store, &session).await;
        bench.store.reauthenticated(&mut session).await.unwrap();
        assert_ne!(session.id(), &old);
        assert!(bench.store.load(&old).await.unwrap().is_none());
        let mark = bench.all_items().await.into_iter();
        let mark = mark.filter_map(|item| item.get("moved_to").cloned());
        let to = AttributeValue::S(session.handle().to_string());
        assert_eq!(mark.filter(|moved_to| *moved_to == to).count(), 1);
        *copy.visits() = 1;
        let saved = bench.store.save(&mut copy).await;
        assert!(matches!(saved, Err(Error::Gone(gone)) if gone.is_replaced()));
        // G17: a log-out by the old id ends the session.
        bench.store.delete(&old).await.unwrap();
        assert!(bench.store.load(session.id()).await.unwrap().is_none());
    }

    pub async fn one_of_two_copies_that_authenticate_at_once_wins<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let mut one = logged_in(&bench).await;
        let mut two = load(&bench.store, &one).await;
        bench.clock.advance(15 * MINUTE);
        let (first, second) = tokio::join!(
            bench.store.reauthenticated(&mut one),
            bench.store.reauthenticated(&mut two)
        );
        let (won, lost, winner) = match (&first, &second) {
            (Ok(()), _) => (&first, &second, &one),
            _ => (&second, &first, &two),
        };
        assert!(won.is_ok());
        assert!(matches!(lost, Err(Error::Gone(gone)) if gone.is_replaced()));
        assert_eq!(sessions(&bench).await, 1);
        assert!(Session::is_fresh(&load(&bench.store, winner).await, MILLI));
    }

    pub async fn the_changes_of_others_are_kept<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let mut session = logged_in(&bench).await;
        let mut other = load(&bench.store, &session).await;
        *other.theme() = "dark".into();
        bench.store.save(&mut other).await.unwrap();
        bench.clock.advance(15 * MINUTE);
        *session.visits() = 4;
        bench.store.reauthenticated(&mut session).await.unwrap();
        let mut stored = load(&bench.store, &session).await;
        assert_eq!(
            (stored.theme().clone(), *stored.visits()),
            ("dark".into(), 4)
        );
        assert!(Session::is_fresh(&stored, MILLI));
    }

    pub async fn a_lost_response_is_resolved<S: Shop>() {
        for fault in [Fault::LoseResponse, Fault::Refuse, Fault::Torn] {
            let bench = TestBench::<S>::new().await;
            let mut session = logged_in(&bench).await;
            bench.clock.advance(15 * MINUTE);
            bench.wire.next("TransactWriteItems", fault);
            bench.store.reauthenticated(&mut session).await.unwrap();
            assert_eq!(sessions(&bench).await, 1);
            assert!(Session::is_fresh(
                &load(&bench.store, &session).await,
                MILLI
            ));
        }
    }

    pub async fn an_outcome_that_stays_unknown_is_resumed_with_the_first_moment<S: Shop>() {
        for is_applied in [true, false] {
            for others_write in [false, true] {
                let bench = TestBench::<S>::new().await;
                let mut session = logged_in(&bench).await;
                let mut other = load(&bench.store, &session).await;
                bench.clock.advance(15 * MINUTE);
                let proven = bench.store.now();
                for _ in 0..3 {
                    let fault = if is_applied {
                        Fault::LoseResponse
                    } else {
                        Fault::Refuse
                    };
                    bench.wire.next("TransactWriteItems", fault);
                }
                let done = bench.store.reauthenticated(&mut session).await;
                assert!(is_unknown(&done), "{done:?}");
                assert!(!Session::is_fresh(&session, WITHIN));
                if others_write {
                    *other.theme() = "dark".into();
                    let saved = bench.store.save(&mut other).await;
                    assert_eq!(saved.is_err(), is_applied);
                }
                bench.clock.advance(5 * MINUTE);
                bench.store.reauthenticated(&mut session).await.unwrap();
                for session in [&session, &load(&bench.store, &session).await] {
                    assert_eq!(Session::authenticated_at(session), Some(proven));
                }
                assert_eq!(sessions(&bench).await, 1);
            }
        }
    }

    pub async fn a_log_in_after_a_lost_one_is_one_of_its_own<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let mut session = logged_in(&bench).await;
        bench.clock.advance(15 * MINUTE);
        for _ in 0..3 {
            bench.wire.next("TransactWriteItems", Fault::LoseResponse);
        }
        assert!(is_unknown(&bench.store.reauthenticated(&mut session).await));
        bench.clock.advance(MINUTE);
        bench.store.log_in(&mut session).await.unwrap();
        assert_eq!(at(&bench, &session), Some(Duration::ZERO));
        assert_eq!(session.created_at(), bench.clock.now());

        // And a change of id that was lost is no authentication.
        bench.clock.advance(15 * MINUTE);
        for _ in 0..3 {
            bench.wire.next("TransactWriteItems", Fault::LoseResponse);
        }
        assert!(is_unknown(&bench.store.cycle_id(&mut session).await));
        bench.store.reauthenticated(&mut session).await.unwrap();
        assert_eq!(at(&bench, &session), Some(Duration::ZERO));
        assert_eq!(sessions(&bench).await, 1);
    }

    pub async fn a_session_that_is_gone_is_not_begun_again<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let mut session = logged_in(&bench).await;
        bench.store.delete(session.id()).await.unwrap();
        let done = bench.store.reauthenticated(&mut session).await;
        assert!(matches!(done, Err(Error::Gone(_))));
        assert!(sessions(&bench).await == 0);

        let mut session = logged_in(&bench).await;
        let done = {
            let (store, id) = (bench.store.clone(), session.id().clone());
            let end = || async move { store.delete(&id).await.unwrap() };
            bench.wire.next("TransactWriteItems", Fault::meanwhile(end));
            bench.store.reauthenticated(&mut session).await
        };
        assert!(matches!(done, Err(Error::Gone(_))));
        assert!(sessions(&bench).await == 0);
    }

    pub async fn a_log_in_whose_session_is_gone_is_fresh<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let mut session = bench.store.create(S::default()).await.unwrap();
        bench.store.delete(session.id()).await.unwrap();
        *session.user() = Some("u-17".into());
        bench.store.log_in(&mut session).await.unwrap();
        assert!(Session::is_fresh(&session, MILLI));
        assert!(Session::is_fresh(
            &load(&bench.store, &session).await,
            MILLI
        ));
    }

    pub async fn the_proof_of_a_user_is_none_for_another<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let mut session = logged_in(&bench).await;
        // The copy names somebody else, for whom nothing is proven.
        *session.user() = Some("u-18".into());
        assert!(!Session::is_fresh(&session, WITHIN));
        *session.user() = None;
        assert!(!Session::is_fresh(&session, WITHIN));
        // A log-out that keeps the cart.
        bench.store.save(&mut session).await.unwrap();
        for session in [&session, &load(&bench.store, &session).await] {
            assert!(!Session::is_fresh(session, WITHIN));
        }
        // A change of the user without a log-in.
        *session.user() = Some("u-18".into());
        bench.store.cycle_id(&mut session).await.unwrap();
        for session in [&session, &load(&bench.store, &session).await] {
            assert_eq!(Session::authenticated_at(session), None);
            assert!(!Session::is_fresh(session, WITHIN));
        }
        // A log-in of another user is one.
        bench.clock.advance(MINUTE);
        *session.user() = Some("u-19".into());
        bench.store.log_in(&mut session).await.unwrap();
        assert_eq!(at(&bench, &session), Some(Duration::ZERO));
        assert!(Session::is_fresh(&session, MILLI));
    }

    pub async fn only_the_user_who_is_logged_in_can_authenticate_again<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let mut nobody = bench.store.create(S::default()).await.unwrap();
        let mut session = logged_in(&bench).await;
        bench.clock.advance(15 * MINUTE);
        bench.wire.clear();
        let done = bench.store.reauthenticated(&mut nobody).await;
        assert!(is_refused(&done), "{done:?}");
        let text = done.unwrap_err().to_string();
        assert_eq!(
            text,
            "`user_id` does not name the user who is logged in, and nothing was written; call \
             `log_in` in place of `reauthenticated`"
        );
        for user in [Some("u-18".to_owned()), None] {
            *session.user() = user;
            let done = bench.store.reauthenticated(&mut session).await;
            assert!(is_refused(&done), "{done:?}");
        }
        *nobody.user() = Some("u-18".into());
        assert!(is_refused(&bench.store.reauthenticated(&mut nobody).await));
        assert!(bench.wire.operations().is_empty());
        *session.user() = Some("u-17".into());
        bench.store.reauthenticated(&mut session).await.unwrap();
        assert!(Session::is_fresh(&session, MILLI));
    }

    pub async fn a_user_who_logs_out_meanwhile_does_not_authenticate<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let mut session = logged_in(&bench).await;
        let mut other = load(&bench.store, &session).await;
        bench.clock.advance(15 * MINUTE);
        *other.user() = None;
        bench.store.save(&mut other).await.unwrap();
        *session.visits() = 3;
        let done = bench.store.reauthenticated(&mut session).await;
        assert!(is_refused(&done), "{done:?}");
        let mut stored = load(&bench.store, &other).await;
        assert_eq!((stored.user().clone(), *stored.visits()), (None, 0));
        assert!(!Session::is_fresh(&stored, WITHIN));
        // The changes of the copy are not lost.
        bench.store.save(&mut session).await.unwrap();
        assert_eq!(*load(&bench.store, &session).await.visits(), 3);
    }

    pub async fn a_moment_that_no_store_has_written_is_not_fresh<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let session = logged_in(&bench).await;
        let day = 24 * 60 * 60 * 1000;
        let now = bench.clock.millis();
        let n = |text: String| AttributeValue::N(text);
        for (value, is_fresh) in [
            (n("-1".into()), false),
            (n("1.5".into()), false),
            (n(format!("1{}", "0".repeat(30))), false),
            (n(u64::MAX.to_string()), false),
            (n((now + day + 1).to_string()), false),
            (n((now + day).to_string()), true),
            (n("0".into()), false),
            (AttributeValue::S(now.to_string()), false),
            (AttributeValue::Null(true), false),
        ] {
            let mut item = bench.item(session.handle()).await.unwrap();
            item.insert("authenticated_at".into(), value.clone());
            bench.put(item).await;
            let mut loaded = load(&bench.store, &session).await;
            assert_eq!(Session::is_fresh(&loaded, WITHIN), is_fresh, "{value:?}");
            assert!(Session::authenticated_at(&loaded) >= None::<SystemTime>);
            *loaded.visits() += 1;
            bench.store.save(&mut loaded).await.unwrap();
        }
    }

    pub async fn programs_of_before_keep_it<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let before = bench.other::<Before>().await;
        let session = logged_in(&bench).await;
        let since = Session::authenticated_at(&session);
        let mut old = before.load(session.id()).await.unwrap().unwrap();
        assert_eq!(Session::authenticated_at(&old), None);
        for _ in 0..2 {
            bench.clock.advance(5 * MINUTE);
            old.visits += 1;
            before.save(&mut old).await.unwrap();
            before.touch(&mut old).await.unwrap();
            let id = old.id().clone();
            before.update(&id, |data| data.visits += 1).await.unwrap();
            before.refresh(&mut old).await.unwrap();
            before.cycle_id(&mut old).await.unwrap();
            let loaded = bench.store.load(old.id()).await.unwrap().unwrap();
            assert_eq!(Session::authenticated_at(&loaded), since);
        }
        assert!(!Session::is_fresh(
            &bench.store.load(old.id()).await.unwrap().unwrap(),
            WITHIN
        ));
    }

    pub async fn it_costs_what_a_new_id_costs<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let mut session = logged_in(&bench).await;
        bench.wire.meter();
        bench.wire.clear();
        bench.store.cycle_id(&mut session).await.unwrap();
        let new_id = (bench.wire.operations(), bench.wire.bill());
        bench.wire.clear();
        bench.store.reauthenticated(&mut session).await.unwrap();
        assert_eq!((bench.wire.operations(), bench.wire.bill()), new_id);
        assert_eq!(new_id.0, ["TransactWriteItems"]);
        bench.wire.clear();
        assert!(Session::is_fresh(&session, WITHIN));
        assert!(bench.wire.operations().is_empty());
    }
}

#[tokio::test]
async fn a_type_without_a_user_tells_by_the_moment_alone() {
    #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", authenticated_at = "proven")]
    struct Plain {
        name: String,
    }

    let bench = TestBench::<Plain>::new().await;
    let mut session = bench.store.create(Plain::default()).await.unwrap();
    assert!(!Session::is_fresh(&session, WITHIN));
    bench.store.log_in(&mut session).await.unwrap();
    assert!(Session::is_fresh(&session, WITHIN));
    bench.clock.advance(WITHIN);
    assert!(!Session::is_fresh(&session, WITHIN));
    session.name = "unsaved".into();
    bench.store.reauthenticated(&mut session).await.unwrap();
    assert!(Session::is_fresh(&session, WITHIN));
    let item = bench.item(session.handle()).await.unwrap();
    let now = AttributeValue::N(bench.clock.millis().to_string());
    assert_eq!(item["proven"], now);
    assert!(!item.contains_key("authenticated_at"));
}

#[test]
fn a_session_without_a_store_is_not_fresh() {
    let session = fixtures::session(AsMap::of("u-17"));
    assert_eq!(Session::authenticated_at(&session), None);
    assert!(!Session::is_fresh(&session, WITHIN));
}
