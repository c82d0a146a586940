//! The cookie of a log-in.

use super::*;

fn all_settings() -> [SessionCookie; 3] {
    let persistent = cookie().signed(key(1));
    [cookie(), persistent.clone(), persistent.persistent(false)]
}

fn after(seconds: u64) -> SystemTime {
    start() + Duration::from_secs(seconds)
}

#[test]
fn the_late_answer_to_an_older_request_does_not_undo_a_log_in() {
    for cookie in all_settings() {
        let mut browser = Browser::default();
        browser.take(&cookie, &set(&id('L'), true), start());
        // An anonymous session, of a request that was begun before.
        browser.take(&cookie, &set(&id('A'), false), after(5));
        let found = browser.found_by(&cookie, after(6));
        assert_eq!(found, [(id('L'), None), (id('A'), None)]);
        // The last log-in counts, in whatever order the answers arrive, and whatever they take away.
        let before = browser.clone();
        browser.take(&cookie, &log_in(&id('M'), after(10)), after(20));
        browser.take(&cookie, &log_in(&id('N'), after(9)), after(21));
        browser.take(&cookie, &over(&[id('L')]), after(22));
        browser.take(&cookie, &remove(), after(23));
        let found = browser.found_by(&cookie, after(24));
        assert_eq!(found, [(id('M'), None), (id('N'), None)]);
        assert_eq!(before.found_by(&cookie, after(24)).len(), 2);
    }
}

#[test]
fn a_log_in_is_read_first_for_one_hour() {
    for cookie in all_settings() {
        let mut browser = Browser::default();
        browser.take(&cookie, &set(&id('L'), true), start());
        browser.take(&cookie, &set(&id('A'), false), after(5));
        assert_eq!(browser.found_by(&cookie, after(3599)).len(), 2);
        assert_eq!(browser.found_by(&cookie, after(3601)), [(id('A'), None)]);
        // A browser that keeps it for longer, or whose clock is wrong, does not change that.
        let headers = browser.headers(start());
        assert_eq!(read_at(&cookie, &headers, after(3600)).len(), 2);
        assert_eq!(read_at(&cookie, &headers, after(3601)), [(id('A'), None)]);
    }
}

#[test]
fn a_log_in_in_the_future_does_not_count() {
    let mut browser = Browser::default();
    browser.take(&cookie(), &set(&id('L'), true), start());
    let headers = browser.headers(start());
    let before = |seconds| start() - Duration::from_secs(seconds);
    let (ahead, far_ahead) = (before(60), before(61));
    let log_in_alone = |now| {
        let found = Carrier::Cookie(cookie()).read(&headers, now).credentials;
        found[0].logged_in_at.is_some()
    };
    assert!(log_in_alone(ahead));
    assert!(!log_in_alone(far_ahead));
}

#[test]
fn a_malformed_log_in_is_ignored() {
    let value = id('L').expose();
    let huge = format!("{value}.{}", u64::MAX);
    for log_in in [
        &*value,
        &format!("{value}."),
        &format!("{value}.x"),
        &huge,
        ".1800000000000",
        ".",
    ] {
        let (name, other) = (log_in_name(&id('L')), id('A').expose());
        let header = format!("{name}={log_in}; __Host-session={other}");
        assert_eq!(ids(&cookie(), &header), [id('A')], "{log_in}");
    }
}

#[test]
fn a_log_out_removes_the_log_in_as_well() {
    for cookie in all_settings() {
        let mut browser = Browser::default();
        browser.take(&cookie, &set(&id('L'), true), start());
        browser.take(&cookie, &version(&id('L'), 3), start());
        let update = CredentialUpdate {
            over: vec![id('L').handle()],
            ..remove()
        };
        browser.take(&cookie, &update, after(60));
        assert!(browser.0.is_empty());
    }
}

/// The late answer to a request of before comes after that of the log-out.
#[test]
fn no_version_counts_for_an_hour_after_a_log_out() {
    let cookie = cookie().signed(key(1));
    let is_out_after =
        |browser: &Browser, seconds| cookie.has_logged_out(&browser.headers(after(seconds)));
    let (old, new) = (id('A'), id('L'));
    let mut browser = Browser::default();
    let log_out = CredentialUpdate {
        has_logged_out: Some(true),
        ..remove()
    };
    browser.take(&cookie, &log_out, start());
    browser.take(&cookie, &set(&old, false), after(1));
    browser.take(&cookie, &version(&old, 3), after(1));
    assert!(is_out_after(&browser, 3599));
    assert!(!is_out_after(&browser, 3601));
    // A log-in has a cookie of its own that goes before others.
    let update = CredentialUpdate {
        has_logged_out: Some(false),
        ..log_in(&new, after(2))
    };
    browser.take(&cookie, &update, after(2));
    browser.take(&cookie, &version(&new, 1), after(2));
    assert!(!is_out_after(&browser, 3));
    assert_eq!(browser.found_by(&cookie, after(3))[0], (new, Some(1)));
}
