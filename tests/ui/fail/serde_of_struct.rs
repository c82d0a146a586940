use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[serde(transparent)]
struct Transparent {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[serde(from = "u8", into = "u8")]
struct Converted {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[serde(try_from = "u8")]
struct Tried {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[serde(tag = "kind")]
struct Tagged {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[serde(deny_unknown_fields)]
struct Strict {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
struct Renamed {
    user_id: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[serde(rename_all(serialize = "camelCase"))]
struct HalfRenamed {
    user_id: u8,
}

impl From<u8> for Converted {
    fn from(a: u8) -> Self {
        Self { a }
    }
}

impl From<Converted> for u8 {
    fn from(from: Converted) -> u8 {
        from.a
    }
}

impl TryFrom<u8> for Tried {
    type Error = String;

    fn try_from(a: u8) -> Result<Self, String> {
        Ok(Self { a })
    }
}

fn main() {}
