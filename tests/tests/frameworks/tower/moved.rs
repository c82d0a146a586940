//! tower-sessions: requests with an id that was replaced a moment ago, through the framework's middleware
//! (G18).

macro_rules! tests {
    ($version:ident, $sessions:ident) => {
        mod $version {
            use std::convert::Infallible;
            use std::time::Duration;

            use axum::http::header::{COOKIE, SET_COOKIE};
            use axum::http::{Request, Response, StatusCode};
            use session_store::frameworks::tower_sessions::TowerSessions;
            use session_store_tests::{Fault, Item, TestBench};
            use tower::util::BoxCloneService;
            use tower::{Layer as _, ServiceExt as _, service_fn};
            use $sessions::session::Id;
            use $sessions::{Session, SessionManagerLayer};

            use crate::tower::Member;

            type App = BoxCloneService<Request<()>, Response<String>, Infallible>;

            /// An application behind the framework's middleware.
            struct Site {
                bench: TestBench<Member>,
                store: TowerSessions<Member>,
                app: App,
            }

            struct Answer {
                status: StatusCode,
                /// The value of the cookie that the response sets; empty if it removes it.
                cookie: Option<String>,
                text: String,
            }

            const NOTHING: &str = "user none, theme none";

            async fn respond(request: Request<()>) -> Result<Response<String>, Infallible> {
                let session: &Session = request.extensions().get().unwrap();
                let failed = async {
                    match request.uri().path() {
                        "/set" => session.insert("theme", "dark").await?,
                        "/replace" => {
                            session.clear().await;
                            session.insert("theme", "light").await?;
                        }
                        "/log-in" => {
                            session.cycle_id().await?;
                            session.insert("user_id", "u-17").await?;
                        }
                        "/log-in-here" => session.insert("user_id", "u-17").await?,
                        "/cycle" => session.cycle_id().await?,
                        "/log-out" => session.flush().await?,
                        _ => {}
                    }
                    let user: Option<String> = session.get("user_id").await?;
                    let theme: Option<String> = session.get("theme").await?;
                    let [user, theme] = [user, theme].map(|value| value.unwrap_or("none".into()));
                    Ok::<_, $sessions::session::Error>(format!("user {user}, theme {theme}"))
                };
                Ok(Response::new(failed.await.unwrap()))
            }

            async fn send(app: App, path: &str, cookie: &str) -> Answer {
                let request = Request::builder()
                    .uri(path)
                    .header(COOKIE, format!("id={cookie}"));
                let response = app.oneshot(request.body(()).unwrap()).await.unwrap();
                let (parts, text) = response.into_parts();
                let cookie = parts.headers.get(SET_COOKIE).map(|cookie| {
                    let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
                    cookie.strip_prefix("id=").unwrap().to_owned()
                });
                Answer {
                    status: parts.status,
                    cookie,
                    text,
                }
            }

            impl Site {
                async fn new() -> Self {
                    let bench = TestBench::new().await;
                    let store = TowerSessions::new(bench.store.clone());
                    let layer = SessionManagerLayer::new(store.clone());
                    let app = BoxCloneService::new(
                        layer
                            .layer(service_fn(respond))
                            .map_response(|response: Response<_>| response),
                    );
                    Self { bench, store, app }
                }

                async fn send(&self, path: &str, cookie: &str) -> Answer {
                    send(self.app.clone(), path, cookie).await
                }

                async fn cookie(&self, path: &str, cookie: &str) -> String {
                    let answer = self.send(path, cookie).await;
                    assert_eq!(answer.status, StatusCode::OK, "{path}");
                    answer.cookie.expect("it sets one")
                }

                /// Sends another request before this write of the next one.
                fn meanwhile(&self, write: &'static str, path: &'static str, cookie: &str) {
                    let (app, cookie) = (self.app.clone(), cookie.to_owned());
                    let other = Fault::meanwhile(move || async move {
                        assert_eq!(send(app, path, &cookie).await.status, StatusCode::OK);
                    });
                    self.bench.wire.next(write, other);
                }

                /// The only session is that of this cookie, with this user.
                async fn has_only(&self, cookie: &str, user: Option<&str>) {
                    let items = self.bench.items().await.into_iter();
                    let items: Vec<_> = items.filter(|item| item.contains_key("data")).collect();
                    assert_eq!(items.len(), 1);
                    assert_eq!(text(&items[0], "id"), Some(&*self.handle(cookie)));
                    assert_eq!(text(&items[0], "user_id"), user);
                }

                async fn has_none(&self) {
                    let items = self.bench.items().await;
                    assert!(items.iter().all(|item| !item.contains_key("data")));
                }

                fn handle(&self, cookie: &str) -> String {
                    self.store.handle(cookie.parse::<Id>().unwrap()).to_string()
                }

                /// The marks of changes of ids, from each handle to the next.
                async fn marks(&self) -> Vec<(String, String)> {
                    let items = self.bench.all_items().await;
                    let marks = items.iter().filter_map(|item| {
                        let to = text(item, "moved_to")?;
                        Some((text(item, "id")?.to_owned(), to.to_owned()))
                    });
                    marks.collect()
                }
            }

            fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
                item.get(name).map(|value| value.as_s().unwrap().as_str())
            }

            #[tokio::test]
            async fn g7_a_new_id_leaves_a_mark_under_the_old_one() {
                let site = Site::new().await;
                let old = site.cookie("/set", "").await;
                site.bench.wire.clear();
                let new = site.cookie("/cycle", &old).await;
                let calls = site.bench.wire.operations();
                assert_eq!(calls, ["GetItem", "DeleteItem", "PutItem", "PutItem"]);
                assert_eq!(site.marks().await, [(site.handle(&old), site.handle(&new))]);
                assert_eq!(site.send("/", &new).await.text, "user none, theme dark");
            }

            #[tokio::test]
            async fn g7_a_mark_that_cannot_be_left_is_no_error() {
                let site = Site::new().await;
                let old = site.cookie("/set", "").await;
                site.bench
                    .wire
                    .next("PutItem", Fault::meanwhile(|| async {}));
                site.bench
                    .wire
                    .next("PutItem", Fault::Answer(400, "AccessDeniedException", "no"));
                let new = site.cookie("/log-in", &old).await;
                assert_eq!(site.marks().await, []);
                site.has_only(&new, Some("u-17")).await;
            }

            #[tokio::test]
            async fn g18_a_late_request_that_reads_sees_no_session_and_changes_no_cookie() {
                let site = Site::new().await;
                let old = site.cookie("/set", "").await;
                let new = site.cookie("/log-in", &old).await;
                for _ in 0..2 {
                    let late = site.send("/", &old).await;
                    assert_eq!((late.status, &*late.text), (StatusCode::OK, NOTHING));
                    assert_eq!(late.cookie, None);
                }
                site.has_only(&new, Some("u-17")).await;

                // Later the mark is over, and the cookie is any old one.
                site.bench.clock.advance(Duration::from_secs(61));
                let late = site.send("/", &old).await;
                assert_eq!(late.cookie.as_deref(), Some(""), "the framework removes it");
            }

            #[tokio::test]
            async fn g18_a_late_request_that_writes_stores_nothing_and_sets_no_cookie() {
                let site = Site::new().await;
                let old = site.cookie("/set", "").await;
                let new = site.cookie("/log-in", &old).await;
                for path in ["/set", "/replace", "/log-in-here"] {
                    let late = site.send(path, &old).await;
                    assert_eq!(late.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
                    assert_eq!(late.cookie, None, "{path}");
                    site.has_only(&new, Some("u-17")).await;
                }
            }

            #[tokio::test]
            async fn g18_a_late_log_out_ends_the_session_under_its_new_id() {
                let site = Site::new().await;
                let old = site.cookie("/set", "").await;
                let new = site.cookie("/log-in", &old).await;
                let newer = site.cookie("/cycle", &new).await;
                site.has_only(&newer, Some("u-17")).await;
                let late = site.send("/log-out", &old).await;
                assert_eq!(
                    (late.status, late.cookie.as_deref()),
                    (StatusCode::OK, Some(""))
                );
                site.has_none().await;
            }

            /// As after a log-in whose response was lost.
            #[tokio::test]
            async fn a_late_log_in_begins_a_session_of_its_own_in_place_of_the_other() {
                let site = Site::new().await;
                let old = site.cookie("/set", "").await;
                let lost = site.cookie("/log-in", &old).await;
                let new = site.cookie("/log-in", &old).await;
                assert_eq!(site.send("/", &new).await.text, "user u-17, theme none");
                site.has_only(&new, Some("u-17")).await;
                // Requests with either of the earlier ids find this one.
                for late in [&old, &lost] {
                    let late = site.send("/set", late).await;
                    assert_eq!(late.status, StatusCode::INTERNAL_SERVER_ERROR);
                    assert_eq!(late.cookie, None);
                }
                site.send("/log-out", &old).await;
                site.has_none().await;
            }

            #[tokio::test]
            async fn g18_a_save_that_loses_against_a_new_id_sets_no_cookie() {
                for path in ["/set", "/replace"] {
                    let site = Site::new().await;
                    let old = site.cookie("/log-in", "").await;
                    site.meanwhile("UpdateItem", "/cycle", &old);
                    let slow = site.send(path, &old).await;
                    // The framework saves only what changed.
                    assert_eq!(slow.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
                    assert_eq!(slow.cookie, None, "{path}");
                    assert_eq!(site.marks().await.len(), 1, "{path}");
                }
            }

            /// For another status, the framework would set the cookie of the ended session, over that of a
            /// log-in that came after it.
            #[tokio::test]
            async fn g18_a_save_that_loses_against_a_log_out_sets_no_cookie() {
                let site = Site::new().await;
                let old = site.cookie("/log-in", "").await;
                site.meanwhile("UpdateItem", "/log-out", &old);
                let slow = site.send("/set", &old).await;
                assert_eq!(slow.status, StatusCode::INTERNAL_SERVER_ERROR);
                assert_eq!(slow.cookie, None);
                site.has_none().await;
            }

            #[tokio::test]
            async fn g17_a_log_out_that_loses_against_a_new_id_ends_the_session() {
                let site = Site::new().await;
                let old = site.cookie("/log-in", "").await;
                site.meanwhile("DeleteItem", "/cycle", &old);
                let out = site.send("/log-out", &old).await;
                assert_eq!(out.status, StatusCode::OK);
                site.has_none().await;
            }
        }
    };
}

tests!(v0_15, tower_sessions);
tests!(v0_14, tower_sessions_0_14);
