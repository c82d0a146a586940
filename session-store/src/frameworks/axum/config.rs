//! A request's slot, with the error responses of the layer.

use std::sync::Arc;

use axum_core::response::{IntoResponse as _, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::schema::SessionAttributes;

use crate::frameworks::http::policy::{Stage, default_response, log};
use crate::frameworks::http::{Finished, LendError, RequestSession, Slot};

/// Gives the response when a session cannot be read or stored.
pub(super) type OnError = Arc<dyn Fn(&Error, Stage) -> Option<Response> + Send + Sync>;

/// The session of one request in axum. The request's extensions hold it.
pub(super) struct RequestSlot<S> {
    pub(super) slot: Slot<S>,
    pub(super) on_error: Option<OnError>,
    pub(super) challenge: Option<HeaderValue>,
}

impl<S> RequestSlot<S> {
    /// Says in a response of 401 how a client sends its id.
    fn challenge(&self, response: &mut Response) {
        if let Some(challenge) = &self.challenge
            && response.status() == StatusCode::UNAUTHORIZED
        {
            let headers = response.headers_mut();
            headers
                .entry(WWW_AUTHENTICATE)
                .or_insert_with(|| challenge.clone());
        }
    }

    fn respond(&self, error: &Error, stage: Stage) -> Option<Response> {
        log(error);
        match &self.on_error {
            Some(respond) => respond(error, stage),
            None => default_response(error, stage).map(|response| response.into_response()),
        }
    }
}

impl<S> RequestSlot<S>
where
    S: SessionAttributes + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Lends the session to a handler.
    pub(super) async fn lend(&self) -> Result<Box<RequestSession<S>>, LendError<Response>> {
        let respond = |error: &Error| self.respond(error, Stage::Load);
        self.slot.lend(respond).await
    }

    /// Stores the changes of the handler, and returns its response, with a new cookie if needed.
    pub(super) async fn finish(&self, mut response: Response) -> Response {
        match self.slot.finish(Some(response.status())).await {
            Finished::Done { error, via, update } => {
                if let Some(other) = error.and_then(|error| self.respond(&error, Stage::Save)) {
                    response = other;
                }
                self.slot.write(via, &update, response.headers_mut());
                self.challenge(&mut response);
                response
            }
            Finished::Aborted => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    /// Carries out a log-out whose handler gave no response.
    pub(super) async fn finish_without_response(&self) {
        if let Finished::Done {
            error: Some(error), ..
        } = self.slot.finish(None).await
        {
            log(&error);
        }
    }
}
