//! Fields that are added, removed or renamed, in a map and in bytes.

use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Error, SessionAttributes, Unreadable};
use session_store_tests::TestBench;

use super::{is_live, load, save, unreadable};

versions! {
    Visits VisitsB {
        visits: u64,
    }
    VisitsOrNone VisitsOrNoneB {
        #[serde(default)]
        visits: u64,
    }
    VisitsAndTheme VisitsAndThemeB {
        visits: u64,
        #[serde(default)]
        theme: String,
    }
    VisitsAndThemeAtOnce VisitsAndThemeAtOnceB {
        visits: u64,
        theme: String,
    }
    ThemeOnly ThemeOnlyB {
        #[serde(default)]
        theme: String,
    }
}

in_both_formats! {
    async fn an_added_field_has_its_default_and_survives_the_old_binary(
        Old: Visits VisitsB, New: VisitsAndTheme VisitsAndThemeB
    ) {
        let bench = TestBench::<Old>::new().await;
        let new = bench.other::<New>().await;
        let session = bench.store.create(Old { visits: 1 }).await.unwrap();
        let id = session.id();
        assert_eq!(load(&new, id).await, New { visits: 1, theme: String::new() });
        save(&new, id, |session| session.theme = "dark".into()).await;
        save(&bench.store, id, |session| session.visits += 1).await;
        let mut session = bench.store.load(id).await.unwrap().unwrap();
        bench.store.cycle_id(&mut session).await.unwrap();
        assert_eq!(load(&new, session.id()).await, New { visits: 2, theme: "dark".into() });
    }

    async fn an_added_field_without_a_default_makes_the_sessions_that_are_there_unreadable(
        Old: Visits VisitsB, New: VisitsAndThemeAtOnce VisitsAndThemeAtOnceB
    ) {
        let bench = TestBench::<Old>::new().await;
        let new = bench.other::<New>().await;
        let session = bench.store.create(Old { visits: 1 }).await.unwrap();
        assert_eq!(unreadable(&new, session.id()).await, "theme");
        assert!(is_live(&bench.store, session.id()).await);
    }

    /// First the old binary gets `#[serde(default)]`, then the field goes.
    async fn a_field_is_removed_in_two_steps(
        Old: VisitsOrNone VisitsOrNoneB, New: ThemeOnly ThemeOnlyB
    ) {
        let bench = TestBench::<Old>::new().await;
        let new = bench.other::<New>().await;
        let session = bench.store.create(Old { visits: 7 }).await.unwrap();
        let id = session.id();
        save(&new, id, |session| session.theme = "dark".into()).await;
        assert_eq!(load(&bench.store, id).await.visits, 7, "it stays where it was");
        let young = new.create(New::default()).await.unwrap();
        assert_eq!(load(&bench.store, young.id()).await.visits, 0);
        // Rolled back.
        save(&bench.store, young.id(), |session| session.visits += 1).await;
        assert_eq!(load(&bench.store, young.id()).await.visits, 1);
        assert!(is_live(&new, young.id()).await);
    }

    async fn a_field_that_is_removed_in_one_step_makes_new_sessions_unreadable_for_the_old_binary(
        Old: Visits VisitsB, New: ThemeOnly ThemeOnlyB
    ) {
        let bench = TestBench::<Old>::new().await;
        let new = bench.other::<New>().await;
        let young = new.create(New::default()).await.unwrap();
        assert_eq!(unreadable(&bench.store, young.id()).await, "visits");
    }
}

versions! {
    ViewsByAlias ViewsByAliasB {
        #[serde(alias = "views")]
        visits: u64,
        #[serde(default)]
        theme: String,
    }
    Views ViewsB {
        #[serde(alias = "visits")]
        views: u64,
        #[serde(default)]
        theme: String,
    }
    ViewsAlone ViewsAloneB {
        views: u64,
        #[serde(default)]
        theme: String,
    }
}

