//! Server-sent events that end with their session.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionLayer, SharedSession};
use session_store::{DynamoDbStore, Error, SessionAttributes};
use tokio::time::sleep;

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "news-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Visitor {
    #[dynamo(attr = "user_id", index(consistent, limit = 5), user)]
    user_id: Option<String>,
    seen: u64,
    visits: u64,
}

/// How often a stream asks whether its session is still there.
#[derive(Clone, Copy)]
struct CheckEvery(Duration);

async fn events(
    State(every): State<CheckEvery>,
    session: SharedSession<Visitor>,
) -> Result<Response, Error> {
    let is_user = session
        .with_stored(|session| session.user_id.is_some())
        .await?;
    if is_user != Some(true) {
        // With any other status, the browser asks again and again.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events = stream::unfold(Some(session), move |session| async move {
        let session = session?;
        sleep(every.0).await;
        let event = match next_event(&session).await {
            Ok(event) => (event, Some(session)),
            // A new id of another tab: the browser asks again in a second, with the cookie that it has by then.
            Err(Error::Gone(gone)) if gone.is_replaced() => {
                let event = Event::default().event("reconnect").data("connect again");
                (event.retry(Duration::from_secs(1)), None)
            }
            // The page closes its `EventSource`, and shows the log-in.
            Err(Error::Gone(_)) => (Event::default().event("ended").data("log in again"), None),
            // The browser asks again in five seconds.
            Err(_) => (Event::default().retry(Duration::from_secs(5)), None),
        };
        Some((Ok::<_, Infallible>(event.0), event.1))
    });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

async fn next_event(session: &SharedSession<Visitor>) -> Result<Event, Error> {
    session.refresh().await?;
    let seen = session.with(|session| session.seen).await?;
    Ok(Event::default().data(seen.to_string()))
}

async fn log_in(mut session: CurrentSession<Visitor>) {
    session.user_id = Some("u-17".into());
    CurrentSession::log_in(&mut session);
}

/// The password once more, in another tab.
async fn confirm(mut session: CurrentSession<Visitor>) {
    CurrentSession::reauthenticated(&mut session);
}

async fn visit(mut session: CurrentSession<Visitor>) -> String {
    session.visits += 1;
    session.visits.to_string()
}

/// A stream that notes in the session what it has sent: the changes are stored by `update` or `save`, and by
/// nothing else.
async fn noting(State(saves): State<Saves>, session: SharedSession<Visitor>) -> Response {
    let events = stream::once(async move {
        // Later than the head of the response.
        sleep(Duration::from_millis(20)).await;
        let noted = match saves.0 {
            true => session.update(|session| session.seen += 1).await,
            false => session.with(|session| session.seen += 1).await,
        };
        Ok::<_, Infallible>(Event::default().data(noted.is_ok().to_string()))
    });
    Sse::new(events).into_response()
}

#[derive(Clone, Copy)]
struct Saves(bool);

