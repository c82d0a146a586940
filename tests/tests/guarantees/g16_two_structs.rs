//! G16. Two structs of one name in one table: an id of one would be valid for the other, so the second store is not
//! built.

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, SessionAttributes};
use session_store_tests::TestBench;

macro_rules! session {
    ($module:ident $(, #[$option:meta])?) => {
        mod $module {
            use super::*;

            #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
            #[dynamo(table = "tests")]
            $(#[$option])?
            pub struct Session {
                pub(super) user_id: Option<u64>,
            }
        }
    };
}

session!(customers);
session!(staff);
session!(employees, #[dynamo(type_name = "employee")]);
session!(customers_of_before, #[dynamo(type_name = "Session")]);

/// A store on this table, with this prefix.
async fn store<S>(
    bench: &TestBench<customers::Session>,
    table: &str,
    prefix: &str,
) -> Result<DynamoDbStore<S>, Error>
where
    S: SessionAttributes + Clone + Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let builder = DynamoDbStore::builder().client(bench.store.client().clone());
    builder.table_name(table).key_prefix(prefix).build().await
}

#[tokio::test]
async fn the_second_is_refused_unless_it_has_a_name_a_table_or_a_prefix_of_its_own() {
    let bench = TestBench::<customers::Session>::new().await;
    let table = bench.store.table_name();
    match store::<staff::Session>(&bench, table, "").await {
        Err(Error::Setup(error)) => {
            let text = error.to_string();
            for part in ["customers::Session", "staff::Session", table, "type_name"] {
                assert!(text.contains(part), "{text}");
            }
        }
        built => panic!("{built:?}"),
    }
    // The first one as often as it likes.
    store::<customers::Session>(&bench, table, "")
        .await
        .unwrap();
    let other_table = format!("{table}-2");
    store::<staff::Session>(&bench, &other_table, "")
        .await
        .unwrap();
    store::<staff::Session>(&bench, table, "staff/")
        .await
        .unwrap();

    let session = bench.store.create(customers::Session { user_id: Some(7) });
    let session = session.await.unwrap();
    let employees = store::<employees::Session>(&bench, table, "")
        .await
        .unwrap();
    assert!(employees.load(session.id()).await.unwrap().is_none());
    // It says that its sessions are those of the other.
    let before = store::<customers_of_before::Session>(&bench, table, "")
        .await
        .unwrap();
    assert_eq!(
        before.load(session.id()).await.unwrap().unwrap().user_id,
        Some(7)
    );
}
