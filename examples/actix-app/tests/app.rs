//! Drives the app in this process, with one cookie for each browser.
//!
//! It uses the embedded engine, or the one at `SESSION_STORE_ENDPOINT` if that is set.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers as well"
)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_app::{AppSession, Store, from_this_site, pages, sessions};
use actix_web::body::MessageBody;
use actix_web::cookie::{Cookie, Key};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::test::{self, TestRequest};
use session_store::{AttributeValue, DynamoDbStore};

async fn store() -> Store {
    static TABLES: AtomicU32 = AtomicU32::new(0);
    let builder = DynamoDbStore::<AppSession>::builder();
    match std::env::var("SESSION_STORE_ENDPOINT") {
        Ok(url) => {
            let n = TABLES.fetch_add(1, Ordering::Relaxed);
            let table = format!("actix-app-{}-{n}", std::process::id());
            let store = builder.endpoint(url).table_name(table).build().await;
            let store = store.unwrap();
            store.create_table().await.unwrap();
            store
        }
        Err(_) => builder.embedded().build().await.unwrap(),
    }
}

/// A browser that keeps its session cookie.
#[derive(Default)]
struct Browser {
    cookie: Option<Cookie<'static>>,
}

impl Browser {
    fn request(&self, request: TestRequest) -> TestRequest {
        match &self.cookie {
            Some(cookie) => request.cookie(cookie.clone()),
            None => request,
        }
    }

    fn keep(&mut self, response: &ServiceResponse<impl MessageBody>) {
        if let Some(cookie) = response.response().cookies().next() {
            self.cookie = Some(cookie.into_owned());
        }
    }
}

macro_rules! app {
    ($store:expr) => {
        test::init_service(
            actix_web::App::new()
                .configure(pages($store.clone()))
                .wrap(sessions(&$store, Key::generate()))
                .wrap(from_fn(from_this_site)),
        )
        .await
    };
}

macro_rules! get {
    ($app:expr, $browser:expr) => {{
        let request = $browser.request(TestRequest::get()).to_request();
        let response = test::call_service(&$app, request).await;
        $browser.keep(&response);
        assert_eq!(response.status(), StatusCode::OK);
        String::from_utf8(test::read_body(response).await.to_vec()).unwrap()
    }};
}

macro_rules! post {
    ($app:expr, $browser:expr, $path:expr, $form:expr) => {{
        let request = TestRequest::post().uri($path).set_form($form);
        let response = test::call_service(&$app, $browser.request(request).to_request()).await;
        $browser.keep(&response);
        response.status()
    }};
}

#[actix_web::test]
async fn visits_are_counted_for_each_browser() {
    let store = store().await;
    let app = app!(store);
    let (mut one, mut two) = (Browser::default(), Browser::default());
    assert!(get!(app, one).contains("Visits: 1"));
    assert!(get!(app, one).contains("Visits: 2"));
    assert!(get!(app, two).contains("Visits: 1"));
}

#[actix_web::test]
async fn a_log_in_keeps_the_visits_under_a_new_cookie() {
    let store = store().await;
    let app = app!(store);
    let mut browser = Browser::default();
    get!(app, browser);
    let before = browser.cookie.clone();
    assert_eq!(
        post!(app, browser, "/log-in", [("user", "<ferris>")]),
        StatusCode::SEE_OTHER
    );
    assert_ne!(browser.cookie, before);
    let page = get!(app, browser);
    assert!(page.contains("Visits: 2") && page.contains("Hello, &lt;ferris&gt;"));

    // Other tabs still send the old cookie. They must not get one in place of the new one.
    let old = Browser { cookie: before };
    let late = old.request(TestRequest::get()).to_request();
    let late = test::try_call_service(&app, late).await;
    let late = late.map(drop).unwrap_err().error_response();
    assert_eq!(late.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(late.cookies().count(), 0);
    assert!(get!(app, browser).contains("Visits: 3"));
}

#[actix_web::test]
async fn a_log_out_everywhere_ends_each_device() {
    let store = store().await;
    let app = app!(store);
    let [mut phone, mut laptop, mut other] = [(); 3].map(|()| Browser::default());
    for browser in [&mut phone, &mut laptop] {
        assert_eq!(
            post!(app, browser, "/log-in", [("user", "ferris")]),
            StatusCode::SEE_OTHER
        );
    }
    assert_eq!(
        post!(app, other, "/log-in", [("user", "corro")]),
        StatusCode::SEE_OTHER
    );
    assert_eq!(get!(app, phone).matches("<li>").count(), 2);

    assert_eq!(
        post!(app, laptop, "/log-out-everywhere", [("", "")]),
        StatusCode::SEE_OTHER
    );
    for browser in [&mut phone, &mut laptop] {
        assert!(get!(app, browser).contains("Log in"));
    }
    assert!(get!(app, other).contains("Hello, corro"));
    assert_eq!(
        post!(app, other, "/log-out", [("", "")]),
        StatusCode::SEE_OTHER
    );
    assert!(get!(app, other).contains("Log in"));
}

/// All items of the table.
async fn items(store: &Store) -> Vec<HashMap<String, AttributeValue>> {
    let scan = store.client().scan().table_name(store.table_name());
    let mut items = scan.send().await.unwrap().items.unwrap_or_default();
    items.sort_by_key(|item| format!("{:?}", item["id"]));
    items
}

#[actix_web::test]
async fn a_form_of_another_site_is_refused_and_changes_nothing() {
    const SITE: &str = "sec-fetch-site";
    let store = store().await;
    let app = app!(store);
    let (mut ferris, mut visitor) = (Browser::default(), Browser::default());
    post!(app, ferris, "/log-in", [("user", "ferris")]);
    let before = items(&store).await;
    for header in [
        (SITE, "cross-site"),
        (SITE, "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        // The browser may send the cookie, or keep it back.
        for browser in [&ferris, &visitor] {
            for path in ["/log-in", "/log-out", "/log-out-everywhere"] {
                let request = TestRequest::post().uri(path).set_form([("user", "eve")]);
                let request = browser.request(request.insert_header(header));
                let response = test::call_service(&app, request.to_request()).await;
                assert_eq!(
                    response.status(),
                    StatusCode::FORBIDDEN,
                    "{path} {header:?}"
                );
                assert_eq!(response.response().cookies().count(), 0, "{path}");
                let text = test::read_body(response).await;
                assert_eq!(text, same_origin::REFUSAL, "{path}");
            }
        }
        assert_eq!(items(&store).await, before, "{header:?}");
    }
    assert!(get!(app, ferris).contains("Hello, ferris"));

    // Its own forms pass, in browsers with and without `Sec-Fetch-Site`.
    for header in [(SITE, "same-origin"), ("origin", "http://shop.example")] {
        for path in ["/log-in", "/log-out"] {
            let request = TestRequest::post().uri(path).set_form([("user", "corro")]);
            let request = request
                .insert_header(("host", "shop.example"))
                .insert_header(header);
            let request = visitor.request(request).to_request();
            let response = test::call_service(&app, request).await;
            visitor.keep(&response);
            assert_eq!(
                response.status(),
                StatusCode::SEE_OTHER,
                "{path} {header:?}"
            );
        }
    }
}

#[actix_web::test]
async fn a_name_has_1_to_100_bytes() {
    let store = store().await;
    let app = app!(store);
    let mut browser = Browser::default();
    for user in ["", &"x".repeat(101)] {
        assert_eq!(
            post!(app, browser, "/log-in", [("user", user)]),
            StatusCode::BAD_REQUEST
        );
    }
    assert!(browser.cookie.is_none());
}
