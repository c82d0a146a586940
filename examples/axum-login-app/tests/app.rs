//! Drives the app in this process, with one cookie jar for each browser.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers as well"
)]

use std::collections::HashMap;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{Method, Request, StatusCode};
use axum::routing::{get, post};
use axum::{Form, Router};
use axum_login::tower_sessions::SessionManagerLayer;
use axum_login::{AuthManagerLayerBuilder, AuthUser as _};
use axum_login_app::{Credentials, Store, Users, Visitor, app};
use http_body_util::BodyExt as _;
use session_store::AttributeValue;
use session_store::frameworks::tower_sessions::TowerSessions;
use tower::ServiceExt as _;

const OLD: &str = "analytical engine";
const NEW: &str = "difference engine";

struct Site {
    store: Store,
    app: Router,
}

impl Site {
    async fn new() -> Self {
        let store = Store::builder().embedded().build().await.unwrap();
        let users = Users::new([("ada", OLD), ("grace", "compiler")]);
        let app = app(store.clone(), users);
        Self { store, app }
    }

    /// axum-login on the store, without the example's own log-in.
    async fn bare() -> Self {
        type Auth = axum_login::AuthSession<Users>;
        async fn log_in(mut auth: Auth, Form(form): Form<Credentials>) {
            let user = auth.authenticate(form).await.unwrap().unwrap();
            auth.login(&user).await.unwrap();
        }
        async fn log_in_after_log_out(mut auth: Auth, Form(form): Form<Credentials>) {
            auth.logout().await.unwrap();
            log_in(auth, Form(form)).await;
        }
        async fn who(auth: Auth) -> String {
            auth.user.map(|user| user.id()).unwrap_or_default()
        }
        let store = Store::builder().embedded().build().await.unwrap();
        let users = Users::new([("ada", OLD), ("grace", "compiler")]);
        let sessions = SessionManagerLayer::new(TowerSessions::new(store.clone()));
        let sessions = sessions.with_name("session");
        let app = Router::new()
            .route("/bare", post(log_in))
            .route("/bare-after-logout", post(log_in_after_log_out))
            .route("/who", get(who))
            .layer(AuthManagerLayerBuilder::new(users, sessions).build());
        Self { store, app }
    }

    fn browser(&self) -> Browser {
        Browser {
            app: self.app.clone(),
            headers: HeaderMap::new(),
            cookie: None,
        }
    }

    async fn logged_in(&self, user: &str, password: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.log_in(user, password).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        browser
    }

    /// All items of the table.
    async fn items(&self) -> Vec<HashMap<String, AttributeValue>> {
        let scan = self.store.client().scan();
        let found = scan.table_name(self.store.table_name()).send().await;
        let mut items = found.unwrap().items.unwrap_or_default();
        items.sort_by_key(|item| format!("{:?}", item["id"]));
        items
    }

    /// The number of sessions, without the rosters of their users.
    async fn stored(&self) -> usize {
        let scan = self.store.client().scan();
        let found = scan.table_name(self.store.table_name()).send().await;
        let items = found.unwrap().items.unwrap_or_default();
        items
            .iter()
            .filter(|item| item.contains_key("data"))
            .count()
    }

    async fn sessions_of(&self, user: &str) -> usize {
        self.store
            .sessions(Visitor::USER, user)
            .count()
            .await
            .unwrap()
    }
}

/// A client that keeps its session cookie, as browsers do.
struct Browser {
    app: Router,
    /// The headers that it sends with each request.
    headers: HeaderMap,
    cookie: Option<String>,
}

struct Answer {
    status: StatusCode,
    location: Option<String>,
    text: String,
}

impl Browser {
    async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, String::new()).await
    }

    async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.send(Method::POST, path, form.to_owned()).await
    }

    async fn log_in(&mut self, user: &str, password: &str) -> Answer {
        let form = format!("user={user}&password={password}");
        self.post("/login", &form).await
    }

    async fn change_password(&mut self, current: &str, new: &str) -> Answer {
        let form = format!("current={current}&new={new}");
        self.post("/password", &form).await
    }

    async fn send(&mut self, method: Method, path: &str, form: String) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        request = request.header(HOST, "127.0.0.1:3000");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, format!("other=1; session={cookie}"));
        }
        let request = request.body(Body::from(form)).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        if let Some(cookie) = parts.headers.get(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let value = pair.strip_prefix("session=").unwrap();
            self.cookie = (!value.is_empty()).then(|| value.to_owned());
        }
        let location = parts.headers.get(LOCATION);
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            location: location.map(|location| location.to_str().unwrap().to_owned()),
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Whether the page behind the log-in is shown; if not, the response redirects to the log-in.
    async fn is_logged_in(&mut self) -> bool {
        let answer = self.get("/account").await;
        match answer.status {
            StatusCode::OK => true,
            StatusCode::TEMPORARY_REDIRECT => {
                assert!(answer.location.unwrap().starts_with('/'));
                false
            }
            status => panic!("{status}"),
        }
    }
}

