//! The layer for axum: two layers in one application.

use axum::Router;
use axum::body::Body;
use axum::extract::Request as Inner;
use axum::http::header::AUTHORIZATION;
use axum::http::{Request, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;
use session_store::frameworks::axum::{CurrentSession, SessionCookie, SessionLayer};
use session_store_tests::TestBench;

use super::{App, answer, app, ask, ask_with, begin, calls, routes};
use crate::log;

/// A session of another type.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct Admin {
    visits: u64,
}

async fn administrate(mut session: CurrentSession<Admin>, app: CurrentSession<App>) -> String {
    session.visits += 1;
    format!("{} {}", session.visits, app.visits)
}

async fn admin(bench: &TestBench<App>) -> SessionLayer<Admin> {
    SessionLayer::new(bench.other::<Admin>().await)
}

fn inner(layer: SessionLayer<Admin>) -> Router {
    Router::new()
        .route("/admin", get(administrate))
        .layer(layer)
}

#[tokio::test]
async fn two_layers_with_one_cookie_are_refused() {
    log::capture();
    let bench = TestBench::<App>::new().await;
    let cookie = begin(&bench, &app(&bench)).await;
    let one = || SessionCookie::dev().name("session");
    let dev = SessionLayer::new(bench.store.clone()).cookie(one());
    let app = inner(admin(&bench).await.cookie(one())).layer(dev.clone());
    log::taken();
    let refused = ask_with(&app, "/admin", vec![format!("session={cookie}")]).await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(calls(&bench).is_empty());
    let log = log::taken();
    let [line] = &*log else { panic!("{log:?}") };
    assert!(line.starts_with("ERROR"), "{line}");
    for part in ["`session`", "SessionCookie::name"] {
        assert!(line.contains(part), "{line}");
    }
    // A visitor may see the response.
    assert!(!refused.text.contains("session`"), "{}", refused.text);

    // The same type, but another table.
    let other = TestBench::<App>::new().await;
    let other = SessionLayer::new(other.store.clone()).cookie(one());
    let app = routes().layer(other).layer(dev.clone());
    let refused = ask(&app, "/visit", None).await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);

    // Between the two is one of another cookie.
    let between = admin(&bench).await;
    let between = between.cookie(SessionCookie::dev().name("admin"));
    let app = inner(admin(&bench).await.cookie(one()))
        .layer(between)
        .layer(dev);
    let refused = ask(&app, "/admin", None).await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn two_layers_with_a_bearer_id_are_refused() {
    let bench = TestBench::<App>::new().await;
    let outer = SessionLayer::new(bench.store.clone()).bearer();
    let app = inner(admin(&bench).await.bearer()).layer(outer);
    let request = Request::get("/admin").header(AUTHORIZATION, "Bearer x");
    let refused = answer(&app, request.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn two_layers_whose_cookies_never_meet_work() {
    let bench = TestBench::<App>::new().await;
    let outer = SessionLayer::new(bench.store.clone()).dev();
    let dev = || SessionCookie::dev().name("session");
    for (of_inner, of_outer) in [
        (SessionCookie::dev(), SessionCookie::dev()),
        (dev().name("admin"), dev()),
        (dev().path("/admin"), dev().path("/shop")),
        (dev().path("/admin"), dev().path("/adm")),
        (dev().domain("a.example"), dev().domain("b.example")),
    ] {
        let layer = admin(&bench).await.cookie(of_inner);
        let app = inner(layer).layer(outer.clone().cookie(of_outer));
        let answer = ask(&app, "/admin", None).await;
        assert_eq!((answer.status, &*answer.text), (StatusCode::OK, "1 0"));
    }
    for (of_inner, of_outer) in [
        (dev().path("/admin"), dev()),
        (dev().path("/admin/"), dev().path("/admin/users")),
        (dev().domain("b.example"), dev().domain(".A.B.Example")),
        (dev().domain("b.example"), dev()),
    ] {
        let layer = admin(&bench).await.cookie(of_inner);
        let app = inner(layer).layer(outer.clone().cookie(of_outer));
        let refused = ask(&app, "/admin", None).await;
        assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    }
}

/// A router with the layer is nested into another one with it.
#[tokio::test]
async fn the_same_layer_twice_is_one_layer() {
    let bench = TestBench::<App>::new().await;
    let layer = || SessionLayer::new(bench.store.clone()).dev();
    // It has the session that the handler has.
    async fn between(session: super::Current, request: Inner, next: Next) -> Response {
        drop(session);
        next.run(request).await
    }
    let app = routes().layer(layer()).layer(from_fn(between));
    let app = app.layer(layer()).layer(layer());
    let cookie = begin(&bench, &app).await;
    assert_eq!(ask(&app, "/visit", Some(&cookie)).await.text, "2");
    assert_eq!(calls(&bench), ["GetItem", "UpdateItem"]);
    let new = ask(&app, "/login", Some(&cookie)).await.cookie().unwrap();
    assert_eq!(ask(&app, "/logout", Some(&new)).await.cookie().unwrap(), "");
}

/// Side by side, each overwrites the other's cookie.
#[tokio::test]
async fn one_cookie_for_two_session_types_is_logged_once() {
    log::capture();
    let bench = TestBench::<App>::new().await;
    let cookie = || SessionCookie::dev().name("side-by-side");
    let shop = SessionLayer::new(bench.store.clone()).cookie(cookie());
    let office = admin(&bench).await.cookie(cookie());
    log::taken();
    let app = routes().layer(shop.clone());
    assert!(log::taken().is_empty());
    let office = || inner(office.clone());
    let app = app.merge(office());
    let log = log::taken();
    let [line] = &*log else { panic!("{log:?}") };
    assert!(line.starts_with("ERROR"), "{line}");
    for part in ["`side-by-side`", "App", "Admin", "SessionCookie::name"] {
        assert!(line.contains(part), "{line}");
    }
    let app = app.merge(
        Router::new()
            .route("/more", get(async || "more"))
            .layer(shop),
    );
    drop(office());
    assert!(log::taken().is_empty());
    // It goes on.
    let cookie = vec!["side-by-side=x".to_owned()];
    assert_eq!(ask_with(&app, "/visit", cookie).await.text, "1");
}
