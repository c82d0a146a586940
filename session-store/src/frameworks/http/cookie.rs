//! How requests and responses carry the session id: in a cookie, or in a header.

use std::time::{Duration, SystemTime};

use cookie::{Cookie, CookieJar};
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::id::SessionId;

use super::scope::Scope;

pub use cookie::{Key as SigningKey, SameSite};

/// The cookie that holds the session's id, and how browsers are to treat it.
///
/// The default follows OWASP: named `__Host-session`, sent over TLS only and to this host only, hidden from
/// scripts, and not sent with cross-site requests except for links.
///
/// The name's prefix follows from the other settings, since browsers refuse a cookie that does not fulfil
/// its prefix: `__Host-` if it is secure, for all paths and without a domain; `__Secure-` if it is only
/// secure; no prefix otherwise.
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

    /// The name without its prefix; `session` by default.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sends it to this domain and its subdomains.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// The path below which it is sent; `/` by default.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Whether it is sent over TLS only.
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Whether it is sent with requests from other sites.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Whether the browser keeps it until the session's absolute timeout. With `false`, the browser drops
    /// it when it is closed.
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.persistent = persistent;
        self
    }

    /// Signs the id with this key, so that a made-up one is refused without asking DynamoDB. The signature
    /// covers the cookie's name, so that the value is good under that name only.
    ///
    /// Ids have 256 random bits, so they cannot be guessed. Signing saves the reads for such guesses. All
    /// hosts need the same key.
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

    /// The credential in these headers, if there is exactly one cookie of this name, and it is well-formed.
    fn read(&self, headers: &HeaderMap) -> Option<Credential> {
        let name = self.full_name();
        let texts = headers.get_all(COOKIE).into_iter();
        let mut found = texts
            .filter_map(|text| text.to_str().ok())
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .filter(|cookie| cookie.name() == name);
        let cookie = found.next()?;
        // If there are two cookies, another host may have set one of them, and nothing shows which.
        if found.next().is_some() {
            return None;
        }
        let Some(key) = &self.key else {
            let id = SessionId::parse(cookie.value()).ok()?;
            return Some(Credential { id, version: None });
        };
        let value = verified(key, &name, cookie.value())?;
        let (id, version) = match value.split_once('.') {
            Some((id, version)) => (id, Some(version.parse().ok()?)),
            None => (value, None),
        };
        let id = SessionId::parse(id).ok()?;
        Some(Credential { id, version })
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

    fn signed_value(&self, credential: &Credential) -> String {
        let value = credential.id.expose();
        let Some(key) = &self.key else { return value };
        let value = match credential.version {
            Some(version) => format!("{value}.{version}"),
            None => value,
        };
        signed(key, &self.full_name(), &value)
    }
}

/// The length of a signature, 32 bytes in base64.
const SIGNATURE: usize = 44;

/// The value after its signature under this name.
fn signed(key: &SigningKey, name: &str, value: &str) -> String {
    let mut jar = CookieJar::new();
    jar.signed_mut(key)
        .add(Cookie::new(name.to_owned(), format!("{name}={value}")));
    let signed = jar
        .get(name)
        .and_then(|cookie| cookie.value().get(..SIGNATURE));
    format!("{}{value}", signed.unwrap_or_default())
}

/// The value after this signature, if it was signed under this name.
fn verified<'a>(key: &SigningKey, name: &str, signed: &'a str) -> Option<&'a str> {
    let (signature, value) = signed.split_at_checked(SIGNATURE)?;
    let is_signed = |text: String| {
        let cookie = Cookie::new(name.to_owned(), format!("{signature}{text}"));
        CookieJar::new().signed(key).verify(cookie).is_some()
    };
    // The first builds of 0.1 signed the value alone. Such cookies are read until 0.2; by then, the absolute
    // timeouts of their sessions are over.
    let accepted = is_signed(format!("{name}={value}")) || is_signed(value.to_owned());
    accepted.then_some(value)
}

/// Where the id is in a request and in its response.
#[derive(Clone, Debug)]
pub(crate) enum Carrier {
    Cookie(SessionCookie),
    Bearer,
}

