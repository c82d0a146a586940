//! Parses `#[dynamo(..)]`: the options of the table, and those of each promoted attribute.

mod option;
mod preset;
pub(crate) mod serde;
mod value;

use std::time::Duration;

use syn::ext::IdentExt as _;
use syn::{Attribute, ExprPath, Ident, LitStr, Path, Type};

use crate::errors::Errors;
use crate::parse::option::{
    DataOption, DynamoOption, Location, OptionList, OptionValue, SortKeyOption, option_lists,
    without_repeats,
};

pub(crate) use crate::parse::option::{IndexOption, STORE_NAMES};
pub(crate) use crate::parse::preset::Preset;
pub(crate) use crate::parse::value::Timeout;

/// The options on the struct that are not for a computed attribute.
#[derive(Default)]
pub(crate) struct TableOptions {
    pub(crate) table: Option<LitStr>,
    pub(crate) type_name: Option<LitStr>,
    /// The timeouts of a standard.
    pub(crate) timeouts: Option<Preset>,
    pub(crate) idle_timeout: Option<Timeout>,
    pub(crate) absolute_timeout: Option<Timeout>,
    pub(crate) guest_idle_timeout: Option<Timeout>,
    pub(crate) guest_absolute_timeout: Option<Timeout>,
    /// The renamed attributes of the store: each by its option, with its new name.
    pub(crate) renamed: Vec<(Ident, LitStr)>,
    pub(crate) key_prefix: Option<LitStr>,
    pub(crate) sort_key: Option<SortKeyOption>,
    pub(crate) revoke_all: bool,
    /// Entries of `data` and attributes that are not to be kept.
    pub(crate) forgotten: Vec<LitStr>,
    /// How `data` is stored: methods of `Schema` without arguments.
    pub(crate) formats: Vec<Ident>,
    pub(crate) crate_path: Option<Path>,
}

impl TableOptions {
    /// The idle timeout, unless it is the default.
    ///
    /// That of a standard is not longer than an absolute timeout that is given beside it.
    pub(crate) fn idle(&self) -> Option<Duration> {
        if let Some(given) = &self.idle_timeout {
            return Some(given.duration);
        }
        let of_standard = self.timeouts.as_ref()?.idle;
        of_standard.into_iter().chain(self.absolute()).min()
    }

    /// The absolute timeout, unless it is the default.
    pub(crate) fn absolute(&self) -> Option<Duration> {
        let given = self.absolute_timeout.as_ref();
        given.map_or_else(
            || self.timeouts.as_ref()?.absolute,
            |given| Some(given.duration),
        )
    }
}

/// The options of one promoted attribute: of a field, or computed from the whole session.
pub(crate) struct AttributeOptions {
    pub(crate) name: LitStr,
    pub(crate) index: Option<IndexOption>,
    pub(crate) with: Option<ExprPath>,
    pub(crate) key: Option<Type>,
    /// `user`: it tells who is logged in.
    pub(crate) user: Option<Ident>,
    /// Whether every option could be parsed. If not, a missing option is not reported.
    pub(crate) is_complete: bool,
}

impl AttributeOptions {
    /// The name of the attribute that the store adds for a sharded index.
    pub(crate) fn shard_name(&self) -> Option<LitStr> {
        let shards = self.index.as_ref()?.shards.as_ref()?;
        let name = format!("{}-shard", self.name.value());
        Some(LitStr::new(&name, shards.span()))
    }
}

/// The options on the struct: those of the table, and those of each computed attribute.
pub(crate) fn struct_options(
    errors: &Errors,
    attrs: &[Attribute],
) -> (TableOptions, Vec<AttributeOptions>) {
    let mut table = Vec::new();
    let mut computed = Vec::new();
    for OptionList {
        options,
        is_complete,
    } in option_lists(errors, attrs, Location::Struct)
    {
        let (of_attribute, of_table): (Vec<_>, Vec<_>) = options
            .into_iter()
            .partition(DynamoOption::belongs_to_attribute);
        if let Some(DynamoOption { keyword, .. }) = of_table.first() {
            // One `#[dynamo(..)]` for each computed attribute tells which `with` belongs to which
            // `attr`.
            if !of_attribute.is_empty() {
                let message = format!(
                    "`{keyword}` is an option of the table, but this `#[dynamo(..)]` is for a \
                     computed attribute; move it to a separate `#[dynamo(..)]`"
                );
                errors.report(keyword, message);
            }
        }
        table.extend(of_table);
        computed.extend(attribute_options(errors, of_attribute, is_complete, None));
    }
    (table_options(without_repeats(errors, table)), computed)
}

