//! Who is logged in, by the attribute that says so.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::schema::{Attributes, SessionAttributes};

/// How a session comes to a user.
#[cfg(feature = "_http")]
pub(crate) enum UserChange {
    FromNobody,
    /// The session has to be there still: it may have been revoked with all of the user before.
    FromAnother,
}

/// How the data comes to a user that it did not name before; `None` if it does not.
#[cfg(feature = "_http")]
pub(crate) fn change_of_user<S: SessionAttributes>(before: &S, after: &S) -> Option<UserChange> {
    let user = S::SCHEMA.user()?.name;
    let (before, after) = (user_of(user, before), user_of(user, after));
    if after.is_none() || before == after {
        return None;
    }
    Some(match before {
        None => UserChange::FromNobody,
        Some(_) => UserChange::FromAnother,
    })
}

/// Whether the data names the user who is stored. A type that marks no user has nobody else.
pub(crate) fn has_stored_user<S: SessionAttributes>(stored: &S, data: &S) -> bool {
    let Some(user) = S::SCHEMA.user() else {
        return true;
    };
    let stored = user_of(user.name, stored);
    stored.is_some() && stored == user_of(user.name, data)
}

fn user_of<S: SessionAttributes>(user: &str, data: &S) -> Option<AttributeValue> {
    let mut attributes = Attributes::default();
    data.attributes(&mut attributes);
    let mut values = attributes.values.into_iter();
    values.find(|(name, _)| *name == user)?.1
}