in_both_formats! {
    /// First the old name learns the new one, then the name changes, then the alias goes.
    async fn a_field_is_renamed_in_two_steps(
        First: ViewsByAlias ViewsByAliasB, Second: Views ViewsB
    ) {
        let bench = TestBench::<First>::new().await;
        let second = bench.other::<Second>().await;
        let session = First { visits: 1, ..First::default() };
        let session = bench.store.create(session).await.unwrap();
        let id = session.id();
        // Each adds one to what the other has counted, in any order.
        save(&second, id, |session| session.views += 1).await;
        save(&bench.store, id, |session| session.visits += 1).await;
        save(&bench.store, id, |session| session.theme.push('x')).await;
        save(&second, id, |session| session.theme.push('y')).await;
        save(&second, id, |session| session.views += 1).await;
        assert_eq!(load(&bench.store, id).await, First { visits: 4, theme: "xy".into() });
        assert_eq!(load(&second, id).await, Second { views: 4, theme: "xy".into() });

        // Copies that were loaded before the other one saved. The last write of the field counts.
        let mut by_first = bench.store.load(id).await.unwrap().unwrap();
        let mut by_second = second.load(id).await.unwrap().unwrap();
        by_second.views = 50;
        second.save(&mut by_second).await.unwrap();
        by_first.visits = 60;
        by_first.theme = "z".into();
        bench.store.save(&mut by_first).await.unwrap();
        assert_eq!(load(&bench.store, id).await, First { visits: 60, theme: "z".into() });
        assert_eq!(load(&second, id).await, Second { views: 60, theme: "z".into() });

        // Rolled back, with a session of the second.
        let young = second.create(Second { views: 9, ..Second::default() }).await.unwrap();
        save(&bench.store, young.id(), |session| session.visits += 1).await;
        assert_eq!(load(&bench.store, young.id()).await.visits, 10);
    }

    async fn a_field_that_is_renamed_in_one_step_is_missing_to_the_old_binary(
        Old: Visits VisitsB, New: Views ViewsB
    ) {
        let bench = TestBench::<Old>::new().await;
        let new = bench.other::<New>().await;
        let session = bench.store.create(Old { visits: 1 }).await.unwrap();
        save(&new, session.id(), |session| session.views += 1).await;
        assert_eq!(unreadable(&bench.store, session.id()).await, "visits");
        assert_eq!(load(&new, session.id()).await.views, 2);
    }

    /// With a default, it is worse: the old binary counts from 0.
    async fn a_field_with_a_default_that_is_renamed_in_one_step_begins_anew_in_the_old_binary(
        Old: VisitsOrNone VisitsOrNoneB, New: Views ViewsB
    ) {
        let bench = TestBench::<Old>::new().await;
        let new = bench.other::<New>().await;
        let session = bench.store.create(Old { visits: 7 }).await.unwrap();
        save(&new, session.id(), |session| session.views += 1).await;
        assert_eq!(load(&bench.store, session.id()).await.visits, 0);
    }

    /// The alias can go when the absolute timeout of the last session with the old name has passed.
    async fn an_alias_that_goes_too_early_makes_sessions_unreadable(
        Second: Views ViewsB, Third: ViewsAlone ViewsAloneB, First: Visits VisitsB
    ) {
        let bench = TestBench::<Second>::new().await;
        let (first, third) = (bench.other::<First>().await, bench.other::<Third>().await);
        let old = first.create(First { visits: 1 }).await.unwrap();
        let young = bench.store.create(Second::default()).await.unwrap();
        assert_eq!(unreadable(&third, old.id()).await, "views");
        assert!(is_live(&third, young.id()).await);
    }
}

version! {
    struct Snake {
        #[serde(alias = "lastPage")]
        last_page: String,
        visits: u64,
    }
}

version! {
    #[serde(rename_all = "camelCase")]
    struct Camel {
        #[serde(alias = "last_page")]
        last_page: String,
        visits: u64,
    }
}

#[tokio::test]
async fn a_rule_that_renames_all_fields_comes_in_two_steps() {
    let bench = TestBench::<Snake>::new().await;
    let new = bench.other::<Camel>().await;
    let session = bench.store.create(Snake::default()).await.unwrap();
    let id = session.id();
    save(&new, id, |session| session.last_page = "/a".into()).await;
    assert_eq!(load(&bench.store, id).await.last_page, "/a");
    save(&bench.store, id, |session| session.last_page = "/b".into()).await;
    assert_eq!(load(&new, id).await.last_page, "/b");
}

/// The store gives an error and changes nothing, or counts the session as none, as the builder says.
#[tokio::test]
async fn an_unreadable_session_is_an_error_or_none_and_can_be_ended() {
    let bench = TestBench::<Visits>::new().await;
    let new = bench.other::<VisitsAndThemeAtOnce>().await;
    let session = bench.store.create(Visits { visits: 1 }).await.unwrap();
    let before = bench.item(session.handle()).await.unwrap();
    let builder = DynamoDbStore::<VisitsAndThemeAtOnce>::builder();
    let builder = builder.client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    let lenient = builder.unreadable(Unreadable::Absent).build();
    let lenient = lenient.await.unwrap();
    assert!(lenient.load(session.id()).await.unwrap().is_none());
    let add = |session: &mut VisitsAndThemeAtOnce| session.visits += 1;
    let updated = new.update(session.id(), add).await;
    assert!(matches!(updated, Err(Error::Decode(_))), "{updated:?}");
    let updated = lenient.update(session.id(), add).await;
    assert!(matches!(updated, Err(Error::Gone(_))), "{updated:?}");
    assert_eq!(bench.item(session.handle()).await.unwrap(), before);
    assert!(
        is_live(&bench.store, session.id()).await,
        "after a rollback"
    );
    new.delete(session.id()).await.unwrap();
    assert!(!is_live(&bench.store, session.id()).await);
}
