use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, IndexKey, SessionAttributes};

// The queries take an index of the type, and a key of the index.
#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct AppSession {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<UserId>,
    #[dynamo(attr = "tenant", index)]
    tenant: u64,
    #[dynamo(attr = "theme")]
    theme: String,
    cart: Vec<u32>,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct Other {
    #[dynamo(attr = "user_id", index)]
    user_id: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct UserId(String);

impl IndexKey for UserId {
    type As = str;

    fn as_key(&self) -> &str {
        &self.0
    }
}

fn queries(store: &DynamoDbStore<AppSession>) {
    store.sessions(AppSession::THEME, "dark");
    store.sessions(Other::USER_ID, "u-17");
    store.sessions(AppSession::USER_ID, "u-17");
    store.sessions(AppSession::TENANT, 17_i8);
    store.sessions(AppSession::CART, 1);
    store.revoke(AppSession::THEME, "dark");
    store.revoke(AppSession::TENANT, "acme");
}

fn main() {}
