//! A log-in by OAuth 2 or OpenID Connect.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::extract::{Query, RawForm, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionLayer};
use session_store::{DynamoDbStore, Error, SessionAttributes};

use super::csrf::{random_token, same_origin};

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
    #[serde(default)]
    begun: Vec<Begun>,
}

/// A log-in that has begun: one for each tab.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Begun {
    state: String,
    /// That of PKCE. The nonce of OpenID Connect belongs here as well.
    verifier: String,
    return_to: String,
    at: SystemTime,
}

const BEGUN_AT_MOST: usize = 5;
const BEGUN_FOR: Duration = Duration::from_secs(600);

async fn begin(
    State(provider): State<Provider>,
    mut session: CurrentSession<Visitor>,
    Form(form): Form<ReturnTo>,
) -> Result<Redirect, Error> {
    let begun = Begun {
        state: random_token(),
        verifier: random_token() + &random_token(), // 43 characters or more
        return_to: own_path(form.return_to),
        at: CurrentSession::store(&session).now(),
    };
    let url = provider.authorization_url(&begun.state, &begun.verifier);
    // Not by assignment: of two tabs that begin at once, the last one would take the other's away.
    CurrentSession::update(&mut session, move |session| {
        session.begun.push(begun.clone());
        let too_many = session.begun.len().saturating_sub(BEGUN_AT_MOST);
        session.begun.drain(..too_many);
    })
    .await?;
    Ok(Redirect::to(&url))
}

/// Browsers read `//host`, `/\host` and a tab between the slashes as another site.
fn own_path(path: String) -> String {
    let is_plain = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    match is_plain && path.starts_with('/') && !path.starts_with("//") {
        true => path,
        false => "/".to_owned(),
    }
}

async fn callback(
    State(provider): State<Provider>,
    mut session: CurrentSession<Visitor>,
    Query(answer): Query<Answer>,
) -> Result<Response, Error> {
    let Some(begun) = take(&mut session, answer.state).await? else {
        return Ok(match session.user_id {
            Some(_) => Redirect::to("/").into_response(), // the page was loaded again
            None => (StatusCode::BAD_REQUEST, "please log in once more").into_response(),
        });
    };
    let Some(code) = answer.code else {
        return Ok(Redirect::to("/").into_response()); // the user has declined
    };
    let Ok(user_id) = provider.user_of(&code, &begun.verifier).await else {
        return Ok(StatusCode::BAD_GATEWAY.into_response());
    };
    match &session.user_id {
        None => {
            session.user_id = Some(user_id);
            CurrentSession::log_in(&mut session); // a new id; the cart goes along
        }
        // Another tab was first.
        Some(current) if *current == user_id => {}
        Some(_) => return Ok((StatusCode::CONFLICT, "please log out first").into_response()),
    }
    Ok(Redirect::to(&begun.return_to).into_response())
}

/// Takes the log-in with this state, once. An answer that somebody has made up takes none.
async fn take(
    session: &mut CurrentSession<Visitor>,
    state: String,
) -> Result<Option<Begun>, Error> {
    let now = CurrentSession::store(session).now();
    if session.begun.iter().all(|begun| begun.state != state) {
        return Ok(None);
    }
    let taken = CurrentSession::update(session, move |session| {
        let found = session.begun.iter().position(|begun| begun.state == state);
        found.map(|found| session.begun.remove(found))
    });
    let is_recent = |begun: &Begun| now < begun.at + BEGUN_FOR;
    Ok(taken.await?.filter(is_recent))
}

/// For a provider that answers with a form: the browser comes again by a link, and then with its cookie.
async fn posted(RawForm(form): RawForm) -> Redirect {
    Redirect::to(&format!("/callback?{}", String::from_utf8_lossy(&form)))
}

fn app(store: DynamoDbStore<Visitor>, provider: Provider) -> Router {
    Router::new()
        .route("/login", post(begin))
        .route("/callback", get(callback))
        .route("/add", post(add))
        .layer(SessionLayer::new(store))
        .layer(from_fn(same_origin))
        // Outside of both layers: a form of another site, which needs no session.
        .route("/callback", post(posted))
        .with_state(provider)
}

#[derive(Deserialize)]
struct ReturnTo {
    return_to: String,
}

#[derive(Deserialize)]
struct Answer {
    state: String,
    /// Absent with `error`.
    code: Option<String>,
}

async fn add(mut session: CurrentSession<Visitor>) -> String {
    session.cart.push("tea".into());
    format!("{:?} has {:?}", session.user_id, session.cart)
}

/// In its place, an application has a client of `oauth2` or `openidconnect`.
#[derive(Clone, Default)]
struct Provider {
    /// By code: the user, and the challenge that the code was given for.
    codes: Arc<Mutex<BTreeMap<String, (String, u32)>>>,
}

