//! The refusals of DynamoDB's control plane that hosts meet if many of them set up one table.

use session_store::test_util::Fault;

/// A refusal that the next request, or another look at the table, does not meet.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// The request that is refused.
    pub operation: &'static str,
    /// The code of the error.
    pub code: &'static str,
    /// Its message.
    pub message: &'static str,
}

impl Refusal {
    /// The answer of DynamoDB.
    pub fn fault(self) -> Fault {
        Fault::Answer(400, self.code, self.message)
    }
}

const fn of(operation: &'static str, code: &'static str, message: &'static str) -> Refusal {
    Refusal {
        operation,
        code,
        message,
    }
}

const IN_USE: &str = "ResourceInUseException";
const LIMIT: &str = "LimitExceededException";
const INVALID: &str = "ValidationException";
const NOT_FOUND: &str = "ResourceNotFoundException";
const THROTTLED: &str = "ThrottlingException";

const ABSENT: &str = "Requested resource not found: Table: sessions not found";
const TOO_FAST: &str = "Rate of requests exceeds the allowed throughput.";

/// All of them, in the words of DynamoDB.
pub const REFUSALS: [Refusal; 19] = [
    of("CreateTable", IN_USE, "Table already exists: sessions"),
    of(
        "CreateTable",
        LIMIT,
        "Subscriber limit exceeded: You have exceeded the maximum number of indexed tables that can be created \
         simultaneously",
    ),
    of(
        "CreateTable",
        LIMIT,
        "Subscriber limit exceeded: Only 500 tables can be created, updated, or deleted simultaneously",
    ),
    of("CreateTable", THROTTLED, TOO_FAST),
    of("DescribeTable", NOT_FOUND, ABSENT),
    of("DescribeTable", THROTTLED, TOO_FAST),
    of(
        "UpdateTable",
        LIMIT,
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
    ),
    of(
        "UpdateTable",
        IN_USE,
        "Attempt to change a resource which is still in use: Table is being updated: sessions",
    ),
    of(
        "UpdateTable",
        INVALID,
        "Attempting to create an index which already exists",
    ),
    of("UpdateTable", NOT_FOUND, ABSENT),
    of("UpdateTable", THROTTLED, TOO_FAST),
    of("DescribeTimeToLive", NOT_FOUND, ABSENT),
    of("DescribeTimeToLive", THROTTLED, TOO_FAST),
    of("UpdateTimeToLive", INVALID, "TimeToLive is already enabled"),
    of(
        "UpdateTimeToLive",
        INVALID,
        "Time to live has been modified multiple times within a fixed interval",
    ),
    of(
        "UpdateTimeToLive",
        IN_USE,
        "Attempt to change a resource which is still in use: Table is being updated: sessions",
    ),
    of(
        "UpdateTimeToLive",
        LIMIT,
        "Subscriber limit exceeded: Only 500 tables can be created, updated, or deleted simultaneously",
    ),
    of("UpdateTimeToLive", NOT_FOUND, ABSENT),
    of("UpdateTimeToLive", THROTTLED, TOO_FAST),
];
