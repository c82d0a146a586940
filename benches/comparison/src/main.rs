//! Runs the same cases on this session store and on another one, and prints the results in Markdown: the
//! table in `docs/conformance.md`.

use peak_alloc::PeakAlloc;
use session_store_tests::conformance::{
    Actix, Make, NoPass, Ours, Outcome, Tower, Typed, Web, outcomes,
};
use session_store_tests::{Item, TestBench, chain};
use tower_sessions_core::ExpiredDeletion;
use tower_sessions_dynamodb_store::aws_sdk_dynamodb::primitives::Blob;
use tower_sessions_dynamodb_store::aws_sdk_dynamodb::types::AttributeValue;
use tower_sessions_dynamodb_store::{DynamoDBStore, DynamoDBStoreKey, DynamoDBStoreProps};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Makes a store of tower-sessions-dynamodb-store, on a table with the names of this store.
struct Theirs;

impl Make for Theirs {
    type Store = DynamoDBStore;

    fn make(bench: &TestBench<Web>) -> DynamoDBStore {
        let partition_key = DynamoDBStoreKey {
            name: "id".to_owned(),
            ..DynamoDBStoreKey::default()
        };
        let props = DynamoDBStoreProps {
            table_name: bench.store.table_name().to_owned(),
            partition_key,
            expirey_name: "expires_at".to_owned(),
            ..DynamoDBStoreProps::default()
        };
        DynamoDBStore::new(bench.store.client().clone(), props)
    }

    type Other = DynamoDBStore;

    /// The default prefix of the key is the same for all applications.
    async fn other(bench: &TestBench<Web>) -> DynamoDBStore {
        Self::make(bench)
    }

    async fn clean_up(store: &DynamoDBStore) -> Option<Result<(), String>> {
        let cleaned = store.delete_expired().await;
        Some(cleaned.map_err(|error| chain(&error)))
    }

    /// Records in MessagePack: as many values as an item can have, a length that is not there, and lists in
    /// lists.
    fn hostile(item: &Item) -> Vec<Item> {
        let stored = item["data"].as_b().expect("a record is packed").as_ref();
        // An array of the id (16 bytes), the map, which is empty, and the expiry.
        let (id, rest) = stored.split_at(19);
        assert_eq!(rest[0], 0x80, "the map of a new session is empty");
        let record = |value: &[u8]| {
            let bytes = [id, b"\x81\xa4cart", value, &rest[1..]].concat();
            let mut item = item.clone();
            item.insert("data".into(), AttributeValue::B(Blob::new(bytes)));
            item
        };
        let list = |length: u32| [&[0xdd][..], &length.to_be_bytes()].concat();
        let zeros = [list(400_000), vec![0; 400_000]].concat();
        let maps = [list(400_000), vec![0x80; 400_000]].concat();
        let nested = vec![0x91; 400_000];
        vec![
            record(&zeros),
            record(&maps),
            record(&list(u32::MAX)),
            record(&nested),
        ]
    }
}

/// One thread, because a case collects the log of its thread.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let columns = [
        outcomes::<Typed>().await,
        outcomes::<Tower<Ours>>().await,
        outcomes::<Actix>().await,
        outcomes::<Tower<Theirs>>().await,
    ];
    println!(
        "| fault | session-store | behind tower-sessions | behind actix-session | tower-sessions-dynamodb-store 0.3 |"
    );
    println!("|---|---|---|---|---|");
    for (row, (fault, _)) in columns[0].iter().enumerate() {
        let shown = columns.iter().map(|column| shown(&column[row].1));
        println!("| {fault} | {} |", shown.collect::<Vec<_>>().join(" | "));
    }
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Ok(()) => "passes".to_owned(),
        Err(NoPass::Fails(wrong)) => format!("**fails**: {}", wrong.replace('|', "/")),
        Err(NoPass::DoesNotApply(reason)) => format!("does not apply: {reason}"),
    }
}
