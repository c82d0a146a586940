//! Drives the app with real browsers, only by clicks and forms.
//!
//! It needs ChromeDriver and Chromium, on the path or where `CHROMEDRIVER` and `CHROMIUM` say. If they are
//! missing, the tests are skipped, with a note. With `SESSION_STORE_BROWSER=1` they fail instead, and with
//! `SESSION_STORE_BROWSER=0` they are always skipped.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod answered;
mod driver;
mod pages;

use std::io::{Write as _, stderr};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Once;
use std::time::Duration;

use axum::Router;
use axum_app::{AdminPassword, app_with_admin};
use fantoccini::{Client, Locator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use session_store::test_util::{Clock, TestStore};
use session_store::{DynamoDbStore, SessionAttributes};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::sleep;

use crate::driver::{Driver, Programs};

/// The password of `/admin`.
const PASSWORD: &str = "correct-horse-battery";

/// One test at a time, since a small machine cannot run more browsers.
static TURN: Mutex<()> = Mutex::const_new(());

/// An app, and a driver of browsers that visit it.
struct Site {
    url: String,
    clock: Clock,
    driver: Driver,
    _turn: MutexGuard<'static, ()>,
}

impl Site {
    /// `None` if there is no browser on this machine.
    async fn open() -> Option<Self> {
        let app = async |store| {
            let password = AdminPassword::new(PASSWORD.to_owned());
            app_with_admin(store, password).await.unwrap()
        };
        Self::of(app).await
    }

    /// The site of this app.
    async fn of<S>(app: impl AsyncFnOnce(DynamoDbStore<S>) -> Router) -> Option<Self>
    where
        S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let programs = programs()?;
        let turn = TURN.lock().await;
        let test = match std::env::var("SESSION_STORE_ENDPOINT") {
            Ok(url) => TestStore::at(&url).await,
            Err(_) => TestStore::new().await,
        };
        let port = serve(app(test.store).await).await;
        Some(Self {
            url: format!("http://127.0.0.1:{port}"),
            clock: test.clock,
            driver: Driver::start(programs),
            _turn: turn,
        })
    }

    /// A browser that shows the page.
    async fn browser(&self) -> Browser {
        self.browser_with(&[], json!({})).await
    }

    async fn browser_with(&self, arguments: &[&str], options: Value) -> Browser {
        let client = self.driver.browser(arguments, options).await;
        client.goto(&self.url).await.unwrap();
        Browser(client)
    }

    /// A browser in which a user has just logged in.
    async fn logged_in(&self, user: &str) -> Browser {
        let browser = self.browser().await;
        browser.log_in(user).await;
        browser
    }
}

/// Serves an app on loopback until the test ends, and returns its port.
async fn serve(app: Router) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(axum::serve(listener, app).into_future());
    port
}

/// `None` if the tests are to be skipped, which is printed once.
fn programs() -> Option<Programs> {
    static SAID: Once = Once::new();
    let choice = std::env::var("SESSION_STORE_BROWSER");
    let reason = match (choice.as_deref(), Programs::find()) {
        (Ok("0"), _) => "SESSION_STORE_BROWSER is 0",
        (_, Ok(programs)) => return Some(programs),
        (Ok("1"), Err(missing)) => panic!("{missing}"),
        (_, Err(missing)) => missing,
    };
    // Not by `eprintln!`, which the harness shows only when a test fails.
    let text = format!("the tests with a browser are skipped: {reason}\n");
    SAID.call_once(|| stderr().write_all(text.as_bytes()).unwrap());
    None
}

struct Browser(Client);

impl Browser {
    async fn log_in(&self, user: &str) {
        self.fill("user", user).await;
        self.press("Log in").await;
        self.shows("Logged in as").await;
    }

