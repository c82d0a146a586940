//! Checks the parsed session struct. A comment above each check says why its rule exists.

mod guests;
mod names;
mod preset;
mod shape;

use std::collections::HashMap;
use std::time::Duration;

use crate::ast::{PromotedAttribute, SessionStruct};
use crate::errors::Errors;
use crate::parse::IndexOption;

use self::guests::check_guests;

/// The default timeouts of `session_store::Schema::new`.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const ABSOLUTE_TIMEOUT: Duration = Duration::from_secs(12 * 60 * 60);

pub(crate) fn check(errors: &Errors, session: &SessionStruct<'_>) {
    shape::check(errors, session);
    check_table(errors, session);
    check_type_name(errors, session);
    check_timeouts(errors, session);
    names::check(errors, session);
    check_indexes(errors, session);
    check_users(errors, session);
    for attribute in session.attributes() {
        check_key(errors, &attribute);
        check_source(errors, &attribute);
    }
}

// DynamoDB would report these limits only when the table is created or first used.
fn check_table(errors: &Errors, session: &SessionStruct<'_>) {
    let table = &session.table;
    let name = table
        .table
        .as_ref()
        .filter(|name| !is_resource_name(&name.value()));
    if let Some(name) = name {
        errors.report(
            name,
            format!("a table's name has {RESOURCE_NAME}; choose another"),
        );
    }
    // A partition key has at most 2,048 bytes, and the session's handle needs some of them.
    let prefix = table
        .key_prefix
        .as_ref()
        .filter(|prefix| prefix.value().len() > 1024);
    if let Some(prefix) = prefix {
        errors.report(
            prefix,
            "the key prefix has more than 1,024 bytes; make it shorter",
        );
    }
    let value = table.sort_key.as_ref().map(|sort_key| &sort_key.value);
    if let Some(value) = value.filter(|value| !(1..=1024).contains(&value.value().len())) {
        errors.report(
            value,
            "the value of a sort key has 1 to 1,024 bytes; choose another",
        );
    }
}

// The name is stored with each session, and shown in errors. Programs in other languages can write it,
// too.
fn check_type_name(errors: &Errors, session: &SessionStruct<'_>) {
    let name = session.type_name();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
    if (1..=64).contains(&name.len()) && name.chars().all(fits) {
        return;
    }
    match &session.table.type_name {
        Some(given) => errors.report(
            given,
            format!("the name of a session type has {TYPE_NAME}; choose another"),
        ),
        None => errors.report(
            session.ident,
            format!(
                "`{name}` cannot be the stored name of the type, which has {TYPE_NAME}; give one with \
                 `#[dynamo(type_name = \"..\")]`"
            ),
        ),
    }
}

fn check_timeouts(errors: &Errors, session: &SessionStruct<'_>) {
    let table = &session.table;
    let mut too_short = false;
    let timeouts = [
        &table.idle_timeout,
        &table.absolute_timeout,
        &table.guest_idle_timeout,
        &table.guest_absolute_timeout,
    ];
    for timeout in timeouts.into_iter().flatten() {
        // Expiry is kept in whole seconds, as DynamoDB's TTL wants it.
        if timeout.duration < Duration::from_secs(1) {
            too_short = true;
            let message = "a timeout is at least one second; write it like \"30m\" or \"12h\"";
            errors.report(&timeout.text, message);
        }
    }
    let too_long = preset::check(errors, table);
    let idle = table.idle().unwrap_or(IDLE_TIMEOUT);
    let absolute = table.absolute().unwrap_or(ABSOLUTE_TIMEOUT);
    check_guests(errors, session, idle, absolute);
    // An idle timeout above the absolute one never takes effect, so one of the two is a mistake.
    if idle <= absolute || too_short || too_long {
        return;
    }
    match (&table.idle_timeout, &table.absolute_timeout) {
        (Some(idle), Some(absolute)) => {
            let absolute = absolute.text.value();
            let message = format!(
                "the idle timeout is longer than the absolute timeout, \"{absolute}\"; make it \
                 shorter"
            );
            errors.report(&idle.text, message);
        }
        (Some(idle), None) => {
            let message = "the idle timeout is longer than the absolute timeout, which is \"12h\" \
                           if not given; make it shorter, or give an `absolute_timeout`";
            errors.report(&idle.text, message);
        }
        (None, Some(absolute)) => {
            let message = "the absolute timeout is shorter than the idle timeout, which is \
                           \"30m\" if not given; make it longer, or give an `idle_timeout`";
            errors.report(&absolute.text, message);
        }
        (None, None) => {}
    }
}

