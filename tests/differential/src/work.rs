//! Work that several threads share, and where findings are kept.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// A difference between engines.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Where the program is, reduced if that went well.
    pub file: PathBuf,
    /// Which engine, and what it did.
    pub what: String,
}

/// What a run came to.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Programs (methods, in C#) that were compared.
    pub compared: u64,
    /// Programs that ran too long and were left out.
    pub long: u64,
    /// Programs that the reference could not run.
    pub refused: u64,
    /// Runs of a batch or a program in an engine.
    pub runs: u64,
    /// Differences.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Adds another part of the same run.
    pub fn add(&mut self, other: Report) {
        self.compared += other.compared;
        self.long += other.long;
        self.refused += other.refused;
        self.runs += other.runs;
        self.findings.extend(other.findings);
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} compared in {} runs, {} too long, {} refused by the reference, {} differences",
            self.compared,
            self.runs,
            self.long,
            self.refused,
            self.findings.len()
        )?;
        for finding in &self.findings {
            write!(f, "\n{}: {}", finding.file.display(), finding.what)?;
        }
        Ok(())
    }
}

/// Runs jobs `0..count` on `threads` threads, one job after the other on this thread if that is one, and adds up their reports. `say` sees
/// the sum after each job. Stops early at `limit` findings.
pub fn share(
    count: u64,
    threads: usize,
    limit: usize,
    job: impl Fn(u64) -> Report + Sync,
    say: impl Fn(&Report) + Sync,
) -> Report {
    let next = AtomicU64::new(0);
    let sum = Mutex::new(Report::default());
    let work = || {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                return;
            }
            let part = job(n);
            let mut sum = sum.lock().unwrap_or_else(|e| e.into_inner());
            sum.add(part);
            say(&sum);
            if sum.findings.len() >= limit {
                next.store(count, Ordering::Relaxed);
            }
        }
    };
    if threads <= 1 {
        work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
    }
    sum.into_inner().unwrap_or_else(|e| e.into_inner())
}

/// A folder for the files of one process, gone with the value.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one.
    pub fn new() -> std::io::Result<Scratch> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let n = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("isthmus-fuzz-{}-{n}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left in the temporary folder does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
