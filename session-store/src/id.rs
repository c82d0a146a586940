//! The two identifiers of a session: its secret id, and the handle that may be shown.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The secret by which a browser identifies its session: 256 bits from the operating system.
///
/// Anyone who has it has the session, so it is never stored, logged or printed: `Debug` shows
/// `SessionId(..)`, and there is no `Display`. Only [`expose`](Self::expose) gives its text.
///
/// Only the store creates ids. [`parse`](Self::parse) reads the text that a client sent. It checks the
/// form, not whether such a session exists.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId {
    secret: [u8; 32],
    /// Every use of an id needs it, and to compute it takes as long as the rest of a read from memory.
    handle: SessionHandle,
}

impl SessionId {
    /// A new id from the operating system's random source.
    pub(crate) fn mint() -> Result<Self, NoRandomBytes> {
        random().map(Self::of_secret)
    }

    /// Stands for the id of a session that was found by its handle. It never leaves this crate.
    pub(crate) fn placeholder() -> Self {
        Self::of_secret([0; 32])
    }

    fn of_secret(secret: [u8; 32]) -> Self {
        let text = URL_SAFE_NO_PAD.encode(secret);
        Self {
            secret,
            handle: SessionHandle::of_secret(text.as_bytes()),
        }
    }

    /// The text for the cookie: 43 characters of base64url without padding (RFC 4648, section 5).
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.secret)
    }

    /// Reads the text that [`expose`](Self::expose) gave.
    ///
    /// Each id has exactly one text, so `expose` of the result gives back the text that was read.
    ///
    /// # Errors
    ///
    /// [`InvalidSessionId`] for anything else. Treat it like a missing cookie.
    pub fn parse(text: &str) -> Result<Self, InvalidSessionId> {
        let secret = decode(text).ok_or(InvalidSessionId(()))?;
        Ok(Self::of_secret(secret))
    }

    /// The handle of this session: SHA-256 of the text of the id.
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// A text that is not a session id: not 43 characters of canonical base64url.
///
/// It does not hold the text, which may be the secret of another user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSessionId(());

impl fmt::Display for InvalidSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a session id; treat the request as having no session")
    }
}

impl std::error::Error for InvalidSessionId {}

/// The public name of a session: SHA-256 of the text of its id.
///
/// It is the item's key in the table, and safe to show, log and revoke by: the id cannot be computed
/// from it. Its text is 43 characters of base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionHandle([u8; 32]);

impl SessionHandle {
    /// The length of the handle's text.
    pub(crate) const TEXT_LEN: usize = 43;

    /// The handle of a secret, which may be one that a framework created.
    pub(crate) fn of_secret(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The shard, from 0 to `count` - 1, of this session. Hashes spread evenly. `count` is at least 2.
    pub(crate) fn shard(self, count: u32) -> u32 {
        let [a, b, c, d, ..] = self.0;
        u32::from_be_bytes([a, b, c, d]) % count
    }

    /// Reads the text that `Display` gives.
    ///
    /// # Errors
    ///
    /// [`InvalidSessionHandle`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidSessionHandle> {
        decode(text).map(Self).ok_or(InvalidSessionHandle(()))
    }
}

impl fmt::Display for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionHandle({self})")
    }
}

impl FromStr for SessionHandle {
    type Err = InvalidSessionHandle;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for SessionHandle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionHandle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A text that is not a session handle: not 43 characters of canonical base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSessionHandle(());

impl fmt::Display for InvalidSessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a session handle, which is 43 characters of base64url")
    }
}

impl std::error::Error for InvalidSessionHandle {}

/// Bytes from the operating system's random source.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomBytes> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(NoRandomBytes)?;
    Ok(bytes)
}

/// The operating system gave no random bytes.
#[derive(Debug)]
pub(crate) struct NoRandomBytes(pub(crate) getrandom::Error);

/// 43 characters carry 258 bits; the decoder refuses a text whose last two bits are not zero.
fn decode(text: &str) -> Option<[u8; 32]> {
    if text.len() != SessionHandle::TEXT_LEN {
        return None;
    }
    let mut bytes = [0; 32];
    let written = URL_SAFE_NO_PAD.decode_slice_unchecked(text, &mut bytes);
    (written == Ok(32)).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_has_one_text() {
        let id = SessionId::mint().unwrap();
        let text = id.expose();
        assert_eq!(SessionId::parse(&text), Ok(id));

        // The last character carries four bits of the id: of the 64, only 16 are canonical.
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let accepted = alphabet
            .chars()
            .filter(|last| SessionId::parse(&format!("{}{last}", &text[..42])).is_ok());
        assert_eq!(accepted.count(), 16);
    }

    #[test]
    fn a_malformed_id_is_refused() {
        let good = SessionId::mint().unwrap().expose();
        let long = "A".repeat(10_000);
        let bad = [
            "",
            "u-17",
            &good[..42],
            &format!("{good}A"),
            &format!("{good}="),
            &format!(" {}", &good[..42]),
            &format!("{}+", &good[..42]),
            &"ä".repeat(43),
            &"é".repeat(21),
            "\0",
            &long,
        ];
        for text in bad {
            assert_eq!(
                SessionId::parse(text),
                Err(InvalidSessionId(())),
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_handle_is_sha256_of_the_text() {
        // printf %s AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA | openssl dgst -sha256 -binary | basenc --base64url
        let id = SessionId::parse(&"A".repeat(43)).unwrap();
        assert_eq!(
            id.handle().to_string(),
            "DwBzhbb51LfusnSGBa_hqYSgo7-j8BTQnip4TOnlzRo"
        );
        assert_eq!(
            SessionHandle::parse(&id.handle().to_string()),
            Ok(id.handle())
        );
    }

    #[test]
    fn g8_debug_shows_no_id() {
        let id = SessionId::mint().unwrap();
        assert_eq!(format!("{id:?}"), "SessionId(..)");
    }
}
