//! A request's slot, with the responses of the layer.

use std::sync::Arc;

use axum_core::response::{IntoResponse as _, Response};
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, VARY, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::error::Error;
use crate::schema::SessionData;

use super::rejection::ErrorOfHandler;
use crate::frameworks::http::policy::{Stage, default_response, log};
use crate::frameworks::http::{LendError, Loan, Outcome, Slot};

type Respond = dyn Fn(&Error, Stage) -> Option<Response> + Send + Sync;
type RespondTo = dyn Fn(&Error, Stage, &Parts) -> Option<Response> + Send + Sync;

/// Gives the response when a session cannot be read or stored.
#[derive(Clone)]
pub(super) enum OnError {
    Plain(Arc<Respond>),
    WithRequest(Arc<RespondTo>),
}

/// The settings of a layer that concern its responses.
#[derive(Clone, Default)]
pub(super) struct Responses {
    pub(super) on_error: Option<OnError>,
    pub(super) challenge: Option<HeaderValue>,
    pub(super) is_failure: IsFailure,
    pub(super) leaves_cache_headers: bool,
}

/// Which responses say that their handler has failed.
#[derive(Clone)]
pub(super) enum IsFailure {
    /// By the status.
    Status {
        server_errors: bool,
    },
    By(Arc<dyn Fn(&Response) -> bool + Send + Sync>),
}

impl Default for IsFailure {
    fn default() -> Self {
        Self::Status {
            server_errors: true,
        }
    }
}

impl IsFailure {
    fn is_met(&self, response: &Response) -> bool {
        let status = response.status();
        match self {
            // The status of a time-out inside of the layer, which has cut the handler off.
            Self::Status { .. } if status == StatusCode::REQUEST_TIMEOUT => true,
            Self::Status { server_errors } => *server_errors && status.is_server_error(),
            Self::By(is_failure) => is_failure(response),
        }
    }
}

impl Responses {
    /// Whether both treat every response in the same way, as far as that can be known.
    pub(super) fn are_like(&self, other: &Self) -> bool {
        let same_failures = match (&self.is_failure, &other.is_failure) {
            (IsFailure::Status { server_errors: a }, IsFailure::Status { server_errors: b }) => {
                a == b
            }
            (IsFailure::By(a), IsFailure::By(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        let same_errors = match (&self.on_error, &other.on_error) {
            (None, None) => true,
            (Some(OnError::Plain(a)), Some(OnError::Plain(b))) => Arc::ptr_eq(a, b),
            (Some(OnError::WithRequest(a)), Some(OnError::WithRequest(b))) => Arc::ptr_eq(a, b),
            _ => false,
        };
        same_failures
            && same_errors
            && self.challenge == other.challenge
            && self.leaves_cache_headers == other.leaves_cache_headers
    }

    /// Whether `on_error` needs the parts of the request.
    pub(super) fn need_request(&self) -> bool {
        matches!(self.on_error, Some(OnError::WithRequest(_)))
    }
}

/// The session of one request in axum. The request's extensions hold it.
pub(super) struct RequestSlot<S> {
    pub(super) slot: Arc<Slot<S>>,
    pub(super) responses: Arc<Responses>,
    /// The request without its body, if `on_error` needs it.
    pub(super) request: Option<Box<Parts>>,
}

impl<S> RequestSlot<S> {
    /// Says in a response of 401 how a client sends its id.
    fn challenge(&self, response: &mut Response) {
        if let Some(challenge) = &self.responses.challenge
            && response.status() == StatusCode::UNAUTHORIZED
        {
            let headers = response.headers_mut();
            headers
                .entry(WWW_AUTHENTICATE)
                .or_insert_with(|| challenge.clone());
        }
    }

    /// Keeps a response that was made from a session out of caches that visitors share.
    fn keep_private(&self, headers: &mut HeaderMap) {
        if self.responses.leaves_cache_headers || !self.slot.is_used() {
            return;
        }
        let carrier = &self.slot.config().carrier;
        if carrier.takes_cookies() {
            vary(headers, &COOKIE);
        }
        if carrier.takes_bearer() {
            vary(headers, &AUTHORIZATION);
        }
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("private"));
    }

    fn respond(&self, error: &Error, stage: Stage) -> Option<Response> {
        log(error);
        match &self.responses.on_error {
            Some(_) => self.ask(error, stage),
            None => default_response(error, stage).map(|response| response.into_response()),
        }
    }

    /// The response that `on_error` gives.
    fn ask(&self, error: &Error, stage: Stage) -> Option<Response> {
        match (self.responses.on_error.as_ref()?, &self.request) {
            (OnError::Plain(respond), _) => respond(error, stage),
            (OnError::WithRequest(respond), Some(request)) => respond(error, stage, request),
            (OnError::WithRequest(_), None) => None,
        }
    }
}

/// Adds a header to those by which a response varies.
fn vary(headers: &mut HeaderMap, by: &HeaderName) {
    let values = headers.get_all(VARY).into_iter();
    let mut names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let is_there = |name: &[u8]| {
        let name = name.trim_ascii();
        name == b"*" || name.eq_ignore_ascii_case(by.as_str().as_bytes())
    };
    if !names.any(is_there) {
        headers.append(VARY, by.clone().into());
    }
}

impl<S: SessionData> RequestSlot<S> {
    /// Lends the session to an extractor.
    pub(super) async fn lend(&self) -> Result<Loan<S>, LendError<Response>> {
        let respond = |error: &Error| self.respond(error, Stage::Load);
        self.slot.lend(respond).await
    }

    /// Lends it for a moment.
    pub(super) async fn borrow(&self) -> Result<Loan<S>, LendError<Response>> {
        let respond = |error: &Error| self.respond(error, Stage::Load);
        self.slot.borrow(respond).await
    }

    /// Stores the changes of the handler, and returns its response, with a new cookie if needed.
    pub(super) async fn finish(&self, mut response: Response) -> Response {
        let returned = response.extensions().get::<ErrorOfHandler>().cloned();
        let outcome = match self.responses.is_failure.is_met(&response) || returned.is_some() {
            true => Outcome::Failed,
            false => Outcome::Done,
        };
        let finished = self.slot.finish(outcome).await;
        let other = match (finished.error, returned) {
            _ if finished.is_aborted => Some(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
            (Some(error), _) => self.respond(&error, Stage::Save),
            (None, Some(ErrorOfHandler(error))) => self.ask(&error, Stage::Handler),
            (None, None) => None,
        };
        response = other.unwrap_or(response);
        let headers = response.headers_mut();
        self.slot.write(finished.via, &finished.update, headers);
        self.keep_private(headers);
        self.challenge(&mut response);
        response
    }

    /// Carries out a log-out whose handler gave no response.
    pub(super) async fn finish_without_response(&self) {
        if let Some(error) = self.slot.finish(Outcome::Failed).await.error {
            log(&error);
        }
    }
}
