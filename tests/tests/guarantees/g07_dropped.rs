//! G7 and G13 for a change of id whose future is dropped half-way, as when the client of a request goes away:
//! it may have been carried out, and what comes next finds out.

use std::future::pending;
use std::time::Duration;

use session_store::{Error, Session, SessionId};
use session_store_tests::{Fault, TestBench};

use crate::App;

const TRANSACT: &str = "TransactWriteItems";

async fn live(bench: &TestBench<App>, id: &SessionId) -> bool {
    bench.store.load(id).await.unwrap().is_some()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Begun {
    CarriedOut,
    NotCarriedOut,
}

const BOTH: [Begun; 2] = [Begun::CarriedOut, Begun::NotCarriedOut];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Cycle,
    LogIn,
}

/// Begins a change of id, and drops its future when its transaction is carried out, or before it is.
async fn begin_and_drop(
    bench: &TestBench<App>,
    session: &mut Session<App>,
    kind: Kind,
    begun: Begun,
) {
    let change = async {
        match kind {
            Kind::Cycle => bench.store.cycle_id(session).await,
            Kind::LogIn => bench.store.log_in(session).await,
        }
    };
    match begun {
        Begun::CarriedOut => {
            let (fault, mut held) = Fault::held();
            bench.wire.next(TRANSACT, fault);
            tokio::select! {
                changed = change => panic!("{changed:?}"),
                () = held.carried_out() => {}
            }
        }
        Begun::NotCarriedOut => {
            let (sent, arrives) = tokio::sync::oneshot::channel();
            bench.wire.next(
                TRANSACT,
                Fault::meanwhile(|| async {
                    sent.send(()).unwrap();
                    pending().await
                }),
            );
            tokio::select! {
                changed = change => panic!("{changed:?}"),
                arrived = arrives => arrived.unwrap(),
            }
        }
    }
    bench.wire.clear();
}

fn is_unknown(changed: &Result<(), Error>) -> bool {
    match changed {
        Err(Error::Service(error)) => error.outcome_unknown(),
        Err(Error::Conflict(error)) => error.outcome_unknown(),
        _ => false,
    }
}

async fn is_where_it_says(bench: &TestBench<App>, session: &Session<App>, old: &SessionId) {
    assert_ne!(session.id(), old);
    assert!(live(bench, session.id()).await);
    assert!(!live(bench, old).await);
}

/// A refusal of the second transaction says nothing of the first.
#[tokio::test]
async fn a_dropped_change_of_id_is_not_forgotten_by_a_throttled_one() {
    for (begun, kind) in BOTH
        .into_iter()
        .flat_map(|begun| [(begun, Kind::Cycle), (begun, Kind::LogIn)])
    {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::of("u-17")).await.unwrap();
        let old = session.id().clone();
        begin_and_drop(&bench, &mut session, kind, begun).await;

        bench.wire.every(TRANSACT, Fault::throttled);
        let cycled = bench.store.cycle_id(&mut session).await;
        assert!(is_unknown(&cycled), "{begun:?} {kind:?}: {cycled:?}");
        bench.wire.restore(TRANSACT);
        bench.store.cycle_id(&mut session).await.unwrap();
        is_where_it_says(&bench, &session, &old).await;
        assert_eq!(bench.items().await.len(), 1);
    }
}

/// DynamoDB refuses a token that comes with another transaction.
#[tokio::test]
async fn what_is_set_after_a_dropped_change_of_id_does_not_change_its_transaction() {
    for begun in BOTH {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::of("u-17")).await.unwrap();
        let old = session.id().clone();
        begin_and_drop(&bench, &mut session, Kind::Cycle, begun).await;

        Session::set_idle_timeout(&mut session, Duration::from_secs(60));
        session.visits = 7;
        bench.store.cycle_id(&mut session).await.unwrap();
        is_where_it_says(&bench, &session, &old).await;
        let [transaction] = &bench.wire.calls()[..1] else {
            panic!("no call")
        };
        assert_eq!(transaction.operation, TRANSACT);

        // Neither is stored yet, and both are with the next save.
        bench.store.save(&mut session).await.unwrap();
        let stored = bench.store.load(session.id()).await.unwrap().unwrap();
        assert_eq!(stored.visits, 7);
        bench.clock.advance(Duration::from_secs(61));
        assert!(!live(&bench, session.id()).await);
    }
}

