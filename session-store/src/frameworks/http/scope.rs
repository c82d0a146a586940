//! Two layers of one application must not use the same cookie: each would take the other's id for one that
//! it does not know, and overwrite it with its own.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::Extensions;

/// Where clients send an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Whether there is a cookie, and which.
    pub(super) cookie: Option<CookieScope>,
    /// Whether it can be in the header `Authorization`.
    pub(super) bearer: bool,
}

/// The requests with which a browser sends a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CookieScope {
    /// With their prefix. The first is that of the id.
    pub(super) names: [String; 3],
    pub(super) domain: Option<String>,
    pub(super) path: String,
}

impl Scope {
    /// Whether a request can have the ids of both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        (self.bearer && other.bearer) || self.cookies_meet(other)
    }

    fn cookies_meet(&self, other: &Self) -> bool {
        let (Some(cookie), Some(other)) = (&self.cookie, &other.cookie) else {
            return false;
        };
        let domains_meet = match (&cookie.domain, &other.domain) {
            (Some(a), Some(b)) => is_within(a, b) || is_within(b, a),
            // Without a domain, it is for any host that the application has.
            _ => true,
        };
        let paths_meet = is_below(&cookie.path, &other.path) || is_below(&other.path, &cookie.path);
        let names_meet = cookie.names.iter().any(|name| other.names.contains(name));
        names_meet && domains_meet && paths_meet
    }
}

/// Whether a cookie for this domain is sent to that host.
fn is_within(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.to_ascii_lowercase(), domain.to_ascii_lowercase());
    let (host, domain) = (host.trim_start_matches('.'), domain.trim_start_matches('.'));
    let above = host.strip_suffix(domain);
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// Whether a cookie for the path `above` is sent with requests for this one.
fn is_below(path: &str, above: &str) -> bool {
    let rest = path.strip_prefix(above);
    rest.is_some_and(|rest| rest.is_empty() || above.ends_with('/') || rest.starts_with('/'))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(CookieScope {
            names: [name, ..], ..
        }) = &self.cookie
        {
            write!(f, "the cookie `{name}`")?;
        }
        if self.bearer {
            let or = if self.cookie.is_some() { " or " } else { "" };
            write!(f, "{or}the header `Authorization`")?;
        }
        Ok(())
    }
}

/// The scopes of the layers around a request, from the inside to the outside. The request's extensions
/// hold it.
#[derive(Clone)]
struct Around {
    scope: Arc<Scope>,
    outer: Option<Arc<Self>>,
}

/// Notes in a request that it is inside of a layer of this scope. Fails, with a record in the log, if it is
/// inside of another layer whose ids this one would overwrite.
pub(crate) fn enter(scope: &Arc<Scope>, extensions: &mut Extensions) -> Result<(), ()> {
    let outer = extensions.remove::<Around>().map(Arc::new);
    let mut around = outer.as_ref();
    while let Some(layer) = around {
        if layer.scope.meets(scope) {
            tracing::error!(
                "two layers around this route use {scope} for different sessions, so no request is \
                 answered; give one of them a cookie of another name, with `SessionCookie::name`"
            );
            return Err(());
        }
        around = layer.outer.as_ref();
    }
    let scope = Arc::clone(scope);
    extensions.insert(Around { scope, outer });
    Ok(())
}

/// The scopes of all layers in this process, and the names of their session types.
static SCOPES: Mutex<Vec<(Scope, &'static str)>> = Mutex::new(Vec::new());

/// A process has a few layers. With more of them, as in tests, the check is not worth the memory.
const MAX_SCOPES: usize = 64;

/// Notes a layer for this session type, and logs if one for another type has the same cookie.
///
/// It cannot be known whether both are in one application, so nothing is refused.
pub(crate) fn register(scope: &Scope, session: &'static str) {
    if scope.cookie.is_none() {
        return;
    }
    let mut scopes = SCOPES.lock().unwrap_or_else(PoisonError::into_inner);
    let is_known = scopes
        .iter()
        .any(|(s, other)| s == scope && *other == session);
    if is_known || scopes.len() == MAX_SCOPES {
        return;
    }
    let other = scopes
        .iter()
        .find(|(s, other)| s.cookies_meet(scope) && *other != session);
    if let Some((_, other)) = other {
        tracing::error!(
            "two session types use {scope}, `{other}` and `{session}`; if they are of one site, each \
             overwrites the cookie of the other: give one of them another name, with \
             `SessionCookie::name`"
        );
    }
    scopes.push((scope.clone(), session));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frameworks::http::cookie::{Carrier, SessionCookie};

    fn scope(name: &str) -> Scope {
        Carrier::Cookie(SessionCookie::new().name(name)).scope()
    }

    #[test]
    fn the_cookies_beside_that_of_the_id_count_too() {
        let session = scope("session");
        for other in ["session", "session-version"] {
            assert!(session.meets(&scope(other)) && scope(other).meets(&session));
        }
        assert!(!session.meets(&scope("session-admin")));
    }

    #[test]
    fn the_default_cookies_of_two_types_do_not_meet() {
        let default = |name| Carrier::Cookie(SessionCookie::new()).for_type(name).scope();
        assert!(!default(Some("Shop")).meets(&default(Some("Admin"))));
        assert!(!default(Some("Shop")).meets(&default(None)));
        assert!(default(Some("Shop")).meets(&default(Some("Shop"))));
        // The second is the cookie of the version of the first.
        assert!(default(None).meets(&default(Some("version"))));
    }

    #[test]
    fn a_layer_with_both_ways_meets_each_of_them() {
        let both = Carrier::Both(SessionCookie::new().name("a")).scope();
        assert!(both.meets(&Carrier::Bearer.scope()) && both.meets(&scope("a")));
        assert!(!both.meets(&scope("b")) && !Carrier::Bearer.scope().meets(&scope("a")));
        assert_eq!(
            both.to_string(),
            "the cookie `__Host-a` or the header `Authorization`"
        );
    }
}
