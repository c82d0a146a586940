//! Reading the cookies of a request.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use http::HeaderMap;

use crate::id::{SessionHandle, SessionId};
use crate::telemetry::{Event, note};

use super::credential::{Credential, MAX_CREDENTIALS};
use super::header::{beginning, values};
use super::keys::{Refused, split};
use super::settings::SessionCookie;

/// For how long the cookie of a log-in is read before the other. No request takes longer.
pub(super) const LOG_IN_COUNTS: Duration = Duration::from_secs(3600);

/// By how much the clocks of two hosts may differ.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

/// The cookie of a log-in.
#[derive(Debug)]
pub(super) enum LogIn {
    Counts(Credential),
    /// It was too long ago. A browser that keeps cookies until it is closed still has it.
    Over(SessionHandle),
    /// It is in the future, by this host's clock.
    Ahead,
}

impl SessionCookie {
    /// The ids in these headers, in the order in which to try them, and the log-ins that are too long ago.
    ///
    /// There can be several of one name: of another path or domain, or set by another host of this domain.
    /// Nothing in a request tells them apart, so each is tried.
    pub(super) fn read(
        &self,
        headers: &HeaderMap,
        now: SystemTime,
    ) -> (Vec<Credential>, Vec<SessionHandle>) {
        let (name, log_in_prefix) = (self.full_name(), self.log_in_prefix());
        let log_ins = beginning(headers, &log_in_prefix);
        let log_ins = log_ins.map(|(suffix, value)| self.read_log_in(suffix, text(value)?, now));
        let sessions = values(headers, &name);
        let sessions = sessions.map(|value| self.read_session(text(value)?, now));
        let (mut credentials, mut over) = (Vec::new(), Vec::new());
        for log_in in log_ins.filter_map(accepted) {
            match log_in {
                LogIn::Counts(credential) => add(&mut credentials, credential),
                LogIn::Over(handle) => over.push(handle),
                LogIn::Ahead => {}
            }
        }
        for credential in sessions.filter_map(accepted) {
            add(&mut credentials, credential);
        }
        // Of two log-ins at one moment, that one is the last which is in the other cookie too.
        credentials.sort_by_key(|it| Reverse((it.logged_in_at, it.in_session_cookie)));
        for credential in &mut credentials {
            let known = credential.version;
            let version = || known.max(self.read_version(headers, credential.id.handle()));
            // A host that does not sign does not tell the client of its own writes.
            credential.version = self.keys.sign().then(version).flatten();
        }
        (credentials, over)
    }

    /// Whether the client has logged out within the last hour. Its versions do not count then: they may have come with the
    /// late answer to a request of before, and another host may still show the session that has ended.
    pub(super) fn has_logged_out(&self, headers: &HeaderMap) -> bool {
        // It is not signed. All that it does is that a session is read.
        values(headers, &self.log_out_name()).next().is_some()
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
            logged_in_at: None,
        })
    }

    /// The id in the cookie of a log-in with this end of its name.
    pub(super) fn read_log_in(
        &self,
        suffix: &[u8],
        value: &str,
        now: SystemTime,
    ) -> Result<LogIn, Refused> {
        let (signature, value) = split(value);
        let (id, millis) = value.split_once('.').ok_or(Refused::NotAnId)?;
        let id = SessionId::parse(id).map_err(|_| Refused::NotAnId)?;
        let millis: u64 = millis.parse().map_err(|_| Refused::NotAnId)?;
        let name = self.log_in_name(id.handle());
        if name
            .as_bytes()
            .strip_prefix(self.log_in_prefix().as_bytes())
            != Some(suffix)
        {
            return Err(Refused::NotAnId);
        }
        self.keys
            .accept(signature, &[&format!("{name}={value}")], now)?;
        let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis));
        let at = at.ok_or(Refused::NotAnId)?;
        match now.duration_since(at) {
            Ok(age) if age > LOG_IN_COUNTS => return Ok(LogIn::Over(id.handle())),
            Err(ahead) if ahead.duration() > CLOCK_DIFFERENCE => return Ok(LogIn::Ahead),
            _ => {}
        }
        Ok(LogIn::Counts(Credential {
            id,
            version: None,
            in_session_cookie: false,
            logged_in_at: Some(at),
        }))
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
        note(Event::BadCookie(refused.reason()), None);
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
        known.logged_in_at = known.logged_in_at.or(new.logged_in_at);
    } else if credentials.len() < MAX_CREDENTIALS {
        credentials.push(new);
    }
}
