//! G9. A default index misses what DynamoDB has not yet indexed. It does not end a session that no
//! longer has the value.

mod late_index;
mod list;
mod revoke;

use std::time::Duration;

use serde_json::json;
use session_store::{Session, SessionHandle};
use session_store_tests::{Fault, TestBench};

use crate::App;

async fn log_in(bench: &TestBench<App>, user: &str, sessions: usize) -> Vec<Session<App>> {
    let mut all = Vec::new();
    for _ in 0..sessions {
        bench.clock.advance(Duration::from_millis(10));
        all.push(bench.store.create(App::of(user)).await.unwrap());
    }
    all
}

/// The index does not show this session yet.
fn not_yet(handle: SessionHandle) -> Fault {
    Fault::edit(move |answer| {
        let items = answer["Items"].as_array_mut().unwrap();
        items.retain(|item| item["id"]["S"] != handle.to_string());
    })
}

/// The index still shows this session.
fn still(handle: SessionHandle) -> Fault {
    Fault::edit(move |answer| {
        let item = json!({ "id": { "S": handle.to_string() } });
        answer["Items"].as_array_mut().unwrap().push(item);
    })
}
