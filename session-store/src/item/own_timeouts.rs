//! The timeouts of one session, where they are not those of its type.

use std::time::Duration;

use crate::schema::Schema;

use super::value::Map;

/// By what one session ends, beside its times and the timeouts of its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnTimeouts {
    /// In place of the idle timeout of the type.
    pub(crate) idle: Option<Duration>,
    /// Shorter than the absolute timeout of the type. It is stored with the session's id and never changes
    /// afterwards, so that no write has to be on condition of it.
    pub(crate) absolute: Option<Duration>,
    /// Whether it has no user, in a type with shorter timeouts for such sessions.
    pub(crate) is_guest: bool,
}

impl OwnTimeouts {
    /// Those of a session in an item, as far as they are there and can be read.
    pub(crate) fn of(schema: &Schema, item: &Map) -> Self {
        let seconds = |name: &str| {
            let seconds = item.get(name)?.as_n().ok()?.parse().ok()?;
            Some(Duration::from_secs(seconds))
        };
        Self {
            idle: seconds(schema.names.idle),
            absolute: seconds(schema.names.absolute),
            is_guest: is_guest(schema, |user| item.contains_key(user)),
        }
    }

    /// By which idle timeout the session ends.
    pub(crate) fn idle(self, schema: &Schema) -> Duration {
        let of_guests = schema.guest_idle_timeout.filter(|_| self.is_guest);
        let of_type = of_guests.unwrap_or(schema.idle_timeout);
        let of_type = of_type.min(schema.idle_timeout);
        match self.idle {
            Some(own) if schema.idle_is_limit => own.min(of_type),
            own => own.unwrap_or(of_type),
        }
    }

    /// The same; `None` if its stored end alone counts.
    pub(crate) fn idle_unless_stored(self, schema: &Schema) -> Option<Duration> {
        let is_stored = schema.ends_as_stored && self.idle.is_none();
        (!is_stored).then(|| self.idle(schema))
    }

    /// By which absolute timeout the session ends.
    pub(crate) fn absolute(self, schema: &Schema) -> Duration {
        let of_guests = schema.guest_absolute_timeout.filter(|_| self.is_guest);
        let shorter = self.absolute.into_iter().chain(of_guests);
        shorter.fold(schema.absolute_timeout, Duration::min)
    }

    /// Those of a session that begins, or whose absolute timeout begins anew.
    pub(crate) fn begun(self, schema: &Schema, change: TimeoutChange) -> Self {
        let chosen = change.shorter_absolute(schema);
        Self {
            absolute: change.absolute.map_or(self.absolute, |_| chosen),
            ..self.saved(change)
        }
    }

    /// Those of a session that goes on under a new id. Its absolute timeout gets no longer (G6).
    pub(crate) fn renewed(self, schema: &Schema, change: TimeoutChange) -> Self {
        let own = self.absolute.into_iter();
        Self {
            absolute: own.chain(change.shorter_absolute(schema)).min(),
            ..self.saved(change)
        }
    }

    /// What a session that begins with these has to choose.
    pub(crate) fn chosen(self) -> TimeoutChange {
        TimeoutChange {
            idle: Some(self.idle),
            absolute: Some(self.absolute),
        }
    }

    /// Those after a save.
    pub(crate) fn saved(self, change: TimeoutChange) -> Self {
        Self {
            idle: change.idle.unwrap_or(self.idle),
            ..self
        }
    }
}

/// Whether a session is one without a user, in a type with shorter timeouts for those.
pub(super) fn is_guest(schema: &Schema, has: impl FnOnce(&str) -> bool) -> bool {
    let user = schema.user().filter(|_| schema.has_guests());
    user.is_some_and(|user| !has(user.name))
}

/// What a writer knows of the timeouts of the session's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum KnownTimeouts {
    /// These. If they are others by now, the write is refused, and the refusal shows them.
    Own(OwnTimeouts),
    /// Most likely these, since a framework gives the id alone.
    #[cfg_attr(
        not(feature = "actix-session"),
        allow(dead_code, reason = "only this framework extends what it has not read")
    )]
    Likely(OwnTimeouts),
    /// Most likely these, with any idle timeout, since a framework gives the id alone.
    #[cfg_attr(
        not(feature = "_record"),
        allow(dead_code, reason = "a typed session is loaded before it is written")
    )]
    AllButIdle(OwnTimeouts),
}

/// Timeouts of a session's own that its owner has set, and that are not stored yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeoutChange {
    /// `Some(None)` goes back to the idle timeout of the type.
    pub(crate) idle: Option<Option<Duration>>,
    /// The same for the absolute timeout, which begins with a new id.
    pub(crate) absolute: Option<Option<Duration>>,
}

impl TimeoutChange {
    pub(crate) fn set_idle(&mut self, idle: Option<Duration>) {
        self.idle = Some(idle.map(whole_seconds));
    }

    pub(crate) fn set_absolute(&mut self, absolute: Option<Duration>) {
        self.absolute = Some(absolute.map(whole_seconds));
    }