/// In bearer mode, the header of a response with a new id.
const SESSION_ID: HeaderName = HeaderName::from_static("session-id");

/// The session id and the last written version, as the client sent them.
pub(crate) struct Credential {
    pub(crate) id: SessionId,
    /// Only a signed cookie carries a version.
    pub(crate) version: Option<u64>,
}

/// A change of the client's credential.
pub(crate) enum CredentialUpdate {
    /// The client gets this credential, which is not valid after this moment.
    Set(Credential, SystemTime),
    /// The client loses its credential.
    Remove,
}

impl Carrier {
    pub(crate) fn read(&self, headers: &HeaderMap) -> Option<Credential> {
        match self {
            Self::Cookie(cookie) => cookie.read(headers),
            Self::Bearer => {
                let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
                let (scheme, id) = text.split_once(' ')?;
                let is_bearer = scheme.eq_ignore_ascii_case("bearer");
                let id = SessionId::parse(id).ok().filter(|_| is_bearer)?;
                Some(Credential { id, version: None })
            }
        }
    }

    /// Where clients send the id.
    pub(crate) fn scope(&self) -> Scope {
        match self {
            Self::Cookie(cookie) => Scope::Cookie {
                name: cookie.full_name(),
                domain: cookie.domain.clone(),
                path: cookie.path.clone(),
            },
            Self::Bearer => Scope::Bearer,
        }
    }

    /// Whether it carries the version of the client's last write.
    pub(crate) fn carries_version(&self) -> bool {
        matches!(self, Self::Cookie(SessionCookie { key: Some(_), .. }))
    }

    pub(crate) fn write(
        &self,
        update: &CredentialUpdate,
        now: SystemTime,
        headers: &mut HeaderMap,
    ) {
        let (name, value) = match (self, update) {
            (Self::Cookie(cookie), CredentialUpdate::Set(credential, end)) => {
                let left = end.duration_since(now).unwrap_or_default();
                let left = cookie.persistent.then_some(left);
                let cookie = cookie.write(cookie.signed_value(credential), left);
                (SET_COOKIE, cookie.to_string())
            }
            (Self::Cookie(cookie), CredentialUpdate::Remove) => {
                let cookie = cookie.write(String::new(), Some(Duration::ZERO));
                (SET_COOKIE, cookie.to_string())
            }
            (Self::Bearer, CredentialUpdate::Set(credential, _)) => {
                (SESSION_ID, credential.id.expose())
            }
            (Self::Bearer, CredentialUpdate::Remove) => return,
        };
        match HeaderValue::try_from(value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                headers.append(name, value);
                // A cache must not give the cookie to another client.
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            Err(error) => tracing::error!(
                %error,
                "no session cookie was set, because its name, domain or path is not valid; correct it"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    /// G16. Cookies that earlier builds have signed are still read, and written in the new form.
    #[test]
    fn a_signature_of_the_value_alone_is_read_and_replaced() {
        let key = SigningKey::derive_from(&[7; 32]);
        let id = SessionId::parse(&"A".repeat(43)).unwrap();
        let carrier = Carrier::Cookie(SessionCookie::dev().signed(key.clone()));
        for (value, version) in [(id.expose(), None), (format!("{}.5", id.expose()), Some(5))] {
            let mut jar = CookieJar::new();
            jar.signed_mut(&key).add(Cookie::new("session", value));
            let old = jar.get("session").unwrap().to_string();
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, old.parse().unwrap());
            let read = carrier.read(&headers).unwrap();
            assert_eq!((&read.id, read.version), (&id, version));

            let update = CredentialUpdate::Set(read, SystemTime::UNIX_EPOCH);
            let mut response = HeaderMap::new();
            carrier.write(&update, SystemTime::UNIX_EPOCH, &mut response);
            let new = response[SET_COOKIE].to_str().unwrap();
            assert_ne!(new.split(';').next(), Some(&*old));
            headers.insert(COOKIE, new.split(';').next().unwrap().parse().unwrap());
            let read = carrier.read(&headers).unwrap();
            assert_eq!((read.id, read.version), (id.clone(), version));
        }
    }
}
