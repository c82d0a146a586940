use super::*;
use crate::item::OwnTimeouts;
use crate::item::lifetime::Millis;
use crate::schema::{Attribute, OnLimit};

const SCHEMA: Schema = Schema::new("sessions")
    .attributes(&[
        Attribute::promoted("theme"),
        Attribute::index::<String>("user_id")
            .consistent()
            .limit(3, OnLimit::Reject),
    ])
    .checked();

const COMPUTED: Schema = Schema::new("sessions")
    .attributes(&[
        Attribute::promoted("theme"),
        Attribute::promoted("label").computed(),
    ])
    .checked();

const BINARY: Schema = SCHEMA.binary();

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn map(entries: &[(&str, &str)]) -> Map {
    let entries = entries.iter();
    entries
        .map(|(name, text)| ((*name).to_owned(), s(text)))
        .collect()
}

/// A change of this many entries.
fn delta(entries: usize) -> Delta {
    Delta {
        set: (0..entries).map(|i| (format!("f{i}"), s("1"))).collect(),
        ..Delta::default()
    }
}

/// The input of a plan. The base has version 3.
struct Change {
    schema: &'static Schema,
    delta: Delta,
    base_is_packed: bool,
    caller_needs_base: bool,
}

fn one_entry() -> Change {
    Change {
        schema: &SCHEMA,
        delta: delta(1),
        base_is_packed: false,
        caller_needs_base: false,
    }
}

impl Change {
    fn plan(self) -> SavePlan {
        let base = BaseState {
            version: 3,
            packed: self.base_is_packed,
            image: &Image::default(),
            unknown: &Unknown::default(),
        };
        let codec = Codec::new(self.schema);
        let after = Image::default();
        let data = || map(&[("all", "data")]);
        let needed = self.caller_needs_base;
        SavePlan::change(&codec, self.delta, &after, &base, needed, data).unwrap()
    }
}

fn is_entries(plan: &SavePlan) -> bool {
    matches!(plan.data, DataChange::Entries)
}

/// The data of a plan that replaces all of it.
fn whole(plan: &SavePlan) -> &Whole {
    match &plan.data {
        DataChange::Whole(whole) => whole,
        DataChange::Entries | DataChange::Nothing => panic!("not all data is replaced"),
    }
}

#[test]
fn a_change_of_some_entries_is_written_onto_any_version() {
    let plan = one_entry().plan();
    assert_eq!(plan.onto, None);
    assert!(is_entries(&plan));
    assert_eq!(plan.delta.set, delta(1).set);
}

#[test]
fn a_change_needs_its_base_if_the_caller_the_delta_or_a_computed_attribute_says_so() {
    let by_caller = Change {
        caller_needs_base: true,
        ..one_entry()
    };
    let by_delta = Change {
        delta: Delta {
            needs_base_version: true,
            ..delta(1)
        },
        ..one_entry()
    };
    let by_schema = Change {
        schema: &COMPUTED,
        ..one_entry()
    };
    for change in [by_caller, by_delta, by_schema] {
        let plan = change.plan();
        assert_eq!(plan.onto, Some(3));
        assert!(is_entries(&plan));
    }
}

#[test]
fn data_that_was_packed_is_replaced_as_a_map_onto_its_base() {
    let plan = Change {
        base_is_packed: true,
        ..one_entry()
    };
    let plan = plan.plan();
    assert_eq!(plan.onto, Some(3));
    assert_eq!(
        whole(&plan).data,
        AttributeValue::M(map(&[("all", "data")]))
    );
    assert_eq!(whole(&plan).format, None);
    assert!(!plan.will_be_packed());
}

#[test]
fn the_data_of_a_binary_type_is_replaced_as_bytes_onto_its_base() {
    let plan = Change {
        schema: &BINARY,
        ..one_entry()
    };
    let plan = plan.plan();
    assert_eq!(plan.onto, Some(3));
    assert!(whole(&plan).data.is_b());
    assert_eq!(whole(&plan).format, Some("cbor"));
    assert!(plan.will_be_packed());
}

