//! The keys of maps on their way to the inner serializer. serde_dynamo panics on keys of some types, so
//! that only those that it writes as text are let through.

use serde::ser::Impossible;
use serde::{Serialize, Serializer};

use super::failure::Failed;
use super::path::{Key, Path};
use super::taken::Taken;

/// A key on its way to the inner serializer.
pub(super) struct KeyValue<'a, T: ?Sized> {
    value: &'a T,
    /// The path of the map.
    map: &'a Path<'a>,
    key: &'a Key<'a>,
    taken: &'a Taken,
}

impl<'a, T: ?Sized> KeyValue<'a, T> {
    #[inline]
    pub(super) fn new(value: &'a T, map: &'a Path<'a>, key: &'a Key<'a>, taken: &'a Taken) -> Self {
        Self {
            value,
            map,
            key,
            taken,
        }
    }
}

impl<T: Serialize + ?Sized> Serialize for KeyValue<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        let (map, key, taken) = (self.map, self.key, self.taken);
        let written = self.value.serialize(KeyAdapter {
            inner,
            map,
            key,
            taken,
        });
        written.map_err(|failed| map.note_written(failed))
    }
}

struct KeyAdapter<'a, S> {
    inner: S,
    map: &'a Path<'a>,
    key: &'a Key<'a>,
    taken: &'a Taken,
}

impl<S: Serializer> KeyAdapter<'_, S> {
    fn see(&self, text: &str) -> Result<(), Failed> {
        if text.is_empty() && self.map.pass.is_checked {
            return Err(Failed::because("the key of a map is empty"));
        }
        self.taken.take(|| text.to_owned())?;
        self.key.see(text);
        Ok(())
    }
}

#[cold]
fn refused<T>() -> Result<T, Failed> {
    Err(Failed::because(
        "the key of a map is not a string, an integer, a boolean or a unit variant",
    ))
}

/// Keys that become text by their `Display`.
macro_rules! displayed {
    ($($method:ident($type:ty);)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<S::Ok, Failed> {
            self.taken.take(|| value.to_string())?;
            self.inner.$method(value).map_err(Failed::inner)
        }
    )*};
}

type None<S> = Impossible<<S as Serializer>::Ok, Failed>;

impl<S: Serializer> Serializer for KeyAdapter<'_, S> {
    type Ok = S::Ok;
    type Error = Failed;
    type SerializeSeq = None<S>;
    type SerializeTuple = None<S>;
    type SerializeTupleStruct = None<S>;
    type SerializeTupleVariant = None<S>;
    type SerializeMap = None<S>;
    type SerializeStruct = None<S>;
    type SerializeStructVariant = None<S>;

    displayed! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<S::Ok, Failed> {
        self.see(text)?;
        self.inner.serialize_str(text).map_err(Failed::inner)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, Failed> {
        self.see(variant)?;
        let written = self.inner.serialize_unit_variant(name, index, variant);
        written.map_err(Failed::inner)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, Failed> {
        let map = self.map.wrapped()?;
        let value = KeyValue::new(value, &map, self.key, self.taken);
        let written = self.inner.serialize_newtype_struct(name, &value);
        written.map_err(Failed::inner)
    }

    fn serialize_f32(self, _: f32) -> Result<S::Ok, Failed> {
        refused()
    }

    fn serialize_f64(self, _: f64) -> Result<S::Ok, Failed> {
        refused()
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<S::Ok, Failed> {
        refused()
    }

    fn serialize_none(self) -> Result<S::Ok, Failed> {
        refused()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<S::Ok, Failed> {
        refused()
    }

    fn serialize_unit(self) -> Result<S::Ok, Failed> {
        refused()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<S::Ok, Failed> {
        refused()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<S::Ok, Failed> {
        refused()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<None<S>, Failed> {
        refused()
    }

    fn serialize_tuple(self, _: usize) -> Result<None<S>, Failed> {
        refused()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<None<S>, Failed> {
        refused()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<None<S>, Failed> {
        refused()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<None<S>, Failed> {
        refused()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<None<S>, Failed> {
        refused()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<None<S>, Failed> {
        refused()
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}
