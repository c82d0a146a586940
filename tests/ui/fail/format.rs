//! How `data` is stored is one of few words.

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(data(name = "payload", format = "json"))]
struct Format {
    visits: u64,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(compress = "gzip")]
struct Compression {
    visits: u64,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(data(nmae = "payload"))]
struct Option {
    visits: u64,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(data(name = "version", format = "binary"))]
struct Taken {
    visits: u64,
}

fn main() {}
