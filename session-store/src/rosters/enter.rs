//! Carrying out what is to become of rosters: a place is found, made or refused. Why each step is as
//! it is stands in [`roster`](crate::item::roster).

use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::{CancellationReason, ReturnValue, TransactWriteItem};

use crate::dynamodb::failure::Attempts;
use crate::dynamodb::request::session as request;
use crate::dynamodb::transaction::{Transacted, is_refused, token};
use crate::dynamodb::write::{Deleted, Written, backoff, conflict};
use crate::error::{Error, LimitError};
use crate::id::SessionHandle;
use crate::item::image::stored_expiry;
use crate::item::lifetime::{absolute_end, is_live};
use crate::item::roster::{Change, Member, Room, Roster, members};
use crate::item::value::Map;
use crate::schema::OnLimit;
use crate::schema::SessionAttributes;
use crate::store::handle::DynamoDbStore;
use crate::store::sessions::PAGE;

/// How often a place in a roster is tried for. Of many that log in at once, one wins each round.
pub(crate) const MAX_ENTRIES: u32 = 40;

/// How many sessions one transaction ends for another; it has at most 100 parts.
const MAX_VICTIMS: usize = 8;

/// How many entries left behind are worth the three requests that drop them: about a KB of them.
const WORTH_A_SWEEP: usize = 17;

/// More than any two clocks differ.
const DAY: u64 = 24 * 60 * 60;

/// The sessions that were ended to make room.
#[derive(Clone, Default)]
pub(crate) struct Evicted {
    ended: Vec<SessionHandle>,
    /// Those of transactions whose answer was lost.
    perhaps: Vec<SessionHandle>,
}

impl Evicted {
    /// Takes note of a transaction with these changes that was carried out.
    pub(crate) fn by(&mut self, changes: &[Change]) {
        self.ended.extend(changes.iter().flat_map(Change::victims));
    }

