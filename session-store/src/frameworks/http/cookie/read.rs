//! Reading the cookies of a request.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use http::HeaderMap;

use crate::id::{SessionHandle, SessionId};

use super::credential::{Credential, MAX_CREDENTIALS};
use super::header::values;
use super::keys::{Refused, split};
use super::settings::SessionCookie;

/// For how long the cookie of a log-in is read before the other. No request takes longer.
pub(super) const LOG_IN_COUNTS: Duration = Duration::from_secs(3600);

/// By how much the clocks of two hosts may differ.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

impl SessionCookie {
    /// The ids in these headers, in the order in which to try them.
    ///
    /// There can be several of one name: of another path or domain, or set by another host of this domain.
    /// Nothing in a request tells them apart, so each is tried.
    pub(super) fn read(&self, headers: &HeaderMap, now: SystemTime) -> Vec<Credential> {
        let (name, log_in_name) = (self.full_name(), self.log_in_name());
        let log_ins = values(headers, &log_in_name);
        let log_ins = log_ins.map(|value| self.read_log_in(text(value)?, now));
        let mut log_ins: Vec<_> = log_ins.filter_map(accepted).flatten().collect();
        log_ins.sort_by_key(|(set, _)| Reverse(*set));
        let sessions = values(headers, &name);
        let sessions = sessions.map(|value| self.read_session(text(value)?, now));
        let mut credentials = Vec::new();
        let log_ins = log_ins.into_iter().map(|(_, credential)| credential);
        for credential in log_ins.chain(sessions.filter_map(accepted)) {
            add(&mut credentials, credential);
        }
        for credential in &mut credentials {
            let known = credential.version;
            let version = || known.max(self.read_version(headers, credential.id.handle()));
            // A host that does not sign does not tell the client of its own writes.
            credential.version = self.keys.sign().then(version).flatten();
        }
        credentials
    }

    /// The id in a value of the cookie itself.
    pub(super) fn read_session(&self, value: &str, now: SystemTime) -> Result<Credential, Refused> {
        let (signature, value) = split(value);
        // Earlier builds had the version in this cookie if it was signed.
        let (id, version) = match value.split_once('.') {
            Some((id, version)) if signature.is_some() => {
                (id, Some(version.parse().map_err(|_| Refused::NotAnId)?))
            }
            _ => (value, None),
        };
        let id = SessionId::parse(id).map_err(|_| Refused::NotAnId)?;
        // The first builds signed the value alone. Such cookies are read until 0.2; by then, the absolute
        // timeouts of their sessions are over.
        let text = format!("{}={value}", self.full_name());
        self.keys.accept(signature, &[&text, value], now)?;
        Ok(Credential {
            id,
            version,
            in_session_cookie: true,
            in_log_in_cookie: false,
        })
    }

    /// The id in a value of the cookie of a log-in, and when that was; `None` if it was too long ago.
    pub(super) fn read_log_in(
        &self,
        value: &str,
        now: SystemTime,
    ) -> Result<Option<(SystemTime, Credential)>, Refused> {
        let (signature, value) = split(value);
        let (id, seconds) = value.split_once('.').ok_or(Refused::NotAnId)?;
        let id = SessionId::parse(id).map_err(|_| Refused::NotAnId)?;
        let seconds: u64 = seconds.parse().map_err(|_| Refused::NotAnId)?;
        let text = format!("{}={value}", self.log_in_name());
        self.keys.accept(signature, &[&text], now)?;
        let set = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let set = set.filter(|set| match now.duration_since(*set) {
            Ok(age) => age <= LOG_IN_COUNTS,
            Err(ahead) => ahead.duration() <= CLOCK_DIFFERENCE,
        });
        let credential = Credential {
            id,
            version: None,
            in_session_cookie: false,
            in_log_in_cookie: true,
        };
        Ok(set.map(|set| (set, credential)))
    }

    /// The version that the client last got for the session of this handle.
    fn read_version(&self, headers: &HeaderMap, handle: SessionHandle) -> Option<u64> {
        let name = self.version_name();
        let versions = values(headers, &name).filter_map(|value| {
            let (signature, version) = split(str::from_utf8(value).ok()?);
            let text = format!("{name}={handle}.{version}");
            let is_signed = self.keys.have_signed(signature?, &text);
            version.parse().ok().filter(|_| is_signed)
        });
        versions.max()
    }
}

fn accepted<T>(read: Result<T, Refused>) -> Option<T> {
    if let Err(refused) = &read {
        tracing::info!(reason = refused.reason(), "a session cookie was refused");
    }
    read.ok()
}

fn text(value: &[u8]) -> Result<&str, Refused> {
    str::from_utf8(value).map_err(|_| Refused::NotAnId)
}

/// Adds it to those before, which have at most one for each id.
fn add(credentials: &mut Vec<Credential>, new: Credential) {
    if let Some(known) = credentials.iter_mut().find(|known| known.id == new.id) {
        known.version = known.version.max(new.version);
        known.in_session_cookie |= new.in_session_cookie;
        known.in_log_in_cookie |= new.in_log_in_cookie;
    } else if credentials.len() < MAX_CREDENTIALS {
        credentials.push(new);
    }
}
