//! Forms of other sites are refused.
//!
//! The cookie does not come along with them, for it is `SameSite=Lax`; but a form without a session
//! can log its visitor in as somebody else, and other ports and subdomains are of the same site.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::error::AppError;

/// Lets through what changes nothing, and what does not come from a page elsewhere.
pub(crate) async fn checked(request: Request, next: Next) -> Response {
    if request.method().is_safe() || is_ours(request.headers()) {
        next.run(request).await
    } else {
        AppError::CrossSite.into_response()
    }
}

/// Whether it comes from a page of this very origin, from the visitor, or from no browser at all.
fn is_ours(headers: &HeaderMap) -> bool {
    // No page can set either header. Browsers before 2023 know only the second.
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let (Ok(origin), Some(Ok(host))) = (origin.to_str(), headers.get(HOST).map(|h| h.to_str()))
    else {
        return false;
    };
    origin
        .split_once("://")
        .is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
}
