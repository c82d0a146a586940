//! How the extractor gets the session out of a request.

use std::any::type_name;
use std::sync::Arc;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::schema::{SessionAttributes, SessionData};

use super::config::RequestSlot;
use super::extract::CurrentSession;
use super::rejection::{Reason, SessionRejection};
use crate::frameworks::http::Loan;

/// Takes the session out for an extractor. There may be none.
async fn lend<S>(parts: &Parts) -> Result<(Arc<RequestSlot<S>>, Loan<S>), SessionRejection>
where
    S: SessionData,
{
    let slot = slot_of::<S>(parts)?;
    let loan = slot.lend().await.map_err(SessionRejection::of)?;
    Ok((slot, loan))
}

impl<S: SessionData> CurrentSession<S> {
    /// The session of a request, if there is one.
    pub(super) async fn extract_stored(parts: &Parts) -> Result<Option<Self>, SessionRejection> {
        let (slot, loan) = lend(parts).await?;
        let session = Self::new(slot, loan);
        Ok(Some(session).filter(|session| Self::stored(session).is_some()))
    }
}

/// The slot of a request.
pub(super) fn slot_of<S>(parts: &Parts) -> Result<Arc<RequestSlot<S>>, SessionRejection>
where
    S: Send + Sync + 'static,
{
    match parts.extensions.get::<Arc<RequestSlot<S>>>() {
        Some(slot) => Ok(Arc::clone(slot)),
        None => Err(SessionRejection(Reason::NoLayer(type_name::<S>()))),
    }
}

impl<S, State> FromRequestParts<State> for CurrentSession<S>
where
    S: SessionAttributes + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
    State: Send + Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, SessionRejection> {
        let (slot, mut loan) = lend(parts).await?;
        loan.fill();
        Ok(Self::new(slot, loan))
    }
}

impl<S, State> OptionalFromRequestParts<State> for CurrentSession<S>
where
    S: SessionData,
    State: Send + Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &State,
    ) -> Result<Option<Self>, SessionRejection> {
        Self::extract_stored(parts).await
    }
}
