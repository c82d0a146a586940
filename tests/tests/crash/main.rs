//! G2, G6, G7, G9 and the layout of items if the process is killed at any moment. Two hundred times, a
//! process creates, saves, touches, moves and ends sessions, reports what it begins and what is done, and
//! is killed. Then every item must match the reports.
//!
//! The process is this test binary again. Its database is a file, or the engine of
//! `SESSION_STORE_ENDPOINT`; both survive the process.

mod check;
mod known;
mod process;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use serde::{Deserialize, Serialize};
use session_store::embedded::Embedded;
use session_store::{DynamoDbStore, SessionAttributes, SessionId, Touch};
use session_store_tests::{Clock, Item, endpoint, on_loopback};

use crate::check::check;
use crate::known::Known;
use crate::process::{Line, ORDER, Order, run_and_kill, say, work};

const KILLS: u64 = 200;
/// The time between two processes, so that sessions reach their absolute timeout and end.
const PAUSE: u64 = 20_000;
const IDLE: u64 = 6 * 60;
const ABSOLUTE: u64 = 10 * 60;
/// The number of parallel operations of a process, each on its own sessions.
const WORKERS: usize = 3;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "6m", absolute_timeout = "10m")]
struct App {
    /// A number for each session, the same under every id.
    #[dynamo(attr = "serial", index)]
    serial: u64,
    /// Changes to a new value each time, so that each value has its own roster.
    #[dynamo(attr = "owner", index(consistent))]
    owner: u64,
    fields: Fields,
    #[serde(flatten)]
    more: BTreeMap<String, u64>,
    last: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Fields(u64);

impl App {
    /// New values for some of the fields.
    fn change(&mut self, which: u8, value: u64) {
        if which & 1 != 0 {
            self.fields = Fields(value);
        }
        if which & 2 != 0 {
            self.more.insert("a".to_owned(), value);
            self.more.insert("b".to_owned(), value);
        }
        if which & 4 != 0 {
            self.last = value;
        }
        if which & 8 != 0 {
            self.owner = value;
        }
    }
}

async fn open(order: &Order) -> DynamoDbStore<App> {
    let config = match endpoint() {
        Some(endpoint) => {
            on_loopback(&endpoint).http_client(aws_smithy_http_client::Builder::new().build_http())
        }
        None => Embedded::open(&order.path).await.unwrap().config(),
    };
    let clock = Clock::default();
    clock.set(order.now);
    let client = Client::from_conf(config.time_source(clock).build());
    let builder = DynamoDbStore::builder()
        .client(client)
        .table_name(&order.table);
    builder.touch(Touch::Always).build().await.unwrap()
}

/// The process that is killed. In a run of the tests it gets no order and does nothing.
#[tokio::test]
async fn a_child_process_without_an_order_does_nothing() {
    let Ok(order) = std::env::var(ORDER) else {
        return;
    };
    let order: Order = serde_json::from_str(&order).unwrap();
    let store = open(&order).await;
    let mut sessions = Vec::new();
    for id in &order.ids {
        let id = SessionId::parse(id).unwrap();
        sessions.push(store.load(&id).await.unwrap().expect("an existing session"));
    }
    let fresh = Cell::new(order.round * 1_000_000);
    say(&Line::Ready);
    let mut shares: [Vec<_>; WORKERS] = Default::default();
    for (i, session) in sessions.into_iter().enumerate() {
        shares[i % WORKERS].push(session);
    }
    let [one, two, three] = shares;
    tokio::join!(
        work(&store, &fresh, order.round * 3, one),
        work(&store, &fresh, order.round * 3 + 1, two),
        work(&store, &fresh, order.round * 3 + 2, three),
    );
}

async fn items(store: &DynamoDbStore<App>) -> Vec<Item> {
    let scan = store.client().scan().table_name(store.table_name());
    let scan = scan.consistent_read(true).send().await.unwrap();
    assert!(scan.last_evaluated_key.is_none());
    scan.items.unwrap_or_default()
}

#[derive(Debug, Default)]
struct Counts {
    acknowledged: usize,
    interrupted_and_done: usize,
    interrupted_and_not_done: usize,
}

#[tokio::test]
async fn a_process_is_killed_at_any_moment() {
    // In memory, if the system has files there: a disk would only take more time, since the system
    // continues when the process is killed.
    let memory = Some(Path::new("/dev/shm")).filter(|path| path.is_dir());
    let directory = memory.map_or_else(std::env::temp_dir, Path::to_owned);
    let directory = directory.join(format!("session-store-crash-{}", fastrand::u64(..)));
    std::fs::create_dir(&directory).unwrap();
    let counts = kill_many(&directory.join("sessions.db")).await;
    println!("{KILLS} kills: {counts:?}");
    assert!(counts.interrupted_and_done > 0 && counts.interrupted_and_not_done > 0);
    std::fs::remove_dir_all(directory).unwrap();
}

async fn kill_many(path: &Path) -> Counts {
    let mut order = Order {
        path: path.to_str().unwrap().to_owned(),
        table: format!("test-{}", fastrand::u64(..)),
        now: Clock::default().millis(),
        round: 0,
        ids: Vec::new(),
    };
    open(&order).await.create_table().await.unwrap();
    let mut rng = fastrand::Rng::with_seed(17);
    let mut known: BTreeMap<u64, Known> = BTreeMap::new();
    let mut counts = Counts::default();
    for round in 1..=KILLS {
        order.round = round;
        order.now += PAUSE;
        let live = known.values().filter(|known| known.state.is_some());
        order.ids = live.map(|known| known.id.clone().unwrap()).collect();
        let after = Duration::from_micros(rng.u64(..15_000));
        let lines = run_and_kill(&order, rng.usize(..12), after);
        for line in lines {
            let (Line::Begun(serial, _) | Line::Done(serial, _)) = &line else {
                continue;
            };
            counts.acknowledged += usize::from(matches!(line, Line::Done(..)));
            let new = || Known {
                state: None,
                id: None,
                begun: None,
                late: None,
            };
            known
                .entry(*serial)
                .or_insert_with(new)
                .hear(line, order.now);
        }
        if endpoint().is_some() {
            // The last requests may still be on their way.
            std::thread::sleep(Duration::from_millis(20));
        }
        let store = open(&order).await;
        check(&store, &mut known, order.now, &mut counts).await;
        for known in known.values_mut() {
            let ending = known
                .state
                .take_if(|state| !state.lives_at(order.now + PAUSE));
            if let Some(state) = ending {
                let _ = store.revoke_handle(&state.handle.unwrap()).await.unwrap();
            }
        }
    }
    counts
}
