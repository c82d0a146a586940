//! When the user of a request has authenticated: `is_fresh` and `reauthenticated` in handlers.

use std::time::Duration;

use session_store::{Error, SessionId};
use session_store_tests::Fault;

use super::*;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    type_name = "Shop",
    idle_timeout = "1h",
    absolute_timeout = "12h"
)]
struct Account {
    #[dynamo(attr = "user_id", index(consistent, limit = 1), user)]
    user_id: Option<String>,
    visits: u64,
}

type Current = CurrentSession<Account>;

const WITHIN: Duration = Duration::from_secs(600);
const MINUTE: Duration = Duration::from_secs(60);

fn freshness(session: &Current) -> &'static str {
    let is_fresh = CurrentSession::is_fresh(session, WITHIN);
    assert!(!is_fresh || CurrentSession::authenticated_at(session).is_some());
    match is_fresh {
        true => "fresh",
        false => "stale",
    }
}

async fn ask_freshness(session: Current) -> &'static str {
    freshness(&session)
}

async fn visit(mut session: Current) -> &'static str {
    session.visits += 1;
    freshness(&session)
}

async fn log_in(mut session: Current) -> String {
    session.user_id = Some("ann".into());
    CurrentSession::set_persistent(&mut session, true);
    CurrentSession::log_in(&mut session);
    let before = freshness(&session);
    CurrentSession::save(&mut session).await.unwrap();
    format!("{before} {}", freshness(&session))
}

async fn confirm(mut session: Current) -> String {
    session.visits += 1;
    // The new id is asked for twice.
    CurrentSession::cycle_id(&mut session);
    CurrentSession::reauthenticated(&mut session);
    CurrentSession::cycle_id(&mut session);
    freshness(&session).to_owned()
}

async fn confirm_now(mut session: Current) -> String {
    CurrentSession::reauthenticated(&mut session);
    match CurrentSession::save(&mut session).await {
        Ok(()) => freshness(&session).to_owned(),
        Err(Error::Encode(error)) => error.path().to_owned(),
        Err(error) => panic!("{error}"),
    }
}

/// The mistake of a colleague: the customer's name, and nothing else.
async fn act_as(mut session: Current) {
    session.user_id = Some("bob".into());
}

async fn leave(mut session: Current) {
    session.user_id = None;
}

/// A session that begins, and then gets a user in the same request.
async fn enter_late(mut session: Current) -> &'static str {
    session.visits += 1;
    CurrentSession::save(&mut session).await.unwrap();
    session.user_id = Some("ann".into());
    CurrentSession::save(&mut session).await.unwrap();
    freshness(&session)
}

fn app(bench: &TestBench<Account>) -> Router {
    let clock = bench.clock.clone();
    let wait = async move |session: Current| {
        let before = freshness(&session);
        clock.advance(10 * MINUTE);
        format!("{before} {}", freshness(&session))
    };
    Router::new()
        .route("/fresh", any(ask_freshness))
        .route("/visit", any(visit))
        .route("/login", any(log_in))
        .route("/confirm", any(confirm))
        .route("/confirm-now", any(confirm_now))
        .route("/act-as", any(act_as))
        .route("/leave", any(leave))
        .route("/late", any(enter_late))
        .route("/wait", any(wait))
        .layer(SessionLayer::new(bench.store.clone()).dev())
}

async fn text(browser: &mut Browser, app: &Router, path: &str) -> String {
    let answer = browser.ask(app, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}");
    answer.text
}

/// How many sessions there are.
async fn sessions(bench: &TestBench<Account>) -> usize {
    let items = bench.items().await;
    items
        .iter()
        .filter(|item| item.contains_key("data"))
        .count()
}

fn id_of(browser: &Browser) -> SessionId {
    SessionId::parse(&browser.cookies[NAME]).unwrap()
}

#[tokio::test]
async fn g6_use_does_not_keep_a_log_in_fresh() {
    let bench = TestBench::<Account>::new().await;
    let app = app(&bench);
    let mut browser = Browser::default();
    assert_eq!(text(&mut browser, &app, "/fresh").await, "stale");
    assert_eq!(text(&mut browser, &app, "/login").await, "stale fresh");
    for _ in 0..9 {
        bench.clock.advance(MINUTE);
        assert_eq!(text(&mut browser, &app, "/visit").await, "fresh");
    }
    bench.clock.advance(MINUTE);
    assert_eq!(text(&mut browser, &app, "/visit").await, "stale");
}

