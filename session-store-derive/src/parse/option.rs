//! Parses the options in a `#[dynamo(..)]`. One with an error is reported and left out, and the
//! others are parsed all the same.

use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::token::Paren;
use syn::{Attribute, Error, ExprPath, Ident, LitInt, LitStr, Meta, Path, Token, Type};
use syn::{Result, parenthesized};

use crate::errors::Errors;
use crate::parse::preset::{Preset, preset};
use crate::parse::value::{
    Timeout, compression, crate_path, data_format, flag, function, key_type, limit_policy, names,
    number, take_until_comma, text, timeout,
};
use crate::similar::unknown_option;

/// The attributes that the store itself keeps. Each is also the option that renames it.
#[rustfmt::skip]
pub(crate) const STORE_NAMES: [&str; 14] = [
    "id", "data", "created_at", "touched_at", "expires_at", "idle", "absolute", "version", "writes", "format",
    "session_type", "moved_to", "cookie_end", "authenticated_at",
];

#[rustfmt::skip]
const TABLE_OPTIONS: [&str; 13] = [
    "table", "type_name", "timeouts", "idle_timeout", "absolute_timeout", "guest_idle_timeout",
    "guest_absolute_timeout", "key_prefix", "sort_key", "revoke_all", "compress", "forget", "crate",
];

const ATTRIBUTE_OPTIONS: [&str; 5] = ["attr", "index", "with", "key", "user"];

#[rustfmt::skip]
const INDEX_OPTIONS: [&str; 6] = ["name", "shards", "consistent", "limit", "limit_by", "on_limit"];

const DATA_OPTIONS: [&str; 2] = ["name", "format"];

const SORT_KEY_OPTIONS: [&str; 2] = ["name", "value"];

/// Where a `#[dynamo(..)]` is written. This decides which options it can have.
#[derive(Clone, Copy)]
pub(crate) enum Location {
    Struct,
    Field,
}

/// `keyword`, `keyword = value` or `keyword(..)`.
pub(crate) struct DynamoOption {
    pub(crate) keyword: Ident,
    pub(crate) value: OptionValue,
}

pub(crate) enum OptionValue {
    Text(LitStr),
    Timeout(Timeout),
    Timeouts(Preset),
    SortKey(SortKeyOption),
    Data(DataOption),
    Forget(Vec<LitStr>),
    /// A method of `Schema` without arguments.
    SchemaMethod(Ident),
    Crate(Path),
    Index(IndexOption),
    /// The attribute tells who is logged in.
    User(Ident),
    With(ExprPath),
    Key(Type),
    Flag,
    Number(LitInt),
    Format(Ident),
    Policy(Ident),
}

pub(crate) struct SortKeyOption {
    pub(crate) name: LitStr,
    pub(crate) value: LitStr,
}

/// The name of the attribute `data`, and its format: the method of `Schema` of that name.
pub(crate) struct DataOption {
    pub(crate) name: Option<LitStr>,
    pub(crate) format: Option<Ident>,
}

pub(crate) struct IndexOption {
    pub(crate) keyword: Ident,
    pub(crate) name: Option<LitStr>,
    pub(crate) shards: Option<LitInt>,
    pub(crate) consistent: Option<Ident>,
    pub(crate) limit: Option<LitInt>,
    /// The function that gives the limit of one session.
    pub(crate) limit_by: Option<ExprPath>,
    pub(crate) on_limit: Option<Ident>,
}

impl DynamoOption {
    pub(crate) fn belongs_to_attribute(&self) -> bool {
        contains(&ATTRIBUTE_OPTIONS, &self.keyword)
    }
}

/// The options of one `#[dynamo(..)]`, and whether all of them could be parsed.
pub(crate) struct OptionList {
    pub(crate) options: Vec<DynamoOption>,
    pub(crate) is_complete: bool,
}

pub(crate) fn option_lists<'a>(
    errors: &'a Errors,
    attrs: &'a [Attribute],
    location: Location,
) -> impl Iterator<Item = OptionList> + 'a {
    let dynamo = attrs.iter().filter(|attr| attr.path().is_ident("dynamo"));
    dynamo.map(move |attr| {
        let errors_before = errors.count();
        let options = parse_attribute(errors, &attr.meta, location);
        OptionList {
            options,
            is_complete: errors.count() == errors_before,
        }
    })
}

