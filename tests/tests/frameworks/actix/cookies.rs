//! actix-session: cookies and keys without a session.

use std::collections::HashMap;

use actix_session::storage::{SessionKey, SessionStore};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, CookieJar, Key};
use actix_web::http::{Method, StatusCode};
use serde_json::json;
use session_store::SessionId;

use super::{Site, bench, handle, key, only_item, session_key};

#[actix_web::test]
async fn a_bad_cookie_is_an_anonymous_request() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let ended = site.post("/log-in/ferris", &None).await.cookie;
    site.post("/log-out", &ended).await;
    let live = site.post("/log-in/corro", &None).await.cookie;
    let before = only_item(&bench).await;

    let sealed = |key: Key, value: &str| {
        let mut jar = CookieJar::new();
        jar.private_mut(&key)
            .add(Cookie::new("id", value.to_owned()));
        jar.get("id").unwrap().value().to_owned()
    };
    let id = session_key(&live);
    let value = live.as_ref().unwrap().value();
    let cookies = [
        "".to_owned(),
        "id".to_owned(),
        "id=".to_owned(),
        "=; ;;id==".to_owned(),
        "id=%00%ff".to_owned(),
        "id=\"".to_owned(),
        format!("id={}", "x".repeat(100_000)),
        format!("id={id}"),
        format!("id={}", &value[..value.len() - 1]),
        format!("id={}", sealed(Key::from(&[8; 64]), &id)),
        format!("id={}", sealed(key(), "")),
        format!("id={}", sealed(key(), "1")),
        format!("id={}", sealed(key(), &id[1..])),
        format!("id={}", sealed(key(), &format!("{id}="))),
        format!("id={}", sealed(key(), &"x".repeat(4064))),
        format!("id={}", sealed(key(), &"x".repeat(5000))),
        format!("id={}", sealed(key(), &handle(&live).to_string())),
        format!("id={}", sealed(key(), &"A".repeat(43))),
        format!("id={}", ended.as_ref().unwrap().value()),
        // The first of two cookies counts.
        format!("id=x; id={value}"),
        format!("id={}; id={value}", ended.as_ref().unwrap().value()),
    ];
    for cookie in &cookies {
        let shown = &cookie[..cookie.len().min(80)];
        let read = site.send(Method::GET, "/", cookie).await;
        assert_eq!(
            (read.status, read.entries),
            (StatusCode::OK, json!({})),
            "{shown}"
        );
        for path in ["/log-out", "/remove/theme"] {
            let done = site.send(Method::POST, path, cookie).await;
            assert_eq!(done.status, StatusCode::OK, "{shown}");
            assert_eq!(only_item(&bench).await, before, "{shown}");
        }
        for path in ["/count", "/log-in/ferris"] {
            let begun = site.send(Method::POST, path, cookie).await;
            assert_eq!(begun.status, StatusCode::OK, "{shown}");
            let key = session_key(&begun.cookie);
            assert!(
                SessionId::parse(&key).is_ok() && !cookie.contains(&key),
                "{shown}"
            );
            let done = site.post("/log-out", &begun.cookie).await;
            assert_eq!(done.status, StatusCode::OK);
        }
        assert_eq!(only_item(&bench).await, before, "{shown}");
    }
    let both = format!("id={value}; id=x");
    let read = site.send(Method::GET, "/", &both).await;
    assert_eq!(read.entries, json!({ "user_id": "corro" }));
}

/// The framework decodes the names of cookies, and trims any space of Unicode: a neighbour on another host
/// of the domain can set these, although browsers keep the names `__Host-..` and `__Secure-..` from it.
#[actix_web::test]
async fn a_cookie_of_another_name_can_pass_for_that_of_the_session() {
    let (_bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/log-in/corro", &None).await.cookie.unwrap();
    for name in ["i%64", "\u{2003}id"] {
        let cookie = format!("{name}={}", cookie.value());
        let read = site.send(Method::GET, "/", &cookie).await;
        assert_eq!(read.entries, json!({ "user_id": "corro" }), "{name}");
    }
}

#[actix_web::test]
async fn a_malformed_key_sends_no_request() {
    let (bench, sessions) = bench().await;
    bench.wire.clear();
    for text in ["", "1", "#user_id#u-17", "#everyone", &"x".repeat(4064)] {
        let key = || SessionKey::try_from(text.to_owned()).unwrap();
        assert!(sessions.load(&key()).await.unwrap().is_none());
        sessions.update_ttl(&key(), &Duration::HOUR).await.unwrap();
        sessions.delete(&key()).await.unwrap();
        let updated = sessions
            .update(key(), HashMap::new(), &Duration::HOUR)
            .await
            .unwrap();
        assert_eq!(updated, key());
    }
    assert_eq!(bench.wire.operations(), [""; 0]);
}
