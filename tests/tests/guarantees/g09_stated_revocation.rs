//! G9. A default index misses what DynamoDB has not yet indexed. It does not end a session that no
//! longer has the value.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde_json::{Value, json};
use session_store::{Session, SessionHandle};
use session_store_tests::{Bench, Fault};

use crate::App;

async fn log_in(bench: &Bench<App>, user: &str, sessions: usize) -> Vec<Session<App>> {
    let mut all = Vec::new();
    for _ in 0..sessions {
        bench.clock.advance(Duration::from_millis(10));
        all.push(bench.store.create(App::of(user)).await.unwrap());
    }
    all
}

/// The index has not seen this session yet.
fn not_yet(handle: SessionHandle) -> Fault {
    Fault::edit(move |answer| {
        let items = answer["Items"].as_array_mut().unwrap();
        items.retain(|item| item["id"]["S"] != handle.to_string());
    })
}

/// The index still shows this session.
fn still(handle: SessionHandle) -> Fault {
    Fault::edit(move |answer| {
        let item = json!({ "id": { "S": handle.to_string() } });
        answer["Items"].as_array_mut().unwrap().push(item);
    })
}

#[tokio::test]
async fn all_sessions_of_one_user_and_of_no_other() {
    let bench = Bench::<App>::new().await;
    let mine = log_in(&bench, "u-17", 3).await;
    let other = log_in(&bench, "u-18", 1).await;
    let revoked = bench
        .store
        .revoke(App::USER_ID, "u-17")
        .except(&mine[1])
        .await
        .unwrap();
    assert_eq!(
        (revoked.deleted(), revoked.already_gone(), revoked.moved()),
        (2, 0, 0)
    );
    assert!(revoked.failed().is_empty());
    for (session, live) in [
        (&mine[0], false),
        (&mine[1], true),
        (&mine[2], false),
        (&other[0], true),
    ] {
        assert_eq!(
            bench.store.load(session.id()).await.unwrap().is_some(),
            live
        );
    }
    let spared = bench
        .store
        .revoke(App::USER_ID, "u-17")
        .except_handle(mine[1].handle())
        .await
        .unwrap();
    assert_eq!(spared.deleted(), 0);
    let last = bench
        .store
        .revoke(App::USER_ID, String::from("u-17"))
        .except_handle(mine[0].handle())
        .await
        .unwrap();
    assert_eq!(last.deleted(), 1);
}

#[tokio::test]
async fn a_late_index_misses_a_new_session() {
    let bench = Bench::<App>::new().await;
    let sessions = log_in(&bench, "u-17", 2).await;
    bench.wire.next("Query", not_yet(sessions[1].handle()));
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        1
    );
    bench.wire.next("Query", not_yet(sessions[1].handle()));
    assert_eq!(
        bench
            .store
            .revoke(App::USER_ID, "u-17")
            .await
            .unwrap()
            .deleted(),
        1
    );
    assert!(bench.store.load(sessions[1].id()).await.unwrap().is_some());
    assert_eq!(
        bench
            .store
            .revoke(App::USER_ID, "u-17")
            .await
            .unwrap()
            .deleted(),
        1
    );
}

#[tokio::test]
async fn a_late_index_ends_no_session_that_has_moved() {
    let bench = Bench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    session.user_id = Some("u-18".into());
    bench.store.save(&mut session).await.unwrap();

    bench.wire.next("Query", still(session.handle()));
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        0
    );
    bench.wire.next("Query", still(session.handle()));
    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.moved()), (0, 1));
    assert!(bench.store.load(session.id()).await.unwrap().is_some());

    session.user_id = None;
    bench.store.save(&mut session).await.unwrap();
    bench.wire.next("Query", still(session.handle()));
    assert_eq!(
        bench
            .store
            .revoke(App::USER_ID, "u-18")
            .await
            .unwrap()
            .moved(),
        1
    );
}

#[tokio::test]
async fn a_late_index_shows_a_session_that_is_gone() {
    let bench = Bench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.store.delete(session.id()).await.unwrap();
    bench.wire.next("Query", still(session.handle()));
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        0
    );
    bench.wire.next("Query", still(session.handle()));
    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.already_gone()), (0, 1));
}

