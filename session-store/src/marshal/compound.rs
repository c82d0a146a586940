//! The parts of a value on their way to the inner serializer, each with its path.

use std::marker::PhantomData;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer};

use super::failure::Failed;
use super::json;
use super::keys::KeyValue;
use super::part::{Adapt, Part};
use super::path::{Key, Path, Step};
use super::taken::{TWICE, Taken};

/// The elements of a list.
pub(super) struct Elements<'a, C, A> {
    inner: C,
    adapt: PhantomData<A>,
    path: &'a Path<'a>,
    index: usize,
}

impl<'a, C, A> Elements<'a, C, A> {
    #[inline]
    pub(super) fn new(inner: C, path: &'a Path<'a>) -> Self {
        Self {
            inner,
            adapt: PhantomData,
            path,
            index: 0,
        }
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident)*) => {$(
        impl<C: $trait, A: Adapt> $trait for Elements<'_, C, A> {
            type Ok = C::Ok;
            type Error = Failed;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
                let path = self.path.below(Step::Index(self.index));
                self.index += 1;
                self.inner.$method(&Part::<_, A>::new(value, &path)).map_err(Failed::inner)
            }

            #[inline]
            fn end(self) -> Result<C::Ok, Failed> {
                if self.index == 0 && self.path.is_set() && self.path.pass.is_checked {
                    return Err(Failed::because("a set is empty; leave it out with `None`"));
                }
                self.inner.end().map_err(Failed::inner)
            }
        }
    )*};
}

elements! {
    SerializeSeq::serialize_element
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
}

/// The entries of a map.
pub(super) struct Entries<'a, C, A> {
    inner: C,
    adapt: PhantomData<A>,
    path: &'a Path<'a>,
    key: Key<'a>,
    taken: Taken,
}

impl<'a, C, A> Entries<'a, C, A> {
    /// `taken` has the keys that the map cannot have again.
    #[inline]
    pub(super) fn new(inner: C, path: &'a Path<'a>, taken: Taken) -> Self {
        Self {
            inner,
            adapt: PhantomData,
            path,
            key: Key::new(path.names()),
            taken,
        }
    }
}

impl<C: SerializeMap, A: Adapt> SerializeMap for Entries<'_, C, A> {
    type Ok = C::Ok;
    type Error = Failed;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failed> {
        self.key.forget();
        let key = KeyValue::new(key, self.path, &self.key, &self.taken);
        self.inner.serialize_key(&key).map_err(Failed::inner)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        let path = self.path.below(Step::Key(&self.key));
        let value = Part::<_, A>::new(value, &path);
        self.inner.serialize_value(&value).map_err(Failed::inner)
    }

    #[inline]
    fn serialize_entry<K, V>(&mut self, key: &K, value: &V) -> Result<(), Failed>
    where
        K: Serialize + ?Sized,
        V: Serialize + ?Sized,
    {
        self.key.forget();
        // The inner serializer takes the key before the value, and so the path of the value knows it.
        let path = self.path.below(Step::Key(&self.key));
        let key = KeyValue::new(key, self.path, &self.key, &self.taken);
        let value = Part::<_, A>::new(value, &path);
        self.inner
            .serialize_entry(&key, &value)
            .map_err(Failed::inner)
    }

    #[inline]
    fn end(self) -> Result<C::Ok, Failed> {
        self.inner.end().map_err(Failed::inner)
    }
}

/// The fields of a struct, or a number of serde_json in the form of one.
pub(super) enum Fields<'a, S: Serializer, A> {
    Struct {
        inner: S::SerializeStruct,
        adapt: PhantomData<A>,
        path: &'a Path<'a>,
        /// The tag of an internally tagged enum, if the struct is its content.
        first: Option<&'static str>,
    },
    Number {
        inner: S,
        path: &'a Path<'a>,
        digits: Option<String>,
    },
}

