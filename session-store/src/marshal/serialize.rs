//! The adapter around serde_dynamo's serializer.

use serde::{Serialize, Serializer};

use super::compound::{Elements, Entries, Fields, Variant};
use super::failure::Failed;
use super::json::{self, NUMBER, RAW};
use super::part::{Adapt, Part};
use super::path::Path;
use super::taken::Taken;

/// Puts the adapter around the serializer of each part.
pub(super) struct Adapting;

impl Adapt for Adapting {
    #[inline]
    fn write<T, S>(value: &T, inner: S, path: &Path<'_>) -> Result<S::Ok, Failed>
    where
        T: Serialize + ?Sized,
        S: Serializer,
    {
        value.serialize(Adapter { inner, path })
    }
}

/// A serializer whose errors have a path and no values.
struct Adapter<'a, S> {
    inner: S,
    path: &'a Path<'a>,
}

/// The names by which serde_dynamo marks a set begin with a character that no type's name has.
const SET: char = '\u{37e}';

/// The largest length that is believed before its elements are there.
const MAX_HINT: usize = 4096;

macro_rules! forward {
    ($($method:ident($type:ty);)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<S::Ok, Failed> {
            self.inner.$method(value).map_err(Failed::inner)
        }
    )*};
}

impl<'a, S: Serializer> Serializer for Adapter<'a, S> {
    type Ok = S::Ok;
    type Error = Failed;
    type SerializeSeq = Elements<'a, S::SerializeSeq, Adapting>;
    type SerializeTuple = Elements<'a, S::SerializeTuple, Adapting>;
    type SerializeTupleStruct = Elements<'a, S::SerializeTupleStruct, Adapting>;
    type SerializeTupleVariant = Variant<'a, S::SerializeTupleVariant, Adapting>;
    type SerializeMap = Entries<'a, S::SerializeMap, Adapting>;
    type SerializeStruct = Fields<'a, S, Adapting>;
    type SerializeStructVariant = Variant<'a, S::SerializeStructVariant, Adapting>;

    forward! {
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
        serialize_str(&str);
        serialize_bytes(&[u8]);
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<S::Ok, Failed> {
        if self.path.pass.is_checked {
            check_float(value.into())?;
        }
        self.inner.serialize_f32(value).map_err(Failed::inner)
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<S::Ok, Failed> {
        if self.path.pass.is_checked {
            check_float(value)?;
        }
        self.inner.serialize_f64(value).map_err(Failed::inner)
    }

    #[inline]
    fn serialize_none(self) -> Result<S::Ok, Failed> {
        self.inner.serialize_none().map_err(Failed::inner)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, Failed> {
        let path = self.path.wrapped()?;
        let value = Part::<_, Adapting>::new(value, &path);
        self.inner.serialize_some(&value).map_err(Failed::inner)
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, Failed> {
        self.inner.serialize_unit().map_err(Failed::inner)
    }

    #[inline]
    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, Failed> {
        let written = self.inner.serialize_unit_struct(name);
        written.map_err(Failed::inner)
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, Failed> {
        let written = self.inner.serialize_unit_variant(name, index, variant);
        written.map_err(Failed::inner)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, Failed> {
        // serde_dynamo itself knows a set by the address of this name.
        let path = match name.starts_with(SET) {
            true => self.path.as_set(),
            false => self.path.wrapped()?,
        };
        let value = Part::<_, Adapting>::new(value, &path);
        let written = self.inner.serialize_newtype_struct(name, &value);
        written.map_err(Failed::inner)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, Failed> {
        self.path.check_depth()?;
        let path = self.path.variant(Some(variant));
        let value = Part::<_, Adapting>::new(value, &path);
        let inner = self.inner;
        let written = inner.serialize_newtype_variant(name, index, variant, &value);
        written.map_err(Failed::inner)
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, Failed> {
        self.path.check_depth()?;
        let inner = self.inner.serialize_seq(length.map(|n| n.min(MAX_HINT)));
        Ok(Elements::new(inner.map_err(Failed::inner)?, self.path))
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, Failed> {
        self.path.check_depth()?;
        let inner = self.inner.serialize_tuple(length.min(MAX_HINT));
        Ok(Elements::new(inner.map_err(Failed::inner)?, self.path))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, Failed> {
        self.path.check_depth()?;
        let length = length.min(MAX_HINT);
        let inner = self.inner.serialize_tuple_struct(name, length);
        Ok(Elements::new(inner.map_err(Failed::inner)?, self.path))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, Failed> {
        // The variant is a map, and its fields a list in it.
        self.path.variant(Some(variant)).check_depth()?;
        let inner = self.inner;
        let inner = inner.serialize_tuple_variant(name, index, variant, length.min(MAX_HINT));
        let inner = inner.map_err(Failed::inner)?;
        Ok(Variant::new(inner, self.path, variant))
    }

    #[inline]
    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, Failed> {
        self.path.check_depth()?;
        let taken = Taken::of(self.path);
        let inner = self.inner.serialize_map(length.map(|n| n.min(MAX_HINT)));
        Ok(Entries::new(
            inner.map_err(Failed::inner)?,
            self.path,
            taken,
        ))
    }

    #[inline]
    fn serialize_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStruct, Failed> {
        match name {
            NUMBER => return Ok(Fields::number(self.inner, self.path)),
            RAW => return Err(Failed::because(json::RAW_IS_REFUSED)),
            _ => {}
        }
        self.path.check_depth()?;
        let inner = self.inner.serialize_struct(name, length.min(MAX_HINT));
        Ok(Fields::new(inner.map_err(Failed::inner)?, self.path))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, Failed> {
        self.path.variant(Some(variant)).check_depth()?;
        let inner = self.inner;
        let inner = inner.serialize_struct_variant(name, index, variant, length.min(MAX_HINT));
        let inner = inner.map_err(Failed::inner)?;
        Ok(Variant::new(inner, self.path, variant))
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// DynamoDB's numbers are decimal, finite, and not as large or small as an `f64` can be. The digits of any
/// float fit.
fn check_float(value: f64) -> Result<(), Failed> {
    let size = value.abs();
    if !value.is_finite() {
        Err(Failed::because("not a finite decimal number"))
    } else if size >= 1e126 {
        Err(Failed::because("a number beyond 9.99e125"))
    } else if size < 1e-130 && size > 0.0 {
        Err(Failed::because("a number closer to zero than 1e-130"))
    } else {
        Ok(())
    }
}