impl Provider {
    fn authorization_url(&self, state: &str, verifier: &str) -> String {
        let challenge = challenge(verifier);
        format!("https://id.example/authorize?state={state}&code_challenge={challenge}")
    }

    /// Exchanges a code, which counts once.
    async fn user_of(&self, code: &str, verifier: &str) -> Result<String, ()> {
        let (user_id, expected) = self.codes.lock().unwrap().remove(code).ok_or(())?;
        (challenge(verifier) == expected)
            .then_some(user_id)
            .ok_or(())
    }
}

/// SHA-256 in truth.
fn challenge(verifier: &str) -> u32 {
    crc32fast::hash(verifier.as_bytes())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use axum::http::header::LOCATION;
    use axum::http::request::Builder;
    use futures_util::future::join_all;
    use session_store_tests::TestBench;
    use url::Url;

    use super::super::client::{Answer, Browser};
    use super::*;

    struct Shop {
        bench: TestBench<Visitor>,
        provider: Provider,
        app: Router,
        browser: Browser,
    }

    impl Shop {
        /// The browser of a guest who has tea in the cart.
        async fn new() -> Self {
            let bench = TestBench::<Visitor>::new().await;
            let provider = Provider::default();
            let app = app(bench.store.clone(), provider.clone());
            let browser = Browser::new(&app);
            browser.post("/add", "").await;
            Self {
                bench,
                provider,
                app,
                browser,
            }
        }

        /// Begins a log-in, and gives what the provider has in its URL.
        async fn begin(&self, return_to: &str) -> (String, u32) {
            let form = format!("return_to={return_to}");
            let begun = self.browser.post("/login", &form).await;
            let url = Url::parse(location(&begun)).unwrap();
            assert_eq!(url.host_str(), Some("id.example"));
            let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
            let challenge = query["code_challenge"].parse().unwrap();
            (query["state"].clone(), challenge)
        }

        /// The user logs in at the provider, which sends the browser back with this query.
        fn query(&self, user_id: &str, (state, challenge): &(String, u32)) -> String {
            let code = random_token();
            let given = (user_id.to_owned(), *challenge);
            let mut codes = self.provider.codes.lock().unwrap();
            codes.insert(code.clone(), given);
            format!("state={state}&code={code}")
        }

        async fn answer(&self, query: &str) -> Answer {
            self.browser.send(by_link(query), "").await
        }

        async fn log_in(&self, user_id: &str, begun: &(String, u32)) -> Answer {
            self.answer(&self.query(user_id, begun)).await
        }

        async fn sessions(&self, user_id: &str) -> usize {
            let sessions = self.bench.store.sessions(Visitor::USER_ID, user_id);
            sessions.count().await.unwrap()
        }
    }

    /// A page of another site leads here.
    fn cross_site(request: Builder) -> Builder {
        request
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
    }

    fn by_link(query: &str) -> Builder {
        cross_site(Request::get(format!("/callback?{query}")))
    }

    fn location(answer: &Answer) -> &str {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        answer.headers[LOCATION].to_str().unwrap()
    }

    #[tokio::test]
    async fn each_of_two_tabs_comes_back_to_its_own_page_with_the_cart() {
        let shop = Shop::new().await;
        let guest = shop.browser.copy();
        let first = shop.begin("/cart").await;
        let second = shop.begin("/wishes").await;
        assert_eq!(location(&shop.log_in("ann", &first).await), "/cart");
        assert_eq!(location(&shop.log_in("ann", &second).await), "/wishes");
        let added = shop.browser.post("/add", "").await;
        assert_eq!(added.text, r#"Some("ann") has ["tea", "tea"]"#);
        assert_eq!(shop.sessions("ann").await, 1);
        // The id of before is nobody's.
        assert_eq!(guest.post("/add", "").await.text, r#"None has ["tea"]"#);
    }

    #[tokio::test]
    async fn tabs_that_begin_and_come_back_at_once_are_all_logged_in() {
        let shop = Shop::new().await;
        let begun = join_all((0..BEGUN_AT_MOST).map(|_| shop.begin("/cart"))).await;
        let queries: Vec<_> = begun.iter().map(|begun| shop.query("ann", begun)).collect();
        let answers = join_all(queries.iter().map(|query| shop.answer(query))).await;
        assert!(
            answers
                .iter()
                .any(|answer| answer.status == StatusCode::SEE_OTHER)
        );
        for (answer, query) in answers.iter().zip(&queries) {
            // Another tab was first. The user loads the page again, as the text says.
            if answer.status != StatusCode::SEE_OTHER {
                assert!(answer.status.is_client_error(), "{answer:?}");
                location(&shop.answer(query).await);
            }
        }
        let added = shop.browser.post("/add", "").await;
        assert_eq!(added.text, r#"Some("ann") has ["tea", "tea"]"#);
    }

    #[tokio::test]
    async fn an_answer_that_was_made_up_takes_no_log_in_away_and_writes_nothing() {
        let shop = Shop::new().await;
        let begun = shop.begin("/cart").await;
        shop.bench.wire.clear();
        let made_up = shop.query("mallory", &("0".repeat(32), begun.1));
        let refused = shop.answer(&made_up).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert_eq!(shop.bench.wire.operations(), ["GetItem"]);
        assert_eq!(location(&shop.log_in("ann", &begun).await), "/cart");
    }

    #[tokio::test]
    async fn an_answer_counts_once_and_in_the_browser_that_has_begun() {
        let shop = Shop::new().await;
        let query = shop.query("ann", &shop.begin("/cart").await);
        let other = Browser::new(&shop.app);
        let refused = other.send(by_link(&query), "").await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(other.cookies().is_empty());
        assert_eq!(location(&shop.answer(&query).await), "/cart");
        assert_eq!(location(&shop.answer(&query).await), "/");
        assert_eq!(shop.sessions("ann").await, 1);
    }

    #[tokio::test]
    async fn a_tab_does_not_replace_the_user_of_another() {
        let shop = Shop::new().await;
        let (first, second) = (shop.begin("/cart").await, shop.begin("/cart").await);
        shop.log_in("ann", &first).await;
        let refused = shop.log_in("mallory", &second).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert_eq!(shop.sessions("ann").await, 1);
        assert_eq!(shop.sessions("mallory").await, 0);
    }

    #[tokio::test]
    async fn only_the_last_few_are_kept_and_for_ten_minutes() {
        let shop = Shop::new().await;
        let oldest = shop.begin("/cart").await;
        let mut later = Vec::new();
        for _ in 0..BEGUN_AT_MOST {
            later.push(shop.begin("/cart").await);
        }
        let refused = shop.log_in("ann", &oldest).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        shop.bench.clock.advance(BEGUN_FOR - Duration::from_secs(1));
        let late = later.pop().unwrap();
        let in_time = shop.log_in("ann", &later[0]).await;
        assert_eq!(location(&in_time), "/cart");
        shop.bench.clock.advance(Duration::from_secs(1));
        assert_eq!(location(&shop.log_in("bob", &late).await), "/");
        assert_eq!(shop.sessions("bob").await, 0);
    }

    #[tokio::test]
    async fn nobody_is_logged_in_by_a_refusal_or_with_the_code_of_another_log_in() {
        let shop = Shop::new().await;
        let (state, _) = shop.begin("/cart").await;
        let declined = shop
            .answer(&format!("state={state}&error=access_denied"))
            .await;
        assert_eq!(location(&declined), "/");
        let (state, challenge) = shop.begin("/cart").await;
        // A code that was stolen from somebody else: the verifier of this log-in is none for it.
        let failed = shop.log_in("ann", &(state, challenge ^ 1)).await;
        assert_eq!(failed.status, StatusCode::BAD_GATEWAY);
        assert_eq!(shop.sessions("ann").await, 0);
        assert_eq!(
            shop.browser.post("/add", "").await.text,
            r#"None has ["tea", "tea"]"#
        );
    }

    #[tokio::test]
    async fn an_answer_by_a_form_comes_without_the_cookie_and_by_the_link_after_it_with_the_cookie()
    {
        let shop = Shop::new().await;
        let query = shop.query("ann", &shop.begin("/cart").await);
        // What the browser does: the cookie has `SameSite=Lax`.
        let without_cookies = Browser::new(&shop.app);
        shop.bench.wire.clear();
        let form = cross_site(Request::post("/callback"));
        let posted = without_cookies.send(form, &query).await;
        assert!(without_cookies.cookies().is_empty());
        assert!(shop.bench.wire.operations().is_empty());
        let (path, query) = location(&posted).split_once('?').unwrap();
        assert_eq!(path, "/callback");
        assert_eq!(location(&shop.answer(query).await), "/cart");
        let added = shop.browser.post("/add", "").await;
        assert_eq!(added.text, r#"Some("ann") has ["tea", "tea"]"#);
    }

    #[test]
    fn the_path_is_one_of_this_site() {
        let site = Url::parse("https://shop.example/login").unwrap();
        for path in ["/", "/cart?page=2#tea", "/a//b", "/.//evil.example"] {
            assert_eq!(own_path(path.to_owned()), path);
            let url = site.join(path).unwrap();
            assert_eq!(url.host_str(), Some("shop.example"), "{path}");
        }
        let others = [
            "",
            "cart",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "\t//evil.example",
            " //evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: b",
        ];
        for path in others {
            assert_eq!(own_path(path.to_owned()), "/", "{path:?}");
        }
    }
}
