//! G18. What was answered to a real browser holds: a shop whose answers can come late, and its neighbours.

mod lifetime;
mod neighbours;
mod other_sites;
mod shop;
mod tabs;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, Html};
use axum::routing::get;
use fantoccini::wd::WindowHandle;
use serde_json::json;
use session_store::DynamoDbStore;
use tokio::time::sleep;

use self::shop::{LateAnswers, Shop};
use crate::{Browser, Site, serve};

/// Longer than the cookie of a log-in counts.
const AFTER_THE_LOG_IN_COOKIE: Duration = Duration::from_secs(61 * 60);

/// The name of the cookie with the id.
const NAME: &str = "session-Shop";

/// That of a log-in, without the part that each log-in has for itself.
const LOG_IN: &str = "session-Shop-login";

/// The shop, which browsers visit at `site.url`.
struct Open {
    site: Site,
    store: DynamoDbStore<Shop>,
    late: LateAnswers,
}

impl Open {
    /// `None` if there is no browser on this machine.
    async fn shop() -> Option<Self> {
        let late = LateAnswers::default();
        let mut store = None;
        let site = Site::of(async |of_shop| {
            store = Some(of_shop.clone());
            shop::app(of_shop, late.clone())
        });
        let site = site.await?;
        Some(Self {
            site,
            store: store.unwrap(),
            late,
        })
    }

    /// Sends a request from a script of the page, with the cookies of this moment, and waits until the shop has
    /// handled it. The browser gets the answer when [`arrive`](Self::arrive) says, if it shows the same page.
    async fn send(&self, browser: &Browser, path: &str) {
        let fetch = "const [path] = arguments;
            (window.answers ??= {})[path] =
                fetch(`${path}?late`, { method: 'POST', redirect: 'manual' });";
        let sent = browser.0.execute(fetch, vec![json!(path)]).await;
        sent.unwrap();
        self.late.is_handled(path).await;
    }

    async fn arrive(&self, browser: &Browser, path: &str) {
        self.late.answer(path);
        let wait = "const [path, done] = arguments;
            window.answers[path].then(() => done(true), () => done(false));";
        let arrived = browser.0.execute_async(wait, vec![json!(path)]).await;
        assert_eq!(arrived.unwrap(), true, "{path}");
    }

    /// The number of sessions in which the visitor is logged in.
    async fn logged_in(&self) -> usize {
        let sessions = self.store.sessions(Shop::USER_ID, shop::USER);
        sessions.count().await.unwrap()
    }
}

impl Browser {
    async fn goto(&self, url: &str) {
        self.0.goto(url).await.unwrap();
    }

    /// Opens another tab, which [`show`](Self::show) shows.
    async fn new_tab(&self) -> WindowHandle {
        self.0.new_window(true).await.unwrap().handle
    }

    async fn show(&self, tab: &WindowHandle) {
        self.0.switch_to_window(tab.clone()).await.unwrap();
    }

    /// Presses the button, and waits for the next page.
    async fn submit(&self, button: &str) {
        self.script("window.isBefore = true").await;
        self.press(button).await;
        let wait = "return !window.isBefore && document.readyState === 'complete'";
        for _ in 0..200 {
            if self.script(wait).await == true {
                return;
            }
            sleep(Duration::from_millis(25)).await;
        }
        panic!("no page follows the button {button}");
    }

    /// Sends a request from a script of the page, and waits for the answer.
    async fn ask(&self, path: &str) {
        let fetch = "const [path, done] = arguments;
            fetch(path, { method: 'POST' }).then(() => done(true), () => done(false));";
        let answered = self.0.execute_async(fetch, vec![json!(path)]).await;
        assert_eq!(answered.unwrap(), true, "{path}");
    }

    async fn log_in_to_shop(&self) {
        self.submit("login").await;
        self.shows("You are ada").await;
    }

    /// Loads the page again, which shows whether the visitor is logged in.
    async fn is_logged_in(&self) -> bool {
        self.reload().await;
        self.shows("You are").await;
        self.text().await.contains("You are ada")
    }

    /// The cookies that the browser sends for the page that it shows.
    async fn cookies(&self) -> BTreeMap<String, String> {
        let cookies = self.0.get_all_cookies().await.unwrap().into_iter();
        let pair = |cookie: fantoccini::cookies::Cookie<'_>| {
            // That of a log-in has the beginning of a handle in its name.
            let name = match cookie.name().split_once("-login-") {
                Some((main, _)) => format!("{main}-login"),
                None => cookie.name().to_owned(),
            };
            (name, cookie.value().to_owned())
        };
        cookies.map(pair).collect()
    }
}

/// Serves a page that sets these cookies, on a port of its own.
async fn neighbour(cookies: Vec<Vec<u8>>, page: String) -> u16 {
    let cookies = cookies.into_iter();
    let headers: Vec<(HeaderName, Vec<u8>)> = cookies.map(|cookie| (SET_COOKIE, cookie)).collect();
    let page = get(async move || (AppendHeaders(headers), Html(page)));
    serve(Router::new().route("/", page)).await
}
