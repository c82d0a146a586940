//! What a hand does with the store while it has the session.

use crate::error::Error;
use crate::schema::SessionData;

use super::Loan;
use super::loan::OnFailure;

/// The session if it is still out of its slot, and what storing it has given.
type Stored<S, T> = (Option<Loan<S>>, Result<T, Error>);

impl<S: SessionData> Loan<S> {
    pub(crate) async fn save(self) -> Stored<S, ()> {
        let store = self.slot.config.store.clone();
        let save = |mut loan: Self| async move {
            let saved = loan.session_mut().save(&store).await;
            (loan, saved)
        };
        self.store(OnFailure::LeaveOut, save).await
    }

    /// `None` if there is neither a session nor data for one.
    pub(crate) async fn update<T: Send + 'static>(
        self,
        change: impl FnMut(&mut S) -> T + Send + 'static,
    ) -> Stored<S, Option<T>> {
        let store = self.slot.config.store.clone();
        // What one of several hands is told has failed must not be stored later.
        let undo = self.is_brief();
        let update = move |mut loan: Self| async move {
            let updated = loan.session_mut().update(&store, change, undo).await;
            (loan, updated)
        };
        self.store(OnFailure::LeaveOut, update).await
    }

    pub(crate) async fn log_in_as(self, data: S) -> Stored<S, ()> {
        let store = self.slot.config.store.clone();
        let log_in = |mut loan: Self| async move {
            let logged_in = loan.session_mut().log_in_as(&store, data).await;
            (loan, logged_in)
        };
        self.store(OnFailure::Keep, log_in).await
    }

    /// If the session has ended, there is nothing in the field.
    pub(crate) async fn take<T>(
        self,
        field: impl FnMut(&mut S) -> &mut T + Send + 'static,
    ) -> Stored<S, T>
    where
        T: Default + PartialEq + Send + 'static,
    {
        let store = self.slot.config.store.clone();
        let take = |mut loan: Self| async move {
            let taken = match loan.session_mut().take(&store, field).await {
                Err(Error::Gone(_)) => Ok(T::default()),
                taken => taken,
            };
            (loan, taken)
        };
        self.store(OnFailure::Keep, take).await
    }

    pub(crate) async fn refresh(self) -> Stored<S, ()> {
        let store = self.slot.config.store.clone();
        let refresh = |mut loan: Self| async move {
            let refreshed = loan.session_mut().refresh(&store).await;
            (loan, refreshed)
        };
        self.store(OnFailure::Keep, refresh).await
    }
}
