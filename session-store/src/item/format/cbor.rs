//! A map of DynamoDB's values as CBOR (RFC 8949), and back.
//!
//! A number is an integer if it fits, otherwise a float if that has the same decimal form, otherwise a
//! decimal fraction (tag 4). A set is an array with tag 258. Entries are in the order of their names, so
//! that the same map always gives the same bytes.

use std::array::TryFromSliceError;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use minicbor::data::{IanaTag, Int, Tag, Type};
use minicbor::{Decoder, Encoder};

use crate::error::Cause;
use crate::item::value::Map;
use crate::marshal::{MAX_DEPTH, Number};

use super::memory::{Exceeded, Memory};

const SET: Tag = Tag::new(258);

type Encoded = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

pub(super) fn encode(data: &Map) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    // Writing to memory cannot fail.
    let _: Encoded = map(&mut e, data);
    e.into_writer()
}

fn map(e: &mut Encoder<Vec<u8>>, entries: &Map) -> Encoded {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_unstable_by_key(|(name, _)| *name);
    e.map(entries.len() as u64)?;
    for (name, value) in entries {
        e.str(name)?;
        write(e, value)?;
    }
    Ok(())
}

fn write(e: &mut Encoder<Vec<u8>>, value: &AttributeValue) -> Encoded {
    match value {
        AttributeValue::S(text) => e.str(text)?,
        AttributeValue::B(bytes) => e.bytes(bytes.as_ref())?,
        AttributeValue::Bool(value) => e.bool(*value)?,
        AttributeValue::N(text) => return number(e, text),
        AttributeValue::M(entries) => return map(e, entries),
        AttributeValue::L(values) => {
            e.array(values.len() as u64)?;
            return values.iter().try_for_each(|value| write(e, value));
        }
        AttributeValue::Ss(texts) => {
            e.tag(SET)?.array(texts.len() as u64)?;
            return texts.iter().try_for_each(|text| e.str(text).map(drop));
        }
        AttributeValue::Bs(blobs) => {
            e.tag(SET)?.array(blobs.len() as u64)?;
            return blobs.iter().try_for_each(|b| e.bytes(b.as_ref()).map(drop));
        }
        AttributeValue::Ns(numbers) => {
            e.tag(SET)?.array(numbers.len() as u64)?;
            return numbers.iter().try_for_each(|text| number(e, text));
        }
        // An image holds no value of a type that this version does not know.
        _ => e.null()?,
    };
    Ok(())
}

fn number(e: &mut Encoder<Vec<u8>>, text: &str) -> Encoded {
    let Ok(number) = Number::parse(text) else {
        // An image holds only numbers that DynamoDB accepts.
        e.null()?;
        return Ok(());
    };
    let (mantissa, exponent) = number.mantissa();
    if let Some(integer) = integer(&number) {
        e.int(integer)?;
    } else if let Some(float) = float(&number.text()) {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the next line checks for it"
        )]
        let single = float as f32;
        if f64::from(single) == float {
            e.f32(single)?;
        } else {
            e.f64(float)?;
        }
    } else {
        e.tag(IanaTag::Decimal)?.array(2)?.i64(exponent)?;
        match (u64::try_from(mantissa), number.is_negative()) {
            (Ok(mantissa), false) => e.u64(mantissa)?,
            (_, false) => e.tag(IanaTag::PosBignum)?.bytes(&mantissa.to_be_bytes())?,
            // CBOR stores -1 - n. A mantissa is not zero here: zero is an integer.
            (_, true) => {
                let n = mantissa.saturating_sub(1);
                e.tag(IanaTag::NegBignum)?.bytes(&n.to_be_bytes())?
            }
        };
    }
    Ok(())
}

