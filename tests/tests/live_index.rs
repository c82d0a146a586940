//! Indexes that are added to a table in use.
//!
//! DynamoDB Local 3.3.0 sometimes never finishes a new index after many writes to other tables. So with
//! that engine, this test needs a fresh one, and runs only if `SESSION_STORE_FRESH` says that it has one;
//! `.ci/run` does.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{Error, SessionAttributes};
use session_store_tests::{Fault, TestBench, endpoint};

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "app")]
struct App {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
}

/// The next version of the same type.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "app")]
struct More {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    #[dynamo(attr = "tenant", index(name = "by-tenant"))]
    tenant: Option<u64>,
    #[dynamo(attr = "device", index)]
    device: Option<Vec<u8>>,
}

/// Another name of the same index.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "app")]
struct Renamed {
    #[dynamo(attr = "user_id", index(name = "by-user"))]
    user_id: Option<String>,
}

fn is_skipped() -> bool {
    let is_skipped = endpoint().is_some() && std::env::var_os("SESSION_STORE_FRESH").is_none();
    if is_skipped {
        println!("skipped: the engine is not fresh; see the head of this file");
    }
    is_skipped
}

#[tokio::test]
async fn a_table_gets_the_indexes_that_it_lacks() {
    if is_skipped() {
        return;
    }
    let bench = TestBench::<App>::new().await;
    let session = bench
        .store
        .create(App {
            user_id: Some("u-17".into()),
        })
        .await
        .unwrap();
    let more = bench.other::<More>().await;
    let lacking = more.verify_table().await.unwrap_err();
    assert!(matches!(lacking, Error::Setup(_)));
    assert!(lacking.to_string().contains("`by-tenant`"), "{lacking}");

    let created = tokio::time::timeout(Duration::from_secs(60), more.create_table());
    created
        .await
        .expect("the indexes are usable in time")
        .unwrap();
    more.verify_table().await.unwrap();
    let mut session = more.load(session.id()).await.unwrap().unwrap();
    session.tenant = Some(4);
    session.device = Some(vec![1, 2]);
    more.save(&mut session).await.unwrap();
    assert_eq!(more.sessions(More::TENANT, 4).count().await.unwrap(), 1);
    assert_eq!(
        more.sessions(More::DEVICE, &[1, 2][..])
            .count()
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        more.sessions(More::USER_ID, "u-17").count().await.unwrap(),
        1
    );
}

/// G19. DynamoDB fills the new index from the attribute, so that old and new binaries miss nothing.
#[tokio::test]
async fn an_index_gets_another_name_on_a_table_in_use() {
    if is_skipped() {
        return;
    }
    let bench = TestBench::<App>::new().await;
    let of_user = || App {
        user_id: Some("u-17".into()),
    };
    bench.store.create(of_user()).await.unwrap();
    let new = bench.other::<Renamed>().await;
    let created = tokio::time::timeout(Duration::from_secs(60), new.create_table());
    created.await.expect("the index is usable in time").unwrap();
    let listed = new.sessions(Renamed::USER_ID, "u-17").count();
    assert_eq!(listed.await.unwrap(), 1);

    bench.store.create(of_user()).await.unwrap();
    let of_new = Renamed {
        user_id: Some("u-17".into()),
    };
    new.create(of_new).await.unwrap();
    let listed = new.sessions(Renamed::USER_ID, "u-17").count();
    assert_eq!(listed.await.unwrap(), 3);
    let revoked = bench.store.revoke(App::USER_ID, "u-17").await.unwrap();
    assert_eq!(revoked.deleted(), 3, "also after a rollback");
}

/// Two hosts start with the new type at once, and each adds what the table lacks.
#[tokio::test]
async fn two_hosts_that_add_an_index_at_once_both_succeed() {
    if is_skipped() {
        return;
    }
    let bench = TestBench::<App>::new().await;
    let new = bench.other::<Renamed>().await;
    let other = new.clone();
    bench.wire.next(
        "UpdateTable",
        Fault::meanwhile(move || async move { other.create_table().await.unwrap() }),
    );
    let created = tokio::time::timeout(Duration::from_secs(60), new.create_table());
    created.await.expect("the index is usable in time").unwrap();
    new.verify_table().await.unwrap();
}
