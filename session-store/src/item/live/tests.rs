use aws_sdk_dynamodb::primitives::Blob;

use aws_sdk_dynamodb::types::AttributeValue;

use super::*;
use crate::schema::Names;

const SCHEMA: Schema = Schema::new("sessions")
    .names(Names::new().expires_at("ttl").version("v"))
    .checked();

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(text: &str) -> AttributeValue {
    AttributeValue::N(text.to_owned())
}

fn handle() -> SessionHandle {
    SessionHandle::of_secret(b"secret")
}

fn nonce() -> Nonce {
    Nonce::from([7; 8])
}

/// A session that ends at second 10.
fn item() -> Map {
    Map::from([
        ("ttl".to_owned(), n("10")),
        ("data".to_owned(), AttributeValue::M(Map::new())),
        ("writes".to_owned(), nonce().first_writes()),
        ("v".to_owned(), n("3")),
        ("created_at".to_owned(), n("1")),
    ])
}

/// That session with another value of an attribute, or without it.
fn with(name: &str, value: impl Into<Option<AttributeValue>>) -> Map {
    let mut item = item();
    match value.into() {
        Some(value) => item.insert(name.to_owned(), value),
        None => item.remove(name),
    };
    item
}

fn found(item: Map, now: u64) -> Result<Found, DecodeError> {
    Found::of(&SCHEMA, handle(), Some(item), Millis(now))
}

fn live(item: Map) -> LiveItem {
    found(item, 0).unwrap().live().unwrap()
}

/// Where the item of a live session is unreadable.
fn unreadable(item: Map) -> String {
    let error = live(item).readable(&Codec::new(&SCHEMA)).err().unwrap();
    assert_eq!(error.handle, Some(handle()));
    error.path
}

#[test]
fn no_item_is_absent() {
    let found = Found::of(&SCHEMA, handle(), None, Millis(0)).unwrap();
    assert!(matches!(found, Found::Absent));
    let gone = found.or_gone(handle()).err().unwrap();
    assert_eq!((gone.handle(), gone.is_expired()), (handle(), false));
}

#[test]
fn a_session_is_live_until_its_last_second_begins() {
    let live = found(item(), 9_999).unwrap().live().unwrap();
    assert_eq!(live.expires_at(), 10);

    let found = found(item(), 10_000).unwrap();
    assert!(matches!(found, Found::Expired));
    let gone = found.or_gone(handle()).err().unwrap();
    assert_eq!((gone.handle(), gone.is_expired()), (handle(), true));
}

#[test]
fn a_missing_or_malformed_expiry_is_an_error_at_any_time() {
    let malformed = [
        s("10"),
        n("1.5"),
        n("-1"),
        n("1e3"),
        AttributeValue::Null(true),
    ];
    for value in malformed.map(Some).into_iter().chain([None]) {
        for now in [0, u64::MAX] {
            let error = found(with("ttl", value.clone()), now).err().unwrap();
            assert_eq!(error.path, "ttl", "{value:?}");
            assert_eq!(error.handle, Some(handle()));
        }
    }
}

#[test]
fn nothing_but_the_expiry_is_read_of_an_expired_session() {
    let item = Map::from([("ttl".to_owned(), n("10"))]);
    assert!(matches!(found(item, 10_000), Ok(Found::Expired)));
}

#[test]
fn a_readable_item_has_its_version_and_expiry() {
    let Ok(readable) = live(item()).readable(&Codec::new(&SCHEMA)) else {
        panic!("it is readable");
    };
    assert_eq!((readable.version, readable.expires_at), (3, 10));
    assert_eq!(readable.item, item());
}

#[test]
fn missing_or_foreign_data_is_unreadable() {
    assert_eq!(unreadable(with("data", None)), "data");
    assert_eq!(unreadable(with("data", s("{}"))), "data");
    assert_eq!(
        unreadable(with("data", AttributeValue::B(Blob::new([0xa0])))),
        "data"
    );
    assert_eq!(unreadable(with("format", s("json"))), "format");
}

#[test]
fn packed_data_is_readable_as_a_map() {
    let mut item = with("data", AttributeValue::B(Blob::new([0xa1, 0x61, b'a', 1])));
    item.insert("format".to_owned(), s("cbor"));
    let Ok(readable) = live(item).readable(&Codec::new(&SCHEMA)) else {
        panic!("it is readable");
    };
    let data = Map::from([("a".to_owned(), n("1"))]);
    assert_eq!(readable.item["data"], AttributeValue::M(data));
}

#[test]
fn an_item_without_four_binary_marks_is_unreadable() {
    let mark = AttributeValue::B(Blob::new([7; 8]));
    let with_text = vec![mark.clone(), mark.clone(), mark.clone(), s("text")];
    for writes in [
        None,
        Some(AttributeValue::L(vec![mark.clone(); 3])),
        Some(AttributeValue::L(vec![mark.clone(); 5])),
        Some(AttributeValue::L(with_text)),
        Some(mark),
    ] {
        assert_eq!(
            unreadable(with("writes", writes.clone())),
            "writes",
            "{writes:?}"
        );
    }
}

#[test]
fn a_version_that_is_missing_or_no_number_is_unreadable_and_unknown() {
    for version in [None, Some(s("3")), Some(n("1.5"))] {
        let item = with("v", version);
        assert_eq!(live(item.clone()).version(&SCHEMA), None);
        assert_eq!(unreadable(item), "v");
    }
    assert_eq!(live(item()).version(&SCHEMA), Some(3));
}

#[test]
fn an_item_remembers_its_own_writes_even_if_it_is_unreadable() {
    let item = with("data", None);
    assert!(live(item.clone()).remembers(&SCHEMA, nonce()));
    assert!(!live(item).remembers(&SCHEMA, Nonce::from([8; 8])));
}

#[test]
fn a_missing_or_malformed_creation_is_an_error() {
    let creation = |item: &Map| stored_creation(&SCHEMA, handle(), item);
    assert_eq!(creation(&item()).unwrap(), Millis(1));
    for value in [None, Some(s("1")), Some(n("-1"))] {
        let error = creation(&with("created_at", value)).unwrap_err();
        assert_eq!(error.path, "created_at");
    }
}
