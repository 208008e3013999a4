//! `isthmus-fuzz`: looks for programs on which engines differ. See the library.

use anyhow::Context;
use clap::{Parser, Subcommand};
use isthmus_differential::sir::engines::{ENGINES, Engine};
use isthmus_differential::work::{Report, Scratch, share};
use isthmus_differential::{csharp, sir};
use isthmus_frontend_ir::{generate, text};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitCode, Stdio};
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
        #[arg(long, default_value_t = 256)]
        batch: u64,
        /// Run every engine on every batch.
        #[arg(long)]
        thorough: bool,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
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
    /// Prints a batch of generated stack IR.
    Print {
        /// First seed.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many.
        #[arg(long, default_value_t = 64)]
        programs: u64,
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

/// Stack IR runs in copies of a process, which has one thread for that reason: several jobs are several processes, each with a part of the seeds.
fn in_processes(
    this: &Path,
    programs: u64,
    batch: u64,
    thorough: bool,
    common: &Common,
) -> anyhow::Result<Report> {
    let jobs = common.jobs as u64;
    let each = programs.div_ceil(jobs * batch.max(1)) * batch.max(1);
    let part = |n: u64| -> anyhow::Result<Report> {
        let first = (n * each).min(programs);
        let count = each.min(programs - first);
        let mut process = Process::new(this);
        process
            .args(["sir", "--json", "--jobs", "1"])
            .args(["--from", &(common.from + first).to_string()])
            .args(["--programs", &count.to_string()])
            .args(["--batch", &batch.to_string()])
            .args(["--limit", &common.limit.to_string()])
            .arg("--keep")
            .arg(&common.keep)
            .args(common.no_reduce.then_some("--no-reduce"))
            .args(thorough.then_some("--thorough"))
            .stderr(Stdio::inherit());
        let output = process.output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&said).with_context(|| format!("a part ended with {}", output.status))
    };
    let parts: Vec<anyhow::Result<Report>> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..jobs).map(|n| scope.spawn(move || part(n))).collect();
        let ended = running.into_iter().map(|p| p.join());
        ended
            .map(|p| p.unwrap_or_else(|_| anyhow::bail!("a part was not started")))
            .collect()
    });
    let mut sum = Report::default();
    for part in parts {
        sum.add(part?);
    }
    Ok(sum)
}

fn run(args: Args) -> anyhow::Result<bool> {
    let this = std::env::current_exe()?;
    let report = match args.command {
        Command::Run { engine: name, file } => {
            let module = text::parse(&std::fs::read_to_string(file)?)?;
            let code = engine(&name)?.show(module);
            // At once: threads of the program that still run must not outlive what they use.
            std::process::exit(code);
        }
        Command::Print { from, programs } => {
            let seeds = from..from.saturating_add(programs);
            print!("{}", generate::batch(seeds));
            return Ok(true);
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
            json,
            common,
        } => {
            if common.jobs > 1 {
                let report = in_processes(&this, programs, batch, thorough, &common)?;
                println!("{report}");
                return Ok(report.findings.is_empty());
            }
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
            let report = share(plan.batches(), 1, common.limit, job, progress());
            if json {
                println!("{}", serde_json::to_string(&report)?);
                return Ok(report.findings.is_empty());
            }
            report
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
