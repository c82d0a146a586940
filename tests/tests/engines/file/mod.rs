//! The engine in this process, in a file that survives a restart.

mod refused;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use session_store::embedded::Embedded;
use session_store::{DynamoDbStore, Error, Session};

use crate::App;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("session-store-{}", fastrand::u64(..)));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("sessions.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

async fn at(path: impl AsRef<Path>) -> Result<DynamoDbStore<App>, Error> {
    let path = path.as_ref();
    DynamoDbStore::<App>::builder()
        .embedded_at(path)
        .build()
        .await
}

#[tokio::test]
async fn a_file_survives_a_restart() {
    let folder = Folder::new();
    let store = at(folder.file()).await.unwrap();
    let mut session = store.create(App::of("u-17")).await.unwrap();
    session.visits = 1;
    store.save(&mut session).await.unwrap();
    let ended = store.create(App::of("u-18")).await.unwrap();
    store.delete(ended.id()).await.unwrap();
    store.cycle_id(&mut session).await.unwrap();
    drop(store);

    let store = at(folder.file()).await.unwrap();
    let loaded = store.load(session.id()).await.unwrap().unwrap();
    assert_eq!((loaded.visits, loaded.version()), (1, 3));
    assert!(store.load(ended.id()).await.unwrap().is_none());
    assert_eq!(
        store.sessions(App::USER_ID, "u-17").count().await.unwrap(),
        1
    );
    store.verify_table().await.unwrap();
}

#[tokio::test]
async fn a_file_is_closed_when_the_last_clone_is_dropped() {
    let folder = Folder::new();
    let store = at(folder.file()).await.unwrap();
    let clone = store.clone();
    drop(store);
    clone.create(App::of("u-17")).await.unwrap();
    assert!(!can_be_opened_elsewhere(&folder.file()));
    drop(clone);
    assert!(can_be_opened_elsewhere(&folder.file()));
    let left = fs::read_dir(&folder.0).unwrap();
    assert_eq!(left.count(), 1);
}

#[tokio::test]
async fn close_is_for_all_clones_and_lets_another_process_in() {
    let folder = Folder::new();
    let embedded = Embedded::open(folder.file()).await.unwrap();
    let builder = DynamoDbStore::<App>::builder().client(embedded.client());
    let store = builder.build().await.unwrap();
    store.create_table().await.unwrap();
    let session = store.create(App::of("u-17")).await.unwrap();
    embedded.close().await.unwrap();
    assert!(can_be_opened_elsewhere(&folder.file()));
    match store.load(session.id()).await {
        Err(Error::Service(error)) => assert!(format!("{error:?}").contains("closed")),
        loaded => panic!("{loaded:?}"),
    }
    embedded.close().await.unwrap();

    let again = at(folder.file()).await.unwrap();
    let again = DynamoDbStore::<App>::builder()
        .client(again.client().clone())
        .build();
    assert!(
        again
            .await
            .unwrap()
            .load(session.id())
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn two_stores_on_one_file_see_each_others_sessions() {
    let folder = Folder::new();
    let one = at(folder.file()).await.unwrap();
    let two = at(folder.0.join(".").join("sessions.db")).await.unwrap();
    let mut sessions = Vec::new();
    for _ in 0..20 {
        let (a, b) = futures_util::join!(one.create(App::of("u-17")), two.create(App::of("u-17")));
        sessions.extend([a.unwrap(), b.unwrap()]);
    }
    assert_eq!(
        one.sessions(App::USER_ID, "u-17").count().await.unwrap(),
        40
    );
    let revoked = two.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!(revoked.deleted(), 40);
}

/// The lock is of the file, so that it also keeps out a handle of this process that is not the engine's.
fn can_be_opened_elsewhere(path: &Path) -> bool {
    let file = fs::File::open(path).unwrap();
    file.try_lock().is_ok()
}

#[tokio::test]
async fn names_that_are_special_elsewhere_are_files_here() {
    let folder = Folder::new();
    for name in [":memory:", "file:sessions.db?mode=memory"] {
        let path = folder.0.join(name);
        let session = at(&path)
            .await
            .unwrap()
            .create(App::of("u-17"))
            .await
            .unwrap();
        assert!(path.is_file());
        let again = at(&path).await.unwrap();
        assert!(again.load(session.id()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn an_empty_file_is_a_new_one() {
    let folder = Folder::new();
    for begun in ["", "session-store emb"] {
        fs::write(folder.file(), begun).unwrap();
        at(folder.file()).await.unwrap();
    }
    at(folder.file())
        .await
        .unwrap()
        .create(App::of("u-17"))
        .await
        .unwrap();
}

/// The process was killed, or the disk was full, in the middle of a line.
#[tokio::test]
async fn a_write_that_was_not_finished_is_left_out() {
    let folder = Folder::new();
    let store = at(folder.file()).await.unwrap();
    let first = store.create(App::of("u-17")).await.unwrap();
    let length = fs::metadata(folder.file()).unwrap().len();
    let second = store.create(App::of("u-18")).await.unwrap();
    drop(store);
    let whole = fs::read(folder.file()).unwrap();
    for end in length as usize..whole.len() {
        fs::write(folder.file(), &whole[..end]).unwrap();
        let store = at(folder.file()).await.unwrap();
        assert!(store.load(first.id()).await.unwrap().is_some());
        assert!(store.load(second.id()).await.unwrap().is_none(), "{end}");
        store.create(App::of("u-19")).await.unwrap();
        drop(store);
        at(folder.file()).await.unwrap();
    }
}

/// What is opened and read is not written.
#[tokio::test]
async fn a_file_that_is_opened_again_stays_as_it_is() {
    let folder = Folder::new();
    let store = at(folder.file()).await.unwrap();
    let session = store.create(App::of("u-17")).await.unwrap();
    drop(store);
    let before = fs::read(folder.file()).unwrap();
    let store = at(folder.file()).await.unwrap();
    assert!(store.load(session.id()).await.unwrap().is_some());
    drop(store);
    assert_eq!(fs::read(folder.file()).unwrap(), before);
}

/// It has what visitors' sessions hold.
#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    drop(at(folder.file()).await.unwrap());
    let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_the_file_is_the_file() {
    let folder = Folder::new();
    let link = folder.0.join("link.db");
    let store = at(folder.file()).await.unwrap();
    std::os::unix::fs::symlink(folder.file(), &link).unwrap();
    let by_link = at(&link).await.unwrap();
    let mut session = by_link.create(App::of("u-17")).await.unwrap();
    assert!(store.load(session.id()).await.unwrap().is_some());
    // A new file takes its place.
    for visits in 1..=1500 {
        session.visits = visits;
        by_link.save(&mut session).await.unwrap();
    }
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    drop((store, by_link));
    let store = at(folder.file()).await.unwrap();
    assert_eq!(
        store.load(session.id()).await.unwrap().unwrap().visits,
        1500
    );
}

/// A change of id is two items in one transaction.
#[tokio::test]
async fn a_transaction_that_was_not_finished_is_left_out_as_a_whole() {
    let folder = Folder::new();
    let store = at(folder.file()).await.unwrap();
    let mut session = store.create(App::of("u-17")).await.unwrap();
    let old = session.id().clone();
    let length = fs::metadata(folder.file()).unwrap().len();
    store.cycle_id(&mut session).await.unwrap();
    drop(store);
    let whole = fs::read(folder.file()).unwrap();
    for end in (length as usize..whole.len()).step_by(7) {
        fs::write(folder.file(), &whole[..end]).unwrap();
        let store = at(folder.file()).await.unwrap();
        assert!(store.load(&old).await.unwrap().is_some(), "{end}");
        assert!(store.load(session.id()).await.unwrap().is_none(), "{end}");
    }
}

/// As DynamoDB does, an index leaves out the items whose attribute has another type.
#[tokio::test]
async fn a_file_keeps_items_that_a_later_index_leaves_out() {
    #[derive(
        Clone,
        Debug,
        Default,
        serde::Serialize,
        serde::Deserialize,
        session_store::SessionAttributes,
    )]
    #[dynamo(table = "tests", type_name = "number")]
    struct Number {
        #[dynamo(attr = "user_id")]
        user_id: u64,
    }

    let folder = Folder::new();
    let before = DynamoDbStore::<Number>::builder()
        .embedded_at(folder.file())
        .build()
        .await
        .unwrap();
    let session = before.create(Number { user_id: 17 }).await.unwrap();
    let store = at(folder.file()).await.unwrap();
    let mut visitor = store.create(App::of("u-17")).await.unwrap();
    for visits in 1..=1500 {
        visitor.visits = visits;
        store.save(&mut visitor).await.unwrap();
    }
    drop((before, store));
    let before = DynamoDbStore::<Number>::builder()
        .embedded_at(folder.file())
        .build()
        .await
        .unwrap();
    assert_eq!(
        before.load(session.id()).await.unwrap().unwrap().user_id,
        17
    );
}

/// A visitor's session is written at each visit, and most sessions expire.
#[tokio::test]
async fn the_file_stays_as_long_as_what_it_holds() {
    let folder = Folder::new();
    let store = at(folder.file()).await.unwrap();
    let mut session = store.create(App::of("u-17")).await.unwrap();
    for visits in 1..=4000 {
        session.visits = visits;
        store.save(&mut session).await.unwrap();
    }
    let length = fs::metadata(folder.file()).unwrap().len();
    assert!(length < 1_000_000, "{length} bytes");
    drop(store);
    let store = at(folder.file()).await.unwrap();
    assert_eq!(
        store.load(session.id()).await.unwrap().unwrap().visits,
        4000
    );
}

#[tokio::test]
async fn expired_sessions_are_gone_when_the_file_is_opened() {
    let folder = Folder::new();
    let store = at(folder.file()).await.unwrap();
    let session = store.create(App::of("u-17")).await.unwrap();
    let live = store.create(App::of("u-18")).await.unwrap();
    // As the store writes it, but of an hour ago.
    let ended = live.created_at() - Duration::from_secs(3600);
    let ended = ended
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let handle = Session::handle(&session).to_string();
    let update = store.client().update_item().table_name(store.table_name());
    let update = update.key(
        "id",
        aws_sdk_dynamodb::types::AttributeValue::S(handle.clone()),
    );
    let update = update
        .update_expression("SET expires_at = :ended")
        .expression_attribute_values(
            ":ended",
            aws_sdk_dynamodb::types::AttributeValue::N(ended.to_string()),
        );
    update.send().await.unwrap();
    drop(store);

    let store = at(folder.file()).await.unwrap();
    let items = store
        .client()
        .scan()
        .table_name(store.table_name())
        .send()
        .await
        .unwrap();
    assert_eq!(items.count(), 1);
}