/// The number as an integer of CBOR, if it is one.
fn integer(number: &Number) -> Option<Int> {
    let (mantissa, exponent) = number.mantissa();
    let power = 10_u128.checked_pow(u32::try_from(exponent).ok()?)?;
    let integer = i128::try_from(mantissa.checked_mul(power)?).ok()?;
    Int::try_from(if number.is_negative() {
        -integer
    } else {
        integer
    })
    .ok()
}

/// The float whose shortest decimal form is this text.
fn float(text: &str) -> Option<f64> {
    let float: f64 = text.parse().ok()?;
    (float.to_string() == text).then_some(float)
}

/// The map in these bytes, or the reason why they are not one.
pub(super) fn decode(bytes: &[u8]) -> Result<Map, Cause> {
    read(bytes).map_err(|Malformed(reason)| reason.into())
}

/// Why bytes are not a map, without the values in them: the errors of minicbor can have numbers.
struct Malformed(&'static str);

impl From<&'static str> for Malformed {
    fn from(reason: &'static str) -> Self {
        Self(reason)
    }
}

impl From<minicbor::decode::Error> for Malformed {
    fn from(error: minicbor::decode::Error) -> Self {
        Self(if error.is_end_of_input() {
            "the bytes end too early"
        } else if error.is_type_mismatch() {
            "a value has a type that this store does not write there"
        } else {
            "the bytes are not CBOR as this store writes it"
        })
    }
}

impl From<TryFromSliceError> for Malformed {
    fn from(_: TryFromSliceError) -> Self {
        Self("a large number is not of 16 bytes")
    }
}

impl From<Exceeded> for Malformed {
    fn from(_: Exceeded) -> Self {
        Self("it has more or larger values than this store writes")
    }
}

fn read(bytes: &[u8]) -> Result<Map, Malformed> {
    let mut reader = Reader {
        decoder: Decoder::new(bytes),
        size: bytes.len(),
        memory: Memory::default(),
    };
    let map = reader.map(0)?;
    match reader.left() {
        0 => Ok(map),
        _ => Err("trailing bytes after the map".into()),
    }
}

struct Reader<'b> {
    decoder: Decoder<'b>,
    size: usize,
    memory: Memory,
}

impl Reader<'_> {
    /// The bytes that are not read yet.
    fn left(&self) -> usize {
        self.size.saturating_sub(self.decoder.position())
    }

    /// The map that comes next, with this number of containers around it.
    fn map(&mut self, depth: usize) -> Result<Map, Malformed> {
        let length = self.decoder.map()?;
        let length = self.length(length, 2, depth)?;
        (0..length)
            .map(|_| {
                let name = self.decoder.str()?;
                self.memory.take_name(name)?;
                Ok((name.to_owned(), self.value(depth + 1)?))
            })
            .collect()
    }

    fn array(&mut self, depth: usize) -> Result<Vec<AttributeValue>, Malformed> {
        let length = self.decoder.array()?;
        let length = self.length(length, 1, depth)?;
        (0..length).map(|_| self.value(depth + 1)).collect()
    }

    /// The length that a container announces, if as many parts of at least so many bytes can follow.
    fn length(&self, length: Option<u64>, least: usize, depth: usize) -> Result<u64, Malformed> {
        let length = length.ok_or("a length is missing")?;
        if depth >= MAX_DEPTH {
            return Err("it is nested too deep".into());
        }
        if length > (self.left() / least) as u64 {
            return Err("a length is larger than the bytes that follow".into());
        }
        Ok(length)
    }

    fn value(&mut self, depth: usize) -> Result<AttributeValue, Malformed> {
        Ok(match self.decoder.datatype()? {
            Type::Map => {
                self.memory.take_value()?;
                AttributeValue::M(self.map(depth)?)
            }
            Type::Array => {
                self.memory.take_value()?;
                AttributeValue::L(self.array(depth)?)
            }
            Type::Tag if Decoder::clone(&self.decoder).tag()? == SET => {
                self.decoder.tag()?;
                self.memory.take_value()?;
                let length = self.decoder.array()?;
                // A set is no level of nesting, and none can be in it.
                let length = self.length(length, 1, 0)?;
                let values: Result<Vec<_>, _> = (0..length).map(|_| self.scalar()).collect();
                set(values?)?
            }
            _ => self.scalar()?,
        })
    }

    fn scalar(&mut self) -> Result<AttributeValue, Malformed> {
        self.memory.take_value()?;
        let d = &mut self.decoder;
        Ok(match d.datatype()? {
            Type::String => {
                let text = d.str()?;
                self.memory.take(text.len())?;
                AttributeValue::S(text.to_owned())
            }
            Type::Bytes => {
                let bytes = d.bytes()?;
                self.memory.take(bytes.len())?;
                AttributeValue::B(Blob::new(bytes))
            }
            Type::Bool => AttributeValue::Bool(d.bool()?),
            Type::Null => {
                d.null()?;
                AttributeValue::Null(true)
            }
            _ => AttributeValue::N(read_number(d)?),
        })
    }
}

