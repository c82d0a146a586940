//! Runs a history of deploys on an engine of its own.

mod ending;
mod entries;
mod listing;
mod new_id;
mod reindex;
mod step;
mod table;
mod writes;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client as Sdk;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use session_store::SessionId;
use session_store::test_util::{Clock, Wire};
use session_store_tests::engine;

use super::model::{Check, Model, Violation};
use super::plan::{BEGINNING, Plan};
use super::program::{Host, Program};
use super::spec::Spec;
use super::types::start;

/// The result of a history.
pub struct Report {
    pub violation: Option<Violation>,
    pub trace: Vec<String>,
    pub steps: usize,
}

/// What is known of a copy that a program holds.
#[derive(Clone)]
struct Copy {
    /// The last step whose state it knows.
    knows: usize,
}

struct History<'a> {
    plan: &'a Plan,
    clock: Clock,
    wire: Wire,
    /// Its requests meet the faults of the history.
    sdk: Sdk,
    /// Its requests meet none.
    direct: Sdk,
    table: String,
    /// The programs of each version, by their clients.
    running: [Vec<Box<dyn Program>>; 2],
    /// Whether the table was prepared for a version.
    prepared: [bool; 2],
    copies: BTreeMap<(usize, usize, usize), Copy>,
    /// The id of each slot's session, which all clients know.
    ids: Vec<Option<SessionId>>,
    model: Model,
    /// Several reads are accounted for at once.
    reads_only: bool,
    trace: Vec<String>,
}

/// The most clients that a history has.
const CLIENTS: usize = 3;

/// One more program of each version, which compares and writes nothing.
const OBSERVER: usize = CLIENTS;

pub async fn run(plan: &Plan) -> Report {
    fastrand::seed(plan.seed);
    let (config, engine) = engine().await;
    let direct = Sdk::from_conf(config.clone().http_client(engine.clone()).build());
    let (clock, wire) = (Clock::default(), Wire::new(engine));
    clock.set(BEGINNING);
    // A shared bucket would run empty, and make a history depend on earlier ones.
    let partition = RetryPartition::custom("versions").token_bucket(TokenBucket::unlimited());
    let retry = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
    let config = config
        .http_client(wire.clone())
        .time_source(clock.clone())
        .retry_partition(partition.build())
        .retry_config(retry);
    let mut history = History {
        plan,
        clock,
        wire,
        sdk: Sdk::from_conf(config.build()),
        direct,
        table: format!("versions-{:x}", plan.seed),
        running: [Vec::new(), Vec::new()],
        prepared: [false; 2],
        copies: BTreeMap::new(),
        ids: vec![None; plan.slots],
        model: Model::default(),
        reads_only: false,
        trace: Vec::new(),
    };
    let mut violation = None;
    for index in 0..plan.steps.len() {
        history.model.step = index + 1;
        if let Err(broken) = history.step(index).await {
            violation = Some(broken);
            break;
        }
    }
    if violation.is_none() {
        history.model.step = plan.steps.len() + 1;
        violation = history.compare_at_the_end().await.err();
    }
    Report {
        violation,
        trace: history.trace,
        steps: history.model.step,
    }
}

impl History<'_> {
    fn spec(&self, side: usize) -> &Spec {
        &self.plan.sides[side].spec
    }

    fn now(&self) -> u64 {
        self.clock.millis()
    }

    /// A program of a version.
    async fn start(&self, side: usize) -> Box<dyn Program> {
        let host = Host {
            sdk: self.sdk.clone(),
            table: &self.table,
            settings: self.plan.sides[side].settings,
            slots: self.plan.slots,
        };
        start(self.spec(side), &host).await
    }

    /// Every version that ever ran loads and lists every session.
    async fn compare_at_the_end(&mut self) -> Check {
        self.trace.push(format!("{} the end", self.now()));
        for side in 0..2 {
            if self.prepared[side] && self.running[side].is_empty() {
                let program = self.start(side).await;
                self.running[side] = (0..CLIENTS).map(|_| program.another()).collect();
                self.running[side].push(program);
            }
        }
        self.compare().await
    }

    fn handle(&self, slot: usize) -> Option<String> {
        self.ids[slot].as_ref().map(|id| id.handle().to_string())
    }
}
