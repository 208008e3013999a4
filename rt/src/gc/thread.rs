//! What the heap keeps for each thread, and its allocation buffer.
//!
//! A buffer is a zeroed range that one thread allocates from, in compiled code too, by moving a cursor:
//!
//! ```text
//!   buffer start        AllocReported        AllocCursor           AllocLimit
//!   │ objects, known    │ objects, not known │ zeroes              │
//!   └───────────────────┴────────────────────┴─────────────────────┘
//! ```
//!
//! Compiled code writes an object's header and moves the cursor; it does not tell the collector that an object starts
//! there (the valid-object bit, which conservative scanning needs). When the buffer is left or a collection starts, the range
//! from `AllocReported` to `AllocCursor` is noted; [`report`] walks it when a collection finds a word on a stack that points there, and
//! only then: a collection finds out by itself what of the rest is alive. Objects lie there without gaps and each says how
//! long it is, so the walk finds every one. It must not be disturbed: once the cursor has moved, the header (and the length of
//! an array) is written before the thread can be stopped.

use super::mmtk::Mutator;
use super::object;
use isthmus_runtime_abi::context::ThreadContext;
use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU8};

thread_local! {
    /// The record of the current thread.
    static CURRENT: Cell<*mut HeapThread> = const { Cell::new(std::ptr::null_mut()) };
}

/// The record of a bound thread. It stays where it is; the collector's threads use it while the thread is stopped.
pub(crate) struct HeapThread {
    context: *mut ThreadContext,
    mutator: Option<Mutator>,
    /// While the world is stopped: memory to scan.
    ranges: Vec<Range<usize>>,
    /// Parts of buffers with objects whose valid-object bits are not set.
    noted: Vec<Range<usize>>,
    /// Allocations until the next collection, in stress mode.
    stress_left: u32,
    /// Collections that stress mode made on this thread.
    stressed: u32,
}

impl HeapThread {
    /// Makes the record of the current thread.
    pub(super) fn create(context: *mut ThreadContext, stress: u32) -> *mut HeapThread {
        let thread = Box::into_raw(Box::new(HeapThread {
            context,
            mutator: None,
            ranges: Vec::new(),
            noted: Vec::new(),
            stress_left: stress,
            stressed: 0,
        }));
        // SAFETY: fresh, and not yet known to anyone else.
        unsafe { (*thread).mutator = Some(Mutator::new(thread)) };
        thread
    }

    /// Makes this the current thread's record (null: none).
    pub(super) fn set_current(thread: *mut HeapThread) {
        CURRENT.set(thread);
    }

    /// The current thread's record, null if it is not bound.
    #[inline]
    pub(super) fn current() -> *mut HeapThread {
        CURRENT.get()
    }

    /// The thread's context.
    pub(super) fn context_ptr(&self) -> *mut ThreadContext {
        self.context
    }

    /// The thread's context.
    #[inline]
    pub(super) fn context(&self) -> &ThreadContext {
        // SAFETY: whoever bound the thread keeps the context until it is unbound.
        unsafe { &*self.context }
    }

    /// The thread's share in the collector.
    #[inline]
    pub(super) fn mutator(&mut self) -> &mut Mutator {
        self.mutator.as_mut().expect("made with the record")
    }

    /// What to scan.
    pub(super) fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    pub(super) fn ranges_mut(&mut self) -> &mut Vec<Range<usize>> {
        &mut self.ranges
    }

    /// Counts an allocation in stress mode: whether to collect now, and if so, the whole heap?
    pub(super) fn stress(&mut self, every: u32) -> Option<bool> {
        self.stress_left = self.stress_left.saturating_sub(1);
        if self.stress_left > 0 {
            return None;
        }
        self.stress_left = every;
        self.stressed = self.stressed.wrapping_add(1);
        Some(self.stressed.is_multiple_of(4))
    }

    /// Takes `size` bytes from the buffer, if it has them.
    #[inline]
    pub(super) fn bump(&self, size: usize) -> Option<usize> {
        let ctx = self.context();
        let cursor = ctx.alloc_cursor.load(Relaxed);
        if size > ctx.alloc_limit.load(Relaxed) - cursor {
            return None;
        }
        ctx.alloc_cursor.store(cursor + size, Relaxed);
        Some(cursor)
    }