fn check_users(errors: &Errors, session: &SessionStruct<'_>) {
    let attributes = session.attributes();
    let mut users = attributes.filter_map(|PromotedAttribute { options, .. }| {
        options
            .user
            .as_ref()
            .map(|user| (user, options.name.value()))
    });
    let Some((_, first)) = users.next() else {
        return;
    };
    for (user, _) in users {
        let message = format!(
            "`{first}` already tells who is logged in; remove one `user`, and index both attributes if \
             sessions are found by both"
        );
        errors.report(user, message);
    }
}

fn check_indexes(errors: &Errors, session: &SessionStruct<'_>) {
    let mut attributes_by_index: HashMap<String, String> = HashMap::new();
    let mut count = 0;
    for PromotedAttribute { options, .. } in session.attributes() {
        let Some(index) = &options.index else {
            continue;
        };
        check_index_options(errors, index);
        // A consistent index is kept in items of the table. It is not an index in DynamoDB.
        if index.consistent.is_some() {
            continue;
        }
        count += 1;
        // DynamoDB's default quota. Above it, `create_table` would fail.
        if count == 21 {
            let message = "DynamoDB allows 20 indexes on a table, and this is the 21st; promote \
                           some attributes without `index`";
            errors.report(&index.keyword, message);
        }
        let attribute = options.name.value();
        let (name, token) = match &index.name {
            Some(name) => (name.value(), name),
            None => (format!("{attribute}-index"), &options.name),
        };
        if !is_resource_name(&name) {
            let fix = match &index.name {
                Some(_) => "choose another",
                None => "name the index with `index(name = \"..\")`",
            };
            // An invalid attribute name has been reported, so an index name made from it is not.
            if index.name.is_some() || names::is_valid_length(&attribute) {
                let message =
                    format!("`{name}` is not a valid index name, which has {RESOURCE_NAME}; {fix}");
                errors.report(token, message);
            }
        } else if let Some(first) = attributes_by_index.get(&name) {
            // Two attributes with the same name have been reported already.
            if *first != attribute {
                let message = format!(
                    "the index on `{first}` is already named `{name}`; name one of the two with \
                     `index(name = \"..\")`"
                );
                errors.report(token, message);
            }
        } else {
            attributes_by_index.insert(name, attribute);
        }
    }
}

fn check_index_options(errors: &Errors, index: &IndexOption) {
    if let (Some(name), Some(_)) = (&index.name, &index.consistent) {
        let message = "a consistent index has no name in DynamoDB; remove `name`";
        errors.report(name, message);
    }
    if let Some(shards) = &index.shards {
        if index.consistent.is_some() {
            // Its limit is exact because a single item decides.
            let message = "a consistent index is one item for each value, and cannot be split; remove \
                           `shards`, or `consistent`";
            errors.report(shards, message);
        }
        match shards.base10_parse::<u32>() {
            Ok(0 | 1) => {
                let message = "fewer than 2 shards do not split an index; give at least 2, or \
                               remove `shards`";
                errors.report(shards, message);
            }
            Ok(2..=MAX_SHARDS) => {}
            // A listing or a revocation sends a query to each shard.
            _ => {
                let message = "too many shards: every listing and revocation reads all of them; \
                               give at most 100";
                errors.report(shards, message);
            }
        }
    }
    if let Some(limit) = &index.limit {
        // Only a consistent index knows the number of sessions at the moment of a log-in.
        if index.consistent.is_none() {
            let message = "a limit is exact only in a consistent index; write \
                           `index(consistent, limit = ..)`, or remove the limit";
            errors.report(limit, message);
        } else if limit.base10_digits().chars().all(|digit| digit == '0') {
            errors.report(
                limit,
                "a limit of 0 would refuse every session; give at least 1",
            );
        } else if !limit
            .base10_parse()
            .is_ok_and(|limit: u32| limit <= MAX_LIMIT)
        {
            // One item, of at most 400 KB, lists all sessions of a value.
            let message = "a consistent index holds at most 7,500 sessions of one value; give a \
                           smaller limit, or use a default `index`";
            errors.report(limit, message);
        }
    }
    if let (Some(function), None) = (&index.limit_by, &index.consistent) {
        let message = "a limit is exact only in a consistent index; write \
                       `index(consistent, limit_by = ..)`, or remove `limit_by`";
        errors.report(function, message);
    }
    if let (Some(policy), None, None) = (&index.on_limit, &index.limit, &index.limit_by) {
        let message = "`on_limit` has no effect without a limit; add `limit = 10`, or remove \
                       `on_limit`";
        errors.report(policy, message);
    }
}