    /// The absolute timeout that was chosen. One that is no shorter than that of the type says nothing.
    fn shorter_absolute(self, schema: &Schema) -> Option<Duration> {
        let chosen = self.absolute.flatten();
        chosen.filter(|chosen| *chosen < schema.absolute_timeout)
    }

    /// Whether there is nothing to store.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Timeouts are stored in whole seconds, of which there is at least one.
fn whole_seconds(timeout: Duration) -> Duration {
    Duration::from_secs(timeout.as_secs().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::number;
    use crate::schema::Attribute;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const SCHEMA: Schema = Schema::new("sessions")
        .idle_timeout(seconds(60))
        .absolute_timeout(seconds(600));

    const WITH_GUESTS: Schema = SCHEMA
        .attributes(&[Attribute::index::<Option<String>>("user_id").user()])
        .guest_idle_timeout(seconds(10))
        .guest_absolute_timeout(seconds(30))
        .checked();

    fn own(idle: Option<u64>, absolute: Option<u64>) -> OwnTimeouts {
        OwnTimeouts {
            idle: idle.map(seconds),
            absolute: absolute.map(seconds),
            is_guest: false,
        }
    }

    fn change(absolute: Option<u64>) -> TimeoutChange {
        let mut change = TimeoutChange::default();
        change.set_absolute(absolute.map(seconds));
        change
    }

    #[test]
    fn a_log_in_takes_any_absolute_timeout_and_another_id_only_a_shorter_one() {
        let before = own(None, Some(100));
        for (chosen, at_log_in, at_new_id) in [
            (Some(50), Some(50), Some(50)),
            (Some(200), Some(200), Some(100)),
            (None, None, Some(100)),
        ] {
            assert_eq!(before.begun(&SCHEMA, change(chosen)), own(None, at_log_in));
            assert_eq!(
                before.renewed(&SCHEMA, change(chosen)),
                own(None, at_new_id)
            );
        }
        // One that the type has anyhow is none.
        assert_eq!(before.begun(&SCHEMA, change(Some(600))), own(None, None));
        assert_eq!(
            own(None, None).renewed(&SCHEMA, change(Some(900))),
            own(None, None)
        );
        // One that is not chosen stays, also if this type has a shorter one.
        let short = SCHEMA.absolute_timeout(seconds(60));
        assert_eq!(before.renewed(&short, TimeoutChange::default()), before);
        let nothing = TimeoutChange::default();
        assert_eq!(before.begun(&SCHEMA, nothing), before);
        assert_eq!(before.renewed(&SCHEMA, nothing), before);
        assert_eq!(
            own(None, None).renewed(&SCHEMA, change(Some(50))),
            own(None, Some(50))
        );
        assert_eq!(
            own(None, Some(50)).begun(&SCHEMA, own(Some(1), None).chosen()),
            own(Some(1), None)
        );
    }

    #[test]
    fn an_idle_timeout_that_was_chosen_takes_the_place_of_the_stored_one() {
        let mut change = TimeoutChange::default();
        change.set_idle(Some(Duration::from_millis(2_999)));
        for changed in [
            own(Some(7), None).saved(change),
            own(Some(7), None).begun(&SCHEMA, change),
            own(Some(7), None).renewed(&SCHEMA, change),
        ] {
            assert_eq!(changed, own(Some(2), None));
        }
        change.set_idle(None);
        assert_eq!(own(Some(7), None).saved(change), own(None, None));
    }

    #[test]
    fn a_session_without_a_user_has_the_timeouts_of_guests() {
        let guest = OwnTimeouts::of(&WITH_GUESTS, &Map::new());
        assert!(guest.is_guest);
        assert_eq!(guest.idle(&WITH_GUESTS), seconds(10));
        assert_eq!(guest.absolute(&WITH_GUESTS), seconds(30));
        let remembered = OwnTimeouts {
            idle: Some(seconds(20)),
            ..guest
        };
        assert_eq!(remembered.idle(&WITH_GUESTS), seconds(20));
        let user = Map::from([("user_id".to_owned(), number(1))]);
        let user = OwnTimeouts::of(&WITH_GUESTS, &user);
        assert_eq!(user, OwnTimeouts::default());
        assert_eq!(user.idle(&WITH_GUESTS), seconds(60));
        assert_eq!(user.absolute(&WITH_GUESTS), seconds(600));
        // By a standard, nobody has a longer one.
        let strict = WITH_GUESTS.idle_timeout_is_limit();
        assert_eq!(remembered.idle(&strict), seconds(10));
        assert_eq!(own(Some(300), None).idle(&strict), seconds(60));
        assert_eq!(own(Some(5), None).idle(&strict), seconds(5));
        // A store can have shorter ones for everybody.
        let short = WITH_GUESTS
            .idle_timeout(seconds(5))
            .absolute_timeout(seconds(20));
        assert_eq!(guest.idle(&short), seconds(5));
        assert_eq!(guest.absolute(&short), seconds(20));
        // Without timeouts of guests, nobody is one.
        assert!(!OwnTimeouts::of(&SCHEMA, &Map::new()).is_guest);
    }
}
