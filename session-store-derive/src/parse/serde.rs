//! Parses `#[serde(..)]`: how serde names the fields in `data`, and which of them it writes.
//!
//! An attribute that cannot be read is an error, even if serde reports it as well: a name or a function
//! that is overlooked here would let the schema and `data` differ.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, ExprPath, Lit, LitStr, Meta, Token};

use crate::errors::Errors;

/// The attributes on a struct that change nothing in `data`, and those that the checks refuse.
#[rustfmt::skip]
const ON_STRUCT: [&str; 17] = [
    "rename", "rename_all_fields", "default", "bound", "crate", "expecting", "variant_identifier",
    "field_identifier", "transparent", "into", "from", "try_from", "remote", "untagged", "tag", "content",
    "deny_unknown_fields",
];

/// The attributes on a field that change nothing in the entry that serde writes for it.
const ON_FIELD: [&str; 5] = ["default", "deserialize_with", "bound", "borrow", "getter"];

/// `#[serde(..)]` on the struct.
#[derive(Default)]
pub(crate) struct SerdeContainer {
    pub(crate) rename_all: Option<RenameAll>,
    /// The other attributes, by name, each with its tokens.
    pub(crate) attributes: Vec<(String, TokenStream)>,
}

/// `rename_all`, for each direction.
#[derive(Default)]
pub(crate) struct RenameAll {
    pub(crate) tokens: TokenStream,
    pub(crate) serialize: Option<RenameRule>,
    pub(crate) deserialize: Option<RenameRule>,
}

/// `#[serde(..)]` on a field.
#[derive(Default)]
pub(crate) struct SerdeField {
    pub(crate) rename: Option<Rename>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) skip_serializing: Option<Span>,
    pub(crate) skip_deserializing: Option<Span>,
    pub(crate) skip_serializing_if: Option<ExprPath>,
    pub(crate) flatten: bool,
    pub(crate) serialize_with: Option<ExprPath>,
}

/// `rename`, for each direction.
#[derive(Default)]
pub(crate) struct Rename {
    pub(crate) tokens: TokenStream,
    pub(crate) serialize: Option<LitStr>,
    pub(crate) deserialize: Option<LitStr>,
}

/// How `rename_all` changes the name of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RenameRule {
    /// No `rename_all`, `lowercase` or `snake_case`: serde assumes that the field is in snake case.
    #[default]
    Unchanged,
    Upper,
    Pascal,
    Camel,
    Kebab,
    UpperKebab,
}

impl SerdeContainer {
    pub(crate) fn parse(errors: &Errors, attrs: &[Attribute]) -> Self {
        let mut container = Self::default();
        for meta in serde_metas(errors, attrs) {
            let name = name_of(&meta);
            if name == "rename_all" {
                let (serialize, deserialize) = directions(errors, &meta);
                let rule = |names: Vec<LitStr>| {
                    let rule = RenameRule::parse(errors, names.first()?)?;
                    Some(rule)
                };
                let all = container.rename_all.get_or_insert_default();
                all.tokens.extend(meta.to_token_stream());
                all.serialize = rule(serialize).or(all.serialize);
                all.deserialize = rule(deserialize).or(all.deserialize);
            } else if ON_STRUCT.contains(&name.as_str()) {
                container.attributes.push((name, meta.to_token_stream()));
            } else {
                report_unknown(errors, &meta);
            }
        }
        container
    }
}

impl SerdeField {
    pub(crate) fn parse(errors: &Errors, attrs: &[Attribute]) -> Self {
        let mut field = Self::default();
        for meta in serde_metas(errors, attrs) {
            match name_of(&meta).as_str() {
                "rename" => {
                    let (serialize, deserialize) = directions(errors, &meta);
                    let mut deserialize = deserialize.into_iter();
                    let rename = field.rename.get_or_insert_default();
                    rename.tokens.extend(meta.to_token_stream());
                    rename.serialize = serialize.into_iter().next().or(rename.serialize.take());
                    rename.deserialize = deserialize.next().or(rename.deserialize.take());
                    // Serde reads the field under every further name, as under an alias.
                    field.aliases.extend(deserialize);
                }
                "alias" => field.aliases.extend(string_value(errors, &meta)),
                "skip" => {
                    flag(errors, &meta);
                    field.skip_serializing = Some(meta.span());
                    field.skip_deserializing = Some(meta.span());
                }
                "skip_serializing" => {
                    flag(errors, &meta);
                    field.skip_serializing = Some(meta.span());
                }
                "skip_deserializing" => {
                    flag(errors, &meta);
                    field.skip_deserializing = Some(meta.span());
                }
                "skip_serializing_if" => field.skip_serializing_if = path_value(errors, &meta),
                "flatten" => {
                    flag(errors, &meta);
                    field.flatten = true;
                }
                "serialize_with" => field.serialize_with = path_value(errors, &meta),
                "with" => {
                    // It names a module, whose function `serialize` writes the field.
                    field.serialize_with = path_value(errors, &meta).map(|mut module| {
                        let function = syn::Ident::new("serialize", meta.span());
                        module.path.segments.push(function.into());
                        module
                    });
                }
                name if ON_FIELD.contains(&name) => {}
                _ => report_unknown(errors, &meta),
            }
        }
        field
    }
}

