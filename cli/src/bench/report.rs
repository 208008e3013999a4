//! Results as a table and as JSON.

use super::results::Results;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// Width of a column of figures.
fn width(name: &str) -> usize {
    name.len().max(9)
}

fn time(ms: Option<f64>) -> String {
    ms.map_or_else(|| "failed".to_owned(), |ms| format!("{ms:.3}"))
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"))
}

/// A line for each program: milliseconds of an iteration, then the comparisons; last the geometric means.
pub fn table(results: &Results<'_>) -> String {
    let name = |n: usize| &results.engines[n].name;
    let comparisons = results.comparisons();
    let mut columns: Vec<String> = results.engines.iter().map(|e| e.name.clone()).collect();
    columns.extend(
        comparisons
            .iter()
            .map(|&(of, over)| format!("{}/{}", name(of), name(over))),
    );

    let mut out = String::new();
    let mut line = |first: &str, cells: &[String]| {
        let _ = write!(out, "{first:<12}");
        for (cell, column) in cells.iter().zip(&columns) {
            let _ = write!(out, " {cell:>0$}", width(column));
        }
        out.push('\n');
    };
    line("ms/iteration", &columns);
    for row in &results.rows {
        let times = row.cells.iter().map(|cell| time(results.ms(cell)));
        let ratios = comparisons
            .iter()
            .map(|&(of, over)| ratio(results.ratio(row, of, over)));
        line(row.program, &times.chain(ratios).collect::<Vec<_>>());
    }
    let means = results.means();
    let mean = |&(of, over): &(usize, usize)| {
        let found = means.iter().find(|m| (m.of, m.over) == (of, over));
        ratio(found.map(|m| m.ratio))
    };
    let blank = results.engines.iter().map(|_| String::new());
    line(
        "geomean",
        &blank
            .chain(comparisons.iter().map(mean))
            .collect::<Vec<_>>(),
    );
    out
}

/// `{"programs":[{"name":…,"ms":{ENGINE:…},"process_ms":{ENGINE:…}}],"geomean":{"A/B":…}}`; a program that failed somewhere also has
/// `"failed":{ENGINE:why}`.
pub fn json(results: &Results<'_>) -> Value {
    let rounded = |x: f64| json!((x * 1e6).round() / 1e6);
    let program = |row: &super::results::Row| {
        let (mut ms, mut process, mut failed) = (Map::new(), Map::new(), Map::new());
        for (cell, engine) in row.cells.iter().zip(results.engines) {
            let name = engine.name.clone();
            match cell {
                Ok(figure) => {
                    process.insert(name.clone(), rounded(figure.process));
                    ms.extend(results.ms(cell).map(|ms| (name, rounded(ms))));
                }
                Err(why) => {
                    failed.insert(name, json!(why));
                }
            }
        }
        let mut object = json!({ "name": row.program, "ms": ms, "process_ms": process });
        if !failed.is_empty() {
            object["failed"] = Value::Object(failed);
        }
        object
    };
    let name = |n: usize| &results.engines[n].name;
    let means = results.means();
    let geomean: Map<String, Value> = means
        .iter()
        .map(|m| {
            let key = format!("{}/{}", name(m.of), name(m.over));
            (key, rounded(m.ratio))
        })
        .collect();
    json!({
        "programs": results.rows.iter().map(program).collect::<Vec<_>>(),
        "geomean": geomean,
    })
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::{engines, results};
    use super::*;

    #[test]
    fn table_has_times_ratios_and_means() {
        let engines = engines();
        let text = table(&results(&engines));
        let words: Vec<Vec<&str>> = text
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(
            words[1],
            [
                "a", "8.000", "2.000", "4.000", "1.000", "2.00", "8.00", "0.25", "0.50", "2.00"
            ]
        );
        assert_eq!(words[2][3], "failed");
        assert_eq!(
            words[4],
            ["geomean", "4.00", "8.00", "0.18", "0.50", "1.41"]
        );
    }

    #[test]
    fn json_has_times_means_and_failures() {
        let engines = engines();
        let value = json(&results(&engines));
        assert_eq!(value["programs"][0]["ms"]["opt"], 2.0);
        assert_eq!(value["programs"][0]["process_ms"]["opt"], 20.0);
        assert!(value["programs"][0].get("failed").is_none());
        assert_eq!(value["programs"][1]["failed"]["mono"], "signal 11: oh");
        assert!(value["programs"][1]["ms"].get("mono").is_none());
        assert_eq!(value["geomean"]["opt/mono"], 0.5);
    }
}
