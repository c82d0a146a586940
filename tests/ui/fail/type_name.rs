use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(type_name = "")]
struct Empty {
    user_id: String,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(type_name = "app#session")]
struct Marked {
    user_id: String,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct Größe {
    user_id: String,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
#[dynamo(typename = "app")]
struct Misspelled {
    #[dynamo(attr = "session_type")]
    taken: String,
    #[dynamo(attr = "type", type_name = "app")]
    on_a_field: String,
}

fn main() {}
