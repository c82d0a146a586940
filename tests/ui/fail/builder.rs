//! Where the client comes from is one choice: neither none nor two of them compile.

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, SessionAttributes};

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct AppSession {
    cart: Vec<String>,
}

async fn none() {
    let _ = DynamoDbStore::<AppSession>::builder().table_name("sessions").build().await;
}

async fn two() {
    let builder = DynamoDbStore::<AppSession>::builder().endpoint("http://127.0.0.1:8000");
    let _ = builder.embedded().build().await;
}

fn main() {}
