//! The answer to a request whose session could not be read or stored.

use http::StatusCode;

use crate::error::Error;

/// The step in which an error occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Reading the session for a handler, which has not run.
    Load,
    /// Storing the changes of the handler, whose answer is there.
    Save,
}

/// The answer by default: a status and a text for the visitor. `None` goes on.
pub(crate) fn default_answer(error: &Error, stage: Stage) -> Option<(StatusCode, &'static str)> {
    let status = match error {
        // The session ended while the handler ran, and its changes with it.
        Error::Gone(_) if stage == Stage::Save => return None,
        Error::Service(_) | Error::Conflict(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Limit(_) => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let text = match status {
        StatusCode::SERVICE_UNAVAILABLE => "sessions are not available; try again in a moment",
        StatusCode::CONFLICT => "there are too many sessions of this user; end one of them first",
        _ => "the session could not be read or stored",
    };
    Some((status, text))
}

/// Logs an error that a visitor is told of in general words alone.
pub(crate) fn log(error: &Error) {
    match error {
        Error::Gone(_) => tracing::info!("{error}"),
        _ => {
            let cause = std::error::Error::source(error).map(tracing::field::display);
            tracing::error!(cause, "{error}");
        }
    }
}
