//! The responses of the layer: caches, errors by the table, and the request in `on_error`.

use axum::http::header::{ACCEPT, CACHE_CONTROL, VARY};
use axum::response::IntoResponse as _;
use session_store::Error;
use session_store::frameworks::axum::{EndSession, SessionCookie, Stage};
use session_store_tests::Fault;

use super::*;

/// What caches are told.
fn of_cache(answer: &Answer) -> (Vec<&str>, Vec<&str>) {
    let of = |name| {
        let values = answer.headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap()).collect()
    };
    (of(VARY), of(CACHE_CONTROL))
}

#[tokio::test]
async fn a_page_of_a_session_is_kept_out_of_shared_caches() {
    async fn nobody() {}
    async fn reads(_: Current) {}
    async fn optional(_: Option<Current>) {}
    async fn shared(_: Shared) {}
    async fn ends(session: EndSession<App>) {
        session.end();
    }
    async fn own(_: Current) -> impl axum::response::IntoResponse {
        [
            (CACHE_CONTROL, "private, max-age=60"),
            (VARY, "Accept, cookie"),
        ]
    }
    async fn star(_: Current) -> impl axum::response::IntoResponse {
        [(VARY, "*")]
    }
    let bench = TestBench::<App>::new().await;
    let layer = || SessionLayer::new(bench.store.clone());
    let routes = || {
        Router::new()
            .route("/nobody", get(nobody))
            .route("/reads", get(reads))
            .route("/optional", get(optional))
            .route("/shared", get(shared))
            .route("/ends", get(ends))
            .route("/own", get(own))
            .route("/star", get(star))
    };
    let app = routes().layer(layer().dev());
    let cookie = visitor(&bench).await;
    let private = (vec!["cookie"], vec!["private"]);
    for sent in [None, Some(&*cookie)] {
        for (path, expected) in [
            ("/nobody", (vec![], vec![])),
            ("/reads", private.clone()),
            ("/optional", private.clone()),
            ("/shared", private.clone()),
            (
                "/own",
                (vec!["Accept, cookie"], vec!["private, max-age=60"]),
            ),
            ("/star", (vec!["*"], vec!["private"])),
        ] {
            let answer = ask(&app, path, sent).await;
            assert_eq!(of_cache(&answer), expected, "{path}");
        }
    }
    // It takes the cookie away.
    let answer = ask(&app, "/ends", Some(&cookie)).await;
    assert_eq!(of_cache(&answer), (vec!["cookie"], vec!["no-store"]));

    // The same by the way in which the id comes.
    let both = routes().layer(layer().cookie_or_bearer(SessionCookie::dev()));
    let answer = ask(&both, "/reads", None).await;
    assert_eq!(of_cache(&answer).0, ["cookie", "authorization"]);
    let bearer = routes().layer(layer().bearer());
    assert_eq!(
        of_cache(&ask(&bearer, "/reads", None).await).0,
        ["authorization"]
    );
    // A setting.
    let off = routes().layer(layer().dev().cache_headers(false));
    assert_eq!(of_cache(&ask(&off, "/reads", None).await), (vec![], vec![]));
}

/// Two caches that have headers of their own, which count before `Cache-Control`.
#[tokio::test]
async fn a_response_with_a_cookie_has_no_header_for_a_shared_cache() {
    async fn page(mut session: Current) -> impl axum::response::IntoResponse {
        session.visits += 1;
        [
            ("cdn-cache-control", "max-age=600"),
            ("surrogate-control", "max-age=600"),
            ("cache-control", "public, max-age=600"),
        ]
    }
    let bench = TestBench::<App>::new().await;
    let answer = ask(&app(&bench, page), "/", None).await;
    assert!(answer.cookie().is_some());
    assert_eq!(of_cache(&answer).1, ["no-store"]);
    for name in ["cdn-cache-control", "surrogate-control"] {
        assert!(!answer.headers.contains_key(name), "{name}");
    }
}

