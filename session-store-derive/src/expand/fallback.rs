//! Generates the code for a session struct with errors: the errors, and a stand-in implementation,
//! so that code which uses the struct gives no further errors.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Type, parse_quote};

use crate::ast::{PromotedAttribute, SessionStruct};
use crate::expand::implementation::{constant, crate_path, revoke_all};

pub(crate) fn fallback(session: &SessionStruct<'_>, error: &syn::Error) -> TokenStream {
    let krate = crate_path(session);
    let ident = session.ident;
    let errors = error.to_compile_error();
    let (impl_generics, ty_generics, where_clause) = session.generics.split_for_impl();

    let attributes = with_distinct_constants(session);
    let in_schema = attributes.iter().filter_map(|attribute| {
        let (name, source) = (attribute.constant.to_string(), key_source(attribute)?);
        Some(quote!(#krate::private::index(#name, #krate::private::IndexSource::<#source>::TYPE)))
    });
    let revoke_all = revoke_all(session, &krate).filter(|_| session.generics.params.is_empty());
    let constants = attributes.iter().map(|attribute| {
        let name = attribute.constant.to_string();
        constant(
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
    Some(source.unwrap_or_else(|| parse_quote!(::std::string::String)))
}
