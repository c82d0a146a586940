//! Old and new hosts that serve the same browser while a release is rolled out.

use super::*;

/// The settings of the releases, one after another: in each step, hosts of two neighbours are mixed.
fn roll_out(releases: &[SessionCookie]) {
    for [old, new] in releases.array_windows() {
        for (writer, reader) in [(old, new), (new, old), (old, old), (new, new)] {
            let mut browser = Browser::default();
            browser.take(writer, &set(&id('A'), true), start());
            assert_eq!(browser.found_by(reader, start()), [(id('A'), None)]);
            // The cookie itself too, when the one of the log-in no longer counts.
            let later = start() + Duration::from_secs(2 * 3600);
            assert_eq!(browser.found_by(reader, later), [(id('A'), None)]);
        }
    }
}

/// Cookies from before a step are read in it, too.
fn is_read(writer: &SessionCookie, reader: &SessionCookie) -> bool {
    let mut browser = Browser::default();
    browser.take(writer, &set(&id('A'), false), start());
    browser.found_by(reader, start()) == [(id('A'), None)]
}

fn far() -> SystemTime {
    start() + Duration::from_secs(1_000_000)
}

#[test]
fn a_new_key_is_rolled_out_without_a_lost_id() {
    let releases = [
        cookie().signed(key(1)),
        cookie().signed(key(1)).accept(key(2)),
        cookie().signed(key(2)).accept(key(1)),
        cookie().signed(key(2)),
    ];
    roll_out(&releases);
    let [first, _, third, last] = &releases;
    assert!(is_read(first, third), "of before the roll-out");
    assert!(!is_read(first, last), "the old key is no longer good");
}

#[test]
fn signing_begins_without_a_lost_id() {
    let releases = [
        cookie(),
        cookie().accept(key(1)),
        cookie().signed(key(1)).unsigned_until(far()),
        cookie().signed(key(1)),
    ];
    roll_out(&releases);
    assert!(is_read(&releases[0], &releases[2]));
    assert!(!is_read(&releases[0], &cookie().signed(key(1))));
    // The time is over.
    let over = cookie().signed(key(1)).unsigned_until(start());
    assert!(!is_read(&releases[0], &over));
}

#[test]
fn signing_ends_without_a_lost_id() {
    let releases = [
        cookie().signed(key(1)),
        cookie().signed(key(1)).unsigned_until(far()),
        cookie().accept(key(1)),
        cookie(),
    ];
    roll_out(&releases);
    assert!(is_read(&releases[0], &releases[2]));
    assert!(!is_read(&releases[0], &cookie()));
}

#[test]
fn several_old_keys_are_accepted() {
    let now = cookie().signed(key(3)).accept(key(1)).accept(key(2));
    for old in [1, 2, 3] {
        assert!(is_read(&cookie().signed(key(old)), &now));
    }
    assert!(!is_read(&cookie().signed(key(4)), &now));
}

#[test]
fn an_unsigned_or_altered_id_is_refused() {
    let signed = cookie().signed(key(1));
    assert!(!is_read(&cookie(), &signed));
    let header = written(&signed, &set(&id('A'), false), start());
    let value = header[0].split(';').next().unwrap();
    assert_eq!(ids(&signed, value), [id('A')]);
    let (name, value) = value.split_once('=').unwrap();
    for at in 0..value.len() {
        let mut altered = value.to_owned().into_bytes();
        altered[at] = if altered[at] == b'B' { b'C' } else { b'B' };
        let header = [name.as_bytes(), b"=", &altered].concat();
        assert_eq!(ids(&signed, &header), [], "{at}");
    }
}

#[test]
fn a_signed_value_is_good_under_its_own_name_only() {
    let signed = cookie().signed(key(1));
    let update = CredentialUpdate {
        version: version(&id('A'), 7).version,
        ..set(&id('A'), true)
    };
    let headers = written(&signed, &update, start());
    let pairs = headers
        .iter()
        .map(|header| header.split(';').next().unwrap());
    let values: Vec<_> = pairs.map(|pair| pair.split_once('=').unwrap().1).collect();
    let [session, log_in, last] = values.as_slice() else {
        panic!("{values:?}")
    };
    for header in [
        format!("__Host-session={log_in}"),
        format!("__Host-session={last}"),
        format!("{}={session}", log_in_name(&id('A'))),
        format!("{}={last}", log_in_name(&id('A'))),
        format!("{}={log_in}", log_in_name(&id('B'))),
        format!("__Host-other={session}"),
    ] {
        assert_eq!(ids(&signed, &header), [], "{header}");
        assert_eq!(ids(&signed.clone().name("other"), &header), [], "{header}");
    }
    // A value of an earlier build has the form of a log-in, and is none.
    let key = key(1);
    let old = signed_by_an_earlier_build(&key, &format!("{}.1800000000000", id('A').expose()));
    assert_eq!(ids(&signed, format!("{}={old}", log_in_name(&id('A')))), []);
    assert_eq!(ids(&signed, format!("__Host-session={old}")), [id('A')]);
}

