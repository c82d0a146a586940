use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;

#[derive(Clone, SessionAttributes)]
enum Enum {
    A,
}

#[derive(Clone, Copy, SessionAttributes)]
union Union {
    a: u8,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct Tuple(#[dynamo(attr = "user_id", index)] String);

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct Unit;

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct Type<T> {
    #[dynamo(attr = "user_id", index)]
    user_id: T,
}

#[derive(Clone, Serialize, SessionAttributes)]
struct Lifetime<'a> {
    #[dynamo(attr = "user_id")]
    user_id: &'a str,
}

#[derive(Clone, Serialize, Deserialize, SessionAttributes)]
struct Const<const N: usize>
where
    String: Clone,
{
    a: u8,
}

fn main() {}
