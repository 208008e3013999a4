//! Vtables, and the memory below 4 GiB where they live so that 32 bits name them.

use crate::memory::Mapping;
use crate::runtime::Runtime;
use isthmus_runtime_abi::layout::{VtableFlags, VtableHeader};
use parking_lot::Mutex;
use std::io;
use std::sync::atomic::Ordering::{Relaxed, Release};

/// What a VM says about a type to get its vtable. Sizes and flags are those of [`VtableHeader`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VtableSpec<'a> {
    /// Number of virtual slots.
    pub slots: u32,
    /// Kind of type. `HAS_REFS` is added for those with references.
    pub flags: VtableFlags,
    /// Size of an instance, or offset of element 0.
    pub base_size: u32,
    /// Size of an element, or 0.
    pub component_size: u32,
    /// Offsets of references within an instance, or within an element.
    pub refs: &'a [u32],
    /// Vtable of the base class.
    pub parent: Option<usize>,
    /// For arrays of references: vtable of the elements, else 0.
    pub element: usize,
    /// The type's handle.
    pub class: usize,
    /// Address of the class-initialization state byte.
    pub init_state: usize,
}

/// A list of reference offsets in the form of [`RefMap`](isthmus_runtime_abi::layout::RefMap), never freed; 0 for none.
pub fn ref_map(offsets: &[u32]) -> usize {
    if offsets.is_empty() {
        return 0;
    }
    let mut words = Vec::with_capacity(offsets.len() + 1);
    words.push(offsets.len() as u32);
    words.extend_from_slice(offsets);
    Box::leak(words.into_boxed_slice()).as_ptr() as usize
}

impl Runtime {
    /// A vtable for a type, whose slots lead to trampolines until they are first called through. It lives as long as the process.
    /// `None`: there is no room.
    pub fn new_vtable(&self, spec: &VtableSpec<'_>) -> Option<usize> {
        let vtable = self.alloc_vtable(spec.slots)?;
        // SAFETY: fresh memory that begins with a header, aligned to words.
        let header = unsafe { &*(vtable as *const VtableHeader) };
        let mut flags = spec.flags;
        flags.set(VtableFlags::HAS_REFS, !spec.refs.is_empty());
        let (depth, display) = display(vtable, spec.parent);
        header.flags.store(flags.bits() as usize, Relaxed);
        header.base_size.store(spec.base_size as usize, Relaxed);
        let component_size = spec.component_size as usize;
        header.component_size.store(component_size, Relaxed);
        header.ref_map.store(ref_map(spec.refs), Relaxed);
        header.depth.store(depth, Relaxed);
        header.display.store(display, Relaxed);
        header.element_type.store(spec.element, Relaxed);
        header.init_state.store(spec.init_state, Relaxed);
        header.class.store(spec.class, Release);
        Some(vtable)
    }
}

/// Depth of a class, and its display: the type words of its supertypes by depth, itself last.
fn display(vtable: usize, parent: Option<usize>) -> (usize, usize) {
    let mut words = Vec::new();
    if let Some(parent) = parent {
        // SAFETY: a finished vtable; its display has (its depth + 1) words.
        unsafe {
            let header = &*(parent as *const VtableHeader);
            let above = header.display.load(Relaxed) as *const u32;
            let count = header.depth.load(Relaxed) + 1;
            words.extend_from_slice(std::slice::from_raw_parts(above, count));
        }
    }
    words.push(vtable as u32);
    (words.len() - 1, words.leak().as_ptr() as usize)
}

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
