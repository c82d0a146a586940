use aws_sdk_dynamodb::primitives::Blob;

use super::*;

const ATTRIBUTES: &[Attribute] = &[
    Attribute::index::<String>("tenant").sharded(11, "tenant-shard"),
    Attribute::index::<String>("plan"),
];

const SCHEMA: Schema = Schema::new("sessions").attributes(ATTRIBUTES).checked();

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn handle() -> SessionHandle {
    SessionHandle::of_secret(b"secret")
}

fn shards() -> Shards {
    ATTRIBUTES[0].shards().unwrap()
}

/// The partitions of a value: the attribute and the key of each.
fn partitions_of(attribute: usize, value: AttributeValue) -> Vec<(&'static str, AttributeValue)> {
    let partitions = partitions(&IndexValue {
        attribute: &ATTRIBUTES[attribute],
        value,
    });
    let partitions = partitions.into_iter();
    partitions
        .map(|partition| (partition.attribute, partition.key))
        .collect()
}

#[test]
fn the_shard_of_a_promoted_value_is_in_a_partition_that_is_read() {
    let given = vec![("tenant", Some(s("t1"))), ("plan", Some(s("free")))];
    let attributes = with_shards(&SCHEMA, handle(), given.clone());
    assert_eq!(attributes[..2], given);
    let [(name, Some(key))] = &attributes[2..] else {
        panic!("one shard is added: {attributes:?}");
    };
    let partitions = partitions_of(0, s("t1"));
    assert!(partitions.contains(&(*name, key.clone())), "{key:?}");
}

#[test]
fn sessions_of_one_value_spread_over_all_shards() {
    let shard = |i: u32| {
        let handle = SessionHandle::of_secret(&i.to_be_bytes());
        let attributes = with_shards(&SCHEMA, handle, vec![("tenant", Some(s("t1")))]);
        let (_, key) = attributes.into_iter().next_back().unwrap();
        key.unwrap().as_s().unwrap().clone()
    };
    let shards: std::collections::HashSet<_> = (0..500).map(shard).collect();
    assert_eq!(shards.len(), 11);
}

#[test]
fn a_value_that_is_absent_has_an_absent_shard_and_one_that_is_not_given_has_none() {
    let absent = with_shards(&SCHEMA, handle(), vec![("tenant", None)]);
    assert_eq!(absent, [("tenant", None), ("tenant-shard", None)]);
    let not_given = with_shards(&SCHEMA, handle(), vec![("plan", None)]);
    assert_eq!(not_given, [("plan", None)]);
}

#[test]
fn a_sharded_index_is_read_in_all_its_partitions_and_another_in_one() {
    let keys = (0..11).map(|shard| ("tenant-shard", s(&format!("t1#{shard}"))));
    assert_eq!(partitions_of(0, s("t1")), keys.collect::<Vec<_>>());
    assert_eq!(partitions_of(1, s("free")), [("plan", s("free"))]);
    let number = partitions_of(0, AttributeValue::N("17".into()));
    assert_eq!(number[0].1, s("17#0"));
}

#[test]
fn a_stored_shard_is_current_if_it_has_the_value_and_is_read() {
    let is_current = |stored: &str| {
        let (stored, own) = (s(stored), s("t#1#4"));
        is_current(&SCHEMA, "tenant-shard", Some(&stored), Some(&own))
    };
    assert!(is_current("t#1#4"));
    assert!(is_current("t#1#10"));
    // The index had more shards when it was written.
    assert!(!is_current("t#1#11"));
    assert!(!is_current("t#1#01"));
    assert!(!is_current("t#1#"));
    assert!(!is_current("t#2#4"));
    assert!(!is_current("t"));
}

#[test]
fn a_stored_attribute_that_is_no_shard_is_current_if_it_is_the_same_value() {
    let is_current = |stored: Option<AttributeValue>, own: Option<AttributeValue>| {
        is_current(&SCHEMA, "plan", stored.as_ref(), own.as_ref())
    };
    let n = |text: &str| Some(AttributeValue::N(text.to_owned()));
    assert!(is_current(None, None));
    assert!(is_current(n("1"), n("1.0")));
    assert!(!is_current(n("1"), n("2")));
    assert!(!is_current(n("1"), None));
    assert!(!is_current(None, n("1")));
    assert!(!is_current(Some(s("free#1")), Some(s("free#2"))));
}

#[test]
fn the_length_of_a_key_is_that_of_the_longest_shard() {
    assert_eq!(shards().key_len(&s("t1")), "t1#10".len());
    // Three bytes are four characters of base64.
    let bytes = AttributeValue::B(Blob::new([1, 2, 3]));
    assert_eq!(shards().key_len(&bytes), 4 + "#10".len());
}
