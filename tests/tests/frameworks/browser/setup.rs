//! The ways in which the application is deployed: its cookie, and its routes.

use axum::middleware::from_fn;
use axum::{Router, handler::Handler as _};
use session_store::DynamoDbStore;
use session_store::frameworks::axum::{SameSite, SessionCookie, SessionLayer, SigningKey};
use tower::Layer as _;

use super::shop::{Shop, around, cut_off, handle, handle_late, handle_shared, log_out};

/// How the shop is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setup {
    Host,
    Strict,
    Signed,
    OtherKey,
    OtherName,
    Domain,
    Dev,
    DevDomain,
    DevPath,
    DevSigned,
}

impl Setup {
    pub(super) const ALL: [Self; 10] = [
        Self::Host,
        Self::Strict,
        Self::Signed,
        Self::OtherKey,
        Self::OtherName,
        Self::Domain,
        Self::Dev,
        Self::DevDomain,
        Self::DevPath,
        Self::DevSigned,
    ];

    /// Those that can tell a browser the version of its last write.
    pub(super) const SIGNED: [Self; 3] = [Self::Signed, Self::OtherKey, Self::DevSigned];

    fn cookie(self) -> SessionCookie {
        let key = |byte| SigningKey::derive_from(&[byte; 32]);
        match self {
            Self::Host => SessionCookie::new(),
            Self::Strict => SessionCookie::new().same_site(SameSite::Strict),
            Self::Signed => SessionCookie::new().signed(key(1)),
            Self::OtherKey => SessionCookie::new().signed(key(2)),
            Self::OtherName => SessionCookie::new().name("sid"),
            Self::Domain => SessionCookie::new().domain("shop.test"),
            Self::Dev => SessionCookie::dev(),
            Self::DevDomain => SessionCookie::dev().domain("shop.test"),
            Self::DevPath => SessionCookie::dev().path("/app"),
            Self::DevSigned => SessionCookie::dev().signed(key(1)),
        }
    }

    /// The name of its cookie, and its key.
    pub(super) fn form(self) -> (&'static str, u8) {
        match self {
            Self::Host | Self::Strict => ("__Host-session-Shop", 0),
            Self::Signed => ("__Host-session-Shop", 1),
            Self::OtherKey => ("__Host-session-Shop", 2),
            Self::OtherName => ("__Host-sid", 0),
            Self::Domain => ("__Secure-session-Shop", 0),
            Self::Dev | Self::DevDomain | Self::DevPath => ("session-Shop", 0),
            Self::DevSigned => ("session-Shop", 1),
        }
    }

    pub(super) fn has_domain(self) -> bool {
        matches!(self, Self::Domain | Self::DevDomain)
    }

    /// The routes, and the layer around them.
    pub(super) fn app(self, store: DynamoDbStore<Shop>) -> (Router, SessionLayer<Shop>) {
        let layer = SessionLayer::new(store).cookie(self.cookie());
        let time_out = || from_fn(cut_off);
        let inside = handle.layer(layer.clone()).with_state(());
        let router = Router::new()
            .route_service("/app", handle.with_state(()))
            .route_service("/out", log_out.with_state(()))
            .route_service(
                "/shared",
                handle_shared.layer(from_fn(around)).with_state(()),
            )
            .route_service("/late", handle_late.with_state(()))
            .route_service("/cut", handle.layer(time_out()).with_state(()))
            .route_service("/cut200", time_out().layer(inside))
            .layer(layer.clone());
        (router, layer)
    }
}
