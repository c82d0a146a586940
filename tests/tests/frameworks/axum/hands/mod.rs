//! The layer for axum: several hands of one request have its session, while the handler runs and after its
//! response has begun.

mod after;
mod cut_off;
mod ends;
mod hang_up;
mod middleware;
mod once;
mod required;
mod responses;
mod together;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Extension, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use axum::{Router, handler::Handler};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use session_store::frameworks::axum::{CurrentSession, SessionLayer, SharedSession};
use session_store_tests::TestBench;

use super::{Answer, App, Current, NAME, answer, ask, ask_as, calls};

type Shared = SharedSession<App>;

/// A router with one route, and the layer around it.
fn app<H, T>(bench: &TestBench<App>, handler: H) -> Router
where
    H: Handler<T, ()>,
    T: 'static,
{
    let layer = SessionLayer::new(bench.store.clone()).dev();
    Router::new().route("/", get(handler)).layer(layer)
}

/// A visitor with a session, and its cookie.
async fn visitor(bench: &TestBench<App>) -> String {
    let session = bench.store.create(App::default()).await.unwrap();
    bench.wire.clear();
    session.id().expose()
}

async fn stored(bench: &TestBench<App>, cookie: &str) -> Option<App> {
    let id = session_store::SessionId::parse(cookie).unwrap();
    let session = bench.store.load(&id).await.unwrap();
    session.map(session_store::Session::into_data)
}

/// The extractors of a request once more, while it is handled.
struct Again(Parts);

impl<S: Sync> FromRequestParts<S> for Again {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.clone()))
    }
}

impl Again {
    async fn shared(&self) -> Shared {
        let mut parts = self.0.clone();
        Shared::from_request_parts(&mut parts, &()).await.unwrap()
    }
}

/// What goes on after the head of a response, as one chunk of its body.
fn body<F>(work: F) -> Body
where
    F: Future<Output = String> + Send + 'static,
{
    let chunk = work.map(|text| Ok::<_, Infallible>(Bytes::from(text)));
    Body::from_stream(chunk.into_stream())
}

