//! `revoke_all`, and the options of the type that say where its sessions are and what their attributes are called.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, Session, SessionAttributes};
use session_store_tests::TestBench;

use super::{MINUTE, is_live, listed, revoked};

version! {
    struct Before {
        #[dynamo(attr = "user", index)]
        user: Option<String>,
        plan: String,
    }
}

async fn log_in(store: &DynamoDbStore<Before>, user: &str) -> Session<Before> {
    let session = Before {
        user: Some(user.to_owned()),
        plan: "free".into(),
    };
    store.create(session).await.unwrap()
}

version! {
    #[dynamo(revoke_all)]
    struct RevokeAll {
        #[dynamo(attr = "user", index)]
        user: Option<String>,
        plan: String,
    }
}

/// Binaries without the option do not look at the moment: it counts once all have it, and as long as they do.
#[tokio::test]
async fn revoke_all_ends_sessions_for_the_binaries_that_have_it() {
    let bench = TestBench::<Before>::new().await;
    let (old, new) = (
        bench.other::<Before>().await,
        bench.other::<RevokeAll>().await,
    );
    let session = log_in(&old, "u").await;
    let unmet = log_in(&old, "u").await;
    assert!(is_live(&new, session.id()).await, "nothing was revoked");
    bench.clock.advance(MINUTE);
    let now = Duration::from_millis(bench.clock.millis());
    let now = UNIX_EPOCH + now;
    new.revoke_all_created_before(now).await.unwrap();
    assert!(is_live(&old, session.id()).await, "the old binary");
    // The new one deletes what it meets.
    assert!(!is_live(&new, session.id()).await);
    assert!(!is_live(&old, session.id()).await);
    assert!(is_live(&old, unmet.id()).await, "after a rollback");
    assert!(!is_live(&new, unmet.id()).await, "forward again");
    let young = log_in(&old, "u").await;
    assert!(is_live(&new, young.id()).await);
}

/// Another type, table or prefix is another place: nothing is there, and what was is there again after a rollback.
#[tokio::test]
async fn another_type_name_or_prefix_has_no_sessions_and_keeps_those_of_the_old_one() {
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", type_name = "NewName")]
    struct NewName {
        #[dynamo(attr = "user", index)]
        user: Option<String>,
        plan: String,
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", type_name = "App", key_prefix = "v2/")]
    struct NewPrefix {
        #[dynamo(attr = "user", index)]
        user: Option<String>,
        plan: String,
    }

    let bench = TestBench::<Before>::new().await;
    let old = bench.other::<Before>().await;
    let session = log_in(&old, "u").await;
    let name = bench.other::<NewName>().await;
    let prefix = bench.other::<NewPrefix>().await;
    assert!(!is_live(&name, session.id()).await);
    assert!(!is_live(&prefix, session.id()).await);
    assert_eq!(listed(&name, NewName::USER, "u").await, 0);
    assert_eq!(revoked(&name, NewName::USER, "u").await, 0);
    assert_eq!(revoked(&prefix, NewPrefix::USER, "u").await, 0);
    name.delete(session.id()).await.unwrap();
    prefix.delete(session.id()).await.unwrap();
    // Rolled back.
    assert!(is_live(&old, session.id()).await);
}

/// A struct with another name and the old `type_name` is the same type.
#[tokio::test]
async fn a_struct_that_is_renamed_keeps_its_sessions_by_its_type_name() {
    let bench = TestBench::<Before>::new().await;
    let session = log_in(&bench.store, "u").await;
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", type_name = "App")]
    struct Shop {
        #[dynamo(attr = "user", index)]
        user: Option<String>,
        plan: String,
    }
    let new = bench.other::<Shop>().await;
    assert!(is_live(&new, session.id()).await);
    assert_eq!(revoked(&new, Shop::USER, "u").await, 1);
    assert!(!is_live(&bench.store, session.id()).await);
}

/// The names of the store's own attributes are not to be changed on a table in use.
#[tokio::test]
async fn other_names_of_the_stores_attributes_are_refused_or_make_sessions_unreadable() {
    version! {
        #[dynamo(sort_key(name = "sk", value = "SESSION"))]
        struct SortKey { plan: String }
    }
    version! {
        #[dynamo(id = "pk")]
        struct Key { plan: String }
    }
    version! {
        #[dynamo(expires_at = "ttl")]
        struct Ttl { plan: String }
    }
    version! {
        #[dynamo(version = "revision")]
        struct Revision { plan: String }
    }

    let bench = TestBench::<Before>::new().await;
    let session = log_in(&bench.store, "u").await;
    let refused = bench.other::<SortKey>().await.verify_table().await;
    assert!(matches!(refused, Err(Error::Setup(_))), "{refused:?}");
    let refused = bench.other::<Key>().await.verify_table().await;
    assert!(matches!(refused, Err(Error::Setup(_))), "{refused:?}");
    let ttl = bench.other::<Ttl>().await;
    let refused = ttl.verify_table().await;
    assert!(matches!(refused, Err(Error::Setup(_))), "{refused:?}");
    let loaded = ttl.load(session.id()).await;
    assert!(matches!(loaded, Err(Error::Decode(_))), "{loaded:?}");
    let loaded = bench.other::<Revision>().await.load(session.id()).await;
    assert!(matches!(loaded, Err(Error::Decode(_))), "{loaded:?}");
    assert!(is_live(&bench.store, session.id()).await);

    // With another type name, they are absent instead.
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", type_name = "Moved", expires_at = "ttl")]
    struct Moved {
        plan: String,
    }
    let moved = bench.other::<Moved>().await;
    assert!(moved.load(session.id()).await.unwrap().is_none());
}

/// Old binaries let a session get another user under its old id, as long as one of them runs.
#[tokio::test]
async fn the_user_mark_holds_for_the_binaries_that_have_it() {
    version! {
        struct WithUser {
            #[dynamo(attr = "user", index, user)]
            user: Option<String>,
            plan: String,
        }
    }

    let bench = TestBench::<Before>::new().await;
    let new = bench.other::<WithUser>().await;
    let mut session = log_in(&bench.store, "u").await;
    let mut by_new = new.load(session.id()).await.unwrap().unwrap();
    by_new.user = Some("v".into());
    let refused = new.save(&mut by_new).await;
    assert!(matches!(refused, Err(Error::Encode(_))), "{refused:?}");
    session.user = Some("v".into());
    bench.store.save(&mut session).await.unwrap();
    let loaded = new.load(session.id()).await.unwrap().unwrap();
    assert_eq!(loaded.user.as_deref(), Some("v"));
}
