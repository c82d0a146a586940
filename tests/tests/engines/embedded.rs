//! The engine in this process, in memory.

use session_store::embedded::Embedded;
use session_store::{DynamoDbStore, SessionAttributes};

use crate::App;

#[tokio::test]
async fn an_embedded_store_in_memory_has_its_table() {
    let store = DynamoDbStore::<App>::builder()
        .embedded()
        .build()
        .await
        .unwrap();
    store.verify_table().await.unwrap();
    assert_eq!(store.table_name(), App::SCHEMA.table());
    let session = store.create(App::of("u-17")).await.unwrap();
    assert!(store.load(session.id()).await.unwrap().is_some());
}

#[tokio::test]
async fn embedded_stores_in_one_process_are_separate() {
    let one = DynamoDbStore::<App>::builder()
        .embedded()
        .build()
        .await
        .unwrap();
    let two = DynamoDbStore::<App>::builder()
        .embedded()
        .build()
        .await
        .unwrap();
    let session = one.create(App::of("u-17")).await.unwrap();
    assert!(two.load(session.id()).await.unwrap().is_none());
}

/// Nothing waits for it, so that tokio's paused time stands still and a dropped future leaves nothing behind.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_call_is_done_when_it_is_polled_once() {
    let began = tokio::time::Instant::now();
    let store = DynamoDbStore::<App>::builder()
        .embedded()
        .build()
        .await
        .unwrap();
    for _ in 0..100 {
        let create = std::pin::pin!(store.create(App::of("u-17")));
        assert!(futures_util::poll!(create).is_ready());
    }
    assert_eq!(began.elapsed(), std::time::Duration::ZERO);
}

#[tokio::test]
async fn two_hundred_stores_at_once_are_separate() {
    let stores = (0..200).map(|_| DynamoDbStore::<App>::builder().embedded().build());
    let stores = futures_util::future::try_join_all(stores).await.unwrap();
    for store in &stores {
        store.create(App::of("u-17")).await.unwrap();
    }
    for store in &stores {
        assert_eq!(
            store.sessions(App::USER_ID, "u-17").count().await.unwrap(),
            1
        );
    }
}

#[tokio::test]
async fn clients_of_one_embedded_engine_share_its_database() {
    let embedded = Embedded::memory().await.unwrap();
    let store = DynamoDbStore::<App>::builder()
        .client(embedded.client())
        .build()
        .await
        .unwrap();
    store.create_table().await.unwrap();
    let session = store.create(App::of("u-17")).await.unwrap();
    let other = DynamoDbStore::<App>::builder()
        .client(embedded.client())
        .build()
        .await
        .unwrap();
    assert!(
        other.load(session.id()).await.unwrap().is_some(),
        "both use the same database"
    );
    let unsupported = embedded.client().list_backups().send().await;
    assert!(unsupported.is_err());
}
