//! A message for the next page, which is shown once.

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionLayer, SharedSession};
use session_store::{DynamoDbStore, Error, SessionAttributes};

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "shop-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Visitor {
    messages: Vec<String>,
    visits: u64,
}

/// The messages for this page. Nobody else gets them.
struct Flash(Vec<String>);

impl<State: Send + Sync> FromRequestParts<State> for Flash {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        if is_unseen(parts) {
            return Ok(Self(Vec::new()));
        }
        let session = SharedSession::<Visitor>::from_request_parts(parts, state).await;
        let session = session.map_err(|rejection| rejection.into_response())?;
        let messages = session.take(|session| &mut session.messages).await;
        messages.map(Self).map_err(|error| error.into_response())
    }
}

/// Whether perhaps nobody sees the response: a HEAD runs the handler of the GET, and browsers fetch pages before
/// anybody asks for them.
fn is_unseen(parts: &Parts) -> bool {
    let purpose = parts.headers.get("sec-purpose");
    let is_prefetch = purpose.is_some_and(|purpose| purpose.as_bytes().starts_with(b"prefetch"));
    parts.method == Method::HEAD || is_prefetch
}

async fn page(Flash(messages): Flash, session: CurrentSession<Visitor>) -> String {
    format!("{} {}", session.visits, messages.join(", "))
}

async fn rename(mut session: CurrentSession<Visitor>) -> Result<Redirect, Error> {
    CurrentSession::update(&mut session, |session| {
        session.messages.push("your name was changed".into());
    })
    .await?;
    Ok(Redirect::to("/"))
}

fn app(store: DynamoDbStore<Visitor>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/rename", post(rename))
        .route("/slip", get(plain))
        .layer(SessionLayer::new(store))
}

/// The mistake: all who have read the message show it, and the last one who stores the field decides what is in it.
async fn plain(mut session: CurrentSession<Visitor>) -> String {
    std::mem::take(&mut session.messages).join(", ")
}

#[cfg(test)]
mod tests {
    use axum::http::{Request, StatusCode};
    use futures_util::future::join_all;
    use session_store::SessionId;
    use session_store_tests::{Fault, TestBench};

    use super::super::client::Browser;
    use super::*;

    const MESSAGE: &str = "your name was changed";

    async fn shop() -> (TestBench<Visitor>, Browser) {
        let bench = TestBench::<Visitor>::new().await;
        let browser = Browser::new(&app(bench.store.clone()));
        let answer = browser.post("/rename", "").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        bench.wire.clear();
        (bench, browser)
    }

    fn shown(texts: impl IntoIterator<Item = String>) -> usize {
        let texts = texts.into_iter();
        texts.map(|text| text.matches(MESSAGE).count()).sum()
    }

    #[tokio::test]
    async fn g3_of_ten_tabs_one_shows_the_message() {
        let (_bench, browser) = shop().await;
        let pages = join_all((0..10).map(|_| browser.get("/"))).await;
        for page in &pages {
            assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        }
        assert_eq!(shown(pages.into_iter().map(|page| page.text)), 1);
        assert_eq!(browser.get("/").await.text, "0 ");
    }

    /// What the recipe is against.
    #[tokio::test]
    async fn without_take_two_tabs_show_the_message_and_a_new_one_is_lost() {
        let (bench, browser) = shop().await;
        let other = browser.copy();
        let meanwhile = async move || {
            assert_eq!(shown([other.get("/slip").await.text]), 1);
            other.post("/rename", "").await;
        };
        bench.wire.next("UpdateItem", Fault::meanwhile(meanwhile));
        assert_eq!(shown([browser.get("/slip").await.text]), 1);
        // It wrote last, so that the message of the second change is gone.
        assert_eq!(shown([browser.get("/").await.text]), 0);
    }

    #[tokio::test]
    async fn g3_a_message_that_comes_while_a_page_takes_is_not_lost() {
        let (bench, browser) = shop().await;
        let other = browser.copy();
        let meanwhile = async move || {
            other.post("/rename", "").await;
        };
        bench.wire.next("UpdateItem", Fault::meanwhile(meanwhile));
        let page = browser.get("/").await.text;
        let next = browser.get("/").await.text;
        assert_eq!(shown([page, next]), 2);
    }

    #[tokio::test]
    async fn a_head_request_and_a_prefetch_leave_the_message() {
        let (bench, browser) = shop().await;
        let unseen = [
            Request::head("/"),
            Request::get("/").header("sec-purpose", "prefetch"),
            Request::get("/").header("sec-purpose", "prefetch;prerender"),
            Request::get("/").header("sec-purpose", "prefetch;anonymous-client-ip"),
        ];
        for request in unseen {
            let answer = browser.send(request, "").await;
            assert_eq!(answer.status, StatusCode::OK);
            assert_eq!(shown([answer.text]), 0);
        }
        let operations = bench.wire.operations();
        assert!(
            operations.iter().all(|call| call == "GetItem"),
            "{operations:?}"
        );
        assert_eq!(shown([browser.get("/").await.text]), 1);
    }

    #[tokio::test]
    async fn g14_a_page_without_a_message_costs_its_load() {
        let (bench, browser) = shop().await;
        browser.get("/").await;
        assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
        bench.wire.clear();
        browser.get("/").await;
        assert_eq!(bench.wire.operations(), ["GetItem"]);
        // A visitor without a session gets none.
        bench.wire.clear();
        let stranger = Browser::new(&app(bench.store.clone()));
        assert_eq!(stranger.get("/").await.text, "0 ");
        assert!(bench.wire.operations().is_empty());
        assert!(stranger.cookies().is_empty());
    }

    /// A session that ended meanwhile has no message, and the page is shown all the same.
    #[tokio::test]
    async fn a_session_that_ends_meanwhile_has_no_message() {
        let (bench, browser) = shop().await;
        let cookies = browser.cookies();
        let (_, id) = cookies.split_once('=').unwrap();
        let (store, id) = (bench.store.clone(), SessionId::parse(id).unwrap());
        let meanwhile = async move || {
            store.delete(&id).await.unwrap();
        };
        bench.wire.next("UpdateItem", Fault::meanwhile(meanwhile));
        let page = browser.get("/").await;
        assert_eq!((page.status, shown([page.text])), (StatusCode::OK, 0));
    }
}
