//! A promoted attribute that is added, renamed or retyped, and the options of the type that name things.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, Session, SessionAttributes};
use session_store_tests::TestBench;
use uuid::Uuid;

use super::{is_live, listed, revoked, visit};

version! {
    /// The table with the indexes of all versions.
    struct Table {
        #[dynamo(attr = "user", index)]
        user: Option<String>,
        #[dynamo(attr = "user_id", index)]
        user_id: Option<String>,
        #[dynamo(attr = "user_no", index)]
        user_no: Option<u64>,
    }
}

version! {
    struct Before {
        #[dynamo(attr = "user", index)]
        user: Option<String>,
        plan: String,
    }
}

version! {
    struct WithPlan {
        #[dynamo(attr = "user", index)]
        user: Option<String>,
        #[dynamo(attr = "plan")]
        plan: String,
    }
}

version! {
    /// The same field, and another name of its attribute.
    struct Renamed {
        #[dynamo(attr = "user_id", index)]
        user: Option<String>,
        plan: String,
    }
}

version! {
    /// Both names, for the step in between.
    #[dynamo(attr = "user_id", index, with = Both::user_id, key = String)]
    struct Both {
        #[dynamo(attr = "user", index)]
        user: Option<String>,
        plan: String,
    }
}

impl Both {
    fn user_id(&self) -> Option<String> {
        self.user.clone()
    }
}

fn before(user: &str) -> Before {
    Before {
        user: Some(user.to_owned()),
        plan: "free".into(),
    }
}

async fn log_in(store: &DynamoDbStore<Before>, user: &str) -> Session<Before> {
    store.create(before(user)).await.unwrap()
}

#[tokio::test]
async fn a_new_attribute_is_in_the_item_from_the_next_visit() {
    let bench = TestBench::<Table>::new().await;
    let (old, new) = (
        bench.other::<Before>().await,
        bench.other::<WithPlan>().await,
    );
    let mut session = log_in(&old, "u").await;
    visit(&new, session.id()).await.unwrap();
    let plan = AttributeValue::S("free".into());
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(item.get("plan"), Some(&plan));

    // The old one changes the field alone. The next visit of the new one follows.
    session.plan = "paid".into();
    old.save(&mut session).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(item["plan"], plan);
    visit(&new, session.id()).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(item["plan"].as_s().unwrap(), "paid");
    // Rolled back, the attribute stays.
    visit(&old, session.id()).await.unwrap();
    assert!(
        bench
            .item(session.handle())
            .await
            .unwrap()
            .contains_key("plan")
    );
}

/// In one step, each binary has its own attribute right, and that of the other is right after its next visit.
#[tokio::test]
async fn a_renamed_attribute_is_that_of_the_binary_that_was_visited_last() {
    let bench = TestBench::<Table>::new().await;
    let (old, new) = (
        bench.other::<Before>().await,
        bench.other::<Renamed>().await,
    );
    let session = log_in(&old, "u").await;
    assert_eq!(listed(&new, Renamed::USER, "u").await, 0);
    let mut session = visit(&new, session.id()).await.unwrap();
    assert_eq!(listed(&new, Renamed::USER, "u").await, 1);
    assert_eq!(listed(&old, Before::USER, "u").await, 1);
    session.user = Some("v".into());
    new.save(&mut session).await.unwrap();
    // Rolled back.
    visit(&old, session.id()).await.unwrap();
    assert_eq!(listed(&old, Before::USER, "u").await, 0);
    assert_eq!(revoked(&old, Before::USER, "v").await, 1);
    assert!(!is_live(&new, session.id()).await);
}

/// In three steps, every binary that is alive asks an index that every binary that is alive writes.
#[tokio::test]
async fn an_attribute_that_is_renamed_in_three_steps_misses_no_session() {
    let bench = TestBench::<Table>::new().await;
    let old = bench.other::<Before>().await;
    let both = bench.other::<Both>().await;
    let new = bench.other::<Renamed>().await;
    // The first step: the old name is asked.
    let first = log_in(&old, "u").await;
    let second = Both {
        user: Some("u".into()),
        plan: "free".into(),
    };
    let second = both.create(second).await.unwrap();
    assert_eq!(listed(&both, Both::USER, "u").await, 2);
    assert_eq!(listed(&old, Before::USER, "u").await, 2);
    visit(&both, first.id()).await.unwrap();
    // The second step: the new name is asked, and both are written.
    assert_eq!(listed(&both, Both::USER_ID, "u").await, 2);
    let mut moved = both.load(second.id()).await.unwrap().unwrap();
    moved.user = Some("v".into());
    both.save(&mut moved).await.unwrap();
    // The third step: the old name goes.
    assert_eq!(listed(&new, Renamed::USER, "u").await, 1);
    assert_eq!(revoked(&new, Renamed::USER, "v").await, 1);
    assert!(!is_live(&both, second.id()).await);
}

version! {
    struct Number {
        #[dynamo(attr = "user", index)]
        user: Option<u64>,
        plan: String,
    }
}

/// DynamoDB refuses a number as the key of an index of text, and so every log-in.
#[tokio::test]
async fn verify_table_refuses_a_default_index_whose_keys_have_another_type() {
    let bench = TestBench::<Table>::new().await;
    let new = bench.other::<Number>().await;
    for refused in [new.verify_table().await, new.create_table().await] {
        let Err(Error::Setup(error)) = refused else {
            panic!("{refused:?}")
        };
        assert!(error.to_string().contains("`user`"), "{error}");
    }
    let session = Number {
        user: Some(17),
        ..Number::default()
    };
    let created = new.create(session).await;
    assert!(matches!(created, Err(Error::Service(_))), "{created:?}");
}

