//! The entries of `data` that flattened fields write, and which of them would overwrite each other.

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;
use serde::ser::{
    Impossible, SerializeMap, SerializeStruct, SerializeStructVariant, SerializeTupleVariant,
    Serializer,
};

use super::conflict::Conflict;
use super::definition::Field;

/// Collects the keys that the flattened fields of a session write beside its other fields.
#[derive(Debug, Default)]
pub struct FlattenedEntries {
    /// The flattened fields, each with its keys.
    fields: Vec<(&'static str, Vec<String>)>,
}

impl FlattenedEntries {
    /// The keys of the flattened field of this name, as serde serialises it. Its values are not looked at.
    pub fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        let mut keys = Vec::new();
        // A value that cannot be flattened cannot be serialised either, and that error is reported.
        let _ = value.serialize(Keys(&mut keys));
        self.fields.push((name, keys));
    }

    /// Two fields that write the same entry, if there are any.
    pub(crate) fn conflict(&self, fields: &[Field]) -> Option<Conflict> {
        let mut earlier: Vec<(&'static str, &[String])> = Vec::new();
        for (flattened, keys) in &self.fields {
            for key in keys {
                if let Some(key) = fields.iter().find_map(|field| field.name_equal_to(key)) {
                    return Some(Conflict::WithField { key, flattened });
                }
                let other = earlier.iter().find(|(_, keys)| keys.contains(key));
                if let Some((other, _)) = other {
                    return Some(Conflict::BetweenFlattened(other, flattened));
                }
            }
            if keys.iter().collect::<HashSet<_>>().len() < keys.len() {
                return Some(Conflict::WithinFlattened(flattened));
            }
            earlier.push((flattened, keys));
        }
        None
    }

    /// Whether a flattened field writes this entry; `None` if the type does not give its flattened fields.
    pub(crate) fn writes(&self, name: &str) -> Option<bool> {
        let mut keys = self.fields.iter().flat_map(|(_, keys)| keys);
        (!self.fields.is_empty()).then(|| keys.any(|key| key == name))
    }
}

impl Field {
    /// The name or alias that is equal to this key.
    fn name_equal_to(&self, key: &str) -> Option<&'static str> {
        let mut names = std::iter::once(&self.name).chain(self.aliases);
        names.find(|name| **name == key).copied()
    }
}

/// Collects the keys of a value, as serde's `flatten` writes them.
struct Keys<'a>(&'a mut Vec<String>);

impl Keys<'_> {
    fn add(self, key: &str) -> Values {
        self.0.push(key.to_owned());
        Values
    }
}

/// Ignores the values below a key.
struct Values;

/// The text of one key.
struct Key;

type Result<T> = std::result::Result<T, fmt::Error>;

/// Methods for values that serde cannot flatten, or that cannot be a key.
macro_rules! refused {
    ($($method:ident($($ty:ty),*))*) => {$(
        fn $method(self, $(_: $ty),*) -> Result<Self::Ok> {
            Err(fmt::Error)
        }
    )*};
}

/// Keys that become text by their `Display`.
macro_rules! displayed {
    ($($method:ident($ty:ty))*) => {$(
        fn $method(self, key: $ty) -> Result<String> {
            Ok(key.to_string())
        }
    )*};
}

impl<'a> Serializer for Keys<'a> {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Impossible<(), fmt::Error>;
    type SerializeTuple = Impossible<(), fmt::Error>;
    type SerializeTupleStruct = Impossible<(), fmt::Error>;
    type SerializeTupleVariant = Values;
    type SerializeMap = Keys<'a>;
    type SerializeStruct = Keys<'a>;
    type SerializeStructVariant = Values;

    refused! {
        serialize_bool(bool) serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_f32(f32) serialize_f64(f64)
    }

