//! `isthmus bench`: measures C# programs in every tier and on other machines, and compares what they print.
//!
//! ```text
//! programs ──compile (mcs)──▶ .exe in the cache ──▶ measure: for each program, for each run, for each engine ──▶ results
//!                                                    a process prints checksum and time of an iteration           │
//!                                                                                  table, JSON, SVG ◀─────────────┘
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | [`programs`] | the programs, as a table |
//! | [`compile`] | program → `.exe` in the cache |
//! | [`engine`] | what runs a program: a tier of this command, or a peer |
//! | [`results`] | figures, checks, geometric means |
//! | [`report`] | table and JSON |
//! | [`chart`] | SVG |

mod chart;
mod compile;
mod engine;
mod programs;
mod report;
mod results;

use crate::output::{out, outln};
use crate::progress;
use crate::run::Tier;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use engine::{Engine, Mode};
use programs::Program;
use results::{Clock, Results, Statistic};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `bench`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Compare with another machine: a shell command that the path of the program is appended to.
    #[arg(long, value_name = "NAME=COMMAND", value_parser = engine::parse_peer)]
    vs: Vec<(String, String)>,
    /// Tiers to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Tier::value_variants().to_vec())]
    tiers: Vec<Tier>,
    /// Only programs whose name matches this regular expression.
    #[arg(long, value_name = "RE")]
    filter: Option<regex_lite::Regex>,
    /// Do one iteration of each program and compare checksums, nothing else.
    #[arg(long)]
    check: bool,
    /// Processes for each program on each engine; the best one counts.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Which clock counts.
    #[arg(long, value_enum, default_value = "wall")]
    clock: Clock,
    /// Which iteration of a process counts. On a machine that is busy with other things, the best one says more.
    #[arg(long, value_enum, default_value = "median")]
    statistic: Statistic,
    /// Write a bar chart to this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Where compiled programs are kept (default: `isthmus/bench` in the user's cache folder).
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Print the names of the programs and what they measure, and end.
    #[arg(long)]
    list: bool,
}

/// Compiles, runs, reports. Exit code 1: a program failed, or checksums differ.
pub fn run(args: Args) -> Result<ExitCode> {
    let chosen: Vec<&Program> = programs::ALL
        .iter()
        .filter(|p| args.filter.as_ref().is_none_or(|f| f.is_match(p.name)))
        .collect();
    if chosen.is_empty() {
        bail!("no program matches; `isthmus bench --list` names them");
    }
    if args.list {
        for program in chosen {
            outln!("{:<12} {}", program.name, program.summary());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let engines = Engine::all(&args.tiers, &args.vs)?;
    let (mode, runs) = match args.check {
        true => (Mode::Check, 1),
        false => (Mode::Measure, args.runs),
    };
    if cfg!(debug_assertions) && mode == Mode::Measure {
        isthmus_rt::report!("isthmus: this is a development build; the figures say little");
    }
    let cache = match args.cache {
        Some(folder) => folder,
        None => compile::default_cache()?,
    };
    let programs = compile::all(&chosen, &cache, &progress::bar(chosen.len(), "compiling"))?;

    let steps = programs.len() * engines.len() * runs as usize;
    let bar = progress::bar(steps, "measuring");
    let mut results = Results::new(&engines, args.clock, args.statistic);
    for (program, exe) in &programs {
        results.measure(program, exe, mode, runs, &bar)?;
    }
    bar.finish_and_clear();

    let problems = results.problems();
    if mode == Mode::Check {
        let right = steps - problems.len();
        outln!("{right} of {steps} checksums are right");
    } else if args.json {
        outln!("{}", report::json(&results));
    } else {
        out!("{}", report::table(&results));
    }
    if let Some(file) = args.svg.filter(|_| mode == Mode::Measure) {
        std::fs::write(&file, chart::svg(&results)).with_context(|| file.display().to_string())?;
    }
    for problem in &problems {
        isthmus_rt::report!("isthmus: {problem}");
    }
    Ok(ExitCode::from(u8::from(!problems.is_empty())))
}
