//! The codes of DynamoDB's errors, and which of their messages an error may show.

/// Codes by which AWS refuses a call because there were too many.
pub(super) const THROTTLING: [&str; 5] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "Throttling",
    "LimitExceededException",
];

/// Codes by which AWS refuses the credentials.
pub(super) const CREDENTIALS: [&str; 6] = [
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "ExpiredTokenException",
    "InvalidClientTokenId",
];

pub(super) const TRANSACTION_CONFLICT: &str = "TransactionConflictException";

/// Operations whose requests have nothing of a session.
const CONTROL_PLANE: [&str; 5] = [
    "CreateTable",
    "DescribeTable",
    "UpdateTable",
    "DescribeTimeToLive",
    "UpdateTimeToLive",
];

/// Codes whose messages are about the table, the caller or the service.
const WITHOUT_VALUES: [&str; 10] = [
    "ResourceNotFoundException",
    "ResourceInUseException",
    "AccessDeniedException",
    "InternalServerError",
    "InternalFailure",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ItemCollectionSizeLimitExceededException",
    "ReplicatedWriteConflictException",
    TRANSACTION_CONFLICT,
];

/// Whether an error may show DynamoDB's message. Others can quote what was sent: a
/// `ValidationException` has the text of a malformed number.
pub(super) fn is_shown(operation: &str, code: Option<&str>) -> bool {
    let known = |code| {
        [&WITHOUT_VALUES[..], &THROTTLING, &CREDENTIALS]
            .concat()
            .contains(&code)
    };
    CONTROL_PLANE.contains(&operation) || code.is_some_and(known)
}
