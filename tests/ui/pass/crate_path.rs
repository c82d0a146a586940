use serde::{Deserialize, Serialize};

mod facade {
    pub mod store {
        pub use session_store::*;
    }
}

#[derive(Clone, Serialize, Deserialize, facade::store::SessionAttributes)]
#[dynamo(crate = "crate::facade::store")]
struct ByString {
    #[dynamo(attr = "user_id", index)]
    user_id: String,
}

#[derive(Clone, Serialize, Deserialize, facade::store::SessionAttributes)]
#[dynamo(crate = crate::facade::store)]
struct ByPath {
    #[dynamo(attr = "user_id", index)]
    user_id: String,
}

fn main() {
    let _ = (ByString::USER_ID, ByPath::USER_ID);
}
