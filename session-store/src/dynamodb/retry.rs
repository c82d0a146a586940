//! How often the store tries again, and how long it waits: all limits in one place, each named by what
//! it counts. The SDK's own retries are beside them, and the client's settings say how many those are.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use futures_util::future::BoxFuture;

use super::not_sent::was_not_sent;

/// Times that a write is sent again because a transaction holds its item. The SDK does not retry that.
pub(super) const MAX_CONFLICT_RETRIES: u32 = 8;

/// Times that a read or write for many sessions is sent again because it was throttled, beyond the SDK's
/// own retries.
pub(crate) const MAX_THROTTLED_RETRIES: u32 = 7;

/// Requests for a batch that DynamoDB leaves unfinished time and again.
pub(super) const MAX_BATCH_ATTEMPTS: u32 = 8;

/// Ids that a `create` tries, as many as the SDK sends a request by default.
pub(crate) const MAX_CREATE_ATTEMPTS: u32 = 3;

/// Writes with which a session tries to enter a roster. If many log in at once, one wins each round.
pub(crate) const MAX_ENTER_ATTEMPTS: u32 = 40;

/// The same for a session that has had its value for a while, but is not in the roster yet. A visitor waits for what
/// the next visit can do as well.
pub(crate) const MAX_MEND_ATTEMPTS: u32 = 6;

/// Writes of a `save` or `update`. If many change one session at once, few win each round.
pub(crate) const MAX_SAVE_ATTEMPTS: u32 = 40;

/// Transactions of a change of id, for a type without rosters.
pub(crate) const MAX_CYCLE_ATTEMPTS: u32 = 8;

/// Times that a change of id is resumed whose outcome is unknown.
#[cfg(feature = "_http")]
pub(crate) const MAX_RESUME_ATTEMPTS: u32 = 3;

/// Writes that extend the idle timeout of a framework's session: the first can learn how far the
/// absolute timeout allows it.
#[cfg(feature = "actix-session")]
pub(crate) const MAX_EXTEND_ATTEMPTS: u32 = 2;

/// Rounds of a revocation through one roster. More than one is for sessions that move meanwhile.
pub(crate) const MAX_REVOKE_ROUNDS: u32 = 8;

/// Handles under which an update looks for a session that gets a new id meanwhile.
pub(crate) const MAX_UPDATE_HANDLES: u32 = 8;

/// Times that one page of a listing reads its roster again for sessions that move meanwhile.
pub(crate) const MAX_LISTING_ROUNDS: u32 = 8;

/// Waits a random time: at most 20 ms after the first attempt, and twice as long after each further
/// one, up to 160 ms. This is "full jitter", so that writers who collided do not collide again.
pub(crate) async fn pause(attempt: u32) {
    let most = 20 << attempt.saturating_sub(1).min(3);
    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=most))).await;
}

/// Whether any attempt of a write may have been applied: the SDK reports the last attempt alone, and none if the
/// caller drops the future. Clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts(Arc<Outcomes>);

#[derive(Debug, Default)]
struct Outcomes {
    /// An attempt is being sent, or its answer awaited. So it stays if the future is dropped.
    is_open: AtomicBool,
    /// An attempt before it ended without an answer that says that it was not carried out.
    is_unknown: AtomicBool,
}

impl Attempts {
    /// Whether an attempt got no answer that says that it was not carried out.
    pub(crate) fn may_have_been_applied(&self) -> bool {
        self.0.is_open.load(Ordering::Relaxed) || self.0.is_unknown.load(Ordering::Relaxed)
    }

    /// Sends by this future, and notes what becomes of each attempt. The client has [`TrackAttempts`].
    /// The future is not moved once it is on the heap: it has several KB.
    pub(super) fn track<T: 'static>(
        &self,
        mut send: BoxFuture<'static, T>,
    ) -> BoxFuture<'static, T> {
        let attempts = self.clone();
        Box::pin(poll_fn(move |context| {
            TRACKED.sync_scope(attempts.clone(), || send.as_mut().poll(context))
        }))
    }

    fn begin(&self) {
        if self.0.is_open.swap(true, Ordering::Relaxed) {
            self.0.is_unknown.store(true, Ordering::Relaxed);
        }
    }

    fn end(&self, context: &FinalizerInterceptorContextRef<'_>) {
        if !self.0.is_open.swap(false, Ordering::Relaxed) {
            return;
        }
        let is_read = context.output_or_error().is_some_and(|read| read.is_ok());
        let refused = context
            .response()
            .is_some_and(|answer| matches!(answer.status().as_u16(), 400..500));
        let not_sent = context
            .output_or_error()
            .and_then(Result::err)
            .and_then(|error| error.as_connector_error())
            .is_some_and(|error| was_not_sent(error));
        // An answer of another status that cannot be read, such as a torn one, says nothing either.
        if !is_read && !refused && !not_sent {
            self.0.is_unknown.store(true, Ordering::Relaxed);
        }
    }
}

tokio::task_local! {
    /// Those of the write that this task sends. The SDK calls its interceptors in the task that waits for the answer.
    static TRACKED: Attempts;
}

/// Notes what becomes of the attempts of each write that is [tracked](Attempts::track).
///
/// It belongs to the client. As a part of each request, it would cost a write three per cent more.
#[derive(Debug)]
pub(super) struct TrackAttempts;

#[dyn_dispatch_hint]
impl Intercept for TrackAttempts {
    fn name(&self) -> &'static str {
        "session_store::TrackAttempts"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // A read is not tracked.
        let _ = TRACKED.try_with(Attempts::begin);
        Ok(())
    }

    /// It is called for each attempt, and also for one that ended before it was sent.
    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let _ = TRACKED.try_with(|attempts| attempts.end(context));
        Ok(())
    }
}
