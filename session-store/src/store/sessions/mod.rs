//! `sessions`: the sessions of a user, newest first, by an index of any kind.

mod entries;
mod exported;
mod merge;
mod page;
mod paged;
mod position;
mod rows;
mod stored;
mod summary;

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use futures_core::Stream;

use crate::error::{DecodeError, Error};
use crate::item::{Millis, Window};
use crate::schema::{AsKey, IndexValue, IsIndex, SessionAttributes, SessionData};

use self::page::{Listing, Next, Page, Row, page};
use self::position::Position;
use self::rows::Rows;
use super::handle::DynamoDbStore;

pub use self::exported::ExportedSession;
pub use self::paged::SessionsPage;
pub use self::position::{InvalidPageToken, PageToken};
pub use self::stored::StoredSession;
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
            listing: Listing {
                of: IndexValue {
                    attribute: index.attribute(),
                    value: key.as_key_value(),
                },
                rows: Rows::summaries(),
                window: Window::default(),
                start: None,
            },
            left: usize::MAX,
            position: None,
            ready: VecDeque::new(),
            is_complete: false,
            pages: Pages::More(Next::First),
        }
    }
}

/// The sessions found by an index: a [`Stream`] of [`SessionSummary`], made by
/// [`DynamoDbStore::sessions`], or of [`StoredSession`], made by [`with_data`](Sessions::with_data).
///
/// It holds one page at a time, and a page of keys of each shard; by a consistent index, the handles of
/// all its sessions. An error of the service ends it. A session whose item cannot be read is an error in
/// its place, and the stream goes on.
#[must_use = "nothing is read until the stream is"]
pub struct Sessions<S, R = SessionSummary> {
    store: DynamoDbStore<S>,
    listing: Listing<R>,
    /// How many more sessions may be given.
    left: usize,
    /// After the last session that was given, here or on the page before.
    position: Option<Position>,
    ready: VecDeque<Row<R>>,
    pages: Pages<R>,
    is_complete: bool,
}

type Loading<R> = Pin<Box<dyn Future<Output = (Result<Page<R>, Error>, bool)> + Send>>;

enum Pages<R> {
    /// There may be more, from here on.
    More(Next),
    Loading(Loading<R>),
    Done,
}

/// Nothing in it is pinned but what is boxed.
impl<S, R> Unpin for Sessions<S, R> {}

impl<S, R> Sessions<S, R> {
    /// The same list with other rows, from its beginning.
    fn with_rows<T>(self, rows: Rows<T>) -> Sessions<S, T> {
        let Listing {
            of, window, start, ..
        } = self.listing;
        Sessions {
            store: self.store,
            left: self.left,
            position: start.clone(),
            listing: Listing {
                of,
                rows,
                window,
                start,
            },
            ready: VecDeque::new(),
            pages: Pages::More(Next::First),
            is_complete: false,
        }
    }

    pub(super) fn into_parts(self) -> (DynamoDbStore<S>, IndexValue) {
        (self.store, self.listing.of)
    }
}

impl<S: SessionAttributes + 'static, R: Send + 'static> Sessions<S, R> {
    /// Gives at most `n` sessions, and reads no more of the index than that takes.
    pub fn limit(mut self, n: usize) -> Self {
        self.left = n;
        self
    }

    /// The oldest session first, by time of creation; otherwise it is the newest.
    pub fn oldest_first(mut self) -> Self {
        self.listing.window.oldest_first = true;
        self
    }

    /// Only the sessions that were created before this moment, to the millisecond by the clock of the host that
    /// created them.
    pub fn created_before(mut self, moment: SystemTime) -> Self {
        self.listing.window.before = Some(Millis::of(moment));
        self
    }

    /// Only the sessions that were created at this moment or later. Together with
    /// [`created_before`](Self::created_before) the same moment divides a list in two.
    pub fn created_after(mut self, moment: SystemTime) -> Self {
        self.listing.window.from = Some(Millis::of(moment));
        self
    }

