//! Reads `#[dynamo(..)]`. What cannot be read is reported and left out; the rest goes on.

use std::time::Duration;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, ExprPath, Ident, LitInt, LitStr, Meta, Path, Token, Type, parenthesized};

use crate::errors::Errors;
use crate::similar::similar;

/// The attributes that the store itself keeps; each is also the option that renames it.
pub(crate) const STORE_NAMES: [&str; 9] = [
    "id",
    "data",
    "created_at",
    "touched_at",
    "expires_at",
    "idle",
    "version",
    "writes",
    "format",
];

const TABLE_OPTIONS: [&str; 15] = [
    "table",
    "idle_timeout",
    "absolute_timeout",
    "key_prefix",
    "sort_key",
    "crate",
    "id",
    "data",
    "created_at",
    "touched_at",
    "expires_at",
    "idle",
    "version",
    "writes",
    "format",
];

const ATTRIBUTE_OPTIONS: [&str; 4] = ["attr", "index", "with", "key"];

const INDEX_OPTIONS: [&str; 4] = ["name", "consistent", "limit", "on_limit"];

const POLICIES: [&str; 2] = ["evict_oldest", "reject"];

/// Where a `#[dynamo(..)]` stands, which decides what may be in it.
#[derive(Clone, Copy, PartialEq, Eq)]
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
    Crate(Path),
    Index(IndexOption),
    With(ExprPath),
    Key(Type),
}

pub(crate) struct Timeout {
    pub(crate) text: LitStr,
    pub(crate) duration: Duration,
}

pub(crate) struct SortKey {
    pub(crate) name: LitStr,
    pub(crate) value: LitStr,
}

pub(crate) struct IndexOption {
    pub(crate) keyword: Ident,
    pub(crate) name: Option<LitStr>,
    pub(crate) consistent: Option<Ident>,
    pub(crate) limit: Option<LitInt>,
    pub(crate) on_limit: Option<Ident>,
}

impl Entry {
    pub(crate) fn is_of_attribute(&self) -> bool {
        ATTRIBUTE_OPTIONS.iter().any(|option| self.key == option)
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
        let entries = list(errors, &attr.meta, |input| entry(errors, input, place));
        Group {
            entries,
            is_whole: errors.count() == before,
        }
    })
}

