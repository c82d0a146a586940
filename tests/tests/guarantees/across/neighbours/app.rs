//! One of the applications, with the binaries of both of its versions.

use std::collections::BTreeSet;

use fastrand::Rng;
use session_store::{DynamoDbStore, Error, Index, IndexKey, Session, SessionHandle, SessionId};
use session_store_tests::TestBench;

use super::types::{Customer, Kind, tenant};

pub(super) struct App<O, N> {
    old: DynamoDbStore<O>,
    new: DynamoDbStore<N>,
    running: Running,
    /// Every id that was ever given to a browser.
    ids: Vec<SessionId>,
}

/// The versions that answer requests.
#[derive(Clone, Copy, PartialEq)]
enum Running {
    Old,
    New,
    Both,
}

impl<O: Kind, N: Kind> App<O, N> {
    pub(super) async fn new(bench: &TestBench<Customer>, prefix: &str, rng: &mut Rng) -> Self {
        let running = [Running::Old, Running::New, Running::Both];
        Self {
            old: store(bench, prefix).await,
            new: store(bench, prefix).await,
            running: running[rng.usize(..running.len())],
            ids: Vec::new(),
        }
    }

    /// A request that one of the two versions answers.
    pub(super) async fn step(&mut self, rng: &mut Rng) {
        // A text and a number have a roster each, and versions that run at once do not see each other's.
        let rosters = if self.running == Running::Both { 2 } else { 1 };
        if self.is_by_old(rng) {
            step((&self.old, &self.new), &mut self.ids, rosters, rng).await;
        } else {
            step((&self.new, &self.old), &mut self.ids, rosters, rng).await;
        }
    }

    fn is_by_old(&self, rng: &mut Rng) -> bool {
        match self.running {
            Running::Old => true,
            Running::New => false,
            Running::Both => rng.bool(),
        }
    }

    /// Its lists show no session of another application.
    pub(super) async fn lists_its_own(&self) {
        let mine: BTreeSet<_> = self.ids.iter().map(SessionId::handle).collect();
        lists_none_but(&self.old, &mine).await;
        lists_none_but(&self.new, &mine).await;
    }

    /// No id of this application is good for the other one.
    pub(super) async fn is_nothing_to<P: Kind, Q: Kind>(&self, other: &App<P, Q>) {
        for id in &self.ids {
            let by_old = other.old.load(id).await.expect("a load of another's id");
            let by_new = other.new.load(id).await.expect("a load of another's id");
            assert!(
                by_old.is_none() && by_new.is_none(),
                "an id is good for two"
            );
        }
    }

    /// Ends the sessions of all users, each by one of the two versions.
    pub(super) async fn end_all(&self, rng: &mut Rng) {
        // The values that a step or the operator can have given.
        for user in [0, 1, 5, 6, 7] {
            if rng.bool() {
                end_all(&self.old, user).await;
            } else {
                end_all(&self.new, user).await;
            }
        }
    }

    /// Neither version finds a session that an index could have found.
    pub(super) async fn has_ended(&self, unindexed: &BTreeSet<SessionHandle>) {
        let ids = self.ids.iter();
        for id in ids.filter(|id| !unindexed.contains(&id.handle())) {
            let is_live =
                load(&self.old, id).await.is_some() || load(&self.new, id).await.is_some();
            assert!(!is_live, "somebody is still logged in");
        }
    }
}

async fn store<S: Kind>(bench: &TestBench<Customer>, prefix: &str) -> DynamoDbStore<S> {
    let builder = DynamoDbStore::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    builder.key_prefix(prefix).build().await.expect("a store")
}

