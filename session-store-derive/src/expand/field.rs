//! Generates the value of one field, as serde serialises it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{ExprPath, Path};

use crate::ast::SessionStruct;

/// Uses a field in the form that its own serde function gives it: the same form as in `data`.
pub(super) fn serialize_with(
    session: &SessionStruct<'_>,
    krate: &Path,
    field: &Ident,
    function: &ExprPath,
    use_value: impl FnOnce(TokenStream) -> TokenStream,
) -> TokenStream {
    // Hygienic: the function can have the same name.
    let serializer = Ident::new("serializer", Span::mixed_site());
    let value = borrowed(session, &quote!(self.0), field);
    let statement = use_value(quote!(&SerializeWith(self)));
    let session = session.ident;
    quote! {
        {
            struct SerializeWith<'a>(&'a #session);

            impl #krate::private::Serialize for SerializeWith<'_> {
                fn serialize<__S: #krate::private::Serializer>(
                    &self,
                    #serializer: __S,
                ) -> ::core::result::Result<__S::Ok, __S::Error> {
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
    if session.is_packed {
        quote!(&{ #owner.#field })
    } else {
        quote!(&#owner.#field)
    }
}
