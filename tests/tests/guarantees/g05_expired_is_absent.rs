//! G5. Expired is absent, for load, list, count and revoke, no matter how late DynamoDB's TTL is.

use std::time::Duration;

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
