//! What an item lacks of the attributes and rosters of the running type, because a program wrote it that did not know
//! them, or knew them otherwise (G19).

use crate::error::EncodeError;
use crate::schema::{Attribute, Schema, SessionAttributes};

use super::delta::Delta;
use super::image::Image;
use super::roster_note::is_same_roster;
use super::shards::is_current;
use super::state::State;
use super::value::Map;

/// What an item lacks.
pub(crate) struct Lacking {
    /// The promoted attributes that the session has. Its data is not in it.
    pub(crate) image: Image,
    /// Those that have to be written, and what is removed; none if only entries in rosters are missing.
    pub(crate) delta: Delta,
    /// An attribute in whose index the session is not.
    pub(crate) unindexed: Option<&'static Attribute>,
}

impl Lacking {
    /// What the item of this state lacks of the promoted attributes of the session in it, and has of what the type
    /// forgets; `None` for nothing.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if they cannot be stored.
    pub(crate) fn of<S: SessionAttributes>(
        schema: &Schema,
        state: &State,
        session: &S,
    ) -> Result<Option<Self>, EncodeError> {
        let has_nothing = schema.attributes.is_empty() && state.forgotten.is_empty();
        if has_nothing || state.is_overtaken {
            return Ok(None);
        }
        let image = Image::new(schema, state.handle, Map::new(), session)?;
        let mut delta = Delta::default();
        delta.repair(schema, &state.promoted, &image, &image);
        delta.forget(&state.forgotten);
        if delta.is_empty() && image.stale_notes(&state.promoted).next().is_none() {
            return Ok(None);
        }
        let unindexed = unindexed(schema, &image, &state.promoted);
        Ok(Some(Self {
            image,
            delta,
            unindexed,
        }))
    }
}

/// An attribute in whose index a session with these promoted attributes in its item is not.
pub(crate) fn unindexed(schema: &Schema, image: &Image, item: &Map) -> Option<&'static Attribute> {
    let is_in = |attribute: &&Attribute| {
        let shards = attribute.shards();
        let name = shards.map_or(attribute.name, |shards| shards.attribute);
        let is_current = is_current(schema, name, item.get(name), image.attribute(name));
        let mut notes = image.notes.iter();
        let note = notes.find(|(name, _)| *name == attribute.note.as_str());
        let is_entered = note.is_none_or(|(name, note)| is_same_roster(item.get(*name), note));
        attribute.index.is_none() || is_current && is_entered
    };
    schema.attributes.iter().find(|attribute| !is_in(attribute))
}
