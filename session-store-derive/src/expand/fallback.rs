//! The code for a session struct in which something is wrong: the errors, and enough beside them
//! that nothing else which uses the struct gives another.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Type, parse_quote};

use crate::ast::{Attribute, Session};
use crate::expand::implementation::{self, krate};

pub(crate) fn expand(session: &Session<'_>, error: &syn::Error) -> TokenStream {
    let krate = krate(session);
    let ident = session.ident;
    let errors = error.to_compile_error();
    let (impl_generics, ty_generics, where_clause) = session.generics.split_for_impl();

    let attributes = distinct(session);
    let in_schema = attributes.iter().filter_map(|attribute| {
        let (name, source) = (attribute.constant.to_string(), key_source(attribute)?);
        Some(quote!(#krate::private::index(#name, #krate::private::IndexSource::<#source>::TYPE)))
    });
    let revoke_all =
        implementation::revoke_all(session, &krate).filter(|_| session.generics.params.is_empty());
    let constants = attributes.iter().map(|attribute| {
        let name = attribute.constant.to_string();
        implementation::constant(
            session,
            &krate,
            attribute,
            key_source(attribute).as_ref(),
            &name,
        )
    });

    quote! {
        #errors

        #[automatically_derived]
        impl #impl_generics #krate::SessionAttributes for #ident #ty_generics #where_clause {
            const SCHEMA: &'static #krate::Schema = {
                #[allow(unused_imports)]
                use #krate::private::NoIndexSource as _;

                &#krate::Schema::new("sessions").attributes(&[#(#in_schema),*])
            };

            fn attributes(&self, _: &mut #krate::Attributes) {}
        }

        #revoke_all

        #[allow(dead_code, deprecated, private_interfaces)]
        impl #impl_generics #ident #ty_generics #where_clause {
            #(#constants)*
        }
    }
}

/// The attributes by the names of their constants, which stand in for their own names here: those
/// can be what is wrong.
fn distinct<'a>(session: &'a Session<'_>) -> Vec<Attribute<'a>> {
    // A constant cannot have a type of the parameters, and those have been reported.
    if !session.generics.params.is_empty() {
        return Vec::new();
    }
    let mut seen = HashSet::new();
    session
        .attributes()
        .filter(|attribute| seen.insert(attribute.constant.clone()))
        .collect()
}

/// The type of the keys; where it is missing, most likely `String`.
fn key_source(attribute: &Attribute<'_>) -> Option<Type> {
    attribute.promotion.index.as_ref()?;
    let source = attribute.key_source().cloned();
    Some(source.unwrap_or_else(|| parse_quote!(::std::string::String)))
}
