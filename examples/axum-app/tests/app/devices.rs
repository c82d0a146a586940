//! What the list of devices shows, and their names.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Extension;
use axum::extract::ConnectInfo;
use axum::http::header::{HeaderName, HeaderValue, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum_app::{AppSession, Store, app};
use serde_json::{Value, json};
use session_store::test_util::TestStore;

use crate::{Browser, store, test_store};

const FIREFOX: &[u8] = b"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const SAFARI: &[u8] =
    b"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 \
    (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";

/// A browser that sends this, and in which a user has just logged in.
async fn logged_in(store: &Store, user: &str, agent: &[u8]) -> Browser {
    let mut browser = Browser::new(store);
    browser.headers = agent_header(agent);
    let answer = browser.post("/login", &format!("user={user}")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    browser
}

fn agent_header(agent: &[u8]) -> HeaderMap {
    let value = HeaderValue::from_bytes(agent).unwrap();
    HeaderMap::from_iter([(USER_AGENT, value)])
}

/// The entry of this browser in the list of the user's devices.
async fn own(browser: &mut Browser) -> Value {
    let devices = browser.devices().await;
    let mut devices = devices.into_iter();
    devices.find(|device| device["current"] == true).unwrap()
}

#[tokio::test]
async fn the_list_shows_browser_address_and_which_is_this_one() {
    let store = store().await;
    let mut phone = logged_in(&store, "ada", SAFARI).await;
    let mut laptop = Browser::new(&store);
    let peer: SocketAddr = "192.0.2.7:50000".parse().unwrap();
    laptop.app = app(store.clone()).layer(Extension(ConnectInfo(peer)));
    laptop.headers = agent_header(FIREFOX);
    // Every client can send it.
    let forwarded = HeaderName::from_static("x-forwarded-for");
    let forged = HeaderValue::from_static("203.0.113.1");
    laptop.headers.insert(forwarded, forged);
    laptop.post("/login", "user=ada").await;

    let device = own(&mut laptop).await;
    assert_eq!(device["browser"], "Firefox on Linux");
    assert_eq!(device["address"], "192.0.2.7");
    assert_eq!(device["name"], Value::Null);
    assert_eq!(device["last_activity"], "active now");
    let device = own(&mut phone).await;
    assert_eq!(device["browser"], "Safari on iPhone");
    assert_eq!(device["address"], Value::Null);

    let page = laptop.get("/").await.text;
    let handle = laptop.handle();
    for shown in [
        "<bdi>Firefox on Linux</bdi> <span class=\"badge\">this one</span>",
        "active now, from 192.0.2.7",
        "<bdi>Safari on iPhone</bdi></h3>",
        &format!(
            "aria-label=\"End the session of Firefox on Linux, {}\"",
            &handle[..8]
        ),
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains("203.0.113.1"));
}

#[tokio::test]
async fn a_visit_notes_the_browser_of_a_user_and_of_nobody_else() {
    let store = store().await;
    let mut browser = logged_in(&store, "ada", FIREFOX).await;
    browser.headers = agent_header(SAFARI);
    browser.get("/").await;
    assert_eq!(own(&mut browser).await["browser"], "Safari on iPhone");

    let mut anonymous = Browser::new(&store);
    anonymous.headers = agent_header(FIREFOX);
    anonymous.post("/cart", "item=tea").await;
    anonymous.get("/").await;
    let item = crate::item(&store, &anonymous).await;
    let data = item["data"].as_m().unwrap();
    assert_eq!(data["visits"].as_n().unwrap(), "1");
    for field in ["browser", "address"] {
        let stored = data.get(field);
        assert!(stored.is_none_or(|value| value.is_null()), "{field}");
    }
}

#[tokio::test]
async fn a_browser_is_named_in_words_of_the_parser_alone() {
    let store = store().await;
    let long = [b"Mozilla/5.0 (".as_slice(), &[b'a'; 10_240], b") Firefox/1"].concat();
    let cases: [(&[u8], Option<&str>); 9] = [
        (FIREFOX, Some("Firefox on Linux")),
        (SAFARI, Some("Safari on iPhone")),
        (
            b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
              Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            Some("Edge on Windows 10"),
        ),
        (
            b"Mozilla/5.0 (<script>alert(1)</script>; Linux) Firefox/1.0",
            Some("Firefox on Linux"),
        ),
        (b"<script>alert(1)</script>", None),
        (b"\"'><img src=x>", None),
        // Its name comes after the part that is looked at.
        (&long, None),
        ("日本語 Firefox/1.0".as_bytes(), None),
        (b"", None),
    ];
    for (agent, expected) in cases {
        let mut browser = logged_in(&store, "ada", agent).await;
        let shown = own(&mut browser).await["browser"].clone();
        assert_eq!(shown.as_str(), expected, "{}", agent.escape_ascii());
        let page = browser.get("/").await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.text.contains("<script") && !page.text.contains("<img"));
    }
    let mut browser = Browser::logged_in(&store, "ada").await;
    assert_eq!(own(&mut browser).await["browser"], Value::Null);
    let page = browser.get("/").await.text;
    assert!(page.contains("<bdi>Unknown browser</bdi>"), "{page}");
}

#[tokio::test]
async fn the_last_activity_is_in_words() {
    let TestStore { store, clock, .. } = test_store().await;
    let mut laptop = Browser::logged_in(&store, "ada").await;
    let mut phone = Browser::new(&store);
    phone.post("/login", "user=ada&remember=on").await;
    let phone = phone.handle();
    let mut passed = 0;
    for (minutes, words) in [
        (0, "active now"),
        (4, "active now"),
        (5, "active 5 minutes ago"),
        (59, "active 59 minutes ago"),
        (60, "active 1 hour ago"),
        (120, "active 2 hours ago"),
        (24 * 60 - 1, "active 23 hours ago"),
        (24 * 60, "active yesterday"),
        (48 * 60, "active 2 days ago"),
        (29 * 24 * 60, "active 29 days ago"),
    ] {
        clock.advance(Duration::from_secs((minutes - passed) * 60));
        passed = minutes;
        laptop.post("/login", "user=ada").await;
        let devices = laptop.devices().await;
        let mut devices = devices.iter();
        let device = devices.find(|device| device["handle"] == phone).unwrap();
        assert_eq!(device["last_activity"], words, "{minutes}");
        assert!(laptop.get("/").await.text.contains(words), "{minutes}");
    }
}

#[tokio::test]
async fn a_user_names_a_device() {
    let store = store().await;
    let mut phone = logged_in(&store, "ada", SAFARI).await;
    let mut laptop = logged_in(&store, "ada", FIREFOX).await;
    phone.post("/cart", "item=tea").await;
    let rename = format!("/devices/{}/rename", phone.handle());

    let answer = laptop.post(&rename, "name=+My+phone+").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(own(&mut phone).await["name"], "My phone");
    assert_eq!(own(&mut laptop).await["name"], Value::Null);
    assert_eq!(phone.get("/me").await.json()["cart"], json!(["tea"]));
    let page = laptop.get("/").await.text;
    assert!(page.contains("<bdi>My phone</bdi>") && page.contains("Safari on iPhone"));
    // The same once more is no error, and an empty name takes it away.
    let answer = laptop.post(&rename, "name=My+phone").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    laptop.post(&rename, "name=").await;
    assert_eq!(own(&mut phone).await["name"], Value::Null);
    assert!(!laptop.get("/").await.text.contains("My phone"));
}

#[tokio::test]
async fn a_user_cannot_name_the_device_of_another() {
    let store = store().await;
    let mut ada = Browser::logged_in(&store, "ada").await;
    let rename = format!("/devices/{}/rename", ada.handle());
    let mut grace = Browser::logged_in(&store, "grace").await;
    let mut anonymous = Browser::new(&store);
    for path in [&rename, "/devices/x/rename"] {
        let answer = grace.post(path, "name=mine").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let answer = anonymous.post(&rename, "name=mine").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(own(&mut ada).await["name"], Value::Null);
    assert_eq!(own(&mut grace).await["name"], Value::Null);

    // A device that was logged out is not there either.
    let mut tablet = Browser::logged_in(&store, "ada").await;
    let rename = format!("/devices/{}/rename", tablet.handle());
    tablet.post("/logout", "").await;
    let answer = ada.post(&rename, "name=tablet").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(ada.devices().await.len(), 1);
}

#[tokio::test]
async fn a_hostile_name_is_only_text() {
    let store = store().await;
    let mut browser = Browser::logged_in(&store, "ada").await;
    let rename = format!("/devices/{}/rename", browser.handle());
    let many = |n| "ä".repeat(n);
    for name in [
        "\"><script>alert(1)</script>",
        "' onfocus='alert(1)",
        "\u{202e}gnihton",
        "\0\r\n\u{7}",
        &many(40),
    ] {
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = browser.post(&rename, &format!("name={encoded}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{name:?}");
        let stored = own(&mut browser).await["name"].clone();
        assert_eq!(stored.as_str(), Some(name.trim()), "{name:?}");
        let page = browser.get("/").await;
        assert_eq!(page.status, StatusCode::OK);
        let escaped = name.trim().replace('<', "&lt;").replace('>', "&gt;");
        let escaped = escaped.replace('"', "&quot;");
        assert!(page.text.contains(&format!("<bdi>{escaped}</bdi>")));
        assert!(page.text.contains(&format!("value=\"{escaped}\"")));
        assert!(!page.text.contains("<script"), "{name:?}");
    }
    let answer = browser.post(&rename, &format!("name={}", many(41))).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("name: enter 0 to 40 characters"));
    let answer = browser.post(&rename, "").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// As after a deploy that has changed the type.
#[tokio::test]
async fn a_device_that_cannot_be_read_is_shown_and_can_be_ended() {
    let TestStore { store, client, .. } = test_store().await;
    let mut laptop = Browser::logged_in(&store, "ada").await;
    let mut phone = Browser::logged_in(&store, "ada").await;
    let id = session_store::AttributeValue::S(phone.handle());
    let cart = session_store::AttributeValue::S("tea".to_owned());
    let damage = client.update_item().table_name(store.table_name());
    let damage = damage.key("id", id).update_expression("SET #d.cart = :c");
    let damage = damage.expression_attribute_names("#d", "data");
    let damage = damage.expression_attribute_values(":c", cart);
    damage.send().await.unwrap();

    let page = laptop.get("/").await.text;
    assert!(page.contains("A session that cannot be read") && page.contains("2 of 5"));
    let devices = laptop.devices().await;
    assert_eq!(devices.len(), 2);
    let revoke = format!("/devices/{}/revoke", phone.handle());
    let answer = laptop.post(&revoke, "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(phone.page().await, "anonymous");
    let left = store.sessions(AppSession::USER_ID, "ada").count().await;
    assert_eq!(left.unwrap(), 1);
}
