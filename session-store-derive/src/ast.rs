//! The parsed session struct: the input of the checks and of the expansion.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::{Attribute, Data, DeriveInput, Fields, Generics, Ident, LitStr, Type, Visibility};

use crate::errors::Errors;
use crate::parse::serde::{RenameRule, SerdeContainer, SerdeField};
use crate::parse::{self, AttributeOptions, TableOptions};

pub(crate) struct SessionStruct<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    pub(crate) generics: &'a Generics,
    /// Whether its fields cannot be borrowed (`#[repr(packed)]`).
    pub(crate) is_packed: bool,
    /// Whether the use of the struct warns, or its author has allowed that.
    pub(crate) is_deprecated: bool,
    pub(crate) table: TableOptions,
    pub(crate) serde: SerdeContainer,
    pub(crate) fields: Vec<SessionField<'a>>,
    pub(crate) computed: Vec<AttributeOptions>,
}

pub(crate) struct SessionField<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) serde: SerdeField,
    /// The options of its attribute, if the field is promoted.
    pub(crate) attribute: Option<AttributeOptions>,
}

/// An attribute that is written beside `data`.
pub(crate) struct PromotedAttribute<'a> {
    pub(crate) options: &'a AttributeOptions,
    /// The promoted field, or `None` if the attribute is computed from the whole session.
    pub(crate) field: Option<&'a SessionField<'a>>,
    /// The name of its associated constant.
    pub(crate) constant: Ident,
}

impl<'a> SessionStruct<'a> {
    pub(crate) fn parse(errors: &Errors, input: &'a DeriveInput) -> Self {
        let (table, computed) = parse::struct_options(errors, &input.attrs);
        Self {
            ident: &input.ident,
            vis: &input.vis,
            generics: &input.generics,
            is_packed: is_packed(&input.attrs),
            is_deprecated: is_deprecated(&input.attrs),
            table,
            serde: SerdeContainer::parse(errors, &input.attrs),
            fields: parse_fields(errors, input),
            computed,
        }
    }

    /// The name of the type that is stored with each session.
    pub(crate) fn type_name(&self) -> String {
        let given = self.table.type_name.as_ref();
        given.map_or_else(|| self.ident.unraw().to_string(), LitStr::value)
    }

    /// The promoted attributes: those of the fields, in the struct's order, then the computed ones.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = PromotedAttribute<'_>> {
        let from_fields = self.fields.iter().filter_map(|field| {
            let constant = constant_name(&field.ident.unraw().to_string(), field.ident.span());
            Some(PromotedAttribute {
                options: field.attribute.as_ref()?,
                field: Some(field),
                constant,
            })
        });
        let computed = self.computed.iter().map(|options| PromotedAttribute {
            options,
            field: None,
            constant: constant_name(&options.name.value(), options.name.span()),
        });
        from_fields.chain(computed)
    }

    /// The name under which serde writes a field to `data`.
    pub(crate) fn serialized_name(&self, field: &SessionField<'_>) -> String {
        let rename = field.serde.rename.as_ref();
        let rename = rename.and_then(|rename| rename.serialize.as_ref());
        let rename_all = self.serde.rename_all.as_ref().and_then(|all| all.serialize);
        field.serde_name(rename, rename_all.unwrap_or_default())
    }

    /// The name under which serde reads a field from `data`.
    pub(crate) fn deserialized_name(&self, field: &SessionField<'_>) -> String {
        let rename = field.serde.rename.as_ref();
        let rename = rename.and_then(|rename| rename.deserialize.as_ref());
        let rename_all = self
            .serde
            .rename_all
            .as_ref()
            .and_then(|all| all.deserialize);
        field.serde_name(rename, rename_all.unwrap_or_default())
    }
}

