//! G20. Pages from memory: a browser never misses its own writes, and others see them within the stated time.

use std::time::Duration;

use session_store::frameworks::axum::{SessionCookie, SigningKey};
use session_store::{Cache, DynamoDbStore};

use super::*;

const FIVE_SECONDS: Duration = Duration::from_secs(5);

/// A host of the site, with a cache of its own.
async fn host(bench: &TestBench<Shop>) -> Router {
    let builder = DynamoDbStore::<Shop>::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    let cache = Cache::for_at_most(FIVE_SECONDS);
    let store = builder.cache(cache).build().await.unwrap();
    let cookie = SessionCookie::dev().signed(SigningKey::from(&[7; 64]));
    routes().layer(SessionLayer::new(store).cookie(cookie))
}

/// One that has none yet.
fn host_without_cache(bench: &TestBench<Shop>) -> Router {
    let cookie = SessionCookie::dev().signed(SigningKey::from(&[7; 64]));
    routes().layer(SessionLayer::new(bench.store.clone()).cookie(cookie))
}

#[tokio::test]
async fn g20_pages_read_nothing_after_a_log_in() {
    let bench = TestBench::<Shop>::new().await;
    let host = host(&bench).await;
    let mut browser = Browser::default();
    browser.ask(&host, "/login").await;
    operations(&bench);
    for _ in 0..16 {
        assert!(browser.is_user(&host).await);
    }
    assert_eq!(operations(&bench), [""; 0]);
    // A page that changes something writes onto what is in memory, and the next one has it.
    for visits in 1..4 {
        assert_eq!(browser.ask(&host, "/visit").await.text, visits.to_string());
        assert_eq!(operations(&bench), ["UpdateItem"]);
    }
    bench.clock.advance(FIVE_SECONDS);
    assert!(browser.is_user(&host).await);
    assert_eq!(operations(&bench), ["GetItem"]);
    // A log-out ends it, and the page after it has no session.
    browser.ask(&host, "/logout").await;
    assert!(!browser.is_user(&host).await);
}

#[tokio::test]
async fn g20_a_browser_sees_its_own_writes_on_every_host() {
    let bench = TestBench::<Shop>::new().await;
    let hosts = [host(&bench).await, host(&bench).await, host(&bench).await];
    let mut browser = Browser::default();
    for visits in 1..30 {
        let host = &hosts[visits * visits % 3];
        assert_eq!(browser.ask(host, "/visit").await.text, visits.to_string());
        assert_eq!(
            browser.ask(&hosts[visits % 3], "/read").await.text,
            "nobody"
        );
    }
    browser.ask(&hosts[0], "/login").await;
    for host in &hosts {
        assert!(browser.is_user(host).await);
    }
    browser.ask(&hosts[1], "/renew").await;
    for host in &hosts {
        assert!(browser.is_user(host).await);
    }
}

#[tokio::test]
async fn g20_a_log_out_on_one_host_is_seen_on_another_within_the_time() {
    let bench = TestBench::<Shop>::new().await;
    let [here, there] = [host(&bench).await, host(&bench).await];
    let mut browser = Browser::default();
    browser.ask(&here, "/login").await;
    let mut thief = browser.clone();
    assert!(thief.is_user(&there).await);
    browser.ask(&here, "/logout").await;
    assert!(!thief.clone().is_user(&here).await);
    bench.clock.advance(FIVE_SECONDS - Duration::from_millis(1));
    assert!(thief.clone().is_user(&there).await);
    // It is read there, and never written.
    thief.clone().ask(&there, "/visit").await;
    bench.clock.advance(Duration::from_millis(1));
    assert!(!thief.is_user(&there).await);
    assert!(
        bench
            .items()
            .await
            .iter()
            .all(|item| !item.contains_key("data"))
    );
}

/// The answer with the new id comes after that of the log-out, which another host has carried out.
#[tokio::test]
async fn g20_a_late_answer_does_not_undo_a_log_out_on_another_host() {
    for path in ["/logout", "/bye"] {
        for has_cache in [true, false] {
            let bench = TestBench::<Shop>::new().await;
            let there = host(&bench).await;
            let here = match has_cache {
                true => host(&bench).await,
                false => host_without_cache(&bench),
            };
            let mut browser = Browser::default();
            browser.ask(&there, "/login").await;
            let renewed = browser.send(&there, "/renew").await;
            browser.ask(&here, path).await;
            browser.arrive(&renewed);
            for _ in 0..2 {
                assert!(!browser.is_user(&there).await);
            }
            // The next log-in is answered from memory again.
            browser.ask(&there, "/login").await;
            operations(&bench);
            assert!(browser.is_user(&there).await);
            assert_eq!(operations(&bench), [""; 0]);
        }
    }
}

/// As during the deploy that turns the cache on.
#[tokio::test]
async fn g20_a_host_without_a_cache_takes_an_old_version_away() {
    let bench = TestBench::<Shop>::new().await;
    let with = host(&bench).await;
    let without = host_without_cache(&bench);
    let mut browser = Browser::default();
    for visits in 1..10 {
        let host = if visits % 2 == 0 { &without } else { &with };
        assert_eq!(browser.ask(host, "/visit").await.text, visits.to_string());
    }
}

/// Without a signature there is no version, and so no page from memory.
#[tokio::test]
async fn g20_an_unsigned_cookie_reads_each_time() {
    let bench = TestBench::<Shop>::new().await;
    let builder = DynamoDbStore::<Shop>::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    let store = builder
        .cache(Cache::for_at_most(FIVE_SECONDS))
        .build()
        .await
        .unwrap();
    let app = routes().layer(SessionLayer::new(store).dev());
    let mut browser = Browser::default();
    browser.ask(&app, "/login").await;
    operations(&bench);
    for _ in 0..3 {
        assert!(browser.is_user(&app).await);
        assert_eq!(operations(&bench), ["GetItem"]);
    }
}
