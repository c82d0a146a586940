//! The time of each operation of the store, compared with the same requests by the SDK alone, in pairs. The engine is
//! another process, at the address in `SESSION_STORE_ENDPOINT`.
//!
//! ```sh
//! benches/performance/run time
//! ```
//!
//! Two of the one and two of the other follow each other at once, as A B B A or as B A A B by chance: so a machine that
//! becomes slower, and a place in the order that is slower, cost both the same. The quotients of these groups are what is
//! compared. `SESSION_STORE_PAIRS` says how many there are.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use session_store_benchmarks::measured::{Compared, Pairs};
use session_store_benchmarks::requests::{By, Lab, OPERATIONS, Operation, Work};
use session_store_benchmarks::stats::Median;
use tokio::runtime::{Builder, Runtime};

/// The number of pairs before those that count, which open the connections and fill the caches.
const WARM_UP: usize = 50;

fn main() {
    let endpoint = std::env::var("SESSION_STORE_ENDPOINT").expect("`run` starts the engine");
    let pairs = match std::env::var("SESSION_STORE_PAIRS") {
        Ok(pairs) => pairs.parse().expect("SESSION_STORE_PAIRS is a number"),
        Err(_) => 500,
    };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let lab = runtime.block_on(Lab::at(&endpoint));
    let bench = Bench {
        runtime,
        lab,
        pairs,
    };
    // Shows what the method cannot tell apart: both are the same.
    bench.measure(Operation::Load, "load", By::Sdk, "control");
    for (name, operation) in OPERATIONS {
        if matches!(operation, Operation::List | Operation::Revoke) {
            continue; // several requests, that can overlap
        }
        bench.measure(operation, name, By::Store, "store");
        bench.measure(operation, name, By::Peer, "peer");
    }
}

struct Bench {
    runtime: Runtime,
    lab: Lab,
    pairs: usize,
}

/// The time of some runs.
#[derive(Clone, Copy, Default)]
struct Took {
    cpu: Duration,
    wall: Duration,
}

impl Bench {
    /// Prints the comparison, if the subject has this operation.
    fn measure(&self, operation: Operation, name: &str, by: By, subject: &str) {
        if self.prepare(operation, by).is_none() {
            return;
        }
        let mut pairs = Vec::new();
        for _ in 0..WARM_UP + self.pairs {
            pairs.push(self.pair(operation, by));
        }
        pairs.drain(..WARM_UP);
        let measured = Pairs {
            operation: name.to_owned(),
            by: subject.to_owned(),
            pairs: pairs.len(),
            cpu: compared(&pairs, |took| took.cpu),
            wall: compared(&pairs, |took| took.wall),
        };
        println!("{}", serde_json::to_string(&measured).unwrap());
    }

    /// The subject, and the SDK alone, two runs of each.
    fn pair(&self, operation: Operation, by: By) -> [Took; 2] {
        let order = match fastrand::bool() {
            true => [0, 1, 1, 0],
            false => [1, 0, 0, 1],
        };
        let works = order.map(|own| self.prepare(operation, [by, By::Sdk][own]).unwrap());
        // The first request after the preparation is slower, whichever it is.
        self.time(self.prepare(Operation::Load, By::Sdk).unwrap());
        let mut sums = [Took::default(); 2];
        for (own, work) in order.into_iter().zip(works) {
            let took = self.time(work);
            sums[own].cpu += took.cpu;
            sums[own].wall += took.wall;
        }
        sums
    }

    fn prepare(&self, operation: Operation, by: By) -> Option<Work> {
        self.runtime.block_on(self.lab.prepare(operation, by, 1))
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the benchmark measures the time that a caller waits"
    )]
    fn time(&self, work: Work) -> Took {
        let (cpu, wall) = (cpu_time(), Instant::now());
        self.runtime.block_on(work);
        Took {
            wall: wall.elapsed(),
            cpu: cpu_time() - cpu,
        }
    }
}

/// The time that this process has had, in user and system mode.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.try_into().expect("it does not begin before zero")
}

fn compared(pairs: &[[Took; 2]], time: impl Fn(&Took) -> Duration) -> Compared {
    let micros = |own: usize| {
        let times = pairs
            .iter()
            .map(|pair| time(&pair[own]).as_secs_f64() * 1e6 / 2.0);
        Median::of(times.collect()).middle
    };
    let ratios = pairs
        .iter()
        .map(|[subject, sdk]| time(subject).div_duration_f64(time(sdk)));
    Compared {
        ratio: Median::of(ratios.collect()),
        micros: micros(0),
        sdk_micros: micros(1),
    }
}
