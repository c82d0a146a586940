//! Randomised histories: a few clients run random operations on a few sessions, while requests and
//! responses are lost, delayed, refused or interleaved. A simple model says what the guarantees G1 to G14,
//! G18 and G20 allow.
//!
//! `SESSION_STORE_HISTORIES` is the number of histories, and `SESSION_STORE_SEED` the first seed; a seed
//! alone runs one history. docs/histories.md has the rest.

mod binaries;
mod client;
mod model;
mod plan;
mod run;
mod versions;
mod wire;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::plan::Plan;
use crate::run::{Report, World};

/// The largest number of runs to make a history smaller.
const REDUCTIONS: usize = 600;

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is not a number: {value}")),
    )
}

#[test]
fn no_history_breaks_a_guarantee() {
    let (first, count) = match (
        number("SESSION_STORE_SEED"),
        number("SESSION_STORE_HISTORIES"),
    ) {
        (Some(seed), None) => (seed, 1),
        (seed, count) => (seed.unwrap_or(0), count.unwrap_or(200)),
    };
    let next = AtomicU64::new(first);
    let end = first + count;
    let threads = thread::available_parallelism()
        .map_or(1, |n| n.get() as u64)
        .min(count);
    let failed = thread::scope(|scope| {
        let work = || {
            let world = World::new();
            let mut requests = 0;
            loop {
                let seed = next.fetch_add(1, Ordering::SeqCst);
                if seed >= end {
                    return (None, requests);
                }
                let report = world.run(&Plan::of(seed));
                requests += report.requests;
                if let Some(violation) = report.violation {
                    println!(
                        "seed {seed} breaks {}: {}",
                        violation.guarantee, violation.what
                    );
                    next.store(end, Ordering::SeqCst);
                    return (Some(explain(&world, seed)), requests);
                }
            }
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ends: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        let requests: usize = ends.iter().map(|(_, requests)| requests).sum();
        println!("histories from seed {first}: up to {count}, {requests} requests");
        ends.into_iter().find_map(|(failed, _)| failed)
    });
    if let Some(report) = failed {
        panic!("{report}");
    }
}

/// The seed, the smallest history found that breaks the same guarantee, and its trace.
fn explain(world: &World, seed: u64) -> String {
    let mut plan = Plan::of(seed);
    let first = world.run(&plan);
    let Some(violation) = &first.violation else {
        return format!(
            "seed {seed} failed once, but not again: something does not follow from the seed"
        );
    };
    let guarantee = violation.guarantee;
    let fails = |report: &Report| {
        report
            .violation
            .as_ref()
            .is_some_and(|violation| violation.guarantee == guarantee)
    };
    let mut left = REDUCTIONS;
    'smaller: loop {
        for smaller in plan.smaller() {
            if left == 0 {
                break 'smaller;
            }
            left -= 1;
            if fails(&world.run(&smaller)) {
                plan = smaller;
                continue 'smaller;
            }
        }
        break;
    }
    let last = world.run(&plan);
    let violation = last.violation.unwrap_or_else(|| violation.clone());
    let mut text = format!("{}: {}\n", violation.guarantee, violation.what);
    let _ = writeln!(
        text,
        "SESSION_STORE_SEED={seed} repeats it: {} steps made {} with {} faults",
        Plan::of(seed).steps.len(),
        plan.steps.len(),
        plan.faults()
    );
    let _ = writeln!(text, "\n{plan}");
    for line in last.trace {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// The output of a failure is useful only if its seed repeats it.
#[test]
fn a_seed_gives_the_same_history_each_time() {
    let (one, other) = (World::new(), World::new());
    for seed in 0..40 {
        let plan = Plan::of(seed);
        let first = one.run(&plan).trace;
        for (world, which) in [(&one, "the same"), (&other, "another")] {
            let again = world.run(&plan).trace;
            let differs = first.iter().zip(&again).position(|(a, b)| a != b);
            let line = differs.unwrap_or(first.len().min(again.len()));
            assert!(
                first == again,
                "seed {seed} differs in {which} world at line {line}:\n{:#?}\n{:#?}",
                &first[line.saturating_sub(6)..(line + 6).min(first.len())],
                &again[line.saturating_sub(6)..(line + 6).min(again.len())],
            );
        }
    }
}
