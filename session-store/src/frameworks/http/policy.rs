//! The response to a request whose session could not be read or stored.

use http::StatusCode;

use crate::error::{Chain, Error};

/// The step in which an error occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Reading the session for a handler, which has not run yet.
    Load,
    /// Storing the changes of the handler, which has given its response.
    Save,
    /// The handler has returned the error: `?` on what [`save`](crate::frameworks::axum::CurrentSession::save) gave.
    Handler,
}

/// How the cause of a failure is told to a visitor.
type Told = (StatusCode, &'static str);

/// The default response: a status and a text for the visitor. `None` leaves that of the handler.
pub(crate) fn default_response(error: &Error, stage: Stage) -> Option<Told> {
    match error {
        // The session ended while the handler ran, so there is nothing to store its changes in.
        Error::Gone(_) if stage == Stage::Save => None,
        error => Some(told(error)),
    }
}

/// The table of the responses to errors.
pub(crate) fn told(error: &Error) -> Told {
    match error {
        Error::Gone(error) if error.is_replaced() => (
            StatusCode::CONFLICT,
            "another page has logged in meanwhile; reload this one",
        ),
        Error::Gone(_) => (StatusCode::UNAUTHORIZED, "the session has ended"),
        Error::Service(_) | Error::Conflict(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "sessions are not available; try again in a moment",
        ),
        Error::Limit(_) => (
            StatusCode::CONFLICT,
            "this user has too many sessions; end one of them first",
        ),
        Error::TooLarge(_) => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "the session would be too large; store less in it",
        ),
        Error::Request(error) if error.is_cross_site() => (
            StatusCode::FORBIDDEN,
            "a request of another site begins no session",
        ),
        _ => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "the session could not be read or stored",
        ),
    }
}

/// Logs an error in full, since the visitor sees a general text only.
///
/// Only a fault of the service or of its set-up has the level of an error, which may wake someone. The
/// others can be the doing of a visitor.
pub(crate) fn log(error: &Error) {
    let text = Chain(error);
    match error {
        Error::Gone(_) => tracing::info!("{text}"),
        Error::Request(reason) if !reason.is_cross_site() => tracing::error!("{text}"),
        Error::Service(_) | Error::Setup(_) => tracing::error!("{text}"),
        _ => tracing::warn!("{text}"),
    }
}
