//! The layer for axum: what each request costs, what is stored, and what becomes of bad input.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::join_all;
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use session_store::axum::{
    CurrentSession, SameSite, SessionCookie, SessionLayer, SigningKey, Stage,
};
use session_store::{Error, Session, SessionAttributes, SessionId};
use session_store_tests::{Bench, Fault};
use tokio::sync::Notify;
use tower::ServiceExt as _;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct App {
    #[dynamo(attr = "user_id", index(consistent, limit = 3, on_limit = reject))]
    user_id: Option<String>,
    theme: String,
    visits: u64,
    #[serde(flatten)]
    more: std::collections::BTreeMap<String, u64>,
}

/// Of another app.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct Other {
    visits: u64,
}

type Current = CurrentSession<App>;

async fn read(session: Current) -> String {
    format!(
        "{} {}",
        session.visits,
        session.user_id.as_deref().unwrap_or("nobody")
    )
}

async fn visit(mut session: Current) -> String {
    session.visits += 1;
    session.visits.to_string()
}

/// Takes a mutable reference, and changes nothing.
async fn look(mut session: Current) {
    let session: &mut App = &mut session;
    assert_eq!(session.theme, "");
}

async fn log_in(mut session: Current) {
    session.user_id = Some("u-17".into());
    session.theme = "dark".into();
    CurrentSession::cycle_id(&mut session);
}

async fn log_out(mut session: Current) {
    CurrentSession::end(&mut session);
}

async fn log_out_and_begin(mut session: Current) {
    CurrentSession::end(&mut session);
    session.theme = "light".into();
}

async fn fail(mut session: Current) -> StatusCode {
    session.visits += 1;
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn poll(mut session: Current) {
    CurrentSession::without_touch(&mut session);
}

async fn twice(_: Current, _: Current) {}

async fn at_once(mut session: Current) -> String {
    session.user_id = Some("u-17".into());
    match CurrentSession::save(&mut session).await {
        Ok(()) => "welcome".to_owned(),
        Err(Error::Limit(_)) => "too many".to_owned(),
        Err(Error::Gone(_)) => "too late".to_owned(),
        Err(error) => panic!("{error}"),
    }
}

async fn whether(session: Option<Current>) -> String {
    session.is_some().to_string()
}

fn routes() -> Router {
    Router::new()
        .route("/none", get(async || "nothing"))
        .route("/read", get(read))
        .route("/visit", get(visit))
        .route("/look", get(look))
        .route("/login", get(log_in))
        .route("/logout", get(log_out))
        .route("/again", get(log_out_and_begin))
        .route("/fail", get(fail))
        .route("/poll", get(poll))
        .route("/twice", get(twice))
        .route("/now", get(at_once))
        .route("/whether", get(whether))
}

fn app(bench: &Bench<App>) -> Router {
    routes().layer(SessionLayer::new(bench.store.clone()).dev())
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The value of the cookie that it sets; empty if it takes the cookie away.
    pub(crate) fn cookie(&self) -> Option<String> {
        let header = self.headers.get(SET_COOKIE)?.to_str().unwrap();
        let (_, rest) = header.split_once('=').unwrap();
        Some(rest.split(';').next().unwrap().to_owned())
    }
}

pub(crate) async fn ask(app: &Router, path: &str, cookie: Option<&str>) -> Answer {
    let cookie = cookie.map(|cookie| format!("session={cookie}"));
    ask_with(app, path, cookie.into_iter().collect()).await
}

async fn ask_with(app: &Router, path: &str, cookies: Vec<String>) -> Answer {
    let mut request = Request::get(path);
    for cookie in cookies {
        request = request.header(COOKIE, cookie);
    }
    answer(app, request.body(Body::empty()).unwrap()).await
}

async fn answer(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(text.to_vec()).unwrap(),
    }
}

fn calls(bench: &Bench<App>) -> Vec<String> {
    let operations = bench.wire.operations();
    bench.wire.clear();
    operations
}

