//! Why a handler did not get its session, and what its visitor is told of errors.

use std::fmt;
use std::sync::Arc;

use axum_core::response::{IntoResponse, Response};
use http::StatusCode;

use crate::error::Error;

use crate::frameworks::http::LendError;
use crate::frameworks::http::policy::{log, told};

/// Why a handler did not get its session: a programming error, or the response of the layer's policy.
#[derive(Debug)]
pub struct SessionRejection(pub(super) Reason);

#[derive(Debug)]
pub(super) enum Reason {
    NoLayer(&'static str),
    InUse,
    /// There is no session, and the extractor requires one.
    Absent,
    /// In a box, since the errors of users hold rejections.
    Failed(Box<Response>),
}

impl SessionRejection {
    pub(super) fn of(error: LendError<Response>) -> Self {
        Self(match error {
            LendError::InUse => Reason::InUse,
            LendError::Failed(response) => Reason::Failed(Box::new(response)),
        })
    }

    /// Whether there is no session, and a [`RequiredSession`](super::RequiredSession) was asked for.
    pub fn is_absent(&self) -> bool {
        matches!(self.0, Reason::Absent)
    }
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
                "another `CurrentSession` of this request is alive, in the same handler or in a middleware \
                 that keeps it while the handler runs; take `SharedSession` in its place, or drop it first",
            ),
            Reason::Absent => f.write_str("there is no session"),
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
            Reason::Absent => (StatusCode::UNAUTHORIZED, text).into_response(),
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

/// The error of a handler that has returned it, for [`on_error`](super::SessionLayer::on_error).
#[derive(Clone)]
pub(super) struct ErrorOfHandler(pub(super) Arc<Error>);

/// A status and a text for the visitor, by the table of the [layer](crate::frameworks::axum#when-something-goes-wrong); the
/// log has the error in full. In a route of a [`SessionLayer`](crate::frameworks::axum::SessionLayer), its `on_error` can
/// give another response, at [`Stage::Handler`](crate::frameworks::axum::Stage::Handler).
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        log(&self);
        let mut response = told(&self).into_response();
        let extensions = response.extensions_mut();
        extensions.insert(ErrorOfHandler(Arc::new(self)));
        response
    }
}
