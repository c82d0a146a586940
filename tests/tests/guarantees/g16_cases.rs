//! G16. Situations from public reports: an id, an index value and a prefix are of one session type and one
//! deployment.
//!
//! `docs/cases.md` has the thread of each test.

use std::time::{Duration, UNIX_EPOCH};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Session, SessionAttributes};
use session_store_tests::{Item, TestBench};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    idle_timeout = "30m",
    absolute_timeout = "12h",
    revoke_all
)]
struct User {
    #[dynamo(attr = "user_id", index(consistent, limit = 2))]
    user_id: Option<u64>,
    theme: String,
}

/// With the same attribute and value, and another limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    idle_timeout = "30m",
    absolute_timeout = "12h",
    revoke_all
)]
struct Admin {
    #[dynamo(attr = "user_id", index(consistent, limit = 1, on_limit = reject))]
    user_id: Option<u64>,
}

fn user(user_id: u64) -> User {
    User {
        user_id: Some(user_id),
        ..User::default()
    }
}

async fn deployment(bench: &TestBench<User>, prefix: &str) -> DynamoDbStore<User> {
    let builder = DynamoDbStore::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    builder.key_prefix(prefix).build().await.unwrap()
}

async fn is_live(store: &DynamoDbStore<User>, session: &Session<User>) -> bool {
    store.load(session.id()).await.unwrap().is_some()
}

/// No prefix ends with a delimiter, and one begins as the other.
#[tokio::test]
async fn a_prefix_that_begins_as_another_shares_no_session_roster_or_cutoff() {
    let bench = TestBench::<User>::new().await;
    let prod = deployment(&bench, "prod").await;
    let prod2 = deployment(&bench, "prod2").await;
    for (one, other) in [
        (&prod, &prod2),
        (&prod2, &prod),
        (&bench.store, &prod),
        (&prod, &bench.store),
    ] {
        let mine = one.create(user(7)).await.unwrap();
        let theirs = other.create(user(7)).await.unwrap();
        assert!(!is_live(one, &theirs).await && !is_live(other, &mine).await);
        assert_eq!(one.sessions(User::USER_ID, 7).count().await.unwrap(), 1);
        assert_eq!(one.revoke(User::USER_ID, 7).await.unwrap().deleted(), 1);
        assert!(is_live(other, &theirs).await);
        // The cutoff of one is not that of the other.
        let mine = one.create(user(7)).await.unwrap();
        bench.clock.advance(Duration::from_secs(1));
        let now = UNIX_EPOCH + Duration::from_millis(bench.clock.millis());
        one.revoke_all_created_before(now).await.unwrap();
        assert!(!is_live(one, &mine).await);
        assert!(is_live(other, &theirs).await);
        other.delete(theirs.id()).await.unwrap();
    }
}

/// Administrator 1 and user 1 are two people.
#[tokio::test]
async fn a_limit_that_refuses_counts_the_sessions_of_its_own_type_alone() {
    let bench = TestBench::<User>::new().await;
    let admins = bench.other::<Admin>().await;
    let session = bench.store.create(user(1)).await.unwrap();
    admins.create(Admin { user_id: Some(1) }).await.unwrap();
    admins.create(Admin { user_id: Some(1) }).await.unwrap_err();
    bench.store.create(user(1)).await.unwrap();
    assert!(is_live(&bench.store, &session).await);
    assert_eq!(admins.sessions(Admin::USER_ID, 1).count().await.unwrap(), 1);
}

macro_rules! prefixed {
    ($name:ident, $prefix:literal) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", key_prefix = $prefix, type_name = "T")]
        struct $name {
            #[dynamo(attr = "org", index(consistent))]
            org: Option<String>,
            #[dynamo(attr = "user", index(consistent))]
            user: Option<String>,
        }
    };
}

prefixed!(Short, "t1");
prefixed!(Long, "t1#org#x");

