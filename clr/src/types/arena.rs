//! Interning: structural keys to dense ids to items that live as long as the process.

use rustc_hash::FxHashMap;
use std::hash::Hash;
use std::sync::RwLock;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

const CHUNK: usize = 1024;
const CHUNKS: usize = 16 * 1024;

/// An append-only table of leaked items, read without locks.
pub struct Arena<T: 'static> {
    chunks: Box<[AtomicPtr<AtomicPtr<T>>]>,
    len: AtomicUsize,
}

impl<T: Sync> Default for Arena<T> {
    fn default() -> Self {
        let chunks = (0..CHUNKS)
            .map(|_| AtomicPtr::new(std::ptr::null_mut()))
            .collect();
        Arena {
            chunks,
            len: AtomicUsize::new(0),
        }
    }
}

impl<T: Sync + Send> Arena<T> {
    /// Number of items.
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends an item made from its index. The caller serializes calls (the interner's write lock).
    pub fn push(&self, make: impl FnOnce(usize) -> &'static T) -> &'static T {
        let index = self.len.load(Ordering::Relaxed);
        assert!(index < CHUNK * CHUNKS, "too many types or members");
        let item = make(index);
        let slot = &self.chunks[index / CHUNK];
        if slot.load(Ordering::Relaxed).is_null() {
            let chunk: Box<[AtomicPtr<T>]> = (0..CHUNK)
                .map(|_| AtomicPtr::new(std::ptr::null_mut()))
                .collect();
            slot.store(Box::leak(chunk).as_mut_ptr(), Ordering::Release);
        }
        let chunk = slot.load(Ordering::Relaxed);
        // SAFETY: the chunk has CHUNK entries and is never freed.
        let entry = unsafe { &*chunk.add(index % CHUNK) };
        entry.store(std::ptr::from_ref(item).cast_mut(), Ordering::Release);
        self.len.store(index + 1, Ordering::Release);
        item
    }

    /// Item number `index`.
    ///
    /// # Panics
    /// If there is no such item: ids come from this arena only.
    pub fn get(&self, index: usize) -> &'static T {
        assert!(index < self.len(), "no item {index}");
        let chunk = self.chunks[index / CHUNK].load(Ordering::Acquire);
        // SAFETY: index < len, so its chunk and entry were stored before `len` was (release/acquire),
        // point to leaked memory, and are never written again.
        unsafe { &*(*chunk.add(index % CHUNK)).load(Ordering::Acquire) }
    }

    /// All items so far.
    pub fn iter(&self) -> impl Iterator<Item = &'static T> + '_ {
        (0..self.len()).map(|i| self.get(i))
    }
}

/// An arena with a key for each item.
pub struct Interner<K, T: 'static> {
    map: RwLock<FxHashMap<K, &'static T>>,
    arena: Arena<T>,
}

impl<K, T: Sync> Default for Interner<K, T> {
    fn default() -> Self {
        Interner {
            map: RwLock::default(),
            arena: Arena::default(),
        }
    }
}

impl<K: Hash + Eq + Clone, T: Sync + Send> Interner<K, T> {
    /// The item of a key; made from its index if it is new. `make` must not intern in the same interner.
    pub fn intern(&self, key: &K, make: impl FnOnce(usize) -> T) -> &'static T {
        self.intern_placed(key, |index| Box::leak(Box::new(make(index))))
    }

    /// As [`Self::intern`], where `make` chooses the place of the item, too.
    pub fn intern_placed(&self, key: &K, make: impl FnOnce(usize) -> &'static T) -> &'static T {
        if let Some(item) = self.lookup(key) {
            return item;
        }
        let mut map = self.map.write().unwrap_or_else(|e| e.into_inner());
        if let Some(item) = map.get(key) {
            return item;
        }
        let item = self.arena.push(make);
        map.insert(key.clone(), item);
        item
    }

    /// The item of a key, if it exists.
    pub fn lookup(&self, key: &K) -> Option<&'static T> {
        self.map
            .read()
            .unwrap_or_else(|e| e.into_inner())
            .get(key)
            .copied()
    }

    /// The items by index.
    pub fn arena(&self) -> &Arena<T> {
        &self.arena
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_key_same_item_across_threads() {
        let interner: Interner<u32, (usize, u32)> = Interner::default();
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for k in 0..3000 {
                        let item = interner.intern(&k, |i| (i, k));
                        assert_eq!(item.1, k);
                        assert!(std::ptr::eq(item, interner.arena().get(item.0)));
                    }
                });
            }
        });
        assert_eq!(interner.arena().len(), 3000);
    }
}
