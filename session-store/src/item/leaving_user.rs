//! What goes with the user of a session.

use crate::schema::Schema;

use super::forgotten::Forgotten;
use super::image::{Image, never_known};
use super::state::Unknown;

/// All that the type does not know, if the user of the session leaves it between these states: it may be about that
/// user, and must not go on to the next one.
pub(crate) fn of_leaving_user(
    schema: &Schema,
    unknown: &Unknown,
    before: &Image,
    after: &Image,
) -> Forgotten {
    let user = before.user(schema);
    if user.is_none() || user == after.user(schema) {
        return Forgotten::default();
    }
    let entries = never_known(unknown, before).into_keys();
    Forgotten {
        entries: entries
            .filter(|name| !after.data.contains_key(name))
            .collect(),
        attributes: unknown.attributes.keys().cloned().collect(),
    }
}
