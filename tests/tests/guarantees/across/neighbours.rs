//! G16, G17. Two session types in one table, with the same users and devices, and an operator who changes
//! items by hand: random sequences of log-ins, log-outs, revocations and damage. Whatever came before, an id
//! is nothing to the other type, no log-in fails for good, limits hold, and a revocation ends what it
//! should.
//!
//! `SESSION_STORE_NEIGHBOURS` is the number of sequences, `SESSION_STORE_SEED` the first of them.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use fastrand::Rng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_store::{
    DynamoDbStore, Error, Index, Session, SessionAttributes, SessionHandle, SessionId,
};
use session_store_tests::{Item, TestBench};

macro_rules! session_type {
    ($name:ident, $on_limit:ident) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", idle_timeout = "20m", absolute_timeout = "40m")]
        struct $name {
            #[dynamo(attr = "user", index(consistent, limit = 3, on_limit = $on_limit))]
            user: Option<u64>,
            #[dynamo(attr = "device", index(consistent, limit = 2))]
            device: Option<u64>,
            #[dynamo(attr = "tenant", index)]
            tenant: Option<u64>,
            count: u64,
        }

        impl Kind for $name {
            const USER: Index<Self, u64> = Self::USER;
            const DEVICE: Index<Self, u64> = Self::DEVICE;
            const TENANT: Index<Self, u64> = Self::TENANT;

            fn new(user: u64, device: u64) -> Self {
                Self {
                    user: Some(user),
                    device: Some(device),
                    tenant: Some(0),
                    count: 0,
                }
            }

            fn owner(&mut self) -> (&mut Option<u64>, &mut u64) {
                (&mut self.user, &mut self.count)
            }
        }
    };
}

session_type!(Customer, evict_oldest);
session_type!(Staff, evict_least_recent);

trait Kind: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    const USER: Index<Self, u64>;
    const DEVICE: Index<Self, u64>;
    const TENANT: Index<Self, u64>;

    fn new(user: u64, device: u64) -> Self;

    /// The user, and a field of no index.
    fn owner(&mut self) -> (&mut Option<u64>, &mut u64);
}

/// One of the two applications.
struct App<S> {
    store: DynamoDbStore<S>,
    /// Every id that was ever given to a browser.
    ids: Vec<SessionId>,
}

impl<S: Kind> App<S> {
    async fn step(&mut self, rng: &mut Rng) {
        let user = rng.u64(..2);
        match rng.u8(..12) {
            0..=3 => {
                let session = self.store.create(S::new(user, rng.u64(..2))).await;
                self.ids.push(session.expect("a log-in").id().clone());
            }
            4 | 5 => {
                // A log-in of an anonymous session.
                let mut session = self.store.create(S::new(9, 9)).await.expect("a session");
                *session = S::new(user, rng.u64(..2));
                self.store.cycle_id(&mut session).await.expect("a new id");
                self.ids.push(session.id().clone());
            }
            6 => {
                if let Some(mut session) = self.any(rng).await {
                    let (owner, count) = session.owner();
                    *count += 1;
                    if rng.bool() {
                        *owner = Some(user);
                    }
                    allow_gone(self.store.save(&mut session).await);
                }
            }
            7 => {
                if let Some(mut session) = self.any(rng).await {
                    allow_gone(self.store.cycle_id(&mut session).await);
                    self.ids.push(session.id().clone());
                }
            }
            8 => {
                if let Some(id) = self.pick(rng) {
                    self.store.delete(&id).await.expect("a log-out");
                    assert!(
                        self.load(&id).await.is_none(),
                        "logged out, and still there"
                    );
                }
            }
            9 => {
                let by = rng.u8(..3);
                let index = [S::USER, S::DEVICE, S::TENANT][usize::from(by)];
                let value = if by == 2 { 0 } else { user };
                let revoked = self.store.revoke(index, value).await.expect("a revocation");
                assert!(revoked.failed().is_empty(), "{revoked:?}");
                let left = self
                    .store
                    .sessions(index, value)
                    .all()
                    .await
                    .expect("a list");
                assert!(left.is_empty(), "after a revocation: {left:?}");
            }
            _ => {
                if let Some(mut session) = self.any(rng).await {
                    allow_gone(self.store.touch(&mut session).await);
                }
            }
        }
    }

    fn pick(&self, rng: &mut Rng) -> Option<SessionId> {
        (!self.ids.is_empty()).then(|| self.ids[rng.usize(..self.ids.len())].clone())
    }

    async fn any(&self, rng: &mut Rng) -> Option<Session<S>> {
        let id = self.pick(rng)?;
        self.load(&id).await
    }

    /// A session that the operator has damaged cannot be read, which is no reason to stop.
    async fn load(&self, id: &SessionId) -> Option<Session<S>> {
        match self.store.load(id).await {
            Ok(session) => session,
            Err(Error::Decode(_)) => None,
            Err(error) => panic!("a load failed: {error}"),
        }
    }

    /// Nothing of this application is anything to the other one, and its limits hold.
    async fn check<T: Kind>(&self, other: &App<T>) {
        for id in &self.ids {
            let found = other.store.load(id).await.expect("a load of another's id");
            assert!(found.is_none(), "an id is good for both types");
        }
        for (index, limit) in [(S::USER, 3), (S::DEVICE, 2)] {
            for value in 0..2 {
                let listed = self
                    .store
                    .sessions(index, value)
                    .all()
                    .await
                    .expect("a list");
                assert!(listed.len() <= limit, "{} of {limit}", listed.len());
                let mine: BTreeSet<_> = self.ids.iter().map(SessionId::handle).collect();
                let strangers = listed.iter().filter(|it| !mine.contains(&it.handle()));
                assert_eq!(
                    strangers.count(),
                    0,
                    "a list shows the sessions of the other type"
                );
            }
        }
    }
}

