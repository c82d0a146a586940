//! `reindex`: writes what live sessions lack of the indexes of their type, for all of them at once.

use std::fmt;
use std::future::IntoFuture;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::dynamodb::request::{self, SessionType};
use crate::dynamodb::{MAX_SAVE_ATTEMPTS, pause};
use crate::error::{Chain, ConflictError, Error};
use crate::id::SessionHandle;
use crate::item::{Lacking, Map, Position, decode, handle_of, is_of_another_type, moved_to};
use crate::schema::SessionData;

use super::handle::DynamoDbStore;
use super::touch::Mended;

/// Items a second, by default.
const RATE: u32 = 500;

/// Items of a page at most.
const PAGE: u32 = 100;

impl<S: SessionData> DynamoDbStore<S> {
    /// Makes the indexes of the type complete, after a deploy that has added or changed one. Await it:
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, Error, SessionAttributes};
    /// # #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    /// # struct AppSession { #[dynamo(attr = "user_id", index)] user_id: String }
    /// async fn after_deploy(store: &DynamoDbStore<AppSession>) -> Result<(), Error> {
    ///     let reindexed = store.reindex().await?;
    ///     tracing::info!(mended = reindexed.mended(), "reindexed");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// A session that was stored by a program without an index, or with an index of another kind, is missing in
    /// it until it is saved or touched. This goes through the whole table, and writes to each live session of the
    /// type what it lacks: promoted attributes, shards, and its entries in rosters. Nothing else changes, neither
    /// data nor expiry, and sessions can be used meanwhile. A limit that is exceeded by that is settled by the next
    /// log-in.
    ///
    /// Run it once, from one host, when the last program without the index has stopped: what such a program
    /// writes later is missed. When it has met every session, the table says that the indexes are complete
    /// ([`Revoked::is_complete`](crate::Revoked::is_complete)). If a touch finds later that a program without one
    /// of them has come back, they count as incomplete again.
    ///
    /// It reads consistently: one unit for each 4 KB of the table, sessions of other types included, in one `Scan`
    /// for each 100 items. For each session that lacks something it takes one `UpdateItem`, or with a roster one
    /// `TransactWriteItems`. It needs the permission `dynamodb:Scan`. After each page it notes in the table how far
    /// it has come (one `UpdateItem`). If it is interrupted, call it again within a day, and it goes on from
    /// there.
    ///
    /// # Errors
    ///
    /// [`Error::Service`] if the table could not be read to its end. A session that could not be mended is no
    /// error here, but [`Reindexed::failed`]; the indexes are not complete then.
    pub fn reindex(&self) -> Reindex<S> {
        Reindex {
            store: self.clone(),
            rate: RATE,
            progress: None,
        }
    }
}

type Progress = Box<dyn FnMut(&Reindexed) + Send>;

/// A reindex that begins when it is awaited; made by [`DynamoDbStore::reindex`].
#[must_use = "nothing is reindexed until this is awaited"]
pub struct Reindex<S> {
    store: DynamoDbStore<S>,
    rate: u32,
    progress: Option<Progress>,
}

impl<S> Reindex<S> {
    /// Reads at most this many items a second; 500 by default. It writes no more than it reads.
    pub fn rate(mut self, items_per_second: NonZeroU32) -> Self {
        self.rate = items_per_second.get();
        self
    }

    /// Calls this after each page with the result so far.
    pub fn on_progress(mut self, progress: impl FnMut(&Reindexed) + Send + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }
}

impl<S> fmt::Debug for Reindex<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reindex")
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

/// The result of a reindex.
#[derive(Clone, Debug, Default)]
#[must_use = "if a session could not be mended, the indexes are not complete; see `failed`"]
pub struct Reindexed {
    scanned: u64,
    mended: u64,
    failed: u64,
    failures: Vec<SessionHandle>,
}

impl Reindexed {
    /// How many handles [`failures`](Self::failures) has at most.
    pub const MAX_FAILURES: usize = 100;

    /// How many live sessions of the type this call has met.
    pub fn scanned(&self) -> u64 {
        self.scanned
    }

    /// To how many of them this call has written.
    pub fn mended(&self) -> u64 {
        self.mended
    }

    /// How many could not be read or mended, those before an interruption included. As long as there are any, the
    /// indexes are not complete. Each is logged as a warning.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// The first of those that failed in this call.
    pub fn failures(&self) -> &[SessionHandle] {
        &self.failures
    }

    fn note_failure(&mut self, handle: SessionHandle, error: &Error) {
        tracing::warn!(%handle, error = %Chain(error), "a session could not be reindexed");
        self.failed += 1;
        if self.failures.len() < Self::MAX_FAILURES {
            self.failures.push(handle);
        }
    }
}

