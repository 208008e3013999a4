//! `isthmus-toyvm`: runs a `.sir` program by the interpreter or either compiler.

use clap::{Parser, ValueEnum};
use isthmus_frontend_ir::interp::{self, End, Limits, Outcome};
use isthmus_frontend_ir::{text, verify};
use isthmus_toyvm::{Options, Stats, Tier};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Engine {
    /// The stack IR interpreter.
    Interp,
    /// Machine code of the one-pass compiler.
    Baseline,
    /// Machine code of the optimizing compiler.
    Opt,
}

/// Runs a .sir program; its exit code is main's result.
#[derive(Parser, Debug)]
struct Args {
    /// What runs it.
    #[arg(long, value_enum, default_value = "opt")]
    tier: Engine,
    /// Collect every N allocations.
    #[arg(long, value_name = "N", default_value_t = 0)]
    gc_stress: u32,
    /// A method that the optimizing compiler declines is an error.
    #[arg(long)]
    no_fallback: bool,
    /// Say what was compiled, declined and collected.
    #[arg(long)]
    stats: bool,
    /// Compare with the program's `// expect:` block instead of printing; exit code 0 if they agree.
    #[arg(long)]
    check: bool,
    /// The program.
    file: PathBuf,
}

fn run(args: &Args, source: &str) -> Result<(Outcome, Stats), String> {
    let module = text::parse(source).map_err(|e| format!("{}:{e}", args.file.display()))?;
    for method in module.method_ids() {
        if let Some(body) = &module.method_def(method).body {
            verify::verify(&module, body).map_err(|e| e.to_string())?;
        }
    }
    let tier = match args.tier {
        Engine::Interp => {
            let outcome = interp::run(&module, Limits::default()).map_err(|e| e.to_string())?;
            return Ok((outcome, Stats::default()));
        }
        Engine::Baseline => Tier::Baseline,
        Engine::Opt => Tier::Opt,
    };
    let options = Options {
        tier,
        no_fallback: args.no_fallback,
        gc_stress: args.gc_stress,
    };
    isthmus_toyvm::run(module, options).map_err(|e| e.to_string())
}

fn check(source: &str, outcome: &Outcome) -> bool {
    let got = outcome.to_string();
    let Some(wanted) = interp::expected(source) else {
        eprintln!("the program has no expect block");
        return false;
    };
    if got == wanted {
        return true;
    }
    let differs = std::iter::zip(got.lines(), wanted.lines()).position(|(a, b)| a != b);
    let line = differs.unwrap_or(got.lines().count().min(wanted.lines().count()));
    let at = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_string();
    eprintln!("line {}: {} instead of {}", line + 1, at(&got), at(&wanted));
    false
}

fn main() -> ExitCode {
    let args = Args::parse();
    let source = match std::fs::read_to_string(&args.file) {
        Ok(source) => source,
        Err(error) => {
            eprintln!("{}: {error}", args.file.display());
            return ExitCode::FAILURE;
        }
    };
    let (outcome, stats) = match run(&args, &source) {
        Ok(done) => done,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if args.stats {
        eprintln!(
            "{} baseline, {} optimized, {} declined, {} us compiling, {} collections",
            stats.baseline,
            stats.optimized,
            stats.declined.len(),
            stats.compile_us,
            stats.collections
        );
        for why in &stats.declined {
            eprintln!("declined: {why}");
        }
    }
    let code = if args.check {
        i32::from(!check(&source, &outcome))
    } else {
        for line in &outcome.output {
            println!("{line}");
        }
        match &outcome.end {
            End::Exit(code) => *code,
            End::Unhandled(class) => {
                eprintln!("unhandled exception: {class}");
                1
            }
        }
    };
    // At once: threads of the program that still run must not outlive what they use.
    std::process::exit(code)
}
