//! Collects verdicts into a table of program × mode.

use std::collections::BTreeMap;
use std::fmt;

use super::Verdict;

/// The verdicts of a run, by program and by mode.
#[derive(Debug, Default)]
pub struct Report {
    modes: Vec<String>,
    rows: BTreeMap<String, Vec<Option<Verdict>>>,
}

impl Report {
    pub fn new(modes: impl IntoIterator<Item = String>) -> Report {
        Report {
            modes: modes.into_iter().collect(),
            rows: BTreeMap::new(),
        }
    }

    /// Records how `program` fared in the mode with index `mode`.
    pub fn add(&mut self, program: &str, mode: usize, verdict: Verdict) {
        let width = self.modes.len();
        let row = self
            .rows
            .entry(program.to_owned())
            .or_insert_with(|| vec![None; width]);
        row[mode] = Some(verdict);
    }

    /// How many verdicts there are, and how many of them are passes.
    pub fn counts(&self) -> (usize, usize) {
        let verdicts = self.rows.values().flatten().flatten();
        verdicts.fold((0, 0), |(all, passed), verdict| {
            (all + 1, passed + usize::from(verdict.passed()))
        })
    }

    pub fn all_passed(&self) -> bool {
        let (all, passed) = self.counts();
        all == passed
    }
}

/// The programs that failed somewhere, what happened in each mode, then the score of each mode.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed =
            |row: &&Vec<Option<Verdict>>| row.iter().flatten().any(|verdict| !verdict.passed());
        if self.rows.values().any(|row| failed(&row)) {
            write!(out, "{:<24}", "program")?;
            self.modes
                .iter()
                .try_for_each(|mode| write!(out, " {mode:<11}"))?;
            writeln!(out)?;
        }
        for (program, row) in self.rows.iter().filter(|(_, row)| failed(row)) {
            write!(out, "{program:<24}")?;
            for verdict in row {
                write!(out, " {:<11}", verdict.as_ref().map_or("-", Verdict::word))?;
            }
            writeln!(out)?;
            for (mode, verdict) in self.modes.iter().zip(row) {
                if let Some(verdict) = verdict.as_ref().filter(|verdict| !verdict.passed()) {
                    writeln!(out, "    {mode}: {verdict}")?;
                }
            }
        }
        for (index, mode) in self.modes.iter().enumerate() {
            let verdicts = || self.rows.values().filter_map(|row| row[index].as_ref());
            let passed = verdicts().filter(|verdict| verdict.passed()).count();
            writeln!(
                out,
                "{mode}: {passed} of {} programs pass",
                verdicts().count()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_are_rows_and_all_are_counted() {
        let mut report = Report::new(["one".to_owned(), "two".to_owned()]);
        report.add("good", 0, Verdict::Pass);
        report.add("bad", 0, Verdict::Pass);
        report.add("bad", 1, Verdict::TimeOut { lines: 4 });
        let text = report.to_string();
        assert!(!text.contains("good"), "{text}");
        assert!(
            text.contains("    two: timed out after 4 lines\n"),
            "{text}"
        );
        assert!(
            text.ends_with("one: 2 of 2 programs pass\ntwo: 0 of 1 programs pass\n"),
            "{text}"
        );
        assert_eq!(report.counts(), (3, 2));
        assert!(!report.all_passed());
    }
}