/// A session that is there, and its cookie.
async fn begin(bench: &Bench<App>, app: &Router) -> String {
    let cookie = ask(app, "/visit", None).await.cookie().unwrap();
    bench.wire.clear();
    cookie
}

#[tokio::test]
async fn each_request_makes_the_calls_that_it_needs() {
    let bench = Bench::<App>::new().await;
    let app = app(&bench);
    for path in ["/none", "/read", "/look"] {
        let answer = ask(&app, path, None).await;
        assert_eq!(
            (answer.status, answer.cookie()),
            (StatusCode::OK, None),
            "{path}"
        );
        assert!(calls(&bench).is_empty(), "{path}");
    }
    let answer = ask(&app, "/visit", None).await;
    assert_eq!(answer.text, "1");
    assert_eq!(calls(&bench), ["PutItem"]);
    let cookie = answer.cookie().unwrap();
    for (path, expected) in [
        ("/none", &[][..]),
        ("/read", &["GetItem"]),
        ("/look", &["GetItem"]),
        ("/visit", &["GetItem", "UpdateItem"]),
    ] {
        let answer = ask(&app, path, Some(&cookie)).await;
        assert_eq!(
            (answer.status, answer.cookie()),
            (StatusCode::OK, None),
            "{path}"
        );
        assert_eq!(calls(&bench), expected, "{path}");
    }
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "2 nobody");
}

#[tokio::test]
async fn a_log_in_is_one_transaction_and_has_a_new_id() {
    let bench = Bench::<App>::new().await;
    let app = app(&bench);
    let planted = begin(&bench, &app).await;
    bench
        .store
        .create(App {
            user_id: Some("u-17".into()),
            ..App::default()
        })
        .await
        .unwrap();
    bench.wire.clear();
    let cookie = ask(&app, "/login", Some(&planted)).await.cookie().unwrap();
    assert_eq!(calls(&bench), ["GetItem", "TransactWriteItems"]);
    assert_ne!(cookie, planted);
    assert_eq!(ask(&app, "/read", Some(&planted)).await.text, "0 nobody");
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 u-17");
    bench.wire.clear();
    let answer = ask(&app, "/logout", Some(&cookie)).await;
    assert_eq!(calls(&bench), ["GetItem", "DeleteItem", "UpdateItem"]);
    assert_eq!(answer.cookie().unwrap(), "");
    assert!(
        answer.headers[SET_COOKIE]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "0 nobody");
    // Without a session, a log-in needs no other id than that of the new one.
    bench.wire.clear();
    assert!(ask(&app, "/login", None).await.cookie().is_some());
    assert_eq!(calls(&bench), ["PutItem", "UpdateItem"]);
}

#[tokio::test]
async fn what_is_changed_after_the_end_begins_a_new_session() {
    let bench = Bench::<App>::new().await;
    let app = app(&bench);
    let old = begin(&bench, &app).await;
    let new = ask(&app, "/again", Some(&old)).await.cookie().unwrap();
    assert_eq!(calls(&bench), ["GetItem", "DeleteItem", "PutItem"]);
    assert!(!new.is_empty() && new != old);
    let stored = bench
        .store
        .load(&SessionId::parse(&new).unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&*stored.theme, stored.visits), ("light", 0));
}

