//! The response to a request whose session could not be read or stored.

use http::StatusCode;

use crate::error::Error;

/// The step in which an error occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Reading the session for a handler, which has not run yet.
    Load,
    /// Storing the changes of the handler, which has given its response.
    Save,
}

/// The default response: a status and a text for the visitor. `None` leaves that of the handler.
pub(crate) fn default_response(error: &Error, stage: Stage) -> Option<(StatusCode, &'static str)> {
    let status = match error {
        // The session ended while the handler ran, so there is nothing to store its changes in.
        Error::Gone(_) if stage == Stage::Save => return None,
        Error::Service(_) | Error::Conflict(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Limit(_) => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let text = match status {
        StatusCode::SERVICE_UNAVAILABLE => "sessions are not available; try again in a moment",
        StatusCode::CONFLICT => "this user has too many sessions; end one of them first",
        _ => "the session could not be read or stored",
    };
    Some((status, text))
}

/// Logs an error in full, since the visitor sees a general text only.
///
/// Only a fault of the service or of its set-up has the level of an error, which may wake someone. The
/// others can be the doing of a visitor.
pub(crate) fn log(error: &Error) {
    let cause = std::error::Error::source(error).map(tracing::field::display);
    match error {
        Error::Gone(_) => tracing::info!("{error}"),
        Error::Service(_) | Error::Setup(_) => tracing::error!(cause, "{error}"),
        _ => tracing::warn!(cause, "{error}"),
    }
}
