//! Which of a request's cookies are ours.

use fastrand::Rng;

use super::*;
use crate::frameworks::http::cookie::mark_sensitive;
use http::header::{ACCEPT, AUTHORIZATION};

#[test]
fn a_unicode_space_before_the_name_is_not_trimmed() {
    // A browser checks no prefix of such a name, so any host of the domain can set it.
    let (evil, own) = (id('E').expose(), id('O'));
    let spaces = [
        "\u{85}", "\u{a0}", "\u{2000}", "\u{2028}", "\u{3000}", "\u{feff}",
    ];
    let utf_8 = spaces.map(|space| space.as_bytes().to_vec());
    let latin_1 = [vec![0x85], vec![0xa0]];
    for space in utf_8.into_iter().chain(latin_1) {
        let [before, after] = [&b"__Host-session"[..], &b"__Host-session="[..]];
        let bypass = [&space, after, evil.as_bytes()].concat();
        assert_eq!(ids(&cookie(), &bypass), [], "{space:x?}");
        let bypass = [before, &*space, b"=", evil.as_bytes()].concat();
        assert_eq!(ids(&cookie(), &bypass), [], "{space:x?}");
        // Ours beside it is read.
        let own_pair = format!("; __Host-session={}", own.expose());
        let both = [&bypass, own_pair.as_bytes()].concat();
        assert_eq!(
            ids(&cookie(), both),
            std::slice::from_ref(&own),
            "{space:x?}"
        );
    }
}

#[test]
fn spaces_and_tabs_around_a_cookie_do_not_count() {
    let header = format!("a=b;\t __Host-session={}\t ;c=d", id('O').expose());
    assert_eq!(ids(&cookie(), header), [id('O')]);
    // Inside of it they do.
    let header = format!("__Host-session ={0}; __Host-session= {0}", id('O').expose());
    assert_eq!(ids(&cookie(), header), []);
}

#[test]
fn a_neighbour_that_is_not_ascii_hides_nothing() {
    let own = format!("; __Host-session={}; ", id('O').expose());
    for neighbour in [
        &b"name=\xe6"[..],
        b"\xff\xfe=\x80",
        "🤡=😱".as_bytes(),
        b"\xe9",
    ] {
        let header = [neighbour, own.as_bytes(), neighbour].concat();
        assert_eq!(ids(&cookie(), header), [id('O')], "{neighbour:x?}");
    }
}

#[test]
fn a_neighbour_that_is_no_cookie_hides_nothing() {
    let own = format!("__Host-session={}", id('O').expose());
    for neighbour in [
        "",
        "=",
        "a b=c",
        "flag",
        "a=\"b",
        "a={\"b\": 1}",
        "=;=",
        "$Version=1",
    ] {
        let header = format!("{neighbour}; {own}; {neighbour}");
        assert_eq!(ids(&cookie(), header), [id('O')], "{neighbour}");
    }
}

#[test]
fn a_cookie_without_a_name_is_not_ours() {
    let own = format!("__Host-session={}", id('E').expose());
    for header in [format!("={own}"), format!("a={own}"), format!("\"{own}\"")] {
        assert_eq!(ids(&cookie(), &header), [], "{header}");
    }
    assert_eq!(ids(&cookie(), "__Host-session"), []);
    assert_eq!(ids(&cookie(), id('E').expose()), []);
}

#[test]
fn nothing_is_decoded() {
    let value = id('E').expose();
    for name in [
        "%5f%5fHost-session",
        "__%48ost-session",
        "__host-session",
        "\"__Host-session\"",
    ] {
        assert_eq!(ids(&cookie(), format!("{name}={value}")), [], "{name}");
    }
    for value in [
        format!("%45{}", &value[1..]),
        format!("\"{value}\""),
        format!("{value}%3D"),
    ] {
        assert_eq!(
            ids(&cookie(), format!("__Host-session={value}")),
            [],
            "{value}"
        );
    }
    // Only a semicolon separates cookies.
    assert_eq!(ids(&cookie(), format!("a=b, __Host-session={value}")), []);
}

#[test]
fn cookies_are_read_from_one_header_and_from_several() {
    let own = format!("__Host-session={}", id('O').expose());
    let several = cookies(["a=b", &own, "c=d"]);
    assert_eq!(read_at(&cookie(), &several, start()), [(id('O'), None)]);
    let one = cookies([format!("a=b; {own}; c=d")]);
    assert_eq!(read_at(&cookie(), &one, start()), [(id('O'), None)]);
}

#[test]
fn several_cookies_of_one_name_are_tried_in_their_order() {
    let pair = |letter| format!("__Host-session={}", id(letter).expose());
    let header = [
        pair('B'),
        "__Host-session=junk".to_owned(),
        pair('A'),
        pair('B'),
    ]
    .join("; ");
    assert_eq!(ids(&cookie(), header), [id('B'), id('A')]);
    // Sixteen at most, and what is no id takes no place.
    let mut many = vec!["__Host-session=junk".to_owned(); 10];
    many.extend(('A'..='X').map(pair));
    assert_eq!(
        ids(&cookie(), many.join("; ")),
        ('A'..='P').map(id).collect::<Vec<_>>()
    );
    assert_eq!(ids(&cookie(), "__Host-session=junk; ".repeat(100_000)), []);
}

#[test]
fn the_debug_form_of_a_request_shows_no_id() {
    let mut headers = cookies(["a=secret", "__Host-session=secret"]);
    headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer secret"));
    headers.append(ACCEPT, HeaderValue::from_static("text/html"));
    mark_sensitive(&mut headers);
    let shown = format!("{headers:?}");
    assert!(
        !shown.contains("secret") && shown.contains("text/html"),
        "{shown}"
    );
}

/// Random headers of the parts that matter never panic, and only the pair that is ours is found.
#[test]
fn no_bytes_panic_and_no_neighbour_becomes_ours() {
    let mut rng = Rng::with_seed(13);
    let own = id('O').expose();
    let other = cookie().name("other").signed(key(1));
    let signed = written(&other, &set(&id('E'), true), start()).join("; ");
    let ours = format!("__Host-session={own}");
    let parts: [&[u8]; 17] = [
        ours.as_bytes(),
        b"__Host-session=",
        b"__Host-session",
        b"__Host-session-login=",
        b"__Host-session-version=",
        b"=",
        b";",
        b";",
        b"; ",
        b" ",
        b"\t",
        b"\xa0",
        b"\"",
        b"%5f",
        b".",
        own.as_bytes(),
        signed.as_bytes(),
    ];
    let mut found = 0;
    for _ in 0..20_000 {
        let mut header = Vec::new();
        for _ in 0..rng.usize(..12) {
            if rng.u8(..8) == 0 {
                let bytes = (0..rng.usize(..6)).map(|_| rng.u8(b' '..));
                header.extend(bytes.filter(|byte| *byte != 127));
            } else {
                header.extend_from_slice(parts[rng.usize(..parts.len())]);
            }
        }
        let is_ours = header.split(|byte| *byte == b';').any(|pair| {
            let pair = String::from_utf8_lossy(pair);
            pair.trim_matches([' ', '\t']) == ours
        });
        found += usize::from(is_ours);
        let expected: &[_] = if is_ours { &[id('O')] } else { &[] };
        let shown = String::from_utf8_lossy(&header);
        assert_eq!(ids(&cookie(), &header), expected, "{shown}");
        assert_eq!(ids(&cookie().accept(key(1)), &header), expected, "{shown}");
        assert_eq!(ids(&cookie().signed(key(1)), &header), [], "{shown}");
    }
    assert!(found > 500, "{found}");
}
