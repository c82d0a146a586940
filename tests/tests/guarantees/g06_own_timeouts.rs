//! G6. A session can have an absolute timeout of its own, and a guest the shorter ones of the type: nothing but a
//! log-in lets a session end later than these say.

use std::fmt::Debug;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, Session, SessionAttributes, Touch};
use session_store_tests::{Fault, TestBench};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MILLI: Duration = Duration::from_millis(1);

/// The sessions of one shop, that differ in how they are stored.
trait Shop:
    SessionAttributes + Clone + Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
    const BY_USER: session_store::Index<Self, String>;

    fn user(&mut self) -> &mut Option<String>;
    fn visits(&mut self) -> &mut u64;

    fn of(user: &str) -> Self {
        let mut shop = Self::default();
        *shop.user() = Some(user.to_owned());
        shop
    }
}

types_in_every_format! {
    [
        idle_timeout = "8h",
        absolute_timeout = "30d",
        guest_idle_timeout = "1h",
        guest_absolute_timeout = "1d"
    ]
    {
        #[dynamo(attr = "user_id", index(consistent), user)]
        user_id: Option<String>,
        text: String,
        visits: u64,
    }
    Shop {
        const BY_USER: session_store::Index<Self, String> = Self::USER_ID;

        fn user(&mut self) -> &mut Option<String> {
            // Long enough to be compressed.
            self.text = "a text that has nothing to say ".repeat(30);
            &mut self.user_id
        }

        fn visits(&mut self) -> &mut u64 {
            &mut self.visits
        }
    }
}

/// A touch is due after a tenth of the idle timeout, whatever the size.
async fn bench<S: Shop>() -> TestBench<S> {
    TestBench::touching(Touch::After(0.1)).await
}

/// A program of before there were an own absolute timeout and guests.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    type_name = "app",
    idle_timeout = "8h",
    absolute_timeout = "30d",
    absolute = "not_known"
)]
#[serde(default)]
struct Before {
    #[dynamo(attr = "user_id", index(consistent), user)]
    user_id: Option<String>,
    visits: u64,
}

in_every_format! {
    a_log_in_lasts_as_long_as_it_says
    one_that_the_type_has_anyhow_is_not_stored
    a_new_id_makes_it_shorter_and_never_longer
    it_holds_until_another_one_is_chosen
    a_save_does_not_store_it
    a_log_in_whose_session_is_gone_has_it
    a_lost_response_is_resolved
    one_that_was_chosen_while_the_outcome_is_unknown_is_stored_too
    programs_of_before_do_not_extend_it
    guests_end_sooner
    a_log_in_makes_a_guest_a_user
    a_session_without_its_user_is_a_guest
    a_stale_copy_does_not_write_to_a_guest_that_has_ended
    a_program_with_guests_ends_those_of_before
    guests_cost_what_users_cost
}

fn is_gone<T>(done: Result<T, Error>) -> bool {
    matches!(done, Err(Error::Gone(_)))
}

async fn is_live<S: Shop>(bench: &TestBench<S>, session: &Session<S>) -> bool {
    let listed = bench.store.sessions(S::BY_USER, "u-17").all();
    let is_listed = listed
        .await
        .unwrap()
        .iter()
        .any(|s| s.handle() == session.handle());
    let found = bench.store.find(&session.handle()).await.unwrap();
    let loaded = bench.store.load(session.id()).await.unwrap();
    assert_eq!(found.is_some(), loaded.is_some());
    if let Some(loaded) = &loaded {
        assert_eq!(is_listed, S::clone(loaded).user().is_some());
    } else {
        assert!(!is_listed);
    }
    loaded.is_some()
}

async fn load<S: Shop>(store: &DynamoDbStore<S>, session: &Session<S>) -> Session<S> {
    store.load(session.id()).await.unwrap().unwrap()
}

async fn stored<S: Shop>(bench: &TestBench<S>, session: &Session<S>) -> Option<String> {
    let item = bench.item(session.handle()).await.unwrap();
    Some(item.get("absolute")?.as_n().unwrap().clone())
}

/// A session whose user has logged in now, for so long.
async fn logged_in<S: Shop>(
    bench: &TestBench<S>,
    absolute: impl Into<Option<Duration>>,
) -> Session<S> {
    let mut session = bench.store.create(S::default()).await.unwrap();
    *session.user() = Some("u-17".into());
    Session::set_absolute_timeout(&mut session, absolute);
    bench.store.log_in(&mut session).await.unwrap();
    session
}

