//! G16. An id belongs to one session type: to another type it is nothing, whatever that calls.

use std::fmt::Debug;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, Index, Session, SessionAttributes};
use session_store_tests::{Item, TestBench};

/// A person whose session has the same fields, table and cookie as those of other types.
pub(super) trait User:
    SessionAttributes + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    const USER_ID: Index<Self, u64>;
    const TENANT: Index<Self, String>;

    fn of(user: u64) -> Self;

    fn theme(&mut self) -> &mut String;
}

macro_rules! user {
    ($name:ident: $($option:tt)*) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", $($option)*)]
        pub(crate) struct $name {
            #[dynamo(attr = "user_id", index(consistent, limit = 2))]
            pub(crate) user_id: Option<u64>,
            #[dynamo(attr = "tenant", index)]
            tenant: Option<String>,
            theme: String,
            /// Large enough to be compressed.
            profile: String,
        }

        impl User for $name {
            const USER_ID: Index<Self, u64> = Self::USER_ID;
            const TENANT: Index<Self, String> = Self::TENANT;

            fn of(user: u64) -> Self {
                Self {
                    user_id: Some(user),
                    tenant: Some("acme".into()),
                    theme: String::new(),
                    profile: "of interest; ".repeat(80),
                }
            }

            fn theme(&mut self) -> &mut String {
                &mut self.theme
            }
        }
    };
}

/// Two types in one table, and the first of them after its struct was renamed.
trait Types {
    /// The format of the customers' data, as their items tell it.
    const FORMAT: Option<&str>;

    type Customer: User;
    type Staff: User;
    type Shopper: User;
}

macro_rules! types {
    ($stored:expr; $customer:ty, $staff:ty, $shopper:ty) => {
        struct In;

        impl Types for In {
            const FORMAT: Option<&str> = $stored;

            type Customer = $customer;
            type Staff = $staff;
            type Shopper = $shopper;
        }

        types! {
            a_session_of_another_type_is_absent_to_every_operation
            a_new_id_stays_of_its_type
            listing_and_revocation_see_the_sessions_of_their_type_alone
            each_type_has_its_own_limit
            a_renamed_struct_keeps_its_sessions_under_its_old_name
            a_session_without_a_type_belongs_to_the_first_that_writes_it
            a_type_that_is_no_text_is_of_another_type
            deployments_with_different_prefixes_share_a_table_and_nothing_else
        }
    };
    ($($test:ident)*) => {$(
        #[tokio::test]
        async fn $test() {
            super::$test::<In>().await;
        }
    )*};
}

macro_rules! in_format {
    ($format:ident, $stored:expr; $($option:tt)*) => {
        pub(super) mod $format {
            use super::*;

            user!(Customer: $($option)*);
            user!(Staff: $($option)*);
            user!(Shopper: type_name = "Customer", $($option)*);
            types!($stored; Customer, Staff, Shopper);
        }
    };
}

in_format!(map, None; data = "map");
in_format!(binary, Some("cbor"); data = "binary");
in_format!(zstd, Some("cbor+zstd"); data = "binary", compress = "zstd");

/// Each type in a format of its own.
mod mixed {
    use super::*;

    types!(None; map::Customer, binary::Staff, zstd::Shopper);
}

/// A session of before items had a type, or of a program that does not write it.
pub(super) async fn without_type<S: User>(bench: &TestBench<S>, session: &Session<S>) -> Item {
    let mut item = bench.item(session.handle()).await.unwrap();
    item.remove("session_type").unwrap();
    bench.put(item.clone()).await;
    item
}

async fn is_nothing_to<S: User, C: User>(staff: &DynamoDbStore<S>, customer: &Session<C>) {
    assert!(staff.load(customer.id()).await.unwrap().is_none());
    let at_least = staff.load_at_least(customer.id(), 1).await.unwrap();
    assert!(at_least.is_none());
    let updated = staff.update(customer.id(), |_| ()).await;
    assert!(matches!(updated, Err(Error::Gone(_))), "{updated:?}");
    staff.delete(customer.id()).await.unwrap();
    let revoked = staff.revoke_handle(&customer.handle()).await.unwrap();
    assert_eq!(revoked.deleted(), 0);
}

