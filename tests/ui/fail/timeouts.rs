use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(timeouts = "nist-800-63b-4-aal2", idle_timeout = "2h")]
struct IdleLonger {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(timeouts = "nist-800-63b-4-aal2")]
#[dynamo(absolute_timeout = "24h 1s")]
struct AbsoluteLonger {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(timeouts = "nist-800-63b-4-aal3", idle_timeout = "16m", absolute_timeout = "13h")]
struct BothLonger {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(timeouts = "nist-800-63b-3-aal1", idle_timeout = "31d")]
struct IdleBoundedByAbsolute {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(timeouts = "pci-dss-4-8.2.8", idle_timeout = "30m", absolute_timeout = "14d")]
struct IdleOfCards {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(timeouts = "nist-800-63b-4-aal1", idle_timeout = "9h", absolute_timeout = "8h")]
struct IdleBeyondItsOwnAbsolute {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(timeouts = "nist-800-63b-4-aal4")]
struct NoSuchLevel {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(timeouts = "strict")]
struct NoSuchStandard {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(timeouts(idle = "30m"))]
struct NoName {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(timeouts = "nist-800-63b-4-aal2", timeouts = "pci-dss-4-8.2.8")]
struct Two {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct OnAField {
    #[dynamo(timeouts = "nist-800-63b-4-aal2")]
    a: u8,
}

fn main() {}
