//! Runs a history: the browsers, the requests on their way, and the store.

mod check;
mod request;
mod server;
mod versions;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};
use axum::Router;
use session_store::frameworks::axum::SessionLayer;
use session_store::test_util::TestStore;
use session_store::{DynamoDbStore, ReadConsistency};
use session_store_tests::engine;
use tokio::runtime::Runtime;
use url::Url;

use self::request::Flight;
use self::versions::{Known, Versions};
use super::caches::{Caches, HOSTS};
use super::jar::{Jar, Origin, foreign};
use super::model::Expected;
use super::plan::{Event, Plan, Send};
use super::replica::Replica;
use super::setup::Setup;
use super::shop::{Action, Shop};

/// What came of a history: what is wrong, after how many events, and what happened.
pub(super) struct Outcome {
    pub(super) violation: Option<Violation>,
    pub(super) events: usize,
    pub(super) trace: Vec<String>,
}

/// A property, and how it is broken.
pub(super) type Violation = (&'static str, String);

/// An engine, for one history after another.
pub(super) struct Bench {
    runtime: Runtime,
    test: TestStore<Shop>,
    replica: Replica,
}

impl Bench {
    pub(super) fn new() -> Self {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().expect("a runtime");
        let (test, replica) = runtime.block_on(async {
            let (config, engine) = engine().await;
            // A shared bucket would run empty, and make a history depend on earlier ones.
            let bucket = TokenBucket::unlimited();
            let partition = RetryPartition::custom("browsers").token_bucket(bucket);
            let config = config.retry_partition(partition.build());
            let replica = Replica::of(engine);
            let engine = SharedHttpClient::new(replica.clone());
            (TestStore::without_table(config, engine).await, replica)
        });
        Self {
            runtime,
            test,
            replica,
        }
    }

    pub(super) fn run(&self, plan: &Plan) -> Outcome {
        self.runtime.block_on(run(self, plan))
    }
}

async fn run(bench: &Bench, plan: &Plan) -> Outcome {
    let mut world = World::new(bench, plan).await;
    let mut violation = None;
    let mut events = 0;
    for event in &plan.events {
        events += 1;
        world.moment += 1;
        // No clock stands still: two log-ins are not of one millisecond.
        world
            .test
            .clock
            .advance(std::time::Duration::from_millis(1));
        world.trace.push(event.to_string());
        let happened = match world.happen(event).await {
            Ok(()) => world.check(event).await,
            broken => broken,
        };
        violation = happened.err();
        if violation.is_some() {
            break;
        }
    }
    Outcome {
        violation,
        events,
        trace: world.trace,
    }
}

struct World<'a> {
    test: &'a TestStore<Shop>,
    replica: &'a Replica,
    /// Hosts with the same table.
    stores: [DynamoDbStore<Shop>; HOSTS],
    caches: Caches,
    reads: ReadConsistency,
    versions: Versions,
    /// The users that were revoked, when, and on which host.
    revoked: Vec<(String, u64, usize)>,
    setup: Setup,
    before: Option<Setup>,
    apps: BTreeMap<usize, (Router, SessionLayer<Shop>)>,
    browsers: Vec<Browser>,
    flights: BTreeMap<usize, Flight>,
    /// What each request so far was for.
    actions: BTreeMap<usize, Action>,
    /// Sessions that have ended for good, by the request that began them.
    ended: BTreeSet<u64>,
    /// Sessions whose log-out could not take the cookies away, with the time and the host: to the browser, another has
    /// ended its session.
    untold: BTreeMap<u64, (u64, usize)>,
    /// Counts the events.
    moment: u64,
    /// Counts the requests at the server.
    jobs: u64,
    trace: Vec<String>,
}

struct Browser {
    jar: Jar,
    expected: Expected,
    /// The session that it had at the last look.
    holds: Option<u64>,
    users: BTreeSet<String>,
    /// When the server finished its last log-in.
    last_log_in: u64,
    /// Its own writes that were answered.
    known: Known,
}

