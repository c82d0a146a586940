//! The crate is built in floors: each module uses those below it, and in each folder the files use
//! each other in one direction. These tests hold the sources to that, by reading them as text.
//!
//! The rules are the data in this file. `rules` applies them, `paths` and `methods` find which file
//! uses which, `sources` reads the files. `examples` breaks each rule on purpose.
//!
//! They do not see: code that a macro puts together, paths inside strings (as in serde's `with`),
//! calls of trait methods, and a method whose name is common or declared in two files, unless the
//! receiver says its type: it is the type's name, `self`, or a value with the name in `HOMES`. Two
//! types of one name count as one.

mod examples;
mod methods;
mod paths;
mod rules;
mod sources;

use std::sync::LazyLock;

use crate::sources::Sources;

/// The modules of the crate, from the ground up. A module uses those on the floors below it, and
/// itself.
const FLOORS: &[&[&str]] = &[
    &["id"],
    &["error"],
    &["marshal", "telemetry"],
    &["schema", "embedded"],
    &["item"],
    &["dynamodb"],
    &["session", "rosters"],
    &["store"],
    &["private"],
    &["frameworks", "test_util"],
    &["lib"],
];

/// Only here is a request sent.
const SENDERS: &[&str] = &["dynamodb/", "store/provision/"];

/// Only here is an expression written.
const EXPRESSIONS: &[&str] = &["dynamodb/request/"];

/// Here no type of the SDK is named.
const WITHOUT_AWS: &[&str] = &["frameworks/"];

/// The types of the layers.
const HOMES: &[Home] = &[
    Home {
        owner: "DynamoDbStore",
        value: "store",
        places: &["store/", "private.rs"],
    },
    Home {
        owner: "Table",
        value: "table",
        places: &["dynamodb/"],
    },
    Home {
        owner: "Rosters",
        value: "rosters",
        places: &["rosters/"],
    },
    Home {
        owner: "Records",
        value: "records",
        places: &["frameworks/record/", "frameworks/actix_session/"],
    },
];

/// A type whose methods are in several files.
struct Home {
    owner: &'static str,
    /// The name of the variables, fields and methods that have this type.
    value: &'static str,
    /// The folders with its methods.
    places: &'static [&'static str],
}

/// Methods that foreign types have under the same name. A call counts only if the receiver shows its type.
/// If a test finds a call that is not to a method of this crate, add the method's name, and the foreign
/// type.
const COMMON_METHODS: &[(&str, &str)] = &[
    ("count", "iterators"),
    ("delete", "items of the SDK's transactions"),
    ("extend", "collections"),
    ("insert", "collections"),
    ("load", "atomic numbers"),
    ("send", "channels"),
];

/// The largest number of lines of a file, without its tests.
const MAX_LINES: usize = 400;

/// The largest number of files and folders at the top of `src`.
const MAX_ENTRIES: usize = 15;

static STORE: LazyLock<Sources> = LazyLock::new(|| Sources::read("session-store"));

static DERIVE: LazyLock<Sources> = LazyLock::new(|| Sources::read("session-store-derive"));

#[track_caller]
fn assert_none(offences: &[String]) {
    assert!(offences.is_empty(), "\n\n{}\n", offences.join("\n\n"));
}

#[test]
fn a_module_uses_only_lower_floors() {
    assert_none(&rules::offences_of_floors(&STORE));
}

#[test]
fn files_and_folders_have_no_circle() {
    assert_none(&rules::offences_of_circles(&STORE));
}

#[test]
fn files_and_folders_of_the_derive_have_no_circle() {
    assert_none(&rules::offences_of_circles(&DERIVE));
}

#[test]
fn requests_are_sent_in_one_layer() {
    assert_none(&rules::offences_of_sending(&STORE));
}

#[test]
fn expressions_are_written_in_one_folder() {
    assert_none(&rules::offences_of_expressions(&STORE));
}

#[test]
fn frameworks_name_no_type_of_the_sdk() {
    assert_none(&rules::offences_of_aws_names(&STORE));
}

#[test]
fn methods_are_in_the_layer_of_their_type() {
    assert_none(&rules::offences_of_homes(&STORE));
}

#[test]
fn files_and_the_top_folder_are_small() {
    assert_none(&rules::offences_of_size(&STORE));
}

#[test]
fn the_rules_name_existing_files() {
    assert_none(&rules::offences_of_the_rules(&STORE));
}
