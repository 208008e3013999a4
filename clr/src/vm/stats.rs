//! Counters behind `run --stats`.

use super::tiers::Tier;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Counters of one tier.
#[derive(Debug, Default)]
struct PerTier {
    methods: AtomicU64,
    nanoseconds: AtomicU64,
    code_bytes: AtomicU64,
}

impl PerTier {
    const fn new() -> Self {
        PerTier {
            methods: AtomicU64::new(0),
            nanoseconds: AtomicU64::new(0),
            code_bytes: AtomicU64::new(0),
        }
    }
}

/// Counters of the process.
#[derive(Debug, Default)]
pub struct Stats {
    baseline: PerTier,
    opt: PerTier,
    /// Methods whose code was compiled ahead of time.
    ready_made: AtomicU64,
    /// Image or method and reason, in order: code of images that was not used.
    refusals: Mutex<Vec<(String, String)>>,
    /// Method and reason, in order.
    declines: Mutex<Vec<(String, String)>>,
    /// Methods that were compiled in this process, and why, in order.
    not_ahead: Mutex<Vec<(String, String)>>,
}

impl Stats {
    /// No counts.
    pub const fn new() -> Self {
        Stats {
            baseline: PerTier::new(),
            opt: PerTier::new(),
            ready_made: AtomicU64::new(0),
            refusals: Mutex::new(Vec::new()),
            declines: Mutex::new(Vec::new()),
            not_ahead: Mutex::new(Vec::new()),
        }
    }

    fn tier(&self, tier: Tier) -> &PerTier {
        match tier {
            Tier::Baseline => &self.baseline,
            Tier::Opt | Tier::Auto => &self.opt,
        }
    }

    /// A method was compiled.
    pub fn compiled(&self, tier: Tier, time: Duration, bytes: usize) {
        let t = self.tier(tier);
        t.methods.fetch_add(1, Relaxed);
        t.nanoseconds.fetch_add(time.as_nanos() as u64, Relaxed);
        t.code_bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// A method's code was found in an image.
    pub fn from_image(&self) {
        self.ready_made.fetch_add(1, Relaxed);
    }

    /// An image, or its code of a method, was not used.
    pub fn refused(&self, what: &str, reason: &str) {
        let mut list = self.refusals.lock().unwrap_or_else(|e| e.into_inner());
        list.push((what.to_owned(), reason.to_owned()));
    }

    /// A method is compiled because no image has it.
    pub fn not_ahead(&self, method: &str, reason: &str) {
        let mut list = self.not_ahead.lock().unwrap_or_else(|e| e.into_inner());
        list.push((method.to_owned(), reason.to_owned()));
    }

    /// The optimizing tier declined a method.
    pub fn declined(&self, method: &str, reason: &str) {
        let mut list = self.declines.lock().unwrap_or_else(|e| e.into_inner());
        list.push((method.to_owned(), reason.to_owned()));
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, t) in [("baseline", &self.baseline), ("opt", &self.opt)] {
            let (n, ns, bytes) = (
                t.methods.load(Relaxed),
                t.nanoseconds.load(Relaxed),
                t.code_bytes.load(Relaxed),
            );
            let each = if n == 0 {
                0.0
            } else {
                ns as f64 / n as f64 / 1000.0
            };
            writeln!(
                f,
                "{name:9} {n:6} methods, {:8.2} ms compiling ({each:.1} us each), {bytes} bytes of code",
                ns as f64 / 1e6
            )?;
        }
        let ready_made = self.ready_made.load(Relaxed);
        if ready_made != 0 {
            writeln!(f, "images    {ready_made:6} methods")?;
            let list = self.not_ahead.lock().unwrap_or_else(|e| e.into_inner());
            writeln!(
                f,
                "compiled here, not ahead of time: {} methods",
                list.len()
            )?;
            for (reason, methods) in reasons(&list) {
                writeln!(f, "  {:5} {reason}", methods.len())?;
                for method in methods.iter().take(MOST_NAMES) {
                    writeln!(f, "        {method}")?;
                }
                if let Some(more) = methods.len().checked_sub(MOST_NAMES + 1) {
                    writeln!(f, "        and {} more", more + 1)?;
                }
            }
        }
        let list = self.refusals.lock().unwrap_or_else(|e| e.into_inner());
        if !list.is_empty() {
            by_reason(f, "not used of images", &list)?;
        }
        let list = self.declines.lock().unwrap_or_else(|e| e.into_inner());
        by_reason(f, "declined by opt", &list)
    }
}

/// The largest number of methods that are listed for one reason.
const MOST_NAMES: usize = 100;

/// Things by reason.
fn reasons(list: &[(String, String)]) -> BTreeMap<&str, Vec<&str>> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (what, reason) in list {
        reasons.entry(reason).or_default().push(what);
    }
    reasons
}

/// How many things have each reason.
fn by_reason(f: &mut fmt::Formatter<'_>, title: &str, list: &[(String, String)]) -> fmt::Result {
    writeln!(f, "{title}: {} methods", list.len())?;
    for (reason, methods) in reasons(list) {
        writeln!(f, "  {:5} {reason} (first: {})", methods.len(), methods[0])?;
    }
    Ok(())
}

/// Prints what the run did to stderr.
pub fn print() {
    isthmus_rt::report!("{}", super::stats().to_string().trim_end());
    let stubs: Vec<(&str, u32)> = super::runtime().stub_counts().collect();
    let total: u32 = stubs.iter().map(|s| s.1).sum();
    let kinds: Vec<String> = stubs
        .iter()
        .map(|(kind, n)| format!("{n} {kind}"))
        .collect();
    isthmus_rt::report!("stubs     {total:6} made: {}", kinds.join(", "));
    if super::runtime().tiering().is_some() {
        let t = super::runtime().tier_counts();
        isthmus_rt::report!(
            "tiering   {:6} methods replaced, {} loops with code of their own, entered {} times, {} requests declined, {:.2} ms",
            t.methods,
            t.osr_versions,
            t.osr_entries,
            t.declined,
            t.micros as f64 / 1e3
        );
    }
}
