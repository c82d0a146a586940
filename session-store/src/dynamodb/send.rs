//! The one place that sends. Every request to the data plane passes through [`Table::send`], which knows
//! its name and what its failure means; [`Table::send_with_retries`] sends again where that is safe.

use std::convert::Infallible;

use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::error::ServiceError;
use crate::schema::Schema;
use crate::telemetry::metrics;

use super::announce::WrittenKeys;
use super::failure::RequestError;
use super::retry::{Attempts, MAX_CONFLICT_RETRIES, MAX_THROTTLED_RETRIES, pause};
use super::table::Table;

/// How the SDK sends a request.
#[derive(Clone, Copy)]
pub(super) enum Sending<'a> {
    /// A read: with the client's own retries.
    Read,
    /// A write with the client's own retries, which must not be misread (G13).
    Tracked(&'a Attempts),
    /// A write that must not be repeated: with one attempt, whatever the client's settings are.
    Once,
}

/// Failures after which a write is sent again, beyond the client's own retries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// A transaction, or a write in another region, holds the item.
    Conflicts,
    /// The same, and throttling.
    ConflictsAndThrottling,
}

/// Whether a read that is throttled is sent again, beyond the client's own retries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// No: a visitor waits for it.
    None,
    /// Yes, as the writes that depend on it are.
    WithThrottling,
}

/// A request of the SDK.
pub(super) trait Request: Sized {
    /// Its name, as in DynamoDB's API reference.
    const OPERATION: &'static str;
    type Output: RequestId + Capacity;
    type Error: RequestError;

    /// The same request, whose answer says what it cost.
    fn reporting_capacity(self) -> Self;

    /// The sessions that it writes to.
    fn written_keys(&self, schema: &Schema) -> WrittenKeys;

    /// Hands it to the SDK. Nothing else in this crate does.
    ///
    /// The future is on the heap: the SDK's own are several KB, and those of this crate would hold one in
    /// each of their layers.
    fn transmit(self, sending: Sending<'_>) -> BoxFuture<'static, Sent<Self>>;
}

/// Why a request did not do what it was to do.
pub(super) enum Failure<R> {
    /// DynamoDB refused it for a reason that the caller can act on.
    Refused(R),
    Service(ServiceError),
}

impl From<Failure<Infallible>> for ServiceError {
    fn from(failure: Failure<Infallible>) -> Self {
        match failure {
            Failure::Refused(never) => match never {},
            Failure::Service(error) => error,
        }
    }
}

type Sent<R> = Result<<R as Request>::Output, SdkError<<R as Request>::Error, HttpResponse>>;

type Refusal<R> = <<R as Request>::Error as RequestError>::Refusal;

impl Table {
    /// Sends a write, and sends it again after the failures that `retry` names.
    pub(super) async fn send_with_retries<R: Request>(
        &self,
        request: impl Fn() -> R,
        retry: Retry,
        attempts: &Attempts,
    ) -> Result<R::Output, Failure<Refusal<R>>> {
        let (mut conflicts, mut throttled) = (0, 0);
        loop {
            let failure = match self.send(request(), Sending::Tracked(attempts)).await {
                Err(Failure::Service(error)) => error,
                answered => return answered,
            };
            let waits = retry == Retry::ConflictsAndThrottling;
            if failure.is_write_conflict() && conflicts < MAX_CONFLICT_RETRIES {
                metrics::conflict(R::OPERATION);
                conflicts += 1;
                pause(conflicts).await;
            } else if waits && failure.is_throttled() && throttled < MAX_THROTTLED_RETRIES {
                conflicts = 0;
                throttled += 1;
                pause(throttled).await;
            } else {
                return Err(Failure::Service(failure));
            }
        }
    }

    /// Sends a read, and sends it again if the caller has the patience.
    pub(super) async fn read_with<R: Request<Error: RequestError<Refusal = Infallible>>>(
        &self,
        patience: Patience,
        request: impl Fn() -> R,
    ) -> Result<R::Output, ServiceError> {
        let mut throttled = 0;
        loop {
            let sent = self.send(request(), Sending::Read).await;
            let error = match sent.map_err(ServiceError::from) {
                Err(error) if error.is_throttled() => error,
                answered => return answered,
            };
            if patience == Patience::None || throttled == MAX_THROTTLED_RETRIES {
                return Err(error);
            }
            throttled += 1;
            pause(throttled).await;
        }
    }

