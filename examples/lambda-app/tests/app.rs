//! Runs the app as Lambda does: a process that gets events of API Gateway from the runtime API, and posts
//! the responses to it. This test serves the API on loopback.
//!
//! With the embedded engine, one process handles all events. With the engine at `SESSION_STORE_ENDPOINT`,
//! if that is set, each event has its own process, which is killed as soon as its response is there, like a
//! frozen process that is never thawed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, its helpers as well"
)]

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use lambda_app::AppSession;
use serde_json::{Value, json};
use session_store::DynamoDbStore;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

/// Lambda, with one function in it.
struct Lambda {
    api: String,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<(String, Value)>,
    engine: Option<Engine>,
    process: Option<Child>,
}

/// An engine that outlives the processes of the function.
struct Engine {
    url: String,
    table: String,
}

type Events = Arc<Mutex<mpsc::Receiver<Value>>>;
type Answers = mpsc::Sender<(String, Value)>;

/// Waits for an event without a time limit.
async fn next(State((events, _)): State<(Events, Answers)>) -> (HeaderMap, Json<Value>) {
    let event = events.lock().await.recv().await.unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", "request"),
        ("lambda-runtime-deadline-ms", "9999999999999"),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:function",
        ),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    (headers, Json(event))
}

async fn answered(
    State((_, answers)): State<(Events, Answers)>,
    Path(kind): Path<String>,
    answer: String,
) -> StatusCode {
    let answer = serde_json::from_str(&answer).unwrap();
    answers.send((kind, answer)).await.unwrap();
    StatusCode::ACCEPTED
}

impl Lambda {
    async fn new() -> Self {
        let (events, waiting) = mpsc::channel(1);
        let (answer, answers) = mpsc::channel(1);
        let runtime = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/request/{kind}",
                post(answered),
            )
            .with_state((Arc::new(Mutex::new(waiting)), answer));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, runtime).await });
        Self {
            api: address.to_string(),
            events,
            answers,
            engine: engine(address.port()).await,
            process: None,
        }
    }

    fn start(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lambda-app"));
        command
            .env("AWS_LAMBDA_RUNTIME_API", &self.api)
            .env("AWS_LAMBDA_FUNCTION_NAME", "lambda-app")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "us-east-1")
            .env_remove("DYNAMODB_TABLE")
            .stdout(Stdio::null())
            .kill_on_drop(true);
        if let Some(engine) = &self.engine {
            command
                .env("DYNAMODB_TABLE", &engine.table)
                .env("AWS_ENDPOINT_URL_DYNAMODB", &engine.url)
                .env("AWS_ACCESS_KEY_ID", "local")
                .env("AWS_SECRET_ACCESS_KEY", "local");
        }
        command.spawn().unwrap()
    }

    /// Sends an event of API Gateway, and returns the function's response.
    async fn invoke(&mut self, method: &str, path: &str, cookies: &[&str], body: &str) -> Answer {
        self.invoke_with(&[], method, path, cookies, body).await
    }

    /// The same with these headers.
    async fn invoke_with(
        &mut self,
        headers: &[(&str, &str)],
        method: &str,
        path: &str,
        cookies: &[&str],
        body: &str,
    ) -> Answer {
        if self.process.is_none() {
            self.process = Some(self.start());
        }
        let mut event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {
                "host": "api.example.com",
                "content-type": "application/x-www-form-urlencoded",
            },
            "requestContext": {
                "http": { "method": method, "path": path, "protocol": "HTTP/1.1" },
                "stage": "$default",
                "timeEpoch": 0,
            },
            "body": body,
            "isBase64Encoded": false,
        });
        for (name, value) in headers {
            event["headers"][name] = json!(value);
        }
        if !cookies.is_empty() {
            event["cookies"] = json!(cookies);
        }
        self.events.send(event).await.unwrap();
        let answer = timeout(Duration::from_secs(20), self.answers.recv()).await;
        let (kind, answer) = answer.unwrap().unwrap();
        assert_eq!(kind, "response", "{answer}");
        if self.engine.is_some()
            && let Some(mut process) = self.process.take()
        {
            process.kill().await.unwrap();
        }
        Answer(answer)
    }
}

/// The engine at `SESSION_STORE_ENDPOINT`, with a table for the function.
async fn engine(number: u16) -> Option<Engine> {
    let url = std::env::var("SESSION_STORE_ENDPOINT").ok()?;
    let table = format!("lambda-app-{}-{number}", std::process::id());
    let builder = DynamoDbStore::<AppSession>::builder().endpoint(&url);
    let store = builder.table_name(&table).build().await.unwrap();
    store.create_table().await.unwrap();
    Some(Engine { url, table })
}

