//! The deserializer of a value of DynamoDB. Lists and maps are read here, and scalars and sets by serde_dynamo.
//! Values are borrowed, so that they can be stored again as they were.
//!
//! The entries of a struct come in the order of its fields. An adjacently tagged enum needs that: if its content
//! comes before its tag, serde reads the content without its type, and the keys of a map stay text.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserializer;
use serde::de::value::{BorrowedStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_dynamo::Error;

type Read<T> = Result<T, Error>;

#[derive(Clone, Copy)]
pub(super) enum Value<'de> {
    Map(&'de HashMap<String, AttributeValue>),
    Other(&'de AttributeValue),
}

impl<'de> From<&'de AttributeValue> for Value<'de> {
    fn from(value: &'de AttributeValue) -> Self {
        match value {
            AttributeValue::M(entries) => Self::Map(entries),
            value => Self::Other(value),
        }
    }
}

impl Value<'_> {
    /// The deserializer of serde_dynamo, for a value without parts and for one of a wrong type.
    fn alone(self) -> serde_dynamo::Deserializer {
        let value = match self {
            Self::Map(_) => serde_dynamo::AttributeValue::M(HashMap::new()),
            Self::Other(value) => value.clone().into(),
        };
        serde_dynamo::Deserializer::from_attribute_value(value)
    }
}

