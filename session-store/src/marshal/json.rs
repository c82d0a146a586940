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
        Ok(float) if Number::parse(&float.to_string()) == Ok(number) => {
            A::write(&float, inner, path)
        }
        _ => Err(Failed::because(
            "a number with more digits than an `f64` has",
        )),
    }
}
