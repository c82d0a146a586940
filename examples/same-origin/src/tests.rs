//! Cases from public reports have the number of the report; docs/cases.md has what they are about.

use http::{Method, Request};

use super::allows;

const SITE: &str = "sec-fetch-site";
const OWN: (&str, &str) = ("host", "shop.example");

type Headers<'a> = &'a [(&'a str, &'a str)];

fn request(method: Method, uri: &str, headers: Headers<'_>) -> Request<()> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

/// Whether a form with these headers is carried out.
fn posts(headers: Headers<'_>) -> bool {
    allows(&request(Method::POST, "/login", headers))
}

fn posts_from(origin: &str, host: &str) -> bool {
    posts(&[("origin", origin), ("host", host)])
}

#[test]
fn a_safe_method_passes_from_anywhere_and_others_do_not() {
    let foreign = [
        OWN,
        (SITE, "cross-site"),
        ("origin", "https://evil.example"),
    ];
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
        assert!(allows(&request(method, "/", &foreign)));
    }
    let purge = Method::from_bytes(b"PURGE").unwrap();
    for method in [
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::CONNECT,
        purge,
    ] {
        assert!(!allows(&request(method, "/", &foreign)));
    }
}

#[test]
fn the_browsers_own_word_decides() {
    for site in ["same-origin", "none"] {
        assert!(posts(&[OWN, (SITE, site)]), "{site}");
    }
    for site in [
        "cross-site",
        "same-site",
        "cross-origin",
        "",
        "Same-Origin",
        "same-origin, none",
    ] {
        assert!(!posts(&[OWN, (SITE, site)]), "{site}");
        // An origin of this host does not change it.
        let own = ("origin", "https://shop.example");
        assert!(!posts(&[OWN, (SITE, site), own]), "{site}");
    }
}

/// kubetail-org/kubetail#1158, atskovski/pamet#121.
#[test]
fn a_sibling_of_this_host_is_another_origin() {
    assert!(!posts(&[OWN, (SITE, "same-site")]));
    for origin in [
        "https://evil.shop.example",
        "https://example",
        "https://evilshop.example",
        "https://shop.example.evil.example",
        "https://shop.exampl",
    ] {
        assert!(!posts_from(origin, "shop.example"), "{origin}");
    }
}

/// gorilla/csrf#187, gorilla/csrf#213.
#[test]
fn a_proxy_may_rewrite_the_host_if_the_browser_says_same_origin() {
    let origin = ("origin", "https://shop.example");
    let rewritten = ("host", "backend.internal:8080");
    assert!(posts(&[rewritten, origin, (SITE, "same-origin")]));
    assert!(!posts(&[rewritten, origin, (SITE, "cross-site")]));
    assert!(!posts(&[rewritten, origin]), "an older browser");
}

/// sveltejs/kit#10148, sveltejs/kit#10193, uwdata/mosaic#1131, isaiah-harville/Primer#86.
#[test]
fn a_server_behind_tls_need_not_know_its_scheme() {
    assert!(posts_from("https://shop.example", "shop.example"));
    assert!(posts_from("http://127.0.0.1:3000", "127.0.0.1:3000"));
    assert!(posts_from("https://shop.example", "shop.example:443"));
    assert!(posts_from("https://shop.example:443", "shop.example"));
    assert!(posts_from("http://shop.example", "shop.example:80"));
    assert!(!posts_from("http://shop.example", "shop.example:443"));
}

/// rails/rails#35172, formbricks/formbricks#2920, cloudflare/workers-sdk#4799.
#[test]
fn another_port_is_another_program() {
    assert!(posts_from("https://172.16.0.1:8080", "172.16.0.1:8080"));
    assert!(!posts_from("https://172.16.0.1:8080", "172.16.0.1"));
    assert!(!posts_from("http://localhost:5173", "localhost:8788"));
    assert!(!posts_from("http://localhost", "localhost:3000"));
}

/// rails/rails#28299, qbittorrent/qBittorrent#21106, better-auth/better-auth#10944, mrmps/classifier-dev#35.
#[test]
fn a_null_origin_passes_only_if_the_browser_says_same_origin() {
    let null = ("origin", "null");
    assert!(!posts(&[OWN, null]));
    assert!(!posts(&[("host", "null"), null]));
    assert!(!posts(&[OWN, null, (SITE, "cross-site")]));
    assert!(posts(&[OWN, null, (SITE, "same-origin")]));
}

