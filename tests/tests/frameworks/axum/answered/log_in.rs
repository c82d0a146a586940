//! A log-in that is answered has taken effect, for as long as the type says.

use std::time::Duration;

use session_store::SessionId;
use session_store::frameworks::axum::SessionCookie;
use session_store_tests::Fault;

use super::*;

fn max_age(answer: &Answer) -> Option<u64> {
    let header = answer.headers.get(SET_COOKIE)?.to_str().unwrap();
    let (_, age) = header.split_once("Max-Age=")?;
    age.split(';').next()?.parse().ok()
}

/// The session ran out at the log-in page, or another tab has ended it, before or after it was read.
#[tokio::test]
async fn g18_a_log_in_takes_effect_where_the_session_has_ended() {
    for what in ["expired", "ended", "ended meanwhile"] {
        let bench = TestBench::<Shop>::new().await;
        let app = app(&bench);
        let mut browser = Browser::default();
        browser.ask(&app, "/visit").await;
        let id = SessionId::parse(&browser.cookies[NAME]).unwrap();
        let store = bench.store.clone();
        let end = move || async move { store.delete(&id).await.unwrap() };
        match what {
            "expired" => bench.clock.advance(Duration::from_secs(2 * 60 * 60)),
            "ended" => end().await,
            _ => bench.wire.next("TransactWriteItems", Fault::meanwhile(end)),
        }
        let welcome = browser.ask(&app, "/login").await;
        assert_eq!(
            (welcome.status, &*welcome.text),
            (StatusCode::OK, "welcome")
        );
        assert!(browser.is_user(&app).await, "{what}");
        assert_eq!(set(&welcome), BOTH);
    }
}

#[tokio::test]
async fn g18_a_log_in_lasts_as_long_as_the_type_says() {
    let bench = TestBench::<Shop>::new().await;
    let app = app(&bench);
    let mut browser = Browser::default();
    browser.ask(&app, "/visit").await;
    for _ in 0..14 {
        bench.clock.advance(Duration::from_secs(50 * 60));
        browser.ask(&app, "/visit").await;
    }
    // After 11 hours and 40 minutes.
    let welcome = browser.ask(&app, "/login").await;
    assert_eq!(max_age(&welcome), Some(12 * 60 * 60));
    for _ in 0..13 {
        bench.clock.advance(Duration::from_secs(50 * 60));
        assert!(browser.is_user(&app).await);
    }
}

/// The handler forgets the new id, which an attacker may have planted.
#[tokio::test]
async fn g18_a_user_gets_a_new_id_by_itself() {
    #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", type_name = "Shop")]
    struct Marked {
        #[dynamo(attr = "user_id", index, user)]
        user_id: Option<String>,
        visits: u64,
    }
    type Current = CurrentSession<Marked>;
    let enter = async |mut session: Current| session.user_id = Some("u".into());
    let enter_now = async |mut session: Current| {
        session.user_id = Some("v".into());
        CurrentSession::save(&mut session).await.unwrap();
    };
    let leave = async |mut session: Current| session.user_id = None;
    let visit = async |mut session: Current| session.visits += 1;
    let bench = TestBench::<Marked>::new().await;
    let app = Router::new()
        .route("/enter", any(enter))
        .route("/now", any(enter_now))
        .route("/leave", any(leave))
        .route("/visit", any(visit))
        .layer(SessionLayer::new(bench.store.clone()).dev());
    let mut browser = Browser::default();
    for path in ["/enter", "/now", "/enter"] {
        browser.ask(&app, "/visit").await;
        let planted = browser.cookies[NAME].clone();
        let welcome = browser.ask(&app, path).await;
        assert_eq!(set(&welcome), BOTH);
        assert_ne!(browser.cookies[NAME], planted);
        let planted = SessionId::parse(&planted).unwrap();
        assert!(bench.store.load(&planted).await.unwrap().is_none());
    }
    for path in ["/enter", "/visit", "/leave"] {
        assert_eq!(set(&browser.ask(&app, path).await), [""; 0], "{path}");
    }
    // A first visit that logs in has the cookie of a log-in too.
    let first = Browser::default().ask(&app, "/enter").await;
    assert_eq!(set(&first), BOTH);
}

/// Nothing can be stored after a failed read, and the visitor learns of it.
#[tokio::test]
async fn g10_a_log_in_after_a_failed_read_is_refused() {
    let bench = TestBench::<Shop>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let layer = layer.on_error(|_, stage| match stage {
        session_store::frameworks::axum::Stage::Load => None,
        _ => Some(axum::response::IntoResponse::into_response(
            StatusCode::SERVICE_UNAVAILABLE,
        )),
    });
    let app = routes().layer(layer);
    let mut browser = Browser::default();
    browser.ask(&app, "/visit").await;
    operations(&bench);
    for _ in 0..3 {
        bench.wire.next("GetItem", Fault::throttled());
    }
    let refused = browser.ask(&app, "/login").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(operations(&bench).iter().all(|call| call == "GetItem"));
    browser.ask(&app, "/login").await;
    assert!(browser.is_user(&app).await);
}

