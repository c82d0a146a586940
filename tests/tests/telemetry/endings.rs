//! The audit event `ended`: by whom, and once for each session.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{Error, SessionAttributes};
use session_store_tests::{Fault, TestBench};

use super::events::names;
use super::watch::watched;
use super::{App, Plain};

#[test]
fn a_log_out_is_noted_once() {
    watched(async |watch| {
        let bench = TestBench::<App>::new().await;
        let session = bench.store.create(App::of("u-1")).await.unwrap();
        let handle = session.handle().to_string();
        watch.clear();
        bench.store.delete(session.id()).await.unwrap();
        assert_eq!(watch.audit(), [("ended log_out".to_owned(), handle)]);
        bench.store.delete(session.id()).await.unwrap();
        assert_eq!(watch.audit(), []);
    });
}

#[test]
fn a_revocation_is_noted_for_each_session() {
    watched(async |watch| {
        let bench = TestBench::<App>::new().await;
        let a = bench.store.create(App::of("u-1")).await.unwrap();
        let b = bench.store.create(App::of("u-1")).await.unwrap();
        let other = bench.store.create(App::of("u-2")).await.unwrap();
        watch.clear();
        let revoked = bench.store.revoke(App::USER_ID, "u-1").await.unwrap();
        assert_eq!(revoked.deleted(), 2);
        let mut handles = [a.handle().to_string(), b.handle().to_string()];
        handles.sort();
        let mut ended = watch.audit();
        ended.sort();
        let revoked = handles.map(|handle| ("ended revocation".to_owned(), handle));
        assert_eq!(ended, revoked);

        let revoked = bench.store.revoke_handle(&other.handle()).await.unwrap();
        assert_eq!(revoked.deleted(), 1);
        assert_eq!(names(watch.audit()), ["ended revocation"]);
    });
}

#[test]
fn one_of_the_devices_of_a_user_is_noted_once() {
    watched(async |watch| {
        let bench = TestBench::<App>::new().await;
        let session = bench.store.create(App::of("u-1")).await.unwrap();
        watch.clear();
        let revoke = bench.store.revoke(App::USER_ID, "u-1");
        let revoked = revoke.only(session.handle()).await.unwrap();
        assert_eq!(revoked.deleted(), 1);
        assert_eq!(names(watch.audit()), ["ended revocation"]);
    });
}

#[test]
fn a_session_that_a_revocation_could_not_end_is_noted() {
    watched(async |watch| {
        let bench = TestBench::<App>::new().await;
        let session = bench.store.create(App::of("u-1")).await.unwrap();
        let handle = session.handle().to_string();
        bench.wire.every("DeleteItem", || {
            Fault::Answer(400, "AccessDeniedException", "no")
        });
        watch.clear();
        let revoked = bench.store.revoke(App::USER_ID, "u-1").await.unwrap();
        assert_eq!(revoked.failed().len(), 1);
        assert_eq!(watch.audit(), [("not_ended".to_owned(), handle)]);
    });
}

#[test]
fn the_end_of_all_sessions_is_one_event() {
    #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", revoke_all)]
    struct All {
        visits: u64,
    }

    watched(async |watch| {
        let bench = TestBench::<All>::new().await;
        bench.store.create(All::default()).await.unwrap();
        bench.store.create(All::default()).await.unwrap();
        bench.clock.advance(Duration::from_secs(1));
        watch.clear();
        let now = bench.store.now();
        bench.store.revoke_all_created_before(now).await.unwrap();
        let all = ("ended revoke_all".to_owned(), String::new());
        assert_eq!(watch.audit(), [all]);
    });
}

#[test]
fn an_eviction_is_noted_with_the_session_that_ended() {
    watched(async |watch| {
        let bench = TestBench::<App>::new().await;
        let oldest = bench.store.create(App::of("u-1")).await.unwrap();
        bench.clock.advance(Duration::from_secs(1));
        bench.store.create(App::of("u-1")).await.unwrap();
        bench.clock.advance(Duration::from_secs(1));
        watch.clear();
        let new = bench.store.create(App::of("u-1")).await.unwrap();
        let created = ("created".to_owned(), new.handle().to_string());
        let ended = ("ended eviction".to_owned(), oldest.handle().to_string());
        assert_eq!(watch.audit(), [created, ended]);
    });
}

#[test]
fn an_expired_session_is_noted_each_time_that_it_is_met() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let mut session = bench.store.create(Plain::default()).await.unwrap();
        let handle = session.handle().to_string();
        bench.clock.advance(Duration::from_secs(30 * 60));
        watch.clear();
        let expired = [("ended expiry".to_owned(), handle)];
        assert!(bench.store.load(session.id()).await.unwrap().is_none());
        assert_eq!(watch.audit(), expired);
        session.visits += 1;
        let gone = bench.store.save(&mut session).await;
        assert!(matches!(gone, Err(Error::Gone(gone)) if gone.is_expired()));
        assert_eq!(watch.audit(), expired);
    });
}

/// A late request is normal; after that, it is a copy of the cookie.
#[test]
fn the_use_of_a_replaced_id_is_noted_after_a_minute() {
    watched(async |watch| {
        let bench = TestBench::<Plain>::new().await;
        let mut session = bench.store.create(Plain::default()).await.unwrap();
        let old = session.id().clone();
        bench.store.cycle_id(&mut session).await.unwrap();
        watch.clear();
        assert!(bench.store.load(&old).await.unwrap().is_none());
        assert_eq!(watch.audit(), []);
        bench.clock.advance(Duration::from_secs(61));
        assert!(bench.store.load(&old).await.unwrap().is_none());
        let handle = old.handle().to_string();
        assert_eq!(watch.audit(), [("replaced_id".to_owned(), handle)]);
        assert!(bench.store.load(session.id()).await.unwrap().is_some());
    });
}
