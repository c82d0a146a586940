//! Checks the names of attributes and of their constants.

use std::collections::{HashMap, HashSet};
use std::fmt;

use syn::LitStr;
use syn::ext::IdentExt as _;

use crate::ast::{PromotedAttribute, SessionStruct};
use crate::errors::Errors;
use crate::parse::STORE_NAMES;

pub(super) fn check(errors: &Errors, session: &SessionStruct<'_>) {
    let taken = check_attributes(errors, session);
    check_forgotten(errors, session, &taken);
    check_constants(errors, session);
}

// All attributes of an item share one namespace: of two with one name, the second would overwrite
// the first.
fn check_attributes(errors: &Errors, session: &SessionStruct<'_>) -> OwnersByName {
    let mut taken = OwnersByName::new();
    let renamed = &session.table.renamed;
    for own in STORE_NAMES {
        if !renamed.iter().any(|(option, _)| option == own) {
            taken.insert(own.to_owned(), Owner::Store(own.to_owned()));
        }
    }
    for (option, name) in renamed {
        add_name(errors, &mut taken, name, Owner::Store(option.to_string()));
    }
    if let Some(sort_key) = &session.table.sort_key {
        add_name(errors, &mut taken, &sort_key.name, Owner::SortKey);
    }
    for PromotedAttribute { options, field, .. } in session.attributes() {
        let owner = match field {
            Some(field) => Owner::Field(field.ident.unraw().to_string()),
            None => Owner::Computed,
        };
        add_name(errors, &mut taken, &options.name, owner);
        if let Some(shard) = options.shard_name() {
            add_shard_name(errors, &mut taken, &options.name, &shard);
        }
    }
    taken
}

// What the type still has cannot be forgotten: each write would remove it, and each load would miss it.
fn check_forgotten(errors: &Errors, session: &SessionStruct<'_>, taken: &OwnersByName) {
    let mut seen = HashSet::new();
    for token in &session.table.forgotten {
        let name = token.value();
        let entries = session.fields.iter().filter(|field| field.has_entry());
        let is_alias = |alias: &LitStr| alias.value() == name;
        let mut fields = entries.map(|field| {
            let is_name = session.serialized_name(field) == name;
            let is_alias = !is_name && field.serde.aliases.iter().any(is_alias);
            (field.ident.unraw(), is_name, is_alias)
        });
        let field = fields.find(|(_, is_name, is_alias)| *is_name || *is_alias);
        let notes = session.attributes().filter(|attribute| {
            let index = attribute.options.index.as_ref();
            let is_consistent = index.is_some_and(|index| index.consistent.is_some());
            is_consistent && format!("{}-roster", attribute.options.name.value()) == name
        });
        let note_of = notes.map(|attribute| attribute.options.name.value()).next();
        let message = if name.is_empty() {
            "a name has at least one character; remove this one".to_owned()
        } else if !seen.insert(name.clone()) {
            format!("`{name}` was given before; remove one of them")
        } else if let Some((field, _, is_alias)) = field {
            match is_alias {
                false => format!(
                    "`{name}` is still the field `{field}`; remove the field, or leave it out of `forget`"
                ),
                true => format!(
                    "`{name}` is still read as the field `{field}`; remove the alias, or leave it out of `forget`"
                ),
            }
        } else if let Some(attribute) = note_of {
            format!(
                "`{name}` is the note of the index on `{attribute}`; remove the index, or leave it out of `forget`"
            )
        } else {
            match taken.get(&name) {
                Some(Owner::Store(_) | Owner::SortKey) => format!(
                    "`{name}` is an attribute that the store keeps, and cannot be forgotten; leave it out of `forget`"
                ),
                Some(owner) => format!(
                    "`{name}` is still taken by {owner}; remove that, or leave it out of `forget`"
                ),
                None => continue,
            }
        };
        errors.report(token, message);
    }
}

type OwnersByName = HashMap<String, Owner>;

/// The part of the struct that uses an attribute name.
enum Owner {
    /// An attribute that the store keeps, by the option that renames it.
    Store(String),
    SortKey,
    Field(String),
    Computed,
    /// The attribute that the store adds for the sharded index on this attribute.
    Shards(String),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(option) => write!(f, "the store's own `{option}`"),
            Self::SortKey => write!(f, "the sort key"),
            Self::Field(field) => write!(f, "the field `{field}`"),
            Self::Computed => write!(f, "a computed attribute"),
            Self::Shards(attribute) => write!(f, "the shards of the index on `{attribute}`"),
        }
    }
}

fn add_name(errors: &Errors, taken: &mut OwnersByName, name: &LitStr, owner: Owner) {
    let text = name.value();
    if text.is_empty() {
        errors.report(
            name,
            "an attribute's name has at least one character; choose another",
        );
    } else if !is_valid_length(&text) {
        let length = text.len();
        let message =
            format!("an attribute's name has at most 255 bytes, not {length}; choose another");
        errors.report(name, message);
    } else if let Some(first) = taken.get(&text) {
        let fix = match (first, &owner) {
            (Owner::Store(option), Owner::Field(_) | Owner::Computed) => {
                format!(", or rename the store's with `#[dynamo({option} = \"..\")]` on the struct")
            }
            _ => String::new(),
        };
        errors.report(
            name,
            format!("`{text}` is taken by {first}; choose another{fix}"),
        );
    } else {
        taken.insert(text, owner);
    }
}

fn add_shard_name(errors: &Errors, taken: &mut OwnersByName, attribute: &LitStr, shard: &LitStr) {
    let (name, attribute_name) = (shard.value(), attribute.value());
    match taken.get(&name) {
        // Two attributes with the same name have been reported already.
        Some(Owner::Shards(other)) if *other == attribute_name => {}
        Some(first) => {
            let message = format!(
                "this index needs the attribute `{name}`, which is taken by {first}; rename one of \
                 them"
            );
            errors.report(shard, message);
        }
        // An attribute name that is itself too long has been reported already.
        None if is_valid_length(&attribute_name) && !is_valid_length(&name) => {
            let message = "the attribute `<attr>-shard` of this index has a name of over 255 bytes; \
                           choose a shorter one";
            errors.report(attribute, message);
        }
        None => {
            taken.insert(name, Owner::Shards(attribute_name));
        }
    }
}

/// DynamoDB's limit for the names of key attributes. It is applied to all attributes, since a long
/// name costs capacity in every item.
pub(super) fn is_valid_length(name: &str) -> bool {
    (1..=255).contains(&name.len())
}

// The constants of all attributes are in one `impl`. Equal attribute names have been reported.
fn check_constants(errors: &Errors, session: &SessionStruct<'_>) {
    let mut taken: Vec<PromotedAttribute<'_>> = Vec::new();
    for attribute in session.attributes() {
        let Some(first) = taken
            .iter()
            .find(|first| first.constant == attribute.constant)
        else {
            taken.push(attribute);
            continue;
        };
        let (other, name) = (first.options.name.value(), attribute.options.name.value());
        if name == other {
            continue;
        }
        let fix = match attribute.field {
            Some(_) => "rename the field (serde's `rename` keeps its name in `data`)",
            None => "give the computed attribute another name",
        };
        let message = format!(
            "the attributes `{other}` and `{name}` would both have the constant `{}`; {fix}",
            first.constant
        );
        errors.report_at(attribute.constant.span(), message);
    }
}
