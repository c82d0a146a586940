//! The errors that AWS documents or was seen to send for DynamoDB, with what they mean, as data: for a test of each
//! through the wire, for faults at random, and for docs.
//!
//! The codes and their first sentences are those of DynamoDB's developer guide, "Error handling with DynamoDB", and
//! of "Common errors" of its API reference. The sentences about policies are those of IAM's "Troubleshoot access
//! denied error messages"; those about keys, clocks and throughput are from public reports.

/// An error as AWS answers with it, and what it has to mean.
#[derive(Clone, Copy, Debug)]
pub struct AwsError {
    /// The HTTP status.
    pub status: u16,
    /// Such as `ThrottlingException`.
    pub code: &'static str,
    /// AWS's sentence.
    pub message: &'static str,
    /// Whether the same call can succeed later, and what became of a write.
    pub outcome: Outcome,
    /// Whether the sentence may be shown, since it quotes no value of a session.
    pub is_shown: bool,
    /// A part of the advice.
    pub advice: &'static str,
}

/// What became of a write, and whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Refused, until someone changes something.
    Refused,
    /// Refused now.
    RefusedForNow,
    /// Refused, since there were too many calls.
    Throttled,
    /// It may have been carried out.
    Unknown,
}

impl AwsError {
    /// Whether it is throttling.
    pub fn is_throttled(&self) -> bool {
        self.outcome == Outcome::Throttled
    }

    /// Whether the same call can succeed later.
    pub fn is_retryable(&self) -> bool {
        self.outcome != Outcome::Refused
    }

    /// Whether a write may have been carried out.
    pub fn outcome_unknown(&self) -> bool {
        self.outcome == Outcome::Unknown
    }
}

const fn error(
    status: u16,
    code: &'static str,
    message: &'static str,
    outcome: Outcome,
    is_shown: bool,
    advice: &'static str,
) -> AwsError {
    AwsError {
        status,
        code,
        message,
        outcome,
        is_shown,
        advice,
    }
}

use Outcome::{Refused, RefusedForNow, Throttled, Unknown};

const SHOWN: bool = true;
const HIDDEN: bool = false;

