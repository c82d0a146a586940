//! The program of one type.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use session_store::{
    DynamoDbStore, Error, ReadConsistency, Reindexed, Revoke, Revoked, Session, SessionHandle,
    SessionId,
};

use super::{Host, Listing, Program, Revocation, Seen, Selected};
use crate::versions::plan::{Loading, Set, Settings};
use crate::versions::spec::By;
use crate::versions::types::Version;

/// A program of the type `S`.
pub async fn running<S: Version>(on: &Host<'_>) -> Box<dyn Program> {
    let Settings {
        idle,
        absolute,
        limit,
        ..
    } = on.settings;
    let mut builder = DynamoDbStore::<S>::builder()
        .client(on.sdk.clone())
        .table_name(on.table)
        .touch(on.settings.touch.policy())
        .share_loads(on.settings.share_loads)
        .read_consistency(on.settings.reads);
    if let Some(idle) = idle {
        builder = builder.idle_timeout(Duration::from_millis(idle));
    }
    if let Some(absolute) = absolute {
        builder = builder.absolute_timeout(Duration::from_millis(absolute));
    }
    if let Some((by, sessions)) = limit {
        let limited = S::limited(builder, by, sessions);
        builder = limited.expect("only an index has a limit");
    }
    let store = builder.build().await;
    Box::new(Running {
        store: store.expect("a client that is ready is enough"),
        reads: on.settings.reads,
        copies: (0..on.slots).map(|_| None).collect(),
    })
}

struct Running<S> {
    store: DynamoDbStore<S>,
    reads: ReadConsistency,
    copies: Vec<Option<Session<S>>>,
}

fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn time(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

fn set_all<S: Version>(data: &mut S, set: &Set) {
    for (name, value) in set.iter().filter(|(name, _)| S::FIELDS.contains(name)) {
        data.set(name, *value);
    }
}

fn seen<S: Version>(session: &Session<S>) -> Seen {
    Seen {
        id: session.id().clone(),
        handle: session.handle(),
        fields: S::FIELDS
            .iter()
            .map(|name| (*name, session.get(name)))
            .collect(),
        created: millis(session.created_at()),
        touched: millis(Session::touched_at(session)),
        evicted: Session::evicted(session).to_vec(),
    }
}

fn revocation(revoked: &Revoked) -> Revocation {
    Revocation {
        deleted: revoked.deleted(),
        failed: revoked.failed().iter().map(|it| it.handle()).collect(),
        complete: revoked.is_complete(),
    }
}

impl<S: Version> Running<S> {
    fn held(&mut self, slot: usize) -> &mut Session<S> {
        self.copies[slot].as_mut().expect("the copy is there")
    }
}

#[async_trait(?Send)]
impl<S: Version> Program for Running<S> {
    fn another(&self) -> Box<dyn Program> {
        Box::new(Self {
            store: self.store.clone(),
            reads: self.reads,
            copies: self.copies.iter().map(|_| None).collect(),
        })
    }

    fn copy(&self, slot: usize) -> Option<Seen> {
        self.copies[slot].as_ref().map(seen)
    }

    fn forget(&mut self, slot: usize) {
        self.copies[slot] = None;
    }

    async fn create(&mut self, slot: usize, set: &Set) -> Result<Seen, Error> {
        self.copies[slot] = None;
        let mut data = S::default();
        set_all(&mut data, set);
        let session = self.store.create(data).await?;
        let created = seen(&session);
        self.copies[slot] = Some(session);
        Ok(created)
    }

    async fn load(
        &mut self,
        slot: usize,
        id: &SessionId,
        how: Loading,
    ) -> Result<Option<Seen>, Error> {
        self.copies[slot] = None;
        let loaded = match how {
            Loading::Once => self.store.load(id).await?,
            Loading::OwnWrites if self.reads == ReadConsistency::ReadYourWrites => {
                self.store.load_at_least(id, 1).await?
            }
            Loading::OwnWrites => self.store.load(id).await?,
            Loading::Twice => {
                let (first, second) = tokio::join!(self.store.load(id), self.store.load(id));
                let (first, second) = (first?, second?);
                let of = |session: &Option<Session<S>>| session.as_ref().map(|it| seen(it).fields);
                assert_eq!(of(&first), of(&second), "two loads at once");
                first
            }
        };
        let shown = loaded.as_ref().map(seen);
        self.copies[slot] = loaded;
        Ok(shown)
    }

    async fn save(
        &mut self,
        slot: usize,
        set: &Set,
        idle: Option<Option<u64>>,
    ) -> Result<(), Error> {
        let store = self.store.clone();
        let session = self.held(slot);
        set_all(&mut **session, set);
        if let Some(idle) = idle {
            Session::set_idle_timeout(session, idle.map(Duration::from_secs));
        }
        store.save(session).await
    }

    async fn update(&self, id: &SessionId, set: &Set) -> Result<u64, Error> {
        let change = |data: &mut S| {
            set_all(data, set);
            let count = data.get("count").unwrap_or_default() + 1;
            data.set("count", Some(count));
            count
        };
        self.store.update(id, change).await
    }

    async fn cancel_update(&self, id: &SessionId, set: &Set) -> Result<u64, Error> {
        let change = |data: &mut S| {
            let count = data.get("count").unwrap_or_default();
            set_all(data, set);
            Err::<(), u64>(count)
        };
        let cancelled = self.store.try_update(id, change).await?;
        Ok(cancelled.expect_err("the change is cancelled"))
    }

    async fn touch(&mut self, slot: usize) -> Result<(), Error> {
        let store = self.store.clone();
        store.touch(self.held(slot)).await
    }

    async fn cycle_id(&mut self, slot: usize, set: &Set) -> Result<(), Error> {
        let store = self.store.clone();
        let session = self.held(slot);
        set_all(&mut **session, set);
        store.cycle_id(session).await
    }

    async fn log_in(&mut self, slot: usize, set: &Set) -> Result<(), Error> {
        let store = self.store.clone();
        let session = self.held(slot);
        set_all(&mut **session, set);
        store.log_in(session).await
    }

    async fn refresh(&mut self, slot: usize) -> Result<(), Error> {
        let store = self.store.clone();
        store.refresh(self.held(slot)).await
    }

    async fn delete(&self, id: &SessionId) -> Result<(), Error> {
        self.store.delete(id).await
    }

    async fn revoke_handle(&self, handle: &SessionHandle) -> Result<Revocation, Error> {
        let revoked = self.store.revoke_handle(handle).await?;
        Ok(revocation(&revoked))
    }

    async fn revoke(
        &self,
        by: By,
        value: u64,
        selected: &Selected,
    ) -> Option<Result<Revocation, Error>> {
        let revoke: Revoke<S> = S::revoke(&self.store, by, value)?;
        let revoke = match selected {
            Selected::All => revoke,
            Selected::Except(handle) => revoke.except_handle(handle),
            Selected::Only(handle) => revoke.only(handle),
            Selected::Before(moment) => S::revoke_before(&self.store, by, value, time(*moment))?,
            Selected::Slowly => revoke
                .in_flight(NonZeroUsize::MIN)
                .sweep_after(Duration::from_secs(1)),
        };
        let revoked = revoke.await;
        Some(revoked.map(|revoked| revocation(&revoked)))
    }

    async fn sessions(
        &self,
        by: By,
        value: u64,
        limit: Option<usize>,
        counts: bool,
    ) -> Option<Result<Listing, Error>> {
        let list = || {
            let sessions = S::sessions(&self.store, by, value)?;
            Some(match limit {
                Some(limit) => sessions.limit(limit),
                None => sessions,
            })
        };
        let mut stream = list()?;
        let others = counts.then(|| (list(), list()));
        let listed = async {
            let mut sessions = Vec::new();
            while let Some(session) = stream.next().await {
                let it = session?;
                sessions.push((
                    it.handle(),
                    millis(it.created_at()),
                    millis(it.touched_at()),
                ));
            }
            let mut counts = Vec::new();
            if let Some((Some(all), Some(count))) = others {
                counts = vec![all.all().await?.len(), count.count().await?];
            }
            Ok(Listing {
                sessions,
                counts,
                complete: stream.is_complete(),
            })
        };
        Some(listed.await)
    }

    async fn revoke_all(&self, moment: u64) -> Option<Result<(), Error>> {
        match S::revoke_all(&self.store, time(moment)) {
            Some(ending) => Some(ending.await),
            None => None,
        }
    }

    async fn create_table(&self) -> Result<(), Error> {
        self.store.create_table().await
    }

    async fn verify_table(&self) -> Result<(), Error> {
        self.store.verify_table().await
    }

    async fn reindex(&self, rate: u32) -> Result<Reindexed, Error> {
        let rate = NonZeroU32::new(rate).expect("it is a rate");
        let shown = Arc::new(AtomicU64::new(0));
        let show = Arc::clone(&shown);
        let reindex = self.store.reindex().rate(rate);
        let reindexed = reindex
            .on_progress(move |progress| show.store(progress.scanned(), Ordering::SeqCst))
            .await?;
        assert_eq!(
            shown.load(Ordering::SeqCst),
            reindexed.scanned(),
            "the last progress"
        );
        Ok(reindexed)
    }

    async fn incomplete_indexes(&self) -> Result<Vec<&'static str>, Error> {
        self.store.incomplete_indexes().await
    }
}
