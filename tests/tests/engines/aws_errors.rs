//! Each error that AWS documents: what it means to the caller, and what its text says first.

use aws_sdk_dynamodb::config::retry::RetryConfig;
use serde_json::json;
use session_store::{DynamoDbStore, Error, ServiceError, Session, SessionId};
use session_store_tests::aws_errors::{AwsError, ERRORS, THROTTLING_REASONS};
use session_store_tests::{Fault, TestBench, chain};

use crate::App;

/// A store that sends each request once.
struct Once {
    bench: TestBench<App>,
    store: DynamoDbStore<App>,
    session: Session<App>,
}

impl Once {
    async fn new() -> Self {
        let bench = TestBench::<App>::new().await;
        let config = bench.store.client().config().to_builder();
        let client = config.retry_config(RetryConfig::disabled()).build();
        let store = DynamoDbStore::<App>::builder()
            .client(aws_sdk_dynamodb::Client::from_conf(client))
            .table_name(bench.store.table_name())
            .build();
        let store = store.await.unwrap();
        let session = store.create(App::of("u-17")).await.unwrap();
        Self {
            bench,
            store,
            session,
        }
    }

    /// The error of a read and of a write that meet this fault in every attempt.
    async fn errors(&mut self, fault: fn(usize) -> Fault, of: usize) -> [ServiceError; 2] {
        let wire = &self.bench.wire;
        wire.every("GetItem", move || fault(of));
        wire.every("UpdateItem", move || fault(of));
        let id: &SessionId = self.session.id();
        let read = self.store.load(id).await.unwrap_err();
        self.session.visits += 1;
        let write = self.store.save(&mut self.session).await.unwrap_err();
        wire.restore("GetItem");
        wire.restore("UpdateItem");
        [service(read), service(write)]
    }
}

fn service(error: Error) -> ServiceError {
    match error {
        Error::Service(error) => *error,
        error => panic!("{error:?}"),
    }
}

fn answered(i: usize) -> Fault {
    let AwsError {
        status,
        code,
        message,
        ..
    } = ERRORS[i];
    Fault::Answer(status, code, message)
}

#[tokio::test]
async fn each_documented_error_says_its_own_cause() {
    let mut once = Once::new().await;
    for (i, aws) in ERRORS.iter().enumerate() {
        let [read, write] = once.errors(answered, i).await;
        for error in [&read, &write] {
            let text = error.to_string();
            assert_eq!(error.code(), Some(aws.code), "{aws:?}");
            assert_eq!(error.is_throttled(), aws.is_throttled(), "{aws:?}");
            assert_eq!(error.is_retryable(), aws.is_retryable(), "{aws:?}");
            assert!(error.advice_is(aws.advice), "{aws:?}: {text}");
            let shown = aws.message.trim_end_matches('.');
            let begins = match aws.is_shown {
                true => format!(" failed with {}: {shown} (request id ", aws.code),
                false => format!(" failed with {} (request id ", aws.code),
            };
            assert!(text.contains(&begins), "{aws:?}: {text}");
            assert_eq!(chain(error).contains(shown), aws.is_shown, "{aws:?}");
            assert_eq!(error.message().is_some(), aws.is_shown, "{aws:?}");
            assert_eq!(chain(error).matches(aws.code).count(), 1 + in_sentence(aws));
        }
        assert_eq!(read.outcome_unknown(), aws.outcome_unknown(), "{aws:?}");
        // A server error to a write leaves it open whether an attempt was applied, whatever its code is.
        let is_open = aws.outcome_unknown() || aws.status >= 500;
        assert_eq!(write.outcome_unknown(), is_open, "{aws:?}");
    }
}

/// How often a sentence that is shown has the code.
fn in_sentence(aws: &AwsError) -> usize {
    match aws.is_shown {
        true => aws.message.matches(aws.code).count(),
        false => 0,
    }
}

trait Advice {
    fn advice_is(&self, text: &str) -> bool;
}

impl Advice for ServiceError {
    /// Whether the text has this after the request id.
    fn advice_is(&self, text: &str) -> bool {
        let shown = self.to_string();
        shown
            .split_once("(request id ")
            .is_some_and(|(_, advice)| advice.contains(text))
    }
}

/// The name of the reasons in the answer differs by the code.
fn throttled(i: usize) -> Fault {
    let (code, name) = match i % 2 {
        0 => (
            "ProvisionedThroughputExceededException",
            "ThrottlingReasons",
        ),
        _ => ("ThrottlingException", "throttlingReasons"),
    };
    let (reason, _) = THROTTLING_REASONS[i];
    let body = json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"),
        "message": "Request was throttled.",
        name: [{ "reason": reason, "resource": "arn:aws:dynamodb:eu-west-1:111122223333:table/t" }],
    });
    Fault::Body(400, body)
}

#[tokio::test]
async fn each_reason_for_throttling_is_named_with_its_resource() {
    let mut once = Once::new().await;
    for (i, (reason, advice)) in THROTTLING_REASONS.iter().enumerate() {
        for error in once.errors(throttled, i).await {
            let text = error.to_string();
            assert!(error.is_throttled() && error.is_retryable() && !error.outcome_unknown());
            assert!(error.advice_is(advice), "{reason}: {text}");
            let named = format!(
                "Request was throttled [{reason} of arn:aws:dynamodb:eu-west-1:111122223333:table/t] (request id "
            );
            assert!(text.contains(&named), "{text}");
        }
    }
}

/// IAM has no action `dynamodb:TransactWriteItems`.
#[tokio::test]
async fn a_refused_transaction_names_the_actions_of_its_parts() {
    let mut once = Once::new().await;
    let denied = Fault::Answer(400, "AccessDeniedException", "Access denied.");
    once.bench.wire.next("TransactWriteItems", denied);
    let error = once.store.cycle_id(&mut once.session).await.unwrap_err();
    let text = service(error).to_string();
    assert!(
        text.contains("`dynamodb:PutItem`, `dynamodb:UpdateItem`, `dynamodb:DeleteItem`"),
        "{text}"
    );
    assert!(!text.contains("dynamodb:TransactWriteItems"), "{text}");
}

#[tokio::test]
async fn a_transaction_that_is_cancelled_for_an_accounts_quota_says_so() {
    let mut once = Once::new().await;
    let message = "Throughput exceeds the current throughput quota for your account.";
    let reasons = json!([{ "Code": "ThrottlingError", "Message": message }, { "Code": "None" }]);
    once.bench.wire.every("TransactWriteItems", move || {
        Fault::cancelled(reasons.clone())
    });
    let error = once.store.cycle_id(&mut once.session).await.unwrap_err();
    let error = service(error);
    assert!(error.is_throttled() && error.is_retryable(), "{error}");
    assert!(error.advice_is("the account's quota"), "{error}");
    assert!(error.to_string().contains(message.trim_end_matches('.')));
}

/// A proxy's page is no answer of DynamoDB.
#[tokio::test]
async fn an_answer_without_a_code_is_not_dynamodbs() {
    let mut once = Once::new().await;
    for error in once
        .errors(|_| Fault::Body(403, json!({ "page": "blocked" })), 0)
        .await
    {
        assert!(
            error.to_string().contains("not one of DynamoDB's"),
            "{error}"
        );
    }
}