#[tokio::test]
async fn the_cookie_is_as_safe_as_cookies_can_be() {
    let bench = Bench::<App>::new().await;
    let app = routes().layer(SessionLayer::new(bench.store.clone()));
    let answer = ask(&app, "/visit", None).await;
    let header = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(header.starts_with("__Host-session="), "{header}");
    for part in [
        "Secure",
        "HttpOnly",
        "SameSite=Lax",
        "Path=/",
        "Max-Age=43200",
    ] {
        assert!(
            header.split("; ").any(|found| found == part),
            "{part}: {header}"
        );
    }
    assert!(answer.headers[SET_COOKIE].is_sensitive());
    assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    // A new id is of use as long as the session, not longer.
    bench.clock.advance(Duration::from_secs(60));
    let cookie = header.split(';').next().unwrap().to_owned();
    let answer = ask_with(&app, "/login", vec![cookie]).await;
    assert!(
        answer.headers[SET_COOKIE]
            .to_str()
            .unwrap()
            .contains("Max-Age=43140")
    );

    let cookie = SessionCookie::new()
        .name("sid")
        .domain("example.org")
        .path("/app")
        .same_site(SameSite::Strict)
        .persistent(false);
    let app = routes().layer(SessionLayer::new(bench.store.clone()).cookie(cookie));
    let answer = ask(&app, "/visit", None).await;
    let header = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(header.starts_with("__Secure-sid="), "{header}");
    assert!(
        header.contains("Domain=example.org") && header.contains("Path=/app"),
        "{header}"
    );
    assert!(
        header.contains("SameSite=Strict") && !header.contains("Max-Age"),
        "{header}"
    );
}

/// Each is answered as if there were no cookie, and none is adopted.
#[tokio::test]
async fn bad_cookies_are_no_cookies() {
    let bench = Bench::<App>::new().await;
    let app = app(&bench);
    let live = begin(&bench, &app).await;
    let revoked = begin(&bench, &app).await;
    bench
        .store
        .delete(&SessionId::parse(&revoked).unwrap())
        .await
        .unwrap();
    let made_up = "A".repeat(43);
    let cookies = [
        vec![String::new()],
        vec!["session=".to_owned()],
        vec!["session".to_owned()],
        vec![format!("session={}", "x".repeat(10_000))],
        vec!["session=%00%ff".to_owned()],
        vec![format!("session={live}x")],
        vec![format!("session={live}; session={revoked}")],
        vec![format!("session={live}"), format!("session={live}")],
        vec![format!("__Host-session={live}")],
        vec![format!("other={live}; theme=dark;;; =; ")],
        vec![format!("session={revoked}")],
        vec![format!("session={made_up}")],
    ];
    for cookies in cookies {
        let read = ask_with(&app, "/read", cookies.clone()).await;
        assert_eq!(
            (read.status, &*read.text),
            (StatusCode::OK, "0 nobody"),
            "{cookies:?}"
        );
        assert_eq!(read.cookie(), None, "the cookie stays");
        let new = ask_with(&app, "/visit", cookies.clone()).await;
        assert_eq!(
            (new.status, &*new.text),
            (StatusCode::OK, "1"),
            "{cookies:?}"
        );
        let id = new.cookie().unwrap();
        assert!(![&live, &revoked, &made_up].contains(&&id));
    }
    // Beside those of other apps, ours is found.
    let among = vec![format!("a=b; session={live}; c=\"d\"")];
    assert_eq!(ask_with(&app, "/read", among).await.text, "1 nobody");
}

#[tokio::test]
async fn a_signed_id_is_checked_without_a_read() {
    let bench = Bench::<App>::new().await;
    let signed = |key: &[u8]| {
        let cookie = SessionCookie::dev().signed(SigningKey::derive_from(key));
        routes().layer(SessionLayer::new(bench.store.clone()).cookie(cookie))
    };
    let app = signed(&[7; 32]);
    let cookie = ask(&app, "/visit", None).await.cookie().unwrap();
    bench.wire.clear();
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
    assert_eq!(calls(&bench), ["GetItem"]);
    let id = bench.items().await[0]["id"].as_s().unwrap().clone();
    for wrong in [
        &cookie[..cookie.len() - 1],
        &cookie[1..],
        &cookie[44..],
        &id,
    ] {
        assert_eq!(
            ask(&app, "/read", Some(wrong)).await.text,
            "0 nobody",
            "{wrong}"
        );
    }
    assert_eq!(
        ask(&signed(&[8; 32]), "/read", Some(&cookie)).await.text,
        "0 nobody"
    );
    assert!(calls(&bench).is_empty());
}