#[tokio::test]
async fn a_wrong_password_does_not_log_in() {
    let site = Site::new().await;
    let mut browser = site.browser();
    for (user, password) in [("ada", "compiler"), ("ada", ""), ("nobody", OLD), ("", "")] {
        let answer = browser.log_in(user, password).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{user}");
        assert!(!browser.is_logged_in().await);
    }
    assert_eq!(site.stored().await, 0);
    for form in ["", "user=ada", "user=ada&user=ada&password=x"] {
        let answer = browser.post("/login", form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
    }
    assert!(site.logged_in("ada", OLD).await.is_logged_in().await);
}

#[tokio::test]
async fn a_log_in_has_a_new_id_and_keeps_the_rest() {
    let site = Site::new().await;
    let mut browser = site.browser();
    browser.post("/note", "note=tea+%3Cb%3E").await;
    let fixed = browser.cookie.clone().unwrap();
    browser.log_in("ada", OLD).await;
    assert_ne!(browser.cookie.as_ref(), Some(&fixed));
    assert_eq!(site.stored().await, 1);
    let page = browser.get("/").await.text;
    assert!(
        page.contains("tea &lt;b&gt;") && page.contains("Logged in as <b>ada</b>"),
        "{page}"
    );

    let mut attacker = site.browser();
    attacker.cookie = Some(fixed);
    assert!(!attacker.is_logged_in().await);
}

#[tokio::test]
async fn another_user_can_log_in_without_logging_out() {
    let site = Site::new().await;
    let mut browser = site.logged_in("ada", OLD).await;
    let answer = browser.log_in("grace", "compiler").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let page = browser.get("/").await.text;
    assert!(page.contains("Logged in as <b>grace</b>"), "{page}");
    assert_eq!(site.sessions_of("ada").await, 0);
}

/// An attacker logs in, and plants the id of that session in the browser of somebody else.
#[tokio::test]
async fn a_log_in_over_a_planted_session_leaves_the_attacker_behind() {
    for (attacker, password) in [("grace", "compiler"), ("ada", OLD)] {
        let site = Site::new().await;
        let mut attacker = site.logged_in(attacker, password).await;
        attacker.post("/note", "note=mine").await;
        let planted = attacker.cookie.clone();
        let mut victim = site.browser();
        victim.cookie = planted.clone();
        let answer = victim.log_in("ada", OLD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_ne!(victim.cookie, planted);
        assert!(victim.is_logged_in().await);
        attacker.cookie = planted;
        assert!(!attacker.is_logged_in().await);
        assert_eq!(site.stored().await, 1);
    }
}

#[tokio::test]
async fn a_log_in_over_the_session_of_another_user_shows_nothing_of_it() {
    let site = Site::new().await;
    let mut browser = site.logged_in("ada", OLD).await;
    browser.post("/note", "note=secret").await;
    browser.log_in("grace", "compiler").await;
    let page = browser.get("/").await.text;
    assert!(page.contains("grace") && !page.contains("secret"), "{page}");
}

/// axum-login itself, without the line of the example: the first log-in gives a new id, a second one does not,
/// and a log-in after a log-out in one request begins a session of its own.
#[tokio::test]
async fn a_second_login_of_axum_login_keeps_the_id() {
    for (path, user, is_new) in [
        ("/bare", "ada", false),
        ("/bare-after-logout", "ada", true),
        ("/bare-after-logout", "grace", true),
    ] {
        let site = Site::bare().await;
        let mut browser = site.browser();
        browser
            .post("/bare", "user=ada&password=analytical+engine")
            .await;
        let first = browser.cookie.clone();
        let form = match user {
            "ada" => "user=ada&password=analytical+engine",
            _ => "user=grace&password=compiler",
        };
        let answer = browser.post(path, form).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(browser.cookie != first, is_new, "{path} as {user}");
        assert_eq!(site.sessions_of(user).await, 1);
        assert_eq!(site.stored().await, 1);
        if is_new {
            let mut old = site.browser();
            old.cookie = first;
            assert!(!old.get("/who").await.text.contains(user));
        }
    }
    // Another user needs another id.
    let site = Site::bare().await;
    let mut browser = site.browser();
    browser
        .post("/bare", "user=ada&password=analytical+engine")
        .await;
    let planted = browser.cookie.clone();
    let refused = browser.post("/bare", "user=grace&password=compiler").await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(browser.cookie, planted);
    assert_eq!(browser.get("/who").await.text, "ada");
}

/// Ten tabs and one log-in: requests with the id of before it that arrive late.
#[tokio::test]
async fn g18_late_requests_do_not_undo_a_log_in() {
    let site = Site::new().await;
    let mut browser = site.browser();
    browser.post("/note", "note=tea").await;
    let mut late = site.browser();
    late.cookie = browser.cookie.clone();
    let before = late.cookie.clone();
    browser.log_in("ada", OLD).await;

    let page = late.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.text.contains("Log in") && !page.text.contains("tea"),
        "{}",
        page.text
    );
    assert!(!late.is_logged_in().await);
    let answer = late.post("/note", "note=coffee").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(late.cookie, before, "no response has changed it");

    assert!(browser.is_logged_in().await);
    assert!(browser.get("/").await.text.contains("tea"));
    assert_eq!(site.stored().await, 1);

    // A late log-out ends the session.
    let answer = late.post("/logout", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(site.stored().await, 0);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_and_changes_nothing() {
    const SITE: &str = "sec-fetch-site";
    const OTHER: &str = "https://evil.example";
    let site = Site::new().await;
    let mut ada = site.logged_in("ada", OLD).await;
    let mut visitor = site.browser();
    let before = site.items().await;
    let password = format!("current={OLD}&new={NEW}");
    for (name, value) in [
        (SITE, "cross-site"),
        (SITE, "same-site"),
        (ORIGIN.as_str(), OTHER),
        (ORIGIN.as_str(), "null"),
    ] {
        let name: axum::http::HeaderName = name.parse().unwrap();
        let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
        // The browser may send the cookie, or keep it back.
        for browser in [&mut ada, &mut visitor] {
            browser.headers = headers.clone();
            let cookie = browser.cookie.clone();
            for (path, form) in [
                ("/login", "user=grace&password=compiler"),
                ("/logout", ""),
                ("/note", "note=tea"),
                ("/password", &password),
            ] {
                let answer = browser.post(path, form).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}: {value}");
                assert!(answer.text.contains("came from another site"), "{path}");
                assert_eq!(browser.cookie, cookie, "{path}: {value}");
            }
            browser.headers.clear();
        }
        assert_eq!(site.items().await, before, "{value}");
    }
    assert!(ada.is_logged_in().await && !visitor.is_logged_in().await);

    // Its own forms pass, in browsers with and without `Sec-Fetch-Site`.
    for (name, value) in [(SITE, "same-origin"), ("origin", "http://127.0.0.1:3000")] {
        visitor.headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        let answer = visitor.log_in("grace", "compiler").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{value}");
        assert!(visitor.is_logged_in().await);
        let answer = visitor.post("/logout", "").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{value}");
    }
}

/// The framework decodes the names of cookies, and trims any space of Unicode: a neighbour on another host
/// of the domain can set these, although browsers keep the names `__Host-..` and `__Secure-..` from it.
#[tokio::test]
async fn a_cookie_of_another_name_can_pass_for_that_of_the_session() {
    let site = Site::new().await;
    let browser = site.logged_in("ada", OLD).await;
    let id = browser.cookie.unwrap();
    for name in ["%73ession", "\u{2003}session"] {
        let request = Request::builder().uri("/account");
        let request = request.header(COOKIE, format!("{name}={id}").into_bytes());
        let request = request.body(Body::empty()).unwrap();
        let response = site.app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{name}");
    }
}

#[tokio::test]
async fn logging_out_ends_the_session() {
    let site = Site::new().await;
    let mut browser = site.logged_in("ada", OLD).await;
    let id = browser.cookie.clone();
    assert_eq!(
        browser.post("/logout", "").await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(browser.cookie, None);
    assert_eq!(site.stored().await, 0);
    browser.cookie = id;
    assert!(!browser.is_logged_in().await);
}

#[tokio::test]
async fn another_password_logs_out_everywhere() {
    let site = Site::new().await;
    let mut laptop = site.logged_in("ada", OLD).await;
    let mut others = [
        site.logged_in("ada", OLD).await,
        site.logged_in("ada", OLD).await,
    ];
    let mut grace = site.logged_in("grace", "compiler").await;
    assert_eq!(site.sessions_of("ada").await, 3);
    let before = laptop.cookie.clone();

    let answer = laptop.change_password("compiler", NEW).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = laptop.change_password(OLD, "short").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(site.sessions_of("ada").await, 3, "nothing has changed yet");

    let answer = laptop.change_password(OLD, NEW).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(laptop.is_logged_in().await);
    assert_ne!(laptop.cookie, before);
    assert_eq!(site.sessions_of("ada").await, 1);
    for other in &mut others {
        assert!(!other.is_logged_in().await);
    }
    let mut old = site.browser();
    old.cookie = before;
    assert!(!old.is_logged_in().await);
    assert!(grace.is_logged_in().await);

    let mut browser = site.browser();
    assert_eq!(
        browser.log_in("ada", OLD).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        browser.log_in("ada", NEW).await.status,
        StatusCode::SEE_OTHER
    );
    let answer = site.browser().change_password(OLD, NEW).await;
    assert_eq!(
        answer.status,
        StatusCode::TEMPORARY_REDIRECT,
        "without a user"
    );
}

/// A log-in that checked the old password, and stored its session after the others were ended.
#[tokio::test]
async fn every_session_of_the_old_password_has_ended() {
    let site = Site::new().await;
    let mut laptop = site.logged_in("ada", OLD).await;
    let mut late = site.logged_in("ada", OLD).await;
    let table = site.store.table_name();
    let scan = site.store.client().scan().table_name(table).send().await;
    let before = scan.unwrap().items.unwrap();
    laptop.change_password(OLD, NEW).await;
    for item in before.into_iter().filter(|item| item.contains_key("data")) {
        let put = site.store.client().put_item().table_name(table);
        put.set_item(Some(item)).send().await.unwrap();
    }
    assert!(!late.is_logged_in().await);
    assert!(laptop.is_logged_in().await);
}

#[tokio::test]
async fn a_log_in_beyond_five_ends_the_oldest() {
    let site = Site::new().await;
    let mut oldest = site.logged_in("ada", OLD).await;
    for _ in 0..5 {
        site.logged_in("ada", OLD).await;
    }
    assert_eq!(site.sessions_of("ada").await, 5);
    assert!(!oldest.is_logged_in().await);
}

#[tokio::test]
async fn a_bad_cookie_is_anonymous_and_never_adopted() {
    let site = Site::new().await;
    let mut revoked = site.logged_in("ada", OLD).await;
    let ended = site.store.revoke(Visitor::USER, "ada").await.unwrap();
    assert_eq!(ended.deleted(), 1);
    let revoked_id = revoked.cookie.clone().unwrap();
    assert!(!revoked.is_logged_in().await);

    let long = "A".repeat(10 * 1024);
    let of_another_app = "A".repeat(22);
    let signed = format!("{}={of_another_app}", "B".repeat(44));
    let twice = format!("{of_another_app}; session={revoked_id}");
    let cookies = [
        "",
        " ",
        "x",
        "%00",
        "%ff%fe",
        "\"",
        ";;;=",
        &long,
        &of_another_app,
        &signed,
        &twice,
        &revoked_id,
    ];
    for cookie in cookies {
        let mut browser = site.browser();
        browser.cookie = Some(cookie.to_owned());
        let answer = browser.get("/").await;
        assert_eq!(answer.status, StatusCode::OK, "{cookie}");
        assert!(answer.text.contains("Log in"), "{cookie}");
        browser.cookie = Some(cookie.to_owned());
        assert!(!browser.is_logged_in().await, "{cookie}");
        assert_eq!(site.stored().await, 0, "{cookie}");

        browser.cookie = Some(cookie.to_owned());
        let answer = browser.post("/note", "note=tea").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{cookie}");
        let id = browser.cookie.clone().unwrap();
        assert!(id.len() == 22 && !cookie.contains(&id), "{cookie}");
        assert_eq!(site.stored().await, 1);
        assert!(browser.get("/").await.text.contains("tea"));
        // Removed again, for the next case.
        browser.post("/logout", "").await;
    }
}

/// The framework decides which of two cookies counts: the last.
#[tokio::test]
async fn the_last_of_two_cookies_counts() {
    let site = Site::new().await;
    let mut browser = site.logged_in("ada", OLD).await;
    let id = browser.cookie.clone().unwrap();
    browser.cookie = Some(format!("x; session={id}"));
    assert!(browser.is_logged_in().await);
    browser.cookie = Some(format!("{id}; session=x"));
    assert!(!browser.is_logged_in().await);
}
