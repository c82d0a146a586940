//! The layer for axum on a store that reads eventually, with the client's own writes: the signed cookie
//! holds the version.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use serde_json::json;
use session_store::frameworks::axum::{CurrentSession, SessionCookie, SessionLayer, SigningKey};
use session_store::{DynamoDbStore, ReadConsistency, SessionAttributes};
use session_store_tests::{Fault, TestBench};
use tower::ServiceExt as _;

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m")]
struct App {
    #[dynamo(attr = "user_id", index(consistent, limit = 3))]
    user_id: Option<String>,
    visits: u64,
}

type Current = CurrentSession<App>;

fn routes() -> Router {
    let visit = async |mut session: Current| {
        session.visits += 1;
        session.visits.to_string()
    };
    let log_in = async |mut session: Current| {
        session.user_id = Some("u-17".into());
        CurrentSession::cycle_id(&mut session);
    };
    let enter = async |mut session: Current| session.user_id = Some("u-17".into());
    Router::new()
        .route(
            "/read",
            get(async |session: Current| session.visits.to_string()),
        )
        .route("/visit", get(visit))
        .route("/login", get(log_in))
        .route("/enter", get(enter))
        .route("/none", get(async || "nothing"))
}

async fn store(bench: &TestBench<App>) -> DynamoDbStore<App> {
    let builder = DynamoDbStore::builder()
        .client(bench.store.client().clone())
        .table_name(bench.store.table_name());
    let builder = builder.read_consistency(ReadConsistency::ReadYourWrites);
    builder.build().await.unwrap()
}

/// The name of the cookie with the version.
const VERSION: &str = "session-App-version";

/// A browser with its cookies.
struct Browser {
    app: Router,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    async fn new(bench: &TestBench<App>) -> Self {
        let cookie = SessionCookie::dev().signed(SigningKey::derive_from(&[7; 32]));
        let layer = SessionLayer::new(store(bench).await).cookie(cookie);
        Self {
            app: routes().layer(layer),
            cookies: BTreeMap::new(),
        }
    }

    /// Whether the response set a cookie.
    async fn get(&mut self, path: &str) -> bool {
        let mut request = Request::get(path);
        for (name, value) in &self.cookies {
            request = request.header(COOKIE, format!("{name}={value}"));
        }
        let request = request.body(Body::empty()).unwrap();
        let answer = self.app.clone().oneshot(request).await.unwrap();
        assert!(answer.status().is_success());
        let mut is_set = false;
        for header in answer.headers().get_all(SET_COOKIE) {
            let cookie = header.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            is_set = true;
        }
        is_set
    }

    /// Behind its signature.
    fn version(&self) -> &str {
        let version = self.cookies.get(VERSION);
        version.map_or("", |version| version.rsplit_once('=').unwrap().1)
    }
}

fn reads(bench: &TestBench<App>) -> Vec<bool> {
    let calls = bench.wire.calls();
    bench.wire.clear();
    let reads = calls.iter().filter(|call| call.operation == "GetItem");
    reads
        .map(|call| call.input["ConsistentRead"] == true)
        .collect()
}

#[tokio::test]
async fn the_signed_cookie_carries_the_version_last_written() {
    let bench = TestBench::<App>::new().await;
    let mut browser = Browser::new(&bench).await;
    assert!(browser.get("/visit").await);
    assert_eq!(browser.version(), "1");
    reads(&bench);
    assert!(
        !browser.get("/read").await,
        "a read does not change the version"
    );
    assert_eq!(reads(&bench), [false]);
    assert!(browser.get("/visit").await);
    assert_eq!(browser.version(), "2");
    assert_eq!(reads(&bench), [false]);
    assert!(browser.get("/login").await);
    assert_eq!(browser.version(), "3");
    assert!(!browser.get("/none").await);

    bench.wire.clear();
    bench
        .wire
        .next("GetItem", Fault::edit(|answer| *answer = json!({})));
    browser.get("/read").await;
    assert_eq!(
        reads(&bench),
        [false, true],
        "a copy that does not know the new id"
    );
}

/// A save in a transaction does not return the version: the next load reads it, and gives it to the client.
#[tokio::test]
async fn an_unknown_version_costs_one_consistent_read() {
    let bench = TestBench::<App>::new().await;
    let mut browser = Browser::new(&bench).await;
    browser.get("/visit").await;
    assert!(browser.get("/enter").await);
    assert_eq!(browser.version(), "");
    reads(&bench);
    assert!(browser.get("/read").await);
    assert_eq!(reads(&bench), [true]);
    assert_eq!(browser.version(), "2");
    assert!(!browser.get("/read").await);
    assert_eq!(reads(&bench), [false]);
}

/// The version is in the signed part, so that a client cannot make one up. Without a key there is no
/// version.
#[tokio::test]
async fn a_version_counts_only_where_it_is_signed() {
    let bench = TestBench::<App>::new().await;
    let mut browser = Browser::new(&bench).await;
    browser.get("/visit").await;
    browser.get("/visit").await;
    let version = browser.cookies[VERSION].clone();
    let made_up = version.strip_suffix('2').unwrap().to_owned() + "1";
    browser.cookies.insert(VERSION.into(), made_up);
    reads(&bench);
    browser.get("/read").await;
    assert_eq!(reads(&bench), [true], "as without a version");

    // That of another session.
    let mut other = Browser::new(&bench).await;
    other.get("/visit").await;
    other.cookies.insert(VERSION.into(), version);
    reads(&bench);
    other.get("/read").await;
    assert_eq!(reads(&bench), [true]);

    let mut unsigned = Browser {
        app: routes().layer(SessionLayer::new(store(&bench).await).dev()),
        cookies: BTreeMap::new(),
    };
    assert!(unsigned.get("/visit").await);
    reads(&bench);
    assert!(!unsigned.get("/visit").await);
    assert_eq!(reads(&bench), [true]);
    let id = unsigned.cookies["session-App"].clone();

    let app = routes().layer(SessionLayer::new(store(&bench).await).bearer());
    let request = Request::get("/read").header(AUTHORIZATION, format!("Bearer {id}"));
    app.oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(reads(&bench), [true]);
}