#[tokio::test]
async fn an_api_has_its_id_in_a_header() {
    let bench = Bench::<App>::new().await;
    let app = routes().layer(SessionLayer::new(bench.store.clone()).bearer());
    let new = ask(&app, "/visit", None).await;
    let id = new.headers["session-id"].to_str().unwrap().to_owned();
    assert!(!new.headers.contains_key(SET_COOKIE));
    for (header, expected) in [
        (format!("Bearer {id}"), "1 nobody"),
        (format!("bearer {id}"), "1 nobody"),
        (format!("Basic {id}"), "0 nobody"),
        (id.clone(), "0 nobody"),
        ("Bearer".to_owned(), "0 nobody"),
    ] {
        let request = Request::get("/read").header(AUTHORIZATION, &header);
        let answer = answer(&app, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.text, expected, "{header}");
    }
    assert_eq!(
        ask(&app, "/read", Some(&id)).await.text,
        "0 nobody",
        "a cookie is none"
    );
}

#[tokio::test]
async fn changes_of_a_handler_that_fails_are_not_stored() {
    let bench = Bench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    for cookie in [None, Some(&*cookie)] {
        let answer = ask(&app, "/fail", cookie).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.cookie(), None);
    }
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");

    let layer = SessionLayer::new(bench.store.clone())
        .dev()
        .save_on_server_error(true);
    ask(&routes().layer(layer), "/fail", Some(&cookie)).await;
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "2 nobody");
}

#[tokio::test]
async fn a_handler_that_panics_stores_nothing() {
    let bench = Bench::<App>::new().await;
    async fn panics(mut session: Current) {
        session.visits = 99;
        panic!("on purpose");
    }
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/panic", get(panics)).layer(layer);
    let cookie = begin(&bench, &app).await;
    let request = Request::get("/panic").header(COOKIE, format!("session={cookie}"));
    let request = request.body(Body::empty()).unwrap();
    let panicked = tokio::spawn(app.clone().oneshot(request)).await;
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
}

/// While the handler runs, another request ends the session: nothing is stored, and the cookie,
/// which may be a newer one by now, is not taken away.
#[tokio::test]
async fn a_session_that_ends_meanwhile_is_not_brought_back() {
    let bench = Bench::<App>::new().await;
    let app = app(&bench);
    for path in ["/visit", "/login"] {
        let cookie = begin(&bench, &app).await;
        let (store, id) = (bench.store.clone(), SessionId::parse(&cookie).unwrap());
        let operation = if path == "/visit" {
            "UpdateItem"
        } else {
            "TransactWriteItems"
        };
        bench.wire.next(
            operation,
            Fault::meanwhile(move || async move { store.delete(&id).await.unwrap() }),
        );
        let answer = ask(&app, path, Some(&cookie)).await;
        assert_eq!(
            (answer.status, answer.cookie()),
            (StatusCode::OK, None),
            "{path}"
        );
        assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "0 nobody");
    }
    let left = bench.items().await;
    assert!(left.iter().all(|item| !item.contains_key("data")));
}

#[tokio::test]
async fn a_store_that_is_not_available_is_said_to_be() {
    let bench = Bench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    for (path, operation) in [
        ("/read", "GetItem"),
        ("/visit", "GetItem"),
        ("/visit", "UpdateItem"),
        ("/logout", "DeleteItem"),
    ] {
        for _ in 0..3 {
            bench.wire.next(
                operation,
                Fault::Answer(500, "InternalServerError", "again"),
            );
        }
        let answer = ask(&app, path, Some(&cookie)).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.cookie(), None, "{path}");
        bench.wire.clear();
    }
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
    // A touch that fails keeps nobody from reading.
    bench.clock.advance(Duration::from_secs(10 * 60));
    for _ in 0..3 {
        bench.wire.next("UpdateItem", Fault::Refuse);
    }
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
}

