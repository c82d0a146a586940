use serde::{Deserialize, Serialize};
use session_store::{AsKey, IsIndex, SessionAttributes};

// A struct that another macro generates.

macro_rules! session {
    ($vis:vis $name:ident: $attr:literal, $ty:ty, $with:path, $fn:path, $key:ty) => {
        #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = $attr)]
        #[dynamo(attr = "computed", with = $fn, index, key = $key)]
        $vis struct $name {
            #[dynamo(attr = $attr, index)]
            user_id: $ty,
            #[dynamo(attr = "plain")]
            plain: $ty,
            #[dynamo(attr = "made", with = $with)]
            made: $ty,
        }

        impl $name {
            fn shard(&self) -> u8 {
                0
            }
        }
    };
}

session!(pub(crate) AppSession: "user_id", Option<String>, Option::clone, AppSession::shard, u8);

fn sessions<S, I: IsIndex<S>>(_: I, _: impl AsKey<I::Key>) {}

fn main() {
    sessions(AppSession::USER_ID, "u-17");
    sessions(AppSession::COMPUTED, 3);
    assert_eq!(AppSession::MADE.name(), "made");
    assert_eq!(AppSession::PLAIN.name(), "plain");
}
