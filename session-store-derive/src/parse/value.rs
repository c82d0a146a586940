//! Reads what stands behind the name of an option.

use std::time::Duration;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Error, ExprPath, Ident, LitInt, LitStr, Path, Result, Token, Type};

use crate::similar::unknown;

const FORMATS: [&str; 2] = ["map", "binary"];

const POLICIES: [&str; 2] = ["evict_oldest", "reject"];

pub(crate) struct Timeout {
    pub(crate) text: LitStr,
    pub(crate) duration: Duration,
}

pub(crate) fn text(key: &Ident, input: ParseStream<'_>) -> Result<LitStr> {
    value(key, input, "a string", "\"..\"", |input| input.parse())
}

pub(crate) fn number(key: &Ident, input: ParseStream<'_>) -> Result<LitInt> {
    value(key, input, "a whole number", "10", |input| {
        let number: LitInt = input.parse()?;
        number.base10_parse::<u32>().map(|_| number)
    })
}

pub(crate) fn policy(key: &Ident, input: ParseStream<'_>) -> Result<Ident> {
    let policy = value(key, input, "a policy", "evict_oldest", Ident::parse_any)?;
    if POLICIES.iter().any(|known| policy == known) {
        Ok(policy)
    } else {
        Err(unknown(&policy, &POLICIES))
    }
}

/// The format of `data`, as a word.
pub(crate) fn format(key: &Ident, input: ParseStream<'_>) -> Result<Ident> {
    let format = text(key, input)?;
    match FORMATS.iter().find(|known| format.value() == **known) {
        Some(known) => Ok(Ident::new(known, format.span())),
        None => {
            let message = format!(
                "`{}` is no format; there are `{}`",
                format.value(),
                FORMATS.join("` and `")
            );
            Err(Error::new_spanned(format, message))
        }
    }
}

pub(crate) fn compression(key: &Ident, input: ParseStream<'_>) -> Result<()> {
    let algorithm = text(key, input)?;
    if algorithm.value() == "zstd" {
        return Ok(());
    }
    let message = "sessions are compressed by zstd and nothing else; write `compress = \"zstd\"`";
    Err(Error::new_spanned(algorithm, message))
}

pub(crate) fn timeout(key: &Ident, input: ParseStream<'_>) -> Result<Timeout> {
    let text = text(key, input)?;
    match humantime::parse_duration(&text.value()) {
        Ok(duration) => Ok(Timeout { text, duration }),
        Err(_) => {
            let message = format!(
                "`{key}` is not a length of time; write it like \"90s\", \"30m\", \"12h\" or \
                 \"1h 30m\""
            );
            Err(Error::new_spanned(text, message))
        }
    }
}

pub(crate) fn function(key: &Ident, input: ParseStream<'_>) -> Result<ExprPath> {
    value(
        key,
        input,
        "the path of a function, without quotes",
        "function",
        |input| input.parse(),
    )
}

pub(crate) fn key_type(key: &Ident, input: ParseStream<'_>) -> Result<Type> {
    value(key, input, "a type, without quotes", "String", |input| {
        input.parse()
    })
}

/// A path, in quotes or without.
pub(crate) fn crate_path(key: &Ident, input: ParseStream<'_>) -> Result<Path> {
    value(
        key,
        input,
        "a path",
        "my::session_store",
        |input| match input.parse::<Option<LitStr>>()? {
            Some(text) => text.parse_with(Path::parse_mod_style),
            None => input.call(Path::parse_mod_style),
        },
    )
}

/// No value at all.
pub(crate) fn flag(key: &Ident, input: ParseStream<'_>, usage: &str) -> Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    Err(Error::new_spanned(
        rest(input),
        format!("`{key}` takes no value; write {usage}"),
    ))
}

/// What follows `=`, up to the next comma.
fn value<T>(
    key: &Ident,
    input: ParseStream<'_>,
    what: &str,
    example: &str,
    parse: impl Fn(ParseStream<'_>) -> Result<T>,
) -> Result<T> {
    let usage = format!("`{key}` takes {what}: `{key} = {example}`");
    let has_value = input.parse::<Option<Token![=]>>()?.is_some();
    if !has_value || input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new_spanned(key, usage));
    }
    let found = input.fork();
    let value = parse(input);
    // Before another name, what is wrong is a comma that is missing.
    let is_all = input.is_empty() || input.peek(Token![,]) || input.peek(Ident::peek_any);
    match value {
        Ok(value) if is_all => Ok(value),
        _ => Err(Error::new_spanned(rest(&found), usage)),
    }
}

/// Takes everything up to the next comma.
pub(crate) fn rest(input: ParseStream<'_>) -> TokenStream {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        match input.parse::<TokenTree>() {
            Ok(token) => token.to_tokens(&mut tokens),
            Err(_) => break,
        }
    }
    tokens
}
