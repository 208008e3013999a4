//! Storing references from runtime code, and the slow path of compiled code's write barrier.
//!
//! The barrier remembers *objects*: when a reference is stored into an old object whose log bit is set, the object is put
//! into the thread's list and the bit is cleared; the next nursery collection scans it. New objects have no bit set and
//! cost one load. What matters is that store and barrier are not separated by a safepoint; their order does not.

use super::{Heap, mmtk};
use crate::object::Ref;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// References in memory. All of it must be called by a bound, running thread, with addresses of memory that it may write.
/// Nothing here collects.
impl Heap {
    /// Stores a reference into a slot of a heap object.
    ///
    /// # Safety
    /// `slot` lies in `object`.
    #[inline]
    pub unsafe fn store(&self, object: Ref, slot: usize, value: Ref) {
        // SAFETY: as the caller says.
        unsafe {
            AtomicUsize::from_ptr(slot as *mut usize).store(value.addr(), Ordering::Release);
            self.barrier(object);
        }
    }

    /// The write barrier: references were or are about to be stored into `object`.
    ///
    /// # Safety
    /// `object` is a live object of the heap.
    #[inline]
    pub unsafe fn barrier(&self, object: Ref) {
        if self.needs_barrier(object) {
            // SAFETY: as the caller says.
            unsafe { self.remember(object) };
        }
    }

    /// Whether the slow path is due: what compiled code tests in place.
    #[inline]
    pub fn needs_barrier(&self, object: Ref) -> bool {
        let o = object.addr();
        // SAFETY: there is a byte of bits for every address of the heap in use.
        let byte = unsafe { AtomicU8::from_ptr(self.log_bits.wrapping_add(o >> 6) as *mut u8) };
        byte.load(Ordering::Relaxed) >> ((o >> 3) & 7) & 1 != 0
    }

    /// Whether our formula for log bits reads what the collector reads.
    ///
    /// Another thread that stores into the same object may clear the bit between two reads; nothing sets it while threads run.
    fn log_bit_agrees(&self, object: Ref) -> bool {
        let before = self.needs_barrier(object);
        let theirs = mmtk::is_unlogged(object.addr());
        let after = self.needs_barrier(object);
        theirs == before || theirs == after
    }

    /// The slow path of the barrier. It is right, only slow, for objects that need none.
    ///
    /// # Safety
    /// `object` is a live object of the heap.
    #[cold]
    pub unsafe fn remember(&self, object: Ref) {
        debug_assert!(
            self.options.plan == super::Plan::Immix || self.log_bit_agrees(object),
            "our formula for log bits is the collector's"
        );
        if !self.needs_barrier(object) {
            return;
        }
        let thread = self.current();
        // SAFETY: the current thread's record; it runs.
        unsafe { (*thread).mutator().remember(object.addr()) };
    }

    /// Stores a reference anywhere: into a heap object, the stack, or native memory that somebody else keeps as a root.
    ///
    /// # Safety
    /// As stated for all stores.
    pub unsafe fn store_unknown(&self, slot: usize, value: Ref) {
        // SAFETY: as the caller says.
        unsafe {
            AtomicUsize::from_ptr(slot as *mut usize).store(value.addr(), Ordering::Release);
            self.barrier_unknown(slot);
        }
    }

    /// Copies `bytes` bytes (whole words) with references into an object of the heap. The ranges may overlap.
    ///
    /// # Safety
    /// `target` lies in `object`; `source` is readable.
    pub unsafe fn copy(&self, object: Ref, target: usize, source: usize, bytes: usize) {
        // SAFETY: as the caller says.
        unsafe {
            copy_words(target, source, bytes);
            self.barrier(object);
        }
    }

    /// Copies `bytes` bytes (whole words) with references to anywhere, into at most one object. The ranges may overlap.
    ///
    /// # Safety
    /// As stated for all stores.
    pub unsafe fn copy_unknown(&self, target: usize, source: usize, bytes: usize) {
        if bytes == 0 {
            return;
        }
        // SAFETY: as the caller says.
        unsafe {
            copy_words(target, source, bytes);
            self.barrier_unknown(target);
        }
    }

    /// # Safety
    /// As stated for all stores.
    unsafe fn barrier_unknown(&self, slot: usize) {
        if !self.contains(slot) {
            return;
        }
        // An object in a thread's buffer may not be found yet; but then it is new, and needs no barrier.
        if let Some(object) = mmtk::find_object(slot) {
            // SAFETY: found alive; the caller reached it.
            unsafe { self.barrier(Ref::from_addr(object)) };
        }
    }

    /// Whether an address lies in the range of the heap.
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        (self.range.0..self.range.1).contains(&address)
    }

    /// The object that `address` points into, if the collector knows one: every object that survived a collection, large
    /// and immortal objects, and those of buffers that were left.
    ///
    /// # Safety
    /// Called by a bound, running thread.
    pub unsafe fn find_object(&self, address: usize) -> Option<Ref> {
        if !self.contains(address) {
            return None;
        }
        mmtk::find_object(address).map(Ref::from_addr)
    }
}

/// Copies words one by one, so that another thread never sees half a reference.
///
/// # Safety
/// Both ranges are accessible and word-aligned.
unsafe fn copy_words(target: usize, source: usize, bytes: usize) {
    const WORD: usize = size_of::<usize>();
    let words = bytes / WORD;
    let to = |i: usize| target.wrapping_add(i * WORD) as *mut usize;
    let from = |i: usize| source.wrapping_add(i * WORD) as *mut usize;
    // SAFETY: as the caller says.
    let copy = |i: usize| unsafe {
        let value = AtomicUsize::from_ptr(from(i)).load(Ordering::Relaxed);
        AtomicUsize::from_ptr(to(i)).store(value, Ordering::Relaxed);
    };
    // Bytes behind the last whole word hold no references.
    let rest = || {
        let done = words * WORD;
        // SAFETY: as above.
        unsafe {
            std::ptr::copy(
                (source + done) as *const u8,
                (target + done) as *mut u8,
                bytes - done,
            );
        }
    };
    if target.wrapping_sub(source) >= bytes {
        (0..words).for_each(copy);
        rest();
    } else {
        rest();
        (0..words).rev().for_each(copy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_ranges_are_copied_as_if_at_once() {
        for (from, to) in [(0, 0), (0, 8), (8, 0), (0, 40), (40, 0), (16, 8)] {
            for bytes in [0, 1, 7, 8, 39, 40, 43, 47] {
                let mut words: Vec<u64> = (0..12).map(|i| 0x0101_0101_0101_0101 * i).collect();
                let base = words.as_mut_ptr() as usize;
                let all = |words: &[u64]| words.iter().flat_map(|w| w.to_ne_bytes()).collect();
                let mut expected: Vec<u8> = all(&words);
                expected.copy_within(from..from + bytes, to);
                // SAFETY: inside the vector.
                unsafe { copy_words(base + to, base + from, bytes) };
                let found: Vec<u8> = all(&words);
                assert_eq!(found, expected, "{bytes} bytes, {from} -> {to}");
            }
        }
    }
}
