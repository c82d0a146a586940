//! The layer for axum: how the id travels, and the result of a bad one.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, SET_COOKIE};
use axum::http::{Request, StatusCode};
use session_store::SessionId;
use session_store::frameworks::axum::{SameSite, SessionCookie, SessionLayer, SigningKey};
use session_store_tests::TestBench;

use crate::log;

use super::{App, NAME, answer, app, ask, ask_with, begin, calls, routes};

#[tokio::test]
async fn the_cookie_has_every_safe_setting() {
    let bench = TestBench::<App>::new().await;
    let app = routes().layer(SessionLayer::new(bench.store.clone()));
    let answer = ask(&app, "/visit", None).await;
    let header = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(header.starts_with("__Host-session-App="), "{header}");
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
    // The cookie of a new id expires with the session.
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

/// Each gets the response for a request without a cookie, and none is adopted.
#[tokio::test]
async fn a_malformed_or_unknown_cookie_is_ignored() {
    let bench = TestBench::<App>::new().await;
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
        vec![format!("{NAME}=")],
        vec![NAME.to_owned()],
        vec![format!("{NAME}={}", "x".repeat(10_000))],
        vec![format!("{NAME}=%00%ff")],
        vec![format!("{NAME}={live}x")],
        vec![format!("__Host-{NAME}={live}")],
        vec![format!("session={live}")],
        vec![format!("other={live}; theme=dark;;; =; ")],
        vec![format!("{NAME}={revoked}")],
        vec![format!("{NAME}={made_up}")],
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
    // The cookie is found among those of other apps.
    for among in [
        vec![format!("a=b; {NAME}={live}; c=\"d\"")],
        vec![format!("{NAME}={live}; {NAME}={revoked}")],
        vec![format!("{NAME}={live}"), format!("{NAME}={live}")],
    ] {
        assert_eq!(ask_with(&app, "/read", among).await.text, "1 nobody");
    }
}

#[tokio::test]
async fn a_signed_id_is_checked_without_a_read() {
    let bench = TestBench::<App>::new().await;
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

/// Both names are signed with one key, and each id is good under its own name only.
#[tokio::test]
async fn g16_the_signature_of_one_cookie_is_refused_under_another_name() {
    let bench = TestBench::<App>::new().await;
    let signed = |name: &str| {
        let cookie = SessionCookie::dev().name(name);
        let cookie = cookie.signed(SigningKey::derive_from(&[7; 32]));
        routes().layer(SessionLayer::new(bench.store.clone()).cookie(cookie))
    };
    let (a, b) = (signed("a"), signed("b"));
    let value = ask(&a, "/visit", None).await.cookie().unwrap();
    bench.wire.clear();
    let read = ask_with(&b, "/read", vec![format!("b={value}")]).await;
    assert_eq!(read.text, "0 nobody");
    assert!(calls(&bench).is_empty());
    let read = ask_with(&a, "/read", vec![format!("a={value}")]).await;
    assert_eq!(read.text, "1 nobody");
    assert_eq!(calls(&bench), ["GetItem"]);
}

/// So that an operator sees an attack, or a key that a host lacks. The record has no value of a cookie.
#[tokio::test]
async fn a_refused_id_is_in_the_log_with_its_reason() {
    log::capture();
    let bench = TestBench::<App>::new().await;
    let key = SigningKey::derive_from(&[7; 32]);
    let plain = SessionLayer::new(bench.store.clone()).dev();
    let signed = SessionCookie::dev().signed(key);
    let signed = SessionLayer::new(bench.store.clone()).cookie(signed);
    let id = "B".repeat(42) + "A";
    let foreign = format!("{}={id}", "B".repeat(43));
    for (layer, cookie, reason) in [
        (&plain, "x", "not an id"),
        (&plain, &*foreign, "signature"),
        (&signed, "x", "not an id"),
        (&signed, &*foreign, "signature"),
        (&signed, &*id, "unsigned"),
    ] {
        let app = routes().layer(layer.clone());
        log::taken();
        ask(&app, "/read", Some(cookie)).await;
        let record = log::taken().join("\n");
        assert!(
            record.starts_with("INFO") && record.contains(reason),
            "{record}"
        );
        assert!(record.contains("a session cookie was refused") && !record.contains("BBB"));
    }
}

#[tokio::test]
async fn bearer_mode_has_the_id_in_a_header() {
    let bench = TestBench::<App>::new().await;
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
        "a cookie does not count"
    );
}
