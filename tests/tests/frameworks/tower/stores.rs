//! tower-sessions: what the integration tests of its own stores ask of a store, through its middleware.

macro_rules! tests {
    ($version:ident, $sessions:ident) => {
        mod $version {
            use std::convert::Infallible;

            use axum::http::header::{COOKIE, SET_COOKIE};
            use axum::http::{Request, Response, StatusCode};
            use session_store::frameworks::tower_sessions::TowerSessions;
            use session_store_tests::TestBench;
            use time::Duration;
            use tower::util::BoxCloneService;
            use tower::{Layer as _, ServiceExt as _, service_fn};
            use $sessions::{Expiry, Session, SessionManagerLayer};

            use crate::tower::Lasting;

            const HOUR: Duration = Duration::hours(1);

            struct Site {
                bench: TestBench<Lasting>,
                app: BoxCloneService<Request<()>, Response<String>, Infallible>,
            }

            struct Answer {
                /// The name and the value of the cookie that the response sets.
                cookie: Option<(String, String)>,
                /// Its other parts, in lower case.
                attributes: Vec<String>,
                text: String,
            }

            async fn respond(request: Request<()>) -> Result<Response<String>, Infallible> {
                let session: &Session = request.extensions().get().unwrap();
                match request.uri().path() {
                    "/insert" => session.insert("n", 7).await.unwrap(),
                    "/remove" => drop(session.remove_value("n").await.unwrap()),
                    "/cycle" => session.cycle_id().await.unwrap(),
                    "/flush" => session.flush().await.unwrap(),
                    "/untouched" => return Ok(Response::new("untouched".to_owned())),
                    _ => {}
                }
                let n: Option<u32> = session.get("n").await.unwrap();
                Ok(Response::new(format!("{n:?}")))
            }

            impl Site {
                async fn new(lasts: Option<Duration>) -> Self {
                    let bench = TestBench::<Lasting>::new().await;
                    let mut layer =
                        SessionManagerLayer::new(TowerSessions::new(bench.store.clone()));
                    if let Some(lasts) = lasts {
                        layer = layer.with_expiry(Expiry::OnInactivity(lasts));
                    }
                    let app = layer.layer(service_fn(respond));
                    let app = app.map_response(|response: Response<_>| response);
                    Self {
                        bench,
                        app: BoxCloneService::new(app),
                    }
                }

                async fn get(&self, path: &str, cookie: Option<&str>) -> Answer {
                    let mut request = Request::builder().uri(path);
                    if let Some(cookie) = cookie {
                        request = request.header(COOKIE, format!("id={cookie}"));
                    }
                    let response = self
                        .app
                        .clone()
                        .oneshot(request.body(()).unwrap())
                        .await
                        .unwrap();
                    let (parts, text) = response.into_parts();
                    assert_eq!(parts.status, StatusCode::OK, "{path}");
                    let header = parts.headers.get(SET_COOKIE);
                    let header = header.map(|header| header.to_str().unwrap().to_owned());
                    let mut pieces = header.iter().flat_map(|header| header.split("; "));
                    let cookie = pieces.next().map(|pair| {
                        let (name, value) = pair.split_once('=').unwrap();
                        (name.to_owned(), value.to_owned())
                    });
                    let attributes = pieces.map(str::to_ascii_lowercase).collect();
                    Answer {
                        cookie,
                        attributes,
                        text,
                    }
                }

                /// The id in the cookie that a first insertion sets.
                async fn inserted(&self) -> String {
                    self.get("/insert", None).await.cookie.unwrap().1
                }
            }

            #[tokio::test]
            async fn a_request_that_does_not_use_the_session_gets_no_cookie() {
                let site = Site::new(Some(HOUR)).await;
                assert_eq!(site.get("/untouched", None).await.cookie, None);
                assert!(site.bench.items().await.is_empty());
            }

            #[tokio::test]
            async fn an_id_that_was_never_stored_is_replaced() {
                let site = Site::new(Some(HOUR)).await;
                let made_up = "AAAAAAAAAAAAAAAAAAAAAA";
                let (_, id) = site.get("/insert", Some(made_up)).await.cookie.unwrap();
                assert_ne!(id, made_up);
            }

            #[tokio::test]
            async fn a_cookie_that_is_no_id_is_removed() {
                let site = Site::new(Some(HOUR)).await;
                let answer = site.get("/untouched", Some("malformed")).await;
                assert_eq!(answer.cookie.unwrap().1, "");
                assert!(answer.attributes.contains(&"max-age=0".to_owned()));
            }

            #[tokio::test]
            async fn a_first_value_sets_the_cookie_with_all_its_parts() {
                let site = Site::new(Some(HOUR)).await;
                let answer = site.get("/insert", None).await;
                assert_eq!(answer.cookie.unwrap().0, "id");
                for part in [
                    "httponly",
                    "samesite=strict",
                    "secure",
                    "path=/",
                    "max-age=3600",
                ] {
                    assert!(answer.attributes.contains(&part.to_owned()), "{part}");
                }
            }

            #[tokio::test]
            async fn a_cookie_without_expiry_ends_with_the_browser() {
                let site = Site::new(None).await;
                let answer = site.get("/insert", None).await;
                assert_eq!(answer.cookie.unwrap().0, "id");
                assert!(
                    answer
                        .attributes
                        .iter()
                        .all(|part| !part.starts_with("max-age"))
                );
            }

            #[tokio::test]
            async fn a_value_is_read_by_the_next_request() {
                let site = Site::new(Some(HOUR)).await;
                let id = site.inserted().await;
                assert_eq!(site.get("/", Some(&id)).await.text, "Some(7)");
            }

            #[tokio::test]
            async fn a_value_that_was_never_inserted_is_none() {
                let site = Site::new(Some(HOUR)).await;
                assert_eq!(site.get("/", None).await.text, "None");
            }

            /// For a store that compares whole seconds, a session of one second lives up to two.
            #[tokio::test]
            async fn a_session_of_a_second_is_over_after_a_second() {
                let site = Site::new(Some(Duration::SECOND)).await;
                for into_the_second in [5, 400, 990] {
                    // The framework reads the clock of the host, so the store's is set by it.
                    let wait = (into_the_second + 1000 - now() % 1000) % 1000;
                    tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
                    let before = now();
                    site.bench.clock.set(before);
                    let id = site.inserted().await;
                    let after = now();
                    site.bench.clock.set(before + 999);
                    assert_eq!(site.get("/", Some(&id)).await.text, "Some(7)");
                    site.bench.clock.set(after + 1001);
                    assert_eq!(
                        site.get("/", Some(&id)).await.text,
                        "None",
                        "{into_the_second}"
                    );
                }
            }

            /// The clock of the host, in milliseconds since 1970.
            fn now() -> u64 {
                (time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as u64
            }

            #[tokio::test]
            async fn the_last_value_can_be_removed() {
                let site = Site::new(Some(HOUR)).await;
                let id = site.inserted().await;
                site.get("/remove", Some(&id)).await;
                assert_eq!(site.get("/", Some(&id)).await.text, "None");
            }

            #[tokio::test]
            async fn a_new_id_keeps_the_values() {
                let site = Site::new(Some(HOUR)).await;
                let first = site.inserted().await;
                let (_, second) = site.get("/cycle", Some(&first)).await.cookie.unwrap();
                assert_ne!(first, second);
                assert_eq!(site.get("/", Some(&second)).await.text, "Some(7)");
            }

            #[tokio::test]
            async fn a_flush_removes_the_cookie() {
                let site = Site::new(Some(HOUR)).await;
                let id = site.inserted().await;
                let answer = site.get("/flush", Some(&id)).await;
                assert_eq!(answer.cookie.unwrap().1, "");
                assert!(answer.attributes.contains(&"max-age=0".to_owned()));
                assert!(site.bench.items().await.is_empty());
            }
        }
    };
}

tests!(v0_15, tower_sessions);
tests!(v0_14, tower_sessions_0_14);