/// A policy of one's own may go on without a session; what is changed then is not stored.
#[tokio::test]
async fn nothing_is_written_after_a_failed_read() {
    let bench = Bench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone())
        .dev()
        .on_error(|error, stage| match stage {
            Stage::Load => None,
            _ => Some((StatusCode::IM_A_TEAPOT, error.to_string()).into_response()),
        });
    let app = routes().layer(layer);
    let cookie = begin(&bench, &app).await;
    bench
        .wire
        .next("GetItem", Fault::Answer(400, "AccessDeniedException", "no"));
    let answer = ask(&app, "/visit", Some(&cookie)).await;
    assert_eq!(
        (answer.status, &*answer.text, answer.cookie()),
        (StatusCode::OK, "1", None)
    );
    assert_eq!(calls(&bench), ["GetItem"]);
    bench.wire.next(
        "UpdateItem",
        Fault::Answer(400, "AccessDeniedException", "no"),
    );
    let answer = ask(&app, "/visit", Some(&cookie)).await;
    assert_eq!(answer.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
}

/// No answer comes to any sending of a change of id: the layer asks until it knows.
#[tokio::test]
async fn a_new_id_of_unknown_outcome_is_asked_for_again() {
    let bench = Bench::<App>::new().await;
    let app = app(&bench);
    let old = begin(&bench, &app).await;
    ask(&app, "/login", None).await;
    bench.wire.clear();
    for _ in 0..6 {
        bench.wire.next("TransactWriteItems", Fault::LoseResponse);
    }
    let answer = ask(&app, "/login", Some(&old)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let sent = calls(&bench).into_iter().skip(1);
    assert_eq!(sent.collect::<Vec<_>>(), ["TransactWriteItems"; 7]);
    let new = answer.cookie().unwrap();
    assert_eq!(ask(&app, "/read", Some(&new)).await.text, "1 u-17");
    assert_eq!(ask(&app, "/read", Some(&old)).await.text, "0 nobody");
}

#[tokio::test]
async fn a_session_that_cannot_be_decoded_is_an_error_and_stays() {
    let bench = Bench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    let mut item = bench.items().await.remove(0);
    item.insert(
        "data".into(),
        aws_sdk_dynamodb::types::AttributeValue::S("?".into()),
    );
    bench.put(item.clone()).await;
    assert_eq!(
        ask(&app, "/visit", Some(&cookie)).await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    assert_eq!(bench.items().await, [item]);
}

#[tokio::test]
async fn what_cannot_be_stored_is_an_error_and_no_write() {
    async fn fill(mut session: Current) {
        session.theme = "x".repeat(401 * 1024);
    }
    let bench = Bench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/fill", get(fill)).layer(layer);
    let cookie = begin(&bench, &app).await;
    for (cookie, reads) in [(None, 0), (Some(&*cookie), 1)] {
        let answer = ask(&app, "/fill", cookie).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.cookie(), None);
        assert_eq!(calls(&bench), vec!["GetItem"; reads]);
    }
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
}

#[tokio::test]
async fn one_session_too_many_is_said_to_be() {
    let bench = Bench::<App>::new().await;
    let app = app(&bench);
    for _ in 0..3 {
        assert_eq!(ask(&app, "/login", None).await.status, StatusCode::OK);
    }
    let answer = ask(&app, "/login", None).await;
    assert_eq!(
        (answer.status, answer.cookie()),
        (StatusCode::CONFLICT, None)
    );
    // A handler that stores at once can answer for itself.
    let cookie = begin(&bench, &app).await;
    let answer = ask(&app, "/now", Some(&cookie)).await;
    assert_eq!((answer.status, &*answer.text), (StatusCode::OK, "too many"));
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
    let (store, id) = (bench.store.clone(), SessionId::parse(&cookie).unwrap());
    let end = move || async move { store.delete(&id).await.unwrap() };
    bench.wire.next("TransactWriteItems", Fault::meanwhile(end));
    let answer = ask(&app, "/now", Some(&cookie)).await;
    assert_eq!((answer.status, &*answer.text), (StatusCode::OK, "too late"));
}

#[tokio::test]
async fn reading_extends_the_idle_timeout_but_not_from_routes_that_opt_out() {
    let bench = Bench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    bench.clock.advance(Duration::from_secs(20 * 60));
    ask(&app, "/poll", Some(&cookie)).await;
    assert_eq!(calls(&bench), ["GetItem"]);
    ask(&app, "/read", Some(&cookie)).await;
    assert_eq!(calls(&bench), ["GetItem", "UpdateItem"]);
    bench.clock.advance(Duration::from_secs(20 * 60));
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "1 nobody");
    bench.clock.advance(Duration::from_secs(31 * 60));
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "0 nobody");
}

