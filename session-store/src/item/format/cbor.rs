//! A map of DynamoDB's values as CBOR (RFC 8949), and back.
//!
//! A number is an integer if it fits, otherwise a float if that has the same decimal form, otherwise a
//! decimal fraction (tag 4). A set is an array with tag 258. Entries are in the order of their names, so
//! that the same map always gives the same bytes.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use minicbor::data::{IanaTag, Int, Tag, Type};
use minicbor::{Decoder, Encoder};

use crate::error::Cause;
use crate::item::number::Number;
use crate::item::value::{MAX_DEPTH, Map};

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
    let mut d = Decoder::new(bytes);
    let map = read_map(&mut d, 0)?;
    match d.position() == bytes.len() {
        true => Ok(map),
        false => Err("trailing bytes after the map".into()),
    }
}

fn read_map(d: &mut Decoder<'_>, depth: usize) -> Result<Map, Cause> {
    let length = d.map()?.ok_or(NO_LENGTH)?;
    (0..length)
        .map(|_| Ok((d.str()?.to_owned(), read(d, depth)?)))
        .collect()
}

fn read(d: &mut Decoder<'_>, depth: usize) -> Result<AttributeValue, Cause> {
    if depth > MAX_DEPTH {
        return Err("it is nested too deep".into());
    }
    Ok(match d.datatype()? {
        Type::String => AttributeValue::S(d.str()?.to_owned()),
        Type::Bytes => AttributeValue::B(Blob::new(d.bytes()?)),
        Type::Bool => AttributeValue::Bool(d.bool()?),
        Type::Null => {
            d.null()?;
            AttributeValue::Null(true)
        }
        Type::Map => AttributeValue::M(read_map(d, depth + 1)?),
        Type::Array => AttributeValue::L(read_array(d, depth + 1)?),
        Type::Tag if Decoder::clone(d).tag()? == SET => {
            d.tag()?;
            set(read_array(d, depth + 1)?)?
        }
        _ => AttributeValue::N(read_number(d)?),
    })
}

fn read_array(d: &mut Decoder<'_>, depth: usize) -> Result<Vec<AttributeValue>, Cause> {
    let length = d.array()?.ok_or(NO_LENGTH)?;
    (0..length).map(|_| read(d, depth)).collect()
}

/// A set holds values of one type, and at least one.
fn set(values: Vec<AttributeValue>) -> Result<AttributeValue, Cause> {
    fn all<T>(
        values: Vec<AttributeValue>,
        one: impl Fn(AttributeValue) -> Option<T>,
    ) -> Result<Vec<T>, Cause> {
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

fn read_number(d: &mut Decoder<'_>) -> Result<String, Cause> {
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

const NO_LENGTH: &str = "a length is missing";

#[cfg(test)]
mod tests {
    use super::*;

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
}
