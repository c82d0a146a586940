//! The forms of `data`: a map, or packed into bytes, compressed or not.
//!
//! The rest of the store sees packed data as a map. It is unpacked as soon as an item comes from
//! DynamoDB. It is packed when it is written: all of it, and only onto the version that the copy was made
//! from.

mod cbor;
mod memory;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::TooLargeError;
use crate::error::{Cause, DecodeError};
use crate::id::SessionHandle;
use crate::item::value::{Map, attribute_size};
use crate::schema::Schema;

const CBOR: &str = "cbor";
const COMPRESSED: &str = "cbor+zstd";

/// Data of fewer bytes is not compressed. A write unit is 1 KB, and an item has some 200 bytes beside
/// its data, so compressing it would save nothing.
#[cfg(feature = "zstd")]
const MIN_COMPRESSED: usize = 768;

/// zstd's own default. For a few KB, lower levels are hardly faster, and higher ones hardly smaller.
#[cfg(feature = "zstd")]
const LEVEL: i32 = 3;

/// Data of more bytes is not compressed, and then too large for an item, so that no item can make a reader
/// decompress more. [`memory`] bounds the values in it.
#[cfg(feature = "zstd")]
const MAX_UNPACKED: usize = 16 << 20;

/// Encodes and decodes `data`. Only this type knows the form in which a session type stores it.
pub(crate) struct Codec {
    schema: &'static Schema,
    /// The largest item of a session, in bytes.
    max_size: usize,
}

/// By how much a new id can make a session larger than other writes. A visitor can fill a session, and has to be
/// able to log in with it.
const ROOM: usize = 4096;

/// The same if the limit is that of DynamoDB, or if the session is larger than its limit already.
const ROOM_BELOW_LIMIT: usize = 512;

/// `data` as bytes.
pub(crate) struct Packed {
    pub(crate) bytes: AttributeValue,
    /// The name of the format, for the attribute beside `data`.
    pub(crate) format: &'static str,
}

impl Codec {
    pub(crate) fn new(schema: &'static Schema) -> Self {
        Self {
            schema,
            max_size: TooLargeError::LIMIT,
        }
    }

    /// The same with a limit of its own for the size of a session.
    pub(crate) fn with_max_size(self, max_size: usize) -> Self {
        Self { max_size, ..self }
    }

    #[cfg(any(feature = "_record", feature = "test-util"))]
    pub(crate) fn with_schema(&self, schema: &'static Schema) -> Self {
        Self { schema, ..*self }
    }

    /// The largest item that a write can store under the id that the session has.
    pub(crate) fn max_size(&self) -> usize {
        self.max_size.min(TooLargeError::LIMIT - ROOM_BELOW_LIMIT)
    }

    /// The largest item under a new id, of a session that had the size `before`. It is asked for only if it counts.
    pub(crate) fn max_size_of_new_id(&self, before: impl FnOnce() -> usize) -> usize {
        let limit = self.max_size.saturating_add(ROOM);
        if limit >= TooLargeError::LIMIT {
            return TooLargeError::LIMIT;
        }
        let limit = limit.max(before() + ROOM_BELOW_LIMIT);
        limit.min(TooLargeError::LIMIT)
    }

    pub(crate) fn schema(&self) -> &'static Schema {
        self.schema
    }

    /// Packs `data` into bytes if the type says so; `None` if it is stored as a map.
    pub(crate) fn pack(&self, data: impl FnOnce() -> Map) -> Option<Packed> {
        let schema = self.schema;
        if !schema.binary && !schema.compressed {
            return None;
        }
        let data = data();
        let bytes = cbor::encode(&data);
        let (bytes, format) = match compress(schema, &data, &bytes) {
            Some(compressed) => (compressed, COMPRESSED),
            None if schema.binary => (bytes, CBOR),
            None => return None,
        };
        Some(Packed {
            bytes: AttributeValue::B(Blob::new(bytes)),
            format,
        })
    }

    /// Whether the data of this item is stored as bytes.
    pub(crate) fn is_packed(&self, item: &Map) -> bool {
        item.contains_key(self.schema.names.format)
    }

    /// Replaces the `data` of an item by its map, whatever its format.
    ///
    /// [`is_packed`](Self::is_packed) still says how it was stored.
    pub(crate) fn unpack(&self, handle: SessionHandle, item: &mut Map) -> Result<(), DecodeError> {
        let names = &self.schema.names;
        let wrong = |name: &str, cause: Cause| Err(DecodeError::new(handle, name, cause));
        let format = match item.get(names.format) {
            None => None,
            Some(AttributeValue::S(format)) if format == CBOR || format == COMPRESSED => {
                Some(format)
            }
            Some(_) => {
                let cause = "this version cannot read this format";
                return wrong(names.format, cause.into());
            }
        };
        let unpacked = match (item.get(names.data), format) {
            (Some(AttributeValue::M(_)), _) => return Ok(()),
            (Some(AttributeValue::B(bytes)), Some(format)) => {
                let bytes = bytes.as_ref();
                if format == COMPRESSED {
                    decompress(bytes).and_then(|bytes| unpack_bytes(&bytes))
                } else {
                    unpack_bytes(bytes)
                }
            }
            (Some(_), None) => return wrong(names.data, "it is not a map".into()),
            (Some(_), Some(_)) => return wrong(names.data, "it is not binary".into()),
            (None, _) => return wrong(names.data, "it is missing".into()),
        };
        match unpacked {
            Ok(data) => {
                item.insert(names.data.to_owned(), AttributeValue::M(data));
                Ok(())
            }
            Err(cause) => wrong(names.data, cause),
        }
    }
}

