//! The settings of a cookie.

use std::time::SystemTime;

use cookie::{Key, SameSite};

use crate::frameworks::http::scope::CookieScope;
use crate::id::SessionHandle;

use super::keys::Keys;

/// The prefixes by which a browser refuses a cookie that lacks an attribute (RFC 6265bis, section 4.1.3).
/// The longer ones are first.
pub(super) const PREFIXES: [&str; 4] = ["__Host-Http-", "__Host-", "__Secure-", "__Http-"];

/// The cookie that holds the session's id, and how browsers are to treat it.
///
/// The default follows OWASP: sent over TLS only and to this host only, hidden from scripts, and not sent with
/// cross-site requests except for links.
///
/// By default, the name has the [type name](crate::Schema::type_name) of the session in it, which is the name of
/// the struct: `__Host-session-AppSession`. So two session types of one site have two cookies. `-` stands for a
/// character that no name of a cookie has, such as `:`. Without a type name, as a schema by hand can be, it is
/// `__Host-session`. A session type that gets another type name gets another cookie.
///
/// The name's prefix follows from the other settings, since browsers refuse a cookie that does not fulfil
/// its prefix: `__Host-` if it is secure, for all paths and without a domain; `__Secure-` if it is only
/// secure; no prefix otherwise. See [`without_prefix`](Self::without_prefix).
///
/// Other cookies have its attributes and begin with its name: `<name>-login-..`, for an hour after a
/// log-in, keeps that from being undone by the late answer to an older request, and `<name>-version`
/// has the version of the last write, if the cookie is [signed](Self::signed). `<name>-out`, if it is signed, says for
/// an hour after a log-out that no version counts, unless somebody logs in again.
///
/// The layer refuses settings with which no browser takes the cookie: it panics with the message of
/// [`check`](Self::check) when it is put around a router.
#[derive(Clone, Debug)]
pub struct SessionCookie {
    /// `None` until [`for_type`](Self::for_type) gives it the default name.
    pub(super) name: Option<String>,
    pub(super) prefix: bool,
    pub(super) domain: Option<String>,
    pub(super) path: String,
    pub(super) secure: bool,
    pub(super) same_site: SameSite,
    pub(super) partitioned: bool,
    pub(super) persistent: bool,
    pub(super) keys: Keys,
}

