use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, SessionAttributes};
use uuid::Uuid;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct AppSession {
    #[dynamo(attr = "tenant_id", index)]
    tenant: Option<Uuid>, //~ switch on the feature `uuid` of session-store
}

type Store = DynamoDbStore<AppSession>;

#[allow(dead_code)]
async fn build() {
    let _ = Store::builder().region("eu-west-1").build().await; //~ needs the feature `aws-config`
    let _ = Store::builder().from_env().build().await; //~ needs the feature `aws-config`
    let _ = Store::builder().embedded().build().await; //~ needs the feature `embedded`
    let _ = Store::builder().embedded_at("sessions.db").build().await; //~ needs the feature `embedded`
}

fn main() {}
