//! New sessions: put once under an id, and taken back where it is not known what became of that.

use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamodb::failure::Attempts;
use crate::dynamodb::request::session as request;
use crate::dynamodb::write::{Written, backoff};
use crate::error::{Error, ServiceError, SetupError, TooLargeError};
use crate::id::{SessionHandle, SessionId};
use crate::item::format::is_packed;
use crate::item::image::{Image, Nonce, key};
use crate::item::lifetime::{self, Millis};
use crate::item::roster::{Change, entries, rosters};
use crate::item::value::Map;
use crate::rosters::enter::Evicted;
use crate::schema::SessionAttributes;
use crate::session::{Session, State, Unknown};
use crate::store::handle::DynamoDbStore;

/// How many ids `create` tries, as often as the SDK sends a request by itself.
const MAX_CREATES: u32 = 3;

impl<S> DynamoDbStore<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Stores a new session under a new id.
    ///
    /// One `PutItem`, on condition that the id is free. It is never sent twice under one id: when
    /// the outcome is not known, what may be there is deleted, and another id is taken.
    ///
    /// For each consistent index that the session has a value for, one `UpdateItem` enters it into
    /// the roster, and one more if it is the first of its value. Where that is one too many, the
    /// sessions of the value are read, and what has ended makes room; if nothing has, the oldest is
    /// ended in one transaction ([`Session::evicted`] tells), or the new one refused, as the index
    /// says.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] and [`Error::TooLarge`] before any request; [`Error::Limit`];
    /// [`Error::Conflict`] if too many entered one roster at once; [`Error::Service`]. After any of
    /// them there is no new session.
    pub async fn create(&self, data: S) -> Result<Session<S>, Error> {
        let schema = S::SCHEMA;
        let id = SessionId::mint()?;
        let handle = id.handle();
        let image = Image::of(handle, &data)?;
        let now = self.now();
        let mut state = State {
            handle,
            id,
            created_at: now,
            touched_at: now,
            expires_at: lifetime::expires_at(schema, now, now, None),
            idle: None,
            version: 1,
            seen: 1,
            written: Some(1),
            packed: false,
            promoted: image.promoted(),
            unknown: Unknown::default(),
        };
        let item = image.into_item(schema, &state, Nonce::mint()?)?;
        state.packed = is_packed(schema, &item);
        let next = || {
            state.rename(SessionId::mint()?);
            Ok(state.handle)
        };
        let evicted = self.insert(item, handle, now, next).await?;
        let mut session = Session::new(data, state);
        session.evicted = evicted;
        Ok(session)
    }
}

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Puts a new item where none is, under the first handle or the next that is free, and enters
    /// it into its rosters. Gives those that were ended for it.
    ///
    /// No handle is tried twice: a put of unknown outcome that was sent again could bring back a
    /// session that was revoked in between. What it may have left is deleted.
    pub(crate) async fn insert(
        &self,
        mut item: Map,
        mut handle: SessionHandle,
        created_at: Millis,
        mut next: impl FnMut() -> Result<SessionHandle, Error>,
    ) -> Result<Vec<SessionHandle>, Error> {
        let mut evicted = Evicted::default();
        for attempt in 1..=MAX_CREATES {
            let entered = match self.put_once(item.clone()).await {
                Ok(Written::Done(_)) => {
                    let entries = entries(S::SCHEMA, &item, handle, created_at);
                    match self.enter_all(entries, &mut evicted).await {
                        Ok(()) => return Ok(self.ended(evicted).await),
                        entered => entered,
                    }
                }
                Ok(Written::TooLarge) => {
                    return Err(TooLargeError {
                        size: None,
                        largest: Vec::new(),
                    }
                    .into());
                }
                Ok(Written::Refused { .. }) => Ok(()),
                Err(error) if error.outcome_unknown() => Err(error.into()),
                Err(error) if attempt == MAX_CREATES || !error.is_retryable() => {
                    return Err(error.into());
                }
                Err(_) => {
                    backoff(attempt).await;
                    Ok(())
                }
            };
            if let Err(error) = entered {
                let taken_back = self.take_back(handle, &item).await;
                let again = matches!(&error, Error::Service(error) if error.is_retryable());
                if attempt == MAX_CREATES || !again || !taken_back {
                    return Err(error);
                }
                backoff(attempt).await;
            }
            handle = next()?;
            item.extend(key(S::SCHEMA, handle));
        }
        Err(SetupError::new("every new id is taken: the system's random bytes are broken").into())
    }

    async fn enter_all(&self, entries: Vec<Change>, evicted: &mut Evicted) -> Result<(), Error> {
        for entry in entries {
            self.enter(entry, evicted).await?;
        }
        Ok(())
    }

    /// Deletes what a new session may have left of which nobody knows yet, and says whether it could.
    ///
    /// Nobody knows its id, so what stays is of no use to anybody, and goes when it expires. What may
    /// be in a roster leaves it after the session, never before.
    async fn take_back(&self, handle: SessionHandle, item: &Map) -> bool {
        let deleted = self
            .delete_item(|| request::delete(self.target(), handle))
            .await;
        match &deleted {
            Ok(_) => self.leave_all(&rosters(S::SCHEMA, item), handle).await,
            Err(error) => {
                tracing::debug!(%handle, %error, "a session of unknown outcome could not be taken back");
            }
        }
        deleted.is_ok()
    }

    /// Sends a put once and never again, whatever the client's settings are.
    async fn put_once(&self, item: Map) -> Result<Written, ServiceError> {
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let request = request::create(self.target(), item);
        let answer = request.customize().config_override(once).send().await;
        self.written(
            "PutItem",
            answer.map(|done| done.attributes),
            &Attempts::default(),
        )
    }
}
