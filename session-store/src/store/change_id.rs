//! A new id in one transaction, whose outcome the caller always learns (G7).

use std::sync::Arc;

use aws_sdk_dynamodb::types::CancellationReason;

use crate::dynamodb::request::{self, Replacement};
use crate::dynamodb::{
    Attempts, MAX_CYCLE_ATTEMPTS, MAX_ENTER_ATTEMPTS, Transacted, Written, is_refused,
    is_too_large, pause, token,
};
use crate::error::{ConflictError, Error, ServiceError};
use crate::id::{SessionHandle, SessionId};
use crate::item::{
    Evicted, Found, Image, Lifetime, Map, Millis, Nonce, State, Unknown, changes, is_large,
    moved_to, never_known, of_leaving_user, remembers,
};
use crate::schema::SessionData;
use crate::session::{NewId, PendingCycle, Session};
use crate::telemetry::{Event, note};

use super::handle::DynamoDbStore;

impl<S: SessionData> DynamoDbStore<S> {
    /// Gives the session a new id, or resumes a change of id whose outcome is unknown.
    pub(super) async fn change_id(
        &self,
        session: &mut Session<S>,
        new_id: NewId,
    ) -> Result<(), Error> {
        // A proof counts from the moment at which it was given, however often its change of id is sent.
        let asked_at = match &session.cycle {
            Some(pending) => pending.asked_at,
            None => self.table().now(),
        };
        let mut in_progress = false;
        // With a roster, log-ins at once contend for its entries.
        let max_attempts = match S::SCHEMA.rosters().next() {
            Some(_) => MAX_ENTER_ATTEMPTS,
            None => MAX_CYCLE_ATTEMPTS,
        };
        for attempt in 1..=max_attempts {
            let now = self.table().now();
            let judged_at = session.state.judged_at(now);
            let ends = session.state.ends();
            match &mut session.cycle {
                None => {
                    let begun = self.begin_cycle(session, new_id, asked_at)?;
                    session.cycle = Some(Box::new(begun));
                }
                // Resending with the old timestamp would treat a session that has since expired as
                // live. If an earlier attempt was carried out, the nonce tells.
                Some(cycle) if ends <= judged_at => {
                    cycle.now = now;
                    cycle.judged.at = judged_at;
                    cycle.token = token()?;
                }
                // The same transaction again: its token keeps it from being carried out twice.
                Some(_) => {}
            }
            let Some(cycle) = session.cycle.clone() else {
                break;
            };
            let keeping = self.keeping(cycle.to.handle);
            match self.try_cycle(session, &cycle).await {
                Ok(CycleOutcome::Committed) => {
                    let mut evicted = cycle.evicted.clone();
                    if cycle.attempts.may_have_been_applied() {
                        evicted.note_uncertain(&cycle.changes);
                    } else {
                        evicted.note(&cycle.changes);
                    }
                    let event = match cycle.kind {
                        NewId::Cycled => Event::NewId,
                        NewId::Reauthenticated => Event::Reauthenticated,
                        NewId::LoggedIn | NewId::Switched => Event::LoggedIn,
                    };
                    // One that was carried out earlier may have ended since.
                    if !cycle.attempts.may_have_been_applied() {
                        keeping.wrote(&cycle.data, &cycle.to);
                    }
                    session.note_cycled(*cycle);
                    note(event, Some(session.state.handle));
                    session.evicted = self.rosters().ended(evicted).await;
                    return Ok(());
                }
                Ok(CycleOutcome::RosterRefused(reasons)) => {
                    in_progress = false;
                    match self.amended(&cycle, &reasons).await {
                        Ok(amended) => {
                            session.cycle = Some(Box::new(amended));
                            // The first refusal most likely means that a value has no roster yet, or
                            // a full one.
                            if attempt == 1 {
                                continue;
                            }
                        }
                        Err(error) if !cycle.attempts.may_have_been_applied() => {
                            session.cycle = None;
                            return Err(error);
                        }
                        // G13: an attempt whose response was lost may still be carried out.
                        Err(Error::Service(error)) => return Err(as_unknown(error)),
                        // The next refusal is certain, and is the answer.
                        Err(_) => {
                            if let Some(item) = self.forestall(session, &cycle).await? {
                                session.cycle = None;
                                self.rebase_for(session, item, new_id)?;
                            }
                        }
                    }
                }
                Ok(CycleOutcome::Contended) => in_progress = false,
                Ok(CycleOutcome::InProgress) => in_progress = true,
                // G3: others wrote, so the new item lacks their changes. Begin again from theirs.
                Ok(CycleOutcome::Stale(item)) => {
                    session.cycle = None;
                    self.rebase_for(session, item, new_id)?;
                }
                Ok(CycleOutcome::IdTaken) => session.cycle = None,
                Err(error) => {
                    if !is_outcome_unknown(&error) {
                        session.cycle = None;
                    }
                    return Err(error);
                }
            }
            pause(attempt).await;
        }
        let response_lost = session
            .cycle
            .as_ref()
            .is_some_and(|cycle| cycle.attempts.may_have_been_applied());
        let outcome_unknown = in_progress || response_lost;
        if !outcome_unknown {
            session.cycle = None;
        }
        Err(ConflictError {
            outcome_unknown,
            ..ConflictError::new(session.state.handle, max_attempts)
        }
        .into())
    }