    async fn fill(&self, field: &str, text: &str) {
        let field = format!("[name='{field}']");
        let field = self.0.find(Locator::Css(&field)).await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Clicks the button with this text.
    async fn press(&self, button: &str) {
        self.click(&format!("//button[normalize-space()='{button}']"))
            .await;
    }

    async fn click(&self, xpath: &str) {
        let found = self.0.wait().for_element(Locator::XPath(xpath)).await;
        found.unwrap().click().await.unwrap();
    }

    /// Waits until the page has this text.
    async fn shows(&self, text: &str) {
        let mut page = String::new();
        for _ in 0..100 {
            page = self.text().await;
            if page.contains(text) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("`{text}` is not on the page: {page}");
    }

    /// The text of the page, with single spaces.
    async fn text(&self) -> String {
        let text = self.script("return document.body?.innerText ?? ''").await;
        let words = text.as_str().unwrap_or_default().split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    }

    async fn reload(&self) {
        self.0.refresh().await.unwrap();
    }

    /// The number of sessions that the page lists.
    async fn devices(&self) -> usize {
        let devices = self.0.find_all(Locator::Css(".devices li")).await;
        devices.unwrap().len()
    }

    /// The short handle of this browser's own session.
    async fn handle(&self) -> String {
        let own = "//ul[@class='devices']/li[.//*[@class='badge']]//code";
        let own = self.0.find(Locator::XPath(own)).await.unwrap();
        own.text().await.unwrap()
    }

    async fn script(&self, script: &str) -> Value {
        self.0.execute(script, Vec::new()).await.unwrap()
    }

    /// Whether it has the cookie of the session. That of a log-in stays after a log-out.
    async fn has_cookie(&self) -> bool {
        let cookies = self.0.get_all_cookies().await.unwrap();
        let mut names = cookies.iter().map(|cookie| cookie.name());
        names.any(|name| name.starts_with("session-") && !name.contains("-login-"))
    }

    /// Waits until the page asks for a log-in.
    async fn shows_the_log_in(&self) {
        self.shows("Log in").await;
        assert_eq!(self.devices().await, 0);
        assert!(!self.text().await.contains("Logged in as"));
    }
}

#[tokio::test]
async fn one_device_ends_the_other() {
    let Some(site) = Site::open().await else {
        return;
    };
    let phone = site.logged_in("ada").await;
    let laptop = site.logged_in("ada").await;
    for browser in [&phone, &laptop] {
        browser.reload().await;
        browser.shows("Your sessions 2 of 5").await;
        assert_eq!(browser.devices().await, 2);
    }
    let (phones, laptops) = (phone.handle().await, laptop.handle().await);
    assert_ne!(phones, laptops);

    laptop.shows("Active now, from 127.0.0.1").await;
    laptop
        .click(&format!(
            "//button[contains(@aria-label, '{phones}')][.='End']"
        ))
        .await;
    laptop.shows("Your sessions 1 of 5").await;
    assert_eq!(laptop.handle().await, laptops);

    // The page that the phone still shows has no session any more: its requests are anonymous.
    phone.fill("item", "a kettle").await;
    phone.press("Add").await;
    phone.shows_the_log_in().await;
    phone.shows("a kettle").await;
    laptop.reload().await;
    laptop.shows("Logged in as ada").await;
    assert!(!laptop.text().await.contains("a kettle"));
}

#[tokio::test]
async fn a_user_logs_out_everywhere() {
    let Some(site) = Site::open().await else {
        return;
    };
    let phone = site.logged_in("ada").await;
    let laptop = site.logged_in("ada").await;
    laptop.press("Log out everywhere").await;
    laptop.shows_the_log_in().await;
    assert!(!laptop.has_cookie().await);
    phone.reload().await;
    phone.shows_the_log_in().await;
    // Only the phone's own log-out removes its cookie.
    assert!(phone.has_cookie().await);
}

#[tokio::test]
async fn a_user_confirms_it_before_all_sessions_end() {
    let Some(site) = Site::open().await else {
        return;
    };
    let phone = site.logged_in("ada").await;
    let laptop = site.logged_in("ada").await;
    site.clock.advance(Duration::from_secs(11 * 60));
    laptop.press("Log out everywhere").await;
    laptop.shows("Confirm that it is you").await;
    laptop.fill("user", "ada").await;
    laptop.press("Log out everywhere").await;
    laptop.shows_the_log_in().await;
    phone.reload().await;
    phone.shows_the_log_in().await;
}

#[tokio::test]
async fn an_idle_session_ends() {
    const ALMOST_IDLE: Duration = Duration::from_secs(29 * 60);
    let Some(site) = Site::open().await else {
        return;
    };
    let browser = site.logged_in("ada").await;
    for _ in 0..2 {
        site.clock.advance(ALMOST_IDLE);
        browser.reload().await;
        browser.shows("Logged in as ada").await;
    }
    site.clock.advance(ALMOST_IDLE + Duration::from_secs(60));
    browser.reload().await;
    browser.shows_the_log_in().await;
    browser.log_in("ada").await;
    browser.shows("Your sessions 1 of 5").await;
}

#[tokio::test]
async fn the_sixth_log_in_ends_the_oldest_and_says_so() {
    let Some(site) = Site::open().await else {
        return;
    };
    let oldest = site.logged_in("ada").await;
    let handle = oldest.handle().await;

    // A browser without its cookies is another device.
    let latest = site.browser().await;
    for devices in 2..=6 {
        site.clock.advance(Duration::from_secs(1));
        latest.0.delete_all_cookies().await.unwrap();
        latest.reload().await;
        latest.log_in("ada").await;
        latest
            .shows(&format!("Your sessions {} of 5", devices.min(5)))
            .await;
        if devices < 6 {
            assert!(!latest.text().await.contains("was ended"));
        }
    }
    latest
        .shows(&format!("Your oldest session, {handle}, was ended"))
        .await;
    latest.reload().await;
    latest.shows("Your sessions 5 of 5").await;
    assert!(
        !latest.text().await.contains("was ended"),
        "the page says it only once"
    );
    oldest.reload().await;
    oldest.shows_the_log_in().await;
}

/// Real browsers send the origin of a form.
#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let Some(site) = Site::open().await else {
        return;
    };
    let browser = site.browser().await;
    let form = format!(
        "data:text/html,<form method=post action='{}/login'><input name=user value=eve>\
         <button>Win a kettle</button></form>",
        site.url
    );
    browser.0.goto(&form).await.unwrap();
    browser.press("Win a kettle").await;
    browser.shows("This form came from another site").await;
    browser.0.goto(&site.url).await.unwrap();
    browser.shows_the_log_in().await;
    assert!(!browser.has_cookie().await);
}
