//! A constant is as visible as its struct.
#![deny(warnings)]

mod sessions {
    use serde::{Deserialize, Serialize};
    use session_store::SessionAttributes;

    #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    pub(super) struct Restricted {
        #[dynamo(attr = "user_id", index)]
        user_id: String,
    }

    #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    pub struct Public {
        #[dynamo(attr = "user_id", index)]
        user_id: Option<Key>,
    }

    #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    struct Private {
        #[dynamo(attr = "user_id", index)]
        user_id: Key,
    }

    #[derive(Clone, Serialize, Deserialize)]
    struct Key(String);

    impl session_store::IndexKey for Key {
        type As = str;

        fn as_key(&self) -> &str {
            &self.0
        }
    }

    pub(super) fn inside() {
        let _ = (Private::USER_ID, Public::USER_ID);
    }
}

fn main() {
    let _ = sessions::Restricted::USER_ID;
    let _ = std::mem::size_of::<sessions::Public>();
    sessions::inside();
}
