//! Saving a copy of a session that a framework hands back.

use serde::de::DeserializeOwned;

use crate::dynamodb::request::session::{Bound, Change, MAX_CLAUSES, Save, Whole};
use crate::dynamodb::write::{Answer, backoff, conflict};
use crate::error::{Error, TooLargeError};
use crate::id::SessionHandle;
use crate::item::delta::{Delta, Intent};
use crate::item::format::{is_packed, pack};
use crate::item::image::{Image, Nonce, stored_number};
use crate::item::lifetime::{Millis, absolute_end, earliest_creation};
use crate::item::roster::Moves;
use crate::item::shards::is_in_step;
use crate::item::value::{Map, is_same};
use crate::rosters::enter::Evicted;
use crate::schema::Schema;
use crate::schema::SessionAttributes;
use crate::session::Unknown;
use crate::store::handle::DynamoDbStore;

use super::{Base, Data, entries, image, image_or_entries, log_evicted};

/// How often a save is tried. Of many that change one session at once, few win each round.
const MAX_SAVES: u32 = 40;

impl<S: SessionAttributes + DeserializeOwned + 'static> DynamoDbStore<S> {
    /// Writes what changed since the base, or without one replaces the data, if the session is live.
    ///
    /// It ends at this second then, or with its absolute timeout; later, if others have granted it
    /// more and this does not shorten it. If nothing changed, that is all, and the version stays:
    /// nobody who writes is overtaken by it.
    pub(crate) async fn save_record(
        &self,
        handle: SessionHandle,
        data: &Data,
        base: Option<&Base>,
        mut ends: u64,
        shortens: bool,
    ) -> Result<(), Error> {
        let schema = S::SCHEMA;
        let after = image::<S>(handle, entries(data))?;

        let mut nonce = Nonce::mint()?;
        let mut created_at = Millis(0);
        // Without a base nobody knows which values the session had: most likely those that it has.
        let mut was = after.promoted();
        let mut delta = Delta::default();
        let mut plan = if let Some(base) = base {
            nonce = base.mark(1)?;
            created_at = base.created_at;
            ends = ends.min(absolute_end(schema, created_at));
            let before = image_or_entries::<S>(handle, entries(&base.data));
            was = before.promoted();
            was.retain(|name, _| !base.out_of_step.contains(name));
            delta = since::<S>(base, &before, &after);
            Plan::change(schema, delta.clone(), &after, base.version, false)?
        } else {
            Plan::replace(schema, &after, None)?
        };
        let mut seen = base.map(|base| base.version);
        let mut first_of = base.map(|base| base.copy);
        let mut moves = plan.moves(schema, (handle, &was), created_at);
        let mut evicted = Evicted::default();
        let mut extends = true;
        for attempt in 0..MAX_SAVES {
            let save = Save {
                handle,
                now: self.now(),
                nonce,
                expires_at: extends.then_some(ends),
                version: plan.onto,
                seen,
                first_of,
                idle: None,
                bound: match shortens {
                    true => Bound::CreatedSince(earliest_creation(schema, ends)),
                    false => Bound::NotLater,
                },
                change: plan.as_change(),
                attributes: &plan.delta.attributes,
                unmoved: &moves.unmoved,
            };
            let answer = match moves.changes.is_empty() {
                true => self.write(&save).await?,
                false => {
                    let changes = &mut moves.changes;
                    self.write_and_move(&save, changes, &mut evicted).await?
                }
            };
            let (item, version, stored_ends) = match answer {
                Answer::Stored { .. } => {
                    log_evicted(self.ended(evicted).await);
                    return Ok(());
                }
                Answer::TooLarge => return Err(after.too_large(None).into()),
                Answer::NotYet {
                    item,
                    version,
                    ends,
                } => (item, version, ends),
            };
            created_at = Millis(stored_number(schema.names.created_at, handle, &item)?);
            ends = ends.min(absolute_end(schema, created_at));
            extends &= shortens || stored_ends <= ends;
            seen = Some(version);

            let own = base.map_or(0, |base| base.writes(schema, &item));
            let replan = match base {
                Some(base) if own > 0 && version.checked_sub(base.version) == Some(own) => {
                    if is_stored(schema, &item, &after, ends) {
                        return Ok(());
                    }
                    Some(Plan::replace(schema, &after, Some(version))?)
                }
                Some(_) if plan.is_outdated(schema, &item, version) => {
                    Some(Plan::rebased::<S>(handle, &delta, &item, version)?)
                }
                _ => None,
            };
            if let Some(base) = base.filter(|_| own > 0) {
                nonce = base.mark(own + 1)?;
                first_of = None;
            }
            if replan.is_some() || moves.are_outdated(&item) {
                plan = replan.unwrap_or(plan);
                moves = plan.moves(schema, (handle, &item), created_at);
            }
            // A copy that is behind is up to date now; one that is overtaken again gives way.
            if attempt > 0 {
                backoff(attempt).await;
            }
        }
        Err(conflict(handle, MAX_SAVES).into())
    }
}

