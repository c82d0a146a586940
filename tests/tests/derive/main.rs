//! The derived implementation at run time.

// The derive's output must compile in a crate with these lints.
#![deny(clippy::pedantic, clippy::missing_docs_in_private_items)]
#![allow(clippy::doc_markdown, reason = "DynamoDB is not code")]
#![allow(clippy::expect_used, reason = "shared functions of the tests")]

mod entries;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use session_store::{AttributeValue, Attributes, IndexKey, KeyType, SessionAttributes, private};

/// The attributes of a session by name, without those that are absent.
fn attributes<S: SessionAttributes>(session: &S) -> BTreeMap<&'static str, AttributeValue> {
    let mut attributes = Attributes::default();
    session.attributes(&mut attributes);
    let values = private::values(&attributes).iter().cloned();
    values
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// A string.
fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A number.
fn n(number: &str) -> AttributeValue {
    AttributeValue::N(number.to_owned())
}

/// The names of the fields in the schema.
fn entries<S: SessionAttributes>() -> BTreeSet<String> {
    let entries = S::SCHEMA.entries().expect("the derive gives the fields");
    entries
        .iter()
        .map(|field| field.name().to_owned())
        .collect()
}

/// The names of the fields as serde writes them.
fn serialized(session: &impl Serialize) -> BTreeSet<String> {
    let json = serde_json::to_value(session).expect("plain data");
    json.as_object()
        .expect("a struct")
        .keys()
        .cloned()
        .collect()
}

/// The derive and serde must agree about every name; otherwise `save` would write beside the field.
#[test]
fn field_names_are_those_of_serde() {
    macro_rules! check {
        ($($rule:literal)*) => {$({
            /// Names that are easy to get wrong.
            #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
            #[serde(rename_all = $rule)]
            #[expect(non_snake_case)]
            struct Names {
                a: u8,
                user_id: u8,
                field1_name: u8,
                r#type: u8,
                __x: u8,
                a__b: u8,
                http2_url: u8,
                trailing_: u8,
                _1st: u8,
                mixedCase_Name: u8,
                größe_ü: u8,
                #[serde(rename = "Given Name")]
                given_name: u8,
                #[serde(rename(serialize = "both", deserialize = "both"))]
                both_ways: u8,
            }
            let names = Names::default();
            assert_eq!(entries::<Names>(), serialized(&names), $rule);
        })*};
    }
    check! {
        "lowercase" "UPPERCASE" "PascalCase" "camelCase" "snake_case" "SCREAMING_SNAKE_CASE"
        "kebab-case" "SCREAMING-KEBAB-CASE"
    }
}

/// If serde leaves a field out, there is no entry to keep. If serde only reads or only writes it, there is.
#[test]
fn skipped_and_flattened_fields_are_not_entries() {
    /// A struct inside the session.
    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Inner {
        /// An entry that the derive cannot know.
        deep: u8,
    }

    /// Every way to leave out a field.
    #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    #[serde(
        rename_all(serialize = "camelCase", deserialize = "camelCase"),
        default
    )]
    struct Session {
        user_id: u8,
        #[serde(skip)]
        in_memory: u8,
        #[serde(skip_serializing, skip_deserializing)]
        in_memory_too: u8,
        #[serde(skip_serializing)]
        only_read: u8,
        #[serde(skip_deserializing)]
        only_written: u8,
        #[serde(flatten)]
        inner: Inner,
        #[serde(alias = "old", alias = "renamed", alias = "older")]
        renamed: u8,
    }

    let expected = ["userId", "onlyRead", "onlyWritten", "renamed"];
    assert_eq!(entries::<Session>(), expected.map(str::to_owned).into());

    let entries = Session::SCHEMA
        .entries()
        .expect("the derive gives the fields");
    let renamed = entries
        .iter()
        .find(|field| field.name() == "renamed")
        .expect("it is there");
    assert_eq!(renamed.aliases(), ["old", "older"]);
}

/// The key of an index, with a type of its own.
#[derive(Clone, Serialize, Deserialize)]
struct UserId(String);

impl IndexKey for UserId {
    type As = str;

    fn as_key(&self) -> &str {
        &self.0
    }
}

