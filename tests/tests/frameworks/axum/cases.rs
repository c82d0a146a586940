//! G16, G17. The layer for axum: situations from public reports. `docs/cases.md` has the thread of each test.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionCookie, SessionLayer, SigningKey};
use session_store::{DynamoDbStore, Error, SessionAttributes, SessionId};
use session_store_tests::{Fault, TestBench};

use super::answered::Browser;
use super::{App, Current, NAME, answer, app, ask, ask_with, begin, routes};

async fn is_live(bench: &TestBench<App>, cookie: &str) -> bool {
    // A signed value ends with the id.
    let id = SessionId::parse(&cookie[cookie.len() - 43..]).unwrap();
    bench.store.load(&id).await.unwrap().is_some()
}

/// Layers without and with a signature.
fn apps(bench: &TestBench<App>) -> [Router; 2] {
    let signed = SessionCookie::dev().signed(SigningKey::derive_from(&[7; 32]));
    [SessionCookie::dev(), signed]
        .map(|cookie| routes().layer(SessionLayer::new(bench.store.clone()).cookie(cookie)))
}

fn twice(one: &str, other: &str) -> Vec<String> {
    vec![format!("{NAME}={one}; {NAME}={other}")]
}

/// The browser has the cookie for the host and for the domain, since the domain was once changed.
#[tokio::test]
async fn g17_a_log_out_ends_both_sessions_of_a_cookie_that_comes_twice() {
    let bench = TestBench::<App>::new().await;
    for app in apps(&bench) {
        for swapped in [false, true] {
            let (one, other) = (begin(&bench, &app).await, begin(&bench, &app).await);
            let cookies = if swapped {
                twice(&other, &one)
            } else {
                twice(&one, &other)
            };
            ask_with(&app, "/logout", cookies).await;
            assert!(!is_live(&bench, &one).await && !is_live(&bench, &other).await);
        }
    }
}

/// Another application of the domain has set a cookie of the same name.
#[tokio::test]
async fn g17_a_foreign_twin_of_a_signed_cookie_locks_no_visitor_out() {
    let bench = TestBench::<App>::new().await;
    let [_, app] = apps(&bench);
    let cookie = begin(&bench, &app).await;
    for foreign in ["x", "s%3Aforeign", &"A".repeat(43), &"A".repeat(87)] {
        for cookies in [twice(&cookie, foreign), twice(foreign, &cookie)] {
            let read = ask_with(&app, "/read", cookies).await;
            assert_eq!(read.text, "1 nobody", "{foreign}");
        }
    }
    ask_with(&app, "/logout", twice("x", &cookie)).await;
    assert!(!is_live(&bench, &cookie).await);
}

/// The older cookie stays in the browser, and comes with every request after the log-in.
#[tokio::test]
async fn g17_a_log_in_takes_effect_although_an_ended_session_has_a_twin_cookie() {
    let bench = TestBench::<App>::new().await;
    for app in apps(&bench) {
        let old = begin(&bench, &app).await;
        ask(&app, "/logout", Some(&old)).await;
        let new = ask(&app, "/login", Some(&old)).await.cookie().unwrap();
        for cookies in [twice(&old, &new), twice(&new, &old)] {
            assert_eq!(ask_with(&app, "/read", cookies).await.text, "0 u-17");
        }
        ask(&app, "/logout", Some(&new)).await;
    }
}

/// The framework must not copy the user of before into the session that begins after the log-out.
#[tokio::test]
async fn g17_a_session_that_begins_after_a_log_out_has_no_user() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    let cookie = ask(&app, "/login", None).await.cookie().unwrap();
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "0 u-17");
    let new = ask(&app, "/again", Some(&cookie)).await.cookie().unwrap();
    assert_eq!(ask(&app, "/read", Some(&new)).await.text, "0 nobody");
    let count = bench.store.sessions(App::USER_ID, "u-17").count().await;
    assert_eq!(count.unwrap(), 0);
}

/// A test replays the cookie of before the log-out.
#[tokio::test]
async fn g17_the_cookie_of_before_a_log_out_is_worth_nothing() {
    let bench = TestBench::<App>::new().await;
    for app in apps(&bench) {
        let cookie = ask(&app, "/login", None).await.cookie().unwrap();
        let out = ask(&app, "/logout", Some(&cookie)).await;
        assert_eq!(out.cookie(), Some(String::new()));
        assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "0 nobody");
        let new = ask(&app, "/visit", Some(&cookie)).await;
        assert_ne!(new.cookie(), Some(cookie));
    }
}

/// The session is moved into the body of the response, which is sent later.
#[tokio::test]
async fn g17_a_session_in_a_streamed_body_has_ended() {
    async fn streams(mut session: Current) -> impl IntoResponse {
        CurrentSession::end(&mut session);
        let lines =
            stream::iter(0..3).map(move |n| Ok::<_, Error>(format!("{n} {}\n", session.visits)));
        Body::from_stream(lines)
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/streams", get(streams)).layer(layer);
    let cookie = begin(&bench, &app).await;
    let out = ask(&app, "/streams", Some(&cookie)).await;
    assert_eq!(out.status, StatusCode::OK);
    assert!(!is_live(&bench, &cookie).await);
    assert_eq!(out.cookie(), Some(String::new()));
}

/// The store refuses the write of a visit, and the visitor is not told that all is well.
#[tokio::test]
async fn g17_a_write_that_was_refused_is_not_answered_with_200() {
    let bench = TestBench::<App>::new().await;
    let app = app(&bench);
    let cookie = begin(&bench, &app).await;
    for (path, operation) in [("/visit", "UpdateItem"), ("/login", "TransactWriteItems")] {
        bench
            .wire
            .next(operation, Fault::Answer(400, "AccessDeniedException", "no"));
        let answer = ask(&app, path, Some(&cookie)).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.cookie(), None, "{path}");
    }
}

