//! The typed store.

use std::sync::Arc;

use session_store::{Session, SessionId};

use super::{Field, Subject, Web, text};
use crate::TestBench;

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

    fn id(copy: &Self::Copy) -> String {
        copy.id().expose()
    }

    fn get(copy: &Self::Copy, field: Field) -> Option<String> {
        match field {
            Field::User => copy.user_id.clone(),
            Field::Theme => Some(copy.theme.clone()),
            Field::Cart => Some(copy.cart.clone()),
        }
    }

    fn set(copy: &mut Self::Copy, field: Field, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match field {
            Field::User => copy.user_id = value,
            Field::Theme => copy.theme = value.unwrap_or_default(),
            Field::Cart => copy.cart = value.unwrap_or_default(),
        }
    }
}
