//! How long `create_table` and `verify_table` wait for DynamoDB and for other hosts: with a bound, always.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ServiceError, SetupError};

/// The wait while nothing changes. A table is made or deleted within minutes.
const UNCHANGED: Duration = Duration::from_secs(10 * 60);

/// The wait in all. DynamoDB can take hours to fill or delete an index, and shows nothing meanwhile.
const IN_ALL: Duration = Duration::from_secs(24 * 60 * 60);

/// The wait while DynamoDB gives no answer, or answers that it failed inside.
const OUTAGE: Duration = Duration::from_secs(60);

/// The same before its first answer, since the endpoint may be wrong.
const NO_FIRST_ANSWER: Duration = Duration::from_secs(3);

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// For an index, which takes minutes at least.
const LONGEST_PAUSE_FOR_INDEX: Duration = Duration::from_secs(60);

/// What a call waits for.
pub(super) struct Awaited {
    what: String,
    /// Whether it can take hours without a change to see.
    is_slow: bool,
    cause: Option<ServiceError>,
}

impl Awaited {
    pub(super) fn table(status: &str) -> Self {
        Self::quick(format!("its status is {status}"))
    }

    pub(super) fn appearance() -> Self {
        Self::quick("DynamoDB does not know it yet".to_owned())
    }

    pub(super) fn index(name: &str, status: &str) -> Self {
        Self {
            is_slow: true,
            ..Self::quick(format!("its index `{name}` is {status}"))
        }
    }

    /// A request that DynamoDB accepts later.
    pub(super) fn acceptance(refused: ServiceError, message: &str) -> Self {
        let operation = refused.operation();
        let code = refused.code().unwrap_or_default();
        let what = format!("`{operation}` is refused with {code}: {message}");
        Self {
            cause: Some(refused),
            ..Self::quick(what)
        }
    }

    fn quick(what: String) -> Self {
        Self {
            what,
            is_slow: false,
            cause: None,
        }
    }

    /// What it is, as in "its status is CREATING".
    pub(super) fn what(&self) -> &str {
        &self.what
    }
}

/// The waiting of one call, by tokio's clock.
pub(super) struct Waiting<'a> {
    table: &'a str,
    begun: Instant,
    /// When something changed that the caller can see.
    changed: Instant,
    seen: String,
    has_answered: bool,
    /// When the outage began, if there is one.
    outage: Option<Instant>,
    pause: Duration,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(table: &'a str) -> Self {
        let now = Instant::now();
        Self {
            table,
            begun: now,
            changed: now,
            seen: String::new(),
            has_answered: false,
            outage: None,
            pause: FIRST_PAUSE,
        }
    }

    /// Notes the state of the table. It begins to count anew if the state is another than before.
    pub(super) fn saw(&mut self, state: String) {
        if self.seen != state {
            self.seen = state;
            self.changed = Instant::now();
            self.pause = FIRST_PAUSE;
        }
    }

    pub(super) fn answered(&mut self) {
        self.has_answered = true;
        self.outage = None;
    }

    /// Waits a while, or gives up.
    pub(super) async fn pause(&mut self, awaited: Awaited) -> Result<(), Error> {
        let end = self.begun + IN_ALL;
        let (limit, longest) = match awaited.is_slow {
            true => (end, LONGEST_PAUSE_FOR_INDEX),
            false => (end.min(self.changed + UNCHANGED), LONGEST_PAUSE),
        };
        if Instant::now() < limit {
            self.sleep(limit, longest).await;
            return Ok(());
        }
        let since = match limit == end {
            true => "after 24 hours",
            false => "and nothing has changed for 10 minutes",
        };
        let message = format!(
            "table `{}` cannot be used yet: {}, {since}; call this again, and it goes on from there",
            self.table, awaited.what,
        );
        Err(match awaited.cause {
            Some(cause) => SetupError::with_cause(message, cause),
            None => SetupError::new(message),
        }
        .into())
    }

    /// Waits a while for DynamoDB to answer again, or gives up with this error.
    pub(super) async fn pause_for_answer(&mut self, error: ServiceError) -> Result<(), Error> {
        let now = Instant::now();
        let patience = match self.has_answered {
            true => OUTAGE,
            false => NO_FIRST_ANSWER,
        };
        let limit = *self.outage.get_or_insert(now) + patience;
        if now >= limit.min(self.begun + IN_ALL) {
            return Err(error.into());
        }
        self.sleep(limit, LONGEST_PAUSE).await;
        Ok(())
    }

    /// With "equal jitter", so that hosts that began at once do not ask at once.
    async fn sleep(&mut self, limit: Instant, longest: Duration) {
        let half = self.pause.min(longest) / 2;
        let pause = half + half.mul_f64(fastrand::f64());
        self.pause = (self.pause * 2).min(longest);
        tokio::time::sleep_until(limit.min(Instant::now() + pause)).await;
    }
}
