//! What must hold between the parts of a session struct. Each check says why the rule exists.

use std::collections::HashMap;
use std::time::Duration;

use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{GenericParam, Ident, LitStr};

use crate::ast::{Attribute, Field, Session};
use crate::entry::{IndexOption, STORE_NAMES};
use crate::errors::Errors;

/// As `Schema::new` has them.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const ABSOLUTE_TIMEOUT: Duration = Duration::from_secs(12 * 60 * 60);

pub(crate) fn check(errors: &Errors, session: &Session<'_>) {
    check_generics(errors, session);
    check_serde_of_struct(errors, session);
    check_serialized_names(errors, session);
    check_table(errors, session);
    check_timeouts(errors, session);
    let taken = check_store_names(errors, session);
    check_attribute_names(errors, session, taken);
    check_constants(errors, session);
    check_indexes(errors, session);
    for attribute in session.attributes() {
        check_key(errors, &attribute);
        check_source(errors, &attribute);
    }
}

// The schema and the handles are constants of the type: with parameters there would be one for
// each choice of them, all for the same table.
fn check_generics(errors: &Errors, session: &Session<'_>) {
    for param in &session.generics.params {
        let what = match param {
            GenericParam::Type(_) => "type parameters; name the types themselves",
            GenericParam::Lifetime(_) => {
                "lifetimes, since it is read from the table; let it own its data"
            }
            GenericParam::Const(_) => "const parameters; name the values themselves",
        };
        errors.report(param, format!("a session struct cannot have {what}"));
    }
}

// `save` writes single entries of `data`, each by the name of its field. These attributes make
// `data` something else than one entry for each field, or refuse entries of a newer program.
fn check_serde_of_struct(errors: &Errors, session: &Session<'_>) {
    for (name, tokens) in &session.serde.attributes {
        let why = match name.as_str() {
            "transparent" => "it leaves `data` without an entry for the field",
            "into" | "from" | "try_from" => {
                "`data` would have the fields of another type; keep that type as a field"
            }
            "remote" => "derive `SessionAttributes` on the type that is stored",
            "untagged" => "it is for enums",
            "tag" | "content" => "it adds an entry to `data` that is no field; make it a field",
            "deny_unknown_fields" => {
                "a session written by a newer program, with one more field, could not be loaded"
            }
            _ => continue,
        };
        errors.report(
            tokens,
            format!("remove `{name}` from a session struct: {why}"),
        );
    }
    if let Some(all) = &session.serde.rename_all
        && all.serialize != all.deserialize
    {
        errors.report(&all.tokens, DIFFERING_NAMES);
    }
}

// What is written under one name must be found under it again.
const DIFFERING_NAMES: &str = "a field of a session has one name to write and to read; give the same one for `serialize` and \
     `deserialize`, and add `alias` for older names";

fn check_serialized_names(errors: &Errors, session: &Session<'_>) {
    // Two fields under one name overwrite each other in `data`.
    let mut taken: HashMap<String, &Ident> = HashMap::new();
    for field in &session.fields {
        if field.serde.is_skipped() || field.serde.flatten {
            continue;
        }
        let name = session.serialized_name(field);
        if let Some(rename) = &field.serde.rename
            && !all_differ(session)
            && name != session.deserialized_name(field)
        {
            errors.report(&rename.tokens, DIFFERING_NAMES);
        }
        let tokens = match &field.serde.rename {
            Some(rename) => rename.tokens.clone(),
            None => field.ident.to_token_stream(),
        };
        let aliases = field
            .serde
            .aliases
            .iter()
            .map(|alias| (alias.value(), alias.to_token_stream()));
        for (name, tokens) in [(name, tokens)].into_iter().chain(aliases) {
            match taken.get(&name) {
                Some(&first) if first != field.ident => errors.report(
                    tokens,
                    format!("the field `{}` is stored as `{name}` already; give one of them another name", first.unraw()),
                ),
                _ => {
                    taken.insert(name, field.ident);
                }
            }
        }
    }
}

fn all_differ(session: &Session<'_>) -> bool {
    let all = session.serde.rename_all.as_ref();
    all.is_some_and(|all| all.serialize != all.deserialize)
}

// DynamoDB's limits, which it would tell only when the table is made or first used.
fn check_table(errors: &Errors, session: &Session<'_>) {
    let table = &session.table;
    if let Some(name) = &table.table
        && !is_resource_name(&name.value())
    {
        errors.report(
            name,
            "a table's name has 3 to 255 of the characters a-z, A-Z, 0-9, `_`, `.` and `-`",
        );
    }
    if let Some(prefix) = &table.key_prefix {
        // A partition key has at most 2,048 bytes, and the session's handle needs some of them.
        if prefix.value().len() > 1024 {
            errors.report(
                prefix,
                "the key prefix is longer than 1,024 bytes; make it shorter",
            );
        }
    }
    if let Some(sort_key) = &table.sort_key
        && !(1..=1024).contains(&sort_key.value.value().len())
    {
        errors.report(
            &sort_key.value,
            "the value of a sort key has 1 to 1,024 bytes",
        );
    }
}

