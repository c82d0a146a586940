//! Histories of deploys: the clients run two versions of one type, one after the other, both at once, and
//! back again. A model says what each version promises of the sessions that it and others have written.
//!
//! `SESSION_STORE_DEPLOYS` is the number of histories, and `SESSION_STORE_DEPLOY_SEED` the first seed; a
//! seed alone runs one history. With `SESSION_STORE_DEPLOY_KEEP_ON`, failures are printed, and the others
//! still run. docs/histories.md has the rest.

mod model;
mod plan;
mod program;
mod run;
mod spec;
mod types;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use session_store_tests::endpoint;
use tokio::runtime::{Builder, Runtime};

use self::plan::Plan;
use self::run::{Report, run};
use crate::number;

/// The largest number of runs to make a history smaller.
const REDUCTIONS: usize = 600;

/// How often a smaller history is tried: in some, a handle decides, and handles are random.
const TRIES: usize = 3;

fn runtime() -> Runtime {
    let builder = &mut Builder::new_current_thread();
    let builder = builder.enable_all().start_paused(true);
    builder.build().expect("a runtime")
}

#[test]
fn no_deploy_breaks_a_promise() {
    let (first, count) = match (
        number("SESSION_STORE_DEPLOY_SEED"),
        number("SESSION_STORE_DEPLOYS"),
    ) {
        (Some(seed), None) => (seed, 1),
        (seed, count) => (seed.unwrap_or(0), count.unwrap_or(100)),
    };
    let keeps_on = number("SESSION_STORE_DEPLOY_KEEP_ON").is_some();
    let next = AtomicU64::new(first);
    let end = first + count;
    let threads = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let failed = thread::scope(|scope| {
        let work = || {
            let runtime = runtime();
            let mut steps = 0;
            loop {
                let seed = next.fetch_add(1, Ordering::SeqCst);
                if seed >= end {
                    return (None, steps);
                }
                let plan = Plan::of(seed);
                // DynamoDB Local sometimes never finishes a new index: see live_index.rs.
                if endpoint().is_some() && plan.adds_an_index() {
                    continue;
                }
                let report = runtime.block_on(run(&plan));
                steps += report.steps;
                if let Some(violation) = &report.violation {
                    let (guarantee, what) = (violation.guarantee, &violation.what);
                    println!("seed {seed} breaks {guarantee}: {what}");
                    if !keeps_on {
                        next.store(end, Ordering::SeqCst);
                        return (Some(explain(&runtime, seed, &report)), steps);
                    }
                }
            }
        };
        let threads: Vec<_> = (0..threads.min(count)).map(|_| scope.spawn(work)).collect();
        let ends: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().expect("a history does not panic"))
            .collect();
        let steps: usize = ends.iter().map(|(_, steps)| steps).sum();
        println!("deploys from seed {first}: up to {count}, {steps} steps");
        ends.into_iter().find_map(|(failed, _)| failed)
    });
    if let Some(report) = failed {
        panic!("{report}");
    }
}

/// The seed, the smallest history found that breaks the same guarantee, and its trace.
fn explain(runtime: &Runtime, seed: u64, first: &Report) -> String {
    let fails = |plan: &Plan, guarantee: Option<&str>| {
        let again = || runtime.block_on(run(plan));
        let is_same = |report: &Report| {
            let broken = report.violation.as_ref();
            broken.is_some_and(|it| guarantee.is_none_or(|guarantee| it.guarantee == guarantee))
        };
        (0..TRIES).map(|_| again()).find(is_same)
    };
    let mut plan = Plan::of(seed);
    let Some(mut last) = fails(&plan, None) else {
        let plan = Plan::of(seed);
        return format!(
            "seed {seed} failed once, but not again: its handles decide\n\n{plan}{}",
            first.trace.join("\n")
        );
    };
    let guarantee = last.violation.as_ref().map(|it| it.guarantee);
    let mut left = REDUCTIONS;
    'smaller: loop {
        for smaller in plan.smaller() {
            if left == 0 {
                break 'smaller;
            }
            left -= 1;
            if let Some(report) = fails(&smaller, guarantee) {
                (plan, last) = (smaller, report);
                continue 'smaller;
            }
        }
        break;
    }
    let mut text = String::new();
    if let Some(violation) = last.violation {
        let _ = writeln!(text, "{}: {}", violation.guarantee, violation.what);
    }
    let _ = writeln!(
        text,
        "SESSION_STORE_DEPLOY_SEED={seed} repeats it: {} steps made {} with {} faults",
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
