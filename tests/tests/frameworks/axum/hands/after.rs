//! After the head of the response: streams and sockets.

use std::time::Duration;

use session_store_tests::Fault;

use super::*;
use crate::log;

/// A response whose body does this with the session.
macro_rules! streams {
    (async |$session:ident| $work:expr) => {
        async |$session: Shared| -> Answered { Response::new(body(async move { $work })) }
    };
}

#[tokio::test]
async fn reading_and_an_explicit_save_work_after_the_head() {
    let bench = TestBench::<App>::new().await;
    let app = app(
        &bench,
        streams!(async |session| {
            let read = session.with(|session| session.visits).await;
            let changed = session.with(|session| session.visits += 1).await;
            let saved = session.save().await;
            let updated = session.update(|session| session.visits += 1).await;
            let again = session.with(|session| session.visits).await;
            let results = [told(changed), told(saved), told(updated)].join(" ");
            format!("{} {results} {}", told(read), told(again))
        }),
    );
    log::capture();
    let cookie = visitor(&bench).await;
    log::taken();
    let answer = ask(&app, "/", Some(&cookie)).await;
    assert_eq!(answer.text, "0 () () () 2");
    assert_eq!(stored(&bench, &cookie).await.unwrap().visits, 2);
    assert_eq!(
        calls(&bench),
        ["GetItem", "UpdateItem", "UpdateItem", "GetItem"]
    );
    assert!(log::taken().is_empty());
}

/// What would need a cookie is an error, and nothing of it is stored.
#[tokio::test]
async fn what_needs_a_cookie_is_an_error_after_the_head() {
    let bench = TestBench::<App>::new().await;
    let app = app(
        &bench,
        streams!(async |session| {
            let begun = session.with(|session| session.visits += 1).await;
            let by_update = session.update(|session| session.visits += 1).await;
            let logged_in = session.with(log_in).await;
            let renewed = session.with(CurrentSession::cycle_id).await;
            let replaced = session.log_in_as(App::default()).await;
            let saved = session.save().await;
            let results = [begun, by_update, logged_in, renewed, replaced];
            let results: Vec<_> = results.into_iter().map(told).collect();
            format!("{} {}", results.join(" "), told(saved))
        }),
    );
    log::capture();
    log::taken();
    let answer = ask(&app, "/", None).await;
    // Without a session, there is no id to renew.
    assert_eq!(answer.text, "late late late () late ()");
    assert!(bench.all_items().await.is_empty());
    let cookie = visitor(&bench).await;
    let answer = ask(&app, "/", Some(&cookie)).await;
    assert_eq!(answer.text, "() () late late late ()");
    let after = stored(&bench, &cookie).await.unwrap();
    assert_eq!((after.visits, after.user_id), (2, None));
    assert!(log::taken().is_empty());
}

/// A change without a save is lost, and the log says so.
#[tokio::test]
async fn a_late_change_without_a_save_is_logged() {
    let bench = TestBench::<App>::new().await;
    let app = app(
        &bench,
        streams!(async |session| told(session.with(|session| session.visits += 1).await)),
    );
    log::capture();
    let cookie = visitor(&bench).await;
    log::taken();
    assert_eq!(ask(&app, "/", Some(&cookie)).await.text, "()");
    let log = log::taken();
    let [line] = &*log else { panic!("{log:?}") };
    assert!(
        line.starts_with("ERROR") && line.contains("call `save` or `update`"),
        "{line}"
    );
    assert_eq!(stored(&bench, &cookie).await.unwrap().visits, 0);
}

/// An extractor that is moved into the body works in the same way.
#[tokio::test]
async fn an_extractor_that_is_kept_reads_and_saves() {
    async fn page(mut session: Current) -> Answered {
        Response::new(body(async move {
            let before = session.visits;
            session.visits += 1;
            let saved = CurrentSession::save(&mut session).await;
            format!("{before} {}", told(saved))
        }))
    }
    let bench = TestBench::<App>::new().await;
    let app = app(&bench, page);
    log::capture();
    let cookie = visitor(&bench).await;
    log::taken();
    assert_eq!(ask(&app, "/", Some(&cookie)).await.text, "0 ()");
    assert!(log::taken().is_empty());
    assert_eq!(stored(&bench, &cookie).await.unwrap().visits, 1);
    assert_eq!(
        ask(&app, "/", None).await.text.split_once(' ').unwrap().1,
        "late"
    );
    assert_eq!(bench.items().await.len(), 1);
}

/// It was saved before it went into the body: the client gets its cookie.
#[tokio::test]
async fn g18_a_log_in_that_is_saved_reaches_the_client_of_a_stream() {
    async fn page(mut session: Current) -> Answered {
        log_in(&mut session);
        CurrentSession::save(&mut session).await.unwrap();
        Response::new(body(async move { session.user_id.clone().unwrap() }))
    }
    let bench = TestBench::<App>::new().await;
    let app = app(&bench, page);
    for planted in [None, Some(visitor(&bench).await)] {
        let answer = ask(&app, "/", planted.as_deref()).await;
        assert_eq!(answer.text, "u-17");
        let cookie = answer.cookie().unwrap();
        assert_ne!(Some(&cookie), planted.as_ref());
        let after = stored(&bench, &cookie).await.unwrap();
        assert_eq!(after.user_id.as_deref(), Some("u-17"));
    }
}

