//! The timeouts of a standard, by the name that pins its revision: `timeouts = "nist-800-63b-4-aal2"`.

use std::time::Duration;

use syn::parse::ParseStream;
use syn::{Error, Ident, LitStr, Result};

use crate::parse::value::text;
use crate::similar::similar;

/// The longest timeouts that a standard allows.
pub(crate) struct Preset {
    /// Its name, as written in the attribute.
    pub(crate) text: LitStr,
    /// `None` if the standard has no figure.
    pub(crate) idle: Option<Duration>,
    pub(crate) absolute: Option<Duration>,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Each name with its idle and absolute timeout, in seconds. The docs of the option have the sources.
const PRESETS: [(&str, Option<u64>, Option<u64>); 7] = [
    ("nist-800-63b-4-aal1", None, Some(30 * DAY)),
    ("nist-800-63b-4-aal2", Some(HOUR), Some(24 * HOUR)),
    ("nist-800-63b-4-aal3", Some(15 * MINUTE), Some(12 * HOUR)),
    ("nist-800-63b-3-aal1", None, Some(30 * DAY)),
    ("nist-800-63b-3-aal2", Some(30 * MINUTE), Some(12 * HOUR)),
    ("nist-800-63b-3-aal3", Some(15 * MINUTE), Some(12 * HOUR)),
    ("pci-dss-4-8.2.8", Some(15 * MINUTE), None),
];

pub(crate) fn preset(keyword: &Ident, input: ParseStream<'_>) -> Result<Preset> {
    let text = text(keyword, input)?;
    let name = text.value();
    if let Some((_, idle, absolute)) = PRESETS.iter().find(|(known, ..)| *known == name) {
        return Ok(Preset {
            idle: idle.map(Duration::from_secs),
            absolute: absolute.map(Duration::from_secs),
            text,
        });
    }
    let known = PRESETS.map(|(known, ..)| known);
    let hint = match similar(&name, &known) {
        Some(similar) => format!("did you mean `{similar}`? There are"),
        None => "there are".to_owned(),
    };
    let message = format!(
        "`{name}` is not a known set of timeouts; {hint} `{}`",
        known.join("`, `")
    );
    Err(Error::new_spanned(text, message))
}
