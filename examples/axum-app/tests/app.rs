//! Drives the app in this process, with one cookie jar for each browser.
//!
//! It uses the embedded engine, or the one at `SESSION_STORE_ENDPOINT` if that is set.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, its helpers as well"
)]

#[path = "app/admin.rs"]
mod admin;
#[path = "app/confirm.rs"]
mod confirm;
#[path = "app/devices.rs"]
mod devices;
#[path = "app/remember.rs"]
mod remember;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, COOKIE, HOST, HeaderMap, LOCATION, ORIGIN, SET_COOKIE,
};
use axum::http::{Method, Request, StatusCode};
use axum_app::{AppSession, Store, app};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use session_store::embedded::Embedded;
use session_store::test_util::{Fault, TestStore};
use session_store::{AttributeValue, DynamoDbStore, SessionId};
use tower::ServiceExt as _;

const FORM: &str = "application/x-www-form-urlencoded";

async fn test_store() -> TestStore<AppSession> {
    match std::env::var("SESSION_STORE_ENDPOINT") {
        Ok(url) => TestStore::at(&url).await,
        Err(_) => TestStore::new().await,
    }
}

async fn store() -> Store {
    test_store().await.store
}

/// The number of items in the table, including any that should not be there, but without the rosters of the
/// consistent index: they stay for a while after their sessions have ended.
async fn stored(store: &Store) -> usize {
    let scan = store.client().scan().table_name(store.table_name());
    let scan = scan.send().await.unwrap();
    // Without the marks that changes of ids leave.
    let items = scan.items().iter();
    let items = items.filter(|item| !item.contains_key("moved_to"));
    let ids = items.map(|item| item["id"].as_s().unwrap());
    ids.filter(|id| !id.starts_with("#user_id#")).count()
}

