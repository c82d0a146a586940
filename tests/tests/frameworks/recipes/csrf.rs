//! Forms of other sites, and a token for the forms of this one.

use axum::Form;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN, SEC_WEBSOCKET_KEY};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionLayer};
use session_store::{DynamoDbStore, Error, SessionAttributes};

/// Refuses what a page of another origin asks for in the visitor's name.
pub async fn same_origin(request: Request, next: Next) -> Response {
    if is_forged(&request) {
        return (StatusCode::FORBIDDEN, "this came from another site").into_response();
    }
    next.run(request).await
}

pub fn is_forged(request: &Request) -> bool {
    let headers = request.headers();
    // A WebSocket begins with a GET, and a page of any site can open one.
    let is_socket = headers.contains_key(SEC_WEBSOCKET_KEY);
    if request.method().is_safe() && !is_socket {
        return false;
    }
    if headers.contains_key("sec-fetch-site") {
        let mut sites = headers.get_all("sec-fetch-site").iter();
        return !sites.all(|site| site == "same-origin" || site == "none");
    }
    // Over plain HTTP, and in browsers of before 2023. A client that is no browser sends neither.
    let mut origins = headers.get_all(ORIGIN).iter();
    !origins.all(|origin| is_own(origin, request))
}

/// The scheme does not count, since behind a proxy a server does not know its own.
fn is_own(origin: &HeaderValue, request: &Request) -> bool {
    let own = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()), // HTTP/2
        None => request
            .headers()
            .get(HOST)
            .and_then(|host| host.to_str().ok()),
    };
    let origin = origin.to_str().ok();
    let from = origin.and_then(|origin| Some(origin.split_once("://")?.1));
    matches!((from, own), (Some(from), Some(own)) if from.eq_ignore_ascii_case(own))
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "shop-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Visitor {
    #[dynamo(attr = "user_id", index(consistent, limit = 5), user)]
    user_id: Option<String>,
    form_token: Option<String>,
    comments: u64,
}

/// The token of this session for its forms. All tabs get the same one.
async fn form_token(session: &mut CurrentSession<Visitor>) -> Result<String, Error> {
    if let Some(token) = &session.form_token {
        return Ok(token.clone());
    }
    let new = random_token();
    CurrentSession::update(session, move |session| {
        session
            .form_token
            .get_or_insert_with(|| new.clone())
            .clone()
    })
    .await
}

pub fn random_token() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    format!("{:032x}", u128::from_be_bytes(bytes))
}

fn is_token(session: &Visitor, sent: &str) -> bool {
    let token = session.form_token.as_deref().unwrap_or_default();
    // It takes the same time wherever the two differ.
    let pairs = token.bytes().zip(sent.bytes());
    let difference = pairs.fold(0, |difference, (a, b)| difference | (a ^ b));
    !token.is_empty() && token.len() == sent.len() && difference == 0
}

async fn log_in(mut session: CurrentSession<Visitor>) {
    session.user_id = Some("u-17".into());
    // An attacker who has planted the session knows its token, too.
    session.form_token = None;
    CurrentSession::log_in(&mut session);
}

#[derive(Deserialize)]
struct Comment {
    token: String,
}

async fn comment(
    mut session: CurrentSession<Visitor>,
    Form(comment): Form<Comment>,
) -> Result<(), StatusCode> {
    if !is_token(&session, &comment.token) {
        return Err(StatusCode::FORBIDDEN);
    }
    session.comments += 1;
    Ok(())
}

async fn form(mut session: CurrentSession<Visitor>) -> Result<String, Error> {
    form_token(&mut session).await
}

async fn visit(mut session: CurrentSession<Visitor>) {
    session.comments += 1;
}

