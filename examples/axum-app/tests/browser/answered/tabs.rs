//! Two tabs of one browser, whose answers overtake each other.

use super::*;

/// The other tab shows the page from before the log-in.
#[tokio::test]
async fn a_form_from_before_a_log_in_in_another_tab_keeps_it() {
    let Some(site) = Site::open().await else {
        return;
    };
    let browser = site.browser().await;
    let first = browser.0.window().await.unwrap();
    let second = browser.new_tab().await;
    browser.show(&second).await;
    browser.goto(&site.url).await;
    browser.log_in("ada").await;
    browser.show(&first).await;
    browser.shows_the_log_in().await;
    browser.fill("item", "a kettle").await;
    browser.press("Add").await;
    browser.shows("a kettle").await;
    for tab in [&first, &second] {
        browser.show(tab).await;
        browser.reload().await;
        browser.shows("Logged in as ada").await;
        browser.shows("a kettle").await;
    }
}

/// The tabs send the same id. One logs in, and the other writes; its answer comes first or last.
#[tokio::test]
async fn a_tab_with_the_id_from_before_a_log_in_does_not_undo_it() {
    let Some(shop) = Open::shop().await else {
        return;
    };
    let browser = shop.site.browser().await;
    let first = browser.0.window().await.unwrap();
    let second = browser.new_tab().await;
    browser.show(&second).await;
    browser.goto(&shop.site.url).await;
    for order in [["/login", "/visit"], ["/visit", "/login"]] {
        browser.ask("/visit").await;
        browser.show(&second).await;
        shop.send(&browser, "/login").await;
        browser.show(&first).await;
        shop.send(&browser, "/visit").await;
        for path in order {
            let tab = match path {
                "/login" => &second,
                _ => &first,
            };
            browser.show(tab).await;
            shop.arrive(&browser, path).await;
        }
        // Only the log-in has set cookies, so there is nothing to repair.
        let cookies = browser.cookies().await;
        assert!(cookies[LOG_IN].starts_with(&cookies[NAME]));
        for tab in [&first, &second] {
            browser.show(tab).await;
            assert!(browser.is_logged_in().await, "{order:?}");
        }
        shop.site.clock.advance(AFTER_THE_LOG_IN_COOKIE);
        assert!(browser.is_logged_in().await, "{order:?}");
        browser.0.delete_all_cookies().await.unwrap();
    }
}

/// The request has no session yet and begins one, which is not the one of the log-in.
#[tokio::test]
async fn a_slow_first_request_does_not_undo_a_log_in() {
    let Some(shop) = Open::shop().await else {
        return;
    };
    let browser = shop.site.browser().await;
    let slow = browser.0.window().await.unwrap();
    shop.send(&browser, "/visit").await;
    let fast = browser.new_tab().await;
    browser.show(&fast).await;
    browser.goto(&shop.site.url).await;
    assert!(!browser.has_cookie().await);
    browser.log_in_to_shop().await;
    let id = browser.cookies().await[NAME].clone();

    browser.show(&slow).await;
    shop.arrive(&browser, "/visit").await;
    let overwritten = browser.cookies().await;
    assert_ne!(overwritten[NAME], id);
    assert!(overwritten[LOG_IN].starts_with(&id));
    for tab in [&slow, &fast] {
        browser.show(tab).await;
        assert!(browser.is_logged_in().await);
        assert_eq!(browser.cookies().await[NAME], id);
    }
    shop.site.clock.advance(AFTER_THE_LOG_IN_COOKIE);
    assert!(browser.is_logged_in().await);
}

/// A log-out and another request are sent with the same id, by two tabs. The one that is handled last decides,
/// in whatever order the answers arrive.
#[tokio::test]
async fn a_log_out_that_meets_a_renewal_or_a_log_in_leaves_the_last_state() {
    let Some(shop) = Open::shop().await else {
        return;
    };
    let browser = shop.site.browser().await;
    let tabs = [browser.0.window().await.unwrap(), browser.new_tab().await];
    browser.show(&tabs[1]).await;
    browser.goto(&shop.site.url).await;
    let cases = [
        (["/renew", "/logout"], 0),
        (["/logout", "/renew"], 0),
        (["/login", "/logout"], 0),
        (["/logout", "/login"], 1),
    ];
    for (paths, sessions) in cases {
        for arrivals in [[0, 1], [1, 0]] {
            let case = format!("{paths:?} {arrivals:?}");
            browser.ask("/login").await;
            for (tab, path) in tabs.iter().zip(paths) {
                browser.show(tab).await;
                shop.send(&browser, path).await;
            }
            for n in arrivals {
                browser.show(&tabs[n]).await;
                shop.arrive(&browser, paths[n]).await;
            }
            assert_eq!(browser.is_logged_in().await, sessions == 1, "{case}");
            assert_eq!(shop.logged_in().await, sessions, "{case}");
            browser.ask("/logout").await;
            browser.0.delete_all_cookies().await.unwrap();
        }
    }
}
