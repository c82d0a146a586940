//! Thousands of sessions: copies of one that the store made.

use std::ops::Range;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures_util::{StreamExt as _, stream};
use session_store_tests::{Item, TestBench};

use crate::{Kind, USER};

/// DynamoDB's limit for one `BatchWriteItem`.
const BATCH: usize = 25;

/// The number of batches in flight.
const IN_FLIGHT: usize = 16;

/// The number of sessions of each other user.
const OF_EACH: usize = 10;

/// The items to copy.
pub(crate) struct Copies {
    session: Item,
    created_at: u64,
    /// For a consistent index.
    roster: Option<Item>,
}

impl Copies {
    /// Copies a session that is created for this and then ended.
    pub(crate) async fn new<S: Kind>(bench: &TestBench<S>) -> Self {
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

    /// Puts this many sessions of the user into the table, with one millisecond between their times of
    /// creation, and into a roster that holds no others.
    pub(crate) async fn put<S: Kind>(&self, bench: &TestBench<S>, sessions: usize) {
        let copies = (0..sessions).map(|i| self.copy(i)).collect();
        put_all(bench, self.with_roster(copies, USER).into_iter()).await;
    }

    /// Puts these of the sessions of all other users into the table, whole users at a time.
    pub(crate) async fn put_of_others<S: Kind>(
        &self,
        bench: &TestBench<S>,
        sessions: Range<usize>,
    ) {
        let users = sessions.start / OF_EACH..sessions.end / OF_EACH;
        let items = users.flat_map(|user| {
            let user = format!("other-{user}");
            let value = AttributeValue::S(user.clone());
            let mut copies: Vec<_> = (0..OF_EACH).map(|i| self.copy(i)).collect();
            for copy in &mut copies {
                copy.insert("user_id".into(), value.clone());
                if let Some(AttributeValue::M(data)) = copy.get_mut("data") {
                    data.insert("user_id".into(), value.clone());
                }
            }
            self.with_roster(copies, &user)
        });
        put_all(bench, items).await;
    }

    /// The roster of a consistent index for these sessions, if there are any.
    fn with_roster(&self, mut copies: Vec<Item>, user: &str) -> Vec<Item> {
        if let Some(mut roster) = self.roster.clone()
            && !copies.is_empty()
        {
            let entry = |copy: &Item| {
                let handle = copy["id"].as_s().unwrap().clone();
                (handle, copy["created_at"].clone())
            };
            let members = copies.iter().map(entry).collect();
            let id = roster["id"].as_s().unwrap().replace(USER, user);
            roster.insert("id".into(), AttributeValue::S(id));
            roster.insert("m".into(), AttributeValue::M(members));
            copies.push(roster);
        }
        copies
    }

    fn copy(&self, i: usize) -> Item {
        let mut copy = self.session.clone();
        // The text of a handle: 42 characters of any kind, and one that ends in four zero bits.
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

async fn put_all<S: Kind>(bench: &TestBench<S>, items: impl Iterator<Item = Item>) {
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
