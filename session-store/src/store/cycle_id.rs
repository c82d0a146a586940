//! A new id for a session: one transaction, whose outcome the caller always learns.

use aws_sdk_dynamodb::types::CancellationReason;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamodb::failure::Attempts;
use crate::dynamodb::request::session as request;
use crate::dynamodb::transaction::{Transacted, is_refused, is_too_large, token};
use crate::dynamodb::write::{MAX_ATTEMPTS, backoff, conflict};
use crate::error::{ConflictError, Error, GoneError};
use crate::id::SessionId;
use crate::item::format::is_packed;
use crate::item::image::{Image, Nonce, remembers, stored_expiry, unknown_to, unpacked};
use crate::item::lifetime::{self, Millis, is_live};
use crate::item::roster::{Change, changes};
use crate::item::value::Map;
use crate::rosters::enter::Evicted;
use crate::rosters::enter::MAX_ENTRIES;
use crate::schema::SessionAttributes;
use crate::session::{Session, State};
use crate::store::handle::DynamoDbStore;

/// A change of id that was begun: all that is needed to send it again.
#[derive(Clone)]
pub(crate) struct Cycle<S> {
    pub(crate) to: State,
    /// The data as it is stored in the new item.
    pub(crate) data: S,
    pub(crate) item: Map,
    pub(crate) nonce: Nonce,
    /// By it DynamoDB recognises the same transaction for ten minutes; by the nonce, we do later.
    pub(crate) token: String,
    pub(crate) now: Millis,
    /// The version of the session that is moved.
    pub(crate) base: u64,
    /// What becomes of the rosters, and who was ended for it so far.
    pub(crate) changes: Vec<Change>,
    pub(crate) evicted: Evicted,
    /// What became of each sending, in this call and in those that it resumes.
    pub(crate) attempts: Attempts,
}

