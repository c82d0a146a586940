//! G16. The key of a roster has the kind of its value and the name of its attribute: no two share one.

use serde::{Deserialize, Serialize};
use session_store::{Session, SessionAttributes};
use session_store_tests::TestBench;

macro_rules! keyed {
    ($name:ident, $key:ty $(, $limit:ident = $count:literal)?) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", type_name = "keyed")]
        struct $name {
            #[dynamo(attr = "user_id", index(consistent $(, $limit = $count)?))]
            user_id: $key,
            theme: String,
        }
    };
}

/// Reads a user id of both forms, as a program must whose ids were texts before.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct UserId(u64);

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(id) => Ok(Self(id)),
            Either::Text(id) => id.parse().map(Self).map_err(serde::de::Error::custom),
        }
    }
}

impl session_store::IndexKey for UserId {
    type As = u64;

    fn as_key(&self) -> &u64 {
        &self.0
    }
}

keyed!(Text, String);
keyed!(Number, UserId);
keyed!(OneText, String, limit = 1);
keyed!(OneNumber, UserId, limit = 1);

/// A session that takes the place of itself evicts nobody, and is not named twice in its transaction.
#[tokio::test]
async fn a_new_id_after_the_user_id_has_become_a_number_takes_its_own_place() {
    let bench = TestBench::<OneText>::new().await;
    let new = bench.other::<OneNumber>().await;
    let text = OneText {
        user_id: "17".into(),
        theme: String::new(),
    };
    let session = bench.store.create(text).await.unwrap();
    let mut session = new.load(session.id()).await.unwrap().unwrap();
    new.cycle_id(&mut session).await.unwrap();
    assert_eq!(Session::evicted(&session), []);
    assert!(new.load(session.id()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_user_id_can_go_from_text_to_number() {
    let bench = TestBench::<Text>::new().await;
    let new = bench.other::<Number>().await;
    let text = || Text {
        user_id: "17".into(),
        theme: String::new(),
    };
    let first = bench.store.create(text()).await.unwrap();
    let second = bench.store.create(text()).await.unwrap();
    let third = bench.store.create(text()).await.unwrap();
    // Writes to the sessions of before.
    let mut loaded = new.load(first.id()).await.unwrap().unwrap();
    loaded.theme = "dark".into();
    new.save(&mut loaded).await.unwrap();
    let mut loaded = new.load(second.id()).await.unwrap().unwrap();
    new.cycle_id(&mut loaded).await.unwrap();
    let listed = new.sessions(Number::USER_ID, UserId(17)).count().await;
    assert_eq!(listed.unwrap(), 3);
    let revoked = new.revoke(Number::USER_ID, UserId(17)).await.unwrap();
    assert_eq!((revoked.deleted(), revoked.failed().len()), (3, 0));
    for id in [loaded.id(), first.id(), third.id()] {
        assert!(new.load(id).await.unwrap().is_none());
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct Hashes {
    #[dynamo(attr = "a", index(consistent))]
    a: Option<String>,
    #[dynamo(attr = "a#b", index(consistent))]
    a_b: Option<String>,
}

#[tokio::test]
async fn two_attributes_never_share_a_roster() {
    let bench = TestBench::<Hashes>::new().await;
    let hashes = |a: Option<&str>, a_b: Option<&str>| Hashes {
        a: a.map(str::to_owned),
        a_b: a_b.map(str::to_owned),
    };
    let one = bench.store.create(hashes(Some("b#c"), None)).await.unwrap();
    let other = bench.store.create(hashes(None, Some("c"))).await.unwrap();
    // One session in both at once would name one item twice in a transaction.
    let mut both = bench.store.create(hashes(None, None)).await.unwrap();
    *both = hashes(Some("b#c"), Some("c"));
    bench.store.save(&mut both).await.unwrap();
    let of_a = bench.store.sessions(Hashes::A, "b#c").all().await.unwrap();
    let handles: Vec<_> = of_a.iter().map(|session| session.handle()).collect();
    assert!(handles.contains(&one.handle()) && !handles.contains(&other.handle()));
    assert_eq!(handles.len(), 2);
    assert_eq!(
        bench
            .store
            .sessions(Hashes::A_B, "c")
            .count()
            .await
            .unwrap(),
        2
    );
}
