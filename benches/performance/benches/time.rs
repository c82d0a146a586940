//! The time of each operation of the store, compared with the same requests by the SDK alone, in pairs. The engine is
//! another process, at the address in `SESSION_STORE_ENDPOINT`.
//!
//! ```sh
//! benches/performance/run time
//! ```
//!
//! One and the other follow each other at once, in an order of chance, so that a machine that becomes slower makes both
//! slower. The quotients of the pairs are what is compared. `SESSION_STORE_PAIRS` says how many there are.

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

/// The time of one run.
#[derive(Clone, Copy)]
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

    /// The subject, and the SDK alone.
    fn pair(&self, operation: Operation, by: By) -> [Took; 2] {
        let [subject, sdk] = [by, By::Sdk].map(|by| self.prepare(operation, by).unwrap());
        if fastrand::bool() {
            let subject = self.time(subject);
            [subject, self.time(sdk)]
        } else {
            let sdk = self.time(sdk);
            [self.time(subject), sdk]
        }
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
            .map(|pair| time(&pair[own]).as_secs_f64() * 1e6);
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
