//! Refuses forms of other sites.
//!
//! Such forms come without the cookie, since it is `SameSite=Lax`. But a form without a session can log the
//! visitor in as another user, and other ports and subdomains belong to the same site.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::error::AppError;

/// Lets requests through that change nothing, or that do not come from a page of another origin.
pub(crate) async fn checked(request: Request, next: Next) -> Response {
    if request.method().is_safe() || is_ours(request.headers()) {
        next.run(request).await
    } else {
        AppError::CrossSite.into_response()
    }
}

/// Whether the request comes from a page of this origin, from the visitor directly, or from no browser.
fn is_ours(headers: &HeaderMap) -> bool {
    // A page cannot set either header. Browsers before 2023 know only the second.
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
