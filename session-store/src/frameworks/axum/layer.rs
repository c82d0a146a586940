//! The layer around a router.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum_core::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use crate::error::Error;
use crate::schema::SessionData;
use crate::store::DynamoDbStore;

use super::config::{IsFailure, OnError, RequestSlot, Responses};
use super::guards::{HangUp, Inside};
use crate::frameworks::http::cookie::{Carrier, SessionCookie, mark_sensitive};
use crate::frameworks::http::policy::Stage;
use crate::frameworks::http::scope::{self, Scope};
use crate::frameworks::http::{SessionConfig, Slot, Tasks};

/// Gives the handlers of a router their sessions, and stores their changes. See the
/// [module](super).
pub struct SessionLayer<S> {
    config: SessionConfig<S>,
    /// Whether the cookie is for plain HTTP.
    dev: bool,
    responses: Responses,
    /// Whether a warning about two layers was logged.
    has_warned: Arc<AtomicBool>,
}

impl<S> SessionLayer<S> {
    /// Sessions of this store, with their ids in the cookie that [`SessionCookie::new`] describes.
    pub fn new(store: DynamoDbStore<S>) -> Self {
        Self {
            config: SessionConfig {
                store,
                carrier: Carrier::Cookie(SessionCookie::new()),
                tasks: Tasks::default(),
            },
            dev: false,
            responses: Responses::default(),
            has_warned: Arc::default(),
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
            Ok(header) if realm.bytes().all(is_plain) => self.responses.challenge = Some(header),
            _ => panic!("the realm has to be visible ASCII without quotes and backslashes"),
        }
        self
    }

    /// Whether changes are stored even if the response has a status of 500 or more. A log-out always is. Of this
    /// and [`failed_if`](Self::failed_if), the last call counts.
    pub fn save_on_server_error(mut self, save: bool) -> Self {
        self.responses.is_failure = IsFailure::Status {
            server_errors: !save,
        };
        self
    }

    /// Which responses say that their handler has failed, so that nothing is stored but a log-out. Otherwise,
    /// these are all with the status 408, or 500 and more.
    ///
    /// It replaces the rule of the layer, so let it include 408 and server errors. gRPC and GraphQL tell errors in
    /// responses of status 200. The predicate sees the headers, and the
    /// extensions that a handler has added; it must not read the body.
    ///
    /// ```
    /// # use axum::http::StatusCode;
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, SessionAttributes, frameworks::axum::SessionLayer};
    /// # #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    /// # struct AppSession { user_id: Option<String> }
    /// # fn layer(store: DynamoDbStore<AppSession>) -> SessionLayer<AppSession> {
    /// SessionLayer::new(store).failed_if(|response| {
    ///     let (status, grpc) = (response.status(), response.headers().get("grpc-status"));
    ///     status.is_server_error()
    ///         || status == StatusCode::REQUEST_TIMEOUT
    ///         || grpc.is_some_and(|status| status != "0")
    /// })
    /// # }
    /// ```
    pub fn failed_if(
        mut self,
        is_failure: impl Fn(&Response) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.responses.is_failure = IsFailure::By(Arc::new(is_failure));
        self
    }

    /// Whether each response that was made from a session has `Vary: Cookie` (or `Authorization`), and
    /// `Cache-Control: private` where the handler has set none. By default they have, so that no cache between
    /// gives a visitor the page of another one.
    ///
    /// A response that sets a cookie has `Cache-Control: no-store` in any case.
    pub fn cache_headers(mut self, add: bool) -> Self {
        self.responses.leaves_cache_headers = !add;
        self
    }

    /// Waits until everything that is being stored is stored: for a shut-down, after the server has ended. Call
    /// it on a clone of the layer.
    ///
    /// A client that hangs up does not stop what its request has begun to store, nor its log-out. They continue
    /// in tasks, which end with the runtime. This layer, its clones and their services have these tasks in
    /// common.
    ///
    /// ```no_run
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, SessionAttributes, frameworks::axum::SessionLayer};
    /// # #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    /// # struct AppSession { user_id: Option<String> }
    /// # async fn run(store: DynamoDbStore<AppSession>, signal: impl Future<Output = ()> + Send + 'static) {
    /// let sessions = SessionLayer::new(store);
    /// let app: axum::Router = axum::Router::new().layer(sessions.clone());
    /// # async fn serve(_: axum::Router, _: impl Future<Output = ()> + Send + 'static) {}
    /// serve(app, signal).await; // such as `axum::serve` with a graceful shut-down
    /// sessions.wait_until_stored().await;
    /// # }
    /// ```
    pub async fn wait_until_stored(&self) {
        self.config.tasks.wait().await;
    }

    /// Sets the response when a session cannot be read or stored, in place of those that the
    /// [module](super#when-something-goes-wrong) lists.
    ///
    /// `None` continues: at [`Stage::Load`] without a session, and no change of the handler is stored but an
    /// [`end`](super::CurrentSession::end); later with the response of the handler.
    pub fn on_error(
        mut self,
        respond: impl Fn(&Error, Stage) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        self.responses.on_error = Some(OnError::Plain(Arc::new(respond)));
        self
    }

    /// The same with the request, to answer in the language or the format that its client accepts. It is
    /// without its body, and as it came to this layer. It is cloned for each request.
    pub fn on_error_with_request(
        mut self,
        respond: impl Fn(&Error, Stage, &Parts) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        self.responses.on_error = Some(OnError::WithRequest(Arc::new(respond)));
        self
    }
}

