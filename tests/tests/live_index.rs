//! Indexes that are added to a table in use.
//!
//! DynamoDB Local 3.3.0 sometimes never finishes a new index after many writes to other tables. So with
//! that engine, this test needs a fresh one, and runs only if `SESSION_STORE_FRESH` says that it has one;
//! `.ci/run` does.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{Error, SessionAttributes};
use session_store_tests::{TestBench, endpoint};

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

#[tokio::test]
async fn a_table_gets_the_indexes_that_it_lacks() {
    if endpoint().is_some() && std::env::var_os("SESSION_STORE_FRESH").is_none() {
        println!("skipped: the engine is not fresh; see the head of this file");
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
