//! Settings that browsers refuse, by name, and what `over_http` makes of them.

use super::*;
use crate::frameworks::http::cookie::SameSite;

fn refused(cookie: &SessionCookie) -> String {
    cookie.check().unwrap_err().to_string()
}

fn domain(domain: &str) -> SessionCookie {
    cookie().domain(domain)
}

#[test]
fn usual_settings_are_accepted() {
    let lax_http = cookie().secure(false);
    let accepted = [
        cookie(),
        SessionCookie::dev(),
        cookie().domain("example.org"),
        cookie().domain(".example.org"),
        cookie().domain("xn--bcher-kva.example"),
        cookie().domain("a_b.Example.org"),
        cookie().path("/app").path("/app/%20/x"),
        cookie().same_site(SameSite::None).partitioned(true),
        cookie().name("__Host-sid"),
        cookie()
            .name("__Secure-sid")
            .path("/app")
            .domain("example.org"),
        cookie().name("__Http-sid").path("/app"),
        cookie().name("__Host-Http-sid"),
        cookie().name("sid").without_prefix(),
        lax_http.clone(),
        lax_http.same_site(SameSite::Strict),
    ];
    for cookie in accepted {
        cookie.check().unwrap();
    }
}

#[test]
fn same_site_none_without_secure_is_refused() {
    let cookie = cookie().same_site(SameSite::None).secure(false);
    let message = refused(&cookie);
    assert_eq!(
        message,
        "browsers refuse or change the session cookie `session`: it has `SameSite=None`, and is not \
         secure; call `secure(true)`, or take `SameSite::Lax` for plain HTTP"
    );
}

#[test]
fn partitioned_without_secure_is_refused() {
    assert!(refused(&cookie().partitioned(true).secure(false)).contains("partitioned(false)"));
}

#[test]
fn a_name_that_is_no_token_is_refused() {
    for name in ["", "__Host-", "__Secure-__Host-"] {
        let message = refused(&cookie().name(name));
        assert!(
            message.contains("`name`") || message.contains("two of them"),
            "{message}"
        );
    }
    for name in [
        "a b", "a=b", "a;b", "sé", "a\r\nb", "a\"b", "a,b", "[a]", "a\0", "a/b", "a@b",
    ] {
        assert!(
            refused(&cookie().name(name)).contains("not allowed"),
            "{name:?}"
        );
    }
    assert!(refused(&cookie().name("x".repeat(4000))).contains("too long"));
    cookie().name("x".repeat(3900)).check().unwrap();
}

#[test]
fn a_host_prefix_that_is_not_fulfilled_is_refused() {
    for name in ["__Host-sid", "__Host-Http-sid"] {
        let host = cookie().name(name);
        for (cookie, fix) in [
            (host.clone().domain("example.org"), "leave out `domain`"),
            (host.clone().path("/app"), "leave out `domain` and `path`"),
            (host.clone().secure(false), "call `secure(true)`"),
        ] {
            for cookie in [cookie.clone(), cookie.without_prefix()] {
                let message = refused(&cookie);
                assert!(message.contains(fix), "{message}");
            }
        }
    }
    let secure = cookie().name("__Secure-sid").secure(false);
    assert!(refused(&secure).contains("call `secure(true)`"));
    assert!(refused(&cookie().name("__Http-sid").secure(false)).contains("call `secure(true)`"));
    // Browsers take this for the prefix, too.
    assert!(refused(&cookie().name("__host-sid")).contains("spelling"));
    assert!(refused(&cookie().name("__Secure-__Host-sid")).contains("two of them"));
}

