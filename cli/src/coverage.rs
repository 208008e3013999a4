//! `isthmus coverage`: compiles every method of assemblies without running it.
//!
//! Bytes of code and tables are those of methods and their filters. `dwarf_bytes` is what `.eh_frame` and language-specific data areas
//! would take for the same functions (see [`isthmus_eh_tables::dwarf`]), `eh_frame_bytes` what our tables take for that: without
//! source positions and inlined methods. Every table is checked against itself and compared with the compiled method
//! ([`isthmus_eh_tables::check`]). Seconds are processor time of all threads.

use crate::output::outln;
use crate::progress;
use crate::run::Tier;
use anyhow::{Context, Result, bail};
use isthmus_clr::aot::compile::COMPILER_STACK;
use isthmus_clr::body::{self, Implementation};
use isthmus_clr::types::{Method, types};
use isthmus_clr::vm::env::ClrEnv;
use isthmus_clr::vm::run::start_types;
use isthmus_clr::vm::tiers;
use isthmus_eh_tables::encode::encode;
use isthmus_eh_tables::{check, dwarf};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::vm::{CompileEnv, ContextSource};
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
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
    #[arg(long, value_name = "N", default_value_t = 5)]
    slowest: usize,
    /// How many of the methods with the most code to list.
    #[arg(long, value_name = "N", default_value_t = 5)]
    largest: usize,
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

/// The methods with the largest values.
#[derive(Default)]
struct Top<V> {
    keep: usize,
    found: Vec<(V, &'static Method)>,
}

impl<V: Ord> Top<V> {
    fn new(keep: usize) -> Self {
        Top {
            keep,
            found: Vec::new(),
        }
    }

    fn add(&mut self, value: V, m: &'static Method) {
        self.found.push((value, m));
        if self.found.len() > 4 * self.keep + 64 {
            self.trim();
        }
    }

    fn merge(&mut self, other: Top<V>) {
        self.found.extend(other.found);
        self.trim();
    }

