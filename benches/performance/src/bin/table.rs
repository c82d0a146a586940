//! Makes tables in Markdown of the measurements of gungraun and criterion.
//!
//! `table instructions PLOT < JSON` reads the output of gungraun, and writes a plot; `table time DIRECTORY`
//! reads the results of criterion.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, stdin};
use std::path::Path;

use serde_json::{Deserializer, Value};
use session_store_benchmarks::codec::{FORMS, Form, SIZES, item_size};

/// The measurements, by the name of the benchmark.
type Measured = BTreeMap<String, f64>;

const OPERATIONS: [&str; 8] = [
    "load", "save", "create", "delete", "touch", "cycle_id", "list", "revoke",
];

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
            fs::write(plot, bars(&counts)).unwrap();
            forms("thousand instructions", &|step, form, size| {
                let form = form.trim_end_matches(" alone");
                Some(counts.get(&format!("{step}_{form}_{size}"))? / 1e3)
            });
        }
        ["time", directory] => {
            let directory = Path::new(directory);
            operations("µs", &|operation, by| {
                Some(middle(&directory.join(operation).join(by))? / 1e3)
            });
            forms("µs", &|step, form, size| {
                let name = format!("{form} {}", SIZES[size]);
                Some(middle(&directory.join(step).join(name))? / 1e3)
            });
        }
        _ => panic!("unknown arguments: {arguments:?}"),
    }
}

/// Reads the JSON that gungraun prints: one value for each benchmark.
fn instructions() -> Measured {
    let mut text = String::new();
    stdin().read_to_string(&mut text).unwrap();
    let summaries = Deserializer::from_str(&text).into_iter::<Value>();
    summaries
        .map(|summary| {
            let summary = summary.unwrap();
            let id = summary["id"].as_str().unwrap().to_owned();
            let metrics = &summary["profiles"][0]["data"]["parts"][0]["metrics"];
            (id, metrics["Ir"]["values"]["new"].as_f64().unwrap())
        })
        .collect()
}

/// The median of criterion, in nanoseconds.
fn middle(benchmark: &Path) -> Option<f64> {
    let text = fs::read(benchmark.join("new/estimates.json")).ok()?;
    let estimates: Value = serde_json::from_slice(&text).unwrap();
    estimates["median"]["point_estimate"].as_f64()
}

fn operations(unit: &str, of: &dyn Fn(&str, &str) -> Option<f64>) {
    println!(
        "\n| {unit} | session-store | the SDK alone | ratio | tower-sessions-dynamodb-store 0.3 | ratio |"
    );
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

fn forms(unit: &str, of: &dyn Fn(&str, &str, usize) -> Option<f64>) {
    println!(
        "\n| session | as | bytes of the item | write units | read units | encode, {unit} | decode | delta | size |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (i, bytes) in SIZES.into_iter().enumerate() {
        for (name, form) in FORMS {
            let item = item_size(form, bytes);
            let steps = ["encode", "decode", "delta", "size"].map(|step| match of(step, name, i) {
                Some(measured) => format!("{measured:.1}"),
                None => String::new(),
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

/// A bar for each operation and each subject, in SVG.
fn bars(counts: &Measured) -> String {
    const COLUMN: usize = 80;
    const HEIGHT: f64 = 240.0;
    const BARS: [(&str, &str, &str); 3] = [
        ("store", "#2563eb", "session-store"),
        ("sdk", "#94a3b8", "the SDK alone"),
        ("peer", "#d97706", "tower-sessions-dynamodb-store 0.3"),
    ];
    // The operations with several requests would be too tall for the others.
    let shown = OPERATIONS
        .into_iter()
        .filter(|name| !matches!(*name, "list" | "revoke"));
    let shown: Vec<_> = shown.collect();
    let of = |operation: &str, by: &str| Some(counts.get(&format!("{operation}_{by}"))? / TIMES);
    let all = shown
        .iter()
        .flat_map(|operation| BARS.map(|(by, ..)| of(operation, by)));
    let most = all.flatten().fold(0.0, f64::max);
    let width = COLUMN * shown.len() + 20;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} 310\" \
         font-family=\"sans-serif\" font-size=\"11\" text-anchor=\"middle\">\n\
         <rect width=\"{width}\" height=\"310\" fill=\"#ffffff\"/>\n"
    );
    for (i, operation) in shown.iter().enumerate() {
        let left = 10 + i * COLUMN;
        for (j, (by, colour, _)) in BARS.into_iter().enumerate() {
            let Some(count) = of(operation, by) else {
                continue;
            };
            let (x, height) = (left + 7 + j * 22, count / most * HEIGHT);
            let y = 260.0 - height;
            let (middle, above) = (x + 10, y - 3.0);
            writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{y:.1}\" width=\"20\" height=\"{height:.1}\" fill=\"{colour}\"/>\
                 <text x=\"{middle}\" y=\"{above:.1}\" font-size=\"9\">{:.0}k</text>",
                count / 1e3
            )
            .unwrap();
        }
        writeln!(
            svg,
            "<text x=\"{}\" y=\"276\">{operation}</text>",
            left + COLUMN / 2
        )
        .unwrap();
    }
    for (j, (_, colour, name)) in BARS.into_iter().enumerate() {
        let x = 20 + j * 130;
        writeln!(
            svg,
            "<rect x=\"{x}\" y=\"290\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"299\" text-anchor=\"start\">{name}</text>",
            x + 14
        )
        .unwrap();
    }
    svg += "</svg>\n";
    svg
}
