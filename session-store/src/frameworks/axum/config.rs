//! A request's slot with the answers of the layer.

use std::sync::Arc;

use axum_core::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::schema::SessionAttributes;

use crate::frameworks::http::policy::{Stage, default_answer, log};
use crate::frameworks::http::{Finished, Refusal, RequestSession, Slot};

/// What to answer when a session cannot be read or stored.
pub(super) type OnError = Arc<dyn Fn(&Error, Stage) -> Option<Response> + Send + Sync>;

/// The session of one request in axum: it travels in the request's extensions.
pub(super) struct RequestSlot<S> {
    pub(super) slot: Slot<S>,
    pub(super) on_error: Option<OnError>,
}

impl<S> RequestSlot<S> {
    fn answer(&self, error: &Error, stage: Stage) -> Option<Response> {
        log(error);
        match &self.on_error {
            Some(answer) => answer(error, stage),
            None => default_answer(error, stage).map(|answer| answer.into_response()),
        }
    }
}

impl<S> RequestSlot<S>
where
    S: SessionAttributes + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Lends the session to a handler.
    pub(super) async fn lend(&self) -> Result<Box<RequestSession<S>>, Refusal<Response>> {
        let answer = |error: &Error| self.answer(error, Stage::Load);
        self.slot.lend(answer).await
    }

    /// Stores the changes of the handler, and gives its answer, with a cookie if that is due.
    pub(super) async fn finish(&self, mut response: Response) -> Response {
        match self.slot.finish(response.status()).await {
            Finished::Done { error, update } => {
                if let Some(answer) = error.and_then(|error| self.answer(&error, Stage::Save)) {
                    response = answer;
                }
                if let Some(update) = update {
                    self.slot.write(&update, response.headers_mut());
                }
                response
            }
            Finished::Aborted => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}
