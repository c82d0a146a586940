//! G3. If two copies of one version change different top-level fields, both changes survive `save`. On the
//! same field, the last save wins.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use session_store::{Error, SessionAttributes};
use session_store_tests::{Fault, TestBench};

use crate::{App, Line};

#[tokio::test]
async fn different_fields_both_survive() {
    let bench = TestBench::<App>::new().await;
    let mut one = bench.store.create(App::of("u-17")).await.unwrap();
    let mut two = bench.store.load(one.id()).await.unwrap().unwrap();
    one.theme = "dark".into();
    two.cart.push(Line {
        sku: "a-1".into(),
        qty: 2,
    });
    bench.store.save(&mut one).await.unwrap();
    bench.store.save(&mut two).await.unwrap();

    let stored = bench.store.load(one.id()).await.unwrap().unwrap();
    assert_eq!(stored.theme, "dark");
    assert_eq!(stored.cart.len(), 1);
    assert_eq!(stored.version(), 3);
}

#[tokio::test]
async fn the_last_save_of_the_same_field_wins() {
    let bench = TestBench::<App>::new().await;
    let mut one = bench.store.create(App::of("u-17")).await.unwrap();
    let mut two = bench.store.load(one.id()).await.unwrap().unwrap();
    one.theme = "dark".into();
    two.theme = "light".into();
    bench.store.save(&mut two).await.unwrap();
    bench.store.save(&mut one).await.unwrap();
    let stored = bench.store.load(one.id()).await.unwrap().unwrap();
    assert_eq!(stored.theme, "dark");
}

#[tokio::test]
async fn a_save_writes_only_the_changed_fields() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.clear();
    session.theme = "dark".into();
    session.user_id = None;
    session.tenant = Some(4);
    bench.store.save(&mut session).await.unwrap();

    let calls = bench.wire.calls();
    assert_eq!(bench.wire.operations(), ["UpdateItem"]);
    let update = calls[0].input["UpdateExpression"].as_str().unwrap();
    let names = calls[0].input["ExpressionAttributeNames"].as_object();
    let names = names.unwrap().iter();
    // Those that it writes, and not those that its condition names.
    let written = names.filter(|(alias, _)| {
        let mut parts = update.split(|c: char| !c.is_ascii_alphanumeric() && c != '#' && c != '_');
        parts.any(|part| part == alias.as_str())
    });
    let written: Vec<_> = written.map(|(_, name)| name.as_str().unwrap()).collect();
    for name in ["theme", "user_id", "tenant"] {
        assert!(written.contains(&name), "{name} is in {written:?}");
    }
    for name in ["cart", "roles", "visits", "created_at"] {
        assert!(!written.contains(&name), "{name} is not in {written:?}");
    }

    let item = bench.item(session.handle()).await.unwrap();
    assert!(
        !item.contains_key("user_id"),
        "a saved None removes the attribute"
    );
    assert_eq!(item["tenant"].as_n().unwrap(), "4");
    assert!(item["data"].as_m().unwrap()["user_id"].is_null());
}

#[tokio::test]
async fn a_save_of_an_unchanged_session_sends_no_request() {
    let bench = TestBench::<App>::new().await;
    let mut session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.clear();
    bench.store.save(&mut session).await.unwrap();
    session.visits += 1;
    session.visits -= 1;
    bench.store.save(&mut session).await.unwrap();
    assert!(bench.wire.operations().is_empty());
}

/// Two fields, and an attribute that is computed from both.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
#[dynamo(attr = "full_name", with = Person::full_name, index, key = String)]
struct Person {
    first: String,
    last: String,
}

impl Person {
    fn full_name(&self) -> Option<String> {
        let both = !self.first.is_empty() && !self.last.is_empty();
        both.then(|| format!("{} {}", self.first, self.last))
    }
}