impl Packed {
    /// The number of bytes that it takes in the item, without the name of `data`.
    pub(crate) fn size(&self, schema: &Schema) -> usize {
        attribute_size("", &self.bytes) + schema.names.format.len() + self.format.len()
    }
}

/// Reads the map from bytes that are not compressed.
pub(crate) fn unpack_bytes(bytes: &[u8]) -> Result<Map, Cause> {
    cbor::decode(bytes)
}

#[cfg(feature = "zstd")]
fn compress(schema: &Schema, data: &Map, bytes: &[u8]) -> Option<Vec<u8>> {
    if !schema.compressed || !(MIN_COMPRESSED..=MAX_UNPACKED).contains(&bytes.len()) {
        return None;
    }
    // Data that fits into an item without compression is within the bound.
    if bytes.len() > TooLargeError::LIMIT && !memory::suffices_for(data) {
        return None;
    }
    let compressed = zstd::bulk::compress(bytes, LEVEL).ok()?;
    Some(compressed).filter(|compressed| compressed.len() < bytes.len())
}

/// A type that asks for compression does not compile without the feature.
#[cfg(not(feature = "zstd"))]
fn compress(_: &Schema, _: &Map, _: &[u8]) -> Option<Vec<u8>> {
    None
}

#[cfg(feature = "zstd")]
pub(crate) fn decompress(bytes: &[u8]) -> Result<Vec<u8>, Cause> {
    let size = zstd::bulk::Decompressor::upper_bound(bytes);
    match size {
        Some(size) if size <= MAX_UNPACKED => Ok(zstd::bulk::decompress(bytes, size)?),
        _ => Err("its uncompressed size is unknown, or larger than this store writes".into()),
    }
}

#[cfg(not(feature = "zstd"))]
pub(crate) fn decompress(_: &[u8]) -> Result<Vec<u8>, Cause> {
    Err("it is compressed; enable the feature `zstd` of session-store".into())
}

#[cfg(all(test, feature = "zstd"))]
mod tests {
    use super::*;
    use crate::error::TooLargeError;

    const COMPRESSING: Schema = Schema::new("sessions").binary().compressed();

    fn data(values: usize) -> Map {
        let list = vec![AttributeValue::Bool(true); values];
        Map::from([("list".to_owned(), AttributeValue::L(list))])
    }

    fn handle() -> SessionHandle {
        SessionHandle::of_secret(b"secret")
    }

    fn unpacked(bytes: AttributeValue, format: &str) -> Result<Map, DecodeError> {
        let format = AttributeValue::S(format.to_owned());
        let mut item = Map::from([("data".to_owned(), bytes), ("format".to_owned(), format)]);
        Codec::new(&COMPRESSING).unpack(handle(), &mut item)?;
        Ok(item)
    }

    #[test]
    fn an_item_of_few_bytes_cannot_ask_for_millions_of_values() {
        for values in [TooLargeError::LIMIT + 1, 4 << 20, 15 << 20] {
            let frame = zstd::bulk::compress(&cbor::encode(&data(values)), LEVEL).unwrap();
            assert!(frame.len() < 4096, "{} bytes", frame.len());
            let error = unpacked(AttributeValue::B(Blob::new(frame)), COMPRESSED).unwrap_err();
            assert_eq!(error.path, "data");
        }
    }

    #[test]
    fn a_frame_that_claims_more_than_16_mb_is_refused_before_anything_is_allocated() {
        // A header of one segment, with a size of 8 bytes.
        let claims = [
            &[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..],
            &(1_u64 << 40).to_le_bytes(),
        ]
        .concat();
        assert!(decompress(&claims).is_err());
    }

    #[test]
    fn data_is_compressed_only_if_it_can_be_read_again() {
        let codec = Codec::new(&COMPRESSING);
        for (values, format) in [(400_000, COMPRESSED), (410_000, CBOR), (2_000_000, CBOR)] {
            let packed = codec.pack(|| data(values)).unwrap();
            assert_eq!(packed.format, format, "{values}");
            let fits = packed.size(&COMPRESSING) < TooLargeError::LIMIT;
            assert_eq!(
                fits,
                unpacked(packed.bytes, packed.format).is_ok(),
                "{values}"
            );
        }
    }

    #[test]
    fn a_large_text_is_still_compressed_and_read() {
        let text = AttributeValue::S("text ".repeat(2 << 20));
        let data = Map::from([("text".to_owned(), text)]);
        let packed = Codec::new(&COMPRESSING).pack(|| data.clone()).unwrap();
        assert_eq!(packed.format, COMPRESSED);
        let item = unpacked(packed.bytes, packed.format).unwrap();
        assert_eq!(item["data"], AttributeValue::M(data));
    }
}
