//! Generates the code for a session struct with errors: the errors, and a stand-in implementation,
//! so that code which uses the struct gives no further errors.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Type, parse_quote};

use crate::ast::{PromotedAttribute, SessionStruct};
use crate::expand::hygiene::{allow_deprecated, generated, wrapped};
use crate::expand::implementation::{constant, revoke_all};

pub(crate) fn fallback(session: &SessionStruct<'_>, error: &syn::Error) -> TokenStream {
    let (ident, allow) = (generated(session.ident), allow_deprecated(session));
    let errors = error.to_compile_error();
    let (impl_generics, ty_generics, where_clause) = session.generics.split_for_impl();

    let attributes = with_distinct_constants(session);
    let in_schema = attributes.iter().filter_map(|attribute| {
        let (name, source) = (attribute.constant.to_string(), key_source(attribute)?);
        Some(quote!(__session_store::private::index(#name, __session_store::private::IndexSource::<#source>::TYPE)))
    });
    let revoke_all = revoke_all(session).filter(|_| session.generics.params.is_empty());
    let constants = attributes.iter().map(|attribute| {
        let name = attribute.constant.to_string();
        constant(session, attribute, key_source(attribute).as_ref(), &name)
    });

    let items = quote! {
        #[automatically_derived]
        #allow
        impl #impl_generics __session_store::SessionAttributes for #ident #ty_generics #where_clause {
            const SCHEMA: &'static __session_store::Schema = {
                use __session_store::private::NoIndexSource as _;

                &__session_store::Schema::new("sessions").attributes(&[#(#in_schema),*])
            };

            fn attributes(&self, _: &mut __session_store::Attributes) {}
        }

        #revoke_all

        #[automatically_derived]
        #allow
        impl #impl_generics #ident #ty_generics #where_clause {
            #(#constants)*
        }
    };
    let items = wrapped(session, items);
    quote!(#errors #items)
}

/// The first attribute of each constant. The constant's name stands in for the attribute's own name
/// in the generated code, because that name can be the error.
fn with_distinct_constants<'a>(session: &'a SessionStruct<'_>) -> Vec<PromotedAttribute<'a>> {
    // A constant whose type names a generic parameter would give a further error. The parameters
    // themselves have been reported.
    if !session.generics.params.is_empty() {
        return Vec::new();
    }
    let mut seen = HashSet::new();
    session
        .attributes()
        .filter(|attribute| seen.insert(attribute.constant.clone()))
        .collect()
}

/// The type of the keys. Where it is missing, `String` is the best guess.
fn key_source(attribute: &PromotedAttribute<'_>) -> Option<Type> {
    attribute.options.index.as_ref()?;
    let source = attribute.key_source().cloned();
    Some(source.unwrap_or_else(|| parse_quote!(__session_store::private::String)))
}
