//! The work of the store on a session before and after a request, without the request.

use std::collections::HashMap;
use std::hint::black_box;

use aws_sdk_dynamodb::types::AttributeValue;
use session_store::{SessionId, private};

use crate::session::{Binary, Plain, Visitor, Zstd};

/// A step between a session and a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// From a session to its item.
    Encode,
    /// From an item to its session.
    Decode,
    /// The changes between two sessions.
    Delta,
    /// The bytes that DynamoDB counts for an item.
    Size,
}

/// How `data` is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The fields of the struct as attributes of the item, by serde_dynamo alone.
    SerdeDynamo,
    /// As a map.
    Map,
    /// As bytes.
    Binary,
    /// As compressed bytes.
    Zstd,
}

/// The forms, with their names in the tables.
pub const FORMS: [(&str, Form); 4] = [
    ("serde_dynamo alone", Form::SerdeDynamo),
    ("map", Form::Map),
    ("binary", Form::Binary),
    ("zstd", Form::Zstd),
];

/// The sizes of sessions, in bytes.
pub const SIZES: [usize; 3] = [300, 2_000, 20_000];

/// A step that is ready to run.
pub type Work = Box<dyn FnOnce()>;

/// Prepares a step with a session of about this many bytes; `None` if the format has no such step.
pub fn prepare(step: Step, form: Form, bytes: usize) -> Option<Work> {
    match form {
        Form::SerdeDynamo => by_serde_dynamo(step, bytes),
        Form::Map => Some(by_store::<Plain>(step, bytes)),
        Form::Binary => Some(by_store::<Binary>(step, bytes)),
        Form::Zstd => Some(by_store::<Zstd>(step, bytes)),
    }
}

/// The bytes that DynamoDB counts for the item of such a session.
pub fn item_size(form: Form, bytes: usize) -> usize {
    fn of<S: Visitor>(bytes: usize) -> usize {
        private::item_size(&item(&S::of(bytes))).unwrap()
    }
    match form {
        Form::SerdeDynamo => {
            let item = serde_dynamo::to_item(Plain::of(bytes)).unwrap();
            private::item_size(&item).unwrap()
        }
        Form::Map => of::<Plain>(bytes),
        Form::Binary => of::<Binary>(bytes),
        Form::Zstd => of::<Zstd>(bytes),
    }
}

type Item = HashMap<String, AttributeValue>;

/// A fixed time, in milliseconds since 1970.
const NOW: u64 = 1_800_000_000_000;

fn id() -> SessionId {
    SessionId::parse(&"A".repeat(43)).unwrap()
}

fn item(session: &impl Visitor) -> Item {
    private::encode(&id(), session, NOW).unwrap()
}

fn by_store<S: Visitor>(step: Step, bytes: usize) -> Work {
    let session = S::of(bytes);
    match step {
        Step::Encode => Box::new(move || {
            black_box(item(black_box(&session)));
        }),
        Step::Decode => {
            let (id, item) = (id(), item(&session));
            Box::new(move || {
                black_box(private::decode::<S>(&id, item, NOW).unwrap().unwrap());
            })
        }
        Step::Delta => {
            let id = id();
            let mut after = session.clone();
            after.count();
            Box::new(move || {
                let changes = private::changes(&id, black_box(&session), &after);
                assert_eq!(changes.unwrap(), 1);
            })
        }
        Step::Size => {
            let item = item(&session);
            Box::new(move || {
                black_box(private::item_size(black_box(&item)).unwrap());
            })
        }
    }
}

fn by_serde_dynamo(step: Step, bytes: usize) -> Option<Work> {
    let session = Plain::of(bytes);
    match step {
        Step::Encode => Some(Box::new(move || {
            black_box(serde_dynamo::to_item::<_, Item>(black_box(&session)).unwrap());
        })),
        Step::Decode => {
            let item: Item = serde_dynamo::to_item(&session).unwrap();
            Some(Box::new(move || {
                black_box(serde_dynamo::from_item::<_, Plain>(item).unwrap());
            }))
        }
        Step::Delta | Step::Size => None,
    }
}
