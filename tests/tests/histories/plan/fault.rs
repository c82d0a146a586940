//! The faults that a request can meet.

use session_store_tests::aws_errors::{AwsError, ERRORS, THROTTLING_REASONS};

use crate::wire::is_read;

/// A fault of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not arrive.
    Refuse,
    /// It is carried out, and the connection breaks before the response.
    Lose,
    TimeOutBefore,
    TimeOutAfter,
    /// The client gets no response, and the request arrives later.
    Delay,
    Throttle,
    FailBefore,
    FailAfter,
    /// A transaction holds the item.
    Conflict,
    /// The index lacks a session that was written just before.
    IndexMisses,
    /// The index shows a session that has moved or ended.
    IndexStale,
    /// A part of a batch is not processed.
    Unprocessed,
    /// No connection is made, so that it is certainly not sent.
    NotConnected,
    /// AWS answers with this one of its [errors](answers), and carries nothing out.
    Aws(u8),
    /// AWS carries it out, and answers with this one of its errors, whose status is 500 or more.
    AwsAfter(u8),
    /// A transaction is cancelled, because one of its parts was throttled for this one of the reasons.
    Cancelled(u8),
    /// An earlier attempt of the same transaction is still under way. It can only be met if there is one.
    InProgress,
    /// It is carried out, and something is wrong with the answer.
    Flawed(Flaw),
}

/// Something is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It has no body.
    Empty,
    /// It ends after this many hundredths of its body.
    Torn(u8),
    /// A bit of this one of its values is flipped. It has the checksum of what was sent.
    Flipped(u8),
    /// It is a page of a proxy, with this status.
    Page(u16),
    /// It is the empty object of a proxy.
    OtherJson,
}

/// The errors of AWS that a request of the data plane can be answered with, each with its number.
pub fn answers() -> impl Iterator<Item = (u8, &'static AwsError)> {
    const CONTROL_PLANE: [&str; 2] = ["LimitExceededException", "ResourceInUseException"];
    let all = (0..).zip(ERRORS);
    all.filter(|(_, error)| !CONTROL_PLANE.contains(&error.code))
}

/// Whether the status of an answer says that the request was certainly not carried out. After a 408 it was not either,
/// since it did not arrive whole, but a client need not know that.
pub fn is_refusal(status: u16) -> bool {
    (400..500).contains(&status) && status != 408
}

impl Fault {
    /// Whether this can happen to a request of this operation.
    pub fn can_meet(self, operation: &str) -> bool {
        match self {
            Self::Conflict => !is_read(operation),
            Self::IndexMisses | Self::IndexStale => operation == "Query",
            Self::Unprocessed => operation == "BatchGetItem",
            Self::Cancelled(_) | Self::InProgress => operation == "TransactWriteItems",
            Self::Aws(error) | Self::AwsAfter(error) => match ERRORS[usize::from(error)].code {
                // For a transaction, they are reasons to cancel it.
                "TransactionConflictException"
                | "ReplicatedWriteConflictException"
                | "ItemCollectionSizeLimitExceededException" => {
                    !is_read(operation) && operation != "TransactWriteItems"
                }
                "IdempotentParameterMismatchException" => operation == "TransactWriteItems",
                _ => true,
            },
            _ => true,
        }
    }

    /// Whether the client cannot know if the request was carried out. For an answer with a flaw, its status tells.
    pub fn loses(self) -> bool {
        match self {
            Self::Refuse
            | Self::Lose
            | Self::TimeOutBefore
            | Self::TimeOutAfter
            | Self::Delay
            | Self::FailBefore
            | Self::FailAfter
            | Self::AwsAfter(_) => true,
            Self::Aws(error) => !is_refusal(ERRORS[usize::from(error)].status),
            Self::Throttle
            | Self::Conflict
            | Self::IndexMisses
            | Self::IndexStale
            | Self::Unprocessed
            | Self::NotConnected
            | Self::Cancelled(_)
            | Self::InProgress
            | Self::Flawed(_) => false,
        }
    }

    /// The reason for which a part of a transaction was throttled, in AWS's words: the code and the sentence.
    pub fn throttled_part(reason: u8) -> (&'static str, String) {
        let (why, _) = THROTTLING_REASONS[usize::from(reason) / 2 % THROTTLING_REASONS.len()];
        let code = match reason % 2 {
            0 => "ThrottlingError",
            _ => "ProvisionedThroughputExceeded",
        };
        (code, format!("Request was throttled: {why}."))
    }
}
