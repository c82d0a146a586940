//! G5. Expired is absent, for load, list, count and revoke, no matter how late DynamoDB's TTL is.

use std::time::Duration;

use session_store::{AttributeValue, Error, Session};
use session_store_tests::TestBench;

use crate::App;

#[tokio::test]
async fn an_expired_session_is_absent_for_load_list_count_and_revoke() {
    let bench = TestBench::<App>::new().await;
    let old = bench.store.create(App::of("u-17")).await.unwrap();
    bench.clock.advance(Duration::from_secs(20 * 60));
    let young = bench.store.create(App::of("u-17")).await.unwrap();
    bench.clock.advance(Duration::from_secs(10 * 60));
    assert!(
        bench.item(old.handle()).await.is_some(),
        "TTL has not deleted it"
    );

    bench.wire.clear();
    assert!(bench.store.load(old.id()).await.unwrap().is_none());
    assert_eq!(
        bench.wire.operations(),
        ["GetItem"],
        "reading it costs no write"
    );
    assert!(bench.store.load(young.id()).await.unwrap().is_some());

    let mut sessions = bench.store.sessions(App::USER_ID, "u-17");
    assert_eq!(
        sessions.next().await.unwrap().unwrap().handle(),
        young.handle()
    );
    assert!(sessions.next().await.is_none());
    assert_eq!(
        bench
            .store
            .sessions(App::USER_ID, "u-17")
            .count()
            .await
            .unwrap(),
        1
    );

    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.already_gone()), (1, 1));
    assert!(bench.items().await.is_empty());
}

#[tokio::test]
async fn a_session_expires_at_the_exact_second() {
    let bench = TestBench::<App>::new().await;
    let begin = bench.clock.millis();
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.clock.set(begin + 30 * 60 * 1000 - 1);
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
    bench.clock.set(begin + 30 * 60 * 1000);
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}

/// DynamoDB needs the TTL in seconds, as a number, or it never deletes the item.
#[tokio::test]
async fn the_ttl_attribute_is_in_seconds() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    let ends: u64 = item["expires_at"].as_n().unwrap().parse().unwrap();
    assert_eq!(ends, bench.clock.millis() / 1000 + 30 * 60);
    let ttl = bench
        .client
        .describe_time_to_live()
        .table_name(bench.store.table_name());
    let ttl = ttl.send().await.unwrap().time_to_live_description.unwrap();
    assert_eq!(ttl.attribute_name(), Some("expires_at"));
}

/// The time of creation in each of the tests below: 400 milliseconds into a second.
const INTO_THE_SECOND: u64 = 400;

async fn begun() -> (TestBench<App>, u64) {
    let bench = TestBench::<App>::new().await;
    bench.clock.set(bench.clock.millis() + INTO_THE_SECOND);
    let begin = bench.clock.millis();
    (bench, begin)
}

const IDLE: u64 = 30 * 60 * 1000;

/// DynamoDB's TTL takes whole seconds, rounded up. In the rest of the last second, nobody reads the session or
/// writes to it.
#[tokio::test]
async fn a_session_expires_at_the_exact_millisecond() {
    let (bench, begin) = begun().await;
    let store = &bench.store;
    let session = store.create(App::of("u-17")).await.unwrap();
    let copy = || async { store.load(session.id()).await.unwrap() };
    let mut copies = Vec::new();
    for _ in 0..4 {
        copies.push(copy().await.unwrap());
    }
    let listed = || async { store.sessions(App::USER_ID, "u-17").count().await.unwrap() };

    bench.clock.set(begin + IDLE - 1);
    assert!(copy().await.is_some());
    assert_eq!(listed().await, 1);
    let before = bench.items().await;
    for into_the_second in [INTO_THE_SECOND, INTO_THE_SECOND + 1, 999] {
        bench
            .clock
            .set(begin + IDLE + into_the_second - INTO_THE_SECOND);
        assert!(copy().await.is_none(), "{into_the_second}");
        assert_eq!(listed().await, 0);
        let gone = |result: Result<(), Error>| match result {
            Err(Error::Gone(gone)) => assert!(gone.is_expired()),
            other => panic!("{other:?} at {into_the_second}"),
        };
        let [save, touch, cycle, _] = &mut copies[..] else {
            panic!()
        };
        save.visits += 1;
        gone(store.save(save).await);
        gone(store.touch(touch).await);
        gone(store.cycle_id(cycle).await);
        let updated = store.update(session.id(), |app| app.visits += 1).await;
        assert!(matches!(updated, Err(Error::Gone(_))));
        assert_eq!(bench.items().await, before, "{into_the_second}");
    }
}

