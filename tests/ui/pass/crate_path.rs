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

// A macro of the crate that re-exports session-store.
macro_rules! session {
    ($session:ident, $crate_path:path) => {
        #[derive(Clone, Serialize, Deserialize, facade::store::SessionAttributes)]
        #[dynamo(crate = $crate_path)]
        struct $session {
            #[dynamo(attr = "user_id", index)]
            user_id: String,
        }
    };
    ($session:ident) => {
        #[derive(Clone, Serialize, Deserialize, facade::store::SessionAttributes)]
        #[dynamo(crate = $crate::facade::store)]
        struct $session {
            #[dynamo(attr = "user_id", index)]
            user_id: String,
        }
    };
}

session!(ByFragment, crate::facade::store);
session!(ByMacro);

fn main() {
    let _ = (ByString::USER_ID, ByPath::USER_ID);
    let _ = (ByFragment::USER_ID, ByMacro::USER_ID);
}
