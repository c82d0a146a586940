//! The server side of a request.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use session_store_tests::Fault;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use super::{World, shop};
use crate::browser::caches::HOSTS;
use crate::browser::jar::Origin;
use crate::browser::plan::{Send, Trouble};
use crate::browser::setup::Setup;
use crate::browser::shop::{Action, Job, Way};

impl World<'_> {
    /// Sends a request to one of the hosts.
    pub(super) fn begin(
        &mut self,
        send: &Send,
        setup: Setup,
        header: Option<&[u8]>,
        job: &Arc<Job>,
    ) -> JoinHandle<Response> {
        let is_get =
            send.action == Action::Read || matches!(send.origin, Origin::Link | Origin::Image);
        let (site, mode, to) = match send.origin {
            Origin::Same if is_get => ("same-origin", "navigate", "document"),
            Origin::Same => ("same-origin", "cors", "empty"),
            Origin::Link | Origin::Form => ("cross-site", "navigate", "document"),
            Origin::Image => ("cross-site", "no-cors", "image"),
        };
        // A log-out with a read works as well, but not while reads fail.
        let reads_fail = send
            .fault
            .is_some_and(|(operation, _)| operation == "GetItem");
        let is_unread = send.action == Action::LogOut
            && send.way == Way::Plain
            && (reads_fail || send.id.is_multiple_of(2));
        let mut request = Request::builder()
            .method(if is_get { "GET" } else { "POST" })
            .uri(if is_unread { "/out" } else { send.way.path() })
            .header(HOST, "www.shop.test")
            .header("sec-fetch-site", site)
            .header("sec-fetch-mode", mode)
            .header("sec-fetch-dest", to)
            .extension(Arc::clone(job));
        if !is_get {
            let other = send.origin == Origin::Form;
            let origin = if other {
                "https://evil.test"
            } else {
                "https://www.shop.test"
            };
            request = request.header(ORIGIN, origin);
        }
        if let Some(header) = header {
            request = request.header(COOKIE, HeaderValue::from_bytes(header).expect("a header"));
        }
        let request = request.body(Body::empty()).expect("a request");
        let host = host(job);
        let number = Setup::ALL
            .iter()
            .position(|it| *it == setup)
            .expect("a setup");
        let store = &self.stores[host];
        let app = self.apps.entry(number * HOSTS + host);
        let (app, _) = app.or_insert_with(|| setup.app(store.clone())).clone();
        tokio::spawn(async move {
            let response = AssertUnwindSafe(app.oneshot(request)).catch_unwind().await;
            let Ok(response) = response else {
                let failed = StatusCode::INTERNAL_SERVER_ERROR.into_response();
                return failed;
            };
            let (head, body) = response.expect("a response").into_parts();
            // The rest of a stream.
            body.collect().await.expect("a body");
            Response::from_parts(head, Body::empty())
        })
    }

    /// A look at the page that changes nothing.
    pub(super) async fn probe(&mut self, browser: usize) -> (StatusCode, Arc<Job>) {
        let (header, _) = self.browsers[browser]
            .jar
            .header(&shop(), Origin::Same, self.time());
        let send = Send {
            id: 0,
            browser,
            action: Action::Read,
            origin: Origin::Same,
            way: Way::Plain,
            pause: None,
            fault: None,
            is_stale: false,
            is_repeated: false,
            to_old_host: false,
        };
        let job = self.job(&send, None);
        let task = self.begin(&send, self.setup, header.as_deref(), &job);
        let status = task.await.expect("a response").status();
        (status, job)
    }

    /// Has the requests to DynamoDB meet this.
    pub(super) fn inject(&self, operation: &'static str, trouble: Trouble) {
        // The SDK tries three times, and a change of id asks again after an unknown outcome.
        let times = match trouble {
            Trouble::LostOnce => 1,
            Trouble::Lost => 20,
            Trouble::Throttled | Trouble::Refused => 3,
        };
        for _ in 0..times {
            let fault = match trouble {
                Trouble::Throttled => Fault::throttled(),
                Trouble::Refused => Fault::Refuse,
                Trouble::LostOnce | Trouble::Lost => Fault::LoseResponse,
            };
            self.test.wire.next(operation, fault);
        }
    }
}

/// The host that gets a request.
pub(super) fn host(job: &Job) -> usize {
    job.number as usize % HOSTS
}