/// A former setting has left a cookie of the same name, or another host has set one.
#[tokio::test]
async fn g18_of_several_cookies_the_live_one_counts_and_a_log_in_takes_effect() {
    let bench = TestBench::<Shop>::new().await;
    let app = app(&bench);
    let mut live = Vec::new();
    for _ in 0..3 {
        let mut browser = Browser::default();
        browser.ask(&app, "/visit").await;
        live.push(browser.cookies[NAME].clone());
    }
    let dead = "A".repeat(43);
    let twice = |path: &str, cookies: &[&str]| {
        let cookies = cookies.iter().map(|value| format!("{NAME}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let request = Request::builder().uri(path).header(COOKIE, cookies);
        request.body(Body::empty()).unwrap()
    };
    for cookies in [[&*dead, &*live[0]], [&*live[0], &*dead], ["%ff", &*live[0]]] {
        let visit = answer(&app, twice("/visit", &cookies)).await;
        assert_eq!(set(&visit), [""; 0], "{cookies:?}");
    }
    let all: Vec<_> = live.iter().map(String::as_str).collect();
    let welcome = answer(&app, twice("/login", &all)).await;
    let new = welcome.cookie().unwrap();
    for cookies in [[&*live[1], &*new], [&*new, &*live[2]]] {
        let page = answer(&app, twice("/read", &cookies)).await;
        assert_eq!(page.text, "u");
    }
    // A log-out ends them all, also one that is hidden behind many others.
    let mut made_up: Vec<_> = ('a'..='h').map(|c| c.to_string().repeat(43)).collect();
    made_up.push(new.clone());
    let made_up: Vec<_> = made_up.iter().map(String::as_str).collect();
    answer(&app, twice("/logout", &made_up)).await;
    let new = SessionId::parse(&new).unwrap();
    assert!(bench.store.load(&new).await.unwrap().is_none());
}

#[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "Shop", absolute_timeout = "30d")]
struct Longer {
    #[dynamo(attr = "user_id", index(consistent, limit = 3))]
    user_id: Option<String>,
    visits: u64,
}

/// A deploy makes sessions live longer, and so does the cookie of one that lives.
#[tokio::test]
async fn g18_the_end_of_a_cookie_follows_that_of_the_session() {
    let bench = TestBench::<Shop>::new().await;
    let before = app(&bench);
    let mut browser = Browser::default();
    let first = browser.ask(&before, "/login").await;
    assert_eq!(max_age(&first), Some(12 * 60 * 60));
    let after = Router::new()
        .route(
            "/read",
            any(async |session: CurrentSession<Longer>| {
                session.user_id.clone().unwrap_or_default()
            }),
        )
        .layer(SessionLayer::new(bench.other::<Longer>().await).dev());
    bench.clock.advance(Duration::from_secs(60));
    let renewed = browser.ask(&after, "/read").await;
    assert_eq!(set(&renewed), [NAME]);
    assert_eq!(max_age(&renewed), Some(30 * 24 * 60 * 60 - 60));
    assert_eq!(set(&browser.ask(&after, "/read").await), [""; 0]);
}

#[tokio::test]
async fn one_session_can_be_kept_by_the_browser_and_another_not() {
    async fn log_in_here(mut session: Current) {
        session.user_id = Some("u".into());
        CurrentSession::log_in(&mut session);
        CurrentSession::set_persistent(&mut session, false);
    }
    let bench = TestBench::<Shop>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/here", any(log_in_here)).layer(layer);
    let mut browser = Browser::default();
    assert_eq!(
        max_age(&browser.ask(&app, "/visit").await),
        Some(12 * 60 * 60)
    );
    let here = browser.ask(&app, "/here").await;
    for header in here.headers.get_all(SET_COOKIE) {
        assert!(!header.to_str().unwrap().contains("Max-Age"), "{header:?}");
    }
    // It holds for later ids too.
    let renewed = browser.ask(&app, "/renew").await;
    assert_eq!((set(&renewed).len(), max_age(&renewed)), (2, None));
    let mut other = Browser::default();
    assert_eq!(
        max_age(&other.ask(&app, "/login").await),
        Some(12 * 60 * 60)
    );
}

/// A form of another site, such as the answer of an identity provider, or one with an id that was just replaced.
#[tokio::test]
async fn g18_a_user_that_is_set_is_logged_in_wherever_the_request_comes_from() {
    #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", type_name = "Shop")]
    struct Marked {
        #[dynamo(attr = "user_id", index, user)]
        user_id: Option<String>,
    }
    type Current = CurrentSession<Marked>;
    let enter = async |mut session: Current| session.user_id = Some("u".into());
    let update = async |mut session: Current| {
        CurrentSession::log_in(&mut session);
        let enter = |session: &mut Marked| session.user_id = Some("u".into());
        CurrentSession::update(&mut session, enter).await.unwrap();
    };
    let bench = TestBench::<Marked>::new().await;
    let app = Router::new()
        .route("/enter", any(enter))
        .route("/update", any(update))
        .route(
            "/renew",
            any(async |mut session: Current| CurrentSession::cycle_id(&mut session)),
        )
        .layer(SessionLayer::new(bench.store.clone()).dev());
    let both = BOTH;
    let request = Browser::default().request("/enter");
    let request = request.header("sec-fetch-site", "cross-site");
    let request = request.body(Body::empty()).unwrap();
    assert_eq!(set(&answer(&app, request).await), both);
    let mut browser = Browser::default();
    browser.ask(&app, "/update").await;
    let before = browser.clone();
    // The cookie of the log-in follows the id.
    assert_eq!(set(&browser.ask(&app, "/renew").await), both);
    assert_eq!(set(&before.send(&app, "/enter").await), both);
    assert_eq!(set(&before.send(&app, "/update").await), both);
}

/// The session is revoked, and its user becomes another one by a request that began before.
#[tokio::test]
async fn g17_a_change_from_one_user_to_another_does_not_outlive_a_revocation() {
    #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", type_name = "Shop")]
    struct Marked {
        #[dynamo(attr = "user_id", index(consistent), user)]
        user_id: Option<String>,
    }
    type Current = CurrentSession<Marked>;
    let enter = async |mut session: Current| session.user_id = Some("u".into());
    let switch = async |mut session: Current| session.user_id = Some("v".into());
    let bench = TestBench::<Marked>::new().await;
    let app = Router::new()
        .route("/enter", any(enter))
        .route("/switch", any(switch))
        .layer(SessionLayer::new(bench.store.clone()).dev());
    let mut browser = Browser::default();
    browser.ask(&app, "/enter").await;
    let store = bench.store.clone();
    let revoke = move || async move {
        let revoked = store.revoke(Marked::USER_ID, "u").await.unwrap();
        assert_eq!(revoked.deleted(), 1);
    };
    bench
        .wire
        .next("TransactWriteItems", Fault::meanwhile(revoke));
    assert_eq!(set(&browser.ask(&app, "/switch").await), [""; 0]);
    let sessions = bench.store.sessions(Marked::USER_ID, "v");
    assert_eq!(sessions.count().await.unwrap(), 0);
    // One that is there goes on.
    browser.ask(&app, "/enter").await;
    assert_eq!(set(&browser.ask(&app, "/switch").await), BOTH);
}

/// A deploy marks the user of sessions that are in use.
#[tokio::test]
async fn a_user_who_was_there_before_is_no_log_in() {
    #[derive(Clone, Default, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests", type_name = "Shop")]
    struct After {
        #[dynamo(attr = "who", index, user)]
        user_id: Option<String>,
        visits: u64,
    }
    let bench = TestBench::<Shop>::new().await;
    let mut browser = Browser::default();
    browser.ask(&app(&bench), "/login").await;
    let visit = async |mut session: CurrentSession<After>| session.visits += 1;
    let after = Router::new()
        .route("/visit", any(visit))
        .layer(SessionLayer::new(bench.other::<After>().await).dev());
    assert_eq!(set(&browser.ask(&after, "/visit").await), [""; 0]);
}

/// A form of another site has logged somebody else in, so that the answer could not take the cookie of the first
/// log-in away.
#[tokio::test]
async fn g18_an_earlier_log_in_does_not_come_back_when_the_last_one_is_revoked() {
    async fn log_in_as_v(mut session: Current) {
        session.user_id = Some("v".into());
        CurrentSession::log_in(&mut session);
    }
    let bench = TestBench::<Shop>::new().await;
    let layer = SessionLayer::new(bench.store.clone()).dev();
    let app = routes().route("/v", any(log_in_as_v)).layer(layer);
    let mut browser = Browser::default();
    browser.ask(&app, "/login").await;
    bench.clock.advance(Duration::from_secs(1));
    browser.arrive(&Browser::default().send(&app, "/v").await);
    assert_eq!(browser.ask(&app, "/read").await.text, "v");
    let revoked = bench.store.revoke(Shop::USER_ID, "v").await.unwrap();
    assert_eq!(revoked.deleted(), 1);
    for _ in 0..3 {
        assert_eq!(browser.ask(&app, "/read").await.text, "nobody");
    }
}

/// A browser that keeps cookies until it is closed, which some never are: they would pile up until the server
/// refuses the headers.
#[tokio::test]
async fn the_cookies_of_log_ins_do_not_pile_up() {
    let bench = TestBench::<Shop>::new().await;
    let cookie = SessionCookie::dev().persistent(false);
    let app = routes().layer(SessionLayer::new(bench.store.clone()).cookie(cookie));
    let mut browser = Browser::default();
    for _ in 0..5 {
        browser.ask(&app, "/login").await;
        assert_eq!(browser.cookies.len(), 2, "{:?}", browser.cookies.keys());
        for _ in 0..2 {
            bench.clock.advance(Duration::from_secs(31 * 60));
            assert_eq!(browser.ask(&app, "/read").await.text, "u");
        }
        assert_eq!(browser.cookies.len(), 1, "{:?}", browser.cookies.keys());
        // Once is enough.
        assert_eq!(set(&browser.ask(&app, "/read").await), [""; 0]);
    }
}
