//! A browser with its cookies, for the tests of the recipes.

use std::collections::BTreeMap;
use std::sync::Mutex;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode, request};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// A browser on `shop.example`. Its tabs can send requests at the same time.
pub(super) struct Browser {
    app: Router,
    cookies: Mutex<BTreeMap<String, String>>,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Browser {
    pub(super) fn new(app: &Router) -> Self {
        Self {
            app: app.clone(),
            cookies: Mutex::default(),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), "").await
    }

    /// Submits a form of this site.
    pub(super) async fn post(&self, path: &str, form: &str) -> Answer {
        let request = Request::post(path).header("sec-fetch-site", "same-origin");
        self.send(request, form).await
    }

    /// Sends a request with this form, and keeps the cookies of the response.
    pub(super) async fn send(&self, request: request::Builder, form: &str) -> Answer {
        let request = self.with_cookies(request).header(HOST, "shop.example");
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Body::from(form.to_owned())).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        self.keep(&parts.headers);
        let text = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(text.to_vec()).unwrap(),
        }
    }

    /// Adds the header with the cookies, if there are any.
    pub(super) fn with_cookies(&self, request: request::Builder) -> request::Builder {
        match self.cookies().is_empty() {
            true => request,
            false => request.header(COOKIE, self.cookies()),
        }
    }

    /// The cookies as they are sent.
    pub(super) fn cookies(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        let cookies = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        cookies.collect::<Vec<_>>().join("; ")
    }

    pub(super) fn keep(&self, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap();
        for header in headers.get_all(SET_COOKIE) {
            let header = header.to_str().unwrap();
            let (name, rest) = header.split_once('=').unwrap();
            let (value, attributes) = rest.split_once(';').unwrap_or((rest, ""));
            match attributes.contains("Max-Age=0") {
                true => cookies.remove(name),
                false => cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
    }

    /// Another browser with the same cookies, such as that of an attacker who has planted them.
    pub(super) fn copy(&self) -> Self {
        Self {
            app: self.app.clone(),
            cookies: Mutex::new(self.cookies.lock().unwrap().clone()),
        }
    }
}
