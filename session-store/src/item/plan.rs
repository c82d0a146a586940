//! The plan of a save: what it writes, and the only version that it may be written onto.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::TooLargeError;
use crate::id::SessionHandle;
use crate::schema::Schema;

use super::delta::Delta;
use super::format::{Codec, Packed};
use super::image::Image;
use super::lifetime::Lifetime;
use super::limits::Limits;
use super::roster::RosterPlan;
use super::state::Unknown;
use super::value::Map;

/// An expression has at most 4 KB and 300 operators. A clause here takes at most 13 bytes.
const MAX_CLAUSES: usize = 250;

pub(crate) struct SavePlan {
    pub(crate) delta: Delta,
    pub(crate) data: DataChange,
    /// The version that it must be written onto; `None` for any.
    pub(crate) onto: Option<u64>,
    /// The limits of rosters that the session has of its own.
    pub(crate) limits: Limits,
    /// Whether rosters stay as they are if the session keeps its values, also if it is not in one of them.
    pub(crate) leaves_rosters: bool,
}

/// The change of `data`.
pub(crate) enum DataChange {
    /// Those entries of the delta that are set or removed.
    Entries,
    /// All of it is replaced.
    Whole(Whole),
    /// `data` and `version` stay: only times, promoted attributes and rosters are written.
    Nothing,
}

/// All of `data` as it is stored.
pub(crate) struct Whole {
    pub(crate) data: AttributeValue,
    pub(crate) format: Option<&'static str>,
}

impl Whole {
    fn new(packed: Option<Packed>, as_map: impl FnOnce() -> Map) -> Self {
        match packed {
            Some(Packed { bytes, format }) => Self {
                data: bytes,
                format: Some(format),
            },
            None => Self {
                data: AttributeValue::M(as_map()),
                format: None,
            },
        }
    }
}

/// The stored state that a change was made from.
pub(crate) struct BaseState<'a> {
    pub(crate) version: u64,
    pub(crate) packed: bool,
    pub(crate) image: &'a Image,
    pub(crate) unknown: &'a Unknown,
}

impl SavePlan {
    /// Plans a change that leads from a base to `after`, of which `data` is all that will be stored.
    ///
    /// It needs the base's version if the caller says so, if it replaces `data` as a whole, or if an
    /// attribute is computed from more than one field: two writers would each compute it from theirs.
    pub(crate) fn change(
        codec: &Codec,
        delta: Delta,
        after: &Image,
        base: &BaseState<'_>,
        needs_base_version: bool,
        data: impl Fn() -> Map,
    ) -> Result<Self, TooLargeError> {
        let packed = codec.pack(&data);
        after.check_size(
            codec.schema(),
            codec.max_size(),
            base.unknown,
            base.image,
            packed.as_ref(),
            || base.image.whole_size(after, codec, base.unknown),
        )?;
        let is_whole = packed.is_some() || base.packed || delta.clauses() > MAX_CLAUSES;
        let needs_base_version = needs_base_version
            || is_whole
            || delta.needs_base_version
            || codec.schema().has_computed();
        Ok(Self {
            onto: needs_base_version.then_some(base.version),
            data: if is_whole {
                DataChange::Whole(Whole::new(packed, data))
            } else {
                DataChange::Entries
            },
            delta,
            limits: after.limits.clone(),
            leaves_rosters: false,
        })
    }

    /// Plans to replace all data and all promoted attributes by those of this image.
    #[cfg(feature = "_record")]
    pub(crate) fn replace(
        codec: &Codec,
        after: &Image,
        onto: Option<u64>,
    ) -> Result<Self, TooLargeError> {
        let data = || after.data.clone();
        let packed = codec.pack(data);
        after.check_size(
            codec.schema(),
            codec.max_size(),
            &Unknown::default(),
            &Image::default(),
            packed.as_ref(),
            || 0,
        )?;
        Ok(Self {
            delta: Delta {
                attributes: after.attributes.clone(),
                ..Delta::default()
            },
            data: DataChange::Whole(Whole::new(packed, data)),
            onto,
            limits: after.limits.clone(),
            leaves_rosters: false,
        })
    }

    /// Plans to write what an item lacks, and to remove what its type forgets, onto the version that it was found in:
    /// after another write it may lack something else, or nothing. `packed` is all of its data, if that is stored
    /// as bytes.
    pub(crate) fn mend(
        codec: &Codec,
        delta: Delta,
        version: u64,
        packed: Option<impl Fn() -> Map>,
    ) -> Self {
        Self {
            onto: Some(version),
            data: match packed {
                _ if delta.remove.is_empty() => DataChange::Nothing,
                Some(data) => DataChange::Whole(Whole::new(codec.pack(&data), data)),
                None => DataChange::Entries,
            },
            delta,
            // A session that only lacks its entry is entered whatever the limit.
            limits: Limits::default(),
            leaves_rosters: false,
        }
    }

    /// Plans to extend the expiry of a session, and to write nothing else.
    #[cfg(feature = "_record")]
    pub(crate) fn extend_only() -> Self {
        Self {
            delta: Delta::default(),
            data: DataChange::Nothing,
            onto: None,
            limits: Limits::default(),
            leaves_rosters: false,
        }
    }

    /// Whether the plan cannot be carried out on this item: others wrote to it, or another program has
    /// packed the data whose entries it writes.
    pub(crate) fn is_stale(&self, codec: &Codec, item: &Map, version: u64) -> bool {
        self.onto.is_some_and(|onto| onto != version)
            || matches!(self.data, DataChange::Entries) && codec.is_packed(item)
    }

    /// Whether `data` is stored as bytes afterwards.
    pub(crate) fn will_be_packed(&self) -> bool {
        matches!(&self.data, DataChange::Whole(whole) if whole.format.is_some())
    }

    /// Whether it writes to `data`, and so raises the version.
    pub(crate) fn writes_data(&self) -> bool {
        !matches!(self.data, DataChange::Nothing)
    }

    /// Whether it gives the session another value that has a roster.
    pub(crate) fn moves(&self, schema: &Schema) -> bool {
        let mut written = self.delta.attributes.iter();
        written.any(|(name, _)| {
            let mut rosters = schema.rosters();
            !self.delta.repaired.contains(name) && rosters.any(|roster| roster.name == *name)
        })
    }

    /// The roster changes of this plan, for a session that has these promoted attributes.
    pub(crate) fn rosters(
        &self,
        schema: &Schema,
        handle: SessionHandle,
        was: &Map,
        lifetime: &Lifetime,
    ) -> RosterPlan {
        if self.leaves_rosters {
            return RosterPlan::default();
        }
        RosterPlan::new(schema, handle, was, &self.delta, lifetime, &self.limits)
    }
}

#[cfg(test)]
mod tests;
