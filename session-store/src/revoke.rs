//! Ending sessions by index or handle: many conditional deletes in flight, and what became of each.

use std::borrow::Borrow;
use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::attributes::{AsKey, IsIndex, SessionAttributes};
use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::{handle_of, stored_expiry};
use crate::lifetime::is_live;
use crate::request;
use crate::schema::Attribute;
use crate::session::Session;
use crate::store::{Deleted, DynamoDbStore};

/// How many deletes are under way at once.
const IN_FLIGHT: usize = 16;

impl<S: SessionAttributes + 'static> DynamoDbStore<S> {
    /// Ends all sessions whose promoted attribute has this value. Await it:
    ///
    /// ```ignore
    /// store.revoke(AppSession::USER_ID, "u-17").except(&session).await?;
    /// ```
    ///
    /// One `Query` for each megabyte of the index, and one `DeleteItem` for each session, on
    /// condition that it still has the value. The index is filled a moment after a write, so a
    /// session that was created or given the value just before can be missed; one that no longer
    /// has the value is never ended. Dropping the future stops it; what was deleted stays so.
    ///
    /// # Errors
    ///
    /// [`Error::Service`] if the index could not be read to its end; sessions may have been ended
    /// by then, and calling it again ends the rest. A session that could not be ended is no error
    /// here, but is in [`Revoked::failed`].
    pub fn revoke<I: IsIndex<S>>(&self, index: I, key: impl AsKey<I::Key>) -> Revoke<S> {
        Revoke {
            store: self.clone(),
            attribute: index.attribute(),
            value: key.as_key_value(),
            only: None,
            except: Vec::new(),
        }
    }

    /// Ends the session of this handle.
    ///
    /// One `DeleteItem`. Whose session it is is not checked: for a user who may end their own
    /// sessions alone, use [`revoke`](Self::revoke) with [`only`](Revoke::only).
    ///
    /// # Errors
    ///
    /// [`Error::Service`].
    pub async fn revoke_handle(&self, handle: &SessionHandle) -> Result<Revoked, Error> {
        let deleted = self
            .delete_item(|| request::delete(self.target(), *handle))
            .await?;
        let mut revoked = Revoked::default();
        revoked.note(*handle, Ok(self.outcome(*handle, deleted)));
        Ok(revoked)
    }

    async fn revoke_if(
        &self,
        handle: SessionHandle,
        attribute: &Attribute,
        value: &AttributeValue,
    ) -> (SessionHandle, Result<Outcome, Error>) {
        let request = || request::delete_if(self.target(), handle, attribute, value);
        let deleted = self.delete_item(request).await;
        (handle, deleted.map(|deleted| self.outcome(handle, deleted)))
    }

    fn outcome(&self, handle: SessionHandle, deleted: Deleted) -> Outcome {
        match deleted {
            Deleted::Was(item) => match stored_expiry(S::SCHEMA, handle, &item) {
                Ok(expires_at) if !is_live(expires_at, self.now()) => Outcome::AlreadyGone,
                _ => Outcome::Deleted,
            },
            Deleted::Lost => Outcome::Deleted,
            Deleted::Absent => Outcome::AlreadyGone,
            Deleted::Refused => Outcome::Moved,
        }
    }
}

enum Outcome {
    Deleted,
    AlreadyGone,
    Moved,
}

/// A revocation that begins when it is awaited; made by [`DynamoDbStore::revoke`].
#[must_use = "nothing is revoked until this is awaited"]
pub struct Revoke<S> {
    store: DynamoDbStore<S>,
    attribute: &'static Attribute,
    value: AttributeValue,
    only: Option<SessionHandle>,
    except: Vec<SessionHandle>,
}

impl<S> Revoke<S> {
    /// Ends this one session, if it has the value: a button beside each line of "your devices".
    ///
    /// One `DeleteItem` and no `Query`. The session of somebody else counts as
    /// [`moved`](Revoked::moved), and lives on.
    pub fn only(mut self, handle: impl Borrow<SessionHandle>) -> Self {
        self.only = Some(*handle.borrow());
        self
    }

    /// Spares this session: "log out everywhere else".
    pub fn except(self, session: &Session<S>) -> Self {
        self.except_handle(session.handle())
    }

    /// Spares the session of this handle.
    pub fn except_handle(mut self, handle: impl Borrow<SessionHandle>) -> Self {
        self.except.push(*handle.borrow());
        self
    }
}

impl<S: SessionAttributes + 'static> Revoke<S> {
    async fn run(self) -> Result<Revoked, Error> {
        let Self {
            store,
            attribute,
            value,
            only,
            except,
        } = &self;
        let mut revoked = Revoked::default();
        if let Some(handle) = *only {
            if !except.contains(&handle) {
                let (handle, outcome) = store.revoke_if(handle, attribute, value).await;
                revoked.note(handle, Ok(outcome?));
            }
            return Ok(revoked);
        }
        let mut start = None;
        loop {
            let page = request::find(store.target(), attribute, value, start, None)
                .send()
                .await;
            let page = page.map_err(|error| store.failed("Query", error))?;
            let handles = page
                .items()
                .iter()
                .filter_map(|key| handle_of(S::SCHEMA, key));
            let handles: Vec<_> = handles.filter(|handle| !except.contains(handle)).collect();
            let mut deletes = stream::iter(handles)
                .map(|handle| store.revoke_if(handle, attribute, value))
                .buffer_unordered(IN_FLIGHT);
            while let Some((handle, outcome)) = deletes.next().await {
                revoked.note(handle, outcome);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(revoked);
            }
        }
    }
}

impl<S: SessionAttributes + 'static> IntoFuture for Revoke<S> {
    type Output = Result<Revoked, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<S> fmt::Debug for Revoke<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revoke")
            .field("attribute", &self.attribute.name)
            .finish_non_exhaustive()
    }
}

/// What a revocation did.
#[derive(Debug, Default)]
#[must_use = "a session that could not be ended is still valid; see `failed`"]
pub struct Revoked {
    deleted: usize,
    already_gone: usize,
    moved: usize,
    failed: Vec<RevokeFailure>,
}

impl Revoked {
    /// How many live sessions were ended.
    pub fn deleted(&self) -> usize {
        self.deleted
    }

    /// How many sessions had ended or expired already.
    pub fn already_gone(&self) -> usize {
        self.already_gone
    }

    /// How many sessions the index still showed that have another value by now; they live on.
    pub fn moved(&self) -> usize {
        self.moved
    }

    /// The sessions that could not be ended, each with the reason. They are still valid.
    pub fn failed(&self) -> &[RevokeFailure] {
        &self.failed
    }

    fn note(&mut self, handle: SessionHandle, outcome: Result<Outcome, Error>) {
        match outcome {
            Ok(Outcome::Deleted) => self.deleted += 1,
            Ok(Outcome::AlreadyGone) => self.already_gone += 1,
            Ok(Outcome::Moved) => self.moved += 1,
            Err(error) => self.failed.push(RevokeFailure { handle, error }),
        }
    }
}

/// A session that could not be ended.
#[derive(Debug)]
pub struct RevokeFailure {
    handle: SessionHandle,
    error: Error,
}

impl RevokeFailure {
    /// The session, which is still valid.
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }

    /// Why it could not be ended.
    pub fn error(&self) -> &Error {
        &self.error
    }
}