mod check {
    use super::*;

    pub async fn a_log_in_lasts_as_long_as_it_says<S: Shop>() {
        let bench = bench::<S>().await;
        bench.clock.advance(345 * MILLI);
        let mut session = logged_in(&bench, 12 * HOUR).await;
        assert_eq!(stored(&bench, &session).await.as_deref(), Some("43200"));
        // The end is in whole seconds, rounded down.
        let end = session.created_at() + 12 * HOUR - 345 * MILLI;
        while bench.clock.now() + 5 * HOUR < end {
            bench.clock.advance(5 * HOUR);
            *session.visits() += 1;
            bench.store.save(&mut session).await.unwrap();
            bench.store.touch(&mut session).await.unwrap();
            bench.store.cycle_id(&mut session).await.unwrap();
            bench.store.reauthenticated(&mut session).await.unwrap();
            assert!(session.expires_at() <= end);
            assert_eq!(
                load(&bench.store, &session).await.expires_at(),
                session.expires_at()
            );
        }
        assert_eq!(session.expires_at(), end);
        bench
            .clock
            .advance(end.duration_since(bench.clock.now()).unwrap() - MILLI);
        assert!(is_live(&bench, &session).await);
        let copies = [(); 4].map(|()| bench.store.load(session.id()));
        let [a, b, c, d] = copies;
        bench.clock.advance(Duration::ZERO);
        let mut copies = Vec::new();
        for copy in [a, b, c, d] {
            copies.push(copy.await.unwrap().unwrap());
        }
        bench.clock.advance(MILLI);
        assert!(!is_live(&bench, &session).await);
        let [save, touch, cycle, again] = copies.as_mut_slice() else {
            panic!("four copies")
        };
        *save.visits() += 1;
        assert!(is_gone(bench.store.save(save).await));
        assert!(is_gone(bench.store.touch(touch).await));
        assert!(is_gone(bench.store.cycle_id(cycle).await));
        assert!(is_gone(bench.store.reauthenticated(again).await));
        let handle = session.handle();
        let change = |data: &mut S| *data.visits() += 1;
        assert!(is_gone(bench.store.update_handle(&handle, change).await));
        assert!(is_gone(bench.store.update(session.id(), change).await));
    }

    pub async fn one_that_the_type_has_anyhow_is_not_stored<S: Shop>() {
        for absolute in [None, Some(30 * DAY), Some(90 * DAY), Some(Duration::MAX)] {
            let bench = bench::<S>().await;
            let mut session = logged_in(&bench, absolute).await;
            assert_eq!(stored(&bench, &session).await, None);
            Session::set_idle_timeout(&mut session, 90 * DAY);
            bench.store.save(&mut session).await.unwrap();
            assert_eq!(session.expires_at(), session.created_at() + 30 * DAY);
        }
    }

    pub async fn a_new_id_makes_it_shorter_and_never_longer<S: Shop>() {
        let bench = bench::<S>().await;
        let mut session = logged_in(&bench, 6 * HOUR).await;
        let created = session.created_at();
        bench.clock.advance(HOUR);
        for (chosen, lasts) in [
            (Some(4 * HOUR), 4 * HOUR),
            (Some(20 * HOUR), 4 * HOUR),
            (None, 4 * HOUR),
            (Some(3 * HOUR), 3 * HOUR),
        ] {
            Session::set_absolute_timeout(&mut session, chosen);
            if chosen == Some(3 * HOUR) {
                bench.store.reauthenticated(&mut session).await.unwrap();
            } else {
                bench.store.cycle_id(&mut session).await.unwrap();
            }
            assert_eq!(session.expires_at(), created + lasts);
            assert_eq!(
                load(&bench.store, &session).await.expires_at(),
                created + lasts
            );
        }
        Session::set_absolute_timeout(&mut session, 20 * HOUR);
        bench.store.log_in(&mut session).await.unwrap();
        assert_eq!(session.created_at(), created + HOUR);
        assert_eq!(stored(&bench, &session).await.as_deref(), Some("72000"));
        Session::set_absolute_timeout(&mut session, None);
        bench.store.log_in(&mut session).await.unwrap();
        assert_eq!(stored(&bench, &session).await, None);
    }