/// Others may have ended the session, and the operator damaged it.
fn allow_gone(written: Result<(), Error>) {
    match written {
        Ok(()) | Err(Error::Gone(_) | Error::Decode(_)) => {}
        Err(error) => panic!(
            "a write failed: {error}: {:?}",
            std::error::Error::source(&error)
        ),
    }
}

/// The operator changes one attribute of one item by hand, deletes the item, or restores an older one.
async fn meddle(bench: &TestBench<Customer>, rng: &mut Rng, backup: &mut Vec<Item>) {
    let mut items = bench.items().await;
    items.sort_by_key(|item| item["id"].as_s().cloned().unwrap_or_default());
    if items.is_empty() {
        return;
    }
    let mut item = items.swap_remove(rng.usize(..items.len()));
    let is_roster = item["id"].as_s().is_ok_and(|id| id.starts_with('#'));
    match rng.u8(..10) {
        0 => {
            let key = [("id".to_owned(), item["id"].clone())];
            // A session only: that a roster was deleted is a loss that no store can see.
            if !is_roster {
                bench.delete(key.into()).await;
            }
            return;
        }
        1 if !is_roster => {
            backup.push(item);
            return;
        }
        _ => {}
    }
    let values = [
        AttributeValue::S("x".to_owned()),
        AttributeValue::N("1".to_owned()),
        AttributeValue::N("-1".to_owned()),
        AttributeValue::N("99999999999999".to_owned()),
        AttributeValue::Null(true),
        AttributeValue::L(Vec::new()),
    ];
    let value = values[rng.usize(..values.len())].clone();
    if is_roster {
        // The entries themselves are what the store knows of its sessions; junk beside them is damage.
        match rng.u8(..3) {
            0 => item.insert("expires_at".to_owned(), value),
            1 => item.remove("expires_at"),
            _ => {
                if let Some(AttributeValue::M(entries)) = item.get_mut("m") {
                    entries.insert("junk".to_owned(), value);
                }
                None
            }
        };
    } else {
        let mut names: Vec<_> = item.keys().filter(|name| *name != "id").cloned().collect();
        // Without its type, a session belongs to whoever writes it first; with its value changed by
        // hand in the table alone, it is in no roster. Both are losses, not damage.
        names.retain(|name| name != "session_type");
        names.sort();
        let name = names.swap_remove(rng.usize(..names.len()));
        match rng.u8(..4) {
            0 => item.remove(&name),
            // The keys of the default index have to be numbers; DynamoDB refuses anything else.
            _ if ["user", "device", "tenant", "created_at"].contains(&&*name) => {
                item.insert(name, AttributeValue::N(rng.u64(5..8).to_string()))
            }
            _ => item.insert(name, value),
        };
    }
    bench.put(item).await;
}

/// Puts the handles of a restored session's rosters out of the way: what comes back is not new.
async fn sequence(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let bench = TestBench::<Customer>::new().await;
    let mut shop = App {
        store: bench.store.clone(),
        ids: Vec::new(),
    };
    let mut office = App {
        store: bench.other::<Staff>().await,
        ids: Vec::new(),
    };
    let mut backup = Vec::new();
    for _ in 0..40 {
        bench.clock.advance(Duration::from_secs(rng.u64(1..200)));
        match rng.u8(..8) {
            0..=3 => shop.step(&mut rng).await,
            4..=6 => office.step(&mut rng).await,
            _ => meddle(&bench, &mut rng, &mut backup).await,
        }
    }
    shop.check(&office).await;
    office.check(&shop).await;
    // At the end, "log out everywhere" for all: nothing is left that anybody could use.
    for user in 0..10 {
        end_all(&shop, user).await;
        end_all(&office, user).await;
    }
    let unindexed: BTreeSet<SessionHandle> = unindexed(&bench).await;
    for id in shop
        .ids
        .iter()
        .filter(|id| !unindexed.contains(&id.handle()))
    {
        assert!(
            shop.load(id).await.is_none(),
            "a customer is still logged in"
        );
    }
    for id in office
        .ids
        .iter()
        .filter(|id| !unindexed.contains(&id.handle()))
    {
        assert!(
            office.load(id).await.is_none(),
            "an employee is still logged in"
        );
    }
}

async fn end_all<S: Kind>(app: &App<S>, user: u64) {
    for index in [S::USER, S::DEVICE, S::TENANT] {
        let revoked = app.store.revoke(index, user).await.expect("a revocation");
        assert!(revoked.failed().is_empty(), "{revoked:?}");
    }
}

/// The sessions whose user the operator has removed or changed: no index can find them by their old one.
async fn unindexed(bench: &TestBench<Customer>) -> BTreeSet<SessionHandle> {
    let items = bench.items().await.into_iter();
    let handles = items.filter_map(|item| SessionHandle::parse(item["id"].as_s().ok()?).ok());
    let mut unindexed = BTreeSet::new();
    for handle in handles {
        let item = bench.item(handle).await.unwrap_or_default();
        let is_number = |name: &str| item.get(name).is_some_and(AttributeValue::is_n);
        if !is_number("user") && !is_number("device") && !is_number("tenant") {
            unindexed.insert(handle);
        }
    }
    unindexed
}

#[tokio::test]
async fn two_types_and_an_operator_leave_each_other_alone() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first = number("SESSION_STORE_SEED").unwrap_or(0);
    let count = number("SESSION_STORE_NEIGHBOURS").unwrap_or(12);
    for seed in first..first + count {
        println!("SESSION_STORE_SEED={seed} SESSION_STORE_NEIGHBOURS=1 repeats it");
        sequence(seed).await;
    }
}
