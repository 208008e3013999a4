//! Counters of the heap.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Figures about the heap since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HeapStats {
    /// Collections of new objects only.
    pub nursery_collections: u64,
    /// Collections of the whole heap.
    pub full_collections: u64,
    /// Time for which the world stood still.
    pub paused: Duration,
    /// The longest such time.
    pub longest_pause: Duration,
    /// Bytes allocated (what lies in the buffers of running threads is counted when a buffer is left).
    pub allocated: u64,
    /// Bytes of pages in use now.
    pub used: usize,
    /// Bytes that the heap may have before it is collected.
    pub size: usize,
}

impl HeapStats {
    /// Collections of either kind.
    pub fn collections(&self) -> u64 {
        self.nursery_collections + self.full_collections
    }
}

#[derive(Default)]
struct Pauses {
    nursery: u64,
    full: u64,
    total: Duration,
    longest: Duration,
    started: Option<Instant>,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) allocated: AtomicU64,
    pauses: Mutex<Pauses>,
}

impl Counters {
    /// A pause begins.
    pub(crate) fn begin(&self) {
        self.pauses.lock().started = Some(Instant::now());
    }

    /// A pause ends.
    pub(crate) fn end(&self, full: bool) {
        let mut p = self.pauses.lock();
        if let Some(start) = p.started.take() {
            let pause = start.elapsed();
            p.total += pause;
            p.longest = p.longest.max(pause);
        }
        if full {
            p.full += 1;
        } else {
            p.nursery += 1;
        }
    }

    pub(crate) fn snapshot(&self) -> HeapStats {
        let p = self.pauses.lock();
        HeapStats {
            nursery_collections: p.nursery,
            full_collections: p.full,
            paused: p.total,
            longest_pause: p.longest,
            allocated: self.allocated.load(Relaxed),
            used: 0,
            size: 0,
        }
    }
}
