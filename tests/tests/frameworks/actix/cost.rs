//! actix-session: the writes of a change, and of a request that changes nothing.

use std::collections::HashMap;

use actix_session::config::{BrowserSession, TtlExtensionPolicy};
use actix_web::cookie::time::Duration;
use aws_sdk_dynamodb::types::AttributeValue;

use super::{MINUTE, Site, bench, only_item};

#[actix_web::test]
async fn an_update_writes_only_the_changes() {
    let (bench, sessions) = bench().await;
    let site = Site::new(sessions).await;
    let cookie = site.post("/set/theme/dark", &None).await.cookie;
    site.post("/set/language/de", &cookie).await;
    bench.wire.clear();
    site.post("/set/user_id/ferris", &cookie).await;
    let calls = bench.wire.calls();
    assert_eq!(calls.len(), 2, "a load and an update");
    let update = &calls[1].input;
    let names = update["ExpressionAttributeNames"].to_string();
    let values = update["ExpressionAttributeValues"].to_string();
    assert!(names.contains("user_id") && !names.contains("theme") && !names.contains("language"));
    assert!(
        values.contains("ferris") && !values.contains("dark") && !values.contains("session-store")
    );

    site.post("/remove/user_id", &cookie).await;
    let item = only_item(&bench).await;
    assert!(!item.contains_key("user_id"));
    assert_eq!(item["data"].as_m().unwrap().len(), 2);

    bench.wire.clear();
    site.post("/replace/theme/light", &cookie).await;
    assert_eq!(
        bench.wire.operations(),
        ["GetItem", "GetItem", "UpdateItem"]
    );
    let data = only_item(&bench).await["data"].as_m().unwrap().clone();
    assert_eq!(
        data,
        HashMap::from([("theme".to_owned(), AttributeValue::S("light".into()))])
    );
}

/// With `OnEveryRequest`, a request that changes nothing writes only the expiry of the session.
#[actix_web::test]
async fn extending_the_ttl_writes_the_expiry_alone() {
    let (bench, sessions) = bench().await;
    let lifecycle = BrowserSession::default()
        .state_ttl(Duration::minutes(10))
        .state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
    let site = Site::with(sessions, |middleware| {
        middleware.session_lifecycle(lifecycle)
    })
    .await;
    let cookie = site.post("/log-in/ferris", &None).await.cookie;
    let mut before = only_item(&bench).await;
    bench.clock.advance(MINUTE);
    bench.wire.clear();
    site.get("/", &cookie).await;

    let calls = bench.wire.calls();
    assert_eq!(bench.wire.operations(), ["GetItem", "UpdateItem"]);
    let names = &calls[1].input["ExpressionAttributeNames"];
    let update = calls[1].input["UpdateExpression"].as_str().unwrap();
    let set = update.strip_prefix("SET ").unwrap().split(',');
    let mut set: Vec<_> = set
        .map(|clause| names[clause.split_once('=').unwrap().0].as_str().unwrap())
        .collect();
    set.sort();
    assert_eq!(set, ["expires_at", "touched_at"]);

    let now = bench.clock.millis();
    before.insert("touched_at".into(), AttributeValue::N(now.to_string()));
    before.insert(
        "expires_at".into(),
        AttributeValue::N((now / 1000 + 600).to_string()),
    );
    assert_eq!(only_item(&bench).await, before);
}