#[tokio::test]
async fn what_could_not_be_ended_is_named() {
    let bench = Bench::<App>::new().await;
    log_in(&bench, "u-17", 3).await;
    // Each as often as the store tries it, and as often as the SDK sends that.
    for _ in 0..3 * 8 * 3 {
        bench.wire.next("DeleteItem", Fault::throttled());
    }
    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (0, 3));
    let left: Vec<_> = bench.items().await;
    for failure in revoked.failed() {
        assert!(
            left.iter()
                .any(|item| item["id"].as_s().unwrap() == &failure.handle().to_string())
        );
        match failure.error() {
            session_store::Error::Service(error) => {
                assert!(error.is_throttled() && error.is_retryable())
            }
            error => panic!("{error:?}"),
        }
    }
    assert_eq!(
        bench
            .store
            .revoke(App::USER_ID, "u-17")
            .await
            .unwrap()
            .deleted(),
        3
    );
}

#[tokio::test]
async fn newest_first_over_all_pages() {
    let bench = Bench::<App>::new().await;
    let all = log_in(&bench, "u-17", 230).await;
    let newest_first: Vec<_> = all.iter().rev().map(Session::handle).collect();
    bench.wire.clear();

    let mut found = Vec::new();
    let mut sessions = bench.store.sessions(App::USER_ID, "u-17");
    while let Some(session) = sessions.next().await {
        let session = session.unwrap();
        assert!(
            session.created_at() <= session.touched_at()
                && session.touched_at() < session.expires_at()
        );
        found.push(session.handle());
    }
    assert_eq!(found, newest_first);
    let queries = bench
        .wire
        .operations()
        .iter()
        .filter(|op| *op == "Query")
        .count();
    assert_eq!(queries, 3, "pages of 100");

    bench.wire.clear();
    let mut some = bench.store.sessions(App::USER_ID, "u-17").limit(5);
    let mut five = Vec::new();
    while let Some(session) = some.next().await {
        five.push(session.unwrap().handle());
    }
    assert_eq!(five, newest_first[..5]);
    assert_eq!(bench.wire.calls()[0].input["Limit"], 5);

    // As a `Stream`, with the traits of others.
    use futures_util::TryStreamExt as _;
    let listed: Vec<_> = bench
        .store
        .sessions(App::USER_ID, "u-17")
        .try_collect()
        .await
        .unwrap();
    assert_eq!(listed.len(), 230);

    assert_eq!(
        bench
            .store
            .revoke(App::USER_ID, "u-17")
            .await
            .unwrap()
            .deleted(),
        230
    );
    assert!(bench.items().await.is_empty());
}

/// DynamoDB may leave a part of a batch undone, and says which.
#[tokio::test]
async fn an_unprocessed_part_of_a_batch_is_read_again() {
    let bench = Bench::<App>::new().await;
    let sessions = log_in(&bench, "u-17", 3).await;
    let table = bench.store.table_name().to_owned();
    let left = sessions[1].handle().to_string();
    bench.wire.next(
        "BatchGetItem",
        Fault::edit(move |answer: &mut Value| {
            let items = answer["Responses"][&table].as_array_mut().unwrap();
            items.retain(|item| item["id"]["S"] != left);
            answer["UnprocessedKeys"] = json!({ table: { "Keys": [{ "id": { "S": left } }] } });
        }),
    );
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        3
    );
    assert_eq!(
        bench
            .wire
            .operations()
            .iter()
            .filter(|op| *op == "BatchGetItem")
            .count(),
        2
    );
}

/// A button beside each line of "your devices", and a user who puts in somebody else's handle.
#[tokio::test]
async fn only_one_and_only_ones_own() {
    let bench = Bench::<App>::new().await;
    let mine = log_in(&bench, "u-17", 2).await;
    let other = log_in(&bench, "u-18", 1).await;
    bench.wire.clear();
    let revoke = |session: &Session<App>| {
        bench
            .store
            .revoke(App::USER_ID, "u-17")
            .only(session.handle())
    };
    assert_eq!(revoke(&mine[0]).await.unwrap().deleted(), 1);
    assert_eq!(revoke(&mine[0]).await.unwrap().already_gone(), 1);
    assert_eq!(revoke(&other[0]).await.unwrap().moved(), 1);
    assert_eq!(
        revoke(&mine[1]).except(&mine[1]).await.unwrap().deleted(),
        0
    );
    assert_eq!(bench.wire.operations(), ["DeleteItem"; 3]);
    assert!(bench.store.load(other[0].id()).await.unwrap().is_some());

    bench.wire.next(
        "DeleteItem",
        Fault::Answer(400, "AccessDeniedException", "no"),
    );
    assert!(matches!(
        revoke(&mine[1]).await,
        Err(session_store::Error::Service(_))
    ));
}

