//! The cost of operations with many sessions: requests, capacity units, time and memory. It prints the
//! tables of docs/scale.md, which explains them, and writes the plots in docs/scale.
//!
//! ```sh
//! cargo bench -p session-store-tests --bench scale
//! tests/with-dynamodb-local cargo bench -p session-store-tests --bench scale
//! ```
//!
//! One more argument, `revoke`, `revoke-consistent`, `log-in`, `user`, `table` or `caches`, chooses a part.
//! `SESSION_STORE_SCALE=1000000` makes the largest table ten times as large. `SESSION_STORE_VIEWS` is the number of
//! requests to hosts with caches, a million unless it says otherwise.

mod caches;
mod copies;
mod growth;
mod histogram;
mod lab;
mod plot;

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_store::{DynamoDbStore, Index, SessionAttributes};

use crate::copies::Copies;
use crate::lab::{Lab, Measured, heading, kilobytes, row, thousands, time, timed};

/// Counts the allocations, those of the embedded engine too.
#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// The user whose sessions are listed and revoked.
const USER: &str = "u-17";

/// A session whose user has one kind of index or the other.
trait Kind: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    const NAME: &str;
    const INDEX: Index<Self, String>;

    /// A session of [`USER`].
    fn new() -> Self;

    /// A field to change.
    fn theme(&mut self) -> &mut String;
}

#[derive(Clone, Debug, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "scale", idle_timeout = "12h", absolute_timeout = "7d")]
struct Plain {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    theme: String,
}

impl Kind for Plain {
    const NAME: &str = "default";
    const INDEX: Index<Self, String> = Self::USER_ID;

    fn new() -> Self {
        Self {
            user_id: Some(USER.into()),
            theme: "dark".into(),
        }
    }

    fn theme(&mut self) -> &mut String {
        &mut self.theme
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "scale", idle_timeout = "12h", absolute_timeout = "7d")]
struct Exact {
    #[dynamo(attr = "user_id", index(consistent))]
    user_id: Option<String>,
    theme: String,
}

impl Kind for Exact {
    const NAME: &str = "consistent";
    const INDEX: Index<Self, String> = Self::USER_ID;

    fn new() -> Self {
        Self {
            user_id: Some(USER.into()),
            theme: "dark".into(),
        }
    }

    fn theme(&mut self) -> &mut String {
        &mut self.theme
    }
}

/// The largest number of sessions of one value in a consistent index.
const MOST: usize = session_store::Attribute::MAX_LIMIT as usize;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Without this argument, Cargo runs it as a test, in a build that takes ten times as long.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    match session_store_tests::endpoint() {
        Some(endpoint) => println!("Engine at {endpoint}"),
        None => println!("Embedded engine"),
    }
    let waits = async {
        for _ in 0..200 {
            tokio::time::sleep(lab::DISTANCE).await;
        }
    };
    let waited = timed(waits).await.1 / 200;
    println!("5 ms away is {} by this machine's timer", time(waited));
    let mut arguments = std::env::args().skip(1);
    let only = arguments.find(|argument| !argument.starts_with("--"));
    let wanted = |part| only.as_deref().is_none_or(|only| only == part);
    if wanted("revoke") {
        revoke::<Plain>(10_000, Compared::WithOneByOne).await;
    }
    if wanted("revoke-consistent") {
        revoke::<Exact>(1_000, Compared::WithOneByOne).await;
        revoke::<Exact>(MOST, Compared::WithNothing).await;
    }
    if wanted("log-in") {
        log_in().await;
    }
    if wanted("user") {
        growth::of_a_user::<Plain, Exact>().await;
    }
    if wanted("table") {
        growth::of_the_table::<Plain>().await;
        growth::of_the_table::<Exact>().await;
    }
    if wanted("caches") {
        caches::caches().await;
    }
}

