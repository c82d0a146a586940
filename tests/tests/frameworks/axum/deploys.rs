//! The layer for axum in a rolling deploy: two hosts with two versions of the session type, and one browser.

use axum::http::header::SET_COOKIE;
use serde::{Deserialize, Serialize};
use session_store::DynamoDbStore;
use std::time::Duration;

use super::{Answer, CurrentSession, Router, SessionAttributes, SessionLayer, TestBench, ask, get};

macro_rules! version {
    ($name:ident: $idle:literal, $absolute:literal, $($option:meta)? , $theme:ident) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(
            table = "tests",
            type_name = "App",
            idle_timeout = $idle,
            absolute_timeout = $absolute
        )]
        struct $name {
            $(#[dynamo(attr = "user_id", $option)])?
            user_id: Option<String>,
            theme: $theme,
            visits: u64,
        }

        impl $name {
            async fn read(session: CurrentSession<Self>) -> String {
                format!("{} {:?}", session.visits, session.user_id)
            }

            async fn visit(mut session: CurrentSession<Self>) {
                session.visits += 1;
            }

            async fn log_in(mut session: CurrentSession<Self>) {
                session.user_id = Some("u".into());
                CurrentSession::log_in(&mut session);
            }

            async fn contrast(mut session: CurrentSession<Self>) {
                session.theme = $theme::NEWEST;
            }

            fn host(store: DynamoDbStore<Self>) -> Router {
                Router::new()
                    .route("/read", get(Self::read))
                    .route("/visit", get(Self::visit))
                    .route("/login", get(Self::log_in))
                    .route("/contrast", get(Self::contrast))
                    .layer(SessionLayer::new(store).dev())
            }
        }
    };
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Theme {
    #[default]
    Light,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum MoreThemes {
    #[default]
    Light,
    Contrast,
}

impl Theme {
    const NEWEST: Self = Self::Light;
}

impl MoreThemes {
    const NEWEST: Self = Self::Contrast;
}

version!(Short: "30m", "12h", , Theme);
version!(Long: "14d", "30d", , Theme);
version!(Contrast: "30m", "12h", , MoreThemes);
version!(Listed: "30m", "12h", index(consistent), Theme);

fn max_age(answer: &Answer) -> u64 {
    let header = answer.headers[SET_COOKIE].to_str().unwrap();
    let (_, rest) = header.split_once("Max-Age=").unwrap();
    let digits = rest.split(';').next().unwrap();
    digits.parse().unwrap()
}

/// The browser keeps the cookie for as long as the running type lets the session live.
#[tokio::test]
async fn g19_a_cookie_follows_a_longer_absolute_timeout_at_the_next_visit() {
    let bench = TestBench::<Short>::new().await;
    let old = Short::host(bench.store.clone());
    let new = Long::host(bench.other().await);
    let begun = ask(&old, "/visit", None).await;
    assert_eq!(max_age(&begun), 12 * 3600);
    let cookie = begun.cookie().unwrap();
    bench.clock.advance(Duration::from_secs(60));
    let answer = ask(&new, "/read", Some(&cookie)).await;
    assert_eq!(max_age(&answer), 30 * 24 * 3600 - 60);
    // Once: the hosts do not set it in turns.
    bench.clock.advance(Duration::from_secs(60));
    for host in [&old, &new, &old, &new] {
        assert_eq!(ask(host, "/read", Some(&cookie)).await.cookie(), None);
    }
}

/// To the old host the session has ended. It does not take the cookie away from the new one.
#[tokio::test]
async fn g19_a_visitor_whom_an_old_host_does_not_know_keeps_the_cookie() {
    let bench = TestBench::<Short>::new().await;
    let old = Short::host(bench.store.clone());
    let new = Long::host(bench.other().await);
    let cookie = ask(&new, "/login", None).await.cookie().unwrap();
    bench.clock.advance(Duration::from_secs(3600));
    let answer = ask(&old, "/read", Some(&cookie)).await;
    assert_eq!((&*answer.text, answer.cookie()), ("0 None", None));
    let answer = ask(&new, "/read", Some(&cookie)).await;
    assert_eq!(answer.text, "0 Some(\"u\")");
    // A page that stores something on the old host begins a session, whose cookie replaces the other.
    let answer = ask(&old, "/visit", Some(&cookie)).await;
    assert!(answer.cookie().is_some());
}

/// The same if the old host cannot read what the new one has stored.
#[tokio::test]
async fn g19_a_visitor_whose_session_an_old_host_cannot_read_keeps_the_cookie() {
    let bench = TestBench::<Short>::new().await;
    let old = Short::host(bench.store.clone());
    let new = Contrast::host(bench.other().await);
    let cookie = ask(&old, "/login", None).await.cookie().unwrap();
    ask(&new, "/contrast", Some(&cookie)).await;
    let before = bench.items().await;
    let answer = ask(&old, "/read", Some(&cookie)).await;
    assert_eq!((&*answer.text, answer.cookie()), ("0 None", None));
    assert_eq!(bench.items().await, before);
    let answer = ask(&new, "/read", Some(&cookie)).await;
    assert_eq!(answer.text, "0 Some(\"u\")");
}

/// The layer touches a session when its handler is done: the next page has it in its list.
#[tokio::test]
async fn g19_a_session_is_in_a_new_index_from_the_request_after_its_first_visit() {
    let bench = TestBench::<Short>::new().await;
    let old = Short::host(bench.store.clone());
    let store = bench.other::<Listed>().await;
    let new = Listed::host(store.clone());
    let cookie = ask(&old, "/login", None).await.cookie().unwrap();
    let listed = async || store.sessions(Listed::USER_ID, "u").count().await.unwrap();
    assert_eq!(listed().await, 0);
    assert_eq!(ask(&new, "/read", Some(&cookie)).await.cookie(), None);
    assert_eq!(listed().await, 1);
}

/// A request that only reads the session removes what its type forgets, with one write, once.
#[tokio::test]
async fn g4_the_next_visit_removes_what_the_type_forgets() {
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", type_name = "App", forget("user_id", "theme"))]
    struct Forgetful {
        visits: u64,
    }

    async fn read(session: CurrentSession<Forgetful>) -> String {
        session.visits.to_string()
    }

    let bench = TestBench::<Listed>::new().await;
    let old = Listed::host(bench.store.clone());
    let cookie = ask(&old, "/login", None).await.cookie().unwrap();
    let new = Router::new()
        .route("/read", get(read))
        .layer(SessionLayer::new(bench.other::<Forgetful>().await).dev());
    let is_session = |item: &session_store_tests::Item| item.contains_key("data");
    let session = || async { bench.items().await.into_iter().find(is_session).unwrap() };
    let before = session().await;
    assert!(before.contains_key("user_id") && before.contains_key("user_id-roster"));
    bench.wire.clear();
    ask(&new, "/read", Some(&cookie)).await;
    assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
    let after = session().await;
    assert!(!after.contains_key("user_id") && !after.contains_key("user_id-roster"));
    let data = after["data"].as_m().unwrap();
    assert_eq!(data.keys().collect::<Vec<_>>(), ["visits"]);
    bench.wire.clear();
    ask(&new, "/read", Some(&cookie)).await;
    assert_eq!(bench.wire.operations(), ["GetItem"]);
}
