//! Free space: best fit, with neighbours merged when blocks are given back. Every operation takes logarithmic time.
//!
//! Invariants: (1) free blocks do not touch each other; (2) `by_offset` and `by_size` hold the same blocks; (3) offsets
//! and sizes are multiples of the grain.

use std::collections::{BTreeMap, BTreeSet};

/// Free blocks of a range that starts at offset 0.
#[derive(Debug)]
pub struct Blocks {
    by_offset: BTreeMap<usize, usize>,
    by_size: BTreeSet<(usize, usize)>,
    free: usize,
    size: usize,
    /// Blocks start at, and are rounded up to, multiples of this power of two.
    grain: usize,
}

impl Blocks {
    /// A range of `size` bytes (rounded down to the grain), all free.
    pub fn new(size: usize, grain: usize) -> Blocks {
        let size = size / grain * grain;
        let mut blocks = Blocks {
            by_offset: BTreeMap::new(),
            by_size: BTreeSet::new(),
            free: 0,
            size,
            grain,
        };
        if size > 0 {
            blocks.insert(0, size);
        }
        blocks
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.size - self.free
    }

    /// Takes a block of at least `size` bytes at a multiple of `align`, a power of two. Returns its offset.
    pub fn take(&mut self, size: usize, align: usize) -> Option<usize> {
        let size = self.round(size)?;
        let align = align.max(self.grain);
        // Smallest block that fits however it is aligned, then, only if there is none, any that happens to fit.
        let surely = size.checked_add(align - self.grain)?;
        let fits = |&&(len, at): &&(usize, usize)| {
            let start = at.next_multiple_of(align);
            start - at + size <= len
        };
        let &(len, at) = self
            .by_size
            .range((surely, 0)..)
            .next()
            .or_else(|| self.by_size.range((size, 0)..).find(fits))?;
        self.remove(at, len);
        let start = at.next_multiple_of(align);
        if start > at {
            self.insert(at, start - at);
        }
        let end = start + size;
        if end < at + len {
            self.insert(end, at + len - end);
        }
        Some(start)
    }

    /// Gives back what [`Blocks::take`] returned for the same size.
    pub fn give(&mut self, offset: usize, size: usize) {
        let Some(size) = self.round(size) else { return };
        let (mut at, mut len) = (offset, size);
        if let Some((&before, &n)) = self.by_offset.range(..at).next_back() {
            debug_assert!(before + n <= at, "block given back twice");
            if before + n == at {
                self.remove(before, n);
                (at, len) = (before, n + len);
            }
        }
        if let Some((&after, &n)) = self.by_offset.range(offset..).next() {
            debug_assert!(after >= offset + size, "block given back twice");
            if after == offset + size {
                self.remove(after, n);
                len += n;
            }
        }
        self.insert(at, len);
    }

    fn insert(&mut self, at: usize, len: usize) {
        self.by_offset.insert(at, len);
        self.by_size.insert((len, at));
        self.free += len;
    }

    fn remove(&mut self, at: usize, len: usize) {
        self.by_offset.remove(&at);
        self.by_size.remove(&(len, at));
        self.free -= len;
    }

    /// A size as it is taken; empty blocks take one grain, so that addresses differ.
    fn round(&self, size: usize) -> Option<usize> {
        size.max(1).checked_next_multiple_of(self.grain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_disjoint_aligned_and_merge_again() {
        let mut blocks = Blocks::new(1 << 16, 16);
        let mut taken: Vec<(usize, usize)> = Vec::new();
        let mut seed = 1u32;
        for step in 0..20_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let r = (seed >> 8) as usize;
            if r.is_multiple_of(3) && !taken.is_empty() {
                let (at, size) = taken.swap_remove(r / 3 % taken.len());
                blocks.give(at, size);
                continue;
            }
            let (size, align) = (r % 700, 1 << (r / 700 % 9));
            if let Some(at) = blocks.take(size, align) {
                assert_eq!(at % align, 0);
                let end = at + size.max(1);
                assert!(
                    taken.iter().all(|&(a, s)| end <= a || a + s.max(1) <= at),
                    "step {step}"
                );
                taken.push((at, size));
            }
        }
        assert!(taken.len() > 10);
        taken.drain(..).for_each(|(at, size)| blocks.give(at, size));
        assert_eq!(blocks.used(), 0);
        assert_eq!(blocks.by_offset.len(), 1);
        assert_eq!(blocks.take(1 << 16, 16), Some(0));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut blocks = Blocks::new(64, 16);
        assert_eq!(blocks.take(65, 16), None);
        assert_eq!(blocks.take(usize::MAX, 16), None);
        assert_eq!(blocks.take(64, 16), Some(0));
        assert_eq!(blocks.take(1, 16), None);
    }
}
