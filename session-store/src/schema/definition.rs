//! The table and the item layout of a session type.

use std::time::Duration;

use crate::marshal::{FieldNames, Subject};

use super::attribute::{Attribute, ROSTER_NOTE_SUFFIX, SHARD_SUFFIX};
use super::names::Names;

/// The table and the item layout of a session type.
///
/// `#[derive(SessionAttributes)]` writes it. For an implementation by hand, build one in a separate
/// `const` item, and end it with [`checked`](Self::checked), so that a wrong one does not compile:
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
    /// The name that is stored with each session; `None` if none is stored.
    pub(crate) type_name: Option<&'static str>,
    /// Whether nobody has declared that name.
    pub(crate) is_named_by_struct: bool,
    pub(crate) idle_timeout: Duration,
    pub(crate) absolute_timeout: Duration,
    /// Whether no session has a longer idle timeout of its own.
    pub(crate) idle_is_limit: bool,
    /// Of sessions without a user.
    pub(crate) guest_idle_timeout: Option<Duration>,
    pub(crate) guest_absolute_timeout: Option<Duration>,
    pub(crate) names: Names,
    pub(crate) key_prefix: &'static str,
    pub(crate) sort_key: Option<(&'static str, &'static str)>,
    pub(crate) attributes: &'static [Attribute],
    /// The entries of `data` that belong to the type; `None` if only its serialization shows them.
    pub(crate) fields: Option<&'static [Field]>,
    /// Whether entries beside `fields` belong to the type as well (`#[serde(flatten)]`).
    pub(crate) flattened: bool,
    /// What the type no longer has, and does not keep.
    pub(crate) forgotten: &'static [&'static str],
    /// Whether each load also reads the cutoff.
    pub(crate) revoke_all: bool,
    /// Whether `data` is bytes, and not a map.
    pub(crate) binary: bool,
    /// Whether `data` is compressed if that makes it smaller.
    pub(crate) compressed: bool,
    /// Whether a framework chooses when its sessions end: one without an idle timeout of its own, as earlier
    /// versions stored them, ends at its stored end.
    pub(crate) ends_as_stored: bool,
}

impl Schema {
    /// A schema with the defaults: sessions end after 30 idle minutes and after 12 hours.
    pub const fn new(table: &'static str) -> Self {
        Self {
            table,
            type_name: None,
            is_named_by_struct: false,
            idle_timeout: Duration::from_secs(30 * 60),
            absolute_timeout: Duration::from_secs(12 * 60 * 60),
            idle_is_limit: false,
            guest_idle_timeout: None,
            guest_absolute_timeout: None,
            names: Names::new(),
            key_prefix: "",
            sort_key: None,
            attributes: &[],
            fields: None,
            flattened: false,
            forgotten: &[],
            revoke_all: false,
            binary: false,
            compressed: false,
            ends_as_stored: false,
        }
    }

    /// The name that is stored with each session, by which a session of another type is refused.
    ///
    /// It has 1 to 64 of the characters `a-z`, `A-Z`, `0-9`, `_`, `-`, `.`, `:` and `/`. The derive gives
    /// the name of the Rust struct. Renaming the struct changes that default; give the old name here to
    /// keep the sessions, and the default cookie of the layer for axum, which has it in its name.
    ///
    /// A schema without a name stores none, and reads the sessions of every type in its table.
    pub const fn type_name(mut self, name: &'static str) -> Self {
        self.type_name = Some(name);
        self.is_named_by_struct = false;
        self
    }

    /// The name of a type that declares none. The derive writes it.
    #[doc(hidden)]
    pub const fn named_by_struct(mut self, name: &'static str) -> Self {
        self.type_name = Some(name);
        self.is_named_by_struct = true;
        self
    }

    /// How long a session lives without a save or touch. At least a second.
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Lets no session have a longer idle timeout of its own: a longer one counts as that of the type. The derive's
    /// `timeouts`, which names a standard, does so.
    pub const fn idle_timeout_is_limit(mut self) -> Self {
        self.idle_is_limit = true;
        self
    }