    /// Notes the objects that were allocated in place since the last time. Returns their bytes.
    ///
    /// # Safety
    /// Called by the thread itself or while it is stopped.
    pub(super) unsafe fn note(&mut self) -> usize {
        let ctx = self.context();
        let from = ctx.alloc_reported.load(Relaxed);
        let to = ctx.alloc_cursor.load(Relaxed);
        if from != to {
            ctx.alloc_reported.store(to, Relaxed);
            self.noted.push(from..to);
        }
        to - from
    }

    /// The ranges that were noted since the last call.
    pub(super) fn take_noted(&mut self) -> Vec<Range<usize>> {
        std::mem::take(&mut self.noted)
    }

    /// Makes this range the buffer; all of it before `cursor` is reported.
    pub(super) fn set_buffer(&self, cursor: usize, limit: usize) {
        let ctx = self.context();
        ctx.alloc_cursor.store(cursor, Relaxed);
        ctx.alloc_reported.store(cursor, Relaxed);
        ctx.alloc_limit.store(limit, Relaxed);
    }
}

/// What all threads noted, while the world is stopped.
#[derive(Default)]
pub(super) struct Noted {
    /// In order of addresses, each with whether its objects' bits are set.
    ranges: Vec<(Range<usize>, AtomicBool)>,
}

impl Noted {
    /// Takes what was noted.
    pub(super) fn set(&mut self, mut ranges: Vec<Range<usize>>, valid_bits: usize) {
        ranges.sort_unstable_by_key(|r| r.start);
        self.ranges.clear();
        for range in ranges {
            // The collector checks the bits of what it traces, if it was compiled with checks; and broken buffers show.
            if cfg!(debug_assertions) {
                // SAFETY: just noted, the world is stopped.
                unsafe { report(range.clone(), valid_bits) };
            }
            self.ranges
                .push((range, AtomicBool::new(cfg!(debug_assertions))));
        }
    }

    /// Forgets everything: the collection has set the bits of what is alive.
    pub(super) fn clear(&mut self) {
        self.ranges.clear();
    }

    /// Sets the valid-object bits around an address, if it lies in memory that was allocated in place.
    pub(super) fn prepare(&self, address: usize, valid_bits: usize) {
        let after = self.ranges.partition_point(|(r, _)| r.start <= address);
        if let Some((range, reported)) = self.ranges[..after].last()
            && range.contains(&address)
            && !reported.load(Acquire)
        {
            // SAFETY: noted since the last collection.
            unsafe { report(range.clone(), valid_bits) };
            reported.store(true, Release);
        }
    }
}

/// Sets the valid-object bit of every object in a range that objects fill. May be done by several threads at once, each of
/// which may rely on the bits when it is done.
///
/// # Safety
/// The range was noted, and no collection has happened since.
pub(super) unsafe fn report(range: Range<usize>, valid_bits: usize) {
    let Range {
        start: from,
        end: to,
    } = range;
    // The 64 bytes of heap that a byte of bits stands for belong to one buffer only, so plain reads and writes do: all
    // that others may write there meanwhile is the same.
    let flush = |byte: usize, bits: u8| {
        if bits != 0 {
            // SAFETY: the bits of an allocated part of the heap are mapped.
            let byte = unsafe { AtomicU8::from_ptr(byte as *mut u8) };
            byte.store(byte.load(Relaxed) | bits, Relaxed);
        }
    };
    let (mut at, mut byte, mut bits) = (from, 0, 0u8);
    while at < to {
        let here = valid_bits + (at >> 6);
        if here != byte {
            flush(byte, bits);
            (byte, bits) = (here, 0);
        }
        bits |= 1 << ((at >> 3) & 7);
        // SAFETY: the first word of an object, or of zeroed memory if somebody broke the rule above.
        if unsafe { *(at as *const u32) } == 0 {
            super::fatal(&format!(
                "internal error: allocation buffer is broken at {at:#x} of {from:#x}..{to:#x}"
            ));
        }
        // SAFETY: objects up to the cursor are complete.
        at += unsafe { object::size(at) };
    }
    flush(byte, bits);
    if at != to {
        super::fatal(&format!(
            "internal error: objects end at {at:#x}, allocation buffer {from:#x}..{to:#x}"
        ));
    }
}