/// What is written, and the only version that it may be written onto.
struct Plan {
    delta: Delta,
    whole: Option<Whole>,
    onto: Option<u64>,
}

impl Plan {
    fn replace(schema: &Schema, after: &Image, onto: Option<u64>) -> Result<Self, TooLargeError> {
        let packed = pack(schema, || after.data.clone());
        after.check_size(schema, &Unknown::default(), packed.as_ref())?;
        Ok(Self {
            delta: Delta {
                attributes: after.attributes.clone(),
                ..Delta::default()
            },
            whole: Some(Whole::new(packed, || after.data.clone())),
            onto,
        })
    }

    /// A change that leads to this image from that of this version.
    fn change(
        schema: &Schema,
        delta: Delta,
        after: &Image,
        version: u64,
        was_packed: bool,
    ) -> Result<Self, TooLargeError> {
        let packed = pack(schema, || after.data.clone());
        after.check_size(schema, &Unknown::default(), packed.as_ref())?;
        let is_whole = packed.is_some() || was_packed || delta.clauses() > MAX_CLAUSES;
        let whole =
            (is_whole && !delta.is_empty()).then(|| Whole::new(packed, || after.data.clone()));
        let pinned = delta.pinned || whole.is_some() || schema.has_computed();
        let pinned = pinned && !delta.is_empty();
        Ok(Self {
            delta,
            whole,
            onto: pinned.then_some(version),
        })
    }

    /// Whether it can be written onto this item no more.
    fn is_outdated(&self, schema: &Schema, item: &Map, version: u64) -> bool {
        let is_of_fields = self.whole.is_none() && !self.delta.is_empty();
        self.onto.is_some_and(|onto| onto != version) || is_of_fields && is_packed(schema, item)
    }

    /// The same change put onto what others have stored since.
    fn rebased<S: SessionAttributes + DeserializeOwned>(
        handle: SessionHandle,
        delta: &Delta,
        item: &Map,
        version: u64,
    ) -> Result<Self, Error> {
        let schema = S::SCHEMA;
        let data = |item: &Map| match item.get(schema.names.data) {
            Some(data) => data.as_m().cloned().unwrap_or_default(),
            None => Map::new(),
        };
        let theirs = image_or_entries::<S>(handle, data(item));
        let merged = delta.applied_to(schema, item.clone(), &theirs);
        let merged = image::<S>(handle, data(&merged))?;
        let mut rebased = Delta::between(schema, &theirs, &merged, &delta.intent());
        rebased.mend(schema, item, &theirs, &merged);
        let was_packed = is_packed(schema, item);
        let plan = Self::change(schema, rebased, &merged, version, was_packed)?;
        Ok(Self {
            onto: Some(version),
            ..plan
        })
    }

    fn as_change(&self) -> Change<'_> {
        match &self.whole {
            Some(whole) => Change::Whole(whole),
            None if self.delta.is_empty() => Change::Nothing,
            None => Change::Fields {
                set: &self.delta.set,
                remove: &self.delta.remove,
            },
        }
    }

    fn moves(
        &self,
        schema: &Schema,
        (handle, was): (SessionHandle, &Map),
        created_at: Millis,
    ) -> Moves {
        Moves::new(schema, (handle, was), &self.delta.attributes, created_at)
    }
}

/// What changed since the base, and what of the attributes it has to mend.
fn since<S: SessionAttributes>(base: &Base, before: &Image, after: &Image) -> Delta {
    let mut delta = Delta::between(S::SCHEMA, before, after, &Intent::default());
    // Attributes of a base that the type cannot read all count as changed, and come from the whole
    // of this copy.
    delta.pinned |= before.attributes.is_empty() && !after.attributes.is_empty();
    for (name, value) in &after.attributes {
        let written = delta.attributes.iter().any(|(changed, _)| changed == name);
        if !written && base.out_of_step.iter().any(|other| other == name) {
            // Somebody else may have mended it since.
            delta.pinned = true;
            delta.attributes.push((name, value.clone()));
        }
    }
    delta
}

/// Whether the item holds what is to be stored already.
fn is_stored(schema: &Schema, item: &Map, image: &Image, ends: u64) -> bool {
    let same = |stored: Option<&_>, value: Option<&_>| match (stored, value) {
        (Some(stored), Some(value)) => is_same(stored, value),
        (stored, value) => stored.is_none() && value.is_none(),
    };
    let names = &schema.names;
    let data = item.get(names.data).and_then(|data| data.as_m().ok());
    let expiry = item.get(names.expires_at).and_then(|ends| ends.as_n().ok());
    data.is_some_and(|data| {
        data.len() == image.data.len()
            && data
                .iter()
                .all(|(name, value)| same(Some(value), image.data.get(name)))
    }) && expiry.is_some_and(|expiry| *expiry == ends.to_string())
        && image
            .attributes
            .iter()
            .all(|(name, value)| is_in_step(schema, name, item.get(*name), value.as_ref()))
}
