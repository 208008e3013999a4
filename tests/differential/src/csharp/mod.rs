//! C#: generated methods, many in an assembly, on Isthmus and on Mono.
//!
//! - `generate`, `types`, `expressions`, `statements`: the generator
//! - `support.cs`: the classes that generated methods use
//! - `reduce`: fewer lines on which Isthmus still differs

mod expressions;
mod generate;
mod reduce;
mod statements;
mod types;

use crate::work::{Finding, Report, Scratch};
use isthmus_child_process::{self as child, End};
use isthmus_tests::programs::engine::Engine;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What a run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The `isthmus` command.
    pub isthmus: PathBuf,
    /// First seed.
    pub from: u64,
    /// Methods that are compared.
    pub methods: u64,
    /// Methods in one assembly.
    pub batch: u64,
    /// Where programs that differ go.
    pub keep: PathBuf,
    /// Reduce them.
    pub reduce: bool,
}

impl Plan {
    /// Seeds in an assembly: each is a group of methods.
    fn seeds(&self) -> u64 {
        (self.batch / generate::GROUP as u64).max(1)
    }

    /// Number of batches.
    pub fn batches(&self) -> u64 {
        self.methods.div_ceil(self.seeds() * generate::GROUP as u64)
    }
}

/// Switches of `isthmus run`: name, switches, one batch in so many.
const MODES: &[(&str, &[&str], u64)] = &[
    ("baseline", &["--tier", "baseline"], 1),
    ("opt", &["--tier", "opt"], 1),
    (
        "auto",
        &[
            "--tier",
            "auto",
            "--tier-up-calls",
            "2",
            "--tier-up-loops",
            "2",
            "--tier-up-at-once",
        ],
        4,
    ),
    ("opt-gc", &["--tier", "opt", "--gc-stress"], 8),
];

/// The `isthmus` command: `$ISTHMUS`, or the newest one built.
pub fn isthmus() -> anyhow::Result<PathBuf> {
    match Engine::isthmus() {
        Ok(Engine::Isthmus(path)) => Ok(path),
        Ok(Engine::Mono) => anyhow::bail!("Mono is the reference"),
        Err(why) => anyhow::bail!(why),
    }
}

/// A batch runs for seconds.
const LIMIT: Duration = Duration::from_secs(300);

/// Compiles C#. `Err`: what the compiler said.
fn compile(source: &str, folder: &Path, name: &str) -> Result<PathBuf, String> {
    let (file, exe) = (
        folder.join(format!("{name}.cs")),
        folder.join(format!("{name}.exe")),
    );
    std::fs::write(&file, source).map_err(|e| e.to_string())?;
    let mut command = Command::new("mcs");
    command
        .args(["-nologo", "-unsafe", "-warn:0", "-r:System.Core"])
        .arg(format!("-out:{}", exe.display()))
        .arg(&file);
    match child::run(&mut command, "", LIMIT) {
        Ok(outcome) if outcome.end == End::Exit(0) => Ok(exe),
        Ok(outcome) => Err(outcome.failure().unwrap_or_default()),
        Err(error) => Err(error.to_string()),
    }
}

/// Before the words that say how a program ended, if not well.
const FAILED: &str = "!! ";

/// What a program prints, and how it ended if not well.
fn output(command: &mut Command, exe: &Path) -> String {
    match child::run(command.arg(exe), "", LIMIT) {
        Ok(outcome) => {
            let mut text = String::from_utf8_lossy(&outcome.stdout).into_owned();
            if let Some(why) = outcome.failure() {
                text.push_str(&format!("{FAILED}{why}\n"));
            }
            text
        }
        Err(error) => format!("{FAILED}{error}\n"),
    }
}

fn on_mono(exe: &Path) -> String {
    output(&mut Command::new("mono"), exe)
}

fn on_isthmus(isthmus: &Path, switches: &[&str], exe: &Path) -> String {
    output(Command::new(isthmus).arg("run").args(switches), exe)
}

