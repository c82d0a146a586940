//! The session of one request: what the handler has in hand, and how that is stored.

use std::convert::Infallible;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cookie::{Known, Notice};
use crate::dynamodb::write::backoff;
use crate::error::{EncodeError, Error};
use crate::id::{SessionHandle, SessionId};
use crate::item::delta::{Delta, Intent};
use crate::item::image::Image;
use crate::item::lifetime::{absolute_end, seconds_to_time};
use crate::schema::SessionAttributes;
use crate::session::Session;
use crate::store::handle::DynamoDbStore;

/// How often a change of id is resumed of which no answer came.
const MAX_RESUMED: u32 = 3;

/// What a handler has in hand.
pub(super) struct Held<S> {
    pub(super) data: Data<S>,
    /// The handler has ended the session; and which, if there was one.
    pub(super) ended: Option<Option<SessionId>>,
    pub(super) cycle: bool,
    /// Whether the store's policy may touch it.
    pub(super) touch: bool,
    /// The read failed, and nothing is written after a failed read.
    pub(super) read_only: bool,
    /// The handler has tried to store it, and deals with the failure itself.
    pub(super) given_up: bool,
    pub(super) idle: Option<Option<Duration>>,
    /// The version that was read.
    pub(super) read: Option<u64>,
    /// What the client has to learn of its id.
    pub(super) notice: Option<Notice>,
}

pub(super) enum Data<S> {
    /// There is no session as yet; and what the data was before the first mutable access.
    Absent {
        data: S,
        before: Option<Box<S>>,
    },
    Stored(Box<Session<S>>),
}

impl<S: Default> Held<S> {
    pub(super) fn of(session: Option<Session<S>>) -> Self {
        Self {
            read: session.as_ref().and_then(Session::written_version),
            data: match session {
                Some(session) => Data::Stored(Box::new(session)),
                None => Data::absent(),
            },
            ended: None,
            cycle: false,
            touch: true,
            read_only: false,
            given_up: false,
            idle: None,
            notice: None,
        }
    }

    pub(super) fn end(&mut self) {
        let id = match std::mem::replace(&mut self.data, Data::absent()) {
            Data::Stored(session) => Some(session.id().clone()),
            // One that it has ended before is not ended yet.
            Data::Absent { .. } => self.ended.take().flatten(),
        };
        self.ended = Some(id);
        self.given_up = false;
        self.cycle = false;
    }
}

impl<S: Default> Data<S> {
    fn absent() -> Self {
        Self::Absent {
            data: S::default(),
            before: None,
        }
    }
}

impl<S: Clone> Data<S> {
    pub(super) fn get_mut(&mut self) -> &mut S {
        match self {
            Self::Absent { data, before } => {
                before.get_or_insert_with(|| Box::new(data.clone()));
                data
            }
            Self::Stored(session) => session,
        }
    }
}

impl<S> Held<S> {
    pub(super) fn session(&self) -> Option<&Session<S>> {
        match &self.data {
            Data::Stored(session) => Some(session),
            Data::Absent { .. } => None,
        }
    }
}

