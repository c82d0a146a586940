//! The typed store.

use std::sync::Arc;

use session_store::{Error, Session, SessionId};

use super::{Field, Staff, Subject, Values, Web, ours, text};
use crate::{Item, TestBench};

/// The typed store.
#[derive(Clone, Debug)]
pub struct Typed(Arc<TestBench<Web>>);

impl Subject for Typed {
    type Copy = Session<Web>;

    async fn new() -> Self {
        Self(Arc::new(TestBench::new().await))
    }

    fn bench(&self) -> &TestBench<Web> {
        &self.0
    }

    async fn create(&self) -> Result<Self::Copy, String> {
        self.0.store.create(Web::default()).await.map_err(text)
    }

    async fn create_under(&self, _: &str) -> Option<Result<(), String>> {
        None
    }

    async fn load(&self, id: &str) -> Result<Option<Self::Copy>, String> {
        let id = SessionId::parse(id).map_err(text)?;
        self.0.store.load(&id).await.map_err(text)
    }

    async fn save(&self, copy: &mut Self::Copy) -> Result<(), String> {
        self.0.store.save(copy).await.map_err(text)
    }

    async fn touch(&self, copy: &mut Self::Copy) -> Result<(), String> {
        self.0.clock.advance(std::time::Duration::from_secs(600));
        self.0.store.touch(copy).await.map_err(text)
    }

    async fn cycle_id(&self, copy: &mut Self::Copy) -> Result<(), String> {
        self.0.store.cycle_id(copy).await.map_err(text)
    }

    async fn delete(&self, id: &str) -> Result<(), String> {
        let id = SessionId::parse(id).map_err(text)?;
        self.0.store.delete(&id).await.map_err(text)
    }

    /// As the layer for axum does, for which a session that cannot be decoded counts as none.
    async fn visit(&self, id: &str) -> Result<(), String> {
        let id = SessionId::parse(id).map_err(text)?;
        match self.0.store.load(&id).await {
            Ok(_) | Err(Error::Decode(_)) => Ok(()),
            Err(error) => Err(text(error)),
        }
    }

    /// As the layer for axum does, which ends the session that the client named.
    async fn log_out(&self, id: &str) -> Result<(), String> {
        let _ = self.load(id).await;
        self.delete(id).await
    }

    async fn revoke(&self, user: &str) -> Option<Result<(), String>> {
        Some(ours::revoke(&self.0.store, user).await)
    }

    async fn clean_up(&self) -> Option<Result<(), String>> {
        None
    }

    async fn other_loads(&self, id: &str) -> Result<bool, String> {
        let id = SessionId::parse(id).map_err(text)?;
        let found = self.0.other::<Staff>().await.load(&id).await;
        found.map(|found| found.is_some()).map_err(text)
    }

    async fn other_deletes(&self, id: &str) -> Result<(), String> {
        let id = SessionId::parse(id).map_err(text)?;
        let staff = self.0.other::<Staff>().await;
        staff.delete(&id).await.map_err(text)
    }

    async fn other_revokes(&self, user: &str) -> Option<Result<usize, String>> {
        Some(ours::list_and_revoke(&self.0.other().await, user).await)
    }

    fn hostile(&self, item: &Item) -> Vec<Item> {
        ours::hostile(item)
    }

    fn id(copy: &Self::Copy) -> String {
        copy.id().expose()
    }

    fn get(copy: &Self::Copy, field: Field) -> Option<String> {
        match field {
            Field::User => copy.user_id.clone(),
            Field::Seat => copy.seat.clone(),
            Field::Theme => Some(copy.theme.clone()),
            Field::Cart => Some(copy.cart.clone()),
        }
    }

    fn set(copy: &mut Self::Copy, field: Field, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match field {
            Field::User => copy.user_id = value,
            Field::Seat => copy.seat = value,
            Field::Theme => copy.theme = value.unwrap_or_default(),
            Field::Cart => copy.cart = value.unwrap_or_default(),
        }
    }
    fn values(copy: &Self::Copy) -> Result<Values, String> {
        Ok(copy.values.clone())
    }

    fn set_values(copy: &mut Self::Copy, values: &Values) -> Result<(), String> {
        copy.values = values.clone();
        Ok(())
    }
}
