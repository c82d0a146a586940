//! Where the session of a request is kept between the layer, which stores it, and the extractor,
//! which lends it to a handler.

use std::sync::{Arc, Mutex, PoisonError};

use axum_core::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cookie::Known;
use super::held::Held;
use super::layer::Config;
use super::policy::Stage;
use crate::schema::SessionAttributes;

/// The session of one request. The lock is held for a moment each time, and never across an await.
pub(super) struct Slot<S> {
    config: Arc<Config<S>>,
    /// What the client sent.
    known: Option<Known>,
    place: Mutex<Place<S>>,
}

enum Place<S> {
    /// No handler has asked for it.
    Untouched,
    /// A handler has it, or it is being read for one.
    Lent,
    Here(Box<Held<S>>),
}

/// Why a handler cannot have the session now.
pub(super) enum Refusal {
    Lent,
    Failed(Response),
}

impl<S> Slot<S> {
    pub(super) fn new(config: Arc<Config<S>>, known: Option<Known>) -> Self {
        Self {
            config,
            known,
            place: Mutex::new(Place::Untouched),
        }
    }

    pub(super) fn config(&self) -> &Config<S> {
        &self.config
    }

    pub(super) fn put_back(&self, held: Box<Held<S>>) {
        self.replace(Place::Here(held));
    }

    fn replace(&self, place: Place<S>) -> Place<S> {
        let mut current = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut current, place)
    }
}

impl<S> Slot<S>
where
    S: SessionAttributes + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Lends the session to a handler: read at the first time, and the same one after that.
    pub(super) async fn lend(&self) -> Result<Box<Held<S>>, Refusal> {
        match self.replace(Place::Lent) {
            Place::Here(held) => return Ok(held),
            Place::Lent => return Err(Refusal::Lent),
            Place::Untouched => {}
        }
        let store = &self.config.store;
        let loaded = match &self.known {
            Some(Known {
                id,
                version: Some(version),
            }) => store.load_at_least(id, *version).await,
            Some(Known { id, version: None }) => store.load(id).await,
            None => Ok(None),
        };
        match loaded {
            Ok(session) => Ok(Box::new(Held::of(session))),
            Err(error) => match self.config.answer(&error, Stage::Load) {
                Some(response) => {
                    self.replace(Place::Untouched);
                    Err(Refusal::Failed(response))
                }
                None => {
                    let mut held = Held::of(None);
                    held.read_only = true;
                    Ok(Box::new(held))
                }
            },
        }
    }

    /// Stores what the handler has changed, and gives its answer, with a cookie where that is due.
    pub(super) async fn finish(&self, mut response: Response) -> Response {
        let mut held = match self.replace(Place::Lent) {
            Place::Untouched => return response,
            Place::Here(held) => held,
            Place::Lent => {
                tracing::error!(
                    "a session was kept beyond its handler, and what was changed in it is lost"
                );
                return response;
            }
        };
        let counts = self.config.save_on_server_error || !response.status().is_server_error();
        if counts && held.is_due(&self.config.store) {
            // In a task of its own, which goes on if the client hangs up.
            let config = Arc::clone(&self.config);
            let stored = tokio::spawn(async move {
                let stored = held.store(&config.store).await;
                (held, stored)
            });
            let stored = match stored.await {
                Ok((after, stored)) => {
                    held = after;
                    stored
                }
                Err(error) => {
                    tracing::error!(%error, "storing the session was broken off");
                    return StatusCode::INTERNAL_SERVER_ERROR.into_response();
                }
            };
            if let Err(error) = stored
                && let Some(answer) = self.config.answer(&error, Stage::Save)
            {
                response = answer;
            }
        }
        let Config { store, carrier, .. } = &*self.config;
        if store.reads_own_writes() && carrier.carries_version() {
            let sent = self.known.as_ref().and_then(|known| known.version);
            held.tell_version(store, sent);
        }
        if let Some(notice) = held.notice {
            carrier.write(&notice, store.now().time(), response.headers_mut());
        }
        response
    }
}
