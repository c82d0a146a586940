//! `export`: all that is stored of a user.

use crate::schema::{AsKey, IsIndex, SessionAttributes};

use super::handle::DynamoDbStore;
use super::sessions::{ExportedSession, Sessions, exported};

impl<S: SessionAttributes + 'static> DynamoDbStore<S> {
    /// All that the table holds of the sessions whose promoted attribute has this value, for a person who asks for it.
    ///
    /// It is a list as [`sessions`](Self::sessions) gives it, at the price of
    /// [`with_data`](Sessions::with_data), and with what the type does not know: data of other programs, and the
    /// attributes that the store keeps. A session that has expired is in it as long as its item is there and the index
    /// shows it.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use session_store::{DynamoDbStore, Error, SessionAttributes};
    /// # #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
    /// # struct AppSession { #[dynamo(attr = "user_id", index)] user_id: String, csrf_token: String }
    /// async fn report(store: &DynamoDbStore<AppSession>, user: &str) -> Result<Vec<String>, Error> {
    ///     let mut report = Vec::new();
    ///     let mut sessions = store.export(AppSession::USER_ID, user);
    ///     while let Some(session) = sessions.next().await {
    ///         let session = session?.without(&["csrf_token"]);
    ///         report.push(serde_json::to_string(&session).expect("it has a form in JSON"));
    ///     }
    ///     Ok(report)
    /// }
    /// ```
    pub fn export<I: IsIndex<S>>(
        &self,
        index: I,
        key: impl AsKey<I::Key>,
    ) -> Sessions<S, ExportedSession> {
        exported(self.sessions(index, key))
    }
}
