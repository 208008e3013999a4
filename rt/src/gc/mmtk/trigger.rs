//! How big the heap gets before it is collected.
//!
//! The heap may have `size` bytes. A nursery collection happens when it is full; when what survives leaves less than
//! a quarter free, the next collection looks at the whole heap, and sets `size` to twice what is alive, within the
//! bounds of the options. So the work of a full collection is paid for by at least as many bytes of allocation.
//!
//! Native memory that objects took since the last collection counts as allocated ([`add_pressure`]). What they had before does not: a heap can
//! not grow beyond its highest size because of it.

use super::Binding;
use crate::gc::options::HeapOptions;
use ::mmtk::util::heap::{GCTriggerPolicy, SpaceStats};
use ::mmtk::{MMTK, Plan};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

const PAGE_SHIFT: u32 = 12;

/// The heap is being made: what is asked for is how much address space to reserve.
static RESERVING: AtomicBool = AtomicBool::new(false);

/// Lowest and highest size, in pages.
static BOUNDS: OnceLock<(usize, usize)> = OnceLock::new();

/// The pages to state as highest size with [`RESERVING`] set, given the real ones: MMTk makes each space twice as large as it takes for them.
/// A space may need several times the highest size: while it is copied, and because of fragmentation between large
/// objects. Where it ends MMTk panics, so it is made far too large; a space must fit into 2 TiB.
fn reserved(max: usize) -> usize {
    const LEAST: usize = ((64u64 << 30) >> PAGE_SHIFT) as usize;
    const MOST: usize = ((1u64 << 40) >> PAGE_SHIFT) as usize;
    max.saturating_mul(4).clamp(LEAST, MOST)
}

/// Calls `build` with address space in mind rather than memory.
pub(super) fn reserving<R>(build: impl FnOnce() -> R) -> R {
    RESERVING.store(true, Relaxed);
    let result = build();
    RESERVING.store(false, Relaxed);
    result
}

/// Bytes of native memory that objects took since the last collection.
static PRESSURE: AtomicUsize = AtomicUsize::new(0);

/// Objects took so many bytes of native memory, or gave them back.
pub(in crate::gc) fn add_pressure(bytes: i64) {
    let amount = usize::try_from(bytes.unsigned_abs()).unwrap_or(usize::MAX);
    let _ = PRESSURE.fetch_update(Relaxed, Relaxed, |now| {
        Some(match bytes < 0 {
            true => now.saturating_sub(amount),
            false => now.saturating_add(amount),
        })
    });
}

/// Sets the bounds for the trigger that is made next.
pub(super) fn configure(options: &HeapOptions) {
    BOUNDS.get_or_init(|| {
        (
            options.effective_min() >> PAGE_SHIFT,
            options.effective_max() >> PAGE_SHIFT,
        )
    });
}

/// The highest size, in bytes.
pub(super) fn highest() -> usize {
    BOUNDS.get().map_or(0, |bounds| bounds.1) << PAGE_SHIFT
}

/// The heap's size policy.
pub(super) struct Trigger {
    min: usize,
    max: usize,
    size: AtomicUsize,
    /// Pages that threads wait for.
    pending: AtomicUsize,
}

impl Trigger {
    pub(super) fn new() -> Trigger {
        let (min, max) = *BOUNDS.get().expect("configured before");
        Trigger {
            min,
            max,
            size: AtomicUsize::new(min),
            pending: AtomicUsize::new(0),
        }
    }

    /// The size after a collection that left `live` pages and has `waiting` pages to serve.
    fn next_size(&self, live: usize, waiting: usize, full: bool) -> usize {
        let now = self.size.load(Relaxed);
        let wanted = live + waiting;
        if full {
            (wanted * 2).clamp(self.min, self.max)
        } else if wanted > now {
            // No room for those who wait, although a full collection may make some next time.
            (wanted + wanted / 4).clamp(now, self.max.max(now))
        } else {
            now
        }
    }
}

impl GCTriggerPolicy<Binding> for Trigger {
    fn on_pending_allocation(&self, pages: usize) {
        self.pending.fetch_add(pages, Relaxed);
    }

    fn on_gc_end(&self, mmtk: &'static MMTK<Binding>) {
        PRESSURE.store(0, Relaxed);
        let live = mmtk.get_plan().get_reserved_pages();
        let waiting = self.pending.swap(0, Relaxed);
        let full = super::last_was_full();
        self.size
            .store(self.next_size(live, waiting, full), Relaxed);
    }

    fn is_gc_required(
        &self,
        space_full: bool,
        space: Option<SpaceStats<'_, Binding>>,
        plan: &dyn Plan<VM = Binding>,
    ) -> bool {
        plan.collection_required(space_full, space)
    }

    fn is_heap_full(&self, plan: &dyn Plan<VM = Binding>) -> bool {
        let native = PRESSURE.load(Relaxed) >> PAGE_SHIFT;
        plan.get_reserved_pages().saturating_add(native) > self.size.load(Relaxed)
    }

    fn get_current_heap_size_in_pages(&self) -> usize {
        self.size.load(Relaxed)
    }

    fn get_max_heap_size_in_pages(&self) -> usize {
        if cfg!(target_pointer_width = "64") && RESERVING.load(Relaxed) {
            reserved(self.max)
        } else {
            self.max
        }
    }

    fn can_heap_size_grow(&self) -> bool {
        self.size.load(Relaxed) < self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_follows_what_is_alive() {
        let t = Trigger {
            min: 1000,
            max: 10_000,
            size: AtomicUsize::new(1000),
            pending: AtomicUsize::new(0),
        };
        assert_eq!(t.next_size(10, 0, true), 1000);
        assert_eq!(t.next_size(3000, 0, true), 6000);
        assert_eq!(t.next_size(3000, 1000, true), 8000);
        assert_eq!(t.next_size(9000, 0, true), 10_000);
        assert_eq!(t.next_size(900, 0, false), 1000);
        assert_eq!(t.next_size(900, 300, false), 1500);
        assert_eq!(t.next_size(20_000, 0, false), 10_000);
    }
}
