//! The password of `/admin`.

use std::fmt;

use subtle::ConstantTimeEq as _;

/// The password of the administrators. Nothing limits the attempts, so it has to be a long one.
///
/// It is one for all of them, and no hash, since the process is given it at each start. Real administrators have an
/// account each.
pub struct AdminPassword(String);

impl AdminPassword {
    /// This password.
    pub fn new(password: String) -> Self {
        Self(password)
    }

    /// A password of 128 random bits.
    ///
    /// # Errors
    ///
    /// If the operating system has none.
    pub fn random() -> Result<Self, getrandom::Error> {
        let (a, b) = (getrandom::u64()?, getrandom::u64()?);
        Ok(Self(format!("{a:016x}{b:016x}")))
    }

    /// The password itself, to print it at start.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Takes the same time for each wrong password of the right length.
    pub(crate) fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl fmt::Debug for AdminPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminPassword(..)")
    }
}