    pub async fn it_holds_until_another_one_is_chosen<S: Shop>() {
        let bench = bench::<S>().await;
        let mut session = logged_in(&bench, 3 * HOUR).await;
        for _ in 0..3 {
            *session.visits() += 1;
            bench.store.save(&mut session).await.unwrap();
            bench.store.cycle_id(&mut session).await.unwrap();
            bench.store.log_in(&mut session).await.unwrap();
            let mut copy = load(&bench.store, &session).await;
            bench.store.cycle_id(&mut copy).await.unwrap();
            assert_eq!(stored(&bench, &copy).await.as_deref(), Some("10800"));
            session = copy;
        }
    }

    pub async fn a_save_does_not_store_it<S: Shop>() {
        let bench = bench::<S>().await;
        let mut session = logged_in(&bench, None).await;
        let item = bench.item(session.handle()).await;
        bench.wire.clear();
        *session.visits() = 7;
        Session::set_absolute_timeout(&mut session, HOUR);
        let Err(Error::Encode(error)) = bench.store.save(&mut session).await else {
            panic!("it was stored");
        };
        assert_eq!(error.path(), "absolute");
        assert!(
            error.to_string().contains("call `log_in`, or `cycle_id`"),
            "{error}"
        );
        assert!(bench.wire.operations().is_empty());
        assert_eq!(bench.item(session.handle()).await, item);
        // A touch only extends.
        bench.clock.advance(HOUR);
        bench.store.touch(&mut session).await.unwrap();
        let created = session.created_at();
        assert_eq!(session.expires_at(), created + 9 * HOUR);

        Session::set_absolute_timeout(&mut session, 2 * HOUR);
        bench.store.cycle_id(&mut session).await.unwrap();
        let mut copy = load(&bench.store, &session).await;
        assert_eq!((*copy.visits(), copy.expires_at()), (7, created + 2 * HOUR));
        bench.store.save(&mut session).await.unwrap();
    }

    pub async fn a_log_in_whose_session_is_gone_has_it<S: Shop>() {
        let bench = bench::<S>().await;
        let mut session = logged_in(&bench, 5 * HOUR).await;
        for chosen in [None, Some(2 * HOUR)] {
            bench.store.delete(session.id()).await.unwrap();
            if chosen.is_some() {
                Session::set_absolute_timeout(&mut session, chosen);
            }
            bench.store.log_in(&mut session).await.unwrap();
            let lasts = chosen.unwrap_or(5 * HOUR);
            let seconds = lasts.as_secs().to_string();
            assert_eq!(stored(&bench, &session).await, Some(seconds));
        }
        assert_eq!(session.expires_at(), session.created_at() + 2 * HOUR);
        // There is nothing left to store.
        bench.wire.clear();
        bench.store.save(&mut session).await.unwrap();
        assert!(bench.wire.operations().is_empty());
    }

    pub async fn a_lost_response_is_resolved<S: Shop>() {
        let bench = bench::<S>().await;
        let mut session = logged_in(&bench, None).await;
        Session::set_absolute_timeout(&mut session, 2 * HOUR);
        bench.wire.next("TransactWriteItems", Fault::LoseResponse);
        bench.store.cycle_id(&mut session).await.unwrap();
        assert_eq!(stored(&bench, &session).await.as_deref(), Some("7200"));
        *session.visits() += 1;
        bench.store.save(&mut session).await.unwrap();
    }

    pub async fn one_that_was_chosen_while_the_outcome_is_unknown_is_stored_too<S: Shop>() {
        for way in ["new id", "proof", "log-in"] {
            let bench = bench::<S>().await;
            let mut session = logged_in(&bench, None).await;
            for _ in 0..20 {
                bench.wire.next("TransactWriteItems", Fault::LoseResponse);
            }
            let unknown = bench.store.cycle_id(&mut session).await;
            assert!(matches!(unknown, Err(Error::Service(error)) if error.outcome_unknown()));
            bench.wire.clear();
            Session::set_absolute_timeout(&mut session, 2 * HOUR);
            match way {
                "new id" => bench.store.cycle_id(&mut session).await.unwrap(),
                "proof" => bench.store.reauthenticated(&mut session).await.unwrap(),
                _ => bench.store.log_in(&mut session).await.unwrap(),
            }
            assert_eq!(
                stored(&bench, &session).await.as_deref(),
                Some("7200"),
                "{way}"
            );
            *session.visits() += 1;
            bench.store.save(&mut session).await.unwrap();
            assert_eq!(
                bench
                    .store
                    .sessions(S::BY_USER, "u-17")
                    .count()
                    .await
                    .unwrap(),
                1
            );
        }
    }

