//! What the error codes of AWS mean, as a table: whether the same call can succeed later, whether an error may
//! show AWS's sentence, and what to do.
//!
//! The codes are those of DynamoDB's developer guide ("Error handling with DynamoDB"), of its API reference, and
//! of the errors that all services share.

use aws_sdk_dynamodb::types::CancellationReason;

use self::Kind::{Permanent, Retryable, Throttled, Unknown};

/// Codes by which DynamoDB refuses a write because another one holds its item: one in a transaction, or one in
/// another region.
pub(super) const WRITE_CONFLICT: [&str; 2] = [TRANSACTION_CONFLICT, REPLICATED_CONFLICT];

const TRANSACTION_CONFLICT: &str = "TransactionConflictException";
const REPLICATED_CONFLICT: &str = "ReplicatedWriteConflictException";

/// What an error means to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The same call fails again, until someone changes something.
    Permanent,
    /// The call was refused, and can succeed later.
    Retryable,
    /// The same, because there were too many calls.
    Throttled,
    /// The call can succeed later, and a write may have been applied.
    Unknown,
}

/// A row of the table.
#[derive(Debug)]
pub(super) struct Meaning {
    /// The codes that it is for.
    codes: &'static [&'static str],
    /// The sentence of AWS has one of these texts, in lower case, or begins with it after a `^`. With none, any
    /// sentence is meant.
    says: &'static [&'static str],
    pub(super) kind: Kind,
    /// Whether the sentence is about the table, the caller or the service, so that it quotes no value.
    is_shown: bool,
    /// `{table}` stands for the name of the table, and `{actions}` for the IAM actions of the operation.
    advice: &'static str,
}

pub(super) const THROTTLING: &[&str] = &[
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "SlowDown",
];
const ACCESS_DENIED: &[&str] = &["AccessDeniedException", "AccessDenied", "NotAuthorized"];
const SIGNATURE: &[&str] = &[
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "AuthFailure",
];
const SKEWED: &[&str] = &["RequestExpired", "RequestTimeTooSkewed"];
const EXPIRED: &[&str] = &["ExpiredTokenException", "ExpiredToken"];
const UNKNOWN_KEY: &[&str] = &[
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
];
const VALIDATION: &[&str] = &["ValidationException", "ValidationError"];
const INTERNAL: &[&str] = &["InternalServerError", "InternalFailure"];

/// Texts about the key of AWS KMS with which the table is encrypted. The name of a table cannot have them.
const KMS: &[&str] = &["kms:", "kms key"];
/// The same where a sentence can quote a value, which never stands at the beginning.
const KMS_FAILURE: &[&str] = &[
    "^kms key ",
    "^kms validation error: ",
    "^kms internal error: ",
];

