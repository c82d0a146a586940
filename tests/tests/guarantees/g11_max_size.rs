//! G11. A limit of one's own for the size of a session, and the room that is kept for a log-in.

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, SessionAttributes, TooLargeError};
use session_store_tests::TestBench;

use crate::App;

const KB: usize = 1024;

async fn limited(bench: &TestBench<App>, max_size: usize) -> DynamoDbStore<App> {
    let builder = DynamoDbStore::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    builder.max_size(max_size).build().await.unwrap()
}

fn of_size(theme: usize) -> App {
    App {
        theme: "x".repeat(theme),
        ..App::default()
    }
}

/// The limit that an operation was refused by.
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> usize {
    match result {
        Err(Error::TooLarge(error)) => {
            assert_eq!(error.largest()[0].0, "theme");
            assert!(error.size().unwrap() > error.limit());
            assert!(
                error.to_string().contains(&error.limit().to_string()),
                "{error}"
            );
            error.limit()
        }
        result => panic!("{result:?}"),
    }
}

#[tokio::test]
async fn a_session_over_the_own_limit_is_refused_before_the_call() {
    let bench = TestBench::<App>::new().await;
    let store = limited(&bench, 8 * KB).await;
    let mut session = store.create(of_size(7 * KB)).await.unwrap();
    bench.wire.clear();
    assert_eq!(refused(store.create(of_size(9 * KB)).await), 8 * KB);
    session.theme = "x".repeat(9 * KB);
    assert_eq!(refused(store.save(&mut session).await), 8 * KB);
    assert!(bench.wire.calls().is_empty());
    session.theme.clear();
    let updated = store.update(session.id(), |session| session.theme = "x".repeat(9 * KB));
    assert_eq!(refused(updated.await), 8 * KB);
    let calls = bench.wire.calls();
    assert!(calls.iter().all(|call| call.operation == "GetItem"));
    // The room for a log-in has an end too.
    session.theme = "x".repeat(16 * KB);
    assert_eq!(refused(store.log_in(&mut session).await), 12 * KB);
    let error = store.create(of_size(9 * KB)).await.unwrap_err();
    assert!(
        error.to_string().contains("this store allows 8192"),
        "{error}"
    );
}

/// A visitor fills the session as far as it goes, with and without a limit, and logs in.
#[tokio::test]
async fn a_full_session_has_room_for_a_log_in() {
    let bench = TestBench::<App>::new().await;
    for (store, limit) in [
        (bench.store.clone(), TooLargeError::LIMIT),
        (limited(&bench, 8 * KB).await, 8 * KB),
    ] {
        let mut session = store.create(App::default()).await.unwrap();
        let (mut fits, mut too_large) = (0, limit);
        while fits + 1 < too_large {
            let theme = fits.midpoint(too_large);
            session.theme = "x".repeat(theme);
            match store.save(&mut session).await {
                Ok(()) => fits = theme,
                Err(error) => {
                    refused::<()>(Err(error));
                    too_large = theme;
                }
            }
        }
        session.theme = "x".repeat(fits);
        store.save(&mut session).await.unwrap();
        session.user_id = Some("2f1c7a60-61f0-4be2-8c39-52f2b0c1a3ad".into());
        session.tenant = Some(17);
        store.log_in(&mut session).await.unwrap();
        // As it is, it can be used and gets new ids.
        store.cycle_id(&mut session).await.unwrap();
        session.visits += 1;
        let grown = store.save(&mut session).await;
        assert!(
            matches!(grown, Ok(()) | Err(Error::TooLarge(_))),
            "{grown:?}"
        );
        store.delete(session.id()).await.unwrap();
    }
}

/// The limit was lowered, or others have written more.
#[tokio::test]
async fn a_session_that_is_too_large_can_be_made_smaller_and_ended() {
    let bench = TestBench::<App>::new().await;
    let store = limited(&bench, 8 * KB).await;
    let id = bench.store.create(of_size(20 * KB)).await.unwrap();
    let mut session = store.load(id.id()).await.unwrap().unwrap();
    session.theme.push('x');
    refused(store.save(&mut session).await);
    for size in [20 * KB, 15 * KB] {
        session.theme = "x".repeat(size);
        store.save(&mut session).await.unwrap();
    }
    // Something of the same size in its place.
    session.theme = "y".repeat(15 * KB);
    store.save(&mut session).await.unwrap();
    session.user_id = Some("u-17".into());
    store.log_in(&mut session).await.unwrap();
    store.cycle_id(&mut session).await.unwrap();
    store.delete(session.id()).await.unwrap();
    assert!(bench.items().await.is_empty());
}

#[tokio::test]
async fn a_limit_without_sense_is_refused_at_once() {
    let bench = TestBench::<App>::new().await;
    let builder = DynamoDbStore::<App>::builder().client(bench.store.client().clone());
    let error = builder.max_size(1023).build().await.unwrap_err();
    assert!(matches!(error, Error::Setup(_)), "{error:?}");
    assert!(error.to_string().contains("at least 1024"), "{error}");
}

/// What is stored is compressed, so a smaller session can take more.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", compress = "zstd")]
struct Packed {
    text: String,
}

#[tokio::test]
async fn the_limit_of_a_packed_session_is_that_of_what_is_stored() {
    let bench = TestBench::<Packed>::new().await;
    let builder = DynamoDbStore::<Packed>::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    let store = builder.max_size(8 * KB).build().await.unwrap();
    let text = "x".repeat(300 * KB);
    let mut session = store.create(Packed { text }).await.unwrap();
    let mut rng = fastrand::Rng::with_seed(14);
    session.text = std::iter::repeat_with(|| rng.alphanumeric())
        .take(290 * KB)
        .collect();
    let error = store.save(&mut session).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge(_)), "{error:?}");
}

/// Another binary has stored what this one does not know, and that alone is more than the limit.
#[tokio::test]
async fn unknown_data_over_the_limit_keeps_nobody_from_logging_in() {
    let bench = TestBench::<App>::new().await;
    let store = limited(&bench, 8 * KB).await;
    let session = bench.store.create(App::default()).await.unwrap();
    let mut item = bench.item(session.handle()).await.unwrap();
    let unknown = aws_sdk_dynamodb::types::AttributeValue::S("x".repeat(20 * KB));
    item.insert("unknown".into(), unknown);
    bench.put(item).await;
    let mut session = store.load(session.id()).await.unwrap().unwrap();
    session.user_id = Some("u-17".into());
    store.log_in(&mut session).await.unwrap();
    assert!(
        bench
            .item(session.handle())
            .await
            .unwrap()
            .contains_key("unknown")
    );
}