fn app(store: DynamoDbStore<Visitor>) -> Router {
    Router::new()
        .route("/form", get(form))
        .route("/visit", post(visit))
        .route("/comment", post(comment))
        .route("/login", post(log_in))
        .layer(SessionLayer::new(store))
        .layer(from_fn(same_origin)) // outside, so that a refused request costs no call
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use axum::http::request::Builder;
    use futures_util::future::join_all;
    use session_store_tests::TestBench;

    use super::super::client::Browser;
    use super::*;

    async fn shop() -> (TestBench<Visitor>, Browser) {
        let bench = TestBench::<Visitor>::new().await;
        let browser = Browser::new(&app(bench.store.clone()));
        (bench, browser)
    }

    /// The status of a request with these headers.
    async fn status(browser: &Browser, request: Builder, headers: &[(&str, &str)]) -> StatusCode {
        let add = |request: Builder, (name, value): &(&str, &str)| request.header(*name, *value);
        let request = headers.iter().fold(request, add);
        browser.send(request, "").await.status
    }

    /// The status of the form with this token.
    async fn comment(browser: &Browser, token: &str) -> StatusCode {
        let form = format!("token={token}");
        browser.post("/comment", &form).await.status
    }

    #[tokio::test]
    async fn a_form_of_another_origin_is_refused_without_a_call() {
        let (bench, browser) = shop().await;
        browser.post("/visit", "").await;
        bench.wire.clear();
        let forged: &[&[(&str, &str)]] = &[
            &[("sec-fetch-site", "cross-site")],
            // A host beside this one is the same site, so that `SameSite` does not help.
            &[("sec-fetch-site", "same-site")],
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "cross-site"),
            ],
            // What the page can choose does not count.
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://shop.example"),
            ],
            &[("origin", "https://evil.example")],
            &[("origin", "https://shop.example.evil.example")],
            &[("origin", "https://evil.example/?https://shop.example")],
            &[("origin", "https://shop.example:8443")],
            &[("origin", "null")],
        ];
        for headers in forged {
            for path in ["/visit", "/login"] {
                let status = status(&browser, Request::post(path), headers).await;
                assert_eq!(status, StatusCode::FORBIDDEN, "{path} {headers:?}");
            }
        }
        assert!(bench.wire.operations().is_empty());

        let own: &[&[(&str, &str)]] = &[
            &[],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
            // A proxy has changed `Host`.
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://www.shop.example"),
            ],
            &[("origin", "https://shop.example")],
            &[("origin", "https://SHOP.example")],
        ];
        for headers in own {
            let status = status(&browser, Request::post("/visit"), headers).await;
            assert_eq!(status, StatusCode::OK, "{headers:?}");
        }
    }

    #[tokio::test]
    async fn a_link_of_another_site_is_followed_and_its_web_socket_is_refused() {
        let (_bench, browser) = shop().await;
        let link = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        let followed = status(&browser, Request::get("/form"), &link).await;
        assert_eq!(followed, StatusCode::OK);
        let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let socket = [("origin", "https://evil.example"), key];
        let refused = status(&browser, Request::get("/form"), &socket).await;
        assert_eq!(refused, StatusCode::FORBIDDEN);
    }

    #[tokio::test]
    async fn g3_ten_tabs_that_open_at_once_share_one_token() {
        let (bench, browser) = shop().await;
        browser.post("/visit", "").await;
        let pages = join_all((0..10).map(|_| browser.get("/form"))).await;
        for page in &pages {
            assert_eq!(page.text, pages[0].text);
        }
        for page in &pages {
            assert_eq!(comment(&browser, &page.text).await, StatusCode::OK);
        }
        // The next page has it by its load.
        bench.wire.clear();
        browser.get("/form").await;
        assert_eq!(bench.wire.operations(), ["GetItem"]);
    }

    #[tokio::test]
    async fn a_form_with_another_token_or_none_is_refused() {
        let (_bench, browser) = shop().await;
        browser.post("/visit", "").await;
        // There is none yet, and the form has none.
        assert_eq!(comment(&browser, "").await, StatusCode::FORBIDDEN);
        let token = browser.get("/form").await.text;
        for wrong in ["", &token[1..], &"0".repeat(32), &format!("{token}0")] {
            let status = comment(&browser, wrong).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_log_in_ends_the_token_that_an_attacker_has_planted() {
        let (_bench, browser) = shop().await;
        let planted = browser.get("/form").await.text;
        browser.post("/login", "").await;
        assert_eq!(comment(&browser, &planted).await, StatusCode::FORBIDDEN);
        let token = browser.get("/form").await.text;
        assert_eq!(comment(&browser, &token).await, StatusCode::OK);
    }

    /// A limit that the page names.
    #[tokio::test]
    async fn two_tabs_of_a_first_visit_have_two_sessions_of_which_one_is_left() {
        let (_bench, browser) = shop().await;
        let (one, other) = tokio::join!(browser.get("/form"), browser.get("/form"));
        let mut good = 0;
        for page in [one, other] {
            good += u32::from(comment(&browser, &page.text).await == StatusCode::OK);
        }
        assert_eq!(good, 1);
    }
}
