//! What keeps generated code apart from the user's: its spans, its names and its lints.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{Path, Visibility, parse_quote};

use crate::ast::SessionStruct;

/// Generated items, in which session-store is called `__session_store`, whatever its path is here.
pub(crate) fn wrapped(session: &SessionStruct<'_>, items: TokenStream) -> TokenStream {
    let default = || parse_quote!(::session_store);
    let krate: Path = session.table.crate_path.clone().unwrap_or_else(default);
    quote! {
        const _: () = {
            use #krate as __session_store;

            #items
        };
    }
}

/// The same name at the same place as generated code, in which rustc reports no lint. What it names does not
/// change: only local variables are hygienic.
///
/// An `allow` instead would be an error under a `forbid` of the user.
pub(crate) fn generated(ident: &Ident) -> Ident {
    let mut ident = ident.clone();
    ident.set_span(Span::call_site().located_at(ident.span()));
    ident
}

/// The same visibility as generated code, since an item begins with it: rustc takes the item for the user's otherwise.
/// The path in it is as it was.
pub(crate) fn generated_vis(vis: &Visibility) -> TokenStream {
    let tokens = vis.to_token_stream().into_iter();
    let generated = tokens.map(|mut token| {
        token.set_span(Span::call_site().located_at(token.span()));
        token
    });
    generated.collect()
}

/// Only for a struct that is deprecated itself, as serde does: the use of another deprecated item is the
/// user's.
pub(crate) fn allow_deprecated(session: &SessionStruct<'_>) -> Option<TokenStream> {
    session.is_deprecated.then(|| quote!(#[allow(deprecated)]))
}
