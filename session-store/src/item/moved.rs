//! The mark that a change of id leaves under the old id (G18).
//!
//! Requests that were sent with the old id can arrive after the change. Without the mark they look like
//! those of a visitor without a session: they would begin one, and its cookie would replace the one that
//! was just given. The mark names the handle that the session has now, so that a log-out by the old id
//! ends it. It does not have the new id, which nobody can find out from it.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::id::SessionHandle;
use crate::schema::Schema;

use super::key::key;
use super::lifetime::{DAY, Millis};
use super::own::{is_of_another_type, stored_creation};
use super::value::{Map, number};

/// How long a mark counts, in milliseconds. The table's TTL deletes it later.
const COUNTS_FOR: u64 = 60_000;

/// The mark that takes the place of a session's item. To other readers, it is absent.
pub(crate) fn mark(schema: &Schema, from: SessionHandle, to: SessionHandle, now: Millis) -> Map {
    let names = &schema.names;
    let mut mark = key(schema, from);
    let to = AttributeValue::S(to.to_string());
    mark.insert(names.moved_to.to_owned(), to);
    mark.insert(names.created_at.to_owned(), number(now.0));
    // To programs that do not know marks, it is a session that has expired, whatever their clock says.
    let expired = now.seconds().saturating_sub(DAY);
    mark.insert(names.expires_at.to_owned(), number(expired));
    if let Some(type_name) = schema.type_name {
        let type_name = AttributeValue::S(type_name.to_owned());
        mark.insert(names.session_type.to_owned(), type_name);
    }
    mark
}

/// The handle that the session has now, if the item is a mark.
pub(crate) fn moved_to(schema: &Schema, item: &Map) -> Option<SessionHandle> {
    let to = item.get(schema.names.moved_to)?.as_s().ok()?;
    SessionHandle::parse(to).ok()
}

/// Whether the item is the mark of a change of id, a moment ago, of a session of this type.
pub(crate) fn is_moved(schema: &Schema, item: &Map, now: Millis) -> bool {
    let Some(to) = moved_to(schema, item).filter(|_| !is_of_another_type(schema, item)) else {
        return false;
    };
    let moved_at = stored_creation(schema, to, item);
    // No two clocks that are set differ by a day.
    moved_at.is_ok_and(|Millis(at)| {
        now.0 < at.saturating_add(COUNTS_FOR) && at <= now.0.saturating_add(DAY * 1000)
    })
}
