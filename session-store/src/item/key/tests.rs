use aws_sdk_dynamodb::primitives::Blob;

use super::*;

const ATTRIBUTES: &[Attribute] = &[
    Attribute::index::<String>("user_id").consistent(),
    Attribute::index::<String>("tenant").sharded(100, "tenant-shard"),
    Attribute::index::<String>("plan"),
];

const SCHEMA: Schema = Schema::new("sessions")
    .type_name("app")
    .attributes(ATTRIBUTES)
    .checked();

/// As in a table shared with other entities.
const SHARED: Schema = SCHEMA
    .key_prefix("session/")
    .sort_key("sk", "session")
    .checked();

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn map(entries: &[(&str, &str)]) -> Map {
    let entries = entries.iter();
    entries
        .map(|(name, text)| ((*name).to_owned(), s(text)))
        .collect()
}

fn handle() -> SessionHandle {
    SessionHandle::of_secret(b"secret")
}

fn of(attribute: usize, value: AttributeValue) -> IndexValue {
    IndexValue {
        attribute: &ATTRIBUTES[attribute],
        value,
    }
}

#[test]
fn the_key_of_a_session_is_its_handle_behind_the_prefix_and_beside_the_sort_key() {
    let text = handle().to_string();
    assert_eq!(key(&SCHEMA, handle()), map(&[("id", &text)]));
    let id = format!("session/{text}");
    let shared = map(&[("id", &id), ("sk", "session")]);
    assert_eq!(key(&SHARED, handle()), shared);
}

#[test]
fn the_key_of_a_session_gives_its_handle_back() {
    for schema in [&SCHEMA, &SHARED] {
        assert_eq!(handle_of(schema, &key(schema, handle())), Some(handle()));
    }
}

#[test]
fn a_key_without_the_prefix_or_with_another_sort_key_is_of_no_session() {
    let text = handle().to_string();
    let id = format!("session/{text}");
    for other in [
        map(&[("id", &text), ("sk", "session")]),
        map(&[("id", &format!("cart/{text}")), ("sk", "session")]),
        map(&[("id", &id), ("sk", "cart")]),
        map(&[("id", &id)]),
        map(&[("id", "session/u1"), ("sk", "session")]),
        map(&[("sk", "session")]),
    ] {
        assert_eq!(handle_of(&SHARED, &other), None, "{other:?}");
    }
    let binary = AttributeValue::B(Blob::new(text));
    let binary = Map::from([("id".to_owned(), binary)]);
    assert_eq!(handle_of(&SCHEMA, &binary), None);
}

#[test]
fn the_keys_of_a_roster_and_of_the_cutoff_are_of_no_session() {
    for schema in [&SCHEMA, &SHARED] {
        // A value that is the text of a handle is no session either.
        for value in ["u1", &handle().to_string()] {
            let roster = RosterKey::of(schema, &of(0, s(value))).item_key(schema);
            assert_eq!(handle_of(schema, &roster), None);
        }
        for copy in 0..CUTOFFS {
            assert_eq!(handle_of(schema, &cutoff_key(schema, copy)), None);
        }
    }
}

#[test]
fn the_key_of_a_roster_has_the_type_the_attribute_and_the_value_behind_the_prefix() {
    let id = |schema, value| {
        let key = RosterKey::of(schema, &of(0, value));
        key.item_key(schema).remove("id")
    };
    assert_eq!(id(&SCHEMA, s("u1")), Some(s("#user_id#u1#S#app")));
    let number = AttributeValue::N("-17".into());
    assert_eq!(id(&SCHEMA, number), Some(s("#user_id#-17#N#app")));
    let binary = AttributeValue::B(Blob::new([0xff, 0xfe]));
    assert_eq!(id(&SCHEMA, binary), Some(s("#user_id#__4#B#app")));
    let shared = map(&[("id", "session/#user_id#u1#S#app"), ("sk", "session")]);
    let key = RosterKey::of(&SHARED, &of(0, s("u1")));
    assert_eq!(key.item_key(&SHARED), shared);
    assert!(key.is_of(&SHARED, &shared));
    assert!(!key.is_of(&SHARED, &map(&[("id", "#user_id#u1#S#app")])));
}

#[test]
fn rosters_of_before_are_found_by_the_value_alone_and_by_its_twin() {
    let earlier = |value| {
        let keys = RosterKey::earlier(&SCHEMA, &of(0, value)).into_iter();
        let mut ids = keys.map(|key| key.item_key(&SCHEMA).remove("id").unwrap());
        let ids: Vec<_> = ids.by_ref().map(|id| id.as_s().unwrap().clone()).collect();
        ids
    };
    let number = AttributeValue::N("17".into());
    assert_eq!(earlier(number), ["#user_id#17", "#user_id#17#S#app"]);
    assert_eq!(earlier(s("17")), ["#user_id#17", "#user_id#17#N#app"]);
    assert_eq!(earlier(s("017")), ["#user_id#017"]);
}

