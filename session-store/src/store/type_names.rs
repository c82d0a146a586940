//! The names of the session types that this process stores: two structs that declare no name must not have one.

use std::any::TypeId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::error::SetupError;
use crate::schema::Schema;

/// Where sessions of one name would be those of one type: place, table, prefix and name.
type Place = [String; 4];

/// The struct whose sessions these are.
#[derive(Clone, Copy)]
struct Owner {
    id: TypeId,
    path: &'static str,
}

static OWNERS: LazyLock<Mutex<HashMap<Place, Owner>>> = LazyLock::new(Mutex::default);

/// Notes that the sessions of this name are those of the struct `S`.
///
/// # Errors
///
/// Another struct has this name too, and neither declares it: an id of one would be valid for the other.
pub(super) fn claim<S: 'static>(
    place: String,
    table: &str,
    schema: &Schema,
) -> Result<(), SetupError> {
    let Some(name) = schema.type_name.filter(|_| schema.is_named_by_struct) else {
        return Ok(());
    };
    // An ARN ends with the name.
    let last = table.rsplit('/').next().unwrap_or(table);
    let place = [
        place,
        last.to_owned(),
        schema.key_prefix.to_owned(),
        name.to_owned(),
    ];
    let own = Owner {
        id: TypeId::of::<S>(),
        path: std::any::type_name::<S>(),
    };
    let mut owners = OWNERS.lock().unwrap_or_else(PoisonError::into_inner);
    let other = match owners.entry(place) {
        Entry::Vacant(entry) => *entry.insert(own),
        Entry::Occupied(entry) => *entry.get(),
    };
    if other.id == own.id {
        return Ok(());
    }
    Err(SetupError::new(format!(
        "the session types `{}` and `{}` are both stored in the table `{table}` as `{name}`, so an id of one would be \
         valid for the other; give one of them another name with `#[dynamo(type_name = \"..\")]`, or another table; if \
         they are versions of one type, give both the same `type_name`",
        other.path, own.path
    )))
}