impl<S: SessionData> IntoFuture for Reindex<S> {
    type Output = Result<Reindexed, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            store,
            rate,
            progress,
        } = self;
        Box::pin(async move {
            let go = store.go_through_table(rate, progress);
            store.observe("reindex", go).await
        })
    }
}

impl<S: SessionData> DynamoDbStore<S> {
    async fn go_through_table(
        &self,
        rate: u32,
        mut progress: Option<Progress>,
    ) -> Result<Reindexed, Error> {
        let table = self.table();
        let mut reindexed = Reindexed::default();
        let (position, says_complete) = table.reindex_position().await?;
        if says_complete {
            // Visits that mend a session meanwhile are no sign of a program without the index.
            let note = || request::incomplete(table.schema()).into_update_item(table);
            table.update_patiently(note).await?;
        }
        let mut start = position.map(|position| {
            reindexed.failed = position.failed;
            position.start
        });
        let mut next_page_at = Instant::now();
        loop {
            sleep_until(next_page_at).await;
            let limit = rate.min(PAGE);
            // After a pause, nothing is made up for.
            next_page_at = Instant::now() + Duration::from_secs(1) * limit / rate;
            let page = table
                .scan_page(start, i32::try_from(limit).unwrap_or(i32::MAX))
                .await?;
            for item in page.items {
                self.reindex_item(item, &mut reindexed).await;
            }
            if let Some(progress) = &mut progress {
                progress(&reindexed);
            }
            let Some(next) = page.next else { break };
            let position = Position {
                start: next.clone(),
                failed: reindexed.failed,
            };
            let position = position.into_value(table.schema(), table.now());
            let note =
                || request::note_position(table.schema(), position.clone()).into_update_item(table);
            table.update_patiently(note).await?;
            start = Some(next);
        }
        if reindexed.failed == 0 {
            self.note_complete_indexes().await?;
        } else {
            let forget = || request::forget_position(table.schema()).into_update_item(table);
            table.update_patiently(forget).await?;
        }
        Ok(reindexed)
    }

    /// Mends the session in an item, if there is a live one of the type.
    async fn reindex_item(&self, item: Map, reindexed: &mut Reindexed) {
        let schema = self.table().schema();
        let Some(handle) = handle_of(schema, &item) else {
            return;
        };
        if is_of_another_type(schema, &item) || moved_to(schema, &item).is_some() {
            return;
        }
        match self.mend_item(handle, item).await {
            Ok(Outcome::Absent) => {}
            Ok(Outcome::Complete) => reindexed.scanned += 1,
            Ok(Outcome::Mended) => {
                reindexed.scanned += 1;
                reindexed.mended += 1;
            }
            Err(error) => {
                reindexed.scanned += 1;
                reindexed.note_failure(handle, &error);
            }
        }
    }

    async fn mend_item(&self, handle: SessionHandle, mut item: Map) -> Result<Outcome, Error> {
        let table = self.table();
        for attempt in 1..=MAX_SAVE_ATTEMPTS {
            let decoded = decode::<S>(&table.codec, handle, item, table.now())?;
            let Some((session, mut state)) = decoded else {
                return Ok(Outcome::Absent);
            };
            let lacking = Lacking::of(table.schema(), &state, &session)?;
            let Some(lacking) = lacking else {
                return Ok(Outcome::Complete);
            };
            // G16: one that does not tell its type may be of another type that shares the table. A visit claims it.
            let session_type = match state.has_type {
                true => SessionType::Known,
                false => SessionType::Unknown,
            };
            let mend = self.mend(&mut state, lacking, session_type, false);
            match mend.await {
                Ok(Mended::Stored) => return Ok(Outcome::Mended),
                Ok(Mended::Overtaken) => {}
                Err(Error::Gone(_)) => return Ok(Outcome::Absent),
                // A roster in which many log in at once.
                Err(Error::Conflict(error)) if attempt < MAX_SAVE_ATTEMPTS => {
                    tracing::debug!(%handle, error = %Chain(&error), "a session is reindexed once more");
                    pause(attempt).await;
                }
                Err(error) => return Err(error),
            }
            match table.read(handle, true).await? {
                Some(again) => item = again,
                None => return Ok(Outcome::Absent),
            }
        }
        Err(ConflictError::new(handle, MAX_SAVE_ATTEMPTS).into())
    }
}

/// What became of an item.
enum Outcome {
    /// It has no live session of the type.
    Absent,
    /// It lacked nothing.
    Complete,
    Mended,
}
