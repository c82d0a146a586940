//! Settings with which no browser takes a cookie, or takes it for another one.
//!
//! Browsers drop such a cookie without a word, and the application seems to forget each visitor. Sections
//! are those of RFC 6265 and of the draft that replaces it, RFC 6265bis.

use cookie::SameSite;

use crate::error::SetupError;

use super::settings::{PREFIXES, SessionCookie, is_token, split_prefix};

/// Browsers ignore a cookie whose name and value are longer together (RFC 6265bis, section 5.6).
const MAX_NAME_AND_VALUE: usize = 4096;

/// The longest value, that of a log-in: a signature, an id, a dot, and a time.
const MAX_VALUE: usize = 44 + 43 + 1 + 20;

/// Browsers ignore an attribute whose value is longer (RFC 6265bis, section 5.6).
const MAX_ATTRIBUTE: usize = 1024;

impl SessionCookie {
    /// Refuses settings with which browsers do not take the cookie, or take it for other requests than the
    /// settings say. The layer calls it when it is put around a router.
    ///
    /// # Errors
    ///
    /// A [`SetupError`] whose message says which setting to change.
    pub fn check(&self) -> Result<(), SetupError> {
        let checked = self
            .check_name()
            .and_then(|()| self.check_attributes())
            .and_then(|()| self.check_prefix())
            .and_then(|()| self.domain.as_deref().map_or(Ok(()), check_domain))
            .and_then(|()| check_path(&self.path));
        checked.map_err(|why| {
            SetupError::new(format!(
                "browsers refuse or change the session cookie `{}`: {why}",
                self.full_name().escape_debug(),
            ))
        })
    }

    fn check_name(&self) -> Result<(), String> {
        let name = self.own_name();
        let name = split_prefix(name).map_or(name, |(_, name)| name);
        if name.is_empty() {
            return Err("it has no name; give it one with `name`".to_owned());
        }
        if !name.bytes().all(is_token) {
            return Err(
                "its name has a character that is not allowed; use letters, digits, `-` and \
                        `_`, with `name`"
                    .to_owned(),
            );
        }
        if self.version_name().len() + MAX_VALUE > MAX_NAME_AND_VALUE {
            return Err("its name is too long; give it a shorter one with `name`".to_owned());
        }
        Ok(())
    }

    fn check_attributes(&self) -> Result<(), String> {
        if self.secure {
            return Ok(());
        }
        // RFC 6265bis, section 5.7.
        if self.same_site == SameSite::None {
            return Err(
                "it has `SameSite=None`, and is not secure; call `secure(true)`, or take \
                        `SameSite::Lax` for plain HTTP"
                    .to_owned(),
            );
        }
        if self.partitioned {
            return Err(
                "it is partitioned, and not secure; call `secure(true)`, or \
                        `partitioned(false)` for plain HTTP"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// RFC 6265bis, section 4.1.3.
    fn check_prefix(&self) -> Result<(), String> {
        let Some((given, rest)) = split_prefix(self.own_name()) else {
            return Ok(());
        };
        // Browsers compare without case, and programs that read the cookie do not.
        if !PREFIXES.contains(&given) || split_prefix(rest).is_some() {
            return Err(
                "its name begins with a prefix in another spelling, or with two of them; \
                        write the prefix once, as in `__Host-`"
                    .to_owned(),
            );
        }
        if !self.secure {
            return Err(format!(
                "its name begins with `{given}`, and it is not secure; call `secure(true)`, or leave \
                 the prefix out of the name"
            ));
        }
        if given.starts_with("__Host-") && (self.domain.is_some() || self.path != "/") {
            return Err(format!(
                "its name begins with `{given}`, and it has a domain or a path; leave out `domain` and \
                 `path`, or take the prefix `__Secure-`"
            ));
        }
        Ok(())
    }
}

/// RFC 6265bis, sections 5.6.3 and 5.7, and RFC 1123, section 2.1, for names of hosts.
fn check_domain(given: &str) -> Result<(), String> {
    let refused = |why: &str| Err(format!("its domain `{}` {why}", given.escape_debug()));
    // Browsers ignore a leading dot.
    let domain = given.strip_prefix('.').unwrap_or(given);
    if domain.is_empty() {
        return refused("is empty; leave `domain` out to send the cookie to this host only");
    }
    if !domain.is_ascii() {
        return refused("is not ASCII; write it as it is in DNS, with `xn--`");
    }
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !domain.bytes().all(is_of_host) {
        return refused("is more than a name; leave out the scheme, the port, the path and spaces");
    }
    let is_label = |label: &str| {
        !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    };
    if domain.len() > 253 || !domain.split('.').all(is_label) {
        return refused("is no name of a host; write it like `example.org`");
    }
    Ok(())
}

/// RFC 6265, sections 5.1.4 and 5.2.4.
fn check_path(path: &str) -> Result<(), String> {
    let refused = |why: &str| Err(format!("its path `{}` {why}", path.escape_debug()));
    if !path.starts_with('/') {
        return refused("does not begin with `/`, so browsers ignore it; write it like `/app`");
    }
    // No request has one of the others in its path: they begin something else, or are escaped.
    let is_of_path = |byte: u8| byte.is_ascii_graphic() && !b";?#".contains(&byte);
    if !path.bytes().all(is_of_path) {
        return refused("has a character that no path of a request has; escape it, as in `%20`");
    }
    if path.len() > MAX_ATTRIBUTE {
        return refused("is too long, so browsers ignore it; take a shorter one");
    }
    Ok(())
}
