//! G8. Ids are secret: minted only by the store; not in any item, log, span, `Debug`, `Display` or
//! error. An id that the store did not mint is never adopted.

use std::io::Write;
use std::sync::{Arc, Mutex};

use session_store::{Error, SessionId};
use session_store_tests::{Bench, Fault, chain};

use crate::App;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that this crate, the SDK and the engine log at all, over all operations and errors.
#[tokio::test]
async fn in_no_item_log_or_error() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let bench = Bench::<App>::new().await;
    let mut shown = String::new();
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    let id = session.id().clone();
    shown += &format!("{session:?} {id:?} {:?}", bench.store);
    session.visits += 1;
    bench.store.save(&mut session).await.unwrap();
    bench.store.load(&id).await.unwrap();
    let mut sessions = bench.store.sessions(App::USER_ID, "u-17");
    shown += &format!("{sessions:?} {:?}", sessions.next().await);
    let items = format!("{:?}", bench.items().await);

    for _ in 0..3 {
        bench.wire.next(
            "GetItem",
            Fault::Answer(500, "InternalServerError", "broken"),
        );
    }
    let unavailable = bench.store.load(&id).await.unwrap_err();
    bench.wire.next(
        "GetItem",
        Fault::edit(|answer| answer["Item"]["data"]["M"]["visits"] = serde_json::json!({"S": "x"})),
    );
    let unreadable = bench.store.load(&id).await.unwrap_err();
    assert!(matches!(unreadable, Error::Decode(_)));
    bench.store.delete(&id).await.unwrap();
    session.visits += 1;
    let gone = bench.store.save(&mut session).await.unwrap_err();
    for error in [&unavailable, &unreadable, &gone] {
        shown += &format!("{} {error:?}", chain(error));
    }
    drop(guard);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains(&id.handle().to_string()),
        "the log has the requests"
    );
    assert!(items.contains(&id.handle().to_string()));
    assert!(shown.contains(&id.handle().to_string()));
    for text in [&log, &items, &shown] {
        assert!(!text.contains(&id.expose()));
    }
}

#[tokio::test]
async fn an_id_from_elsewhere_is_not_adopted() {
    let bench = Bench::<App>::new().await;
    let planted = SessionId::parse(&"A".repeat(43)).unwrap();
    assert!(bench.store.load(&planted).await.unwrap().is_none());
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    assert_ne!(session.id(), &planted);
    assert!(bench.store.load(&planted).await.unwrap().is_none());
    // What is in the table is of no use as an id either.
    let handle = SessionId::parse(&session.handle().to_string()).unwrap();
    assert!(bench.store.load(&handle).await.unwrap().is_none());
}

#[tokio::test]
async fn an_id_that_is_taken_is_not_used() {
    let bench = Bench::<App>::new().await;
    bench.wire.next(
        "PutItem",
        Fault::Answer(400, "ConditionalCheckFailedException", "taken"),
    );
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let puts = bench.wire.calls();
    assert_eq!(puts.len(), 2);
    assert_ne!(puts[0].input["Item"]["id"], puts[1].input["Item"]["id"]);
    assert!(bench.store.load(session.id()).await.unwrap().is_some());
    for put in puts {
        assert!(
            put.input["ConditionExpression"]
                .as_str()
                .unwrap()
                .contains("attribute_not_exists")
        );
    }
}

#[tokio::test]
async fn ids_are_random() {
    let bench = Bench::<App>::new().await;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..50 {
        let session = bench.store.create(App::default()).await.unwrap();
        assert_eq!(session.id().expose().len(), 43);
        assert!(ids.insert(session.id().expose()));
    }
}
