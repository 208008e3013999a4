//! `micro-bench [--runs N] [FILTER…]`: what single operations cost on isthmus and on mono.
//!
//! Compiles `tests/bench/micro.cs` and runs each of its benchmarks in a process of its own, on every engine in turn, so that a
//! crash costs one figure and other load on the machine hits all engines alike. Prints a Markdown table of nanoseconds for an
//! operation, the best of all runs. A FILTER is a part of a benchmark's name. Exit code 1: a benchmark failed on isthmus, or its
//! checksum is not that of mono.
//!
//! The isthmus command is `$ISTHMUS`, else the release build in the target folder: `./x micro` makes that first.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, SystemTime};

use isthmus_child_process as child;
use isthmus_tests::programs::{project_root, target_dir};

const USAGE: &str = "usage: micro-bench [--runs N] [FILTER...]";

/// Time for one benchmark.
const LIMIT: Duration = Duration::from_secs(60);

/// The columns: name, and how a program is run. `ISTHMUS` stands for the isthmus command.
const ENGINES: &[(&str, &[&str])] = &[
    ("baseline", &["ISTHMUS", "run", "--tier", "baseline"]),
    ("opt", &["ISTHMUS", "run", "--tier", "opt"]),
    // Without precompiled class libraries: both just-in-time compile all.
    ("mono", &["mono", "-O=-aot"]),
];

/// The column that checksums are compared with.
const REFERENCE: usize = 2;

/// What one run printed.
#[derive(Clone, Debug)]
struct Figure {
    name: String,
    nanoseconds: f64,
    checksum: String,
}

/// The best of several runs, or what went wrong.
type Cell = Result<Figure, String>;

fn isthmus() -> Result<PathBuf, String> {
    let path = match std::env::var_os("ISTHMUS") {
        Some(path) => std::path::absolute(path).map_err(|e| e.to_string())?,
        None => target_dir().join("release").join("isthmus"),
    };
    if path.exists() {
        Ok(path)
    } else {
        Err(format!("there is no {}: run `./x build`", path.display()))
    }
}

/// Compiles the benchmarks unless that was done since they changed.
fn compile() -> Result<PathBuf, String> {
    let source = project_root().join("tests/bench/micro.cs");
    let exe = target_dir().join("programs").join("micro.exe");
    let age = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    if age(&exe) > age(&source) {
        return Ok(exe);
    }
    fs::create_dir_all(target_dir().join("programs")).map_err(|e| e.to_string())?;
    let done = Command::new("mcs")
        .args(["-nologo", "-optimize+"])
        .arg(format!("-out:{}", exe.display()))
        .arg(source)
        .status()
        .map_err(|e| format!("cannot run `mcs` ({e}); `./x setup` installs it"))?;
    if done.success() {
        Ok(exe)
    } else {
        Err("mcs failed".to_owned())
    }
}

/// Runs the program and returns its last line.
fn run(engine: &[&str], isthmus: &Path, exe: &Path, arg: Option<usize>) -> Result<String, String> {
    let mut command = match engine[0] {
        "ISTHMUS" => Command::new(isthmus),
        other => Command::new(other),
    };
    command.args(&engine[1..]).arg(exe);
    command.args(arg.map(|n| n.to_string()));
    let outcome = child::run(&mut command, "", LIMIT).map_err(|e| e.to_string())?;
    match outcome.failure() {
        None => {
            let text = String::from_utf8_lossy(&outcome.stdout);
            Ok(text.lines().last().unwrap_or_default().to_owned())
        }
        Some(why) => Err(why),
    }
}

fn parse(line: &str) -> Option<Figure> {
    let mut parts = line.split('\t');
    Some(Figure {
        name: parts.next()?.to_owned(),
        nanoseconds: parts.next()?.parse().ok()?,
        checksum: parts.next()?.to_owned(),
    })
}

fn measure(engine: &[&str], isthmus: &Path, exe: &Path, number: usize) -> Cell {
    let line = run(engine, isthmus, exe, Some(number))?;
    parse(&line).ok_or_else(|| format!("printed `{line}`"))
}

/// The better of what there was and a new run. A failure stays.
fn better(old: Option<Cell>, new: Cell) -> Cell {
    match (old, new) {
        (Some(Err(e)), _) | (_, Err(e)) => Err(e),
        (Some(Ok(a)), Ok(b)) if a.nanoseconds <= b.nanoseconds => Ok(a),
        (_, Ok(b)) => Ok(b),
    }
}

fn text(cell: &Cell) -> String {
    match cell {
        Ok(figure) if figure.nanoseconds < 100.0 => format!("{:.2}", figure.nanoseconds),
        Ok(figure) => format!("{:.0}", figure.nanoseconds),
        Err(_) => "failed".to_owned(),
    }
}

/// Time of the optimizing tier over mono's.
fn ratio(row: &[Cell]) -> String {
    match (&row[1], &row[REFERENCE]) {
        (Ok(opt), Ok(mono)) if mono.nanoseconds > 0.0 => {
            format!("{:.2}", opt.nanoseconds / mono.nanoseconds)
        }
        _ => String::new(),
    }
}

fn bench(runs: usize, filters: &[String]) -> Result<bool, String> {
    let isthmus = isthmus()?;
    let exe = compile()?;
    let count: usize = run(ENGINES[REFERENCE].1, &isthmus, &exe, None)?
        .parse()
        .map_err(|_| "micro.exe prints no number of benchmarks".to_owned())?;
    let names: Vec<&str> = ENGINES.iter().map(|e| e.0).collect();
    println!("| operation, ns | {} | opt / mono |", names.join(" | "));
    println!("| --- |{} ---: |", " ---: |".repeat(names.len()));
    let mut problems = Vec::new();
    for number in 0..count {
        let reference = measure(ENGINES[REFERENCE].1, &isthmus, &exe, number)?;
        let wanted = filters.is_empty() || filters.iter().any(|f| reference.name.contains(f));
        if !wanted {
            continue;
        }
        let mut row: Vec<Option<Cell>> = vec![None; ENGINES.len()];
        for _ in 0..runs {
            for (cell, engine) in row.iter_mut().zip(ENGINES) {
                let new = match cell {
                    Some(Err(_)) => continue,
                    _ => measure(engine.1, &isthmus, &exe, number),
                };
                *cell = Some(better(cell.take(), new));
            }
        }
        let row: Vec<Cell> = row.into_iter().flatten().collect();
        for (cell, engine) in row.iter().zip(ENGINES) {
            match cell {
                Err(e) => problems.push(format!("{}, {}: {e}", reference.name, engine.0)),
                Ok(figure) if figure.checksum != reference.checksum => problems.push(format!(
                    "{}, {}: checksum {} instead of {}",
                    reference.name, engine.0, figure.checksum, reference.checksum
                )),
                Ok(_) => {}
            }
        }
        let cells: Vec<String> = row.iter().map(text).collect();
        println!(
            "| {} | {} | {} |",
            reference.name,
            cells.join(" | "),
            ratio(&row)
        );
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    Ok(problems.is_empty())
}

fn arguments() -> Result<(usize, Vec<String>), String> {
    let mut runs = 3;
    let mut filters = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--runs" => {
                let value = words.next().and_then(|n| n.parse().ok());
                runs = value.filter(|&n| n > 0).ok_or(USAGE)?;
            }
            word if word.starts_with('-') => return Err(USAGE.to_owned()),
            _ => filters.push(word),
        }
    }
    Ok((runs, filters))
}

fn main() -> ExitCode {
    match arguments().and_then(|(runs, filters)| bench(runs, &filters)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}
