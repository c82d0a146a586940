//! G16. An id belongs to one session type: to another type it is nothing, whatever that calls.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, Session, SessionAttributes};
use session_store_tests::{Item, TestBench};

macro_rules! user {
    ($(#[$option:meta])* $name:ident) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        $(#[$option])*
        pub(super) struct $name {
            #[dynamo(attr = "user_id", index(consistent, limit = 2))]
            pub(super) user_id: Option<u64>,
            #[dynamo(attr = "tenant", index)]
            tenant: Option<String>,
            theme: String,
        }

        impl $name {
            #[allow(dead_code, reason = "one of the types only reads")]
            pub(super) fn of(user: u64) -> Self {
                Self {
                    user_id: Some(user),
                    tenant: Some("acme".into()),
                    ..Self::default()
                }
            }
        }
    };
}

user! {
    /// With the default table and cookie, as `Staff`.
    #[dynamo(table = "tests")]
    Customer
}

user! {
    #[dynamo(table = "tests")]
    Staff
}

user! {
    /// The customers' sessions after their struct was renamed.
    #[dynamo(table = "tests", type_name = "Customer")]
    Shopper
}

user! {
    #[dynamo(table = "tests", data = "binary")]
    PackedStaff
}

/// A session of before items had a type, or of a program that does not write it.
pub(super) async fn without_type(bench: &TestBench<Customer>, session: &Session<Customer>) -> Item {
    let mut item = bench.item(session.handle()).await.unwrap();
    item.remove("session_type").unwrap();
    bench.put(item.clone()).await;
    item
}

async fn is_nothing_to<S>(staff: &DynamoDbStore<S>, customer: &Session<Customer>)
where
    S: SessionAttributes
        + Clone
        + Serialize
        + serde::de::DeserializeOwned
        + std::fmt::Debug
        + Send
        + Sync
        + 'static,
{
    assert!(staff.load(customer.id()).await.unwrap().is_none());
    let at_least = staff.load_at_least(customer.id(), 1).await.unwrap();
    assert!(at_least.is_none());
    let updated = staff.update(customer.id(), |_| ()).await;
    assert!(matches!(updated, Err(Error::Gone(_))), "{updated:?}");
    staff.delete(customer.id()).await.unwrap();
    let revoked = staff.revoke_handle(&customer.handle()).await.unwrap();
    assert_eq!(revoked.deleted(), 0);
}

#[tokio::test]
async fn a_session_of_another_type_is_absent_to_every_operation() {
    let bench = TestBench::<Customer>::new().await;
    let customer = bench.store.create(Customer::of(7)).await.unwrap();
    let before = bench.item(customer.handle()).await;
    is_nothing_to(&bench.other::<Staff>().await, &customer).await;
    is_nothing_to(&bench.other::<PackedStaff>().await, &customer).await;
    assert_eq!(bench.item(customer.handle()).await, before);
    assert!(bench.store.load(customer.id()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_new_id_stays_of_its_type() {
    let bench = TestBench::<Customer>::new().await;
    let staff = bench.other::<Staff>().await;
    let mut customer = bench.store.create(Customer::of(7)).await.unwrap();
    bench.store.cycle_id(&mut customer).await.unwrap();
    customer.theme = "dark".into();
    bench.store.save(&mut customer).await.unwrap();
    is_nothing_to(&staff, &customer).await;
}

#[tokio::test]
async fn listing_and_revocation_see_the_sessions_of_their_type_alone() {
    let bench = TestBench::<Customer>::new().await;
    let staff = bench.other::<Staff>().await;
    let customer = bench.store.create(Customer::of(7)).await.unwrap();
    let employee = staff.create(Staff::of(7)).await.unwrap();
    let listed = staff.sessions(Staff::USER_ID, 7).all().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].handle(), employee.handle());
    let listed = staff.sessions(Staff::TENANT, "acme").all().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].handle(), employee.handle());
    let only = staff.revoke(Staff::USER_ID, 7).only(customer.handle());
    assert_eq!(only.await.unwrap().deleted(), 0);
    assert_eq!(staff.revoke(Staff::USER_ID, 7).await.unwrap().deleted(), 1);
    let by_index = staff.revoke(Staff::TENANT, "acme").await.unwrap();
    assert_eq!((by_index.deleted(), by_index.failed().len()), (0, 0));
    assert!(bench.store.load(customer.id()).await.unwrap().is_some());
}

#[tokio::test]
async fn each_type_has_its_own_limit() {
    let bench = TestBench::<Customer>::new().await;
    let staff = bench.other::<Staff>().await;
    for _ in 0..2 {
        let customer = bench.store.create(Customer::of(7)).await.unwrap();
        assert_eq!(Session::evicted(&customer), []);
        let employee = staff.create(Staff::of(7)).await.unwrap();
        assert_eq!(Session::evicted(&employee), []);
    }
}

