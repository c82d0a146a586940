//! Parses the value of an option, which follows its keyword.

use std::time::Duration;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::token::Paren;
use syn::{Error, ExprPath, Ident, LitInt, LitStr, Path, Result, Token, Type, parenthesized};

use crate::similar::unknown_option;

const FORMATS: [&str; 2] = ["map", "binary"];

const POLICIES: [&str; 3] = ["evict_oldest", "evict_least_recent", "reject"];

pub(crate) struct Timeout {
    /// As written in the attribute.
    pub(crate) text: LitStr,
    pub(crate) duration: Duration,
}

pub(crate) fn text(keyword: &Ident, input: ParseStream<'_>) -> Result<LitStr> {
    value(keyword, input, "a string", "\"..\"", |input| input.parse())
}

pub(crate) fn number(keyword: &Ident, input: ParseStream<'_>) -> Result<LitInt> {
    value(keyword, input, "a whole number", "10", |input| {
        let number: LitInt = input.parse()?;
        number.base10_parse::<u32>().map(|_| number)
    })
}

pub(crate) fn limit_policy(keyword: &Ident, input: ParseStream<'_>) -> Result<Ident> {
    let policy = value(keyword, input, "a policy", "evict_oldest", Ident::parse_any)?;
    if POLICIES.iter().any(|known| policy == known) {
        Ok(policy)
    } else {
        Err(unknown_option(&policy, &POLICIES))
    }
}

/// The format of `data`: a string in the attribute, an identifier from here on.
pub(crate) fn data_format(keyword: &Ident, input: ParseStream<'_>) -> Result<Ident> {
    let format = text(keyword, input)?;
    match FORMATS.iter().find(|known| format.value() == **known) {
        Some(known) => Ok(Ident::new(known, format.span())),
        None => {
            let message = format!(
                "`{}` is not a format of `data`; use `{}`",
                format.value(),
                FORMATS.join("` or `")
            );
            Err(Error::new_spanned(format, message))
        }
    }
}

/// The method of `Schema` for a compression.
pub(crate) fn compression(keyword: &Ident, input: ParseStream<'_>) -> Result<Ident> {
    let algorithm = text(keyword, input)?;
    if algorithm.value() == "zstd" {
        return Ok(Ident::new("compressed", algorithm.span()));
    }
    let message = format!(
        "`{}` is not a supported compression; write `compress = \"zstd\"`",
        algorithm.value()
    );
    Err(Error::new_spanned(algorithm, message))
}

pub(crate) fn timeout(keyword: &Ident, input: ParseStream<'_>) -> Result<Timeout> {
    let text = text(keyword, input)?;
    match humantime::parse_duration(&text.value()) {
        Ok(duration) => Ok(Timeout { text, duration }),
        Err(_) => {
            let message = format!(
                "`{keyword}` is not a duration; write it like \"90s\", \"30m\", \"12h\" or \
                 \"1h 30m\""
            );
            Err(Error::new_spanned(text, message))
        }
    }
}

pub(crate) fn function(keyword: &Ident, input: ParseStream<'_>) -> Result<ExprPath> {
    value(
        keyword,
        input,
        "the path of a function, without quotes",
        "function",
        |input| input.parse(),
    )
}

pub(crate) fn key_type(keyword: &Ident, input: ParseStream<'_>) -> Result<Type> {
    value(
        keyword,
        input,
        "a type, without quotes",
        "String",
        |input| input.parse(),
    )
}

/// `("name", ..)`.
pub(crate) fn names(keyword: &Ident, input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    let usage = || format!("`{keyword}` takes names: `{keyword}(\"email\", \"ip\")`");
    if !input.peek(Paren) {
        let rest = take_until_comma(input);
        return Err(match rest.is_empty() {
            true => Error::new_spanned(keyword, usage()),
            false => Error::new_spanned(rest, usage()),
        });
    }
    let content;
    parenthesized!(content in input);
    let unparsed = content.fork();
    match Punctuated::<LitStr, Token![,]>::parse_terminated(&content) {
        Ok(names) if !names.is_empty() => Ok(names.into_iter().collect()),
        Ok(_) => Err(Error::new_spanned(keyword, usage())),
        Err(_) => {
            let rest: TokenStream = unparsed.parse()?;
            // What is not read is an error of its own otherwise.
            content.parse::<TokenStream>()?;
            Err(Error::new_spanned(rest, usage()))
        }
    }
}

/// A path, in quotes or without.
pub(crate) fn crate_path(keyword: &Ident, input: ParseStream<'_>) -> Result<Path> {
    value(
        keyword,
        input,
        "a path",
        "my::session_store",
        |input| match input.parse::<Option<LitStr>>()? {
            Some(text) => text.parse_with(Path::parse_mod_style),
            None => input.call(Path::parse_mod_style),
        },
    )
}

/// An option without a value.
pub(crate) fn flag(keyword: &Ident, input: ParseStream<'_>, usage: &str) -> Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    Err(Error::new_spanned(
        take_until_comma(input),
        format!("`{keyword}` takes no value; write {usage}"),
    ))
}

/// `= value`, up to the next comma. The error says what was expected, with an example.
fn value<T>(
    keyword: &Ident,
    input: ParseStream<'_>,
    expected: &str,
    example: &str,
    parse: impl Fn(ParseStream<'_>) -> Result<T>,
) -> Result<T> {
    let usage = format!("`{keyword}` takes {expected}: `{keyword} = {example}`");
    let has_value = input.parse::<Option<Token![=]>>()?.is_some();
    if !has_value || input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new_spanned(keyword, usage));
    }
    let unparsed = input.fork();
    let value = parse(input);
    // A word after the value is the next option: its comma is missing, which the caller reports.
    let is_all = input.is_empty() || input.peek(Token![,]) || input.peek(Ident::peek_any);
    match value {
        Ok(value) if is_all => Ok(value),
        _ => Err(Error::new_spanned(take_until_comma(&unparsed), usage)),
    }
}

pub(crate) fn take_until_comma(input: ParseStream<'_>) -> TokenStream {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        match input.parse::<TokenTree>() {
            Ok(token) => token.to_tokens(&mut tokens),
            Err(_) => break,
        }
    }
    tokens
}
