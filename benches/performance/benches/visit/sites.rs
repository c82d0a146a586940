//! One small site on each integration: the same five pages, and the same session.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use actix_session::SessionMiddleware;
use actix_session::config::{PersistentSession, TtlExtensionPolicy};
use actix_web::body::MessageBody;
use actix_web::cookie::Key;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::{TestRequest, init_service};
use actix_web::web;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::routing::get;
use futures_util::FutureExt as _;
use session_store::frameworks::actix_session::ActixSessions;
use session_store::frameworks::axum::{CurrentSession, SessionCookie, SessionLayer, SigningKey};
use session_store::frameworks::tower_sessions::TowerSessions;
use session_store::test_util::Clock;
use session_store::{Cache, DynamoDbStore, ReadConsistency};
use session_store_benchmarks::meter::Meter;
use session_store_benchmarks::session::{AppSession, TEA, Visitor, prose};
use tower::ServiceExt as _;
use tower_sessions::{Expiry, SessionManagerLayer, SessionStore};
use tower_sessions_dynamodb_store::{DynamoDBStore, DynamoDBStoreProps};

/// Answers a request for a page from a browser with these cookies, which it may set or remove.
pub(crate) type Site = Box<dyn for<'a> Fn(&'static str, &'a mut Cookies) -> Answered<'a>>;

/// The cookies of a browser, by their names.
pub(crate) type Cookies = BTreeMap<String, String>;

type Answered<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// How the layer for axum reads sessions.
#[derive(Clone, Copy)]
pub(crate) enum Reads {
    Consistent,
    OwnWrites,
    /// From memory for five seconds.
    Cached,
}

/// Where the sites keep their sessions.
pub(crate) struct Lab {
    client: Client,
    store: DynamoDbStore<AppSession>,
    pub(crate) clock: Clock,
    /// The number of sites; each has its own user.
    sites: Cell<usize>,
}

impl Lab {
    pub(crate) async fn new(config: Builder, meter: Meter) -> Self {
        let clock = Clock::default();
        let config = config.http_client(meter).time_source(clock.clone());
        let client = Client::from_conf(config.build());
        let store = DynamoDbStore::builder().client(client.clone());
        let store = store.build().await.unwrap();
        store.create_table().await.unwrap();
        create_table_of_peer(&client).await;
        Self {
            client,
            store,
            clock,
            sites: Cell::new(0),
        }
    }

    fn user(&self) -> String {
        self.sites.set(self.sites.get() + 1);
        format!("u-{}", 1000 + self.sites.get())
    }

    /// With this crate's own layer, and sessions of this type.
    pub(crate) fn axum<S: Visitor>(&self, reads: Reads) -> Site {
        let user = self.user();
        let anonymous = async |session: CurrentSession<S>| assert!(session.profile().is_none());
        let log_in = async move |mut session: CurrentSession<S>| {
            session.log_in(user, prose(PROFILE));
            CurrentSession::cycle_id(&mut session);
        };
        let page = async |session: CurrentSession<S>| session.profile().unwrap().to_owned();
        let fill = async |mut session: CurrentSession<S>| session.add(TEA.to_owned());
        let log_out = async |mut session: CurrentSession<S>| CurrentSession::end(&mut session);
        let router = Router::new()
            .route("/", get(anonymous))
            .route("/login", get(log_in))
            .route("/page", get(page))
            .route("/cart", get(fill))
            .route("/logout", get(log_out));
        let store = DynamoDbStore::<S>::builder().client(self.client.clone());
        let store = match reads {
            Reads::Consistent => store,
            Reads::OwnWrites => store.read_consistency(ReadConsistency::ReadYourWrites),
            Reads::Cached => store.cache(Cache::for_at_most(Duration::from_secs(5))),
        };
        let store = store.build().now_or_never().unwrap().unwrap();
        // Signed, since the last two need that. It makes no other difference here.
        let key = SigningKey::from(&[7; 64]);
        let layer = SessionLayer::new(store).cookie(SessionCookie::new().signed(key));
        in_axum(router.layer(layer))
    }

    pub(crate) fn tower(&self, always_save: bool) -> Site {
        self.in_tower(TowerSessions::new(self.store.clone()), always_save)
    }

    pub(crate) fn peer(&self, always_save: bool) -> Site {
        let store = DynamoDBStore::new(self.client.clone(), DynamoDBStoreProps::default());
        self.in_tower(store, always_save)
    }

