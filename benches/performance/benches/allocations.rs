//! What each operation of the store allocates, compared with the same requests by the SDK alone. The engine is another
//! process, at the address in `SESSION_STORE_ENDPOINT`.
//!
//! ```sh
//! benches/performance/run allocations
//! ```

use allocation_counter::measure;
use session_store_benchmarks::cached::{self, Cached};
use session_store_benchmarks::measured::Allocated;
use session_store_benchmarks::requests::{By, Lab, OPERATIONS, Work};
use tokio::runtime::{Builder, Runtime};

/// The number of runs of an operation while allocations are counted.
const TIMES: usize = 100;

/// The number of runs before that, which open the connections and fill the caches.
const WARM_UP: usize = 10;

fn main() {
    let endpoint = std::env::var("SESSION_STORE_ENDPOINT").expect("`run` starts the engine");
    // On this thread alone, which is the one that the allocator counts on.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let lab = runtime.block_on(Lab::at(&endpoint));
    for (operation, work) in OPERATIONS {
        for (by, subject) in [(By::Store, "store"), (By::Sdk, "sdk"), (By::Peer, "peer")] {
            count(&runtime, operation, subject, |times| {
                runtime.block_on(lab.prepare(work, by, times))
            });
        }
    }
    for (operation, read) in [
        ("cached_load", Cached::Load),
        ("cached_page", Cached::Page),
        ("cached_bare", Cached::BarePage),
    ] {
        count(&runtime, operation, "store", |times| {
            Some(runtime.block_on(cached::prepare(&endpoint, read, times)))
        });
    }
}

/// Prints the count, if the subject has the operation.
fn count(
    runtime: &Runtime,
    operation: &str,
    subject: &str,
    prepare: impl Fn(usize) -> Option<Work>,
) {
    let Some(warm_up) = prepare(WARM_UP) else {
        return;
    };
    runtime.block_on(warm_up);
    let mut work = prepare(TIMES);
    let counted = measure(|| {
        if let Some(work) = work.take() {
            runtime.block_on(work);
        }
    });
    let measured = Allocated {
        operation: operation.to_owned(),
        by: subject.to_owned(),
        count: counted.count_total as f64 / TIMES as f64,
        bytes: counted.bytes_total as f64 / TIMES as f64,
    };
    println!("{}", serde_json::to_string(&measured).unwrap());
}