macro_rules! forward {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
            self.alone().$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Error;

    forward! {
        deserialize_bool
        deserialize_i8
        deserialize_i16
        deserialize_i32
        deserialize_i64
        deserialize_i128
        deserialize_u8
        deserialize_u16
        deserialize_u32
        deserialize_u64
        deserialize_u128
        deserialize_f32
        deserialize_f64
        deserialize_char
        deserialize_unit
        deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self {
            Self::Map(_) => self.deserialize_map(visitor),
            Self::Other(AttributeValue::L(_)) => self.deserialize_seq(visitor),
            Self::Other(AttributeValue::S(_)) => self.deserialize_str(visitor),
            Self::Other(AttributeValue::B(_)) => self.deserialize_bytes(visitor),
            Self::Other(_) => self.alone().deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self {
            Self::Other(AttributeValue::S(text)) => visitor.visit_borrowed_str(text),
            _ => self.alone().deserialize_str(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self {
            Self::Other(AttributeValue::B(bytes)) => visitor.visit_borrowed_bytes(bytes.as_ref()),
            _ => self.alone().deserialize_bytes(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self {
            Self::Other(AttributeValue::Null(true)) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Read<V::Value> {
        self.alone().deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Read<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self {
            Self::Other(AttributeValue::L(values)) => {
                visitor.visit_seq(SeqDeserializer::new(values.iter().map(Self::from)))
            }
            _ => self.alone().deserialize_seq(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Read<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Read<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self {
            Self::Map(entries) => visitor.visit_map(MapDeserializer::new(entries.iter().map(part))),
            Self::Other(_) => self.alone().deserialize_map(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        match self {
            Self::Map(entries) => {
                let known = fields
                    .iter()
                    .filter_map(|field| entries.get_key_value(*field));
                let mut ordered: Vec<_> = known.collect();
                if ordered.len() < entries.len() {
                    let is_known = |name: &String| fields.contains(&name.as_str());
                    ordered.extend(entries.iter().filter(|(name, _)| !is_known(name)));
                }
                visitor.visit_map(MapDeserializer::new(ordered.into_iter().map(part)))
            }
            Self::Other(AttributeValue::L(_)) => self.deserialize_seq(visitor),
            Self::Other(_) => self.alone().deserialize_struct(name, fields, visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        let Self::Map(entries) = self else {
            return self.alone().deserialize_enum(name, variants, visitor);
        };
        let mut entries = entries.iter();
        match (entries.next(), entries.next()) {
            (Some((variant, content)), None) => visitor.visit_enum(Variant {
                name: variant,
                content: content.into(),
            }),
            // It says that there is to be one entry.
            _ => self.alone().deserialize_enum(name, variants, visitor),
        }
    }
}

impl<'de> IntoDeserializer<'de, Error> for Value<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

fn part<'de>((key, value): (&'de String, &'de AttributeValue)) -> (Key<'de>, Value<'de>) {
    (Key(key), value.into())
}

/// The name of a variant, and its content.
struct Variant<'de> {
    name: &'de str,
    content: Value<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Content<'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Read<(T::Value, Content<'de>)> {
        let name = seed.deserialize(BorrowedStrDeserializer::new(self.name))?;
        Ok((name, Content(self.content)))
    }
}

struct Content<'de>(Value<'de>);

impl<'de> VariantAccess<'de> for Content<'de> {
    type Error = Error;

    /// The content is not looked at: a variant that this binary does not know can be read as `#[serde(other)]`.
    fn unit_variant(self) -> Read<()> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Read<T::Value> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Read<V::Value> {
        self.0.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        self.0.deserialize_map(visitor)
    }
}

/// The key of a map: text, from which a type can read something else.
#[derive(Clone, Copy)]
struct Key<'de>(&'de str);

macro_rules! parsed {
    ($($method:ident => $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                // It says which type the key is to have.
                Err(_) => {
                    let text = serde_dynamo::AttributeValue::S(self.0.to_owned());
                    serde_dynamo::Deserializer::from_attribute_value(text).$method(visitor)
                }
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Error;

    parsed! {
        deserialize_bool => visit_bool
        deserialize_i8 => visit_i8
        deserialize_i16 => visit_i16
        deserialize_i32 => visit_i32
        deserialize_i64 => visit_i64
        deserialize_i128 => visit_i128
        deserialize_u8 => visit_u8
        deserialize_u16 => visit_u16
        deserialize_u32 => visit_u32
        deserialize_u64 => visit_u64
        deserialize_u128 => visit_u128
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Read<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Key<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "t", content = "c")]
    enum Adjacent {
        Counts(BTreeMap<i8, u64>),
        Flags(BTreeMap<bool, char>),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum External {
        Known,
        #[serde(other)]
        Other,
    }

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    fn m<const N: usize>(entries: [(&str, AttributeValue); N]) -> AttributeValue {
        AttributeValue::M(entries.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn read<'de, T: Deserialize<'de>>(value: &'de AttributeValue) -> Read<T> {
        T::deserialize(Value::from(value))
    }

    #[test]
    fn the_tag_of_an_enum_is_read_before_its_content() {
        // Each map has an order of its own.
        for _ in 0..20 {
            let number = AttributeValue::N(u64::MAX.to_string());
            let counts = m([("t", s("Counts")), ("c", m([("-1", number)]))]);
            let expected = Adjacent::Counts([(-1, u64::MAX)].into());
            assert_eq!(read::<Adjacent>(&counts).unwrap(), expected);
            let flags = m([
                ("c", m([("true", s("ü"))])),
                ("t", s("Flags")),
                ("x", s("")),
            ]);
            let expected = Adjacent::Flags([(true, 'ü')].into());
            assert_eq!(read::<Adjacent>(&flags).unwrap(), expected);
        }
    }

    #[test]
    fn the_content_of_an_unknown_variant_is_not_looked_at() {
        assert_eq!(read::<External>(&s("Known")).unwrap(), External::Known);
        assert_eq!(read::<External>(&s("New")).unwrap(), External::Other);
        let with_content = m([("New", m([("a", s("b"))]))]);
        assert_eq!(read::<External>(&with_content).unwrap(), External::Other);
        let two = m([("Known", s("")), ("New", s(""))]);
        assert!(read::<External>(&two).is_err());
    }

    #[test]
    fn text_is_borrowed() {
        let list = AttributeValue::L(vec![s("a"), s("b")]);
        assert_eq!(read::<(&str, &str)>(&list).unwrap(), ("a", "b"));
    }
}
