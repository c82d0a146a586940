//! The limit holds for every way into a roster, for many parallel log-ins, and with faults.

use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use session_store::{Error, Session, SessionAttributes};
use session_store_tests::{Fault, TestBench};

use super::{Seats, Three, listed, log_in, seats, stored, take_seats, three};

#[tokio::test]
async fn one_session_too_many_ends_the_oldest() {
    let bench = TestBench::<Three>::new().await;
    let old = log_in(&bench, 3).await;
    assert!(
        old.iter()
            .all(|session| Session::evicted(session).is_empty())
    );
    bench.wire.clear();
    let new = log_in(&bench, 1).await.remove(0);
    assert_eq!(Session::evicted(&new), [old[0].handle()]);
    assert_eq!(
        bench.wire.operations(),
        [
            "PutItem",
            "UpdateItem",
            "BatchGetItem",
            "TransactWriteItems"
        ]
    );
    assert_eq!(
        listed(&bench).await,
        [new.handle(), old[2].handle(), old[1].handle()]
    );
    assert!(bench.store.load(old[0].id()).await.unwrap().is_none());
}

#[tokio::test]
async fn one_session_too_many_is_refused() {
    let bench = TestBench::<Seats>::new().await;
    let old = take_seats(&bench, 3).await;
    match bench.store.create(seats()).await {
        Err(Error::Limit(limit)) => assert_eq!((limit.index(), limit.limit()), ("user_id", 3)),
        created => panic!("{created:?}"),
    }
    assert_eq!(stored(&bench).await, 3);
    bench.store.delete(old[0].id()).await.unwrap();
    take_seats(&bench, 1).await;
}

/// Each of many parallel log-ins is in the roster or gets an error. There is no intermediate state.
#[tokio::test]
async fn sixty_four_log_ins_at_once_leave_exactly_the_limit() {
    let bench = TestBench::<Three>::new().await;
    let created = join_all((0..64).map(|_| bench.store.create(three()))).await;
    let (done, failed): (Vec<_>, Vec<_>) = created.into_iter().partition(Result::is_ok);
    for error in failed {
        assert!(matches!(error, Err(Error::Conflict(_))), "{error:?}");
    }
    let done: Vec<_> = done.into_iter().map(Result::unwrap).collect();
    let live = listed(&bench).await;
    assert_eq!((live.len(), stored(&bench).await), (3, 3));
    let mut ended: Vec<_> = done.iter().flat_map(Session::evicted).collect();
    ended.sort();
    let count = ended.len();
    ended.dedup();
    assert_eq!(ended.len(), count, "no session is ended twice");
    for session in &done {
        let is_live = live.contains(&session.handle());
        assert_ne!(
            is_live,
            ended.contains(&&session.handle()),
            "live or evicted"
        );
    }
    assert_eq!(done.len(), 3 + ended.len());

    let bench = TestBench::<Seats>::new().await;
    let created = join_all((0..64).map(|_| bench.store.create(seats()))).await;
    let done = created.iter().filter(|created| created.is_ok()).count();
    for created in created.iter().filter(|created| created.is_err()) {
        assert!(matches!(created, Err(Error::Limit(_))), "{created:?}");
    }
    assert_eq!((done, stored(&bench).await), (3, 3));
}

/// The same while responses are lost, requests do not arrive, and transactions conflict.
#[tokio::test]
async fn sixty_four_log_ins_with_faults_leave_exactly_the_limit() {
    let bench = TestBench::<Three>::new().await;
    for _ in 0..20 {
        bench.wire.next("UpdateItem", Fault::LoseResponse);
        bench.wire.next("UpdateItem", Fault::Refuse);
        bench.wire.next("TransactWriteItems", Fault::LoseResponse);
        bench.wire.next(
            "TransactWriteItems",
            Fault::Answer(500, "InternalServerError", "again"),
        );
        bench.wire.next("PutItem", Fault::LoseResponse);
    }
    let created = join_all((0..64).map(|_| bench.store.create(three()))).await;
    let done: Vec<_> = created.into_iter().filter_map(Result::ok).collect();
    let live = listed(&bench).await;
    assert_eq!(live.len(), 3);
    assert!(
        live.iter()
            .all(|handle| done.iter().any(|session| session.handle() == *handle))
    );
    for session in &done {
        let is_live = bench.store.load(session.id()).await.unwrap().is_some();
        assert_eq!(
            is_live,
            live.contains(&session.handle()),
            "every live session is in the roster"
        );
    }
}

/// The limit holds for every operation that gives a session to a user.
#[tokio::test]
async fn saves_and_new_ids_are_subject_to_the_limit() {
    let bench = TestBench::<Three>::new().await;
    let old = log_in(&bench, 3).await;
    let mut session = bench.store.create(Three::default()).await.unwrap();
    session.user_id = three().user_id;
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(Session::evicted(&session), [old[0].handle()]);
    let mut session = bench.store.create(Three::default()).await.unwrap();
    session.user_id = three().user_id;
    bench.store.cycle_id(&mut session).await.unwrap();
    assert_eq!(Session::evicted(&session), [old[1].handle()]);
    assert_eq!(listed(&bench).await.len(), 3);
    bench.store.cycle_id(&mut session).await.unwrap();
    assert_eq!(
        Session::evicted(&session),
        [],
        "a new id is not a new session"
    );
    assert_eq!(listed(&bench).await.len(), 3);

    let bench = TestBench::<Seats>::new().await;
    take_seats(&bench, 3).await;
    let mut session = bench.store.create(Seats::default()).await.unwrap();
    let id = session.id().clone();
    session.user_id = seats().user_id;
    assert!(matches!(
        bench.store.save(&mut session).await,
        Err(Error::Limit(_))
    ));
    assert!(matches!(
        bench.store.cycle_id(&mut session).await,
        Err(Error::Limit(_))
    ));
    assert_eq!(
        (session.id(), &session.user_id),
        (&id, &seats().user_id),
        "the copy keeps the change"
    );
    assert_eq!(bench.store.load(&id).await.unwrap().unwrap().user_id, None);
    assert_eq!(stored(&bench).await, 4);
}

/// A new deployment lowers the limit: the next log-in ends all sessions over it.
#[tokio::test]
async fn a_lowered_limit_applies_from_the_next_log_in() {
    #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(
        table = "tests",
        type_name = "Three",
        idle_timeout = "30m",
        absolute_timeout = "12h"
    )]
    struct Many {
        #[dynamo(attr = "user_id", index(consistent))]
        user_id: Option<String>,
    }
    for before in [6, 40] {
        let bench = TestBench::<Three>::new().await;
        let many = bench.other::<Many>().await;
        let mut old = Vec::new();
        for _ in 0..before {
            bench.clock.advance(Duration::from_millis(1));
            let user_id = three().user_id;
            old.push(many.create(Many { user_id }).await.unwrap().handle());
        }
        let new = log_in(&bench, 1).await.remove(0);
        let (ended, kept) = old.split_at(before - 2);
        let mut evicted = Session::evicted(&new).to_vec();
        evicted.sort();
        let mut expected = ended.to_vec();
        expected.sort();
        assert_eq!(evicted, expected);
        assert_eq!(listed(&bench).await, [new.handle(), kept[1], kept[0]]);
    }
}