/// The first row that fits counts.
#[rustfmt::skip]
static MEANINGS: &[Meaning] = &[
    row(THROTTLING, &["keyrangethroughputexceeded"], Throttled, SHOWN,
        "one partition of the table or index gets more than DynamoDB allows for any, 3,000 read or 1,000 write units a second; try again later, and if it is an index, split it with `index(shards = ..)`"),
    row(THROTTLING, &["accountlimitexceeded", "throughput limit for your account", "throughput quota for your account"], Throttled, SHOWN, ACCOUNT_QUOTA),
    row(THROTTLING, &["maxondemandthroughputexceeded", "maximum ondemandthroughput"], Throttled, SHOWN,
        "the table or index has a maximum throughput of its own; try again later, or raise its maximum on-demand throughput"),
    row(&["RequestLimitExceeded"], &[], Throttled, SHOWN, ACCOUNT_QUOTA),
    row(THROTTLING, &["automatically scaling"], Throttled, SHOWN,
        "DynamoDB is adding capacity; try again later, and if it goes on, look for one key that gets most requests"),
    row(THROTTLING, &["provisionedthroughputexceeded", "configured provisioned throughput"], Throttled, SHOWN,
        "try again later, or give the table or index more provisioned capacity, or bill it on demand"),
    row(THROTTLING, &[], Throttled, SHOWN, OVERLOADED),
    row(&["LimitExceededException"], &["simultaneous", "concurrent", "too many operations"], Retryable, SHOWN,
        "too many tables of the account are being created or changed; try again later"),
    row(&["LimitExceededException"], &[], Permanent, SHOWN,
        "a quota of the account is used up; delete what is not needed, or ask AWS to raise the quota (Service Quotas)"),

    row(ACCESS_DENIED, KMS, Permanent, SHOWN, KMS_KEY),
    row(ACCESS_DENIED, &["service control policy", "resource control policy"], Permanent, SHOWN,
        "a policy of the organization refuses it, so no policy of this account can allow it; ask its administrators to allow {actions} on table `{table}`"),
    row(ACCESS_DENIED, &["vpc endpoint policy"], Permanent, SHOWN,
        "allow {actions} on table `{table}` and its indexes in the policy of the VPC endpoint"),
    row(ACCESS_DENIED, &["permissions boundary"], Permanent, SHOWN,
        "allow {actions} on table `{table}` and its indexes in the permissions boundary of the role"),
    row(ACCESS_DENIED, &["session policy"], Permanent, SHOWN,
        "allow {actions} on table `{table}` and its indexes in the session policy, which was given when the role was assumed"),
    row(ACCESS_DENIED, &["explicit deny"], Permanent, SHOWN,
        "a policy denies it, which no other policy can undo; take {actions} on table `{table}` out of its `Deny`"),
    row(ACCESS_DENIED, &["resource-based policy"], Permanent, SHOWN,
        "allow {actions} to these credentials in the resource-based policy of table `{table}`, and of its indexes"),
    row(ACCESS_DENIED, &[], Permanent, SHOWN,
        "grant these credentials {actions} on table `{table}` and its indexes"),

    row(SIGNATURE, &["signature expired", "signature not yet current"], Retryable, SHOWN, CLOCK),
    row(SKEWED, &[], Retryable, SHOWN, CLOCK),
    row(SIGNATURE, &[], Permanent, SHOWN,
        "check that the secret key is that of the access key, and that no proxy changes requests"),
    row(EXPIRED, &[], Permanent, SHOWN, EXPIRED_CREDENTIALS),
    row(UNKNOWN_KEY, &["expired"], Permanent, SHOWN, EXPIRED_CREDENTIALS),
    row(UNKNOWN_KEY, &[], Permanent, SHOWN,
        "AWS does not know these credentials; check the access key, its session token, and that both are for this region"),
    row(&["IncompleteSignatureException", "IncompleteSignature", "MissingAuthenticationTokenException", "MissingAuthenticationToken"], &[], Permanent, SHOWN,
        "the request came without a full signature; check that the client has credentials, and that no proxy removes headers"),
    row(&["OptInRequired", "SubscriptionRequiredException", "AccountDisabled"], &[], Permanent, SHOWN,
        "check that the account is active, and that the region is enabled for it"),

    row(&["ResourceNotFoundException", "TableNotFoundException"], &[], Permanent, SHOWN,
        "table `{table}` is not there, or not active; create it with `create_table`, or check its name, the region and the account"),
    row(&["ResourceInUseException"], &[], Permanent, SHOWN,
        "table `{table}` is being created or changed; wait until it is active"),
    row(&[REPLICATED_CONFLICT], &[], Retryable, SHOWN,
        "another region writes the same item; try again"),
    row(&[TRANSACTION_CONFLICT], &[], Retryable, SHOWN,
        "a transaction holds the item; try again"),
    row(&["TransactionInProgressException"], &[], Unknown, HIDDEN,
        "an earlier attempt of this transaction is still being carried out; try again later"),
    row(&["ItemCollectionSizeLimitExceededException"], &[], Permanent, SHOWN,
        "table `{table}` has a local secondary index, which limits the sessions of one key; use a table without"),

    row(VALIDATION, KMS_FAILURE, Permanent, SHOWN, KMS_KEY),
    row(VALIDATION, &["specified index"], Permanent, HIDDEN,
        "table `{table}` lacks an index of the session type; add it with `create_table`"),
    row(VALIDATION, KEYS, Permanent, HIDDEN,
        "the keys of table `{table}` or of an index are not those of the session type; `verify_table` tells the difference"),
    row(VALIDATION, &["invalid aws region"], Permanent, HIDDEN,
        "`{table}` is in another region than the client; give the client the region of the ARN"),
    row(&["RequestEntityTooLarge", "RequestEntityTooLargeException"], &[], Permanent, HIDDEN,
        "the request is larger than the service takes; store less in the session"),
    row(&["UnknownOperationException"], &[], Permanent, SHOWN,
        "this engine does not have the operation; use a newer version of it"),

    row(INTERNAL, KMS_FAILURE, Unknown, SHOWN, KMS_KEY),
    row(INTERNAL, &[], Unknown, SHOWN, FAILED_INSIDE),
    row(&["ServiceUnavailable", "ServiceUnavailableException"], &[], Unknown, SHOWN, FAILED_INSIDE),
    row(&["RequestTimeout", "RequestTimeoutException"], &[], Retryable, HIDDEN,
        "the service did not get the whole request in time; try again, and check the network"),
];

const SHOWN: bool = true;
/// For a sentence that can quote a value of a session, or is not known not to.
const HIDDEN: bool = false;

