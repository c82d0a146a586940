//! Why a handler did not get its session.

use std::fmt;

use axum_core::response::{IntoResponse, Response};
use http::StatusCode;

/// Why a handler did not get its session: a programming error, or the response of the layer's policy.
#[derive(Debug)]
pub struct SessionRejection(pub(super) Reason);

#[derive(Debug)]
pub(super) enum Reason {
    NoLayer(&'static str),
    InUse,
    /// In a box, since the errors of users hold rejections.
    Failed(Box<Response>),
}

impl fmt::Display for SessionRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::NoLayer(session) => write!(
                f,
                "this route has no `SessionLayer` for sessions of `{session}`; add \
                 `.layer(SessionLayer::new(store))` to the router, after its routes"
            ),
            Reason::InUse => f.write_str(
                "another extractor has the session of this request; take one `CurrentSession` in \
                 a handler",
            ),
            Reason::Failed(response) => {
                write!(f, "the session could not be read: {}", response.status())
            }
        }
    }
}

impl std::error::Error for SessionRejection {}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        let text = self.to_string();
        match self.0 {
            Reason::Failed(response) => *response,
            // A visitor may see the response, so the type's path is in the log alone.
            Reason::NoLayer(_) => {
                tracing::error!("{text}");
                let text = "this route has no `SessionLayer` for its session type; add \
                            `.layer(SessionLayer::new(store))` to the router, after its routes";
                (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
            }
            Reason::InUse => {
                tracing::error!("{text}");
                (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
            }
        }
    }
}
