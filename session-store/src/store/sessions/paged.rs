//! One web page of a list, and the token for the next.

use serde::Serialize;

use crate::error::{DecodeError, Error};
use crate::schema::{SessionAttributes, SessionData};

use super::position::{InvalidPageToken, PageToken};
use super::stored::StoredSession;
use super::summary::SessionSummary;
use super::{Sessions, readable};

/// A page of a list of sessions, made by [`Sessions::page`].
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SessionsPage<R> {
    /// The sessions of the page.
    pub sessions: Vec<R>,
    /// For the page after it; `None` if this is the last.
    pub next: Option<PageToken>,
    /// Whether the index has every session of the type, as [`Sessions::is_complete`] says.
    pub is_complete: bool,
}

impl<S: SessionAttributes + 'static, R: Send + 'static> Sessions<S, R> {
    /// Goes on after the page whose token this is. Call it last: the token is of the same list in the same order.
    ///
    /// No session is on two pages. Those that begin meanwhile are on a later page only if the oldest come first, and
    /// those that have ended are on none. The token stays valid if the session that it names ends.
    ///
    /// # Errors
    ///
    /// [`InvalidPageToken`] if it is the token of another list.
    pub fn after(mut self, token: &PageToken) -> Result<Self, InvalidPageToken> {
        let (schema, listing) = (self.store.table().schema(), &mut self.listing);
        if !token.is_of(schema, &listing.of, listing.window) {
            return Err(InvalidPageToken(()));
        }
        listing.start = Some(token.position.clone());
        self.position.clone_from(&listing.start);
        Ok(self)
    }

    /// At most so many sessions, and the token for those after them if there are any.
    async fn page_of<T>(
        mut self,
        sessions: usize,
        row: impl Fn(Result<R, DecodeError>) -> Option<T>,
    ) -> Result<SessionsPage<T>, Error> {
        let mut page = SessionsPage {
            sessions: Vec::new(),
            next: None,
            is_complete: false,
        };
        let mut last = None;
        let size = sessions.max(1);
        // One more tells whether there is another page.
        self.left = size.saturating_add(1);
        let mut read = 0;
        while let Some(session) = self.next().await {
            let session = readable(session)?;
            if read == size {
                let (schema, listing) = (self.store.table().schema(), &self.listing);
                let token =
                    |position| PageToken::new(schema, &listing.of, listing.window, position);
                page.next = last.map(token);
                break;
            }
            read += 1;
            page.sessions.extend(row(session));
            last = self.position.clone();
        }
        page.is_complete = self.is_complete;
        Ok(page)
    }
}

impl<S: SessionAttributes + 'static> Sessions<S> {
    /// One page for the web, of so many sessions, and the token for the page after it.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, Error, PageToken, SessionAttributes, SessionSummary, SessionsPage};
    /// # #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    /// # struct AppSession { #[dynamo(attr = "user_id", index)] user_id: String }
    /// async fn devices(
    ///     store: &DynamoDbStore<AppSession>,
    ///     user: &str,
    ///     after: Option<&str>,
    /// ) -> Result<SessionsPage<SessionSummary>, Error> {
    ///     let sessions = || store.sessions(AppSession::USER_ID, user);
    ///     let more = after.and_then(|token| sessions().after(&PageToken::parse(token).ok()?).ok());
    ///     // A token that is none begins with the first page.
    ///     more.unwrap_or_else(sessions).page(20).await
    /// }
    /// ```
    ///
    /// It has at least one session, and [`limit`](Self::limit) has no effect on it. It reads one session more than it
    /// gives, and with a consistent index the roster for each page. Each page has as
    /// many sessions as asked for, but the last. A session that cannot be read is in its place, as in
    /// [`all`](Self::all).
    ///
    /// # Errors
    ///
    /// The first error of the service.
    pub async fn page(self, sessions: usize) -> Result<SessionsPage<SessionSummary>, Error> {
        let row = |session: Result<SessionSummary, DecodeError>| match session {
            Ok(session) => Some(session),
            Err(error) => error.handle().map(SessionSummary::unreadable),
        };
        self.page_of(sessions, row).await
    }
}

impl<S: SessionData> Sessions<S, StoredSession<S>> {
    /// The same page with the data of each session, or why it cannot be read.
    ///
    /// # Errors
    ///
    /// The first error of the service.
    pub async fn page(
        self,
        sessions: usize,
    ) -> Result<SessionsPage<Result<StoredSession<S>, DecodeError>>, Error> {
        self.page_of(sessions, Some).await
    }
}
