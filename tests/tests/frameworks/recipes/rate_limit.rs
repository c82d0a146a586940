//! How many log-ins are tried: counted by account, and not in a session.

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Form;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{CurrentSession, SessionLayer};
use session_store::{DynamoDbStore, Error, SessionAttributes};

/// A table of the application, with the partition key `id` and the TTL attribute `expires_at`.
#[derive(Clone)]
struct Attempts {
    client: Client,
    table: String,
}

/// Each account can try to log in so often, in so long.
const ATTEMPTS: u32 = 10;
const WINDOW: Duration = Duration::from_secs(900);

impl Attempts {
    /// Counts one attempt, and tells whether it is one too many. One `UpdateItem`, however many come at once.
    async fn is_over(
        &self,
        account: &str,
        now: SystemTime,
    ) -> Result<bool, SdkError<UpdateItemError>> {
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let window = now.as_secs() / WINDOW.as_secs();
        let end = (window + 1) * WINDOW.as_secs();
        let number = |number: u64| AttributeValue::N(number.to_string());
        let counted = self.client.update_item().table_name(&self.table);
        let counted = counted
            .key(
                "id",
                AttributeValue::S(format!("log-in#{account}#{window}")),
            )
            .update_expression("ADD attempts :one SET expires_at = :end")
            .condition_expression("attribute_not_exists(attempts) OR attempts < :most")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":end", number(end))
            .expression_attribute_values(":most", number(ATTEMPTS.into()))
            .send()
            .await;
        match counted {
            Ok(_) => Ok(false),
            Err(SdkError::ServiceError(refused))
                if refused.err().is_conditional_check_failed_exception() =>
            {
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }
}

#[derive(Deserialize)]
struct LogIn {
    user: String,
    password: String,
}

async fn log_in(
    State(attempts): State<Attempts>,
    mut session: CurrentSession<Visitor>,
    Form(form): Form<LogIn>,
) -> Result<(), StatusCode> {
    let now = CurrentSession::store(&session).now();
    match attempts.is_over(&form.user, now).await {
        Ok(false) => {}
        Ok(true) => return Err(StatusCode::TOO_MANY_REQUESTS),
        // Whoever can make DynamoDB fail must not get more attempts by it.
        Err(_) => return Err(StatusCode::SERVICE_UNAVAILABLE),
    }
    // The slow hash of the password comes after the count.
    if !is_password_of(&form) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    session.user_id = Some(form.user);
    CurrentSession::log_in(&mut session);
    Ok(())
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "shop-sessions",
    idle_timeout = "30m",
    absolute_timeout = "12h"
)]
struct Visitor {
    #[dynamo(attr = "user_id", index(consistent, limit = 5), user)]
    user_id: Option<String>,
    attempts: u32,
}

fn is_password_of(form: &LogIn) -> bool {
    form.password == format!("{}-password", form.user)
}

/// The mistake: the session is the attacker's own.
async fn counted_in_the_session(
    mut session: CurrentSession<Visitor>,
    Form(form): Form<LogIn>,
) -> Result<StatusCode, Error> {
    let attempts = CurrentSession::update(&mut session, |session| {
        session.attempts += 1;
        session.attempts
    });
    Ok(match (attempts.await? <= ATTEMPTS, is_password_of(&form)) {
        (false, _) => StatusCode::TOO_MANY_REQUESTS,
        (true, false) => StatusCode::UNAUTHORIZED,
        (true, true) => StatusCode::OK,
    })
}

