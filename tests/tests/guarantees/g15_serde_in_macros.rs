//! G15. A session type that a `macro_rules!` makes, with serde's attributes from fragments, is read as it was
//! stored: the schema and serde agree about the names.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;
use session_store_tests::TestBench;

/// A module for serde's `with`: a number as text.
mod text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Inner {
    deep: u64,
}

/// A session type of this name. Its options come as fragments of many kinds.
macro_rules! session {
    (
        $session:ident, $inner:ty: $table:literal, $camel:expr, $renamed:literal, $alias:expr, $text:literal,
        $is_zero:literal, $attr:literal, $function:path, $key:ty, $limit:literal, $policy:ident,
        $more:meta, $type_name:tt
    ) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = $table, type_name = $type_name)]
        #[serde(rename_all = $camel, default)]
        struct $session {
            by_rule: u64,
            #[serde(rename = $renamed, default)]
            by_name: u64,
            #[serde(alias = $alias, default)]
            by_alias: u64,
            #[serde(with = $text, default)]
            #[dynamo(attr = $attr, with = $function)]
            by_module: u64,
            #[serde(serialize_with = "text::serialize", deserialize_with = "text::deserialize", $more)]
            #[dynamo(attr = "as_stored")]
            by_function: u64,
            #[serde(skip_serializing_if = $is_zero, default)]
            if_any: u64,
            #[dynamo(attr = "user", index(consistent, limit = $limit, on_limit = $policy), with = user, key = $key)]
            user: u64,
            #[serde(flatten, default)]
            flattened: $inner,
        }
    };
}

session! {
    Made, Inner: "tests", "camelCase", "renamed", "older", "text", "is_zero", "module", Clone::clone, u64, 3,
    reject, rename = "function", "made"
}

fn user(user: &u64) -> Option<u64> {
    (*user > 0).then_some(*user)
}

/// Fields that another program wrote.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "made")]
struct Older {
    older: u64,
}

const MADE: Made = Made {
    by_rule: 7,
    by_name: 7,
    by_alias: 7,
    by_module: 7,
    by_function: 7,
    if_any: 7,
    user: 7,
    flattened: Inner { deep: 7 },
};

async fn loaded<S>(bench: &TestBench<S>, id: &session_store::SessionId) -> session_store::Session<S>
where
    S: SessionAttributes + Serialize + DeserializeOwned + Clone + Debug + Send + Sync + 'static,
{
    bench.store.load(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn all_fields_are_read_as_they_were_stored() {
    let bench = TestBench::<Made>::new().await;
    let session = bench.store.create(MADE).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    let data = item["data"].as_m().unwrap();
    let names: Vec<_> = BTreeMap::from_iter(data).into_keys().collect();
    let expected = [
        "byAlias", "byModule", "byRule", "deep", "function", "ifAny", "renamed", "user",
    ];
    assert_eq!(names, expected);
    let mut session = loaded(&bench, session.id()).await;
    assert_eq!(*session, MADE);

    // A save of single entries writes them under the same names.
    session.by_rule = 8;
    session.by_name = 8;
    session.by_module = 8;
    session.by_function = 8;
    session.if_any = 0;
    session.flattened.deep = 8;
    bench.store.save(&mut session).await.unwrap();
    let item = bench.item(session.handle()).await.unwrap();
    let data = item["data"].as_m().unwrap();
    assert_eq!(data["renamed"].as_n().unwrap(), "8");
    assert_eq!(data["byModule"].as_s().unwrap(), "8");
    assert_eq!(item["module"].as_n().unwrap(), "8");
    // Promoted in the form that serde gives it.
    assert_eq!(item["as_stored"].as_s().unwrap(), "8");
    assert!(!data.contains_key("ifAny"));
    let stored = loaded(&bench, session.id()).await;
    assert_eq!(*stored, *session);
}

#[tokio::test]
async fn a_field_is_read_under_its_alias() {
    let bench = TestBench::<Made>::new().await;
    let older = bench.other::<Older>().await;
    let session = older.create(Older { older: 7 }).await.unwrap();
    let session = loaded(&bench, session.id()).await;
    assert_eq!(session.by_alias, 7);
}
