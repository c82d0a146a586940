//! Which sessions a user has, newest first, by an index of either kind.

mod page;

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use futures_core::Stream;

pub(crate) use self::page::PAGE;
use self::page::{Next, Page};
use crate::error::{DecodeError, Error};
use crate::id::SessionHandle;
use crate::item::image::{stored_expiry, stored_number};
use crate::item::lifetime::{Millis, seconds_to_time};
use crate::item::roster::Roster;
use crate::item::value::Map;
use crate::schema::Schema;
use crate::schema::{AsKey, IsIndex, SessionAttributes};
use crate::store::handle::DynamoDbStore;

/// What a listing shows of a session: enough for a page of "your devices", and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    handle: SessionHandle,
    created_at: Millis,
    touched_at: Millis,
    expires_at: u64,
}

impl SessionSummary {
    /// The public name of the session: revoke by it, and compare it with that of the current one.
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }

    /// When the session was created, to the millisecond.
    pub fn created_at(&self) -> SystemTime {
        self.created_at.time()
    }

    /// When the session was last saved or touched, to the millisecond.
    pub fn touched_at(&self) -> SystemTime {
        self.touched_at.time()
    }

    /// When the session will end unless it is saved or touched, to the second.
    pub fn expires_at(&self) -> SystemTime {
        seconds_to_time(self.expires_at)
    }

    fn read(schema: &Schema, handle: SessionHandle, item: &Map) -> Result<Self, DecodeError> {
        Ok(Self {
            handle,
            created_at: Millis(stored_number(schema.names.created_at, handle, item)?),
            touched_at: Millis(stored_number(schema.names.touched_at, handle, item)?),
            expires_at: stored_expiry(schema, handle, item)?,
        })
    }
}

impl<S: SessionAttributes + 'static> DynamoDbStore<S> {
    /// The live sessions whose promoted attribute has this value, newest first.
    ///
    /// Of a default index, for each 100 of them one `Query` and one `BatchGetItem`, sent as the
    /// stream is read. With shards, one `Query` for each of them at first, all at once, and a further
    /// one for each 32 sessions of a shard, or more. The index is filled a moment after a write, so a
    /// session that was created or changed just before can be missing.
    ///
    /// Of a consistent index, one `GetItem` of the roster and one `BatchGetItem` for each 100. None
    /// is missing that had the value all the time. For one that got a new id meanwhile the roster is
    /// read once more, and it is shown under that or the old one.
    ///
    /// What is shown is read consistently either way, so that no ended, expired or changed session
    /// is among it.
    ///
    /// It is a [`Stream`]; [`next`](Sessions::next) reads it without one's extension traits.
    pub fn sessions<I: IsIndex<S>>(&self, index: I, key: impl AsKey<I::Key>) -> Sessions<S> {
        Sessions {
            store: self.clone(),
            of: Roster {
                attribute: index.attribute(),
                value: key.as_key_value(),
            },
            left: usize::MAX,
            ready: VecDeque::new(),
            pages: Pages::More(match index.attribute().roster() {
                Some(_) => Next::Roster(None),
                None => Next::Index(None),
            }),
        }
    }
}

/// The sessions found by an index: a [`Stream`] of [`SessionSummary`], made by
/// [`DynamoDbStore::sessions`].
///
/// It holds one page at a time, and a page of keys of each shard; of a consistent index the names of its
/// sessions. An error of the service ends it; a session whose item is unreadable is an error in its
/// place, and the stream goes on.
#[must_use = "nothing is read until the stream is"]
pub struct Sessions<S> {
    store: DynamoDbStore<S>,
    of: Roster,
    /// How many more may be given.
    left: usize,
    ready: VecDeque<Result<SessionSummary, Error>>,
    pages: Pages,
}

type Loading = Pin<Box<dyn Future<Output = Result<Page, Error>> + Send>>;

enum Pages {
    /// There may be more, from here on.
    More(Next),
    Loading(Loading),
    Done,
}

impl<S: SessionAttributes + 'static> Sessions<S> {
    /// Gives at most `n` sessions, and reads no more of the index than that takes.
    pub fn limit(mut self, n: usize) -> Self {
        self.left = n;
        self
    }

    /// The next session, or none at the end.
    pub async fn next(&mut self) -> Option<Result<SessionSummary, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// All of them at once, for a page that shows them; bound it by [`limit`](Self::limit).
    ///
    /// # Errors
    ///
    /// The first error of the stream.
    pub async fn all(mut self) -> Result<Vec<SessionSummary>, Error> {
        let mut all = Vec::new();
        while let Some(session) = self.next().await {
            all.push(session?);
        }
        Ok(all)
    }

    /// How many live sessions there are, at most as many as [`limit`](Self::limit) allows.
    ///
    /// It reads them all, since DynamoDB's own count would include the expired ones.
    ///
    /// # Errors
    ///
    /// The first error of the stream.
    pub async fn count(mut self) -> Result<usize, Error> {
        let mut count = 0;
        while let Some(session) = self.next().await {
            session?;
            count += 1;
        }
        Ok(count)
    }
}

impl<S: SessionAttributes + 'static> Stream for Sessions<S> {
    type Item = Result<SessionSummary, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if this.left == 0 {
                return Poll::Ready(None);
            }
            if let Some(session) = this.ready.pop_front() {
                this.left -= 1;
                return Poll::Ready(Some(session));
            }
            match &mut this.pages {
                Pages::Done => return Poll::Ready(None),
                Pages::More(next) => {
                    let next = next.take();
                    let page = this.store.clone().page(this.of.clone(), next, this.left);
                    this.pages = Pages::Loading(Box::pin(page));
                }
                Pages::Loading(loading) => match std::task::ready!(loading.as_mut().poll(cx)) {
                    Ok(page) => {
                        this.ready = page.sessions;
                        this.pages = page.next.map_or(Pages::Done, Pages::More);
                    }
                    Err(error) => {
                        this.pages = Pages::Done;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
            }
        }
    }
}

impl<S> fmt::Debug for Sessions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("attribute", &self.of.attribute.name)
            .finish_non_exhaustive()
    }
}