/// Errors that any request can be answered with.
#[rustfmt::skip]
pub const ERRORS: &[AwsError] = &[
    // Access.
    error(400, "AccessDeniedException", "Access denied.", Refused, SHOWN, "grant these credentials"),
    error(400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/app is not authorized to perform: dynamodb:UpdateItem on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/sessions because no identity-based policy allows the dynamodb:UpdateItem action", Refused, SHOWN, "grant these credentials"),
    error(400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/app is not authorized to perform: dynamodb:UpdateItem on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/sessions with an explicit deny in an identity-based policy", Refused, SHOWN, "out of its `Deny`"),
    error(400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/app is not authorized to perform: dynamodb:UpdateItem on resource: arn:aws:dynamodb:eu-west-1:444455556666:table/sessions because no resource-based policy allows the dynamodb:UpdateItem action", Refused, SHOWN, "resource-based policy of table"),
    error(400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/app is not authorized to perform: dynamodb:UpdateItem on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/sessions with an explicit deny in a resource-based policy", Refused, SHOWN, "out of its `Deny`"),
    error(400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/app is not authorized to perform: dynamodb:UpdateItem on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/sessions because no VPC endpoint policy allows the dynamodb:UpdateItem action", Refused, SHOWN, "policy of the VPC endpoint"),
    error(400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/app is not authorized to perform: dynamodb:UpdateItem on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/sessions with an explicit deny in a VPC endpoint policy", Refused, SHOWN, "policy of the VPC endpoint"),
    error(400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/app is not authorized to perform: dynamodb:UpdateItem on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/sessions because no permissions boundary allows the dynamodb:UpdateItem action", Refused, SHOWN, "permissions boundary of the role"),
    error(400, "AccessDeniedException", "User: arn:aws:sts::111122223333:assumed-role/app/i-1 is not authorized to perform: dynamodb:UpdateItem on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/sessions because no session policy allows the dynamodb:UpdateItem action", Refused, SHOWN, "when the role was assumed"),
    error(400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/app is not authorized to perform: dynamodb:UpdateItem on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/sessions with an explicit deny in a service control policy: arn:aws:organizations::777788889999:policy/o-1/service_control_policy/p-1", Refused, SHOWN, "ask its administrators"),
    error(400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/app is not authorized to perform: dynamodb:UpdateItem on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/sessions because no service control policy allows the dynamodb:UpdateItem action", Refused, SHOWN, "ask its administrators"),
    error(400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/app is not authorized to perform: dynamodb:UpdateItem on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/sessions with an explicit deny in a resource control policy", Refused, SHOWN, "ask its administrators"),
    error(400, "AccessDeniedException", "KMS key access denied error: com.amazonaws.services.kms.model.AWSKMSException: The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access. (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException)", Refused, SHOWN, "`kms:Decrypt`"),
    error(400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/app is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:111122223333:key/1 because no identity-based policy allows the kms:Decrypt action", Refused, SHOWN, "`kms:Decrypt`"),
    error(400, "ValidationException", "KMS key disabled error: com.amazonaws.services.kms.model.DisabledException: arn:aws:kms:eu-west-1:111122223333:key/1 is disabled. (Service: AWSKMS; Status Code: 400; Error Code: DisabledException)", Refused, SHOWN, "KMS key of table"),
    error(500, "InternalServerError", "KMS internal error: com.amazonaws.services.kms.model.AWSKMSException: EncryptionContext is supported only when creating a grant for a symmetric encryption KMS key", Unknown, SHOWN, "KMS key of table"),
    error(403, "OptInRequired", "The AWS access key ID needs a subscription for the service", Refused, SHOWN, "account is active"),
    // Credentials and the clock.
    error(400, "UnrecognizedClientException", "The Access Key ID or security token is invalid.", Refused, SHOWN, "does not know these credentials"),
    error(403, "InvalidClientTokenId", "The X.509 certificate or AWS access key ID provided does not exist in our records", Refused, SHOWN, "does not know these credentials"),
    error(400, "ExpiredTokenException", "The security token included in the request is expired", Refused, SHOWN, "credentials have expired"),
    error(400, "MissingAuthenticationTokenException", "Request must contain a valid (registered) AWS Access Key ID.", Refused, SHOWN, "full signature"),
    error(400, "IncompleteSignatureException", "The request signature does not conform to AWS standards.", Refused, SHOWN, "full signature"),
    error(400, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.", Refused, SHOWN, "secret key"),
    error(400, "InvalidSignatureException", "Signature expired: 20170606T095435Z is now earlier than 20170606T101920Z (20170606T102420Z - 5 min.)", RefusedForNow, SHOWN, "the clock of this host"),
    error(400, "InvalidSignatureException", "Signature not yet current: 20170731T092200Z is still later than 20170731T092115Z (20170731T091615Z + 5 min.)", RefusedForNow, SHOWN, "the clock of this host"),
    error(400, "RequestExpired", "Request reached the service more than 15 minutes after the date stamp on the request", RefusedForNow, SHOWN, "the clock of this host"),
    error(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", RefusedForNow, SHOWN, "the clock of this host"),
    // Too many calls.
    error(400, "ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.", Throttled, SHOWN, "more provisioned capacity"),
    error(400, "ProvisionedThroughputExceededException", "You exceeded your maximum allowed provisioned throughput for a table or for one or more global secondary indexes.", Throttled, SHOWN, "more capacity"),
    error(400, "ThrottlingException", "Rate of requests exceeds the allowed throughput.", Throttled, SHOWN, "more capacity"),
    error(400, "ThrottlingException", "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly. If exceptions persist, check if you have a hot key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html", Throttled, SHOWN, "is adding capacity"),
    error(400, "ThrottlingException", "Throughput exceeds the maximum OnDemandThroughput configured on table or index", Throttled, SHOWN, "maximum on-demand throughput"),
    error(400, "RequestLimitExceeded", "Throughput exceeds the current throughput limit for your account. To request a limit increase, contact AWS Support at https://aws.amazon.com/support", Throttled, SHOWN, "the account's quota"),
    error(400, "RequestLimitExceeded", "Throughput exceeds the current throughput quota for your account.", Throttled, SHOWN, "the account's quota"),
    error(503, "ThrottlingException", "Rate exceeded", Throttled, SHOWN, "more capacity"),
    error(400, "LimitExceededException", "Too many operations for a given subscriber.", RefusedForNow, SHOWN, "too many tables"),
    error(400, "LimitExceededException", "Subscriber limit exceeded: Only 500 tables can be created, updated, or deleted simultaneously", RefusedForNow, SHOWN, "too many tables"),
    error(400, "LimitExceededException", "Subscriber limit exceeded: There is a limit of 2500 tables per subscriber", Refused, SHOWN, "quota of the account"),
    // The table and its items.
    error(400, "ResourceNotFoundException", "Requested resource not found: Table: sessions not found", Refused, SHOWN, "`create_table`"),
    error(400, "ResourceInUseException", "Attempt to change a resource which is still in use: Table is being created: sessions", Refused, SHOWN, "until it is active"),
    error(400, "ReplicatedWriteConflictException", "One or more items in this request are being modified by a request in another Region.", RefusedForNow, SHOWN, "another region"),
    error(400, "TransactionConflictException", "Transaction is ongoing for the item", RefusedForNow, SHOWN, "a transaction"),
    error(400, "ItemCollectionSizeLimitExceededException", "Collection size exceeded.", Refused, SHOWN, "local secondary index"),
    error(400, "IdempotentParameterMismatchException", "The request was retried with a different payload", Refused, HIDDEN, "left out"),
    error(400, "ValidationException", "The table does not have the specified index: user_id-index", Refused, HIDDEN, "lacks an index"),
    error(400, "ValidationException", "The provided key element does not match the schema", Refused, HIDDEN, "`verify_table`"),
    error(400, "ValidationException", "Invalid AWS region in 'arn:aws:dynamodb:eu-west-1:111122223333:table/sessions'", Refused, HIDDEN, "region of the ARN"),
    error(400, "ValidationException", "The parameter cannot be converted to a numeric value: 12a", Refused, HIDDEN, "left out"),
    error(400, "SerializationException", "NUMBER_VALUE cannot be converted to String", Refused, HIDDEN, "left out"),
    error(413, "RequestEntityTooLargeException", "Request entity too large", Refused, HIDDEN, "larger than the service takes"),
    error(400, "UnknownOperationException", "An unknown operation was requested.", Refused, SHOWN, "does not have the operation"),
    // The service.
    error(500, "InternalServerError", "DynamoDB could not process your request.", Unknown, SHOWN, "AWS support"),
    error(500, "InternalFailure", "The request processing has failed because of an unknown error, exception, or failure.", Unknown, SHOWN, "AWS support"),
    error(503, "ServiceUnavailable", "DynamoDB is currently unavailable.", Unknown, SHOWN, "AWS support"),
    error(408, "RequestTimeoutException", "The request timed out", RefusedForNow, HIDDEN, "check the network"),
    error(502, "SomethingNew", "The service has failed in a new way", Unknown, HIDDEN, "AWS support"),
    error(400, "SomethingNew", "The request is refused for a new reason", Refused, HIDDEN, "left out"),
];

/// The reasons that DynamoDB gives for throttling beside its sentence, each with a part of the advice.
pub const THROTTLING_REASONS: &[(&str, &str)] = &[
    (
        "TableReadProvisionedThroughputExceeded",
        "more provisioned capacity",
    ),
    (
        "IndexWriteProvisionedThroughputExceeded",
        "more provisioned capacity",
    ),
    ("TableWriteKeyRangeThroughputExceeded", "one partition"),
    ("IndexReadKeyRangeThroughputExceeded", "one partition"),
    ("TableWriteAccountLimitExceeded", "the account's quota"),
    ("IndexReadAccountLimitExceeded", "the account's quota"),
    (
        "TableReadMaxOnDemandThroughputExceeded",
        "maximum on-demand throughput",
    ),
    (
        "IndexWriteMaxOnDemandThroughputExceeded",
        "maximum on-demand throughput",
    ),
];
