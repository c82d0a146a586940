//! Where the id is in a request and in its response.

use std::time::SystemTime;

use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::error::SetupError;
use crate::frameworks::http::scope::Scope;
use crate::item::CookieLife;

use super::SameSite;
use super::bearer;
use super::credential::{CredentialUpdate, Sent, Via};
use super::header::add_secret;
use super::settings::SessionCookie;

/// Headers that shared caches prefer to `Cache-Control` (RFC 9213, and what was before it).
const OF_SHARED_CACHES: [&str; 3] = [
    "cdn-cache-control",
    "surrogate-control",
    "cloudflare-cdn-cache-control",
];

/// Where the id is in a request and in its response.
#[derive(Clone, Debug)]
pub(crate) enum Carrier {
    Cookie(SessionCookie),
    Bearer,
    /// In the header if the request has one of scheme `Bearer`, and in the cookie otherwise.
    Both(SessionCookie),
}

impl Carrier {
    pub(crate) fn read(&self, headers: &HeaderMap, now: SystemTime) -> Sent {
        // A request with a bearer token never falls back to its cookies, however bad the token is: a browser
        // adds cookies to requests of other sites too, and a client that sends a token counts on it.
        let bearer = match self {
            Self::Cookie(_) => None,
            Self::Bearer | Self::Both(_) => bearer::read(headers),
        };
        bearer.unwrap_or_else(|| {
            let credentials = self.cookie().map(|cookie| cookie.read(headers, now));
            let (credentials, over) = credentials.unwrap_or_default();
            let has_logged_out = self
                .cookie()
                .is_some_and(|cookie| cookie.has_logged_out(headers));
            Sent {
                over,
                has_logged_out,
                via: (!credentials.is_empty()).then_some(Via::Cookie),
                credentials,
            }
        })
    }

    pub(crate) fn write(
        &self,
        via: Via,
        update: &CredentialUpdate,
        now: SystemTime,
        headers: &mut HeaderMap,
    ) {
        let before = headers.len();
        match (self, via) {
            (Self::Cookie(cookie), _) | (Self::Both(cookie), Via::Cookie) => {
                for cookie in cookie.write(update, now) {
                    add_secret(headers, SET_COOKIE, cookie.to_string());
                }
            }
            (Self::Bearer, _) | (Self::Both(_), Via::Bearer) => {
                if let Some(update) = &update.id {
                    bearer::write(update, now, headers);
                }
            }
        }
        if headers.len() > before {
            // A cache must not give the id to another client. Some prefer a header of their own.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            for name in OF_SHARED_CACHES {
                headers.remove(name);
            }
        }
    }

    /// How a client without an id gets one.
    pub(crate) fn default_via(&self) -> Via {
        match self {
            Self::Cookie(_) | Self::Both(_) => Via::Cookie,
            Self::Bearer => Via::Bearer,
        }
    }

    /// Whether it carries the version of the client's last write.
    pub(crate) fn carries_version(&self) -> bool {
        self.cookie().is_some_and(|cookie| cookie.keys.sign())
    }

    /// Whether clients can have a version: from this host, or from another one that signs.
    pub(crate) fn has_version_cookie(&self) -> bool {
        self.cookie().is_some_and(|cookie| cookie.keys.has_any())
    }

    /// Where clients send the id.
    pub(crate) fn scope(&self) -> Scope {
        Scope {
            cookie: self.cookie().map(SessionCookie::scope),
            bearer: self.takes_bearer(),
        }
    }

    /// How long a client keeps its cookie, by the settings; `None` if it has no cookie.
    pub(crate) fn cookie_life(&self, via: Via) -> Option<CookieLife> {
        let cookie = self.cookie().filter(|_| via == Via::Cookie)?;
        Some(match cookie.persistent {
            true => CookieLife::Persistent,
            false => CookieLife::Browser,
        })
    }

    /// With which requests of other sites browsers send the cookie; `None` if there is none.
    pub(crate) fn same_site(&self) -> Option<SameSite> {
        self.cookie().map(|cookie| cookie.same_site)
    }

    /// # Errors
    ///
    /// See [`SessionCookie::check`].
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        self.cookie().map_or(Ok(()), SessionCookie::check)
    }

    /// The same over plain HTTP.
    pub(crate) fn over_http(self) -> Self {
        self.map_cookie(SessionCookie::over_http)
    }

    /// The same for sessions of the type of this name, from which the default name of the cookie follows.
    pub(crate) fn for_type(self, type_name: Option<&str>) -> Self {
        self.map_cookie(|cookie| cookie.for_type(type_name))
    }

    fn map_cookie(self, map: impl FnOnce(SessionCookie) -> SessionCookie) -> Self {
        match self {
            Self::Cookie(cookie) => Self::Cookie(map(cookie)),
            Self::Both(cookie) => Self::Both(map(cookie)),
            Self::Bearer => Self::Bearer,
        }
    }

    /// Whether clients can send the id in the header `Authorization`.
    pub(crate) fn takes_bearer(&self) -> bool {
        matches!(self, Self::Bearer | Self::Both(_))
    }

    /// Whether both read and write ids in the same way.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bearer, Self::Bearer) => true,
            (Self::Cookie(own), Self::Cookie(other)) | (Self::Both(own), Self::Both(other)) => {
                own.is_like(other)
            }
            _ => false,
        }
    }

    /// Whether clients can send the id in a cookie.
    pub(crate) fn takes_cookies(&self) -> bool {
        self.cookie().is_some()
    }

    fn cookie(&self) -> Option<&SessionCookie> {
        match self {
            Self::Cookie(cookie) | Self::Both(cookie) => Some(cookie),
            Self::Bearer => None,
        }
    }
}