#[tokio::test]
async fn a_computed_attribute_includes_the_fields_of_all_writers() {
    let bench = TestBench::<Person>::new().await;
    let mut one = bench.store.create(Person::default()).await.unwrap();
    let mut two = bench.store.load(one.id()).await.unwrap().unwrap();
    one.first = "Ada".into();
    two.last = "Lovelace".into();
    bench.store.save(&mut one).await.unwrap();
    bench.store.save(&mut two).await.unwrap();

    assert_eq!(two.first, "Ada", "the copy has the changes of the others");
    let item = bench.item(one.handle()).await.unwrap();
    assert_eq!(item["full_name"].as_s().unwrap(), "Ada Lovelace");
    assert_eq!(
        bench
            .store
            .sessions(Person::FULL_NAME, "Ada Lovelace")
            .count()
            .await
            .unwrap(),
        1
    );

    // The first copy is behind by one version, and saves again.
    one.first.clear();
    bench.store.save(&mut one).await.unwrap();
    assert_eq!(one.last, "Lovelace");
    assert!(
        !bench
            .item(one.handle())
            .await
            .unwrap()
            .contains_key("full_name")
    );
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests")]
struct Flat {
    theme: String,
    #[serde(flatten)]
    rest: BTreeMap<String, u32>,
}

#[tokio::test]
async fn a_flattened_field_is_written_as_one() {
    let bench = TestBench::<Flat>::new().await;
    let rest = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
    let mut one = bench
        .store
        .create(Flat {
            rest,
            ..Flat::default()
        })
        .await
        .unwrap();
    let mut two = bench.store.load(one.id()).await.unwrap().unwrap();
    let mut three = bench.store.load(one.id()).await.unwrap().unwrap();
    one.rest = BTreeMap::from([("a".to_owned(), 1), ("c".to_owned(), 3)]);
    two.rest = BTreeMap::from([("b".to_owned(), 20)]);
    three.theme = "dark".into();
    bench.store.save(&mut one).await.unwrap();
    bench.store.save(&mut two).await.unwrap();
    bench.store.save(&mut three).await.unwrap();

    let stored = bench.store.load(one.id()).await.unwrap().unwrap();
    assert_eq!(
        stored.rest,
        BTreeMap::from([("b".to_owned(), 20)]),
        "all of it is from the last writer"
    );
    assert_eq!(stored.theme, "dark");
}

/// 400 fields change in one save: more than one expression can name.
#[tokio::test]
async fn very_many_fields_are_written_whole() {
    let bench = TestBench::<Flat>::new().await;
    let rest = |n: u32| {
        (0..400)
            .map(|i| (format!("k{i}"), n))
            .collect::<BTreeMap<_, _>>()
    };
    let mut one = bench
        .store
        .create(Flat {
            rest: rest(1),
            ..Flat::default()
        })
        .await
        .unwrap();
    let mut two = bench.store.load(one.id()).await.unwrap().unwrap();
    one.theme = "dark".into();
    bench.store.save(&mut one).await.unwrap();
    two.rest = rest(2);
    two.rest.remove("k7");
    bench.store.save(&mut two).await.unwrap();

    let stored = bench.store.load(one.id()).await.unwrap().unwrap();
    assert_eq!(stored.theme, "dark");
    assert_eq!(stored.rest.len(), 399);
    assert_eq!(stored.rest["k399"], 2);
}

#[tokio::test]
async fn an_update_gives_what_its_closure_returns() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    bench.wire.clear();
    let visits = bench
        .store
        .update(session.id(), |app| {
            app.visits += 1;
            app.visits
        })
        .await
        .unwrap();
    assert_eq!(visits, 1);
    assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);

    bench.wire.clear();
    bench.store.update(session.id(), |_| ()).await.unwrap();
    assert_eq!(
        bench.wire.operations(),
        ["GetItem"],
        "unchanged data is not written"
    );
}

#[tokio::test]
async fn an_update_can_be_called_off() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let called_off = bench.store.try_update(session.id(), |app| {
        app.visits = 99;
        Err::<(), _>("too many")
    });
    assert_eq!(called_off.await.unwrap(), Err("too many"));
    let done = bench.store.try_update(session.id(), |app| {
        app.visits += 1;
        Ok::<_, &str>(app.visits)
    });
    assert_eq!(done.await.unwrap(), Ok(1));
}

