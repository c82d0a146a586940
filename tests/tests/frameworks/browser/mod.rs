//! Random histories of browsers with several tabs, slow pages, late and lost responses, foreign cookies,
//! deploys and faults of the store, on the layer for axum. [`model`] has the properties.
//!
//! `SESSION_STORE_BROWSERS` is the number of histories, and `SESSION_STORE_SEED` the first seed; a seed alone
//! runs one history. `SESSION_STORE_EXPLAIN` is the number of failures after which it stops; each is made
//! smaller, and those that are alike are shown once.

mod caches;
mod jar;
mod model;
mod plan;
mod replica;
mod setup;
mod shop;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use self::plan::Plan;
use self::world::{Bench, Outcome};

/// The largest number of runs to make a history smaller.
const REDUCTIONS: usize = 200;
/// As many failed histories are made smaller.
const EXPLAINED: u64 = 8;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_history_of_a_browser_loses_or_mistakes_its_user() {
    let seed = number("SESSION_STORE_SEED");
    let count = number("SESSION_STORE_BROWSERS");
    let first = seed.unwrap_or(0);
    let end = first + count.unwrap_or(if seed.is_some() { 1 } else { 200 });
    let explained = number("SESSION_STORE_EXPLAIN").unwrap_or(EXPLAINED);
    let next = AtomicU64::new(first);
    let failed = AtomicU64::new(0);
    // The smallest histories, by what is wrong.
    let found = Mutex::new(BTreeMap::<String, (usize, u64, String)>::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let bench = Bench::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= end || failed.load(Ordering::SeqCst) >= explained {
                        return;
                    }
                    let plan = Plan::of(seed);
                    let outcome = bench.run(&plan);
                    if outcome.violation.is_none() {
                        continue;
                    }
                    failed.fetch_add(1, Ordering::SeqCst);
                    let (plan, outcome) = reduced(&bench, plan, outcome);
                    let mut found = found.lock().unwrap();
                    let property = outcome.violation.as_ref().map_or("", |found| found.0);
                    let entry = found.entry(plan.shape(property));
                    let entry = entry.or_insert_with(|| (0, seed, explain(&plan, &outcome)));
                    entry.0 += 1;
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    if !found.is_empty() {
        let mut text = String::new();
        for (times, seed, explanation) in found.values() {
            let _ = writeln!(
                text,
                "\nSESSION_STORE_SEED={seed} ({times} times)\n{explanation}"
            );
        }
        let failed = failed.into_inner();
        panic!("{failed} histories failed:\n{text}");
    }
}

/// A smaller history that breaks the same property.
fn reduced(bench: &Bench, mut plan: Plan, mut outcome: Outcome) -> (Plan, Outcome) {
    let property = outcome.violation.as_ref().map(|(property, _)| *property);
    plan.events.truncate(outcome.events);
    let mut left = REDUCTIONS;
    'smaller: loop {
        for smaller in plan.smaller() {
            if left == 0 {
                break 'smaller;
            }
            left -= 1;
            let again = bench.run(&smaller);
            if again.violation.as_ref().map(|(property, _)| *property) == property {
                (plan, outcome) = (smaller, again);
                continue 'smaller;
            }
        }
        break;
    }
    (plan, outcome)
}

fn explain(plan: &Plan, outcome: &Outcome) -> String {
    let mut text = String::new();
    if let Some((property, what)) = &outcome.violation {
        let _ = writeln!(text, "{property}: {what}");
    }
    let _ = writeln!(text, "{plan}");
    for line in &outcome.trace {
        let _ = writeln!(text, "    {line}");
    }
    text
}