    fn trim(&mut self) {
        self.found.sort_by(|a, b| b.0.cmp(&a.0));
        self.found.truncate(self.keep);
    }
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
    /// Tables that passed the checker.
    tables: usize,
    /// Those of them that say what DWARF's say.
    eh_frame_bytes: usize,
    dwarf_bytes: usize,
    /// Whether a function has a language-specific data area, and whether one has none.
    with_lsda: [bool; 2],
    helper_calls: usize,
    il_instructions: usize,
    il_bytes: usize,
    slowest: Top<Duration>,
    largest: Top<usize>,
    /// Number of each method and its line, if wanted.
    listing: Option<Vec<(usize, String)>>,
}

/// Processor time of this thread: other load on the machine does not count.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// A method's code and that of its filters.
fn parts(artifact: &CompiledMethod) -> Vec<&CompiledMethod> {
    let mut all = vec![artifact];
    let mut next = 0;
    while let Some(part) = all.get(next) {
        all.extend(&part.filters);
        next += 1;
    }
    all
}

/// One line of the listing.
fn listed(artifact: &CompiledMethod, m: &Method) -> String {
    let mut hasher = DefaultHasher::new();
    let bytes: usize = parts(artifact)
        .iter()
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

/// What is left of a function without source positions, inlined methods, and sites that no handler encloses: what DWARF's tables say.
fn frame_and_handlers(part: &CompiledMethod) -> CompiledMethod {
    let mut left = part.clone();
    left.filters.clear();
    left.inline_tree.truncate(1);
    left.positions.clear();
    left.clauses.iter_mut().for_each(|c| c.node = 0);
    left.call_sites.retain(|s| !s.handlers.is_empty());
    left.call_sites.iter_mut().for_each(|s| s.pos = 0);
    left.traps.retain(|t| !t.handlers.is_empty());
    left.traps.iter_mut().for_each(|t| t.pos = 0);
    left
}

impl Totals {
    fn new(args: &Args) -> Totals {
        Totals {
            slowest: Top::new(args.slowest),
            largest: Top::new(args.largest),
            listing: args.listing.is_some().then(Vec::new),
            ..Totals::default()
        }
    }

    fn add(&mut self, number: usize, m: &'static Method, tier: Tier) {
        let env = ClrEnv::default();
        self.methods += 1;
        let start = thread_time();
        let result = body::of(m).map_err(|e| e.to_string()).and_then(|body| {
            self.il_instructions += body.code.len();
            self.il_bytes += body.il_size as usize;
            match tier {
                Tier::Baseline => tiers::baseline(&env, &body, None),
                Tier::Opt | Tier::Auto => tiers::optimize(&env, &body, None),
            }
        });
        let time = thread_time() - start;
        self.time += time;
        self.slowest.add(time, m);
        match result.and_then(|artifact| self.count(&artifact).map(|bytes| (artifact, bytes))) {
            Ok((artifact, bytes)) => {
                self.compiled += 1;
                self.largest.add(bytes, m);
                if let Some(listing) = &mut self.listing {
                    listing.push((number, listed(&artifact, m)));
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
    }

    /// Adds a compiled method's figures; gives the bytes of its code. Tables that cannot be encoded, or that the checker refuses, decline the
    /// method.
    fn count(&mut self, artifact: &CompiledMethod) -> Result<usize, String> {
        let (mut code, mut tables, mut frames, mut dwarf) = (0, 0, 0, 0);
        for part in parts(artifact) {
            let offsets = vec![0; part.filters.len()];
            let table = encode(part, &offsets).map_err(|e| format!("unwind tables: {e}"))?;
            check::check(&table, part.arch).map_err(|e| format!("unwind tables: {e}"))?;
            check::compare(&table, part).map_err(|e| format!("unwind tables: {e}"))?;
            self.tables += 1;
            let frame = encode(&frame_and_handlers(part), &[])
                .map_err(|e| format!("unwind tables: {e}"))?;
            let sizes = dwarf::sizes(part).map_err(|e| format!("DWARF: {e}"))?;
            code += part.code.len();
            tables += table.len();
            frames += frame.len();
            dwarf += sizes.fde + sizes.lsda;
            self.with_lsda[usize::from(sizes.lsda != 0)] = true;
            self.helper_calls += part.helper_calls as usize;
        }
        self.code_bytes += code;
        self.eh_bytes += tables;
        self.eh_frame_bytes += frames;
        self.dwarf_bytes += dwarf;
        Ok(code)
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
        self.tables += other.tables;
        self.eh_frame_bytes += other.eh_frame_bytes;
        self.dwarf_bytes += other.dwarf_bytes;
        for (mine, other) in self.with_lsda.iter_mut().zip(other.with_lsda) {
            *mine |= other;
        }
        self.helper_calls += other.helper_calls;
        self.il_instructions += other.il_instructions;
        self.il_bytes += other.il_bytes;
        self.slowest.merge(other.slowest);
        self.largest.merge(other.largest);
        if let (Some(mine), Some(others)) = (&mut self.listing, other.listing) {
            mine.extend(others);
        }
    }
}

/// What is to be compiled.
#[derive(Default)]
struct Work {
    /// All methods with a body.
    methods: Vec<&'static Method>,
    /// What cannot be read: files, types, methods.
    unreadable: Vec<String>,
}

impl Work {
    fn of(files: &[PathBuf], only: Option<&str>) -> Work {
        let mut work = Work::default();
        for file in files {
            if let Err(error) = work.add(file, only) {
                work.unreadable.push(error.to_string());
            }
        }
        work
    }

    fn add(&mut self, file: &Path, only: Option<&str>) -> isthmus_clr::types::Result<()> {
        let assembly = types().load_file(file)?;
        for ty in assembly.canonical_types() {
            let methods = match ty.and_then(|ty| assembly.canonical_methods(ty)) {
                Ok(methods) => methods,
                Err(error) => {
                    self.unreadable.push(error.to_string());
                    continue;
                }
            };
            for m in methods {
                let has_body = matches!(
                    body::implementation(m),
                    Implementation::Il | Implementation::Synthetic
                );
                if has_body && only.is_none_or(|o| m.full_name().contains(o)) {
                    self.methods.push(m);
                }
            }
        }
        Ok(())
    }
}

/// Compiles and prints the totals.
pub fn run(args: Args) -> Result<()> {
    start_types(&args.files[0], args.bcl.as_deref())?;
    let Work {
        methods: all,
        unreadable,
    } = Work::of(&args.files, args.only.as_deref());
    let start = Instant::now();
    let mut totals = compile(&all, &args)?;
    let wall = start.elapsed();
    // The common entries, once for each kind of function that there is.
    for (with_lsda, _) in [false, true]
        .into_iter()
        .zip(totals.with_lsda)
        .filter(|k| k.1)
    {
        let arch = Arch::host().unwrap_or(Arch::X64);
        totals.dwarf_bytes += dwarf::cie_bytes(arch, with_lsda)?;
    }
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
    for error in &unreadable {
        isthmus_rt::report!("unreadable: {error}");
    }
    if !unreadable.is_empty() {
        bail!(
            "{} files, types or methods cannot be read",
            unreadable.len()
        );
    }
    Ok(())
}

/// Numbers the look-ups of shared code in order of the methods. Slots of generic contexts get their numbers when code first asks
/// for them, and several threads would ask in any order: sizes and bytes would differ from run to run.
fn number_lookups(all: &[&'static Method]) {
    let env = ClrEnv::default();
    let options = isthmus_ssa::Options::new(Arch::host().unwrap_or(Arch::X64));
    for m in all {
        let Ok(body) = body::of(m) else { continue };
        if env.method(body.method).context != ContextSource::None {
            // What is wrong with it shows when it is compiled.
            let _ = isthmus_ssa::build(&env, body.method, &body, &options);
        }
    }
}

/// Compiles methods on several threads.
fn compile(all: &[&'static Method], args: &Args) -> Result<Totals> {
    number_lookups(all);
    let bar = progress::bar(all.len(), "compiling");
    let next = AtomicUsize::new(0);
    let totals = Mutex::new(Totals::new(args));
    let jobs = args
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    std::thread::scope(|scope| -> Result<()> {
        for _ in 0..jobs.max(1) {
            std::thread::Builder::new()
                .stack_size(COMPILER_STACK)
                .spawn_scoped(scope, || {
                    let mut mine = Totals::new(args);
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(m) = all.get(number) else { break };
                        mine.add(number, m, args.tier);
                        bar.inc(1);
                    }
                    totals.lock().unwrap_or_else(|e| e.into_inner()).merge(mine);
                })?;
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    Ok(totals.into_inner().unwrap_or_else(|e| e.into_inner()))
}

fn text(t: &Totals, wall: Duration) {
    let declined = t.methods - t.compiled;
    outln!(
        "{} methods: {} compiled ({:.2}%), {declined} declined",
        t.methods,
        t.compiled,
        100.0 * t.compiled as f64 / t.methods.max(1) as f64
    );
    let mut reasons: Vec<_> = t.declined.iter().collect();
    reasons.sort_by_key(|r| std::cmp::Reverse(r.1.0));
    for (reason, (n, first)) in reasons {
        outln!("  {n:6}  {reason}  (first: {first})");
    }
    outln!(
        "{:.2} s compiling ({:.2} s wall), {:.1} us a method, {:.0} KB of IL/s",
        t.time.as_secs_f64(),
        wall.as_secs_f64(),
        t.time.as_micros() as f64 / t.methods.max(1) as f64,
        t.il_bytes as f64 / 1024.0 / t.time.as_secs_f64().max(1e-9)
    );
    outln!(
        "{} bytes of code, {} helper calls, {} IL instructions",
        t.code_bytes,
        t.helper_calls,
        t.il_instructions
    );
    outln!(
        "{} bytes in {} tables, all checked; {} of them for frames and handlers, which would take {} in DWARF",
        t.eh_bytes,
        t.tables,
        t.eh_frame_bytes,
        t.dwarf_bytes
    );
    for (time, m) in &t.slowest.found {
        outln!(
            "  {:8.2} ms     {}",
            time.as_secs_f64() * 1e3,
            m.full_name()
        );
    }
    for (bytes, m) in &t.largest.found {
        outln!("  {bytes:8} bytes  {}", m.full_name());
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
        "tables_checked": t.tables,
        "eh_frame_bytes": t.eh_frame_bytes,
        "dwarf_bytes": t.dwarf_bytes,
        "helper_calls": t.helper_calls,
        "il_instructions": t.il_instructions,
    });
    outln!("{value}");
}
