//! From a session struct to the values of its promoted attributes.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::definition::Schema;
use super::flattened::FlattenedEntries;
use super::key::{IndexField, IndexKey as _, IntoAttribute, KeyValue as _};
use crate::error::EncodeError;
use crate::marshal::{self, Checks, Subject};

/// A session struct whose chosen fields are native DynamoDB attributes.
///
/// `#[derive(SessionAttributes)]` implements it, and adds an associated constant for each promoted
/// attribute (`AppSession::USER_ID`): an [`Index`](crate::Index) or a [`Promoted`](crate::Promoted). An
/// implementation by hand needs a schema and the function below; [`Schema::checked`] adds the
/// compile-time checks:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use session_store::{Attribute, Attributes, Index, Schema, SessionAttributes};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Visit {
///     user_id: Option<String>,
/// }
///
/// const SCHEMA: Schema = Schema::new("visits")
///     .attributes(&[Attribute::index::<Option<String>>("user_id")])
///     .checked();
///
/// impl SessionAttributes for Visit {
///     const SCHEMA: &'static Schema = &SCHEMA;
///
///     fn attributes(&self, attributes: &mut Attributes) {
///         attributes.index("user_id", &self.user_id);
///     }
/// }
///
/// impl Visit {
///     const USER_ID: Index<Self, String> = Index::new("user_id");
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session type",
    label = "this type does not implement `SessionAttributes`",
    note = "put `#[derive(SessionAttributes)]` on the struct"
)]
pub trait SessionAttributes: Sized {
    /// The table and the item layout.
    const SCHEMA: &'static Schema;

    /// Gives the value of each attribute in the schema, once.
    fn attributes(&self, attributes: &mut Attributes);

    /// Gives each flattened field (`#[serde(flatten)]`), so that a key which is also the name of another
    /// field is found.
    fn flattened(&self, entries: &mut FlattenedEntries) {
        let _ = entries;
    }

    /// Whether the field of this name, in `data` or promoted, is equal in both sessions; `None` if its
    /// type does not implement `PartialEq`.
    ///
    /// A field whose serialised form differs each time (a `HashSet`, encryption with a random nonce) is
    /// compared by `PartialEq`, so that it is not written unless it changed. Its `PartialEq` must
    /// therefore compare everything that is stored.
    fn is_same_entry(&self, other: &Self, name: &str) -> Option<bool> {
        let _ = (other, name);
        None
    }
}

/// Collects the values of a session's promoted attributes.
#[derive(Debug, Default)]
pub struct Attributes {
    pub(crate) values: Vec<(&'static str, Option<AttributeValue>)>,
    pub(crate) limits: Vec<(&'static str, u32)>,
    pub(crate) error: Option<EncodeError>,
    pub(crate) checks: Checks,
}

impl Attributes {
    /// The key of an index: the field itself, absent from the item while it is `None`.
    pub fn index<F: IndexField>(&mut self, name: &'static str, field: &F) {
        self.values
            .push((name, field.key().map(|key| key.as_key().to_value())));
    }

    /// Any other field, as serde serialises it; absent from the item while that gives null.
    pub fn serialize<T: Serialize + ?Sized>(&mut self, name: &'static str, field: &T) {
        let value = match marshal::write(field, Subject::Attribute(name), self.checks) {
            Ok(AttributeValue::Null(_)) => None,
            Ok(value) => Some(value),
            Err(cause) => {
                self.error.get_or_insert_with(|| cause.into());
                None
            }
        };
        self.values.push((name, value));
    }

    /// A value that was computed; absent from the item while it is `None`.
    pub fn computed(&mut self, name: &'static str, value: impl IntoAttribute) {
        self.values.push((name, value.into_attribute()));
    }

    /// How many live sessions of its value there can be when this session gets it, in the consistent index on
    /// this attribute: as the plan of a user allows. More than the [limit](crate::Attribute::limit) of the schema
    /// is as much as that, and 0 is 1.
    pub fn limit(&mut self, name: &'static str, sessions: u32) {
        self.limits.push((name, sessions));
    }
}

/// A collection of strings as a string set; `None` if it is empty, since DynamoDB has no empty set.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use session_store::{SessionAttributes, as_string_set};
/// use std::collections::BTreeSet;
///
/// #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
/// struct AppSession {
///     #[dynamo(attr = "roles", with = as_string_set)]
///     roles: BTreeSet<String>,
/// }
/// ```
pub fn as_string_set<'a, C>(values: &'a C) -> Option<AttributeValue>
where
    C: ?Sized,
    &'a C: IntoIterator<Item: AsRef<str>>,
{
    let values = values.into_iter().map(|value| value.as_ref().to_owned());
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then_some(AttributeValue::Ss(values))
}

/// A collection of numbers as a number set; `None` if it is empty, since DynamoDB has no empty set.
pub fn as_number_set<'a, C>(values: &'a C) -> Option<AttributeValue>
where
    C: ?Sized,
    &'a C: IntoIterator<Item: ToString>,
{
    let values: Vec<_> = values.into_iter().map(|value| value.to_string()).collect();
    (!values.is_empty()).then_some(AttributeValue::Ns(values))
}

/// Everything that a store asks of a session's struct: for the signatures of an application's own functions.
///
/// ```
/// # use session_store::{DynamoDbStore, Error, SessionData, SessionId};
/// async fn is_live<S: SessionData>(store: &DynamoDbStore<S>, id: &SessionId) -> Result<bool, Error> {
///     Ok(store.load(id).await?.is_some())
/// }
/// ```
///
/// Every type that has all of it is one.
pub trait SessionData:
    SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<S> SessionData for S where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static
{
}
