//! Files that are refused, at once, and left as they are.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use session_store::Error;

use super::{Folder, at};
use crate::App;

#[expect(clippy::disallowed_methods, reason = "it takes time")]
fn now() -> Instant {
    Instant::now()
}

/// It is refused at once, by an error with the path and these words, and the file is as it was.
async fn is_refused(path: &Path, words: &str) {
    let before = fs::read(path).ok();
    let began = now();
    let text = match at(path).await {
        Err(Error::Setup(error)) => error.to_string(),
        opened => panic!("{opened:?}"),
    };
    assert!(began.elapsed() < Duration::from_secs(1), "{text}");
    assert!(text.contains(&path.display().to_string()), "{text}");
    assert!(text.contains(words), "{text}");
    assert_eq!(fs::read(path).ok(), before);
}

#[tokio::test]
async fn a_file_that_another_process_has_is_an_error_at_once() {
    let folder = Folder::new();
    drop(at(folder.file()).await.unwrap());
    let holder = fs::File::open(folder.file()).unwrap();
    holder.try_lock().unwrap();
    is_refused(&folder.file(), "another process").await;
    drop(holder);
    at(folder.file()).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let notes = folder.0.join("notes.txt");
    fs::write(&notes, "not a database\n".repeat(40)).unwrap();
    is_refused(&notes, "another file").await;
    let other = folder.0.join("app.sqlite");
    fs::write(&other, b"SQLite format 3\0and so on").unwrap();
    is_refused(&other, "SQLite").await;
    is_refused(&folder.0, "folder").await;
    is_refused(&folder.0.join("no/such/folder.db"), "cannot be opened").await;
    let left = fs::read_dir(&folder.0).unwrap();
    assert_eq!(left.count(), 2);
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_the_line() {
    let folder = Folder::new();
    let store = at(folder.file()).await.unwrap();
    store.create(App::of("u-17")).await.unwrap();
    store.create(App::of("u-18")).await.unwrap();
    drop(store);
    let mut bytes = fs::read(folder.file()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(folder.file(), bytes).unwrap();
    is_refused(&folder.file(), "damaged at line").await;
}

/// Nobody may write it. The superuser may, so that the test says nothing there.
#[cfg(unix)]
#[tokio::test]
async fn a_file_that_cannot_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    drop(at(folder.file()).await.unwrap());
    fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o444)).unwrap();
    if fs::OpenOptions::new()
        .append(true)
        .open(folder.file())
        .is_err()
    {
        is_refused(&folder.file(), "cannot be opened for writing").await;
    }
}
