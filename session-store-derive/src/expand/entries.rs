//! Generates the methods about the entries of `data`: the keys of flattened fields, and the comparison of
//! two sessions.

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::LitStr;
use syn::ext::IdentExt as _;

use crate::ast::{SessionField, SessionStruct};
use crate::expand::field::{borrowed, serialize_with};

/// The method that gives the flattened fields, if there are any.
pub(super) fn flattened(session: &SessionStruct<'_>) -> Option<TokenStream> {
    let entries = Ident::new("__entries", Span::mixed_site());
    let mut statements = flattened_fields(session)
        .map(|field| flattened_statement(session, &entries, field))
        .peekable();
    statements.peek()?;
    Some(quote! {
        fn flattened(&self, #entries: &mut __session_store::FlattenedEntries) {
            #(#statements)*
        }
    })
}

fn flattened_fields<'a>(
    session: &'a SessionStruct<'_>,
) -> impl Iterator<Item = &'a SessionField<'a>> {
    let written =
        |field: &&SessionField<'_>| field.serde.flatten && field.serde.skip_serializing.is_none();
    session.fields.iter().filter(written)
}

fn flattened_statement(
    session: &SessionStruct<'_>,
    entries: &Ident,
    field: &SessionField<'_>,
) -> TokenStream {
    let name = field.ident.unraw().to_string();
    let value = borrowed(session, &quote!(self), field.ident);
    let add = |value| quote!(__session_store::FlattenedEntries::field(#entries, #name, #value););
    let statement = match &field.serde.serialize_with {
        Some(function) => serialize_with(session, field.ident, function, add),
        None => add(value.clone()),
    };
    match &field.serde.skip_serializing_if {
        Some(function) => quote!(if !#function(#value) { #statement }),
        None => statement,
    }
}

/// The method that compares two sessions in what is stored under one name.
pub(super) fn is_same_entry(session: &SessionStruct<'_>) -> Option<TokenStream> {
    let (other, name) = (
        Ident::new("__other", Span::mixed_site()),
        Ident::new("__name", Span::mixed_site()),
    );
    let compare = |field: &&Ident| {
        let ours = borrowed(session, &quote!(self), field);
        let theirs = borrowed(session, &other.to_token_stream(), field);
        quote!(__session_store::private::Pair(#ours, #theirs).__compare_field())
    };
    let all_same = |fields: &[&Ident]| match fields {
        [] => quote!(__session_store::private::Option::None),
        [field] => compare(field),
        _ => {
            let fields = fields.iter().map(compare);
            quote!(__session_store::private::all_same([#(#fields),*]))
        }
    };
    let flattened: Vec<_> = flattened_fields(session).map(|field| field.ident).collect();
    let arms = arms(session, &flattened)
        .into_iter()
        .map(|(names, fields)| {
            let is_same = all_same(&fields);
            quote!(#(#names)|* => #is_same,)
        });
    let mut arms = arms.peekable();
    if arms.peek().is_none() && flattened.is_empty() {
        return None;
    }
    // With a flattened field, every other name is one of its keys.
    let rest = all_same(&flattened);
    Some(quote! {
        fn is_same_entry(&self, #other: &Self, #name: &str) -> __session_store::private::Option<bool> {
            use __session_store::private::NoPartialEq as _;

            match #name {
                #(#arms)*
                _ => #rest,
            }
        }
    })
}

/// The names of entries and of promoted attributes, grouped by the fields that they stand for. There are no
/// such fields if the value depends on the whole session.
///
/// An entry and an attribute can have the same name. It then stands for both.
fn arms<'a>(
    session: &'a SessionStruct<'_>,
    flattened: &[&'a Ident],
) -> Vec<(Vec<String>, Vec<&'a Ident>)> {
    let entries = session.fields.iter().filter(|field| field.has_entry());
    let mut names: Vec<(String, Option<Vec<&Ident>>)> = entries
        .map(|field| (session.serialized_name(field), Some(vec![field.ident])))
        .collect();
    let entries: Vec<_> = names.iter().map(|(name, _)| name.clone()).collect();
    for attribute in session.attributes() {
        let shard = attribute.options.shard_name();
        for name in [Some(&attribute.options.name), shard.as_ref()]
            .into_iter()
            .flatten()
        {
            let name = name.value();
            let mut fields = attribute.field.map(|field| vec![field.ident]);
            // A flattened field can have such a key, too. It cannot have that of an entry.
            if let Some(fields) = fields.as_mut().filter(|_| !entries.contains(&name)) {
                fields.extend(flattened);
            }
            names.push((name, fields));
        }
    }
    // An alias is not written. It can be in `data` all the same, and is no key of a flattened field.
    if !flattened.is_empty() {
        let aliases = session.fields.iter().flat_map(|field| &field.serde.aliases);
        let aliases = aliases.map(LitStr::value);
        let aliases = aliases.filter(|alias| !entries.contains(alias));
        names.extend(aliases.map(|alias| (alias, None)));
    }

    // A name that occurs twice stands for all of its fields.
    let mut by_name: Vec<(String, Option<Vec<&Ident>>)> = Vec::new();
    for (name, fields) in names {
        match by_name.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => {
                *known = known
                    .take()
                    .zip(fields)
                    .map(|(known, fields)| [known, fields].concat())
            }
            None => by_name.push((name, fields)),
        }
    }
    let mut arms: Vec<(Vec<String>, Vec<&Ident>)> = Vec::new();
    for (name, fields) in by_name {
        let mut fields = fields.unwrap_or_default();
        let mut seen = HashSet::new();
        fields.retain(|field| seen.insert(*field));
        match arms.iter_mut().find(|(_, known)| *known == fields) {
            Some((names, _)) => names.push(name),
            None => arms.push((vec![name], fields)),
        }
    }
    // Without flattened fields, every other name stands for no field.
    arms.retain(|(_, fields)| !fields.is_empty() || !flattened.is_empty());
    arms
}
