//! Session types that have no default.

use serde::{Deserialize, Serialize};
use session_store::frameworks::axum::{EndSession, RequiredSession, SessionRejection};
use session_store::{Error, SessionAttributes};

use super::*;

/// Each session has a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct Login {
    #[dynamo(attr = "user_id", index(consistent, limit = 3), user)]
    user_id: String,
    visits: u64,
}

async fn account(RequiredSession(mut session): RequiredSession<Login>) -> String {
    session.visits += 1;
    format!("{} {}", session.user_id, session.visits)
}

async fn home(session: Option<CurrentSession<Login>>) -> String {
    session.map_or("nobody".into(), |session| session.user_id.clone())
}

async fn log_in(session: SharedSession<Login>, request: Request) -> Result<(), Error> {
    let user_id = request.uri().query().unwrap().to_owned();
    session.log_in_as(Login { user_id, visits: 0 }).await
}

async fn log_out(session: EndSession<Login>) {
    session.end();
}

async fn or_page(
    session: Result<RequiredSession<Login>, SessionRejection>,
) -> Result<String, SessionRejection> {
    match session {
        Ok(RequiredSession(session)) => Ok(session.user_id.clone()),
        Err(error) if error.is_absent() => Ok("the log-in page".into()),
        Err(error) => Err(error),
    }
}

async fn ask(app: &Router, path: &str, cookie: Option<&str>) -> Answer {
    ask_as("session-Login", app, path, cookie).await
}

fn login_app(bench: &TestBench<Login>) -> Router {
    Router::new()
        .route("/account", get(account))
        .route("/", get(home))
        .route("/login", get(log_in))
        .route("/logout", get(log_out))
        .route("/page", get(or_page))
        .layer(
            SessionLayer::new(bench.store.clone())
                .dev()
                .challenge("shop"),
        )
}

/// How many there are, without their rosters.
async fn sessions(bench: &TestBench<Login>) -> usize {
    let items = bench.items().await;
    items
        .iter()
        .filter(|item| item.contains_key("data"))
        .count()
}

#[tokio::test]
async fn a_type_without_a_default_has_sessions() {
    let bench = TestBench::<Login>::new().await;
    let app = login_app(&bench);
    let refused = ask(&app, "/account", None).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.headers.contains_key("www-authenticate"));
    assert_eq!(ask(&app, "/", None).await.text, "nobody");
    assert_eq!(ask(&app, "/page", None).await.text, "the log-in page");
    assert!(bench.all_items().await.is_empty());

    let cookie = ask(&app, "/login?ann", None).await.cookie().unwrap();
    assert_eq!(ask(&app, "/account", Some(&cookie)).await.text, "ann 1");
    assert_eq!(ask(&app, "/account", Some(&cookie)).await.text, "ann 2");
    assert_eq!(ask(&app, "/", Some(&cookie)).await.text, "ann");
    assert_eq!(ask(&app, "/page", Some(&cookie)).await.text, "ann");

    // Another user takes nothing of the first one along.
    let other = ask(&app, "/login?bob", Some(&cookie))
        .await
        .cookie()
        .unwrap();
    assert_ne!(other, cookie);
    assert_eq!(ask(&app, "/account", Some(&other)).await.text, "bob 1");
    assert_eq!(ask(&app, "/", Some(&cookie)).await.text, "nobody");
    assert_eq!(sessions(&bench).await, 1);

    assert_eq!(
        ask(&app, "/logout", Some(&other)).await.cookie().unwrap(),
        ""
    );
    assert_eq!(sessions(&bench).await, 0);
}

/// Nobody is logged in by a log-in that could not be stored, and a later hand of the request does not see it.
#[tokio::test]
async fn a_log_in_that_fails_leaves_who_was_there() {
    async fn both(session: SharedSession<Login>) -> String {
        let user_id = "bob".to_owned();
        let failed = session.log_in_as(Login { user_id, visits: 9 }).await;
        assert!(matches!(failed, Err(Error::Service(_))), "{failed:?}");
        let user = session
            .with_stored(|session| session.user_id.clone())
            .await
            .unwrap();
        user.unwrap_or("nobody".into())
    }
    let bench = TestBench::<Login>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = login_app(&bench);
    let failing = Router::new().route("/", get(both)).layer(layer);
    let cookie = ask(&app, "/login?ann", None).await.cookie().unwrap();
    for (sent, user) in [(None, "nobody"), (Some(&*cookie), "ann")] {
        for operation in ["PutItem", "TransactWriteItems"] {
            for _ in 0..12 {
                bench
                    .wire
                    .next(operation, session_store_tests::Fault::Refuse);
            }
        }
        let answer = ask(&failing, "/", sent).await;
        assert_eq!((&*answer.text, answer.cookie()), (user, None));
        bench.wire.clear();
    }
    assert_eq!(ask(&app, "/", Some(&cookie)).await.text, "ann");
    assert_eq!(sessions(&bench).await, 1);
}
