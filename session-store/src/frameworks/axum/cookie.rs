//! How the id travels: in a cookie, or as a bearer token.

use std::time::{Duration, SystemTime};

use cookie::{Cookie, CookieJar};
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::id::SessionId;

pub use cookie::{Key as SigningKey, SameSite};

/// The cookie that holds the session's id, and how browsers are to treat it.
///
/// The default is what OWASP asks of it: named `__Host-session`, sent over TLS only and to this very
/// host, out of reach for scripts, not sent with cross-site requests but for links.
///
/// The name's prefix follows from the other settings, since browsers refuse a cookie whose prefix
/// promises more than it has: `__Host-` if it is secure, for all paths and without a domain;
/// `__Secure-` if it is only secure; none otherwise.
#[derive(Clone, Debug)]
pub struct SessionCookie {
    name: String,
    domain: Option<String>,
    path: String,
    secure: bool,
    same_site: SameSite,
    persistent: bool,
    key: Option<SigningKey>,
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionCookie {
    /// The cookie `__Host-session`: secure, `SameSite=Lax`, for all paths, kept until the absolute
    /// timeout is over.
    pub fn new() -> Self {
        Self {
            name: "session".to_owned(),
            domain: None,
            path: "/".to_owned(),
            secure: true,
            same_site: SameSite::Lax,
            persistent: true,
            key: None,
        }
    }

    /// The same over plain HTTP, for development on this machine: named `session`, not secure.
    pub fn dev() -> Self {
        Self {
            secure: false,
            ..Self::new()
        }
    }

    /// The name behind the prefix; `session` if not set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Lets the subdomains of this domain have it as well.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// The path below which it is sent; `/` if not set.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Whether it is sent over TLS only.
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// With which requests from other sites it is sent.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Whether it outlives the browser: until the session's absolute timeout, or, with `false`, until
    /// the browser is closed.
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.persistent = persistent;
        self
    }

    /// Signs the id with this key, so that a made-up one is refused without asking DynamoDB.
    ///
    /// Ids are of 256 random bits, so that nobody guesses one; signing saves the price of the reads
    /// that somebody who tries would cause. All hosts need the same key.
    pub fn signed(mut self, key: SigningKey) -> Self {
        self.key = Some(key);
        self
    }

    fn full_name(&self) -> String {
        let prefix = match (self.secure, &self.domain, &*self.path) {
            (true, None, "/") => "__Host-",
            (true, ..) => "__Secure-",
            (false, ..) => "",
        };
        format!("{prefix}{}", self.name)
    }

    /// What is in these headers, if there is exactly one cookie of this name, and it is one of ours.
    fn read(&self, headers: &HeaderMap) -> Option<Known> {
        let name = self.full_name();
        let texts = headers.get_all(COOKIE).into_iter();
        let mut found = texts
            .filter_map(|text| text.to_str().ok())
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .filter(|cookie| cookie.name() == name);
        let cookie = found.next()?;
        // Which of two is ours cannot be told: one may have been planted by another host.
        if found.next().is_some() {
            return None;
        }
        let Some(key) = &self.key else {
            let id = SessionId::parse(cookie.value()).ok()?;
            return Some(Known { id, version: None });
        };
        let cookie = CookieJar::new().signed(key).verify(cookie.into_owned())?;
        let (id, version) = match cookie.value().split_once('.') {
            Some((id, version)) => (id, Some(version.parse().ok()?)),
            None => (cookie.value(), None),
        };
        let id = SessionId::parse(id).ok()?;
        Some(Known { id, version })
    }

    fn write(&self, value: String, max_age: Option<Duration>) -> Cookie<'static> {
        let mut cookie = Cookie::build((self.full_name(), value))
            .path(self.path.clone())
            .secure(self.secure)
            .http_only(true)
            .same_site(self.same_site)
            .build();
        if let Some(domain) = &self.domain {
            cookie.set_domain(domain.clone());
        }
        if let Some(max_age) = max_age {
            let seconds = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
            cookie.set_max_age(cookie::time::Duration::seconds(seconds));
        }
        cookie
    }

    fn signed_value(&self, known: &Known) -> String {
        let value = known.id.expose();
        let Some(key) = &self.key else { return value };
        let value = match known.version {
            Some(version) => format!("{value}.{version}"),
            None => value,
        };
        let name = self.full_name();
        let mut jar = CookieJar::new();
        jar.signed_mut(key).add(Cookie::new(name.clone(), value));
        let signed = jar.get(&name).map(|cookie| cookie.value().to_owned());
        signed.unwrap_or_default()
    }
}

/// Where the id is in a request, and where it goes in the answer.
#[derive(Clone, Debug)]
pub(super) enum Carrier {
    Cookie(SessionCookie),
    Bearer,
}

/// The header of an answer that has a new id, where ids are bearer tokens.
const SESSION_ID: HeaderName = HeaderName::from_static("session-id");

/// What a client knows of its session.
pub(super) struct Known {
    pub(super) id: SessionId,
    /// The version that it last wrote; only where that is signed.
    pub(super) version: Option<u64>,
}

/// What the client has to learn about its id.
pub(super) enum Notice {
    /// It is this one, and of no use after this moment.
    New(Known, SystemTime),
    /// There is none any more.
    Ended,
}

impl Carrier {
    pub(super) fn read(&self, headers: &HeaderMap) -> Option<Known> {
        match self {
            Self::Cookie(cookie) => cookie.read(headers),
            Self::Bearer => {
                let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
                let (scheme, id) = text.split_once(' ')?;
                let is_bearer = scheme.eq_ignore_ascii_case("bearer");
                let id = SessionId::parse(id).ok().filter(|_| is_bearer)?;
                Some(Known { id, version: None })
            }
        }
    }

    /// Whether it takes along the version that its client last wrote.
    pub(super) fn carries_version(&self) -> bool {
        matches!(self, Self::Cookie(SessionCookie { key: Some(_), .. }))
    }

    pub(super) fn write(&self, notice: &Notice, now: SystemTime, headers: &mut HeaderMap) {
        let (name, value) = match (self, notice) {
            (Self::Cookie(cookie), Notice::New(known, end)) => {
                let left = end.duration_since(now).unwrap_or_default();
                let left = cookie.persistent.then_some(left);
                let cookie = cookie.write(cookie.signed_value(known), left);
                (SET_COOKIE, cookie.to_string())
            }
            (Self::Cookie(cookie), Notice::Ended) => {
                let cookie = cookie.write(String::new(), Some(Duration::ZERO));
                (SET_COOKIE, cookie.to_string())
            }
            (Self::Bearer, Notice::New(known, _)) => (SESSION_ID, known.id.expose()),
            (Self::Bearer, Notice::Ended) => return,
        };
        match HeaderValue::try_from(value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                headers.append(name, value);
                // No cache may give one's cookie to another.
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            Err(error) => tracing::error!(%error, "the cookie's name, domain or path is not valid"),
        }
    }
}
