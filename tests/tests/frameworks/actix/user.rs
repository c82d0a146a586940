//! actix-session: a log-in, for a type that says which attribute is the user.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use session_store::SessionAttributes;
use session_store::frameworks::actix_session::ActixSessions;
use session_store_tests::{Item, TestBench};

use super::{MINUTE, Site, bench, only_item};

#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
#[serde(default)]
struct Member {
    #[dynamo(attr = "user_id", index(consistent), user)]
    user_id: Option<String>,
}

fn created_at(item: &Item) -> u64 {
    item["created_at"].as_n().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn g6_the_absolute_timeout_begins_anew_with_a_log_in() {
    let bench = TestBench::<Member>::new().await;
    let site = Site::new(ActixSessions::new(bench.store.clone())).await;
    let begun = bench.clock.millis();
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    bench.clock.advance(MINUTE);
    let logged_in = bench.clock.millis();
    let cookie = site.post("/log-in/ferris", &cookie).await.cookie;
    assert_eq!(created_at(&only_item(&bench).await), logged_in);
    bench.clock.advance(MINUTE);
    let cookie = site.post("/log-in/ferris", &cookie).await.cookie;
    assert_eq!(created_at(&only_item(&bench).await), logged_in);
    let other = site.post("/log-in/corro", &cookie).await;
    assert_eq!(other.status, StatusCode::OK);
    assert_eq!(
        created_at(&only_item(&bench).await),
        bench.clock.millis(),
        "it is {begun} at first"
    );
}

/// When the user has authenticated is kept, and set by what begins the absolute timeout anew.
#[actix_web::test]
async fn g6_a_log_in_sets_when_the_user_has_authenticated_and_a_new_key_keeps_it() {
    let bench = TestBench::<Member>::new().await;
    let site = Site::new(ActixSessions::new(bench.store.clone())).await;
    let proven = async || {
        let item = only_item(&bench).await;
        let at = item.get("authenticated_at")?;
        at.as_n().unwrap().parse::<u64>().ok()
    };
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    assert_eq!(proven().await, None);
    bench.clock.advance(MINUTE);
    let cookie = site.post("/log-in/ferris", &cookie).await.cookie;
    let logged_in = bench.clock.millis();
    assert_eq!(proven().await, Some(logged_in));
    bench.clock.advance(MINUTE);
    site.post("/set/theme/light", &cookie).await;
    assert_eq!(proven().await, Some(logged_in));
    let cookie = site.post("/log-in/ferris", &cookie).await.cookie;
    assert_eq!(proven().await, Some(logged_in));
    site.post("/log-in/corro", &cookie).await;
    assert_eq!(proven().await, Some(bench.clock.millis()));
}

#[actix_web::test]
async fn g6_without_a_user_it_cannot_be_told() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let begun = bench.clock.millis();
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    bench.clock.advance(MINUTE);
    site.post("/log-in/ferris", &cookie).await;
    assert_eq!(created_at(&only_item(&bench).await), begun);
}

#[actix_web::test]
async fn another_user_under_the_same_key_is_refused() {
    let bench = TestBench::<Member>::new().await;
    let site = Site::new(ActixSessions::new(bench.store.clone())).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    for path in ["/set/user_id/ferris", "/replace/user_id/ferris"] {
        let refused = site.post(path, &cookie).await;
        assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(refused.cookie, None);
        let entries = site.get("/", &cookie).await.entries;
        assert_eq!(entries, json!({ "theme": "dark" }));
    }
}
