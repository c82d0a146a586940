//! A session as it is stored, read by somebody who does not have its id.

use std::fmt;
use std::ops::Deref;

use crate::dynamodb::Table;
use crate::error::DecodeError;
use crate::id::SessionHandle;
use crate::item::{Map, Millis, decode};
use crate::schema::SessionData;

use super::summary::SessionSummary;

/// A session with all that it holds, and without its id: to show and to decide by, not to change. It dereferences to
/// `S`.
///
/// [`find`](crate::DynamoDbStore::find) and [`with_data`](crate::Sessions::with_data) give it. To change the stored
/// session, pass its handle to [`update_handle`](crate::DynamoDbStore::update_handle).
///
/// `S` may hold secrets, such as a token of another service. Show fields of it by name, and not the whole of it.
#[derive(Clone)]
pub struct StoredSession<S> {
    summary: SessionSummary,
    data: S,
}

impl<S> StoredSession<S> {
    /// The public identifier of the session.
    pub fn handle(&self) -> SessionHandle {
        self.summary.handle()
    }

    /// Its times and promoted attributes, as in a list without data.
    ///
    /// An associated function, so that it hides no method of `S`.
    pub fn summary(stored: &Self) -> &SessionSummary {
        &stored.summary
    }

    /// The struct, without the session around it.
    ///
    /// An associated function, so that it hides no method of `S`.
    pub fn into_data(stored: Self) -> S {
        stored.data
    }
}

impl<S: SessionData> StoredSession<S> {
    /// The session in an item; `None` if it has expired.
    pub(in crate::store) fn read(
        table: &Table,
        handle: SessionHandle,
        item: Map,
        now: Millis,
    ) -> Result<Option<Self>, DecodeError> {
        let decoded = decode::<S>(&table.codec, handle, item, now)?;
        Ok(decoded.map(|(data, state)| Self {
            summary: SessionSummary::of_state(table.schema(), state),
            data,
        }))
    }
}

impl<S> Deref for StoredSession<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.data
    }
}

impl<S: fmt::Debug> fmt::Debug for StoredSession<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSession")
            .field("handle", &self.handle())
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}
