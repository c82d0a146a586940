//! What is known of a session type before the program runs: its table, names, indexes, timeouts.

#![allow(
    clippy::indexing_slicing,
    reason = "a const fn has loops over indexes and nothing else; their conditions keep them in bounds"
)]

use std::time::Duration;

use crate::schema::session_attributes::{IndexField, KeyType};

/// The table and the item layout of a session type, as a constant.
///
/// `#[derive(SessionAttributes)]` writes it. For an implementation by hand, build one in a
/// `const` item of its own and end it with [`checked`](Self::checked), so that a wrong one does
/// not compile:
///
/// ```
/// use session_store::{Attribute, Schema};
/// use std::time::Duration;
///
/// const VISITS: Schema = Schema::new("visits")
///     .idle_timeout(Duration::from_secs(30 * 60))
///     .absolute_timeout(Duration::from_secs(12 * 60 * 60))
///     .attributes(&[Attribute::index::<Option<String>>("user_id"), Attribute::promoted("theme")])
///     .checked();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    pub(crate) table: &'static str,
    pub(crate) idle_timeout: Duration,
    pub(crate) absolute_timeout: Duration,
    pub(crate) names: Names,
    pub(crate) key_prefix: &'static str,
    pub(crate) sort_key: Option<(&'static str, &'static str)>,
    pub(crate) attributes: &'static [Attribute],
    /// The entries of `data` that belong to the type; `None` where only its serialization knows.
    pub(crate) fields: Option<&'static [Field]>,
    /// Whether entries beside `fields` belong to the type as well (`#[serde(flatten)]`).
    pub(crate) flattened: bool,
    /// Whether each load asks if every session was revoked.
    pub(crate) revoke_all: bool,
    /// Whether `data` is bytes, and not a map.
    pub(crate) binary: bool,
    /// Whether it is compressed bytes where that is less.
    pub(crate) compressed: bool,
}

impl Schema {
    /// A schema with the defaults: sessions end after 30 idle minutes and after 12 hours.
    pub const fn new(table: &'static str) -> Self {
        Self {
            table,
            idle_timeout: Duration::from_secs(30 * 60),
            absolute_timeout: Duration::from_secs(12 * 60 * 60),
            names: Names::new(),
            key_prefix: "",
            sort_key: None,
            attributes: &[],
            fields: None,
            flattened: false,
            revoke_all: false,
            binary: false,
            compressed: false,
        }
    }

