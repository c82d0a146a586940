//! The plot of the instructions.

use std::fmt::Write as _;

use crate::{Measured, OPERATIONS, TIMES};

/// A bar for each operation and each subject, in SVG.
pub(crate) fn bars(counts: &Measured) -> String {
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