impl<S> Clone for SessionLayer<S> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            dev: self.dev,
            responses: self.responses.clone(),
            has_warned: Arc::clone(&self.has_warned),
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
    /// If no browser would take the cookie: see [`SessionCookie::check`], which has the same message, but for the
    /// type in a default name.
    fn layer(&self, inner: I) -> Self::Service {
        let mut config = self.config.clone();
        let schema = config.store.table().schema();
        config.carrier = config.carrier.for_type(schema.type_name);
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
            responses: Arc::new(self.responses.clone()),
            has_warned: Arc::clone(&self.has_warned),
            inner,
        }
    }
}

/// A service with sessions; made by [`SessionLayer`].
pub struct SessionService<S, I> {
    config: Arc<SessionConfig<S>>,
    scope: Arc<Scope>,
    responses: Arc<Responses>,
    has_warned: Arc<AtomicBool>,
    inner: I,
}

impl<S, I: Clone> Clone for SessionService<S, I> {
    fn clone(&self) -> Self {
        Self {
            config: Arc::clone(&self.config),
            scope: Arc::clone(&self.scope),
            responses: Arc::clone(&self.responses),
            has_warned: Arc::clone(&self.has_warned),
            inner: self.inner.clone(),
        }
    }
}

impl<S, I> SessionService<S, I> {
    /// Whether the layer around this one gives the same sessions. It does everything then. What this one has
    /// set otherwise has no effect, and is logged.
    fn is_inside_of(&self, outer: &RequestSlot<S>) -> bool {
        let config = outer.slot.config();
        let is_inside = self.config.gives_the_sessions_of(config);
        let name = type_name::<S>();
        if is_inside {
            let same_cookie = config.carrier.is_like(&self.config.carrier);
            if !(same_cookie && outer.responses.are_like(&self.responses)) {
                self.warn(|| tracing::warn!(
                    "of two layers for sessions of `{name}` around a route, only the outer one counts, and the \
                     settings of the inner one have no effect; clone one layer, or remove the inner one"
                ));
            }
        } else if self.config.store.is_same(&config.store) {
            self.warn(|| tracing::warn!(
                "two layers for sessions of `{name}` around a route have one store and other cookies, so that \
                 each visitor has two sessions; clone one layer, or remove one"
            ));
        }
        is_inside
    }

    /// Warns, once for each layer.
    fn warn(&self, warn: impl FnOnce()) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            warn();
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
    S: SessionData,
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
        if let Some(outer) = request.extensions().get::<Arc<RequestSlot<S>>>()
            && self.is_inside_of(outer)
        {
            // The layer around this one gives the same sessions.
            let inside = Inside {
                outer: Arc::clone(outer),
                has_responded: false,
            };
            let response = self.inner.call(request);
            return Box::pin(async move {
                // All of it, or the future would only have a copy of the flag.
                let mut inside = inside;
                let response = response.await?;
                inside.has_responded = true;
                Ok(response.into_response())
            });
        }
        if scope::enter(&self.scope, request.extensions_mut()).is_err() {
            let text = "the sessions of this site are not set up; its log says why";
            let response = (StatusCode::INTERNAL_SERVER_ERROR, text).into_response();
            return Box::pin(async move { Ok(response) });
        }
        let config = Arc::clone(&self.config);
        let slot = Slot::new(config, request.method(), request.headers());
        // G8: what prints the request below does not print the id.
        mark_sensitive(request.headers_mut());
        let slot = Arc::new(RequestSlot {
            slot: Arc::new(slot),
            responses: Arc::clone(&self.responses),
            request: self.responses.need_request().then(|| parts_of(&request)),
        });
        request.extensions_mut().insert(Arc::clone(&slot));
        let hang_up = HangUp(Arc::clone(&slot));
        let response = self.inner.call(request);
        Box::pin(async move {
            let _hang_up = hang_up;
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

/// A copy of the request without its body.
fn parts_of<B>(request: &Request<B>) -> Box<Parts> {
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method.clone_from(request.method());
    parts.uri.clone_from(request.uri());
    parts.version = request.version();
    parts.headers.clone_from(request.headers());
    parts.extensions.clone_from(request.extensions());
    Box::new(parts)
}
