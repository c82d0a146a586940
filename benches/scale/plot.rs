//! A chart of lines on logarithmic axes, as a small SVG. It has its own background, so that it can be read
//! on light and dark pages.

use std::fmt::Write as _;

use crate::lab::thousands;

/// The folder with the plots of docs/scale.md.
pub(crate) const PLOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scale");

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 430.0;
/// The area of the lines: left, right, top, bottom.
const AREA: [f64; 4] = [70.0, 540.0, 60.0, 370.0];
/// The distance between two names at the ends of lines.
const SPACE: f64 = 17.0;

const COLOURS: [&str; 8] = [
    "#0b62a8", "#c2410c", "#2f7d32", "#7b3fa0", "#a3252c", "#8a6100", "#0f7680", "#4a4a4a",
];

pub(crate) struct Chart {
    title: String,
    x: &'static str,
    y: &'static str,
    lines: Vec<Line>,
}

struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

impl Chart {
    pub(crate) fn new(title: String, x: &'static str, y: &'static str) -> Self {
        Self {
            title,
            x,
            y,
            lines: Vec::new(),
        }
    }

    /// Adds a line. Lines with the same points share a name.
    pub(crate) fn line(&mut self, name: &str, points: Vec<(f64, f64)>) {
        match self.lines.iter_mut().find(|line| line.points == points) {
            Some(line) => {
                line.name.push_str(", ");
                line.name.push_str(name);
            }
            None => self.lines.push(Line {
                name: name.to_owned(),
                points,
            }),
        }
    }

    /// Writes the chart to docs/scale, if the engine bills as AWS does. DynamoDB Local bills a transaction
    /// once, and nothing for a query that finds nothing.
    pub(crate) fn write(&self, name: &str) {
        if session_store_tests::endpoint().is_none() {
            std::fs::create_dir_all(PLOTS).unwrap();
            std::fs::write(format!("{PLOTS}/{name}.svg"), self.svg()).unwrap();
        }
    }

    fn svg(&self) -> String {
        let [left, right, top, bottom] = AREA;
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let x = Axis::of(points().map(|point| point.0), left, right);
        let y = Axis::of(points().map(|point| point.1), bottom, top);
        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="13" fill="#222">
<rect width="100%" height="100%" rx="6" fill="#f7f6f3"/>
"##
        );
        let mut text = |at: (f64, f64), anchor: &str, more: &str, text: &str| {
            let (x, y) = at;
            writeln!(
                svg,
                r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}"{more}>{text}</text>"#
            )
            .unwrap();
        };
        text(
            (left, 26.0),
            "start",
            r#" font-size="15" font-weight="bold""#,
            &self.title,
        );
        let middle = f64::midpoint(left, right);
        text((middle, bottom + 42.0), "middle", "", self.x);
        text((left - 6.0, top - 12.0), "end", "", self.y);
        for tick in x.ticks() {
            text((x.at(tick), bottom + 20.0), "middle", "", &thousands(tick));
        }
        for tick in y.ticks() {
            text((left - 8.0, y.at(tick) + 4.0), "end", "", &label(tick));
        }
        let end = |line: &Line| line.points.last().map_or(bottom, |point| y.at(point.1));
        let mut lines: Vec<_> = self.lines.iter().zip(COLOURS.iter().cycle()).collect();
        lines.sort_by(|(a, _), (b, _)| end(b).total_cmp(&end(a)));
        let mut free = f64::INFINITY;
        for (line, colour) in &lines {
            free = end(line).min(free - SPACE);
            let more = format!(r#" fill="{colour}""#);
            text((right + 10.0, free + 4.0), "start", &more, &line.name);
        }
        let mut path = |d: &str, style: &str| {
            writeln!(svg, r#"<path d="{d}" fill="none" {style}/>"#).unwrap();
        };
        let mut grid = String::new();
        for tick in x.ticks() {
            write!(grid, "M{:.1} {top}V{bottom}", x.at(tick)).unwrap();
        }
        for tick in y.ticks() {
            write!(grid, "M{left} {:.1}H{right}", y.at(tick)).unwrap();
        }
        path(&grid, r##"stroke="#d6d3cb""##);
        for (line, colour) in &lines {
            let mut d = String::new();
            for (i, point) in line.points.iter().enumerate() {
                let step = if i == 0 { 'M' } else { 'L' };
                write!(d, "{step}{:.1} {:.1}", x.at(point.0), y.at(point.1)).unwrap();
            }
            path(&d, &format!(r#"stroke="{colour}" stroke-width="2""#));
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// A number at a tick; it can be less than one, since there are half units.
fn label(tick: f64) -> String {
    if tick < 1.0 {
        tick.to_string()
    } else {
        thousands(tick)
    }
}

/// The range from one power of ten to another.
struct Axis {
    powers: (i32, i32),
    pixels: (f64, f64),
}

impl Axis {
    fn of(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(least, f64::max);
        let least = least.log10().floor() as i32;
        Self {
            powers: (least, (most.log10().ceil() as i32).max(least + 1)),
            pixels: (from, to),
        }
    }

    fn at(&self, value: f64) -> f64 {
        let (least, most) = self.powers;
        let part = (value.log10() - f64::from(least)) / f64::from(most - least);
        self.pixels.0 + part * (self.pixels.1 - self.pixels.0)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.powers.0..=self.powers.1).map(|power| 10_f64.powi(power))
    }
}