/// Remember me: chosen with the log-in, and stored with it.
#[tokio::test]
async fn an_idle_timeout_of_its_own_is_stored_with_the_rest() {
    async fn remember(mut session: Current) {
        session.user_id = Some("u-17".into());
        CurrentSession::set_idle_timeout(&mut session, Duration::from_secs(6 * 3600));
        CurrentSession::cycle_id(&mut session);
    }
    let bench = Bench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/remember", get(remember)).layer(layer);
    let old = begin(&bench, &app).await;
    for cookie in [Some(&*old), None] {
        let cookie = ask(&app, "/remember", cookie).await.cookie().unwrap();
        bench.clock.advance(Duration::from_secs(5 * 3600));
        assert_eq!(
            ask(&app, "/read", Some(&cookie))
                .await
                .text
                .split_once(' ')
                .unwrap()
                .1,
            "u-17"
        );
    }
}

#[tokio::test]
async fn mistakes_in_the_set_up_are_explained() {
    let answer = ask(&routes(), "/read", None).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        answer.text.contains(".layer(SessionLayer::new(store))"),
        "{}",
        answer.text
    );
    let bench = Bench::<App>::new().await;
    let other = SessionLayer::new(bench.other::<Other>().await);
    let answer = ask(&routes().layer(other), "/read", None).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.text.contains("axum_layer::App`"), "{}", answer.text);
    let answer = ask(&app(&bench), "/twice", None).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        answer.text.contains("one `CurrentSession`"),
        "{}",
        answer.text
    );
}

/// A middleware and the handler after it share one read.
#[tokio::test]
async fn a_middleware_and_a_handler_share_one_session() {
    async fn guard(
        session: Current,
        request: axum::extract::Request,
        next: axum::middleware::Next,
    ) -> Response {
        if session.user_id.is_none() {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        drop(session);
        next.run(request).await
    }
    let bench = Bench::<App>::new().await;
    let guarded = routes().route_layer(axum::middleware::from_fn(guard));
    let guarded = guarded.layer(SessionLayer::new(bench.store.clone()).dev());
    assert_eq!(
        ask(&guarded, "/visit", None).await.status,
        StatusCode::UNAUTHORIZED
    );
    let open = app(&bench);
    let cookie = ask(&open, "/login", None).await.cookie().unwrap();
    bench.wire.clear();
    assert_eq!(ask(&guarded, "/visit", Some(&cookie)).await.text, "1");
    assert_eq!(calls(&bench), ["GetItem", "UpdateItem"]);
    assert_eq!(ask(&open, "/whether", None).await.text, "false");
    assert_eq!(ask(&open, "/whether", Some(&cookie)).await.text, "true");
}

/// The client hangs up when the change of id is on its way: it is carried to its end.
#[tokio::test]
async fn a_new_id_is_carried_to_its_end_when_the_client_hangs_up() {
    let bench = Bench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    let (begun, goes_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&begun), Arc::clone(&goes_on));
    bench.wire.next(
        "TransactWriteItems",
        Fault::meanwhile(move || async move {
            tell.notify_one();
            wait.notified().await;
        }),
    );
    let request = Request::get("/login").header(COOKIE, format!("session={cookie}"));
    let request = app.clone().oneshot(request.body(Body::empty()).unwrap());
    tokio::select! {
        _ = request => panic!("the client hangs up before"),
        () = begun.notified() => {}
    }
    goes_on.notify_one();
    let id = SessionId::parse(&cookie).unwrap();
    while bench.store.load(&id).await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The roster of its first session comes with a second transaction.
    let listed = bench
        .store
        .sessions(App::USER_ID, "u-17")
        .count()
        .await
        .unwrap();
    assert_eq!(listed, 1);
}

