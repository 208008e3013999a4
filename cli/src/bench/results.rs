//! Figures of all programs on all engines, checks of them, and geometric means.

use super::engine::{Engine, Figure, Mode};
use super::programs::Program;
use anyhow::Result;
use clap::ValueEnum;
use indicatif::ProgressBar;
use std::path::Path;

/// Which iteration of a process counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Statistic {
    /// The fastest.
    Best,
    /// The one in the middle: contains what comes only now and then, such as collections.
    Median,
}

/// Which clock counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Clock {
    /// Time that passes.
    Wall,
    /// Processor time of all threads: other load on the machine changes it less.
    Processor,
}

/// What an engine made of a program: the best figures of all its processes, or what went wrong.
pub type Cell = Result<Figure, String>;

/// A program on all engines.
pub struct Row {
    /// The program.
    pub program: &'static str,
    /// In order of the engines.
    pub cells: Vec<Cell>,
}

/// Everything measured.
pub struct Results<'e> {
    /// The columns.
    pub engines: &'e [Engine],
    /// The programs.
    pub rows: Vec<Row>,
    clock: Clock,
    statistic: Statistic,
}

/// Geometric mean of the quotients of two engines.
pub struct Mean {
    /// Index of the engine above.
    pub of: usize,
    /// Index of the engine below.
    pub over: usize,
    /// The mean.
    pub ratio: f64,
}

impl<'e> Results<'e> {
    /// No results yet.
    pub fn new(engines: &'e [Engine], clock: Clock, statistic: Statistic) -> Self {
        Results {
            engines,
            rows: Vec::new(),
            clock,
            statistic,
        }
    }

    /// Adds a row: `runs` rounds of a process on each engine in turn, so that other load on the machine hits all engines alike.
    /// An engine that failed is not tried again.
    pub fn measure(
        &mut self,
        program: &Program,
        exe: &Path,
        mode: Mode,
        runs: u32,
        bar: &ProgressBar,
    ) -> Result<()> {
        let mut cells: Vec<Option<Cell>> = self.engines.iter().map(|_| None).collect();
        for _ in 0..runs {
            for (cell, engine) in cells.iter_mut().zip(self.engines) {
                bar.set_message(format!("{} on {}", program.name, engine.name));
                if !matches!(cell, Some(Err(_))) {
                    *cell = Some(better(cell.take(), engine.run(program, exe, mode)?));
                }
                bar.inc(1);
            }
        }
        self.rows.push(Row {
            program: program.name,
            cells: cells.into_iter().flatten().collect(),
        });
        Ok(())
    }

    /// Milliseconds of an iteration.
    pub fn ms(&self, cell: &Cell) -> Option<f64> {
        let figure = cell.as_ref().ok()?;
        let iteration = match self.clock {
            Clock::Wall => figure.wall,
            Clock::Processor => figure.processor,
        };
        Some(match self.statistic {
            Statistic::Best => iteration.best,
            Statistic::Median => iteration.median,
        })
    }

    /// Time of one engine over that of another.
    pub fn ratio(&self, row: &Row, of: usize, over: usize) -> Option<f64> {
        let (a, b) = (self.ms(&row.cells[of])?, self.ms(&row.cells[over])?);
        (a > 0.0 && b > 0.0).then(|| a / b)
    }

    /// The comparisons of interest: each tier with the tiers before it and with all peers.
    pub fn comparisons(&self) -> Vec<(usize, usize)> {
        let mut pairs = Vec::new();
        for (of, engine) in self.engines.iter().enumerate() {
            let others = self.engines.iter().enumerate();
            pairs.extend(
                others
                    .filter(|(over, other)| {
                        engine.is_tier() && (*over < of || !other.is_tier()) && *over != of
                    })
                    .map(|(over, _)| (of, over)),
            );
        }
        pairs
    }

