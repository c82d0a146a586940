//! What is shown once.

use std::time::Duration;

use axum::extract::Request as Inner;
use session_store::Session;

use super::*;

async fn page(mut session: Current) -> Result<String, session_store::Error> {
    CurrentSession::take(&mut session, |session| &mut session.theme).await
}

async fn shared(session: Shared) -> Result<String, session_store::Error> {
    session.take(|session| &mut session.theme).await
}

#[tokio::test]
async fn ten_tabs_show_a_message_once() {
    let bench = TestBench::<App>::new().await;
    for app in [app(&bench, page), app(&bench, shared)] {
        let session = App {
            theme: "saved".into(),
            ..App::default()
        };
        let cookie = bench.store.create(session).await.unwrap().id().expose();
        let tabs = (0..10).map(|_| ask(&app, "/", Some(&cookie)));
        let mut shown: Vec<_> = join_all(tabs)
            .await
            .into_iter()
            .map(|tab| tab.text)
            .collect();
        shown.retain(|text| !text.is_empty());
        assert_eq!(shown, ["saved"]);
        // Nothing is there any more, and so nothing is written.
        bench.wire.clear();
        assert_eq!(ask(&app, "/", Some(&cookie)).await.text, "");
        assert_eq!(calls(&bench), ["GetItem"]);
    }
}

/// A message that is put in meanwhile stays for the next page.
#[tokio::test]
async fn a_message_that_comes_meanwhile_is_not_lost() {
    let bench = TestBench::<App>::new().await;
    let mut first = bench.store.create(App::default()).await.unwrap();
    let cookie = first.id().expose();
    first.theme = "one".into();
    bench.store.save(&mut first).await.unwrap();
    assert_eq!(
        ask(&app(&bench, page), "/", Some(&cookie)).await.text,
        "one"
    );
    // This copy does not know that the first one was shown.
    first.theme = "two".into();
    bench.store.save(&mut first).await.unwrap();
    assert_eq!(
        ask(&app(&bench, page), "/", Some(&cookie)).await.text,
        "two"
    );
}

/// A message of the same request needs no store; without a session, there is none.
#[tokio::test]
async fn a_message_of_the_same_request_is_shown_in_it() {
    async fn page(mut session: Current, request: Inner) -> String {
        if request.uri().query().is_some() {
            session.theme = "now".into();
        }
        let taken = CurrentSession::take(&mut session, |session| &mut session.theme).await;
        taken.unwrap()
    }
    let bench = TestBench::<App>::new().await;
    let app = app(&bench, page);
    for (path, expected) in [("/", ""), ("/?now", "now")] {
        let answer = ask(&app, path, None).await;
        assert_eq!((&*answer.text, answer.cookie()), (expected, None));
        assert!(calls(&bench).is_empty());
    }
}

/// The session that ended meanwhile has no message.
#[tokio::test]
async fn a_session_that_has_ended_has_no_message() {
    async fn page(mut session: Current) -> String {
        let store = CurrentSession::store(&session).clone();
        let id = CurrentSession::stored(&session).map(|session| Session::id(session).clone());
        store.delete(&id.unwrap()).await.unwrap();
        let taken = CurrentSession::take(&mut session, |session| &mut session.theme).await;
        taken.unwrap()
    }
    let bench = TestBench::<App>::new().await;
    let session = App {
        theme: "saved".into(),
        ..App::default()
    };
    let cookie = bench.store.create(session).await.unwrap().id().expose();
    bench.clock.advance(Duration::from_secs(1));
    let answer = ask(&app(&bench, page), "/", Some(&cookie)).await;
    assert_eq!((answer.status, &*answer.text), (StatusCode::OK, ""));
    assert!(bench.items().await.is_empty());
}
