//! Lists with data, and one session by its handle.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, SessionAttributes, SessionHandle, StoredSession};
use session_store_tests::{Fault, TestBench, chain};

use super::{Account, damage, sessions, tests};

tests! {
    a_value_that_no_session_can_have_is_answered_without_a_request
    a_list_has_the_data_of_each_session
    a_summary_has_the_promoted_attributes
    a_session_is_found_by_its_handle
    an_expired_session_is_nowhere
    a_session_that_cannot_be_read_is_in_its_place
    reading_writes_nothing_and_extends_nothing
    a_failed_read_is_no_missing_session
    no_form_of_it_has_the_id
}

fn handles<S>(stored: &[StoredSession<S>]) -> Vec<SessionHandle> {
    stored.iter().map(StoredSession::handle).collect()
}

async fn with_data<S: Account>(store: &DynamoDbStore<S>) -> [Vec<StoredSession<S>>; 3] {
    let by_user = store.sessions(S::USER_ID, "u-17").with_data().all();
    let by_tenant = store.sessions(S::TENANT, "acme").with_data().all();
    let by_country = store.sessions(S::COUNTRY, 977).with_data().all();
    let lists = [
        by_user.await.unwrap(),
        by_tenant.await.unwrap(),
        by_country.await.unwrap(),
    ];
    lists.map(|list| list.into_iter().map(|session| session.unwrap()).collect())
}

async fn a_list_has_the_data_of_each_session<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let mut all = sessions(&bench, "u-17", 5).await;
    all[2].cart().push("tea".into());
    bench.store.save(&mut all[2]).await.unwrap();
    let newest_first: Vec<_> = all.iter().rev().map(|session| session.handle()).collect();
    for list in with_data(&bench.store).await {
        assert_eq!(handles(&list), newest_first);
        let mut with_cart = list[2].clone();
        let summary = StoredSession::summary(&with_cart).clone();
        assert_eq!(summary.created_at(), all[2].created_at());
        assert_eq!(summary.expires_at(), all[2].expires_at());
        let mut data = StoredSession::into_data(with_cart.clone());
        assert_eq!(*data.cart(), ["tea"]);
        with_cart = list[1].clone();
        assert!(StoredSession::into_data(with_cart).cart().is_empty());
    }
    let two = bench.store.sessions(S::TENANT, "acme").limit(2).with_data();
    assert_eq!(two.all().await.unwrap().len(), 2);
}

async fn a_summary_has_the_promoted_attributes<S: Account>() {
    let bench = TestBench::<S>::new().await;
    sessions(&bench, "u-17", 2).await;
    bench.wire.clear();
    for summary in bench
        .store
        .sessions(S::USER_ID, "u-17")
        .all()
        .await
        .unwrap()
    {
        let agent: Option<String> = summary.attribute(S::AGENT).unwrap();
        assert_eq!(agent.as_deref(), Some("u-17's browser"));
        let roles: Option<BTreeSet<String>> = summary.attribute(S::ROLES).unwrap();
        assert_eq!(roles.unwrap().len(), 2);
        let country: Option<u64> = summary.attribute(S::COUNTRY).unwrap();
        assert_eq!(country, Some(977));
        let wrong = summary.attribute::<u64>(S::AGENT).unwrap_err();
        assert_eq!(wrong.path(), "agent");
        assert!(!chain(&wrong).contains("u-17's browser"));
    }
    assert_eq!(bench.wire.operations(), ["BatchGetItem", "BatchGetItem"]);
}

async fn a_session_is_found_by_its_handle<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let mine = sessions(&bench, "u-17", 1).await.remove(0);
    let theirs = sessions(&bench, "u-18", 1).await.remove(0);
    bench.wire.clear();
    let found = bench.store.find(mine.handle()).await.unwrap().unwrap();
    assert_eq!(*StoredSession::into_data(found).role(), "reader");
    assert_eq!(bench.wire.operations(), ["GetItem"]);

    let of_user = || bench.store.sessions(S::USER_ID, "u-17");
    assert!(of_user().find(mine.handle()).await.unwrap().is_some());
    assert!(of_user().find(&theirs.handle()).await.unwrap().is_none());
    bench.store.delete(mine.id()).await.unwrap();
    assert!(bench.store.find(mine.handle()).await.unwrap().is_none());
}