    fn in_tower(&self, store: impl SessionStore + Clone, always_save: bool) -> Site {
        type Current = tower_sessions::Session;
        let user = self.user();
        let log_in = async move |session: Current| {
            session.cycle_id().await.unwrap();
            session.insert("user_id", user).await.unwrap();
            session.insert("profile", prose(PROFILE)).await.unwrap();
        };
        let page =
            async |session: Current| session.get::<String>("profile").await.unwrap().unwrap();
        let fill = async |session: Current| {
            let mut cart: Vec<String> = session.get("cart").await.unwrap().unwrap_or_default();
            cart.push(TEA.into());
            session.insert("cart", cart).await.unwrap();
        };
        let anonymous = async |session: Current| {
            assert!(session.get::<String>("user_id").await.unwrap().is_none());
        };
        let router = Router::new()
            .route("/", get(anonymous))
            .route("/login", get(log_in))
            .route("/page", get(page))
            .route("/cart", get(fill))
            .route(
                "/logout",
                get(async |session: Current| session.flush().await.unwrap()),
            );
        let layer = SessionManagerLayer::new(store)
            .with_expiry(Expiry::OnInactivity(time::Duration::minutes(30)))
            .with_always_save(always_save);
        in_axum(router.layer(layer))
    }

    pub(crate) async fn actix(&self, every_request: bool) -> Site {
        type Current = actix_session::Session;
        let user = self.user();
        let log_in = move |session: Current| {
            session.renew();
            session.insert("user_id", user.clone()).unwrap();
            session.insert("profile", prose(PROFILE)).unwrap();
            std::future::ready("")
        };
        let fill = async |session: Current| {
            let mut cart: Vec<String> = session.get("cart").unwrap().unwrap_or_default();
            cart.push(TEA.into());
            session.insert("cart", cart).unwrap();
            ""
        };
        let page = async |session: Current| session.get::<String>("profile").unwrap().unwrap();
        let anonymous = async |session: Current| {
            assert!(session.get::<String>("user_id").unwrap().is_none());
            ""
        };
        let log_out = async |session: Current| {
            session.purge();
            ""
        };
        let policy = match every_request {
            true => TtlExtensionPolicy::OnEveryRequest,
            false => TtlExtensionPolicy::OnStateChanges,
        };
        let lifecycle = PersistentSession::default()
            .session_ttl(actix_web::cookie::time::Duration::minutes(30))
            .session_ttl_extension_policy(policy);
        let sessions = ActixSessions::new(self.store.clone());
        let middleware = SessionMiddleware::builder(sessions, Key::from(&[7; 64]))
            .session_lifecycle(lifecycle)
            .build();
        let app = actix_web::App::new()
            .wrap(middleware)
            .route("/", web::get().to(anonymous))
            .route("/login", web::get().to(log_in))
            .route("/page", web::get().to(page))
            .route("/cart", web::get().to(fill))
            .route("/logout", web::get().to(log_out));
        in_actix(init_service(app).await)
    }
}

/// The size of the user's profile, in bytes.
pub(crate) const PROFILE: usize = 2048;

fn in_axum(router: Router) -> Site {
    Box::new(move |path, cookies| {
        let request = Request::get(path).header(COOKIE, header(cookies));
        let answer = router.clone().oneshot(request.body(Body::empty()).unwrap());
        Box::pin(async move {
            let answer = answer.await.unwrap();
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
            for set in answer.headers().get_all(SET_COOKIE) {
                keep(cookies, set.to_str().unwrap());
            }
        })
    })
}

fn in_actix<B: MessageBody>(
    app: impl Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>
    + 'static,
) -> Site {
    Box::new(move |path, cookies| {
        let request = TestRequest::get().uri(path);
        let request = request.insert_header(("cookie", header(cookies)));
        let answer = app.call(request.to_request());
        Box::pin(async move {
            let answer = answer.await.unwrap();
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
            for set in answer.headers().get_all("set-cookie") {
                keep(cookies, set.to_str().unwrap());
            }
        })
    })
}

/// The `Cookie` header of a browser.
fn header(cookies: &Cookies) -> String {
    let pairs = cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("; ")
}

/// Applies a `Set-Cookie` header, as a browser does.
fn keep(cookies: &mut Cookies, set: &str) {
    let pair = set.split(';').next().unwrap();
    let (name, value) = pair.split_once('=').unwrap();
    match value.is_empty() || set.contains("Max-Age=0") {
        true => cookies.remove(name),
        false => cookies.insert(name.to_owned(), value.to_owned()),
    };
}

async fn create_table_of_peer(client: &Client) {
    let props = DynamoDBStoreProps::default();
    let name = props.partition_key.name;
    let key = KeySchemaElement::builder()
        .attribute_name(&name)
        .key_type(KeyType::Hash);
    let of = AttributeDefinition::builder()
        .attribute_name(&name)
        .attribute_type(ScalarAttributeType::S);
    let table = client.create_table().table_name(props.table_name);
    let table = table
        .key_schema(key.build().unwrap())
        .attribute_definitions(of.build().unwrap());
    table
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}