#[tokio::test]
async fn g6_freshness_goes_by_the_clock_at_the_time_of_the_question() {
    let bench = TestBench::<Account>::new().await;
    let app = app(&bench);
    let mut browser = Browser::default();
    browser.ask(&app, "/login").await;
    assert_eq!(text(&mut browser, &app, "/wait").await, "fresh stale");
}

#[tokio::test]
async fn g6_to_authenticate_again_gives_a_new_cookie_and_keeps_the_rest() {
    let bench = TestBench::<Account>::new().await;
    let app = app(&bench);
    let mut browser = Browser::default();
    browser.ask(&app, "/login").await;
    let created_at = bench.store.now();
    bench.clock.advance(30 * MINUTE);
    let thief = browser.clone();
    let answer = browser.ask(&app, "/confirm").await;
    assert_eq!(
        answer.text, "stale",
        "it is stored when the handler is done"
    );
    let header = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(header.contains("Max-Age="), "it stays persistent: {header}");
    assert_eq!(text(&mut browser, &app, "/fresh").await, "fresh");
    let mut session = bench.store.load(&id_of(&browser)).await.unwrap().unwrap();
    assert_eq!((session.visits, session.created_at()), (1, created_at));
    assert_eq!(text(&mut thief.clone(), &app, "/fresh").await, "stale");
    assert_eq!(
        bench.store.load(&id_of(&thief)).await.unwrap().map(drop),
        None
    );
    assert_eq!(sessions(&bench).await, 1, "it evicted nothing");

    // It is that of the layer, in place of a change of id by the store.
    bench.clock.advance(30 * MINUTE);
    assert_eq!(text(&mut browser, &app, "/confirm-now").await, "fresh");
    assert!(matches!(
        bench.store.refresh(&mut session).await,
        Err(Error::Gone(_))
    ));
}

#[tokio::test]
async fn g6_a_visitor_cannot_authenticate_again() {
    let bench = TestBench::<Account>::new().await;
    let app = app(&bench);
    let mut browser = Browser::default();
    // Without a session, nothing begins.
    for path in ["/confirm-now", "/fresh"] {
        assert_eq!(text(&mut browser, &app, path).await, "stale");
        assert!(browser.cookies.is_empty());
    }
    assert!(bench.items().await.is_empty());
    browser.ask(&app, "/visit").await;
    let cookies = browser.cookies.clone();
    assert_eq!(text(&mut browser, &app, "/confirm-now").await, "user_id");
    let refused = browser.ask(&app, "/confirm").await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(browser.cookies, cookies);
    assert_eq!(text(&mut browser, &app, "/fresh").await, "stale");
}

#[tokio::test]
async fn g6_each_way_to_another_user_is_a_log_in_of_that_user() {
    let bench = TestBench::<Account>::new().await;
    let app = app(&bench);
    let mut browser = Browser::default();
    browser.ask(&app, "/login").await;
    bench.clock.advance(9 * MINUTE);
    browser.ask(&app, "/act-as").await;
    bench.clock.advance(9 * MINUTE);
    assert_eq!(text(&mut browser, &app, "/fresh").await, "fresh");

    // A log-out that keeps the session.
    browser.ask(&app, "/leave").await;
    assert_eq!(text(&mut browser, &app, "/fresh").await, "stale");
    browser.ask(&app, "/act-as").await;
    assert_eq!(text(&mut browser, &app, "/fresh").await, "fresh");
    let session = bench.store.load(&id_of(&browser)).await.unwrap().unwrap();
    let at = session_store::Session::authenticated_at(&session);
    assert_eq!(at, Some(bench.store.now()));

    // Without a session before.
    let mut other = Browser::default();
    other.ask(&app, "/act-as").await;
    assert_eq!(text(&mut other, &app, "/fresh").await, "fresh");
    let mut other = Browser::default();
    assert_eq!(text(&mut other, &app, "/late").await, "fresh");
    assert_eq!(text(&mut other, &app, "/fresh").await, "fresh");
}

#[tokio::test]
async fn g13_a_lost_response_of_it_is_resumed_in_the_same_request() {
    for fault in [|| Fault::LoseResponse, || Fault::Refuse] {
        for path in ["/confirm", "/confirm-now"] {
            let bench = TestBench::<Account>::new().await;
            let app = app(&bench);
            let mut browser = Browser::default();
            browser.ask(&app, "/login").await;
            bench.clock.advance(30 * MINUTE);
            for _ in 0..3 {
                bench.wire.next("TransactWriteItems", fault());
            }
            text(&mut browser, &app, path).await;
            assert_eq!(text(&mut browser, &app, "/fresh").await, "fresh");
            assert_eq!(sessions(&bench).await, 1);
        }
    }
}
