//! Histories of random requests. After each request, all items are compared as well.
//!
//! `SESSION_STORE_ENGINE_SEEDS` is the number of histories. `SESSION_STORE_ENGINE_SEED` runs only the history of that
//! seed, and prints it.

use std::collections::BTreeMap;

use serde_json::json;

use super::both::Both;
use super::known::known_difference;
use super::requests::Generator;

/// They take some four seconds in a debug build.
const HISTORIES: u64 = 40;

const REQUESTS: usize = 60;

#[tokio::test]
async fn both_engines_answer_alike() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let mut counts = Counts::new();
    if let Some(seed) = number("SESSION_STORE_ENGINE_SEED") {
        let history = history(seed, true, &mut counts).await;
        return history.unwrap_or_else(|difference| panic!("{difference}"));
    }
    let seeds = number("SESSION_STORE_ENGINE_SEEDS").unwrap_or(HISTORIES);
    let mut differences = Vec::new();
    for seed in 0..seeds {
        differences.extend(history(seed, false, &mut counts).await.err());
    }
    for ((operation, code), count) in counts {
        println!("{count:7} {operation} {code}");
    }
    assert!(
        differences.is_empty(),
        "{} of {seeds} histories differ; SESSION_STORE_ENGINE_SEED=.. prints one:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// How often each operation was carried out, or refused with a code, and each known difference was met.
type Counts = BTreeMap<(String, String), u32>;

/// Runs a history. It ends early at a known difference that the items show, too.
///
/// # Errors
///
/// A difference that is not known.
async fn history(seed: u64, prints: bool, counts: &mut Counts) -> Result<(), String> {
    let both = Both::new().await;
    let mut generator = Generator::new(seed);
    for step in 0..REQUESTS {
        let (operation, request) = generator.request();
        let [ours, theirs] = both.send(operation, &request);
        if prints {
            println!("{step} {operation} {request}\n   {ours:?}\n   {theirs:?}");
        }
        let differs = ours.differs(&theirs);
        let known = differs.then(|| known_difference(&ours, &theirs)).flatten();
        if differs && known.is_none() {
            return Err(format!(
                "seed {seed}, step {step}: {operation} {request}\n   ours:   {} {}\n   theirs: {} {}",
                ours.code, ours.body, theirs.code, theirs.body
            ));
        }
        let mut count = |what: &str, how: &str| {
            let key = (what.to_owned(), how.to_owned());
            *counts.entry(key).or_default() += 1;
        };
        if let Some(reason) = known {
            count("known", reason);
            // Only one engine may have stored the token, which the items do not show.
            if operation == "TransactWriteItems" {
                return Ok(());
            }
        }
        count(operation, &ours.code);
        for table in ["one", "two"] {
            let scan = json!({ "TableName": table, "ConsistentRead": true });
            let [ours, theirs] = both.send("Scan", &scan);
            match (ours == theirs, known) {
                (true, _) => {}
                (false, Some(_)) => return Ok(()),
                (false, None) => {
                    return Err(format!(
                        "seed {seed}, step {step}: items after {operation} {request}\n   ours:   {}\n   theirs: {}",
                        ours.body, theirs.body
                    ));
                }
            }
        }
    }
    Ok(())
}
