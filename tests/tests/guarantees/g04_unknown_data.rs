//! G4. Every write keeps the top-level fields and attributes that this binary does not know, so old and new
//! binaries can run side by side.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;
use session_store_tests::TestBench;

/// An older binary, or a newer one, that knows other fields.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "app")]
#[serde(default)]
struct Old {
    theme: String,
    visits: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "app")]
#[serde(default)]
struct New {
    theme: String,
    #[serde(alias = "visits")]
    page_views: u64,
    #[dynamo(attr = "email", index)]
    email: Option<String>,
    wishes: Vec<String>,
}

#[tokio::test]
async fn old_and_new_binaries_keep_each_others_fields() {
    let new = TestBench::<New>::new().await;
    let old = new.other::<Old>().await;

    let data = New {
        email: Some("a@b.c".into()),
        wishes: vec!["x".into()],
        ..New::default()
    };
    let mut by_new = new.store.create(data).await.unwrap();
    let mut by_old = old.load(by_new.id()).await.unwrap().unwrap();
    by_old.theme = "dark".into();
    by_old.visits = 7;
    old.save(&mut by_old).await.unwrap();

    let item = new.item(by_new.handle()).await.unwrap();
    assert_eq!(item["email"].as_s().unwrap(), "a@b.c");

    // The item has both spellings now, which serde alone would refuse as a duplicate field.
    let stored = new.store.load(by_new.id()).await.unwrap().unwrap();
    assert_eq!(stored.theme, "dark");
    assert_eq!(stored.wishes, ["x"]);
    assert_eq!(stored.page_views, 0, "the name wins over the alias");

    by_new.page_views = 8;
    new.store.save(&mut by_new).await.unwrap();
    let item = new.item(by_new.handle()).await.unwrap();
    let data = item["data"].as_m().unwrap();
    assert!(
        !data.contains_key("visits"),
        "a field that is written leaves no alias behind"
    );
    assert_eq!(data["page_views"].as_n().unwrap(), "8");
}

#[tokio::test]
async fn a_renamed_field_is_read_by_its_alias() {
    let new = TestBench::<New>::new().await;
    let old = new.other::<Old>().await;
    let by_old = old
        .create(Old {
            theme: "dark".into(),
            visits: 7,
        })
        .await
        .unwrap();
    let mut by_new = new.store.load(by_old.id()).await.unwrap().unwrap();
    assert_eq!(by_new.page_views, 7);
    by_new.wishes.push("x".into());
    new.store.save(&mut by_new).await.unwrap();
    assert_eq!(old.load(by_old.id()).await.unwrap().unwrap().visits, 7);
}

/// The same field without its attribute, in a binary that does not promote it yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "app")]
#[serde(default)]
struct Unpromoted {
    email: Option<String>,
    theme: String,
}

#[tokio::test]
async fn a_stale_attribute_is_repaired_by_the_next_save() {
    let new = TestBench::<New>::new().await;
    let old = new.other::<Unpromoted>().await;
    let data = Unpromoted {
        email: Some("a@b.c".into()),
        ..Unpromoted::default()
    };
    let mut by_old = old.create(data).await.unwrap();
    assert_eq!(
        new.store
            .sessions(New::EMAIL, "a@b.c")
            .count()
            .await
            .unwrap(),
        0
    );

    let mut by_new = new.store.load(by_old.id()).await.unwrap().unwrap();
    let mut behind = new.store.load(by_old.id()).await.unwrap().unwrap();
    new.store.save(&mut by_new).await.unwrap();
    assert_eq!(
        new.store
            .sessions(New::EMAIL, "a@b.c")
            .count()
            .await
            .unwrap(),
        0,
        "nothing to save"
    );
    by_new.theme = "dark".into();
    new.store.save(&mut by_new).await.unwrap();
    assert_eq!(
        new.store
            .sessions(New::EMAIL, "a@b.c")
            .count()
            .await
            .unwrap(),
        1
    );

    // The old binary writes only the field. A copy from before that does not repair the attribute with an
    // old value.
    by_old.email = Some("d@e.f".into());
    old.save(&mut by_old).await.unwrap();
    behind.wishes.push("x".into());
    new.store.save(&mut behind).await.unwrap();
    assert_eq!(behind.email.as_deref(), Some("d@e.f"));
    assert_eq!(
        new.store
            .sessions(New::EMAIL, "a@b.c")
            .count()
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        new.store
            .sessions(New::EMAIL, "d@e.f")
            .count()
            .await
            .unwrap(),
        1
    );

    // If the attribute is current, the save has no version check.
    let other = new.store.load(by_old.id()).await.unwrap().unwrap();
    new.wire.clear();
    for mut copy in [behind, other] {
        copy.theme.push('x');
        new.store.save(&mut copy).await.unwrap();
    }
    assert_eq!(new.wire.operations(), ["UpdateItem"; 2]);
}

