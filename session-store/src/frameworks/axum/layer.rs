//! The layer around a router.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_core::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::{Request, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower_layer::Layer;
use tower_service::Service;

use crate::error::Error;
use crate::schema::SessionAttributes;
use crate::store::DynamoDbStore;

use super::config::{OnError, RequestSlot};
use crate::frameworks::http::cookie::{Carrier, SessionCookie};
use crate::frameworks::http::policy::Stage;
use crate::frameworks::http::scope::{self, Scope};
use crate::frameworks::http::{SessionConfig, Slot};

/// Gives the handlers of a router their sessions, and stores their changes. See the
/// [module](super).
pub struct SessionLayer<S> {
    config: SessionConfig<S>,
    on_error: Option<OnError>,
}

impl<S> SessionLayer<S> {
    /// Sessions of this store, with their ids in the cookie that [`SessionCookie::new`] describes.
    pub fn new(store: DynamoDbStore<S>) -> Self {
        Self {
            config: SessionConfig {
                store,
                carrier: Carrier::Cookie(SessionCookie::new()),
                save_on_server_error: false,
            },
            on_error: None,
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

    /// For an API: a request has its id in the header `Authorization: Bearer <id>`, and a response has a new
    /// id in the header `Session-Id`. There is no cookie.
    pub fn bearer(mut self) -> Self {
        self.config.carrier = Carrier::Bearer;
        self
    }

    /// Whether changes are stored even if the response has a status of 500 or more. A log-out always is.
    pub fn save_on_server_error(mut self, save: bool) -> Self {
        self.config.save_on_server_error = save;
        self
    }

    /// Sets the response when a session cannot be read or stored, in place of those that the
    /// [module](super#when-something-goes-wrong) lists.
    ///
    /// `None` continues: at [`Stage::Load`] without a session, and no change of the handler is stored but an
    /// [`end`](super::CurrentSession::end); at [`Stage::Save`] with the response of the handler.
    pub fn on_error(
        mut self,
        respond: impl Fn(&Error, Stage) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        self.on_error = Some(Arc::new(respond));
        self
    }
}

impl<S> Clone for SessionLayer<S> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            on_error: self.on_error.clone(),
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
        let scope = self.config.carrier.scope();
        scope::register(&scope, type_name::<S>());
        SessionService {
            config: Arc::new(self.config.clone()),
            scope: Arc::new(scope),
            on_error: self.on_error.clone(),
            inner,
        }
    }
}

/// A service with sessions; made by [`SessionLayer`].
pub struct SessionService<S, I> {
    config: Arc<SessionConfig<S>>,
    scope: Arc<Scope>,
    on_error: Option<OnError>,
    inner: I,
}

impl<S, I: Clone> Clone for SessionService<S, I> {
    fn clone(&self) -> Self {
        Self {
            config: Arc::clone(&self.config),
            scope: Arc::clone(&self.scope),
            on_error: self.on_error.clone(),
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
        let outer = request.extensions().get::<Arc<RequestSlot<S>>>();
        if outer.is_some_and(|outer| outer.slot.is_of(&self.config)) {
            // The layer around this one gives the same sessions.
            let response = self.inner.call(request);
            return Box::pin(async move { Ok(response.await?.into_response()) });
        }
        if scope::enter(&self.scope, request.extensions_mut()).is_err() {
            let text = "the sessions of this site are not set up; its log says why";
            let response = (StatusCode::INTERNAL_SERVER_ERROR, text).into_response();
            return Box::pin(async move { Ok(response) });
        }
        let slot = Slot::new(Arc::clone(&self.config), request.headers());
        let on_error = self.on_error.clone();
        let slot = Arc::new(RequestSlot { slot, on_error });
        request.extensions_mut().insert(Arc::clone(&slot));
        let response = self.inner.call(request);
        Box::pin(async move {
            let _hang_up = HangUp(Arc::clone(&slot));
            // An error need not be `Send`, so it is not kept while something is awaited.
            let response = match AssertUnwindSafe(response).catch_unwind().await {
                Ok(response) => Ok(response?.into_response()),
                Err(panic) => Err(panic),
            };
            match response {
                Ok(response) => Ok(slot.finish(response).await),
                Err(panic) => {
                    slot.finish_without_response().await;
                    resume_unwind(panic)
                }
            }
        })
    }
}

/// Carries out a log-out (G17) if the inner service gives an error, or if the client hangs up: the request
/// is then dropped while its handler runs, and it never comes to its end.
struct HangUp<S: SessionAttributes + 'static>(Arc<RequestSlot<S>>);

impl<S: SessionAttributes + 'static> Drop for HangUp<S> {
    fn drop(&mut self) {
        self.0.slot.end_in_background();
    }
}