/// A response in the form of API Gateway.
struct Answer(Value);

impl Answer {
    fn status(&self) -> u64 {
        self.0["statusCode"].as_u64().unwrap()
    }

    fn body(&self) -> &str {
        self.0["body"].as_str().unwrap_or_default()
    }

    fn cookies(&self) -> Vec<&str> {
        let cookies = self.0["cookies"].as_array().into_iter().flatten();
        cookies.map(|cookie| cookie.as_str().unwrap()).collect()
    }

    /// The cookie as a browser sends it back.
    fn cookie(&self) -> String {
        // A log-in has a second one.
        let cookie = self.cookies()[0];
        assert!(cookie.starts_with("__Host-session-AppSession=") && cookie.contains("; Secure"));
        cookie.split(';').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn from_the_first_visit_to_the_log_out() {
    let mut lambda = Lambda::new().await;
    let first = lambda.invoke("GET", "/", &[], "").await;
    assert_eq!(first.status(), 200);
    assert!(first.body().contains("Visits: 1"));
    let anonymous = first.cookie();

    let again = lambda
        .invoke("GET", "/", &["theme=dark", &anonymous], "")
        .await;
    assert!(again.body().contains("Visits: 2") && again.body().contains("Log in"));
    assert!(again.cookies().is_empty());

    let user = "user=%3Cferris%3E";
    let log_in = lambda.invoke("POST", "/log-in", &[&anonymous], user).await;
    assert_eq!(log_in.status(), 303);
    let known = log_in.cookie();
    assert_ne!(known, anonymous);
    let home = lambda.invoke("GET", "/", &[&known], "").await;
    assert!(home.body().contains("Visits: 3") && home.body().contains("Hello, &lt;ferris&gt;"));
    let old = lambda.invoke("GET", "/", &[&anonymous], "").await;
    assert!(old.body().contains("Visits: 1") && old.body().contains("Log in"));

    let log_out = lambda.invoke("POST", "/log-out", &[&known], "").await;
    assert_eq!(log_out.status(), 303);
    assert!(log_out.cookies()[0].contains("Max-Age=0"));
    let after = lambda.invoke("GET", "/", &[&known], "").await;
    assert!(after.body().contains("Visits: 1") && after.body().contains("Log in"));
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_and_changes_nothing() {
    const SITE: &str = "sec-fetch-site";
    let mut lambda = Lambda::new().await;
    let log_in = lambda.invoke("POST", "/log-in", &[], "user=ferris").await;
    let ferris = log_in.cookie();
    for header in [
        (SITE, "cross-site"),
        (SITE, "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        // The browser may send the cookie, or keep it back.
        for cookies in [&[ferris.as_str()][..], &[]] {
            for (path, body) in [("/log-in", "user=eve"), ("/log-out", "")] {
                let refused = lambda
                    .invoke_with(&[header], "POST", path, cookies, body)
                    .await;
                assert_eq!(refused.status(), 403, "{path}: {header:?}");
                assert!(refused.body().contains("came from another site"));
                assert!(refused.cookies().is_empty(), "{path}: {header:?}");
            }
        }
    }
    let home = lambda.invoke("GET", "/", &[&ferris], "").await;
    assert!(home.body().contains("Visits: 1") && home.body().contains("Hello, ferris"));

    // Its own forms pass, in browsers with and without `Sec-Fetch-Site`.
    let mut known = ferris;
    for header in [(SITE, "same-origin"), ("origin", "https://api.example.com")] {
        let log_in = lambda
            .invoke_with(&[header], "POST", "/log-in", &[&known], "user=corro")
            .await;
        assert_eq!(log_in.status(), 303, "{header:?}");
        known = log_in.cookie();
    }
    let log_out = lambda
        .invoke_with(&[(SITE, "same-origin")], "POST", "/log-out", &[&known], "")
        .await;
    assert_eq!(log_out.status(), 303);
}

#[tokio::test]
async fn a_name_has_1_to_100_bytes() {
    let mut lambda = Lambda::new().await;
    for user in ["", &"x".repeat(101)] {
        let body = format!("user={user}");
        let refused = lambda.invoke("POST", "/log-in", &[], &body).await;
        assert_eq!(refused.status(), 400);
        assert!(refused.cookies().is_empty());
    }
}
