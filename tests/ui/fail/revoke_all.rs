use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, SessionAttributes};

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct AppSession {
    user_id: Option<String>,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(revoke_all = true)]
struct Other {
    user_id: Option<String>,
}

async fn all(store: DynamoDbStore<AppSession>) {
    let now = std::time::SystemTime::UNIX_EPOCH;
    let _ = store.revoke_all_created_before(now).await;
}

fn main() {}
