//! The row of a listing: what is read of one session, and what is made of it.

use std::collections::HashMap;

use crate::dynamodb::Table;
use crate::error::{DecodeError, Error};
use crate::id::SessionHandle;
use crate::item::{Map, Millis};
use crate::schema::{Schema, SessionData};

use super::exported::ExportedSession;
use super::stored::StoredSession;
use super::summary::SessionSummary;

type Read<R> = fn(&Table, SessionHandle, Map, Millis) -> Result<Option<R>, DecodeError>;

/// How a listing gets its rows.
pub(super) struct Rows<R> {
    /// The attributes that are read of each session; `None` for all.
    shown: Option<fn(&Schema) -> Vec<&'static str>>,
    /// The row of a session in an item; `None` if it has expired.
    read: Read<R>,
}

impl<R> Clone for Rows<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Rows<R> {}

impl Rows<SessionSummary> {
    pub(super) fn summaries() -> Self {
        Self {
            shown: Some(SessionSummary::shown),
            read: |table, handle, item, now| {
                let summary = SessionSummary::read(table.schema(), handle, item)?;
                let is_live = summary.is_live(table.schema(), now);
                Ok(Some(summary).filter(|_| is_live))
            },
        }
    }
}

impl<S: SessionData> Rows<StoredSession<S>> {
    pub(super) fn with_data() -> Self {
        Self {
            shown: None,
            read: StoredSession::read,
        }
    }
}

impl Rows<ExportedSession> {
    pub(super) fn exported() -> Self {
        Self {
            shown: None,
            read: |table, handle, item, _| Ok(Some(ExportedSession::read(table, handle, item))),
        }
    }
}

impl<R> Rows<R> {
    pub(super) async fn items(
        self,
        table: &Table,
        handles: &[SessionHandle],
    ) -> Result<HashMap<SessionHandle, Map>, Error> {
        let shown = self.shown.map(|shown| shown(table.schema()));
        Ok(table.items(handles, shown.as_deref()).await?)
    }

    pub(super) fn read(
        self,
        table: &Table,
        handle: SessionHandle,
        item: Map,
    ) -> Result<Option<R>, Error> {
        Ok((self.read)(table, handle, item, table.now())?)
    }
}