async fn revoke<S: Kind>(sessions: usize, compared: Compared) {
    let lab = Lab::<S>::new().await;
    let copies = Copies::new(&lab.bench).await;
    let refill = async || copies.put(&lab.bench, sessions).await;
    let at_once = async |store: &DynamoDbStore<S>, in_flight: usize| {
        let revoke = store.revoke(S::INDEX, USER);
        let revoked = revoke.in_flight(in_flight.try_into().unwrap());
        assert_eq!(revoked.await.unwrap().deleted(), sessions);
    };

    let count = thousands(sessions as f64);
    heading(
        &format!("Revoke {count} with a {} index", S::NAME),
        &[
            "",
            "requests",
            "read units",
            "write units",
            "time",
            "faster",
            "5 ms away",
            "faster",
            "peak memory",
        ],
    );
    let slow = match compared {
        Compared::WithOneByOne => Some(lab.measure(&refill, one_by_one).await),
        Compared::WithNothing => None,
    };
    if let Some(slow) = &slow {
        show("one by one", slow, None);
    }
    for in_flight in [16, 64] {
        let fast = lab.measure(&refill, async |store| at_once(store, in_flight).await);
        let fast = fast.await;
        show(&format!("{in_flight} in flight"), &fast, slow.as_ref());
    }

    fn show(how: &str, it: &Measured, slow: Option<&Measured>) {
        let faster = |time: fn(&Measured) -> Duration| match slow {
            Some(slow) => format!("{:.1} ×", time(slow).div_duration_f64(time(it))),
            None => String::new(),
        };
        row(&[
            how.to_owned(),
            it.requests(),
            thousands(it.read_units()),
            thousands(it.write_units()),
            time(it.near),
            faster(|of| of.near),
            time(it.far),
            faster(|of| of.far),
            kilobytes(it.peak),
        ]);
    }
}

/// The comparison for parallel revocation.
enum Compared {
    WithOneByOne,
    /// With thousands of sessions, each would write a roster of hundreds of kilobytes, which takes a
    /// quarter of an hour.
    WithNothing,
}

/// Revokes as an application without `revoke` would.
async fn one_by_one<S: Kind>(store: &DynamoDbStore<S>) {
    for session in store.sessions(S::INDEX, USER).all().await.unwrap() {
        let revoked = store.revoke_handle(&session.handle()).await.unwrap();
        assert_eq!(revoked.deleted(), 1);
    }
}

async fn log_in() {
    const TIMES: u32 = 20;
    heading(
        "Log-in and log-out with a consistent index",
        &[
            "sessions",
            "log-in",
            "write units",
            "time",
            "log-out",
            "write units",
            "time",
        ],
    );
    for sessions in [10, 100, 1_000, MOST] {
        let lab = Lab::<Exact>::new().await;
        let copies = Copies::new(&lab.bench).await;
        copies.put(&lab.bench, sessions - 1).await;
        let wire = &lab.bench.wire;
        wire.meter();
        let [entered, left] = loop {
            let session = lab.bench.store.create(Exact::new()).await.unwrap();
            let entered = wire.bill();
            lab.bench.store.delete(session.id()).await.unwrap();
            let left = wire.bill();
            // One in eight asks first for the stale entries of the roster.
            if entered.len() == 2 {
                break [entered, left];
            }
        };

        let mut times = [Duration::ZERO; 2];
        for _ in 0..TIMES {
            let (session, took) = timed(lab.near.create(Exact::new())).await;
            times[0] += took;
            let session = session.unwrap();
            times[1] += timed(lab.near.delete(session.id())).await.1;
        }
        let mut cells = vec![thousands(sessions as f64)];
        for (bill, all) in [entered, left].into_iter().zip(times) {
            let calls: Vec<_> = bill.iter().map(|(call, _)| call.as_str()).collect();
            let units: Vec<_> = bill.iter().map(|(_, units)| thousands(*units)).collect();
            cells.extend([calls.join(", "), units.join(" + "), time(all / TIMES)]);
        }
        row(&cells);
    }
}
