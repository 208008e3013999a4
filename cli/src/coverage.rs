//! `isthmus coverage`: compiles every method of assemblies without running it.

use crate::run::Tier;
use anyhow::{Context, Result};
use isthmus_clr::body::{self, Implementation};
use isthmus_clr::types::{Method, types};
use isthmus_clr::vm::env::ClrEnv;
use isthmus_clr::vm::run::start_types;
use isthmus_clr::vm::tiers;
use isthmus_runtime_abi::artifact::CompiledMethod;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Arguments of `coverage`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Compiler.
    #[arg(long, value_enum, default_value = "opt")]
    tier: Tier,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Threads (default: as many as processors).
    #[arg(long)]
    jobs: Option<usize>,
    /// How many of the slowest methods to list.
    #[arg(long, default_value_t = 5)]
    slowest: usize,
    /// Write a line for each method to this file, in order of the metadata: bytes of code, a hash of them, name.
    #[arg(long, value_name = "FILE")]
    listing: Option<PathBuf>,
    /// Only methods whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Directory of the class library.
    #[arg(long, value_name = "DIR")]
    bcl: Option<PathBuf>,
    /// Assemblies.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// What came of a set of methods.
#[derive(Default)]
struct Totals {
    methods: usize,
    compiled: usize,
    declined: BTreeMap<String, (usize, String)>,
    time: Duration,
    code_bytes: usize,
    eh_bytes: usize,
    helper_calls: usize,
    il_instructions: usize,
    il_bytes: usize,
    slowest: Vec<(Duration, String)>,
    /// Number of each method and its line, if wanted.
    listing: Option<Vec<(usize, String)>>,
}

/// One line of the listing.
fn listed(artifact: &CompiledMethod, m: &Method) -> String {
    let mut hasher = DefaultHasher::new();
    let parts = std::iter::once(artifact).chain(&artifact.filters);
    let bytes: usize = parts
        .map(|part| {
            part.code.hash(&mut hasher);
            part.code.len()
        })
        .sum();
    format!("{bytes}\t{:016x}\t{}", hasher.finish(), m.full_name())
}

/// A reason without what differs from method to method: ids, offsets and names in it.
fn reason_key(text: &str) -> String {
    let text = match text.split_once("Invalid IL code in ") {
        Some((_, rest)) => format!(
            "invalid IL: {}",
            rest.split_once(": ").map_or(rest, |r| r.1)
        ),
        None => text.to_owned(),
    };
    let mut out = String::new();
    for word in text.split(' ') {
        let plain = word.trim_end_matches([':', ',']);
        let is_id = ["method", "type", "field", "IL_", "sig"].iter().any(|p| {
            plain
                .strip_prefix(p)
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_hexdigit()))
        });
        let word = if is_id { "_" } else { word };
        out.push_str(if out.is_empty() { "" } else { " " });
        out.push_str(word);
    }
    out
}

impl Totals {
    fn add(&mut self, number: usize, m: &'static Method, tier: Tier, keep: usize) {
        let env = ClrEnv::default();
        self.methods += 1;
        let start = Instant::now();
        let result = body::of(m).map_err(|e| e.to_string()).and_then(|body| {
            self.il_instructions += body.code.len();
            self.il_bytes += body.il_size as usize;
            match tier {
                Tier::Baseline => tiers::baseline(&env, &body),
                Tier::Opt => tiers::optimize(&env, &body),
            }
        });
        let time = start.elapsed();
        self.time += time;
        match result {
            Ok(artifact) => {
                self.compiled += 1;
                if let Some(listing) = &mut self.listing {
                    listing.push((number, listed(&artifact, m)));
                }
                self.code_bytes += artifact.code.len();
                self.helper_calls += artifact.helper_calls as usize;
                let offsets = vec![0; artifact.filters.len()];
                if let Ok(table) = isthmus_eh_tables::encode::encode(&artifact, &offsets) {
                    self.eh_bytes += table.len();
                }
            }
            Err(reason) => {
                let entry = self
                    .declined
                    .entry(reason_key(&reason))
                    .or_insert_with(|| (0, m.full_name()));
                entry.0 += 1;
            }
        }
        self.slowest.push((time, m.full_name()));
        if self.slowest.len() > 4 * keep + 64 {
            self.trim(keep);
        }
    }

    fn trim(&mut self, keep: usize) {
        self.slowest.sort_by_key(|s| std::cmp::Reverse(s.0));
        self.slowest.truncate(keep);
    }

