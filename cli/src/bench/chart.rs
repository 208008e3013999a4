//! Results as a bar chart in SVG.
//!
//! ```text
//!                 0.25    0.5     1       2
//!   fib            |       |   ███|       |       a bar for each engine but the reference: its time over the
//!                  |       |      |███    |       reference's, on a logarithmic axis; to the left is faster
//!   …
//!   geometric mean
//! ```
//!
//! The reference is the first peer, or the first tier where there is none.

use super::results::Results;
use std::fmt::Write;

const NAME_WIDTH: f64 = 128.0;
const PLOT_WIDTH: f64 = 640.0;
const VALUE_WIDTH: f64 = 60.0;
const TOP: f64 = 74.0;
const BAR: f64 = 7.0;
const GAP: f64 = 6.0;
const COLOURS: &[&str] = &[
    "#9aa5b1", "#1f77b4", "#e07b39", "#4c9f70", "#8e5ea2", "#b5a642",
];

/// One engine of the chart: index and colour.
type Series = (usize, &'static str);

/// A group of bars: its name, and a ratio for each series.
struct Group {
    name: String,
    ratios: Vec<Option<f64>>,
}

/// The chart.
pub fn svg(results: &Results<'_>) -> String {
    let reference = results.engines.iter().position(|e| !e.is_tier());
    let reference = reference.unwrap_or(0);
    let series: Vec<Series> = (0..results.engines.len())
        .filter(|&n| n != reference)
        .zip(COLOURS.iter().copied().cycle())
        .collect();
    let groups = groups(results, reference, &series);
    let axis = Axis::new(&groups);

    let group_height = series.len() as f64 * BAR + GAP;
    let bottom = TOP + groups.len() as f64 * group_height + GAP;
    let (width, height) = (NAME_WIDTH + PLOT_WIDTH + VALUE_WIDTH, bottom + 24.0);
    let mut out = String::new();
    let _ = writeln!(
        out,
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11" fill="#222">
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="22" font-size="15" font-weight="bold">Time of an iteration relative to {0} (= 1)</text>
<text x="12" y="40" fill="#666">logarithmic; bars to the left of 1 are faster than {0}, bars to the right slower</text>"##,
        escaped(&results.engines[reference].name)
    );
    legend(&mut out, results, &series);
    for tick in axis.ticks() {
        let x = axis.x(tick);
        let (colour, stroke) = if tick == 1.0 {
            ("#222", 1.2)
        } else {
            ("#ddd", 0.8)
        };
        let _ = writeln!(
            out,
            r##"<line x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom:.1}" stroke="{colour}" stroke-width="{stroke}"/><text x="{x:.1}" y="{:.1}" text-anchor="middle" fill="#666">{tick}</text>"##,
            bottom + 14.0
        );
    }
    for (n, group) in groups.iter().enumerate() {
        let y = TOP + GAP + n as f64 * group_height;
        draw(&mut out, group, &series, &axis, y, n + 1 == groups.len());
    }
    out.push_str("</svg>\n");
    out
}

fn groups(results: &Results<'_>, reference: usize, series: &[Series]) -> Vec<Group> {
    let mut groups: Vec<Group> = results
        .rows
        .iter()
        .map(|row| Group {
            name: row.program.to_owned(),
            ratios: series
                .iter()
                .map(|s| results.ratio(row, s.0, reference))
                .collect(),
        })
        .collect();
    let mean = |column: usize| {
        let logs: Vec<f64> = groups
            .iter()
            .filter_map(|g| Some(g.ratios[column]?.ln()))
            .collect();
        (!logs.is_empty()).then(|| (logs.iter().sum::<f64>() / logs.len() as f64).exp())
    };
    let means = (0..series.len()).map(mean).collect();
    groups.push(Group {
        name: "geometric mean".to_owned(),
        ratios: means,
    });
    groups
}

fn legend(out: &mut String, results: &Results<'_>, series: &[Series]) {
    let mut x = 12.0;
    for &(engine, colour) in series {
        let name = &results.engines[engine].name;
        let _ = writeln!(
            out,
            r#"<rect x="{x:.1}" y="51" width="10" height="10" fill="{colour}"/><text x="{:.1}" y="60">{}</text>"#,
            x + 14.0,
            escaped(name)
        );
        x += 34.0 + 7.0 * name.len() as f64;
    }
}

/// The bars of a group, each with its figure.
fn draw(out: &mut String, group: &Group, series: &[Series], axis: &Axis, y: f64, last: bool) {
    let weight = if last { "bold" } else { "normal" };
    let middle = y + series.len() as f64 * BAR / 2.0 + 4.0;
    let _ = writeln!(
        out,
        r#"<text x="{:.1}" y="{middle:.1}" text-anchor="end" font-weight="{weight}">{}</text>"#,
        NAME_WIDTH - 8.0,
        escaped(&group.name)
    );
    for (n, (ratio, &(_, colour))) in group.ratios.iter().zip(series).enumerate() {
        let top = y + n as f64 * BAR;
        let one = axis.x(1.0);
        let (x, figure) = match ratio {
            Some(ratio) => (axis.x(*ratio), format!("{ratio:.2}")),
            None => (one, "failed".to_owned()),
        };
        // The figure stands where the bar ends.
        let (label, anchor) = match x < one {
            true => (x - 3.0, "end"),
            false => (x + 3.0, "start"),
        };
        let _ = writeln!(
            out,
            r##"<rect x="{:.1}" y="{top:.1}" width="{:.1}" height="{:.1}" fill="{colour}"/><text x="{label:.1}" y="{:.1}" text-anchor="{anchor}" font-size="7" font-weight="{weight}" fill="#555">{figure}</text>"##,
            one.min(x),
            (one - x).abs().max(0.8),
            BAR - 1.0,
            top + BAR - 1.4
        );
    }
}

/// A logarithmic axis between two powers of two.
struct Axis {
    low: i32,
    high: i32,
}

impl Axis {
    fn new(groups: &[Group]) -> Axis {
        let logs = groups.iter().flat_map(|g| &g.ratios).flatten();
        let (low, high) = logs.fold((0.0f64, 0.0f64), |(low, high), ratio| {
            (low.min(ratio.log2()), high.max(ratio.log2()))
        });
        Axis {
            low: (low.floor() as i32).min(-1),
            high: (high.ceil() as i32).max(1),
        }
    }

    fn x(&self, ratio: f64) -> f64 {
        let part = (ratio.log2() - f64::from(self.low)) / f64::from(self.high - self.low);
        NAME_WIDTH + part * PLOT_WIDTH
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.low..=self.high).map(|n| f64::from(n).exp2())
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::{engines, results};
    use super::*;

    #[test]
    fn chart_has_bars_of_each_series_and_says_what_failed() {
        let engines = engines();
        let text = svg(&results(&engines));
        // Background, a legend and four groups of three series.
        assert_eq!(text.matches("<rect").count(), 1 + 3 + 4 * 3);
        assert!(text.contains("relative to mono"));
        assert!(text.contains(">geometric mean<"));
        assert!(text.contains(">failed<"));
        // From 0.25 (a on other) to 8 (c in baseline).
        assert!(text.contains(">0.25</text>") && text.contains(">8</text>"));
    }
}
