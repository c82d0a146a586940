//! The store behind actix-session.

use std::collections::HashMap;
use std::sync::Arc;

use actix_session::storage::{LoadError, SessionKey, SessionStore};
use session_store::frameworks::actix_session::ActixSessions;
use time::Duration;

use super::{Field, Staff, Subject, Values, Web, ours, text};
use crate::{Item, TestBench};

/// This crate's store behind the trait of actix-session 0.11.
#[derive(Clone, Debug)]
pub struct Actix {
    bench: Arc<TestBench<Web>>,
    sessions: ActixSessions<Web>,
}

/// The middleware's copy of a session, for one request.
#[derive(Debug)]
pub struct Request {
    key: String,
    state: HashMap<String, String>,
}

const TTL: Duration = Duration::minutes(30);

fn key(id: &str) -> SessionKey {
    id.to_owned().try_into().unwrap()
}

impl Actix {
    /// The middleware stores once, at the end of a request, so the next call belongs to a new request.
    async fn next(&self, key: SessionKey) -> Result<Request, String> {
        let next = self.load(key.as_ref()).await?;
        next.ok_or_else(|| "the session is lost".to_owned())
    }
}

impl Subject for Actix {
    type Copy = Request;

    async fn new() -> Self {
        let bench = Arc::new(TestBench::new().await);
        let sessions = ActixSessions::new(bench.store.clone());
        Self { bench, sessions }
    }

    fn bench(&self) -> &TestBench<Web> {
        &self.bench
    }

    async fn create(&self) -> Result<Self::Copy, String> {
        let key = self.sessions.save(HashMap::new(), &TTL).await;
        self.next(key.map_err(text)?).await
    }

    /// The store chooses the keys.
    async fn create_under(&self, _: &str) -> Option<Result<(), String>> {
        None
    }

    async fn load(&self, id: &str) -> Result<Option<Self::Copy>, String> {
        let state = self.sessions.load(&key(id)).await.map_err(text)?;
        let key = id.to_owned();
        Ok(state.map(|state| Request { key, state }))
    }

    async fn save(&self, copy: &mut Self::Copy) -> Result<(), String> {
        let state = copy.state.clone();
        let updated = self.sessions.update(key(&copy.key), state, &TTL).await;
        let key = updated.map_err(text)?;
        if let Some(next) = self.load(key.as_ref()).await? {
            *copy = next;
        }
        Ok(())
    }

    async fn touch(&self, copy: &mut Self::Copy) -> Result<(), String> {
        let ttl = TTL + Duration::minutes(10);
        let touched = self.sessions.update_ttl(&key(&copy.key), &ttl).await;
        touched.map_err(|error| format!("{error:#}"))
    }

    /// As the middleware does after `Session::renew`.
    async fn cycle_id(&self, copy: &mut Self::Copy) -> Result<(), String> {
        self.delete(&copy.key).await?;
        let key = self.sessions.save(copy.state.clone(), &TTL).await;
        *copy = self.next(key.map_err(text)?).await?;
        Ok(())
    }

    async fn delete(&self, id: &str) -> Result<(), String> {
        let deleted = self.sessions.delete(&key(id)).await;
        deleted.map_err(|error| format!("{error:#}"))
    }

    /// As the middleware does, which continues with an empty session if this one cannot be decoded.
    async fn visit(&self, id: &str) -> Result<(), String> {
        match self.sessions.load(&key(id)).await {
            Ok(_) | Err(LoadError::Deserialization(_)) => Ok(()),
            Err(error) => Err(text(error)),
        }
    }

    /// As the middleware does: it always reads first, and forgets a key without a session.
    async fn log_out(&self, id: &str) -> Result<(), String> {
        match self.sessions.load(&key(id)).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) | Err(LoadError::Deserialization(_)) => self.delete(id).await,
            Err(error) => Err(text(error)),
        }
    }

    async fn revoke(&self, user: &str) -> Option<Result<(), String>> {
        Some(ours::revoke(self.sessions.store(), user).await)
    }

    async fn clean_up(&self) -> Option<Result<(), String>> {
        None
    }

    async fn other_loads(&self, id: &str) -> Result<bool, String> {
        let staff = ActixSessions::<Staff>::new(self.bench.other().await);
        let found = staff.load(&key(id)).await;
        found.map(|found| found.is_some()).map_err(text)
    }

    async fn other_deletes(&self, id: &str) -> Result<(), String> {
        let staff = ActixSessions::<Staff>::new(self.bench.other().await);
        let deleted = staff.delete(&key(id)).await;
        deleted.map_err(|error| format!("{error:#}"))
    }

    async fn other_revokes(&self, user: &str) -> Option<Result<usize, String>> {
        Some(ours::list_and_revoke(&self.bench.other().await, user).await)
    }

    fn hostile(&self, item: &Item) -> Vec<Item> {
        ours::hostile(item)
    }

    fn id(copy: &Self::Copy) -> String {
        copy.key.clone()
    }

    fn get(copy: &Self::Copy, field: Field) -> Option<String> {
        let text = copy.state.get(field.name())?;
        Some(serde_json::from_str(text).unwrap())
    }

    fn set(copy: &mut Self::Copy, field: Field, value: Option<&str>) {
        let name = field.name().to_owned();
        match value.map(|value| serde_json::to_string(value).unwrap()) {
            Some(text) => drop(copy.state.insert(name, text)),
            None => drop(copy.state.remove(&name)),
        }
    }
    fn values(copy: &Self::Copy) -> Result<Values, String> {
        let stored = copy.state.get("values").ok_or("there are no values")?;
        serde_json::from_str(stored).map_err(text)
    }

    fn set_values(copy: &mut Self::Copy, values: &Values) -> Result<(), String> {
        let values = serde_json::to_string(values).map_err(text)?;
        copy.state.insert("values".to_owned(), values);
        Ok(())
    }
}
