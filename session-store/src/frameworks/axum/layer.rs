//! The layer around a router.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_core::response::{IntoResponse, Response};
use http::Request;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower_layer::Layer;
use tower_service::Service;

use super::cookie::{Carrier, SessionCookie};
use super::policy::{Stage, default_answer};
use super::slot::Slot;
use crate::error::Error;
use crate::schema::SessionAttributes;
use crate::store::handle::DynamoDbStore;

/// Gives the handlers of a router their sessions, and stores what they changed. See the
/// [module](super).
pub struct SessionLayer<S> {
    config: Config<S>,
}

pub(super) struct Config<S> {
    pub(super) store: DynamoDbStore<S>,
    pub(super) carrier: Carrier,
    pub(super) save_on_server_error: bool,
    on_error: Option<OnError>,
}

type OnError = Arc<dyn Fn(&Error, Stage) -> Option<Response> + Send + Sync>;

impl<S> SessionLayer<S> {
    /// Sessions of this store, with their ids in the cookie that [`SessionCookie::new`] describes.
    pub fn new(store: DynamoDbStore<S>) -> Self {
        Self {
            config: Config {
                store,
                carrier: Carrier::Cookie(SessionCookie::new()),
                save_on_server_error: false,
                on_error: None,
            },
        }
    }

    /// For development on this machine: a cookie that browsers send over plain HTTP,
    /// [`SessionCookie::dev`].
    pub fn dev(self) -> Self {
        self.cookie(SessionCookie::dev())
    }

    /// The cookie that holds the id.
    pub fn cookie(mut self, cookie: SessionCookie) -> Self {
        self.config.carrier = Carrier::Cookie(cookie);
        self
    }

    /// For an API: the id is in the header `Authorization: Bearer <id>` of a request, and a new one in
    /// the header `Session-Id` of the answer. There is no cookie.
    pub fn bearer(mut self) -> Self {
        self.config.carrier = Carrier::Bearer;
        self
    }

    /// Whether changes are stored although the handler answers with a status of 500 or more.
    pub fn save_on_server_error(mut self, save: bool) -> Self {
        self.config.save_on_server_error = save;
        self
    }

    /// What to answer when a session cannot be read or stored, in place of what the
    /// [module](super#when-something-goes-wrong) lists.
    ///
    /// `None` goes on: at [`Stage::Load`] as if there were no session, and whatever the handler then
    /// changes is not stored; at [`Stage::Save`] with the answer of the handler.
    pub fn on_error(
        mut self,
        answer: impl Fn(&Error, Stage) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        self.config.on_error = Some(Arc::new(answer));
        self
    }
}

impl<S> Config<S> {
    pub(super) fn answer(&self, error: &Error, stage: Stage) -> Option<Response> {
        match error {
            Error::Gone(_) => tracing::info!("{error}"),
            _ => {
                let cause = std::error::Error::source(error).map(tracing::field::display);
                tracing::error!(cause, "{error}");
            }
        }
        match &self.on_error {
            Some(answer) => answer(error, stage),
            None => default_answer(error, stage),
        }
    }
}

impl<S> Clone for Config<S> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            carrier: self.carrier.clone(),
            save_on_server_error: self.save_on_server_error,
            on_error: self.on_error.clone(),
        }
    }
}

impl<S> Clone for SessionLayer<S> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
        }
    }
}

impl<S> fmt::Debug for SessionLayer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer")
            .field("store", &self.config.store)
            .finish_non_exhaustive()
    }
}

impl<S, I> Layer<I> for SessionLayer<S> {
    type Service = SessionService<S, I>;

    fn layer(&self, inner: I) -> Self::Service {
        SessionService {
            config: Arc::new(self.config.clone()),
            inner,
        }
    }
}

/// A service with sessions; made by [`SessionLayer`].
pub struct SessionService<S, I> {
    config: Arc<Config<S>>,
    inner: I,
}

impl<S, I: Clone> Clone for SessionService<S, I> {
    fn clone(&self) -> Self {
        Self {
            config: Arc::clone(&self.config),
            inner: self.inner.clone(),
        }
    }
}

impl<S, I: fmt::Debug> fmt::Debug for SessionService<S, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, I, B> Service<Request<B>> for SessionService<S, I>
where
    S: SessionAttributes + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
    I: Service<Request<B>>,
    I::Response: IntoResponse,
    I::Future: Send + 'static,
{
    type Response = Response;
    type Error = I::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, I::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), I::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let known = self.config.carrier.read(request.headers());
        let slot = Arc::new(Slot::new(Arc::clone(&self.config), known));
        request.extensions_mut().insert(Arc::clone(&slot));
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await?.into_response();
            Ok(slot.finish(response).await)
        })
    }
}
