//! Parses `#[serde(..)]`: how serde names the fields in `data`, and which of them it writes.
//!
//! An invalid attribute is skipped, since serde reports it itself.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, ExprPath, Lit, LitStr, Meta, Token};

/// `#[serde(..)]` on the struct.
#[derive(Default)]
pub(crate) struct SerdeContainer {
    pub(crate) rename_all: Option<RenameAll>,
    /// The other attributes, by name, each with its tokens.
    pub(crate) attributes: Vec<(String, TokenStream)>,
}

/// `rename_all`, for each direction.
pub(crate) struct RenameAll {
    pub(crate) tokens: TokenStream,
    pub(crate) serialize: RenameRule,
    pub(crate) deserialize: RenameRule,
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
    pub(crate) fn parse(attrs: &[Attribute]) -> Self {
        let mut container = Self::default();
        for meta in serde_metas(attrs) {
            if meta.path().is_ident("rename_all") {
                let (serialize, deserialize) = directions(&meta);
                container.rename_all = Some(RenameAll {
                    serialize: serialize
                        .and_then(|rule| RenameRule::parse(&rule))
                        .unwrap_or_default(),
                    deserialize: deserialize
                        .and_then(|rule| RenameRule::parse(&rule))
                        .unwrap_or_default(),
                    tokens: meta.to_token_stream(),
                });
            } else if let Some(name) = meta.path().get_ident() {
                container
                    .attributes
                    .push((name.to_string(), meta.to_token_stream()));
            }
        }
        container
    }
}

impl SerdeField {
    pub(crate) fn parse(attrs: &[Attribute]) -> Self {
        let mut field = Self::default();
        for meta in serde_metas(attrs) {
            let Some(name) = meta.path().get_ident().map(ToString::to_string) else {
                continue;
            };
            match name.as_str() {
                "rename" => {
                    let (serialize, deserialize) = directions(&meta);
                    let tokens = meta.to_token_stream();
                    field.rename = Some(Rename {
                        tokens,
                        serialize,
                        deserialize,
                    });
                }
                "alias" => field.aliases.extend(string_value(&meta)),
                "skip" => {
                    field.skip_serializing = Some(meta.span());
                    field.skip_deserializing = Some(meta.span());
                }
                "skip_serializing" => field.skip_serializing = Some(meta.span()),
                "skip_deserializing" => field.skip_deserializing = Some(meta.span()),
                "skip_serializing_if" => field.skip_serializing_if = path_value(&meta),
                "flatten" => field.flatten = true,
                "serialize_with" => field.serialize_with = path_value(&meta),
                "with" => {
                    // It names a module, whose function `serialize` writes the field.
                    field.serialize_with = path_value(&meta).map(|mut module| {
                        let function = syn::Ident::new("serialize", meta.span());
                        module.path.segments.push(function.into());
                        module
                    });
                }
                _ => {}
            }
        }
        field
    }
}

impl RenameRule {
    fn parse(name: &LitStr) -> Option<Self> {
        Some(match name.value().as_str() {
            "lowercase" | "snake_case" => Self::Unchanged,
            "UPPERCASE" | "SCREAMING_SNAKE_CASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::UpperKebab,
            _ => return None,
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

fn serde_metas(attrs: &[Attribute]) -> impl Iterator<Item = Meta> {
    let lists = attrs.iter().filter(|attr| attr.path().is_ident("serde"));
    lists.flat_map(|attr| {
        let metas = attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        metas.unwrap_or_default()
    })
}

/// `name = ".."` for both directions, or `name(serialize = "..", deserialize = "..")`.
fn directions(meta: &Meta) -> (Option<LitStr>, Option<LitStr>) {
    let Meta::List(list) = meta else {
        let both = string_value(meta);
        return (both.clone(), both);
    };
    let metas = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    let metas = metas.unwrap_or_default();
    let value_of = |direction| {
        metas
            .iter()
            .find(|meta| meta.path().is_ident(direction))
            .and_then(string_value)
    };
    (value_of("serialize"), value_of("deserialize"))
}

fn path_value(meta: &Meta) -> Option<ExprPath> {
    string_value(meta)?.parse().ok()
}

fn string_value(meta: &Meta) -> Option<LitStr> {
    match &meta.require_name_value().ok()?.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.clone()),
        _ => None,
    }
}
