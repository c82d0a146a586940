use super::*;
use crate::schema::{Attribute, Field};

const FIELDS: &[Field] = &[
    Field::new("user", &["account", "login"]),
    Field::new("cart", &[]),
];

const SCHEMA: Schema = Schema::new("sessions")
    .attributes(&[
        Attribute::index::<String>("user_id"),
        Attribute::promoted("theme"),
        Attribute::index::<String>("tenant").sharded(4, "tenant-shard"),
    ])
    .fields(FIELDS)
    .checked();

const FLATTENED: Schema = SCHEMA.flattened();

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn map(entries: &[(&str, &str)]) -> Map {
    let entries = entries.iter();
    entries
        .map(|(name, text)| ((*name).to_owned(), s(text)))
        .collect()
}

fn image(entries: &[(&str, &str)]) -> Image {
    Image {
        data: map(entries),
        ..Image::default()
    }
}

/// An image of promoted attributes alone.
fn promoted(attributes: &[(&'static str, Option<&str>)]) -> Image {
    let attributes = attributes.iter();
    Image {
        attributes: attributes
            .map(|(name, text)| (*name, text.map(s)))
            .collect(),
        ..Image::default()
    }
}

fn between(schema: &Schema, before: &[(&str, &str)], after: &[(&str, &str)]) -> Delta {
    Delta::between(schema, &image(before), &image(after), &Intent::default())
}

/// The intent to write these entries.
fn intent_of(entries: &[(&str, &str)]) -> Intent {
    between(&SCHEMA, &[], entries).intent()
}

/// An item with this data, and with an attribute beside it.
fn item(data: &[(&str, &str)]) -> Map {
    let data = AttributeValue::M(map(data));
    Map::from([("data".to_owned(), data), ("version".to_owned(), s("7"))])
}

/// Each clause of the update as text, sorted: a name that is written twice shows twice.
fn clauses(delta: &Delta) -> Vec<String> {
    let text = |value: &AttributeValue| value.as_s().unwrap().clone();
    let set = delta.set.iter();
    let set = set.map(|(name, value)| format!("data.{name} = {}", text(value)));
    let remove = delta.remove.iter();
    let remove = remove.map(|name| format!("data.{name} removed"));
    let attributes = delta.attributes.iter();
    let attributes = attributes.map(|(name, value)| match value {
        Some(value) => format!("{name} = {}", text(value)),
        None => format!("{name} removed"),
    });
    let mut clauses: Vec<_> = set.chain(remove).chain(attributes).collect();
    clauses.sort();
    assert_eq!(delta.clauses(), clauses.len());
    assert_eq!(delta.is_empty(), clauses.is_empty());
    clauses
}

#[test]
fn only_changed_new_and_lost_entries_are_written() {
    let before = [("changed", "1"), ("lost", "1"), ("unchanged", "1")];
    let after = [("changed", "2"), ("new", "1"), ("unchanged", "1")];
    let delta = between(&SCHEMA, &before, &after);
    assert_eq!(
        clauses(&delta),
        ["data.changed = 2", "data.lost removed", "data.new = 1"]
    );
    assert!(!delta.needs_base_version);
}

#[test]
fn equal_images_give_no_clause() {
    let before = promoted(&[("user_id", Some("u1")), ("theme", None)]);
    let before = Image {
        data: map(&[("user", "u1")]),
        ..before
    };
    let delta = Delta::between(&SCHEMA, &before, &before, &Intent::default());
    assert_eq!(clauses(&delta), [""; 0]);
}

#[test]
fn only_changed_attributes_are_written_and_one_without_a_value_is_removed() {
    let before = promoted(&[
        ("user_id", Some("u1")),
        ("theme", Some("dark")),
        ("tenant", None),
        ("plan", Some("free")),
    ]);
    let after = promoted(&[
        ("user_id", Some("u2")),
        ("theme", None),
        ("tenant", Some("t1")),
        ("plan", Some("free")),
    ]);
    let delta = Delta::between(&SCHEMA, &before, &after, &Intent::default());
    assert_eq!(
        clauses(&delta),
        ["tenant = t1", "theme removed", "user_id = u2"]
    );
}

#[test]
fn against_a_base_without_attributes_all_are_written_the_absent_ones_too() {
    let after = promoted(&[("user_id", Some("u1")), ("theme", None)]);
    let delta = Delta::between(&SCHEMA, &Image::default(), &after, &Intent::default());
    assert_eq!(clauses(&delta), ["theme removed", "user_id = u1"]);
}

#[test]
fn a_changed_flattened_entry_writes_its_whole_group_onto_the_base() {
    let before = [("cart", "1"), ("x", "1"), ("y", "1")];
    let changed = between(
        &FLATTENED,
        &before,
        &[("cart", "1"), ("x", "2"), ("y", "1")],
    );
    assert_eq!(clauses(&changed), ["data.x = 2", "data.y = 1"]);
    assert!(changed.needs_base_version);

    let lost = between(&FLATTENED, &before, &[("cart", "1"), ("y", "1")]);
    assert_eq!(clauses(&lost), ["data.x removed", "data.y = 1"]);
    assert!(lost.needs_base_version);
}

#[test]
fn a_changed_field_beside_a_flattened_group_leaves_the_group_alone() {
    let before = [("cart", "1"), ("x", "1")];
    let delta = between(&FLATTENED, &before, &[("cart", "2"), ("x", "1")]);
    assert_eq!(clauses(&delta), ["data.cart = 2"]);
    assert!(!delta.needs_base_version);
}

#[test]
fn a_written_or_removed_field_removes_its_aliases() {
    let aliases = ["data.account removed", "data.login removed"];

    let written = between(&SCHEMA, &[("user", "u1")], &[("user", "u2")]);
    assert_eq!(
        clauses(&written),
        [aliases[0], aliases[1], "data.user = u2"]
    );

    let removed = between(&SCHEMA, &[("user", "u1")], &[]);
    assert_eq!(
        clauses(&removed),
        [aliases[0], aliases[1], "data.user removed"]
    );

    let other = between(&SCHEMA, &[("cart", "1")], &[("cart", "2")]);
    assert_eq!(clauses(&other), ["data.cart = 2"]);
}

#[test]
fn a_change_from_a_field_to_its_alias_keeps_the_alias() {
    let delta = between(&SCHEMA, &[("user", "u1")], &[("account", "u2")]);
    assert_eq!(
        clauses(&delta),
        [
            "data.account = u2",
            "data.login removed",
            "data.user removed"
        ]
    );
}

#[test]
fn a_change_from_an_alias_to_its_field_removes_each_alias_once() {
    let delta = between(&SCHEMA, &[("account", "u1")], &[("user", "u2")]);
    assert_eq!(
        clauses(&delta),
        [
            "data.account removed",
            "data.login removed",
            "data.user = u2"
        ]
    );
}

#[test]
fn an_intended_entry_is_written_although_it_equals_the_base() {
    let same = image(&[("cart", "1"), ("other", "1")]);
    let delta = Delta::between(&SCHEMA, &same, &same, &intent_of(&[("cart", "1")]));
    assert_eq!(clauses(&delta), ["data.cart = 1"]);
    assert!(!delta.needs_base_version);
}

#[test]
fn an_intended_removal_is_written_although_the_base_lacks_the_entry() {
    let removal = between(&SCHEMA, &[("cart", "1")], &[]).intent();
    let none = image(&[]);
    let delta = Delta::between(&SCHEMA, &none, &none, &removal);
    assert_eq!(clauses(&delta), ["data.cart removed"]);
}

#[test]
fn an_intended_attribute_is_written_although_it_equals_the_base() {
    let same = promoted(&[("user_id", Some("u1")), ("theme", None)]);
    let intent = Intent {
        attributes: BTreeSet::from(["user_id"]),
        ..Intent::default()
    };
    let delta = Delta::between(&SCHEMA, &same, &same, &intent);
    assert_eq!(clauses(&delta), ["user_id = u1"]);
}

#[test]
fn an_intended_flattened_entry_writes_each_of_its_group_once() {
    let same = image(&[("x", "1"), ("y", "1")]);
    let delta = Delta::between(&FLATTENED, &same, &same, &intent_of(&[("x", "1")]));
    assert_eq!(clauses(&delta), ["data.x = 1", "data.y = 1"]);
    assert!(delta.needs_base_version);
}

#[test]
fn the_intent_of_a_delta_has_all_names_that_it_writes_and_no_others() {
    let before = Image {
        data: map(&[("cart", "1"), ("lost", "1"), ("unchanged", "1")]),
        ..promoted(&[("user_id", Some("u1")), ("theme", None)])
    };
    let after = Image {
        data: map(&[("cart", "2"), ("unchanged", "1")]),
        ..promoted(&[("user_id", Some("u2")), ("theme", None)])
    };
    let delta = Delta::between(&SCHEMA, &before, &after, &Intent::default());
    let intent = delta.intent();
    assert_eq!(
        intent.entries,
        BTreeSet::from(["cart".to_owned(), "lost".to_owned()])
    );
    assert_eq!(intent.attributes, BTreeSet::from(["user_id"]));
}

#[test]
fn a_repair_adds_stale_attributes_and_needs_the_base() {
    let same = promoted(&[
        ("user_id", Some("u1")),
        ("theme", None),
        ("tenant", Some("t1")),
    ]);
    for (stored, clause) in [
        (&[("user_id", "u2"), ("tenant", "t1")][..], "user_id = u1"),
        (&[("tenant", "t1")], "user_id = u1"),
        (
            &[("user_id", "u1"), ("tenant", "t1"), ("theme", "dark")],
            "theme removed",
        ),
    ] {
        let mut delta = Delta::default();
        delta.repair(&SCHEMA, &map(stored), &same, &same);
        assert_eq!(clauses(&delta), [clause]);
        assert!(delta.needs_base_version);
    }
}

#[test]
fn a_repair_of_current_attributes_adds_nothing() {
    let same = promoted(&[
        ("user_id", Some("u1")),
        ("theme", None),
        ("tenant-shard", Some("t1#0")),
    ]);
    // The session is in another shard, which is read as well.
    let stored = map(&[("user_id", "u1"), ("tenant-shard", "t1#3")]);
    let mut delta = Delta::default();
    delta.repair(&SCHEMA, &stored, &same, &same);
    assert_eq!(clauses(&delta), [""; 0]);
    assert!(!delta.needs_base_version);
}

#[test]
fn a_stale_attribute_that_is_written_anyway_needs_no_repair() {
    let before = promoted(&[("user_id", Some("u1"))]);
    let after = promoted(&[("user_id", Some("u2"))]);
    let mut delta = Delta::between(&SCHEMA, &before, &after, &Intent::default());
    delta.repair(&SCHEMA, &Map::new(), &before, &after);
    assert_eq!(clauses(&delta), ["user_id = u2"]);
    assert!(!delta.needs_base_version);
}

#[test]
fn a_repair_compares_with_the_base_and_writes_the_new_value() {
    let before = promoted(&[("user_id", Some("u1")), ("theme", Some("dark"))]);
    let after = promoted(&[("user_id", Some("u2")), ("theme", Some("light"))]);
    let mut delta = Delta::default();
    // The stored theme is that of the base, and the stored user is not.
    delta.repair(
        &SCHEMA,
        &map(&[("user_id", "u0"), ("theme", "dark")]),
        &before,
        &after,
    );
    assert_eq!(clauses(&delta), ["user_id = u2"]);
}

#[test]
fn changes_put_onto_the_item_of_another_keep_its_other_entries() {
    let delta = between(
        &SCHEMA,
        &[("cart", "1"), ("lost", "1")],
        &[("cart", "2"), ("new", "1")],
    );
    let theirs = [("cart", "9"), ("lost", "9"), ("theirs", "9")];
    let merged = delta.applied_to(&SCHEMA, item(&theirs), &image(&theirs));
    assert_eq!(
        merged,
        item(&[("cart", "2"), ("new", "1"), ("theirs", "9")])
    );
}

#[test]
fn a_changed_flattened_group_replaces_that_of_another_but_not_what_the_type_never_read() {
    let delta = between(
        &FLATTENED,
        &[("cart", "1"), ("x", "1"), ("y", "1")],
        &[("cart", "1"), ("x", "2"), ("y", "1")],
    );
    let theirs = [("cart", "9"), ("x", "1"), ("y", "1"), ("z", "9")];
    let stored = [&theirs[..], &[("never_read", "9")]].concat();
    let merged = delta.applied_to(&FLATTENED, item(&stored), &image(&theirs));
    assert_eq!(
        merged,
        item(&[("cart", "9"), ("x", "2"), ("y", "1"), ("never_read", "9")])
    );
}

#[test]
fn a_changed_field_put_onto_the_item_of_another_keeps_its_flattened_group() {
    let delta = between(&FLATTENED, &[("cart", "1")], &[("cart", "2")]);
    let theirs = [("cart", "1"), ("x", "9")];
    let merged = delta.applied_to(&FLATTENED, item(&theirs), &image(&theirs));
    assert_eq!(merged, item(&[("cart", "2"), ("x", "9")]));
}

#[test]
fn a_repair_put_onto_the_item_of_another_keeps_its_flattened_group() {
    let same = promoted(&[("user_id", Some("u1"))]);
    let mut delta = between(&FLATTENED, &[("cart", "1")], &[("cart", "2")]);
    delta.repair(&FLATTENED, &Map::new(), &same, &same);
    let theirs = [("cart", "1"), ("x", "9")];
    let merged = delta.applied_to(&FLATTENED, item(&theirs), &image(&theirs));
    assert_eq!(merged, item(&[("cart", "2"), ("x", "9")]));
}