    pub async fn programs_of_before_do_not_extend_it<S: Shop>() {
        // It reads maps and bytes alike, and does not know `absolute`.
        let bench = bench::<S>().await;
        let before = bench.other::<Before>().await;
        let mut session = logged_in(&bench, 3 * HOUR).await;
        let mut copy = load(&bench.store, &session).await;
        bench.clock.advance(2 * HOUR);
        let mut of_before = before.load(session.id()).await.unwrap().unwrap();
        of_before.visits = 4;
        before.save(&mut of_before).await.unwrap();
        assert!(of_before.expires_at() > session.created_at() + 3 * HOUR);
        assert_eq!(stored(&bench, &session).await.as_deref(), Some("10800"));
        let mut loaded = load(&bench.store, &session).await;
        assert_eq!(*loaded.visits(), 4);
        assert_eq!(loaded.expires_at(), session.created_at() + 3 * HOUR);

        bench.clock.advance(HOUR);
        assert!(before.load(session.id()).await.unwrap().is_some());
        assert!(!is_live(&bench, &session).await);
        for copy in [&mut copy, &mut loaded, &mut session] {
            *copy.visits() += 1;
            assert!(is_gone(bench.store.save(copy).await));
            assert!(is_gone(bench.store.touch(copy).await));
            assert!(is_gone(bench.store.cycle_id(copy).await));
        }
    }

    pub async fn guests_end_sooner<S: Shop>() {
        let bench = bench::<S>().await;
        let mut guest = bench.store.create(S::default()).await.unwrap();
        assert_eq!(guest.expires_at(), guest.created_at() + HOUR);
        let ends = bench.item(guest.handle()).await.unwrap()["expires_at"].clone();
        let hour = (bench.clock.millis() / 1000 + 3600).to_string();
        assert_eq!(ends, AttributeValue::N(hour), "for DynamoDB's TTL");

        let end = guest.created_at() + DAY;
        while bench.clock.now() + 50 * MINUTE < end {
            bench.clock.advance(50 * MINUTE);
            bench.store.touch(&mut guest).await.unwrap();
            assert_eq!(guest.expires_at(), end.min(bench.clock.now() + HOUR));
            *guest.visits() += 1;
            bench.store.save(&mut guest).await.unwrap();
            assert!(is_live(&bench, &guest).await);
        }
        bench
            .clock
            .advance(end.duration_since(bench.clock.now()).unwrap());
        assert!(!is_live(&bench, &guest).await);
        assert!(is_gone(bench.store.touch(&mut guest).await));

        let mut idle = bench.store.create(S::default()).await.unwrap();
        bench.clock.advance(HOUR - MILLI);
        assert!(is_live(&bench, &idle).await);
        bench.clock.advance(MILLI);
        assert!(!is_live(&bench, &idle).await);
        *idle.visits() += 1;
        assert!(is_gone(bench.store.save(&mut idle).await));

        // One that is remembered, within the absolute timeout of guests.
        let mut remembered = bench.store.create(S::default()).await.unwrap();
        Session::set_idle_timeout(&mut remembered, 7 * DAY);
        bench.store.save(&mut remembered).await.unwrap();
        assert_eq!(remembered.expires_at(), remembered.created_at() + DAY);
    }

    pub async fn a_log_in_makes_a_guest_a_user<S: Shop>() {
        let bench = bench::<S>().await;
        let mut session = bench.store.create(S::default()).await.unwrap();
        bench.clock.advance(30 * MINUTE);
        *session.user() = Some("u-17".into());
        bench.store.log_in(&mut session).await.unwrap();
        assert_eq!(session.expires_at(), bench.clock.now() + 8 * HOUR);
        let end = session.created_at() + 30 * DAY;
        while bench.clock.now() + 7 * HOUR < end {
            bench.clock.advance(7 * HOUR);
            bench.store.touch(&mut session).await.unwrap();
        }
        assert_eq!(session.expires_at(), end);
        let user = bench.store.create(S::of("u-17")).await.unwrap();
        assert_eq!(user.expires_at(), bench.clock.now() + 8 * HOUR);
    }

