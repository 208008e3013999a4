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
    /// Method and reason, in order.
    declines: Mutex<Vec<(String, String)>>,
}

impl Stats {
    /// No counts.
    pub const fn new() -> Self {
        Stats {
            baseline: PerTier::new(),
            opt: PerTier::new(),
            declines: Mutex::new(Vec::new()),
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
        let list = self.declines.lock().unwrap_or_else(|e| e.into_inner());
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (method, reason) in list.iter() {
            reasons.entry(reason).or_default().push(method);
        }
        writeln!(f, "declined by opt: {} methods", list.len())?;
        for (reason, methods) in reasons {
            writeln!(f, "  {:5} {reason} (first: {})", methods.len(), methods[0])?;
        }
        Ok(())
    }
}

/// Prints what the run did to stderr.
pub fn print() {
    eprint!("{}", super::stats());
    if super::runtime().tiering().is_some() {
        let t = super::runtime().tier_counts();
        eprintln!(
            "tiering   {:6} methods replaced, {} loops with code of their own, entered {} times, {} requests declined, {:.2} ms",
            t.methods,
            t.osr_versions,
            t.osr_entries,
            t.declined,
            t.micros as f64 / 1e3
        );
    }
}