// The handle of an index carries the type of its keys. A field determines that type. A function can
// return a key, a reference to one, or an `Option`, so it needs `key`.
fn check_key(errors: &Errors, attribute: &PromotedAttribute<'_>) {
    let options = attribute.options;
    match (&options.index, &options.with, &options.key) {
        (Some(index), Some(_), None) if options.is_complete => {
            let message = "an index on what a function returns needs the type of its keys; add \
                           `key = String`, or whatever it returns";
            errors.report(&index.keyword, message);
        }
        (None, _, Some(key)) if options.is_complete => {
            errors.report(key, "only an index has keys; add `index`, or remove `key`");
        }
        (Some(_), None, Some(key)) if options.is_complete && attribute.field.is_some() => {
            let message = "without `with`, the keys are of the field's own type; remove `key`, or \
                           add `with = function`";
            errors.report(key, message);
        }
        _ => {}
    }
}

fn check_source(errors: &Errors, attribute: &PromotedAttribute<'_>) {
    let Some(serde) = attribute.field.map(|field| &field.serde) else {
        return;
    };
    // After a load, such a field has its default value. The next save would write that to the
    // attribute, and the index would not find the session any more.
    if let Some(span) = serde.skip_serializing.or(serde.skip_deserializing) {
        let message = "serde skips this promoted field, so it would be lost on load, and the next \
                       save would overwrite the attribute; let serde write and read the field, or \
                       remove `attr`";
        errors.report_at(span, message);
    }
    // The key comes from the field, but a load reads the field from `data`. If that form loses something,
    // as the case of letters, then the next save moves the session to another key.
    if let (Some(function), Some(_), None) = (
        &serde.serialize_with,
        &attribute.options.index,
        &attribute.options.with,
    ) {
        let message = "serde writes this field by a function, so its form in `data` can differ from the \
                       key of the index; make the key from the field with `with = function, key = Type`, \
                       or let serde write the field itself";
        errors.report(function, message);
    }
    // Its entries are merged into those of the struct, so there is no single value to promote.
    if serde.flatten && attribute.options.with.is_none() {
        let message = "a flattened field has many entries, and only one value can be promoted; \
                       choose it with `with = function`";
        errors.report(&attribute.options.name, message);
    }
}

/// The same as `session_store::Attribute::MAX_SHARDS`.
const MAX_SHARDS: u32 = 100;

/// The same as `session_store::Attribute::MAX_LIMIT`.
const MAX_LIMIT: u32 = 7_500;

/// DynamoDB's rule for the names of tables and indexes.
const RESOURCE_NAME: &str = "3 to 255 of the characters a-z, A-Z, 0-9, `_`, `.` and `-`";

const TYPE_NAME: &str = "1 to 64 of the characters a-z, A-Z, 0-9, `_`, `-`, `.`, `:` and `/`";

fn is_resource_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    (3..=255).contains(&name.len()) && name.chars().all(fits)
}