async fn a_session_of_another_type_is_absent_to_every_operation<T: Types>() {
    let bench = TestBench::<T::Customer>::new().await;
    let customer = bench.store.create(T::Customer::of(7)).await.unwrap();
    let before = bench.item(customer.handle()).await.unwrap();
    let format = before.get("format").map(|format| format.as_s().unwrap());
    assert_eq!(format.map(String::as_str), T::FORMAT);
    is_nothing_to(&bench.other::<T::Staff>().await, &customer).await;
    assert_eq!(bench.item(customer.handle()).await, Some(before));
    assert!(bench.store.load(customer.id()).await.unwrap().is_some());
}

async fn a_new_id_stays_of_its_type<T: Types>() {
    let bench = TestBench::<T::Customer>::new().await;
    let staff = bench.other::<T::Staff>().await;
    let mut customer = bench.store.create(T::Customer::of(7)).await.unwrap();
    bench.store.cycle_id(&mut customer).await.unwrap();
    *customer.theme() = "dark".into();
    bench.store.save(&mut customer).await.unwrap();
    is_nothing_to(&staff, &customer).await;
}

async fn listing_and_revocation_see_the_sessions_of_their_type_alone<T: Types>() {
    let bench = TestBench::<T::Customer>::new().await;
    let staff = bench.other::<T::Staff>().await;
    let customer = bench.store.create(T::Customer::of(7)).await.unwrap();
    let employee = staff.create(T::Staff::of(7)).await.unwrap();
    let listed = staff.sessions(T::Staff::USER_ID, 7).all().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].handle(), employee.handle());
    let listed = staff
        .sessions(T::Staff::TENANT, "acme")
        .all()
        .await
        .unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].handle(), employee.handle());
    let only = staff.revoke(T::Staff::USER_ID, 7).only(customer.handle());
    assert_eq!(only.await.unwrap().deleted(), 0);
    assert_eq!(
        staff.revoke(T::Staff::USER_ID, 7).await.unwrap().deleted(),
        1
    );
    let by_index = staff.revoke(T::Staff::TENANT, "acme").await.unwrap();
    assert_eq!((by_index.deleted(), by_index.failed().len()), (0, 0));
    assert!(bench.store.load(customer.id()).await.unwrap().is_some());
}

async fn each_type_has_its_own_limit<T: Types>() {
    let bench = TestBench::<T::Customer>::new().await;
    let staff = bench.other::<T::Staff>().await;
    for _ in 0..2 {
        let customer = bench.store.create(T::Customer::of(7)).await.unwrap();
        assert_eq!(Session::evicted(&customer), []);
        let employee = staff.create(T::Staff::of(7)).await.unwrap();
        assert_eq!(Session::evicted(&employee), []);
    }
}

async fn a_renamed_struct_keeps_its_sessions_under_its_old_name<T: Types>() {
    let bench = TestBench::<T::Customer>::new().await;
    let shop = bench.other::<T::Shopper>().await;
    let customer = bench.store.create(T::Customer::of(7)).await.unwrap();
    let mut shopper = shop.load(customer.id()).await.unwrap().unwrap();
    *shopper.theme() = "dark".into();
    shop.save(&mut shopper).await.unwrap();
    let mut customer = bench.store.load(customer.id()).await.unwrap().unwrap();
    assert_eq!(customer.theme(), "dark");
    assert_eq!(
        shop.sessions(T::Shopper::USER_ID, 7).count().await.unwrap(),
        1
    );
    let revoked = shop.revoke(T::Shopper::USER_ID, 7).await.unwrap();
    assert_eq!(revoked.deleted(), 1);
}

