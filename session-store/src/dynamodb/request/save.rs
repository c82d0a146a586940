//! The write of a save: what it changes, and the conditions that it depends on.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::id::SessionHandle;
use crate::item::{
    DataChange, Delta, Judgement, Millis, Nonce, TimeoutChange, WRITES, key, number,
};
use crate::schema::Schema;

use super::expression::{Clauses, Expression, Statement};
use super::live::{ANY_FORM, live, not_used_after};
use super::session_type::{SessionType, require_type};

/// A write to a known session, and what it depends on.
pub(crate) struct Save<'a> {
    pub(crate) handle: SessionHandle,
    /// The session must not have expired by this.
    pub(crate) judged: Judgement,
    /// The new time of the last use; `None` leaves the stored one.
    pub(crate) touched_at: Option<Millis>,
    pub(crate) nonce: Nonce,
    /// The new expiry, within its bound; `None` leaves the stored one.
    pub(crate) expires_at: Option<u64>,
    /// The only version that it may be written onto; `None` for any.
    pub(crate) version: Option<u64>,
    /// A version known to predate this write, if one is known.
    pub(crate) seen: Option<u64>,
    /// A mark prefix that must not be present, so that only the first write of a copy applies.
    pub(crate) first_of: Option<[u8; 3]>,
    pub(crate) bound: ExpiryBound,
    pub(crate) session_type: SessionType,
    /// The new timeouts of this session's own.
    pub(crate) timeouts: TimeoutChange,
    /// The moment of a log-in, if this is one.
    pub(crate) authenticated_at: Option<Millis>,
    pub(crate) data: &'a DataChange,
    /// The entries of `data`, if those change, and the promoted attributes.
    pub(crate) delta: &'a Delta,
    /// The values that promoted attributes with rosters must still have; `None` for absent.
    pub(crate) expected_values: &'a [(&'static str, Option<AttributeValue>)],
    /// The notes of the rosters that the session enters or leaves in the same transaction.
    pub(crate) notes: &'a [(&'static str, Option<AttributeValue>)],
    /// Whether the caller has a use for the version that the item has afterwards.
    pub(crate) tells_version: bool,
}

impl Save<'_> {
    /// The version that the item has after this write onto that one.
    pub(crate) fn version_after(&self, base: u64) -> u64 {
        match self.data {
            DataChange::Nothing => base,
            DataChange::Entries | DataChange::Whole(_) => base + 1,
        }
    }
}

/// A condition for the new expiry.
pub(crate) enum ExpiryBound {
    /// None: the owner of the session chose it.
    Unbound,
    /// Nobody has used the session later. Then the new end is later than any that this type has granted, and may
    /// be sooner than one that another version of it has (G19).
    NotUsedLater,
    /// The stored expiry is not later already.
    #[cfg_attr(
        not(feature = "_record"),
        allow(dead_code, reason = "only a framework chooses an end by itself")
    )]
    NotLater,
    /// The session was created at or after this moment, so that the absolute timeout allows it.
    #[cfg_attr(
        not(feature = "_record"),
        allow(dead_code, reason = "a typed session knows when it was created")
    )]
    CreatedSince(Millis),
}

