//! G8. Ids are in no item, log, span, `Debug`, `Display` or error. This test is a separate process, whose
//! log is captured from the first line to the last.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use session_store::{Error, SessionAttributes};
use session_store_tests::{Fault, TestBench, chain};

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct App {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    visits: u64,
}

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

/// The whole log of this crate, the SDK and the engine, for all operations and errors.
#[tokio::test]
async fn an_id_is_in_no_item_log_or_error() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let bench = TestBench::<App>::new().await;
    let mut shown = String::new();
    let mut session = bench
        .store
        .create(App {
            user_id: Some("u-17".into()),
            visits: 0,
        })
        .await
        .unwrap();
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

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains(&id.handle().to_string()),
        "the log contains the requests"
    );
    assert!(items.contains(&id.handle().to_string()));
    assert!(shown.contains(&id.handle().to_string()));
    for text in [&log, &items, &shown] {
        assert!(!text.contains(&id.expose()));
    }
}