/// A table shared with other entities: what is no session is neither listed nor ended.
#[tokio::test]
async fn an_item_that_is_no_session_is_left_alone() {
    let bench = Bench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let mut order = bench.item(session.handle()).await.unwrap();
    order.insert(
        "id".into(),
        aws_sdk_dynamodb::types::AttributeValue::S("order-1".into()),
    );
    bench.put(order).await;
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        bench
            .store
            .revoke(App::USER_ID, "u-17")
            .await
            .unwrap()
            .deleted(),
        1
    );
    assert_eq!(bench.items().await.len(), 1);
}

/// What the index had not shown yet is missed without a second pass, and found with it.
#[tokio::test]
async fn a_second_pass_finds_what_the_index_showed_late() {
    let bench = Bench::<App>::new().await;
    let sessions = log_in(&bench, "u-17", 3).await;
    bench.wire.next("Query", not_yet(sessions[1].handle()));
    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!(revoked.deleted(), 2);
    assert!(bench.store.load(sessions[1].id()).await.unwrap().is_some());

    let new = log_in(&bench, "u-17", 2).await;
    bench.wire.clear();
    bench.wire.next("Query", not_yet(new[0].handle()));
    // The second time, it still shows one that the first pass has ended.
    bench.wire.next("Query", still(new[1].handle()));
    let revoke = bench.store.revoke(App::USER_ID, "u-17");
    let revoked = revoke.sweep_after(Duration::from_millis(1)).await.unwrap();
    assert_eq!((revoked.deleted(), revoked.already_gone()), (3, 0));
    assert!(bench.items().await.is_empty());
}

/// One that could not be ended at first is no failure any more when the second pass ends it.
#[tokio::test]
async fn a_second_pass_ends_what_could_not_be_ended_at_first() {
    let bench = Bench::<App>::new().await;
    log_in(&bench, "u-17", 2).await;
    for _ in 0..3 {
        bench.wire.next("DeleteItem", Fault::Refuse);
    }
    let revoke = bench.store.revoke(App::USER_ID, "u-17");
    let one_by_one = NonZeroUsize::MIN;
    let revoke = revoke
        .in_flight(one_by_one)
        .sweep_after(Duration::from_millis(1));
    let revoked = revoke.await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (2, 0));
}

#[tokio::test]
async fn throttling_is_waited_out() {
    let bench = Bench::<App>::new().await;
    log_in(&bench, "u-17", 3).await;
    for _ in 0..9 {
        bench.wire.next("DeleteItem", Fault::throttled());
    }
    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (3, 0));
}

#[tokio::test]
async fn only_sessions_from_before_a_moment() {
    let bench = Bench::<App>::new().await;
    log_in(&bench, "u-17", 2).await;
    bench.clock.advance(Duration::from_millis(10));
    let moment = std::time::UNIX_EPOCH + Duration::from_millis(bench.clock.millis());
    let young = log_in(&bench, "u-17", 2).await;
    let revoke = bench.store.revoke(App::USER_ID, "u-17");
    assert_eq!(revoke.created_before(moment).await.unwrap().deleted(), 2);
    let left = bench
        .store
        .sessions(App::USER_ID, "u-17")
        .all()
        .await
        .unwrap();
    let left: Vec<_> = left.iter().map(|session| session.handle()).collect();
    assert_eq!(left, [young[1].handle(), young[0].handle()]);
}

/// Dropped half-way, what was reported is done, and the rest is untouched.
#[tokio::test]
async fn a_revocation_that_is_dropped_has_done_what_it_reported() {
    let bench = Bench::<App>::new().await;
    log_in(&bench, "u-17", 5).await;
    let (report, mut reported) = tokio::sync::mpsc::unbounded_channel();
    // The third delete does not get to the engine.
    for _ in 0..2 {
        bench.wire.next("DeleteItem", Fault::meanwhile(async || ()));
    }
    let never = Fault::meanwhile(std::future::pending);
    bench.wire.next("DeleteItem", never);
    let revoke = bench
        .store
        .revoke(App::USER_ID, "u-17")
        .in_flight(NonZeroUsize::MIN);
    let revoke = revoke.on_progress(move |done| report.send(done.deleted()).unwrap());
    let mut done = 0;
    tokio::select! {
        () = async {
            while done < 2 {
                done = reported.recv().await.unwrap();
            }
        } => {}
        revoked = revoke => panic!("{revoked:?}"),
    }
    assert!(
        reported.recv().await.is_none(),
        "nothing is done after that"
    );
    assert_eq!(bench.items().await.len(), 3);
    let rest = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!(rest.deleted(), 3);
    assert!(bench.items().await.is_empty());
}
