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
use http::{HeaderValue, Request, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower_layer::Layer;
use tower_service::Service;

use crate::error::Error;
use crate::schema::SessionAttributes;
use crate::store::DynamoDbStore;

use super::config::{OnError, RequestSlot};
use crate::frameworks::http::cookie::{Carrier, SessionCookie, mark_sensitive};
use crate::frameworks::http::policy::Stage;
use crate::frameworks::http::scope::{self, Scope};
use crate::frameworks::http::{SessionConfig, Slot};

/// Gives the handlers of a router their sessions, and stores their changes. See the
/// [module](super).
pub struct SessionLayer<S> {
    config: SessionConfig<S>,
    /// Whether the cookie is for plain HTTP.
    dev: bool,
    on_error: Option<OnError>,
    challenge: Option<HeaderValue>,
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
            dev: false,
            on_error: None,
            challenge: None,
        }
    }

    /// For development on this machine: the cookie is sent over plain HTTP. All other settings stay, before
    /// and after this call, but for those that browsers refuse over plain HTTP; see
    /// [`SessionCookie::over_http`].
    pub fn dev(mut self) -> Self {
        self.dev = true;
        self
    }

    /// The cookie that holds the id.
    pub fn cookie(mut self, cookie: SessionCookie) -> Self {
        self.config.carrier = Carrier::Cookie(cookie);
        self
    }

    /// For an API: a request has its id in the header `Authorization: Bearer <id>`, and a response has a new
    /// id in the header `Session-Id`, with the seconds that it can be good for in `Session-Max-Age`. There is
    /// no cookie.
    ///
    /// Two `Authorization` headers that differ count as none.
    pub fn bearer(mut self) -> Self {
        self.config.carrier = Carrier::Bearer;
        self
    }

    /// For routes that browsers and API clients share: a request with the header `Authorization: Bearer` is
    /// served as by [`bearer`](Self::bearer), and its cookies do not count; any other by this cookie.
    ///
    /// A client without an id gets a cookie, unless the handler calls
    /// [`respond_via`](super::CurrentSession::respond_via). A handler learns by
    /// [`via`](super::CurrentSession::via) which it was: forged requests of other sites (CSRF) have cookies,
    /// and never the header.
    pub fn cookie_or_bearer(mut self, cookie: SessionCookie) -> Self {
        self.config.carrier = Carrier::Both(cookie);
        self
    }

    /// Adds `WWW-Authenticate: Bearer realm="<realm>"` to each response with status 401 that has no such
    /// header, as RFC 9110 asks of it.
    ///
    /// # Panics
    ///
    /// If the realm has characters other than visible ASCII and spaces, or a quote or a backslash.
    pub fn challenge(mut self, realm: &str) -> Self {
        let is_plain = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
        let header = HeaderValue::try_from(format!("Bearer realm=\"{realm}\""));
        match header {
            Ok(header) if realm.bytes().all(is_plain) => self.challenge = Some(header),
            _ => panic!("the realm has to be visible ASCII without quotes and backslashes"),
        }
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
            dev: self.dev,
            on_error: self.on_error.clone(),
            challenge: self.challenge.clone(),
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

    /// # Panics
    ///
    /// If no browser would take the cookie: see [`SessionCookie::check`], which has the same message.
    fn layer(&self, inner: I) -> Self::Service {
        let mut config = self.config.clone();
        if self.dev {
            config.carrier = config.carrier.over_http();
        }
        if let Err(error) = config.carrier.check() {
            panic!("{error}");
        }
        let scope = config.carrier.scope();
        scope::register(&scope, type_name::<S>());
        SessionService {
            config: Arc::new(config),
            scope: Arc::new(scope),
            on_error: self.on_error.clone(),
            challenge: self.challenge.clone(),
            inner,
        }
    }
}

/// A service with sessions; made by [`SessionLayer`].
pub struct SessionService<S, I> {
    config: Arc<SessionConfig<S>>,
    scope: Arc<Scope>,
    on_error: Option<OnError>,
    challenge: Option<HeaderValue>,
    inner: I,
}

impl<S, I: Clone> Clone for SessionService<S, I> {
    fn clone(&self) -> Self {
        Self {
            config: Arc::clone(&self.config),
            scope: Arc::clone(&self.scope),
            on_error: self.on_error.clone(),
            challenge: self.challenge.clone(),
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
        let config = Arc::clone(&self.config);
        let slot = Arc::new(RequestSlot {
            slot: Slot::new(config, request.method(), request.headers()),
            on_error: self.on_error.clone(),
            challenge: self.challenge.clone(),
        });
        // G8: what prints the request below does not print the id.
        mark_sensitive(request.headers_mut());
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
