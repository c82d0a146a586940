//! The faults of earlier session stores on DynamoDB, each as a case for any store: implement [`Subject`],
//! and call [`outcomes`].

mod actix;
mod cases;
mod tower;
mod typed;

use std::future::Future;

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

pub use self::actix::{Actix, Request};
pub use self::cases::outcomes;
pub use self::tower::{Make, Ours, Tower};
pub use self::typed::Typed;
use crate::TestBench;

/// The session of all cases: two fields of the application, and one that is promoted if the store can
/// do that.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
pub struct Web {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    theme: String,
    cart: String,
}

/// One of the fields.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    /// A promoted field, which can be absent.
    User,
    /// A field in the data only.
    Theme,
    /// Another field in the data only.
    Cart,
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Self::User => "user_id",
            Self::Theme => "theme",
            Self::Cart => "cart",
        }
    }
}

/// A store under test, on its own table.
///
/// Errors have the text that a log would show.
pub trait Subject: Clone + Send + Sync + 'static {
    /// One request's copy of a session.
    type Copy: Send;

    /// The store on a new, empty table.
    fn new() -> impl Future<Output = Self> + Send;

    /// The table, and the wire on which the store sends.
    fn bench(&self) -> &TestBench<Web>;

    /// Stores a new session.
    fn create(&self) -> impl Future<Output = Result<Self::Copy, String>> + Send;

    /// Stores a new session and asks for this id; `None` if this store never takes an id.
    fn create_under(&self, id: &str) -> impl Future<Output = Option<Result<(), String>>> + Send;

    /// Reads a session.
    fn load(&self, id: &str) -> impl Future<Output = Result<Option<Self::Copy>, String>> + Send;

    /// Stores the changes.
    fn save(&self, copy: &mut Self::Copy) -> impl Future<Output = Result<(), String>> + Send;

    /// Extends the session, with nothing changed.
    fn touch(&self, copy: &mut Self::Copy) -> impl Future<Output = Result<(), String>> + Send;

    /// Gives the session a new id, as at log-in.
    fn cycle_id(&self, copy: &mut Self::Copy) -> impl Future<Output = Result<(), String>> + Send;

    /// Ends a session.
    fn delete(&self, id: &str) -> impl Future<Output = Result<(), String>> + Send;

    /// The text of the session's id.
    fn id(copy: &Self::Copy) -> String;

    /// Reads a field of the copy.
    fn get(copy: &Self::Copy, field: Field) -> Option<String>;

    /// Changes a field of the copy.
    fn set(copy: &mut Self::Copy, field: Field, value: Option<&str>);
}

/// The outcome of a case: `Err` says what was wrong.
pub type Outcome = Result<(), String>;

fn text(error: impl std::error::Error) -> String {
    crate::chain(&error)
}