async fn an_expired_session_is_nowhere<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 1).await.remove(0);
    bench.clock.advance(Duration::from_millis(30 * 60_000 - 1));
    assert!(bench.store.find(session.handle()).await.unwrap().is_some());
    assert!(
        with_data(&bench.store)
            .await
            .iter()
            .all(|list| list.len() == 1)
    );
    bench.clock.advance(Duration::from_millis(1));
    assert!(bench.store.find(session.handle()).await.unwrap().is_none());
    assert!(with_data(&bench.store).await.iter().all(Vec::is_empty));
}

async fn a_session_that_cannot_be_read_is_in_its_place<S: Account>() {
    for attribute in ["data", "version", "touched_at"] {
        let bench = TestBench::<S>::new().await;
        let all = sessions(&bench, "u-17", 3).await;
        damage(&bench, &all[1], attribute).await;
        let handle = all[1].handle();
        for list in [
            bench
                .store
                .sessions(S::USER_ID, "u-17")
                .with_data()
                .all()
                .await
                .unwrap(),
            bench
                .store
                .sessions(S::TENANT, "acme")
                .with_data()
                .all()
                .await
                .unwrap(),
            bench
                .store
                .sessions(S::COUNTRY, 977)
                .with_data()
                .all()
                .await
                .unwrap(),
        ] {
            assert_eq!(list.len(), 3, "{attribute}");
            let unreadable = list[1].as_ref().unwrap_err();
            assert_eq!(unreadable.handle(), Some(handle), "{attribute}");
            assert!(list[0].is_ok() && list[2].is_ok(), "{attribute}");
        }
        let found = bench.store.find(handle).await;
        assert!(
            matches!(found, Err(Error::Decode(_))),
            "{attribute}: {found:?}"
        );
        let summaries = bench
            .store
            .sessions(S::USER_ID, "u-17")
            .all()
            .await
            .unwrap();
        assert_eq!(summaries[1].handle(), handle);
        assert_eq!(
            summaries[1].is_unreadable(),
            attribute == "touched_at",
            "{attribute}"
        );
        let json = serde_json::to_value(&summaries[1]).unwrap();
        assert_eq!(
            json["created_at"].is_null(),
            attribute == "touched_at",
            "{json}"
        );

        assert_eq!(
            bench.store.revoke_handle(&handle).await.unwrap().deleted(),
            1
        );
        assert_eq!(
            bench
                .store
                .sessions(S::USER_ID, "u-17")
                .count()
                .await
                .unwrap(),
            2
        );
    }
}

async fn reading_writes_nothing_and_extends_nothing<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 1).await.remove(0);
    let before = bench.item(session.handle()).await;
    bench.clock.advance(Duration::from_secs(20 * 60));
    bench.wire.clear();
    for _ in 0..10 {
        bench.store.find(session.handle()).await.unwrap().unwrap();
        with_data(&bench.store).await;
    }
    let reads = ["GetItem", "BatchGetItem", "Query"];
    let operations = bench.wire.operations();
    assert!(
        operations
            .iter()
            .all(|operation| reads.contains(&&**operation)),
        "{operations:?}"
    );
    assert_eq!(bench.item(session.handle()).await, before);
}

async fn a_failed_read_is_no_missing_session<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 1).await.remove(0);
    bench.wire.every("GetItem", Fault::throttled);
    let found = bench.store.find(session.handle()).await;
    assert!(matches!(found, Err(Error::Service(_))), "{found:?}");
    bench.wire.every("BatchGetItem", Fault::throttled);
    let listed = bench
        .store
        .sessions(S::TENANT, "acme")
        .with_data()
        .all()
        .await;
    assert!(matches!(listed, Err(Error::Service(_))), "{listed:?}");
}

