//! A store behind the trait of tower-sessions 0.14: this one, or another.

use std::future::Future;
use std::sync::Arc;

use session_store::frameworks::tower_sessions::TowerSessions;
use time::OffsetDateTime;
use tower_sessions_core_0_14::SessionStore;
use tower_sessions_core_0_14::session::{Id, Record};

use super::{Field, Staff, Subject, Values, Web, ours, text};
use crate::{Item, TestBench};

/// A store behind the trait of tower-sessions 0.14.
#[derive(Debug)]
pub struct Tower<M: Make> {
    bench: Arc<TestBench<Web>>,
    store: M::Store,
}

/// Makes a store of tower-sessions.
pub trait Make: 'static {
    /// The store.
    type Store: SessionStore + Clone;

    /// The store on the table of this bench, behind its wire.
    fn make(bench: &TestBench<Web>) -> Self::Store;

    /// The store of another application.
    type Other: SessionStore;

    /// The store of another application on the same table, with the store's default settings.
    fn other(bench: &TestBench<Web>) -> impl Future<Output = Self::Other> + Send;

    /// Ends all sessions of a user.
    fn revoke(
        _store: &Self::Store,
        _user: &str,
    ) -> impl Future<Output = Option<Result<(), String>>> + Send {
        async { None }
    }

    /// The other application lists all sessions of a user, and then ends them.
    fn other_revokes(
        _bench: &TestBench<Web>,
        _user: &str,
    ) -> impl Future<Output = Option<Result<usize, String>>> + Send {
        async { None }
    }

    /// Deletes all sessions that have expired.
    fn clean_up(_store: &Self::Store) -> impl Future<Output = Option<Result<(), String>>> + Send {
        async { None }
    }

    /// Items in place of this one, each as small as any, with as much in memory as their form allows.
    fn hostile(item: &Item) -> Vec<Item>;
}

/// Makes this crate's own store.
#[derive(Debug)]
pub struct Ours;

impl Make for Ours {
    type Store = TowerSessions<Web>;

    fn make(bench: &TestBench<Web>) -> Self::Store {
        TowerSessions::new(bench.store.clone())
    }

    type Other = TowerSessions<Staff>;

    async fn other(bench: &TestBench<Web>) -> Self::Other {
        TowerSessions::new(bench.other().await)
    }

    async fn revoke(store: &Self::Store, user: &str) -> Option<Result<(), String>> {
        Some(ours::revoke(store.store(), user).await)
    }

    async fn other_revokes(bench: &TestBench<Web>, user: &str) -> Option<Result<usize, String>> {
        Some(ours::list_and_revoke(&bench.other().await, user).await)
    }

    fn hostile(item: &Item) -> Vec<Item> {
        ours::hostile(item)
    }
}

impl<M: Make> Clone for Tower<M> {
    fn clone(&self) -> Self {
        Self {
            bench: Arc::clone(&self.bench),
            store: self.store.clone(),
        }
    }
}

impl<M: Make> Tower<M> {
    fn record(&self) -> Record {
        Record {
            id: Id::default(),
            data: Default::default(),
            expiry_date: self.expiry(),
        }
    }

    fn expiry(&self) -> OffsetDateTime {
        let seconds = (self.bench.clock.millis() / 1000) as i64;
        OffsetDateTime::from_unix_timestamp(seconds).unwrap() + time::Duration::minutes(30)
    }
}

impl<M: Make> Subject for Tower<M> {
    type Copy = Record;

    async fn new() -> Self {
        let bench = Arc::new(TestBench::new().await);
        let store = M::make(&bench);
        Self { bench, store }
    }

    fn bench(&self) -> &TestBench<Web> {
        &self.bench
    }

    async fn create(&self) -> Result<Self::Copy, String> {
        let mut record = self.record();
        self.store.create(&mut record).await.map_err(text)?;
        Ok(record)
    }

    async fn create_under(&self, id: &str) -> Option<Result<(), String>> {
        let mut record = self.record();
        record.id = id.parse().unwrap();
        Some(self.store.create(&mut record).await.map_err(text))
    }

    async fn load(&self, id: &str) -> Result<Option<Self::Copy>, String> {
        self.store.load(&id.parse().unwrap()).await.map_err(text)
    }

    async fn save(&self, copy: &mut Self::Copy) -> Result<(), String> {
        self.store.save(copy).await.map_err(text)
    }

    async fn touch(&self, copy: &mut Self::Copy) -> Result<(), String> {
        copy.expiry_date = self.expiry() + time::Duration::minutes(10);
        self.save(copy).await
    }

    /// As the framework's own `Session::cycle_id` and its `save` after it do.
    async fn cycle_id(&self, copy: &mut Self::Copy) -> Result<(), String> {
        self.store.delete(&copy.id).await.map_err(text)?;
        copy.id = Id::default();
        self.store.create(copy).await.map_err(text)
    }

    async fn delete(&self, id: &str) -> Result<(), String> {
        self.store.delete(&id.parse().unwrap()).await.map_err(text)
    }

    /// A handler gets any error of the load.
    async fn visit(&self, id: &str) -> Result<(), String> {
        self.load(id).await.map(drop)
    }

    /// As the framework's own `Session` does, whose `flush` forgets an id that a load did not find. An error
    /// of the load does not stop the handler.
    async fn log_out(&self, id: &str) -> Result<(), String> {
        match self.load(id).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) | Err(_) => self.delete(id).await,
        }
    }

    async fn revoke(&self, user: &str) -> Option<Result<(), String>> {
        M::revoke(&self.store, user).await
    }

    async fn clean_up(&self) -> Option<Result<(), String>> {
        M::clean_up(&self.store).await
    }

    async fn other_loads(&self, id: &str) -> Result<bool, String> {
        let other = M::other(&self.bench).await;
        let found = other.load(&id.parse().unwrap()).await;
        found.map(|found| found.is_some()).map_err(text)
    }

    async fn other_deletes(&self, id: &str) -> Result<(), String> {
        let other = M::other(&self.bench).await;
        other.delete(&id.parse().unwrap()).await.map_err(text)
    }

    async fn other_revokes(&self, user: &str) -> Option<Result<usize, String>> {
        M::other_revokes(&self.bench, user).await
    }

    fn hostile(&self, item: &Item) -> Vec<Item> {
        M::hostile(item)
    }

    fn id(copy: &Self::Copy) -> String {
        copy.id.to_string()
    }

    fn get(copy: &Self::Copy, field: Field) -> Option<String> {
        let value = copy.data.get(field.name())?;
        value.as_str().map(str::to_owned)
    }

    fn set(copy: &mut Self::Copy, field: Field, value: Option<&str>) {
        match value {
            Some(value) => drop(copy.data.insert(field.name().to_owned(), value.into())),
            None => drop(copy.data.remove(field.name())),
        }
    }
    fn values(copy: &Self::Copy) -> Result<Values, String> {
        let stored = copy.data.get("values").ok_or("there are no values")?;
        serde_json::from_value(stored.clone()).map_err(text)
    }

    fn set_values(copy: &mut Self::Copy, values: &Values) -> Result<(), String> {
        let values = serde_json::to_value(values).map_err(text)?;
        copy.data.insert("values".to_owned(), values);
        Ok(())
    }
}