const fn row(
    codes: &'static [&'static str],
    says: &'static [&'static str],
    kind: Kind,
    is_shown: bool,
    advice: &'static str,
) -> Meaning {
    Meaning {
        codes,
        says,
        kind,
        is_shown,
        advice,
    }
}

const OVERLOADED: &str =
    "DynamoDB was asked too often; try again later, or give the table more capacity";
const ACCOUNT_QUOTA: &str = "more capacity of the table does not help; try again later, and ask AWS to raise the \
                             account's quota of throughput (Service Quotas)";
const KMS_KEY: &str = "DynamoDB cannot use the KMS key of table `{table}`; check that the key is there and enabled, \
                       and that it allows these credentials `kms:Decrypt`";
const CLOCK: &str = "the clock of this host is off by more than five minutes; set it, such as by NTP, and try again: \
                     the SDK signs by the time of AWS as soon as an answer has told it";
const EXPIRED_CREDENTIALS: &str =
    "the credentials have expired; renew them, or use a provider that does";
pub(super) const FAILED_INSIDE: &str =
    "DynamoDB failed; try again later, and give the request id to AWS support if it goes on";

/// Both engines' words, and AWS's, for a key that is missing or of another type.
const KEYS: &[&str] = &[
    "key element",
    "key schema",
    "type mismatch",
    "missing the key",
    "number of conditions on the keys",
    "condition parameter type",
];

/// Operations whose requests have nothing of a session.
const CONTROL_PLANE: [&str; 5] = [
    "CreateTable",
    "DescribeTable",
    "UpdateTable",
    "DescribeTimeToLive",
    "UpdateTimeToLive",
];

impl Meaning {
    /// The meaning of this code with this sentence of AWS; `None` if the code is not known.
    pub(super) fn of(code: &str, sentence: &str) -> Option<&'static Self> {
        let sentence = sentence.to_lowercase();
        MEANINGS.iter().find(|meaning| {
            let fits = |text: &&str| match text.strip_prefix('^') {
                Some(beginning) => sentence.starts_with(beginning),
                None => sentence.contains(*text),
            };
            meaning.codes.contains(&code)
                && (meaning.says.is_empty() || meaning.says.iter().any(fits))
        })
    }

    pub(super) fn advice(&self, operation: &str, table: &str) -> String {
        // The name of a table has no braces.
        self.advice
            .replace("{actions}", &actions(operation))
            .replace("{table}", table)
    }
}

/// The IAM actions that an operation needs. A transaction has none of its own: it needs those of its parts, and
/// this crate sends no `ConditionCheck`.
fn actions(operation: &str) -> String {
    let actions: &[&str] = match operation {
        "TransactWriteItems" => &["PutItem", "UpdateItem", "DeleteItem"],
        operation => &[operation],
    };
    let actions = actions.iter().map(|action| format!("`dynamodb:{action}`"));
    actions.collect::<Vec<_>>().join(", ")
}

/// Whether an error may show AWS's sentence. Others can quote what was sent: a `ValidationException` has the
/// text of a malformed number.
pub(super) fn is_shown(operation: &str, meaning: Option<&Meaning>) -> bool {
    CONTROL_PLANE.contains(&operation) || meaning.is_some_and(|meaning| meaning.is_shown)
}

/// Whether this part of a transaction was refused because there were too many requests.
pub(super) fn is_throttled(reason: &CancellationReason) -> bool {
    matches!(
        reason.code(),
        Some("ThrottlingError" | "ProvisionedThroughputExceeded")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_reached_by_its_own_codes_and_words() {
        for (i, meaning) in MEANINGS.iter().enumerate() {
            let said = meaning.says.first().copied().unwrap_or_default();
            let said = said.trim_start_matches('^');
            let reached = meaning.codes.iter().any(|code| {
                Meaning::of(code, said).is_some_and(|found| std::ptr::eq(found, meaning))
            });
            assert!(reached, "row {i} is behind another: {meaning:?}");
            for text in meaning.says {
                assert_eq!(*text, text.to_lowercase());
            }
        }
    }

    #[test]
    fn a_transaction_needs_the_actions_of_its_parts() {
        assert_eq!(actions("GetItem"), "`dynamodb:GetItem`");
        assert_eq!(
            actions("TransactWriteItems"),
            "`dynamodb:PutItem`, `dynamodb:UpdateItem`, `dynamodb:DeleteItem`"
        );
    }

    #[test]
    fn a_value_that_speaks_of_kms_is_not_shown() {
        let quoted = "The parameter cannot be converted to a numeric value: KMS key disabled error";
        let meaning = Meaning::of("ValidationException", quoted);
        assert!(!is_shown("UpdateItem", meaning));
    }
}