/// Without more, both rosters would have the key `t1#org#x#user#7#S#T`.
#[tokio::test]
async fn a_prefix_and_a_value_that_a_visitor_chose_make_no_roster_of_another_deployment() {
    let bench = TestBench::<Short>::new().await;
    let long = bench.other::<Long>().await;
    let session = Long {
        user: Some("7".into()),
        ..Long::default()
    };
    let session = long.create(session).await.unwrap();
    let org = "x#user#7";
    let hostile = Short {
        org: Some(org.into()),
        ..Short::default()
    };
    bench.store.create(hostile).await.unwrap();
    let revoked = bench.store.revoke(Short::ORG, org).await.unwrap();
    assert_eq!(revoked.deleted(), 1);
    assert_eq!(long.sessions(Long::USER, "7").count().await.unwrap(), 1);
    assert_eq!(long.revoke(Long::USER, "7").await.unwrap().deleted(), 1);
    assert!(long.load(session.id()).await.unwrap().is_none());
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "Hashes")]
struct Hashes {
    #[dynamo(attr = "a", index(consistent))]
    a: Option<String>,
    #[dynamo(attr = "a#b", index(consistent))]
    a_b: Option<String>,
}

fn roster(key: &str, handles: &[String]) -> Item {
    let entries = handles.iter();
    let entries = entries.map(|handle| (handle.clone(), AttributeValue::N("1".into())));
    Item::from([
        ("id".to_owned(), AttributeValue::S(key.to_owned())),
        ("m".to_owned(), AttributeValue::M(entries.collect())),
        (
            "expires_at".to_owned(),
            AttributeValue::N("9999999999".into()),
        ),
    ])
}

/// A program of before types had names made one roster of both: `#a#b#c`.
#[tokio::test]
async fn a_revocation_takes_no_entry_of_another_attribute_out_of_an_earlier_roster() {
    let bench = TestBench::<Hashes>::new().await;
    let one = Hashes {
        a: Some("b#c".into()),
        a_b: None,
    };
    let other = Hashes {
        a: None,
        a_b: Some("c".into()),
    };
    let one = bench.store.create(one).await.unwrap();
    let other = bench.store.create(other).await.unwrap();
    for item in bench.items().await {
        if item["id"].as_s().unwrap().starts_with('#') {
            bench.delete(item).await;
        }
    }
    let handles = [one.handle().to_string(), other.handle().to_string()];
    bench.put(roster("#a#b#c", &handles)).await;
    let revoked = bench.store.revoke(Hashes::A_B, "c").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (1, 0));
    let revoked = bench.store.revoke(Hashes::A, "b#c").await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (1, 0));
    assert!(bench.store.load(one.id()).await.unwrap().is_none());
}

/// The roster of an earlier program has the user and the administrator of one id.
#[tokio::test]
async fn a_revocation_takes_no_entry_of_another_type_out_of_an_earlier_roster() {
    let bench = TestBench::<User>::new().await;
    let admins = bench.other::<Admin>().await;
    let session = bench.store.create(user(7)).await.unwrap();
    let admin = admins.create(Admin { user_id: Some(7) }).await.unwrap();
    for item in bench.items().await {
        if item["id"].as_s().unwrap().starts_with('#') {
            bench.delete(item).await;
        }
    }
    let handles = [session.handle().to_string(), admin.handle().to_string()];
    bench.put(roster("#user_id#7", &handles)).await;
    let revoked = admins.revoke(Admin::USER_ID, 7).await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (1, 0));
    assert!(is_live(&bench.store, &session).await);
    // A log-in begins the new roster, with all that the earlier one has.
    bench.store.create(user(7)).await.unwrap();
    let revoked = bench.store.revoke(User::USER_ID, 7).await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (2, 0));
    assert!(!is_live(&bench.store, &session).await);
}

/// Other entities of a shared table, whose keys look like those of the store.
#[tokio::test]
async fn items_of_other_entities_are_never_ended() {
    let bench = TestBench::<User>::new().await;
    let session = bench.store.create(user(7)).await.unwrap();
    let key = |key: String| Item::from([("id".to_owned(), AttributeValue::S(key))]);
    let mut others = vec![key("cache#7".into()), key(format!("{}x", session.handle()))];
    let mut cart = key(format!("cart/{}", session.handle()));
    cart.insert("user_id".to_owned(), AttributeValue::N("7".into()));
    others.push(cart);
    for item in &others {
        bench.put(item.clone()).await;
    }
    bench.clock.advance(Duration::from_secs(13 * 3600));
    bench.store.create(user(7)).await.unwrap();
    assert_eq!(
        bench
            .store
            .revoke(User::USER_ID, 7)
            .await
            .unwrap()
            .deleted(),
        1
    );
    bench.store.delete(session.id()).await.unwrap();
    let left = bench.items().await;
    assert!(others.iter().all(|item| left.contains(item)));
}