/// golang/go#78563.
#[test]
fn an_origin_with_the_name_of_a_user_is_refused() {
    assert!(!posts_from("http://evil@shop.example", "shop.example"));
    assert!(!posts_from(
        "http://shop.example@evil.example",
        "shop.example"
    ));
    assert!(!posts_from("http://a@shop.example", "a@shop.example"));
}

/// vercel/next.js#95176, hackerai-tech/hackerai#1052.
#[test]
fn a_malformed_origin_is_refused_without_a_panic() {
    for origin in [
        "",
        "shop.example",
        "://shop.example",
        "https://",
        "https://:443",
        "https:shop.example",
        "https://shop.example/",
        "https://shop.example?",
        "https://shop.example, https://shop.example",
        "https://shop.example https://evil.example",
        "https://shop.example:",
        "https://shop.example:x",
        "https://shop.example:99999",
        "https://shop.example:443:443",
        "https://[::1",
        "file://shop.example",
        "chrome-extension://shop.example",
        "https://shop.example\u{e9}",
    ] {
        assert!(!posts_from(origin, "shop.example"), "{origin}");
    }
}

/// cloudflare/vinext#95, vercel/next.js#58295.
#[test]
fn a_forwarded_host_does_not_count() {
    let evil = ("origin", "https://evil.example");
    for name in ["x-forwarded-host", "x-original-host", "forwarded"] {
        for value in ["evil.example", "host=evil.example"] {
            assert!(!posts(&[OWN, evil, (name, value)]), "{name}");
        }
    }
    let own = ("origin", "https://shop.example");
    assert!(posts(&[OWN, own, ("x-forwarded-host", "evil.example")]));
}

/// rails/rails#22263, asciimoo/omnom#49.
#[test]
fn a_program_that_is_no_browser_passes() {
    assert!(posts(&[OWN]));
    assert!(posts(&[]));
    assert!(posts(&[OWN, ("referer", "https://evil.example/")]));
}

/// patcireamo/ChungusHub#67.
#[test]
fn a_browser_on_plain_http_has_only_its_origin() {
    assert!(posts_from("http://192.168.0.7:3000", "192.168.0.7:3000"));
    assert!(!posts_from("http://192.168.0.8:3000", "192.168.0.7:3000"));
}

#[test]
fn the_host_of_http_2_is_in_the_uri() {
    let origin = ("origin", "https://shop.example");
    let post = |uri: &str, headers: Headers<'_>| allows(&request(Method::POST, uri, headers));
    assert!(post("https://shop.example/login", &[origin]));
    assert!(post("http://shop.example/login", &[origin]));
    assert!(post("https://shop.example:443/login", &[origin]));
    assert!(!post("https://evil.example/login", &[origin]));
    // It counts before the header, as RFC 9112 and RFC 9113 have it.
    let other = ("host", "evil.example");
    assert!(post("https://shop.example/login", &[other, origin]));
    assert!(!post("https://evil.example/login", &[OWN, origin]));
}

#[test]
fn hosts_are_compared_without_case_and_as_a_whole() {
    assert!(posts_from("https://shop.example", "SHOP.example"));
    assert!(posts_from("http://[::1]:3000", "[::1]:3000"));
    assert!(!posts_from("http://[::1]:3000", "[::2]:3000"));
    assert!(!posts_from("https://shop.example", "shop.example."));
    assert!(posts_from(
        "https://xn--bcher-kva.example",
        "xn--bcher-kva.example"
    ));
}

#[test]
fn a_header_that_comes_twice_has_to_fit_each_time() {
    assert!(!posts(&[OWN, (SITE, "same-origin"), (SITE, "cross-site")]));
    assert!(!posts(&[OWN, (SITE, "cross-site"), (SITE, "same-origin")]));
    let (own, evil) = (
        ("origin", "https://shop.example"),
        ("origin", "https://evil.example"),
    );
    assert!(!posts(&[OWN, own, evil]) && !posts(&[OWN, evil, own]));
    assert!(posts(&[OWN, own, own]));
    assert!(!posts(&[OWN, ("host", "evil.example"), own]));
    assert!(!posts(&[own]), "without a host, no origin is its own");
}
