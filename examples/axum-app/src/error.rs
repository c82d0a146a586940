//! What can go wrong in a request, and what the visitor is told of it.

use std::error::Error as _;

use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use session_store::{Error, Revoked};

use crate::page;

/// The error of every handler.
#[derive(Debug)]
pub(crate) enum AppError {
    /// Only who is logged in may do this.
    Anonymous,
    /// There is no such page, or no such session of this user.
    NotFound,
    /// The form is not one of ours.
    Form(FormRejection),
    /// Sessions that were to be ended are still valid.
    NotAllEnded(Revoked),
    /// The store failed, which says nothing of the session: its cookie stays as it is.
    Store(Error),
}

impl From<FormRejection> for AppError {
    fn from(rejection: FormRejection) -> Self {
        Self::Form(rejection)
    }
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let (status, message) = match &self {
            Self::Anonymous => (StatusCode::UNAUTHORIZED, "Please log in first.".to_owned()),
            Self::NotFound => (StatusCode::NOT_FOUND, "There is nothing here.".to_owned()),
            Self::Form(rejection) => (rejection.status(), what_is_wrong(rejection)),
            Self::NotAllEnded(revoked) => {
                for failure in revoked.failed() {
                    log(failure.error());
                }
                let message = "Some sessions could not be ended. Please try again.";
                (StatusCode::SERVICE_UNAVAILABLE, message.to_owned())
            }
            Self::Store(error @ Error::Service(_)) => {
                log(error);
                let message = "Sessions cannot be reached right now. Please try again in a moment.";
                (StatusCode::SERVICE_UNAVAILABLE, message.to_owned())
            }
            Self::Store(error) => {
                log(error);
                let message = "Something went wrong, and it is our fault.".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, message)
            }
        };
        (status, page::error(status, &message)).into_response()
    }
}

/// The innermost cause: what a form's own check says, without what each layer adds to it.
fn what_is_wrong(rejection: &FormRejection) -> String {
    let mut cause: &dyn std::error::Error = rejection;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Writes an error with its causes, none of which holds a session id.
pub(crate) fn log(error: &Error) {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        line.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    eprintln!("{line}");
}