/// 20 requests of one browser at once, each adding to the same field: none is lost.
#[tokio::test]
async fn an_update_loses_to_nobody() {
    async fn count(mut session: Current) -> String {
        session.theme = "dark".into();
        let visits = CurrentSession::update(&mut session, |session| {
            session.visits += 1;
            session.visits
        });
        match visits.await {
            Ok(visits) => visits.to_string(),
            Err(Error::Gone(_)) => "gone".to_owned(),
            Err(error) => panic!("{error}"),
        }
    }
    async fn nothing(mut session: Current) {
        CurrentSession::update(&mut session, |_| ()).await.unwrap();
    }
    let bench = Bench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let routes = routes().route("/count", get(count));
    let app = routes.route("/nothing", get(nothing)).layer(layer);

    let answer = ask(&app, "/nothing", None).await;
    assert_eq!((answer.cookie(), calls(&bench).len()), (None, 0));
    let cookie = ask(&app, "/count", None).await.cookie().unwrap();
    assert_eq!(calls(&bench), ["PutItem"]);
    assert_eq!(ask(&app, "/count", Some(&cookie)).await.text, "2");
    assert_eq!(calls(&bench), ["GetItem", "UpdateItem"]);
    // It extends the idle timeout by itself; where it changes nothing, the touch does.
    bench.clock.advance(Duration::from_secs(10 * 60));
    for path in ["/count", "/count", "/nothing"] {
        ask(&app, path, Some(&cookie)).await;
        assert_eq!(calls(&bench), ["GetItem", "UpdateItem"], "{path}");
        bench.clock.advance(Duration::from_secs(10 * 60));
    }

    let asked = (5..=24).map(|_| ask(&app, "/count", Some(&cookie)));
    let mut counts: Vec<u64> = join_all(asked)
        .await
        .iter()
        .map(|answer| answer.text.parse().unwrap())
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, (5..=24).collect::<Vec<_>>());

    let (store, id) = (bench.store.clone(), SessionId::parse(&cookie).unwrap());
    bench.wire.next(
        "UpdateItem",
        Fault::meanwhile(move || async move { store.delete(&id).await.unwrap() }),
    );
    let answer = ask(&app, "/count", Some(&cookie)).await;
    assert_eq!((&*answer.text, answer.cookie()), ("gone", None));
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "0 nobody");
}

/// What the session of the store tells is at hand.
#[tokio::test]
async fn the_session_as_the_store_knows_it() {
    async fn handle(session: Current) -> String {
        let stored = CurrentSession::stored(&session).map(Session::handle);
        let store = CurrentSession::store(&session);
        let count = store.sessions(App::USER_ID, "u-17").count().await;
        format!("{stored:?} {} {session:?}", count.unwrap())
    }
    let bench = Bench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/handle", get(handle)).layer(layer);
    let cookie = ask(&app, "/login", None).await.cookie().unwrap();
    let handle = SessionId::parse(&cookie).unwrap().handle();
    let text = ask(&app, "/handle", Some(&cookie)).await.text;
    assert!(
        text.starts_with(&format!("{:?} 1 ", Some(handle))),
        "{text}"
    );
    assert!(text.contains("u-17") && !text.contains(&cookie), "{text}");
}
