//! What `#[dynamo(..)]` says of the table and of its attributes.

use syn::ext::IdentExt as _;
use syn::{Attribute, ExprPath, Ident, LitStr, Path, Type};

use crate::entry::{Entry, IndexOption, Place, SortKey, Timeout, Value, groups, once_each};
use crate::errors::Errors;

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
    pub(crate) krate: Option<Path>,
}

/// A promoted attribute: from a field, or computed from the whole session.
pub(crate) struct Promotion {
    pub(crate) name: LitStr,
    pub(crate) index: Option<IndexOption>,
    pub(crate) with: Option<ExprPath>,
    pub(crate) key: Option<Type>,
}

/// The options of the struct: one table, and any number of computed attributes.
pub(crate) fn on_struct(errors: &Errors, attrs: &[Attribute]) -> (Table, Vec<Promotion>) {
    let mut table = Vec::new();
    let mut computed = Vec::new();
    for group in groups(errors, attrs, Place::Struct) {
        let (of_attribute, of_table): (Vec<_>, Vec<_>) =
            group.entries.into_iter().partition(Entry::is_of_attribute);
        // One group for each computed attribute tells which `with` belongs to which `attr`.
        if let (Some(_), Some(stray)) = (of_attribute.first(), of_table.first()) {
            let key = &stray.key;
            errors.report(
                key,
                format!("`{key}` is an option of the table, among those of a computed attribute; put it into a `#[dynamo({key} ..)]` of its own"),
            );
        }
        table.extend(of_table);
        if let Some(first) = of_attribute.first() {
            let first = first.key.clone();
            let of_attribute = once_each(errors, of_attribute);
            computed.extend(promotion(
                errors,
                of_attribute,
                &first,
                group.is_whole,
                None,
            ));
        }
    }
    (table_options(once_each(errors, table)), computed)
}

/// The options of the field of this name, or none if it is not promoted.
pub(crate) fn on_field(errors: &Errors, attrs: &[Attribute], field: &Ident) -> Option<Promotion> {
    let groups: Vec<_> = groups(errors, attrs, Place::Field).collect();
    let is_whole = groups.iter().all(|group| group.is_whole);
    let entries: Vec<_> = groups.into_iter().flat_map(|group| group.entries).collect();
    let first = entries.first()?.key.clone();
    promotion(
        errors,
        once_each(errors, entries),
        &first,
        is_whole,
        Some(field),
    )
}

fn promotion(
    errors: &Errors,
    entries: Vec<Entry>,
    first: &Ident,
    is_whole: bool,
    field: Option<&Ident>,
) -> Option<Promotion> {
    let mut name = None;
    let mut index = None;
    let mut with = None;
    let mut key = None;
    for entry in entries {
        match entry.value {
            Value::Text(text) => name = Some(text),
            Value::Index(option) => index = Some(option),
            Value::With(path) => with = Some(path),
            Value::Key(ty) => key = Some(ty),
            Value::Timeout(_) | Value::SortKey(_) | Value::Crate(_) => {}
        }
    }
    // The attribute's name is part of what is stored: it must not change because a field's did.
    if name.is_none() && is_whole {
        let example =
            field.map_or_else(|| "is_admin".to_owned(), |field| field.unraw().to_string());
        errors.report(
            first,
            format!("the attribute has no name; add `attr = \"{example}\"`"),
        );
    }
    if field.is_none() && with.is_none() && is_whole {
        errors.report(
            first,
            "a computed attribute needs its function; add `with = AppSession::is_admin`, or put the attribute on a field",
        );
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
    })
}

fn table_options(entries: Vec<Entry>) -> Table {
    let mut table = Table::default();
    for Entry { key, value } in entries {
        match (key.to_string().as_str(), value) {
            ("table", Value::Text(text)) => table.table = Some(text),
            ("key_prefix", Value::Text(text)) => table.key_prefix = Some(text),
            ("idle_timeout", Value::Timeout(timeout)) => table.idle_timeout = Some(timeout),
            ("absolute_timeout", Value::Timeout(timeout)) => table.absolute_timeout = Some(timeout),
            (_, Value::Text(text)) => table.names.push((key, text)),
            (_, Value::SortKey(sort_key)) => table.sort_key = Some(sort_key),
            (_, Value::Crate(path)) => table.krate = Some(path),
            _ => {}
        }
    }
    table
}
