//! The time of each operation of the store, compared with the same requests by the SDK alone and with those
//! of another store. The engine is another process, at the address in `SESSION_STORE_ENDPOINT`.
//!
//! ```sh
//! benches/performance/run time
//! ```

use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use session_store_benchmarks::codec::{self, FORMS, SIZES, Step};
use session_store_benchmarks::requests::{By, Lab, Operation};
use tokio::runtime::Builder;

#[allow(
    clippy::disallowed_methods,
    reason = "the benchmark measures the time that a caller waits"
)]
fn requests(criterion: &mut Criterion) {
    let endpoint = std::env::var("SESSION_STORE_ENDPOINT").expect("`run` starts the engine");
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let lab = runtime.block_on(Lab::at(&endpoint));
    for (name, operation) in [
        ("load", Operation::Load),
        ("save", Operation::Save),
        ("create", Operation::Create),
        ("cycle_id", Operation::CycleId),
        ("touch", Operation::Touch),
        ("list", Operation::List),
        ("revoke", Operation::Revoke),
        ("delete", Operation::Delete),
    ] {
        let mut group = criterion.benchmark_group(name);
        for (name, by) in [("store", By::Store), ("sdk", By::Sdk), ("peer", By::Peer)] {
            if runtime.block_on(lab.prepare(operation, by, 1)).is_none() {
                continue;
            }
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|times| {
                    let times = usize::try_from(times).unwrap();
                    let work = runtime.block_on(lab.prepare(operation, by, times)).unwrap();
                    let began = Instant::now();
                    runtime.block_on(work);
                    began.elapsed()
                });
            });
        }
        group.finish();
    }
}

fn steps(criterion: &mut Criterion) {
    for (name, step) in [
        ("encode", Step::Encode),
        ("decode", Step::Decode),
        ("delta", Step::Delta),
        ("size", Step::Size),
    ] {
        let mut group = criterion.benchmark_group(name);
        for bytes in SIZES {
            for (name, form) in FORMS {
                if codec::prepare(step, form, bytes).is_none() {
                    continue;
                }
                group.bench_function(format!("{name} {bytes}"), |bencher| {
                    let ready = || codec::prepare(step, form, bytes).unwrap();
                    bencher.iter_batched(ready, |work| work(), BatchSize::SmallInput);
                });
            }
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = requests, steps
}
criterion_main!(benches);