/// A type that the derive cannot recognise by its name.
type Tenant = Option<u64>;

/// One attribute of each kind.
#[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "app-sessions",
    idle_timeout = "1h 30m",
    absolute_timeout = "7days"
)]
#[dynamo(
    id = "pk",
    data = "session",
    key_prefix = "S#",
    sort_key(name = "sk", value = "S")
)]
#[dynamo(attr = "is_admin", with = AppSession::is_admin)]
#[dynamo(attr = "first-role", with = Self::first_role, index, key = String)]
struct AppSession {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<UserId>,
    #[dynamo(attr = "tenant", index(name = "by-tenant"))]
    tenant: Tenant,
    #[dynamo(attr = "device", index)]
    device: Vec<u8>,
    #[dynamo(attr = "roles", with = as_string_set)]
    roles: BTreeSet<String>,
    #[dynamo(attr = "role_count", with = BTreeSet::len_attribute, index, key = u32)]
    #[serde(rename = "counted")]
    role_count: BTreeSet<String>,
    #[dynamo(attr = "cart")]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    cart: Vec<u32>,
    #[dynamo(attr = "colour")]
    #[serde(with = "hex")]
    colour: u32,
    #[dynamo(attr = "note")]
    note: Option<String>,
    #[dynamo(attr = "type", with = String::as_str)]
    r#type: String,
    plain: u8,
}

impl AppSession {
    /// Computed from the whole session.
    fn is_admin(&self) -> bool {
        self.roles.contains("admin")
    }

    /// Borrowed, and may be absent.
    fn first_role(&self) -> Option<&str> {
        self.roles.first().map(String::as_str)
    }
}

/// A string set, which serde does not know; DynamoDB refuses an empty one.
fn as_string_set(roles: &BTreeSet<String>) -> Option<AttributeValue> {
    (!roles.is_empty()).then(|| AttributeValue::Ss(roles.iter().cloned().collect()))
}

/// A function of a trait.
trait LenAttribute {
    /// The length as a key.
    fn len_attribute(&self) -> Option<u32>;
}

impl LenAttribute for BTreeSet<String> {
    fn len_attribute(&self) -> Option<u32> {
        u32::try_from(self.len()).ok().filter(|&len| len > 0)
    }
}

/// A field that serde writes with a function.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de};

    /// As hexadecimal digits.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn serialize<S: Serializer>(value: &u32, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&format!("{value:x}"))
    }

    /// From hexadecimal digits.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
        u32::from_str_radix(&String::deserialize(d)?, 16).map_err(de::Error::custom)
    }
}

#[test]
fn absent_values_give_no_attribute() {
    let expected = [
        ("device", AttributeValue::B(Vec::new().into())),
        ("is_admin", AttributeValue::Bool(false)),
        ("colour", s("0")),
        ("type", s("")),
    ];
    assert_eq!(attributes(&AppSession::default()), BTreeMap::from(expected));
}

#[test]
fn promoted_values_have_the_types_of_their_fields() {
    let roles = BTreeSet::from(["admin".to_owned(), "staff".to_owned()]);
    let session = AppSession {
        user_id: Some(UserId("u-17".to_owned())),
        tenant: Some(4),
        device: vec![1, 2],
        role_count: roles.clone(),
        roles,
        cart: vec![7, 8],
        colour: 0xff_00ff,
        note: Some(String::new()),
        r#type: "web".to_owned(),
        plain: 1,
    };
    let roles = vec!["admin".to_owned(), "staff".to_owned()];
    let expected = [
        ("user_id", s("u-17")),
        ("tenant", n("4")),
        ("device", AttributeValue::B(vec![1, 2].into())),
        ("roles", AttributeValue::Ss(roles)),
        ("role_count", n("2")),
        ("cart", AttributeValue::L(vec![n("7"), n("8")])),
        ("colour", s("ff00ff")),
        ("note", s("")),
        ("type", s("web")),
        ("is_admin", AttributeValue::Bool(true)),
        ("first-role", s("admin")),
    ];
    assert_eq!(attributes(&session), BTreeMap::from(expected));
}