/// Work that a request leaves to the test, which does it when the request is over.
#[derive(Clone, Default)]
struct Later(Arc<Mutex<Option<BoxFuture<'static, ()>>>>);

impl Later {
    fn leave(&self, work: impl Future<Output = ()> + Send + 'static) {
        *self.0.lock().unwrap() = Some(work.boxed());
    }

    async fn work(&self) {
        let work = self.0.lock().unwrap().take();
        work.expect("work that was left").await;
    }
}

#[tokio::test]
async fn parts_that_read_at_once_share_one_read() {
    async fn page(again: Again) -> String {
        let hands = join_all((0..10).map(|_| async {
            let session = again.shared().await;
            session.with(|session| session.visits).await.unwrap()
        }));
        let seen = hands.await;
        seen.iter().sum::<u64>().to_string()
    }
    let bench = TestBench::<App>::new().await;
    let session = App {
        visits: 7,
        ..App::default()
    };
    let cookie = bench.store.create(session).await.unwrap().id().expose();
    bench.wire.clear();
    assert_eq!(ask(&app(&bench, page), "/", Some(&cookie)).await.text, "70");
    assert_eq!(calls(&bench), ["GetItem"]);
}

/// An extractor that comes while another one reads waits for it.
#[tokio::test]
async fn an_extractor_waits_for_a_read_that_is_under_way() {
    async fn page(again: Again) -> String {
        let (shared, current) = tokio::join!(again.shared(), async {
            let mut parts = again.0.clone();
            let session = Current::from_request_parts(&mut parts, &()).await;
            session.unwrap().visits
        });
        let visits = shared.with(|session| session.visits).await.unwrap();
        format!("{visits} {current}")
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    let answer = ask(&app(&bench, page), "/", Some(&cookie)).await;
    assert_eq!((answer.status, &*answer.text), (StatusCode::OK, "0 0"));
    assert_eq!(calls(&bench), ["GetItem"]);
}

#[tokio::test]
async fn a_read_that_is_given_up_does_not_keep_the_session() {
    async fn page(again: Again) -> String {
        let mut parts = again.0.clone();
        let given_up = Current::from_request_parts(&mut parts, &()).now_or_never();
        assert!(given_up.is_none(), "the read is under way");
        let mut parts = again.0.clone();
        let session = Current::from_request_parts(&mut parts, &()).await;
        session.unwrap().visits.to_string()
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    let app = app(&bench, page);
    let hangs = session_store_tests::Fault::meanwhile(std::future::pending);
    bench.wire.next("GetItem", hangs);
    let answer = ask(&app, "/", Some(&cookie)).await;
    assert_eq!((answer.status, &*answer.text), (StatusCode::OK, "0"));
}

/// A hundred hands on several threads, with saves in between: each change counts, and none is told that the
/// session is in use.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_hands_lose_no_change() {
    async fn page(session: Shared) {
        let hands = (0..100).map(|n| {
            let session = session.clone();
            tokio::spawn(async move {
                session.with(|session| session.visits += 1).await.unwrap();
                if n % 10 == 0 {
                    session.save().await.unwrap();
                }
                if n % 25 == 0 {
                    session.update(|session| session.visits += 1).await.unwrap();
                }
            })
        });
        for hand in join_all(hands).await {
            hand.unwrap();
        }
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    let answer = ask(&app(&bench, page), "/", Some(&cookie)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(stored(&bench, &cookie).await.unwrap().visits, 104);
}

/// The same from a visitor without a session: one is begun.
#[tokio::test]
async fn many_hands_begin_one_session() {
    async fn page(session: Shared) {
        let hands = (0..10).map(|_| async {
            session.with(|session| session.visits += 1).await.unwrap();
            session.save().await.unwrap();
        });
        join_all(hands).await;
    }
    let bench = TestBench::<App>::new().await;
    let answer = ask(&app(&bench, page), "/", None).await;
    let cookie = answer.cookie().unwrap();
    assert_eq!(bench.items().await.len(), 1);
    assert_eq!(stored(&bench, &cookie).await.unwrap().visits, 10);
}

/// A `CurrentSession` has the session for itself, and the error says what to take instead.
#[tokio::test]
async fn a_hand_that_meets_an_extractor_is_told_so() {
    async fn page(again: Again) -> Result<(), session_store::Error> {
        let shared = again.shared().await;
        let mut parts = again.0.clone();
        let current = Current::from_request_parts(&mut parts, &()).await.unwrap();
        let error = shared.with(|_| ()).await.unwrap_err();
        assert!(
            error.to_string().contains("take `SharedSession`"),
            "{error}"
        );
        let session_store::Error::Request(reason) = &error else {
            panic!("{error:?}")
        };
        assert!(reason.is_in_use());
        drop(current);
        shared.with(|_| ()).await.unwrap();
        Err(error)
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    let answer = ask(&app(&bench, page), "/", Some(&cookie)).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
}

/// The layer waits for what a hand is storing, and the response has its cookie.
#[tokio::test]
async fn a_response_waits_for_a_hand_that_stores() {
    async fn page(session: Shared) {
        // It is begun, and nobody waits for it.
        let task = tokio::spawn(async move {
            session.with(|session| session.visits = 1).await.unwrap();
            session.save().await.unwrap();
        });
        tokio::task::yield_now().await;
        drop(task);
    }
    let bench = TestBench::<App>::new().await;
    let answer = ask(&app(&bench, page), "/", None).await;
    let cookie = answer.cookie().unwrap();
    assert_eq!(stored(&bench, &cookie).await.unwrap().visits, 1);
}

async fn ask_request(app: &Router, request: Request) -> Answer {
    answer(app, request).await
}

fn log_in(session: &mut CurrentSession<App>) {
    session.user_id = Some("u-17".into());
    CurrentSession::log_in(session);
}

/// The text of an error, for the tests in which it is shown.
fn told<T: std::fmt::Debug>(result: Result<T, session_store::Error>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(session_store::Error::Request(error)) if error.is_after_response() => "late".into(),
        Err(session_store::Error::Gone(_)) => "gone".into(),
        Err(error) => error.to_string(),
    }
}

type Answered = Response;