    /// Whether the index has every session of the type, as far as is known; false before the first session was
    /// asked for. If it is not, sessions that are older than the index may be missing; run
    /// [`reindex`](DynamoDbStore::reindex) once after the deploy that has added or changed the index.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The next session, or none at the end.
    pub async fn next(&mut self) -> Option<Result<R, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
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
            readable(session)?.ok();
            count += 1;
        }
        Ok(count)
    }
}

impl<S: SessionAttributes + 'static> Sessions<S> {
    /// The same sessions with all that they hold, at the same price: DynamoDB bills the whole of each session that it
    /// reads, also if only a part is asked for. A page is up to 100 sessions, and all of them are in memory at once. The
    /// list begins anew.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, Error, SessionAttributes};
    /// # #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    /// # struct AppSession { #[dynamo(attr = "user_id", index)] user_id: String, cart: Vec<String> }
    /// async fn carts(store: &DynamoDbStore<AppSession>, user: &str) -> Result<usize, Error> {
    ///     let mut lines = 0;
    ///     let mut sessions = store.sessions(AppSession::USER_ID, user).with_data();
    ///     while let Some(session) = sessions.next().await {
    ///         lines += session?.cart.len();
    ///     }
    ///     Ok(lines)
    /// }
    /// ```
    pub fn with_data(self) -> Sessions<S, StoredSession<S>>
    where
        S: SessionData,
    {
        self.with_rows(Rows::with_data())
    }

    /// All of them at once, for a page that shows them; bound it by [`limit`](Self::limit).
    ///
    /// A session whose item cannot be read does not hide the others. It is in its place in the list, as one that
    /// [is unreadable](SessionSummary::is_unreadable), so that it can be ended by its handle.
    ///
    /// # Errors
    ///
    /// The first error of the service.
    pub async fn all(mut self) -> Result<Vec<SessionSummary>, Error> {
        let mut all = Vec::new();
        while let Some(session) = self.next().await {
            match readable(session)? {
                Ok(session) => all.push(session),
                Err(error) => all.extend(error.handle().map(SessionSummary::unreadable)),
            }
        }
        Ok(all)
    }
}

impl<S: SessionData> Sessions<S, StoredSession<S>> {
    /// All of them at once; bound it by [`limit`](Self::limit).
    ///
    /// A session that cannot be read does not hide the others. It is an error in its place, with the handle by which
    /// it can be ended.
    ///
    /// # Errors
    ///
    /// The first error of the service.
    pub async fn all(mut self) -> Result<Vec<Result<StoredSession<S>, DecodeError>>, Error> {
        let mut all = Vec::new();
        while let Some(session) = self.next().await {
            all.push(readable(session)?);
        }
        Ok(all)
    }
}

/// The same list with all that is stored.
pub(super) fn exported<S>(sessions: Sessions<S>) -> Sessions<S, ExportedSession> {
    sessions.with_rows(Rows::exported())
}

/// Tells a session that cannot be read from an error that ends the list.
fn readable<R>(session: Result<R, Error>) -> Result<Result<R, DecodeError>, Error> {
    match session {
        Ok(session) => Ok(Ok(session)),
        Err(Error::Decode(error)) if error.handle().is_some() => Ok(Err(*error)),
        Err(error) => Err(error),
    }
}

impl<S: SessionAttributes + 'static, R: Send + 'static> Stream for Sessions<S, R> {
    type Item = Result<R, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if this.left == 0 {
                return Poll::Ready(None);
            }
            if let Some((place, session)) = this.ready.pop_front() {
                this.left -= 1;
                this.position = Some(Position::after(this.position.take(), place));
                return Poll::Ready(Some(session));
            }
            match &mut this.pages {
                Pages::Done => return Poll::Ready(None),
                Pages::More(next) => {
                    let (store, listing) = (this.store.clone(), this.listing.clone());
                    let (next, limit) = (std::mem::replace(next, Next::First), this.left);
                    let was_complete = this.is_complete;
                    let page = async move {
                        let is_complete =
                            was_complete || store.is_index_complete(listing.of.attribute).await;
                        let page = page(store.table(), &listing, next, limit);
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

impl<S, R> fmt::Debug for Sessions<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("attribute", &self.listing.of.attribute.name)
            .finish_non_exhaustive()
    }
}
