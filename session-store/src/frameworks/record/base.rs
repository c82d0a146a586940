//! The stored state from which a copy of a session was made, so that a save writes only the difference.
//!
//! # Copies that are saved more than once
//!
//! A framework lends out a record by reference, so a copy keeps its base although its first save changes
//! the stored state. If the application then sets an entry back to its value in the base, the difference
//! to the base does not show that, and a cache keeps such copies for a long time. So each copy has a random
//! id. The mark of each of its writes begins with this id and the number of the write:
//!
//! - The first save of a copy has the condition that the item has no mark of this copy.
//! - If it has one, and only this copy has written since its base, the whole map of the copy replaces the
//!   data, with a version check.
//! - If others have written as well, the difference is written, and their changes stay.

use std::time::Duration;

use serde_json::{Map as Object, Value, json};

use crate::error::{Error, GoneError};
use crate::id::{SessionHandle, random};
use crate::item::{MAX_VERSION, Map, Millis, Nonce, marks};
use crate::schema::Schema;

use super::data::{Data, Loaded};

/// The names inside the reserved entry.
const HANDLE: &str = "handle";
const MOVED: &str = "moved";
const CREATED_AT: &str = "created_at";
const ABSOLUTE: &str = "absolute";
const AUTHENTICATED_AT: &str = "authenticated_at";
const VERSION: &str = "version";
const COPY: &str = "copy";
const STALE_ATTRIBUTES: &str = "out_of_step";
const DATA: &str = "data";

/// What a framework's copy of a session was made from. The copy carries it.
pub(crate) enum Origin {
    Stored(Base),
    /// The mark of a change of id under this handle. The copy is empty, to the application it is a new
    /// session, and it is never stored under this handle (G18).
    Moved(SessionHandle),
}

impl Origin {
    /// The handle under which it was read.
    pub(crate) fn handle(&self) -> SessionHandle {
        match self {
            Self::Stored(base) => base.handle,
            Self::Moved(handle) => *handle,
        }
    }

    /// The base, unless it is that of another session.
    ///
    /// # Errors
    ///
    /// [`GoneError`] if the session has a new id.
    pub(crate) fn into_base(self, handle: SessionHandle) -> Result<Option<Base>, GoneError> {
        match self {
            Self::Stored(base) => Ok(Some(base).filter(|base| base.handle == handle)),
            Self::Moved(from) if from == handle => Err(GoneError::replaced(handle)),
            Self::Moved(_) => Ok(None),
        }
    }

    pub(crate) fn into_json(self) -> Value {
        match self {
            Self::Stored(base) => Value::Object(base.into_json()),
            Self::Moved(handle) => json!({ HANDLE: handle.to_string(), MOVED: true }),
        }
    }

    /// The origin in an entry that the application could have changed; `None` if it is malformed.
    pub(crate) fn from_json(origin: Value) -> Option<Self> {
        if origin.get(MOVED).is_some() {
            let handle = SessionHandle::parse(origin.get(HANDLE)?.as_str()?);
            return handle.ok().map(Self::Moved);
        }
        Base::from_json(origin).map(Self::Stored)
    }
}

/// The state from which a copy of a session was made.
pub(crate) struct Base {
    pub(crate) handle: SessionHandle,
    pub(crate) created_at: Millis,
    /// The absolute timeout of its own.
    pub(crate) absolute: Option<Duration>,
    pub(crate) authenticated_at: Option<Millis>,
    pub(crate) version: u64,
    /// Random id of this copy. If two collide, they are treated as one copy with concurrent writers.
    pub(crate) copy: [u8; 3],
    pub(crate) stale_attributes: Vec<String>,
    pub(crate) data: Data,
}

impl Base {
    /// The base of a copy of a session that was read.
    pub(crate) fn of(loaded: &Loaded) -> Result<Self, Error> {
        let stale = loaded.stale_attributes.iter().map(|&name| name.to_owned());
        // Those that are forgotten are out of step as well: they are removed.
        let forgotten = loaded.forgotten.attributes.iter().cloned();
        Ok(Self {
            handle: loaded.handle,
            created_at: loaded.created_at,
            absolute: loaded.absolute,
            authenticated_at: loaded.authenticated_at,
            version: loaded.version,
            copy: random()?,
            stale_attributes: stale.chain(forgotten).collect(),
            data: loaded.data.clone(),
        })
    }

