//! Which requests come without the cookie because the browser keeps it back.

use http::{HeaderMap, HeaderName, Method};

use super::cookie::SameSite;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Whether the browser says that the request comes from another site, and so does not send a cookie with this
/// policy. The visitor can have a session all the same.
///
/// With `Lax`, it sends the cookie when the visitor follows a link to a page, and with nothing else.
pub(super) fn is_withheld(same_site: SameSite, method: &Method, headers: &HeaderMap) -> bool {
    let has = |name: &HeaderName, value: &str| headers.get(name).is_some_and(|it| it == value);
    if !has(&SITE, "cross-site") {
        return false;
    }
    match same_site {
        SameSite::None => false,
        SameSite::Strict => true,
        SameSite::Lax => {
            let is_link = method.is_safe() && has(&MODE, "navigate") && has(&DEST, "document");
            !is_link
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(site: &'static str, mode: &'static str, dest: &'static str) -> HeaderMap {
        [(SITE, site), (MODE, mode), (DEST, dest)]
            .into_iter()
            .map(|(name, value)| (name, value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_form_of_another_site_comes_without_the_cookie_and_a_link_comes_with_it() {
        let link = headers("cross-site", "navigate", "document");
        let frame = headers("cross-site", "navigate", "iframe");
        let image = headers("cross-site", "no-cors", "image");
        let (get, post) = (Method::GET, Method::POST);
        assert!(is_withheld(SameSite::Lax, &post, &link));
        assert!(!is_withheld(SameSite::Lax, &get, &link));
        assert!(is_withheld(SameSite::Lax, &get, &frame));
        assert!(is_withheld(SameSite::Lax, &get, &image));
        assert!(is_withheld(SameSite::Strict, &get, &link));
        assert!(!is_withheld(SameSite::None, &post, &image));
    }

    #[test]
    fn nothing_is_withheld_from_the_same_site_or_by_a_client_that_is_no_browser() {
        for site in ["same-origin", "same-site", "none"] {
            let headers = headers(site, "navigate", "document");
            assert!(!is_withheld(SameSite::Strict, &Method::POST, &headers));
        }
        assert!(!is_withheld(
            SameSite::Strict,
            &Method::POST,
            &HeaderMap::new()
        ));
    }
}
