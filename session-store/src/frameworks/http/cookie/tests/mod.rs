//! A browser in miniature: it keeps what responses set, as RFC 6265 says, and sends it with requests.

mod bearer;
mod headers;
mod hosts;
mod log_in;
mod settings;
mod written;

use std::time::{Duration, SystemTime};

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use super::{Carrier, CredentialUpdate, IdUpdate, SessionCookie, SigningKey, Via};
use crate::id::SessionId;

/// The time at which each test begins.
fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// An id of this letter. The last one carries four bits, and `A` can be last.
fn id(letter: char) -> SessionId {
    let letters = letter.to_string().repeat(42);
    SessionId::parse(&format!("{letters}A")).unwrap()
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from(&[byte; 64])
}

fn cookie() -> SessionCookie {
    SessionCookie::new()
}

/// A session that lasts for twelve hours from the start.
fn set(id: &SessionId, log_in: bool) -> CredentialUpdate {
    CredentialUpdate {
        id: Some(IdUpdate::Set {
            id: id.clone(),
            ends: start() + Duration::from_secs(12 * 3600),
            persistent: None,
            logged_in_at: log_in.then(start),
        }),
        ..CredentialUpdate::default()
    }
}

/// The same for somebody who logs in at this time.
fn log_in(id: &SessionId, at: SystemTime) -> CredentialUpdate {
    let mut update = set(id, true);
    if let Some(IdUpdate::Set { logged_in_at, .. }) = &mut update.id {
        *logged_in_at = Some(at);
    }
    update
}

/// The cookies of the log-ins to these sessions are over.
fn over(ids: &[SessionId]) -> CredentialUpdate {
    CredentialUpdate {
        over: ids.iter().map(SessionId::handle).collect(),
        ..CredentialUpdate::default()
    }
}

fn log_in_name(id: &SessionId) -> String {
    cookie().log_in_name(id.handle())
}

fn version(id: &SessionId, version: u64) -> CredentialUpdate {
    CredentialUpdate {
        id: None,
        version: Some((id.handle(), Some(version))),
        ..CredentialUpdate::default()
    }
}

fn remove() -> CredentialUpdate {
    CredentialUpdate {
        id: Some(IdUpdate::Remove),
        ..CredentialUpdate::default()
    }
}

/// The `Set-Cookie` headers of a response.
fn written(cookie: &SessionCookie, update: &CredentialUpdate, now: SystemTime) -> Vec<String> {
    let mut headers = HeaderMap::new();
    Carrier::Cookie(cookie.clone()).write(Via::Cookie, update, now, &mut headers);
    let values = headers.get_all(SET_COOKIE).into_iter();
    values.map(|v| v.to_str().unwrap().to_owned()).collect()
}

/// Headers with these values of `Cookie`.
fn cookies<V: AsRef<[u8]>>(values: impl IntoIterator<Item = V>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(COOKIE, HeaderValue::from_bytes(value.as_ref()).unwrap());
    }
    headers
}

/// The ids and versions that a layer with this cookie finds.
fn read_at(
    cookie: &SessionCookie,
    headers: &HeaderMap,
    now: SystemTime,
) -> Vec<(SessionId, Option<u64>)> {
    let sent = Carrier::Cookie(cookie.clone()).read(headers, now);
    assert_eq!(sent.via.is_some(), !sent.credentials.is_empty());
    let credentials = sent.credentials.into_iter();
    credentials.map(|c| (c.id, c.version)).collect()
}

/// The ids that a layer with this cookie finds in one header.
fn ids(cookie: &SessionCookie, header: impl AsRef<[u8]>) -> Vec<SessionId> {
    let found = read_at(cookie, &cookies([header]), start());
    found.into_iter().map(|(id, _)| id).collect()
}

/// What a browser keeps for one site.
#[derive(Clone, Default)]
struct Browser(Vec<(String, String, Option<SystemTime>)>);

impl Browser {
    /// Takes the cookies of a response, which arrives now.
    fn take(&mut self, cookie: &SessionCookie, update: &CredentialUpdate, now: SystemTime) {
        for header in written(cookie, update, now) {
            let (pair, attributes) = header.split_once(';').unwrap();
            let (name, value) = pair.trim().split_once('=').unwrap();
            let age = attributes
                .split(';')
                .find_map(|part| part.trim().strip_prefix("Max-Age="))
                .map(|age| Duration::from_secs(age.parse().unwrap()));
            self.0.retain(|(kept, ..)| kept != name);
            if age != Some(Duration::ZERO) {
                let ends = age.map(|age| now + age);
                self.0.push((name.to_owned(), value.to_owned(), ends));
            }
        }
    }

    fn headers(&self, now: SystemTime) -> HeaderMap {
        let kept = self.0.iter();
        let kept = kept.filter(|(_, _, ends)| ends.is_none_or(|ends| ends > now));
        let pairs: Vec<_> = kept
            .map(|(name, value, _)| format!("{name}={value}"))
            .collect();
        cookies([pairs.join("; ")])
    }

    fn found_by(&self, cookie: &SessionCookie, now: SystemTime) -> Vec<(SessionId, Option<u64>)> {
        read_at(cookie, &self.headers(now), now)
    }
}
