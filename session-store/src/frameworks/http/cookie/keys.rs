//! The signatures of cookies: which are accepted, and which are made.

use std::time::SystemTime;

use cookie::{Cookie, CookieJar, Key};

/// The length of a signature: 32 bytes in base64, with one `=` at the end.
const SIGNATURE: usize = 44;

/// The keys of a cookie.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Keys {
    /// Signs what is written; `None` writes it unsigned.
    pub(super) signing: Option<Key>,
    /// What these signed is accepted too.
    pub(super) accepted: Vec<Key>,
    /// Until then, unsigned values are accepted although `signing` is there.
    pub(super) unsigned_until: Option<SystemTime>,
}

/// Why a cookie of the layer's name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    NotAnId,
    Signature,
    Unsigned,
}

impl Refused {
    /// The reason in the log, by which such events are counted.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::NotAnId => "not an id",
            Self::Signature => "signature",
            Self::Unsigned => "unsigned",
        }
    }
}

impl Keys {
    /// Whether what is written is signed.
    pub(super) fn sign(&self) -> bool {
        self.signing.is_some()
    }

    /// Whether this host, or another one during a roll-out, signs.
    pub(super) fn has_any(&self) -> bool {
        self.sign() || !self.accepted.is_empty()
    }

    /// The value to write: with the signature of this text, if the layer signs.
    pub(super) fn write(&self, text: &str, value: &str) -> String {
        match &self.signing {
            Some(key) => format!("{}{value}", signature(key, text)),
            None => value.to_owned(),
        }
    }

    /// Whether to accept a value with this signature, which should be that of one of these texts.
    pub(super) fn accept(
        &self,
        signature: Option<&str>,
        texts: &[&str],
        now: SystemTime,
    ) -> Result<(), Refused> {
        match signature {
            Some(signature) if texts.iter().any(|text| self.have_signed(signature, text)) => Ok(()),
            Some(_) => Err(Refused::Signature),
            None if !self.sign() || self.unsigned_until.is_some_and(|until| now < until) => Ok(()),
            None => Err(Refused::Unsigned),
        }
    }

    /// Whether this is the signature of the text by one of the keys.
    pub(super) fn have_signed(&self, signature: &str, text: &str) -> bool {
        let mut keys = self.signing.iter().chain(&self.accepted);
        keys.any(|key| {
            let signed = Cookie::new("", format!("{signature}{text}"));
            let jar = CookieJar::new();
            CookieJar::signed(&jar, key).verify(signed).is_some()
        })
    }
}

/// A value without its signature, and that signature, if it has one.
pub(super) fn split(value: &str) -> (Option<&str>, &str) {
    match value.split_at_checked(SIGNATURE) {
        Some((signature, value)) if signature.ends_with('=') => (Some(signature), value),
        _ => (None, value),
    }
}

fn signature(key: &Key, text: &str) -> String {
    let mut jar = CookieJar::new();
    jar.signed_mut(key).add(Cookie::new("", text.to_owned()));
    let signed = jar
        .get("")
        .and_then(|cookie| cookie.value().get(..SIGNATURE));
    signed.unwrap_or_default().to_owned()
}