    /// Geometric means of the comparisons, each over the programs that both engines ran.
    pub fn means(&self) -> Vec<Mean> {
        let mean = |&(of, over): &(usize, usize)| {
            let logs: Vec<f64> = self
                .rows
                .iter()
                .filter_map(|row| Some(self.ratio(row, of, over)?.ln()))
                .collect();
            let ratio = (logs.iter().sum::<f64>() / logs.len() as f64).exp();
            (!logs.is_empty()).then_some(Mean { of, over, ratio })
        };
        self.comparisons().iter().filter_map(mean).collect()
    }

    /// What went wrong, a line each.
    pub fn problems(&self) -> Vec<String> {
        let mut all = Vec::new();
        for row in &self.rows {
            for (cell, engine) in row.cells.iter().zip(self.engines) {
                if let Err(why) = cell {
                    all.push(format!("{} on {}: {why}", row.program, engine.name));
                }
            }
        }
        all
    }
}

/// The better of what there was and a new run, figure by figure. A failure stays.
fn better(old: Option<Cell>, new: Cell) -> Cell {
    let (old, new) = match old {
        None => return new,
        Some(old) => (old?, new?),
    };
    Ok(Figure {
        wall: old.wall.min(new.wall),
        processor: old.processor.min(new.processor),
        process: old.process.min(new.process),
    })
}

#[cfg(test)]
pub mod tests {
    use super::super::engine::Iteration;
    use super::*;
    use crate::run::Tier;

    fn figure(ms: f64) -> Cell {
        let iteration = |ms| Iteration {
            best: ms / 2.0,
            median: ms,
        };
        Ok(Figure {
            wall: iteration(ms),
            processor: iteration(ms + 1.0),
            process: 10.0 * ms,
        })
    }

    pub fn engines() -> Vec<Engine> {
        let peer = |name: &str| (name.to_owned(), "true".to_owned());
        Engine::all(&[Tier::Baseline, Tier::Opt], &[peer("mono"), peer("other")]).unwrap()
    }

    pub fn results(engines: &[Engine]) -> Results<'_> {
        let mut results = Results::new(engines, Clock::Wall, Statistic::Median);
        let failed = || Err("signal 11: oh".to_owned());
        let mut row = |program, cells: [Cell; 4]| {
            let cells = cells.into();
            results.rows.push(Row { program, cells });
        };
        row("a", [8.0, 2.0, 4.0, 1.0].map(figure));
        row("b", [figure(8.0), figure(1.0), failed(), figure(1.0)]);
        row("c", [figure(8.0), failed(), figure(1.0), failed()]);
        results
    }

    #[test]
    fn means_leave_out_what_failed() {
        let engines = engines();
        let results = results(&engines);
        let means: Vec<(usize, usize, f64)> = results
            .means()
            .iter()
            .map(|m| (m.of, m.over, (m.ratio * 1e6).round() / 1e6))
            .collect();
        let opt_baseline = (0.25f64 * 0.125).sqrt();
        let opt_other = 2f64.sqrt();
        let round = |x: f64| (x * 1e6).round() / 1e6;
        assert_eq!(
            means,
            [
                (0, 2, 4.0),
                (0, 3, 8.0),
                (1, 0, round(opt_baseline)),
                (1, 2, 0.5),
                (1, 3, round(opt_other)),
            ]
        );
    }

    #[test]
    fn problems_name_program_and_engine() {
        let engines = engines();
        assert_eq!(
            results(&engines).problems(),
            [
                "b on mono: signal 11: oh",
                "c on opt: signal 11: oh",
                "c on other: signal 11: oh",
            ]
        );
    }

    #[test]
    fn the_better_run_counts_and_a_failure_stays() {
        let both = better(Some(figure(3.0)), figure(2.0)).unwrap();
        assert_eq!((both.wall.median, both.processor.best), (2.0, 1.5));
        assert!(better(Some(figure(3.0)), Err("no".to_owned())).is_err());
    }
}
