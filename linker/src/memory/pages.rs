//! Pages of this process.

use crate::error::{Error, Result};
use crate::graph::Prot;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pages of all targets divide this.
pub const MAX_PAGE: usize = 64 << 10;

/// A range of address space, unmapped at the end.
#[derive(Debug)]
pub struct Mapping {
    base: usize,
    size: usize,
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.size > 0 {
            // SAFETY: the range was mapped by this module and belongs to this value alone.
            unsafe { libc::munmap(ptr::without_provenance_mut(self.base), self.size) };
        }
    }
}

/// Flags of the system for a protection.
fn flags(prot: Prot) -> libc::c_int {
    let write = if prot.write() { libc::PROT_WRITE } else { 0 };
    let execute = if prot.execute() { libc::PROT_EXEC } else { 0 };
    libc::PROT_READ | write | execute
}

fn failed(what: &str) -> Error {
    Error::memory(format!("{what}: {}", io::Error::last_os_error()))
}

/// Size of this system's pages.
pub fn page_size() -> usize {
    // SAFETY: asks for a constant.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(MAX_PAGE)
}

impl Mapping {
    /// Reserves address space without access, if possible within reach of 32-bit displacements from the C library (C code refers to the
    /// library's variables so).
    pub fn reserve(size: usize) -> Result<Mapping> {
        let near = (libc::getpid as *const ()).addr();
        let hint = near.saturating_sub(1 << 30) & !(MAX_PAGE - 1);
        Mapping::fresh(hint, size, libc::PROT_NONE, libc::MAP_PRIVATE)
    }

    /// Reserves address space without access, wherever there is room.
    pub fn reserve_anywhere(size: usize) -> Result<Mapping> {
        Mapping::fresh(0, size, libc::PROT_NONE, libc::MAP_PRIVATE)
    }

    /// Writable memory, all zeros, that has no file and can be mapped [again](Self::view_again).
    pub fn shared(size: usize) -> Result<Mapping> {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        Mapping::fresh(0, size, prot, libc::MAP_SHARED)
    }

    fn fresh(hint: usize, size: usize, prot: libc::c_int, sharing: libc::c_int) -> Result<Mapping> {
        let how = sharing | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let address = ptr::without_provenance_mut(hint);
        // SAFETY: a fresh range: the hint does not replace anything.
        let p = unsafe { libc::mmap(address, size, prot, how, -1, 0) };
        if p == libc::MAP_FAILED {
            return Err(failed("cannot reserve memory"));
        }
        let base = p.expose_provenance();
        Ok(Mapping { base, size })
    }

    /// Address.
    pub fn base(&self) -> usize {
        self.base
    }

    /// Addresses.
    pub fn range(&self) -> Range<usize> {
        self.base..self.base + self.size
    }

    fn check(&self, offset: usize, size: usize) {
        assert!(offset <= self.size && size <= self.size - offset);
    }

    /// Makes part of the range private memory, all zeros.
    pub fn commit(&self, offset: usize, size: usize, prot: Prot) -> Result<()> {
        self.check(offset, size);
        let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        self.map(offset, size, prot, private | libc::MAP_FIXED, -1, 0)
    }

    /// Makes part of the range a view of a file from `at` on.
    pub fn view(
        &self,
        offset: usize,
        file: &Shared,
        at: usize,
        size: usize,
        prot: Prot,
    ) -> Result<()> {
        self.check(offset, size);
        let flags_ = libc::MAP_SHARED | libc::MAP_FIXED;
        self.map(offset, size, prot, flags_, file.0.as_raw_fd(), at)
    }

    /// Makes part of the range a view of all of a [shared](Self::shared) mapping.
    pub fn view_again(&self, offset: usize, shared: &Mapping, prot: Prot) -> Result<()> {
        self.check(offset, shared.size);
        let address = ptr::with_exposed_provenance_mut::<libc::c_void>;
        let (from, to) = (address(shared.base), address(self.base + offset));
        let how = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        // SAFETY: an old size of 0 leaves the shared mapping where it is and makes another one of its pages; the range lies within this mapping.
        let p = unsafe { libc::mremap(from, 0, shared.size, how, to) };
        if p == libc::MAP_FAILED {
            return Err(failed("cannot map memory again"));
        }
        self.protect(offset, shared.size, prot)
    }

