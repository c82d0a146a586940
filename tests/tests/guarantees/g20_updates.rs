//! G20. An update can begin with a copy in memory, and what it does is decided by what is stored.

use std::fmt::Debug;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{Cache, DynamoDbStore, Error, Session, SessionAttributes, SessionData};
use session_store_tests::TestBench;

trait Shop: SessionData + Debug + Default + PartialEq {
    fn stock(&mut self) -> &mut u64;
    /// So that it is compressed.
    fn lengthen(&mut self);
    fn text(&mut self) -> &mut String;
}

types_in_every_format! {
    [idle_timeout = "30m", absolute_timeout = "12h"]
    {
        stock: u64,
        text: String,
    }
    Shop {
        fn stock(&mut self) -> &mut u64 {
            &mut self.stock
        }

        fn lengthen(&mut self) {
            self.text = "a text that has nothing to say ".repeat(30);
        }

        fn text(&mut self) -> &mut String {
            &mut self.text
        }
    }
}

in_every_format! {
    an_update_begins_with_the_copy
    an_update_whose_copy_is_behind_is_applied_to_what_is_stored
    what_an_update_leaves_alone_is_decided_by_what_is_stored
    an_update_of_a_session_that_others_have_ended_is_gone
    a_copy_that_is_too_large_refuses_nothing
}

/// A session with this stock, and two hosts with caches, of which the first has a copy.
async fn shop<S: Shop>(
    bench: &TestBench<S>,
    stock: u64,
) -> (Session<S>, DynamoDbStore<S>, DynamoDbStore<S>) {
    let host = async || {
        let builder = DynamoDbStore::builder().client(bench.store.client().clone());
        let builder = builder.table_name(bench.store.table_name());
        let cache = Cache::for_at_most(Duration::from_secs(5));
        builder.cache(cache).build().await.unwrap()
    };
    let (here, there) = (host().await, host().await);
    let mut shop = S::default();
    *shop.stock() = stock;
    shop.lengthen();
    let session = here.create(shop).await.unwrap();
    bench.wire.clear();
    (session, here, there)
}

async fn stored_stock<S: Shop>(bench: &TestBench<S>, session: &Session<S>) -> u64 {
    let stored = bench.store.load(session.id()).await.unwrap();
    *Session::into_data(stored.unwrap()).stock()
}

async fn stored_text<S: Shop>(bench: &TestBench<S>, session: &Session<S>) -> String {
    let stored = bench.store.load(session.id()).await.unwrap();
    Session::into_data(stored.unwrap()).text().clone()
}

mod check {
    use super::*;

    pub async fn an_update_begins_with_the_copy<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let (session, here, there) = shop(&bench, 3).await;
        for left in [2, 1] {
            let update = here.update(session.id(), |shop| {
                *shop.stock() -= 1;
                *shop.stock()
            });
            assert_eq!(update.await.unwrap(), left);
            assert_eq!(bench.wire.operations(), ["UpdateItem"]);
            bench.wire.clear();
        }
        there
            .update(session.id(), |shop| *shop.stock() -= 1)
            .await
            .unwrap();
        assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
        assert_eq!(stored_stock(&bench, &session).await, 0);
    }

    pub async fn an_update_whose_copy_is_behind_is_applied_to_what_is_stored<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let (session, here, there) = shop(&bench, 3).await;
        there
            .update(session.id(), |shop| *shop.stock() = 10)
            .await
            .unwrap();
        bench.wire.clear();
        let mut seen = Vec::new();
        let update = here.update(session.id(), |shop| {
            seen.push(*shop.stock());
            *shop.stock() -= 1;
        });
        update.await.unwrap();
        assert_eq!(seen, [3, 10]);
        assert_eq!(bench.wire.operations(), ["UpdateItem"; 2]);
        assert_eq!(stored_stock(&bench, &session).await, 9);
    }

    pub async fn what_an_update_leaves_alone_is_decided_by_what_is_stored<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let (session, here, there) = shop(&bench, 0).await;
        let restock = there.update(session.id(), |shop| *shop.stock() = 2);
        restock.await.unwrap();
        bench.wire.clear();
        // By the copy there is nothing to take, so that the closure writes nothing.
        let take = here.update(session.id(), |shop| {
            *shop.stock() = shop.stock().saturating_sub(1);
        });
        take.await.unwrap();
        assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
        assert_eq!(stored_stock(&bench, &session).await, 1);

        let (session, here, there) = shop(&bench, 0).await;
        let restock = there.update(session.id(), |shop| *shop.stock() = 2);
        restock.await.unwrap();
        bench.wire.clear();
        let buy = here.try_update(session.id(), |shop| match shop.stock().checked_sub(1) {
            Some(left) => {
                *shop.stock() = left;
                Ok(left)
            }
            None => Err("sold out"),
        });
        assert_eq!(buy.await.unwrap(), Ok(1));
        // What is stored can cancel it as well, and then nobody reads again.
        let (session, here, _) = shop(&bench, 0).await;
        let buy = here.try_update(session.id(), |_| Err::<(), _>("sold out"));
        assert_eq!(buy.await.unwrap(), Err("sold out"));
        assert_eq!(bench.wire.operations(), ["GetItem"]);
    }

    pub async fn an_update_of_a_session_that_others_have_ended_is_gone<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let (session, here, there) = shop(&bench, 1).await;
        there.delete(session.id()).await.unwrap();
        for change in [1, 0] {
            let update = here.update(session.id(), |shop| *shop.stock() += change);
            let updated = update.await;
            assert!(matches!(updated, Err(Error::Gone(_))), "{updated:?}");
        }
        assert_eq!(bench.item(session.handle()).await, None);
    }

    pub async fn a_copy_that_is_too_large_refuses_nothing<S: Shop>() {
        let bench = TestBench::<S>::new().await;
        let (session, here, there) = shop(&bench, 1).await;
        // Letters of chance, which are not compressed to much less.
        let letters = |count: usize| -> String {
            std::iter::repeat_with(fastrand::alphanumeric)
                .take(count)
                .collect()
        };
        let (large, more) = (letters(380_000), letters(30_000));
        let fill = here.update(session.id(), |shop| *shop.text() = large.clone());
        fill.await.unwrap();
        let empty = there.update(session.id(), |shop| shop.text().clear());
        empty.await.unwrap();
        let add = here.update(session.id(), |shop| shop.text().push_str(&more));
        add.await.unwrap();
        assert_eq!(stored_text(&bench, &session).await, more);
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "app", revoke_all)]
struct Revocable {
    stock: u64,
}

#[tokio::test]
async fn an_update_of_a_session_that_was_revoked_with_all_others_is_gone() {
    let bench = TestBench::<Revocable>::new().await;
    let builder = || {
        let builder = DynamoDbStore::builder().client(bench.store.client().clone());
        builder.table_name(bench.store.table_name())
    };
    let cache = Cache::for_at_most(Duration::from_secs(5));
    let here = builder().cache(cache).build().await.unwrap();
    let session = here.create(Revocable::default()).await.unwrap();
    bench.clock.advance(Duration::from_millis(1));
    let moment = session.created_at() + Duration::from_millis(1);
    bench.store.revoke_all_created_before(moment).await.unwrap();
    let updated = here.update(session.id(), |shop| shop.stock += 1).await;
    assert!(matches!(updated, Err(Error::Gone(_))), "{updated:?}");
}
