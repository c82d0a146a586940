//! Failures without an answer of DynamoDB: what became of the request, and what to do.

use aws_sdk_dynamodb::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::not_sent::{NotSent, runtime_has_ended, was_not_sent};

/// Why the request has certainly not reached DynamoDB.
pub(super) fn not_sent<E>(error: &SdkError<E, HttpResponse>) -> Option<NotSent> {
    NotSent::of(connection_error(error)?)
}

/// Whether there is no answer that says what became of the request.
pub(super) fn is_lost<E>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::DispatchFailure(failure) => match connection_error(error) {
            Some(error) if was_not_sent(error) => false,
            Some(error) if runtime_has_ended(error) => true,
            _ => !failure.is_user(),
        },
        error => is_torn(error),
    }
}

fn connection_error<E>(error: &SdkError<E, HttpResponse>) -> Option<&ConnectorError> {
    match error {
        SdkError::DispatchFailure(failure) => failure.as_connector_error(),
        _ => None,
    }
}

/// What to do about an answer that is none of DynamoDB's, or does not come.
pub(super) fn advice<E>(
    error: &SdkError<E, HttpResponse>,
    not_sent: Option<NotSent>,
) -> &'static str {
    match error {
        SdkError::TimeoutError(_) => {
            "no answer in time; try again, or give the client longer time-outs"
        }
        SdkError::DispatchFailure(_) => match not_sent {
            Some(not_sent) => not_sent.advice(),
            None if connection_error(error).is_some_and(|error| runtime_has_ended(error)) => {
                "the runtime of its connection ended before the answer came; try again, and give each \
                 runtime a store of its own"
            }
            None => {
                "the connection broke before the answer came; try again, and check that the endpoint is \
                 right and running"
            }
        },
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => {
            "the answer is not one of DynamoDB's, or only a part of one; try again, and check the endpoint"
        }
        _ => "the request could not be made; check the client's configuration",
    }
}

/// Whether the answer is not an error, and cannot be read: its body is torn, or is not DynamoDB's.
fn is_torn<E>(error: &SdkError<E, HttpResponse>) -> bool {
    let status = match error {
        SdkError::ServiceError(error) => error.raw().status(),
        _ => return false,
    };
    !status.is_client_error() && !status.is_server_error()
}