    /// Takes note of one of which that is not known.
    pub(crate) fn perhaps_by(&mut self, changes: &[Change]) {
        for victim in changes.iter().flat_map(Change::victims) {
            if !self.perhaps.contains(victim) {
                self.perhaps.push(*victim);
            }
        }
    }
}

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Enters a new session, of which nobody knows yet, into one of its rosters.
    ///
    /// After an error the session is to be taken back: it may be entered or not.
    pub(crate) async fn enter(&self, change: Change, evicted: &mut Evicted) -> Result<(), Error> {
        let mut changes = vec![change];
        for attempt in 1..=MAX_ENTRIES {
            if self.try_to_enter(&mut changes, evicted).await? {
                return Ok(());
            }
            // The first refusal is most likely that of a value's first session, or of a full roster.
            if attempt > 1 {
                backoff(attempt).await;
            }
        }
        let handle = changes.iter().find_map(|change| change.enters);
        match handle {
            Some(handle) => Err(conflict(handle, MAX_ENTRIES).into()),
            None => Ok(()),
        }
    }

    async fn try_to_enter(
        &self,
        changes: &mut Vec<Change>,
        evicted: &mut Evicted,
    ) -> Result<bool, Error> {
        let [change] = changes.as_mut_slice() else {
            return Ok(true);
        };
        if !change.victims().is_empty() {
            let attempts = Attempts::default();
            let parts = self.parts(changes)?;
            return match self.transact(&token()?, parts, &attempts).await {
                Ok(Transacted::Done) => {
                    evicted.by(changes);
                    Ok(true)
                }
                Ok(Transacted::Cancelled(reasons)) => {
                    // An earlier sending may have been carried out, and this one have met its work.
                    if attempts.lost() {
                        evicted.perhaps_by(changes);
                    }
                    self.amend(changes, &reasons, evicted).await?;
                    Ok(false)
                }
                Ok(Transacted::UnderWay) => Ok(false),
                Err(error) => {
                    evicted.perhaps_by(changes);
                    Err(error.into())
                }
            };
        }
        // Sent once and never again by the SDK, whatever the client's settings are.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let request = request::change(S::SCHEMA, change).alone(self.target());
        let answer = request.customize().config_override(once).send().await;
        let answer = answer.map(|done| done.attributes);
        match self.written("UpdateItem", answer, &Attempts::default()) {
            Ok(Written::Done(_)) => Ok(true),
            Ok(Written::Refused { old, .. }) => {
                self.make_room(change, old.as_ref(), evicted).await?;
                Ok(false)
            }
            Ok(Written::TooLarge) => Err(full(&change.roster).into()),
            Err(error) if error.is_retryable() && !error.outcome_unknown() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// These changes as parts of a transaction: each, and after it those whom it ends.
    pub(crate) fn parts(&self, changes: &[Change]) -> Result<Vec<TransactWriteItem>, Error> {
        let mut parts = Vec::new();
        for change in changes {
            parts.push(request::change(S::SCHEMA, change).part(self.target())?);
            for victim in change.victims() {
                let evict = request::evict(S::SCHEMA, &change.roster, *victim);
                parts.push(evict.part(self.target())?);
            }
        }
        Ok(parts)
    }

    /// Decides how the changes of a transaction that was cancelled are to be tried next, by the
    /// reasons for their [`parts`](Self::parts).
    pub(crate) async fn amend(
        &self,
        changes: &mut Vec<Change>,
        mut reasons: &[CancellationReason],
        evicted: &mut Evicted,
    ) -> Result<(), Error> {
        let mut kept = Vec::with_capacity(changes.len());
        for mut change in changes.drain(..) {
            let (of_victims, rest) = match reasons.split_first() {
                Some((own, rest)) => {
                    let (of_victims, rest) = rest.split_at(change.victims().len().min(rest.len()));
                    if is_refused(own) {
                        // Nobody can leave a roster that is not there.
                        if change.enters.is_none() {
                            reasons = rest;
                            continue;
                        }
                        let old = own.item.as_ref();
                        self.make_room(&mut change, old, evicted).await?;
                    }
                    (of_victims, rest)
                }
                None => (reasons, reasons),
            };
            if of_victims.iter().any(is_refused) {
                change.room = Room::Free;
            }
            reasons = rest;
            kept.push(change);
        }
        *changes = kept;
        Ok(())
    }

    /// Decides where the place comes from for a session that its roster, which is this item by now,
    /// has refused.
    async fn make_room(
        &self,
        change: &mut Change,
        item: Option<&Map>,
        evicted: &mut Evicted,
    ) -> Result<(), Error> {
        let Some((item, entries)) = item.and_then(|item| Some((item, members(item)?))) else {
            change.room = Room::New;
            return Ok(());
        };
        let kept_until = item.get(S::SCHEMA.names.expires_at);
        let kept_until = kept_until.and_then(|ends| ends.as_n().ok()?.parse::<u64>().ok());
        if kept_until > change.ends {
            change.ends = None;
        }
        change.room = Room::Free;
        let own = [change.enters, change.leaves];
        let is_in = entries
            .iter()
            .any(|entry| own.contains(&Some(entry.handle)));
        let limit = change.roster.limit();
        let most = limit.sessions as usize;
        let looked = change.most < limit.sessions;
        change.most = limit.sessions;
        if is_in || entries.len() < most {
            return match looked {
                true => self.sweep(&change.roster, &entries).await,
                false => Ok(()),
            };
        }

        let (dead, live) = self.survey(&change.roster, &entries).await?;
        if !dead.is_empty() {
            return self.drop_entries(&change.roster, &dead).await;
        }
        // Some have moved to another value since the roster was as it is here: there may be room.
        if live.len() < entries.len() {
            return Ok(());
        }
        if limit.policy == OnLimit::Reject {
            return Err(full(&change.roster).into());
        }
        let needed = entries.len() + 1 - most;
        let mut victims = live.into_iter().rev().map(|member| member.handle);
        if needed <= MAX_VICTIMS {
            change.room = Room::InPlaceOf {
                victims: victims.take(needed).collect(),
                seen: entries.len(),
            };
            return Ok(());
        }
        // The limit was made smaller. Whoever is over it goes first, in no hurry.
        let surplus: Vec<_> = victims.by_ref().take(needed - 1).collect();
        let mut gone = Vec::new();
        for handle in surplus {
            let delete = || request::delete_if(self.target(), handle, &change.roster);
            match self.delete_item(delete).await? {
                Deleted::Was(_) | Deleted::Lost => {
                    evicted.ended.push(handle);
                    gone.push(handle);
                }
                Deleted::Absent => gone.push(handle),
                Deleted::Refused => {}
            }
        }
        self.drop_entries(&change.roster, &gone).await
    }

    /// Drops the oldest entries if many are of sessions that must have expired.
    async fn sweep(&self, roster: &Roster, entries: &[Member]) -> Result<(), Error> {
        let now = self.now().seconds();
        let is_over = |entry: &&Member| absolute_end(S::SCHEMA, entry.created_at) + DAY < now;
        let oldest = entries.iter().rev().take(PAGE);
        let over: Vec<_> = oldest.filter(is_over).copied().collect();
        if over.len() < WORTH_A_SWEEP {
            return Ok(());
        }
        let (dead, _) = self.survey(roster, &over).await?;
        self.drop_entries(roster, &dead).await
    }

    /// Reads the sessions of a roster, and ends those that have expired: which entries have no
    /// session any more, and which have one that is live and of this value.
    async fn survey(
        &self,
        roster: &Roster,
        entries: &[Member],
    ) -> Result<(Vec<SessionHandle>, Vec<Member>), Error> {
        let (mut dead, mut live) = (Vec::new(), Vec::new());
        for page in entries.chunks(PAGE) {
            let handles: Vec<_> = page.iter().map(|entry| entry.handle).collect();
            let items = self.details(roster.attribute, &handles).await?;
            for entry in page {
                let Some(item) = items.get(&entry.handle) else {
                    dead.push(entry.handle);
                    continue;
                };
                let now = self.now();
                let ends = stored_expiry(S::SCHEMA, entry.handle, item);
                if ends.is_ok_and(|ends| !is_live(ends, now)) {
                    let delete = || request::end_expired(self.target(), entry.handle, now);
                    if !matches!(self.delete_item(delete).await?, Deleted::Refused) {
                        dead.push(entry.handle);
                        continue;
                    }
                }
                if item.get(roster.attribute.name) == Some(&roster.value) {
                    live.push(*entry);
                }
            }
        }
        Ok((dead, live))
    }

    /// Takes these entries out of a roster, and gives the roster as it is then if that is asked for,
    /// unless there is none.
    pub(crate) async fn leave(
        &self,
        roster: &Roster,
        handles: &[SessionHandle],
        returned: ReturnValue,
    ) -> Result<Option<Map>, Error> {
        let mut left = None;
        for handles in handles.chunks(request::MAX_LEAVING) {
            let leave = || request::leave(S::SCHEMA, roster, handles).alone(self.target());
            let leave = || leave().return_values(returned.clone());
            left = match self.update_item(leave).await? {
                Written::Done(item) => item,
                Written::Refused { .. } | Written::TooLarge => None,
            };
        }
        Ok(left)
    }

    async fn drop_entries(&self, roster: &Roster, dead: &[SessionHandle]) -> Result<(), Error> {
        let dropped = self.leave(roster, dead, ReturnValue::None).await;
        dropped.map(drop)
    }

    /// Takes a session that is gone out of its rosters.
    ///
    /// If that fails, entries of none are left, which whoever meets them drops.
    pub(crate) async fn leave_all(&self, rosters: &[Roster], handle: SessionHandle) {
        for roster in rosters {
            if let Err(error) = self.leave(roster, &[handle], ReturnValue::None).await {
                tracing::debug!(%handle, %error, "the entry of a session that is gone stays");
            }
        }
    }

    /// Who was ended to make room; where an answer was lost, those who are gone.
    pub(crate) async fn ended(&self, evicted: Evicted) -> Vec<SessionHandle> {
        let Evicted { mut ended, perhaps } = evicted;
        let Some(attribute) = S::SCHEMA.rosters().next().filter(|_| !perhaps.is_empty()) else {
            return ended;
        };
        let live = self.details(attribute, &perhaps).await.unwrap_or_default();
        let gone = perhaps
            .into_iter()
            .filter(|handle| !live.contains_key(handle) && !ended.contains(handle));
        let gone: Vec<_> = gone.collect();
        ended.extend(gone);
        ended
    }
}

fn full(roster: &Roster) -> LimitError {
    LimitError {
        index: roster.attribute.name,
        limit: roster.limit().sessions,
    }
}