fn list<T>(
    errors: &Errors,
    meta: &Meta,
    item: impl Fn(ParseStream<'_>) -> syn::Result<T>,
) -> Vec<T> {
    let Meta::List(list) = meta else {
        errors.report(
            meta,
            "put the options in parentheses: `#[dynamo(attr = \"user_id\")]`",
        );
        return Vec::new();
    };
    let read =
        (|input: ParseStream<'_>| Ok(items(errors, input, item))).parse2(list.tokens.clone());
    read.unwrap_or_else(|error| {
        errors.add(error);
        Vec::new()
    })
}

/// Reads items between commas. One that is wrong is reported, and the next is read all the same.
fn items<T>(
    errors: &Errors,
    input: ParseStream<'_>,
    item: impl Fn(ParseStream<'_>) -> syn::Result<T>,
) -> Vec<T> {
    let mut items = Vec::new();
    while !input.is_empty() {
        let read = item(input).and_then(|item| {
            if input.is_empty() || input.peek(Token![,]) {
                Ok(item)
            } else {
                Err(input.error("expected a comma before the next option"))
            }
        });
        match read {
            Ok(item) => items.push(item),
            Err(error) => {
                errors.add(error);
                value_tokens(input);
            }
        }
        // Either a comma or the end.
        let _ = input.parse::<Option<Token![,]>>();
    }
    items
}

fn entry(errors: &Errors, input: ParseStream<'_>, place: Place) -> syn::Result<Entry> {
    let key = option_name(input, "attr = \"user_id\"")?;
    let word = key.to_string();
    let value = match word.as_str() {
        "attr" => Value::Text(text(&key, input)?),
        "index" => Value::Index(index(errors, &key, input)?),
        "with" => Value::With(function(&key, input)?),
        "key" => Value::Key(key_type(&key, input)?),
        _ if place == Place::Field => return Err(unknown_on_field(&key)),
        "idle_timeout" | "absolute_timeout" => Value::Timeout(timeout(&key, input)?),
        "sort_key" => Value::SortKey(sort_key(errors, &key, input)?),
        "crate" => Value::Crate(crate_path(&key, input)?),
        known if TABLE_OPTIONS.contains(&known) => Value::Text(text(&key, input)?),
        _ => {
            return Err(unknown(
                &key,
                &[TABLE_OPTIONS.as_slice(), &ATTRIBUTE_OPTIONS].concat(),
            ));
        }
    };
    Ok(Entry { key, value })
}

fn index(errors: &Errors, keyword: &Ident, input: ParseStream<'_>) -> syn::Result<IndexOption> {
    enum Part {
        Name(LitStr),
        Consistent,
        Limit(LitInt),
        OnLimit(Ident),
    }

    let mut option = IndexOption {
        keyword: keyword.clone(),
        name: None,
        consistent: None,
        limit: None,
        on_limit: None,
    };
    if input.peek(Token![=]) {
        return Err(
            input.error("`index` takes no value; write `index`, or `index(name = \"by-user\")`")
        );
    }
    if !input.peek(syn::token::Paren) {
        return Ok(option);
    }
    let content;
    parenthesized!(content in input);
    let parts = items(errors, &content, |input| {
        let key = option_name(input, "name = \"by-user\"")?;
        let part = match key.to_string().as_str() {
            "name" => Part::Name(text(&key, input)?),
            "consistent" => Part::Consistent,
            "limit" => Part::Limit(number(&key, input)?),
            "on_limit" => Part::OnLimit(policy(&key, input)?),
            _ => return Err(unknown(&key, &INDEX_OPTIONS)),
        };
        Ok((key, part))
    });
    let mut seen: Vec<Ident> = Vec::new();
    for (key, part) in parts {
        if is_repeated(errors, seen.iter(), &key) {
            continue;
        }
        seen.push(key.clone());
        match part {
            Part::Name(name) => option.name = Some(name),
            Part::Consistent => option.consistent = Some(key),
            Part::Limit(limit) => option.limit = Some(limit),
            Part::OnLimit(policy) => option.on_limit = Some(policy),
        }
    }
    Ok(option)
}

fn sort_key(errors: &Errors, key: &Ident, input: ParseStream<'_>) -> syn::Result<SortKey> {
    let mend = "write `sort_key(name = \"sk\", value = \"SESSION\")`";
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new_spanned(
            key,
            format!("`sort_key` has a name and a value; {mend}"),
        ));
    }
    let content;
    parenthesized!(content in input);
    let before = errors.count();
    let parts = items(errors, &content, |input| {
        let key = option_name(input, "name = \"sk\"")?;
        if key != "name" && key != "value" {
            return Err(unknown(&key, &["name", "value"]));
        }
        let text = text(&key, input)?;
        Ok(Entry {
            key,
            value: Value::Text(text),
        })
    });
    let (mut name, mut value) = (None, None);
    for part in once_each(errors, parts) {
        match part.value {
            Value::Text(text) if part.key == "name" => name = Some(text),
            Value::Text(text) => value = Some(text),
            _ => {}
        }
    }
    match (name, value) {
        (Some(name), Some(value)) => Ok(SortKey { name, value }),
        // What is wrong inside has been said already.
        _ if errors.count() > before => Ok(SortKey {
            name: LitStr::new("sk", key.span()),
            value: LitStr::new("SESSION", key.span()),
        }),
        _ => Err(syn::Error::new_spanned(
            key,
            format!("`sort_key` needs both a name and a value; {mend}"),
        )),
    }
}

fn option_name(input: ParseStream<'_>, example: &str) -> syn::Result<Ident> {
    input.call(Ident::parse_any).map_err(|error| {
        syn::Error::new(
            error.span(),
            format!("expected an option, such as `{example}`"),
        )
    })
}

fn text(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    equals(key, input, "\"..\"")?;
    input.parse().map_err(|_| {
        syn::Error::new_spanned(
            value_tokens(input),
            format!("`{key}` takes a string: `{key} = \"..\"`"),
        )
    })
}

fn number(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitInt> {
    equals(key, input, "10")?;
    let number = input
        .parse::<LitInt>()
        .ok()
        .filter(|number| number.base10_parse::<u32>().is_ok());
    number.ok_or_else(|| {
        syn::Error::new_spanned(
            value_tokens(input),
            format!("`{key}` takes a whole number: `{key} = 10`"),
        )
    })
}

fn policy(key: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
    equals(key, input, "evict_oldest")?;
    let policy = input.call(Ident::parse_any).map_err(|_| {
        syn::Error::new_spanned(
            value_tokens(input),
            "`on_limit` takes `evict_oldest` or `reject`, without quotes",
        )
    })?;
    if POLICIES.iter().any(|known| policy == known) {
        Ok(policy)
    } else {
        Err(unknown(&policy, &POLICIES))
    }
}

fn timeout(key: &Ident, input: ParseStream<'_>) -> syn::Result<Timeout> {
    let text = text(key, input)?;
    match humantime::parse_duration(&text.value()) {
        Ok(duration) => Ok(Timeout { text, duration }),
        Err(cause) => Err(syn::Error::new_spanned(
            text,
            format!(
                "`{key}` is not a length of time ({cause}); write it like \"30m\", \"12h\" or \"1h 30m\""
            ),
        )),
    }
}

fn function(key: &Ident, input: ParseStream<'_>) -> syn::Result<ExprPath> {
    equals(key, input, "function")?;
    if let Some(text) = input.parse::<Option<LitStr>>()? {
        let message = format!(
            "write the function without quotes: `with = {}`",
            text.value()
        );
        return Err(syn::Error::new_spanned(text, message));
    }
    let value = input.fork();
    let path = input
        .parse::<ExprPath>()
        .ok()
        .filter(|_| input.is_empty() || input.peek(Token![,]));
    path.ok_or_else(|| {
        syn::Error::new_spanned(
            value_tokens(&value),
            "`with` takes the path of a function, such as `with = AppSession::is_admin`",
        )
    })
}

fn key_type(key: &Ident, input: ParseStream<'_>) -> syn::Result<Type> {
    equals(key, input, "String")?;
    if let Some(text) = input.parse::<Option<LitStr>>()? {
        let message = format!("write the type without quotes: `key = {}`", text.value());
        return Err(syn::Error::new_spanned(text, message));
    }
    input.parse()
}

fn crate_path(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    equals(key, input, "my::session_store")?;
    match input.parse::<Option<LitStr>>()? {
        Some(text) => text.parse_with(Path::parse_mod_style).map_err(|_| {
            syn::Error::new_spanned(text, "`crate` takes a path: `crate = my::session_store`")
        }),
        None => input.call(Path::parse_mod_style),
    }
}

fn equals(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<()> {
    match input.parse::<Option<Token![=]>>()? {
        Some(_) if !input.is_empty() && !input.peek(Token![,]) => Ok(()),
        _ => Err(syn::Error::new_spanned(
            key,
            format!("`{key}` needs a value: `{key} = {example}`"),
        )),
    }
}

/// Takes everything up to the next comma.
fn value_tokens(input: ParseStream<'_>) -> TokenStream {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        match input.parse::<TokenTree>() {
            Ok(token) => token.to_tokens(&mut tokens),
            Err(_) => break,
        }
    }
    tokens
}

fn unknown(key: &Ident, known: &[&str]) -> syn::Error {
    let word = key.to_string();
    let mend = match similar(&word, known) {
        Some(similar) => format!("did you mean `{similar}`?"),
        None => format!("there are `{}`", known.join("`, `")),
    };
    syn::Error::new_spanned(key, format!("unknown option `{word}`; {mend}"))
}

fn unknown_on_field(key: &Ident) -> syn::Error {
    if TABLE_OPTIONS.iter().any(|option| key == option) {
        let message = format!("`{key}` is an option of the table; put it on the struct");
        return syn::Error::new_spanned(key, message);
    }
    unknown(key, &ATTRIBUTE_OPTIONS)
}

/// The entries without those whose key comes a second time, which are reported.
pub(crate) fn once_each(errors: &Errors, entries: Vec<Entry>) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::new();
    for entry in entries {
        let seen = kept.iter().map(|kept| &kept.key);
        if !is_repeated(errors, seen, &entry.key) {
            kept.push(entry);
        }
    }
    kept
}

fn is_repeated<'a>(
    errors: &Errors,
    mut seen: impl Iterator<Item = &'a Ident>,
    key: &Ident,
) -> bool {
    let repeated = seen.any(|seen| seen == key);
    if repeated {
        errors.report(key, format!("`{key}` was given before; remove one of them"));
    }
    repeated
}
