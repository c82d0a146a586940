//! G18 in the layer for a new id of unknown outcome: the request finds out which id is valid before it ends, and the
//! client learns it, whatever the handler does in between.

use session_store_tests::Fault;

use super::*;
use crate::log;

const TRANSACT: &str = "TransactWriteItems";

/// What a handler does after a log-in of unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    Nothing,
    Refresh,
    Save,
}

/// A log-in whose answers are all lost, and then DynamoDB answers again.
async fn log_in(bench: &TestBench<App>, cookie: Option<&str>, then: Then) -> Answer {
    let wire = bench.wire.clone();
    let handler = async move |mut session: Current| -> Result<String, StatusCode> {
        session.user_id = Some("u-17".into());
        CurrentSession::log_in(&mut session);
        wire.every(TRANSACT, || Fault::LoseResponse);
        let logged_in = CurrentSession::save(&mut session).await;
        wire.restore(TRANSACT);
        let unknown =
            |error: &Error| matches!(error, Error::Service(error) if error.outcome_unknown());
        assert!(logged_in.as_ref().is_err_and(unknown), "{logged_in:?}");
        match then {
            Then::Nothing => {}
            Then::Refresh => {
                let refreshed = CurrentSession::refresh(&mut session).await;
                refreshed.map_err(|_| StatusCode::BAD_GATEWAY)?;
            }
            Then::Save => {
                session.visits += 1;
                let saved = CurrentSession::save(&mut session).await;
                saved.map_err(|_| StatusCode::BAD_GATEWAY)?;
            }
        }
        Ok("done".into())
    };
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/in", get(handler)).layer(layer);
    ask(&app, "/in", cookie).await
}

#[tokio::test]
async fn a_visitor_is_not_lost_by_a_log_in_of_unknown_outcome() {
    for then in [Then::Nothing, Then::Refresh, Then::Save] {
        log::capture();
        let bench = TestBench::<App>::new().await;
        let app = app(&bench);
        // There is a roster, so that the first transaction is carried out.
        ask(&app, "/login", None).await;
        let old = begin(&bench, &app).await;
        let answer = log_in(&bench, Some(&old), then).await;
        assert_eq!(answer.status, StatusCode::OK, "{then:?}");
        let log = log::taken();
        let Some(new) = answer.cookie() else {
            panic!("{then:?}: no cookie, {log:#?}");
        };
        let read = ask(&app, "/read", Some(&new)).await.text;
        assert!(read.ends_with("u-17"), "{then:?}: {read}");
        assert_eq!(ask(&app, "/read", Some(&old)).await.text, "0 nobody");
        // The roster and both sessions.
        assert_eq!(bench.items().await.len(), 3, "{then:?}");
    }
}