#[test]
fn a_domain_that_is_no_name_of_a_host_is_refused() {
    for given in [
        "https://example.org",
        "example.org:8080",
        "localhost:3000",
        "example.org/app",
        "example .org",
        " example.org",
        "example.org; Path=/",
        "example\n.org",
        "*.example.org",
        "[::1]",
        "user@example.org",
    ] {
        assert!(
            refused(&domain(given)).contains("more than a name"),
            "{given}"
        );
    }
    for given in [
        "example..org",
        "..example.org",
        "example.org.",
        "-a.org",
        "a-.org",
    ] {
        assert!(
            refused(&domain(given)).contains("no name of a host"),
            "{given}"
        );
    }
    let long = format!("{}.org", "a".repeat(64));
    assert!(refused(&domain(&long)).contains("no name of a host"));
    // A host of just that name takes them.
    for given in ["127.0.0.1", "localhost", ".localhost", "intranet"] {
        assert!(domain(given).check().is_ok(), "{given}");
    }
    for given in ["", "."] {
        assert!(refused(&domain(given)).contains("is empty"), "{given}");
    }
    assert!(refused(&domain("bücher.example")).contains("not ASCII"));
}

#[test]
fn a_path_that_browsers_ignore_is_refused() {
    for path in ["", "app", "./app", "https://example.org/app"] {
        assert!(
            refused(&cookie().path(path)).contains("begin with `/`"),
            "{path}"
        );
    }
    for path in ["/a;b", "/a b", "/a ", "/ü", "/a\n", "/a?b", "/a#b", "/a\0"] {
        assert!(
            refused(&cookie().path(path)).contains("escape it"),
            "{path:?}"
        );
    }
    assert!(refused(&cookie().path("/".repeat(1025))).contains("too long"));
}

#[test]
fn a_given_prefix_is_not_doubled() {
    for (cookie, name) in [
        (cookie(), "__Host-session"),
        (cookie().name("__Host-sid"), "__Host-sid"),
        (cookie().name("__Secure-sid"), "__Secure-sid"),
        (cookie().name("sid").path("/app"), "__Secure-sid"),
        (cookie().name("sid").without_prefix(), "sid"),
        (cookie().name("sid").secure(false), "sid"),
    ] {
        assert_eq!(cookie.full_name(), name);
    }
}

#[test]
fn the_default_name_has_the_name_of_the_type() {
    for (type_name, name) in [
        (Some("AppSession"), "session-AppSession"),
        (Some("shop:cart/v1.2_x"), "session-shop%3Acart%2Fv1.2_x"),
        (Some("größe"), "session-gr%C3%B6%C3%9Fe"),
        (None, "session"),
    ] {
        let secure = cookie().for_type(type_name);
        secure.check().unwrap();
        assert_eq!(secure.full_name(), format!("__Host-{name}"));
        assert_eq!(secure.version_name(), format!("__Host-{name}-version"));
        let log_in = format!("__Host-{name}-login-");
        assert!(secure.log_in_name(id('A').handle()).starts_with(&log_in));
        let dev = SessionCookie::dev().for_type(type_name);
        assert_eq!(dev.full_name(), name);
        assert!(dev.is_like(&secure.over_http()));
        let below = cookie().path("/app").for_type(type_name);
        assert_eq!(below.full_name(), format!("__Secure-{name}"));
        // A name that was given stays.
        let given = cookie().name("sid").for_type(type_name);
        assert_eq!(given.full_name(), "__Host-sid");
    }
}

#[test]
fn over_http_keeps_all_settings_that_work_there() {
    let cookie = cookie()
        .name("__Host-sid")
        .same_site(SameSite::None)
        .partitioned(true)
        .persistent(false)
        .signed(key(1));
    let dev = cookie.over_http();
    dev.check().unwrap();
    let header = written(&dev, &set(&id('A'), false), start()).remove(0);
    assert!(header.starts_with("sid="), "{header}");
    assert!(
        header.ends_with("; HttpOnly; SameSite=Lax; Path=/"),
        "{header}"
    );
    let strict = SessionCookie::new().same_site(SameSite::Strict).over_http();
    let header = written(&strict, &set(&id('A'), false), start()).remove(0);
    assert!(header.contains("SameSite=Strict"), "{header}");
}