    fn into_json(self) -> Object<String, Value> {
        let [a, b, c] = self.copy;
        let copy = u32::from_be_bytes([0, a, b, c]);
        let mut base = Object::new();
        base.insert(HANDLE.to_owned(), self.handle.to_string().into());
        base.insert(CREATED_AT.to_owned(), self.created_at.0.into());
        if let Some(absolute) = self.absolute {
            base.insert(ABSOLUTE.to_owned(), absolute.as_secs().into());
        }
        if let Some(at) = self.authenticated_at {
            base.insert(AUTHENTICATED_AT.to_owned(), at.0.into());
        }
        base.insert(VERSION.to_owned(), self.version.into());
        base.insert(COPY.to_owned(), copy.into());
        if !self.stale_attributes.is_empty() {
            base.insert(STALE_ATTRIBUTES.to_owned(), self.stale_attributes.into());
        }
        let data = self.data.into_iter().collect();
        base.insert(DATA.to_owned(), Value::Object(data));
        base
    }

    /// `None` if it is malformed.
    fn from_json(base: Value) -> Option<Self> {
        let Value::Object(mut base) = base else {
            return None;
        };
        let handle = SessionHandle::parse(base.get(HANDLE)?.as_str()?).ok()?;
        let number = |name| base.get(name)?.as_u64();
        let created_at = Millis(number(CREATED_AT)?);
        let optional = |name| match base.get(name) {
            Some(value) => value.as_u64().map(Some),
            None => Some(None),
        };
        let absolute = optional(ABSOLUTE)?.map(Duration::from_secs);
        let authenticated_at = optional(AUTHENTICATED_AT)?.map(Millis);
        let version = number(VERSION).filter(|version| (1..=MAX_VERSION).contains(version))?;
        let [0, a, b, c] = u32::try_from(number(COPY)?).ok()?.to_be_bytes() else {
            return None;
        };
        let stale_attributes = match base.remove(STALE_ATTRIBUTES) {
            Some(Value::Array(names)) => {
                let names = names.iter().map(|name| name.as_str().map(str::to_owned));
                names.collect::<Option<_>>()?
            }
            Some(_) => return None,
            None => Vec::new(),
        };
        let Some(Value::Object(data)) = base.remove(DATA) else {
            return None;
        };
        Some(Self {
            handle,
            created_at,
            absolute,
            authenticated_at,
            version,
            copy: [a, b, c],
            stale_attributes,
            data: data.into_iter().collect(),
        })
    }

    /// The mark of the n-th write of this copy, counted from 1.
    pub(crate) fn mark(&self, write: u64) -> Result<Nonce, Error> {
        let [a, b, c] = self.copy;
        let [d, e] = u16::try_from(write).unwrap_or(u16::MAX).to_be_bytes();
        let [f, g, h] = random()?;
        Ok(Nonce::from([a, b, c, d, e, f, g, h]))
    }

    /// How many writes this copy has made, as far as the item remembers.
    pub(crate) fn writes(&self, schema: &Schema, item: &Map) -> u64 {
        let mut marks = marks(schema, item);
        let number = marks.find_map(|mark| match mark.strip_prefix(&self.copy)? {
            [a, b, ..] => Some(u16::from_be_bytes([*a, *b])),
            _ => None,
        });
        number.unwrap_or(0).into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn handle() -> String {
        SessionHandle::of_secret(b"an id").to_string()
    }

    fn base() -> Value {
        json!({
            "handle": handle(), "created_at": 1, "version": 2, "copy": 3, "out_of_step": ["a"],
            "absolute": 60, "authenticated_at": 5, "data": { "b": 4 },
        })
    }

    #[test]
    fn an_origin_comes_back_from_json_unchanged() {
        for origin in [base(), json!({ "handle": handle(), "moved": true })] {
            let there = Origin::from_json(origin.clone()).map(Origin::into_json);
            assert_eq!(there, Some(origin));
        }
    }

    #[test]
    fn a_malformed_origin_is_ignored() {
        for (name, value) in [
            ("handle", json!("short")),
            ("created_at", json!("1")),
            ("created_at", json!(-1)),
            ("absolute", json!("5")),
            ("authenticated_at", json!("5")),
            ("version", json!(0)),
            ("version", json!(u64::MAX)),
            ("version", json!(1.5)),
            ("copy", json!(1 << 24)),
            ("copy", json!(null)),
            ("out_of_step", json!([1])),
            ("out_of_step", json!("a")),
            ("data", json!([])),
        ] {
            let mut base = base();
            base[name] = value;
            assert!(Origin::from_json(base).is_none(), "{name}");
        }
        assert!(Origin::from_json(json!("text")).is_none());
        assert!(Origin::from_json(json!({})).is_none());
        assert!(Origin::from_json(json!({ "moved": true })).is_none());
    }
}