    /// The longest time that a session can live. At least the idle timeout.
    pub const fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute_timeout = timeout;
        self
    }

    /// The names of the attributes that the store itself keeps.
    pub const fn names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// The prefix of the partition key of each session, in a table shared with other entities.
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
    /// With them, a read can tell apart the entries that the type does not know. Without them, each read
    /// serialises the session to find out.
    pub const fn fields(mut self, fields: &'static [Field]) -> Self {
        self.fields = Some(fields);
        self
    }

    /// Declares that the type has a `#[serde(flatten)]`, so that entries beside
    /// [`fields`](Self::fields) can belong to it.
    pub const fn flattened(mut self) -> Self {
        self.flattened = true;
        self
    }

    /// Declares what earlier versions of the type have stored, and what must not be kept: entries of `data` and
    /// promoted attributes by these names, an attribute with what the store has added for its index.
    ///
    /// What a type does not know is otherwise kept, so that old and new binaries can run side by side. What is named
    /// here is removed by the next write of any kind: a save, also one that changes nothing else, a touch, which is
    /// then due at once, a new id, an update, or a reindex. A binary that still has the field brings it back with its
    /// next write of it.
    pub const fn forget(mut self, names: &'static [&'static str]) -> Self {
        self.forgotten = names;
        self
    }

    /// Enables ending all sessions with one call, for one read unit more per load; the type then
    /// implements [`RevokeAll`](crate::RevokeAll).
    pub const fn revoke_all(mut self) -> Self {
        self.revoke_all = true;
        self
    }

    /// Stores `data` as bytes, in CBOR, in place of a map.
    ///
    /// Every save then writes all of `data`, and only onto the version that its copy was made from. A
    /// session in another format can still be read, and its next save stores it in this format.
    pub const fn binary(mut self) -> Self {
        self.binary = true;
        self
    }

    /// Compresses `data` of 768 bytes or more with zstd, if the result is smaller. Needs the feature
    /// `zstd`. Data of more than 16 MiB, or whose values would take more than 25 MiB in memory, is not
    /// compressed, and so too large for an item.
    pub const fn compressed(mut self) -> Self {
        self.compressed = true;
        self
    }

    /// The idle timeout of the type.
    pub const fn idle(&self) -> Duration {
        self.idle_timeout
    }

    /// The absolute timeout of the type: also the longest time that a cookie with the id can be valid.
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
            let note = attribute.roster().map(|_| attribute.note.as_str());
            std::iter::once(attribute.name).chain(shards).chain(note)
        })
    }

    /// Whether an entry of `data` is not to be kept.
    pub(crate) fn forgets_entry(&self, name: &str) -> bool {
        self.forgotten.contains(&name)
    }

    /// Whether an attribute is not to be kept: one by such a name, or what the store has added for its index.
    pub(crate) fn forgets_attribute(&self, name: &str) -> bool {
        let suffixes = ["", SHARD_SUFFIX, ROSTER_NOTE_SUFFIX];
        let rest = |forgotten: &&'static str| name.strip_prefix(*forgotten);
        let mut rest = self.forgotten.iter().filter_map(rest);
        rest.any(|rest| suffixes.contains(&rest))
    }

    /// Whether an attribute is computed from the whole session.
    pub(crate) fn has_computed(&self) -> bool {
        self.attributes.iter().any(|attribute| attribute.computed)
    }

    /// The attribute that tells who is logged in.
    pub(crate) fn user(&self) -> Option<&'static Attribute> {
        self.attributes.iter().find(|attribute| attribute.user)
    }

    /// A session of this type, as its paths name it.
    pub(crate) fn subject(&self) -> Subject<'_> {
        let data = self.names.data;
        Subject::Session { data, fields: self }
    }

    /// The entries of `data` that the type reads and writes, as [`fields`](Self::fields) set them.
    pub const fn entries(&self) -> Option<&'static [Field]> {
        self.fields
    }
}

/// Any other name at the top of a session can be the key of a map, and so a value.
impl FieldNames for Schema {
    fn field_name(&self, name: &str) -> Option<&'static str> {
        let fields = self.fields.unwrap_or_default().iter();
        let mut names = fields.flat_map(|field| std::iter::once(&field.name).chain(field.aliases));
        names.find(|known| **known == name).copied()
    }
}

/// An entry of `data`, under the name that serde gives it.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    /// Whether serde always writes this entry.
    pub(crate) required: bool,
}

impl Field {
    /// A field with its serialized name, and the names under which it is read as well
    /// (`#[serde(alias)]`). The entry may be absent, unless it is [`required`](Self::required).
    pub const fn new(name: &'static str, aliases: &'static [&'static str]) -> Self {
        Self {
            name,
            aliases,
            required: false,
        }
    }

    /// Declares that serde always writes this entry: the field has no `skip_serializing_if`, and no
    /// `skip_serializing`.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Whether serde always writes this entry, as [`required`](Self::required) sets it.
    pub const fn is_required(&self) -> bool {
        self.required
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
