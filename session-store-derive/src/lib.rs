//! The derive macro of session-store.

mod ast;
mod check;
mod errors;
mod expand;
mod parse;
mod similar;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::ast::SessionStruct;
use crate::errors::Errors;

// The package `session-store-tests` runs the example. It needs `session-store`, which depends on
// this crate.
#[doc = include_str!("derive.md")]
#[proc_macro_derive(SessionAttributes, attributes(dynamo))]
pub fn derive_session_attributes(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive(&input).into()
}

fn derive(input: &DeriveInput) -> TokenStream {
    let errors = Errors::new();
    let session = SessionStruct::parse(&errors, input);
    check::check(&errors, &session);
    match errors.finish() {
        Ok(()) => expand::implementation(&session),
        Err(error) => expand::fallback(&session, &error),
    }
}
