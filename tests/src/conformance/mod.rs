//! The faults of earlier session stores on DynamoDB, each as a case for any store: implement [`Subject`],
//! and call [`outcomes`].

mod actix;
mod applications;
mod cases;
mod ending;
mod log;
mod ours;
mod secrets;
mod tower;
mod typed;
mod values;

use std::future::Future;

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

pub use self::actix::{Actix, Request};
pub use self::cases::outcomes;
pub use self::ours::Staff;
pub use self::tower::{Make, Ours, Tower};
pub use self::typed::Typed;
pub use self::values::Values;
use crate::{Item, TestBench};

/// The session of all cases: fields of the application, and two that are promoted if the store can do that.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
pub struct Web {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    #[dynamo(attr = "seat", index(consistent, limit = 1, on_limit = reject))]
    seat: Option<String>,
    theme: String,
    cart: String,
    values: Values,
}

/// One of the fields that hold text.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    /// A promoted field, which can be absent.
    User,
    /// A promoted field, of which each value is good for one session at a time.
    Seat,
    /// A field in the data only.
    Theme,
    /// Another field in the data only.
    Cart,
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Self::User => "user_id",
            Self::Seat => "seat",
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

    /// A request reads the session: an error if the visitor gets one.
    fn visit(&self, id: &str) -> impl Future<Output = Result<(), String>> + Send;

    /// A request reads the session, and then logs out.
    fn log_out(&self, id: &str) -> impl Future<Output = Result<(), String>> + Send;

    /// Ends all sessions of a user: an error if some of them may be left. `None` if this store cannot do that.
    fn revoke(&self, user: &str) -> impl Future<Output = Option<Result<(), String>>> + Send;

    /// Deletes all sessions that have expired. `None` if this store leaves that to TTL.
    fn clean_up(&self) -> impl Future<Output = Option<Result<(), String>>> + Send;

    /// Another application, with another session type on this table, reads the session: does it see one?
    fn other_loads(&self, id: &str) -> impl Future<Output = Result<bool, String>> + Send;

    /// The other application ends the session.
    fn other_deletes(&self, id: &str) -> impl Future<Output = Result<(), String>> + Send;

    /// The other application lists all sessions of a user, and then ends them: how many did it find? `None`
    /// if this store cannot do that.
    fn other_revokes(
        &self,
        user: &str,
    ) -> impl Future<Output = Option<Result<usize, String>>> + Send;

    /// Items in place of this one, each as small as any, with as much in memory as their form allows.
    fn hostile(&self, item: &Item) -> Vec<Item>;

    /// The text of the session's id.
    fn id(copy: &Self::Copy) -> String;

    /// Reads a field of the copy.
    fn get(copy: &Self::Copy, field: Field) -> Option<String>;

    /// Changes a field of the copy.
    fn set(copy: &mut Self::Copy, field: Field, value: Option<&str>);

    /// Reads the field of many types.
    fn values(copy: &Self::Copy) -> Result<Values, String>;

    /// Changes the field of many types.
    fn set_values(copy: &mut Self::Copy, values: &Values) -> Result<(), String>;
}

/// The outcome of a case.
pub type Outcome = Result<(), NoPass>;

/// Why a store did not pass a case.
#[derive(Clone, Debug, PartialEq)]
pub enum NoPass {
    /// It has the fault, and this is how it shows.
    Fails(String),
    /// It cannot have the fault, because it lacks this.
    DoesNotApply(&'static str),
}

impl From<String> for NoPass {
    fn from(wrong: String) -> Self {
        Self::Fails(wrong)
    }
}

impl From<&str> for NoPass {
    fn from(wrong: &str) -> Self {
        Self::Fails(wrong.to_owned())
    }
}

fn text(error: impl std::error::Error) -> String {
    crate::chain(&error)
}
