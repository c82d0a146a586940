//! Each audit event by the operation that causes it, exactly once.

use session_store::{Error, Session, SessionAttributes, SessionId};
use session_store_tests::TestBench;

use super::watch::watched;
use super::{App, Plain};

/// The events of an operation that has just ended: name and reason.
pub(crate) fn names(events: Vec<(String, String)>) -> Vec<String> {
    events.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn a_session_that_is_created_is_noted() {
    watched(async |watch| {
        let bench = TestBench::<App>::new().await;
        watch.clear();
        let session = bench.store.create(App::default()).await.unwrap();
        let handle = session.handle().to_string();
        assert_eq!(watch.audit(), [("created".to_owned(), handle)]);
        bench.store.load(session.id()).await.unwrap();
        assert_eq!(watch.audit(), []);
    });
}

#[test]
fn a_log_in_is_noted_with_the_new_handle() {
    watched(async |watch| {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::default()).await.unwrap();
        let before = session.handle();
        watch.clear();
        session.user_id = Some("u-1".into());
        bench.store.log_in(&mut session).await.unwrap();
        assert_ne!(session.handle(), before);
        let handle = session.handle().to_string();
        assert_eq!(watch.audit(), [("logged_in".to_owned(), handle)]);
    });
}

#[test]
fn a_log_in_whose_session_has_ended_is_a_creation_too() {
    watched(async |watch| {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::default()).await.unwrap();
        bench.store.delete(session.id()).await.unwrap();
        watch.clear();
        session.user_id = Some("u-1".into());
        bench.store.log_in(&mut session).await.unwrap();
        assert_eq!(names(watch.audit()), ["created", "logged_in"]);
    });
}

#[test]
fn a_new_id_is_noted_with_the_new_handle() {
    watched(async |watch| {
        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::default()).await.unwrap();
        watch.clear();
        bench.store.cycle_id(&mut session).await.unwrap();
        let handle = session.handle().to_string();
        assert_eq!(watch.audit(), [("new_id".to_owned(), handle)]);
    });
}

#[test]
fn an_id_that_no_session_has_is_noted() {
    watched(async |watch| {
        let bench = TestBench::<App>::new().await;
        watch.clear();
        let id = SessionId::parse(&("B".repeat(42) + "A")).unwrap();
        assert!(bench.store.load(&id).await.unwrap().is_none());
        let handle = id.handle().to_string();
        assert_eq!(watch.audit(), [("unknown_id".to_owned(), handle)]);
        let updated = bench.store.update(&id, |session| session.visits += 1).await;
        assert!(matches!(updated, Err(Error::Gone(_))));
        assert_eq!(names(watch.audit()), ["unknown_id"]);
    });
}

#[test]
fn a_session_that_may_not_be_stored_is_noted_with_the_reason() {
    #[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, SessionAttributes)]
    #[dynamo(table = "tests")]
    struct One {
        #[dynamo(attr = "user_id", index(consistent, limit = 1, on_limit = reject))]
        user_id: Option<String>,
    }

    watched(async |watch| {
        let bench = TestBench::<One>::new().await;
        let one = One {
            user_id: Some("u-1".into()),
        };
        bench.store.create(one.clone()).await.unwrap();
        watch.clear();
        let refused = bench.store.create(one).await;
        assert!(matches!(refused, Err(Error::Limit(_))));
        assert_eq!(names(watch.audit()), ["refused limit"]);

        let bench = TestBench::<App>::new().await;
        let mut session = bench.store.create(App::default()).await.unwrap();
        watch.clear();
        session.text = "x".repeat(400 * 1024);
        let refused = bench.store.save(&mut session).await;
        assert!(matches!(refused, Err(Error::TooLarge(_))));
        assert_eq!(names(watch.audit()), ["refused too_large"]);

        session.text.clear();
        session.user_id = Some("u-1".into());
        let refused = bench.store.save(&mut session).await;
        assert!(matches!(refused, Err(Error::Encode(_))));
        assert_eq!(names(watch.audit()), ["refused user_without_new_id"]);
    });
}

#[test]
fn a_value_that_cannot_be_stored_is_noted() {
    #[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, SessionAttributes)]
    #[dynamo(table = "tests")]
    struct Number {
        number: f64,
    }

    watched(async |watch| {
        let bench = TestBench::<Number>::new().await;
        watch.clear();
        let refused = bench.store.create(Number { number: f64::NAN }).await;
        assert!(matches!(refused, Err(Error::Encode(_))), "{refused:?}");
        assert_eq!(names(watch.audit()), ["refused not_storable"]);
    });
}

#[test]
fn visits_have_no_events() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let mut session = bench.store.create(Plain::default()).await.unwrap();
        watch.clear();
        session.visits += 1;
        bench.store.save(&mut session).await.unwrap();
        bench.store.touch(&mut session).await.unwrap();
        bench.store.refresh(&mut session).await.unwrap();
        let id = session.id().clone();
        bench.store.update(&id, |it| it.visits += 1).await.unwrap();
        assert_eq!(Session::evicted(&session), []);
        assert_eq!(watch.audit(), []);
    });
}
