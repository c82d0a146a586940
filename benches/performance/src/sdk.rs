//! The requests of the store, written by hand with the SDK alone.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::SystemTime;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};
use futures_util::future::join_all;

type Item = HashMap<String, AttributeValue>;

/// A client, and the table for its requests.
#[derive(Clone)]
pub(crate) struct Sdk {
    pub(crate) client: Client,
    pub(crate) table: String,
}

/// How long a session lives without a touch, in seconds.
const IDLE: u64 = 30 * 60;

/// How long it lives at most.
const ABSOLUTE: u64 = 12 * 60 * 60;

const DAY: u64 = 24 * 60 * 60;

/// The name of the session type.
const TYPE: &str = "Plain";

impl Sdk {
    pub(crate) async fn load(&self, key: Item) {
        let get = self.client.get_item().table_name(&self.table);
        let get = get.set_key(Some(key)).consistent_read(true);
        black_box(get.send().await.unwrap().item.unwrap());
    }

    pub(crate) async fn create(&self, item: Item) {
        let put = self.client.put_item().table_name(&self.table);
        let put = put
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#0)")
            .expression_attribute_names("#0", "id");
        black_box(put.send().await.unwrap());
    }

    /// Updates one field of an item with this version.
    pub(crate) async fn save(&self, key: Item, version: u64, visits: u64) {
        let now = now();
        let update = self.client.update_item().table_name(&self.table);
        let update = update
            .set_key(Some(key))
            .update_expression(
                "SET #1=#1+:1,#2[1]=#2[0],#2[2]=#2[1],#2[3]=#2[2],#2[0]=:0,#4=:2,#3=:9,#0.#7=:11",
            )
            .condition_expression(
                "attribute_not_exists(#5) AND NOT #4<=:5 AND #3>:6 AND NOT #6<:7 AND \
                 (attribute_type(#0,:3)) AND attribute_type(#1,:4) AND \
                 attribute_type(#2[3],:8) AND NOT contains(#2,:0) AND \
                 (NOT #4>:2 OR #3<=:9) AND #1<=:10",
            )
            .set_expression_attribute_names(Some(names([
                ("#0", "data"),
                ("#1", "version"),
                ("#2", "writes"),
                ("#3", "expires_at"),
                ("#4", "touched_at"),
                ("#5", "idle"),
                ("#6", "created_at"),
                ("#7", "visits"),
            ])))
            .set_expression_attribute_values(Some(values([
                (
                    ":0",
                    AttributeValue::B(Blob::new(fastrand::u64(..).to_be_bytes())),
                ),
                (":1", number(1)),
                (":2", number(now)),
                (":3", string("M")),
                (":4", string("N")),
                (":5", number(now - IDLE * 1000)),
                (":6", number(now / 1000)),
                (":7", number(first_creation(now))),
                (":8", string("B")),
                (":9", number(now.div_ceil(1000) + IDLE)),
                (":10", number(version + 4)),
                (":11", number(visits)),
            ])))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        black_box(update.send().await.unwrap());
    }

    pub(crate) async fn touch(&self, key: Item) {
        let now = now();
        let update = self.client.update_item().table_name(&self.table);
        let update = update
            .set_key(Some(key))
            .update_expression("SET #0=:0,#1=:1")
            .condition_expression(
                "attribute_not_exists(#4) AND NOT #0<=:5 AND #1>:6 AND NOT #5<:7 AND \
                 (attribute_type(#2,:2) OR attribute_type(#2,:3)) AND attribute_type(#3,:4) AND \
                 (NOT #0>:0 OR #1<=:1)",
            )
            .set_expression_attribute_names(Some(names([
                ("#0", "touched_at"),
                ("#1", "expires_at"),
                ("#2", "data"),
                ("#3", "version"),
                ("#4", "idle"),
                ("#5", "created_at"),
            ])))
            .set_expression_attribute_values(Some(values([
                (":0", number(now)),
                (":1", number(now.div_ceil(1000) + IDLE)),
                (":2", string("M")),
                (":3", string("B")),
                (":4", string("N")),
                (":5", number(now - IDLE * 1000)),
                (":6", number(now / 1000)),
                (":7", number(first_creation(now))),
            ])))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        black_box(update.send().await.unwrap());
    }