fn app(store: DynamoDbStore<Visitor>, every: Duration) -> Router {
    let saving = get(noting).with_state(Saves(true));
    Router::new()
        .route("/events", get(events))
        .route("/login", post(log_in))
        .route("/confirm", post(confirm))
        .route("/visit", post(visit))
        .route("/noting", saving)
        .route("/forgetting", get(noting).with_state(Saves(false)))
        .layer(SessionLayer::new(store))
        .with_state(CheckEvery(every))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, BodyDataStream};
    use axum::http::Request;
    use futures_util::StreamExt as _;
    use session_store_tests::{Fault, TestBench};
    use tokio::time::timeout;
    use tower::ServiceExt as _;
    use tracing::Level;

    use super::super::client::Browser;
    use super::*;
    use crate::log;

    const OFTEN: Duration = Duration::from_millis(20);

    /// A page of a user, with its event stream.
    struct Page {
        bench: TestBench<Visitor>,
        app: Router,
        browser: Browser,
    }

    impl Page {
        async fn new() -> Self {
            let bench = TestBench::<Visitor>::new().await;
            let app = app(bench.store.clone(), OFTEN);
            let browser = Browser::new(&app);
            browser.post("/login", "").await;
            Self {
                bench,
                app,
                browser,
            }
        }

        async fn open(&self) -> BodyDataStream {
            let request = self.browser.with_cookies(Request::get("/events"));
            let request = request.body(Body::empty()).unwrap();
            let response = self.app.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            response.into_body().into_data_stream()
        }
    }

    /// The next event; `None` after the last.
    async fn next(events: &mut BodyDataStream) -> Option<String> {
        let next = timeout(Duration::from_secs(20), events.next()).await;
        let event = next.expect("something comes")?.unwrap();
        Some(String::from_utf8(event.to_vec()).unwrap())
    }

    /// The first event that is another one, and whether it is the last.
    async fn until_other(events: &mut BodyDataStream, than: &str) -> (String, bool) {
        loop {
            let event = next(events).await.unwrap();
            if event != than {
                return (event, next(events).await.is_none());
            }
        }
    }

    const NOTHING: &str = "data: 0\n\n";

    #[tokio::test]
    async fn g17_a_log_out_everywhere_ends_the_stream() {
        let page = Page::new().await;
        let mut events = page.open().await;
        assert_eq!(next(&mut events).await.unwrap(), NOTHING);
        let revoked = page.bench.store.revoke(Visitor::USER_ID, "u-17").await;
        assert_eq!(revoked.unwrap().deleted(), 1);
        let (last, is_last) = until_other(&mut events, NOTHING).await;
        assert!(last.starts_with("event: ended") && is_last, "{last}");
        // And the browser that asks again is told to leave off.
        let again = page.browser.get("/events").await;
        assert_eq!(again.status, StatusCode::NO_CONTENT);
    }

    #[tokio::test]
    async fn g5_a_stream_does_not_keep_its_session_alive() {
        let page = Page::new().await;
        let mut events = page.open().await;
        for _ in 0..3 {
            page.bench.clock.advance(Duration::from_secs(599));
            assert_eq!(next(&mut events).await.unwrap(), NOTHING);
        }
        page.bench.clock.advance(Duration::from_secs(4));
        let (last, is_last) = until_other(&mut events, NOTHING).await;
        assert!(last.starts_with("event: ended") && is_last, "{last}");
    }

    #[tokio::test]
    async fn events_go_on_after_a_new_id_of_another_tab() {
        let page = Page::new().await;
        let mut events = page.open().await;
        assert_eq!(next(&mut events).await.unwrap(), NOTHING);
        page.browser.post("/confirm", "").await;
        let (last, is_last) = until_other(&mut events, NOTHING).await;
        assert!(last.starts_with("event: reconnect") && is_last, "{last}");
        let mut events = page.open().await;
        assert_eq!(next(&mut events).await.unwrap(), NOTHING);
        assert_eq!(next(&mut events).await.unwrap(), NOTHING);
    }

    #[tokio::test]
    async fn the_other_requests_of_the_browser_do_not_wait_for_the_stream() {
        let page = Page::new().await;
        let mut events = page.open().await;
        for n in 1..=3 {
            let visit = page.browser.post("/visit", "");
            let visit = timeout(Duration::from_secs(20), visit).await.unwrap();
            assert_eq!(visit.text, n.to_string());
            assert_eq!(next(&mut events).await.unwrap(), NOTHING);
        }
    }

    #[tokio::test]
    async fn g10_a_check_that_fails_lets_the_browser_ask_again() {
        let page = Page::new().await;
        let mut events = page.open().await;
        for _ in 0..10 {
            page.bench.wire.next("GetItem", Fault::Refuse);
        }
        let (last, is_last) = until_other(&mut events, NOTHING).await;
        assert!(last.starts_with("retry: ") && is_last, "{last}");
    }

    #[tokio::test]
    async fn g14_each_check_is_one_read_and_no_write() {
        let page = Page::new().await;
        page.bench.wire.clear();
        let mut events = page.open().await;
        for _ in 0..3 {
            next(&mut events).await.unwrap();
        }
        assert_eq!(page.bench.wire.operations(), ["GetItem"; 4]);
    }

    #[tokio::test]
    async fn changes_in_a_stream_are_stored_by_update_and_otherwise_lost_with_an_error_in_the_log()
    {
        log::capture();
        let page = Page::new().await;
        log::taken();
        assert_eq!(page.browser.get("/noting").await.text, "data: true\n\n");
        assert!(log::levels().is_empty());
        page.browser.get("/forgetting").await;
        assert_eq!(log::levels(), [Level::ERROR]);
        let mut events = page.open().await;
        assert_eq!(next(&mut events).await.unwrap(), "data: 1\n\n");
    }
}
