//! The visitors of a site, each with a session, and what their browsers ask for.
//!
//! At each moment some of them are there. A page is four requests within a third of a second, and then the visitor reads
//! it. One request in ten changes the session. Of the visits, one in three ends by a log-out, one in fifty because
//! somebody revokes the user's sessions on another host, and the others just end. The next visit goes on with the session
//! if it is still there, and begins with a log-in otherwise.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use session_store::{Cache, DynamoDbStore, Error, Session, SessionAttributes, SessionId};
use session_store_tests::TestBench;

use super::hosts::{Hosts, Way};

/// The number of visitors who are there.
const THERE: usize = 500;

/// The requests of a page, and the milliseconds between them.
const OF_A_PAGE: u32 = 4;
const APART: u64 = 100;

/// The mean of the time between two pages of a visitor, in milliseconds.
const PAUSE: f64 = 10_000.0;

/// The most pages of a visit; any number from one to this is as likely.
const PAGES: u32 = 9;

/// The number of sessions that are created at a time, before the run.
const IN_FLIGHT: usize = 16;

#[derive(Clone, Debug, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "scale", idle_timeout = "12h", absolute_timeout = "7d")]
pub(super) struct Visitor {
    #[dynamo(attr = "user_id", index)]
    user_id: Option<String>,
    theme: String,
    cart: Vec<String>,
    views: u64,
    profile: String,
}

impl Visitor {
    pub(super) fn of(user: &str) -> Self {
        Self {
            user_id: Some(user.to_owned()),
            theme: "dark".to_owned(),
            cart: vec!["Assam tea, 250 g".to_owned(); 2],
            views: 0,
            profile: "a line of the profile that the visitor wrote. ".repeat(44),
        }
    }
}

/// A browser of a visitor.
#[derive(Clone, Default)]
struct Browser {
    /// Its session, and the version of its last write.
    session: Option<(SessionId, u64)>,
    pages: u32,
    /// The requests of this page that are still to come.
    of_page: u32,
}

pub(super) struct Visitors {
    pub(super) bench: TestBench<Visitor>,
    browsers: Vec<Browser>,
    is_there: Vec<bool>,
    /// Those who are there, by the time of their next request.
    next: BinaryHeap<Reverse<(u64, usize)>>,
    pub(super) random: fastrand::Rng,
}

/// What happened in a run.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) loads: u64,
    /// Loads that sent no request.
    pub(super) hits: u64,
    saves: u64,
    log_ins: u64,
    log_outs: u64,
    revoked: u64,
    /// All requests to DynamoDB.
    pub(super) requests: u64,
    /// What they cost, if the hosts ask for it.
    pub(super) read_units: f64,
    pub(super) write_units: f64,
}

impl Tally {
    pub(super) fn kinds(&self) -> String {
        let Self {
            loads,
            saves,
            log_ins,
            log_outs,
            revoked,
            ..
        } = self;
        format!(
            "loads {loads}, saves {saves}, log-ins {log_ins}, log-outs {log_outs}, revoked {revoked}"
        )
    }
}

impl Visitors {
    /// A table with the sessions of this many visitors.
    pub(super) async fn new(sessions: usize) -> Self {
        let bench = TestBench::new().await;
        let hosts = Hosts::new(&bench, None, Way::Near).await;
        let store = &hosts.stores[0];
        let created = stream::iter(0..sessions).map(async |visitor| {
            let session = store.create(Visitor::of(&user(visitor))).await.unwrap();
            let session = (session.id().clone(), version(&session));
            (visitor, session)
        });
        let mut browsers = vec![Browser::default(); sessions];
        let mut created = std::pin::pin!(created.buffer_unordered(IN_FLIGHT));
        while let Some((visitor, session)) = created.next().await {
            browsers[visitor].session = Some(session);
        }
        let mut visitors = Self {
            is_there: vec![false; sessions],
            next: BinaryHeap::new(),
            random: fastrand::Rng::with_seed(17),
            bench,
            browsers,
        };
        for _ in 0..THERE.min(sessions / 2) {
            visitors.arrive();
        }
        visitors
    }

    pub(super) async fn hosts(&self, cache: Option<Cache>, way: Way) -> Hosts {
        Hosts::new(&self.bench, cache, way).await
    }

    /// The bytes that DynamoDB counts for a session.
    pub(super) async fn item_size(&self) -> usize {
        let (id, _) = self.browsers[0].session.as_ref().unwrap();
        let item = self.bench.item(id.handle()).await.unwrap();
        session_store::private::item_size(&item).unwrap()
    }

