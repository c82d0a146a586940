//! The id in a header, for clients that are not browsers.

use std::time::{Duration, SystemTime};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::id::SessionId;
use crate::telemetry::{Event, note};

use super::credential::{Credential, IdUpdate, Sent, Via};
use super::header::{add_secret, split_once};

/// In a response, the new id.
const SESSION_ID: HeaderName = HeaderName::from_static("session-id");

/// In a response beside `Session-Id`: for how many seconds the id can be good. Alone, it is 0: the client is
/// to forget its id.
const SESSION_MAX_AGE: HeaderName = HeaderName::from_static("session-max-age");

/// What the header `Authorization: Bearer <id>` says; `None` if the request has no such header.
///
/// A token that is no id is a token all the same: the client means to send its id there.
pub(super) fn read(headers: &HeaderMap) -> Option<Sent> {
    let mut values = headers.get_all(AUTHORIZATION).into_iter();
    let first = values.next()?.as_bytes();
    let mut tokens = headers.get_all(AUTHORIZATION).into_iter();
    let token = tokens.find_map(|value| token(value.as_bytes()))?;
    // Two different headers are a fault of the client or the work of an attacker, and hosts on the way
    // may have looked at the other one.
    let id = if values.all(|value| value.as_bytes() == first) {
        let id = str::from_utf8(token).ok();
        id.and_then(|id| SessionId::parse(id).ok())
            .ok_or("not an id")
    } else {
        Err("two headers")
    };
    if let Err(reason) = id {
        tracing::info!(reason, "a bearer token was refused");
        note(Event::BadToken(reason), None);
    }
    let credential = id.ok().map(|id| Credential {
        id,
        version: None,
        in_session_cookie: true,
        logged_in_at: None,
    });
    Some(Sent {
        credentials: credential.into_iter().collect(),
        over: Vec::new(),
        has_logged_out: false,
        via: Some(Via::Bearer),
    })
}

/// What follows the scheme `Bearer`, which RFC 9110 compares without case, and one or more spaces.
fn token(value: &[u8]) -> Option<&[u8]> {
    let (scheme, mut token) = split_once(value, b' ').unwrap_or((value, b""));
    while let [b' ', rest @ ..] = token {
        token = rest;
    }
    scheme.eq_ignore_ascii_case(b"bearer").then_some(token)
}

/// Gives the client a new id, or says that the one it has is over.
pub(super) fn write(update: &IdUpdate, now: SystemTime, headers: &mut HeaderMap) {
    let left = match update {
        IdUpdate::Set { id, ends, .. } => {
            add_secret(headers, SESSION_ID, id.expose());
            ends.duration_since(now).unwrap_or_default()
        }
        IdUpdate::Remove => Duration::ZERO,
    };
    headers.append(SESSION_MAX_AGE, HeaderValue::from(left.as_secs()));
}
