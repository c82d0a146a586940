//! How long a log-in lasts: "remember me", and shorter timeouts for guests.

use std::time::Duration;

use super::*;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(
    table = "tests",
    type_name = "Shop",
    idle_timeout = "30d",
    absolute_timeout = "30d",
    guest_idle_timeout = "2h",
    guest_absolute_timeout = "1d"
)]
#[serde(default)]
struct Remembering {
    #[dynamo(attr = "user_id", index(consistent), user)]
    user_id: Option<String>,
    visits: u64,
}

type Current = CurrentSession<Remembering>;

/// Eight hours, or two of them without a request, and until the browser is closed.
async fn log_in(mut session: Current) {
    session.user_id = Some("u".into());
    CurrentSession::set_idle_timeout(&mut session, 2 * HOUR);
    CurrentSession::set_absolute_timeout(&mut session, 8 * HOUR);
    CurrentSession::set_persistent(&mut session, false);
}

async fn log_in_for_a_month(mut session: Current) {
    session.user_id = Some("u".into());
    // The user may be the one who is logged in already.
    CurrentSession::log_in(&mut session);
    CurrentSession::set_idle_timeout(&mut session, None);
    CurrentSession::set_absolute_timeout(&mut session, None);
    CurrentSession::set_persistent(&mut session, true);
}

/// Six hours from the log-in, and no longer, on a computer that others use.
async fn for_six_hours(mut session: Current) {
    CurrentSession::set_absolute_timeout(&mut session, 6 * HOUR);
}

/// A log-in whose handler fails after it has stored it for six hours.
async fn now(mut session: Current) -> String {
    session.user_id = Some("u".into());
    CurrentSession::set_absolute_timeout(&mut session, 6 * HOUR);
    CurrentSession::save(&mut session).await.unwrap();
    CurrentSession::update(&mut session, |session| session.visits += 1)
        .await
        .unwrap();
    let stored = CurrentSession::stored(&session).unwrap();
    let lasts = stored.expires_at().duration_since(stored.created_at());
    lasts.unwrap().as_secs().to_string()
}

fn remembering(bench: &TestBench<Remembering>) -> Router {
    let read = async |session: Current| session.user_id.clone().unwrap_or("nobody".into());
    let visit = async |mut session: Current| session.visits += 1;
    Router::new()
        .route("/read", any(read))
        .route("/visit", any(visit))
        .route("/login", any(log_in))
        .route("/month", any(log_in_for_a_month))
        .route("/six", any(for_six_hours))
        .route("/now", any(now))
        .layer(SessionLayer::new(bench.store.clone()).dev())
}

/// For how many seconds the browser keeps the cookie with the id; `None` until it is closed.
fn kept(answer: &Answer) -> Option<Duration> {
    let headers = answer.headers.get_all(SET_COOKIE).into_iter();
    let mut headers = headers.map(|header| header.to_str().unwrap());
    let main = headers.find(|header| header.starts_with("session-Shop="));
    let (_, age) = main.expect("there is a cookie").split_once("Max-Age=")?;
    let age = age.split(';').next().unwrap();
    Some(Duration::from_secs(age.parse().unwrap()))
}

#[tokio::test]
async fn g6_a_log_in_that_is_not_remembered_ends_after_its_hours_and_with_the_browser() {
    let bench = TestBench::<Remembering>::new().await;
    let app = remembering(&bench);
    for path in ["/visit", "/read"] {
        let mut browser = Browser::default();
        browser.ask(&app, path).await;
        assert_eq!(kept(&browser.ask(&app, "/login").await), None);
        for _ in 0..7 {
            bench.clock.advance(HOUR);
            assert!(browser.is_user(&app).await);
        }
        bench.clock.advance(HOUR);
        assert!(!browser.is_user(&app).await);
    }
}

#[tokio::test]
async fn g6_a_log_in_that_is_remembered_lasts_as_long_as_the_type_says() {
    let bench = TestBench::<Remembering>::new().await;
    let app = remembering(&bench);
    let mut browser = Browser::default();
    browser.ask(&app, "/login").await;
    assert_eq!(kept(&browser.ask(&app, "/month").await), Some(30 * DAY));
    bench.clock.advance(29 * DAY);
    assert!(browser.is_user(&app).await);
    bench.clock.advance(DAY);
    assert!(!browser.is_user(&app).await);
}

#[tokio::test]
async fn g6_the_cookie_ends_with_a_session_that_was_made_shorter() {
    let bench = TestBench::<Remembering>::new().await;
    let app = remembering(&bench);
    let mut browser = Browser::default();
    browser.ask(&app, "/month").await;
    let before = browser.cookies["session-Shop"].clone();
    bench.clock.advance(HOUR);
    assert_eq!(kept(&browser.ask(&app, "/six").await), Some(5 * HOUR));
    assert_ne!(browser.cookies["session-Shop"], before);
    // A second time, it begins no later.
    bench.clock.advance(HOUR);
    assert_eq!(kept(&browser.ask(&app, "/six").await), Some(4 * HOUR));
    bench.clock.advance(4 * HOUR - Duration::from_millis(1));
    assert!(browser.is_user(&app).await);
    bench.clock.advance(Duration::from_millis(1));
    assert!(!browser.is_user(&app).await);
}

#[tokio::test]
async fn g6_it_is_stored_with_a_session_that_begins() {
    let bench = TestBench::<Remembering>::new().await;
    let app = remembering(&bench);
    for path in ["/read", "/visit"] {
        let mut browser = Browser::default();
        browser.ask(&app, path).await;
        assert_eq!(browser.ask(&app, "/now").await.text, "21600", "{path}");
        // Without a change, it begins no session.
        let mut other = Browser::default();
        other.ask(&app, "/six").await;
        assert!(other.cookies.is_empty());
    }
}

#[tokio::test]
async fn g6_a_guest_ends_sooner_than_a_user() {
    let bench = TestBench::<Remembering>::new().await;
    let app = remembering(&bench);
    let mut browser = Browser::default();
    assert_eq!(kept(&browser.ask(&app, "/visit").await), Some(DAY));
    bench.clock.advance(HOUR);
    assert_eq!(kept(&browser.ask(&app, "/month").await), Some(30 * DAY));
    bench.clock.advance(3 * HOUR);
    assert!(browser.is_user(&app).await);

    let mut guest = Browser::default();
    guest.ask(&app, "/visit").await;
    bench.clock.advance(2 * HOUR);
    let id = session_store::SessionId::parse(&guest.cookies["session-Shop"]).unwrap();
    assert!(bench.store.load(&id).await.unwrap().is_none());
    // A log-in from there has the timeouts of a user.
    assert_eq!(kept(&guest.ask(&app, "/month").await), Some(30 * DAY));
}