#[tokio::test]
async fn what_follows_a_dropped_change_of_id_acts_on_the_right_id() {
    for begun in BOTH {
        for what in ["save", "touch", "refresh"] {
            let bench = TestBench::<App>::new().await;
            let mut session = bench.store.create(App::of("u-17")).await.unwrap();
            let old = session.id().clone();
            begin_and_drop(&bench, &mut session, Kind::Cycle, begun).await;

            session.visits = 7;
            let store = &bench.store;
            let done = match what {
                "save" => store.save(&mut session).await,
                "touch" => store.touch(&mut session).await,
                _ => store.refresh(&mut session).await,
            };
            done.unwrap();
            is_where_it_says(&bench, &session, &old).await;
            assert_eq!(session.visits, 7);
            store.save(&mut session).await.unwrap();
            let stored = store.load(session.id()).await.unwrap().unwrap();
            assert_eq!(stored.visits, 7, "{begun:?} {what}");
        }
    }
}

#[tokio::test]
async fn g17_a_log_out_after_a_dropped_change_of_id_ends_the_session() {
    for begun in BOTH {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::of("u-17")).await.unwrap();
        let old = session.id().clone();
        begin_and_drop(&bench, &mut session, Kind::LogIn, begun).await;
        bench.store.delete(&old).await.unwrap();
        assert!(bench.items().await.is_empty(), "{begun:?}");

        // What was begun does not bring it back.
        let resumed = bench.store.cycle_id(&mut session).await;
        assert!(matches!(resumed, Err(Error::Gone(_))) || !live(&bench, session.id()).await);
        assert!(bench.items().await.is_empty(), "{begun:?}");
    }
}

/// The log-in that is answered is the last one.
#[tokio::test]
async fn a_log_in_after_a_dropped_one_stores_its_own_user() {
    for begun in BOTH {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::default()).await.unwrap();
        let old = session.id().clone();
        session.user_id = Some("u-17".into());
        begin_and_drop(&bench, &mut session, Kind::LogIn, begun).await;
        session.user_id = Some("u-18".into());
        bench.store.log_in(&mut session).await.unwrap();
        is_where_it_says(&bench, &session, &old).await;
        let stored = bench.store.load(session.id()).await.unwrap().unwrap();
        assert_eq!(stored.user_id.as_deref(), Some("u-18"), "{begun:?}");
        assert_eq!(bench.items().await.len(), 1);
    }
}

#[tokio::test]
async fn a_transaction_that_is_cancelled_by_throttling_is_tried_again() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    for code in ["ThrottlingError", "ProvisionedThroughputExceeded"] {
        bench.wire.clear();
        let reasons = serde_json::json!([{ "Code": "None" }, { "Code": code, "Message": "busy" }]);
        bench.wire.next(TRANSACT, Fault::cancelled(reasons));
        bench.store.log_in(&mut session).await.unwrap();
        assert_eq!(bench.wire.operations(), [TRANSACT; 2]);
        assert!(live(&bench, session.id()).await);
    }
}

#[tokio::test]
async fn g13_a_write_that_another_region_holds_up_is_tried_again() {
    let bench = TestBench::<App>::new().await;
    let conflict = || Fault::Answer(400, "ReplicatedWriteConflictException", "another Region");
    bench.wire.next("PutItem", conflict());
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.next("UpdateItem", conflict());
    session.visits = 1;
    bench.store.save(&mut session).await.unwrap();
    bench.wire.next("DeleteItem", conflict());
    bench.store.delete(session.id()).await.unwrap();
    assert!(bench.items().await.is_empty());
}
