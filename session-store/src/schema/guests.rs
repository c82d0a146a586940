//! Shorter timeouts for sessions without a user.

use std::time::Duration;

use super::definition::Schema;

impl Schema {
    /// A shorter idle timeout for sessions without a user, so that those of crawlers do not fill the table. It needs
    /// an attribute that tells the [user](crate::Attribute::user).
    ///
    /// An idle timeout of the [session's own](crate::Session::set_idle_timeout) takes its place.
    pub const fn guest_idle_timeout(mut self, timeout: Duration) -> Self {
        self.guest_idle_timeout = Some(timeout);
        self
    }

    /// A shorter absolute timeout for sessions without a user, as for
    /// [`guest_idle_timeout`](Self::guest_idle_timeout). It counts from the session's creation, and a
    /// [log-in](crate::DynamoDbStore::log_in) begins the absolute timeout of the type.
    ///
    /// A session that loses its user, and is not ended, gets this timeout. It then counts from the log-in, and so
    /// can be over at once.
    pub const fn guest_absolute_timeout(mut self, timeout: Duration) -> Self {
        self.guest_absolute_timeout = Some(timeout);
        self
    }

    /// Whether sessions without a user have timeouts of their own.
    pub(crate) const fn has_guests(&self) -> bool {
        self.guest_idle_timeout.is_some() || self.guest_absolute_timeout.is_some()
    }

    pub(super) const fn check_guests(&self) {
        if !self.has_guests() {
            return;
        }
        assert!(
            self.has_user(),
            "timeouts of guests need an attribute that tells who is logged in; mark it as the `user`"
        );
        if let Some(idle) = self.guest_idle_timeout {
            assert!(
                idle.as_secs() >= 1 && idle.as_nanos() <= self.idle_timeout.as_nanos(),
                "the idle timeout of guests must be at least one second, and not longer than that of users"
            );
        }
        if let Some(absolute) = self.guest_absolute_timeout {
            assert!(
                absolute.as_secs() >= 1 && absolute.as_nanos() <= self.absolute_timeout.as_nanos(),
                "the absolute timeout of guests must be at least one second, and not longer than that of users"
            );
        }
        if let (Some(idle), Some(absolute)) = (self.guest_idle_timeout, self.guest_absolute_timeout)
        {
            assert!(
                idle.as_nanos() <= absolute.as_nanos(),
                "the idle timeout of guests must not be longer than their absolute timeout; make it shorter"
            );
        }
    }

    #[allow(
        clippy::indexing_slicing,
        reason = "the condition of the loop keeps it in bounds"
    )]
    const fn has_user(&self) -> bool {
        let mut i = 0;
        while i < self.attributes.len() {
            if self.attributes[i].user {
                return true;
            }
            i += 1;
        }
        false
    }
}
