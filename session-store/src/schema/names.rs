//! The names of the attributes that the store itself keeps.

use std::fmt;

/// The names of the attributes that the store itself keeps, each with its default.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    pub(crate) id: &'static str,
    pub(crate) data: &'static str,
    pub(crate) created_at: &'static str,
    pub(crate) touched_at: &'static str,
    pub(crate) expires_at: &'static str,
    pub(crate) idle: &'static str,
    pub(crate) absolute: &'static str,
    pub(crate) version: &'static str,
    pub(crate) writes: &'static str,
    pub(crate) format: &'static str,
    pub(crate) session_type: &'static str,
    pub(crate) moved_to: &'static str,
    pub(crate) cookie_end: &'static str,
    pub(crate) authenticated_at: &'static str,
}

macro_rules! names {
    ($($name:ident: $what:literal,)*) => {
        impl Names {
            /// The default names: each is the name of its method here.
            pub const fn new() -> Self {
                Self { $($name: stringify!($name),)* }
            }

            $(
                #[doc = concat!("Renames ", $what, ".")]
                pub const fn $name(mut self, name: &'static str) -> Self {
                    self.$name = name;
                    self
                }
            )*

            pub(crate) const fn list(&self) -> [&'static str; 14] {
                [$(self.$name,)*]
            }
        }
    };
}

names! {
    id: "the partition key, which holds the session's handle",
    data: "the attribute that holds the whole struct",
    created_at: "the time of creation, in milliseconds since 1970",
    touched_at: "the time of the last save or touch, in milliseconds since 1970",
    expires_at: "the time of expiry, in seconds since 1970: the table's TTL attribute",
    idle: "the session's own idle timeout, in seconds",
    absolute: "the session's own absolute timeout, in seconds",
    version: "the number of writes so far",
    writes: "the marks of the last four writes, by which a retried write recognises itself",
    format: "the format of `data`, if that is not a map",
    session_type: "the name of the session type",
    moved_to: "the handle that a session has now, in the mark that a change of id leaves under the old one",
    cookie_end: "when the cookie of the layer for axum ends, in seconds since 1970; 0 if with the browser",
    authenticated_at: "the time of the last log-in or re-authentication, in milliseconds since 1970",
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

/// String comparison in a `const fn`.
#[allow(
    clippy::indexing_slicing,
    reason = "the condition of the loop keeps it in bounds"
)]
pub(crate) const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// A name with a suffix, made in a `const fn`.
#[derive(Clone, Copy)]
pub(crate) struct Suffixed {
    bytes: [u8; Self::MAX],
    length: usize,
}

impl Suffixed {
    /// The longest name that is promoted, and a suffix.
    const MAX: usize = 255 + 8;

    #[allow(
        clippy::indexing_slicing,
        reason = "the condition of the loop keeps it in bounds"
    )]
    pub(crate) const fn new(name: &str, suffix: &str) -> Self {
        let (name, suffix) = (name.as_bytes(), suffix.as_bytes());
        let mut bytes = [0; Self::MAX];
        let mut length = 0;
        while length < name.len() + suffix.len() && length < Self::MAX {
            bytes[length] = if length < name.len() {
                name[length]
            } else {
                suffix[length - name.len()]
            };
            length += 1;
        }
        Self { bytes, length }
    }

    /// The name; an empty one if it was too long, which no checked schema has.
    pub(crate) const fn as_str(&self) -> &str {
        let (name, _) = self.bytes.split_at(self.length);
        match std::str::from_utf8(name) {
            Ok(name) => name,
            Err(_) => "",
        }
    }
}

impl fmt::Debug for Suffixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}
