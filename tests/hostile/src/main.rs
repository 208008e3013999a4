//! `isthmus-hostile`: damages assemblies and watches what Isthmus does with them.

use anyhow::{Context, Result, bail};
use clap::Parser;
use isthmus_hostile::judge::{Counts, Judge, Problem, Seed, Verdict};
use isthmus_hostile::{map::Map, mutate::mutate, seeds};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Damages assemblies and watches what the isthmus command does with them.
#[derive(Parser, Debug)]
struct Args {
    /// The isthmus command.
    #[arg(long, default_value = "target/debug/isthmus")]
    isthmus: PathBuf,
    /// First mutation.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Number of mutations.
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// How many processes to run at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Processor seconds until a program counts as endless.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Only this seed.
    #[arg(long)]
    seed: Option<String>,
    /// Write mutation --from of --seed to this file, and stop.
    #[arg(long)]
    write: Option<PathBuf>,
    /// Show programs that do not end or break as unsafe code may, too.
    #[arg(long)]
    all: bool,
}

/// Mutations that are judged together.
const BATCH: u64 = 40;

fn seeds(only: Option<&str>) -> Result<Vec<Seed>> {
    seeds::all()?
        .into_iter()
        .filter(|(name, _)| only.is_none_or(|o| o == name))
        .map(|(name, bytes)| {
            let map = Map::of(&name, &bytes)?;
            Ok(Seed { name, bytes, map })
        })
        .collect()
}

fn print(problem: &Problem) {
    println!(
        "{:?}: --seed {} --from {} ({}): {}: {}",
        problem.verdict,
        problem.seed,
        problem.number,
        problem.kinds.join(" "),
        problem.command,
        problem.text
    );
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let seeds = seeds(args.seed.as_deref())?;
    if let Some(to) = &args.write {
        let [seed] = &seeds[..] else {
            bail!("--write needs --seed");
        };
        let (bytes, kinds) = mutate(&seed.bytes, &seed.map, args.from);
        println!("{}", kinds.join(" "));
        std::fs::write(to, bytes)?;
        return Ok(ExitCode::SUCCESS);
    }
    if seeds.is_empty() {
        bail!("there is no such seed");
    }
    let folder = std::env::temp_dir().join(format!("isthmus-hostile-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let judge = Judge {
        isthmus: std::fs::canonicalize(&args.isthmus)
            .with_context(|| format!("{}", args.isthmus.display()))?,
        folder: folder.clone(),
        seconds: args.seconds,
    };
    let next = AtomicU64::new(args.from / BATCH);
    let end = args.from + args.count;
    let total = Mutex::new((Counts::new(), 0u64));
    let work = || -> Result<()> {
        loop {
            let batch = next.fetch_add(1, Ordering::Relaxed);
            let numbers: Vec<u64> = (batch * BATCH..(batch + 1) * BATCH)
                .filter(|n| (args.from..end).contains(n))
                .collect();
            if batch * BATCH >= end {
                return Ok(());
            }
            let seed = &seeds[(batch % seeds.len() as u64) as usize];
            let mut counts = Counts::new();
            let problems = judge.batch(seed, &numbers, &mut counts)?;
            let mut total = total.lock().expect("no worker panics with the lock held");
            problems
                .iter()
                .filter(|p| args.all || p.verdict == Verdict::Failure)
                .for_each(print);
            for (key, n) in counts {
                *total.0.entry(key).or_insert(0) += n;
            }
            total.1 += numbers.len() as u64;
            if total.1 % (BATCH * 25) < numbers.len() as u64 {
                println!("{} mutations", total.1);
            }
        }
    };
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..args.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|w| w.join().unwrap_or_else(|_| bail!("a worker panicked")))
            .collect()
    });
    let _ = std::fs::remove_dir_all(&folder);
    results.into_iter().collect::<Result<Vec<()>>>()?;
    let (counts, done) = total
        .into_inner()
        .expect("no worker panics with the lock held");
    println!("{done} mutations");
    for ((command, verdict), n) in &counts {
        println!("{n:8} {verdict:?}: {command}");
    }
    let failed = counts.keys().any(|k| k.1 == Verdict::Failure);
    Ok(ExitCode::from(u8::from(failed)))
}
