//! `isthmus-fuzz`: looks for programs on which engines differ. See the library.

use anyhow::Context;
use clap::{Parser, Subcommand};
use isthmus_differential::sir::engines::{ENGINES, Engine};
use isthmus_differential::work::{Report, Scratch, share};
use isthmus_differential::{csharp, sir};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Runs random programs on all engines and shows where they differ.
#[derive(Parser, Debug)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Stack IR, against its interpreter.
    Sir {
        /// How many.
        #[arg(long, default_value_t = 1000)]
        programs: u64,
        /// Programs in one process.
        #[arg(long, default_value_t = 64)]
        batch: u64,
        /// Run every engine on every batch.
        #[arg(long)]
        thorough: bool,
        #[command(flatten)]
        common: Common,
    },
    /// C#, against Mono.
    Csharp {
        /// How many methods.
        #[arg(long, default_value_t = 1000)]
        methods: u64,
        /// Methods in one assembly.
        #[arg(long, default_value_t = 200)]
        batch: u64,
        /// The `isthmus` command (default: `$ISTHMUS`, or the newest one built).
        #[arg(long)]
        isthmus: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Makes a smaller program on which an engine still differs from the interpreter, and prints it.
    Reduce {
        /// The engine.
        #[arg(long)]
        engine: String,
        /// The program (`.sir`).
        file: PathBuf,
    },
    /// Runs a `.sir` program on one engine: what the others do for each batch.
    Run {
        /// The engine.
        #[arg(long)]
        engine: String,
        /// The program (`.sir`).
        file: PathBuf,
    },
}

#[derive(clap::Args, Debug)]
struct Common {
    /// First seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Batches at a time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Stop after so many differences.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Where programs that differ go.
    #[arg(long, default_value = "target/fuzz")]
    keep: PathBuf,
    /// Keep programs as they are.
    #[arg(long)]
    no_reduce: bool,
}

fn engine(name: &str) -> anyhow::Result<&'static Engine> {
    let names: Vec<&str> = ENGINES.iter().map(|e| e.name).collect();
    Engine::named(name).with_context(|| format!("engines are {}", names.join(", ")))
}

/// Says how far a run is, now and then.
fn progress() -> impl Fn(&Report) + Sync {
    let (start, last) = (Instant::now(), AtomicU64::new(0));
    move |report| {
        let now = start.elapsed().as_secs();
        if now >= last.load(Ordering::Relaxed) + 30 {
            last.store(now, Ordering::Relaxed);
            eprintln!("{now} s: {report}");
        }
    }
}

fn run(args: Args) -> anyhow::Result<bool> {
    let this = std::env::current_exe()?;
    let report = match args.command {
        Command::Run { engine: name, file } => {
            let source = std::fs::read_to_string(file)?;
            println!("{}", engine(&name)?.run_here(&source)?);
            // At once: threads of the program that still run must not outlive what they use.
            std::process::exit(0);
        }
        Command::Reduce { engine: name, file } => {
            let source = std::fs::read_to_string(file)?;
            let scratch = Scratch::new()?;
            let small = sir::reduce::reduce(&this, engine(&name)?, &source, scratch.path())?;
            println!("{small}");
            return Ok(true);
        }
        Command::Sir {
            programs,
            batch,
            thorough,
            common,
        } => {
            let plan = sir::Plan {
                program: this,
                from: common.from,
                programs,
                batch,
                keep: common.keep,
                reduce: !common.no_reduce,
                thorough,
            };
            let job = |n| sir::batch(&plan, n);
            share(plan.batches(), common.jobs, common.limit, job, progress())
        }
        Command::Csharp {
            methods,
            batch,
            isthmus,
            common,
        } => {
            let plan = csharp::Plan {
                isthmus: match isthmus {
                    Some(path) => path,
                    None => csharp::isthmus()?,
                },
                from: common.from,
                methods,
                batch,
                keep: common.keep,
                reduce: !common.no_reduce,
            };
            let job = |n| csharp::batch(&plan, n);
            share(plan.batches(), common.jobs, common.limit, job, progress())
        }
    };
    println!("{report}");
    Ok(report.findings.is_empty())
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("isthmus-fuzz: {error:#}");
            ExitCode::FAILURE
        }
    }
}
