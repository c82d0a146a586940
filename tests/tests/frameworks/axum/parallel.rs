//! The layer for axum: the effect of fifty parallel requests of one browser on each other.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionLayer};
use session_store::{Session, SessionAttributes, SessionId};
use session_store_tests::TestBench;
use tokio::sync::Barrier;

use super::{Answer, ask_as};

const AT_ONCE: usize = 50;

macro_rules! session {
    ($($field:ident)*) => {
        #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
        struct Wide {
            #[dynamo(attr = "user_id", index(consistent, limit = 2))]
            user_id: Option<String>,
            theme: String,
            $($field: bool,)*
        }

        impl Wide {
            fn fields(&mut self) -> [&mut bool; AT_ONCE] {
                [$(&mut self.$field,)*]
            }
        }
    };
}

session! {
    f00 f01 f02 f03 f04 f05 f06 f07 f08 f09 f10 f11 f12 f13 f14 f15 f16 f17 f18 f19 f20 f21 f22 f23 f24
    f25 f26 f27 f28 f29 f30 f31 f32 f33 f34 f35 f36 f37 f38 f39 f40 f41 f42 f43 f44 f45 f46 f47 f48 f49
}

type Current = CurrentSession<Wide>;

/// The requests continue when all of them have read the session.
type Together = State<Arc<Barrier>>;

async fn change(mut session: Current, State(together): Together, Path(n): Path<usize>) {
    together.wait().await;
    *session.fields()[n] = true;
}

async fn choose(mut session: Current, State(together): Together, Path(n): Path<usize>) {
    together.wait().await;
    session.theme = n.to_string();
}

async fn log_out(mut session: Current, State(together): Together, Path(n): Path<usize>) {
    together.wait().await;
    *session.fields()[n] = true;
    CurrentSession::end(&mut session);
}

async fn log_in(mut session: Current, State(together): Together, Path(n): Path<usize>) {
    together.wait().await;
    *session.fields()[n] = true;
    session.user_id = Some("u-17".into());
    CurrentSession::cycle_id(&mut session);
}

/// Returns the sessions that the log-in evicted.
async fn log_in_and_tell(mut session: Current) -> Result<String, StatusCode> {
    session.user_id = Some("u-17".into());
    CurrentSession::cycle_id(&mut session);
    let stored = CurrentSession::save(&mut session).await;
    stored.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let ended = CurrentSession::stored(&session).map(Session::evicted);
    let ended = ended.unwrap_or_default().iter();
    Ok(ended.map(ToString::to_string).collect())
}

async fn ask(app: &Router, path: &str, cookie: Option<&str>) -> Answer {
    ask_as("session-Wide", app, path, cookie).await
}

/// A browser with a session.
struct Browser {
    bench: TestBench<Wide>,
    app: Router,
    cookie: String,
}

impl Browser {
    async fn new() -> Self {
        let bench = TestBench::<Wide>::new().await;
        let app = Router::new()
            .route("/change/{n}", get(change))
            .route("/choose/{n}", get(choose))
            .route("/log-out/{n}", get(log_out))
            .route("/log-in/{n}", get(log_in))
            .route("/log-in-and-tell", get(log_in_and_tell))
            .layer(SessionLayer::new(bench.store.clone()).dev())
            .with_state(Arc::new(Barrier::new(AT_ONCE)));
        let session = bench.store.create(Wide::default()).await.unwrap();
        let cookie = session.id().expose();
        Self { bench, app, cookie }
    }

    /// Sends fifty parallel requests. Each gets the usual response.
    async fn at_once(&self, path: impl Fn(usize) -> &'static str) -> Vec<(usize, Answer)> {
        let ask = async |n| {
            let path = format!("/{}/{n}", path(n));
            let answer = ask(&self.app, &path, Some(&self.cookie)).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
            (n, answer)
        };
        join_all((0..AT_ONCE).map(ask)).await
    }

    async fn stored(&self, cookie: &str) -> Option<Session<Wide>> {
        let id = SessionId::parse(cookie).unwrap();
        self.bench.store.load(&id).await.unwrap()
    }

    /// The number of sessions, whether any client knows them or not.
    async fn sessions(&self) -> usize {
        let items = self.bench.items().await.into_iter();
        items.filter(|item| item.contains_key("data")).count()
    }
}

#[tokio::test]
async fn g3_changes_of_different_fields_are_all_kept() {
    let browser = Browser::new().await;
    browser.at_once(|_| "change").await;
    let mut stored = browser.stored(&browser.cookie).await.unwrap();
    assert!(stored.fields().iter().all(|field| **field));
}

#[tokio::test]
async fn g3_one_of_the_changes_of_the_same_field_is_kept() {
    let browser = Browser::new().await;
    browser.at_once(|_| "choose").await;
    let stored = browser.stored(&browser.cookie).await.unwrap();
    assert!(stored.theme.parse::<usize>().unwrap() < AT_ONCE);
}

#[tokio::test]
async fn g1_changes_do_not_undo_a_log_out() {
    let browser = Browser::new().await;
    let half = |n| if n % 2 == 0 { "log-out" } else { "change" };
    for (n, answer) in browser.at_once(half).await {
        let expected = (n % 2 == 0).then(String::new);
        assert_eq!(answer.cookie(), expected, "only a log-out removes it");
    }
    assert!(browser.stored(&browser.cookie).await.is_none());
    assert_eq!(browser.sessions().await, 0);
}

#[tokio::test]
async fn g7_one_of_parallel_log_ins_gets_the_session() {
    for log_ins in [AT_ONCE, AT_ONCE / 2] {
        let browser = Browser::new().await;
        let path = |n| if n < log_ins { "log-in" } else { "change" };
        let answers = browser.at_once(path).await;
        let cookies = answers
            .iter()
            .filter_map(|(n, answer)| Some((*n, answer.cookie()?)));
        let cookies: Vec<_> = cookies.collect();
        let [(winner, new)] = &cookies[..] else {
            panic!("{cookies:?}");
        };
        assert!(*winner < log_ins);
        assert!(browser.stored(&browser.cookie).await.is_none());
        let mut stored = browser.stored(new).await.unwrap();
        assert_eq!(stored.user_id.as_deref(), Some("u-17"));
        assert!(*stored.fields()[*winner]);
        let others = (0..log_ins).filter(|n| n != winner);
        for n in others {
            assert!(
                !*stored.fields()[n],
                "the changes of another log-in are not stored"
            );
        }
        assert_eq!(browser.sessions().await, 1);
        let listed = browser.bench.store.sessions(Wide::USER_ID, "u-17").count();
        assert_eq!(listed.await.unwrap(), 1);
    }
}

/// A handler that saves by itself learns which sessions its log-in evicted, with an earlier session or
/// without.
#[tokio::test]
async fn a_handler_can_learn_which_sessions_a_log_in_evicted() {
    let browser = Browser::new().await;
    let log_in = async |cookie| {
        let answer = ask(&browser.app, "/log-in-and-tell", cookie).await;
        browser.bench.clock.advance(Duration::from_secs(1));
        let id = SessionId::parse(&answer.cookie().unwrap()).unwrap();
        (id.handle().to_string(), answer.text)
    };
    let (first, ended) = log_in(None).await;
    assert_eq!(ended, "");
    let (second, ended) = log_in(None).await;
    assert_eq!(ended, "");
    let (_, ended) = log_in(None).await;
    assert_eq!(ended, first);
    let (_, ended) = log_in(Some(&browser.cookie)).await;
    assert_eq!(ended, second);
}