/// G8.
async fn no_form_of_it_has_the_id<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let session = sessions(&bench, "u-17", 1).await.remove(0);
    let stored = bench.store.find(session.handle()).await.unwrap().unwrap();
    let summary = StoredSession::summary(&stored);
    let json = serde_json::to_string(summary).unwrap();
    for text in [format!("{stored:?}"), format!("{summary:?}"), json.clone()] {
        assert!(!text.contains(&session.id().expose()), "{text}");
    }
    // What the application has promoted may be a secret of its own.
    assert!(!format!("{summary:?}{json}").contains("browser"), "{json}");
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    revoke_all,
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Revocable {
    #[dynamo(attr = "user_id", index)]
    user_id: String,
}

#[tokio::test]
async fn what_was_revoked_with_all_others_is_not_found() {
    let bench = TestBench::<Revocable>::new().await;
    let user_id = "u-17".to_owned();
    let session = bench.store.create(Revocable { user_id }).await.unwrap();
    bench.clock.advance(Duration::from_secs(1));
    assert!(bench.store.find(session.handle()).await.unwrap().is_some());
    bench
        .store
        .revoke_all_created_before(bench.clock.now())
        .await
        .unwrap();
    assert!(bench.store.find(session.handle()).await.unwrap().is_none());
    let listed = bench.store.sessions(Revocable::USER_ID, "u-17").with_data();
    assert!(listed.all().await.unwrap().is_empty());
}

/// G16.
#[tokio::test]
async fn a_session_of_another_type_is_not_found() {
    let bench = TestBench::<super::map::App>::new().await;
    let other = bench.other::<Revocable>().await;
    let session = bench
        .store
        .create(super::map::App::of("u-17"))
        .await
        .unwrap();
    assert!(other.find(session.handle()).await.unwrap().is_none());
    let changed = other.update_handle(session.handle(), |_| ()).await;
    assert!(matches!(changed, Err(Error::Gone(_))), "{changed:?}");
}

#[tokio::test]
async fn the_times_of_a_summary_are_as_in_rfc_3339() {
    let bench = TestBench::<super::map::App>::new().await;
    bench.clock.set(1_800_000_000_250);
    bench
        .store
        .create(super::map::App::of("u-17"))
        .await
        .unwrap();
    let summaries = bench.store.sessions(super::map::App::USER_ID, "u-17").all();
    let json = serde_json::to_value(summaries.await.unwrap()).unwrap();
    assert_eq!(json[0]["created_at"], "2027-01-15T08:00:00.25Z");
    assert_eq!(json[0]["touched_at"], "2027-01-15T08:00:00.25Z");
    assert_eq!(json[0]["expires_at"], "2027-01-15T08:30:01Z");
}

/// G11. Such as the text of a search box: neither an outage nor a fault of the visitor.
async fn a_value_that_no_session_can_have_is_answered_without_a_request<S: Account>() {
    let bench = TestBench::<S>::new().await;
    let store = &bench.store;
    bench.wire.clear();
    for value in [String::new(), "a".repeat(2049), "a".repeat(100_000)] {
        for index in [S::USER_ID, S::TENANT] {
            assert_eq!(store.sessions(index, &value).count().await.unwrap(), 0);
            assert!(
                store
                    .sessions(index, &value)
                    .with_data()
                    .all()
                    .await
                    .unwrap()
                    .is_empty()
            );
            assert!(
                store
                    .sessions(index, &value)
                    .page(5)
                    .await
                    .unwrap()
                    .sessions
                    .is_empty()
            );
            assert!(store.export(index, &value).next().await.is_none());
            for revoked in [
                store.revoke(index, &value).await,
                store.erase(index, &value).await,
            ] {
                let revoked = revoked.unwrap();
                assert!(revoked.deleted() == 0 && revoked.failed().is_empty());
                assert!(revoked.is_complete());
            }
            let updated = store.update_all(index, &value, |_| {}).await.unwrap();
            assert!(updated.changed() == 0 && updated.is_complete());
        }
    }
    assert!(bench.wire.operations().is_empty());
}