    /// Another visitor comes, soon.
    fn arrive(&mut self) {
        let visitor = loop {
            let visitor = self.random.usize(..self.browsers.len());
            if !self.is_there[visitor] {
                break visitor;
            }
        };
        self.is_there[visitor] = true;
        let browser = &mut self.browsers[visitor];
        browser.pages = self.random.u32(1..=PAGES);
        browser.of_page = OF_A_PAGE;
        let pause = pause(&mut self.random);
        self.after(pause, visitor);
    }

    fn after(&mut self, millis: u64, visitor: usize) {
        let at = self.bench.clock.millis() + millis;
        self.next.push(Reverse((at, visitor)));
    }

    /// Answers this many requests of browsers, one after the other, by a host of chance, or by that of the browser.
    pub(super) async fn run(&mut self, hosts: &Hosts, sticky: bool, views: usize) -> Tally {
        let mut tally = Tally::default();
        let before = hosts.requests.count();
        for view in 0..views {
            let Some(Reverse((at, visitor))) = self.next.pop() else {
                unreachable!("somebody is always there");
            };
            if at > self.bench.clock.millis() {
                self.bench.clock.set(at);
            }
            let host = match sticky {
                true => visitor % hosts.stores.len(),
                false => self.random.usize(..hosts.stores.len()),
            };
            self.view(hosts, host, visitor, &mut tally).await;
            if view % 1_000 == 999 || view + 1 == views {
                tally.take_bill(hosts);
            }
        }
        tally.requests = hosts.requests.count() - before;
        tally
    }

    /// A request of this browser.
    async fn view(&mut self, hosts: &Hosts, host: usize, visitor: usize, tally: &mut Tally) {
        let store = &hosts.stores[host];
        let browser = &mut self.browsers[visitor];
        browser.of_page -= 1;
        let is_end = browser.of_page == 0 && browser.pages == 1;
        match browser.session.clone() {
            Some((id, _)) if is_end && self.random.u32(..3) == 0 => {
                store.delete(&id).await.unwrap();
                browser.session = None;
                tally.log_outs += 1;
            }
            Some((id, least)) => {
                let before = hosts.requests.count();
                let loaded = store.load_at_least(&id, least).await.unwrap();
                tally.loads += 1;
                tally.hits += u64::from(hosts.requests.count() == before);
                let changes = self.random.u32(..10) == 0;
                browser.session = match loaded {
                    Some(mut session) if changes => {
                        session.views += 1;
                        tally.saves += 1;
                        match store.save(&mut session).await {
                            Ok(()) => Some((id, version(&session))),
                            // It was revoked on another host, and this one had a copy.
                            Err(Error::Gone(_)) => None,
                            Err(error) => panic!("{error}"),
                        }
                    }
                    Some(_) => Some((id, least)),
                    // It was revoked. The next request logs in.
                    None => None,
                };
            }
            None => browser.session = Some(log_in(store, visitor, tally).await),
        }
        if is_end && browser.session.is_some() && self.random.u32(..50) == 0 {
            let elsewhere = (host + 1) % hosts.stores.len();
            let revoke = hosts.stores[elsewhere].revoke(Visitor::USER_ID, user(visitor).as_str());
            let revoked = revoke.await.unwrap();
            tally.revoked += revoked.deleted() as u64;
        }
        self.go_on(visitor);
    }

    /// The next request of this browser, or another visitor.
    fn go_on(&mut self, visitor: usize) {
        let browser = &mut self.browsers[visitor];
        if browser.of_page > 0 {
            return self.after(APART, visitor);
        }
        browser.of_page = OF_A_PAGE;
        browser.pages -= 1;
        if browser.pages > 0 {
            let pause = pause(&mut self.random);
            return self.after(pause, visitor);
        }
        self.is_there[visitor] = false;
        self.arrive();
    }
}

async fn log_in(
    store: &DynamoDbStore<Visitor>,
    visitor: usize,
    tally: &mut Tally,
) -> (SessionId, u64) {
    let session = store.create(Visitor::of(&user(visitor))).await.unwrap();
    tally.log_ins += 1;
    (session.id().clone(), version(&session))
}

impl Tally {
    fn take_bill(&mut self, hosts: &Hosts) {
        let Some(wire) = &hosts.metered else {
            return;
        };
        for (operation, units) in wire.bill() {
            match operation.as_str() {
                "GetItem" | "BatchGetItem" | "Query" => self.read_units += units,
                _ => self.write_units += units,
            }
        }
    }
}

pub(super) fn user(visitor: usize) -> String {
    format!("u-{visitor}")
}

/// The version that the browser is told; without a cache a store does not know each, and none is needed.
pub(super) fn version(session: &Session<Visitor>) -> u64 {
    Session::written_version(session).unwrap_or_default()
}

/// A time of an exponential distribution.
fn pause(random: &mut fastrand::Rng) -> u64 {
    let even = 1.0 - random.f64();
    (-even.ln() * PAUSE) as u64
}
