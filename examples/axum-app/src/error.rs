//! The errors of a request, and the text that the visitor sees.

use std::error::Error as _;

use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use session_store::frameworks::axum::SessionRejection;
use session_store::{Error, Revoked};

use crate::pages::layout::layout;

/// The error of every handler.
#[derive(Debug)]
pub(crate) enum AppError {
    /// Only a user who is logged in may do this.
    Anonymous,
    /// There is no such page, or no such session of this user.
    NotFound,
    /// The request comes from a page of another site.
    CrossSite,
    /// The form is not one of this app.
    Form(FormRejection),
    /// Some sessions that the request should end are still valid.
    NotAllEnded(Revoked),
    /// The session could not be read, and the layer has the response.
    Session(SessionRejection),
    /// The store failed. The session may still exist, so its cookie stays.
    Store(Error),
}

impl From<FormRejection> for AppError {
    fn from(rejection: FormRejection) -> Self {
        Self::Form(rejection)
    }
}

impl From<SessionRejection> for AppError {
    fn from(rejection: SessionRejection) -> Self {
        Self::Session(rejection)
    }
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        match self {
            Self::Anonymous => answer(StatusCode::UNAUTHORIZED, "Please log in first."),
            Self::NotFound => answer(StatusCode::NOT_FOUND, "There is nothing here."),
            Self::CrossSite => answer(StatusCode::FORBIDDEN, same_origin::REFUSAL),
            Self::Form(rejection) => answer(rejection.status(), &innermost_cause(&rejection)),
            Self::NotAllEnded(revoked) => {
                for failure in revoked.failed() {
                    log(failure.error());
                }
                let message = "Some sessions could not be ended. Please try again.";
                answer(StatusCode::SERVICE_UNAVAILABLE, message)
            }
            Self::Session(rejection) => rejection.into_response(),
            Self::Store(error) => {
                if !matches!(error, Error::Gone(_)) {
                    log(&error);
                }
                store_failed(&error)
            }
        }
    }
}

/// The response if the store failed, in a handler or around it, where the layer has logged the error.
pub(crate) fn store_failed(error: &Error) -> Response {
    if let Error::Gone(_) = error {
        let message = "Your session ended just now. Please try again.";
        return answer(StatusCode::CONFLICT, message);
    }
    match error {
        Error::Service(_) | Error::Conflict(_) => {
            let message = "Sessions cannot be reached right now. Please try again in a moment.";
            answer(StatusCode::SERVICE_UNAVAILABLE, message)
        }
        _ => {
            let message = "Something went wrong, and it is our fault.";
            answer(StatusCode::INTERNAL_SERVER_ERROR, message)
        }
    }
}

fn answer(status: StatusCode, message: &str) -> Response {
    (status, page(status, message)).into_response()
}

fn page(status: StatusCode, message: &str) -> Markup {
    let page = html! {
        section.card {
            p.eyebrow { (status) }
            h1 { "That did not work" }
            p { (message) }
            p { a.button href="/" { "Back to the page" } }
        }
    };
    layout("Error", None, page)
}

/// The innermost cause: the message of the form's own check, without the additions of each layer.
fn innermost_cause(rejection: &FormRejection) -> String {
    let mut cause: &dyn std::error::Error = rejection;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Writes an error with its causes; no error holds a session id.
fn log(error: &Error) {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        line.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    tracing::error!("{line}");
}
