//! Generates the implementation for a session struct without errors.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{ExprPath, LitInt, LitStr, Type};

use crate::ast::{PromotedAttribute, SessionField, SessionStruct};
use crate::expand::entries;
use crate::expand::field::{borrowed, serialize_with};
use crate::expand::hygiene::{allow_deprecated, generated, generated_vis, wrapped};
use crate::parse::{TableOptions, Timeout};

pub(crate) fn implementation(session: &SessionStruct<'_>) -> TokenStream {
    let ident = generated(session.ident);
    let allow = allow_deprecated(session);
    let schema = schema(session);
    let revoke_all = revoke_all(session);
    let attributes_method = attributes_method(session);
    let flattened_method = entries::flattened(session);
    let is_same_entry_method = entries::is_same_entry(session);
    let mut constants = session
        .attributes()
        .map(|attribute| {
            let name = attribute.options.name.value();
            constant(session, &attribute, attribute.key_source(), &name)
        })
        .peekable();
    let handles = constants.peek().is_some().then(|| {
        quote! {
            #[automatically_derived]
            #allow
            impl #ident {
                #(#constants)*
            }
        }
    });

    wrapped(
        session,
        quote! {
            #[automatically_derived]
            #allow
            impl __session_store::SessionAttributes for #ident {
                const SCHEMA: &'static __session_store::Schema = #schema;

                #attributes_method
                #flattened_method
                #is_same_entry_method
            }

            #revoke_all

            #handles

            // `cargo check` evaluates an associated constant only where it is used. This free constant
            // uses it.
            #allow
            const _: &__session_store::Schema = <#ident as __session_store::SessionAttributes>::SCHEMA;
        },
    )
}