    /// How long a session lives without a save or touch. At least a second.
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// How long a session lives at most. At least the idle timeout.
    pub const fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute_timeout = timeout;
        self
    }

    /// The names of the attributes that the store itself keeps.
    pub const fn names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// What the partition key of a session begins with, in a table shared with other entities.
    pub const fn key_prefix(mut self, prefix: &'static str) -> Self {
        self.key_prefix = prefix;
        self
    }

    /// A sort key with the same value for every session, for a table that has one.
    pub const fn sort_key(mut self, name: &'static str, value: &'static str) -> Self {
        self.sort_key = Some((name, value));
        self
    }

    /// The promoted attributes.
    pub const fn attributes(mut self, attributes: &'static [Attribute]) -> Self {
        self.attributes = attributes;
        self
    }

    /// The entries of `data` that the type reads and writes.
    ///
    /// With it, reading a session keeps aside what the type does not know without serialising it.
    /// Without it, the type's own serialization tells.
    pub const fn fields(mut self, fields: &'static [Field]) -> Self {
        self.fields = Some(fields);
        self
    }

    /// Says that the type has a `#[serde(flatten)]`, so that entries beside
    /// [`fields`](Self::fields) can belong to it.
    pub const fn flattened(mut self) -> Self {
        self.flattened = true;
        self
    }

    /// Lets all sessions be ended at once, at the price of one more read unit for each load; the type
    /// then implements [`RevokeAll`](crate::RevokeAll).
    pub const fn revoke_all(mut self) -> Self {
        self.revoke_all = true;
        self
    }

    /// Stores `data` as bytes, in CBOR, in place of a map.
    ///
    /// Every save then writes it whole, onto the version that it was made from. Sessions that are
    /// stored otherwise are read all the same, and are in this form from their next save on.
    pub const fn binary(mut self) -> Self {
        self.binary = true;
        self
    }

    /// Stores `data` compressed by zstd where it is large enough for that to pay, and otherwise as
    /// without this. Needs the feature `zstd`.
    pub const fn compressed(mut self) -> Self {
        self.compressed = true;
        self
    }

    /// The idle timeout of the type.
    pub const fn idle(&self) -> Duration {
        self.idle_timeout
    }

    /// The absolute timeout of the type: also the longest that a cookie with the id is of use.
    pub const fn absolute(&self) -> Duration {
        self.absolute_timeout
    }

    /// The table's name, which the store's builder can override.
    pub const fn table(&self) -> &'static str {
        self.table
    }

    /// The promoted attributes, in the order of the struct.
    pub const fn promoted(&self) -> &'static [Attribute] {
        self.attributes
    }

    /// The attributes with a consistent index.
    pub(crate) fn rosters(&self) -> impl Iterator<Item = &'static Attribute> + use<> {
        let attributes = self.attributes.iter();
        attributes.filter(|attribute| attribute.roster().is_some())
    }

    /// The names of all attributes that are written beside those of the store itself.
    pub(crate) fn promoted_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let attributes = self.attributes.iter();
        attributes.flat_map(|attribute| {
            let shards = attribute.shards().map(|shards| shards.attribute);
            std::iter::once(attribute.name).chain(shards)
        })
    }

    /// Whether an attribute is a function of the whole session.
    pub(crate) fn has_computed(&self) -> bool {
        self.attributes.iter().any(|attribute| attribute.computed)
    }

    /// The entries of `data` that the type reads and writes, as [`fields`](Self::fields) set them.
    pub const fn entries(&self) -> Option<&'static [Field]> {
        self.fields
    }

    /// Checks every rule that can be checked without the type's source, and panics with the mend.
    ///
    /// In a `const` item of its own the panic is a compile error.
    pub const fn checked(self) -> Self {
        assert!(
            is_resource_name(self.table),
            "the table's name must have 3 to 255 of the characters a-z, A-Z, 0-9, `_`, `.` and `-`"
        );
        assert!(
            self.idle_timeout.as_secs() >= 1,
            "the idle timeout must be at least one second"
        );
        assert!(
            self.idle_timeout.as_nanos() <= self.absolute_timeout.as_nanos(),
            "the idle timeout must not be longer than the absolute timeout; make it shorter"
        );
        assert!(
            !self.compressed || cfg!(feature = "zstd"),
            "`compress = \"zstd\"` needs the feature `zstd` of session-store; switch it on in Cargo.toml"
        );
        assert!(
            self.key_prefix.len() <= 1024,
            "the key prefix must have at most 1,024 bytes"
        );
        if let Some((_, value)) = self.sort_key {
            assert!(
                !value.is_empty() && value.len() <= 1024,
                "the value of the sort key must have 1 to 1,024 bytes"
            );
        }

        let own = self.names.list();
        let mut i = 0;
        while i < own.len() {
            check_name(own[i]);
            assert!(
                !is_one_of(own[i], &own, i),
                "two of the store's own attributes have one name; rename one of them"
            );
            i += 1;
        }
        if let Some((name, _)) = self.sort_key {
            check_name(name);
            assert!(
                !is_one_of(name, &own, own.len()),
                "the sort key has the name of one of the store's own attributes; rename one of them"
            );
        }

        let mut indexes = 0;
        let mut i = 0;
        while i < self.attributes.len() {
            let attribute = &self.attributes[i];
            check_name(attribute.name);
            self.check_promoted(attribute.name, &own);
            if let Some(shards) = attribute.shards() {
                assert!(
                    attribute.roster().is_none(),
                    "a consistent index is one item for each value, and has no shards; leave out one of both"
                );
                check_name(shards.attribute);
                self.check_promoted(shards.attribute, &own);
                assert!(
                    !equal(attribute.name, shards.attribute),
                    "an attribute and that of its shard have one name; rename one of them"
                );
            }
            let mut j = 0;
            while j < i {
                let other = &self.attributes[j];
                assert!(
                    !have_a_name_in_common(attribute, other),
                    "two promoted attributes have one name; rename one of them"
                );
                if has_default_index(attribute) && has_default_index(other) {
                    assert!(
                        !same_index_name(attribute, other),
                        "two indexes have one name; give one of them a name of its own"
                    );
                }
                j += 1;
            }
            if let Some(limit) = attribute.roster() {
                assert!(
                    limit.sessions >= 1 && limit.sessions <= Attribute::MAX_LIMIT,
                    "the limit of a consistent index must be 1 to 7,500 sessions of one value"
                );
            } else if attribute.index.is_some() {
                indexes += 1;
                let length = index_name_len(attribute);
                assert!(
                    length >= 3 && length <= 255 && index_name_is_valid(attribute),
                    "an index's name must have 3 to 255 of the characters a-z, A-Z, 0-9, `_`, `.` \
                     and `-`; it is `<attribute>-index` unless it has a name of its own"
                );
                assert!(
                    attribute.name.len() <= 255,
                    "an index's attribute must have a name of at most 255 bytes"
                );
            }
            i += 1;
        }
        assert!(
            indexes <= 20,
            "DynamoDB allows 20 indexes on a table; promote some without one"
        );
        self
    }

    const fn check_promoted(&self, name: &str, own: &[&str]) {
        assert!(
            !is_one_of(name, own, own.len()),
            "a promoted attribute has the name of one of the store's own; rename one of them"
        );
        if let Some((sort_key, _)) = self.sort_key {
            assert!(
                !equal(name, sort_key),
                "a promoted attribute has the name of the sort key; rename one of them"
            );
        }
    }
}