impl RenameRule {
    fn parse(errors: &Errors, name: &LitStr) -> Option<Self> {
        Some(match name.value().as_str() {
            "lowercase" | "snake_case" => Self::Unchanged,
            "UPPERCASE" | "SCREAMING_SNAKE_CASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::UpperKebab,
            _ => {
                let message = "unknown rule for the names of fields; use `lowercase`, `UPPERCASE`, \
                               `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, \
                               `kebab-case` or `SCREAMING-KEBAB-CASE`";
                errors.report(name, message);
                return None;
            }
        })
    }

    /// The name in `data` of a field with this name in Rust.
    pub(crate) fn apply(self, field: &str) -> String {
        match self {
            Self::Unchanged => field.to_owned(),
            Self::Upper => field.to_ascii_uppercase(),
            Self::Pascal => field.split('_').map(capitalized).collect(),
            Self::Camel => {
                let pascal = Self::Pascal.apply(field);
                let mut letters = pascal.chars();
                let first = letters.next().map(|first| first.to_ascii_lowercase());
                first.into_iter().chain(letters).collect()
            }
            Self::Kebab => field.replace('_', "-"),
            Self::UpperKebab => field.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn serde_metas(errors: &Errors, attrs: &[Attribute]) -> Vec<Meta> {
    let mut metas = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        let list = attr.meta.require_list().and_then(|list| {
            let metas = Punctuated::<Meta, Token![,]>::parse_terminated;
            metas.parse2(without_invisible_groups(list.tokens.clone()))
        });
        match list {
            Ok(list) => metas.extend(list),
            Err(error) => {
                let message = "session-store cannot read this attribute of serde; write it as in \
                               `#[serde(rename = \"name\", default)]`";
                errors.report_at(error.span(), message);
            }
        }
    }
    metas
}

/// In a `macro_rules!`, a fragment such as `$name:literal` is in a group without delimiters. Syn then takes
/// a literal for another expression. Serde looks into such groups.
fn without_invisible_groups(tokens: TokenStream) -> TokenStream {
    let tokens = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Group(group) => {
            let content = without_invisible_groups(group.stream());
            if group.delimiter() == Delimiter::None {
                return content;
            }
            let mut visible = Group::new(group.delimiter(), content);
            visible.set_span(group.span());
            TokenTree::Group(visible).into()
        }
        token => token.into(),
    });
    tokens.collect()
}

fn name_of(meta: &Meta) -> String {
    let name = meta.path().get_ident();
    name.map(ToString::to_string).unwrap_or_default()
}

fn report_unknown(errors: &Errors, meta: &Meta) {
    let name = meta.path().to_token_stream();
    let message = format!(
        "session-store does not know serde's `{name}`, and cannot tell how it changes `data`; remove it, \
         or correct its name"
    );
    errors.report(meta.path(), message);
}

/// `name = ".."` for both directions, or `name(serialize = "..", deserialize = "..")`.
fn directions(errors: &Errors, meta: &Meta) -> (Vec<LitStr>, Vec<LitStr>) {
    let Meta::List(list) = meta else {
        let both: Vec<_> = string_value(errors, meta).into_iter().collect();
        return (both.clone(), both);
    };
    let (mut serialize, mut deserialize) = (Vec::new(), Vec::new());
    let metas = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    let metas = metas.unwrap_or_else(|error| {
        report_directions(errors, error.span());
        Punctuated::new()
    });
    for meta in &metas {
        match name_of(meta).as_str() {
            "serialize" => serialize.extend(string_value(errors, meta)),
            "deserialize" => deserialize.extend(string_value(errors, meta)),
            _ => report_directions(errors, meta.span()),
        }
    }
    (serialize, deserialize)
}

fn report_directions(errors: &Errors, span: Span) {
    let message = "session-store cannot read these names; give one name for both directions, as in \
                   `rename = \"name\"`";
    errors.report_at(span, message);
}

/// An attribute without a value.
fn flag(errors: &Errors, meta: &Meta) {
    if meta.require_path_only().is_err() {
        let name = name_of(meta);
        errors.report(
            meta,
            format!("serde's `{name}` takes no value; write `{name}`"),
        );
    }
}

fn path_value(errors: &Errors, meta: &Meta) -> Option<ExprPath> {
    let text = string_value(errors, meta)?;
    let path = text.parse();
    if path.is_err() {
        let name = name_of(meta);
        let message = format!("serde's `{name}` takes a path: `{name} = \"module::name\"`");
        errors.report(text, message);
    }
    path.ok()
}

fn string_value(errors: &Errors, meta: &Meta) -> Option<LitStr> {
    if let Meta::NameValue(meta) = meta
        && let Expr::Lit(ExprLit { lit, .. }) = &meta.value
        && let Lit::Str(text) = lit
    {
        return Some(text.clone());
    }
    let name = name_of(meta);
    let message = format!(
        "session-store reads only a string here; write the string itself: `{name} = \"..\"`"
    );
    match meta {
        Meta::NameValue(meta) => errors.report(&meta.value, message),
        _ => errors.report(meta, message),
    }
    None
}