version! {
    /// The field is retyped in two steps, and its attribute gets another name.
    struct Digits {
        #[serde(deserialize_with = "digits::text")]
        #[dynamo(attr = "user", index)]
        user: Option<String>,
        plan: String,
    }
}

version! {
    struct Numbered {
        #[serde(deserialize_with = "digits::number")]
        #[dynamo(attr = "user_no", index)]
        user: Option<u64>,
        plan: String,
    }
}

version! {
    struct TextRoster {
        #[serde(deserialize_with = "digits::text")]
        #[dynamo(attr = "user", index(consistent))]
        user: Option<String>,
        plan: String,
    }
}

version! {
    struct NumberRoster {
        #[serde(deserialize_with = "digits::number")]
        #[dynamo(attr = "user", index(consistent))]
        user: Option<u64>,
        plan: String,
    }
}

/// Reads a number and the same number as text.
mod digits {
    use serde::{Deserialize, Deserializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }

    pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
        let either = Option::deserialize(from)?;
        Ok(either.map(|either| match either {
            Either::Number(number) => number.to_string(),
            Either::Text(text) => text,
        }))
    }

    pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        match Option::deserialize(from)? {
            None => Ok(None),
            Some(Either::Number(number)) => Ok(Some(number)),
            Some(Either::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
        }
    }
}

#[tokio::test]
async fn a_key_of_a_default_index_changes_its_type_with_its_name() {
    let bench = TestBench::<Table>::new().await;
    let old = bench.other::<Digits>().await;
    let new = bench.other::<Numbered>().await;
    let session = Digits {
        user: Some("17".into()),
        plan: "free".into(),
    };
    let session = old.create(session).await.unwrap();
    let mut session = visit(&new, session.id()).await.unwrap();
    assert_eq!(session.user, Some(17));
    assert_eq!(listed(&new, Numbered::USER, 17).await, 1);
    assert_eq!(listed(&old, Digits::USER, "17").await, 1);
    session.user = Some(18);
    new.save(&mut session).await.unwrap();
    // Rolled back.
    let session = visit(&old, session.id()).await.unwrap();
    assert_eq!(session.user.as_deref(), Some("18"));
    assert_eq!(listed(&old, Digits::USER, "17").await, 0);
    assert_eq!(revoked(&old, Digits::USER, "18").await, 1);
}

/// A list by a number finds those that have the same digits as text, and the other way round.
#[tokio::test]
async fn a_key_of_a_consistent_index_changes_its_type_and_misses_nothing() {
    let bench = TestBench::<TextRoster>::new().await;
    let (old, new) = (&bench.store, bench.other::<NumberRoster>().await);
    let text = || TextRoster {
        user: Some("17".into()),
        plan: "free".into(),
    };
    let number = || NumberRoster {
        user: Some(17),
        plan: "free".into(),
    };
    let session = old.create(text()).await.unwrap();
    let unvisited = old.create(text()).await.unwrap();
    let young = new.create(number()).await.unwrap();
    assert_eq!(listed(&new, NumberRoster::USER, 17).await, 3);
    assert_eq!(listed(old, TextRoster::USER, "17").await, 3);
    visit(&new, session.id()).await.unwrap();
    assert_eq!(listed(&new, NumberRoster::USER, 17).await, 3);
    assert_eq!(listed(old, TextRoster::USER, "17").await, 3);
    // Rolled back.
    visit(old, session.id()).await.unwrap();
    visit(old, young.id()).await.unwrap();
    assert_eq!(listed(old, TextRoster::USER, "17").await, 3);
    // And forward again.
    visit(&new, session.id()).await.unwrap();
    assert_eq!(revoked(&new, NumberRoster::USER, 17).await, 3);
    assert!(!is_live(old, unvisited.id()).await);
}

version! {
    struct TextIds {
        #[dynamo(attr = "user", index(consistent))]
        user: Option<String>,
        #[dynamo(attr = "tenant", index)]
        tenant: Option<String>,
    }
}

version! {
    struct UuidIds {
        #[dynamo(attr = "user", index(consistent))]
        user: Option<Uuid>,
        #[dynamo(attr = "tenant", index)]
        tenant: Option<Uuid>,
    }
}

#[tokio::test]
async fn a_text_becomes_a_uuid_in_one_deploy_and_back() {
    let bench = TestBench::<TextIds>::new().await;
    let (old, new) = (&bench.store, bench.other::<UuidIds>().await);
    let id = Uuid::from_u128(0xab17);
    let text = id.to_string();
    let of_text = TextIds {
        user: Some(text.clone()),
        tenant: Some(text.clone()),
    };
    let of_uuid = UuidIds {
        user: Some(id),
        tenant: Some(id),
    };
    let session = old.create(of_text).await.unwrap();
    let young = new.create(of_uuid).await.unwrap();
    visit(&new, session.id()).await.unwrap();
    assert_eq!(listed(&new, UuidIds::USER, id).await, 2);
    assert_eq!(listed(&new, UuidIds::TENANT, id).await, 2);
    // Rolled back.
    visit(old, young.id()).await.unwrap();
    assert_eq!(listed(old, TextIds::USER, text.as_str()).await, 2);
    assert_eq!(listed(old, TextIds::TENANT, text.as_str()).await, 2);
    assert_eq!(revoked(&new, UuidIds::TENANT, id).await, 2);
    assert_eq!(listed(old, TextIds::USER, text).await, 0);
}