impl SessionCookie {
    /// Whether both are the same cookie, and are read and written in the same way.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let settings = |cookie: &Self| {
            let flags = [
                cookie.prefix,
                cookie.secure,
                cookie.partitioned,
                cookie.persistent,
            ];
            (flags, cookie.same_site)
        };
        self.name == other.name
            && self.domain == other.domain
            && self.path == other.path
            && self.keys == other.keys
            && settings(self) == settings(other)
    }
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionCookie {
    /// The cookie `__Host-session-<type name>`: secure, `SameSite=Lax`, for all paths, kept until the
    /// absolute timeout is over.
    pub fn new() -> Self {
        Self {
            name: None,
            prefix: true,
            domain: None,
            path: "/".to_owned(),
            secure: true,
            same_site: SameSite::Lax,
            partitioned: false,
            persistent: true,
            keys: Keys::default(),
        }
    }

    /// The same over plain HTTP, for development on this machine: named `session-<type name>`, not
    /// secure.
    pub fn dev() -> Self {
        Self::new().over_http()
    }

    /// This cookie over plain HTTP, for development on this machine. All settings stay but those that
    /// browsers take over TLS only: it is not secure and not partitioned, its name has no prefix, and
    /// `SameSite=None` becomes `Lax`.
    ///
    /// Some browsers take secure cookies from `http://localhost`, but not all of them, and none from another
    /// name.
    pub fn over_http(mut self) -> Self {
        self.secure = false;
        self.partitioned = false;
        if self.same_site == SameSite::None {
            self.same_site = SameSite::Lax;
        }
        while let Some((_, name)) = self.name.as_deref().and_then(split_prefix) {
            self.name = Some(name.to_owned());
        }
        self
    }

    /// The name without its prefix, in place of `session-<type name>`. It has the characters of a token:
    /// letters, digits and ``!#$%&'*+-.^_`|~``.
    ///
    /// A name that begins with `__Host-` or `__Secure-` gets no other prefix, and [`check`](Self::check)
    /// refuses settings that do not fulfil it.
    ///
    /// Browsers do not tell the ports of a host apart, so two applications on one host need two names. By
    /// default they have them, unless their session types have one name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Uses the name as it was given, such as for a cookie that another program reads.
    ///
    /// Without `__Host-`, other hosts of the domain can set a cookie of this name, and plain HTTP can if
    /// there is no `__Secure-` either. The layer then sees ids that it never gave to this browser.
    pub fn without_prefix(mut self) -> Self {
        self.prefix = false;
        self
    }

    /// Sends it to this domain and its subdomains, such as `example.org`. Without a domain, which is the
    /// default, browsers send it to this host only.
    ///
    /// Browsers ignore a leading dot. They refuse a domain that is not the host's own or above it, and one
    /// below which anyone can have a name, such as `co.uk` or `cloudfront.net`. `localhost` and an address are
    /// taken by a host of just that name. [`check`](Self::check) refuses what can be no domain, such as one
    /// with a scheme or a port.
    ///
    /// Each host of the domain can set the cookie too, as can any sibling host if there is no prefix `__Host-`:
    /// with the id of a session of its own, if it likes. A signature does not help against that. So give a
    /// domain only if you trust all its hosts.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// The path below which it is sent; `/` by default. `/app` is for `/app` and `/app/..`, not for
    /// `/apple`.
    ///
    /// Browsers ignore a path that does not begin with `/`, and take that of the request. A path does not
    /// protect the cookie from scripts of other paths of the host (RFC 6265, section 8.5).
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Whether it is sent over TLS only; `true` by default. Browsers take a secure cookie over TLS only.
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Whether it is sent with requests from other sites; `Lax` by default.
    ///
    /// | | sent with requests from other sites |
    /// |---|---|
    /// | `Strict` | never, so that a visitor who follows a link to this site has no session on the first page |
    /// | `Lax` | with links, and no other; not with forms that are posted, such as by an identity provider |
    /// | `None` | with all, if the browser allows cookies of third parties at all; only if it is [secure](Self::secure) |
    ///
    /// With `None`, protect the application against cross-site request forgery.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Whether browsers keep one for each site in which this one is embedded (`Partitioned`, CHIPS); `false`
    /// by default. Use it with [`SameSite::None`], for a site in a frame of other sites. It must be
    /// [secure](Self::secure). Browsers that do not know the attribute ignore it.
    ///
    /// A change of this setting begins new cookies, beside those that browsers have.
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.partitioned = partitioned;
        self
    }

    /// Whether the browser keeps it until the session's absolute timeout; `true` by default. With `false`,
    /// the browser drops it when it is closed; browsers that restore their tabs do not.
    ///
    /// No browser keeps a cookie for more than 400 days, and some keep it for less.
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.persistent = persistent;
        self
    }

    /// Signs the id with this key, so that a made-up one is refused without asking DynamoDB. The signature
    /// covers the cookie's name, so that the value is good under that name only.
    ///
    /// Ids have 256 random bits, so they cannot be guessed. Signing saves the reads for such guesses. All
    /// hosts need the same key.
    ///
    /// # A new key
    ///
    /// While a new release is rolled out, old and new hosts serve the same browsers. Three releases, each of
    /// them on all hosts before the next begins, keep every session:
    ///
    /// 1. `.signed(old).accept(new)`: all hosts read what the new key signs, before any signs with it.
    /// 2. `.signed(new).accept(old)`: new cookies have the new key. Cookies are not signed anew until the
    ///    session gets a new id, so keep this for the absolute timeout of the session type.
    /// 3. `.signed(new)`: the old key is no longer good.
    ///
    /// If the old key is known to somebody else, go from 1 to 3 at once. That logs everyone out.
    ///
    /// # To begin to sign
    ///
    /// 1. `.accept(key)`: unsigned as before, but all hosts read signed cookies.
    /// 2. `.signed(key).unsigned_until(then)`, where `then` is the end of this roll-out plus the absolute
    ///    timeout: new cookies are signed, and those from before are read.
    /// 3. From `then` on, unsigned ids are refused. Leave `unsigned_until` out of any later release.
    ///
    /// # To end signing
    ///
    /// 1. `.signed(key).unsigned_until(then)`, with a moment in the far future: all hosts read unsigned
    ///    cookies.
    /// 2. `.accept(key)`: new cookies are unsigned. Keep it for the absolute timeout.
    /// 3. Neither.
    ///
    /// ```
    /// use session_store::frameworks::axum::{SessionCookie, SigningKey};
    ///
    /// # let (old, new) = ([1; 64], [2; 64]);
    /// let (old, new) = (SigningKey::from(&old), SigningKey::from(&new));
    /// let cookie = SessionCookie::new().signed(new).accept(old);
    /// ```
    pub fn signed(mut self, key: Key) -> Self {
        self.keys.signing = Some(key);
        self
    }

    /// Also accepts what this key signed. Call it for each such key. See [`signed`](Self::signed) for the
    /// order in which to roll a key out.
    ///
    /// Without `signed`, cookies are written unsigned, and both unsigned ones and those with a signature of
    /// an accepted key are read.
    pub fn accept(mut self, key: Key) -> Self {
        self.keys.accepted.push(key);
        self
    }

    /// With [`signed`](Self::signed), also accepts unsigned ids until then. Without it, unsigned ids are
    /// accepted anyhow.
    pub fn unsigned_until(mut self, until: SystemTime) -> Self {
        self.keys.unsigned_until = Some(until);
        self
    }

    /// This cookie for sessions of the type of this name: if it was given no name, it has the default one.
    pub(super) fn for_type(mut self, type_name: Option<&str>) -> Self {
        self.name.get_or_insert_with(|| default_name(type_name));
        self
    }

    /// The name as it was given, or the default one.
    pub(super) fn own_name(&self) -> &str {
        self.name.as_deref().unwrap_or(WITHOUT_TYPE)
    }

    /// The name with its prefix.
    pub(super) fn full_name(&self) -> String {
        let name = self.own_name();
        let has_prefix = split_prefix(name).is_some();
        let prefix = match (self.secure, &self.domain, &*self.path) {
            _ if has_prefix || !self.prefix => "",
            (true, None, "/") => "__Host-",
            (true, ..) => "__Secure-",
            (false, ..) => "",
        };
        format!("{prefix}{name}")
    }

    /// What the names of the cookies of log-ins begin with.
    pub(super) fn log_in_prefix(&self) -> String {
        format!("{}-login-", self.full_name())
    }

    /// The name of the cookie of the log-in to the session of this handle. No other log-in has it, so that no
    /// answer removes or overwrites the cookie of another log-in.
    pub(super) fn log_in_name(&self, handle: SessionHandle) -> String {
        let handle = handle.to_string();
        let some = handle.get(..LOG_IN_SUFFIX).unwrap_or(&handle);
        format!("{}{some}", self.log_in_prefix())
    }

    /// The name of the cookie with the version of the last write.
    pub(super) fn version_name(&self) -> String {
        format!("{}-version", self.full_name())
    }

    /// The name of the cookie that says that the client has logged out.
    pub(super) fn log_out_name(&self) -> String {
        format!("{}-out", self.full_name())
    }

    pub(super) fn scope(&self) -> CookieScope {
        CookieScope {
            names: [self.full_name(), self.version_name(), self.log_out_name()],
            domain: self.domain.clone(),
            path: self.path.clone(),
        }
    }
}

/// The default name if the session type has none.
const WITHOUT_TYPE: &str = "session";

/// The default name for a session type. Two types of one site have two cookies: with one, each would overwrite
/// the id of the other.
fn default_name(type_name: Option<&str>) -> String {
    let Some(type_name) = type_name else {
        return WITHOUT_TYPE.to_owned();
    };
    let mut name = format!("{WITHOUT_TYPE}-");
    for byte in type_name.bytes() {
        // A type name can have `:` and `/`. It has no `%`, so that no two names become one.
        match is_token(byte) {
            true => name.push(byte.into()),
            false => name += &format!("%{byte:02X}"),
        }
    }
    name
}

/// Whether the name of a cookie can have it: it is of a token (RFC 9110, section 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// How many characters of a handle are in the name of the cookie of a log-in.
const LOG_IN_SUFFIX: usize = 8;

/// The prefix that browsers know, and the rest. They compare it without case.
pub(super) fn split_prefix(name: &str) -> Option<(&str, &str)> {
    PREFIXES.iter().find_map(|prefix| {
        let (start, rest) = name.split_at_checked(prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then_some((start, rest))
    })
}