#[tokio::test]
async fn an_update_of_an_absent_session_is_gone() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let (store, id) = (bench.store.clone(), session.id().clone());
    bench.wire.next(
        "UpdateItem",
        Fault::meanwhile(move || async move { store.delete(&id).await.unwrap() }),
    );
    let updated = bench
        .store
        .update(session.id(), |app| app.visits += 1)
        .await;
    assert!(matches!(updated, Err(Error::Gone(_))));
    let updated = bench
        .store
        .update(session.id(), |app| app.visits += 1)
        .await;
    assert!(matches!(updated, Err(Error::Gone(_))));
    assert!(bench.items().await.is_empty());
}

#[tokio::test]
async fn a_counter_loses_no_increment() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let increment = |_| bench.store.update(session.id(), |app| app.visits += 1);
    let results = futures_util::future::join_all((0..32).map(increment)).await;
    let done = results.iter().filter(|result| result.is_ok()).count();
    for result in results {
        assert!(
            matches!(result, Ok(()) | Err(Error::Conflict(_))),
            "{result:?}"
        );
    }
    let stored = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!(stored.visits, done as u64);
    assert!(done >= 16, "most of them win within their attempts: {done}");
}

/// On a conflict, the failed write returns the item of the other writer: no second read.
#[tokio::test]
async fn an_update_retries_on_the_stored_state_without_a_second_read() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    let mut other = bench.store.load(session.id()).await.unwrap().unwrap();
    let store = bench.store.clone();
    bench.wire.clear();
    bench.wire.next(
        "UpdateItem",
        Fault::meanwhile(move || async move {
            other.visits = 10;
            store.save(&mut other).await.unwrap();
        }),
    );
    bench
        .store
        .update(session.id(), |app| app.visits += 1)
        .await
        .unwrap();
    assert_eq!(
        bench
            .store
            .load(session.id())
            .await
            .unwrap()
            .unwrap()
            .visits,
        11
    );
    assert_eq!(
        bench.wire.operations(),
        [
            "GetItem",
            "UpdateItem",
            "UpdateItem",
            "UpdateItem",
            "GetItem"
        ]
    );
}

#[tokio::test]
async fn an_update_that_others_always_overtake_says_how_often_it_tried() {
    let bench = TestBench::<App>::new().await;
    let session = bench.store.create(App::of("u-17")).await.unwrap();
    for _ in 0..40 {
        let (store, id) = (bench.store.clone(), session.id().clone());
        bench.wire.next(
            "UpdateItem",
            Fault::meanwhile(move || async move {
                let mut other = store.load(&id).await.unwrap().unwrap();
                other.visits += 1;
                store.save(&mut other).await.unwrap();
            }),
        );
        // The write of the other client itself.
        bench.wire.next("UpdateItem", Fault::meanwhile(|| async {}));
    }
    match bench
        .store
        .update(session.id(), |app| app.theme.push('x'))
        .await
    {
        Err(Error::Conflict(conflict)) => {
            assert_eq!(conflict.attempts(), 40);
            assert!(!conflict.outcome_unknown());
        }
        updated => panic!("{updated:?}"),
    }
    assert_eq!(
        bench.store.load(session.id()).await.unwrap().unwrap().theme,
        ""
    );
}

/// A change is stored even if another client stored the same value first, and a third one another value a
/// moment later.
#[tokio::test]
async fn a_change_survives_two_other_writers_of_which_one_stored_the_same_value() {
    let bench = TestBench::<Person>::new().await;
    let mut session = bench.store.create(Person::default()).await.unwrap();
    for first in ["Ada", "Eve"] {
        let (store, id) = (bench.store.clone(), session.id().clone());
        bench.wire.next(
            "UpdateItem",
            Fault::meanwhile(move || async move {
                let mut other = store.load(&id).await.unwrap().unwrap();
                other.first = first.into();
                store.save(&mut other).await.unwrap();
            }),
        );
        // The write of the other client itself.
        bench.wire.next("UpdateItem", Fault::meanwhile(|| async {}));
    }
    session.first = "Ada".into();
    session.last = "Lovelace".into();
    bench.store.save(&mut session).await.unwrap();
    assert_eq!(session.first, "Ada");
    let stored = bench.store.load(session.id()).await.unwrap().unwrap();
    assert_eq!((&*stored.first, &*stored.last), ("Ada", "Lovelace"));
}
