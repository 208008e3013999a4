//! Handles: how memory outside the heap refers to objects.
//!
//! A [`Handle`] is a stable 32-bit number for a slot that holds a reference. The collector updates the slot when the
//! object moves, clears it when a weakly held object dies, and keeps the object in place while it is pinned.
//!
//! ```text
//!  handle: index << 2 | kind      (index from 1, so a handle is never 0)
//!
//!  Table of one kind:   chunks ──▶ [slot slot slot ...] 4096 words     0: free, or holds null
//!                              ──▶ [slot slot slot ...]                chunks never move and never go away
//! ```
//!
//! Reading and writing a slot takes no lock: the world stands still while the collector changes slots. Creating and
//! freeing take the table's lock, under which no thread ever parks.

use crate::object::Ref;
use parking_lot::Mutex;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

/// What a handle does for its object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u32)]
pub enum HandleKind {
    /// Keeps the object alive.
    Strong = 0,
    /// Is cleared when the object is unreachable, before its finalizer runs.
    WeakShort = 1,
    /// Is cleared when the object is gone for good: it follows an object through its finalizer (`trackResurrection`).
    WeakLong = 2,
    /// Keeps the object alive and where it is.
    Pinned = 3,
}

impl HandleKind {
    /// All kinds, in order of their number.
    pub const ALL: [HandleKind; 4] = [
        HandleKind::Strong,
        HandleKind::WeakShort,
        HandleKind::WeakLong,
        HandleKind::Pinned,
    ];
}

/// A handle. Copying the number does not copy the slot: free it once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(transparent)]
pub struct Handle(NonZeroU32);

impl Handle {
    fn new(kind: HandleKind, index: u32) -> Handle {
        Handle(NonZeroU32::new(index << 2 | kind as u32).expect("indices start at 1"))
    }

    /// The number, never 0.
    pub fn raw(self) -> u32 {
        self.0.get()
    }

    /// The handle with this number, unless it can be none.
    pub fn from_raw(raw: u32) -> Option<Handle> {
        (raw >> 2 != 0).then(|| Handle(NonZeroU32::new(raw).expect("not 0")))
    }

    /// Its kind.
    pub fn kind(self) -> HandleKind {
        HandleKind::ALL[(self.raw() & 3) as usize]
    }

    fn index(self) -> u32 {
        self.raw() >> 2
    }
}

const CHUNK_BITS: u32 = 12;
const CHUNK: usize = 1 << CHUNK_BITS;
const CHUNKS: usize = 4096;

type Chunk = [AtomicUsize; CHUNK];

/// The slots of one kind.
struct Table {
    chunks: [AtomicPtr<Chunk>; CHUNKS],
    /// Indices below this were handed out at some time.
    limit: AtomicU32,
    free: Mutex<Vec<u32>>,
}

impl Table {
    const fn new() -> Table {
        Table {
            chunks: [const { AtomicPtr::new(std::ptr::null_mut()) }; CHUNKS],
            limit: AtomicU32::new(1),
            free: Mutex::new(Vec::new()),
        }
    }

    /// The slot of an index, if its chunk exists.
    fn slot(&self, index: u32) -> Option<&AtomicUsize> {
        let chunk = self
            .chunks
            .get((index >> CHUNK_BITS) as usize)?
            .load(Ordering::Acquire);
        // SAFETY: a chunk that was published stays.
        let chunk = unsafe { chunk.as_ref()? };
        Some(&chunk[index as usize & (CHUNK - 1)])
    }

    fn create(&self, value: usize) -> Option<u32> {
        let mut free = self.free.lock();
        let index = match free.pop() {
            Some(index) => index,
            None => {
                let index = self.limit.load(Ordering::Relaxed);
                let chunk = self.chunks.get((index >> CHUNK_BITS) as usize)?;
                if chunk.load(Ordering::Relaxed).is_null() {
                    let fresh: Box<Chunk> = Box::new([const { AtomicUsize::new(0) }; CHUNK]);
                    chunk.store(Box::leak(fresh), Ordering::Release);
                }
                self.limit.store(index + 1, Ordering::Release);
                index
            }
        };
        self.slot(index)?.store(value, Ordering::Release);
        Some(index)
    }

    fn free(&self, index: u32) {
        let mut free = self.free.lock();
        if let Some(slot) = self.slot(index) {
            slot.store(0, Ordering::Release);
            free.push(index);
        }
    }