    fn map(
        &self,
        offset: usize,
        size: usize,
        prot: Prot,
        how: libc::c_int,
        fd: libc::c_int,
        at: usize,
    ) -> Result<()> {
        if size == 0 {
            return Ok(());
        }
        let address = ptr::with_exposed_provenance_mut(self.base + offset);
        // SAFETY: the range lies within this mapping, which belongs to this value.
        let p = unsafe { libc::mmap(address, size, flags(prot), how, fd, at as libc::off_t) };
        if p == libc::MAP_FAILED {
            return Err(failed("cannot map memory"));
        }
        Ok(())
    }

    /// Changes the protection of part of the range.
    pub fn protect(&self, offset: usize, size: usize, prot: Prot) -> Result<()> {
        self.check(offset, size);
        let address = ptr::with_exposed_provenance_mut(self.base + offset);
        // SAFETY: the range lies within this mapping, which belongs to this value.
        if unsafe { libc::mprotect(address, size, flags(prot)) } != 0 {
            return Err(failed("cannot protect memory"));
        }
        Ok(())
    }

    /// Writes bytes. Those of one aligned word of 8 bytes change at once for whoever reads or runs them.
    ///
    /// # Safety
    /// This part of the range must be writable. Nothing else may write to it at the time, nor use it but through whole words.
    pub unsafe fn write(&self, offset: usize, bytes: &[u8]) {
        self.check(offset, bytes.len());
        let to = ptr::with_exposed_provenance_mut::<u8>(self.base + offset);
        let word = offset & !7;
        let within = offset - word + bytes.len() <= 8 && word + 8 <= self.size;
        if within && !bytes.is_empty() {
            // SAFETY: an aligned word (mappings begin pages) of the range; the rest is the caller's promise.
            unsafe {
                let at = ptr::with_exposed_provenance_mut::<u64>(self.base + word);
                let word_at = AtomicU64::from_ptr(at);
                let mut all = word_at.load(Ordering::Relaxed).to_le_bytes();
                all[offset - word..][..bytes.len()].copy_from_slice(bytes);
                word_at.store(u64::from_le_bytes(all), Ordering::Release);
            }
            return;
        }
        // SAFETY: within the mapping; the rest is the caller's promise.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }

    /// Reads bytes.
    ///
    /// # Safety
    /// This part of the range must be readable.
    pub unsafe fn read(&self, offset: usize, size: usize) -> Vec<u8> {
        self.check(offset, size);
        let from = ptr::with_exposed_provenance::<u8>(self.base + offset);
        let mut bytes = vec![0; size];
        // SAFETY: within the mapping; the rest is the caller's promise.
        unsafe { ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), size) };
        bytes
    }
}

/// Memory that can be mapped several times.
#[derive(Debug)]
pub struct Shared(OwnedFd);

impl Shared {
    /// Of a size, all zeros.
    pub fn new(size: usize) -> Result<Shared> {
        // SAFETY: makes a file without a name in any folder.
        let fd = unsafe { libc::memfd_create(c"isthmus-link".as_ptr(), libc::MFD_CLOEXEC) };
        if fd < 0 {
            return Err(failed("cannot make shared memory"));
        }
        // SAFETY: a file descriptor just made, which nobody else knows.
        let file = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: changes the size of that file.
        if unsafe { libc::ftruncate(file.as_raw_fd(), size as libc::off_t) } != 0 {
            return Err(failed("cannot make shared memory"));
        }
        Ok(Shared(file))
    }
}

/// Makes written code visible to execution, where hardware does not do it by itself.
pub fn flush_code(base: usize, size: usize) {
    #[cfg(not(target_arch = "x86_64"))]
    {
        unsafe extern "C" {
            fn __clear_cache(start: *mut u8, end: *mut u8);
        }
        let at = ptr::with_exposed_provenance_mut::<u8>;
        // SAFETY: the callers' ranges are mapped.
        unsafe { __clear_cache(at(base), at(base + size)) };
    }
    let _ = (base, size);
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}
