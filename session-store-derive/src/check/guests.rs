//! The timeouts of sessions without a user.

use std::time::Duration;

use crate::ast::SessionStruct;
use crate::errors::Errors;
use crate::parse::Timeout;

/// `idle` and `absolute` are the timeouts of the type.
pub(super) fn check_guests(
    errors: &Errors,
    session: &SessionStruct<'_>,
    idle: Duration,
    absolute: Duration,
) {
    let table = &session.table;
    let (guest_idle, guest_absolute) = (&table.guest_idle_timeout, &table.guest_absolute_timeout);
    let Some(any) = guest_idle.as_ref().or(guest_absolute.as_ref()) else {
        return;
    };
    let mut attributes = session.attributes();
    if !attributes.any(|attribute| attribute.options.user.is_some()) {
        let message = "timeouts of guests need an attribute that tells who is logged in; mark it: \
                       `#[dynamo(attr = \"user_id\", user)]`";
        errors.report(&any.text, message);
    }
    let is_longer = |guests: &Option<Timeout>, users: Duration, which: &str| {
        let guests = guests.as_ref();
        if let Some(guests) = guests.filter(|guests| guests.duration > users) {
            let message = format!(
                "the {which} timeout of guests is longer than that of users; make it shorter, or leave it out"
            );
            errors.report(&guests.text, message);
        }
    };
    is_longer(guest_idle, idle, "idle");
    is_longer(guest_absolute, absolute, "absolute");
    if let (Some(idle), Some(absolute)) = (guest_idle, guest_absolute)
        && idle.duration > absolute.duration
    {
        let absolute = absolute.text.value();
        let message = format!(
            "the idle timeout of guests is longer than their absolute timeout, \"{absolute}\"; make it shorter"
        );
        errors.report(&idle.text, message);
    }
}
