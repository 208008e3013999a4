//! `isthmus verify`: all types and methods of assemblies.

use crate::output::outln;
use crate::progress;
use anyhow::Result;
use isthmus_clr::types::{Method, Type, types};
use isthmus_clr::verify::{self, Fault, rules::Rule};
use isthmus_clr::vm::run::start_types;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Arguments of `verify`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Threads (default: as many as processors).
    #[arg(long)]
    jobs: Option<usize>,
    /// Print the summary only.
    #[arg(long)]
    quiet: bool,
    /// Only faults of this rule (see --rules).
    #[arg(long)]
    rule: Option<String>,
    /// Only members whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Print the rules and stop.
    #[arg(long)]
    rules: bool,
    /// Directory of the class library.
    #[arg(long, value_name = "DIR")]
    bcl: Option<PathBuf>,
    /// Assemblies.
    #[arg(required_unless_present = "rules")]
    files: Vec<PathBuf>,
}

/// What is verified as one.
enum Item {
    Type(&'static Type),
    Method(&'static Method),
}

/// What was found.
#[derive(Default)]
struct Found {
    /// Number of the item, file, member, fault.
    faults: Vec<(usize, PathBuf, String, Fault)>,
    unreadable: Vec<String>,
    methods: usize,
    types: usize,
}

impl Found {
    /// Lists what an assembly defines.
    fn items(&mut self, file: &Path, only: Option<&str>) -> Vec<(PathBuf, Item)> {
        let wanted = |name: String| only.is_none_or(|o| name.contains(o));
        let mut items = Vec::new();
        let assembly = match types().load_file(file) {
            Ok(assembly) => assembly,
            Err(error) => {
                self.unreadable.push(error.to_string());
                return items;
            }
        };
        for member in verify::members(assembly) {
            match member {
                Ok((ty, methods)) => {
                    if wanted(ty.full_name()) {
                        items.push((file.to_owned(), Item::Type(ty)));
                    }
                    for m in methods.into_iter().filter(|m| wanted(m.full_name())) {
                        items.push((file.to_owned(), Item::Method(m)));
                    }
                }
                Err(error) => self.unreadable.push(format!("{}: {error}", file.display())),
            }
        }
        items
    }

    fn add(&mut self, number: usize, file: &Path, item: &Item) {
        let mut note = |name: String, fault: Fault| {
            self.faults.push((number, file.to_owned(), name, fault));
        };
        match item {
            Item::Type(ty) => {
                self.types += 1;
                for (name, fault) in verify::type_def(ty) {
                    note(name, fault);
                }
            }
            Item::Method(m) => {
                self.methods += 1;
                if let Err(fault) = verify::method(m) {
                    note(m.full_name(), fault);
                }
            }
        }
    }
}

/// Verifies and prints what is wrong. The exit code is 0 if nothing is.
pub fn run(args: Args) -> Result<ExitCode> {
    if args.rules {
        for rule in Rule::ALL {
            outln!(
                "{:20} {:12} {:14} {}",
                rule.name(),
                format!("{:?}", rule.severity()).to_lowercase(),
                rule.section(),
                rule.text()
            );
        }
        return Ok(ExitCode::SUCCESS);
    }
    start_types(&args.files[0], args.bcl.as_deref())?;
    let start = Instant::now();
    let mut found = Found::default();
    let mut items = Vec::new();
    for file in &args.files {
        items.extend(found.items(file, args.only.as_deref()));
    }
    let jobs = args
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let bar = progress::bar(items.len(), "verifying");
    let next = AtomicUsize::new(0);
    let all = Mutex::new(found);
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                let mut mine = Found::default();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some((file, item)) = items.get(number) else {
                        break;
                    };
                    mine.add(number, file, item);
                    bar.inc(1);
                }
                let mut all = all.lock().unwrap_or_else(|e| e.into_inner());
                all.faults.extend(mine.faults);
                all.methods += mine.methods;
                all.types += mine.types;
            });
        }
    });
    bar.finish_and_clear();
    let mut found = all.into_inner().unwrap_or_else(|e| e.into_inner());
    found.faults.sort_by_key(|f| f.0);
    Ok(report(&args, &found, start.elapsed().as_secs_f64()))
}

fn report(args: &Args, found: &Found, seconds: f64) -> ExitCode {
    let mut by_rule: BTreeMap<Rule, usize> = BTreeMap::new();
    for (_, file, member, fault) in &found.faults {
        *by_rule.entry(fault.rule).or_insert(0) += 1;
        let shown = args.rule.as_deref().is_none_or(|r| r == fault.rule.name());
        if shown && !args.quiet {
            outln!("{}: {member}: {fault}", file.display());
        }
    }
    for error in &found.unreadable {
        outln!("{error}");
    }
    outln!(
        "{} methods and {} types: {} faults, {seconds:.2} s",
        found.methods,
        found.types,
        found.faults.len() + found.unreadable.len()
    );
    for (rule, n) in &by_rule {
        outln!(
            "{n:8}  {:20} {:14} {}",
            rule.name(),
            rule.section(),
            rule.text()
        );
    }
    ExitCode::from(u8::from(
        !found.faults.is_empty() || !found.unreadable.is_empty(),
    ))
}
