//! The span, the metrics and the events of one operation of the store.

use tracing::Instrument as _;
use tracing::field::Empty;

use super::event::{Ended, Event, note};
use super::metrics::Stopwatch;
use crate::error::Error;

/// Carries out an operation of the store in a span of its own, and notes its outcome.
///
/// The names are those of OpenTelemetry's conventions for databases.
///
/// The work is on the heap: a future that waits for another one would hold it twice.
pub(crate) fn observe<T>(
    operation: &'static str,
    table: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> impl Future<Output = Result<T, Error>> {
    observe_boxed(operation, table, Box::pin(work))
}

async fn observe_boxed<T>(
    operation: &'static str,
    table: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let span = tracing::info_span!(
        "session_store",
        otel.name = format_args!("{operation} {table}"),
        otel.kind = "internal",
        otel.status_code = Empty,
        db.system.name = "aws.dynamodb",
        db.operation.name = operation,
        db.collection.name = table,
        error.type = Empty,
    );
    let stopwatch = Stopwatch::start(operation);
    let done = work.instrument(span.clone()).await;
    stopwatch.operation_done(outcome(&done));
    if let Err(error) = &done {
        span.record("error.type", outcome(&done));
        if is_failure(error) {
            span.record("otel.status_code", "ERROR");
        }
        span.in_scope(|| note_error(error));
    }
    done
}

/// How an operation ended, in a word that stays.
fn outcome<T>(done: &Result<T, Error>) -> &'static str {
    let Err(error) = done else { return "ok" };
    match error {
        Error::Gone(_) => "gone",
        Error::Conflict(error) if error.outcome_unknown() => "unknown",
        Error::Conflict(_) => "conflict",
        Error::TooLarge(_) => "too_large",
        Error::Decode(_) => "unreadable",
        Error::Encode(_) => "not_storable",
        Error::Limit(_) => "limit",
        Error::Service(error) if error.may_have_written() => "unknown",
        Error::Service(error) => error.kind(),
        Error::Setup(_) => "setup",
        #[cfg(feature = "_http")]
        Error::Request(_) => "request",
    }
}

/// Whether the store did not do its work. The others are answers that an application expects.
fn is_failure(error: &Error) -> bool {
    matches!(
        error,
        Error::Service(_) | Error::Setup(_) | Error::Decode(_) | Error::Conflict(_)
    )
}

fn note_error(error: &Error) {
    match error {
        Error::Gone(error) if error.is_expired() => {
            note(Event::Ended(Ended::Expiry), Some(error.handle()));
        }
        Error::Limit(_) => note(Event::Refused("limit"), None),
        Error::TooLarge(_) => note(Event::Refused("too_large"), None),
        Error::Encode(error) if error.is_not_the_user() => {
            note(Event::Refused("not_the_user"), None);
        }
        Error::Encode(error) if error.needs_new_id() => {
            note(Event::Refused("user_without_new_id"), None);
        }
        Error::Encode(_) => note(Event::Refused("not_storable"), None),
        Error::Decode(error) => note(Event::Unreadable, error.handle()),
        Error::Conflict(error) if error.outcome_unknown() => {
            note(Event::UnknownOutcome, Some(error.handle()));
        }
        Error::Conflict(error) => note(Event::ConflictGivenUp, Some(error.handle())),
        Error::Service(error) if error.may_have_written() => note(Event::UnknownOutcome, None),
        _ => {}
    }
}
