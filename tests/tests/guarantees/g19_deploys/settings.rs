//! Timeouts and limits that the builder is given: shorter and lower than those of the type.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{Builder, DynamoDbStore, Error, Session, SessionAttributes};
use session_store_tests::TestBench;

use super::{HOUR, MINUTE, is_live, listed, visit};

version! {
    #[dynamo(idle_timeout = "2h", absolute_timeout = "12h")]
    struct Tenant {
        #[dynamo(attr = "user_id", index(consistent, limit = 3))]
        user_id: Option<String>,
        #[dynamo(attr = "tenant", index)]
        tenant: Option<String>,
        visits: u64,
    }
}

fn of_user() -> Tenant {
    Tenant {
        user_id: Some("u".into()),
        ..Tenant::default()
    }
}

async fn with(
    bench: &TestBench<Tenant>,
    set: impl FnOnce(Builder<Tenant>) -> Builder<Tenant>,
) -> Result<DynamoDbStore<Tenant>, Error> {
    let builder = set(DynamoDbStore::builder());
    let builder = builder.client(bench.store.client().clone());
    builder.table_name(bench.store.table_name()).build().await
}

#[tokio::test]
async fn a_shorter_idle_timeout_of_the_builder_holds_for_every_session_that_the_store_meets() {
    let bench = TestBench::<Tenant>::new().await;
    let store = with(&bench, |builder| builder.idle_timeout(HOUR / 2))
        .await
        .unwrap();
    let created = store.create(of_user()).await.unwrap();
    assert_eq!(created.expires_at(), created.created_at() + HOUR / 2);
    let other = bench.store.create(of_user()).await.unwrap();
    bench.clock.advance(31 * MINUTE);
    assert!(!is_live(&store, created.id()).await);
    assert!(!is_live(&store, other.id()).await);
    assert_eq!(listed(&store, Tenant::USER_ID, "u").await, 0);
    assert!(is_live(&bench.store, other.id()).await, "the type's own");
    visit(&bench.store, other.id()).await.unwrap();
    let mut other = store.load(other.id()).await.unwrap().unwrap();
    other.visits += 1;
    store.save(&mut other).await.unwrap();
    let touched = Session::touched_at(&other);
    assert_eq!(other.expires_at(), touched + HOUR / 2);
}

#[tokio::test]
async fn a_shorter_absolute_timeout_of_the_builder_holds_too() {
    let bench = TestBench::<Tenant>::new().await;
    let store = with(&bench, |builder| builder.absolute_timeout(3 * HOUR)).await;
    let store = store.unwrap();
    let session = store.create(of_user()).await.unwrap();
    bench.clock.advance(HOUR + 59 * MINUTE);
    visit(&store, session.id()).await.unwrap();
    bench.clock.advance(HOUR + 2 * MINUTE);
    assert!(!is_live(&store, session.id()).await);
}

#[tokio::test]
async fn a_lower_limit_of_the_builder_is_the_limit_of_its_log_ins() {
    let bench = TestBench::<Tenant>::new().await;
    let store = with(&bench, |builder| builder.limit(Tenant::USER_ID, 1))
        .await
        .unwrap();
    for _ in 0..3 {
        bench.clock.advance(Duration::from_millis(1));
        bench.store.create(of_user()).await.unwrap();
    }
    let last = store.create(of_user()).await.unwrap();
    assert_eq!(Session::evicted(&last).len(), 3);
    assert_eq!(listed(&store, Tenant::USER_ID, "u").await, 1);
}

#[tokio::test]
async fn settings_beyond_those_of_the_type_are_refused() {
    let bench = TestBench::<Tenant>::new().await;
    let second = Duration::from_secs(1);
    for refused in [
        with(&bench, |builder| builder.idle_timeout(2 * HOUR + second)).await,
        with(&bench, |builder| {
            builder.absolute_timeout(12 * HOUR + second)
        })
        .await,
        with(&bench, |builder| builder.limit(Tenant::USER_ID, 4)).await,
        with(&bench, |builder| builder.limit(Tenant::USER_ID, 0)).await,
        with(&bench, |builder| builder.idle_timeout(Duration::ZERO)).await,
        with(&bench, |builder| builder.limit(Tenant::TENANT, 1)).await,
    ] {
        assert!(matches!(refused, Err(Error::Setup(_))), "{refused:?}");
    }
    let same = with(&bench, |builder| {
        let builder = builder.idle_timeout(2 * HOUR);
        builder
            .absolute_timeout(12 * HOUR)
            .limit(Tenant::USER_ID, 3)
    });
    same.await.unwrap();
}

/// Two tenants of one type in one table.
#[tokio::test]
async fn two_prefixes_of_one_table_have_their_own_settings() {
    let bench = TestBench::<Tenant>::new().await;
    let strict = with(&bench, |builder| {
        let builder = builder.key_prefix("strict/");
        builder.idle_timeout(10 * MINUTE).limit(Tenant::USER_ID, 1)
    });
    let strict = strict.await.unwrap();
    let usual = with(&bench, |builder| builder.key_prefix("usual/"));
    let usual = usual.await.unwrap();
    let of_strict = strict.create(of_user()).await.unwrap();
    let of_usual = usual.create(of_user()).await.unwrap();
    usual.create(of_user()).await.unwrap();
    assert_eq!(listed(&usual, Tenant::USER_ID, "u").await, 2);
    bench.clock.advance(11 * MINUTE);
    assert!(!is_live(&strict, of_strict.id()).await);
    assert!(is_live(&usual, of_usual.id()).await);
}

/// A session's own idle timeout is not that of the builder, whose absolute timeout bounds it.
#[tokio::test]
async fn an_own_idle_timeout_counts_beside_the_settings() {
    let bench = TestBench::<Tenant>::new().await;
    let store = with(&bench, |builder| {
        builder.idle_timeout(10 * MINUTE).absolute_timeout(HOUR)
    });
    let store = store.await.unwrap();
    let mut session = store.create(of_user()).await.unwrap();
    Session::set_idle_timeout(&mut session, 2 * HOUR);
    store.save(&mut session).await.unwrap();
    bench.clock.advance(59 * MINUTE);
    assert!(is_live(&store, session.id()).await);
    bench.clock.advance(2 * MINUTE);
    assert!(!is_live(&store, session.id()).await);
}
