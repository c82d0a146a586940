//! Runs a history on an engine: one thread, one request at a time, every choice from the seed.

mod describe;
mod history;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use aws_sdk_dynamodb::Client as Sdk;
use aws_sdk_dynamodb::config::StalledStreamProtectionConfig;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use fastrand::Rng;
use session_store::{Cache, DynamoDbStore, ReadConsistency};
use session_store_tests::engine;
use tokio::runtime::{Builder, Runtime};

use self::history::History;
use crate::binaries::{Boundless, Bytes, Computed, Evicting, New, Old, Program, Refusing};
use crate::client::{Client, Hand, Versions};
use crate::model::Violation;
use crate::plan::{Binary, CLIENTS, Plan};
use crate::wire::Wires;

/// The start of every history, in milliseconds since 1970: far enough ahead that no engine's own TTL
/// deletes items. Ten minutes later, the store begins to keep rosters a day longer.
const BEGINNING: u64 = 2_000_071_500_000;

/// An engine with a table, its clients, and a time that the history moves.
pub struct World {
    wires: Wires,
    clients: Vec<Sdk>,
    table: String,
    time: Runtime,
    _engine: Runtime,
}

/// The result of a history.
pub struct Report {
    pub violation: Option<Violation>,
    pub trace: Vec<String>,
    pub requests: usize,
}

impl World {
    pub fn new() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let table = format!("histories-{}", Rng::new().u64(..));
        let (config, wires) = runtime.block_on(async {
            let (config, http) = engine().await;
            let sdk = Sdk::from_conf(config.clone().http_client(http.clone()).build());
            store::<Computed>(sdk, &table, ReadConsistency::Consistent, None)
                .await
                .create_table()
                .await
                .expect("the table is created");
            (config, Wires::new(http, runtime.handle().clone(), &table))
        });
        let time = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let clients = (0..CLIENTS).map(|client| {
            // A shared bucket would run empty, and make a history depend on earlier ones.
            let bucket = TokenBucket::unlimited();
            let partition = RetryPartition::custom("histories")
                .token_bucket(bucket)
                .build();
            let config = config
                .clone()
                .http_client(wires.wire())
                .time_source(wires.clocks[client].clone())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .retry_partition(partition)
                .retry_config(RetryConfig::standard());
            Sdk::from_conf(config.build())
        });
        Self {
            clients: clients.collect(),
            wires,
            table,
            time,
            _engine: runtime,
        }
    }

    pub fn run(&self, plan: &Plan) -> Report {
        fastrand::seed(plan.seed);
        self.wires.shared().reset();
        self.wires.shared().forget_tokens = plan.forget_tokens;
        // All programs of a history have the same index.
        self.wires.shared().model.limit = plan.clients[0].binary.limit();
        self.wires.shared().model.bytes = plan.clients.iter().any(|c| c.binary == Binary::Bytes);
        for i in 0..CLIENTS {
            let client = plan.clients.get(i);
            let (host, skew) = client.map_or((i, 0), |client| (client.host, client.skew));
            // No two clocks ever show the same time, so that no order depends on a random handle.
            self.wires.clocks[i].set(BEGINNING.checked_add_signed(skew).unwrap() + host as u64);
        }
        self.wires.shared().model.clients.clone_from(&plan.clients);
        let hands = self.hands(plan);
        let mut history = History {
            world: self,
            plan,
            hands,
            rng: Rng::with_seed(plan.seed ^ 0x5eed),
            ids: vec![None; plan.slots],
            earlier: vec![Vec::new(); plan.slots],
            started: vec![false; plan.steps.len()],
            running: (0..CLIENTS).map(|_| None).collect(),
            waits: [0; CLIENTS],
            flags: Default::default(),
        };
        self.time.block_on(history.run());
        drop(history);
        self.check_the_table();
        let mut shared = self.wires.shared();
        Report {
            violation: shared.violation.take(),
            trace: std::mem::take(&mut shared.trace),
            requests: shared.model.ops.iter().map(|op| op.requests.len()).sum(),
        }
    }

    /// The clients of a history.
    fn hands(&self, plan: &Plan) -> Vec<Box<dyn Hand>> {
        let browsers: [Rc<RefCell<Versions>>; CLIENTS] = Default::default();
        let mut hands: Vec<Box<dyn Hand>> = Vec::new();
        for (i, client) in plan.clients.iter().enumerate() {
            let versions = Rc::clone(&browsers[client.browser]);
            hands.push(match hands.get(client.host) {
                Some(host) => host.beside(client, versions),
                None => self.hand(plan, i, versions),
            });
        }
        hands
    }

    /// A client with a host of its own, with its program.
    fn hand(&self, plan: &Plan, client: usize, versions: Rc<RefCell<Versions>>) -> Box<dyn Hand> {
        let sdk = self.clients[client].clone();
        match plan.clients[client].binary {
            Binary::Old => self.running::<Old>(sdk, plan, client, versions),
            Binary::New => self.running::<New>(sdk, plan, client, versions),
            Binary::Computed => self.running::<Computed>(sdk, plan, client, versions),
            Binary::Bytes => self.running::<Bytes>(sdk, plan, client, versions),
            Binary::Evicting => self.running::<Evicting>(sdk, plan, client, versions),
            Binary::Refusing => self.running::<Refusing>(sdk, plan, client, versions),
            Binary::Boundless => self.running::<Boundless>(sdk, plan, client, versions),
        }
    }

    fn running<S: Program>(
        &self,
        sdk: Sdk,
        plan: &Plan,
        client: usize,
        versions: Rc<RefCell<Versions>>,
    ) -> Box<dyn Hand> {
        let client = &plan.clients[client];
        let cache = client.cache.map(Duration::from_millis);
        let store = store::<S>(sdk, &self.table, client.reads, cache);
        let store = self.time.block_on(store);
        Box::new(Client::new(store, client, versions, plan.slots))
    }

    /// Checks that the table holds the items of the model and no others; then empties it.
    fn check_the_table(&self) {
        let items = self.wires.items();
        for item in &items {
            self.wires.remove(&item["id"]);
        }
        let shared = &mut *self.wires.shared();
        let model = &shared.model;
        let count = model.truth.len() + model.marks.len();
        let same = items.len() == count
            && items.iter().all(|item| {
                item["id"]["S"]
                    .as_str()
                    .and_then(|handle| model.item(handle))
                    == Some(item)
            });
        if !same {
            shared.violation.get_or_insert(Violation {
                guarantee: "G2",
                what: format!(
                    "the table has {} items, and {} are accounted for",
                    items.len(),
                    count
                ),
            });
        }
    }
}

async fn store<S: Program>(
    sdk: Sdk,
    table: &str,
    reads: ReadConsistency,
    cache: Option<Duration>,
) -> DynamoDbStore<S> {
    let builder = DynamoDbStore::builder().client(sdk).table_name(table);
    let builder = builder.read_consistency(reads);
    // Copies never make room for others: which one does would follow from their handles, which are random.
    match cache.map(Cache::for_at_most) {
        Some(cache) => builder.cache(cache),
        None => builder,
    }
    .build()
    .await
    .expect("a client that is ready is enough")
}