    fn merge(&mut self, other: Totals) {
        self.methods += other.methods;
        self.compiled += other.compiled;
        for (reason, (n, first)) in other.declined {
            self.declined.entry(reason).or_insert((0, first)).0 += n;
        }
        self.time += other.time;
        self.code_bytes += other.code_bytes;
        self.eh_bytes += other.eh_bytes;
        self.helper_calls += other.helper_calls;
        self.il_instructions += other.il_instructions;
        self.il_bytes += other.il_bytes;
        self.slowest.extend(other.slowest);
        if let (Some(mine), Some(others)) = (&mut self.listing, other.listing) {
            mine.extend(others);
        }
    }
}

/// All methods with a body.
fn methods(files: &[PathBuf], only: Option<&str>) -> Result<Vec<&'static Method>> {
    let mut all = Vec::new();
    for file in files {
        let assembly = types().load_file(file)?;
        for ty in assembly.canonical_types() {
            for m in assembly.canonical_methods(ty?)? {
                let has_body = matches!(
                    body::implementation(m),
                    Implementation::Il | Implementation::Synthetic
                );
                if has_body && only.is_none_or(|o| m.full_name().contains(o)) {
                    all.push(m);
                }
            }
        }
    }
    Ok(all)
}

/// Compiles and prints the totals.
pub fn run(args: Args) -> Result<()> {
    start_types(&args.files[0], args.bcl.as_deref())?;
    let all = methods(&args.files, args.only.as_deref())?;
    let next = AtomicUsize::new(0);
    let empty = || Totals {
        listing: args.listing.is_some().then(Vec::new),
        ..Totals::default()
    };
    let totals = Mutex::new(empty());
    let start = Instant::now();
    let jobs = args
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    std::thread::scope(|scope| -> Result<()> {
        for _ in 0..jobs.max(1) {
            // The compilers recurse over expressions and regions: give them room.
            std::thread::Builder::new()
                .stack_size(64 << 20)
                .spawn_scoped(scope, || {
                    let mut mine = empty();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(m) = all.get(number) else { break };
                        mine.add(number, m, args.tier, args.slowest);
                    }
                    totals.lock().unwrap_or_else(|e| e.into_inner()).merge(mine);
                })?;
        }
        Ok(())
    })?;
    let wall = start.elapsed();
    let mut totals = totals.into_inner().unwrap_or_else(|e| e.into_inner());
    totals.trim(args.slowest);
    if let (Some(file), Some(mut lines)) = (&args.listing, totals.listing.take()) {
        lines.sort_unstable();
        let text: String = lines.iter().map(|l| format!("{}\n", l.1)).collect();
        std::fs::write(file, text).with_context(|| file.display().to_string())?;
    }
    if args.json {
        json(&totals, wall)
    } else {
        text(&totals, wall)
    }
    Ok(())
}

fn text(t: &Totals, wall: Duration) {
    let declined = t.methods - t.compiled;
    println!(
        "{} methods: {} compiled ({:.2}%), {declined} declined",
        t.methods,
        t.compiled,
        100.0 * t.compiled as f64 / t.methods.max(1) as f64
    );
    let mut reasons: Vec<_> = t.declined.iter().collect();
    reasons.sort_by_key(|r| std::cmp::Reverse(r.1.0));
    for (reason, (n, first)) in reasons {
        println!("  {n:6}  {reason}  (first: {first})");
    }
    println!(
        "{:.2} s compiling ({:.2} s wall), {:.1} us a method, {:.0} KB of IL/s",
        t.time.as_secs_f64(),
        wall.as_secs_f64(),
        t.time.as_micros() as f64 / t.methods.max(1) as f64,
        t.il_bytes as f64 / 1024.0 / t.time.as_secs_f64().max(1e-9)
    );
    println!(
        "{} bytes of code, {} bytes of tables, {} helper calls, {} IL instructions",
        t.code_bytes, t.eh_bytes, t.helper_calls, t.il_instructions
    );
    for (time, name) in &t.slowest {
        println!("  {:8.2} ms  {name}", time.as_secs_f64() * 1e3);
    }
}

fn json(t: &Totals, wall: Duration) {
    let declined: BTreeMap<&str, usize> =
        t.declined.iter().map(|(k, v)| (k.as_str(), v.0)).collect();
    let value = serde_json::json!({
        "methods": t.methods,
        "compiled": t.compiled,
        "declined": declined,
        "seconds": t.time.as_secs_f64(),
        "wall_seconds": wall.as_secs_f64(),
        "code_bytes": t.code_bytes,
        "eh_bytes": t.eh_bytes,
        "helper_calls": t.helper_calls,
        "il_instructions": t.il_instructions,
    });
    println!("{value}");
}