impl<S> Held<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Whether there can be anything to store.
    pub(super) fn is_due(&self, store: &DynamoDbStore<S>) -> bool {
        if self.read_only || self.given_up {
            return false;
        }
        self.ended.is_some()
            || self.cycle
            || match &self.data {
                Data::Absent { before, .. } => before.is_some(),
                Data::Stored(session) => {
                    session.unsaved().is_some()
                        || self.idle.is_some()
                        || (self.touch && store.is_touch_due(session))
                }
            }
    }

    /// Ends what was ended, and stores what was changed.
    pub(super) async fn store(&mut self, store: &DynamoDbStore<S>) -> Result<(), Error> {
        if self.read_only {
            tracing::warn!("the session could not be read, and changes to it are not stored");
            return Ok(());
        }
        if let Some(ended) = &self.ended {
            if let Some(id) = ended {
                store.delete(id).await?;
            }
            self.ended = None;
            self.notice = Some(Notice::Ended);
        }
        if let Data::Absent { data, before } = &self.data {
            if !is_changed(before.as_deref(), data)? {
                return Ok(());
            }
            let session = store.create(data.clone()).await?;
            self.notice = Some(notice(store, &session));
            self.cycle = false;
            self.data = Data::Stored(Box::new(session));
        }
        let Data::Stored(session) = &mut self.data else {
            return Ok(());
        };
        if let Some(idle) = self.idle {
            Session::set_idle_timeout(session, idle);
        }
        if self.cycle {
            cycle(store, session).await?;
            self.cycle = false;
            self.notice = Some(notice(store, session));
        } else {
            store.save(session).await?;
            if self.touch
                && let Err(error) = store.touch(session).await
            {
                // The next request tries again; this one has what it came for.
                tracing::warn!("the idle timeout was not extended: {error}");
            }
        }
        self.idle = None;
        Ok(())
    }

    /// Lets the client learn which version it has to ask for from now on, where what it sent does not
    /// say so.
    pub(super) fn tell_version(&mut self, store: &DynamoDbStore<S>, sent: Option<u64>) {
        let Data::Stored(session) = &self.data else {
            return;
        };
        let has_written = Session::written_version(session) != self.read;
        if self.notice.is_none() && (has_written || sent.is_none()) {
            self.notice = Some(notice(store, session));
        }
    }

    /// Stores what was changed before, then this change, again and again until it wins.
    pub(super) async fn update<T: Send>(
        &mut self,
        store: &DynamoDbStore<S>,
        mut change: impl FnMut(&mut S) -> T + Send,
    ) -> Result<T, Error> {
        if let Data::Stored(_) = self.data {
            // Not by a touch: the update extends the idle timeout itself.
            let touch = std::mem::replace(&mut self.touch, false);
            let stored = self.store(store).await;
            self.touch = touch;
            stored?;
        }
        match &mut self.data {
            Data::Stored(session) => {
                let change = |data: &mut S| Ok::<_, Infallible>(change(data));
                let changed = store.try_update_loaded(session, change).await;
                changed.map(|Ok(value)| value)
            }
            // Nobody else can change what only now begins.
            Data::Absent { .. } => {
                let value = change(self.data.get_mut());
                self.store(store).await?;
                Ok(value)
            }
        }
    }
}

fn notice<S: SessionAttributes>(store: &DynamoDbStore<S>, session: &Session<S>) -> Notice {
    let end = absolute_end(S::SCHEMA, session.state.created_at);
    let known = Known {
        id: session.id().clone(),
        version: Session::written_version(session).filter(|_| store.reads_own_writes()),
    };
    Notice::New(known, seconds_to_time(end))
}

/// Until it is known which id is valid, if that can be had.
async fn cycle<S>(store: &DynamoDbStore<S>, session: &mut Session<S>) -> Result<(), Error>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    for resumed in 1..=MAX_RESUMED {
        match store.cycle_id(session).await {
            Err(Error::Service(error)) if error.outcome_unknown() => {}
            Err(Error::Conflict(error)) if error.outcome_unknown() => {}
            cycled => return cycled,
        }
        backoff(resumed).await;
    }
    store.cycle_id(session).await
}

/// A handler that took a mutable reference may still have changed nothing.
fn is_changed<S: SessionAttributes + Serialize>(
    before: Option<&S>,
    data: &S,
) -> Result<bool, EncodeError> {
    let Some(before) = before else {
        return Ok(false);
    };
    // Which one it will have makes no difference to whether the two differ.
    let handle = SessionHandle::of_secret(&[]);
    let (before, after) = (Image::of(handle, before)?, Image::of(handle, data)?);
    Ok(!Delta::between(S::SCHEMA, &before, &after, &Intent::default()).is_empty())
}