/// A handler returns what the store says, and the visitor is told as by the layer itself.
#[tokio::test]
async fn an_error_becomes_a_response_by_the_table() {
    async fn page(mut session: Current, request: Request) -> Result<(), Error> {
        match request.uri().query() {
            Some("size") => session.theme = "x".repeat(401 * 1024),
            Some("gone") => {
                let store = CurrentSession::store(&session).clone();
                let handle = CurrentSession::stored(&session).unwrap().handle();
                let _ = store.revoke_handle(&handle).await?;
                session.visits += 1;
            }
            _ => session.visits += 1,
        }
        CurrentSession::save(&mut session).await
    }
    let bench = TestBench::<App>::new().await;
    for (query, status) in [
        ("size", StatusCode::PAYLOAD_TOO_LARGE),
        ("fails", StatusCode::SERVICE_UNAVAILABLE),
        ("gone", StatusCode::UNAUTHORIZED),
    ] {
        for custom in [false, true] {
            let layer = SessionLayer::new(bench.store.clone()).dev();
            let layer = match custom {
                true => layer.on_error(|_, stage| {
                    assert_eq!(stage, Stage::Handler);
                    Some(StatusCode::IM_A_TEAPOT.into_response())
                }),
                false => layer,
            };
            let app = Router::new().route("/", get(page)).layer(layer);
            let cookie = visitor(&bench).await;
            if query == "fails" {
                for _ in 0..12 {
                    bench.wire.next("UpdateItem", Fault::Refuse);
                }
            }
            let answer = ask(&app, &format!("/?{query}"), Some(&cookie)).await;
            let expected = if custom {
                StatusCode::IM_A_TEAPOT
            } else {
                status
            };
            assert_eq!(answer.status, expected, "{query}: {}", answer.text);
            bench.wire.clear();
        }
    }
}

/// `on_error` answers in the format that the client asks for.
#[tokio::test]
async fn on_error_sees_the_request() {
    async fn page(_: Current) {}
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let layer = layer.on_error_with_request(|_, _, request| {
        let printed = format!("{request:?}");
        assert!(
            printed.contains("Sensitive") || !printed.contains("cookie"),
            "{printed}"
        );
        let json = request.headers.get(ACCEPT)? == "application/json";
        let text = if json { "{}" } else { "<p>" };
        Some((StatusCode::BAD_GATEWAY, format!("{} {text}", request.uri)).into_response())
    });
    let app = Router::new().route("/", get(page)).layer(layer);
    let cookie = visitor(&bench).await;
    for (accept, expected) in [("application/json", "/?a=b {}"), ("text/html", "/?a=b <p>")] {
        for _ in 0..3 {
            bench.wire.next("GetItem", Fault::Refuse);
        }
        let request = Request::get("/?a=b").header(ACCEPT, accept);
        let request = request.header("cookie", format!("{NAME}={cookie}"));
        let answer = ask_request(&app, request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (answer.status, &*answer.text),
            (StatusCode::BAD_GATEWAY, expected)
        );
    }
}

/// What a task writes into the log is in the span of the request that began it.
#[tokio::test]
async fn what_stores_runs_in_the_span_of_the_request() {
    use tracing::Instrument as _;
    async fn page(_: Current) {}
    crate::log::capture();
    let bench = TestBench::<App>::new().await;
    let app = app(&bench, page);
    let cookie = visitor(&bench).await;
    bench.clock.advance(std::time::Duration::from_secs(20 * 60));
    for _ in 0..12 {
        bench.wire.next("UpdateItem", Fault::Refuse);
    }
    crate::log::taken();
    let span = tracing::info_span!("request", number = 17);
    ask(&app, "/", Some(&cookie)).instrument(span).await;
    let log = crate::log::taken();
    let [line] = &*log else { panic!("{log:?}") };
    assert!(line.contains("request{number=17}"), "{line}");
}

/// A visitor fills the session. That is the visitor's doing, and it can still log in.
#[tokio::test]
async fn a_session_over_its_limit_is_answered_with_413() {
    async fn fill(mut session: Current, request: Request) {
        let size = request.uri().query().unwrap().parse().unwrap();
        session.theme = "x".repeat(size);
    }
    async fn logs_in(mut session: Current) {
        log_in(&mut session);
    }
    let bench = TestBench::<App>::new().await;
    let builder =
        session_store::DynamoDbStore::<App>::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name()).max_size(8192);
    let layer = SessionLayer::new(builder.build().await.unwrap()).dev();
    let routes = Router::new().route("/fill", get(fill));
    let app = routes.route("/login", get(logs_in)).layer(layer);
    let cookie = visitor(&bench).await;
    let refused = ask(&app, "/fill?9000", Some(&cookie)).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    // The visitor sees no name of a field.
    assert!(!refused.text.contains("theme"), "{}", refused.text);
    assert_eq!(calls(&bench), ["GetItem"]);
    assert_eq!(
        ask(&app, "/fill?7700", Some(&cookie)).await.status,
        StatusCode::OK
    );
    let answer = ask(&app, "/login", Some(&cookie)).await;
    let after = stored(&bench, &answer.cookie().unwrap()).await.unwrap();
    assert_eq!(after.user_id.as_deref(), Some("u-17"));
}
