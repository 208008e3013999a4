//! Stack IR: generated programs in batches, compared with the interpreter, and a reducer for those that differ.
//!
//! - [`engines`]: the engines and how they are started
//! - [`reduce`]: smaller programs that still differ
//! - `edit`: the changes that the reducer tries

mod edit;
pub mod engines;
pub mod reduce;

use crate::work::{Finding, Report, Scratch};
use engines::{ENGINES, Engine, Expected, STEPS, difference, expected, interpreted, valid};
use isthmus_frontend_ir::generate;
use isthmus_frontend_ir::module::Module;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// This program, which runs engines.
    pub program: PathBuf,
    /// First seed.
    pub from: u64,
    /// Programs.
    pub programs: u64,
    /// Programs in a process.
    pub batch: u64,
    /// Where programs that differ go.
    pub keep: PathBuf,
    /// Reduce them.
    pub reduce: bool,
    /// Run every engine on every batch.
    pub thorough: bool,
}

impl Plan {
    /// Number of batches.
    pub fn batches(&self) -> u64 {
        self.programs.div_ceil(self.batch.max(1))
    }
}

/// A program alone has this on one engine; a batch, which takes a second on a quiet machine, has five times as much.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs one batch of the plan, in copies of this process, which must have one thread.
pub fn batch(plan: &Plan, number: u64) -> Report {
    let first = plan.from + number * plan.batch;
    let last = (first + plan.batch).min(plan.from + plan.programs);
    let mut report = Report::default();
    let scratch = match Scratch::new() {
        Ok(scratch) => scratch,
        Err(error) => {
            report.findings.push(Finding {
                file: std::env::temp_dir(),
                what: error.to_string(),
            });
            return report;
        }
    };
    let seeds: Vec<u64> = (first..last).collect();
    let Reference {
        seeds,
        module,
        wanted,
    } = match reference(seeds, &mut report) {
        Ok(found) => found,
        Err((seed, why)) => {
            report.findings.push(kept(plan, seed, "generator", why));
            return report;
        }
    };
    report.compared += seeds.len() as u64;
    for engine in ENGINES {
        if !plan.thorough && !number.is_multiple_of(engine.every) {
            continue;
        }
        report.runs += 1;
        let got = engine.run_copy(&module, LIMIT * 5);
        let Some(what) = difference(&got, &wanted) else {
            continue;
        };
        let alone: Vec<Finding> = seeds
            .iter()
            .filter_map(|&seed| one(plan, engine, seed, scratch.path()))
            .collect();
        if alone.is_empty() {
            // Only together.
            let name = format!("batch-{first}-{last}-{}.sir", engine.name);
            let to = plan.keep.join(name);
            let _ = std::fs::create_dir_all(&plan.keep);
            let _ = std::fs::write(&to, generate::batch(seeds.iter().copied()));
            let what = format!("{}: {what}", engine.name);
            report.findings.push(Finding { file: to, what });
        }
        report.findings.extend(alone);
    }
    report
}

/// A batch whose programs end in time.
struct Reference {
    seeds: Vec<u64>,
    module: Module,
    /// What it must print.
    wanted: String,
}

/// A batch of those of the seeds whose programs end in time. `Err`: the seed of a program that is not valid, and why.
fn reference(seeds: Vec<u64>, report: &mut Report) -> Result<Reference, (u64, String)> {
    let first = seeds.first().copied().unwrap_or(0);
    let all = |seeds: &[u64]| match valid(&generate::batch(seeds.iter().copied())) {
        Ok(module) => {
            let steps = STEPS * seeds.len() as u64 / 4 + STEPS;
            let said = interpreted(&module, steps);
            Ok((module, said))
        }
        Err(why) => Err(why),
    };
    if let Ok((module, Expected::Text(wanted))) = all(&seeds) {
        return Ok(Reference {
            seeds,
            module,
            wanted,
        });
    }
    // Which of them?
    let mut short = Vec::new();
    for seed in seeds {
        match expected(&generate::program(seed), STEPS / 8) {
            Expected::Text(_) => short.push(seed),
            Expected::Long => report.long += 1,
            Expected::Invalid(why) => return Err((seed, why)),
        }
    }
    match all(&short).map_err(|why| (first, format!("the batch: {why}")))? {
        (module, Expected::Text(wanted)) => Ok(Reference {
            seeds: short,
            module,
            wanted,
        }),
        (_, Expected::Long) => Err((first, "the batch runs long, its programs do not".into())),
        (_, Expected::Invalid(why)) => Err((first, format!("the batch: {why}"))),
    }
}

/// Writes the program of a seed to the folder of findings.
fn kept(plan: &Plan, seed: u64, engine: &str, what: String) -> Finding {
    let file = plan.keep.join(format!("{seed}-{engine}.sir"));
    let _ = std::fs::create_dir_all(&plan.keep);
    let _ = std::fs::write(&file, generate::program(seed));
    Finding {
        file,
        what: format!("{engine}: {what}"),
    }
}

/// Runs the program of one seed on one engine.
fn one(plan: &Plan, engine: &Engine, seed: u64, scratch: &Path) -> Option<Finding> {
    let source = generate::program(seed);
    let Expected::Text(wanted) = expected(&source, STEPS) else {
        return None;
    };
    let file = scratch.join("one.sir");
    std::fs::write(&file, &source).ok()?;
    let what = difference(&engine.run_apart(&plan.program, &file, LIMIT), &wanted)?;
    let mut finding = kept(plan, seed, engine.name, what);
    if plan.reduce
        && let Ok(small) = reduce::reduce(&plan.program, engine, &source, scratch)
    {
        finding.file.set_extension("small.sir");
        let _ = std::fs::write(&finding.file, small);
    }
    Some(finding)
}