/// The names of the attributes that the store itself keeps, each with its default.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    pub(crate) id: &'static str,
    pub(crate) data: &'static str,
    pub(crate) created_at: &'static str,
    pub(crate) touched_at: &'static str,
    pub(crate) expires_at: &'static str,
    pub(crate) idle: &'static str,
    pub(crate) version: &'static str,
    pub(crate) writes: &'static str,
    pub(crate) format: &'static str,
}

macro_rules! names {
    ($($name:ident: $what:literal,)*) => {
        impl Names {
            /// The default names, each that of its method here.
            pub const fn new() -> Self {
                Self { $($name: stringify!($name),)* }
            }

            $(
                #[doc = concat!("Renames ", $what, ".")]
                pub const fn $name(mut self, name: &'static str) -> Self {
                    self.$name = name;
                    self
                }
            )*

            pub(crate) const fn list(&self) -> [&'static str; 9] {
                [$(self.$name,)*]
            }
        }
    };
}

names! {
    id: "the partition key, which holds the session's handle",
    data: "the attribute that holds the whole struct",
    created_at: "the time of creation, in milliseconds since 1970",
    touched_at: "the time of the last save or touch, in milliseconds since 1970",
    expires_at: "the time of expiry, in seconds since 1970: the table's TTL attribute",
    idle: "the idle timeout of this session alone, in seconds",
    version: "the number of writes so far",
    writes: "the marks by which the last four writes recognise themselves",
    format: "the format of `data`, where that is not a map",
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

/// A native attribute that is written beside `data`.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) index: Option<IndexSchema>,
    pub(crate) computed: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexSchema {
    /// `None` means `<attribute>-index`.
    name: Option<&'static str>,
    pub(crate) key: KeyType,
    /// How many sessions of one value there can be, if the index is consistent.
    pub(crate) roster: Option<Limit>,
    pub(crate) shards: Option<Shards>,
}

/// Over how many values of another attribute a default index spreads the sessions of one value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shards {
    pub(crate) count: u32,
    /// The attribute that the index is on in place of the promoted one.
    pub(crate) attribute: &'static str,
}

/// How many live sessions of one value a consistent index allows, and what a further one does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) sessions: u32,
    pub(crate) policy: OnLimit,
}

/// What a log-in does that would be one session too many for a consistent index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnLimit {
    /// It ends the oldest session of this value, by time of creation.
    #[default]
    EvictOldest,
    /// It fails with [`Error::Limit`](crate::Error::Limit).
    Reject,
}

impl Attribute {
    /// An attribute that is no index.
    pub const fn promoted(name: &'static str) -> Self {
        Self {
            name,
            index: None,
            computed: false,
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
        }
    }

    /// Names the index of this attribute.
    pub const fn index_named(mut self, name: &'static str) -> Self {
        if let Some(index) = &mut self.index {
            index.name = Some(name);
        }
        self
    }

