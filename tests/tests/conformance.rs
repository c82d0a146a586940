//! Runs the faults of earlier stores on each way to use this one. The table in `docs/conformance.md` has the
//! results.

use session_store_tests::conformance::{Actix, Ours, Subject, Tower, Typed, outcomes};

async fn faults<S: Subject>() -> Vec<&'static str> {
    let outcomes = outcomes::<S>().await;
    assert_eq!(outcomes.len(), 16);
    let failed = outcomes.into_iter().filter_map(|(fault, outcome)| {
        let wrong = outcome.err()?;
        println!("{fault}: {wrong}");
        Some(fault)
    });
    failed.collect()
}

#[tokio::test]
async fn the_typed_store_has_no_fault() {
    assert!(faults::<Typed>().await.is_empty());
}

/// The framework deletes the old session before it creates the new one. No store behind its trait can
/// repair that.
const OF_THE_FRAMEWORK: [&str; 1] = ["the old session is deleted before the new id is stored"];

#[tokio::test]
async fn tower_sessions_has_only_the_fault_of_the_framework() {
    assert_eq!(faults::<Tower<Ours>>().await, OF_THE_FRAMEWORK);
}

#[tokio::test]
async fn actix_session_has_only_the_fault_of_the_framework() {
    assert_eq!(faults::<Actix>().await, OF_THE_FRAMEWORK);
}