fn schema(session: &SessionStruct<'_>) -> TokenStream {
    let table = session
        .table
        .table
        .as_ref()
        .map_or_else(|| "sessions".to_owned(), LitStr::value);
    let type_name = session.type_name();
    let named = match &session.table.type_name {
        Some(_) => quote!(type_name),
        None => quote!(named_by_struct),
    };
    let options = table_options(&session.table);
    let attributes = session
        .attributes()
        .map(|attribute| schema_attribute(&attribute));
    let entries = session.fields.iter().filter(|field| field.has_entry());
    let fields = entries.map(|field| schema_field(session, field));
    let flattened = session
        .fields
        .iter()
        .any(|field| field.serde.flatten)
        .then(|| quote!(.flattened()));
    let forgotten = &session.table.forgotten;
    let forget = (!forgotten.is_empty()).then(|| quote!(.forget(&[#(#forgotten),*])));
    quote! {
        {
            use __session_store::private::NoIndexSource as _;

            &__session_store::Schema::new(#table)
                .#named(#type_name)
                #options
                .attributes(&[#(#attributes),*])
                .fields(&[#(#fields),*])
                #flattened
                #forget
                .checked()
        }
    }
}

fn table_options(table: &TableOptions) -> TokenStream {
    let timeout = |method: &str, timeout: Option<Duration>| {
        let duration = timeout?;
        let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
        let method = format_ident!("{method}");
        Some(quote!(.#method(__session_store::private::Duration::new(#seconds, #nanos))))
    };
    let idle = timeout("idle_timeout", table.idle());
    let absolute = timeout("absolute_timeout", table.absolute());
    let limit = table
        .timeouts
        .as_ref()
        .map(|_| quote!(.idle_timeout_is_limit()));
    let given = |timeout: &Option<Timeout>| timeout.as_ref().map(|timeout| timeout.duration);
    let guest_idle = timeout("guest_idle_timeout", given(&table.guest_idle_timeout));
    let guest_absolute = timeout(
        "guest_absolute_timeout",
        given(&table.guest_absolute_timeout),
    );
    let renames = table
        .renamed
        .iter()
        .map(|(option, name)| quote!(.#option(#name)));
    let names = (!table.renamed.is_empty())
        .then(|| quote!(.names(__session_store::Names::new() #(#renames)*)));
    let key_prefix = table
        .key_prefix
        .as_ref()
        .map(|prefix| quote!(.key_prefix(#prefix)));
    let sort_key = table.sort_key.as_ref().map(|key| {
        let (name, value) = (&key.name, &key.value);
        quote!(.sort_key(#name, #value))
    });
    let revoke_all = table.revoke_all.then(|| quote!(.revoke_all()));
    let formats = &table.formats;
    quote!(
        #idle #absolute #limit #guest_idle #guest_absolute #names #key_prefix #sort_key #revoke_all
        #(.#formats())*
    )
}

/// The impl that makes `revoke_all_created_before` available on the store of this type.
pub(crate) fn revoke_all(session: &SessionStruct<'_>) -> Option<TokenStream> {
    let (ident, allow) = (generated(session.ident), allow_deprecated(session));
    let implementation = quote! {
        #[automatically_derived]
        #allow
        impl __session_store::RevokeAll for #ident {}
    };
    session.table.revoke_all.then_some(implementation)
}

fn schema_attribute(attribute: &PromotedAttribute<'_>) -> TokenStream {
    let name = &attribute.options.name;
    let computed = attribute.field.is_none().then(|| quote!(.computed()));
    let user = attribute.options.user.as_ref().map(|_| quote!(.user()));
    let (Some(index), Some(source)) = (&attribute.options.index, attribute.key_source()) else {
        return quote!(__session_store::Attribute::promoted(#name) #computed #user);
    };
    let named = index.name.as_ref().map(|name| quote!(.index_named(#name)));
    let sharded = index.shards.as_ref().map(|shards| {
        let attribute = attribute.options.shard_name();
        let shards = LitInt::new(shards.base10_digits(), shards.span());
        quote!(.sharded(#shards, #attribute))
    });
    let consistent = index.consistent.as_ref().map(|_| quote!(.consistent()));
    let has_limit = index.limit.is_some() || index.limit_by.is_some();
    let limit = has_limit.then(|| {
        let policy = match &index.on_limit {
            Some(policy) if policy == "reject" => quote!(Reject),
            Some(policy) if policy == "evict_least_recent" => quote!(EvictLeastRecent),
            _ => quote!(EvictOldest),
        };
        let limit = match &index.limit {
            Some(limit) => LitInt::new(limit.base10_digits(), limit.span()).into_token_stream(),
            None => quote!(__session_store::Attribute::MAX_LIMIT),
        };
        quote!(.limit(#limit, __session_store::OnLimit::#policy))
    });
    quote! {
        __session_store::private::index(#name, __session_store::private::IndexSource::<#source>::TYPE)
            #named #sharded #consistent #limit #computed #user
    }
}

fn schema_field(session: &SessionStruct<'_>, field: &SessionField<'_>) -> TokenStream {
    let name = session.serialized_name(field);
    let aliases = field
        .serde
        .aliases
        .iter()
        .filter(|alias| alias.value() != name);
    let required = field.is_required().then(|| quote!(.required()));
    quote!(__session_store::Field::new(#name, &[#(#aliases),*]) #required)
}

/// The associated constant of an attribute: its handle, with this name for the attribute.
pub(crate) fn constant(
    session: &SessionStruct<'_>,
    attribute: &PromotedAttribute<'_>,
    key_source: Option<&Type>,
    name: &str,
) -> TokenStream {
    let (vis, constant) = (generated_vis(session.vis), generated(&attribute.constant));
    let (doc, handle) = match key_source {
        Some(source) => (
            match attribute
                .options
                .index
                .as_ref()
                .and_then(|index| index.consistent.as_ref())
            {
                Some(_) => format!("The consistent index on the attribute `{name}`."),
                None => format!("The index on the attribute `{name}`."),
            },
            index_handle(attribute, source, name),
        ),
        None => (
            format!("The attribute `{name}`, which is no index."),
            quote!(__session_store::Promoted<Self> = __session_store::Promoted::new(#name)),
        ),
    };
    quote! {
        #[doc = #doc]
        #vis const #constant: #handle;
    }
}

/// The type and the value of an index's handle.
///
/// Only this part of the generated code requires that the type can be a key. Both have the span of
/// that type. So rustc finds the same error in both, and reports it once, at the type.
fn index_handle(attribute: &PromotedAttribute<'_>, source: &Type, name: &str) -> TokenStream {
    let (start, end) = ends(source);
    let key = if attribute.options.with.is_some() {
        source.to_token_stream()
    } else {
        let projection = quote_spanned!(start=> <#source as __session_store::IndexField>::);
        let key = quote_spanned!(end=> Key);
        quote!(#projection #key)
    };
    let ty = quote_spanned!(start=> __session_store::Index<Self, #key);
    let ty_end = quote_spanned!(end=> >);
    let new = quote_spanned!(start=> __session_store::Index::new);
    let new_end = quote_spanned!(end=> (#name));
    quote!(#ty #ty_end = #new #new_end)
}

fn attributes_method(session: &SessionStruct<'_>) -> TokenStream {
    // A constant or static of the user is no parameter, however hygienic the name is: hence the underscores.
    let attributes = Ident::new("__attributes", Span::mixed_site());
    let mut statements = session
        .attributes()
        .map(|attribute| {
            let value = attribute_statement(session, &attributes, &attribute);
            let limit = limit_statement(session, &attributes, &attribute);
            quote!(#value #limit)
        })
        .peekable();
    if statements.peek().is_none() {
        return quote!(
            fn attributes(&self, _: &mut __session_store::Attributes) {}
        );
    }
    quote! {
        fn attributes(&self, #attributes: &mut __session_store::Attributes) {
            use __session_store::private::NoIndexSource as _;

            #(#statements)*
        }
    }
}

fn attribute_statement(
    session: &SessionStruct<'_>,
    attributes: &Ident,
    attribute: &PromotedAttribute<'_>,
) -> TokenStream {
    let name = &attribute.options.name;
    if let Some(function) = &attribute.options.with {
        let value = function_call(session, function, attribute.field);
        return match &attribute.options.key {
            Some(key) => {
                quote!(__session_store::private::IndexSource::<#key>::computed(#attributes, #name, #value);)
            }
            None => quote!(__session_store::Attributes::computed(#attributes, #name, #value);),
        };
    }
    let Some(SessionField {
        ident, ty, serde, ..
    }) = attribute.field
    else {
        return TokenStream::new();
    };
    let statement = if attribute.options.index.is_some() {
        let value = borrowed(session, &quote!(self), ident);
        quote!(__session_store::private::IndexSource::<#ty>::field(#attributes, #name, #value);)
    } else if let Some(function) = &serde.serialize_with {
        serialize_with(
            session,
            ident,
            function,
            |value| quote!(__session_store::Attributes::serialize(#attributes, #name, #value);),
        )
    } else {
        let value = field_reference(session, ident, ends(ty));
        quote!(__session_store::Attributes::serialize(#attributes, #name, #value);)
    };
    // When serde leaves the field out of `data`, the item has no attribute either.
    match &serde.skip_serializing_if {
        Some(function) => {
            let value = borrowed(session, &quote!(self), ident);
            quote! {
                if #function(#value) {
                    __session_store::private::absent(#attributes, #name);
                } else {
                    #statement
                }
            }
        }
        None => statement,
    }
}

/// The limit of this session, if a function gives one.
fn limit_statement(
    session: &SessionStruct<'_>,
    attributes: &Ident,
    attribute: &PromotedAttribute<'_>,
) -> Option<TokenStream> {
    let name = &attribute.options.name;
    let function = attribute.options.index.as_ref()?.limit_by.as_ref()?;
    let limit = function_call(session, function, None);
    Some(quote!(__session_store::Attributes::limit(#attributes, #name, #limit);))
}

/// The call of a function with a field, or with the whole session, spanned so that a type error in its argument or
/// its result points at the function.
fn function_call(
    session: &SessionStruct<'_>,
    function: &ExprPath,
    field: Option<&SessionField<'_>>,
) -> TokenStream {
    let (start, end) = ends(function);
    let argument = match field {
        Some(field) => field_reference(session, field.ident, (end, end)),
        None => self_ident(start).into_token_stream(),
    };
    let arguments = quote_spanned!(end=> (#argument));
    quote!(#function #arguments)
}

/// `&self.field`, spanned so that an error in its type points there.
fn field_reference(
    session: &SessionStruct<'_>,
    field: &Ident,
    (start, end): (Span, Span),
) -> TokenStream {
    let this = self_ident(start);
    let mut field = field.clone();
    field.set_span(end);
    if session.is_packed {
        quote_spanned!(start=> &{ #this.#field })
    } else {
        quote_spanned!(start=> &#this.#field)
    }
}

fn self_ident(span: Span) -> Ident {
    Ident::new("self", span)
}

/// The first and the last span, as those of generated code. (`Span::join` needs a nightly compiler.)
fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut spans = tokens
        .to_token_stream()
        .into_iter()
        .map(|token| Span::call_site().located_at(token.span()));
    let start = spans.next().unwrap_or_else(Span::call_site);
    (start, spans.last().unwrap_or(start))
}
