use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(idle_timeout = "30 minuets")]
struct Unreadable {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(absolute_timeout = "")]
struct UnreadableAbsolute {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(idle_timeout = "999ms")]
struct Short {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(absolute_timeout = "0s")]
struct ShortAbsolute {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(idle_timeout = "2h", absolute_timeout = "1h")]
struct Longer {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(idle_timeout = "1day")]
struct LongerThanDefault {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(absolute_timeout = "10m")]
struct DefaultLonger {
    a: u8,
}

fn main() {}