/// The write of a save: on condition that the session is live, and that this write is not there yet.
pub(crate) fn save(schema: &Schema, save: &Save<'_>) -> Statement {
    let names = &schema.names;
    let mut e = Expression::default();
    let mut set = Clauses::new(",");
    let mut remove = Clauses::new(",");

    let data = e.name(names.data);
    let version = e.name(names.version);
    let writes = e.name(names.writes);
    let expires_at = e.name(names.expires_at);
    let nonce = e.value(save.nonce.value());

    // G13: each write that raises the version moves the marks on, and puts its own first.
    if !matches!(save.data, DataChange::Nothing) {
        let one = e.value(number(1));
        set.push((version, "=", version, "+", one));
        for i in 1..WRITES {
            set.push((writes, "[", i, "]=", writes, "[", i - 1, "]"));
        }
        set.push((writes, "[0]=", nonce));
    }
    let touched = save.touched_at.map(|touched| e.value(number(touched.0)));
    if let Some(touched) = touched {
        let touched_at = e.name(names.touched_at);
        set.push((touched_at, "=", touched));
    }

    if let Some(at) = save.authenticated_at {
        let (name, at) = (e.name(names.authenticated_at), e.value(number(at.0)));
        set.push((name, "=", at));
    }

    // Entries can be written into a map alone; if another program has packed the data, the condition
    // fails and returns the item.
    let forms: &[&str] = match save.data {
        DataChange::Entries => &["M"],
        DataChange::Whole(_) | DataChange::Nothing => &ANY_FORM,
    };
    let mut condition = live(&mut e, schema, &save.judged, forms);
    // An item without four marks is a failed condition too, rather than an invalid request.
    let (last, binary) = (WRITES - 1, e.string("B"));
    condition.push(("attribute_type(", writes, "[", last, "],", binary, ")"));
    condition.push(("NOT contains(", writes, ",", nonce, ")"));
    if let Some(new_end) = save.expires_at {
        let new = e.value(number(new_end));
        // G6: no save shortens what another of its type has granted, and none passes the absolute timeout.
        match save.bound {
            ExpiryBound::Unbound => {}
            ExpiryBound::NotUsedLater => {
                if let Some(touched) = touched {
                    let not_used = not_used_after(&mut e, schema, touched, new);
                    condition.push(not_used);
                }
            }
            ExpiryBound::NotLater => condition.push((expires_at, "<=", new)),
            ExpiryBound::CreatedSince(moment) => {
                let (created_at, moment) = (e.name(names.created_at), e.value(number(moment.0)));
                condition.push((created_at, ">=", moment));
            }
        }
        set.push((expires_at, "=", new));
    }
    if let Some(base) = save.version {
        let base = e.value(number(base));
        condition.push((version, "=", base));
    } else if let Some(seen) = save.seen {
        // G13: after four more writes, the mark of this one is pushed out. A repetition would then pass
        // for the first attempt, and undo what came after it.
        let last = e.value(number(seen + WRITES as u64));
        condition.push((version, "<=", last));
    }
    if let Some(beginning) = save.first_of {
        let beginning = e.value(AttributeValue::B(Blob::new(beginning)));
        for i in 0..WRITES {
            condition.push(("NOT begins_with(", writes, "[", i, "],", beginning, ")"));
        }
    }
    // G16: an item without a type is from before items had one, and belongs to the first that writes it.
    require_type(&mut e, schema, save.session_type, &mut set, &mut condition);
    // The rosters in the same transaction are only right for these values.
    for (name, value) in save.expected_values {
        let name = e.name(name);
        match value {
            Some(value) => condition.push((name, "=", e.value(value.clone()))),
            None => condition.push(("attribute_not_exists(", name, ")")),
        }
    }

    if let Some(idle) = save.timeouts.idle {
        let name = e.name(names.idle);
        match idle {
            Some(idle) => set.push((name, "=", e.value(number(idle.as_secs())))),
            None => remove.push(name),
        }
    }
    match save.data {
        // G3: the entries that changed, and no others.
        DataChange::Entries => {
            for (name, value) in &save.delta.set {
                let (name, value) = (e.name(name), e.value(value.clone()));
                set.push((data, ".", name, "=", value));
            }
            for name in &save.delta.remove {
                remove.push((data, ".", e.name(name)));
            }
        }
        DataChange::Whole(whole) => {
            let (all, format) = (e.value(whole.data.clone()), e.name(names.format));
            set.push((data, "=", all));
            match whole.format {
                Some(text) => set.push((format, "=", e.string(text))),
                None => remove.push(format),
            }
        }
        DataChange::Nothing => {}
    }
    for (name, value) in save.delta.attributes.iter().chain(save.notes) {
        let name = e.name(name);
        match value {
            Some(value) => set.push((name, "=", e.value(value.clone()))),
            None => remove.push(name),
        }
    }

    for name in &save.delta.forgotten {
        remove.push(e.name(name));
    }

    let mut update = Clauses::new(" ");
    if !set.is_empty() {
        update.push(("SET ", set));
    }
    if !remove.is_empty() {
        update.push(("REMOVE ", remove));
    }
    let (update, condition) = (update.into_text(), condition.into_text());
    Statement::new(key(schema, save.handle), e, Some(update), condition)
}
