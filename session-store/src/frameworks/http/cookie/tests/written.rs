//! The headers of responses.

use http::header::CACHE_CONTROL;

use super::*;
use crate::frameworks::http::cookie::SameSite;

fn attributes(header: &str) -> Vec<&str> {
    header.split("; ").skip(1).collect()
}

#[test]
fn all_cookies_have_the_same_attributes() {
    let cookie = cookie()
        .domain("example.org")
        .path("/app")
        .same_site(SameSite::None);
    let cookie = cookie.partitioned(true).signed(key(1));
    let update = CredentialUpdate {
        version: version(&id('A'), 7).version,
        ..set(&id('A'), true)
    };
    let all = [
        "HttpOnly",
        "SameSite=None",
        "Partitioned",
        "Secure",
        "Path=/app",
        "Domain=example.org",
    ];
    let headers = written(&cookie, &update, start());
    let ends = ["=", "-login-", "-version="];
    let names = ends.map(|end| format!("__Secure-session{end}"));
    let ages = ["Max-Age=43200", "Max-Age=3600", "Max-Age=43200"];
    assert_eq!(headers.len(), 3);
    for ((header, name), age) in headers.iter().zip(&names).zip(ages) {
        assert!(header.starts_with(name), "{header}");
        assert_eq!(attributes(header), [&all[..], &[age]].concat());
    }
    // To remove them, browsers want the same ones.
    let removed = CredentialUpdate {
        over: vec![id('A').handle()],
        ..remove()
    };
    let headers = written(&cookie, &removed, start());
    assert_eq!(headers.len(), 3);
    for header in headers {
        assert!(
            names.iter().any(|name| header.starts_with(name)) && header.contains("=; "),
            "{header}"
        );
        assert_eq!(attributes(&header), [&all[..], &["Max-Age=0"]].concat());
    }
}

#[test]
fn a_version_alone_ends_with_the_browser() {
    let header = written(&cookie().signed(key(1)), &version(&id('A'), 7), start());
    assert_eq!(header.len(), 1);
    assert!(!header[0].contains("Max-Age"), "{header:?}");
}

#[test]
fn a_cookie_that_is_not_persistent_has_no_max_age() {
    for (of_layer, of_session, expected) in [
        (true, None, true),
        (false, None, false),
        (true, Some(false), false),
        (false, Some(true), true),
    ] {
        let ends = start() + Duration::from_secs(600);
        let id = Some(IdUpdate::Set {
            id: id('A'),
            ends,
            persistent: of_session,
            logged_in_at: Some(start()),
        });
        let update = CredentialUpdate {
            id,
            ..CredentialUpdate::default()
        };
        let headers = written(&cookie().persistent(of_layer), &update, start());
        assert_eq!(headers.len(), 2);
        for header in headers {
            assert_eq!(header.contains("; Max-Age=600"), expected, "{header}");
            assert_eq!(header.contains("Max-Age"), expected, "{header}");
        }
    }
}

#[test]
fn no_cookie_is_kept_for_more_than_400_days() {
    for days in [399, 400, 401, 4_000_000] {
        let id = Some(IdUpdate::Set {
            id: id('A'),
            ends: start() + Duration::from_secs(days * 24 * 3600),
            persistent: None,
            logged_in_at: None,
        });
        let update = CredentialUpdate {
            id,
            ..CredentialUpdate::default()
        };
        let expected = format!("; Max-Age={}", days.min(400) * 24 * 3600);
        let header = written(&cookie(), &update, start()).remove(0);
        assert!(header.ends_with(&expected), "{header}");
    }
}

#[test]
fn a_response_with_an_id_is_secret_and_not_cached() {
    let signed = Carrier::Cookie(cookie().signed(key(1)));
    let mut headers = HeaderMap::new();
    signed.write(
        Via::Cookie,
        &CredentialUpdate::default(),
        start(),
        &mut headers,
    );
    assert!(headers.is_empty());
    // What a handler has set stays, but for the cache.
    headers.append(SET_COOKIE, HeaderValue::from_static("theme=dark"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public"));
    signed.write(Via::Cookie, &set(&id('A'), true), start(), &mut headers);
    assert_eq!(headers[CACHE_CONTROL], "no-store");
    let values: Vec<_> = headers.get_all(SET_COOKIE).into_iter().collect();
    assert_eq!(values[0], "theme=dark");
    assert_eq!(values.len(), 3);
    assert!(values[1..].iter().all(|value| value.is_sensitive()));
}
