//! `sessions`: the sessions of a user, newest first, by an index of any kind.

mod page;
mod summary;

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::error::Error;
use crate::schema::{AsKey, IndexValue, IsIndex, SessionAttributes};

use self::page::{Next, Page, page};
use super::handle::DynamoDbStore;

pub use self::summary::SessionSummary;

impl<S: SessionAttributes + 'static> DynamoDbStore<S> {
    /// The live sessions whose promoted attribute has this value, newest first.
    ///
    /// By a default index, one `Query` and one `BatchGetItem` for each 100 sessions, sent as the stream is
    /// read. With shards, one `Query` for each shard at first, all at once, and a further one for every 32
    /// sessions of a shard, or more. The index is filled a moment after a write, so a session that was
    /// created or changed just before can be missing.
    ///
    /// By a consistent index, one `BatchGetItem` of the roster and of the keys that it had in earlier programs, and
    /// one for each 100 sessions. No session is missing that had the value all the time. If one got a new id
    /// meanwhile, the roster is read once more, and the session is shown under its old or its new handle.
    ///
    /// An index that a deploy has added or changed may lack sessions of before; [`Sessions::is_complete`] tells,
    /// at the price that [`revoke`](Self::revoke) states.
    ///
    /// Either way the sessions themselves are read consistently, so that the list has no session that
    /// ended, expired or has another value by now.
    ///
    /// The result is a [`Stream`]; [`next`](Sessions::next) reads it without extension traits.
    pub fn sessions<I: IsIndex<S>>(&self, index: I, key: impl AsKey<I::Key>) -> Sessions<S> {
        Sessions {
            store: self.clone(),
            of: IndexValue {
                attribute: index.attribute(),
                value: key.as_key_value(),
            },
            left: usize::MAX,
            ready: VecDeque::new(),
            is_complete: false,
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
/// It holds one page at a time, and a page of keys of each shard; by a consistent index, the handles of
/// all its sessions. An error of the service ends it. A session whose item cannot be read is an error in
/// its place, and the stream goes on.
#[must_use = "nothing is read until the stream is"]
pub struct Sessions<S> {
    store: DynamoDbStore<S>,
    of: IndexValue,
    /// How many more sessions may be given.
    left: usize,
    ready: VecDeque<Result<SessionSummary, Error>>,
    pages: Pages,
    is_complete: bool,
}

type Loading = Pin<Box<dyn Future<Output = (Result<Page, Error>, bool)> + Send>>;

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

    /// Whether the index has every session of the type, as far as is known; false before the first session was
    /// asked for. If it is not, sessions that are older than the index may be missing; run
    /// [`reindex`](DynamoDbStore::reindex) once after the deploy that has added or changed the index.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The next session, or none at the end.
    pub async fn next(&mut self) -> Option<Result<SessionSummary, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// All of them at once, for a page that shows them; bound it by [`limit`](Self::limit).
    ///
    /// A session whose item cannot be read does not hide the others. It is in the list with 1970 for
    /// all its times, so that it can be ended by its handle.
    ///
    /// # Errors
    ///
    /// The first error of the service.
    pub async fn all(mut self) -> Result<Vec<SessionSummary>, Error> {
        let mut all = Vec::new();
        while let Some(session) = self.next().await {
            all.push(or_unreadable(session)?);
        }
        Ok(all)
    }

    /// How many live sessions there are, at most as many as [`limit`](Self::limit) allows.
    ///
    /// It reads them all, since DynamoDB's own count would include the expired ones.
    ///
    /// One whose item cannot be read counts, since it may be live.
    ///
    /// # Errors
    ///
    /// The first error of the service.
    pub async fn count(mut self) -> Result<usize, Error> {
        let mut count = 0;
        while let Some(session) = self.next().await {
            or_unreadable(session)?;
            count += 1;
        }
        Ok(count)
    }
}

/// Shows a session that cannot be read by its handle alone.
fn or_unreadable(session: Result<SessionSummary, Error>) -> Result<SessionSummary, Error> {
    match session {
        Err(Error::Decode(error)) if error.handle().is_some() => {
            let unreadable = error.handle().map(SessionSummary::unreadable);
            unreadable.ok_or(Error::Decode(error))
        }
        session => session,
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
                    let (store, of) = (this.store.clone(), this.of.clone());
                    let (next, limit) = (next.take(), this.left);
                    let was_complete = this.is_complete;
                    let page = async move {
                        let is_complete =
                            was_complete || store.is_index_complete(of.attribute).await;
                        let page = page(store.table(), &of, next, limit);
                        (store.observe("list", page).await, is_complete)
                    };
                    this.pages = Pages::Loading(Box::pin(page));
                }
                Pages::Loading(loading) => {
                    let (page, is_complete) = std::task::ready!(loading.as_mut().poll(cx));
                    this.is_complete = is_complete;
                    match page {
                        Ok(page) => {
                            this.ready = page.sessions;
                            this.pages = page.next.map_or(Pages::Done, Pages::More);
                        }
                        Err(error) => {
                            this.pages = Pages::Done;
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
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
