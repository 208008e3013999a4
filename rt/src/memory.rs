//! Address space from the operating system.

use std::io;
use std::marker::PhantomData;
use std::ops::Range;
use std::ptr::{self, NonNull};

/// Size of a page.
pub fn page_size() -> usize {
    // SAFETY: no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// A private anonymous mapping, unmapped when dropped.
#[derive(Debug)]
pub struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: it is an address range; whoever touches the memory sees to synchronization.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Zeroed memory, committed page by page as it is touched.
    pub fn new(len: usize) -> io::Result<Mapping> {
        Self::map(0, len, 0)
    }

    /// Zeroed memory at exactly this address, if nothing is mapped there.
    pub fn at(addr: usize, len: usize) -> io::Result<Mapping> {
        let mapping = Self::map(addr, len, libc::MAP_FIXED_NOREPLACE)?;
        // Kernels before 4.17 take the address as a hint only.
        match mapping.addr() == addr {
            true => Ok(mapping),
            false => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
        }
    }

    fn map(addr: usize, len: usize, flags: i32) -> io::Result<Mapping> {
        let len = len.next_multiple_of(page_size());
        // SAFETY: a new mapping; MAP_FIXED_NOREPLACE never replaces an existing one.
        let base = unsafe {
            libc::mmap(
                ptr::without_provenance_mut(addr),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | flags,
                -1,
                0,
            )
        };
        match NonNull::new(base.cast::<u8>()) {
            Some(base) if base.as_ptr().cast() != libc::MAP_FAILED => Ok(Mapping { base, len }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// First address.
    pub fn addr(&self) -> usize {
        self.base.as_ptr() as usize
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never: a mapping has at least one page.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All addresses.
    pub fn range(&self) -> Range<usize> {
        self.addr()..self.addr() + self.len
    }

    /// Makes the lowest page inaccessible: a stack that grows into it faults.
    pub fn guard_lowest_page(&self) -> io::Result<()> {
        // SAFETY: our own mapping, which the caller has not used yet.
        match unsafe { libc::mprotect(self.base.as_ptr().cast(), page_size(), libc::PROT_NONE) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Makes the whole mapping readable, or not accessible at all.
    pub fn set_readable(&self, readable: bool) {
        let prot = if readable {
            libc::PROT_READ
        } else {
            libc::PROT_NONE
        };
        // SAFETY: our own mapping; nobody holds references into it (poll pages only).
        let result = unsafe { libc::mprotect(self.base.as_ptr().cast(), self.len, prot) };
        assert_eq!(result, 0, "mprotect: {}", io::Error::last_os_error());
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: our own mapping, and nobody has a reference into it any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

/// A large array of zero-initialized atomics whose pages are committed when first touched.
#[derive(Debug)]
pub struct LazyArray<T> {
    mapping: Mapping,
    len: usize,
    elements: PhantomData<T>,
}

/// Types for which zeroed memory is a value and that may be shared between threads.
///
/// # Safety
/// All zeroes must be a valid value.
pub unsafe trait ZeroShared: Sync {}
// SAFETY: zero is a value.
unsafe impl ZeroShared for std::sync::atomic::AtomicU32 {}
// SAFETY: null is a value; what it points to is the user's business.
unsafe impl<T> ZeroShared for std::sync::atomic::AtomicPtr<T> {}

impl<T: ZeroShared> LazyArray<T> {
    /// `len` zeroes.
    pub fn new(len: usize) -> io::Result<Self> {
        Ok(LazyArray {
            mapping: Mapping::new(len * size_of::<T>())?,
            len,
            elements: PhantomData,
        })
    }

    /// Element `index`, if there is one.
    pub fn get(&self, index: usize) -> Option<&T> {
        // SAFETY: in bounds; mapped zeroes are valid, and pages are aligned enough for any atomic.
        (index < self.len).then(|| unsafe { &*(self.mapping.base.as_ptr().cast::<T>()).add(index) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn arrays_are_zero_and_bounded() {
        let a = LazyArray::<AtomicU32>::new(1 << 22).unwrap();
        assert_eq!(a.get((1 << 22) - 1).unwrap().load(Ordering::Relaxed), 0);
        assert!(a.get(1 << 22).is_none());
    }

    #[test]
    fn fixed_places_are_not_taken_twice() {
        let free = Mapping::new(1 << 16).unwrap();
        assert!(Mapping::at(free.addr(), 1 << 16).is_err());
        let addr = free.addr();
        drop(free);
        let taken = Mapping::at(addr, 1 << 16);
        // Another test's thread may have taken the place in between.
        assert!(taken.is_err() || taken.unwrap().addr() == addr);
    }
}
