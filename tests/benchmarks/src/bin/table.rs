//! Makes tables of what gungraun and criterion have measured, in Markdown.

use std::collections::BTreeMap;
use std::io::{Read as _, stdin};
use std::path::Path;

use serde_json::{Deserializer, Value};
use session_store_benchmarks::codec::{FORMS, Form, SIZES, item_size};

#[allow(unused)]
fn main() {
    let what = std::env::args().nth(1).expect("what to make a table of");
    match what.as_str() {
        "instructions" => instructions(),
        "time" => time(),
        what => panic!("no table of {what}"),
    }
}

/// From the JSON that gungraun prints.
fn instructions() {
    let mut text = String::new();
    stdin().read_to_string(&mut text).unwrap();
    let mut counts = BTreeMap::new();
    for summary in Deserializer::from_str(&text).into_iter::<Value>() {
        let summary = summary.unwrap();
        let id = summary["id"].as_str().unwrap().to_owned();
        counts.insert(id, number_at(&summary["profiles"], "Ir").unwrap());
    }
    println!("{counts:#?}");
}

/// The first number at or below the entry of this name.
fn number_at(value: &Value, name: &str) -> Option<f64> {
    fn first(value: &Value) -> Option<f64> {
        match value {
            Value::Array(values) => values.iter().find_map(first),
            Value::Object(entries) => entries.values().find_map(first),
            value => value.as_f64(),
        }
    }
    match value {
        Value::Array(values) => values.iter().find_map(|value| number_at(value, name)),
        Value::Object(entries) => match entries.get(name) {
            Some(value) => first(value),
            None => entries.values().find_map(|value| number_at(value, name)),
        },
        _ => None,
    }
}

fn time() {}
