//! The condition of every write that changes a known session: it is there, and has not expired.

use crate::item::{Judgement, KnownTimeouts, creation_bounds, millis, number};
use crate::schema::Schema;

use super::expression::{Clauses, Expression, Placeholder};

/// The types that `data` can have: a map, or packed.
pub(super) const ANY_FORM: [&str; 2] = ["M", "B"];

/// The condition of every write to a known session: neither its stored end has passed, nor one of the timeouts of
/// the writer's own type (G19).
///
/// It checks the types too, so that an item of another kind is a failed condition, which returns the
/// item, and not an invalid request. An attribute that is absent ends no session here: the refusal of another
/// clause, or the next read, tells.
pub(super) fn live(
    e: &mut Expression,
    schema: &Schema,
    judged: &Judgement,
    forms: &[&str],
) -> Clauses {
    let (data, version) = (e.name(schema.names.data), e.name(schema.names.version));
    let expires_at = e.name(schema.names.expires_at);
    let mut any = Clauses::new(" OR ");
    for form in forms {
        any.push(("attribute_type(", data, ",", e.string(form), ")"));
    }
    let num = e.string("N");
    let mut all = Clauses::new(" AND ");
    let mut second = judged.at.seconds();
    let own = match judged.timeouts {
        KnownTimeouts::Own(own) | KnownTimeouts::Likely(own) => {
            let idle = e.name(schema.names.idle);
            match own.idle {
                Some(own) => all.push((idle, "=", e.value(number(own.as_secs())))),
                None => all.push(("attribute_not_exists(", idle, ")")),
            }
            // An expression cannot add, so the writer says when the last use must have been.
            if let Some(timeout) = own.idle_unless_stored(schema) {
                let touched_at = e.name(schema.names.touched_at);
                let last = judged.at.0.saturating_sub(millis(timeout));
                let last = e.value(number(last));
                all.push(("NOT ", touched_at, "<=", last));
            }
            own
        }
        KnownTimeouts::AllButIdle(own) => {
            // In its last second it can have ended by its idle timeout. The refusal shows that.
            second += u64::from(!judged.at.0.is_multiple_of(1000));
            own
        }
    };
    // Who has read the item knows it, since it never changes.
    if !matches!(judged.timeouts, KnownTimeouts::Own(_)) {
        let absolute = e.name(schema.names.absolute);
        match own.absolute {
            Some(own) => all.push((absolute, "=", e.value(number(own.as_secs())))),
            None => all.push(("attribute_not_exists(", absolute, ")")),
        }
    }
    if let Some(user) = schema.user().filter(|_| schema.has_guests()) {
        let user = e.name(user.name);
        match own.is_guest {
            true => all.push(("attribute_not_exists(", user, ")")),
            false => all.push(("attribute_exists(", user, ")")),
        }
    }
    let second = e.value(number(second));
    all.push((expires_at, ">", second));
    let created_at = e.name(schema.names.created_at);
    let bounds = creation_bounds(own.absolute(schema), judged.at);
    let first = e.value(number(bounds.start().0));
    all.push(("NOT ", created_at, "<", first));
    all.push(("(", any, ")"));
    all.push(("attribute_type(", version, ",", num, ")"));
    all
}

/// The condition that nobody has used the session after this moment, or that the stored end is not later than the new
/// one: requests of one page, a few milliseconds apart, do not refuse each other.
pub(super) fn not_used_after(
    e: &mut Expression,
    schema: &Schema,
    moment: Placeholder,
    new_end: Placeholder,
) -> String {
    let touched_at = e.name(schema.names.touched_at);
    let expires_at = e.name(schema.names.expires_at);
    format!("(NOT {touched_at}>{moment} OR {expires_at}<={new_end})")
}
