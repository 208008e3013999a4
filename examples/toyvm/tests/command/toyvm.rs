//! `isthmus-toyvm`: runs a `.sir` program by the interpreter or either compiler.

use clap::{Parser, ValueEnum};
use isthmus_frontend_ir::interp::{self, End, Limits, Outcome, RunError};
use isthmus_frontend_ir::{generate, text, verify};
use isthmus_rt::gc::HeapOptions;
use isthmus_rt::tiers::Tiering;
use isthmus_runtime_abi::target::Arch;
use isthmus_toyvm::{Options, Stats, Tier};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Engine {
    /// The stack IR interpreter.
    Interp,
    /// The SSA interpreter: the optimizing compiler's input to code generation.
    SsaInterp,
    /// Machine code of the one-pass compiler.
    Baseline,
    /// Machine code of the optimizing compiler.
    Opt,
    /// Of the one-pass compiler first, of the optimizing one for what is hot.
    Auto,
}

/// Runs a .sir program; its exit code is main's result.
#[derive(Parser, Debug)]
struct Args {
    /// What runs it.
    #[arg(long, value_enum, default_value = "opt")]
    tier: Engine,
    /// With auto: calls of a method, or turns of a loop, until it is optimized.
    #[arg(long, value_name = "N")]
    tier_up: Option<u32>,
    /// With auto: compile on a thread of its own.
    #[arg(long)]
    background: bool,
    /// Collect every N allocations.
    #[arg(long, value_name = "N", default_value_t = 0)]
    gc_stress: u32,
    /// Options of the heap, like `max=64m,move=always`.
    #[arg(long, value_name = "OPTIONS", default_value = "")]
    heap: String,
    /// A method that the optimizing compiler declines is an error.
    #[arg(long)]
    no_fallback: bool,
    /// Say what was compiled, declined and collected.
    #[arg(long)]
    stats: bool,
    /// Compare with the program's `// expect:` block instead of printing; exit code 0 if they agree.
    #[arg(long)]
    check: bool,
    /// Instead of a file: the generated program of this number, compared with the interpreter.
    #[arg(long, value_name = "SEED", conflicts_with = "file")]
    random: Option<u64>,
    /// Print the generated program and do not run it.
    #[arg(long, requires = "random")]
    show: bool,
    /// The program.
    #[arg(required_unless_present = "random")]
    file: Option<PathBuf>,
}

/// Steps after which the interpreter gives up on a generated program.
const RANDOM_STEPS: u64 = 2_000_000;

fn run(args: &Args, source: &str) -> Result<(Outcome, Stats), String> {
    let module = text::parse(source).map_err(|e| e.to_string())?;
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
        Engine::SsaInterp => {
            let options = isthmus_ssa::Options::new(Arch::host().unwrap_or(Arch::X64));
            let outcome = isthmus_ssa::interp::run(&module, Limits::default(), &options)
                .map_err(|e| e.to_string())?;
            return Ok((outcome, Stats::default()));
        }
        Engine::Baseline => Tier::Baseline,
        Engine::Opt => Tier::Opt,
        Engine::Auto => Tier::Auto,
    };
    let mut heap = HeapOptions::default();
    heap.apply(&args.heap).map_err(|e| e.to_string())?;
    heap.stress = args.gc_stress.max(heap.stress);
    let mut tiering = Tiering {
        background: args.background,
        ..Tiering::default()
    };
    if let Some(n) = args.tier_up {
        (tiering.calls, tiering.loops) = (n, n);
    }
    let options = Options {
        tier,
        tiering,
        no_fallback: args.no_fallback,
        heap,
    };
    isthmus_toyvm::run(module, options).map_err(|e| e.to_string())
}

/// Says where the outcome differs.
fn agrees(wanted: &str, outcome: &Outcome) -> bool {
    let got = outcome.to_string();
    if got == wanted {
        return true;
    }
    let differs = std::iter::zip(got.lines(), wanted.lines()).position(|(a, b)| a != b);
    let line = differs.unwrap_or(got.lines().count().min(wanted.lines().count()));
    let at = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_string();
    eprintln!("line {}: {} instead of {}", line + 1, at(&got), at(wanted));
    false
}

/// The program's text, and what it must print, if that is to be checked. `None`: there is nothing to run.
fn source(args: &Args) -> Result<Option<(String, Option<String>)>, String> {
    if let Some(seed) = args.random {
        let source = generate::program(seed);
        if args.show {
            println!("{source}");
            return Ok(None);
        }
        let module = text::parse(&source).map_err(|e| e.to_string())?;
        let limits = Limits {
            steps: RANDOM_STEPS,
            ..Limits::default()
        };
        return match interp::run(&module, limits) {
            Ok(outcome) => Ok(Some((source, Some(outcome.to_string())))),
            Err(RunError::Steps) => Ok(None),
            Err(error) => Err(error.to_string()),
        };
    }
    let Some(file) = &args.file else {
        return Ok(None);
    };
    let source = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let wanted = match (args.check, interp::expected(&source)) {
        (false, _) => None,
        (true, Some(wanted)) => Some(wanted),
        (true, None) => return Err("the program has no expect block".to_string()),
    };
    Ok(Some((source, wanted)))
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = source(&args).and_then(|found| match found {
        Some((source, wanted)) => Ok(Some((run(&args, &source)?, wanted))),
        None => Ok(None),
    });
    let ((outcome, stats), wanted) = match done {
        Ok(Some(done)) => done,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if args.stats {
        eprintln!(
            "{} baseline, {} optimized, {} declined, {} us compiling, {} collections, {} loops replaced",
            stats.baseline,
            stats.optimized,
            stats.declined.len(),
            stats.compile_us,
            stats.collections,
            stats.osr_entries
        );
        for why in &stats.declined {
            eprintln!("declined: {why}");
        }
    }
    let code = if let Some(wanted) = wanted {
        i32::from(!agrees(&wanted, &outcome))
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