#[tokio::test]
async fn a_renamed_struct_keeps_its_sessions_under_its_old_name() {
    let bench = TestBench::<Customer>::new().await;
    let shop = bench.other::<Shopper>().await;
    let customer = bench.store.create(Customer::of(7)).await.unwrap();
    let mut shopper = shop.load(customer.id()).await.unwrap().unwrap();
    shopper.theme = "dark".into();
    shop.save(&mut shopper).await.unwrap();
    let customer = bench.store.load(customer.id()).await.unwrap().unwrap();
    assert_eq!(customer.theme, "dark");
    assert_eq!(shop.sessions(Shopper::USER_ID, 7).count().await.unwrap(), 1);
    let revoked = shop.revoke(Shopper::USER_ID, 7).await.unwrap();
    assert_eq!(revoked.deleted(), 1);
}

/// It belongs to the first type that writes to it, and is readable until then.
#[tokio::test]
async fn a_session_without_a_type_belongs_to_the_first_that_writes_it() {
    for way in ["save", "touch", "cycle_id", "update"] {
        let bench = TestBench::<Customer>::new().await;
        let staff = bench.other::<Staff>().await;
        let customer = bench.store.create(Customer::of(7)).await.unwrap();
        without_type(&bench, &customer).await;
        let mut customer = bench.store.load(customer.id()).await.unwrap().unwrap();
        let mut by_staff = staff.load(customer.id()).await.unwrap().unwrap();
        match way {
            "save" => {
                customer.theme = "dark".into();
                bench.store.save(&mut customer).await.unwrap();
            }
            "touch" => {
                bench.clock.advance(std::time::Duration::from_secs(600));
                bench.store.touch(&mut customer).await.unwrap();
            }
            "update" => {
                let id = customer.id().clone();
                let updated = bench.store.update(&id, |it| it.theme.push('x'));
                updated.await.unwrap();
            }
            _ => bench.store.cycle_id(&mut customer).await.unwrap(),
        }
        let item = bench.item(customer.handle()).await.unwrap();
        assert_eq!(
            item["session_type"],
            AttributeValue::S("Customer".into()),
            "{way}"
        );
        is_nothing_to(&staff, &customer).await;
        // Nor can a copy that the other type had loaded before be written.
        by_staff.theme = "mine".into();
        let saved = staff.save(&mut by_staff).await;
        assert!(matches!(saved, Err(Error::Gone(_))), "{way}: {saved:?}");
        assert!(bench.store.load(customer.id()).await.unwrap().is_some());
    }
}

/// An old program keeps the type of what it changes, since it does not know it (G4).
#[tokio::test]
async fn a_type_that_is_no_text_is_of_another_type() {
    let bench = TestBench::<Customer>::new().await;
    let customer = bench.store.create(Customer::of(7)).await.unwrap();
    for kind in [AttributeValue::N("7".into()), AttributeValue::S("".into())] {
        let mut item = bench.item(customer.handle()).await.unwrap();
        item.insert("session_type".into(), kind);
        bench.put(item).await;
        assert!(bench.store.load(customer.id()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn deployments_with_different_prefixes_share_a_table_and_nothing_else() {
    let bench = TestBench::<Customer>::new().await;
    let deployment = |prefix: &str| {
        DynamoDbStore::<Customer>::builder()
            .client(bench.store.client().clone())
            .table_name(bench.store.table_name())
            .key_prefix(prefix)
            .build()
    };
    let blue = deployment("blue/").await.unwrap();
    let green = deployment("blue/green/").await.unwrap();
    let session = blue.create(Customer::of(7)).await.unwrap();
    let key = format!("blue/{}", session.handle());
    let items = bench.items().await;
    assert!(items.iter().any(|item| item["id"].as_s() == Ok(&key)));
    for other in [&green, &bench.store] {
        is_nothing_to_deployment(other, &session).await;
    }
    let mut session = blue.load(session.id()).await.unwrap().unwrap();
    session.theme = "dark".into();
    blue.save(&mut session).await.unwrap();
    blue.cycle_id(&mut session).await.unwrap();
    assert_eq!(
        blue.sessions(Customer::USER_ID, 7).count().await.unwrap(),
        1
    );
    assert_eq!(
        blue.sessions(Customer::TENANT, "acme")
            .count()
            .await
            .unwrap(),
        1
    );
    let revoked = blue.revoke(Customer::TENANT, "acme").await.unwrap();
    assert_eq!(revoked.deleted(), 1);
}

async fn is_nothing_to_deployment(other: &DynamoDbStore<Customer>, session: &Session<Customer>) {
    assert!(other.load(session.id()).await.unwrap().is_none());
    other.delete(session.id()).await.unwrap();
    assert_eq!(
        other.revoke(Customer::USER_ID, 7).await.unwrap().deleted(),
        0
    );
    let by_tenant = other.revoke(Customer::TENANT, "acme").await.unwrap();
    assert_eq!(by_tenant.deleted(), 0);
    assert_eq!(
        other
            .sessions(Customer::TENANT, "acme")
            .count()
            .await
            .unwrap(),
        0
    );
}

#[tokio::test]
async fn a_prefix_that_could_be_the_key_of_something_else_is_refused() {
    let bench = TestBench::<Customer>::new().await;
    for prefix in ["#everyone", "a b", "ü", &"a".repeat(65)] {
        let built = DynamoDbStore::<Customer>::builder()
            .client(bench.store.client().clone())
            .key_prefix(prefix)
            .build();
        let error = built.await.unwrap_err();
        assert!(matches!(error, Error::Setup(_)), "{prefix}: {error}");
    }
}
