//! What a handler stores at once, and learns the outcome of.

use std::convert::Infallible;

use crate::error::{Error, GoneError};
use crate::schema::SessionData;
use crate::session::NewId;
use crate::store::DynamoDbStore;

use super::{Current, RequestSession, Snapshot};

impl<S: SessionData> RequestSession<S> {
    /// Stores the changes because the handler asks for it.
    pub(crate) async fn save(&mut self, store: &DynamoDbStore<S>) -> Result<(), Error> {
        self.carry_out_end(store, false).await?;
        self.check_read()?;
        self.store(store).await
    }

    /// Reads the session again.
    pub(crate) async fn refresh(&mut self, store: &DynamoDbStore<S>) -> Result<(), Error> {
        // The client has to learn the id that this gives the session.
        self.resume(store).await?;
        match &mut self.current {
            Current::Existing(session) => store.refresh(session).await,
            Current::Absent | Current::New { .. } => match self.ended {
                Some(handle) => Err(GoneError::new(handle).into()),
                None => self.check_read(),
            },
        }
    }

    /// Stores the earlier changes, and then this one, which it retries until it wins. `None` if there is
    /// neither a session nor data for one. If it fails, `undo` takes this change back.
    pub(crate) async fn update<T: Send>(
        &mut self,
        store: &DynamoDbStore<S>,
        change: impl FnMut(&mut S) -> T + Send,
        undo: bool,
    ) -> Result<Option<T>, Error> {
        if let Current::Existing(_) = self.current {
            // Without a touch: the update extends the idle timeout itself.
            let touch = std::mem::replace(&mut self.touch, false);
            let stored = self.save(store).await;
            self.touch = touch;
            stored?;
        }
        let is_new = self.session().is_none();
        let before = (undo && is_new).then(|| self.snapshot());
        let changed = self.change_now(store, change).await;
        if undo && changed.is_err() {
            self.take_back(before);
        }
        changed
    }

    async fn change_now<T: Send>(
        &mut self,
        store: &DynamoDbStore<S>,
        mut change: impl FnMut(&mut S) -> T + Send,
    ) -> Result<Option<T>, Error> {
        match &mut self.current {
            Current::Existing(session) => {
                let change = |data: &mut S| Ok::<_, Infallible>(change(data));
                let changed = store.try_update_loaded(session, change).await;
                changed.map(|Ok(value)| Some(value))
            }
            // A new session has no other writers.
            current => {
                let value = current.get_mut().map(change);
                self.save(store).await?;
                Ok(value)
            }
        }
    }

    /// Takes what is in this field, so that no other request does. It calls the store only if there is
    /// something.
    pub(crate) async fn take<T>(
        &mut self,
        store: &DynamoDbStore<S>,
        mut field: impl FnMut(&mut S) -> &mut T + Send,
    ) -> Result<T, Error>
    where
        T: Default + PartialEq + Send,
    {
        let mut copy = match &self.current {
            Current::Absent => return Ok(T::default()),
            Current::New { data, .. } => data.clone(),
            Current::Existing(session) => S::clone(session),
        };
        if *field(&mut copy) == T::default() {
            return Ok(T::default());
        }
        if let Current::New { .. } = self.current {
            let data = self.current.get_mut();
            return Ok(data
                .map(|data| std::mem::take(field(data)))
                .unwrap_or_default());
        }
        let taken = self.update(store, move |data| std::mem::take(field(data)), true);
        Ok(taken.await?.unwrap_or_default())
    }

    /// Logs in with this data, in place of that which the session has. Earlier changes are stored first.
    pub(crate) async fn log_in_as(
        &mut self,
        store: &DynamoDbStore<S>,
        data: S,
    ) -> Result<(), Error> {
        if self.has_changes() && self.session().is_some() {
            self.save(store).await?;
        }
        let is_new = self.session().is_none();
        let before = is_new.then(|| self.snapshot());
        match &mut self.current {
            Current::Existing(session) => ***session = data,
            current => *current = Current::New { data, before: None },
        }
        self.new_id = Some(NewId::LoggedIn);
        let logged_in = self.save(store).await;
        if logged_in.is_err() {
            self.new_id = None;
            self.take_back(before);
        }
        logged_in
    }

    /// Takes back a change that could not be stored. Everything else that a session has is stored already.
    fn take_back(&mut self, before: Option<Snapshot<S>>) {
        match (&mut self.current, before) {
            (Current::Existing(session), _) => session.discard(),
            (_, Some(before)) => self.restore(before),
            _ => {}
        }
    }
}