#[test]
fn over_250_clauses_of_all_kinds_together_replace_all_data_onto_its_base() {
    let clauses = |set: usize| Change {
        delta: Delta {
            remove: vec!["lost".to_owned()],
            attributes: vec![("theme", None)],
            ..delta(set)
        },
        ..one_entry()
    };
    let plan = clauses(248).plan();
    assert_eq!(plan.onto, None);
    assert!(is_entries(&plan));

    let plan = clauses(249).plan();
    assert_eq!(plan.onto, Some(3));
    assert_eq!(
        whole(&plan).data,
        AttributeValue::M(map(&[("all", "data")]))
    );
    // The attributes are written all the same.
    assert_eq!(plan.delta.attributes, [("theme", None)]);
}

#[test]
fn a_change_to_more_than_400_kb_is_refused_with_what_is_unknown_counted() {
    let after = Image {
        data_size: 200_000,
        ..Image::default()
    };
    let change = |unknown: usize| {
        let unknown = Unknown {
            data: map(&[("unknown", &"a".repeat(unknown))]),
            ..Unknown::default()
        };
        let base = BaseState {
            version: 3,
            packed: false,
            image: &Image::default(),
            unknown: &unknown,
        };
        let codec = Codec::new(&SCHEMA);
        SavePlan::change(&codec, delta(1), &after, &base, false, Map::new)
    };
    assert!(change(200_000).is_ok());
    let error = change(210_000).err().unwrap();
    assert!(error.size.unwrap() > TooLargeError::LIMIT);
}

/// An item whose data is packed or not.
fn item(packed: bool) -> Map {
    let format = packed.then(|| ("format".to_owned(), s("cbor")));
    format.into_iter().collect()
}

#[test]
fn a_plan_for_one_version_is_stale_on_an_older_and_on_a_newer_one() {
    let plan = Change {
        caller_needs_base: true,
        ..one_entry()
    };
    let plan = plan.plan();
    let is_stale = |version| plan.is_stale(&Codec::new(&SCHEMA), &item(false), version);
    assert!(is_stale(2));
    assert!(!is_stale(3));
    assert!(is_stale(4));
}

#[test]
fn a_plan_for_any_version_is_stale_only_if_its_entries_meet_packed_data() {
    let codec = Codec::new(&SCHEMA);
    let plan = one_entry().plan();
    assert!(!plan.is_stale(&codec, &item(false), 9));
    assert!(plan.is_stale(&codec, &item(true), 9));
}

#[test]
fn a_plan_that_replaces_all_data_is_not_stale_on_packed_data() {
    let plan = Change {
        base_is_packed: true,
        ..one_entry()
    };
    assert!(!plan.plan().is_stale(&Codec::new(&SCHEMA), &item(true), 3));
}

#[test]
fn the_roster_changes_are_those_of_the_written_attributes() {
    let handle = SessionHandle::of_secret(b"secret");
    let lifetime = Lifetime::new(&SCHEMA, Millis(0), OwnTimeouts::default());
    let plan = Change {
        delta: Delta {
            attributes: vec![("user_id", Some(s("u2"))), ("theme", None)],
            ..Delta::default()
        },
        ..one_entry()
    };
    let was = map(&[("user_id", "u1"), ("theme", "dark")]);
    let rosters = plan.plan().rosters(&SCHEMA, handle, &was, &lifetime);
    assert_eq!(rosters.expected_values, [("user_id", Some(s("u1")))]);
    assert_eq!(rosters.changes.len(), 2);
}

#[cfg(feature = "_record")]
#[test]
fn a_replacement_writes_all_data_and_all_attributes_the_absent_ones_too() {
    let attributes = vec![("user_id", Some(s("u1"))), ("theme", None)];
    let after = Image {
        data: map(&[("cart", "1")]),
        attributes: attributes.clone(),
        ..Image::default()
    };
    let plan = SavePlan::replace(&Codec::new(&SCHEMA), &after, Some(5)).unwrap();
    assert_eq!(whole(&plan).data, AttributeValue::M(map(&[("cart", "1")])));
    assert_eq!(plan.delta.attributes, attributes);
    assert_eq!(plan.onto, Some(5));

    let plan = SavePlan::replace(&Codec::new(&BINARY), &after, None).unwrap();
    assert!(plan.will_be_packed());
    assert_eq!(plan.onto, None);
}

#[cfg(feature = "_record")]
#[test]
fn an_extension_writes_nothing_else_and_is_never_stale() {
    let plan = SavePlan::extend_only();
    assert!(plan.delta.is_empty());
    assert!(matches!(plan.data, DataChange::Nothing));
    assert!(!plan.is_stale(&Codec::new(&SCHEMA), &item(true), 9));
}
