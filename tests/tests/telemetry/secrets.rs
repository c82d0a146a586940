//! G8. No span, event, metric or label has a session id, or a value of a session.

use std::time::Duration;

use serde_json::json;
use session_store::DynamoDbStore;
use session_store_tests::{Fault, TestBench};

use super::App;
use super::watch::watched;
use tracing::Level;

#[test]
fn g8_no_span_event_or_metric_has_an_id_or_a_value() {
    const SECRET: &str = "a-value-of-the-session";
    watched(async |watch| {
        let bench = TestBench::<App>::new().await;
        let builder = DynamoDbStore::<App>::builder().client(bench.store.client().clone());
        let builder = builder.table_name(bench.store.table_name());
        let store = builder.report_capacity().build().await.unwrap();
        let mut ids = Vec::new();
        let secret = App {
            text: SECRET.into(),
            ..App::default()
        };
        watch.clear();
        let mut session = store.create(secret).await.unwrap();
        ids.push(session.id().expose());
        session.user_id = Some(SECRET.into());
        store.log_in(&mut session).await.unwrap();
        ids.push(session.id().expose());
        store.cycle_id(&mut session).await.unwrap();
        ids.push(session.id().expose());
        for _ in 0..3 {
            bench.clock.advance(Duration::from_secs(1));
            let other = store.create(App::of(SECRET)).await.unwrap();
            ids.push(other.id().expose());
        }
        let id = session.id().clone();
        store.load(&id).await.unwrap();
        session.visits += 1;
        store.save(&mut session).await.unwrap_err();
        let mut session = store.create(App::of("another")).await.unwrap();
        ids.push(session.id().expose());
        let id = session.id().clone();
        let wrong = |answer: &mut serde_json::Value| {
            answer["Item"]["data"]["M"]["visits"] = json!({ "S": SECRET });
        };
        bench.wire.next("GetItem", Fault::edit(wrong));
        store.load(&id).await.unwrap_err();
        for fault in [
            || Fault::Torn,
            || Fault::Refuse,
            Fault::throttled,
            || Fault::Answer(400, "ValidationException", SECRET),
            || Fault::Answer(500, "InternalServerError", "broken"),
        ] {
            bench.wire.every("GetItem", fault);
            bench.wire.every("UpdateItem", fault);
            store.load(&id).await.unwrap_err();
            session.visits += 1;
            store.save(&mut session).await.unwrap_err();
        }
        bench.wire.clear();
        // The refusal of a write has the item, and the SDK reads it before its checksum is checked.
        store.update(&id, |app| app.visits += 1).await.unwrap();
        bench
            .wire
            .every("UpdateItem", || Fault::damaged(|body| body.push(b' ')));
        let stale = store.update(&id, |app| app.text = SECRET.into());
        stale.await.unwrap_err();
        session.visits += 1;
        store.save(&mut session).await.unwrap_err();
        bench.wire.every("TransactWriteItems", || {
            Fault::damaged(|body| body.push(b' '))
        });
        store.cycle_id(&mut session).await.unwrap_err();
        bench.wire.clear();
        let revoked = store.revoke(App::USER_ID, SECRET).await.unwrap();
        assert!(revoked.deleted() > 0);
        store.delete(&id).await.unwrap();
        bench.clock.advance(Duration::from_secs(3600));
        store.load(&id).await.unwrap();

        let spans = watch.spans().into_iter();
        let records = watch.records().into_iter();
        let (mut ours, mut all) = (String::new(), String::new());
        for seen in spans.chain(records) {
            let text = format!("{seen:?}\n");
            all += &text;
            // The SDK shows the body of an answer at its lowest levels, but not on its own accord.
            if seen.is_ours() || seen.level <= Level::INFO {
                ours += &text;
            }
        }
        let metrics = format!("{:?}", watch.metrics());
        assert!(
            ours.len() > 5_000 && metrics.len() > 1_000,
            "something is captured"
        );
        for id in &ids {
            // Not even in what the SDK writes.
            assert!(!all.contains(id) && !metrics.contains(id));
        }
        assert!(!ours.contains(SECRET) && !metrics.contains(SECRET));
    });
}