    fn serialize_none(self) -> Result<()> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        self.add(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: &T,
    ) -> Result<()> {
        self.add(variant);
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq> {
        Err(fmt::Error)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple> {
        Err(fmt::Error)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct> {
        Err(fmt::Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Values> {
        Ok(self.add(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Values> {
        Ok(self.add(variant))
    }
}

impl SerializeMap for Keys<'_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        // No field has a name that is not text.
        self.0.extend(key.serialize(Key).ok());
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<()> {
        Ok(())
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

impl SerializeStruct for Keys<'_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, _: &T) -> Result<()> {
        self.0.push(key.to_owned());
        Ok(())
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

impl SerializeTupleVariant for Values {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<()> {
        Ok(())
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

impl SerializeStructVariant for Values {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, _: &T) -> Result<()> {
        Ok(())
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

impl Serializer for Key {
    type Ok = String;
    type Error = fmt::Error;
    type SerializeSeq = Impossible<String, fmt::Error>;
    type SerializeTuple = Impossible<String, fmt::Error>;
    type SerializeTupleStruct = Impossible<String, fmt::Error>;
    type SerializeTupleVariant = Impossible<String, fmt::Error>;
    type SerializeMap = Impossible<String, fmt::Error>;
    type SerializeStruct = Impossible<String, fmt::Error>;
    type SerializeStructVariant = Impossible<String, fmt::Error>;

    displayed! {
        serialize_bool(bool) serialize_char(char) serialize_str(&str)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
    }

    refused! {
        serialize_bytes(&[u8]) serialize_f32(f32) serialize_f64(f64) serialize_none() serialize_unit()
        serialize_unit_struct(&'static str)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<String> {
        Err(fmt::Error)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<String> {
        Ok(variant.to_owned())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<String> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<String> {
        Err(fmt::Error)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq> {
        Err(fmt::Error)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple> {
        Err(fmt::Error)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct> {
        Err(fmt::Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        Err(fmt::Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap> {
        Err(fmt::Error)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct> {
        Err(fmt::Error)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant> {
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn keys<T: Serialize>(value: &T) -> Vec<String> {
        let mut entries = FlattenedEntries::default();
        entries.field("field", value);
        let (_, keys) = entries.fields.remove(0);
        keys
    }

    /// The keys that serde writes for a flattened field.
    fn keys_of_serde<T: Serialize>(field: T) -> Vec<String> {
        #[derive(Serialize)]
        struct Session<T> {
            #[serde(flatten)]
            field: T,
        }
        let item: std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue> =
            serde_dynamo::to_item(Session { field }).unwrap();
        item.into_keys().collect()
    }

    #[derive(Clone, Serialize)]
    struct Prefs {
        theme: &'static str,
        #[serde(rename = "LANG")]
        lang: Option<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        left_out: Option<u8>,
        #[serde(flatten)]
        inner: BTreeMap<char, NeverSerialized>,
    }

    /// A value below a key.
    #[derive(Clone)]
    struct NeverSerialized;

    impl Serialize for NeverSerialized {
        fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
            assert!(
                std::any::type_name::<S>().contains("serde_dynamo"),
                "no need to"
            );
            serializer.serialize_unit()
        }
    }

    #[derive(Clone, Serialize)]
    enum Login {
        Anonymous,
        Password(NeverSerialized),
        Both(u8, u8),
        Named { user: NeverSerialized },
    }

    #[derive(Clone, Serialize, PartialEq, Eq, PartialOrd, Ord)]
    struct Id(u64);

    #[test]
    fn the_keys_are_those_that_serde_writes() {
        fn check<T: Serialize + Clone>(value: T, expected: &[&str]) {
            let mut ours = keys(&value);
            ours.sort();
            assert_eq!(ours, expected);
            let mut serdes = keys_of_serde(value);
            serdes.sort();
            assert_eq!(serdes, expected);
        }

        let prefs = Prefs {
            theme: "dark",
            lang: None,
            left_out: None,
            inner: BTreeMap::from([('a', NeverSerialized), ('b', NeverSerialized)]),
        };
        check(prefs.clone(), &["LANG", "a", "b", "theme"]);
        check(Some(Box::new(prefs)), &["LANG", "a", "b", "theme"]);
        check(None::<Prefs>, &[]);
        check((), &[]);
        check(BTreeMap::from([("a b", 1), ("", 2)]), &["", "a b"]);
        check(BTreeMap::from([(-7, ()), (8, ())]), &["-7", "8"]);
        check(
            BTreeMap::from([(u128::MAX, ())]),
            &["340282366920938463463374607431768211455"],
        );
        check(BTreeMap::from([(true, ())]), &["true"]);
        check(BTreeMap::from([(Id(7), ())]), &["7"]);
        check(Login::Anonymous, &["Anonymous"]);
        check(Login::Password(NeverSerialized), &["Password"]);
        check(Login::Both(1, 2), &["Both"]);
        check(
            Login::Named {
                user: NeverSerialized,
            },
            &["Named"],
        );
    }

    #[test]
    fn what_serde_cannot_flatten_has_no_keys() {
        assert!(keys(&7).is_empty());
        assert!(keys(&"text").is_empty());
        assert!(keys(&vec![BTreeMap::from([("a", 1)])]).is_empty());
        // One key that is not text does not hide the others.
        assert!(keys(&BTreeMap::from([(None::<u8>, 1)])).is_empty());
        assert!(keys(&BTreeMap::from([(vec![1], 1)])).is_empty());
    }

    #[test]
    fn a_key_is_in_one_field_only() {
        let fields = [
            Field::new("user_id", &[]),
            Field::new("theme", &["colour", "color"]),
        ];
        let conflict = |flattened: &[(&'static str, &[&str])]| {
            let mut entries = FlattenedEntries::default();
            for (name, keys) in flattened {
                let keys = keys.iter().map(|key| (key, 1));
                entries.field(name, &keys.collect::<BTreeMap<_, _>>());
            }
            entries.conflict(&fields)
        };
        assert_eq!(conflict(&[]), None);
        assert_eq!(
            conflict(&[("prefs", &["lang", "prefs"]), ("rest", &["tz"])]),
            None
        );
        for key in ["user_id", "theme", "color"] {
            let with_field = Conflict::WithField {
                key,
                flattened: "rest",
            };
            assert_eq!(
                conflict(&[("prefs", &["lang"]), ("rest", &["tz", key])]),
                Some(with_field)
            );
        }
        let between = Conflict::BetweenFlattened("prefs", "rest");
        let flattened: [(_, &[&str]); 3] = [
            ("prefs", &["lang"]),
            ("other", &[]),
            ("rest", &["a", "lang"]),
        ];
        assert_eq!(conflict(&flattened), Some(between));
    }

    #[test]
    fn a_flattened_field_has_each_key_once() {
        let prefs = |key| Prefs {
            theme: "dark",
            lang: None,
            left_out: None,
            inner: BTreeMap::from([(key, NeverSerialized)]),
        };
        #[derive(Serialize)]
        struct Outer {
            a: u8,
            #[serde(flatten)]
            prefs: Prefs,
        }
        let conflict = |key| {
            let mut entries = FlattenedEntries::default();
            let outer = Outer {
                a: 1,
                prefs: prefs(key),
            };
            entries.field("outer", &outer);
            entries.conflict(&[])
        };
        assert_eq!(conflict('b'), None);
        assert_eq!(conflict('a'), Some(Conflict::WithinFlattened("outer")));
        assert_eq!(conflict('a').unwrap().path(), "outer");
    }

    #[test]
    fn a_conflict_says_how_to_end_it_without_the_users_data() {
        let with_field = Conflict::WithField {
            key: "theme",
            flattened: "prefs",
        };
        assert_eq!(
            with_field.to_string(),
            "the flattened field `prefs` has the key `theme`, which is the name of another field; rename \
             that field, or remove the key"
        );
        assert_eq!(
            Conflict::BetweenFlattened("prefs", "rest").to_string(),
            "the flattened fields `prefs` and `rest` have a key in common; rename it in one of them, and \
             let a flattened map be the last field"
        );
    }
}
