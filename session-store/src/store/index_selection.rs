//! The sessions of one value of an index that an operation goes through: which of them, how many at once, and how
//! often.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::error::Error;
use crate::id::SessionHandle;
use crate::item::{Millis, can_be_key};
use crate::schema::{AsKey, IndexValue, IsIndex, SessionAttributes};

use super::handle::DynamoDbStore;
use super::index_pages::IndexPages;

/// Sessions that are dealt with at once, by default.
const IN_FLIGHT: usize = 16;

pub(super) struct IndexSelection<S> {
    pub(super) store: DynamoDbStore<S>,
    pub(super) of: IndexValue,
    /// This one alone, without reading the index.
    pub(super) only: Option<SessionHandle>,
    pub(super) except: Vec<SessionHandle>,
    pub(super) created_before: Option<Millis>,
    pub(super) in_flight: usize,
    /// A default index is gone through a second time after this.
    pub(super) sweep_after: Option<Duration>,
}

/// A pass through a default index.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    First,
    /// For sessions that the index had not shown yet.
    Second,
}

impl<S: SessionAttributes + 'static> IndexSelection<S> {
    /// Whether the index has every session of the type.
    pub(super) async fn is_complete(&self) -> bool {
        self.store.is_index_complete(self.of.attribute).await
    }
}

impl<S> IndexSelection<S> {
    pub(super) fn new<I: IsIndex<S>>(
        store: &DynamoDbStore<S>,
        index: I,
        key: impl AsKey<I::Key>,
    ) -> Self {
        Self {
            store: store.clone(),
            of: IndexValue {
                attribute: index.attribute(),
                value: key.as_key_value(),
            },
            only: None,
            except: Vec::new(),
            created_before: None,
            in_flight: IN_FLIGHT,
            sweep_after: None,
        }
    }

    /// Whether a session can have the value. If not, there is nothing to read.
    pub(super) fn is_possible(&self) -> bool {
        can_be_key(self.store.table().schema(), &self.of)
    }

    /// Whether a session of this handle is left as it is.
    pub(super) fn spares(&self, handle: SessionHandle) -> bool {
        self.except.contains(&handle)
    }

    /// Whether a session that was created at this moment belongs to the selection.
    pub(super) fn is_old_enough(&self, created_at: Option<Millis>) -> bool {
        let before = self.created_before;
        before.is_none_or(|before| created_at < Some(before))
    }

    /// Deals with those of these sessions that are not spared, some at once, and notes what became of each.
    pub(super) async fn for_each<T, F: Future<Output = T>>(
        &self,
        handles: impl IntoIterator<Item = SessionHandle>,
        act: impl Fn(SessionHandle) -> F,
        mut note: impl FnMut(T),
    ) {
        let handles = handles.into_iter();
        let wanted = handles.filter(|handle| !self.spares(*handle));
        let mut outcomes = stream::iter(wanted)
            .map(act)
            .buffer_unordered(self.in_flight);
        while let Some(outcome) = outcomes.next().await {
            note(outcome);
        }
    }

    /// Deals with all sessions that a default index shows, page by page.
    pub(super) async fn go_through_index<T, F: Future<Output = T>>(
        &self,
        act: impl Fn(SessionHandle) -> F,
        mut note: impl FnMut(Pass, T),
    ) -> Result<(), Error> {
        self.go_through(&act, |outcome| note(Pass::First, outcome))
            .await?;
        if let Some(delay) = self.sweep_after {
            tokio::time::sleep(delay).await;
            self.go_through(&act, |outcome| note(Pass::Second, outcome))
                .await?;
        }
        Ok(())
    }

    async fn go_through<T, F: Future<Output = T>>(
        &self,
        act: &impl Fn(SessionHandle) -> F,
        mut note: impl FnMut(T),
    ) -> Result<(), Error> {
        let mut pages = IndexPages::of(self.store.table(), &self.of, self.created_before);
        while let Some(handles) = pages.next().await? {
            self.for_each(handles, act, &mut note).await;
        }
        Ok(())
    }
}
