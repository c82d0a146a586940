//! The cookies of a response.

use std::time::{Duration, SystemTime};

use cookie::Cookie;

use crate::id::{SessionHandle, SessionId};

use super::credential::{CredentialUpdate, IdUpdate};
use super::read::LOG_IN_COUNTS;
use super::settings::SessionCookie;

/// Browsers keep no cookie for longer (RFC 6265bis, section 5.5).
const MAX_AGE: Duration = Duration::from_secs(400 * 24 * 3600);

impl SessionCookie {
    pub(super) fn write(&self, update: &CredentialUpdate, now: SystemTime) -> Vec<Cookie<'static>> {
        let mut cookies = Vec::new();
        // The version is kept as long as an id that comes with it. Alone, it does not know its end, and the
        // browser drops it when it is closed; the next load is then a consistent one.
        let mut version_age = None;
        match &update.id {
            Some(IdUpdate::Set {
                id,
                ends,
                persistent,
                logged_in_at,
            }) => {
                let left = ends.duration_since(now).unwrap_or_default();
                let age = persistent.unwrap_or(self.persistent).then_some(left);
                cookies.push(self.session(id, age));
                if let Some(at) = *logged_in_at {
                    let left =
                        LOG_IN_COUNTS.saturating_sub(now.duration_since(at).unwrap_or_default());
                    cookies.push(self.log_in(id, at, age.map(|age| age.min(left))));
                }
                version_age = age;
            }
            Some(IdUpdate::Remove) => {
                cookies.push(self.removed(self.full_name()));
                if self.keys.sign() {
                    cookies.push(self.removed(self.version_name()));
                }
            }
            None => {}
        }
        let over = update.over.iter();
        cookies.extend(over.map(|handle| self.removed(self.log_in_name(*handle))));
        match update.has_logged_out {
            Some(true) if self.keys.sign() => {
                cookies.push(self.build(self.log_out_name(), "1".to_owned(), Some(LOG_IN_COUNTS)));
            }
            Some(false) => cookies.push(self.removed(self.log_out_name())),
            _ => {}
        }
        match update.version {
            Some((handle, Some(version))) if self.keys.sign() => {
                cookies.push(self.version(handle, version, version_age));
            }
            // The session was written, and its version is not known here, or is not this host's to tell. An
            // older one must not be taken for the last.
            Some(_) if self.keys.has_any() => cookies.push(self.removed(self.version_name())),
            _ => {}
        }
        cookies
    }

    pub(super) fn session(&self, id: &SessionId, age: Option<Duration>) -> Cookie<'static> {
        self.with_signature(self.full_name(), id.expose(), age)
    }

    fn log_in(&self, id: &SessionId, at: SystemTime, age: Option<Duration>) -> Cookie<'static> {
        let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH);
        let millis = since_epoch.unwrap_or_default().as_millis();
        let value = format!("{}.{millis}", id.expose());
        self.with_signature(self.log_in_name(id.handle()), value, age)
    }

    fn version(
        &self,
        handle: SessionHandle,
        version: u64,
        age: Option<Duration>,
    ) -> Cookie<'static> {
        let name = self.version_name();
        let text = format!("{name}={handle}.{version}");
        let value = self.keys.write(&text, &version.to_string());
        self.build(name, value, age)
    }

    /// A cookie whose signature covers its name and its value.
    fn with_signature(
        &self,
        name: String,
        value: String,
        age: Option<Duration>,
    ) -> Cookie<'static> {
        let value = self.keys.write(&format!("{name}={value}"), &value);
        self.build(name, value, age)
    }

    /// Removes the cookie. It has all attributes of one that is set: browsers remove the cookie of the same
    /// name, domain, path and partition, and refuse a header that they would not set.
    fn removed(&self, name: String) -> Cookie<'static> {
        self.build(name, String::new(), Some(Duration::ZERO))
    }

    fn build(&self, name: String, value: String, age: Option<Duration>) -> Cookie<'static> {
        let mut cookie = Cookie::build((name, value))
            .path(self.path.clone())
            .secure(self.secure)
            .http_only(true)
            .same_site(self.same_site)
            .partitioned(self.partitioned)
            .build();
        if let Some(domain) = &self.domain {
            cookie.set_domain(domain.clone());
        }
        if let Some(age) = age {
            let seconds = i64::try_from(age.min(MAX_AGE).as_secs()).unwrap_or(i64::MAX);
            cookie.set_max_age(cookie::time::Duration::seconds(seconds));
        }
        cookie
    }
}
