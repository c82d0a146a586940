//! Reads of a session that is in the memory of this host, by `Builder::cache`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{Request, StatusCode};
use axum::routing::get;
use session_store::frameworks::axum::{CurrentSession, SessionCookie, SessionLayer, SigningKey};
use session_store::{Cache, DynamoDbStore, Session};
use tower::ServiceExt as _;

use crate::engine;
use crate::requests::{Work, data, user};
use crate::session::Plain;

/// A read that sends no request to DynamoDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cached {
    /// `load_at_least` with the version that is in memory.
    Load,
    /// A request for a page that reads its `CurrentSession`, with the layer and a signed cookie.
    Page,
    /// The same request to a router without the layer. The difference is what the layer takes.
    BarePage,
}

/// Longer than any measurement.
const FOR_AT_MOST: Duration = Duration::from_secs(3600);

/// Prepares this many reads of a session of 2 KB, in a table of its own at this address.
pub async fn prepare(endpoint: &str, read: Cached, times: usize) -> Work {
    on(
        engine::at(endpoint).http_client(engine::http()),
        read,
        times,
    )
    .await
}

async fn on(config: Builder, read: Cached, times: usize) -> Work {
    let store = DynamoDbStore::<Plain>::builder()
        .client(Client::from_conf(config.build()))
        .table_name(format!("bench-{}", fastrand::u64(..)))
        .cache(Cache::for_at_most(FOR_AT_MOST));
    let store = store.build().await.unwrap();
    store.create_table().await.unwrap();
    match read {
        Cached::Load => loads(store, times).await,
        Cached::Page | Cached::BarePage => pages(store, read, times).await,
    }
}

async fn loads(store: DynamoDbStore<Plain>, times: usize) -> Work {
    let session = store.create(data(&user())).await.unwrap();
    let version = Session::written_version(&session).unwrap();
    Box::pin(async move {
        for _ in 0..times {
            let read = store.load_at_least(session.id(), version).await;
            black_box(read.unwrap().unwrap());
        }
    })
}

async fn pages(store: DynamoDbStore<Plain>, read: Cached, times: usize) -> Work {
    let cookie = SessionCookie::dev().signed(SigningKey::from(&[7; 64]));
    let log_in = async |mut session: CurrentSession<Plain>| {
        *session = data(&user());
        CurrentSession::cycle_id(&mut session);
    };
    let page = async |session: CurrentSession<Plain>| session.visits.to_string();
    let layered = Router::new()
        .route("/log-in", get(log_in))
        .route("/page", get(page))
        .layer(SessionLayer::new(store).cookie(cookie));

    // The cookies of a browser: the layer sets several, and takes some back with the first page.
    let mut cookies = BTreeMap::new();
    for path in ["/log-in", "/page", "/page"] {
        let answer = layered.clone().oneshot(request(path, &cookies)).await;
        for set in answer.unwrap().headers().get_all(SET_COOKIE) {
            let (cookie, attributes) = set.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            match attributes.contains("Max-Age=0") {
                true => cookies.remove(name),
                false => cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
    }

    let app = match read {
        Cached::BarePage => Router::new().route("/page", get(async || 0_u64.to_string())),
        _ => layered,
    };
    let requests: Vec<_> = (0..times).map(|_| request("/page", &cookies)).collect();
    Box::pin(async move {
        for request in requests {
            let answer = app.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            black_box(answer);
        }
    })
}

fn request(path: &str, cookies: &BTreeMap<String, String>) -> Request<Body> {
    let pairs = cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let pairs: Vec<_> = pairs.collect();
    let request = Request::get(path).header(COOKIE, pairs.join("; "));
    request.body(Body::empty()).unwrap()
}

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use aws_sdk_dynamodb::config::SharedHttpClient;
    use session_store::embedded::Embedded;
    use session_store::test_util::Wire;

    use super::*;

    #[tokio::test]
    async fn a_read_from_memory_sends_no_request() {
        let embedded = Embedded::memory().await.unwrap();
        let wire = Wire::new(SharedHttpClient::new(embedded.clone()));
        for read in [Cached::Load, Cached::Page, Cached::BarePage] {
            let config = embedded.config().http_client(wire.clone());
            let work = on(config, read, 3).await;
            wire.clear();
            work.await;
            assert_eq!(wire.operations(), [""; 0], "{read:?}");
        }
    }
}