/// A set holds values of one type, and at least one.
fn set(values: Vec<AttributeValue>) -> Result<AttributeValue, Malformed> {
    fn all<T>(
        values: Vec<AttributeValue>,
        one: impl Fn(AttributeValue) -> Option<T>,
    ) -> Result<Vec<T>, Malformed> {
        let values: Option<Vec<T>> = values.into_iter().map(one).collect();
        values.ok_or_else(|| "a set of more than one type".into())
    }
    Ok(match values.first() {
        Some(AttributeValue::S(_)) => AttributeValue::Ss(all(values, |value| match value {
            AttributeValue::S(text) => Some(text),
            _ => None,
        })?),
        Some(AttributeValue::N(_)) => AttributeValue::Ns(all(values, |value| match value {
            AttributeValue::N(text) => Some(text),
            _ => None,
        })?),
        Some(AttributeValue::B(_)) => AttributeValue::Bs(all(values, |value| match value {
            AttributeValue::B(bytes) => Some(bytes),
            _ => None,
        })?),
        _ => return Err("a set that is empty, or of values of a type that no set can have".into()),
    })
}

fn read_number(d: &mut Decoder<'_>) -> Result<String, Malformed> {
    let number = match d.datatype()? {
        // The text that was stored is that of an `f64`, also where half of its bytes were enough.
        Type::F32 => Number::parse(&f64::from(d.f32()?).to_string()),
        Type::F64 => Number::parse(&d.f64()?.to_string()),
        Type::Tag => {
            if d.tag()? != IanaTag::Decimal.tag() || d.array()? != Some(2) {
                return Err("a tag that this version does not know".into());
            }
            let exponent = d.i64()?;
            let (negative, digits) = match d.datatype()? {
                Type::Tag => {
                    let negative = d.tag()? == IanaTag::NegBignum.tag();
                    let n = u128::from_be_bytes(d.bytes()?.try_into()?);
                    (negative, n.saturating_add(u128::from(negative)).to_string())
                }
                _ => (false, d.u64()?.to_string()),
            };
            Number::scaled(negative, &digits, exponent)
        }
        _ => Number::parse(&d.int()?.to_string()),
    };
    Ok(number?.text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::TooLargeError;

    fn n(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    fn back(value: AttributeValue) -> AttributeValue {
        let data = Map::from([("field".to_owned(), value)]);
        let bytes = encode(&data);
        decode(&bytes).unwrap().remove("field").unwrap()
    }

    #[test]
    fn a_number_comes_back_as_dynamodb_returns_it() {
        for (stored, read) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("17", "17"),
            ("-1", "-1"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "18446744073709551616"),
            (
                "-99999999999999999999999999999999999999",
                "-99999999999999999999999999999999999999",
            ),
            ("0.1", "0.1"),
            ("1.5", "1.5"),
            ("-2.50", "-2.5"),
            ("1e3", "1000"),
            ("3.4028235", "3.4028235"),
            // Exact in an `f32`, whose own shortest form is another.
            ("1500000.25", "1500000.25"),
            ("0.10000000149011612", "0.10000000149011612"),
            ("0.00000001", "0.00000001"),
            (
                "10000000000000000000000000000000000000000",
                "10000000000000000000000000000000000000000",
            ),
            (
                "123456789.123456789123456789",
                "123456789.123456789123456789",
            ),
        ] {
            assert_eq!(back(n(stored)), n(read), "{stored}");
        }
    }

    #[test]
    fn any_number_comes_back_as_dynamodb_returns_it() {
        for _ in 0..20_000 {
            let digits: String = (0..fastrand::usize(1..=38))
                .map(|_| fastrand::digit(10))
                .collect();
            let sign = if fastrand::bool() { "-" } else { "" };
            let text = format!("{sign}{digits}e{}", fastrand::i32(-160..=130));
            if let Ok(number) = Number::parse(&text) {
                assert_eq!(back(n(&text)), n(&number.text()), "{text}");
            }
        }
    }

    #[test]
    fn any_float_comes_back_as_it_was() {
        for _ in 0..20_000 {
            let single = f64::from(f32::from_bits(fastrand::u32(..)));
            for float in [f64::from_bits(fastrand::u64(..)), single] {
                let text = float.to_string();
                if Number::parse(&text).is_ok() {
                    let AttributeValue::N(read) = back(n(&text)) else {
                        panic!("{text} is read as another type");
                    };
                    assert_eq!(read.parse(), Ok(float), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_number_that_no_store_writes_is_an_error() {
        let number = |bytes: &[u8]| decode(&[&[0xa1, 0x61, b'a'], bytes].concat());
        let exponent = |byte| [&[0xc4, 0x82, 0x3b][..], &[byte; 8], &[0x01]].concat();
        assert!(
            number(&exponent(0x7f)).is_err(),
            "an exponent near the least"
        );
        assert!(
            number(&exponent(0xff)).is_err(),
            "an exponent below the least"
        );
        assert!(
            number(&[0xf9, 0x7e, 0x00]).is_err(),
            "not a number, of two bytes"
        );
        assert!(number(&[0xfa, 0x7f, 0xc0, 0, 0]).is_err(), "not a number");
        assert!(number(&[0xfa, 0x7f, 0x80, 0, 0]).is_err(), "infinity");
        let double = f64::MAX.to_be_bytes();
        assert!(
            number(&[&[0xfb][..], &double].concat()).is_err(),
            "beyond DynamoDB"
        );
    }

    #[test]
    fn every_type_comes_back() {
        let blob = |text: &str| Blob::new(text);
        for value in [
            AttributeValue::S("zwölf".into()),
            AttributeValue::S(String::new()),
            AttributeValue::B(blob("bytes")),
            AttributeValue::Bool(true),
            AttributeValue::Null(true),
            AttributeValue::Ss(vec!["b".into(), "a".into()]),
            AttributeValue::Ns(vec!["1".into(), "2.5".into()]),
            AttributeValue::Bs(vec![blob("x"), blob("")]),
            AttributeValue::L(vec![]),
            AttributeValue::L(vec![n("1"), AttributeValue::M(Map::new())]),
        ] {
            assert_eq!(back(value.clone()), value);
        }
    }

    #[test]
    fn the_same_map_gives_the_same_bytes() {
        let data = |names: [&str; 4]| {
            names
                .iter()
                .map(|&name| (name.to_owned(), n("1")))
                .collect()
        };
        assert_eq!(
            encode(&data(["a", "b", "c", "d"])),
            encode(&data(["d", "c", "b", "a"]))
        );
    }

    #[test]
    fn bytes_that_are_not_a_map_are_an_error() {
        let good = encode(&Map::from([("field".to_owned(), n("17"))]));
        for end in 0..good.len() {
            assert!(decode(&good[..end]).is_err(), "only {end} bytes");
        }
        assert!(decode(&[&good[..], &[0]].concat()).is_err());
        assert!(decode(&[0x01]).is_err(), "a number");
        assert!(decode(&[0xa1, 0x61, b'a', 0xf7]).is_err(), "undefined");
        assert!(decode(&[0xbb, 255, 255, 255, 255, 255, 255, 255, 255]).is_err());
        let nested = [&[0xa1, 0x61, b'a'][..], &[0x81; 10_000]].concat();
        assert!(
            decode(&nested).is_err(),
            "deep nesting does not overflow the stack"
        );
    }

    /// A map with one entry, whose value is a list of so many of these bytes.
    fn list_of(count: u32, element: u8) -> Vec<u8> {
        let header = [&[0xa1, 0x61, b'a', 0x9a][..], &count.to_be_bytes()].concat();
        let elements = vec![element; count as usize];
        [header, elements].concat()
    }

    #[test]
    fn as_many_values_as_an_item_has_bytes_are_read_and_more_are_not() {
        // The header and the name have 8 bytes.
        let most = TooLargeError::LIMIT as u32 - 8;
        for element in [0xf4, 0x00, 0x60, 0x80, 0xa0] {
            assert!(decode(&list_of(most, element)).is_ok(), "{element:x}");
            assert!(
                decode(&list_of(most + 100, element)).is_err(),
                "{element:x}"
            );
        }
    }

    #[test]
    fn any_item_that_is_not_compressed_stays_within_the_bound_of_memory() {
        // Entries of the fewest bytes, and a set.
        let mut bytes = vec![0xa1, 0x61, b'a', 0xd9, 0x01, 0x02, 0x9a, 0, 6, 0x38, 0];
        bytes.extend(vec![0x60; 0x63800]);
        assert!(decode(&bytes).is_ok());
        let mut bytes = vec![0xba, 0, 2, 0x10, 0];
        for _ in 0..0x21000 {
            bytes.extend([0x61, b'a', 0x80]);
        }
        assert!(bytes.len() <= TooLargeError::LIMIT);
        assert!(decode(&bytes).is_ok());
    }

    #[test]
    fn a_length_beyond_the_bytes_that_follow_is_an_error_before_anything_is_allocated() {
        for header in [0x9a, 0xba] {
            let bytes = [0xa1, 0x61, b'a', header, 0xff, 0xff, 0xff, 0xff];
            assert!(decode(&bytes).is_err(), "{header:x}");
        }
        assert!(decode(&[0xa1, 0x61, b'a', 0x82, 0x01]).is_err());
        assert!(decode(&[0xa1, 0x61, b'a', 0xa1, 0x60]).is_err());
    }

    #[test]
    fn nesting_is_limited_as_in_an_item() {
        let nested = |levels: usize| {
            let mut bytes = vec![0xa1, 0x61, b'a'];
            bytes.extend(vec![0x81; levels]);
            bytes.push(0x01);
            decode(&bytes)
        };
        assert!(nested(30).is_ok());
        assert!(nested(31).is_err());

        // A set is no level.
        let set = AttributeValue::Ss(vec!["a".to_owned()]);
        let deepest = (0..30).fold(set, |inner, _| AttributeValue::L(vec![inner]));
        assert_eq!(back(deepest.clone()), deepest);
        let sets = [0xd9, 0x01, 0x02, 0x81].repeat(100_000);
        assert!(decode(&[&[0xa1, 0x61, b'a'][..], &sets].concat()).is_err());
    }

    #[test]
    fn an_error_has_no_value() {
        let exponent = [
            0xa1, 0x61, b'a', 0xc4, 0x82, 0x1b, 0xff, 0, 0, 0, 0, 0, 0, 77, 1,
        ];
        let error = decode(&exponent).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(char::is_numeric));
    }
}
