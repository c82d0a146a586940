//! Runs the same cases on this session store and on another one, and prints the results in Markdown: the
//! table in `docs/conformance.md`.

use session_store_tests::TestBench;
use session_store_tests::conformance::{Actix, Make, Ours, Outcome, Tower, Typed, Web, outcomes};
use tower_sessions_dynamodb_store::{DynamoDBStore, DynamoDBStoreKey, DynamoDBStoreProps};

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
}

#[tokio::main]
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
        Err(wrong) => format!("**fails**: {}", wrong.replace('|', "/")),
    }
}
