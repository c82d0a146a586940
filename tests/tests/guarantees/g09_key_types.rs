//! G9, G15. Sessions come back as they were, and are found and revoked by keys of every type, in every kind of index.

use std::collections::BTreeSet;
use std::num::{NonZeroI64, NonZeroU8};

use aws_sdk_dynamodb::primitives::Blob;
use serde::{Deserialize, Serialize};
use session_store::{
    AsKey, AttributeValue, DynamoDbStore, IndexKey, IsIndex, SessionAttributes, SessionData,
    SessionHandle, UuidBytes,
};
use session_store_tests::TestBench;
use uuid::{Uuid, uuid};

const ONE: Uuid = uuid!("0c61c7e8-9a4f-4b1e-8d2b-6f0a1be2c3d4");
const OTHER: Uuid = uuid!("0c61c7e8-9a4f-4b1e-8d2b-6f0a1be2c3d5");

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct UserId(Uuid);

#[rustfmt::skip]
impl IndexKey for UserId { type As = Uuid; fn as_key(&self) -> &Uuid { &self.0 } }

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct DeviceId(Uuid);

#[rustfmt::skip]
impl IndexKey for DeviceId { type As = [u8]; fn as_key(&self) -> &[u8] { self.0.as_bytes() } }

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct IsStaff(bool);

#[rustfmt::skip]
impl IndexKey for IsStaff { type As = bool; fn as_key(&self) -> &bool { &self.0 } }

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(number: &str) -> AttributeValue {
    AttributeValue::N(number.to_owned())
}

fn b(uuid: Uuid) -> AttributeValue {
    AttributeValue::B(Blob::new(uuid.into_bytes()))
}

/// The sessions with this key, after as many as there are.
async fn found<S, I>(
    store: &DynamoDbStore<S>,
    index: I,
    key: impl AsKey<I::Key>,
) -> BTreeSet<SessionHandle>
where
    S: SessionData,
    I: IsIndex<S>,
{
    let sessions = store.sessions(index, key).all().await.unwrap();
    sessions.iter().map(|session| session.handle()).collect()
}

macro_rules! tested {
    ($test:ident($field:ty, $one:expr, $other:expr) as $stored:expr; $($with:tt)*) => {
        tested!(@$test($field, $one, $other) as $stored; "map"; $($with)*);

        mod $test {
            use super::*;
            tested!(@packed($field, $one, $other) as $stored; "binary"; $($with)*);
        }
    };
    (@$test:ident($field:ty, $one:expr, $other:expr) as $stored:expr; $format:literal; $($with:tt)*) => {
        #[tokio::test]
        async fn $test() {
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, SessionAttributes)]
            #[dynamo(table = "tests", type_name = "keyed", data = $format)]
            struct Keyed {
                #[dynamo(attr = "plain", index $($with)*)]
                plain: $field,
                #[dynamo(attr = "spread", index(shards = 3) $($with)*)]
                spread: Option<$field>,
                #[dynamo(attr = "exact", index(consistent, limit = 2) $($with)*)]
                exact: Option<$field>,
                theme: String,
            }

            let (one, other): ($field, $field) = ($one, $other);
            let of = |key| Keyed {
                plain: key,
                spread: Some(key),
                exact: Some(key),
                theme: "light".into(),
            };
            let bench = TestBench::<Keyed>::new().await;
            let store = &bench.store;
            let first = store.create(of(one)).await.unwrap();
            let mut second = store.create(of(one)).await.unwrap();
            let third = store.create(of(other)).await.unwrap();
            let nobody = Keyed { spread: None, exact: None, ..of(other) };
            let nobody = store.create(nobody).await.unwrap();

            let item = bench.item(first.handle()).await.unwrap();
            for attribute in ["plain", "spread", "exact"] {
                assert_eq!(item[attribute], $stored, "{attribute}");
            }
            for session in [&first, &second, &third, &nobody] {
                let loaded = store.load(session.id()).await.unwrap().unwrap();
                assert_eq!(*loaded, **session);
            }

            // A save of another field finds the keys unchanged, and a new key moves the session.
            second.theme = "dark".into();
            store.save(&mut second).await.unwrap();
            let both = BTreeSet::from([first.handle(), second.handle()]);
            assert_eq!(found(store, Keyed::PLAIN, one).await, both);
            assert_eq!(found(store, Keyed::SPREAD, &one).await, both);
            assert_eq!(found(store, Keyed::EXACT, one).await, both);
            second.plain = other;
            second.spread = Some(other);
            second.exact = Some(other);
            store.save(&mut second).await.unwrap();
            assert_eq!(found(store, Keyed::PLAIN, one).await, [first.handle()].into());
            assert_eq!(found(store, Keyed::SPREAD, one).await, [first.handle()].into());
            assert_eq!(found(store, Keyed::EXACT, &one).await, [first.handle()].into());
            let both = BTreeSet::from([second.handle(), third.handle()]);
            assert_eq!(found(store, Keyed::SPREAD, other).await, both);

            // The third session of a value is one too many, of the consistent index alone.
            let evicts = store.create(of(other)).await.unwrap();
            let ended = session_store::Session::evicted(&evicts);
            assert_eq!(ended.len(), 1);
            assert!(both.contains(&ended[0]));

            let revoked = store.revoke(Keyed::EXACT, other).await.unwrap();
            assert_eq!((revoked.deleted(), revoked.failed().len()), (2, 0));
            let revoked = store.revoke(Keyed::SPREAD, &one).await.unwrap();
            assert_eq!((revoked.deleted(), revoked.failed().len()), (1, 0));
            let revoked = store.revoke(Keyed::PLAIN, other).await.unwrap();
            assert_eq!((revoked.deleted(), revoked.failed().len()), (1, 0));
            assert!(store.load(nobody.id()).await.unwrap().is_none());
        }
    };
}