fn check_timeouts(errors: &Errors, session: &Session<'_>) {
    let table = &session.table;
    let mut too_short = false;
    for timeout in [&table.idle_timeout, &table.absolute_timeout]
        .into_iter()
        .flatten()
    {
        // Expiry is kept in whole seconds, as DynamoDB's TTL wants it.
        if timeout.duration < Duration::from_secs(1) {
            too_short = true;
            errors.report(
                &timeout.text,
                "a timeout is at least one second; write it like \"30m\" or \"12h\"",
            );
        }
    }
    let idle = table
        .idle_timeout
        .as_ref()
        .map_or(IDLE_TIMEOUT, |t| t.duration);
    let absolute = table
        .absolute_timeout
        .as_ref()
        .map_or(ABSOLUTE_TIMEOUT, |t| t.duration);
    // An idle timeout that never comes into effect is a mistake in one of the two.
    if idle <= absolute || too_short {
        return;
    }
    match (&table.idle_timeout, &table.absolute_timeout) {
        (Some(idle), Some(absolute)) => errors.report(
            &idle.text,
            format!("the idle timeout is longer than the absolute timeout, \"{}\"; make it shorter", absolute.text.value()),
        ),
        (Some(idle), None) => errors.report(
            &idle.text,
            "the idle timeout is longer than the absolute timeout, which is \"12h\" if not given; make it shorter, or give an `absolute_timeout`",
        ),
        (None, Some(absolute)) => errors.report(
            &absolute.text,
            "the absolute timeout is shorter than the idle timeout, which is \"30m\" if not given; make it longer, or give an `idle_timeout`",
        ),
        (None, None) => {}
    }
}

/// Whose an attribute's name is, to say in an error.
type Taken = HashMap<String, String>;

// All attributes of an item share one space of names: a second one would overwrite the first.
fn check_store_names(errors: &Errors, session: &Session<'_>) -> Taken {
    let mut taken = Taken::new();
    let names = &session.table.names;
    let defaults = STORE_NAMES
        .iter()
        .filter(|&own| !names.iter().any(|(key, _)| key == own));
    for own in defaults {
        taken.insert(
            (*own).to_owned(),
            format!("the store keeps its own `{own}` there"),
        );
    }
    for (key, name) in names {
        let owner = format!("the store's `{key}` has it");
        take_name(errors, &mut taken, name, owner, "give it another name");
    }
    if let Some(sort_key) = &session.table.sort_key {
        let owner = "the sort key has it".to_owned();
        take_name(
            errors,
            &mut taken,
            &sort_key.name,
            owner,
            "give the sort key another name",
        );
    }
    taken
}

fn check_attribute_names(errors: &Errors, session: &Session<'_>, mut taken: Taken) {
    for Attribute {
        promotion, field, ..
    } in session.attributes()
    {
        let owner = match field {
            Some(field) => format!("the field `{}` has it", field.ident.unraw()),
            None => "a computed attribute has it".to_owned(),
        };
        let name = promotion.name.value();
        let mend = if taken
            .get(&name)
            .is_some_and(|owner| owner.starts_with("the store"))
        {
            format!(
                "choose another, or rename the store's with `#[dynamo({} = \"..\")]` on the struct",
                own(session, &name)
            )
        } else {
            "choose another".to_owned()
        };
        take_name(errors, &mut taken, &promotion.name, owner, &mend);
    }
}

/// The option that renames the store's attribute of this name.
fn own(session: &Session<'_>, name: &str) -> String {
    let renamed = session
        .table
        .names
        .iter()
        .find(|(_, renamed)| renamed.value() == name);
    renamed.map_or_else(|| name.to_owned(), |(key, _)| key.to_string())
}

fn take_name(errors: &Errors, taken: &mut Taken, name: &LitStr, owner: String, mend: &str) {
    let text = name.value();
    // DynamoDB's limit for the names of keys, kept for all: a long name costs capacity in every item.
    if text.is_empty() {
        errors.report(name, "an attribute's name has at least one character");
    } else if text.len() > 255 {
        errors.report(
            name,
            format!(
                "an attribute's name has at most 255 bytes, and this has {}",
                text.len()
            ),
        );
    } else if let Some(owner) = taken.get(&text) {
        errors.report(name, format!("the name `{text}` is taken: {owner}; {mend}"));
    } else {
        taken.insert(text, owner);
    }
}

