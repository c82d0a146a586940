//! The one way in which the control plane is called: what its refusals mean, and which of them are waited out.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use tokio::runtime::Handle;

use crate::error::{Error, ServiceError};
use crate::schema::SessionAttributes;

use super::super::handle::DynamoDbStore;
use super::waiting::{Awaited, Waiting};

/// The answer to a request that was not refused for good.
pub(super) enum Answer<T> {
    Done(T),
    /// There is no such table, or DynamoDB does not know it yet.
    Absent(ServiceError),
    /// The table is being changed, most likely by another host that needs the same. Look at it again.
    InUse(Awaited),
}

impl<T> Answer<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Done(output) => Answer::Done(change(output)),
            Self::Absent(error) => Answer::Absent(error),
            Self::InUse(awaited) => Answer::InUse(awaited),
        }
    }
}

/// What a failure means.
enum Failure {
    Absent,
    InUse,
    /// The same request is accepted later.
    Throttled,
    /// It may have been carried out. Each request of the control plane can be repeated: the second is then
    /// refused as that of a second host.
    Unanswered,
    Final,
}

/// Codes by which the control plane refuses a request that came too soon.
const THROTTLING: [&str; 4] = [
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
    "ProvisionedThroughputExceededException",
];

/// Parts of the messages with which a `ValidationException` tells that another host was first.
const OF_ANOTHER_HOST: [&str; 4] = [
    // UpdateTable: "Attempting to create an index which already exists"
    "already exists",
    // UpdateTimeToLive: "TimeToLive is already enabled"
    "already enabled",
    // UpdateTimeToLive: "TimeToLive is active on a different AttributeName". A look at it gives a better error.
    "active on a different attributename",
    // UpdateTimeToLive: "Time to live has been modified multiple times within a fixed interval"
    "modified multiple times",
];

impl<S: SessionAttributes> DynamoDbStore<S> {
    /// Sends a request of the control plane, and sends it again while DynamoDB throttles it or does not answer.
    pub(super) async fn call<T, E, F>(
        &self,
        waiting: &mut Waiting<'_>,
        operation: &'static str,
        request: impl Fn() -> F,
    ) -> Result<Answer<T>, Error>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let runtime = Handle::try_current();
        runtime.map_err(|error| ServiceError::without_runtime(operation, error))?;
        loop {
            // On the heap: the SDK's own futures are several KB.
            let error = match Box::pin(request()).await {
                Ok(output) => {
                    waiting.answered();
                    return Ok(Answer::Done(output));
                }
                Err(error) => error,
            };
            let failure = Failure::of(operation, &error);
            let message = error.message().unwrap_or_default().to_owned();
            let error = self.table().failed(operation, error);
            if !matches!(failure, Failure::Unanswered) {
                waiting.answered();
            }
            match failure {
                Failure::Absent => return Ok(Answer::Absent(error)),
                Failure::InUse => {
                    return Ok(Answer::InUse(Awaited::acceptance(error, &message)));
                }
                Failure::Throttled => waiting.pause(Awaited::acceptance(error, &message)).await?,
                Failure::Unanswered => waiting.pause_for_answer(error).await?,
                Failure::Final => return Err(error.into()),
            }
        }
    }
}

impl Failure {
    fn of<E: ProvideErrorMetadata>(operation: &str, error: &SdkError<E, HttpResponse>) -> Self {
        match error.code() {
            Some("ResourceNotFoundException") => Self::Absent,
            Some(code) if THROTTLING.contains(&code) => Self::Throttled,
            // It does not end by itself: "There is a limit of 256 tables per subscriber".
            Some("LimitExceededException") if is_quota(error.message()) => Self::Final,
            // DynamoDB limits how many tables and indexes are changed at once.
            Some("ResourceInUseException" | "LimitExceededException") => {
                match operation.starts_with("Describe") {
                    true => Self::Throttled,
                    false => Self::InUse,
                }
            }
            Some("ValidationException") if is_of_another_host(error.message()) => Self::InUse,
            _ if is_unanswered(error) => Self::Unanswered,
            _ => Self::Final,
        }
    }
}

fn is_quota(message: Option<&str>) -> bool {
    message.is_some_and(|message| message.contains("per subscriber"))
}

fn is_of_another_host(message: Option<&str>) -> bool {
    let message = message.unwrap_or_default().to_ascii_lowercase();
    OF_ANOTHER_HOST.iter().any(|part| message.contains(part))
}

/// Whether there is no answer, a part of one, or one that says that DynamoDB failed inside.
fn is_unanswered<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::DispatchFailure(failure) => failure.is_io() || failure.is_timeout(),
        // A success that cannot be read, or a refusal without a code, is a torn answer.
        SdkError::ServiceError(answer) => {
            !answer.raw().status().is_client_error() || error.code().is_none()
        }
        _ => false,
    }
}