    /// Moves an item of this version from one key to another.
    pub(crate) async fn cycle_id(&self, from: Item, item: Item, version: u64) {
        let now = now();
        let mut mark = from;
        mark.extend([
            ("moved_to".to_owned(), item["id"].clone()),
            ("created_at".to_owned(), number(now)),
            ("expires_at".to_owned(), number(now / 1000 - DAY)),
            ("session_type".to_owned(), string(TYPE)),
        ]);
        let mark = Put::builder()
            .table_name(&self.table)
            .set_item(Some(mark))
            .condition_expression(
                "attribute_not_exists(#3) AND NOT #4<=:3 AND #2>:4 AND NOT #5<:5 AND \
                 (attribute_type(#0,:0) OR attribute_type(#0,:1)) AND attribute_type(#1,:2) AND \
                 #1=:6 AND (NOT #4>:7 OR #2<=:8)",
            )
            .set_expression_attribute_names(Some(names([
                ("#0", "data"),
                ("#1", "version"),
                ("#2", "expires_at"),
                ("#3", "idle"),
                ("#4", "touched_at"),
                ("#5", "created_at"),
            ])))
            .set_expression_attribute_values(Some(values([
                (":0", string("M")),
                (":1", string("B")),
                (":2", string("N")),
                (":3", number(now - IDLE * 1000)),
                (":4", number(now / 1000)),
                (":5", number(first_creation(now))),
                (":6", number(version)),
                (":7", number(now)),
                (":8", number(now.div_ceil(1000) + IDLE)),
            ])))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .unwrap();
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#0)")
            .expression_attribute_names("#0", "id")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .unwrap();
        let transaction = self.client.transact_write_items();
        let transaction = transaction
            .client_request_token(format!("{:032x}", fastrand::u128(..)))
            .transact_items(TransactWriteItem::builder().put(mark).build())
            .transact_items(TransactWriteItem::builder().put(put).build());
        black_box(transaction.send().await.unwrap());
    }

    pub(crate) async fn list(&self, user: &str) {
        let query = self.client.query().table_name(&self.table);
        let query = query
            .index_name("user_id-index")
            .key_condition_expression("#0=:0")
            .expression_attribute_names("#0", "user_id")
            .expression_attribute_values(":0", string(user))
            .scan_index_forward(false)
            .limit(100);
        let found = query.send().await.unwrap().items.unwrap();
        let keys = found
            .into_iter()
            .map(|mut found| key(found.remove("id").unwrap()));
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .projection_expression("#0,#1,#2,#3,#4,#5,#6,#7,#8")
            .set_expression_attribute_names(Some(names([
                ("#0", "id"),
                ("#1", "created_at"),
                ("#2", "session_type"),
                ("#3", "moved_to"),
                ("#4", "touched_at"),
                ("#5", "expires_at"),
                ("#6", "idle"),
                ("#7", "absolute"),
                ("#8", "user_id"),
            ])))
            .consistent_read(true)
            .build()
            .unwrap();
        let read = self
            .client
            .batch_get_item()
            .request_items(&self.table, wanted);
        black_box(read.send().await.unwrap().responses.unwrap());
    }

    pub(crate) async fn revoke(&self, user: &str) {
        let query = self.client.query().table_name(&self.table);
        let query = query
            .index_name("user_id-index")
            .key_condition_expression("#0=:0")
            .expression_attribute_names("#0", "user_id")
            .expression_attribute_values(":0", string(user))
            .scan_index_forward(false)
            .limit(1000);
        let found = query.send().await.unwrap().items.unwrap();
        let deletes = found.into_iter().map(|mut found| {
            let delete = self.client.delete_item().table_name(&self.table);
            delete
                .set_key(Some(key(found.remove("id").unwrap())))
                .return_values(ReturnValue::AllOld)
                .condition_expression("#0=:0 AND (attribute_not_exists(#1) OR #1=:1)")
                .set_expression_attribute_names(Some(names([
                    ("#0", "user_id"),
                    ("#1", "session_type"),
                ])))
                .set_expression_attribute_values(Some(values([
                    (":0", string(user)),
                    (":1", string(TYPE)),
                ])))
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                )
                .send()
        });
        for deleted in join_all(deletes).await {
            black_box(deleted.unwrap());
        }
    }

    pub(crate) async fn delete(&self, key: Item) {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete
            .set_key(Some(key))
            .return_values(ReturnValue::AllOld)
            .condition_expression(
                "attribute_not_exists(#0) AND (attribute_not_exists(#1) OR #1=:0)",
            )
            .set_expression_attribute_names(Some(names([
                ("#0", "moved_to"),
                ("#1", "session_type"),
            ])))
            .expression_attribute_values(":0", string(TYPE))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        black_box(delete.send().await.unwrap());
    }
}

pub(crate) fn key(id: AttributeValue) -> Item {
    Item::from([("id".to_owned(), id)])
}

fn names<const N: usize>(names: [(&str, &str); N]) -> HashMap<String, String> {
    let owned = |(placeholder, name): (&str, &str)| (placeholder.to_owned(), name.to_owned());
    names.into_iter().map(owned).collect()
}

fn values<const N: usize>(values: [(&str, AttributeValue); N]) -> Item {
    let owned = |(placeholder, value): (&str, _)| (placeholder.to_owned(), value);
    values.into_iter().map(owned).collect()
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The earliest time of creation of a session that is live.
fn first_creation(now: u64) -> u64 {
    (now / 1000 + 1 - ABSOLUTE) * 1000
}

fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    u64::try_from(since.as_millis()).unwrap()
}
