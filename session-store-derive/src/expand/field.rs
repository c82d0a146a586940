//! Generates the value of one field, as serde serialises it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ExprPath;

use crate::ast::SessionStruct;
use crate::expand::hygiene::generated;

/// Uses a field in the form that its own serde function gives it: the same form as in `data`.
pub(super) fn serialize_with(
    session: &SessionStruct<'_>,
    field: &Ident,
    function: &ExprPath,
    use_value: impl FnOnce(TokenStream) -> TokenStream,
) -> TokenStream {
    let serializer = Ident::new("__serializer", Span::mixed_site());
    let value = borrowed(session, &quote!(self.0), field);
    let statement = use_value(quote!(&__SerializeWith(self)));
    let session = generated(session.ident);
    quote! {
        {
            struct __SerializeWith<'__a>(&'__a #session);

            #[automatically_derived]
            impl __session_store::private::Serialize for __SerializeWith<'_> {
                fn serialize<__S>(
                    &self,
                    #serializer: __S,
                ) -> __session_store::private::Result<__S::Ok, __S::Error>
                where
                    __S: __session_store::private::Serializer,
                {
                    #function(#value, #serializer)
                }
            }

            #statement
        }
    }
}

/// A field of a session by reference. In a packed struct, a field is copied first, as serde does.
pub(super) fn borrowed(
    session: &SessionStruct<'_>,
    owner: &TokenStream,
    field: &Ident,
) -> TokenStream {
    let field = generated(field);
    if session.is_packed {
        quote!(&{ #owner.#field })
    } else {
        quote!(&#owner.#field)
    }
}
