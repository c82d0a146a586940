//! Parts of a page that each ask for the session, as the components and server functions of Leptos do.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionLayer, SharedSession};
use session_store::{DynamoDbStore, Error, SessionAttributes};
use tokio::time::sleep;

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "shop-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Visitor {
    #[dynamo(attr = "user_id", index(consistent, limit = 5), user)]
    user_id: Option<String>,
    cart: Vec<String>,
    pages: u64,
}

/// What `leptos_axum::extract` does with the parts that are in the context.
async fn extract<T: FromRequestParts<()>>(parts: &Parts) -> Result<T, T::Rejection> {
    T::from_request_parts(&mut parts.clone(), &()).await
}

async fn greeting(parts: &Parts) -> Result<String, Response> {
    let session = extract::<SharedSession<Visitor>>(parts).await;
    let session = session.map_err(|rejection| rejection.into_response())?;
    let user_id = session.with(|session| session.user_id.clone()).await;
    let user_id = user_id.map_err(|error| error.into_response())?;
    Ok(format!(
        "<p>hello {}</p>",
        user_id.as_deref().unwrap_or("guest")
    ))
}

async fn cart(parts: &Parts) -> Result<String, Response> {
    let session = extract::<SharedSession<Visitor>>(parts).await;
    let session = session.map_err(|rejection| rejection.into_response())?;
    let counted = session.with(|session| {
        session.pages += 1; // stored with the page
        session.cart.len()
    });
    let items = counted.await.map_err(|error| error.into_response())?;
    Ok(format!("<p>{items} in the cart</p>"))
}

/// The head of the page goes out when its first components are ready, and the last one follows.
async fn page(request: Request) -> Result<Response, Response> {
    let (parts, _) = request.into_parts();
    let (greeting, cart) = tokio::try_join!(greeting(&parts), cart(&parts))?;
    let late = async move {
        sleep(Duration::from_millis(20)).await;
        Ok::<_, Infallible>(late(&parts).await)
    };
    let first = stream::iter([Ok(greeting + &cart)]);
    let page = futures_util::StreamExt::chain(first, stream::once(late));
    Ok(Body::from_stream(page).into_response())
}

/// A part of the page that is ready after the head of the response.
async fn late(parts: &Parts) -> String {
    let session = match extract::<SharedSession<Visitor>>(parts).await {
        Ok(session) => session,
        Err(rejection) => return format!("<p>{rejection}</p>"),
    };
    // A session that exists can be changed, at once.
    let added = session
        .update_stored(|session| session.cart.push("tea".into()))
        .await;
    // For a log-in it is too late: the browser gets no cookie any more.
    let logged_in = session.with(|session| {
        session.user_id = Some("u-17".into());
        CurrentSession::log_in(session);
    });
    match (added, logged_in.await) {
        (Ok(added), Err(Error::Request(error))) if error.is_after_response() => {
            format!("<p>added: {}; {error}</p>", added.is_some())
        }
        other => format!("<p>{other:?}</p>"),
    }
}

async fn begin(mut session: CurrentSession<Visitor>) {
    session.cart.push("milk".into());
}

/// Nobody asks for the session before the head is out.
async fn late_alone(request: Request) -> Body {
    let (parts, _) = request.into_parts();
    Body::from_stream(stream::once(async move {
        sleep(Duration::from_millis(20)).await;
        Ok::<_, Infallible>(late(&parts).await)
    }))
}

async fn held(_: CurrentSession<Visitor>, request: Request) -> Result<String, Response> {
    let (parts, _) = request.into_parts();
    greeting(&parts).await
}

fn app(store: DynamoDbStore<Visitor>) -> Router {
    Router::new()
        .route("/page", get(page))
        .route("/late", get(late_alone))
        .route("/held", get(held))
        .route("/begin", post(begin))
        .layer(SessionLayer::new(store))
}

#[cfg(test)]
mod tests {
    use session_store_tests::TestBench;

    use super::super::client::Browser;
    use super::*;

    async fn shop() -> (TestBench<Visitor>, Browser) {
        let bench = TestBench::<Visitor>::new().await;
        let browser = Browser::new(&app(bench.store.clone()));
        (bench, browser)
    }

    const TOO_LATE: &str = "the response has begun, so the client can get no cookie any more";

    #[tokio::test]
    async fn g14_all_components_of_a_page_share_one_load_and_one_save() {
        let (bench, browser) = shop().await;
        browser.post("/begin", "").await;
        bench.wire.clear();
        let page = browser.get("/page").await.text;
        assert!(
            page.starts_with("<p>hello guest</p><p>1 in the cart</p>"),
            "{page}"
        );
        assert!(page.contains("added: true"), "{page}");
        // The read, the save with the head, and the late update.
        assert_eq!(
            bench.wire.operations(),
            ["GetItem", "UpdateItem", "UpdateItem"]
        );
        assert!(browser.get("/page").await.text.contains("2 in the cart"));
    }

    #[tokio::test]
    async fn a_late_log_in_is_an_error_that_says_so_and_is_taken_back() {
        let (bench, browser) = shop().await;
        browser.post("/begin", "").await;
        let page = browser.get("/page").await.text;
        assert!(page.contains(TOO_LATE), "{page}");
        assert!(
            browser
                .get("/page")
                .await
                .text
                .starts_with("<p>hello guest")
        );
        let users = bench.store.sessions(Visitor::USER_ID, "u-17").count();
        assert_eq!(users.await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_first_visit_whose_page_changes_the_session_gets_its_cookie_with_the_head() {
        let (_bench, browser) = shop().await;
        let page = browser.get("/page").await.text;
        assert!(page.contains("added: true"), "{page}");
        assert!(browser.get("/page").await.text.contains("1 in the cart"));
    }

    #[tokio::test]
    async fn a_session_that_nobody_has_asked_for_is_read_late() {
        let (bench, browser) = shop().await;
        let late = browser.get("/late").await.text;
        assert!(
            late.contains("added: false") && late.contains(TOO_LATE),
            "{late}"
        );
        assert!(
            bench.items().await.is_empty(),
            "no session that nobody knows"
        );
        browser.post("/begin", "").await;
        let late = browser.get("/late").await.text;
        assert!(late.contains("added: true"), "{late}");
    }

    /// A component never waits for ever for its own page.
    #[tokio::test]
    async fn a_page_that_holds_the_session_is_told_what_to_take() {
        let (_bench, browser) = shop().await;
        let held = browser.get("/held").await;
        assert_eq!(held.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(held.text.contains("`SharedSession`"), "{}", held.text);
    }
}
