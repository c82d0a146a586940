//! Cookies that others set: an app on another port of the host, or on a sibling host.

use super::*;

/// An app on another port has a cookie of our name for a longer path, which browsers send first; and cookies
/// that are no UTF-8, have quotes, or are many.
#[tokio::test]
async fn a_log_in_holds_beside_the_cookies_of_another_port() {
    let Some(shop) = Open::shop().await else {
        return;
    };
    let cart = format!("{}/cart", shop.site.url);
    let mut cookies = vec![
        format!("{NAME}=junk; Path=/cart").into_bytes(),
        format!("{LOG_IN}-AAAAAAAA=junk; Path=/cart").into_bytes(),
        b"latin=caf\xe9; Path=/".to_vec(),
        format!("quoted=\"{NAME}=a\"; Path=/").into_bytes(),
        b"half=\"; Path=/".to_vec(),
        b"nameless; Path=/".to_vec(),
    ];
    let many = (0..60).map(|n| format!("many{n}={}; Path=/", "x".repeat(50)).into_bytes());
    cookies.extend(many);
    let script = format!(
        "<script>document.cookie = 'naïve=東京; path=/';
        document.cookie = '{NAME}=%ff; path=/cart/';</script><p>Hello</p>"
    );
    let port = neighbour(cookies, script).await;
    let browser = shop.site.browser().await;
    browser.goto(&format!("http://127.0.0.1:{port}/")).await;
    browser.shows("Hello").await;

    browser.goto(&cart).await;
    browser.log_in_to_shop().await;
    browser.goto(&format!("{cart}/sent")).await;
    let sent = browser.text().await;
    assert!(
        sent.starts_with(&format!("{NAME}=%ff; {NAME}=junk;")),
        "{sent}"
    );
    for cookie in [
        "caf\u{fffd}",
        "東京",
        &format!("\"{NAME}=a\""),
        "half=\";",
        "many59=",
    ] {
        assert!(sent.contains(cookie), "{cookie} is not in {sent}");
    }
    browser.goto(&cart).await;
    assert!(browser.is_logged_in().await);
    shop.site.clock.advance(AFTER_THE_LOG_IN_COOKIE);
    assert!(browser.is_logged_in().await);
    browser.submit("visit").await;
    browser.shows("You are ada, visits: 1").await;
    browser.submit("logout").await;
    browser.shows("You are nobody, visits: 0").await;
    assert_eq!(shop.logged_in().await, 0);
}

/// For browsers, ports are one host, so an app on another port can overwrite the cookie itself.
#[tokio::test]
async fn a_fresh_log_in_holds_if_another_port_overwrites_the_cookie() {
    let Some(shop) = Open::shop().await else {
        return;
    };
    let browser = shop.site.browser().await;
    browser.log_in_to_shop().await;
    let id = browser.cookies().await[NAME].clone();
    let port = neighbour(
        vec![format!("{NAME}=junk; Path=/").into_bytes()],
        "Hello".into(),
    )
    .await;
    browser.goto(&format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(browser.cookies().await[NAME], "junk");
    browser.goto(&shop.site.url).await;
    assert!(browser.is_logged_in().await);
    assert_eq!(browser.cookies().await[NAME], id);
}

/// A sibling host plants the id of a session of its own for the whole domain, also as that of a log-in.
#[tokio::test]
async fn a_log_in_holds_and_ends_the_session_that_a_sibling_host_has_planted() {
    let Some(shop) = Open::shop().await else {
        return;
    };
    let planted = shop.store.create(Shop::default()).await.unwrap();
    let id = planted.id().expose();
    let (handle, millis) = (planted.handle().to_string(), shop.site.clock.millis());
    let suffix = &handle[..8];
    let cookies = [
        format!("{NAME}={id}; Domain=shop.localhost; Path=/"),
        format!("{LOG_IN}-{suffix}={id}.{millis}; Domain=shop.localhost; Path=/cart"),
    ];
    let cookies = cookies.map(String::into_bytes).to_vec();
    let port = neighbour(cookies, "Hello".into()).await;
    let url = shop.site.url.replace("127.0.0.1", "app.shop.localhost");
    let browser = shop.site.browser().await;
    browser
        .goto(&format!("http://other.shop.localhost:{port}/"))
        .await;
    browser.shows("Hello").await;

    browser.goto(&format!("{url}/cart/sent")).await;
    assert!(browser.text().await.contains(&id));
    browser.goto(&format!("{url}/cart")).await;
    browser.log_in_to_shop().await;
    assert!(shop.store.load(planted.id()).await.unwrap().is_none());
    for _ in 0..2 {
        browser.goto(&format!("{url}/cart")).await;
        assert!(browser.is_logged_in().await);
        shop.site.clock.advance(AFTER_THE_LOG_IN_COOKIE);
    }
}