tested!(a_uuid_is_text(Uuid, ONE, OTHER) as s("0c61c7e8-9a4f-4b1e-8d2b-6f0a1be2c3d4"););
tested!(a_uuid_is_bytes_by_choice(Uuid, ONE, OTHER) as b(ONE); , with = UuidBytes::of, key = UuidBytes);
tested!(a_newtype_of_a_uuid_is_text(UserId, UserId(ONE), UserId(OTHER)) as s("0c61c7e8-9a4f-4b1e-8d2b-6f0a1be2c3d4"););
tested!(a_newtype_of_a_uuid_is_bytes_by_choice(DeviceId, DeviceId(ONE), DeviceId(OTHER)) as b(ONE););
tested!(a_bool_is_text(bool, true, false) as s("true"););
tested!(a_newtype_of_a_bool_is_text(IsStaff, IsStaff(false), IsStaff(true)) as s("false"););
tested!(a_nonzero_number_is_one(NonZeroU8, NonZeroU8::MIN, NonZeroU8::MAX) as n("1"););
tested!(a_negative_nonzero_number_is_one(NonZeroI64, NonZeroI64::MIN, NonZeroI64::MAX) as n("-9223372036854775808"););

/// Only the key of an index is text.
#[tokio::test]
async fn a_promoted_bool_without_an_index_stays_one() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests")]
    #[dynamo(attr = "is_staff", with = Promoted::is_staff)]
    #[dynamo(attr = "by_staff", with = Promoted::is_staff, index, key = bool)]
    struct Promoted {
        #[dynamo(attr = "beta")]
        beta: bool,
        #[dynamo(attr = "tenant")]
        tenant: Option<Uuid>,
    }

    impl Promoted {
        fn is_staff(&self) -> bool {
            !self.beta
        }
    }

    let bench = TestBench::<Promoted>::new().await;
    let session = Promoted {
        beta: true,
        tenant: Some(ONE),
    };
    let session = bench.store.create(session).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(item["beta"], AttributeValue::Bool(true));
    assert_eq!(item["is_staff"], AttributeValue::Bool(false));
    assert_eq!(item["by_staff"], s("false"));
    assert_eq!(item["tenant"], s("0c61c7e8-9a4f-4b1e-8d2b-6f0a1be2c3d4"));
    let listed = found(&bench.store, Promoted::BY_STAFF, false).await;
    assert_eq!(listed, [session.handle()].into());
}