// Each attribute has a constant, and constants are told apart by name. Equal attribute names have
// been reported.
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
        let (name, other) = (
            attribute.promotion.name.value(),
            first.promotion.name.value(),
        );
        if name != other {
            let mend = match attribute.field {
                Some(_) => "rename one of the fields (serde's `rename` keeps the stored name)",
                None => "give the computed attribute another name",
            };
            errors.report_at(
                attribute.constant.span(),
                format!("the attributes `{other}` and `{name}` would both have the constant `{}`; {mend}", first.constant),
            );
        }
    }
}

fn check_indexes(errors: &Errors, session: &Session<'_>) {
    let mut names: HashMap<String, String> = HashMap::new();
    let mut count = 0;
    for Attribute { promotion, .. } in session.attributes() {
        let Some(index) = &promotion.index else {
            continue;
        };
        check_index_options(errors, index);
        count += 1;
        // DynamoDB's default quota, which `create_table` would meet.
        if count == 21 {
            errors.report(
                &index.keyword,
                "DynamoDB allows 20 indexes on a table, and this is the 21st; promote some attributes without `index`",
            );
        }
        let attribute = promotion.name.value();
        let (name, token) = match &index.name {
            Some(name) => (name.value(), name),
            None => (format!("{attribute}-index"), &promotion.name),
        };
        if !is_resource_name(&name) {
            let mend = if index.name.is_some() {
                "choose another"
            } else {
                "name it with `index(name = \"..\")`"
            };
            // A name that is empty or too long has been reported as the attribute's.
            if index.name.is_some() || (1..=255).contains(&attribute.len()) {
                errors.report(
                    token,
                    format!("the index would be named `{name}`, and an index's name has 3 to 255 of the characters a-z, A-Z, 0-9, `_`, `.` and `-`; {mend}"),
                );
            }
        } else if let Some(first) = names.get(&name) {
            // Two attributes of one name have been reported as such.
            if *first != attribute {
                errors.report(
                    token,
                    format!("the index of `{first}` is named `{name}` already; name one of them with `index(name = \"..\")`"),
                );
            }
        } else {
            names.insert(name, attribute);
        }
    }
}

fn check_index_options(errors: &Errors, index: &IndexOption) {
    if let Some(consistent) = &index.consistent {
        errors.report(
            consistent,
            "consistent indexes are not supported yet; use `index`",
        );
    }
    if let Some(limit) = &index.limit {
        // Only a consistent index knows the number of sessions at the moment of a log-in.
        if index.consistent.is_none() {
            errors.report(limit, "a limit is exact only in a consistent index; write `index(consistent, limit = ..)`, or remove it");
        } else if limit.base10_parse::<u32>().is_ok_and(|limit| limit == 0) {
            errors.report(
                limit,
                "a limit of 0 would refuse every session; give at least 1",
            );
        }
    }
    if let (Some(policy), None) = (&index.on_limit, &index.limit) {
        errors.report(
            policy,
            "there is no limit that this could be for; add `limit = 10`, or remove `on_limit`",
        );
    }
}

// The type of an index's keys is in its handle. A field has it, and a function could return
// several, so that with one it must be said.
fn check_key(
    errors: &Errors,
    Attribute {
        promotion, field, ..
    }: &Attribute<'_>,
) {
    match (&promotion.index, &promotion.with, &promotion.key) {
        (Some(index), Some(_), None) => errors.report(
            &index.keyword,
            "an index on what a function returns needs the type of its keys; add `key = String`, or whatever it returns",
        ),
        (None, _, Some(key)) => {
            errors.report(key, "only an index has keys; add `index`, or remove `key`");
        }
        (Some(_), None, Some(key)) if field.is_some() => errors.report(
            key,
            "without `with`, the keys are of the field's own type; remove `key`, or add `with = function`",
        ),
        _ => {}
    }
}

fn check_source(
    errors: &Errors,
    Attribute {
        promotion, field, ..
    }: &Attribute<'_>,
) {
    let Some(Field { serde, .. }) = field else {
        return;
    };
    // After a load such a field has its default. The next save would promote that, and a session
    // that was found by its user would be found no more.
    if let Some(span) = serde.skip_serializing.or(serde.skip_deserializing) {
        errors.report_at(
            span,
            "a promoted field must come back from `data` as it went in, or a later save would overwrite the attribute; let serde keep the field, or remove `attr`",
        );
    }
    // Its entries lie among those of the struct, so there is no one value to promote.
    if serde.flatten && promotion.with.is_none() {
        errors.report(
            &promotion.name,
            "a flattened field is many entries and not one value; say which with `with = function`",
        );
    }
}

/// DynamoDB's rule for the names of tables and indexes.
fn is_resource_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    (3..=255).contains(&name.len()) && name.chars().all(fits)
}