/// It was not saved, so the client is not told that all is well.
#[tokio::test]
async fn g18_a_log_in_in_a_kept_extractor_is_no_success() {
    async fn page(mut session: Current) -> Answered {
        log_in(&mut session);
        Response::new(body(async move { session.visits.to_string() }))
    }
    async fn first_visit(mut session: Current) -> Answered {
        session.visits += 1;
        Response::new(body(async move { session.visits.to_string() }))
    }
    let bench = TestBench::<App>::new().await;
    let cookie = visitor(&bench).await;
    for cookie in [None, Some(&*cookie)] {
        let answer = ask(&app(&bench, page), "/", cookie).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.cookie(), None);
    }
    let answer = ask(&app(&bench, first_visit), "/", None).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(stored(&bench, &cookie).await.unwrap().user_id, None);
    assert_eq!(bench.items().await.len(), 1);
}

/// A socket that is told to log out.
#[tokio::test]
async fn g17_an_end_after_the_head_ends_the_session() {
    async fn current(mut session: Current) -> Answered {
        Response::new(body(async move {
            CurrentSession::end(&mut session);
            String::new()
        }))
    }
    async fn ending(session: session_store::frameworks::axum::EndSession<App>) -> Answered {
        Response::new(body(async move {
            session.end();
            String::new()
        }))
    }
    let shared = streams!(async |session| {
        session.end();
        String::new()
    });
    let saved = streams!(async |session| {
        session.end();
        told(session.save().await)
    });
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let routes = Router::new()
        .route("/current", get(current))
        .route("/ending", get(ending))
        .route("/shared", get(shared))
        .route("/saved", get(saved));
    let app = routes.layer(layer.clone());
    for path in ["/current", "/ending", "/shared", "/saved"] {
        let cookie = visitor(&bench).await;
        assert_eq!(ask(&app, path, Some(&cookie)).await.status, StatusCode::OK);
        layer.wait_until_stored().await;
        assert_eq!(stored(&bench, &cookie).await, None, "{path}");
    }
}

/// A socket can last for hours. The beginning of its request does not count for so long.
#[tokio::test]
async fn g5_a_socket_does_not_outlive_its_timeouts() {
    async fn page(session: Shared, Extension(later): Extension<Later>) {
        later.leave(async move {
            let read_again = told(session.refresh().await);
            let changed = told(session.with(|session| session.visits += 1).await);
            let saved = told(session.save().await);
            let updated = told(session.update(|session| session.visits += 1).await);
            let results = [read_again, changed, saved, updated];
            assert_eq!(results, ["gone", "()", "gone", "gone"]);
        });
    }
    let bench = TestBench::<App>::new().await;
    let later = Later::default();
    let app = app(&bench, page).layer(Extension(later.clone()));
    let cookie = visitor(&bench).await;
    ask(&app, "/", Some(&cookie)).await;
    bench.clock.advance(Duration::from_secs(31 * 60));
    later.work().await;
    assert_eq!(stored(&bench, &cookie).await, None);
}

/// "Log out everywhere" reaches it as well.
#[tokio::test]
async fn a_socket_learns_that_its_session_was_revoked() {
    async fn page(session: Shared, Extension(later): Extension<Later>) {
        later.leave(async move { assert_eq!(told(session.refresh().await), "gone") });
    }
    let bench = TestBench::<App>::new().await;
    let later = Later::default();
    let app = app(&bench, page).layer(Extension(later.clone()));
    let cookie = visitor(&bench).await;
    ask(&app, "/", Some(&cookie)).await;
    let id = session_store::SessionId::parse(&cookie).unwrap();
    bench.store.delete(&id).await.unwrap();
    later.work().await;
}

/// A save that a stream has begun goes on when the client is gone, and a shut-down waits for it.
#[tokio::test]
async fn a_shut_down_waits_for_what_is_being_stored() {
    async fn page(mut session: Current) {
        session.visits += 1;
    }
    let bench = TestBench::<App>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = Router::new().route("/", get(page)).layer(layer.clone());
    let cookie = visitor(&bench).await;
    let (reached, go) = (
        Arc::new(tokio::sync::Notify::new()),
        Arc::new(tokio::sync::Notify::new()),
    );
    let at_dynamodb = {
        let (reached, go) = (Arc::clone(&reached), Arc::clone(&go));
        async move {
            reached.notify_one();
            go.notified().await;
        }
    };
    bench
        .wire
        .next("UpdateItem", Fault::meanwhile(|| at_dynamodb));
    // The client hangs up while the layer stores.
    tokio::select! {
        _ = ask(&app, "/", Some(&cookie)) => panic!("it is not stored yet"),
        () = reached.notified() => {}
    }
    assert!(layer.wait_until_stored().now_or_never().is_none());
    go.notify_one();
    layer.wait_until_stored().await;
    assert_eq!(stored(&bench, &cookie).await.unwrap().visits, 1);
    // It can be used after that, and asked again.
    ask(&app, "/", Some(&cookie)).await;
    layer.wait_until_stored().await;
    assert_eq!(stored(&bench, &cookie).await.unwrap().visits, 2);
}
