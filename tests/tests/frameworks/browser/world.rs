//! Runs a history: the browsers, the requests on their way, and the store.

mod check;
mod request;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};
use axum::Router;
use session_store::DynamoDbStore;
use session_store::test_util::TestStore;
use session_store_tests::engine;
use url::Url;

use self::request::Flight;
use super::jar::{Jar, Origin};
use super::model::Expected;
use super::plan::{Event, Plan, Send, foreign};
use super::replica::Replica;
use super::shop::{Action, Setup, Shop};

/// What came of a history: what is wrong, after how many events, and what happened.
pub(super) struct Outcome {
    pub(super) violation: Option<Violation>,
    pub(super) events: usize,
    pub(super) trace: Vec<String>,
}

/// A property, and how it is broken.
pub(super) type Violation = (&'static str, String);

pub(super) fn run(plan: &Plan) -> Outcome {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut world = World::new(plan).await;
        for (i, event) in plan.events.iter().enumerate() {
            world.moment += 1;
            world.trace.push(event.to_string());
            let mut happened = world.happen(event).await;
            if happened.is_ok() {
                happened = world.check(event).await;
            }
            if let Err(violation) = happened {
                return Outcome {
                    violation: Some(violation),
                    events: i + 1,
                    trace: world.trace,
                };
            }
        }
        Outcome {
            violation: None,
            events: plan.events.len(),
            trace: world.trace,
        }
    })
}

struct World {
    test: TestStore<Shop>,
    replica: Replica,
    /// Two hosts with the same table.
    stores: [DynamoDbStore<Shop>; 2],
    setup: Setup,
    before: Option<Setup>,
    apps: BTreeMap<usize, Router>,
    browsers: Vec<Browser>,
    flights: BTreeMap<usize, Flight>,
    /// What each request so far was for.
    actions: BTreeMap<usize, Action>,
    /// Sessions that have ended for good, by the request that began them.
    ended: BTreeSet<u64>,
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
}

impl World {
    async fn new(plan: &Plan) -> Self {
        let (config, engine) = engine().await;
        // A shared bucket would run empty, and make a history depend on earlier ones.
        let partition = RetryPartition::custom("browsers").token_bucket(TokenBucket::unlimited());
        let config = config.retry_partition(partition.build());
        let replica = Replica::of(engine);
        let test = TestStore::<Shop>::on(config, SharedHttpClient::new(replica.clone())).await;
        let store = async || {
            let builder = DynamoDbStore::builder().client(test.store.client().clone());
            let builder = builder.table_name(test.store.table_name());
            builder
                .read_consistency(plan.reads)
                .build()
                .await
                .expect("a store")
        };
        let browser = |_| Browser {
            jar: Jar::default(),
            expected: Expected::nobody(),
            holds: None,
            users: BTreeSet::new(),
            last_log_in: 0,
        };
        Self {
            stores: [store().await, store().await],
            test,
            replica,
            setup: plan.setup,
            before: None,
            apps: BTreeMap::new(),
            browsers: (0..plan.browsers).map(browser).collect(),
            flights: BTreeMap::new(),
            actions: BTreeMap::new(),
            ended: BTreeSet::new(),
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
            Event::Revoke(browser) => self.revoke(*browser).await,
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
        let path = if self.setup.has_domain() || which % 2 == 0 {
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
            browser.anybody(self.moment);
        }
    }

    async fn revoke(&mut self, browser: usize) {
        let users = self.browsers[browser].expected.now();
        let [Some(user)] = &users.iter().flatten().map(Some).collect::<Vec<_>>()[..] else {
            return;
        };
        let revoked = self.test.store.revoke(Shop::USER_ID, (*user).clone()).await;
        assert!(revoked.expect("a revocation").failed().is_empty());
        self.browsers[browser].expected.revoke(self.moment);
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