    /// Decides on the new id, and on all that is stored under it.
    fn begin_cycle(
        &self,
        session: &Session<S>,
        new_id: NewId,
        asked_at: Millis,
    ) -> Result<PendingCycle<S>, Error> {
        let codec = &self.table().codec;
        let schema = codec.schema();
        let from = &session.state;
        let id = SessionId::mint()?;
        let handle = id.handle();
        let mut after = Image::of(schema, handle, &**session)?;
        let mut before = match session.unsaved() {
            Some((before, _)) => Some(Image::of_stored(handle, before)?),
            None => None,
        };
        let stored = after.keep_stored(schema, &from.stored, before.as_mut());
        self.check_reads_back(handle, &after)?;
        let before = before.as_ref().unwrap_or(&after);
        let keeps = |name: &'static str| before.attribute(name) == after.attribute(name);
        let limit = codec.max_size_of_new_id(|| before.stored_size(codec, &from.unknown));
        let unknown = match of_leaving_user(schema, &from.unknown, before, &after).is_empty() {
            true => Unknown {
                data: never_known(&from.unknown, before),
                attributes: from.unknown.attributes.clone(),
            },
            false => Unknown::default(),
        };

        let now = self.table().now();
        let (created_at, own) = match new_id.is_log_in() {
            // G6: the absolute timeout counts from the log-in.
            true => (now, from.lifetime.own.begun(schema, session.timeouts())),
            false => (
                from.lifetime.created_at,
                from.lifetime.own.renewed(schema, session.timeouts()),
            ),
        };
        let lifetime = Lifetime::new(schema, created_at, after.timeouts(schema, own));
        // G6: a new id does not shorten an expiry that was granted, by a host whose clock is ahead.
        let touched_at = from.used_at(now);
        let base = from.version;
        let mut to = State {
            touched_at,
            expires_at: lifetime.expires_at(touched_at),
            version: base + 1,
            seen: base + 1,
            written: Some(base + 1),
            unknown,
            stored: Arc::new(stored),
            cookie_end: session
                .cookie
                .map_or(from.cookie_end, |life| Some(lifetime.cookie_end(life, now))),
            authenticated_at: match new_id {
                // The proof is none for another user.
                NewId::Cycled if after.logs_in(schema, before) => None,
                NewId::Cycled => from.authenticated_at,
                NewId::Reauthenticated | NewId::LoggedIn | NewId::Switched => Some(asked_at),
            },
            as_of: from.as_of,
            ..State::new(handle, lifetime, now, after.promoted())
        };
        let nonce = Nonce::mint()?;
        let token = token()?;
        let was = (from.handle, &from.promoted);
        let is = (to.handle, &to.promoted);
        let changes = changes(schema, was, is, &lifetime, &after.limits, keeps);
        let item = after.into_item(codec, limit, &to, nonce)?;
        to.packed = codec.is_packed(&item);
        to.is_large = is_large(&item);
        Ok(PendingCycle {
            id,
            to,
            data: S::clone(session),
            item,
            nonce,
            token,
            now,
            asked_at,
            judged: from.judgement(now),
            base,
            has_type: from.has_type,
            timeouts: session.timeouts(),
            kind: new_id,
            changes,
            evicted: Evicted::default(),
            attempts: Attempts::default(),
        })
    }