impl SessionField<'_> {
    /// Whether the schema lists an entry of `data` for this field.
    ///
    /// It also lists a field that serde only reads or only writes. Otherwise the store would keep
    /// that entry as an unknown one: the field would not be read, or would be written twice.
    pub(crate) fn has_entry(&self) -> bool {
        let serde = &self.serde;
        let is_skipped = serde.skip_serializing.is_some() && serde.skip_deserializing.is_some();
        !is_skipped && !serde.flatten
    }

    /// Whether serde always writes the entry of this field.
    pub(crate) fn is_required(&self) -> bool {
        let serde = &self.serde;
        serde.skip_serializing.is_none() && serde.skip_serializing_if.is_none()
    }

    /// The field's own `rename` wins over the `rename_all` of the struct.
    fn serde_name(&self, rename: Option<&LitStr>, rename_all: RenameRule) -> String {
        rename.map_or_else(
            || rename_all.apply(&self.ident.unraw().to_string()),
            LitStr::value,
        )
    }
}

impl PromotedAttribute<'_> {
    /// The type that an index takes its keys from, or `None` if the attribute is not an index.
    pub(crate) fn key_source(&self) -> Option<&Type> {
        self.options.index.as_ref()?;
        match (&self.options.with, self.field) {
            (None, Some(field)) => Some(field.ty),
            _ => self.options.key.as_ref(),
        }
    }
}

fn is_packed(attrs: &[Attribute]) -> bool {
    let mut repr = attrs.iter().filter(|attr| attr.path().is_ident("repr"));
    repr.any(|attr| {
        let list = attr.meta.require_list();
        list.is_ok_and(|list| list.tokens.to_string().contains("packed"))
    })
}

fn is_deprecated(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        let allows = || {
            let list = attr.meta.require_list();
            list.is_ok_and(|list| list.tokens.to_string().contains("deprecated"))
        };
        attr.path().is_ident("deprecated") || (attr.path().is_ident("allow") && allows())
    })
}

fn parse_fields<'a>(errors: &Errors, input: &'a DeriveInput) -> Vec<SessionField<'a>> {
    // An attribute is the value of a named field, and `data` has one entry for each.
    let kind = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => {
                let fields = named.named.iter().filter_map(|field| {
                    let ident = field.ident.as_ref()?;
                    Some(SessionField {
                        ident,
                        ty: &field.ty,
                        serde: SerdeField::parse(errors, &field.attrs),
                        attribute: parse::field_options(errors, &field.attrs, ident),
                    })
                });
                return fields.collect();
            }
            Fields::Unnamed(_) => "a tuple struct",
            Fields::Unit => "a unit struct",
        },
        Data::Enum(_) => "an enum",
        Data::Union(_) => "a union",
    };
    let message = format!(
        "`{}` is {kind}, but a session must be a struct with named fields; put it into a field of \
         such a struct",
        input.ident
    );
    errors.report(&input.ident, message);
    Vec::new()
}

/// The name in upper case, with `_` for every character that an identifier cannot have.
fn constant_name(name: &str, span: Span) -> Ident {
    let upper = name.to_uppercase();
    let fits = |c: &char| syn::parse_str::<Ident>(&format!("A{c}A")).is_ok();
    let mut name: String = upper
        .chars()
        .map(|c| if fits(&c) { c } else { '_' })
        .collect();
    // An identifier cannot begin with a digit, and `_` alone is not an identifier.
    if name == "_" || syn::parse_str::<Ident>(&name).is_err() {
        name.insert(0, '_');
    }
    // Only an empty name is `_` here. The checks report it.
    let name = if name == "_" { "__" } else { &name };
    Ident::new(name, span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_constants_are_identifiers() {
        let constant = |name| constant_name(name, Span::call_site()).to_string();
        assert_eq!(constant("user_id"), "USER_ID");
        assert_eq!(constant("is-admin"), "IS_ADMIN");
        assert_eq!(constant("2fa"), "_2FA");
        assert_eq!(constant("größe"), "GRÖSSE");
        assert_eq!(constant("-"), "__");
        assert_eq!(constant(""), "__");
        assert_eq!(constant("a b.c"), "A_B_C");
    }
}
