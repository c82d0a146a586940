//! The id in a header.

use http::header::{AUTHORIZATION, CACHE_CONTROL};

use super::*;

fn both() -> Carrier {
    Carrier::Both(cookie())
}

/// What a carrier finds in a request with a cookie `C`, and these values of `Authorization`.
fn found<V: AsRef<[u8]>>(carrier: &Carrier, values: &[V]) -> (Vec<SessionId>, Option<Via>) {
    let mut headers = cookies([format!("__Host-session={}", id('C').expose())]);
    for value in values {
        let value = HeaderValue::from_bytes(value.as_ref()).unwrap();
        headers.append(AUTHORIZATION, value);
    }
    let sent = carrier.read(&headers, start());
    (
        sent.credentials.into_iter().map(|c| c.id).collect(),
        sent.via,
    )
}

#[test]
fn the_scheme_has_any_case_and_any_number_of_spaces() {
    let text = id('B').expose();
    let expected = (vec![id('B')], Some(Via::Bearer));
    for value in ["Bearer ", "bearer ", "BEARER ", "Bearer    "].map(|s| format!("{s}{text}")) {
        assert_eq!(found(&Carrier::Bearer, &[&value]), expected, "{value}");
        assert_eq!(found(&both(), &[&value]), expected, "{value}");
    }
}

#[test]
fn a_token_that_is_no_id_does_not_fall_back_to_the_cookie() {
    let text = id('B').expose();
    let bad = [
        b"Bearer".to_vec(),
        b"Bearer ".to_vec(),
        b"Bearer junk".to_vec(),
        b"Bearer \xff\xfe".to_vec(),
        format!("Bearer {text}x").into_bytes(),
        format!("Bearer {text}, Bearer {text}").into_bytes(),
    ];
    for value in bad {
        let expected = (vec![], Some(Via::Bearer));
        assert_eq!(found(&Carrier::Bearer, &[&value]), expected, "{value:?}");
        assert_eq!(found(&both(), &[&value]), expected, "{value:?}");
    }
}

#[test]
fn another_scheme_is_no_bearer_token() {
    let text = id('B').expose();
    let other = [
        "Basic dTpw",
        "BearerX",
        &text,
        &format!("Bearer\t{text}"),
        "",
    ];
    for value in other {
        assert_eq!(found(&Carrier::Bearer, &[value]), (vec![], None), "{value}");
        let expected = (vec![id('C')], Some(Via::Cookie));
        assert_eq!(found(&both(), &[value]), expected, "{value}");
    }
    assert_eq!(found::<&str>(&Carrier::Bearer, &[]), (vec![], None));
    assert_eq!(
        found::<&str>(&both(), &[]),
        (vec![id('C')], Some(Via::Cookie))
    );
}

#[test]
fn two_different_headers_are_none() {
    let [a, b] = ['A', 'B'].map(|letter| format!("Bearer {}", id(letter).expose()));
    let expected = (vec![], Some(Via::Bearer));
    for values in [[&*a, &*b], ["Basic dTpw", &*a], [&*a, "Basic dTpw"]] {
        assert_eq!(found(&Carrier::Bearer, &values), expected, "{values:?}");
        assert_eq!(found(&both(), &values), expected, "{values:?}");
    }
    let once = (vec![id('A')], Some(Via::Bearer));
    assert_eq!(found(&both(), &[&a, &a]), once);
}

#[test]
fn a_client_gets_its_id_as_it_sends_it() {
    assert_eq!(Carrier::Bearer.default_via(), Via::Bearer);
    assert_eq!(both().default_via(), Via::Cookie);
    for (carrier, via) in [(Carrier::Bearer, Via::Bearer), (both(), Via::Bearer)] {
        let mut headers = HeaderMap::new();
        carrier.write(via, &set(&id('A'), true), start(), &mut headers);
        assert!(!headers.contains_key(SET_COOKIE));
        assert_eq!(headers["session-id"], *id('A').expose());
        assert!(headers["session-id"].is_sensitive());
        assert_eq!(headers["session-max-age"], "43200");
        assert_eq!(headers[CACHE_CONTROL], "no-store");

        let mut headers = HeaderMap::new();
        carrier.write(via, &remove(), start(), &mut headers);
        assert!(!headers.contains_key("session-id"));
        assert_eq!(headers["session-max-age"], "0");

        let mut headers = HeaderMap::new();
        carrier.write(via, &version(&id('A'), 7), start(), &mut headers);
        assert!(headers.is_empty());
    }
    let mut headers = HeaderMap::new();
    both().write(Via::Cookie, &set(&id('A'), false), start(), &mut headers);
    assert!(headers.contains_key(SET_COOKIE) && !headers.contains_key("session-id"));
}