async fn expect_strangers_untouched<S>(
    bench: &TestBench<S>,
    change: impl AsyncFn(&session_store::SessionId),
) where
    S: SessionAttributes
        + Clone
        + Serialize
        + serde::de::DeserializeOwned
        + Send
        + Sync
        + Default
        + 'static,
{
    let session = bench.store.create(S::default()).await.unwrap();
    let stranger = AttributeValue::L(vec![
        AttributeValue::N("1".into()),
        AttributeValue::Null(true),
    ]);
    let mut item = bench.item(session.handle()).await.unwrap();
    item.insert("stranger".into(), stranger.clone());
    let Some(AttributeValue::M(data)) = item.get_mut("data") else {
        panic!()
    };
    data.insert("stranger".into(), stranger.clone());
    bench.put(item).await;

    change(session.id()).await;
    let item = bench.item(session.handle()).await.unwrap();
    assert_eq!(item["stranger"], stranger);
    assert_eq!(item["data"].as_m().unwrap()["stranger"], stranger);
}

#[tokio::test]
async fn a_save_of_fields_keeps_unknown_data() {
    let bench = TestBench::<Old>::new().await;
    expect_strangers_untouched(&bench, async |id| {
        let mut session = bench.store.load(id).await.unwrap().unwrap();
        session.theme = "dark".into();
        bench.store.save(&mut session).await.unwrap();
    })
    .await;
}

/// A struct that serde flattens knows its own keys, but not those of others.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "app")]
#[serde(default)]
struct Nested {
    theme: String,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Counts {
    hits: u32,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    many: BTreeMap<String, u32>,
}

#[tokio::test]
async fn a_save_of_a_flattened_group_keeps_unknown_data() {
    let bench = TestBench::<Nested>::new().await;
    expect_strangers_untouched(&bench, async |id| {
        let mut session = bench.store.load(id).await.unwrap().unwrap();
        session.counts.hits = 2;
        bench.store.save(&mut session).await.unwrap();
        // This copy is one version behind, so its change is applied to the other's state.
        let mut behind = bench.store.load(id).await.unwrap().unwrap();
        session.counts.many.insert("x".into(), 1);
        bench.store.save(&mut session).await.unwrap();
        behind.counts.hits = 3;
        bench.store.save(&mut behind).await.unwrap();
    })
    .await;
}

/// More fields than one expression can name, so all of `data` is written.
macro_rules! wide {
    ($($name:ident)*) => {
        #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", type_name = "app")]
        #[serde(default)]
        struct Wide { $($name: Vec<u8>,)* }

        impl Wide {
            fn all() -> Self {
                Self { $($name: vec![1],)* }
            }
        }
    };
}

wide! {
    a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 b0 b1 b2 b3 b4 b5 b6 b7 b8 b9 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9
    d0 d1 d2 d3 d4 d5 d6 d7 d8 d9 e0 e1 e2 e3 e4 e5 e6 e7 e8 e9 f0 f1 f2 f3 f4 f5 f6 f7 f8 f9
    g0 g1 g2 g3 g4 g5 g6 g7 g8 g9 h0 h1 h2 h3 h4 h5 h6 h7 h8 h9 i0 i1 i2 i3 i4 i5 i6 i7 i8 i9
    j0 j1 j2 j3 j4 j5 j6 j7 j8 j9 k0 k1 k2 k3 k4 k5 k6 k7 k8 k9 l0 l1 l2 l3 l4 l5 l6 l7 l8 l9
    m0 m1 m2 m3 m4 m5 m6 m7 m8 m9 n0 n1 n2 n3 n4 n5 n6 n7 n8 n9 o0 o1 o2 o3 o4 o5 o6 o7 o8 o9
    p0 p1 p2 p3 p4 p5 p6 p7 p8 p9 q0 q1 q2 q3 q4 q5 q6 q7 q8 q9 r0 r1 r2 r3 r4 r5 r6 r7 r8 r9
    s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 t0 t1 t2 t3 t4 t5 t6 t7 t8 t9 u0 u1 u2 u3 u4 u5 u6 u7 u8 u9
    v0 v1 v2 v3 v4 v5 v6 v7 v8 v9 w0 w1 w2 w3 w4 w5 w6 w7 w8 w9 x0 x1 x2 x3 x4 x5 x6 x7 x8 x9
    y0 y1 y2 y3 y4 y5 y6 y7 y8 y9 z0 z1 z2 z3 z4 z5 z6 z7 z8 z9
}

#[tokio::test]
async fn a_save_of_all_data_keeps_unknown_data() {
    let bench = TestBench::<Wide>::new().await;
    expect_strangers_untouched(&bench, async |id| {
        let mut session = bench.store.load(id).await.unwrap().unwrap();
        *session = Wide::all();
        bench.store.save(&mut session).await.unwrap();
        let stored = bench.store.load(id).await.unwrap().unwrap();
        assert_eq!(stored.z9, [1]);
    })
    .await;
}
