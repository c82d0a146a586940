//! Makes tables in Markdown of what the benchmarks print.
//!
//! `table instructions PLOT < JSON` reads the output of gungraun, and writes a plot; `table time PLOT ENGINE=FILE..`
//! reads that of the pairs on each engine, and writes a plot of both; `table allocations < JSON` reads that of the
//! allocations.

mod bars;
mod dots;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, stdin};

use serde::de::DeserializeOwned;
use serde_json::{Deserializer, Value};
use session_store_benchmarks::codec::{FORMS, Form, SIZES, item_size};
use session_store_benchmarks::measured::{Allocated, Pairs};
use session_store_benchmarks::stats::Median;

/// The measurements, by the name of the benchmark.
type Measured = BTreeMap<String, f64>;

const OPERATIONS: [&str; 8] = [
    "load", "save", "create", "delete", "touch", "cycle_id", "list", "revoke",
];

const PEER: &str = "tower-sessions-dynamodb-store 0.3";

/// The number of runs of an operation while instructions are counted.
const TIMES: f64 = 20.0;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["instructions", plot] => {
            let counts = instructions();
            operations("thousand instructions", &|operation, by| {
                Some(counts.get(&format!("{operation}_{by}"))? / TIMES / 1e3)
            });
            fs::write(plot, bars::bars(&counts)).unwrap();
            from_memory("thousand instructions", &|read| counts[read] / TIMES / 1e3);
            forms(&counts);
        }
        ["time", plot, ref files @ ..] => {
            let engines: Vec<_> = files.iter().map(|file| pairs(file)).collect();
            for (engine, pairs) in &engines {
                times(engine, pairs);
            }
            fs::write(plot, dots::dots(&engines)).unwrap();
        }
        ["allocations"] => {
            let all: Vec<Allocated> = lines(&read_all());
            let of = |operation: &str, by: &str| {
                let of = |it: &&Allocated| it.operation == operation && it.by == by;
                all.iter().find(of)
            };
            operations("allocations", &|operation, by| {
                Some(of(operation, by)?.count)
            });
            operations("bytes allocated", &|operation, by| {
                Some(of(operation, by)?.bytes)
            });
            let cached = |read: &str| of(read, "store").unwrap();
            from_memory("allocations", &|read| cached(read).count);
            from_memory("bytes allocated", &|read| cached(read).bytes);
        }
        _ => panic!("unknown arguments: {arguments:?}"),
    }
}

fn read_all() -> String {
    let mut text = String::new();
    stdin().read_to_string(&mut text).unwrap();
    text
}

fn lines<T: DeserializeOwned>(text: &str) -> Vec<T> {
    let values = Deserializer::from_str(text).into_iter();
    values.map(Result::unwrap).collect()
}

/// The engine, and what was measured on it.
fn pairs(argument: &str) -> (String, Vec<Pairs>) {
    let (engine, file) = argument.split_once('=').expect("ENGINE=FILE");
    let text = fs::read_to_string(file).unwrap();
    (engine.to_owned(), lines(&text))
}

/// Reads the JSON that gungraun prints: one value for each benchmark.
fn instructions() -> Measured {
    let summaries: Vec<Value> = lines(&read_all());
    summaries
        .into_iter()
        .map(|summary| {
            let id = summary["id"].as_str().unwrap().to_owned();
            let metrics = &summary["profiles"][0]["data"]["parts"][0]["metrics"];
            (id, metrics["Ir"]["values"]["new"].as_f64().unwrap())
        })
        .collect()
}

fn operations(unit: &str, of: &dyn Fn(&str, &str) -> Option<f64>) {
    println!("\n| {unit} | session-store | the SDK alone | ratio | {PEER} | ratio |");
    println!("|---|---|---|---|---|---|");
    for operation in OPERATIONS {
        let [store, sdk] = ["store", "sdk"].map(|by| of(operation, by).unwrap());
        let peer = of(operation, "peer").map(|peer| format!("{peer:.0} | {:.2}", peer / sdk));
        let peer = peer.unwrap_or_else(|| " | ".to_owned());
        println!(
            "| `{operation}` | {store:.0} | {sdk:.0} | {:.3} | {peer} |",
            store / sdk
        );
    }
}

/// Reads that send no request.
fn from_memory(unit: &str, of: &dyn Fn(&str) -> f64) {
    let [load, page, bare] = ["cached_load", "cached_page", "cached_bare"].map(of);
    println!("\n| a session of 2 KB from memory | {unit} |");
    println!("|---|---|");
    println!("| `load_at_least` | {load:.1} |");
    println!(
        "| `CurrentSession`: the request with the layer, minus that without | {:.1} |",
        page - bare
    );
    println!("| the request without the layer | {bare:.1} |");
}

fn times(engine: &str, pairs: &[Pairs]) {
    let count = pairs.first().map_or(0, |it| it.pairs);
    println!("\n{engine}, {count} pairs of each operation:");
    println!(
        "\n| | CPU, ratio to the SDK alone | wait, ratio | CPU, µs | the SDK alone | wait, µs | the SDK alone |"
    );
    println!("|---|---|---|---|---|---|---|");
    for it in pairs {
        let ratio = |Median { low, middle, high }| format!("{middle:.3} ({low:.3} to {high:.3})");
        println!(
            "| {} | {} | {} | {:.0} | {:.0} | {:.0} | {:.0} |",
            name(it),
            ratio(it.cpu.ratio),
            ratio(it.wall.ratio),
            it.cpu.micros,
            it.cpu.sdk_micros,
            it.wall.micros,
            it.wall.sdk_micros,
        );
    }
}

fn name(it: &Pairs) -> String {
    match it.by.as_str() {
        "store" => format!("`{}`", it.operation),
        "peer" => format!("`{}`, {PEER}", it.operation),
        _ => "the SDK alone against itself".to_owned(),
    }
}

fn forms(counts: &Measured) {
    println!(
        "\n| session | as | bytes of the item | write units | read units | encode, thousand instructions | decode | delta | size |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (i, bytes) in SIZES.into_iter().enumerate() {
        for (name, form) in FORMS {
            let item = item_size(form, bytes);
            let id = name.trim_end_matches(" alone");
            let steps = ["encode", "decode", "delta", "size"].map(|step| {
                match counts.get(&format!("{step}_{id}_{i}")) {
                    Some(count) => format!("{:.1}", count / 1e3),
                    None => String::new(),
                }
            });
            // An item by serde_dynamo alone has no key, no times and no version.
            let [writes, reads] = match form {
                Form::SerdeDynamo => [String::new(), String::new()],
                _ => [1024, 4096].map(|unit| item.div_ceil(unit).to_string()),
            };
            let steps = steps.join(" | ");
            println!("| {bytes} B | {name} | {item} | {writes} | {reads} | {steps} |");
        }
    }
}
