//! `create`.

use crate::error::Error;
use crate::id::SessionId;
use crate::item::{
    CookieLife, Image, Lifetime, Nonce, OwnTimeouts, State, TimeoutChange, is_large,
};
use crate::schema::SessionData;
use crate::session::Session;

use super::handle::DynamoDbStore;

impl<S: SessionData> DynamoDbStore<S> {
    /// Stores a new session under a new id.
    ///
    /// One `PutItem`, on condition that the id is free. It is never sent twice under one id: if the
    /// outcome is unknown, the item that may be there is deleted, and another id is taken.
    ///
    /// For each consistent index that the session has a value for, one `UpdateItem` enters it into the
    /// roster, and one more if it is the first of its value. If that makes one session too many, the
    /// sessions of the value are read, and the entries of ended ones make room. If all are live, the
    /// oldest is evicted in one transaction ([`Session::evicted`] tells), or the new one refused, as the
    /// index says.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] and [`Error::TooLarge`] before any request; [`Error::Limit`];
    /// [`Error::Conflict`] if too many entered one roster at once; [`Error::Service`]. After any of
    /// them there is no new session.
    pub async fn create(&self, data: S) -> Result<Session<S>, Error> {
        self.begin(data, Beginning::default()).await
    }

    /// The same with what a request knows of its new session.
    pub(crate) async fn begin(&self, data: S, beginning: Beginning) -> Result<Session<S>, Error> {
        self.observe("create", self.put_new(data, beginning)).await
    }

    /// The same as a part of another operation.
    pub(super) async fn put_new(&self, data: S, beginning: Beginning) -> Result<Session<S>, Error> {
        let codec = &self.table().codec;
        let now = self.table().now();
        let own = OwnTimeouts::default().begun(codec.schema(), beginning.timeouts);
        let new_item = || {
            let id = SessionId::mint()?;
            let handle = id.handle();
            let image = Image::of(codec.schema(), handle, &data)?;
            let limits = image.limits.clone();
            self.check_reads_back(handle, &image)?;
            let own = image.timeouts(codec.schema(), own);
            let lifetime = Lifetime::new(codec.schema(), now, own);
            let state = State {
                cookie_end: beginning.cookie.map(|life| lifetime.cookie_end(life, now)),
                authenticated_at: beginning.logs_in.then_some(now),
                ..State::new(handle, lifetime, now, image.promoted())
            };
            let item = image.into_item(codec, codec.max_size(), &state, Nonce::mint()?)?;
            Ok::<_, Error>((id, state, item, limits))
        };
        let (mut id, mut state, item, limits) = new_item()?;
        state.packed = codec.is_packed(&item);
        state.is_large = is_large(&item);
        let (packed, is_large, lifetime) = (state.packed, state.is_large, state.lifetime);
        let handle = state.handle;
        let next = || {
            let item;
            (id, state, item, _) = new_item()?;
            (state.packed, state.is_large) = (packed, is_large);
            Ok((state.handle, item))
        };
        let keeping = self.keeping(handle);
        let rosters = self.rosters();
        let inserted = rosters.insert(handle, item, &lifetime, &limits, next);
        let evicted = inserted.await?;
        let mut session = Session::new(id, data, state, self.table().clock());
        session.evicted = evicted;
        if session.handle() == handle {
            keeping.wrote(&session, &session.state);
        }
        Ok(session)
    }
}

/// What is known of a session before it begins, but for its data.
#[derive(Clone, Copy, Default)]
pub(crate) struct Beginning {
    pub(crate) timeouts: TimeoutChange,
    /// How long its client keeps the cookie; `None` if it has none.
    pub(crate) cookie: Option<CookieLife>,
    /// Whether it begins by a log-in.
    pub(crate) logs_in: bool,
}
