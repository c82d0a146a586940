//! How a client that this crate builds waits and tries again: within the time in which a visitor waits
//! for a page. docs/performance.md has what each of these is measured by.

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;

/// For a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(1);
/// For one sending and its answer. DynamoDB answers in milliseconds; who waits longer waits for a
/// server that is gone.
const ATTEMPT: Duration = Duration::from_secs(2);
/// For all sendings of a request and the pauses between them.
const OPERATION: Duration = Duration::from_secs(5);
/// The pause before the second sending is random, up to this long; before the third, up to twice that.
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build()
}

/// The same retries with shorter pauses.
pub(crate) fn hurried(retry: RetryConfig) -> RetryConfig {
    retry.with_initial_backoff(PAUSE)
}
