//! A store behind the trait of tower-sessions 0.14: this one, or another.

use std::sync::Arc;

use session_store::tower_sessions::TowerSessions;
use time::OffsetDateTime;
use tower_sessions_core_0_14::SessionStore;
use tower_sessions_core_0_14::session::{Id, Record};

use super::{Field, Subject, Web, text};
use crate::TestBench;

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
}

/// Makes this crate's own store.
#[derive(Debug)]
pub struct Ours;

impl Make for Ours {
    type Store = TowerSessions<Web>;

    fn make(bench: &TestBench<Web>) -> Self::Store {
        TowerSessions::new(bench.store.clone())
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
}
