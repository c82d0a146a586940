//! The adapter around the deserializer of a format: a type's visitor and the parts of a value get a path,
//! and errors lose their values.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::failure::Failed;
use super::path::{Key, Names, Path, Step};

type Read<T> = Result<T, Failed>;

/// A deserializer whose errors have a path and no values.
pub(super) struct Adapter<'a, D> {
    inner: D,
    path: &'a Path<'a>,
    /// If the value is the key of a map.
    key: Option<&'a Key<'a>>,
}

impl<'a, D> Adapter<'a, D> {
    #[inline]
    pub(super) fn new(inner: D, path: &'a Path<'a>, key: Option<&'a Key<'a>>) -> Self {
        Self { inner, path, key }
    }
}

/// The type of a part, on its way to the inner deserializer.
pub(super) struct Seed<'a, T> {
    inner: T,
    path: &'a Path<'a>,
    key: Option<&'a Key<'a>>,
}

impl<'a, T> Seed<'a, T> {
    #[inline]
    pub(super) fn new(inner: T, path: &'a Path<'a>) -> Self {
        let key = None;
        Self { inner, path, key }
    }

    #[inline]
    pub(super) fn of_key(inner: T, path: &'a Path<'a>, key: &'a Key<'a>) -> Self {
        let key = Some(key);
        Self { inner, path, key }
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T::Value, D::Error> {
        let Self { path, key, .. } = self;
        let read = self.inner.deserialize(Adapter::new(inner, path, key));
        read.map_err(|failed| path.note_read(failed))
    }
}

macro_rules! forward {
    ($($method:ident($($name:ident: $type:ty),*);)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Read<V::Value> {
            let visitor = Seen::new(visitor, self.path, self.key, self.path.names());
            self.inner.$method($($name,)* visitor).map_err(Failed::inner)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Adapter<'_, D> {
    type Error = Failed;

    forward! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize);
        deserialize_map();
        deserialize_identifier();
        deserialize_ignored_any();
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        let visitor = Seen::new(visitor, self.path, self.key, Names::Of(fields));
        let read = self.inner.deserialize_struct(name, fields, visitor);
        read.map_err(Failed::inner)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        let visitor = Seen::new(visitor, self.path, self.key, Names::Of(variants));
        let read = self.inner.deserialize_enum(name, variants, visitor);
        read.map_err(Failed::inner)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A visitor whose own errors are noted with their path.
pub(super) struct Seen<'a, V> {
    inner: V,
    path: &'a Path<'a>,
    key: Option<&'a Key<'a>>,
    /// The names that keys or variants of the value can have in a path.
    names: Names<'a>,
}

impl<'a, V> Seen<'a, V> {
    #[inline]
    pub(super) fn new(
        inner: V,
        path: &'a Path<'a>,
        key: Option<&'a Key<'a>>,
        names: Names<'a>,
    ) -> Self {
        Self {
            inner,
            path,
            key,
            names,
        }
    }

    #[inline]
    fn see(&self, text: &str) {
        if let Some(key) = self.key {
            key.see(text);
        }
    }
}

macro_rules! scalars {
    ($($method:ident($($value:ident: $type:ty)?);)*) => {$(
        #[inline]
        fn $method<E: Error>(self $(, $value: $type)?) -> Result<V::Value, E> {
            let visited = self.inner.$method($($value)?);
            visited.map_err(|failed: Failed| self.path.note_read(failed))
        }
    )*};
}

macro_rules! texts {
    ($($method:ident($type:ty);)*) => {$(
        #[inline]
        fn $method<E: Error>(self, text: $type) -> Result<V::Value, E> {
            self.see(&text);
            let visited = self.inner.$method(text);
            visited.map_err(|failed: Failed| self.path.note_read(failed))
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Seen<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    scalars! {
        visit_none();
        visit_unit();
        visit_bool(value: bool);
        visit_i8(value: i8);
        visit_i16(value: i16);
        visit_i32(value: i32);
        visit_i64(value: i64);
        visit_i128(value: i128);
        visit_u8(value: u8);
        visit_u16(value: u16);
        visit_u32(value: u32);
        visit_u64(value: u64);
        visit_u128(value: u128);
        visit_f32(value: f32);
        visit_f64(value: f64);
        visit_char(value: char);
        visit_bytes(value: &[u8]);
        visit_borrowed_bytes(value: &'de [u8]);
        visit_byte_buf(value: Vec<u8>);
    }

    texts! {
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let path = self.path.wrapped().map_err(|it| self.path.note_read(it))?;
        let visited = self.inner.visit_some(Adapter::new(inner, &path, self.key));
        visited.map_err(|failed| path.note_read(failed))
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let path = self.path.wrapped().map_err(|it| self.path.note_read(it))?;
        let visited = self
            .inner
            .visit_newtype_struct(Adapter::new(inner, &path, self.key));
        visited.map_err(|failed| path.note_read(failed))
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let path = self.path;
        let elements = Elements {
            inner,
            path,
            index: 0,
        };
        let visited = self.inner.visit_seq(elements);
        visited.map_err(|failed| path.note_read(failed))
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let path = self.path;
        let entries = Entries {
            inner,
            path,
            key: Key::new(self.names),
            has_key: false,
        };
        let visited = self.inner.visit_map(entries);
        visited.map_err(|failed| path.note_read(failed))
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let path = self.path;
        let key = Key::new(self.names);
        let visited = self.inner.visit_enum(Tag { inner, path, key });
        visited.map_err(|failed| path.note_read(failed))
    }
}

struct Elements<'a, A> {
    inner: A,
    path: &'a Path<'a>,
    index: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = Failed;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<Option<T::Value>> {
        let path = self.path.below(Step::Index(self.index));
        self.index += 1;
        let read = self.inner.next_element_seed(Seed::new(seed, &path));
        read.map_err(Failed::inner)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

struct Entries<'a, A> {
    inner: A,
    path: &'a Path<'a>,
    key: Key<'a>,
    has_key: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'_, A> {
    type Error = Failed;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Read<Option<K::Value>> {
        self.key.forget();
        let path = self.path.below(Step::Key(&self.key));
        let seed = Seed::of_key(seed, &path, &self.key);
        let read = self.inner.next_key_seed(seed).map_err(Failed::inner)?;
        self.has_key = read.is_some();
        Ok(read)
    }

    /// serde_dynamo panics if there was no key.
    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<T::Value> {
        if !std::mem::take(&mut self.has_key) {
            let reason = "its `Deserialize` asks for a value without its key";
            return Err(Failed::because(reason));
        }
        let path = self.path.below(Step::Key(&self.key));
        let read = self.inner.next_value_seed(Seed::new(seed, &path));
        read.map_err(Failed::inner)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

struct Tag<'a, A> {
    inner: A,
    path: &'a Path<'a>,
    key: Key<'a>,
}

impl<'a, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Tag<'a, A> {
    type Error = Failed;
    type Variant = Content<'a, A::Variant>;

    #[inline]
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Read<(T::Value, Self::Variant)> {
        let seed = Seed::of_key(seed, self.path, &self.key);
        let (tag, inner) = self.inner.variant_seed(seed).map_err(Failed::inner)?;
        let content = Content {
            inner,
            path: self.path,
            variant: self.key.name(),
        };
        Ok((tag, content))
    }
}

/// The content of a variant.
struct Content<'a, A> {
    inner: A,
    path: &'a Path<'a>,
    variant: Option<&'static str>,
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Content<'_, A> {
    type Error = Failed;

    #[inline]
    fn unit_variant(self) -> Read<()> {
        self.inner.unit_variant().map_err(Failed::inner)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Read<T::Value> {
        let path = self.path.variant(self.variant);
        let read = self.inner.newtype_variant_seed(Seed::new(seed, &path));
        read.map_err(Failed::inner)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Read<V::Value> {
        let path = self.path.variant(self.variant);
        let visitor = Seen::new(visitor, &path, None, Names::Hidden);
        let read = self.inner.tuple_variant(length, visitor);
        read.map_err(|error| path.noted(Failed::inner(error)))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        let path = self.path.variant(self.variant);
        let visitor = Seen::new(visitor, &path, None, Names::Of(fields));
        let read = self.inner.struct_variant(fields, visitor);
        read.map_err(|error| path.noted(Failed::inner(error)))
    }
}
