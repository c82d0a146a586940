//! `create_table` by many hosts at once, the states of a table, and how long a host waits for one.

mod hosts;
mod states;
mod waits;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use session_store::{Error, SessionAttributes};
use session_store_tests::{Fault, Wire};

/// A type without indexes.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "plain")]
struct Plain {
    visits: u64,
}

/// Another type on the same table, with an index that no other type has.
#[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", type_name = "admin")]
struct Admin {
    #[dynamo(attr = "tenant", index(name = "by-tenant"))]
    tenant: Option<u64>,
    #[dynamo(attr = "device", index)]
    device: Option<Vec<u8>>,
}

/// Changes every description of the table.
fn describe_as(wire: &Wire, edit: impl Fn(&mut Value) + Copy + Send + Sync + 'static) {
    wire.every("DescribeTable", move || {
        Fault::edit(move |answer| edit(&mut answer["Table"]))
    });
}

fn with_status(status: &'static str) -> impl Fn(&mut Value) + Copy + Send + Sync + 'static {
    move |table| table["TableStatus"] = status.into()
}

fn with_index_status(
    name: &'static str,
    status: &'static str,
) -> impl Fn(&mut Value) + Copy + Send + Sync + 'static {
    move |table| {
        let indexes = table["GlobalSecondaryIndexes"].as_array_mut().unwrap();
        let mut indexes = indexes.iter_mut();
        let index = indexes.find(|index| index["IndexName"] == name).unwrap();
        index["IndexStatus"] = status.into();
    }
}

/// The text of an error of the setup.
fn setup(result: Result<(), Error>) -> String {
    match result {
        Err(Error::Setup(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn count(wire: &Wire, operation: &str) -> usize {
    let sent = wire.operations();
    sent.iter().filter(|sent| *sent == operation).count()
}