impl<'a, S: Serializer, A> Fields<'a, S, A> {
    #[inline]
    pub(super) fn new(inner: S::SerializeStruct, path: &'a Path<'a>) -> Self {
        Self::Struct {
            inner,
            adapt: PhantomData,
            path,
            first: None,
        }
    }

    pub(super) fn number(inner: S, path: &'a Path<'a>) -> Self {
        let digits = None;
        Self::Number {
            inner,
            path,
            digits,
        }
    }
}

impl<S: Serializer, A: Adapt> SerializeStruct for Fields<'_, S, A> {
    type Ok = S::Ok;
    type Error = Failed;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Failed> {
        match self {
            Self::Struct {
                inner, path, first, ..
            } => {
                if path.leaves_out(name) {
                    return inner.skip_field(name).map_err(Failed::inner);
                }
                check_name(name, path)?;
                if *first == Some(name) && path.pass.is_checked {
                    return Err(Failed::because(TWICE));
                }
                first.get_or_insert(name);
                let path = path.below(Step::Name(name));
                let value = Part::<_, A>::new(value, &path);
                inner.serialize_field(name, &value).map_err(Failed::inner)
            }
            Self::Number { path, digits, .. } => {
                let value = A::write(value, serde_dynamo::Serializer, path)?;
                *digits = match value.into() {
                    AttributeValue::S(text) => Some(text),
                    _ => None,
                };
                Ok(())
            }
        }
    }

    #[inline]
    fn skip_field(&mut self, name: &'static str) -> Result<(), Failed> {
        match self {
            Self::Struct { inner, .. } => inner.skip_field(name).map_err(Failed::inner),
            Self::Number { .. } => Ok(()),
        }
    }

    #[inline]
    fn end(self) -> Result<S::Ok, Failed> {
        match self {
            Self::Struct { inner, .. } => inner.end().map_err(Failed::inner),
            Self::Number {
                inner,
                path,
                digits,
            } => json::write_number::<A, S>(inner, path, digits.as_deref()),
        }
    }
}

#[inline]
fn check_name(name: &str, path: &Path<'_>) -> Result<(), Failed> {
    if name.is_empty() && path.pass.is_checked {
        return Err(Failed::because("the name of a field is empty"));
    }
    Ok(())
}

/// The fields of a variant.
pub(super) struct Variant<'a, C, A> {
    inner: C,
    adapt: PhantomData<A>,
    path: &'a Path<'a>,
    name: &'static str,
    index: usize,
}

impl<'a, C, A> Variant<'a, C, A> {
    pub(super) fn new(inner: C, path: &'a Path<'a>, name: &'static str) -> Self {
        Self {
            inner,
            adapt: PhantomData,
            path,
            name,
            index: 0,
        }
    }
}

impl<C: SerializeTupleVariant, A: Adapt> SerializeTupleVariant for Variant<'_, C, A> {
    type Ok = C::Ok;
    type Error = Failed;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        let variant = self.path.variant(Some(self.name));
        let path = variant.below(Step::Index(self.index));
        self.index += 1;
        let value = Part::<_, A>::new(value, &path);
        self.inner.serialize_field(&value).map_err(Failed::inner)
    }

    fn end(self) -> Result<C::Ok, Failed> {
        self.inner.end().map_err(Failed::inner)
    }
}

impl<C: SerializeStructVariant, A: Adapt> SerializeStructVariant for Variant<'_, C, A> {
    type Ok = C::Ok;
    type Error = Failed;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Failed> {
        check_name(name, self.path)?;
        let variant = self.path.variant(Some(self.name));
        let path = variant.below(Step::Name(name));
        let value = Part::<_, A>::new(value, &path);
        let written = self.inner.serialize_field(name, &value);
        written.map_err(Failed::inner)
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), Failed> {
        self.inner.skip_field(name).map_err(Failed::inner)
    }

    fn end(self) -> Result<C::Ok, Failed> {
        self.inner.end().map_err(Failed::inner)
    }
}
