//! A running program of a version: its store, and the copies of sessions that it holds.

mod running;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client as Sdk;
use session_store::{Error, Reindexed, SessionHandle, SessionId};

use super::plan::{Loading, Set, Settings};
use super::spec::By;
use super::types::Fields;

pub use self::running::running;

/// A session as a program shows it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub id: SessionId,
    pub handle: SessionHandle,
    pub fields: Fields,
    pub created: u64,
    pub touched: u64,
    pub evicted: Vec<SessionHandle>,
}

/// The result of a revocation.
#[derive(Clone, Debug)]
pub struct Revocation {
    pub deleted: usize,
    pub failed: Vec<SessionHandle>,
    /// The store says that the index has all sessions.
    pub complete: bool,
}

/// A listing: each session with the times of its creation and its last touch.
#[derive(Clone, Debug)]
pub struct Listing {
    pub sessions: Vec<(SessionHandle, u64, u64)>,
    /// The numbers of other ways to ask for them.
    pub counts: Vec<usize>,
    pub complete: bool,
}

/// All that a client can ask its program for.
#[async_trait(?Send)]
pub trait Program {
    /// Another process of the same program, without copies.
    fn another(&self) -> Box<dyn Program>;
    /// The copy in this slot, as it is now.
    fn copy(&self, slot: usize) -> Option<Seen>;
    fn forget(&mut self, slot: usize);
    async fn create(&mut self, slot: usize, set: &Set) -> Result<Seen, Error>;
    async fn load(
        &mut self,
        slot: usize,
        id: &SessionId,
        how: Loading,
    ) -> Result<Option<Seen>, Error>;
    async fn save(
        &mut self,
        slot: usize,
        set: &Set,
        idle: Option<Option<u64>>,
    ) -> Result<(), Error>;
    /// Sets fields and adds one to the counter; gives the counter.
    async fn update(&self, id: &SessionId, set: &Set) -> Result<u64, Error>;
    /// The same, but the change is cancelled after it was made. Gives the counter that was read.
    async fn cancel_update(&self, id: &SessionId, set: &Set) -> Result<u64, Error>;
    async fn touch(&mut self, slot: usize) -> Result<(), Error>;
    /// Sets fields if the change was not begun before.
    async fn cycle_id(&mut self, slot: usize, set: &Set) -> Result<(), Error>;
    async fn log_in(&mut self, slot: usize, set: &Set) -> Result<(), Error>;
    async fn refresh(&mut self, slot: usize) -> Result<(), Error>;
    async fn delete(&self, id: &SessionId) -> Result<(), Error>;
    async fn revoke_handle(&self, handle: &SessionHandle) -> Result<Revocation, Error>;
    /// `None` if this version cannot find sessions by this.
    async fn revoke(
        &self,
        by: By,
        value: u64,
        selected: &Selected,
    ) -> Option<Result<Revocation, Error>>;
    async fn sessions(
        &self,
        by: By,
        value: u64,
        limit: Option<usize>,
        counts: bool,
    ) -> Option<Result<Listing, Error>>;
    async fn revoke_all(&self, moment: u64) -> Option<Result<(), Error>>;
    async fn create_table(&self) -> Result<(), Error>;
    async fn verify_table(&self) -> Result<(), Error>;
    /// Reads so many sessions a second.
    async fn reindex(&self, rate: u32) -> Result<Reindexed, Error>;
    async fn incomplete_indexes(&self) -> Result<Vec<&'static str>, Error>;
}

/// The sessions that a revocation is about.
#[derive(Clone, Copy, Debug)]
pub enum Selected {
    All,
    Except(SessionHandle),
    Only(SessionHandle),
    Before(u64),
    /// One after the other, and twice.
    Slowly,
}

/// Where programs run.
pub struct Host<'a> {
    pub sdk: Sdk,
    pub table: &'a str,
    pub settings: Settings,
    pub slots: usize,
}
