//! The numbers of serde_json. As soon as any crate of the build switches on its feature
//! `arbitrary_precision`, a number is serialised as a struct with a name that only serde_json itself knows.
//! Here it gets the form that it has without the feature, so that a feature of another crate changes no
//! stored session.

use serde::Serializer;

use super::failure::Failed;
use super::number::Number;
use super::part::Adapt;
use super::path::Path;

/// The name of the struct, and of its only field.
pub(super) const NUMBER: &str = "$serde_json::private::Number";

/// That of text that is JSON already (feature `raw_value`).
pub(super) const RAW: &str = "$serde_json::private::RawValue";

pub(super) const RAW_IS_REFUSED: &str =
    "raw JSON cannot be read back; use a `serde_json::Value`, or store it as a string";

/// Writes a number as serde_json does without the feature: as an integer if it is one, or as a float.
pub(super) fn write_number<A: Adapt, S: Serializer>(
    inner: S,
    path: &Path<'_>,
    digits: Option<&str>,
) -> Result<S::Ok, Failed> {
    let Some(digits) = digits else {
        return Err(Failed::because("a number of serde_json without its digits"));
    };
    if let Ok(integer) = digits.parse::<u64>() {
        return A::write(&integer, inner, path);
    }
    match digits.parse::<i64>() {
        // `-0` is a float there.
        Ok(0) | Err(_) => {}
        Ok(integer) => return A::write(&integer, inner, path),
    }
    let number = Number::parse(digits).map_err(Failed::because)?;
    match digits.parse::<f64>() {
        Ok(float) if is_shortest(&number, float) => A::write(&float, inner, path),
        _ => Err(Failed::because(
            "a number with more digits than an `f64` has",
        )),
    }
}

/// True if no shorter digits are the float's. Where two texts are as short and as close, Rust prints the upper
/// one, and serde_json the even one: 122348726371209.125 is 122348726371209.13 to one, and .12 to the other.
fn is_shortest(number: &Number, float: f64) -> bool {
    let is_number = |text: &str| Number::parse(text).as_ref() == Ok(number);
    let upper = format!("{float:e}");
    let digits = upper.bytes().take_while(|&byte| byte != b'e');
    let precision = digits.filter(u8::is_ascii_digit).count() - 1;
    is_number(&upper) || is_number(&format!("{float:.precision$e}"))
}