/// What a read has called live can be written to, up to its last millisecond.
#[tokio::test]
async fn a_session_can_be_written_to_until_its_last_millisecond() {
    let (bench, begin) = begun().await;
    let store = &bench.store;
    for before in [1, 200, INTO_THE_SECOND - 1] {
        for change in ["save", "touch", "cycle", "update"] {
            bench.clock.set(begin);
            let session = store.create(App::of("u-17")).await.unwrap();
            bench.clock.set(begin + IDLE - before);
            let mut copy = store.load(session.id()).await.unwrap().unwrap();
            bench.wire.clear();
            copy.visits += 1;
            match change {
                "save" => store.save(&mut copy).await.unwrap(),
                "touch" => store.touch(&mut copy).await.unwrap(),
                "cycle" => store.cycle_id(&mut copy).await.unwrap(),
                _ => store
                    .update(session.id(), |app| app.visits += 1)
                    .await
                    .unwrap(),
            }
            let writes = bench.wire.operations().len();
            assert_eq!(writes, if change == "update" { 2 } else { 1 }, "{change}");
            bench.clock.set(begin + 2 * IDLE - before - 1);
            assert!(store.load(copy.id()).await.unwrap().is_some(), "{change}");
            bench.clock.set(begin + 2 * IDLE - before);
            assert!(store.load(copy.id()).await.unwrap().is_none(), "{change}");
        }
    }
}

/// Also with an idle timeout of its own, which another copy has chosen meanwhile.
#[tokio::test]
async fn an_own_idle_timeout_ends_a_session_at_the_exact_millisecond() {
    let (bench, begin) = begun().await;
    let store = &bench.store;
    for longer in [true, false] {
        let minutes = if longer { 60 } else { 10 };
        bench.clock.set(begin);
        let mut owner = store.create(App::of("u-17")).await.unwrap();
        let id = owner.id().clone();
        let mut others = Vec::new();
        for _ in 0..3 {
            others.push(store.load(&id).await.unwrap().unwrap());
        }
        Session::set_idle_timeout(&mut owner, Some(Duration::from_secs(minutes * 60)));
        store.save(&mut owner).await.unwrap();

        let end = begin + minutes * 60 * 1000;
        bench.clock.set(end - 1);
        assert!(store.load(&id).await.unwrap().is_some());
        if longer {
            // They do not know the longer timeout, but the session is live.
            others[0].visits += 1;
            store.save(&mut others[0]).await.unwrap();
        }
        let item = bench.item(owner.handle()).await.unwrap();
        bench.clock.set(end);
        if !longer {
            assert!(store.load(&id).await.unwrap().is_none());
            others[1].visits += 1;
            let saved = store.save(&mut others[1]).await;
            assert!(matches!(saved, Err(Error::Gone(_))));
            let touched = store.touch(&mut others[2]).await;
            assert!(matches!(touched, Err(Error::Gone(_))));
            assert_eq!(bench.item(owner.handle()).await.unwrap(), item);
        }
    }
}

/// An end that neither the last use nor the absolute timeout explains, as another program may store it.
#[tokio::test]
async fn an_end_that_only_the_item_knows_is_a_whole_second() {
    let (bench, begin) = begun().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let mut item = bench.item(session.handle()).await.unwrap();
    let end = begin / 1000 + 100;
    item.insert("expires_at".into(), AttributeValue::N(end.to_string()));
    bench.put(item).await;
    bench.clock.set(end * 1000 - 1);
    let mut copy = bench.store.load(session.id()).await.unwrap().unwrap();
    copy.visits += 1;
    bench.store.save(&mut copy).await.unwrap();
    let mut item = bench.item(session.handle()).await.unwrap();
    item.insert("expires_at".into(), AttributeValue::N(end.to_string()));
    bench.put(item).await;
    bench.clock.set(end * 1000);
    assert!(bench.store.load(session.id()).await.unwrap().is_none());
}
