//! Names of attributes, and of the constants that stand for them.

use std::collections::HashMap;
use std::fmt;

use syn::LitStr;
use syn::ext::IdentExt as _;

use crate::ast::{Attribute, Session};
use crate::errors::Errors;
use crate::parse::STORE_NAMES;

pub(super) fn check(errors: &Errors, session: &Session<'_>) {
    check_attributes(errors, session);
    check_constants(errors, session);
}

// All attributes of an item share one space of names: a second one would overwrite the first.
fn check_attributes(errors: &Errors, session: &Session<'_>) {
    let mut taken = Taken::new();
    let renamed = &session.table.names;
    for own in STORE_NAMES {
        if !renamed.iter().any(|(key, _)| key == own) {
            taken.insert(own.to_owned(), Owner::Store(own.to_owned()));
        }
    }
    for (key, name) in renamed {
        take(errors, &mut taken, name, Owner::Store(key.to_string()));
    }
    if let Some(sort_key) = &session.table.sort_key {
        take(errors, &mut taken, &sort_key.name, Owner::SortKey);
    }
    for Attribute {
        promotion, field, ..
    } in session.attributes()
    {
        let owner = match field {
            Some(field) => Owner::Field(field.ident.unraw().to_string()),
            None => Owner::Computed,
        };
        take(errors, &mut taken, &promotion.name, owner);
        if let Some(shard) = promotion.shard_name() {
            take_shard(errors, &mut taken, &promotion.name, &shard);
        }
    }
}

type Taken = HashMap<String, Owner>;

/// Whose an attribute is.
enum Owner {
    /// The store's, by the option that renames it.
    Store(String),
    SortKey,
    Field(String),
    Computed,
    /// The store's, for the sharded index on this attribute.
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

fn take(errors: &Errors, taken: &mut Taken, name: &LitStr, owner: Owner) {
    let text = name.value();
    if text.is_empty() {
        errors.report(
            name,
            "an attribute's name has at least one character; choose another",
        );
    } else if !fits(&text) {
        let length = text.len();
        let message =
            format!("an attribute's name has at most 255 bytes, not {length}; choose another");
        errors.report(name, message);
    } else if let Some(first) = taken.get(&text) {
        let mend = match (first, &owner) {
            (Owner::Store(option), Owner::Field(_) | Owner::Computed) => {
                format!(", or rename the store's with `#[dynamo({option} = \"..\")]` on the struct")
            }
            _ => String::new(),
        };
        errors.report(
            name,
            format!("`{text}` is taken by {first}; choose another{mend}"),
        );
    } else {
        taken.insert(text, owner);
    }
}

fn take_shard(errors: &Errors, taken: &mut Taken, attribute: &LitStr, shard: &LitStr) {
    let (name, attribute_name) = (shard.value(), attribute.value());
    match taken.get(&name) {
        // Two attributes of one name have been reported as such.
        Some(Owner::Shards(other)) if *other == attribute_name => {}
        Some(first) => {
            let message = format!(
                "this index needs the attribute `{name}`, which is taken by {first}; rename one of \
                 them"
            );
            errors.report(shard, message);
        }
        // One that is too long by itself has been reported, too.
        None if fits(&attribute_name) && !fits(&name) => {
            let message = "the attribute `<attr>-shard` of this index has a name of over 255 bytes; \
                           choose a shorter one";
            errors.report(attribute, message);
        }
        None => {
            taken.insert(name, Owner::Shards(attribute_name));
        }
    }
}

/// DynamoDB's limit for the names of keys, kept for all: a long name costs capacity in every item.
pub(super) fn fits(name: &str) -> bool {
    (1..=255).contains(&name.len())
}

// Each attribute has a constant in the same `impl`. Equal attribute names have been reported.
fn check_constants(errors: &Errors, session: &Session<'_>) {
    let mut taken: Vec<Attribute<'_>> = Vec::new();
    for attribute in session.attributes() {
        let Some(first) = taken
            .iter()
            .find(|first| first.constant == attribute.constant)
        else {
            taken.push(attribute);
            continue;
        };
        let (other, name) = (
            first.promotion.name.value(),
            attribute.promotion.name.value(),
        );
        if name == other {
            continue;
        }
        let mend = match attribute.field {
            Some(_) => "rename the field (serde's `rename` keeps its name in `data`)",
            None => "give the computed attribute another name",
        };
        let message = format!(
            "the attributes `{other}` and `{name}` would both have the constant `{}`; {mend}",
            first.constant
        );
        errors.report_at(attribute.constant.span(), message);
    }
}
