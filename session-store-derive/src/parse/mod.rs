//! What `#[dynamo(..)]` says of the table and of its attributes.

mod option;
pub(crate) mod serde;
mod value;

use syn::ext::IdentExt as _;
use syn::{Attribute, ExprPath, Ident, LitStr, Path, Type};

use crate::errors::Errors;
use crate::parse::option::{DataOption, Entry, Group, Place, SortKey, Value, groups, once_each};

pub(crate) use crate::parse::option::{IndexOption, STORE_NAMES};
pub(crate) use crate::parse::value::Timeout;

/// The options of the table, from the struct.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) table: Option<LitStr>,
    pub(crate) idle_timeout: Option<Timeout>,
    pub(crate) absolute_timeout: Option<Timeout>,
    /// Renamed attributes of the store: which, and to what.
    pub(crate) names: Vec<(Ident, LitStr)>,
    pub(crate) key_prefix: Option<LitStr>,
    pub(crate) sort_key: Option<SortKey>,
    pub(crate) revoke_all: bool,
    pub(crate) binary: bool,
    pub(crate) compressed: bool,
    pub(crate) krate: Option<Path>,
}

/// A promoted attribute: from a field, or computed from the whole session.
pub(crate) struct Promotion {
    pub(crate) name: LitStr,
    pub(crate) index: Option<IndexOption>,
    pub(crate) with: Option<ExprPath>,
    pub(crate) key: Option<Type>,
    /// Whether all of its options could be read. If not, none is missed.
    pub(crate) is_whole: bool,
}

impl Promotion {
    /// The attribute of the store's own that the index is on, if it is sharded.
    pub(crate) fn shard_name(&self) -> Option<LitStr> {
        let shards = self.index.as_ref()?.shards.as_ref()?;
        let name = format!("{}-shard", self.name.value());
        Some(LitStr::new(&name, shards.span()))
    }
}

/// The options of the struct: one table, and any number of computed attributes.
pub(crate) fn on_struct(errors: &Errors, attrs: &[Attribute]) -> (Table, Vec<Promotion>) {
    let mut table = Vec::new();
    let mut computed = Vec::new();
    for Group { entries, is_whole } in groups(errors, attrs, Place::Struct) {
        let (of_attribute, of_table): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(Entry::is_of_attribute);
        if let Some(Entry { key, .. }) = of_table.first() {
            // One group for each computed attribute tells which `with` belongs to which `attr`.
            if !of_attribute.is_empty() {
                let message = format!(
                    "`{key}` is an option of the table, and stands among those of a computed \
                     attribute; put it into a `#[dynamo(..)]` of its own"
                );
                errors.report(key, message);
            }
        }
        table.extend(of_table);
        computed.extend(promotion(errors, of_attribute, is_whole, None));
    }
    (table_options(once_each(errors, table)), computed)
}

/// The options of the field of this name, or none if it is not promoted.
pub(crate) fn on_field(errors: &Errors, attrs: &[Attribute], field: &Ident) -> Option<Promotion> {
    let groups: Vec<_> = groups(errors, attrs, Place::Field).collect();
    let is_whole = groups.iter().all(|group| group.is_whole);
    let entries = groups.into_iter().flat_map(|group| group.entries).collect();
    promotion(errors, entries, is_whole, Some(field))
}

fn promotion(
    errors: &Errors,
    entries: Vec<Entry>,
    is_whole: bool,
    field: Option<&Ident>,
) -> Option<Promotion> {
    let first = entries.first()?.key.clone();
    let (mut name, mut index, mut with, mut key) = (None, None, None, None);
    for entry in once_each(errors, entries) {
        match entry.value {
            Value::Text(text) => name = Some(text),
            Value::Index(option) => index = Some(option),
            Value::With(path) => with = Some(path),
            Value::Key(ty) => key = Some(ty),
            _ => {}
        }
    }
    // The attribute's name is part of what is stored: it must not change because a field's did.
    if name.is_none() && is_whole {
        let example =
            field.map_or_else(|| "is_admin".to_owned(), |field| field.unraw().to_string());
        errors.report(
            &first,
            format!("the attribute has no name; add `attr = \"{example}\"`"),
        );
    }
    if field.is_none() && with.is_none() && is_whole {
        let message = "a computed attribute needs its function; add `with = AppSession::is_admin`, \
                       or put the attribute on a field";
        errors.report(&first, message);
    }
    let name = name.or_else(|| {
        let field = field?;
        Some(LitStr::new(&field.unraw().to_string(), field.span()))
    })?;
    Some(Promotion {
        name,
        index,
        with,
        key,
        is_whole,
    })
}

fn table_options(entries: Vec<Entry>) -> Table {
    let mut table = Table::default();
    for Entry { key, value } in entries {
        match (key.to_string().as_str(), value) {
            ("table", Value::Text(text)) => table.table = Some(text),
            ("key_prefix", Value::Text(text)) => table.key_prefix = Some(text),
            (_, Value::Text(text)) => table.names.push((key, text)),
            ("idle_timeout", Value::Timeout(timeout)) => table.idle_timeout = Some(timeout),
            (_, Value::Timeout(timeout)) => table.absolute_timeout = Some(timeout),
            (_, Value::SortKey(sort_key)) => table.sort_key = Some(sort_key),
            ("revoke_all", Value::Flag) => table.revoke_all = true,
            (_, Value::Data(DataOption { name, binary })) => {
                table.binary = binary;
                table.names.extend(name.map(|name| (key, name)));
            }
            (_, Value::Compress) => table.compressed = true,
            (_, Value::Crate(path)) => table.krate = Some(path),
            _ => {}
        }
    }
    table
}