fn app(store: DynamoDbStore<Visitor>, attempts: Attempts) -> Router {
    Router::new()
        .route("/login", post(log_in))
        .route("/in-the-session", post(counted_in_the_session))
        .layer(SessionLayer::new(store))
        .with_state(attempts)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    };
    use futures_util::future::join_all;
    use session_store_tests::{Fault, TestBench};

    use super::super::client::Browser;
    use super::*;

    async fn shop() -> (TestBench<Visitor>, Router, Attempts) {
        let bench = TestBench::<Visitor>::new().await;
        let attempts = Attempts {
            client: bench.store.client().clone(),
            table: format!("{}-attempts", bench.store.table_name()),
        };
        let key = KeySchemaElement::builder()
            .attribute_name("id")
            .key_type(KeyType::Hash);
        let id = AttributeDefinition::builder().attribute_name("id");
        let id = id.attribute_type(ScalarAttributeType::S);
        let table = bench.client.create_table().table_name(&attempts.table);
        let table = table.billing_mode(BillingMode::PayPerRequest);
        let table = table.key_schema(key.build().unwrap());
        let table = table.attribute_definitions(id.build().unwrap());
        table.send().await.unwrap();
        bench.wire.clear();
        let app = app(bench.store.clone(), attempts.clone());
        (bench, app, attempts)
    }

    async fn try_log_in(browser: &Browser, user: &str, password: &str) -> StatusCode {
        let form = format!("user={user}&password={password}");
        browser.post("/login", &form).await.status
    }

    /// How many of these are wrong passwords, and how many were not even tried.
    fn tried(statuses: &[StatusCode]) -> (usize, usize) {
        let count = |of| statuses.iter().filter(|status| **status == of).count();
        let counts = (
            count(StatusCode::UNAUTHORIZED),
            count(StatusCode::TOO_MANY_REQUESTS),
        );
        assert_eq!(counts.0 + counts.1, statuses.len(), "{statuses:?}");
        counts
    }

    #[tokio::test]
    async fn of_a_hundred_attempts_at_once_exactly_ten_pass() {
        let (bench, app, _) = shop().await;
        // Each without a cookie, as an attacker would.
        let attempts = (0..100).map(|_| async {
            let attacker = Browser::new(&app);
            try_log_in(&attacker, "ann", "guess").await
        });
        let statuses = join_all(attempts).await;
        assert_eq!(tried(&statuses), (10, 90));
        assert_eq!(bench.wire.operations(), vec!["UpdateItem"; 100]);
    }

    #[tokio::test]
    async fn the_right_password_is_refused_too_until_the_window_ends() {
        let (bench, app, _) = shop().await;
        let browser = Browser::new(&app);
        for _ in 0..10 {
            try_log_in(&browser, "ann", "guess").await;
        }
        let right = try_log_in(&browser, "ann", "ann-password").await;
        assert_eq!(right, StatusCode::TOO_MANY_REQUESTS);
        // Other accounts have counts of their own.
        assert_eq!(
            try_log_in(&browser, "bob", "bob-password").await,
            StatusCode::OK
        );
        bench.clock.advance(WINDOW);
        assert_eq!(
            try_log_in(&browser, "ann", "ann-password").await,
            StatusCode::OK
        );
    }

    #[tokio::test]
    async fn an_attempt_that_cannot_be_counted_is_refused() {
        let (bench, app, _) = shop().await;
        for _ in 0..10 {
            bench.wire.next("UpdateItem", Fault::throttled());
        }
        let refused = try_log_in(&Browser::new(&app), "ann", "ann-password").await;
        assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
    }

    /// The SDK tries again, and the attempt may count twice. It never counts less.
    #[tokio::test]
    async fn an_attempt_whose_response_is_lost_counts() {
        let (bench, _, attempts) = shop().await;
        bench.wire.next("UpdateItem", Fault::LoseResponse);
        let now = bench.store.now();
        let mut passed = 0;
        while !attempts.is_over("ann", now).await.unwrap() {
            passed += 1;
        }
        assert_eq!(passed, 9);
    }

    #[tokio::test]
    async fn the_count_is_deleted_by_ttl_at_the_end_of_its_window() {
        let (bench, _, attempts) = shop().await;
        bench.clock.set(1_000_000_000);
        attempts.is_over("ann", bench.store.now()).await.unwrap();
        let items = bench.client.scan().table_name(&attempts.table).send().await;
        let items = items.unwrap().items.unwrap();
        // 1,000,000 seconds are in the window of 1,111 times 900 seconds.
        assert_eq!(items[0]["expires_at"], AttributeValue::N("1000800".into()));
        assert_eq!(items[0]["id"], AttributeValue::S("log-in#ann#1111".into()));
    }

    async fn in_the_session(browser: &Browser) -> StatusCode {
        let form = "user=ann&password=guess";
        browser.post("/in-the-session", form).await.status
    }

    /// What the recipe is against.
    #[tokio::test]
    async fn in_the_session_an_attacker_drops_the_cookie_and_has_no_limit() {
        let (_bench, app, _) = shop().await;
        let attempts = (0..100).map(|_| async { in_the_session(&Browser::new(&app)).await });
        assert_eq!(tried(&join_all(attempts).await), (100, 0));
    }

    /// The figure in docs/recipes.md.
    #[tokio::test]
    async fn a_hundred_updates_of_one_session_at_once_cost_far_more_calls() {
        let (bench, app, _) = shop().await;
        let browser = Browser::new(&app);
        in_the_session(&browser).await;
        bench.wire.clear();
        let statuses = join_all((0..100).map(|_| in_the_session(&browser))).await;
        let calls = bench.wire.operations().len();
        // Between 2,800 and 3,000 on the embedded engine, by chance.
        assert!(calls > 1_000, "{calls}");
        let failed = statuses.iter();
        let failed = failed.filter(|status| **status == StatusCode::SERVICE_UNAVAILABLE);
        println!("{calls} calls, and {} have failed", failed.count());
    }
}