/// A session of another type.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct Admin {
    visits: u64,
}

async fn administrate(mut session: CurrentSession<Admin>) -> String {
    session.visits += 1;
    session.visits.to_string()
}

async fn leave(mut session: CurrentSession<Admin>) {
    CurrentSession::end(&mut session);
}

fn office(store: &DynamoDbStore<Admin>, cookie: SessionCookie) -> Router {
    let routes = Router::new().route("/visit", get(administrate));
    let routes = routes.route("/enter", get(enter_office));
    let routes = routes.route("/logout", get(leave));
    routes.layer(SessionLayer::new(store.clone()).cookie(cookie))
}

async fn enter(mut session: Current) {
    session.user_id = Some("u-17".into());
    CurrentSession::log_in(&mut session);
}

async fn enter_office(mut session: CurrentSession<Admin>) {
    CurrentSession::log_in(&mut session);
}

/// Two services of one product, on two ports of a host or in one router, each with the default cookie.
#[tokio::test]
async fn g16_the_default_cookies_of_two_types_have_two_names() {
    let bench = TestBench::<App>::new().await;
    let admins = bench.other::<Admin>().await;
    let shop = routes().route("/enter", get(enter));
    let shop = shop.layer(SessionLayer::new(bench.store.clone()).dev());
    let site = shop.nest("/admin", office(&admins, SessionCookie::dev()));
    let visit = async |browser: &mut Browser, path: &str| {
        let request = browser.request(path).method(Method::GET);
        let answer = answer(&site, request.body(Body::empty()).unwrap()).await;
        browser.arrive(&answer);
        answer
    };
    for log_ins in [["/enter", "/admin/enter"], ["/admin/enter", "/enter"]] {
        let mut browser = Browser::default();
        for (path, visits) in [("/visit", "1"), ("/admin/visit", "1"), ("/visit", "2")] {
            assert_eq!(visit(&mut browser, path).await.text, visits, "{path}");
        }
        for path in log_ins {
            assert_eq!(visit(&mut browser, path).await.status, StatusCode::OK);
        }
        let names = browser
            .cookies
            .keys()
            .filter(|name| !name.contains("-login-"));
        assert_eq!(names.collect::<Vec<_>>(), ["session-Admin", "session-App"]);
        assert_eq!(visit(&mut browser, "/read").await.text, "2 u-17");
        assert_eq!(visit(&mut browser, "/admin/visit").await.text, "2");
        assert_eq!(visit(&mut browser, "/read").await.text, "2 u-17");
        // A log-out of one leaves the other.
        visit(&mut browser, "/logout").await;
        assert_eq!(visit(&mut browser, "/read").await.text, "0 nobody");
        assert_eq!(visit(&mut browser, "/admin/visit").await.text, "3");
    }
}

/// In one browser: the sessions of both types, each under its own name.
#[tokio::test]
async fn g16_a_log_out_ends_the_session_of_its_own_type_only() {
    let bench = TestBench::<App>::new().await;
    let admins = bench.other::<Admin>().await;
    let shop = app(&bench);
    let office = office(&admins, SessionCookie::dev().name("office"));
    let user = begin(&bench, &shop).await;
    let admin = ask(&office, "/visit", None).await.cookie().unwrap();
    let both = vec![format!("{NAME}={user}; office={admin}")];
    ask_with(&shop, "/logout", both.clone()).await;
    assert!(!is_live(&bench, &user).await);
    assert_eq!(ask_with(&office, "/visit", both).await.text, "2");
    // An id of one type under the name of the other is nothing, and ends nothing.
    let user = begin(&bench, &shop).await;
    let swapped = vec![format!("{NAME}={admin}; office={user}")];
    assert_eq!(ask_with(&office, "/visit", swapped.clone()).await.text, "1");
    assert_eq!(
        ask_with(&shop, "/read", swapped.clone()).await.text,
        "0 nobody"
    );
    ask_with(&office, "/logout", swapped.clone()).await;
    ask_with(&shop, "/logout", swapped).await;
    assert!(is_live(&bench, &user).await);
    assert!(
        admins
            .load(&SessionId::parse(&admin).unwrap())
            .await
            .unwrap()
            .is_some()
    );
}

/// The route reaches the store by its state, as a back channel of an identity provider does.
#[tokio::test]
async fn g17_a_request_in_flight_does_not_bring_back_what_a_back_channel_ended() {
    async fn slow(State(store): State<DynamoDbStore<App>>, mut session: Current) {
        let revoked = store.revoke(App::USER_ID, "u-17").await.unwrap();
        assert_eq!(revoked.deleted(), 1);
        session.visits += 1;
    }
    let bench = TestBench::<App>::new().await;
    let slow = Router::new()
        .route("/slow", get(slow))
        .with_state(bench.store.clone());
    let app = routes()
        .merge(slow)
        .layer(SessionLayer::new(bench.store.clone()).dev());
    let cookie = ask(&app, "/login", None).await.cookie().unwrap();
    ask(&app, "/slow", Some(&cookie)).await;
    assert!(!is_live(&bench, &cookie).await);
    assert_eq!(ask(&app, "/read", Some(&cookie)).await.text, "0 nobody");
}
