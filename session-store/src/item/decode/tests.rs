use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use serde::Deserialize;

use super::*;
use crate::item::OwnTimeouts;
use crate::item::marks::Nonce;
use crate::item::value::number;
use crate::schema::{Attribute, Field};

const FIELDS: &[Field] = &[
    Field::new("user", &["account", "login"]),
    Field::new("cart", &[]),
];

const SCHEMA: Schema = Schema::new("sessions")
    .sort_key("sk", "session")
    .attributes(&[
        Attribute::promoted("theme"),
        Attribute::index::<String>("tenant").sharded(4, "tenant-shard"),
    ])
    .fields(FIELDS)
    .checked();

/// The same where only the type's serialization knows its fields.
const WITHOUT_FIELDS: Schema = Schema::new("sessions").checked();

const FLATTENED: Schema = SCHEMA.flattened();

#[derive(Debug, PartialEq, Deserialize)]
struct Shop {
    #[serde(alias = "account", alias = "login")]
    user: String,
    #[serde(default)]
    cart: Vec<Line>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Line {
    qty: u32,
}

fn shop(user: &str) -> Shop {
    Shop {
        user: user.to_owned(),
        cart: Vec::new(),
    }
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(text: &str) -> AttributeValue {
    AttributeValue::N(text.to_owned())
}

fn map(entries: &[(&str, AttributeValue)]) -> Map {
    let entries = entries.iter();
    entries
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

fn handle() -> SessionHandle {
    SessionHandle::of_secret(b"secret")
}

/// An item with this data that was created at second 1, touched at 2, and ends at 10, in version 3.
fn item(data: &[(&str, AttributeValue)]) -> Map {
    map(&[
        ("id", s(&handle().to_string())),
        ("sk", s("session")),
        ("data", AttributeValue::M(map(data))),
        ("created_at", number(1_000)),
        ("touched_at", number(2_000)),
        ("expires_at", number(10)),
        ("version", number(3)),
        ("writes", Nonce::from([7; 8]).first_writes()),
    ])
}

fn read_as<S: DeserializeOwned>(
    schema: &'static Schema,
    item: Map,
) -> Result<(S, State), DecodeError> {
    let decoded = decode(&Codec::new(schema), handle(), item, Millis(9_999))?;
    Ok(decoded.expect("the session is live"))
}

fn read_shop(item: Map) -> (Shop, State) {
    read_as(&SCHEMA, item).unwrap()
}

/// Where an item cannot be read as a shop.
fn unreadable(item: Map) -> String {
    let error = read_as::<Shop>(&SCHEMA, item).err().unwrap();
    assert_eq!(error.handle, Some(handle()));
    error.path
}

#[test]
fn an_expired_session_is_none() {
    let item = item(&[("user", s("u1"))]);
    let decoded = decode::<Shop>(&Codec::new(&SCHEMA), handle(), item, Millis(10_000));
    assert!(decoded.unwrap().is_none());
}

#[test]
fn the_state_has_the_times_and_the_version_of_the_item() {
    let (shop_read, state) = read_shop(item(&[("user", s("u1"))]));
    assert_eq!(shop_read, shop("u1"));
    assert_eq!(state.handle, handle());
    assert_eq!(state.lifetime.created_at, Millis(1_000));
    assert_eq!(state.lifetime.own, OwnTimeouts::default());
    assert_eq!(state.touched_at, Millis(2_000));
    assert_eq!(state.expires_at, 10);
    assert_eq!((state.version, state.seen, state.written), (3, 3, Some(3)));
    assert!(!state.packed);
}

#[test]
fn timeouts_in_the_item_are_the_sessions_own_in_seconds() {
    let mut item = item(&[("user", s("u1"))]);
    item.insert("idle".to_owned(), number(90));
    item.insert("absolute".to_owned(), number(600));
    let (_, state) = read_shop(item);
    let own = OwnTimeouts {
        idle: Some(Duration::from_secs(90)),
        absolute: Some(Duration::from_secs(600)),
        is_guest: false,
    };
    assert_eq!(state.lifetime.own, own);
}

#[test]
fn attributes_are_promoted_or_unknown_and_those_of_the_store_are_neither() {
    let mut item = item(&[("user", s("u1"))]);
    let promoted = map(&[
        ("theme", s("dark")),
        ("tenant", s("t1")),
        ("tenant-shard", s("t1#2")),
    ]);
    let unknown = map(&[("foreign", s("kept"))]);
    item.extend(promoted.clone());
    item.extend(unknown.clone());
    item.insert("idle".to_owned(), number(90));
    item.insert("absolute".to_owned(), number(90));
    let (_, state) = read_shop(item);
    assert_eq!(state.promoted, promoted);
    assert_eq!(state.unknown.attributes, unknown);
}

#[test]
fn entries_that_are_no_fields_are_kept_aside() {
    let (_, state) = read_shop(item(&[("user", s("u1")), ("unknown", s("kept"))]));
    assert_eq!(state.unknown.data, map(&[("unknown", s("kept"))]));
}

#[test]
fn all_entries_are_kept_aside_if_the_schema_does_not_list_the_fields() {
    let data = [("user", s("u1")), ("unknown", s("kept"))];
    let (shop_read, state) = read_as::<Shop>(&WITHOUT_FIELDS, item(&data)).unwrap();
    assert_eq!(shop_read, shop("u1"));
    assert_eq!(state.unknown.data, map(&data));
}

#[test]
fn flattened_entries_are_read_and_kept_aside() {
    #[derive(Deserialize)]
    struct Rest {
        user: String,
        #[serde(flatten)]
        rest: BTreeMap<String, String>,
    }
    let data = [("user", s("u1")), ("x", s("1"))];
    let (read, state) = read_as::<Rest>(&FLATTENED, item(&data)).unwrap();
    assert_eq!(read.user, "u1");
    assert_eq!(
        read.rest,
        BTreeMap::from([("x".to_owned(), "1".to_owned())])
    );
    assert_eq!(state.unknown.data, map(&[("x", s("1"))]));
}

#[test]
fn a_field_is_read_before_its_aliases_and_the_first_alias_before_the_second() {
    for (data, user) in [
        (&[("login", s("u3"))][..], "u3"),
        (&[("login", s("u3")), ("account", s("u2"))], "u2"),
        (
            &[("login", s("u3")), ("account", s("u2")), ("user", s("u1"))],
            "u1",
        ),
    ] {
        let (shop_read, state) = read_shop(item(data));
        assert_eq!(shop_read, shop(user));
        // A whole write must not bring the aliases back beside the field.
        assert_eq!(state.unknown.data, Map::new());
    }
}

#[test]
fn packed_data_is_read_and_remembered_as_packed() {
    // {"user": "u1"} in CBOR.
    let bytes = [&[0xa1, 0x64][..], b"user", &[0x62], b"u1"].concat();
    let mut item = item(&[]);
    item.insert("data".to_owned(), AttributeValue::B(Blob::new(bytes)));
    item.insert("format".to_owned(), s("cbor"));
    let (shop_read, state) = read_shop(item);
    assert_eq!(shop_read, shop("u1"));
    assert!(state.packed);
    assert_eq!(state.unknown.attributes, Map::new());
}

#[test]
fn an_unreadable_field_is_named_by_its_path() {
    let cart = |qty: &[(&str, AttributeValue)]| {
        let line = AttributeValue::M(map(&[("qty", n("1"))]));
        let bad = AttributeValue::M(map(qty));
        let cart = AttributeValue::L(vec![line, bad]);
        item(&[("user", s("u1")), ("cart", cart)])
    };
    assert_eq!(unreadable(cart(&[("qty", s("many"))])), "cart[1].qty");
    // serde itself names a missing field at the struct around it.
    assert_eq!(unreadable(cart(&[])), "cart[1].qty");
    assert_eq!(unreadable(item(&[])), "user");
    assert_eq!(unreadable(item(&[("user", n("1"))])), "user");
}

#[test]
fn a_type_that_reads_no_map_is_unreadable_as_a_whole() {
    let error = read_as::<u32>(&SCHEMA, item(&[])).err().unwrap();
    assert_eq!(error.path, "data");
}

#[test]
fn a_missing_or_malformed_time_is_unreadable() {
    for name in ["created_at", "touched_at", "idle", "absolute"] {
        let mut item = item(&[("user", s("u1"))]);
        item.insert(name.to_owned(), s("soon"));
        assert_eq!(unreadable(item), name);
    }
    for name in ["created_at", "touched_at"] {
        let mut item = item(&[("user", s("u1"))]);
        item.remove(name);
        assert_eq!(unreadable(item), name);
    }
}

#[test]
fn an_error_about_no_field_has_the_name_of_the_attribute_that_holds_the_data() {
    const RENAMED: Schema = Schema::new("sessions")
        .names(crate::schema::Names::new().data("payload"))
        .checked();
    let mut renamed = item(&[]);
    let data = renamed.remove("data").unwrap();
    renamed.insert("payload".to_owned(), data);
    let error = read_as::<u32>(&RENAMED, renamed).err().unwrap();
    assert_eq!(error.path, "payload");
}
