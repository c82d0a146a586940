//! The session struct as the checks and the expansion see it.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Fields, Generics, Ident, LitStr, Type, Visibility};

use crate::errors::Errors;
use crate::parse::serde::{self, Rule};
use crate::parse::{self, Promotion, Table};

pub(crate) struct Session<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    pub(crate) generics: &'a Generics,
    pub(crate) table: Table,
    pub(crate) serde: serde::Container,
    pub(crate) fields: Vec<Field<'a>>,
    pub(crate) computed: Vec<Promotion>,
}

pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) serde: serde::Field,
    pub(crate) promotion: Option<Promotion>,
}

/// A promoted attribute, with the field that it is of; a computed one is of the whole session.
pub(crate) struct Attribute<'a> {
    pub(crate) promotion: &'a Promotion,
    pub(crate) field: Option<&'a Field<'a>>,
    /// The constant that stands for it.
    pub(crate) constant: Ident,
}

impl<'a> Session<'a> {
    pub(crate) fn parse(errors: &Errors, input: &'a DeriveInput) -> Self {
        let (table, computed) = parse::on_struct(errors, &input.attrs);
        Self {
            ident: &input.ident,
            vis: &input.vis,
            generics: &input.generics,
            table,
            serde: serde::Container::parse(&input.attrs),
            fields: fields(errors, input),
            computed,
        }
    }

    /// The promoted attributes, in the order of the struct, and then the computed ones.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        let of_fields = self.fields.iter().filter_map(|field| {
            let constant = constant(&field.ident.unraw().to_string(), field.ident.span());
            Some(Attribute {
                promotion: field.promotion.as_ref()?,
                field: Some(field),
                constant,
            })
        });
        let computed = self.computed.iter().map(|promotion| Attribute {
            promotion,
            field: None,
            constant: constant(&promotion.name.value(), promotion.name.span()),
        });
        of_fields.chain(computed)
    }

    /// The name of a field in `data`.
    pub(crate) fn serialized_name(&self, field: &Field<'_>) -> String {
        let own = field
            .serde
            .rename
            .as_ref()
            .and_then(|rename| rename.serialize.as_ref());
        let all = self.serde.rename_all.as_ref().map(|all| all.serialize);
        field.named(own, all.unwrap_or_default())
    }

    /// The name under which a field is read from `data`.
    pub(crate) fn deserialized_name(&self, field: &Field<'_>) -> String {
        let own = field
            .serde
            .rename
            .as_ref()
            .and_then(|rename| rename.deserialize.as_ref());
        let all = self.serde.rename_all.as_ref().map(|all| all.deserialize);
        field.named(own, all.unwrap_or_default())
    }
}

impl Field<'_> {
    /// Whether the field is an entry of `data`.
    ///
    /// One that serde only reads, or only writes, is: kept aside as unknown, it would not be read,
    /// or be written twice.
    pub(crate) fn is_entry(&self) -> bool {
        let serde = &self.serde;
        let is_skipped = serde.skip_serializing.is_some() && serde.skip_deserializing.is_some();
        !is_skipped && !serde.flatten
    }

    /// As serde names it: by the field's own `rename`, else by the struct's rule.
    fn named(&self, own: Option<&LitStr>, rule: Rule) -> String {
        own.map_or_else(
            || rule.apply(&self.ident.unraw().to_string()),
            LitStr::value,
        )
    }
}

fn fields<'a>(errors: &Errors, input: &'a DeriveInput) -> Vec<Field<'a>> {
    // An attribute is the value of a named field, and `data` has one entry for each.
    let what = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => {
                let fields = named.named.iter().filter_map(|field| {
                    let ident = field.ident.as_ref()?;
                    Some(Field {
                        ident,
                        ty: &field.ty,
                        serde: serde::Field::parse(&field.attrs),
                        promotion: parse::on_field(errors, &field.attrs, ident),
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
        "`{}` is {what}, and a session is a struct with named fields; put it into a field of one",
        input.ident
    );
    errors.report(&input.ident, message);
    Vec::new()
}

/// The constant's name: in upper case, and `_` for what cannot be in an identifier.
fn constant(name: &str, span: Span) -> Ident {
    let upper = name.to_uppercase();
    let fits = |c: &char| syn::parse_str::<Ident>(&format!("A{c}A")).is_ok();
    let mut name: String = upper
        .chars()
        .map(|c| if fits(&c) { c } else { '_' })
        .collect();
    // A digit cannot begin an identifier, and `_` alone is none.
    if name == "_" || syn::parse_str::<Ident>(&name).is_err() {
        name.insert(0, '_');
    }
    // Only an empty name is still left; it is reported elsewhere.
    let name = if name == "_" { "__" } else { &name };
    Ident::new(name, span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_identifiers() {
        let of = |name| constant(name, Span::call_site()).to_string();
        assert_eq!(of("user_id"), "USER_ID");
        assert_eq!(of("is-admin"), "IS_ADMIN");
        assert_eq!(of("2fa"), "_2FA");
        assert_eq!(of("größe"), "GRÖSSE");
        assert_eq!(of("-"), "__");
        assert_eq!(of(""), "__");
        assert_eq!(of("a b.c"), "A_B_C");
    }
}
