//! Bars, as a small SVG in the style of the other plots.

use std::fmt::Write as _;

use crate::plot::PLOTS;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 330.0;
/// The area of the bars: left, right, top, bottom.
const AREA: [f64; 4] = [70.0, 690.0, 60.0, 270.0];

/// Writes a bar for each name with its share of the whole to docs/scale, if the engine is the embedded one.
pub(crate) fn write(file: &str, title: &str, x: &str, shares: &[(String, f64)]) {
    if session_store_tests::endpoint().is_none() {
        std::fs::create_dir_all(PLOTS).unwrap();
        std::fs::write(format!("{PLOTS}/{file}.svg"), svg(title, x, shares)).unwrap();
    }
}

fn svg(title: &str, x: &str, shares: &[(String, f64)]) -> String {
    let [left, right, top, bottom] = AREA;
    let most = shares.iter().map(|(_, share)| *share).fold(0.01, f64::max);
    let column = (right - left) / shares.len() as f64;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="13" fill="#222" text-anchor="middle">
<rect width="100%" height="100%" rx="6" fill="#f7f6f3"/>
<text x="{left}" y="26" font-size="15" font-weight="bold" text-anchor="start">{title}</text>
<path d="M{left} {bottom}H{right}" stroke="#222"/>
"##
    );
    for (i, (name, share)) in shares.iter().enumerate() {
        let height = share / most * (bottom - top);
        let (from, middle) = (left + i as f64 * column, left + (i as f64 + 0.5) * column);
        writeln!(
            svg,
            r##"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{height:.1}" fill="#0b62a8"/><text x="{middle:.1}" y="{:.1}" font-size="11">{:.1} %</text><text x="{middle:.1}" y="{:.1}">{name}</text>"##,
            from + 3.0,
            bottom - height,
            column - 6.0,
            bottom - height - 5.0,
            share * 100.0,
            bottom + 18.0
        )
        .unwrap();
    }
    writeln!(
        svg,
        r#"<text x="{:.1}" y="{:.1}">{x}</text>"#,
        f64::midpoint(left, right),
        bottom + 42.0
    )
    .unwrap();
    svg.push_str("</svg>\n");
    svg
}