/// The first store is that of the version that answers, the second that of the other one.
async fn step<S: Kind, T: Kind>(
    (store, other): (&DynamoDbStore<S>, &DynamoDbStore<T>),
    ids: &mut Vec<SessionId>,
    rosters: usize,
    rng: &mut Rng,
) {
    let user = rng.u64(..2);
    match rng.u8(..12) {
        0..=3 => {
            let device = rng.u64(..2);
            let session = store.create(S::new(user, device)).await;
            ids.push(session.expect("a log-in").id().clone());
            limits_hold(store, (user, device), rosters).await;
        }
        4 | 5 => {
            // A log-in of an anonymous session.
            let mut session = store.create(S::new(9, 9)).await.expect("a session");
            let device = rng.u64(..2);
            *session = S::new(user, device);
            store.cycle_id(&mut session).await.expect("a new id");
            ids.push(session.id().clone());
            limits_hold(store, (user, device), rosters).await;
        }
        6 => {
            if let Some(mut session) = any(store, ids, rng).await {
                let (owner, count) = session.owner();
                *count += 1;
                if rng.bool() {
                    *owner = Some(user.into());
                }
                allow_gone(store.save(&mut session).await);
            }
        }
        7 => {
            if let Some(mut session) = any(store, ids, rng).await {
                allow_gone(store.cycle_id(&mut session).await);
                ids.push(session.id().clone());
            }
        }
        8 => {
            if let Some(id) = pick(ids, rng) {
                store.delete(&id).await.expect("a log-out");
                let loaded = load(store, &id).await;
                assert!(loaded.is_none(), "logged out, and still there");
            }
        }
        9 => match rng.u8(..3) {
            0 => {
                revoke(store, S::USER, user.into()).await;
                lists_none(other, T::USER, user.into()).await;
            }
            1 => {
                revoke(store, S::DEVICE, user.into()).await;
                lists_none(other, T::DEVICE, user.into()).await;
            }
            _ => {
                revoke(store, S::TENANT, tenant(0)).await;
                lists_none(other, T::TENANT, tenant(0)).await;
            }
        },
        _ => {
            if let Some(mut session) = any(store, ids, rng).await {
                allow_gone(store.touch(&mut session).await);
            }
        }
    }
}

/// After a revocation, no session is left.
async fn revoke<S: Kind, K: IndexKey>(store: &DynamoDbStore<S>, index: Index<S, K>, key: K) {
    let revoked = store.revoke(index, &key).await.expect("a revocation");
    assert!(revoked.failed().is_empty(), "{revoked:?}");
    lists_none(store, index, key).await;
}

async fn lists_none<S: Kind, K: IndexKey>(store: &DynamoDbStore<S>, index: Index<S, K>, key: K) {
    let left = store.sessions(index, key).all().await.expect("a list");
    assert!(left.is_empty(), "after a revocation: {left:?}");
}

async fn end_all<S: Kind>(store: &DynamoDbStore<S>, user: u64) {
    revoke(store, S::USER, user.into()).await;
    revoke(store, S::DEVICE, user.into()).await;
    revoke(store, S::TENANT, tenant(user)).await;
}

/// After a log-in. A session that was restored from a backup can be one too many until then.
async fn limits_hold<S: Kind>(store: &DynamoDbStore<S>, of: (u64, u64), rosters: usize) {
    for (index, key, limit) in [(S::USER, of.0, 3), (S::DEVICE, of.1, 2)] {
        let listed = store.sessions(index, S::Key::from(key)).count().await;
        let (listed, limit) = (listed.expect("a count"), limit * rosters);
        assert!(
            listed <= limit,
            "{listed} sessions, and the limit is {limit}"
        );
    }
}

/// Whatever is listed belongs to this application.
async fn lists_none_but<S: Kind>(store: &DynamoDbStore<S>, mine: &BTreeSet<SessionHandle>) {
    for key in 0..2 {
        let by_user = store.sessions(S::USER, S::Key::from(key)).all().await;
        let by_device = store.sessions(S::DEVICE, S::Key::from(key)).all().await;
        let by_tenant = store.sessions(S::TENANT, tenant(key)).all().await;
        for listed in [by_user, by_device, by_tenant] {
            let listed = listed.expect("a list");
            let strangers = listed.iter().filter(|it| !mine.contains(&it.handle()));
            assert_eq!(strangers.count(), 0, "a list shows the sessions of another");
        }
    }
}

fn pick(ids: &[SessionId], rng: &mut Rng) -> Option<SessionId> {
    (!ids.is_empty()).then(|| ids[rng.usize(..ids.len())].clone())
}

async fn any<S: Kind>(
    store: &DynamoDbStore<S>,
    ids: &[SessionId],
    rng: &mut Rng,
) -> Option<Session<S>> {
    load(store, &pick(ids, rng)?).await
}

/// A session that the operator has damaged cannot be read, which is no reason to stop.
async fn load<S: Kind>(store: &DynamoDbStore<S>, id: &SessionId) -> Option<Session<S>> {
    match store.load(id).await {
        Ok(session) => session,
        Err(Error::Decode(_)) => None,
        Err(error) => panic!("a load failed: {error}"),
    }
}

/// Others may have ended the session, and the operator damaged it.
fn allow_gone(written: Result<(), Error>) {
    match written {
        Ok(()) | Err(Error::Gone(_) | Error::Decode(_)) => {}
        Err(error) => panic!("a write failed: {}", session_store_tests::chain(&error)),
    }
}
