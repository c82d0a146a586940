//! Sessions by the thousand: copies of one that the store made, put beside it.

use std::ops::Range;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures_util::{StreamExt as _, stream};
use session_store_tests::{Bench, Item};

use crate::Kind;

/// DynamoDB's limit for one `BatchWriteItem`.
const BATCH: usize = 25;

/// How many of them are under way at once.
const IN_FLIGHT: usize = 16;

/// How many sessions each of the other users has.
const OF_EACH: usize = 10;

/// What copies are made of.
pub(crate) struct Copies {
    session: Item,
    created_at: u64,
    /// Of a consistent index.
    roster: Option<Item>,
}

impl Copies {
    /// Copies of a session that is created for this and ended again.
    pub(crate) async fn new<S: Kind>(bench: &Bench<S>) -> Self {
        let session = bench.store.create(S::new()).await.unwrap();
        let mut items = bench.items().await;
        for item in &items {
            bench.delete(item.clone()).await;
        }
        let key = AttributeValue::S(session.handle().to_string());
        let own = items.iter().position(|item| item["id"] == key).unwrap();
        let session = items.swap_remove(own);
        Self {
            created_at: session["created_at"].as_n().unwrap().parse().unwrap(),
            session,
            roster: items.pop(),
        }
    }

    /// Puts so many sessions of the user, created one a millisecond, into the table, and into a
    /// roster that holds no others.
    pub(crate) async fn put<S: Kind>(&self, bench: &Bench<S>, sessions: usize) {
        let copies: Vec<_> = (0..sessions).map(|i| self.copy(i)).collect();
        if let Some(mut roster) = self.roster.clone() {
            let entry = |copy: &Item| {
                let handle = copy["id"].as_s().unwrap().clone();
                (handle, copy["created_at"].clone())
            };
            let members = copies.iter().map(entry).collect();
            roster.insert("m".into(), AttributeValue::M(members));
            bench.put(roster).await;
        }
        put_all(bench, copies.into_iter()).await;
    }

    /// Puts these of the sessions of all other users into the table.
    pub(crate) async fn put_of_others<S: Kind>(&self, bench: &Bench<S>, sessions: Range<usize>) {
        let copies = sessions.map(|i| {
            let mut copy = self.copy(i);
            let user = AttributeValue::S(format!("other-{}", i / OF_EACH));
            copy.insert("user_id".into(), user.clone());
            if let Some(AttributeValue::M(data)) = copy.get_mut("data") {
                data.insert("user_id".into(), user);
            }
            copy
        });
        put_all(bench, copies).await;
    }

    fn copy(&self, i: usize) -> Item {
        let mut copy = self.session.clone();
        // As a handle is spelled: 42 characters of any kind, and one that ends in four zero bits.
        let handle: String = std::iter::repeat_with(fastrand::alphanumeric)
            .take(42)
            .chain(['A'])
            .collect();
        let created_at = self.created_at - i as u64;
        copy.insert("id".into(), AttributeValue::S(handle));
        copy.insert(
            "created_at".into(),
            AttributeValue::N(created_at.to_string()),
        );
        copy
    }
}

async fn put_all<S: Kind>(bench: &Bench<S>, items: impl Iterator<Item = Item>) {
    let put = |item| {
        let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    let batches = stream::iter(items.map(put)).chunks(BATCH);
    let written = batches.map(async |batch| {
        let write = bench.client.batch_write_item();
        let write = write.request_items(bench.store.table_name(), batch);
        let left = write.send().await.unwrap().unprocessed_items;
        assert!(left.is_none_or(|left| left.is_empty()));
    });
    written.buffer_unordered(IN_FLIGHT).count().await;
}
