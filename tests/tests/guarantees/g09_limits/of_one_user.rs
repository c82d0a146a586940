//! A limit that is lower for one user than for another, such as by what they pay for: never above that of the type,
//! and exact as it is.

use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use session_store::{
    Attribute, Attributes, DynamoDbStore, Error, OnLimit, Schema, Session, SessionAttributes,
    SessionData, SessionHandle,
};
use session_store_tests::{Fault, TestBench};

use super::stored;

macro_rules! accounts {
    ($($name:ident: $index:ident $options:tt;)*) => {$(
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", type_name = "Account", idle_timeout = "30m", absolute_timeout = "12h")]
        struct $name {
            #[dynamo(attr = "user_id", $index $options)]
            user_id: Option<String>,
            seats: u32,
            theme: String,
        }

        impl $name {
            #[allow(dead_code, reason = "one of them has the limit of the type alone")]
            fn seats(&self) -> u32 {
                self.seats
            }
        }

        impl Account for $name {
            fn with(seats: u32) -> Self {
                let user_id = Some("u-17".to_owned());
                Self { user_id, seats, ..Self::default() }
            }

            async fn listed(store: &DynamoDbStore<Self>) -> Vec<SessionHandle> {
                let all = store.sessions(Self::USER_ID, "u-17").all().await.unwrap();
                all.iter().map(|session| session.handle()).collect()
            }
        }
    )*};
}

accounts! {
    Evicting: index(consistent, limit = 5, limit_by = Evicting::seats);
    Refusing: index(consistent, limit = 5, limit_by = Self::seats, on_limit = reject);
    LeastRecent: index(consistent, limit_by = Self::seats, limit = 5, on_limit = evict_least_recent);
    Unbounded: index(consistent, limit_by = Self::seats);
    UnboundedRefusing: index(consistent, limit_by = Self::seats, on_limit = reject);
    OfType: index(consistent, limit = 5);
}

/// A session of a user with so many seats.
trait Account: SessionData + Default {
    fn with(seats: u32) -> Self;

    fn listed(store: &DynamoDbStore<Self>) -> impl Future<Output = Vec<SessionHandle>>;
}

async fn log_in<S: Account>(bench: &TestBench<S>, seats: u32) -> Result<Session<S>, Error> {
    bench.clock.advance(Duration::from_millis(1));
    bench.store.create(S::with(seats)).await
}

async fn log_in_often<S: Account>(
    bench: &TestBench<S>,
    seats: u32,
    count: usize,
) -> Vec<Session<S>> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        sessions.push(log_in(bench, seats).await.unwrap());
    }
    sessions
}

fn limit_of<T: std::fmt::Debug>(result: Result<T, Error>) -> u32 {
    match result {
        Err(Error::Limit(limit)) => {
            assert_eq!(limit.index(), "user_id");
            limit.limit()
        }
        other => panic!("{other:?}"),
    }
}

