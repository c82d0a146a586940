//! How long the browser keeps the cookies.

use std::time::SystemTime;

use fantoccini::cookies::Cookie;

use super::*;

/// How many seconds the browser is going to keep it; `None` is until the browser is closed.
#[expect(clippy::disallowed_methods, reason = "browsers use this clock")]
fn left(cookie: &Cookie<'_>) -> Option<u64> {
    let expires: SystemTime = cookie.expires_datetime()?.into();
    Some(expires.duration_since(SystemTime::now()).unwrap().as_secs())
}

#[tokio::test]
async fn a_log_in_lasts_until_the_absolute_timeout_or_until_the_browser_is_closed() {
    const TWELVE_HOURS: u64 = 12 * 60 * 60;
    const ONE_HOUR: u64 = 60 * 60;
    let Some(shop) = Open::shop().await else {
        return;
    };
    let browser = shop.site.browser().await;
    for (button, ages) in [
        ("login", [Some(TWELVE_HOURS), Some(ONE_HOUR)]),
        ("here", [None, None]),
        // The choice was for one log-in, and the next log-in is that of the same session.
        ("login", [None, None]),
    ] {
        browser.submit(button).await;
        browser.shows("You are ada").await;
        for (name, age) in [NAME, LOG_IN].into_iter().zip(ages) {
            let all = browser.0.get_all_cookies().await.unwrap().into_iter();
            let mut named = all.filter(|cookie| without_suffix(cookie.name()) == name);
            let cookie = named.next().unwrap();
            let left = left(&cookie);
            assert_eq!(left.is_some(), age.is_some(), "{button} {name}");
            if let (Some(left), Some(age)) = (left, age) {
                assert!((age - 60..=age).contains(&left), "{button} {name}: {left}");
            }
            assert_eq!(cookie.http_only(), Some(true));
            assert_eq!(cookie.path(), Some("/"));
        }
    }
    browser.submit("logout").await;
    browser.shows("You are nobody").await;
    assert!(!browser.cookies().await.contains_key(NAME));
}

fn without_suffix(name: &str) -> &str {
    match name.starts_with(LOG_IN) {
        true => LOG_IN,
        false => name,
    }
}
