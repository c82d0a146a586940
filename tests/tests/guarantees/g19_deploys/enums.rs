//! Enums that get a new variant.

use serde::{Deserialize, Serialize};
use session_store::{Error, Session, SessionAttributes};
use session_store_tests::TestBench;

use super::save;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Theme {
    #[default]
    Light,
    Dark,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum MoreThemes {
    #[default]
    Light,
    Dark,
    Contrast,
}

/// It reads what it does not know as `Other`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum OrOther {
    #[default]
    Light,
    Dark,
    #[serde(other)]
    Other,
}

/// It keeps the name of what it does not know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum OrNamed {
    #[default]
    Light,
    Dark,
    #[serde(untagged)]
    Named(String),
}

version! {
    struct Old {
        theme: Theme,
        visits: u64,
    }
}

version! {
    struct New {
        theme: MoreThemes,
        visits: u64,
    }
}

version! {
    struct Other {
        theme: OrOther,
        visits: u64,
    }
}

version! {
    #[dynamo(data = "binary")]
    struct OtherInBytes {
        theme: OrOther,
        visits: u64,
    }
}

version! {
    #[dynamo(data = "binary")]
    struct NamedInBytes {
        theme: OrNamed,
        visits: u64,
    }
}

async fn contrast(bench: &TestBench<New>) -> Session<New> {
    let session = New {
        theme: MoreThemes::Contrast,
        visits: 0,
    };
    bench.store.create(session).await.unwrap()
}

/// First a binary that knows the variant and stores it nowhere, then one that stores it.
#[tokio::test]
async fn a_variant_is_added_in_two_steps() {
    let bench = TestBench::<New>::new().await;
    let old = bench.other::<Old>().await;
    let session = bench.store.create(New::default()).await.unwrap();
    save(&bench.store, session.id(), |session| session.visits += 1).await;
    save(&old, session.id(), |session| session.theme = Theme::Dark).await;
    let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(loaded.theme, MoreThemes::Dark);
}

#[tokio::test]
async fn a_variant_that_is_stored_in_one_step_is_unreadable_to_the_old_binary() {
    let bench = TestBench::<New>::new().await;
    let old = bench.other::<Old>().await;
    let session = contrast(&bench).await;
    let Err(Error::Decode(error)) = old.load(session.id()).await else {
        panic!("it can be read")
    };
    assert_eq!(error.path(), "theme");
}

/// As a map, an entry that was not changed is not written, and a new id writes it as it is stored.
#[tokio::test]
async fn an_other_variant_keeps_what_it_does_not_know_in_a_map() {
    let bench = TestBench::<New>::new().await;
    let first = bench.other::<Other>().await;
    let session = contrast(&bench).await;
    save(&first, session.id(), |session| {
        assert_eq!(session.theme, OrOther::Other);
        session.visits += 1;
    })
    .await;
    let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!((&loaded.theme, loaded.visits), (&MoreThemes::Contrast, 1));
    let mut by_first = first.load(session.id()).await.unwrap().unwrap();
    first.cycle_id(&mut by_first).await.unwrap();
    let loaded = bench.store.load(by_first.id()).await.unwrap().unwrap();
    assert_eq!((&loaded.theme, loaded.visits), (&MoreThemes::Contrast, 1));
}

/// As bytes, all of `data` is written, and what was not changed as it is stored.
#[tokio::test]
async fn an_other_variant_keeps_what_it_does_not_know_in_bytes() {
    let bench = TestBench::<New>::new().await;
    let first = bench.other::<OtherInBytes>().await;
    let session = contrast(&bench).await;
    let mut by_first = first.load(session.id()).await.unwrap().unwrap();
    for _ in 0..2 {
        by_first.visits += 1;
        first.save(&mut by_first).await.unwrap();
    }
    first.cycle_id(&mut by_first).await.unwrap();
    let loaded = bench.store.load(by_first.id()).await.unwrap().unwrap();
    assert_eq!((&loaded.theme, loaded.visits), (&MoreThemes::Contrast, 2));
}

#[tokio::test]
async fn an_other_variant_is_overwritten_by_a_change_of_its_field() {
    let bench = TestBench::<New>::new().await;
    let first = bench.other::<Other>().await;
    let session = contrast(&bench).await;
    save(&first, session.id(), |session| {
        session.theme = OrOther::Light
    })
    .await;
    let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(loaded.theme, MoreThemes::Light);
}

#[tokio::test]
async fn an_untagged_variant_of_text_keeps_what_it_does_not_know() {
    let bench = TestBench::<New>::new().await;
    let first = bench.other::<NamedInBytes>().await;
    let session = contrast(&bench).await;
    save(&first, session.id(), |session| {
        assert_eq!(session.theme, OrNamed::Named("Contrast".into()));
        session.visits += 1;
    })
    .await;
    let mut by_first = first.load(session.id()).await.unwrap().unwrap();
    first.cycle_id(&mut by_first).await.unwrap();
    let loaded = bench.store.load(by_first.id()).await.unwrap().unwrap();
    assert_eq!((&loaded.theme, loaded.visits), (&MoreThemes::Contrast, 1));
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum DarkWithName {
    #[default]
    Light,
    Dark(String),
}

version! {
    struct Named {
        theme: DarkWithName,
        visits: u64,
    }
}

/// A variant that gets a value is another variant: give it another name.
#[tokio::test]
async fn a_variant_that_gets_a_value_cannot_read_what_was_stored_without_one() {
    let bench = TestBench::<Named>::new().await;
    let old = bench.other::<Old>().await;
    let dark = Old {
        theme: Theme::Dark,
        visits: 0,
    };
    let session = old.create(dark).await.unwrap();
    let loaded = bench.store.load(session.id()).await;
    assert!(matches!(loaded, Err(Error::Decode(_))), "{loaded:?}");
}