#[test]
fn no_two_values_have_one_roster() {
    const NAMES: [&str; 6] = ["a", "a#b", "a#S", "a%23b", "#", "a#b#S#c"];
    static LISTS: std::sync::OnceLock<Vec<Attribute>> = std::sync::OnceLock::new();
    let attributes = LISTS.get_or_init(|| {
        let consistent = |name: &&'static str| Attribute::index::<String>(name).consistent();
        NAMES.iter().map(consistent).collect()
    });
    let values = ["c", "b#c", "S#c", "b#S#c", "#c", "17", "N#17", "everyone"];
    let values = values
        .map(s)
        .into_iter()
        .chain([AttributeValue::N("17".into())]);
    let values: Vec<_> = values.collect();
    let mut keys = std::collections::HashSet::new();
    let schemas = ["app", "app2", ""].map(|name| Schema {
        type_name: Some(name),
        ..SCHEMA
    });
    for schema in &schemas {
        for attribute in attributes {
            for value in &values {
                let of = IndexValue {
                    attribute,
                    value: value.clone(),
                };
                let key = RosterKey::of(schema, &of);
                assert!(keys.insert(key.0.clone()), "{key:?}");
            }
        }
    }
}

/// A prefix of the type can have a `#`, and a visitor can choose a value.
#[test]
fn a_prefix_and_a_value_make_no_roster_of_another_prefix() {
    let id = |schema: &Schema, value: &str| {
        let key = RosterKey::of(schema, &of(0, s(value)));
        key.item_key(schema).remove("id")
    };
    let longer = SCHEMA.key_prefix("t1#user_id#x").checked();
    let shorter = SCHEMA.key_prefix("t1").checked();
    assert_ne!(id(&longer, "7"), id(&shorter, "x#user_id#7"));
}

#[test]
fn the_keys_of_the_cutoff_are_behind_the_prefix_and_beside_the_sort_key() {
    let cutoff = map(&[("id", "session/#everyone"), ("sk", "session")]);
    assert_eq!(cutoff_key(&SHARED, 0), cutoff);
    let other = map(&[("id", "session/#everyone/15"), ("sk", "session")]);
    assert_eq!(cutoff_key(&SHARED, CUTOFFS - 1), other);
}

#[test]
fn a_session_is_before_the_cutoff_if_it_was_created_sooner() {
    let item = |created: &str| {
        let created = AttributeValue::N(created.to_owned());
        Map::from([("created_at".to_owned(), created)])
    };
    let is_before = |item: &Map, cutoff| is_before_cutoff(&SCHEMA, item, Millis(cutoff));
    assert!(is_before(&item("99"), 100));
    assert!(!is_before(&item("100"), 100));
    // As numbers, and not as text.
    assert!(!is_before(&item("1000"), 999));
    // A session that does not tell when it was created counts as old.
    assert!(is_before(&Map::new(), 100));
    assert!(is_before(&item("1.5"), 100));
}

#[test]
fn a_cutoff_without_a_whole_number_cannot_be_read() {
    let item = |moment: AttributeValue| Map::from([("created_before".to_owned(), moment)]);
    assert_eq!(
        cutoff_of(&item(AttributeValue::N("17".into()))),
        Some(Millis(17))
    );
    assert_eq!(cutoff_of(&Map::new()), None);
    assert_eq!(cutoff_of(&item(s("17"))), None);
    assert_eq!(cutoff_of(&item(AttributeValue::N("1.5".into()))), None);
}

#[test]
fn a_value_fits_if_the_longest_key_that_it_is_a_part_of_has_2048_bytes() {
    let overhead = |schema: &Schema, attribute: usize| {
        let check = |length: usize| {
            let value = s(&"a".repeat(length));
            check_key_text(schema, &ATTRIBUTES[attribute], &value)
        };
        let fits = |length: &usize| check(*length).is_ok();
        let most = (2_000..=2_100).rev().find(fits).unwrap();
        if most < 2_100 {
            let error = check(most + 3).unwrap_err();
            let said = error.cause.to_string();
            assert!(said.contains("3 bytes more"), "{said}");
            assert_eq!(error.path, ATTRIBUTES[attribute].name);
        }
        2_048_i32 - i32::try_from(most).unwrap()
    };
    assert_eq!(overhead(&SCHEMA, 0), "#user_id##S#app".len() as i32);
    assert_eq!(overhead(&SHARED, 0), "session/#user_id##S#app".len() as i32);
    assert_eq!(overhead(&SCHEMA, 1), "#99".len() as i32);
    // The rule for a default index without shards is elsewhere.
    assert!(overhead(&SCHEMA, 2) < 0);
}

#[test]
fn a_number_that_is_spelled_in_two_ways_is_no_key_of_a_roster_or_shard() {
    for attribute in &ATTRIBUTES[..2] {
        let check = |text: &str| {
            let number = AttributeValue::N(text.to_owned());
            check_key_text(&SCHEMA, attribute, &number).is_ok()
        };
        for number in ["1.0", "1e3", "01", "+1", "-0"] {
            assert!(!check(number), "{number}");
        }
        assert!(check("-17"));
    }
}
