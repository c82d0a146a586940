//! A change of id of unknown outcome that meets a full roster: the limit is the answer, also when it is resumed.

use session_store::{Error, Session};
use session_store_tests::{Fault, TestBench};

use super::{Seats, seats, take_seats};

const TRANSACT: &str = "TransactWriteItems";

#[derive(Clone, Copy, Debug)]
enum Then {
    CycleId,
    Save,
    LogIn,
}

/// A visitor who logs in as the user of a full roster, and gets no answer.
async fn begin(bench: &TestBench<Seats>) -> Session<Seats> {
    let mut session = bench.store.create(Seats::default()).await.unwrap();
    *session = seats();
    bench.wire.every(TRANSACT, || Fault::LoseResponse);
    match bench.store.cycle_id(&mut session).await {
        Err(Error::Service(error)) => assert!(error.outcome_unknown()),
        cycled => panic!("{cycled:?}"),
    }
    bench.wire.restore(TRANSACT);
    session
}

#[tokio::test]
async fn a_full_roster_refuses_a_change_of_id_that_is_resumed() {
    for then in [Then::CycleId, Then::Save, Then::LogIn] {
        let bench = TestBench::<Seats>::new().await;
        take_seats(&bench, 3).await;
        let mut session = begin(&bench).await;
        let id = session.id().clone();

        let resumed = match then {
            Then::CycleId => bench.store.cycle_id(&mut session).await,
            Then::Save => bench.store.save(&mut session).await,
            Then::LogIn => bench.store.log_in(&mut session).await,
        };
        match resumed {
            Err(Error::Limit(limit)) => assert_eq!(limit.index(), "user_id"),
            resumed => panic!("{then:?}: {resumed:?}"),
        }

        // The session is where it was, and can be used.
        assert_eq!(session.id(), &id);
        assert_eq!(*session, seats());
        *session = Seats::default();
        bench.store.save(&mut session).await.unwrap();
        assert_eq!(bench.store.load(&id).await.unwrap().unwrap().user_id, None);
    }
}

/// The request that got no answer may still arrive. It then finds another version than the one that it needs.
#[tokio::test]
async fn a_change_of_id_that_was_refused_cannot_be_carried_out_later() {
    let bench = TestBench::<Seats>::new().await;
    take_seats(&bench, 3).await;
    let mut session = begin(&bench).await;
    let handle = session.handle();
    let version = async || bench.item(handle).await.unwrap()["version"].clone();
    let needed = version().await;
    bench.store.cycle_id(&mut session).await.unwrap_err();
    assert_ne!(version().await, needed);
}

/// The answer that was lost said that it is done.
#[tokio::test]
async fn a_change_of_id_that_was_carried_out_is_found_though_the_roster_is_full_since() {
    let bench = TestBench::<Seats>::new().await;
    take_seats(&bench, 2).await;
    let mut session = begin(&bench).await;
    let old = session.id().clone();
    assert!(bench.store.create(seats()).await.is_err(), "it has a seat");
    bench.store.cycle_id(&mut session).await.unwrap();
    assert!(bench.store.load(&old).await.unwrap().is_none());
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
}
