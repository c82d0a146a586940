//! actix-session: an absolute timeout of the session's own, which the typed store has given it, and that of guests.

use actix_session::config::{PersistentSession, TtlExtensionPolicy};
use serde::{Deserialize, Serialize};
use session_store::frameworks::actix_session::ActixSessions;
use session_store::{AttributeValue, SessionAttributes};
use session_store_tests::{Item, TestBench};

use super::{MINUTE, Site, only_item};

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    idle_timeout = "30m",
    absolute_timeout = "30d",
    guest_absolute_timeout = "1d"
)]
#[serde(default)]
struct Visitor {
    #[dynamo(attr = "user_id", index(consistent), user)]
    user_id: Option<String>,
}

/// In seconds after the creation of the session.
fn ends(item: &Item) -> u64 {
    let number = |name: &str| item[name].as_n().unwrap().parse::<u64>().unwrap();
    number("expires_at") - number("created_at") / 1000
}

async fn for_a_week(bench: &TestBench<Visitor>) -> Site {
    let sessions = ActixSessions::new(bench.store.clone());
    let week = actix_web::cookie::time::Duration::days(7);
    Site::with(sessions, |middleware| {
        let lifecycle = PersistentSession::default().session_ttl(week);
        let policy = TtlExtensionPolicy::OnEveryRequest;
        middleware.session_lifecycle(lifecycle.session_ttl_extension_policy(policy))
    })
    .await
}

#[actix_web::test]
async fn g6_an_own_absolute_timeout_is_kept_and_not_passed() {
    let bench = TestBench::<Visitor>::new().await;
    let site = for_a_week(&bench).await;
    let cookie = site.post("/log-in/ferris", &None).await.cookie;
    let mut item = only_item(&bench).await;
    item.insert("absolute".into(), AttributeValue::N("14400".into()));
    let soon = bench.clock.millis() / 1000 + 60;
    item.insert("expires_at".into(), AttributeValue::N(soon.to_string()));
    bench.put(item).await;

    site.post("/set/theme/dark", &cookie).await;
    assert_eq!(ends(&only_item(&bench).await), 4 * 3600);
    bench.clock.advance(60 * MINUTE);
    // It changes nothing, and extends the session.
    site.get("/", &cookie).await;
    assert_eq!(ends(&only_item(&bench).await), 4 * 3600);
    // A new key.
    let cookie = site.post("/log-in/ferris", &cookie).await.cookie;
    assert_eq!(ends(&only_item(&bench).await), 4 * 3600);
    let cookie = site.post("/log-in/corro", &cookie).await.cookie;
    let item = only_item(&bench).await;
    assert_eq!(ends(&item), 4 * 3600);
    assert_eq!(item["absolute"].as_n().unwrap(), "14400");
    bench.clock.advance(4 * 60 * MINUTE);
    assert!(
        site.get("/", &cookie)
            .await
            .entries
            .as_object()
            .unwrap()
            .is_empty()
    );
}

#[actix_web::test]
async fn g6_a_session_without_a_user_has_the_absolute_timeout_of_guests() {
    let bench = TestBench::<Visitor>::new().await;
    let site = for_a_week(&bench).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    assert_eq!(ends(&only_item(&bench).await), 24 * 3600);
    bench.clock.advance(60 * MINUTE);
    site.get("/", &cookie).await;
    assert_eq!(ends(&only_item(&bench).await), 24 * 3600);
    let cookie = site.post("/log-in/ferris", &cookie).await.cookie;
    assert_eq!(ends(&only_item(&bench).await), 7 * 24 * 3600);
    bench.clock.advance(60 * MINUTE);
    site.get("/", &cookie).await;
    assert_eq!(ends(&only_item(&bench).await), 7 * 24 * 3600 + 3600);
}
