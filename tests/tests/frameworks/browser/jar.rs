//! The cookies of a browser. `cookie_store` knows domains and paths; this file adds what browsers do beyond:
//! prefixes, SameSite, the order of cookies, and a clock that a test moves.

use std::cmp::Reverse;

use cookie_store::{Cookie, RawCookie};
use url::Url;

/// From where a page sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// From a page of the shop.
    Same,
    /// By a link on another site.
    Link,
    /// By a form on another site.
    Form,
    /// As an image on another site.
    Image,
}

#[derive(Default)]
pub(super) struct Jar {
    kept: Vec<Kept>,
    made: u64,
}

struct Kept {
    cookie: Cookie<'static>,
    /// Name and value, as they are sent.
    text: Vec<u8>,
    made: u64,
    /// In milliseconds; `None` without a Max-Age.
    end: Option<u64>,
}

impl Jar {
    /// Follows a `Set-Cookie`, if a browser would.
    pub(super) fn set(&mut self, text: &str, from: &Url, origin: Origin, now: u64) {
        let raw = RawCookie::parse(text.to_owned()).expect("a cookie");
        let is_none = raw.same_site().is_some_and(|it| it.is_none());
        if origin == Origin::Image && !is_none {
            return;
        }
        let sent = format!("{}={}", raw.name(), raw.value()).into_bytes();
        self.keep(&raw, sent, from, now);
    }

    /// A cookie that a script or another host has set, with these bytes in place of name and value.
    pub(super) fn set_foreign(&mut self, bytes: &[u8], attributes: &str, from: &Url, now: u64) {
        let name: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let raw = RawCookie::parse(format!("x{name}=;{attributes}")).expect("a cookie");
        self.keep(&raw, bytes.to_vec(), from, now);
    }

    fn keep(&mut self, raw: &RawCookie<'static>, text: Vec<u8>, from: &Url, now: u64) {
        let host_only = raw.secure() == Some(true) && raw.path() == Some("/");
        if raw.name().starts_with("__Host-") && !(host_only && raw.domain().is_none()) {
            return;
        }
        let Ok(cookie) = Cookie::try_from_raw_cookie(raw, from) else {
            return;
        };
        let is_same = |kept: &Kept| {
            kept.cookie.name() == cookie.name()
                && kept.cookie.domain == cookie.domain
                && kept.cookie.path == cookie.path
        };
        let before = self.kept.iter().position(is_same);
        // A cookie that is set again keeps its place in the order.
        let before = before.map(|i| self.kept.remove(i).made);
        let seconds = raw.max_age().map(|age| age.whole_seconds().max(0) as u64);
        self.made += 1;
        if seconds != Some(0) {
            self.kept.push(Kept {
                cookie,
                text,
                made: before.unwrap_or(self.made),
                end: seconds.map(|seconds| now + seconds * 1000),
            });
        }
    }

    /// The header `Cookie` of a request, and whether a cookie was withheld because of its origin.
    pub(super) fn header(&self, to: &Url, origin: Origin, now: u64) -> (Option<Vec<u8>>, bool) {
        let live = |kept: &&Kept| kept.end.is_none_or(|end| now < end) && kept.cookie.matches(to);
        let (mut sent, withheld): (Vec<&Kept>, Vec<_>) =
            self.kept.iter().filter(live).partition(|kept| {
                let same_site = kept.cookie.same_site();
                match origin {
                    Origin::Same => true,
                    Origin::Link => !same_site.is_some_and(|it| it.is_strict()),
                    Origin::Form | Origin::Image => same_site.is_some_and(|it| it.is_none()),
                }
            });
        sent.sort_by_key(|kept| (Reverse(kept.cookie.path.len()), kept.made));
        let texts: Vec<_> = sent.iter().map(|kept| &*kept.text).collect();
        let header = (!texts.is_empty()).then(|| texts.join(&b"; "[..]));
        (header, !withheld.is_empty())
    }
}

pub(super) const FOREIGN: usize = 10;

/// Name and value of a cookie that is none of the shop's.
pub(super) fn foreign(which: usize) -> &'static [u8] {
    static HUGE: [u8; 3000] = {
        let mut bytes = [b'x'; 3000];
        bytes[4] = b'=';
        bytes
    };
    let all: [&[u8]; FOREIGN] = [
        "naïve=1".as_bytes(),
        b"caf\xe9=1",
        b"last=\xff\xfe",
        b"quoted=\"a, b",
        b"=nameless",
        b"bare",
        b"%5F%5FHost-session-Shop=x",
        b"SESSION-SHOP=x",
        b"a=b=c==",
        &HUGE,
    ];
    all[which]
}
