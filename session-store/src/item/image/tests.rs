use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;

use super::*;
use crate::item::OwnTimeouts;
use crate::item::lifetime::{Lifetime, Millis};
use crate::item::marks::WRITES;
use crate::schema::{Attribute, Field, Names};

const ATTRIBUTES: &[Attribute] = &[
    Attribute::index::<String>("user_id"),
    Attribute::index::<u64>("score"),
    Attribute::promoted("theme"),
    Attribute::index::<String>("tenant").sharded(16, "tenant-shard"),
    Attribute::index::<i64>("order").consistent(),
];

const SCHEMA: Schema = Schema::new("sessions").attributes(ATTRIBUTES).checked();

/// With all that makes an item larger.
const WIDE: Schema = SCHEMA
    .names(Names::new().data("content").expires_at("ttl"))
    .key_prefix("session/")
    .sort_key("sk", "session")
    .checked();

const BINARY: Schema = WIDE.binary();

/// A session that promotes these values.
#[derive(Default)]
struct Promotes(Vec<(&'static str, Option<AttributeValue>)>);

impl SessionAttributes for Promotes {
    const SCHEMA: &'static Schema = &SCHEMA;

    fn attributes(&self, attributes: &mut Attributes) {
        for (name, value) in &self.0 {
            attributes.computed(name, value.clone());
        }
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

fn nonce() -> Nonce {
    Nonce::from([7; 8])
}

fn image(data: Map) -> Image {
    Image::new(&SCHEMA, handle(), data, &Promotes::default()).unwrap()
}

/// Promotes one attribute; the error says `path: reason`.
fn promote(name: &'static str, value: AttributeValue) -> Result<(), String> {
    let session = Promotes(vec![(name, Some(value))]);
    let image = Image::new(&SCHEMA, handle(), Map::new(), &session);
    let said = |error: EncodeError| format!("{}: {}", error.path, error.cause);
    image.map(drop).map_err(said)
}

#[test]
fn an_attribute_that_the_schema_lacks_is_refused() {
    assert_eq!(
        promote("usr_id", s("u1")),
        Err("usr_id: the schema has no such attribute".to_owned())
    );
    // That of a shard belongs to the store: a session cannot give it.
    assert!(promote("tenant-shard", s("t1#0")).is_err());
}

#[test]
fn a_key_of_another_type_is_refused() {
    assert_eq!(promote("user_id", s("u1")), Ok(()));
    assert!(promote("user_id", n("1")).unwrap_err().contains("type S"));
    assert!(promote("score", s("1")).unwrap_err().contains("type N"));
}

#[test]
fn a_key_that_is_empty_or_over_2048_bytes_is_refused_and_such_an_attribute_is_not() {
    let empty = promote("user_id", s("")).unwrap_err();
    assert!(empty.starts_with("user_id: "), "{empty}");
    assert!(promote("user_id", s(&"u".repeat(2049))).is_err());
    assert_eq!(promote("user_id", s(&"u".repeat(2048))), Ok(()));
    assert_eq!(promote("theme", s("")), Ok(()));
    assert_eq!(promote("theme", s(&"t".repeat(2049))), Ok(()));
}

#[test]
fn a_number_that_is_no_integer_is_refused_as_the_key_of_a_consistent_index_only() {
    for number in ["1.5", "1e3", "1.0", "01", "+1", "-0"] {
        assert!(promote("order", n(number)).is_err(), "{number}");
        assert_eq!(promote("score", n(number)), Ok(()), "{number}");
    }
    for number in ["0", "-17", "99999999999999999999999999999999999999"] {
        assert_eq!(promote("order", n(number)), Ok(()), "{number}");
    }
}

#[test]
fn a_value_that_dynamodb_refuses_is_refused_in_data_and_in_an_attribute() {
    assert!(promote("theme", n("NaN")).is_err());
    let data = map(&[("cart", AttributeValue::L(vec![s("a"), n("NaN")]))]);
    let refused = |schema| {
        let image = Image::new(schema, handle(), data.clone(), &Promotes::default());
        image.err().unwrap().path
    };
    const WITH_FIELDS: Schema = SCHEMA.fields(&[Field::new("cart", &[])]);
    assert_eq!(refused(&WITH_FIELDS), "cart[1]");
    // The name may be the key of a map.
    assert_eq!(refused(&SCHEMA), "*[1]");
}

#[test]
fn an_error_of_the_attributes_is_the_error_of_the_image() {
    struct Unstorable;
    impl SessionAttributes for Unstorable {
        const SCHEMA: &'static Schema = &SCHEMA;

        fn attributes(&self, attributes: &mut Attributes) {
            attributes.serialize("theme", &u128::MAX);
        }
    }
    let image = Image::new(&SCHEMA, handle(), Map::new(), &Unstorable);
    assert_eq!(image.err().unwrap().path, "theme");
}

#[derive(Serialize)]
struct Shop {
    cart: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    price: u128,
}

#[derive(Serialize)]
struct Number(u32);

macro_rules! promote_nothing {
    ($($session:ty)*) => {$(
        impl SessionAttributes for $session {
            const SCHEMA: &'static Schema = &SCHEMA;

            fn attributes(&self, _: &mut Attributes) {}
        }
    )*};
}

promote_nothing! { Shop Number }

#[test]
fn a_field_that_cannot_be_serialised_is_refused_by_its_path() {
    let cart = vec![Line { price: 1 }];
    let error = Image::of(Shop::SCHEMA, handle(), &Shop { cart })
        .err()
        .unwrap();
    assert_eq!(error.path, "cart[0].price");
}

#[test]
fn a_session_that_is_serialised_as_a_number_is_refused() {
    let error = Image::of(Number::SCHEMA, handle(), &Number(1))
        .err()
        .unwrap();
    assert_eq!(error.path, "data");
}

#[test]
fn promoted_gives_the_attributes_that_have_a_value_shards_included() {
    let session = Promotes(vec![("tenant", Some(s("t1"))), ("theme", None)]);
    let image = Image::new(&SCHEMA, handle(), Map::new(), &session).unwrap();
    let shard = format!("t1#{}", handle().shard(16));
    assert_eq!(
        image.promoted(),
        map(&[("tenant", s("t1")), ("tenant-shard", s(&shard))])
    );
}

/// An item that is as large as an item with these fields can be: each number of the store has the most
/// bytes that it can have, and all four marks are there.
fn largest_item(schema: &'static Schema, text: usize) -> Result<Map, TooLargeError> {
    let data = map(&[("text", s(&"a".repeat(text))), ("both", n("17"))]);
    let session = Promotes(vec![
        ("user_id", Some(s("u1"))),
        ("tenant", Some(s("t1"))),
        ("theme", None),
    ]);
    let image = Image::new(schema, handle(), data, &session).unwrap();
    let longest = Millis(u64::MAX);
    let own = OwnTimeouts {
        idle: Some(Duration::from_secs(u64::MAX)),
        absolute: Some(Duration::from_secs(u64::MAX)),
        is_guest: false,
    };
    // The type allows any.
    let forever = schema.absolute_timeout(Duration::MAX);
    let lifetime = Lifetime::new(&forever, longest, own);
    let state = State {
        expires_at: u64::MAX,
        version: u64::MAX,
        cookie_end: Some(u64::MAX),
        authenticated_at: Some(longest),
        unknown: Unknown {
            data: map(&[("unknown", s("entry")), ("both", s("not counted twice"))]),
            attributes: map(&[("unknown", s("attribute"))]),
        },
        ..State::new(handle(), lifetime, longest, image.promoted())
    };
    let mut item = image.into_item(&Codec::new(schema), TooLargeError::LIMIT, &state, nonce())?;
    let mark = AttributeValue::B(Blob::new([7; 8]));
    let writes = AttributeValue::L(vec![mark; WRITES]);
    item.insert("writes".to_owned(), writes);
    Ok(item)
}

#[test]
fn an_item_of_400_kb_is_accepted_and_one_of_a_byte_more_is_refused() {
    let size = |item: &Map| -> usize { item.iter().map(|(n, v)| attribute_size(n, v)).sum() };
    for schema in [&SCHEMA, &WIDE, &BINARY] {
        let some = largest_item(schema, 100_000).unwrap();
        let most = 100_000 + TooLargeError::LIMIT - size(&some);
        let item = largest_item(schema, most).unwrap();
        assert_eq!(size(&item), TooLargeError::LIMIT);
        let error = largest_item(schema, most + 1).unwrap_err();
        assert_eq!(error.size, Some(TooLargeError::LIMIT + 1));
    }
}

#[test]
fn data_that_is_too_large_as_a_map_but_not_as_bytes_is_accepted_as_bytes() {
    let bits = vec![AttributeValue::Bool(true); 250_000];
    let image = image(map(&[("bits", AttributeValue::L(bits))]));
    let codec = Codec::new(&BINARY);
    let packed = codec.pack(|| image.data.clone());
    let check = |packed| {
        image.check_size(
            &BINARY,
            TooLargeError::LIMIT,
            &Unknown::default(),
            &Image::default(),
            packed,
            || 0,
        )
    };
    assert!(check(None).is_err());
    assert!(check(packed.as_ref()).is_ok());
}

#[test]
fn the_error_of_a_too_large_session_names_its_five_largest_fields() {
    let data = map(&[
        ("a", s(&"-".repeat(10))),
        ("b", s(&"-".repeat(30))),
        ("c", s(&"-".repeat(20))),
        ("e", s(&"-".repeat(20))),
        ("d", s(&"-".repeat(20))),
    ]);
    let session = Promotes(vec![
        ("user_id", Some(s(&"-".repeat(100)))),
        ("theme", None),
    ]);
    let image = Image::new(&SCHEMA, handle(), data, &session).unwrap();
    let error = image.too_large(&SCHEMA, Some(17));
    let sizes = [("user_id", 107), ("b", 31), ("c", 21), ("d", 21), ("e", 21)];
    assert_eq!(
        error.largest,
        sizes.map(|(name, size)| (name.to_owned(), size))
    );
    assert_eq!(error.size, Some(17));
    assert_eq!(image.too_large(&SCHEMA, None).size, None);
}

/// A session whose times and versions all differ.
fn state(schema: &'static Schema, own: OwnTimeouts) -> State {
    let lifetime = Lifetime::new(schema, Millis(1_000), own);
    State {
        expires_at: 3_000,
        version: 4,
        ..State::new(handle(), lifetime, Millis(2_000), Map::new())
    }
}

#[test]
fn an_item_has_the_key_the_data_the_times_the_version_the_mark_and_what_is_promoted() {
    let session = Promotes(vec![("user_id", Some(s("u1"))), ("theme", None)]);
    let data = map(&[("cart", n("5"))]);
    let image = Image::new(&WIDE, handle(), data.clone(), &session).unwrap();
    let item = image.into_item(
        &Codec::new(&WIDE),
        TooLargeError::LIMIT,
        &state(&WIDE, OwnTimeouts::default()),
        nonce(),
    );
    let expected = map(&[
        ("id", s(&format!("session/{}", handle()))),
        ("sk", s("session")),
        ("content", AttributeValue::M(data)),
        ("created_at", n("1000")),
        ("touched_at", n("2000")),
        ("ttl", n("3000")),
        ("version", n("4")),
        ("writes", nonce().first_writes()),
        ("user_id", s("u1")),
    ]);
    assert_eq!(item.unwrap(), expected);
}

#[test]
fn timeouts_of_the_sessions_own_are_in_the_item_in_seconds() {
    let own = OwnTimeouts {
        idle: Some(Duration::from_secs(90)),
        absolute: Some(Duration::from_secs(600)),
        is_guest: false,
    };
    let item = image(Map::new()).into_item(
        &Codec::new(&SCHEMA),
        TooLargeError::LIMIT,
        &state(&SCHEMA, own),
        nonce(),
    );
    let item = item.unwrap();
    assert_eq!((&item["idle"], &item["absolute"]), (&n("90"), &n("600")));
}

#[test]
fn an_item_keeps_what_the_type_does_not_know_below_what_the_session_has() {
    let unknown = Unknown {
        data: map(&[("unknown", n("1")), ("cart", n("1"))]),
        attributes: map(&[("foreign", n("1"))]),
    };
    let state = State {
        unknown,
        ..state(&SCHEMA, OwnTimeouts::default())
    };
    let image = image(map(&[("cart", n("2"))]));
    let item = image.into_item(&Codec::new(&SCHEMA), TooLargeError::LIMIT, &state, nonce());
    let item = item.unwrap();
    assert_eq!(item["foreign"], n("1"));
    let data = map(&[("unknown", n("1")), ("cart", n("2"))]);
    assert_eq!(item["data"], AttributeValue::M(data));
}

#[test]
fn the_item_of_a_binary_type_has_all_data_as_bytes_and_names_their_format() {
    let unknown = Unknown {
        data: map(&[("unknown", n("1"))]),
        ..Unknown::default()
    };
    let state = State {
        unknown,
        ..state(&BINARY, OwnTimeouts::default())
    };
    let codec = Codec::new(&BINARY);
    let image = image(map(&[("cart", n("2"))]));
    let mut item = image
        .into_item(&codec, TooLargeError::LIMIT, &state, nonce())
        .unwrap();
    assert_eq!(item["format"], s("cbor"));
    assert!(item["content"].is_b());
    codec.unpack(handle(), &mut item).unwrap();
    let data = map(&[("unknown", n("1")), ("cart", n("2"))]);
    assert_eq!(item["content"], AttributeValue::M(data));
}

#[test]
fn unknown_entries_that_the_session_had_before_are_not_brought_back() {
    let unknown = Unknown {
        data: map(&[("removed", n("1")), ("cart", n("1")), ("unknown", n("1"))]),
        ..Unknown::default()
    };
    let before = image(map(&[("removed", n("1")), ("cart", n("1"))]));
    let after = image(map(&[("cart", n("2"))]));
    assert_eq!(
        after.with_unknown(&unknown, &before),
        map(&[("cart", n("2")), ("unknown", n("1"))])
    );
    assert_eq!(never_known(&unknown, &before), map(&[("unknown", n("1"))]));
}
