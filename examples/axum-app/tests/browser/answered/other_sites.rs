//! Pages of another site, which browsers tell by the name of the host: `localhost` and `127.0.0.1` are two.

use super::*;

/// The browser keeps the cookie back from the form, so the shop cannot tell whether the visitor has a session.
#[tokio::test]
async fn a_form_of_another_site_begins_no_session_and_a_form_and_a_link_keep_the_one_there_is() {
    let Some(shop) = Open::shop().await else {
        return;
    };
    let url = &shop.site.url;
    let page = format!(
        "<form method=post action={url}/visit><button>Win a kettle</button></form>\
         <a href={url}/>A link</a>"
    );
    let port = neighbour(Vec::new(), page).await;
    let other = format!("http://localhost:{port}/");
    let browser = shop.site.browser().await;
    browser.goto(&other).await;
    browser.click("//button").await;
    browser.shows("You are nobody, visits: 0").await;
    assert!(!browser.has_cookie().await);
    for (action, shown) in [
        ("visit", "You are nobody, visits: 1"),
        ("login", "You are ada, visits: 1"),
    ] {
        browser.goto(url).await;
        browser.submit(action).await;
        browser.shows(shown).await;
        let cookies = browser.cookies().await;
        for click in ["//button", "//a"] {
            browser.goto(&other).await;
            browser.click(click).await;
            browser.shows(shown).await;
            assert_eq!(browser.cookies().await, cookies, "{action} {click}");
        }
    }
}
