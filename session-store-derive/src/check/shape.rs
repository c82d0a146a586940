//! Checks the generics and the serde attributes of the struct.

use std::collections::HashMap;

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{GenericParam, Ident};

use crate::ast::{SessionField, SessionStruct};
use crate::errors::Errors;

pub(super) fn check(errors: &Errors, session: &SessionStruct<'_>) {
    check_generics(errors, session);
    check_serde_of_struct(errors, session);
    check_directions(errors, session);
    check_empty_names(errors, session);
    check_serialized_names(errors, session);
}

// The schema and the handles are constants of the type. A generic struct would have others for each
// choice of its parameters, all for the same table.
fn check_generics(errors: &Errors, session: &SessionStruct<'_>) {
    for param in &session.generics.params {
        let message = match param {
            GenericParam::Type(_) => {
                "a session struct has no type parameters; write the types themselves"
            }
            GenericParam::Lifetime(_) => {
                "a session struct has no lifetimes, since it is read from the table; let it own \
                 its data"
            }
            GenericParam::Const(_) => {
                "a session struct has no const parameters; write the values themselves"
            }
        };
        errors.report(param, message);
    }
}

// `save` writes single entries of `data`, each under the name of its field. With these attributes,
// `data` would not have one entry for each field, or a load would fail on the fields of a newer
// program.
fn check_serde_of_struct(errors: &Errors, session: &SessionStruct<'_>) {
    for (name, tokens) in &session.serde.attributes {
        let (reason, fix) = match name.as_str() {
            "transparent" => ("`data` would have no entry for the field", "remove it"),
            "into" | "from" | "try_from" => (
                "`data` would have the fields of another type",
                "remove it, and keep that type in a field",
            ),
            "remote" => (
                "it is for a type of another crate",
                "derive `SessionAttributes` on the type that is stored",
            ),
            "untagged" => ("it is for enums", "remove it"),
            "tag" | "content" => (
                "it adds an entry to `data` that is not a field",
                "remove it, and make the tag a field",
            ),
            "deny_unknown_fields" => (
                "a load would fail on a field that a newer program has added",
                "remove it",
            ),
            _ => continue,
        };
        errors.report(
            tokens,
            format!("`{name}` is not supported on a session struct: {reason}; {fix}"),
        );
    }
}

// A load must find a field under the name that a save gave it.
fn check_directions(errors: &Errors, session: &SessionStruct<'_>) {
    let message = "the names for `serialize` and `deserialize` differ; use the same name for both, \
                   and add `alias` for older names";
    if let Some(all) = &session.serde.rename_all
        && all.serialize.unwrap_or_default() != all.deserialize.unwrap_or_default()
    {
        errors.report(&all.tokens, message);
        return;
    }
    for field in &session.fields {
        if let Some(rename) = &field.serde.rename
            && session.serialized_name(field) != session.deserialized_name(field)
        {
            errors.report(&rename.tokens, message);
        }
    }
}

// DynamoDB refuses a map with an empty key.
fn check_empty_names(errors: &Errors, session: &SessionStruct<'_>) {
    for field in session.fields.iter().filter(|field| field.has_entry()) {
        if session.serialized_name(field).is_empty() {
            let message = "a field's name in `data` has at least one character; give another with \
                           `#[serde(rename = \"..\")]`";
            errors.report(name_token(field), message);
        }
        let aliases = field.serde.aliases.iter();
        for alias in aliases.filter(|alias| alias.value().is_empty()) {
            let message = "an alias has at least one character; remove it, or choose another";
            errors.report(alias, message);
        }
    }
}

/// The token that names a field in `data`.
fn name_token(field: &SessionField<'_>) -> TokenStream {
    match &field.serde.rename {
        Some(rename) => rename.tokens.clone(),
        None => field.ident.to_token_stream(),
    }
}

// Two fields with one name would overwrite each other in `data`.
fn check_serialized_names(errors: &Errors, session: &SessionStruct<'_>) {
    let mut taken: HashMap<String, &Ident> = HashMap::new();
    for field in session.fields.iter().filter(|field| field.has_entry()) {
        let token = name_token(field);
        let aliases = field.serde.aliases.iter();
        let aliases = aliases.map(|alias| (alias.value(), alias.to_token_stream()));
        for (name, token) in [(session.serialized_name(field), token)]
            .into_iter()
            .chain(aliases)
            .filter(|(name, _)| !name.is_empty())
        {
            if let Some(first) = taken.get(&name).filter(|&&first| first != field.ident) {
                let message = format!(
                    "the field `{}` already has the name `{name}` in `data`; give one of the two \
                     another name",
                    first.unraw()
                );
                errors.report(token, message);
            } else {
                taken.insert(name, field.ident);
            }
        }
    }
}
