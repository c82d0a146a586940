//! The clients that the builder makes, and how long they wait and retry: within the time that a visitor
//! waits for a page. docs/performance.md has the measurements behind each number.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};

use crate::error::{Error, SetupError};

/// For a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(1);
/// For one attempt and its answer. DynamoDB answers in milliseconds; a longer wait is for a server that
/// is gone.
const ATTEMPT: Duration = Duration::from_secs(2);
/// For all attempts of a request and the pauses between them.
const OPERATION: Duration = Duration::from_secs(5);
/// The pause before the second attempt is random, up to this long; before the third, up to twice that.
const PAUSE: Duration = Duration::from_millis(50);

/// A client for DynamoDB at this address; with placeholders for credentials and region on loopback, and elsewhere
/// if it is asked to.
pub(super) async fn at_endpoint(url: String, local_credentials: bool) -> Result<Client, Error> {
    let parsed: http::Uri = url.parse().map_err(|error| {
        SetupError::with_cause(
            format!("the endpoint `{url}` is not a URL; give one such as `http://127.0.0.1:8000`"),
            error,
        )
    })?;
    let (Some(scheme @ ("http" | "https")), Some(host)) = (parsed.scheme_str(), parsed.host())
    else {
        return Err(SetupError::new(format!(
                "the endpoint `{url}` is not an http or https URL; give one such as `http://127.0.0.1:8000`"
            ))
            .into());
    };
    if local_credentials && scheme == "https" {
        return Err(SetupError::new(format!(
            "`local_credentials` is for an engine without TLS; give the endpoint `{url}` as http, or \
             leave `local_credentials` out"
        ))
        .into());
    }
    if scheme == "http" && (local_credentials || is_loopback(host)) {
        let http = aws_smithy_http_client::Builder::new().build_http();
        return Ok(Client::from_conf(
            with_local_credentials(url).http_client(http).build(),
        ));
    }
    elsewhere(url).await
}

/// The configuration of a client for a local engine, but for its HTTP client.
pub(crate) fn with_local_credentials(url: impl Into<String>) -> aws_sdk_dynamodb::config::Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(
            "local",
            "local",
            None,
            None,
            "local_credentials",
        ))
        .endpoint_url(url)
        .timeout_config(timeouts())
        .retry_config(with_short_backoff(RetryConfig::standard()))
}

#[cfg(feature = "aws-config")]
async fn elsewhere(url: String) -> Result<Client, Error> {
    Ok(from_environment(|config| config.endpoint_url(url)).await)
}

/// A client as the environment says. The environment also says how often it tries.
#[cfg(feature = "aws-config")]
pub(super) async fn from_environment(
    more: impl FnOnce(aws_config::ConfigLoader) -> aws_config::ConfigLoader,
) -> Client {
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).timeout_config(timeouts());
    let config = more(config).load().await;
    let retry = config.retry_config().cloned();
    let retry = with_short_backoff(retry.unwrap_or_else(RetryConfig::standard));
    let config = aws_sdk_dynamodb::config::Builder::from(&config).retry_config(retry);
    Client::from_conf(config.build())
}

#[cfg(not(feature = "aws-config"))]
async fn elsewhere(url: String) -> Result<Client, Error> {
    Err(SetupError::new(format!(
        "the endpoint `{url}` needs credentials from the environment or TLS; switch on the feature \
         `aws-config` of session-store, give a client that is ready, or call `local_credentials` if it is \
         DynamoDB Local"
    ))
    .into())
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build()
}

/// The same retries with shorter pauses.
fn with_short_backoff(retry: RetryConfig) -> RetryConfig {
    retry.with_initial_backoff(PAUSE)
}
