//! The audit events of the layer for axum, and of the frameworks.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::routing::get;
use session_store::frameworks::axum::{
    CurrentSession, EndSession, SessionCookie, SessionLayer, SigningKey,
};
use session_store::frameworks::tower_sessions::TowerSessions;
use session_store_tests::TestBench;
use tower::ServiceExt as _;
use tower_sessions_core::SessionStore as _;

use super::Plain;
use super::events::names;
use super::failures::damage;
use super::watch::watched;

type Current = CurrentSession<Plain>;

fn app(layer: SessionLayer<Plain>) -> Router {
    Router::new()
        .route(
            "/",
            get(async |session: Current| session.visits.to_string()),
        )
        .route(
            "/visit",
            get(async |mut session: Current| session.visits += 1),
        )
        .route(
            "/end",
            get(async |session: EndSession<Plain>| session.end()),
        )
        .layer(layer)
}

async fn ask(app: &Router, path: &str, header: (&str, String)) -> u16 {
    let request = Request::get(path).header(header.0, header.1);
    let request = request.body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap().status().into()
}

fn cookie(value: &str) -> (&'static str, String) {
    (COOKIE.as_str(), format!("session-Plain={value}"))
}

#[test]
fn a_cookie_that_is_refused_is_noted_with_the_reason() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let key = SigningKey::derive_from(&[7; 32]);
        let signed = SessionCookie::dev().signed(key);
        let app = app(SessionLayer::new(bench.store.clone()).cookie(signed));
        let id = "B".repeat(42) + "A";
        for (value, reason) in [
            ("x".to_owned(), "bad_cookie not an id"),
            (format!("{}={id}", "B".repeat(43)), "bad_cookie signature"),
            (id, "bad_cookie unsigned"),
        ] {
            watch.clear();
            assert_eq!(ask(&app, "/", cookie(&value)).await, 200);
            assert_eq!(names(watch.audit()), [reason]);
        }
    });
}

#[test]
fn a_bearer_token_that_is_refused_is_noted_with_the_reason() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let app = app(SessionLayer::new(bench.store.clone()).bearer());
        watch.clear();
        let token = (AUTHORIZATION.as_str(), "Bearer x".to_owned());
        ask(&app, "/", token).await;
        assert_eq!(names(watch.audit()), ["bad_token not an id"]);
    });
}

#[test]
fn a_made_up_id_is_noted_once() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let app = app(SessionLayer::new(bench.store.clone()).dev());
        watch.clear();
        ask(&app, "/", cookie(&("B".repeat(42) + "A"))).await;
        assert_eq!(names(watch.audit()), ["unknown_id"]);
    });
}

#[test]
fn an_unreadable_session_of_a_visitor_is_noted_once() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let app = app(SessionLayer::new(bench.store.clone()).dev());
        let session = bench.store.create(Plain::default()).await.unwrap();
        damage(&bench).await;
        watch.clear();
        let id = session.id().expose();
        assert_eq!(ask(&app, "/", cookie(&id)).await, 200);
        assert_eq!(names(watch.audit()), ["unreadable"]);
    });
}

#[test]
fn a_visit_and_a_log_out_are_noted_once() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let app = app(SessionLayer::new(bench.store.clone()).dev());
        watch.clear();
        ask(&app, "/visit", cookie("")).await;
        assert_eq!(names(watch.audit()).last().unwrap(), "created");
        let session = bench.store.create(Plain::default()).await.unwrap();
        watch.clear();
        ask(&app, "/end", cookie(&session.id().expose())).await;
        assert_eq!(names(watch.audit()), ["ended log_out"]);
    });
}

/// Behind tower-sessions.
#[test]
fn a_framework_notes_made_up_and_expired_ids_too() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let sessions = TowerSessions::new(bench.store.clone());
        watch.clear();
        let unknown = sessions.load(&tower_sessions_core::session::Id(7)).await;
        assert!(unknown.unwrap().is_none());
        assert_eq!(names(watch.audit()), ["unknown_id"]);
    });
}