    /// Spreads the sessions of one value over this many partitions of the default index, from 2 to
    /// [`MAX_SHARDS`](Self::MAX_SHARDS), so that a popular value is not one hot partition.
    ///
    /// The index is then on an attribute of this name, which the store keeps beside the promoted one,
    /// as `<value>#<shard>`. The derive names it `<attribute>-shard`.
    pub const fn sharded(mut self, shards: u32, attribute: &'static str) -> Self {
        assert!(
            shards >= 2 && shards <= Self::MAX_SHARDS,
            "an index has 2 to 100 shards, since every read of it asks all of them"
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

    /// The most shards of an index: each read of it is as many queries.
    pub const MAX_SHARDS: u32 = 100;

    /// Makes the index of this attribute a consistent one: a roster item for each value in place of
    /// a global secondary index. It allows as many sessions of one value as a roster can hold,
    /// [`MAX_LIMIT`](Self::MAX_LIMIT), and refuses a further one.
    pub const fn consistent(mut self) -> Self {
        if let Some(index) = &mut self.index {
            index.roster = Some(Limit {
                sessions: Self::MAX_LIMIT,
                policy: OnLimit::Reject,
            });
        }
        self
    }

    /// Bounds how many live sessions of one value there can be; for a consistent index only.
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

    /// The most sessions of one value in a consistent index: 53 bytes each, of the 400 KB that
    /// DynamoDB allows their roster.
    pub const MAX_LIMIT: u32 = 7_500;

    /// Says that the value depends on more than one field.
    ///
    /// Two writers who changed different fields would each compute it from their half; sessions of
    /// such a type are saved onto the version that they were made from.
    pub const fn computed(mut self) -> Self {
        self.computed = true;
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

    /// The name of the global secondary index, if the attribute has one: a consistent index has none.
    pub fn index_name(&self) -> Option<String> {
        let index = self.index.filter(|index| index.roster.is_none())?;
        Some(match index.name {
            Some(name) => name.to_owned(),
            None => format!("{}{DEFAULT_INDEX_SUFFIX}", self.name),
        })
    }
}

/// An entry of `data`, under the name that serde gives it.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
}

impl Field {
    /// A field with its serialized name, and the names under which it is read as well
    /// (`#[serde(alias)]`).
    pub const fn new(name: &'static str, aliases: &'static [&'static str]) -> Self {
        Self { name, aliases }
    }

    /// The serialized name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The names under which the field is read as well.
    pub const fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }
}

const DEFAULT_INDEX_SUFFIX: &str = "-index";

const fn check_name(name: &str) {
    assert!(
        !name.is_empty() && name.len() <= 255,
        "an attribute's name must have 1 to 255 bytes"
    );
}

/// DynamoDB's rule for the names of tables and indexes.
const fn is_resource_name(name: &str) -> bool {
    name.len() >= 3 && name.len() <= 255 && has_resource_characters(name)
}

const fn has_resource_characters(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if !(bytes[i].is_ascii_alphanumeric() || matches!(bytes[i], b'_' | b'.' | b'-')) {
            return false;
        }
        i += 1;
    }
    true
}

const fn index_name_len(attribute: &Attribute) -> usize {
    match attribute.index {
        Some(IndexSchema {
            name: Some(name), ..
        }) => name.len(),
        _ => attribute.name.len() + DEFAULT_INDEX_SUFFIX.len(),
    }
}

const fn index_name_is_valid(attribute: &Attribute) -> bool {
    match attribute.index {
        Some(IndexSchema {
            name: Some(name), ..
        }) => has_resource_characters(name),
        _ => has_resource_characters(attribute.name),
    }
}

const fn same_index_name(a: &Attribute, b: &Attribute) -> bool {
    if index_name_len(a) != index_name_len(b) {
        return false;
    }
    let mut i = 0;
    while i < index_name_len(a) {
        if index_name_byte(a, i) != index_name_byte(b, i) {
            return false;
        }
        i += 1;
    }
    true
}

const fn index_name_byte(attribute: &Attribute, i: usize) -> u8 {
    match attribute.index {
        Some(IndexSchema {
            name: Some(name), ..
        }) => name.as_bytes()[i],
        _ if i < attribute.name.len() => attribute.name.as_bytes()[i],
        _ => DEFAULT_INDEX_SUFFIX.as_bytes()[i - attribute.name.len()],
    }
}

const fn have_a_name_in_common(a: &Attribute, b: &Attribute) -> bool {
    equal(a.name, b.name)
        || match (a.shards(), b.shards()) {
            (Some(a), Some(b)) => equal(a.attribute, b.attribute),
            _ => false,
        }
        || matches!(a.shards(), Some(shards) if equal(shards.attribute, b.name))
        || matches!(b.shards(), Some(shards) if equal(shards.attribute, a.name))
}

const fn has_default_index(attribute: &Attribute) -> bool {
    attribute.index.is_some() && attribute.roster().is_none()
}

/// Whether `name` is among the first `count` of `names`.
const fn is_one_of(name: &str, names: &[&str], count: usize) -> bool {
    let mut i = 0;
    while i < count {
        if equal(name, names[i]) {
            return true;
        }
        i += 1;
    }
    false
}

/// String comparison in a `const fn`.
pub(crate) const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
