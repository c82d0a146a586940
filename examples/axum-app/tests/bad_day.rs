//! A bad day, as a script: DynamoDB throttles, answers are torn and lost, and the engine is started again. No
//! visitor is logged out by it, and the log and the page of metrics tell exactly what happened.
//!
//! It is a process of its own, for the log and the recorder of metrics belong to a process.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, its helpers as well"
)]

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use axum::Router;
use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use axum::http::{Method, Request};
use axum_app::metrics::PrometheusHandle;
use axum_app::{AppSession, app, metrics};
use http_body_util::BodyExt as _;
use serde_json::Value;
use session_store::embedded::Embedded;
use session_store::test_util::{Fault, TestStore, Wire};
use tower::ServiceExt as _;

/// How often the SDK sends a request.
const ATTEMPTS: u64 = 3;

/// The connection to an engine that can be away.
#[derive(Clone, Debug, Default)]
struct Engine(Arc<Mutex<Option<Embedded>>>);

impl Engine {
    async fn start(&self, file: &Path) {
        let engine = Embedded::open(file).await.unwrap();
        *self.0.lock().unwrap() = Some(engine);
    }

    /// Closes the file as well.
    fn stop(&self) {
        self.0.lock().unwrap().take();
    }
}

impl HttpClient for Engine {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        match &*self.0.lock().unwrap() {
            Some(engine) => engine.http_connector(settings, components),
            None => SharedHttpConnector::new(Away),
        }
    }
}

#[derive(Debug)]
struct Away;

impl HttpConnector for Away {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        HttpConnectorFuture::ready(Err(ConnectorError::io(refused.into())))
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A visitor, with the cookie of the session.
struct Visitor {
    app: Router,
    name: String,
    cookie: String,
    /// What the cart has to have.
    cart: Vec<String>,
}

impl Visitor {
    async fn log_in(app: &Router, name: String) -> Self {
        let mut visitor = Self {
            app: app.clone(),
            name,
            cookie: String::new(),
            cart: Vec::new(),
        };
        let form = format!("user={}", visitor.name);
        let (status, cookie, _) = visitor.send(Method::POST, "/login", form).await;
        assert_eq!(status, 303);
        visitor.cookie = cookie.unwrap().split(';').next().unwrap().to_owned();
        visitor
    }

    /// The status, a cookie that was set or removed, and the text.
    async fn send(
        &self,
        method: Method,
        path: &str,
        form: String,
    ) -> (u16, Option<String>, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "127.0.0.1:3000")
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(COOKIE, &self.cookie);
        let request = request.body(Body::from(form)).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let cookie = parts.headers.get(SET_COOKIE);
        let cookie = cookie.map(|cookie| cookie.to_str().unwrap().to_owned());
        let text = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(text.to_vec()).unwrap();
        (parts.status.into(), cookie, text)
    }

    /// Visits a page, which must leave the cookie alone.
    async fn visit(&self) -> u16 {
        let (status, cookie, text) = self.send(Method::GET, "/me", String::new()).await;
        assert_eq!(cookie, None, "{} {status}", self.name);
        if status == 200 {
            let me: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(me["user_id"], *self.name);
            assert_eq!(me["cart"], Value::from(self.cart.clone()));
        }
        status
    }

    /// Puts something into the cart. `is_stored`: whether it is there afterwards, whatever the answer was.
    async fn buy(&mut self, is_stored: bool) -> u16 {
        let item = format!("item-{}", self.cart.len());
        let (status, cookie, _) = self
            .send(Method::POST, "/cart", format!("item={item}"))
            .await;
        assert_eq!(cookie, None, "{} {status}", self.name);
        if is_stored {
            self.cart.push(item);
        }
        status
    }
}

/// The counters of the page, by name and labels.
fn counters(recorded: &PrometheusHandle) -> BTreeMap<String, u64> {
    let page = recorded.render();
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let counters = lines.filter_map(|line| {
        let (key, value) = line.rsplit_once(' ')?;
        Some((key.to_owned(), value.parse().ok()?))
    });
    counters.collect()
}

fn attempts(counters: &BTreeMap<String, u64>, request: &str, result: &str) -> u64 {
    let key = format!("session_store_attempts_total{{request=\"{request}\",result=\"{result}\"}}");
    counters.get(&key).copied().unwrap_or_default()
}

fn events(counters: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut events = BTreeMap::new();
    for (key, count) in counters {
        if let Some(labels) = key.strip_prefix("session_store_events_total{event=\"") {
            let name = labels.split('"').next().unwrap();
            *events.entry(name.to_owned()).or_default() += count;
        }
    }
    events
}

