//! The condition that an item is of the session type of the store (G16).

use crate::schema::Schema;

use super::expression::{Clauses, Expression};

/// What is known of the session type in an item (G16).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionType {
    /// It is the one of this store.
    Known,
    /// There was none when the item was read. It is written now, unless there is another by now.
    Missing,
    /// Nothing, since a framework gives the id alone, or a reindex does not decide it. If it is another, the write
    /// is refused.
    Unknown,
}

impl SessionType {
    pub(crate) fn of(item_has_type: bool) -> Self {
        if item_has_type {
            Self::Known
        } else {
            Self::Missing
        }
    }
}

/// Lets a write pass only for an item of this session type, and writes the type where it is missing.
pub(super) fn require_type(
    e: &mut Expression,
    schema: &Schema,
    known: SessionType,
    set: &mut Clauses,
    condition: &mut Clauses,
) {
    if known == SessionType::Known {
        return;
    }
    if let (Some(own_type), Some(type_name)) = (own_type(e, schema), schema.type_name) {
        condition.push(own_type);
        if known == SessionType::Missing {
            let (kind, type_name) = (e.name(schema.names.session_type), e.string(type_name));
            set.push((kind, "=", type_name));
        }
    }
}

/// The condition that an item is of the session type, or from before items told it. A type without a name
/// has no such condition.
pub(super) fn own_type(e: &mut Expression, schema: &Schema) -> Option<String> {
    let type_name = schema.type_name?;
    let (kind, type_name) = (e.name(schema.names.session_type), e.string(type_name));
    Some(format!(
        "(attribute_not_exists({kind}) OR {kind}={type_name})"
    ))
}