#[test]
fn the_schema_matches_the_struct() {
    let schema = AppSession::SCHEMA;
    assert_eq!(schema.table(), "app-sessions");
    let promoted = schema.promoted().iter();
    let promoted: Vec<_> = promoted
        .map(|a| (a.name(), a.index_name(), a.key_type()))
        .collect();
    let index = |name: &str| Some(name.to_owned());
    let expected = [
        ("user_id", index("user_id-index"), Some(KeyType::S)),
        ("tenant", index("by-tenant"), Some(KeyType::N)),
        ("device", index("device-index"), Some(KeyType::B)),
        ("roles", None, None),
        ("role_count", index("role_count-index"), Some(KeyType::N)),
        ("cart", None, None),
        ("colour", None, None),
        ("note", None, None),
        ("type", None, None),
        ("is_admin", None, None),
        ("first-role", index("first-role-index"), Some(KeyType::S)),
    ];
    assert_eq!(promoted, expected);

    // As source text, so that the defaults of the two crates cannot differ.
    let debug = format!("{schema:?}");
    for part in [
        "type_name: Some(\"AppSession\")",
        "idle_timeout: 5400s",
        "absolute_timeout: 604800s",
        "id: \"pk\"",
        "data: \"session\"",
        "version: \"version\"",
        "key_prefix: \"S#\"",
        "sort_key: Some((\"sk\", \"S\"))",
        "flattened: false",
    ] {
        assert!(debug.contains(part), "{part} in {debug}");
    }
}

#[test]
fn options_that_are_not_given_have_the_defaults_of_the_schema() {
    /// A session without options.
    #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    struct Plain {
        user_id: u8,
    }

    let schema = Plain::SCHEMA;
    assert_eq!(schema.table(), "sessions");
    assert!(schema.promoted().is_empty());
    assert_eq!(attributes(&Plain { user_id: 1 }), BTreeMap::new());
    let debug = format!("{schema:?}");
    // The derive compares a single given timeout with the default of the other.
    for part in [
        "type_name: Some(\"Plain\")",
        "session_type: \"session_type\"",
        "idle_timeout: 1800s",
        "absolute_timeout: 43200s",
        "key_prefix: \"\"",
    ] {
        assert!(debug.contains(part), "{part} in {debug}");
    }
}

#[test]
fn a_type_keeps_its_stored_name_when_it_is_renamed() {
    /// Named by the derive.
    #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    #[expect(non_camel_case_types)]
    struct r#match {
        plain: u8,
    }

    /// Renamed since its sessions were stored.
    #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(type_name = "shop/Customer", session_type = "type")]
    struct Client {
        plain: u8,
    }

    let schema = format!("{:?}", r#match::SCHEMA);
    assert!(schema.contains("type_name: Some(\"match\")"), "{schema}");
    let schema = format!("{:?}", Client::SCHEMA);
    assert!(
        schema.contains("type_name: Some(\"shop/Customer\")"),
        "{schema}"
    );
    assert!(schema.contains("session_type: \"type\""), "{schema}");
}

#[test]
fn constants_name_their_attributes() {
    assert!(format!("{:?}", AppSession::USER_ID).contains("user_id"));
    assert!(format!("{:?}", AppSession::FIRST_ROLE).contains("first-role"));
    assert_eq!(AppSession::ROLES.name(), "roles");
    assert_eq!(AppSession::IS_ADMIN.name(), "is_admin");
}

/// The derive has its own list of the store's attributes. Its error for an unknown option prints it.
#[test]
fn the_derive_and_the_store_have_the_same_list_of_attributes() {
    fn quoted(text: &str, quote: char) -> Vec<String> {
        let parts = text.split(quote).skip(1).step_by(2);
        parts.map(str::to_owned).collect()
    }
    let errors = include_str!("../../ui/fail/unknown_option.stderr");
    let error = errors.lines().find(|line| line.contains("`colour`"));
    let options = quoted(error.expect("an option that is like no other"), '`');
    // The list ends with the attributes.
    let of_derive = options.rsplit(|option| option == "user").next();
    let of_store = quoted(&format!("{:?}", session_store::Names::new()), '"');
    assert_eq!(of_derive, Some(of_store.as_slice()));
}
