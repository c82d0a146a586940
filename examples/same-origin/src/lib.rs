//! Which requests the examples carry out: only those of their own pages, and of clients that are no
//! browsers.
//!
//! # The attack
//!
//! A page of any site can post a form to any other site (cross-site request forgery). The browser carries it
//! out in the visitor's name, with the visitor's cookies.
//!
//! A session cookie with `SameSite=Lax` or `Strict` stays out of such a request. That is not enough:
//!
//! - **A log-in needs no cookie.** A forged log-in form makes the visitor go on in the account of the
//!   attacker, who later reads there what the visitor has entered: a search, an address, the number of a card.
//! - **A site is more than a host.** To `SameSite`, other ports and subdomains are the same site. One subdomain
//!   in other hands is enough, and so is another server on `localhost`.
//!
//! A token in each form is the other way to stop this. It needs a session before the log-in, and fails when
//! that has changed in another tab. Browsers tell by themselves where a request comes from, and pages cannot
//! change what they say.
//!
//! # The rule
//!
//! The first line that fits decides.
//!
//! | the request | carried out? | because |
//! |---|---|---|
//! | has a safe method (`GET`, `HEAD`, `OPTIONS`, `TRACE`) | yes | It must change nothing. So a log-out is a `POST`. |
//! | has `Sec-Fetch-Site: same-origin` or `none` | yes | The browser says that the request is of this origin, or of the visitor: a bookmark, the reload of a page. |
//! | has `Sec-Fetch-Site` with another value | no | `cross-site`, a sibling of this host (`same-site`), or a value that no browser sends. |
//! | has an `Origin` of this host and port | yes | Browsers before 2023 have no `Sec-Fetch-Site`, and newer ones send it over TLS and to `localhost` only. |
//! | has another `Origin` | no | It is another host or port, or `null`. |
//! | has neither header | yes | It is not from a browser: see below. |
//!
//! A header that comes twice has to fit each time.
//!
//! **Neither header.** Since 2020, all browsers send `Origin` with a `POST`. A request without it comes from a
//! program: an app, `curl`, a webhook. A program has no cookies of a visitor that another site could use, and
//! it can send any header that it likes, so that a refusal would keep out only the honest ones. A browser whose
//! extension removes `Origin` has no protection but that of the cookie.
//!
//! **`Origin: null`** says that the browser keeps the origin back: for a page in a sandboxed frame, for a
//! `data:` URL, after a redirect through another site. An attacker can make all of these, so `null` is refused.
//! A page of one's own with `Referrer-Policy: no-referrer` sends it too. Use the policy `same-origin`, as
//! `axum-app` does. With `Sec-Fetch-Site: same-origin`, such a page works all the same.
//!
//! **The own host** is the one in the URI (`:authority` of HTTP/2, or an absolute URI), and otherwise that of the header
//! `Host`, in the order of RFC 9112, section 3.2.2. The port counts: another one is another program. A port that
//! is left out is that of the origin's scheme.
//!
//! **A proxy** that rewrites `Host` is no trouble over TLS, since `Sec-Fetch-Site` comes first. For older
//! browsers, let it pass `Host` on. `X-Forwarded-Host` is not read: without a proxy, or behind one that does not
//! set it, the client chooses its value.
//!
//! **The scheme** does not count, since a server behind a proxy that ends TLS does not know its own. So to a
//! browser without `Sec-Fetch-Site`, a page of `http://` passes for that of `https://` of the same host. Send
//! `Strict-Transport-Security` if somebody on the network could make such a page.
//!
//! This is the rule of `CrossOriginProtection` in Go 1.25. Forms that come from other sites on purpose, such as
//! the answer of an identity provider, need a route outside of it, and a check of their own.

use http::header::{HOST, HeaderName, ORIGIN};
use http::uri::Authority;
use http::{HeaderValue, Request};

/// The text of a response to a request that is refused. Its status is 403.
pub const REFUSAL: &str = "This form came from another site, so nothing was done.";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether to carry out this request. If not, respond with 403, before anything is read or written.
pub fn allows<B>(request: &Request<B>) -> bool {
    if request.method().is_safe() {
        return true;
    }
    let headers = request.headers();
    if headers.contains_key(SEC_FETCH_SITE) {
        let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
        return sites.all(|site| site == "same-origin" || site == "none");
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    origins.all(|origin| is_own(origin, request))
}

/// Whether this is the origin of the request's own host.
fn is_own<B>(origin: &HeaderValue, request: &Request<B>) -> bool {
    let origin = origin.to_str().ok();
    let Some((scheme, host)) = origin.and_then(|origin| origin.split_once("://")) else {
        return false;
    };
    let default_port = match scheme {
        "https" => 443,
        "http" => 80,
        // The page of an extension, of an app, or of a file.
        _ => return false,
    };
    let from = place(host, default_port);
    from.is_some() && from == own_place(request, default_port)
}

fn own_place<B>(request: &Request<B>, default_port: u16) -> Option<(String, u16)> {
    if let Some(authority) = request.uri().authority() {
        return place(authority.as_str(), default_port);
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    // RFC 9112, section 3.2: a request with two of them is not valid.
    if hosts.next().is_some() {
        return None;
    }
    place(host, default_port)
}

/// A host in lower case, and its port.
fn place(text: &str, default_port: u16) -> Option<(String, u16)> {
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    let port = match text.get(host.len()..)? {
        "" => default_port,
        // With the name of a user, or with a port that is no number, this is no origin.
        rest => rest.strip_prefix(':')?.parse().ok()?,
    };
    (text.starts_with(host) && !host.is_empty()).then(|| (host.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests;
