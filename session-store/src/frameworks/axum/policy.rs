//! What a request is answered when its session could not be read or stored.

use axum_core::response::{IntoResponse as _, Response};
use http::StatusCode;

use crate::error::Error;

/// What the layer was doing when something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// It was reading the session for a handler, which has not run.
    Load,
    /// It was storing what the handler had changed; the handler's answer is there.
    Save,
}

pub(super) fn default_answer(error: &Error, stage: Stage) -> Option<Response> {
    let status = match error {
        // It was ended while the handler ran, and with it what the handler changed.
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
    Some((status, text).into_response())
}