fn parse_attribute(errors: &Errors, meta: &Meta, location: Location) -> Vec<DynamoOption> {
    let Meta::List(list) = meta else {
        errors.report(
            meta,
            "put the options in parentheses: `#[dynamo(attr = \"user_id\")]`",
        );
        return Vec::new();
    };
    let parser = |input: ParseStream<'_>| {
        Ok(parse_options(
            errors,
            input,
            |keyword, input| match location {
                Location::Struct => value_on_struct(errors, keyword, input),
                Location::Field => value_on_field(errors, keyword, input),
            },
        ))
    };
    parser.parse2(list.tokens.clone()).unwrap_or_else(|error| {
        errors.add(error);
        Vec::new()
    })
}

/// Parses options between commas. One with an error is reported, and the next is still parsed.
fn parse_options(
    errors: &Errors,
    input: ParseStream<'_>,
    parse_value: impl Fn(&Ident, ParseStream<'_>) -> Result<OptionValue>,
) -> Vec<DynamoOption> {
    let mut options = Vec::new();
    while !input.is_empty() {
        match parse_option(input, &parse_value) {
            Ok(option) => options.push(option),
            Err(error) => {
                errors.add(error);
                take_until_comma(input);
            }
        }
        // The rest is empty, or begins with a comma.
        let _ = input.parse::<Option<Token![,]>>();
    }
    options
}

fn parse_option(
    input: ParseStream<'_>,
    parse_value: impl Fn(&Ident, ParseStream<'_>) -> Result<OptionValue>,
) -> Result<DynamoOption> {
    let keyword = input
        .call(Ident::parse_any)
        .map_err(|error| Error::new(error.span(), "expected the name of an option"))?;
    let value = parse_value(&keyword, input)?;
    if input.is_empty() || input.peek(Token![,]) {
        Ok(DynamoOption { keyword, value })
    } else {
        Err(input.error(format!("expected a comma after `{keyword}` and its value")))
    }
}

fn value_on_struct(
    errors: &Errors,
    keyword: &Ident,
    input: ParseStream<'_>,
) -> Result<OptionValue> {
    match keyword.to_string().as_str() {
        "table" | "type_name" | "key_prefix" => Ok(OptionValue::Text(text(keyword, input)?)),
        "idle_timeout" | "absolute_timeout" | "guest_idle_timeout" | "guest_absolute_timeout" => {
            Ok(OptionValue::Timeout(timeout(keyword, input)?))
        }
        "timeouts" => Ok(OptionValue::Timeouts(preset(keyword, input)?)),
        "sort_key" => Ok(OptionValue::SortKey(sort_key(errors, keyword, input)?)),
        "revoke_all" => flag(keyword, input, "`revoke_all`").map(|()| OptionValue::Flag),
        "forget" => Ok(OptionValue::Forget(names(keyword, input)?)),
        "data" => Ok(OptionValue::Data(data(errors, keyword, input)?)),
        "compress" => Ok(OptionValue::SchemaMethod(compression(keyword, input)?)),
        "crate" => Ok(OptionValue::Crate(crate_path(keyword, input)?)),
        _ if contains(&STORE_NAMES, keyword) => Ok(OptionValue::Text(text(keyword, input)?)),
        _ if contains(&ATTRIBUTE_OPTIONS, keyword) => value_of_attribute(errors, keyword, input),
        _ => {
            let known = [TABLE_OPTIONS.as_slice(), &ATTRIBUTE_OPTIONS, &STORE_NAMES];
            Err(unknown_option(keyword, &known.concat()))
        }
    }
}

fn value_on_field(errors: &Errors, keyword: &Ident, input: ParseStream<'_>) -> Result<OptionValue> {
    if contains(&TABLE_OPTIONS, keyword) || contains(&STORE_NAMES, keyword) {
        let message = format!("`{keyword}` is an option of the table; put it on the struct");
        return Err(Error::new_spanned(keyword, message));
    }
    value_of_attribute(errors, keyword, input)
}

fn value_of_attribute(
    errors: &Errors,
    keyword: &Ident,
    input: ParseStream<'_>,
) -> Result<OptionValue> {
    match keyword.to_string().as_str() {
        "attr" => Ok(OptionValue::Text(text(keyword, input)?)),
        "index" => Ok(OptionValue::Index(index(errors, keyword, input)?)),
        "with" => Ok(OptionValue::With(function(keyword, input)?)),
        "key" => Ok(OptionValue::Key(key_type(keyword, input)?)),
        "user" => flag(keyword, input, "`user`").map(|()| OptionValue::User(keyword.clone())),
        _ => Err(unknown_option(keyword, &ATTRIBUTE_OPTIONS)),
    }
}

fn index(errors: &Errors, keyword: &Ident, input: ParseStream<'_>) -> Result<IndexOption> {
    let mut index = IndexOption {
        keyword: keyword.clone(),
        name: None,
        shards: None,
        consistent: None,
        limit: None,
        limit_by: None,
        on_limit: None,
    };
    if !input.peek(Paren) {
        flag(keyword, input, "`index`, or `index(name = \"..\")`")?;
        return Ok(index);
    }
    let content;
    parenthesized!(content in input);
    let options = parse_options(errors, &content, |keyword, input| {
        match keyword.to_string().as_str() {
            "name" => Ok(OptionValue::Text(text(keyword, input)?)),
            "consistent" => flag(keyword, input, "`consistent`").map(|()| OptionValue::Flag),
            "shards" | "limit" => Ok(OptionValue::Number(number(keyword, input)?)),
            "limit_by" => Ok(OptionValue::With(function(keyword, input)?)),
            "on_limit" => Ok(OptionValue::Policy(limit_policy(keyword, input)?)),
            _ => Err(unknown_option(keyword, &INDEX_OPTIONS)),
        }
    });
    for DynamoOption { keyword, value } in without_repeats(errors, options) {
        match value {
            OptionValue::Text(name) => index.name = Some(name),
            OptionValue::Number(shards) if keyword == "shards" => index.shards = Some(shards),
            OptionValue::Number(limit) => index.limit = Some(limit),
            OptionValue::With(function) => index.limit_by = Some(function),
            OptionValue::Policy(policy) => index.on_limit = Some(policy),
            _ => index.consistent = Some(keyword),
        }
    }
    Ok(index)
}

/// `data = "binary"` or `"map"` is the format, and any other string a name. `data(..)` takes both.
fn data(errors: &Errors, keyword: &Ident, input: ParseStream<'_>) -> Result<DataOption> {
    let mut data = DataOption {
        name: None,
        format: None,
    };
    if !input.peek(Paren) {
        let text = text(keyword, input)?;
        match text.value().as_str() {
            "binary" => data.format = Some(Ident::new("binary", text.span())),
            "map" => {}
            _ => data.name = Some(text),
        }
        return Ok(data);
    }
    let content;
    parenthesized!(content in input);
    let options = parse_options(errors, &content, |keyword, input| {
        match keyword.to_string().as_str() {
            "name" => Ok(OptionValue::Text(text(keyword, input)?)),
            "format" => Ok(OptionValue::Format(data_format(keyword, input)?)),
            _ => Err(unknown_option(keyword, &DATA_OPTIONS)),
        }
    });
    for option in without_repeats(errors, options) {
        match option.value {
            OptionValue::Format(format) => data.format = Some(format).filter(|name| name != "map"),
            OptionValue::Text(name) => data.name = Some(name),
            _ => {}
        }
    }
    Ok(data)
}

fn sort_key(errors: &Errors, keyword: &Ident, input: ParseStream<'_>) -> Result<SortKeyOption> {
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
    let errors_before = errors.count();
    let options = parse_options(errors, &content, |keyword, input| {
        if contains(&SORT_KEY_OPTIONS, keyword) {
            Ok(OptionValue::Text(text(keyword, input)?))
        } else {
            Err(unknown_option(keyword, &SORT_KEY_OPTIONS))
        }
    });
    let (mut name, mut value) = (None, None);
    for option in without_repeats(errors, options) {
        match option.value {
            OptionValue::Text(text) if option.keyword == "name" => name = Some(text),
            OptionValue::Text(text) => value = Some(text),
            _ => {}
        }
    }
    // An error inside the parentheses has been reported. It does not also give "incomplete".
    let stand_in =
        || (errors.count() > errors_before).then(|| LitStr::new("sort key", keyword.span()));
    match (name.or_else(stand_in), value.or_else(stand_in)) {
        (Some(name), Some(value)) => Ok(SortKeyOption { name, value }),
        _ => Err(incomplete()),
    }
}

fn contains(options: &[&str], keyword: &Ident) -> bool {
    options.iter().any(|option| keyword == option)
}

/// Keeps the first option of each keyword, and reports the others. Only what is forgotten can be said in several.
pub(crate) fn without_repeats(errors: &Errors, options: Vec<DynamoOption>) -> Vec<DynamoOption> {
    let mut kept: Vec<DynamoOption> = Vec::new();
    for option in options {
        let keyword = &option.keyword;
        let was_given = kept.iter().any(|kept| kept.keyword == *keyword);
        if was_given && keyword != "forget" {
            let message = format!("`{keyword}` was given before; remove one of them");
            errors.report(keyword, message);
        } else {
            kept.push(option);
        }
    }
    kept
}
