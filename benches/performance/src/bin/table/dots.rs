//! The plot of the times: the ratio of each operation, with its confidence interval.

use std::fmt::Write as _;

use session_store_benchmarks::measured::Pairs;
use session_store_benchmarks::stats::Median;

const WIDTH: f64 = 720.0;
/// The left and the right end of the axis.
const AXIS: [f64; 2] = [180.0, 690.0];
/// The height of an operation, and of the title of an engine.
const ROW: f64 = 34.0;
const TITLE: f64 = 34.0;
/// A tick for each so much.
const STEP: f64 = 0.1;

const CPU: &str = "#0b62a8";
const WALL: &str = "#c2410c";

/// A panel for each engine, in SVG, with its own background.
pub(crate) fn dots(engines: &[(String, Vec<Pairs>)]) -> String {
    let axis = Axis::of(engines.iter().flat_map(|(_, pairs)| shown(pairs)));
    let rows: usize = engines.iter().map(|(_, pairs)| shown(pairs).count()).sum();
    let bottom = 46.0 + engines.len() as f64 * TITLE + rows as f64 * ROW;
    let height = bottom + 56.0;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13" fill="#222">
<rect width="100%" height="100%" rx="6" fill="#f7f6f3"/>
<text x="20" y="26" font-size="15" font-weight="bold">Time of an operation, as a ratio to the SDK alone</text>
"##
    );
    for tick in axis.ticks() {
        let x = axis.at(tick);
        // One, where both are equal, stands out.
        let colour = if (tick - 1.0).abs() < STEP / 2.0 {
            "#222"
        } else {
            "#d6d3cb"
        };
        writeln!(
            svg,
            r#"<path d="M{x:.1} 46V{bottom}" stroke="{colour}"/><text x="{x:.1}" y="{:.1}" text-anchor="middle">{tick:.1}</text>"#,
            bottom + 18.0
        )
        .unwrap();
    }
    let mut y = 46.0;
    for (engine, pairs) in engines {
        writeln!(
            svg,
            r#"<text x="20" y="{:.1}" font-weight="bold">{engine}</text>"#,
            y + 22.0
        )
        .unwrap();
        y += TITLE;
        for it in shown(pairs) {
            let name = if it.by == "store" {
                &it.operation
            } else {
                "the SDK, twice"
            };
            writeln!(
                svg,
                r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{name}</text>"#,
                AXIS[0] - 14.0,
                y + ROW / 2.0 + 4.0
            )
            .unwrap();
            bar(&mut svg, &axis, y + ROW / 2.0 - 6.0, it.cpu.ratio, CPU);
            bar(&mut svg, &axis, y + ROW / 2.0 + 6.0, it.wall.ratio, WALL);
            y += ROW;
        }
    }
    for (x, colour, name) in [
        (180.0, CPU, "CPU of this process"),
        (360.0, WALL, "time that the caller waits"),
    ] {
        let y = bottom + 40.0;
        writeln!(
            svg,
            r#"<circle cx="{x}" cy="{:.1}" r="4" fill="{colour}"/><text x="{:.1}" y="{y:.1}">{name}</text>"#,
            y - 4.0,
            x + 10.0
        )
        .unwrap();
    }
    svg += "</svg>\n";
    svg
}

/// Those of the store and the control.
fn shown(pairs: &[Pairs]) -> impl Iterator<Item = &Pairs> {
    pairs.iter().filter(|it| it.by != "peer")
}

fn bar(svg: &mut String, axis: &Axis, y: f64, median: Median, colour: &str) {
    let [low, middle, high] = [median.low, median.middle, median.high].map(|ratio| axis.at(ratio));
    writeln!(
        svg,
        r#"<path d="M{low:.1} {y:.1}H{high:.1}M{low:.1} {:.1}v8M{high:.1} {:.1}v8" stroke="{colour}" stroke-width="1.5"/><circle cx="{middle:.1}" cy="{y:.1}" r="4" fill="{colour}"/>"#,
        y - 4.0,
        y - 4.0
    )
    .unwrap();
}

/// Whole steps, from below the least ratio to above the greatest.
struct Axis {
    steps: [i32; 2],
}

impl Axis {
    fn of<'a>(pairs: impl Iterator<Item = &'a Pairs>) -> Self {
        let (mut low, mut high) = (1.0_f64, 1.0_f64);
        for it in pairs {
            for ratio in [it.cpu.ratio, it.wall.ratio] {
                low = low.min(ratio.low);
                high = high.max(ratio.high);
            }
        }
        // Beyond the ends, so that no mark is cut off.
        Self {
            steps: [
                ((low - 0.02) / STEP).floor() as i32,
                ((high + 0.02) / STEP).ceil() as i32,
            ],
        }
    }

    fn at(&self, ratio: f64) -> f64 {
        let [first, last] = self.steps.map(f64::from);
        let part = (ratio / STEP - first) / (last - first);
        AXIS[0] + part * (AXIS[1] - AXIS[0])
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let [first, last] = self.steps;
        (first..=last).map(|step| f64::from(step) * STEP)
    }
}