    /// The same change of id, with other changes of the rosters that refused it.
    async fn amended(
        &self,
        cycle: &PendingCycle<S>,
        reasons: &[CancellationReason],
    ) -> Result<PendingCycle<S>, Error> {
        let mut cycle = cycle.clone();
        if cycle.attempts.may_have_been_applied() {
            cycle.evicted.note_uncertain(&cycle.changes);
        }
        let (changes, evicted) = (&mut cycle.changes, &mut cycle.evicted);
        self.rosters().amend(changes, reasons, evicted).await?;
        cycle.token = token()?;
        Ok(cycle)
    }

    /// Sees to it that no attempt of this change of id can still be carried out. Gives the session's item, or
    /// `None` if it has changed: the next attempt tells how.
    async fn forestall(
        &self,
        session: &Session<S>,
        cycle: &PendingCycle<S>,
    ) -> Result<Option<Map>, Error> {
        let table = self.table();
        let replacement = cycle.replacement(session.state.handle);
        let update = table.update(|| request::forestall(table, &replacement));
        match update.await {
            Ok(Written::Done(item)) => Ok(item),
            Ok(Written::ConditionFailed { .. } | Written::TooLarge) => Ok(None),
            Err(Error::Service(error)) => Err(as_unknown(error)),
            Err(error) => Err(error),
        }
    }

    /// Sends the transaction once, and classifies the outcome.
    async fn try_cycle(
        &self,
        session: &Session<S>,
        cycle: &PendingCycle<S>,
    ) -> Result<CycleOutcome, Error> {
        let table = self.table();
        let schema = table.schema();
        let handle = session.state.handle;
        let mut items = request::replace(table, &cycle.replacement(handle))?;
        items.extend(self.rosters().transact_items(&cycle.changes)?);
        let transacted = table.transact(&cycle.token, items, &cycle.attempts);
        let reasons = match transacted.await? {
            Transacted::Done => return Ok(CycleOutcome::Committed),
            Transacted::InProgress => return Ok(CycleOutcome::InProgress),
            Transacted::Cancelled(reasons) => reasons,
        };
        let [old, new, of_rosters @ ..] = reasons.as_slice() else {
            return Ok(CycleOutcome::Contended);
        };
        // G13: an earlier attempt of this same transaction has put the new item.
        if new
            .item()
            .is_some_and(|item| remembers(schema, item, cycle.nonce))
        {
            return Ok(CycleOutcome::Committed);
        }
        if is_refused(old) {
            // G13: so it is if the mark is its own, whatever became of the new item since.
            let moved_to = old.item().and_then(|item| moved_to(schema, item));
            if moved_to == Some(cycle.to.handle) {
                return Ok(CycleOutcome::Committed);
            }
            let found = Found::of(schema, handle, old.item.clone(), cycle.judged.at)?;
            let readable = found.or_gone(handle)?.readable(&table.codec)?;
            return Ok(CycleOutcome::Stale(readable.item));
        }
        if is_refused(new) {
            return Ok(CycleOutcome::IdTaken);
        }
        if is_too_large(new) {
            return Err(Image::of(schema, handle, &**session)?
                .too_large(S::SCHEMA, None)
                .into());
        }
        if of_rosters.iter().any(is_refused) {
            return Ok(CycleOutcome::RosterRefused(of_rosters.to_vec()));
        }
        Ok(CycleOutcome::Contended)
    }
}

impl<S> PendingCycle<S> {
    fn replacement(&self, from: SessionHandle) -> Replacement<'_> {
        let nobody_used = (self.to.touched_at, self.to.expires_at);
        Replacement {
            from,
            to: self.to.handle,
            item: &self.item,
            base: self.base,
            now: self.now,
            judged: self.judged,
            has_type: self.has_type,
            not_used_after: self.timeouts.is_empty().then_some(nobody_used),
        }
    }
}

fn as_unknown(mut error: Box<ServiceError>) -> Error {
    error.outcome_unknown = true;
    Error::Service(error)
}

/// The outcome of one attempt.
enum CycleOutcome {
    Committed,
    /// Others wrote to the session; this is its item.
    Stale(Map),
    /// A roster refused it. The reasons are those of the transaction from the first roster on.
    RosterRefused(Vec<CancellationReason>),
    /// There is an item under the new id.
    IdTaken,
    /// Another transaction holds one of the items.
    Contended,
    /// An earlier attempt of this very transaction is still being carried out.
    InProgress,
}

pub(super) fn is_outcome_unknown(error: &Error) -> bool {
    match error {
        Error::Conflict(error) => ConflictError::outcome_unknown(error),
        Error::Service(error) => error.outcome_unknown(),
        _ => false,
    }
}
