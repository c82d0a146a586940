//! Headers as bytes.
//!
//! A neighbour's cookie must never pass for ours, and must never hide ours. So a `Cookie` header is neither
//! decoded nor trimmed beyond what browsers do. Browsers check the prefix `__Host-` of the bytes that they
//! send: whoever trims Unicode spaces, decodes `%5f`, or understands quotes, takes a cookie for a `__Host-`
//! one that no browser has checked.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// How many cookies of one name are looked at, since each can cost a signature and a line in the log.
const MAX_EXAMINED: usize = 32;

/// The values of the cookies of this name, in the order of the headers.
pub(super) fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    pairs(headers)
        .filter_map(move |(found, value)| (found == name.as_bytes()).then_some(value))
        .take(MAX_EXAMINED)
}

/// The rest of the name, and the value, of the cookies whose names begin so.
pub(super) fn beginning<'a>(
    headers: &'a HeaderMap,
    prefix: &str,
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    pairs(headers)
        .filter_map(move |(name, value)| Some((name.strip_prefix(prefix.as_bytes())?, value)))
        .take(MAX_EXAMINED)
}

/// The names and values of cookies. HTTP/2 may have a header for each of them (RFC 9113, section 8.2.3).
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let headers = headers.get_all(COOKIE).into_iter();
    let pairs = headers.flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(|pair| split_once(trim(pair), b'='))
}

/// The parts before and after the first such byte.
pub(super) fn split_once(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let index = bytes.iter().position(|byte| *byte == at)?;
    let (before, after) = bytes.split_at_checked(index)?;
    Some((before, after.get(1..)?))
}

/// Without the spaces and tabs around it: the only white space that browsers trim.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Keeps the session id, and other secrets, out of the `Debug` form of a request.
pub(crate) fn mark_sensitive(headers: &mut HeaderMap) {
    for (name, value) in headers.iter_mut() {
        if *name == COOKIE || *name == AUTHORIZATION {
            value.set_sensitive(true);
        }
    }
}

/// Adds a header whose value is secret.
pub(super) fn add_secret(headers: &mut HeaderMap, name: HeaderName, value: String) {
    match HeaderValue::try_from(value) {
        Ok(mut value) => {
            value.set_sensitive(true);
            headers.append(name, value);
        }
        // The check of the settings finds this when the layer is made.
        Err(error) => tracing::error!(
            %error,
            "no session cookie was set, because its name, domain or path is not valid; correct it"
        ),
    }
}
