//! Runs the faults of earlier stores on each way to use this one. The table in `docs/conformance.md` has the
//! results.

use session_store_tests::conformance::{Actix, NoPass, Ours, Subject, Tower, Typed, outcomes};

#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// This store does not clean up, since TTL does.
const NOT_APPLICABLE: [&str; 2] = [
    "clean-up deletes an item that is not a session",
    "clean-up deletes a session that was renewed meanwhile",
];

async fn faults<S: Subject>() -> Vec<&'static str> {
    let outcomes = outcomes::<S>().await;
    assert_eq!(outcomes.len(), 36);
    let (mut failed, mut not_applicable) = (Vec::new(), Vec::new());
    for (fault, outcome) in outcomes {
        match outcome {
            Ok(()) => {}
            Err(NoPass::DoesNotApply(_)) => not_applicable.push(fault),
            Err(NoPass::Fails(wrong)) => {
                println!("{fault}: {wrong}");
                failed.push(fault);
            }
        }
    }
    assert_eq!(not_applicable, NOT_APPLICABLE);
    failed
}

/// A number of DynamoDB has no sign of zero, and does not tell 2.0 from 2.
const OF_DYNAMODB: [&str; 2] = [
    "-0.0 comes back as 0.0",
    "2.0 in a `serde_json::Value` comes back as 2",
];

#[tokio::test]
async fn the_typed_store_has_only_the_faults_of_dynamodb() {
    assert_eq!(faults::<Typed>().await, OF_DYNAMODB);
}

/// The framework deletes the old session before it creates the new one, and forgets an id that its load did
/// not find. No store behind its trait can repair that. A session that cannot be decoded counts as not found.
const OF_THE_FRAMEWORK: [&str; 3] = [
    "the old session is deleted before the new id is stored",
    "a log-out after a read that missed the session leaves it",
    "a log-out of a session that cannot be decoded leaves it",
];

fn behind_a_framework() -> Vec<&'static str> {
    let [rotation, log_outs @ ..] = OF_THE_FRAMEWORK;
    [&[rotation][..], &OF_DYNAMODB, &log_outs].concat()
}

#[tokio::test]
async fn tower_sessions_adds_only_the_faults_of_the_framework() {
    assert_eq!(faults::<Tower<Ours>>().await, behind_a_framework());
}

#[tokio::test]
async fn actix_session_adds_only_the_faults_of_the_framework() {
    assert_eq!(faults::<Actix>().await, behind_a_framework());
}
