//! Reads `#[dynamo(..)]`. What cannot be read is reported and left out; the rest goes on.

use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::token::Paren;
use syn::{Attribute, Error, ExprPath, Ident, LitInt, LitStr, Meta, Path, Token, Type};
use syn::{Result, parenthesized};

use crate::errors::Errors;
use crate::parse::value::{
    Timeout, compression, crate_path, flag, format, function, key_type, number, policy, rest, text,
    timeout,
};
use crate::similar::unknown;

/// The attributes that the store itself keeps; each is also the option that renames it.
#[rustfmt::skip]
pub(crate) const STORE_NAMES: [&str; 9] = [
    "id", "data", "created_at", "touched_at", "expires_at", "idle", "version", "writes", "format",
];

#[rustfmt::skip]
const TABLE_OPTIONS: [&str; 8] = [
    "table", "idle_timeout", "absolute_timeout", "key_prefix", "sort_key", "revoke_all", "compress", "crate",
];

const ATTRIBUTE_OPTIONS: [&str; 4] = ["attr", "index", "with", "key"];

const INDEX_OPTIONS: [&str; 5] = ["name", "shards", "consistent", "limit", "on_limit"];

const DATA_OPTIONS: [&str; 2] = ["name", "format"];

const SORT_KEY_OPTIONS: [&str; 2] = ["name", "value"];

/// Where a `#[dynamo(..)]` stands, which decides what may be in it.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Struct,
    Field,
}

/// `key`, `key = value` or `key(..)`.
pub(crate) struct Entry {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    Text(LitStr),
    Timeout(Timeout),
    SortKey(SortKey),
    Data(DataOption),
    Compress,
    Crate(Path),
    Index(IndexOption),
    With(ExprPath),
    Key(Type),
    Flag,
    Number(LitInt),
    Word(Ident),
}

pub(crate) struct SortKey {
    pub(crate) name: LitStr,
    pub(crate) value: LitStr,
}

/// How the attribute `data` is named, and whether it is bytes.
pub(crate) struct DataOption {
    pub(crate) name: Option<LitStr>,
    pub(crate) binary: bool,
}

pub(crate) struct IndexOption {
    pub(crate) keyword: Ident,
    pub(crate) name: Option<LitStr>,
    pub(crate) shards: Option<LitInt>,
    pub(crate) consistent: Option<Ident>,
    pub(crate) limit: Option<LitInt>,
    pub(crate) on_limit: Option<Ident>,
}

impl Entry {
    pub(crate) fn is_of_attribute(&self) -> bool {
        is_among(&ATTRIBUTE_OPTIONS, &self.key)
    }
}

/// What one `#[dynamo(..)]` holds, and whether all of it could be read.
pub(crate) struct Group {
    pub(crate) entries: Vec<Entry>,
    pub(crate) is_whole: bool,
}

pub(crate) fn groups<'a>(
    errors: &'a Errors,
    attrs: &'a [Attribute],
    place: Place,
) -> impl Iterator<Item = Group> + 'a {
    let ours = attrs.iter().filter(|attr| attr.path().is_ident("dynamo"));
    ours.map(move |attr| {
        let before = errors.count();
        let entries = group(errors, &attr.meta, place);
        let is_whole = errors.count() == before;
        Group { entries, is_whole }
    })
}

fn group(errors: &Errors, meta: &Meta, place: Place) -> Vec<Entry> {
    let Meta::List(list) = meta else {
        errors.report(
            meta,
            "put the options in parentheses: `#[dynamo(attr = \"user_id\")]`",
        );
        return Vec::new();
    };
    let all = |input: ParseStream<'_>| {
        Ok(entries(errors, input, |key, input| match place {
            Place::Struct => on_struct(errors, key, input),
            Place::Field => on_field(errors, key, input),
        }))
    };
    all.parse2(list.tokens.clone()).unwrap_or_else(|error| {
        errors.add(error);
        Vec::new()
    })
}

/// Reads entries between commas. One that is wrong is reported, and the next is read all the same.
fn entries(
    errors: &Errors,
    input: ParseStream<'_>,
    value: impl Fn(&Ident, ParseStream<'_>) -> Result<Value>,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    while !input.is_empty() {
        match entry(input, &value) {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                errors.add(error);
                rest(input);
            }
        }
        // What is left is the end, or begins with a comma.
        let _ = input.parse::<Option<Token![,]>>();
    }
    entries
}