/// How many sessions are left of eight log-ins with so many seats.
async fn left<S: Account>(seats: u32) -> usize {
    let bench = TestBench::<S>::new().await;
    for _ in 0..8 {
        match log_in(&bench, seats).await {
            Ok(_) | Err(Error::Limit(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let listed = S::listed(&bench.store).await.len();
    assert_eq!(stored(&bench).await, listed);
    listed
}

#[tokio::test]
async fn a_free_plan_has_one_session_and_a_paid_one_five() {
    let bench = TestBench::<Evicting>::new().await;
    let free = log_in_often(&bench, 1, 2).await;
    assert_eq!(Session::evicted(&free[1]), [free[0].handle()]);
    assert_eq!(Evicting::listed(&bench.store).await, [free[1].handle()]);
    // The user pays.
    let paid = log_in_often(&bench, 5, 4).await;
    assert!(
        paid.iter()
            .all(|session| Session::evicted(session).is_empty())
    );
    assert_eq!(Evicting::listed(&bench.store).await.len(), 5);
    let sixth = log_in(&bench, 5).await.unwrap();
    assert_eq!(Session::evicted(&sixth), [free[1].handle()]);
    assert_eq!(stored(&bench).await, 5);
}

#[tokio::test]
async fn a_free_plan_is_refused_the_second_session_and_a_paid_one_the_sixth() {
    let bench = TestBench::<Refusing>::new().await;
    log_in(&bench, 1).await.unwrap();
    assert_eq!(limit_of(log_in(&bench, 1).await), 1);
    log_in_often(&bench, 5, 4).await;
    assert_eq!(limit_of(log_in(&bench, 5).await), 5);
    assert_eq!(limit_of(log_in(&bench, 3).await), 3);
    assert_eq!(stored(&bench).await, 5);
}

#[tokio::test]
async fn a_limit_is_at_least_one_and_at_most_that_of_the_type() {
    for (seats, expected) in [(0, 1), (1, 1), (4, 4), (5, 5), (6, 5), (u32::MAX, 5)] {
        assert_eq!(left::<Evicting>(seats).await, expected);
        assert_eq!(left::<Refusing>(seats).await, expected);
        assert_eq!(left::<LeastRecent>(seats).await, expected);
    }
    for (seats, expected) in [(0, 1), (3, 3), (u32::MAX, 8)] {
        assert_eq!(left::<Unbounded>(seats).await, expected);
        assert_eq!(left::<UnboundedRefusing>(seats).await, expected);
    }
}

#[test]
fn without_a_limit_of_the_type_it_is_that_of_a_roster() {
    let limit = |schema: &Schema| schema.promoted()[0].session_limit();
    assert_eq!(limit(Unbounded::SCHEMA), Some(Attribute::MAX_LIMIT));
    assert_eq!(limit(UnboundedRefusing::SCHEMA), Some(Attribute::MAX_LIMIT));
    assert_eq!(limit(Evicting::SCHEMA), Some(5));
}

#[tokio::test]
async fn the_limit_of_a_builder_is_an_upper_bound_as_well() {
    let bench = TestBench::<Evicting>::new().await;
    let builder = DynamoDbStore::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    let builder = builder.limit(Evicting::USER_ID, 2);
    let store = builder.build().await.unwrap();
    for _ in 0..4 {
        bench.clock.advance(Duration::from_millis(1));
        store.create(Evicting::with(5)).await.unwrap();
    }
    assert_eq!(Evicting::listed(&store).await.len(), 2);
    store.create(Evicting::with(1)).await.unwrap();
    assert_eq!(Evicting::listed(&store).await.len(), 1);
}

/// The limit counts for every operation that gives a session to a user, by what the session says then.
#[tokio::test]
async fn saves_updates_and_new_ids_are_subject_to_it() {
    let bench = TestBench::<Evicting>::new().await;
    let paid = log_in_often(&bench, 5, 3).await;
    let guest = || async {
        bench.clock.advance(Duration::from_millis(1));
        bench.store.create(Evicting::default()).await.unwrap()
    };

    let mut saved = guest().await;
    *saved = Evicting::with(3);
    bench.store.save(&mut saved).await.unwrap();
    assert_eq!(Session::evicted(&saved), [paid[0].handle()]);

    let mut logged_in = guest().await;
    *logged_in = Evicting::with(2);
    bench.store.log_in(&mut logged_in).await.unwrap();
    let mut evicted = Session::evicted(&logged_in).to_vec();
    evicted.sort();
    let mut expected = [paid[1].handle(), paid[2].handle()];
    expected.sort();
    assert_eq!(evicted, expected);

    let mut cycled = guest().await;
    *cycled = Evicting::with(2);
    bench.store.cycle_id(&mut cycled).await.unwrap();
    assert_eq!(Session::evicted(&cycled), [saved.handle()]);

    let updated = guest().await;
    let becomes = |session: &mut Evicting| *session = Evicting::with(1);
    bench.store.update(updated.id(), becomes).await.unwrap();
    assert_eq!(Evicting::listed(&bench.store).await, [updated.handle()]);
    assert_eq!(stored(&bench).await, 1);
}

#[tokio::test]
async fn a_save_or_new_id_over_it_is_refused_and_changes_nothing() {
    let bench = TestBench::<Refusing>::new().await;
    log_in_often(&bench, 5, 2).await;
    let mut guest = bench.store.create(Refusing::default()).await.unwrap();
    let id = guest.id().clone();
    *guest = Refusing::with(2);
    assert_eq!(limit_of(bench.store.save(&mut guest).await), 2);
    assert_eq!(limit_of(bench.store.cycle_id(&mut guest).await), 2);
    assert_eq!(guest.id(), &id);
    assert_eq!(bench.store.load(&id).await.unwrap().unwrap().user_id, None);
    // With one seat more, there is room.
    guest.seats = 3;
    bench.store.save(&mut guest).await.unwrap();
    assert_eq!(Refusing::listed(&bench.store).await.len(), 3);
}

/// A plan that becomes smaller ends nobody by itself, and the next log-in ends all that are too many: one, several
/// that fit into one transaction, and more than that.
#[tokio::test]
async fn a_smaller_plan_settles_at_the_next_log_in() {
    for before in [2, 6, 40] {
        let bench = TestBench::<Unbounded>::new().await;
        let mut paid = log_in_often(&bench, 100, before).await;
        for session in &mut paid {
            session.seats = 2;
            bench.store.save(session).await.unwrap();
            bench.store.cycle_id(session).await.unwrap();
        }
        assert_eq!(Unbounded::listed(&bench.store).await.len(), before);
        let new = log_in(&bench, 2).await.unwrap();
        let (ended, kept) = paid.split_at(before - 1);
        let mut evicted = Session::evicted(&new).to_vec();
        evicted.sort();
        let mut expected: Vec<_> = ended.iter().map(|session| session.handle()).collect();
        expected.sort();
        assert_eq!(evicted, expected);
        assert_eq!(
            Unbounded::listed(&bench.store).await,
            [new.handle(), kept[0].handle()]
        );
        assert_eq!(stored(&bench).await, 2);
    }
}

#[tokio::test]
async fn a_smaller_plan_is_refused_until_enough_have_ended() {
    let bench = TestBench::<Refusing>::new().await;
    let paid = log_in_often(&bench, 5, 4).await;
    for session in &paid {
        assert_eq!(limit_of(log_in(&bench, 1).await), 1);
        bench.store.delete(session.id()).await.unwrap();
    }
    log_in(&bench, 1).await.unwrap();
}

/// Each log-in is in the roster, was evicted by a later one, or got an error.
#[tokio::test]
async fn sixty_four_log_ins_at_once_leave_exactly_the_lower_limit() {
    let bench = TestBench::<Evicting>::new().await;
    let created = join_all((0..64).map(|_| bench.store.create(Evicting::with(2)))).await;
    let (done, failed): (Vec<_>, Vec<_>) = created.into_iter().partition(Result::is_ok);
    for error in failed {
        assert!(matches!(error, Err(Error::Conflict(_))), "{error:?}");
    }
    let done: Vec<_> = done.into_iter().map(Result::unwrap).collect();
    let live = Evicting::listed(&bench.store).await;
    assert_eq!((live.len(), stored(&bench).await), (2, 2));
    let ended: Vec<_> = done.iter().flat_map(Session::evicted).collect();
    assert_eq!(done.len(), 2 + ended.len());

    let bench = TestBench::<Refusing>::new().await;
    let created = join_all((0..64).map(|_| bench.store.create(Refusing::with(2)))).await;
    let (done, failed): (Vec<_>, Vec<_>) = created.into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), stored(&bench).await), (2, 2));
    for error in failed {
        assert_eq!(limit_of(error), 2);
    }
}

#[tokio::test]
async fn log_ins_at_once_with_faults_leave_exactly_the_lower_limit() {
    let bench = TestBench::<Evicting>::new().await;
    for _ in 0..20 {
        bench.wire.next("UpdateItem", Fault::LoseResponse);
        bench.wire.next("UpdateItem", Fault::Refuse);
        bench.wire.next("TransactWriteItems", Fault::LoseResponse);
        bench.wire.next("PutItem", Fault::LoseResponse);
    }
    let created = join_all((0..64).map(|_| bench.store.create(Evicting::with(3)))).await;
    let done: Vec<_> = created.into_iter().filter_map(Result::ok).collect();
    let live = Evicting::listed(&bench.store).await;
    assert_eq!(live.len(), 3);
    for session in &done {
        let is_live = bench.store.load(session.id()).await.unwrap().is_some();
        assert_eq!(is_live, live.contains(&session.handle()));
    }
}

/// Log-ins of a free and of a paid plan at once: the limit of the last one to enter holds.
#[tokio::test]
async fn two_plans_at_once_never_exceed_the_larger_one() {
    let bench = TestBench::<Evicting>::new().await;
    let plans = (0..40).map(|i| {
        bench
            .store
            .create(Evicting::with(if i % 2 == 0 { 1 } else { 4 }))
    });
    join_all(plans).await;
    assert!((1..=4).contains(&Evicting::listed(&bench.store).await.len()));
    log_in(&bench, 1).await.unwrap();
    assert_eq!(Evicting::listed(&bench.store).await.len(), 1);
    assert_eq!(stored(&bench).await, 1);
}

/// A session that was stored without the index is entered by its next visit, whatever the limit.
#[tokio::test]
async fn a_session_that_lacks_its_entry_is_entered_whatever_the_limit() {
    #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(
        table = "tests",
        type_name = "Account",
        idle_timeout = "30m",
        absolute_timeout = "12h"
    )]
    struct Before {
        user_id: Option<String>,
        seats: u32,
        theme: String,
    }

    for by in ["touch", "save", "reindex"] {
        let bench = TestBench::<Evicting>::new().await;
        let before = bench.other::<Before>().await;
        let mut sessions = Vec::new();
        for _ in 0..3 {
            bench.clock.advance(Duration::from_millis(1));
            let session = Before {
                user_id: Some("u-17".into()),
                seats: 1,
                theme: String::new(),
            };
            let created = before.create(session).await.unwrap();
            let loaded = bench.store.load(created.id()).await.unwrap();
            sessions.push(loaded.unwrap());
        }
        if by == "reindex" {
            assert_eq!(bench.store.reindex().await.unwrap().mended(), 3);
        }
        for session in &mut sessions {
            match by {
                "touch" => bench.store.touch(session).await.unwrap(),
                "save" => {
                    session.theme = "dark".into();
                    bench.store.save(session).await.unwrap();
                }
                _ => {}
            }
            assert!(Session::evicted(session).is_empty());
        }
        assert_eq!(Evicting::listed(&bench.store).await.len(), 3, "{by}");
        // The next log-in settles it.
        let new = log_in(&bench, 1).await.unwrap();
        assert_eq!(Session::evicted(&new).len(), 3);
        assert_eq!(Evicting::listed(&bench.store).await, [new.handle()]);
    }
}

