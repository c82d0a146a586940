//! A promoted attribute, and the index that it can have.

use super::key::{IndexField, KeyType};
use super::names::Suffixed;

/// A native attribute that is written beside `data`.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) index: Option<IndexSchema>,
    pub(crate) computed: bool,
    pub(crate) user: bool,
    /// The attribute with the note that a session is in the roster of its value, if the index is consistent.
    pub(crate) note: Suffixed,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexSchema {
    /// `None` means `<attribute>-index`.
    pub(super) name: Option<&'static str>,
    pub(crate) key: KeyType,
    /// How many sessions of one value there can be, if the index is consistent.
    pub(crate) roster: Option<Limit>,
    pub(crate) shards: Option<Shards>,
}

/// How a default index spreads the sessions of one value over several partitions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shards {
    pub(crate) count: u32,
    /// The attribute that the index is on, in place of the promoted one.
    pub(crate) attribute: &'static str,
}

/// How many live sessions of one value a consistent index allows, and what happens to one more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limit {
    pub(crate) sessions: u32,
    pub(crate) policy: OnLimit,
}

/// The result of a log-in that is one session too many for a consistent index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnLimit {
    /// It ends the oldest session of this value, by time of creation.
    #[default]
    EvictOldest,
    /// It ends the session of this value that was not touched or saved for the longest time. A
    /// [`Touch`](crate::Touch) policy that seldom writes makes that time less exact.
    EvictLeastRecent,
    /// It fails with [`Error::Limit`](crate::Error::Limit).
    Reject,
}

impl Attribute {
    /// An attribute without an index.
    pub const fn promoted(name: &'static str) -> Self {
        Self {
            name,
            index: None,
            computed: false,
            user: false,
            note: Suffixed::new(name, ROSTER_NOTE_SUFFIX),
        }
    }

    /// An attribute with a default index, by the type of the field or of its key.
    ///
    /// The index is named `<attribute>-index` unless [`index_named`](Self::index_named) says otherwise.
    pub const fn index<F: IndexField>(name: &'static str) -> Self {
        Self {
            name,
            index: Some(IndexSchema {
                name: None,
                key: F::TYPE,
                roster: None,
                shards: None,
            }),
            computed: false,
            user: false,
            note: Suffixed::new(name, ROSTER_NOTE_SUFFIX),
        }
    }

    /// Names the index of this attribute.
    pub const fn index_named(mut self, name: &'static str) -> Self {
        if let Some(index) = &mut self.index {
            index.name = Some(name);
        }
        self
    }

    /// Spreads the sessions of one value over this many partitions of the default index, so that a popular
    /// value is not one hot partition. The number is from 2 to [`MAX_SHARDS`](Self::MAX_SHARDS).
    ///
    /// The index is then on an attribute of this name, which the store keeps beside the promoted one,
    /// as `<value>#<shard>`. The derive names it `<attribute>-shard`.
    pub const fn sharded(mut self, shards: u32, attribute: &'static str) -> Self {
        assert!(
            shards >= 2 && shards <= Self::MAX_SHARDS,
            "an index has 2 to 100 shards, since each read queries all of them; change their number"
        );
        if let Some(index) = &mut self.index {
            index.shards = Some(Shards {
                count: shards,
                attribute,
            });
        } else {
            panic!("an attribute without an index has no shards; begin with `Attribute::index`");
        }
        self
    }

    /// The largest number of shards of an index. Each read of the index is one query per shard.
    pub const MAX_SHARDS: u32 = 100;

    /// Makes the index of this attribute a consistent one: a roster item for each value, in place of
    /// a global secondary index. It allows as many sessions of one value as a roster can hold,
    /// [`MAX_LIMIT`](Self::MAX_LIMIT), and refuses one more.
    ///
    /// The store keeps a note beside the promoted attribute, of 16 bytes under `<attribute>-roster`: that the
    /// session is in the roster of its value.
    pub const fn consistent(mut self) -> Self {
        if let Some(index) = &mut self.index {
            index.roster = Some(Limit {
                sessions: Self::MAX_LIMIT,
                policy: OnLimit::Reject,
            });
        }
        self
    }

    /// Limits how many live sessions of one value there can be; for a consistent index only.
    pub const fn limit(mut self, sessions: u32, policy: OnLimit) -> Self {
        if let Some(IndexSchema {
            roster: Some(limit),
            ..
        }) = &mut self.index
        {
            *limit = Limit { sessions, policy };
        } else {
            panic!("a limit is exact only in a consistent index; call `consistent` first");
        }
        self
    }

    /// The largest number of sessions of one value in a consistent index. Each takes 53 bytes of the 400 KB
    /// that DynamoDB allows for their roster.
    pub const MAX_LIMIT: u32 = 7_500;

    /// Declares that the value depends on more than one field.
    ///
    /// Two writers that change different fields would each compute it without the other's change. So a
    /// session of such a type is saved only onto the version that its copy was made from.
    pub const fn computed(mut self) -> Self {
        self.computed = true;
        self
    }

    /// Declares that the value tells who is logged in; at most one attribute of a type does.
    ///
    /// A session that goes from nobody or from somebody else to a user needs a new id, since an attacker may
    /// know the old one (session fixation). The layer for axum gives it one. A
    /// [`save`](crate::DynamoDbStore::save) or [`update`](crate::DynamoDbStore::update) that would leave it
    /// under its old id is refused with [`Error::Encode`](crate::Error::Encode).
    pub const fn user(mut self) -> Self {
        self.user = true;
        self
    }

    /// The attribute's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The type of the index's keys, if the attribute has an index.
    pub const fn key_type(&self) -> Option<KeyType> {
        match self.index {
            Some(index) => Some(index.key),
            None => None,
        }
    }

    /// How many live sessions of one value there can be, if the attribute has a consistent index.
    pub const fn session_limit(&self) -> Option<u32> {
        match self.roster() {
            Some(limit) => Some(limit.sessions),
            None => None,
        }
    }

    pub(crate) const fn shards(&self) -> Option<Shards> {
        match self.index {
            Some(index) => index.shards,
            None => None,
        }
    }

    pub(crate) const fn roster(&self) -> Option<Limit> {
        match self.index {
            Some(index) => index.roster,
            None => None,
        }
    }

    /// The attribute with the note that a session is in its roster, if there are rosters.
    pub(super) const fn note_name(&self) -> Option<&str> {
        match self.roster() {
            Some(_) => Some(self.note.as_str()),
            None => None,
        }
    }

    /// The name of the global secondary index, if the attribute has one: a consistent index has none.
    pub fn index_name(&self) -> Option<String> {
        let index = self.index.filter(|index| index.roster.is_none())?;
        Some(match index.name {
            Some(name) => name.to_owned(),
            None => format!("{}{DEFAULT_INDEX_SUFFIX}", self.name),
        })
    }
}

pub(super) const DEFAULT_INDEX_SUFFIX: &str = "-index";

pub(super) const ROSTER_NOTE_SUFFIX: &str = "-roster";

/// As the derive names the attribute with the shard.
pub(super) const SHARD_SUFFIX: &str = "-shard";
