//! The settings of the layer: cookie and bearer on the same routes, what is refused at start, and what the
//! layers below get to see.

use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};

use axum::extract::Request as AxumRequest;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::middleware::{Next, from_fn};
use session_store::frameworks::axum::{SameSite, SessionCookie, SigningKey, Via};

use super::*;

async fn who(session: Current) -> String {
    format!("{:?} {:?}", CurrentSession::via(&session), session.user_id)
}

async fn token(mut session: Current) {
    session.user_id = Some("u-17".into());
    CurrentSession::log_in(&mut session);
    CurrentSession::respond_via(&mut session, Via::Bearer);
}

async fn secret(session: Current) -> StatusCode {
    match session.user_id {
        Some(_) => StatusCode::OK,
        None => StatusCode::UNAUTHORIZED,
    }
}

fn with(headers: &[(&str, String)], path: &str) -> Request<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn browsers_and_api_clients_share_routes() {
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone());
    let layer = layer.cookie_or_bearer(SessionCookie::new()).dev();
    let app = routes()
        .route("/who", get(who))
        .route("/token", get(token))
        .route("/secret", get(secret))
        .layer(layer.challenge("api"));
    let issued = ask(&app, "/token", None).await;
    assert_eq!(issued.cookie(), None);
    let id = issued.headers["session-id"].to_str().unwrap().to_owned();
    assert_eq!(issued.headers["session-max-age"], "43200");
    let bearer = |id: &str| ("authorization", format!("Bearer {id}"));
    let cookie = |id: &str| ("cookie", format!("{NAME}={id}"));
    let page = answer(&app, with(&[bearer(&id)], "/who")).await;
    assert_eq!(page.text, r#"Some(Bearer) Some("u-17")"#);
    let page = answer(&app, with(&[cookie(&id)], "/who")).await;
    assert_eq!(page.text, r#"Some(Cookie) Some("u-17")"#);
    let page = answer(&app, with(&[], "/who")).await;
    assert_eq!(page.text, "None None");
    // A bad token does not fall back to the cookie, which any site can make a browser send.
    let page = answer(&app, with(&[bearer("x"), cookie(&id)], "/who")).await;
    assert_eq!(page.text, "Some(Bearer) None");
    // Two tokens are none.
    let other = "A".repeat(43);
    let page = answer(&app, with(&[bearer(&id), bearer(&other)], "/who")).await;
    assert_eq!(page.text, "Some(Bearer) None");

    let refused = answer(&app, with(&[], "/secret")).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers[WWW_AUTHENTICATE], "Bearer realm=\"api\"");
    let ended = answer(&app, with(&[bearer(&id)], "/logout")).await;
    assert_eq!(ended.headers["session-max-age"], "0");
    assert_eq!(ended.cookie(), None);
    let page = answer(&app, with(&[bearer(&id)], "/who")).await;
    assert_eq!(page.text, "Some(Bearer) None");
}

#[tokio::test]
async fn settings_that_no_browser_takes_are_refused_at_start() {
    let bench = TestBench::<App>::new().await;
    let new = || SessionCookie::new().name("shop");
    for cookie in [
        new().same_site(SameSite::None).secure(false),
        new().domain("https://example.com"),
        new().domain("example.com:3000"),
        new().path("/a;b"),
        new().path("/a\nb"),
        new().path("shop"),
        new().name(""),
        new().name("a b"),
        new().name("__Host-id").path("/shop"),
        new().partitioned(true).secure(false),
    ] {
        let error = cookie.check().unwrap_err().to_string();
        let layer = SessionLayer::new(bench.store.clone()).cookie(cookie);
        let built = catch_unwind(std::panic::AssertUnwindSafe(|| routes().layer(layer)));
        let panic = built.unwrap_err();
        assert_eq!(panic.downcast_ref::<String>(), Some(&error));
    }
}

#[tokio::test]
async fn dev_keeps_the_other_settings_wherever_it_is_called() {
    let bench = TestBench::<App>::new().await;
    let key = SigningKey::derive_from(&[7; 32]);
    let cookie = || {
        let cookie = SessionCookie::new().name("shop").path("/");
        cookie.same_site(SameSite::Strict).signed(key.clone())
    };
    let new = || SessionLayer::new(bench.store.clone());
    let mut set = Vec::new();
    for layer in [new().dev().cookie(cookie()), new().cookie(cookie()).dev()] {
        let visit = ask(&routes().layer(layer), "/visit", None).await;
        let header = visit.headers[SET_COOKIE].to_str().unwrap().to_owned();
        let (name_and_value, attributes) = header.split_once(';').unwrap();
        let (name, value) = name_and_value.split_once('=').unwrap();
        assert_eq!((name, value.len()), ("shop", 44 + 43));
        set.push(attributes.to_owned());
    }
    assert_eq!(set[0], set[1]);
    assert!(set[0].contains("SameSite=Strict") && !set[0].contains("Secure"));
}

/// G8. A layer below prints the request.
#[tokio::test]
async fn the_debug_form_of_a_request_below_the_layer_shows_no_id() {
    let bench = TestBench::<App>::new().await;
    let shown = Arc::new(Mutex::new(String::new()));
    let print = {
        let shown = Arc::clone(&shown);
        from_fn(move |request: AxumRequest, next: Next| {
            *shown.lock().unwrap() = format!("{request:?}");
            next.run(request)
        })
    };
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().layer(print).layer(layer);
    let id = "B".repeat(43);
    let headers = [
        ("cookie", format!("{NAME}={id}")),
        ("authorization", format!("Bearer {id}")),
    ];
    answer(&app, with(&headers, "/read")).await;
    let shown = shown.lock().unwrap();
    assert!(shown.contains("cookie") && shown.contains(AUTHORIZATION.as_str()));
    assert!(!shown.contains(&id), "{shown}");
}

/// One byte that is not ASCII, in anybody's cookie.
#[tokio::test]
async fn the_cookies_of_neighbours_can_have_any_bytes() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    let mut header = format!("theme=naïve; {NAME}=").into_bytes();
    header.extend(cookie.as_bytes());
    header.extend(b"; \xff\xfe=1");
    let request = Request::get("/visit").header(COOKIE, header);
    let visit = answer(&app, request.body(Body::empty()).unwrap()).await;
    assert_eq!((visit.cookie(), &*visit.text), (None, "2"));
}