fn entry(
    input: ParseStream<'_>,
    value: impl Fn(&Ident, ParseStream<'_>) -> Result<Value>,
) -> Result<Entry> {
    let key = input
        .call(Ident::parse_any)
        .map_err(|error| Error::new(error.span(), "expected the name of an option"))?;
    let value = value(&key, input)?;
    if input.is_empty() || input.peek(Token![,]) {
        Ok(Entry { key, value })
    } else {
        Err(input.error(format!("expected a comma after `{key}` and its value")))
    }
}

fn on_struct(errors: &Errors, key: &Ident, input: ParseStream<'_>) -> Result<Value> {
    match key.to_string().as_str() {
        "table" | "key_prefix" => Ok(Value::Text(text(key, input)?)),
        "idle_timeout" | "absolute_timeout" => Ok(Value::Timeout(timeout(key, input)?)),
        "sort_key" => Ok(Value::SortKey(sort_key(errors, key, input)?)),
        "revoke_all" => flag(key, input, "`revoke_all`").map(|()| Value::Flag),
        "data" => Ok(Value::Data(data(errors, key, input)?)),
        "compress" => compression(key, input).map(|()| Value::Compress),
        "crate" => Ok(Value::Crate(crate_path(key, input)?)),
        _ if is_among(&STORE_NAMES, key) => Ok(Value::Text(text(key, input)?)),
        _ if is_among(&ATTRIBUTE_OPTIONS, key) => of_attribute(errors, key, input),
        _ => {
            let known = [TABLE_OPTIONS.as_slice(), &ATTRIBUTE_OPTIONS, &STORE_NAMES];
            Err(unknown(key, &known.concat()))
        }
    }
}

fn on_field(errors: &Errors, key: &Ident, input: ParseStream<'_>) -> Result<Value> {
    if is_among(&TABLE_OPTIONS, key) || is_among(&STORE_NAMES, key) {
        let message = format!("`{key}` is an option of the table; put it on the struct");
        return Err(Error::new_spanned(key, message));
    }
    of_attribute(errors, key, input)
}

fn of_attribute(errors: &Errors, key: &Ident, input: ParseStream<'_>) -> Result<Value> {
    match key.to_string().as_str() {
        "attr" => Ok(Value::Text(text(key, input)?)),
        "index" => Ok(Value::Index(index(errors, key, input)?)),
        "with" => Ok(Value::With(function(key, input)?)),
        "key" => Ok(Value::Key(key_type(key, input)?)),
        _ => Err(unknown(key, &ATTRIBUTE_OPTIONS)),
    }
}

fn index(errors: &Errors, keyword: &Ident, input: ParseStream<'_>) -> Result<IndexOption> {
    let mut option = IndexOption {
        keyword: keyword.clone(),
        name: None,
        shards: None,
        consistent: None,
        limit: None,
        on_limit: None,
    };
    if !input.peek(Paren) {
        flag(keyword, input, "`index`, or `index(name = \"..\")`")?;
        return Ok(option);
    }
    let content;
    parenthesized!(content in input);
    let entries = entries(errors, &content, |key, input| {
        match key.to_string().as_str() {
            "name" => Ok(Value::Text(text(key, input)?)),
            "consistent" => flag(key, input, "`consistent`").map(|()| Value::Flag),
            "shards" | "limit" => Ok(Value::Number(number(key, input)?)),
            "on_limit" => Ok(Value::Word(policy(key, input)?)),
            _ => Err(unknown(key, &INDEX_OPTIONS)),
        }
    });
    for Entry { key, value } in once_each(errors, entries) {
        match value {
            Value::Text(name) => option.name = Some(name),
            Value::Number(shards) if key == "shards" => option.shards = Some(shards),
            Value::Number(limit) => option.limit = Some(limit),
            Value::Word(policy) => option.on_limit = Some(policy),
            _ => option.consistent = Some(key),
        }
    }
    Ok(option)
}

/// `data = "binary"` or `"map"` is the format, any other text a name; `data(..)` takes both.
fn data(errors: &Errors, keyword: &Ident, input: ParseStream<'_>) -> Result<DataOption> {
    let mut option = DataOption {
        name: None,
        binary: false,
    };
    if !input.peek(Paren) {
        let text = text(keyword, input)?;
        match text.value().as_str() {
            "binary" => option.binary = true,
            "map" => {}
            _ => option.name = Some(text),
        }
        return Ok(option);
    }
    let content;
    parenthesized!(content in input);
    let entries = entries(errors, &content, |key, input| {
        match key.to_string().as_str() {
            "name" => Ok(Value::Text(text(key, input)?)),
            "format" => Ok(Value::Word(format(key, input)?)),
            _ => Err(unknown(key, &DATA_OPTIONS)),
        }
    });
    for entry in once_each(errors, entries) {
        match entry.value {
            Value::Word(format) => option.binary = format == "binary",
            Value::Text(name) => option.name = Some(name),
            _ => {}
        }
    }
    Ok(option)
}

fn sort_key(errors: &Errors, keyword: &Ident, input: ParseStream<'_>) -> Result<SortKey> {
    let incomplete = || {
        let message = "a sort key has a name and a value: \
                       `sort_key(name = \"sk\", value = \"SESSION\")`";
        Error::new_spanned(keyword, message)
    };
    if !input.peek(Paren) {
        return Err(incomplete());
    }
    let content;
    parenthesized!(content in input);
    let before = errors.count();
    let entries = entries(errors, &content, |key, input| {
        if is_among(&SORT_KEY_OPTIONS, key) {
            Ok(Value::Text(text(key, input)?))
        } else {
            Err(unknown(key, &SORT_KEY_OPTIONS))
        }
    });
    let (mut name, mut value) = (None, None);
    for entry in once_each(errors, entries) {
        match entry.value {
            Value::Text(text) if entry.key == "name" => name = Some(text),
            Value::Text(text) => value = Some(text),
            _ => {}
        }
    }
    // If something inside was wrong, that has been reported.
    let stand_in = || (errors.count() > before).then(|| LitStr::new("sort key", keyword.span()));
    match (name.or_else(stand_in), value.or_else(stand_in)) {
        (Some(name), Some(value)) => Ok(SortKey { name, value }),
        _ => Err(incomplete()),
    }
}

fn is_among(options: &[&str], key: &Ident) -> bool {
    options.iter().any(|option| key == option)
}

/// The entries without those whose key comes a second time, which are reported.
pub(crate) fn once_each(errors: &Errors, entries: Vec<Entry>) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::new();
    for entry in entries {
        let key = &entry.key;
        if kept.iter().any(|kept| kept.key == *key) {
            errors.report(key, format!("`{key}` was given before; remove one of them"));
        } else {
            kept.push(entry);
        }
    }
    kept
}