/// Runs one batch of the plan.
pub fn batch(plan: &Plan, number: u64) -> Report {
    let first = plan.from + number * plan.seeds();
    let seeds: Vec<u64> = (first..first + plan.seeds()).collect();
    let mut report = Report::default();
    let done = Scratch::new()
        .map_err(|e| e.to_string())
        .and_then(|scratch| compare(plan, number, &seeds, scratch.path(), &mut report));
    if let Err(what) = done {
        let file = plan.keep.clone();
        report.findings.push(Finding { file, what });
    }
    report
}

/// Compares one assembly of these seeds. What Mono cannot run is taken apart; a single seed that it cannot run is left out.
fn compare(
    plan: &Plan,
    number: u64,
    seeds: &[u64],
    scratch: &Path,
    report: &mut Report,
) -> Result<(), String> {
    let source = generate::program(seeds.iter().copied());
    let exe = compile(&source, scratch, "batch").map_err(|why| {
        let _ = std::fs::create_dir_all(&plan.keep);
        let name = format!("{}-refused.cs", seeds.first().unwrap_or(&0));
        let file = plan.keep.join(name);
        let _ = std::fs::write(&file, &source);
        format!("{}: mcs: {why}", file.display())
    })?;
    let wanted = on_mono(&exe);
    if wanted.contains(FAILED) {
        if seeds.len() == 1 {
            report.refused += generate::GROUP as u64;
            return Ok(());
        }
        let (a, b) = seeds.split_at(seeds.len() / 2);
        compare(plan, number, a, scratch, report)?;
        return compare(plan, number, b, scratch, report);
    }
    report.compared += (seeds.len() * generate::GROUP) as u64;
    for (name, switches, every) in MODES {
        if !number.is_multiple_of(*every) {
            continue;
        }
        report.runs += 1;
        let got = on_isthmus(&plan.isthmus, switches, &exe);
        if got != wanted {
            let found = differing(plan, name, switches, seeds, &got, &wanted, scratch);
            report.findings.extend(found);
        }
    }
    Ok(())
}

/// Programs of single seeds for the lines that differ.
fn differing(
    plan: &Plan,
    name: &str,
    switches: &[&str],
    all: &[u64],
    got: &str,
    wanted: &str,
    scratch: &Path,
) -> Vec<Finding> {
    let (got, wanted): (Vec<&str>, Vec<&str>) = (got.lines().collect(), wanted.lines().collect());
    // A line for each seed, in order. After a crash the rest is missing: only the first of these is looked at.
    let mut wrong: Vec<u64> = Vec::new();
    for (i, &seed) in all.iter().enumerate() {
        if got.get(i) != wanted.get(i) {
            wrong.push(seed);
            if i + 1 >= got.len() {
                break;
            }
        }
    }
    let mut findings = Vec::new();
    for seed in wrong.into_iter().take(5) {
        let _ = std::fs::create_dir_all(&plan.keep);
        let source = generate::program(std::iter::once(seed));
        let mut finding = Finding {
            file: plan.keep.join(format!("{seed}-{name}.cs")),
            what: format!("{name}: differs from mono in a batch only"),
        };
        let _ = std::fs::write(&finding.file, &source);
        if let Ok(exe) = compile(&source, scratch, "one") {
            let (mono, ours) = (on_mono(&exe), on_isthmus(&plan.isthmus, switches, &exe));
            if mono != ours && !mono.contains(FAILED) {
                finding.what = format!("{name}: {} instead of {}", ours.trim(), mono.trim());
                if plan.reduce {
                    let small = reduce::reduce(&plan.isthmus, switches, &source, scratch);
                    finding.file = plan.keep.join(format!("{seed}-{name}.small.cs"));
                    let _ = std::fs::write(&finding.file, small);
                }
            }
        }
        findings.push(finding);
    }
    findings
}
