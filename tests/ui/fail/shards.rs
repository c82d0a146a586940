use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(writes = "d-shard")]
struct AppSession {
    #[dynamo(attr = "a", index(shards = 1))]
    a: String,
    #[dynamo(attr = "b", index(shards = 101))]
    b: String,
    #[dynamo(attr = "c", index(shards = 4, consistent))]
    c: String,
    #[dynamo(attr = "d", index(shards = 4))]
    d: String,
    #[dynamo(attr = "e", index(shards = 4))]
    e: String,
    #[dynamo(attr = "e-shard")]
    shard_of_e: u32,
    #[dynamo(attr = "f", index(shards))]
    f: String,
    #[dynamo(attr = "g", index(shard = 4))]
    g: String,
    #[dynamo(attr = "name-whose-attribute-for-the-shard-would-have-more-than-255-bytes-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", index(name = "by-h", shards = 4))]
    h: String,
}

fn main() {}