    /// Sends a request.
    pub(super) async fn send<R: Request>(
        &self,
        request: R,
        sending: Sending<'_>,
    ) -> Result<R::Output, Failure<Refusal<R>>> {
        if let Err(error) = Handle::try_current() {
            let error = ServiceError::without_runtime(R::OPERATION, error);
            return Err(Failure::Service(error));
        }
        let _announced = self.announce(|schema| request.written_keys(schema));
        let span = self.span(R::OPERATION);
        let request = match self.reports_capacity {
            true => request.reporting_capacity(),
            false => request,
        };
        let sent = request.transmit(sending).instrument(span.clone()).await;
        let error = match sent {
            Ok(output) => {
                span.record("aws.request_id", output.request_id());
                if let Some(units) = output.units() {
                    span.record("aws.dynamodb.consumed_capacity", units);
                    metrics::capacity(R::OPERATION, units);
                }
                return Ok(output);
            }
            Err(error) => error,
        };
        span.record("aws.request_id", error.request_id());
        if let Some(refusal) = error.as_service_error().and_then(R::Error::refusal) {
            return Err(Failure::Refused(refusal));
        }
        let mut error = self.request_failed(R::OPERATION, error);
        span.record("error.type", error.code().unwrap_or(error.kind()));
        span.record("otel.status_code", "ERROR");
        if let Sending::Tracked(attempts) = sending {
            error.outcome_unknown = attempts.may_have_been_applied();
        }
        Err(Failure::Service(error))
    }

    /// The span of a request, with names by OpenTelemetry's conventions for databases and for DynamoDB.
    fn span(&self, operation: &'static str) -> Span {
        tracing::debug_span!(
            "dynamodb",
            otel.name = format_args!("{operation} {}", self.name),
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = "aws.dynamodb",
            db.operation.name = operation,
            db.collection.name = self.name,
            aws.request_id = Empty,
            aws.dynamodb.consumed_capacity = Empty,
            error.type = Empty,
        )
    }
}

/// What a request cost, if it was asked.
pub(super) trait Capacity {
    fn units(&self) -> Option<f64>;
}

/// The units in the parts of an answer, of which there is one for each table.
fn total<'a>(consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) -> Option<f64> {
    let units = consumed
        .into_iter()
        .filter_map(ConsumedCapacity::capacity_units);
    units.reduce(|sum, units| sum + units)
}

macro_rules! requests {
    ($($module:ident::$builder:ident is $operation:literal: $output:ident or $error:ident, writes $keys:expr;)*) => {$(
        impl Request for aws_sdk_dynamodb::operation::$module::builders::$builder {
            const OPERATION: &'static str = $operation;
            type Output = aws_sdk_dynamodb::operation::$module::$output;
            type Error = aws_sdk_dynamodb::operation::$module::$error;

            fn reporting_capacity(self) -> Self {
                self.return_consumed_capacity(ReturnConsumedCapacity::Total)
            }

            fn written_keys(&self, schema: &Schema) -> WrittenKeys {
                let keys: fn(&Self, &Schema) -> WrittenKeys = $keys;
                keys(self, schema)
            }

            fn transmit(self, sending: Sending<'_>) -> BoxFuture<'static, Sent<Self>> {
                match sending {
                    Sending::Read => Box::pin(self.send()),
                    Sending::Once => {
                        let once = Config::builder().retry_config(RetryConfig::disabled());
                        Box::pin(self.customize().config_override(once).send())
                    }
                    Sending::Tracked(attempts) => attempts.track(Box::pin(self.send())),
                }
            }
        }

        impl Capacity for aws_sdk_dynamodb::operation::$module::$output {
            fn units(&self) -> Option<f64> {
                total(self.consumed_capacity())
            }
        }
    )*};
}

requests! {
    get_item::GetItemFluentBuilder is "GetItem": GetItemOutput or GetItemError, writes |_, _| WrittenKeys::default();
    batch_get_item::BatchGetItemFluentBuilder is "BatchGetItem": BatchGetItemOutput or BatchGetItemError,
        writes |_, _| WrittenKeys::default();
    scan::ScanFluentBuilder is "Scan": ScanOutput or ScanError, writes |_, _| WrittenKeys::default();
    query::QueryFluentBuilder is "Query": QueryOutput or QueryError, writes |_, _| WrittenKeys::default();
    put_item::PutItemFluentBuilder is "PutItem": PutItemOutput or PutItemError,
        writes |put, schema| WrittenKeys::of(schema, put.get_item().as_ref());
    update_item::UpdateItemFluentBuilder is "UpdateItem": UpdateItemOutput or UpdateItemError,
        writes |update, schema| WrittenKeys::of(schema, update.get_key().as_ref());
    delete_item::DeleteItemFluentBuilder is "DeleteItem": DeleteItemOutput or DeleteItemError,
        writes |delete, schema| WrittenKeys::of(schema, delete.get_key().as_ref());
    transact_write_items::TransactWriteItemsFluentBuilder is "TransactWriteItems":
        TransactWriteItemsOutput or TransactWriteItemsError,
        writes |all, schema| WrittenKeys::of_all(schema, all.get_transact_items().as_ref());
}
