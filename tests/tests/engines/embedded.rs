//! The engine in this process: in memory, or in a file that survives a restart.

use session_store::embedded::Embedded;
use session_store::{DynamoDbStore, Error, SessionAttributes};

use crate::App;

fn folder() -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("session-store-{}", fastrand::u64(..)));
    std::fs::create_dir(&folder).unwrap();
    folder
}

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

#[tokio::test]
async fn a_file_survives_a_restart() {
    let folder = folder();
    let path = folder.join("sessions.db");
    let store = DynamoDbStore::<App>::builder()
        .embedded_at(&path)
        .build()
        .await
        .unwrap();
    let mut session = store.create(App::of("u-17")).await.unwrap();
    session.visits = 1;
    store.save(&mut session).await.unwrap();
    drop(store);

    let store = DynamoDbStore::<App>::builder()
        .embedded_at(&path)
        .build()
        .await
        .unwrap();
    let loaded = store.load(session.id()).await.unwrap().unwrap();
    assert_eq!((loaded.visits, loaded.version()), (1, 2));
    assert_eq!(
        store.sessions(App::USER_ID, "u-17").count().await.unwrap(),
        1
    );
    drop(store);
    std::fs::remove_dir_all(folder).unwrap();
}

/// SQLite keeps its log beside the file until the last connection is closed properly.
#[tokio::test]
async fn a_file_is_closed_when_the_last_clone_is_dropped() {
    let folder = folder();
    let path = folder.join("sessions.db");
    let store = DynamoDbStore::<App>::builder()
        .embedded_at(&path)
        .build()
        .await
        .unwrap();
    let clone = store.clone();
    store.create(App::of("u-17")).await.unwrap();
    drop(store);
    clone.create(App::of("u-17")).await.unwrap();
    assert!(folder.join("sessions.db-wal").exists());
    drop(clone);
    let left: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(left, ["sessions.db"]);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn two_stores_on_one_file_see_each_others_sessions() {
    let folder = folder();
    let path = folder.join("sessions.db");
    let one = DynamoDbStore::<App>::builder()
        .embedded_at(&path)
        .build()
        .await
        .unwrap();
    let two = DynamoDbStore::<App>::builder()
        .embedded_at(&path)
        .build()
        .await
        .unwrap();
    let mut sessions = Vec::new();
    for _ in 0..20 {
        let (a, b) = futures_util::join!(one.create(App::of("u-17")), two.create(App::of("u-17")));
        sessions.extend([a.unwrap(), b.unwrap()]);
    }
    assert_eq!(
        one.sessions(App::USER_ID, "u-17").count().await.unwrap(),
        40
    );
    assert_eq!(
        two.revoke(App::USER_ID, "u-17").await.unwrap().deleted(),
        40
    );
    drop((one, two));
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused() {
    let folder = folder();
    let path = folder.join("notes.txt");
    std::fs::write(
        &path,
        "not a database, and longer than a header of SQLite would be: ".repeat(40),
    )
    .unwrap();
    let opened = DynamoDbStore::<App>::builder()
        .embedded_at(&path)
        .build()
        .await;
    assert!(matches!(opened, Err(Error::Setup(_))), "{opened:?}");
    let missing = DynamoDbStore::<App>::builder()
        .embedded_at(folder.join("no/such/folder.db"))
        .build()
        .await;
    assert!(matches!(missing, Err(Error::Setup(_))), "{missing:?}");
    std::fs::remove_dir_all(folder).unwrap();
}

/// If the call ran on this thread, it would always be done within the first poll.
#[tokio::test(flavor = "current_thread")]
async fn embedded_calls_do_not_run_on_the_async_threads() {
    let store = DynamoDbStore::<App>::builder()
        .embedded()
        .build()
        .await
        .unwrap();
    let mut waited = 0;
    for _ in 0..100 {
        let mut create = std::pin::pin!(store.create(App::of("u-17")));
        if futures_util::poll!(&mut create).is_pending() {
            waited += 1;
            create.await.unwrap();
        }
    }
    assert!(waited > 0, "the response comes from another thread");
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
