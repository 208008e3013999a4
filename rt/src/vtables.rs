//! Memory below 4 GiB, where vtables live so that 32 bits name them.

use crate::memory::Mapping;
use parking_lot::Mutex;
use std::io;

/// Places tried, in order.
const FIRST: usize = 0x1000_0000;
const LAST: usize = 0xe000_0000;
const STEP: usize = 0x0800_0000;
/// Bytes reserved: the largest size that finds a place.
const SIZES: [usize; 3] = [256 << 20, 64 << 20, 16 << 20];

/// An arena of zeroed memory below 4 GiB that is never given back.
#[derive(Debug)]
pub struct LowArena {
    mapping: Mapping,
    next: Mutex<usize>,
}

impl LowArena {
    /// Reserves address space.
    pub fn new() -> io::Result<LowArena> {
        let mut error = io::Error::from(io::ErrorKind::OutOfMemory);
        for size in SIZES {
            for place in (FIRST..LAST).step_by(STEP) {
                match Mapping::at(place, size) {
                    Ok(mapping) => {
                        let next = Mutex::new(mapping.addr());
                        return Ok(LowArena { mapping, next });
                    }
                    Err(e) => error = e,
                }
            }
        }
        Err(error)
    }

    /// Zeroed memory, 16-aligned. `None` when the arena is full.
    pub fn alloc(&self, bytes: usize) -> Option<usize> {
        let mut next = self.next.lock();
        let start = *next;
        let end = start.checked_add(bytes.checked_next_multiple_of(16)?)?;
        (end <= self.mapping.range().end).then(|| {
            *next = end;
            start
        })
    }

    /// Bytes used.
    pub fn used(&self) -> usize {
        *self.next.lock() - self.mapping.addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_low_zeroed_and_bounded() {
        let arena = LowArena::new().unwrap();
        let a = arena.alloc(24).unwrap();
        let b = arena.alloc(8).unwrap();
        assert_eq!(b - a, 32);
        assert!(b < u32::MAX as usize);
        // SAFETY: the arena's own memory.
        assert_eq!(unsafe { *(a as *const u64) }, 0);
        assert!(arena.alloc(usize::MAX - 8).is_none());
        assert!(arena.alloc(SIZES[0]).is_none());
    }
}
