//! The derive macro of session-store.

/// Derives `SessionAttributes`.
#[proc_macro_derive(SessionAttributes, attributes(dynamo))]
pub fn derive_session_attributes(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    proc_macro::TokenStream::new()
}