fn signed_by_an_earlier_build(key: &SigningKey, value: &str) -> String {
    let mut jar = ::cookie::CookieJar::new();
    jar.signed_mut(key)
        .add(::cookie::Cookie::new("session", value.to_owned()));
    jar.get("session").unwrap().value().to_owned()
}

/// G16. Cookies that earlier builds have signed are still read, and written in the new form.
#[test]
fn the_signed_forms_of_earlier_builds_are_read() {
    let signed = cookie().signed(key(1));
    let name = "__Host-session";
    for (value, version) in [
        (id('A').expose(), None),
        (format!("{}.5", id('A').expose()), Some(5)),
    ] {
        let alone = signed_by_an_earlier_build(&key(1), &value);
        let named = signed_by_an_earlier_build(&key(1), &format!("{name}={value}"));
        let named = named.replacen(&format!("{name}="), "", 1);
        for old in [alone, named] {
            let headers = cookies([format!("{name}={old}")]);
            assert_eq!(read_at(&signed, &headers, start()), [(id('A'), version)]);
        }
    }
    let new = written(&signed, &set(&id('A'), false), start());
    assert!(!new[0].contains(&signed_by_an_earlier_build(&key(1), &id('A').expose())));
}

#[test]
fn a_version_counts_for_its_session_only() {
    let signed = cookie().signed(key(1));
    let mut browser = Browser::default();
    browser.take(&signed, &set(&id('A'), false), start());
    browser.take(&signed, &version(&id('A'), 7), start());
    assert_eq!(browser.found_by(&signed, start()), [(id('A'), Some(7))]);
    // The version is that of a session before.
    browser.take(&signed, &set(&id('B'), false), start());
    assert_eq!(browser.found_by(&signed, start()), [(id('B'), None)]);
    browser.take(&signed, &version(&id('B'), 2), start());
    assert_eq!(browser.found_by(&signed, start()), [(id('B'), Some(2))]);
    // It was made up, or signed with a key that is not accepted.
    for bad in ["9".to_owned(), format!("{}9", "A".repeat(43) + "=")] {
        let mut browser = browser.clone();
        browser
            .0
            .push(("__Host-session-version".to_owned(), bad, None));
        assert_eq!(browser.found_by(&signed, start()), [(id('B'), Some(2))]);
    }
}

/// A save in a transaction does not return the version.
#[test]
fn an_unknown_version_takes_the_version_of_before() {
    let signed = cookie().signed(key(1));
    let mut browser = Browser::default();
    browser.take(&signed, &set(&id('A'), false), start());
    browser.take(&signed, &version(&id('A'), 7), start());
    let unknown = CredentialUpdate {
        id: None,
        version: Some((id('A').handle(), None)),
        ..CredentialUpdate::default()
    };
    browser.take(&signed, &unknown, start());
    assert_eq!(browser.found_by(&signed, start()), [(id('A'), None)]);
    // An unsigned layer has nothing to take.
    assert!(written(&cookie(), &unknown, start()).is_empty());
}

#[test]
fn the_highest_version_counts() {
    let signed = cookie().signed(key(1));
    let old = signed_by_an_earlier_build(&key(1), &format!("{}.5", id('A').expose()));
    let mut pairs = vec![format!("__Host-session={old}")];
    for (number, expected) in [(3, 5), (7, 7), (6, 7)] {
        let header = written(&signed, &version(&id('A'), number), start()).remove(0);
        pairs.push(header.split(';').next().unwrap().to_owned());
        let headers = cookies([pairs.join("; ")]);
        assert_eq!(
            read_at(&signed, &headers, start()),
            [(id('A'), Some(expected))]
        );
    }
}

/// Otherwise a host that signs would take the version of its own last write for that of the last one.
#[test]
fn a_host_that_does_not_sign_yet_clears_the_version_of_one_that_does() {
    let (signs, accepts) = (cookie().signed(key(1)), cookie().accept(key(1)));
    let mut browser = Browser::default();
    browser.take(&signs, &set(&id('A'), false), start());
    browser.take(&signs, &version(&id('A'), 7), start());
    assert_eq!(browser.found_by(&accepts, start()), [(id('A'), None)]);
    browser.take(&accepts, &version(&id('A'), 8), start());
    assert_eq!(browser.found_by(&signs, start()), [(id('A'), None)]);
    // Without any key there is no version, and nothing to clear.
    assert!(written(&cookie(), &version(&id('A'), 7), start()).is_empty());
}
