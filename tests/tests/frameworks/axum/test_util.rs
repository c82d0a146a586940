//! The headers that `test-util` makes for the requests of a test.

use axum::http::HeaderValue;
use axum::http::header::{AUTHORIZATION, HeaderName};
use session_store::frameworks::axum::{SameSite, SessionCookie, SigningKey};
use session_store::test_util::bearer_header;
use session_store::{DynamoDbStore, ReadConsistency, Session};

use super::*;

fn key(byte: u8) -> SigningKey {
    SigningKey::from(&[byte; 64])
}

/// The page of a request with this header, by a layer with these settings.
async fn read_with(layer: SessionLayer<App>, name: HeaderName, value: &HeaderValue) -> String {
    let request = Request::get("/read").header(name, value);
    let request = request.body(Body::empty()).unwrap();
    answer(&routes().layer(layer), request).await.text
}

async fn stored(bench: &TestBench<App>) -> Session<App> {
    let app = App {
        user_id: Some("u-17".into()),
        visits: 7,
        ..App::default()
    };
    bench.store.create(app).await.unwrap()
}

#[tokio::test]
async fn the_cookie_of_a_session_is_good_for_a_layer_with_and_without_tls() {
    let bench = TestBench::new().await;
    let session = stored(&bench).await;
    for cookie in [
        SessionCookie::new(),
        SessionCookie::dev(),
        SessionCookie::new().name("shop"),
        SessionCookie::new().name("__Host-shop"),
        SessionCookie::new().name("__Secure-__Host-shop"),
        SessionCookie::new().name("shop").without_prefix(),
        SessionCookie::new().domain("shop.example").path("/"),
        SessionCookie::new()
            .same_site(SameSite::None)
            .partitioned(true),
        SessionCookie::new().persistent(false),
        SessionCookie::new().signed(key(1)),
        SessionCookie::new()
            .signed(key(1))
            .accept(key(2))
            .name("shop"),
        SessionCookie::new().accept(key(1)),
    ] {
        if cookie.check().is_err() {
            continue;
        }
        let header = cookie.request_header(&session);
        assert!(header.is_sensitive());
        let layer = SessionLayer::new(bench.store.clone()).cookie(cookie.clone());
        for layer in [layer.clone(), layer.dev()] {
            assert_eq!(
                read_with(layer, COOKIE, &header).await,
                "7 u-17",
                "{cookie:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_header_has_one_pair_for_each_name() {
    let bench = TestBench::new().await;
    let session = stored(&bench).await;
    let id = session.id().expose();
    let header = SessionCookie::new().request_header(&session);
    assert_eq!(header, format!("__Host-session-App={id}; session-App={id}"));
    let header = SessionCookie::dev().request_header(&session);
    assert_eq!(header, format!("session-App={id}"));
}

#[tokio::test]
async fn the_cookie_of_another_key_or_name_is_none() {
    let bench = TestBench::new().await;
    let session = stored(&bench).await;
    let cookie = SessionCookie::new().signed(key(1));
    let layer = SessionLayer::new(bench.store.clone()).cookie(cookie).dev();
    for other in [
        SessionCookie::new(),
        SessionCookie::new().signed(key(2)),
        SessionCookie::new().signed(key(1)).name("shop"),
    ] {
        let header = other.request_header(&session);
        assert_eq!(read_with(layer.clone(), COOKIE, &header).await, "0 nobody");
    }
}

#[tokio::test]
async fn the_bearer_header_of_a_session_is_good_for_an_api() {
    let bench = TestBench::new().await;
    let session = stored(&bench).await;
    let bearer = bearer_header(session.id());
    assert!(bearer.is_sensitive());
    let layer = || SessionLayer::new(bench.store.clone());
    let both = SessionCookie::new().signed(key(1));
    for layer in [
        layer().bearer(),
        layer().bearer().dev(),
        layer().cookie_or_bearer(both.clone()),
    ] {
        assert_eq!(read_with(layer, AUTHORIZATION, &bearer).await, "7 u-17");
    }
    let cookie = both.request_header(&session);
    let layer = layer().cookie_or_bearer(both).dev();
    assert_eq!(read_with(layer, COOKIE, &cookie).await, "7 u-17");
}

/// Without the cookie that has the version, the first load is a consistent one.
#[tokio::test]
async fn a_store_that_reads_its_own_writes_reads_the_session_consistently() {
    let bench = TestBench::<App>::new().await;
    let session = stored(&bench).await;
    let store = DynamoDbStore::<App>::builder()
        .client(bench.store.client().clone())
        .table_name(bench.store.table_name())
        .read_consistency(ReadConsistency::ReadYourWrites);
    let store = store.build().await.unwrap();
    let cookie = SessionCookie::new().signed(key(1));
    let header = cookie.request_header(&session);
    bench.wire.clear();
    let layer = SessionLayer::new(store).cookie(cookie).dev();
    assert_eq!(read_with(layer, COOKIE, &header).await, "7 u-17");
    let calls = bench.wire.calls();
    let reads: Vec<_> = calls
        .iter()
        .map(|call| &call.input["ConsistentRead"])
        .collect();
    assert_eq!(reads, [&serde_json::Value::Bool(true)]);
}
