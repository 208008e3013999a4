//! Stopping the world: what the collector needs from the runtime's threads.
//!
//! The collector knows nothing of safepoints, signals or transitions. It asks a [`World`] to stop every thread, to name
//! the memory that may hold references, and to let them run again. The runtime's safepoint module is one; tests use
//! one made of plain threads.
//!
//! ```text
//!  allocating thread                collector thread             other threads
//!  needs memory
//!  requests a collection ─────────▶ World::stop ───────────────▶ park, publish SP and registers
//!  World::blocking(wait) ─ parked ─▶ (returns once all are parked)
//!                                   World::for_each_thread: buffers closed, stacks scanned
//!                                   ... traces, moves, frees ...
//!  wait ends  ◀──────────────────── collection counted
//!  leaves blocking region ◀──────── World::resume ─────────────▶ go on
//! ```

use isthmus_runtime_abi::context::ThreadContext;
use std::ops::Range;

/// The threads that use the heap.
pub trait World: Send + Sync {
    /// Stops every attached thread. Returns when each is parked at a safepoint or inside a blocking region (which
    /// it cannot leave until [`World::resume`]). Called by a collector thread, never twice without a `resume` between.
    fn stop(&self);

    /// Lets the threads run again. Called by a collector thread, perhaps another one than called `stop`.
    fn resume(&self);

    /// While the world is stopped: calls `visit` for every attached thread.
    fn for_each_thread(&self, visit: &mut dyn FnMut(StoppedThread<'_>));

    /// Runs `wait` on the calling (attached) thread with that thread counted as parked, as in any blocking region: the
    /// place where its stack ends and its callee-saved registers are published first. Returns only when the world runs.
    fn blocking(&self, wait: &mut dyn FnMut());
}

/// A stopped thread.
#[derive(Debug)]
pub struct StoppedThread<'a> {
    /// Its context, as given to [`Heap::bind_thread`](crate::gc::Heap::bind_thread).
    pub context: *mut ThreadContext,
    /// Memory to scan conservatively, word by word: the stack from where the thread parked to its base, saved registers,
    /// other areas of the runtime that may hold references of this thread. The ends are word-aligned.
    pub ranges: &'a [Range<usize>],
}