/// A client that keeps its session cookie, as browsers do.
struct Browser {
    app: Router,
    /// The header that it sends with each request.
    headers: HeaderMap,
    cookie_name: &'static str,
    cookie: Option<String>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: impl axum::http::header::AsHeaderName) -> &str {
        self.headers[name].to_str().unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

impl Browser {
    fn new(store: &Store) -> Self {
        Self::of(app(store.clone()), "session-AppSession")
    }

    fn of(app: Router, cookie_name: &'static str) -> Self {
        Self {
            app,
            headers: HeaderMap::new(),
            cookie_name,
            cookie: None,
        }
    }

    async fn logged_in(store: &Store, user: &str) -> Self {
        let mut browser = Self::new(store);
        let answer = browser.post("/login", &format!("user={user}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        browser
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::empty()).await
    }

    async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.send(Method::POST, path, Body::from(form.to_owned()))
            .await
    }

    async fn send(&mut self, method: Method, path: &str, body: Body) -> Answer {
        let mut request = Request::builder()
            .method(&method)
            .uri(path)
            .header(HOST, "127.0.0.1:3000")
            .header(ACCEPT, "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if method == Method::POST {
            request = request.header(CONTENT_TYPE, FORM);
        }
        if let Some(cookie) = &self.cookie {
            let name = self.cookie_name;
            request = request.header(COOKIE, format!("other=1; {name}={cookie}"));
        }
        let request = request.body(body).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        if let Some(cookie) = parts.headers.get(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert_eq!(name, self.cookie_name);
            self.cookie = (!value.is_empty()).then(|| value.to_owned());
        }
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let id = self.cookie.as_deref().filter(|id| id.len() == 43);
        assert!(
            id.is_none_or(|id| !text.contains(id)),
            "a session id is only in the cookie"
        );
        Answer {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }

    async fn page(&mut self) -> String {
        let answer = self.get("/page").await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.text
    }

    async fn devices(&mut self) -> Vec<Value> {
        let answer = self.get("/devices").await;
        assert_eq!(answer.status, StatusCode::OK);
        serde_json::from_str(&answer.text).unwrap()
    }

    /// The handle of the session of this browser.
    fn handle(&self) -> String {
        let id = SessionId::parse(self.cookie.as_deref().unwrap()).unwrap();
        id.handle().to_string()
    }
}

#[tokio::test]
async fn one_device_ends_the_other() {
    let store = store().await;
    let mut phone = Browser::logged_in(&store, "ada").await;
    let mut laptop = Browser::logged_in(&store, "ada").await;

    let devices = laptop.devices().await;
    assert_eq!(devices.len(), 2);
    for device in &devices {
        assert_eq!(device["current"], device["handle"] == laptop.handle());
        assert!(device["created_at"].as_u64().unwrap() > 1_700_000_000_000);
    }
    assert!(devices[0]["created_at"].as_u64() >= devices[1]["created_at"].as_u64());

    let answer = laptop
        .post(&format!("/devices/{}/revoke", phone.handle()), "")
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header(LOCATION), "/");

    assert_eq!(phone.page().await, "anonymous");
    assert_eq!(phone.get("/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(laptop.page().await, "ada");
    assert_eq!(laptop.devices().await.len(), 1);
}

#[tokio::test]
async fn one_device_ends_all_others() {
    let store = store().await;
    let mut others = [
        Browser::logged_in(&store, "ada").await,
        Browser::logged_in(&store, "ada").await,
    ];
    let mut grace = Browser::logged_in(&store, "grace").await;
    let mut laptop = Browser::logged_in(&store, "ada").await;

    let answer = laptop.post("/logout-others", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    for other in &mut others {
        assert_eq!(other.page().await, "anonymous");
    }
    assert_eq!(laptop.page().await, "ada");
    assert_eq!(grace.page().await, "grace");
}

#[tokio::test]
async fn a_log_in_is_listed_at_once_and_ended_everywhere() {
    let store = store().await;
    let mut grace = Browser::logged_in(&store, "grace").await;
    let mut laptop = Browser::logged_in(&store, "ada").await;
    let mut phone = Browser::logged_in(&store, "ada").await;
    let devices = laptop.devices().await;
    let fresh = devices.iter().find(|d| d["handle"] == phone.handle());
    let fresh = fresh.unwrap();
    assert_eq!(fresh["current"], false);
    assert_eq!(fresh["touched_at"], fresh["created_at"]);
    assert!(fresh["expires_at"].as_u64() > fresh["touched_at"].as_u64());

    let mut tablet = Browser::logged_in(&store, "ada").await;
    let id = laptop.cookie.clone();
    let answer = laptop.post("/logout-everywhere", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header(LOCATION), "/");
    let cookie = answer.header(SET_COOKIE);
    assert!(
        cookie.contains("Max-Age=0") && cookie.contains("Path=/"),
        "{cookie}"
    );
    laptop.cookie = id;
    for ended in [&mut laptop, &mut phone, &mut tablet] {
        assert_eq!(ended.page().await, "anonymous");
    }
    assert_eq!(grace.page().await, "grace");
    assert_eq!(stored(&store).await, 1);
}

#[tokio::test]
async fn logging_out_everywhere_takes_a_form_of_this_site() {
    let store = store().await;
    let mut ada = Browser::logged_in(&store, "ada").await;
    let answer = ada.get("/logout-everywhere").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    // The cookie is `SameSite=Lax`, so a form of another site comes without it.
    let mut elsewhere = Browser::new(&store);
    for path in ["/logout-others", "/logout-everywhere"] {
        let answer = elsewhere.post(path, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(!answer.headers.contains_key(SET_COOKIE), "{path}");
    }
    assert_eq!(ada.page().await, "ada");
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_even_with_the_cookie() {
    const SITE: &str = "sec-fetch-site";
    let store = store().await;
    let mut ada = Browser::logged_in(&store, "ada").await;
    let revoke = format!("/devices/{}/revoke", ada.handle());
    let refused: [&[(&str, &str)]; 9] = [
        &[(SITE, "cross-site")],
        &[(SITE, "same-site")],
        &[(SITE, "")],
        &[
            (SITE, "cross-site"),
            (ORIGIN.as_str(), "http://127.0.0.1:3000"),
        ],
        &[(ORIGIN.as_str(), "http://127.0.0.1:4000")],
        &[(ORIGIN.as_str(), "http://127.0.0.1")],
        &[(ORIGIN.as_str(), "https://127.0.0.1:3000.example")],
        &[(ORIGIN.as_str(), "null")],
        &[(ORIGIN.as_str(), "")],
    ];
    let forms = [
        ("/login", "user=eve"),
        ("/cart", "item=tea"),
        ("/theme", "theme=dark"),
        (&revoke, ""),
        ("/logout", ""),
        ("/logout-others", ""),
        ("/logout-everywhere", ""),
    ];
    for headers in refused {
        ada.headers = self::headers(headers);
        for (path, form) in forms {
            let answer = ada.post(path, form).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}: {headers:?}");
            assert!(answer.text.contains("came from another site"), "{path}");
            assert!(!answer.headers.contains_key(SET_COOKIE), "{path}");
        }
        // A link from another site is allowed.
        assert_eq!(ada.page().await, "ada");
    }
    let me = json!({"user_id": "ada", "cart": [], "theme": "auto", "visits": 0});
    assert_eq!(ada.get("/me").await.json(), me);

    let allowed: [&[(&str, &str)]; 5] = [
        &[],
        &[(SITE, "same-origin")],
        &[(SITE, "none")],
        &[(SITE, "same-origin"), (ORIGIN.as_str(), "null")],
        &[(ORIGIN.as_str(), "http://127.0.0.1:3000")],
    ];
    for headers in allowed {
        ada.headers = self::headers(headers);
        let answer = ada.post("/cart", "item=tea").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{headers:?}");
    }
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| (name.parse().unwrap(), value.parse().unwrap());
    pairs.iter().map(pair).collect()
}

#[tokio::test]
async fn a_log_in_beyond_the_limit_ends_the_oldest() {
    let TestStore { store, clock, .. } = test_store().await;
    let mut oldest = Browser::logged_in(&store, "ada").await;
    let handle = oldest.handle();
    clock.advance(Duration::from_secs(1));
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(Browser::logged_in(&store, "ada").await);
    }
    let page = oldest.get("/").await.text;
    assert!(page.contains("5 of 5") && !page.contains("oldest session"));

    let mut sixth = Browser::logged_in(&store, "ada").await;
    assert_eq!(oldest.page().await, "anonymous");
    assert_eq!(sixth.devices().await.len(), 5);
    assert_eq!(stored(&store).await, 5);
    let page = sixth.get("/").await.text;
    let notice = format!(
        "Your oldest session, <code>{}</code>, was ended",
        &handle[..8]
    );
    assert!(page.contains(&notice) && page.contains("5 of 5"), "{page}");
    let page = sixth.get("/").await.text;
    assert!(
        !page.contains("oldest session"),
        "the page says it only once: {page}"
    );
    for other in &mut others {
        assert_eq!(other.page().await, "ada");
        assert!(!other.get("/").await.text.contains("oldest session"));
    }

    // With a new id it is still the same session: no session makes room for it.
    sixth.post("/login", "user=ada").await;
    assert_eq!(sixth.devices().await.len(), 5);
    assert!(!sixth.get("/").await.text.contains("oldest session"));
}

/// The notice is stored after the log-in. If that fails, the browser must still get the cookie, since
/// nothing else has the new id.
#[tokio::test]
async fn a_log_in_counts_even_if_its_notice_is_lost() {
    let TestStore { store, wire, .. } = test_store().await;
    for _ in 0..5 {
        Browser::logged_in(&store, "ada").await;
    }
    let mut sixth = Browser::new(&store);
    sixth.post("/cart", "item=tea").await;
    let anonymous = sixth.cookie.clone();
    for _ in 0..3 {
        wire.next("UpdateItem", Fault::throttled());
    }
    let answer = sixth.post("/login", "user=ada").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_ne!(sixth.cookie, anonymous);
    assert_eq!(sixth.page().await, "ada");
    assert_eq!(sixth.devices().await.len(), 5);
    assert!(!sixth.get("/").await.text.contains("oldest session"));
}

#[tokio::test]
async fn a_user_cannot_end_the_session_of_another() {
    let store = store().await;
    let mut ada = Browser::logged_in(&store, "ada").await;
    let mut grace = Browser::logged_in(&store, "grace").await;
    let revoke = format!("/devices/{}/revoke", ada.handle());

    assert_eq!(grace.post(&revoke, "").await.status, StatusCode::NOT_FOUND);
    let mut anonymous = Browser::new(&store);
    let answer = anonymous.post(&revoke, "").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = grace.post("/devices/no-handle/revoke", "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);

    assert_eq!(ada.page().await, "ada");
}

#[tokio::test]
async fn a_user_ends_the_current_session_by_its_handle() {
    let store = store().await;
    let mut ada = Browser::logged_in(&store, "ada").await;
    let revoke = format!("/devices/{}/revoke", ada.handle());
    assert_eq!(ada.post(&revoke, "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(ada.page().await, "anonymous");
}

#[tokio::test]
async fn logging_in_never_keeps_the_old_id() {
    let store = store().await;
    let mut browser = Browser::new(&store);
    browser.post("/cart", "item=tea").await;
    browser.post("/theme", "theme=dark").await;
    let fixed = browser.cookie.clone();

    browser.post("/login", "user=+ada+&profile=maths").await;
    assert_ne!(browser.cookie, fixed);
    assert_eq!(
        browser.get("/me").await.json(),
        json!({"user_id": "ada", "cart": ["tea"], "theme": "dark", "visits": 0})
    );
    assert_eq!(stored(&store).await, 1);

    let mut attacker = Browser::new(&store);
    attacker.cookie = fixed;
    assert_eq!(attacker.page().await, "anonymous");
}

#[tokio::test]
async fn the_cart_stays_with_its_user() {
    let store = store().await;
    let mut browser = Browser::logged_in(&store, "ada").await;
    browser.post("/cart", "item=tea").await;
    browser.post("/login", "user=ada").await;
    assert_eq!(browser.get("/me").await.json()["cart"], json!(["tea"]));
    browser.post("/login", "user=grace").await;
    assert_eq!(browser.get("/me").await.json()["cart"], json!([]));
    assert_eq!(stored(&store).await, 1);
}

#[tokio::test]
async fn logging_out_ends_the_session_and_takes_the_cookie() {
    let store = store().await;
    let mut browser = Browser::logged_in(&store, "ada").await;
    let id = browser.cookie.clone();

    let answer = browser.post("/logout", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let cookie = answer.header(SET_COOKIE);
    assert!(
        cookie.contains("Max-Age=0") && cookie.contains("Path=/"),
        "{cookie}"
    );
    assert_eq!(browser.cookie, None);
    browser.cookie = id;
    assert_eq!(browser.page().await, "anonymous");
    assert_eq!(stored(&store).await, 0);

    let answer = Browser::new(&store).post("/logout", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn reading_creates_nothing() {
    let store = store().await;
    let mut browser = Browser::new(&store);
    for path in ["/", "/page", "/me", "/devices", "/nowhere"] {
        let answer = browser.get(path).await;
        assert!(!answer.headers.contains_key(SET_COOKIE), "{path}");
    }
    assert_eq!(stored(&store).await, 0);
}

#[tokio::test]
async fn a_bad_cookie_is_anonymous() {
    let store = store().await;
    let unknown = "A".repeat(43);
    let long = "A".repeat(5000);
    let quoted = format!("\"{unknown}\"");
    for cookie in ["", "x", "%00", &unknown, &long, &quoted] {
        let mut browser = Browser::new(&store);
        browser.cookie = Some(cookie.to_owned());
        let answer = browser.get("/me").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{cookie:?}");
    }
    assert_eq!(stored(&store).await, 0);

    let mut browser = Browser::new(&store);
    browser.cookie = Some(unknown.clone());
    browser.post("/cart", "item=tea").await;
    assert_ne!(
        browser.cookie,
        Some(unknown),
        "an unknown id is not adopted"
    );
    assert_eq!(stored(&store).await, 1);
}

#[tokio::test]
async fn a_session_that_ended_does_not_come_back() {
    let store = store().await;
    let mut browser = Browser::logged_in(&store, "ada").await;
    let id = browser.cookie.clone().unwrap();
    store.delete(&SessionId::parse(&id).unwrap()).await.unwrap();

    browser.post("/cart", "item=tea").await;
    assert_ne!(browser.cookie, Some(id));
    assert_eq!(browser.page().await, "anonymous");
    assert!(browser.get("/").await.text.contains("tea"));
}

#[tokio::test]
async fn bad_forms_are_refused_with_a_reason() {
    let store = store().await;
    let mut browser = Browser::new(&store);
    let many = |n| "ä".repeat(n);
    let bad = [
        ("/login", String::new(), "missing field `user`"),
        ("/login", "user=".to_owned(), "user: enter 1 to"),
        ("/login", "user=++".to_owned(), "user: enter 1 to"),
        ("/login", format!("user={}", many(65)), "64 characters"),
        (
            "/login",
            format!("user=a&profile={}", "x".repeat(65_537)),
            "64 KB",
        ),
        ("/login", "user=a&user=b".to_owned(), "duplicate field"),
        ("/cart", "item=".to_owned(), "item: enter 1 to"),
        ("/cart", format!("item={}", many(101)), "100 characters"),
        ("/theme", "theme=%3Cpink%3E".to_owned(), "&lt;pink&gt;"),
    ];
    for (path, form, reason) in bad {
        let answer = browser.post(path, &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert!(answer.text.contains(reason), "{path}: {}", answer.text);
    }
    let huge = format!("user=a&profile={}", "x".repeat(1 << 20));
    let answer = browser.post("/login", &huge).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(stored(&store).await, 0);

    let longest = format!("user={}&profile={}", many(64), "%C3%A4".repeat(32_768));
    assert_eq!(
        browser.post("/login", &longest).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(browser.page().await, many(64));
    let longest = format!("item={}", many(100));
    assert_eq!(
        browser.post("/cart", &longest).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn unknown_routes_are_not_found() {
    let store = store().await;
    let mut browser = Browser::new(&store);
    assert_eq!(browser.get("/nowhere").await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        browser.post("/nowhere", "").await.status,
        StatusCode::NOT_FOUND
    );
    let answer = browser.get("/login").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn the_cookie_is_for_this_site_and_this_session_only() {
    let store = store().await;
    let mut browser = Browser::new(&store);
    let answer = browser.post("/login", "user=ada").await;
    let cookie = answer.header(SET_COOKIE);
    let attributes: Vec<_> = cookie.split("; ").collect();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=28800"] {
        assert!(attributes.contains(&attribute), "{cookie}");
    }
    // The app is served without TLS, on this machine.
    assert!(!attributes.contains(&"Secure") && !cookie.contains("Domain"));
    // Once set, the cookie stays: a later response need not set it again.
    let answer = browser.post("/cart", "item=tea").await;
    assert!(!answer.headers.contains_key(SET_COOKIE));
}

#[tokio::test]
async fn the_page_shows_what_is_in_the_session() {
    let store = store().await;
    let mut browser = Browser::logged_in(&store, "%3Cb%3Eada%3C%2Fb%3E").await;
    browser.post("/cart", "item=%3Cscript%3E").await;
    browser.post("/theme", "theme=light").await;
    browser.get("/").await;
    let answer = browser.get("/").await;
    assert_eq!(answer.header(CACHE_CONTROL), "no-store");
    assert!(answer.text.contains("&lt;b&gt;ada&lt;/b&gt;"));
    assert!(answer.text.contains("&lt;script&gt;"));
    assert!(!answer.text.contains("<b>") && !answer.text.contains("<script"));
    assert!(answer.text.contains("data-theme=\"light\""));
    assert_eq!(browser.get("/me").await.json()["visits"], 2);
    assert_eq!(browser.get("/me").await.json()["visits"], 2);
}

#[tokio::test]
async fn the_item_can_be_seen_by_its_owner() {
    let store = store().await;
    let mut ada = Browser::logged_in(&store, "ada").await;
    let page = ada.get("/item").await;
    assert_eq!(page.status, StatusCode::OK);
    for shown in [
        "<code>user_id</code></td><td>S</td><td><code>ada</code>",
        "<code>data</code></td><td>M</td>",
    ] {
        assert!(page.text.contains(shown), "{}", page.text);
    }
    assert!(!page.text.contains(ada.cookie.as_deref().unwrap()));
    assert_eq!(
        Browser::new(&store).get("/item").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn the_item_has_the_user_beside_the_data() {
    let store = store().await;
    let mut browser = Browser::new(&store);
    browser.post("/cart", "item=tea").await;
    let anonymous = item(&store, &browser).await;
    assert!(!anonymous.contains_key("user_id"));

    browser.post("/login", "user=ada").await;
    let item = item(&store, &browser).await;
    assert_eq!(item["user_id"], AttributeValue::S("ada".to_owned()));
    let data = item["data"].as_m().unwrap();
    assert_eq!(
        data["cart"],
        AttributeValue::L(vec![AttributeValue::S("tea".to_owned())])
    );
}

async fn item(
    store: &Store,
    browser: &Browser,
) -> std::collections::HashMap<String, AttributeValue> {
    let read = store.client().get_item().table_name(store.table_name());
    let read = read.key("id", AttributeValue::S(browser.handle()));
    read.send().await.unwrap().item.unwrap()
}

#[tokio::test]
async fn a_failing_store_does_not_log_out() {
    // An engine without the table.
    let engine = Embedded::memory().await.unwrap();
    let nowhere = DynamoDbStore::<AppSession>::builder()
        .client(engine.client())
        .build()
        .await
        .unwrap();
    let mut browser = Browser::new(&nowhere);
    browser.cookie = Some("A".repeat(43));
    for path in ["/", "/page", "/me", "/devices"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(!answer.headers.contains_key(SET_COOKIE), "{path}");
    }
    let forms = [
        ("/login", "user=ada"),
        ("/cart", "item=tea"),
        ("/logout", ""),
        ("/logout-others", ""),
        ("/logout-everywhere", ""),
    ];
    for (path, form) in forms {
        browser.cookie = Some("A".repeat(43));
        let answer = browser.post(path, form).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        // Only a log-out takes the cookie away.
        let has_cookie = answer.headers.contains_key(SET_COOKIE);
        assert_eq!(has_cookie, path == "/logout", "{path}");
    }
}

#[tokio::test]
async fn a_session_that_ends_during_the_request_is_anonymous() {
    let TestStore { store, wire, .. } = test_store().await;
    let end_meanwhile = || {
        let store = store.clone();
        let end = async move || {
            let revoked = store.revoke(AppSession::USER_ID, "ada").await.unwrap();
            assert_eq!(revoked.deleted(), 1);
        };
        wire.next("UpdateItem", Fault::meanwhile(end));
    };
    let mut browser = Browser::logged_in(&store, "ada").await;
    end_meanwhile();
    let answer = browser.get("/").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text.contains("action=\"/login\""));
    assert_eq!(stored(&store).await, 0);

    for (path, form) in [("/cart", "item=tea"), ("/theme", "theme=dark")] {
        let mut browser = Browser::logged_in(&store, "ada").await;
        end_meanwhile();
        let answer = browser.post(path, form).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{path}");
        assert!(answer.text.contains("Please try again"), "{path}");
        assert!(!answer.headers.contains_key(SET_COOKIE), "{path}");
        assert_eq!(browser.page().await, "anonymous");
        assert_eq!(stored(&store).await, 0);
    }
}

/// If many requests add to the cart in parallel, none undoes another.
#[tokio::test]
async fn nothing_is_lost_from_the_cart() {
    let store = store().await;
    let mut browser = Browser::logged_in(&store, "ada").await;
    let added = (0..10).map(|n| {
        let mut tab = Browser::new(&store);
        tab.cookie.clone_from(&browser.cookie);
        tokio::spawn(async move { tab.post("/cart", &format!("item=tea+{n}")).await.status })
    });
    for added in added.collect::<Vec<_>>() {
        assert_eq!(added.await.unwrap(), StatusCode::SEE_OTHER);
    }
    let me = browser.get("/me").await.json();
    assert_eq!(me["cart"].as_array().unwrap().len(), 10);
}