/// It belongs to the first type that writes to it, and is readable until then.
async fn a_session_without_a_type_belongs_to_the_first_that_writes_it<T: Types>() {
    for way in ["save", "touch", "cycle_id", "update"] {
        let bench = TestBench::<T::Customer>::new().await;
        let staff = bench.other::<T::Staff>().await;
        let customer = bench.store.create(T::Customer::of(7)).await.unwrap();
        without_type(&bench, &customer).await;
        let mut customer = bench.store.load(customer.id()).await.unwrap().unwrap();
        let mut by_staff = staff.load(customer.id()).await.unwrap().unwrap();
        match way {
            "save" => {
                *customer.theme() = "dark".into();
                bench.store.save(&mut customer).await.unwrap();
            }
            "touch" => {
                bench.clock.advance(std::time::Duration::from_secs(600));
                bench.store.touch(&mut customer).await.unwrap();
            }
            "update" => {
                let id = customer.id().clone();
                let updated = bench.store.update(&id, |it| it.theme().push('x'));
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
        *by_staff.theme() = "mine".into();
        let saved = staff.save(&mut by_staff).await;
        assert!(matches!(saved, Err(Error::Gone(_))), "{way}: {saved:?}");
        assert!(bench.store.load(customer.id()).await.unwrap().is_some());
    }
}

/// An old program keeps the type of what it changes, since it does not know it (G4).
async fn a_type_that_is_no_text_is_of_another_type<T: Types>() {
    let bench = TestBench::<T::Customer>::new().await;
    let customer = bench.store.create(T::Customer::of(7)).await.unwrap();
    for kind in [AttributeValue::N("7".into()), AttributeValue::S("".into())] {
        let mut item = bench.item(customer.handle()).await.unwrap();
        item.insert("session_type".into(), kind);
        bench.put(item).await;
        assert!(bench.store.load(customer.id()).await.unwrap().is_none());
    }
}

async fn deployments_with_different_prefixes_share_a_table_and_nothing_else<T: Types>() {
    let bench = TestBench::<T::Customer>::new().await;
    let deployment = |prefix: &str| {
        DynamoDbStore::<T::Customer>::builder()
            .client(bench.store.client().clone())
            .table_name(bench.store.table_name())
            .key_prefix(prefix)
            .build()
    };
    let blue = deployment("blue/").await.unwrap();
    let green = deployment("blue/green/").await.unwrap();
    let session = blue.create(T::Customer::of(7)).await.unwrap();
    let key = format!("blue/{}", session.handle());
    let items = bench.items().await;
    assert!(items.iter().any(|item| item["id"].as_s() == Ok(&key)));
    for other in [&green, &bench.store] {
        is_nothing_to_deployment(other, &session).await;
    }
    let mut session = blue.load(session.id()).await.unwrap().unwrap();
    *session.theme() = "dark".into();
    blue.save(&mut session).await.unwrap();
    blue.cycle_id(&mut session).await.unwrap();
    assert_eq!(
        blue.sessions(T::Customer::USER_ID, 7)
            .count()
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        blue.sessions(T::Customer::TENANT, "acme")
            .count()
            .await
            .unwrap(),
        1
    );
    let revoked = blue.revoke(T::Customer::TENANT, "acme").await.unwrap();
    assert_eq!(revoked.deleted(), 1);
}

async fn is_nothing_to_deployment<S: User>(other: &DynamoDbStore<S>, session: &Session<S>) {
    assert!(other.load(session.id()).await.unwrap().is_none());
    other.delete(session.id()).await.unwrap();
    assert_eq!(other.revoke(S::USER_ID, 7).await.unwrap().deleted(), 0);
    let by_tenant = other.revoke(S::TENANT, "acme").await.unwrap();
    assert_eq!(by_tenant.deleted(), 0);
    assert_eq!(other.sessions(S::TENANT, "acme").count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_prefix_that_could_be_the_key_of_something_else_is_refused() {
    let bench = TestBench::<map::Customer>::new().await;
    for prefix in ["#everyone", "a b", "ü", &"a".repeat(65)] {
        let built = DynamoDbStore::<map::Customer>::builder()
            .client(bench.store.client().clone())
            .key_prefix(prefix)
            .build();
        let error = built.await.unwrap_err();
        assert!(matches!(error, Error::Setup(_)), "{prefix}: {error}");
    }
}
