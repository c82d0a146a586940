//! What the embedded engine does otherwise than DynamoDB, as its docs list it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType, TableDescription, TableStatus, TransactWriteItem, Update,
};
use futures_util::future::try_join_all;
use session_store::DynamoDbStore;
use session_store::embedded::Embedded;
use session_store::test_util::Clock;

use crate::App;

/// The lines of the list, each with its test.
const LIST: [(&str, &str); 8] = [
    ("Its clock is", "its_clock_is_that_of_the_client"),
    (
        "It never throttles",
        "it_never_throttles_and_no_two_transactions_conflict",
    ),
    ("Indexes are always", "indexes_are_always_up_to_date"),
    (
        "A table or an index",
        "a_table_can_be_used_as_soon_as_it_is_made",
    ),
    (
        "It does not check",
        "signatures_and_regions_are_not_checked",
    ),
    ("Reserved words", "reserved_words_are_accepted"),
    ("An expired item stays", "an_expired_item_stays_in_memory"),
    ("Of DynamoDB's operations", "other_operations_are_refused"),
];

#[test]
fn each_line_of_the_docs_has_its_test() {
    let docs = include_str!("../../../session-store/src/embedded/mod.rs");
    let lines: Vec<_> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("//! - "))
        .collect();
    assert_eq!(lines.len(), LIST.len(), "{lines:#?}");
    let tests = include_str!("differences.rs");
    for (line, (begins, test)) in lines.iter().zip(LIST) {
        assert!(line.starts_with(begins), "{line}");
        assert!(tests.contains(&format!("async fn {test}()")), "{test}");
    }
}

async fn on(client: Client) -> DynamoDbStore<App> {
    let store = DynamoDbStore::<App>::builder().client(client);
    let store = store.build().await.unwrap();
    store.create_table().await.unwrap();
    store
}

#[tokio::test]
async fn its_clock_is_that_of_the_client() {
    let embedded = Embedded::memory().await.unwrap();
    let clock = Clock::default();
    clock.set(1_500_000_000_000);
    let config = embedded.config().time_source(clock.clone()).build();
    let client = Client::from_conf(config);
    let store = on(client.clone()).await;
    let table = client.describe_table().table_name(store.table_name());
    let table = table.send().await.unwrap().table.unwrap();
    let created = SystemTime::try_from(table.creation_date_time.unwrap()).unwrap();
    assert_eq!(created, clock.now());
    assert_eq!(created, UNIX_EPOCH + Duration::from_secs(1_500_000_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_never_throttles_and_no_two_transactions_conflict() {
    let embedded = Embedded::memory().await.unwrap();
    let client = embedded.client();
    let store = on(client.clone()).await;
    let count = || async {
        let update = Update::builder()
            .table_name(store.table_name())
            .key("id", AttributeValue::S("hot".to_owned()))
            .update_expression("ADD seen :one")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        let update = TransactWriteItem::builder().update(update.build().unwrap());
        let once = client.transact_write_items().transact_items(update.build());
        once.send().await
    };
    try_join_all((0..2_000).map(|_| count())).await.unwrap();
    let get = client.get_item().table_name(store.table_name());
    let get = get.key("id", AttributeValue::S("hot".to_owned()));
    let item = get.send().await.unwrap().item.unwrap();
    assert_eq!(item["seen"], AttributeValue::N("2000".to_owned()));
}

#[tokio::test]
async fn indexes_are_always_up_to_date() {
    let store = on(Embedded::memory().await.unwrap().client()).await;
    for sessions in 1..=50 {
        store.create(App::of("u-17")).await.unwrap();
        let listed = store.sessions(App::USER_ID, "u-17").count().await.unwrap();
        assert_eq!(listed, sessions);
    }
}

#[tokio::test]
async fn a_table_can_be_used_as_soon_as_it_is_made() {
    let client = Embedded::memory().await.unwrap().client();
    let create = client
        .create_table()
        .table_name("new")
        .billing_mode(BillingMode::PayPerRequest);
    let id = AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder()
        .attribute_name("id")
        .key_type(KeyType::Hash);
    create
        .attribute_definitions(id.build().unwrap())
        .key_schema(key.build().unwrap())
        .send()
        .await
        .unwrap();
    let table = describe(&client, "new").await;
    assert_eq!(table.table_status, Some(TableStatus::Active));
    let put = client.put_item().table_name("new");
    put.item("id", AttributeValue::S("one".to_owned()))
        .send()
        .await
        .unwrap();
}

async fn describe(client: &Client, table: &str) -> TableDescription {
    let table = client.describe_table().table_name(table).send().await;
    table.unwrap().table.unwrap()
}

#[tokio::test]
async fn signatures_and_regions_are_not_checked() {
    let embedded = Embedded::memory().await.unwrap();
    let store = on(embedded.client()).await;
    let nobody = Credentials::new("nobody", "wrong", None, None, "test");
    let elsewhere = embedded
        .config()
        .region(Region::new("mars-north-1"))
        .credentials_provider(nobody);
    let client = Client::from_conf(elsewhere.build());
    assert!(
        describe(&client, store.table_name())
            .await
            .table_arn
            .is_some()
    );
}

#[tokio::test]
async fn reserved_words_are_accepted() {
    let client = Embedded::memory().await.unwrap().client();
    let store = on(client.clone()).await;
    let update = client
        .update_item()
        .table_name(store.table_name())
        .key("id", AttributeValue::S("one".to_owned()))
        .update_expression("SET status = :new")
        .expression_attribute_values(":new", AttributeValue::S("new".to_owned()));
    update.send().await.unwrap();
}

#[tokio::test]
async fn an_expired_item_stays_in_memory() {
    let embedded = Embedded::memory().await.unwrap();
    let clock = Clock::default();
    let client = Client::from_conf(embedded.config().time_source(clock.clone()).build());
    let store = on(client.clone()).await;
    let session = store.create(App::of("u-17")).await.unwrap();
    clock.advance(Duration::from_secs(365 * 24 * 3600));
    store.create(App::of("u-18")).await.unwrap();
    let items = client.scan().table_name(store.table_name()).send().await;
    assert_eq!(items.unwrap().count, 2);
    assert!(store.load(session.id()).await.unwrap().is_none());
}

#[tokio::test]
async fn other_operations_are_refused() {
    let client = Embedded::memory().await.unwrap().client();
    let refused = |error: String| assert!(error.contains("UnknownOperation"), "{error}");
    let backups = client.list_backups().send().await;
    refused(format!("{:?}", backups.unwrap_err()));
    let statement = client.execute_statement().statement("SELECT * FROM t");
    refused(format!("{:?}", statement.send().await.unwrap_err()));
    let stream = client
        .describe_kinesis_streaming_destination()
        .table_name("t");
    refused(format!("{:?}", stream.send().await.unwrap_err()));
}