/// G14: the same requests as with the limit of a type.
#[tokio::test]
async fn g14_a_limit_of_one_user_costs_no_request() {
    async fn requests<S: Account>(seats: u32, theme: impl Fn(&mut S)) -> Vec<String> {
        let bench = TestBench::<S>::new().await;
        bench.wire.clear();
        log_in_often(&bench, seats, 5).await;
        let mut sixth = log_in(&bench, seats).await.unwrap();
        assert_eq!(Session::evicted(&sixth).len(), 1);
        theme(&mut sixth);
        bench.store.save(&mut sixth).await.unwrap();
        bench.store.cycle_id(&mut sixth).await.unwrap();
        bench
            .wire
            .operations()
            .iter()
            .map(ToString::to_string)
            .collect()
    }
    let own = requests::<Unbounded>(5, |session| session.theme = "dark".into()).await;
    let of_type = requests::<OfType>(5, |session| session.theme = "dark".into()).await;
    assert_eq!(own, of_type);
    assert_eq!(own.iter().filter(|name| *name == "PutItem").count(), 6);
}

/// An implementation by hand that gives a limit where there is none.
#[tokio::test]
async fn a_limit_of_an_attribute_without_rosters_is_refused_by_name() {
    #[derive(Clone, Debug, Default, Serialize, Deserialize)]
    struct ByHand {
        user_id: Option<String>,
        seats: u32,
    }

    const SCHEMA: Schema = Schema::new("tests")
        .attributes(&[
            Attribute::index::<Option<String>>("user_id")
                .consistent()
                .limit(3, OnLimit::Reject),
            Attribute::promoted("theme"),
        ])
        .checked();

    impl SessionAttributes for ByHand {
        const SCHEMA: &'static Schema = &SCHEMA;

        fn attributes(&self, attributes: &mut Attributes) {
            attributes.index("user_id", &self.user_id);
            attributes.limit("user_id", self.seats);
            if self.seats == 7 {
                attributes.limit("theme", 1);
            }
        }
    }

    let bench = TestBench::<ByHand>::new().await;
    let with = |seats| ByHand {
        user_id: Some("u-17".into()),
        seats,
    };
    bench.store.create(with(2)).await.unwrap();
    bench.store.create(with(2)).await.unwrap();
    assert_eq!(limit_of(bench.store.create(with(2)).await), 2);
    bench.store.create(with(9)).await.unwrap();
    assert_eq!(limit_of(bench.store.create(with(9)).await), 3);
    bench.wire.clear();
    match bench.store.create(with(7)).await {
        Err(Error::Encode(error)) => {
            let message = session_store_tests::chain(&error);
            assert!(message.contains("theme"), "{message}");
            assert!(message.contains("no consistent index"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.wire.operations(), Vec::<String>::new());
}