impl<S> DynamoDbStore<S>
where
    S: SessionAttributes + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Gives the session a new id, and stores its unsaved changes with it: do it at log-in, so that
    /// an id that somebody planted before is worth nothing after.
    ///
    /// One `TransactWriteItems`: the old item is deleted if the session is live and unmoved, and
    /// the new one put. At every moment exactly one of both ids is valid. Data, promoted
    /// attributes, the time of creation and the absolute timeout are kept; the idle timeout is
    /// extended. If others wrote in between, the changes are put onto their state and it is tried
    /// again. The rosters of consistent indexes are in the same transaction; it is sent once more if
    /// it makes this the first session of a value, and [more](DynamoDbStore::create) if one too many.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`]: neither id is valid. [`Error::Conflict`] and [`Error::Service`] whose
    /// `outcome_unknown()` is true: no answer came, and it is not known which of both is valid; call
    /// it again with this same session, which resumes where it was and tells. Do not drop the
    /// future half-way for the same reason, but run it in a task. Any other error
    /// ([`Error::Encode`], [`Error::TooLarge`], [`Error::Decode`], [`Error::Limit`] and the others of
    /// those): the old id is valid as before, and the unsaved changes are still in hand.
    pub async fn cycle_id(&self, session: &mut Session<S>) -> Result<(), Error> {
        let mut under_way = false;
        let most = match S::SCHEMA.rosters().next() {
            Some(_) => MAX_ENTRIES,
            None => MAX_ATTEMPTS,
        };
        for attempt in 1..=most {
            let now = self.now();
            let ends = session.state.expires_at;
            match &mut session.cycle {
                None => session.cycle = Some(Box::new(self.begin(session)?)),
                // Word for word, it would find the session live that has expired since. If it was
                // carried out, the nonce tells.
                Some(cycle) if !is_live(ends, now) => {
                    cycle.now = now;
                    cycle.token = token()?;
                }
                Some(_) => {}
            }
            let Some(cycle) = session.cycle.clone() else {
                break;
            };
            match self.finish(session, &cycle).await {
                Ok(Moved::Done) => {
                    let mut evicted = cycle.evicted.clone();
                    match cycle.attempts.lost() {
                        true => evicted.perhaps_by(&cycle.changes),
                        false => evicted.by(&cycle.changes),
                    }
                    session.moved(*cycle);
                    session.evicted = self.ended(evicted).await;
                    return Ok(());
                }
                Ok(Moved::NoRoom(reasons)) => {
                    under_way = false;
                    match self.amended(&cycle, &reasons).await {
                        Ok(amended) => {
                            session.cycle = Some(Box::new(amended));
                            // Most likely it is the first session of a value, or a roster is full.
                            if attempt == 1 {
                                continue;
                            }
                        }
                        Err(error) if !cycle.attempts.lost() => {
                            session.cycle = None;
                            return Err(error);
                        }
                        // A sending that was lost may still be carried out.
                        Err(Error::Service(mut error)) => {
                            error.outcome_unknown = true;
                            return Err(Error::Service(error));
                        }
                        Err(_) => break,
                    }
                }
                Ok(Moved::InTheWay) => under_way = false,
                Ok(Moved::UnderWay) => under_way = true,
                Ok(Moved::Overtaken(item)) => {
                    session.cycle = None;
                    self.rebase(session, item)?;
                }
                Ok(Moved::IdTaken) => session.cycle = None,
                Err(error) => {
                    if !outcome_unknown(&error) {
                        session.cycle = None;
                    }
                    return Err(error);
                }
            }
            backoff(attempt).await;
        }
        let lost = session
            .cycle
            .as_ref()
            .is_some_and(|cycle| cycle.attempts.lost());
        let outcome_unknown = under_way || lost;
        if !outcome_unknown {
            session.cycle = None;
        }
        Err(ConflictError {
            outcome_unknown,
            ..conflict(session.state.handle, most)
        }
        .into())
    }

    /// Decides on the new id and all that is stored under it.
    fn begin(&self, session: &Session<S>) -> Result<Cycle<S>, Error> {
        let schema = S::SCHEMA;
        let id = SessionId::mint()?;
        let handle = id.handle();
        let after = Image::of(handle, &**session)?;
        let mut unknown = session.state.unknown.clone();
        unknown.data = match session.unsaved() {
            Some((before, _)) => unknown_to(&unknown, &Image::of(handle, before)?),
            None => unknown_to(&unknown, &after),
        };

        let now = self.now();
        let State {
            created_at,
            expires_at,
            version: base,
            ..
        } = session.state;
        let idle = session.new_idle().unwrap_or(session.state.idle);
        let ends = lifetime::expires_at(schema, created_at, now, idle);
        let ends = if session.new_idle().is_some() {
            ends
        } else {
            ends.max(expires_at)
        };
        let mut to = State {
            handle,
            id,
            created_at,
            touched_at: now,
            expires_at: ends,
            idle,
            version: base + 1,
            seen: base + 1,
            written: Some(base + 1),
            packed: false,
            promoted: after.promoted(),
            unknown,
        };
        let nonce = Nonce::mint()?;
        let token = token()?;
        let changes = changes(
            schema,
            (session.state.handle, &session.state.promoted),
            (to.handle, &to.promoted),
            created_at,
        );
        let item = after.into_item(schema, &to, nonce)?;
        to.packed = is_packed(schema, &item);
        let data = S::clone(session);
        Ok(Cycle {
            to,
            data,
            item,
            nonce,
            token,
            now,
            base,
            changes,
            evicted: Evicted::default(),
            attempts: Attempts::default(),
        })
    }

    /// The same change of id, with other changes of the rosters that refused it.
    async fn amended(
        &self,
        cycle: &Cycle<S>,
        reasons: &[CancellationReason],
    ) -> Result<Cycle<S>, Error> {
        let mut cycle = cycle.clone();
        if cycle.attempts.lost() {
            cycle.evicted.perhaps_by(&cycle.changes);
        }
        self.amend(&mut cycle.changes, reasons, &mut cycle.evicted)
            .await?;
        cycle.token = token()?;
        Ok(cycle)
    }

    async fn finish(&self, session: &Session<S>, cycle: &Cycle<S>) -> Result<Moved, Error> {
        let schema = S::SCHEMA;
        let handle = session.state.handle;
        let ends = session.new_idle().is_none().then_some(cycle.to.expires_at);
        let mut parts = request::cycle(self.target(), handle, cycle, ends)?;
        parts.extend(self.parts(&cycle.changes)?);
        let reasons = match self.transact(&cycle.token, parts, &cycle.attempts).await? {
            Transacted::Done => return Ok(Moved::Done),
            Transacted::UnderWay => return Ok(Moved::UnderWay),
            Transacted::Cancelled(reasons) => reasons,
        };
        let [old, new, rest @ ..] = reasons.as_slice() else {
            return Ok(Moved::InTheWay);
        };
        // An earlier sending of this same transaction may have been carried out.
        if new
            .item()
            .is_some_and(|item| remembers(schema, item, cycle.nonce))
        {
            return Ok(Moved::Done);
        }
        if is_refused(old) {
            let mut item = old.item.clone().ok_or(GoneError {
                handle,
                expired: false,
            })?;
            let ends = stored_expiry(schema, handle, &item)?;
            if !is_live(ends, cycle.now) {
                return Err(GoneError {
                    handle,
                    expired: true,
                }
                .into());
            }
            unpacked(schema, handle, &mut item)?;
            return Ok(Moved::Overtaken(item));
        }
        if is_refused(new) {
            return Ok(Moved::IdTaken);
        }
        if is_too_large(new) {
            return Err(Image::of(handle, &**session)?.too_large(None).into());
        }
        match rest.iter().any(is_refused) {
            true => Ok(Moved::NoRoom(rest.to_vec())),
            false => Ok(Moved::InTheWay),
        }
    }
}

/// What a change of id came to.
enum Moved {
    Done,
    /// Others wrote to the session; this is its item.
    Overtaken(Map),
    /// A roster refused it, for these reasons: those for its parts from the first roster on.
    NoRoom(Vec<CancellationReason>),
    /// The new id is somebody else's.
    IdTaken,
    /// Another transaction holds one of both items.
    InTheWay,
    /// An earlier sending of this very transaction is still being carried out.
    UnderWay,
}

fn outcome_unknown(error: &Error) -> bool {
    match error {
        Error::Conflict(error) => ConflictError::outcome_unknown(error),
        Error::Service(error) => error.outcome_unknown(),
        _ => false,
    }
}
