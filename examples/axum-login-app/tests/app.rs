//! Drives the app in this process, with one cookie jar for each browser.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers as well"
)]

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{Method, Request, StatusCode};
use axum_login_app::{Store, Users, Visitor, app};
use http_body_util::BodyExt as _;
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

    fn browser(&self) -> Browser {
        Browser {
            app: self.app.clone(),
            cookie: None,
        }
    }

    async fn logged_in(&self, user: &str, password: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.log_in(user, password).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        browser
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