    pub async fn a_session_without_its_user_is_a_guest<S: Shop>() {
        let bench = bench::<S>().await;
        let mut session = logged_in(&bench, None).await;
        bench.clock.advance(5 * HOUR);
        *session.user() = None;
        bench.store.save(&mut session).await.unwrap();
        assert_eq!(session.expires_at(), bench.clock.now() + HOUR);
        bench.clock.advance(30 * MINUTE);
        bench.store.touch(&mut session).await.unwrap();
        assert_eq!(session.expires_at(), bench.clock.now() + HOUR);
        bench.store.cycle_id(&mut session).await.unwrap();
        assert_eq!(session.expires_at(), bench.clock.now() + HOUR);
        bench.clock.advance(HOUR);
        assert!(!is_live(&bench, &session).await);

        // A day after its log-in it is over at once.
        let mut old = logged_in(&bench, None).await;
        for _ in 0..4 {
            bench.clock.advance(7 * HOUR);
            bench.store.touch(&mut old).await.unwrap();
        }
        *old.user() = None;
        bench.store.save(&mut old).await.unwrap();
        assert!(!is_live(&bench, &old).await);
    }

    pub async fn a_stale_copy_does_not_write_to_a_guest_that_has_ended<S: Shop>() {
        for way in ["touch", "save", "new id"] {
            let bench = bench::<S>().await;
            let mut session = logged_in(&bench, None).await;
            let mut stale = load(&bench.store, &session).await;
            let mut early = load(&bench.store, &session).await;
            *session.user() = None;
            bench.store.save(&mut session).await.unwrap();

            // The refusal shows that it has become a guest, by whose timeouts the write goes.
            bench.clock.advance(30 * MINUTE);
            *early.visits() = 1;
            bench.store.save(&mut early).await.unwrap();
            assert_eq!(early.expires_at(), bench.clock.now() + HOUR);
            bench.store.touch(&mut early).await.unwrap();
            assert_eq!(early.expires_at(), bench.clock.now() + HOUR);

            bench.clock.advance(HOUR);
            *stale.visits() = 2;
            let done = match way {
                "touch" => bench.store.touch(&mut stale).await,
                "save" => bench.store.save(&mut stale).await,
                _ => bench.store.cycle_id(&mut stale).await,
            };
            assert!(is_gone(done), "{way}");
        }
    }

    pub async fn a_program_with_guests_ends_those_of_before<S: Shop>() {
        let bench = bench::<S>().await;
        let before = bench.other::<Before>().await;
        let guest = before.create(Before::default()).await.unwrap();
        let user = Before {
            user_id: Some("u-17".into()),
            visits: 0,
        };
        let user = before.create(user).await.unwrap();
        bench.clock.advance(HOUR);
        assert!(bench.store.load(guest.id()).await.unwrap().is_none());
        assert!(bench.store.load(user.id()).await.unwrap().is_some());
        assert!(before.load(guest.id()).await.unwrap().is_some());
    }

    pub async fn guests_cost_what_users_cost<S: Shop>() {
        let bench = bench::<S>().await;
        let builder = DynamoDbStore::<S>::builder().client(bench.store.client().clone());
        let builder = builder.table_name(bench.store.table_name());
        let store = builder.touch(Touch::Always).build().await.unwrap();
        bench.wire.clear();
        let mut guest = store.create(S::default()).await.unwrap();
        *guest.visits() += 1;
        store.save(&mut guest).await.unwrap();
        store.touch(&mut guest).await.unwrap();
        store.cycle_id(&mut guest).await.unwrap();
        assert_eq!(
            bench.wire.operations(),
            ["PutItem", "UpdateItem", "UpdateItem", "TransactWriteItems"]
        );
        let mut loaded = load(&store, &guest).await;
        *loaded.user() = Some("u-17".into());
        bench.wire.clear();
        Session::set_absolute_timeout(&mut loaded, HOUR);
        store.log_in(&mut loaded).await.unwrap();
        // The first session of its value begins the roster.
        assert_eq!(
            bench.wire.operations().last(),
            Some(&"TransactWriteItems".to_owned())
        );
        bench.wire.clear();
        *loaded.visits() += 1;
        store.save(&mut loaded).await.unwrap();
        store.touch(&mut loaded).await.unwrap();
        assert_eq!(bench.wire.operations(), ["UpdateItem", "UpdateItem"]);
    }
}