impl<'a> World<'a> {
    async fn new(bench: &'a Bench, plan: &Plan) -> Self {
        let Bench { test, replica, .. } = bench;
        let table = format!("browsers-{}", fastrand::u64(..));
        let store = async |host| {
            let builder = DynamoDbStore::builder().client(test.store.client().clone());
            let builder = builder.table_name(&*table).read_consistency(plan.reads);
            let builder = match plan.caches.cache(host) {
                Some(cache) => builder.cache(cache),
                None => builder,
            };
            builder.build().await.expect("a store")
        };
        let browser = |_| Browser {
            jar: Jar::default(),
            expected: Expected::nobody(),
            holds: None,
            users: BTreeSet::new(),
            last_log_in: 0,
            known: Known::default(),
        };
        let stores = [store(0).await, store(1).await];
        stores[0]
            .create_table()
            .await
            .expect("the table is created");
        test.wire.clear();
        replica.reset(plan.reads != ReadConsistency::Consistent);
        Self {
            stores,
            caches: plan.caches,
            reads: plan.reads,
            versions: Versions::default(),
            revoked: Vec::new(),
            test,
            replica,
            setup: plan.setup,
            before: None,
            apps: BTreeMap::new(),
            browsers: (0..plan.browsers).map(browser).collect(),
            flights: BTreeMap::new(),
            actions: BTreeMap::new(),
            ended: BTreeSet::new(),
            untold: BTreeMap::new(),
            moment: 0,
            jobs: 0,
            trace: Vec::new(),
        }
    }

    fn time(&self) -> u64 {
        self.test.clock.millis()
    }

    async fn happen(&mut self, event: &Event) -> Result<(), Violation> {
        let time = self.time();
        match event {
            Event::Send(send) => return self.send(send).await,
            Event::Resume(id) => return self.resume(*id).await,
            Event::Arrive(id) => return self.arrive(*id).await,
            Event::Lose(id) => self.lose(*id).await,
            Event::Wait(seconds) => {
                let seconds = std::time::Duration::from_secs(*seconds);
                self.test.clock.advance(seconds);
            }
            Event::Foreign(browser, which) => {
                let attributes = ["Path=/", "Path=/app", "Domain=shop.test; Path=/"][which % 3];
                let jar = &mut self.browsers[*browser].jar;
                jar.set_foreign(foreign(*which), attributes, &shop(), time);
            }
            Event::Sibling(browser, which) => self.sibling(*browser, *which),
            Event::Deploy(setup) => self.deploy(*setup),
            Event::Revoke(browser, host) => self.revoke(*browser, *host).await,
            Event::Change(browser, host) => self.change(*browser, *host).await,
        }
        Ok(())
    }

    /// A cookie of our name, for the whole domain, that names no session.
    fn sibling(&mut self, browser: usize, which: usize) {
        let (name, _) = self.setup.form();
        // No other host can set such a cookie.
        if name.starts_with("__Host-") {
            return;
        }
        let dead = "A".repeat(43);
        let value = [&*dead, "x", "", "%22junk%22", &"x".repeat(600)][which].to_owned();
        // One of the same domain and path would take the place of the shop's own.
        let path = if self.setup.has_domain() || which.is_multiple_of(2) {
            "/app"
        } else {
            "/"
        };
        let text = format!("{name}={value}; Domain=shop.test; Path={path}; Secure");
        let sibling = Url::parse("https://blog.shop.test/").expect("an address");
        let time = self.time();
        let jar = &mut self.browsers[browser].jar;
        jar.set(&text, &sibling, Origin::Same, time);
    }

    /// The cookies of before may not be read any more: then everybody is logged out, or even logged in again
    /// if an earlier cookie comes back.
    fn deploy(&mut self, setup: Setup) {
        let before = std::mem::replace(&mut self.setup, setup);
        self.before = Some(before);
        if before.form() == setup.form() {
            return;
        }
        for browser in &mut self.browsers {
            browser.holds = None;
            browser.known = Known::default();
            browser.anybody(self.moment);
        }
    }

    /// The user that a browser is for certain.
    fn user(&self, browser: usize) -> Option<String> {
        let mut users = self.browsers[browser].expected.now().into_iter().flatten();
        users.next().filter(|_| users.next().is_none())
    }

    async fn revoke(&mut self, browser: usize, host: usize) {
        let Some(user) = self.user(browser) else {
            return;
        };
        let revoked = self.stores[host].revoke(Shop::USER_ID, user.clone()).await;
        assert!(revoked.expect("a revocation").failed().is_empty());
        self.note_writes(host).await;
        self.browsers[browser].expected.revoke(self.moment);
        self.revoked.push((user, self.time(), host));
    }

    async fn change(&mut self, browser: usize, host: usize) {
        let Some(user) = self.user(browser) else {
            return;
        };
        let moment = self.moment;
        let changed = self.stores[host].update_all(Shop::USER_ID, user, move |shop| {
            shop.preference = moment;
        });
        assert!(changed.await.expect("a change").failed().is_empty());
        self.note_writes(host).await;
    }
}

impl Browser {
    fn anybody(&mut self, moment: u64) {
        let users = self.users.iter().cloned().map(Some);
        self.expected.perhaps(users.chain([None]), moment);
    }
}

/// The page of the shop.
fn shop() -> Url {
    Url::parse("https://www.shop.test/app").expect("an address")
}