/// Each is met by one attempt, and the SDK's next one succeeds.
fn passing() -> Vec<(Fault, &'static str)> {
    vec![
        (Fault::throttled(), "throttled"),
        (Fault::Torn, "flawed"),
        (Fault::empty(), "flawed"),
        (Fault::damaged(|body| body[0] ^= 1), "flawed"),
        (Fault::Foreign("text/html", "<html>busy</html>"), "flawed"),
        (Fault::LoseResponse, "no_answer"),
        (Fault::Refuse, "no_answer"),
        (
            Fault::Answer(500, "InternalServerError", "broken"),
            "failed",
        ),
        (Fault::Answer(503, "ServiceUnavailable", "busy"), "failed"),
    ]
}

/// What was injected: by request and result, how many attempts met it.
#[derive(Default)]
struct Injected(BTreeMap<(&'static str, &'static str), u64>);

impl Injected {
    fn add(&mut self, request: &'static str, result: &'static str, attempts: u64) {
        *self.0.entry((request, result)).or_default() += attempts;
    }

    fn next(&mut self, wire: &Wire, request: &'static str, fault: Fault, result: &'static str) {
        wire.next(request, fault);
        self.add(request, result, 1);
    }
}

#[tokio::test]
async fn no_visitor_is_logged_out_and_the_log_and_metrics_tell_what_happened() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let recorded = metrics::install().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let engine = Engine::default();
    engine.start(&file).await;
    let config = engine.0.lock().unwrap().as_ref().unwrap().config();
    let test = TestStore::<AppSession>::on(config, SharedHttpClient::new(engine.clone())).await;
    let wire = &test.wire;
    let app = app(test.store.clone());
    let mut visitors = Vec::new();
    for i in 0..5 {
        visitors.push(Visitor::log_in(&app, format!("visitor-{i}")).await);
    }
    let count = visitors.len() as u64;
    let morning = counters(&recorded);
    let (mut injected, mut failed) = (Injected::default(), 0);

    // Single faults: the next attempt succeeds, and nobody sees anything.
    for visitor in &mut visitors {
        for (fault, result) in passing() {
            injected.next(wire, "GetItem", fault, result);
            assert_eq!(visitor.visit().await, 200, "{result}");
        }
        for (fault, result) in passing() {
            injected.next(wire, "UpdateItem", fault, result);
            assert_eq!(visitor.buy(true).await, 303, "{result}");
        }
        assert_eq!(visitor.visit().await, 200);
    }

    // Every attempt is throttled: nobody can be served, and nobody is logged out.
    wire.every("GetItem", Fault::throttled);
    for visitor in &visitors {
        assert_eq!(visitor.visit().await, 503);
        injected.add("GetItem", "throttled", ATTEMPTS);
        failed += 1;
    }
    wire.restore("GetItem");

    // The answers to all attempts of a write are lost. It is stored once, and the visitor cannot know.
    wire.every("UpdateItem", || Fault::LoseResponse);
    for visitor in &mut visitors {
        assert_eq!(visitor.buy(true).await, 503);
        injected.add("UpdateItem", "no_answer", ATTEMPTS);
        failed += 1;
    }
    wire.restore("UpdateItem");
    for visitor in &visitors {
        assert_eq!(visitor.visit().await, 200);
    }

    // The engine is started again.
    engine.stop();
    for visitor in &mut visitors {
        assert_eq!(visitor.visit().await, 503);
        assert_eq!(visitor.buy(false).await, 503);
        injected.add("GetItem", "no_answer", 2 * ATTEMPTS);
        failed += 2;
    }
    engine.start(&file).await;
    for visitor in &mut visitors {
        assert_eq!(visitor.buy(true).await, 303);
        assert_eq!(visitor.visit().await, 200);
    }

    // The page of metrics: each attempt that met a fault, and no others.
    let evening = counters(&recorded);
    for request in ["GetItem", "UpdateItem"] {
        for result in ["throttled", "flawed", "no_answer", "failed", "timeout"] {
            let met = attempts(&evening, request, result) - attempts(&morning, request, result);
            let expected = injected.0.get(&(request, result)).copied();
            assert_eq!(met, expected.unwrap_or_default(), "{request} {result}");
        }
    }
    // The events: somebody logged in for each visitor, some writes are of unknown outcome, and no session ended.
    let seen = events(&evening);
    let expected = [
        ("created", count),
        ("logged_in", count),
        ("unknown_outcome", count),
    ];
    assert_eq!(seen, expected.map(|(name, n)| (name.to_owned(), n)).into());

    // The log has the same events, and one error for each visit that failed.
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for (name, n) in expected {
        let event = format!("event=\"{name}\"");
        assert_eq!(log.matches(&event).count() as u64, n, "{name}");
    }
    let errors = log.lines().filter(|line| line.contains(" ERROR "));
    // The SDK says so of a connector without connections, as the one of this test.
    let errors = errors.filter(|line| !line.contains("connection_poisoning"));
    let errors: Vec<_> = errors.collect();
    assert_eq!(errors.len(), failed, "{errors:#?}");
    for visitor in &visitors {
        let (_, id) = visitor.cookie.split_once('=').unwrap();
        assert!(!log.contains(id));
    }
}