/// The options on a field, or `None` if the field is not promoted.
pub(crate) fn field_options(
    errors: &Errors,
    attrs: &[Attribute],
    field: &Ident,
) -> Option<AttributeOptions> {
    let lists: Vec<_> = option_lists(errors, attrs, Location::Field).collect();
    let is_complete = lists.iter().all(|list| list.is_complete);
    let options = lists.into_iter().flat_map(|list| list.options).collect();
    attribute_options(errors, options, is_complete, Some(field))
}

fn attribute_options(
    errors: &Errors,
    options: Vec<DynamoOption>,
    is_complete: bool,
    field: Option<&Ident>,
) -> Option<AttributeOptions> {
    let first = options.first()?.keyword.clone();
    let (mut name, mut index, mut with, mut key) = (None, None, None, None);
    let mut user = None;
    for option in without_repeats(errors, options) {
        match option.value {
            OptionValue::Text(text) => name = Some(text),
            OptionValue::Index(option) => index = Some(option),
            OptionValue::With(path) => with = Some(path),
            OptionValue::Key(ty) => key = Some(ty),
            OptionValue::User(keyword) => user = Some(keyword),
            _ => {}
        }
    }
    // The name is stored. It must not change when a field is renamed, so it has no default.
    if name.is_none() && is_complete {
        let example =
            field.map_or_else(|| "is_admin".to_owned(), |field| field.unraw().to_string());
        errors.report(
            &first,
            format!("the attribute has no name; add `attr = \"{example}\"`"),
        );
    }
    if field.is_none() && with.is_none() && is_complete {
        let message = "a computed attribute needs its function; add `with = AppSession::is_admin`, \
                       or put the attribute on a field";
        errors.report(&first, message);
    }
    // After that error the field's name stands in, so that the checks can go on.
    let name = name.or_else(|| {
        let field = field?;
        Some(LitStr::new(&field.unraw().to_string(), field.span()))
    })?;
    Some(AttributeOptions {
        name,
        index,
        with,
        key,
        user,
        is_complete,
    })
}

fn table_options(options: Vec<DynamoOption>) -> TableOptions {
    let mut table = TableOptions::default();
    for DynamoOption { keyword, value } in options {
        match (keyword.to_string().as_str(), value) {
            ("table", OptionValue::Text(text)) => table.table = Some(text),
            ("type_name", OptionValue::Text(text)) => table.type_name = Some(text),
            (_, OptionValue::Timeouts(preset)) => table.timeouts = Some(preset),
            ("key_prefix", OptionValue::Text(text)) => table.key_prefix = Some(text),
            (_, OptionValue::Text(text)) => table.renamed.push((keyword, text)),
            ("idle_timeout", OptionValue::Timeout(timeout)) => table.idle_timeout = Some(timeout),
            ("guest_idle_timeout", OptionValue::Timeout(timeout)) => {
                table.guest_idle_timeout = Some(timeout);
            }
            ("guest_absolute_timeout", OptionValue::Timeout(timeout)) => {
                table.guest_absolute_timeout = Some(timeout);
            }
            (_, OptionValue::Timeout(timeout)) => table.absolute_timeout = Some(timeout),
            (_, OptionValue::SortKey(sort_key)) => table.sort_key = Some(sort_key),
            (_, OptionValue::Forget(names)) => table.forgotten.extend(names),
            ("revoke_all", OptionValue::Flag) => table.revoke_all = true,
            (_, OptionValue::Data(DataOption { name, format })) => {
                table.formats.extend(format);
                table.renamed.extend(name.map(|name| (keyword, name)));
            }
            (_, OptionValue::SchemaMethod(method)) => table.formats.push(method),
            (_, OptionValue::Crate(path)) => table.crate_path = Some(path),
            _ => {}
        }
    }
    table
}