    /// Calls `visit` for every slot that holds an object.
    fn for_each(&self, mut visit: impl FnMut(&AtomicUsize)) {
        let limit = self.limit.load(Ordering::Acquire);
        for index in 1..limit {
            if let Some(slot) = self.slot(index)
                && slot.load(Ordering::Relaxed) != 0
            {
                visit(slot);
            }
        }
    }
}

/// All handles of the heap.
pub(crate) struct HandleTable {
    kinds: [Table; 4],
}

impl HandleTable {
    pub(crate) const fn new() -> HandleTable {
        HandleTable {
            kinds: [const { Table::new() }; 4],
        }
    }

    /// A new handle; `None` when there are too many (16 million of a kind).
    pub(crate) fn create(&self, kind: HandleKind, object: Ref) -> Option<Handle> {
        let index = self.kinds[kind as usize].create(object.addr())?;
        Some(Handle::new(kind, index))
    }

    fn slot(&self, handle: Handle) -> Option<&AtomicUsize> {
        self.kinds[handle.kind() as usize].slot(handle.index())
    }

    /// What a handle refers to; null if it was cleared, freed or never made.
    pub(crate) fn get(&self, handle: Handle) -> Ref {
        self.slot(handle)
            .map_or(Ref::NULL, |s| Ref::from_addr(s.load(Ordering::Acquire)))
    }

    /// Makes a handle refer to another object.
    pub(crate) fn set(&self, handle: Handle, object: Ref) {
        if let Some(slot) = self.slot(handle) {
            slot.store(object.addr(), Ordering::Release);
        }
    }

    /// Frees a handle.
    pub(crate) fn free(&self, handle: Handle) {
        self.kinds[handle.kind() as usize].free(handle.index());
    }

    /// Every slot of a kind that holds an object, for the collector.
    pub(crate) fn for_each(&self, kind: HandleKind, visit: impl FnMut(&AtomicUsize)) {
        self.kinds[kind as usize].for_each(visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(n: usize) -> Ref {
        Ref::from_addr(n * 8)
    }

    #[test]
    fn handles_are_stable_and_reused() {
        let table = HandleTable::new();
        let handles: Vec<Handle> = (1..=10_000)
            .map(|n| table.create(HandleKind::ALL[n % 4], r(n)).unwrap())
            .collect();
        for (i, &h) in handles.iter().enumerate() {
            assert_eq!(table.get(h), r(i + 1));
            assert_eq!(h.kind(), HandleKind::ALL[(i + 1) % 4]);
            assert_eq!(Handle::from_raw(h.raw()), Some(h));
        }
        let mut distinct: Vec<u32> = handles.iter().map(|h| h.raw()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), handles.len());

        table.free(handles[5]);
        assert_eq!(table.get(handles[5]), Ref::NULL);
        let again = table.create(handles[5].kind(), r(77)).unwrap();
        assert_eq!(again, handles[5]);
        table.set(again, r(78));
        assert_eq!(table.get(again), r(78));
    }

    #[test]
    fn slots_in_use_are_enumerated() {
        let table = HandleTable::new();
        let a = table.create(HandleKind::Strong, r(1)).unwrap();
        table.create(HandleKind::Strong, Ref::NULL).unwrap();
        table.create(HandleKind::Pinned, r(2)).unwrap();
        let b = table.create(HandleKind::Strong, r(3)).unwrap();
        table.free(a);
        let mut seen = vec![];
        table.for_each(HandleKind::Strong, |s| {
            seen.push(s.load(Ordering::Relaxed));
            s.store(r(9).addr(), Ordering::Relaxed);
        });
        assert_eq!(seen, [r(3).addr()]);
        assert_eq!(table.get(b), r(9));
    }

    #[test]
    fn numbers_that_are_no_handles() {
        assert_eq!(Handle::from_raw(0), None);
        assert_eq!(Handle::from_raw(3), None);
        let table = HandleTable::new();
        let wild = Handle::from_raw(u32::MAX).unwrap();
        assert_eq!(table.get(wild), Ref::NULL);
        table.set(wild, r(1));
        table.free(wild);
    }

    #[test]
    fn creation_from_many_threads() {
        let table = HandleTable::new();
        std::thread::scope(|scope| {
            for t in 0..4 {
                let table = &table;
                scope.spawn(move || {
                    for n in 1..5000 {
                        let h = table
                            .create(HandleKind::WeakShort, r(t * 10_000 + n))
                            .unwrap();
                        assert_eq!(table.get(h), r(t * 10_000 + n));
                        table.free(h);
                    }
                });
            }
        });
        let mut left = 0;
        table.for_each(HandleKind::WeakShort, |_| left += 1);
        assert_eq!(left, 0);
    }
}
