//! Near code memory that is never writable and executable at the same address.
//!
//! ```text
//!   reserved region                                    elsewhere
//!   | code: read + execute | data: read + write |      | code: read + write (same pages) |
//!   ^ code_range           ^ data_range                ^ writer
//! ```
//! Code lives in shared memory that is mapped twice; it is written through the second mapping, whose address is known
//! to this module alone. The memory has no file: `perf` asks the map of a process's code (`--perf-map`) about memory without one only. Data (cells of methods, the table of addresses) follows the code, so that a 32-bit displacement
//! reaches from any code to any code and any data as long as the region is smaller than 2 GiB, which [`CodeMemory::new`] checks.
//! All operations may be used from several threads.

use super::blocks::Blocks;
use crate::error::LinkError;
use crate::jit::LinkedCode;
use isthmus_runtime_abi::symbol::Symbol;
use rustc_hash::FxHashMap;
use std::ops::Range;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sizes of the two parts, in bytes of address space; memory is taken as it is used.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Code.
    pub code: usize,
    /// Data.
    pub data: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            code: 384 << 20,
            data: 128 << 20,
        }
    }
}

/// Largest region: every displacement within it fits 32 bits, with room for addends.
const MAX_REGION: usize = (1 << 31) - (1 << 16);
/// Pages of all targets divide this.
const PAGE: usize = 64 << 10;
/// Least alignment of code.
const CODE_GRAIN: usize = 16;
/// What free code is filled with: a trap.
const FILL: u8 = if cfg!(target_arch = "x86_64") {
    0xcc
} else {
    0
};

/// One region of code and data.
#[derive(Debug)]
pub struct CodeMemory {
    code: Mapping,
    data: Mapping,
    /// The second mapping of the code.
    writer: Mapping,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    code: Blocks,
    data: Blocks,
    /// Words that hold addresses of symbols.
    pub(crate) got: FxHashMap<Symbol, usize>,
    /// Jumps to far symbols.
    pub(crate) islands: FxHashMap<Symbol, usize>,
}

/// A range of address space, unmapped at the end.
#[derive(Debug)]
struct Mapping {
    base: usize,
    size: usize,
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by this module and belongs to this value alone.
        unsafe { libc::munmap(self.base as *mut libc::c_void, self.size) };
    }
}

impl Mapping {
    fn range(&self) -> Range<usize> {
        self.base..self.base + self.size
    }
}

fn map_error(what: &'static str) -> LinkError {
    LinkError::Map {
        what,
        error: std::io::Error::last_os_error(),
    }
}

/// Maps anonymous memory at `at` (replacing what is mapped there) or anywhere.
///
/// # Safety
/// A range given by `at` must be the caller's to replace.
unsafe fn map(
    what: &'static str,
    at: Option<usize>,
    size: usize,
    prot: libc::c_int,
    sharing: libc::c_int,
) -> Result<usize, LinkError> {
    let mut flags = sharing | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    if at.is_some() {
        flags |= libc::MAP_FIXED;
    }
    // SAFETY: a fresh range, or one that the caller owns.
    let p = unsafe {
        libc::mmap(
            ptr::without_provenance_mut(at.unwrap_or(0)),
            size,
            prot,
            flags,
            -1,
            0,
        )
    };
    if p == libc::MAP_FAILED {
        return Err(map_error(what));
    }
    Ok(p.expose_provenance())
}

/// Maps the pages of the shared mapping at `from` a second time, at `at`, for reading and execution.
///
/// # Safety
/// The range at `at` must be the caller's to replace.
unsafe fn map_again(from: usize, at: usize, size: usize) -> Result<(), LinkError> {
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    let address = ptr::with_exposed_provenance_mut::<libc::c_void>;
    // SAFETY: an old size of 0 leaves the shared mapping where it is and makes another one of its pages; the caller owns the range.
    let p = unsafe { libc::mremap(address(from), 0, size, flags, address(at)) };
    if p == libc::MAP_FAILED {
        return Err(map_error("executable code"));
    }
    // SAFETY: the mapping just made, which nobody uses yet.
    if unsafe { libc::mprotect(p, size, libc::PROT_READ | libc::PROT_EXEC) } != 0 {
        return Err(map_error("executable code"));
    }
    Ok(())
}

impl CodeMemory {
    /// Reserves a region.
    pub fn new(config: Config) -> Result<CodeMemory, LinkError> {
        let code_size = config.code.max(PAGE).next_multiple_of(PAGE);
        let data_size = config.data.max(PAGE).next_multiple_of(PAGE);
        let size = code_size.saturating_add(data_size);
        if size > MAX_REGION {
            return Err(LinkError::Full { what: "near", size });
        }
        let (none, rw) = (libc::PROT_NONE, libc::PROT_READ | libc::PROT_WRITE);
        let (private, shared) = (libc::MAP_PRIVATE, libc::MAP_SHARED);
        // SAFETY: a fresh range.
        let base = unsafe { map("region for code", None, size, none, private) }?;
        // From here on each part unmaps itself.
        let code = Mapping {
            base,
            size: code_size,
        };
        let data = Mapping {
            base: base + code_size,
            size: data_size,
        };
        // SAFETY: a fresh range.
        let writer = Mapping {
            base: unsafe { map("writable code", None, code_size, rw, shared) }?,
            size: code_size,
        };
        // SAFETY: both ranges are parts of the one just reserved.
        unsafe {
            map_again(writer.base, code.base, code_size)?;
            map("data near code", Some(data.base), data_size, rw, private)?;
        }
        Ok(CodeMemory {
            state: Mutex::new(State {
                code: Blocks::new(code_size, CODE_GRAIN),
                data: Blocks::new(data_size, size_of::<usize>()),
                got: FxHashMap::default(),
                islands: FxHashMap::default(),
            }),
            code,
            data,
            writer,
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // No operation leaves the state half changed by panicking.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Addresses that code may have.
    pub fn code_range(&self) -> Range<usize> {
        self.code.range()
    }

    /// Addresses that data may have.
    pub fn data_range(&self) -> Range<usize> {
        self.data.range()
    }

    /// Bytes of code and of data in use.
    pub fn used(&self) -> (usize, usize) {
        let state = self.state();
        (state.code.used(), state.data.used())
    }

    /// Takes memory for code.
    pub fn alloc_code(&self, size: usize, align: usize) -> Result<LinkedCode, LinkError> {
        let taken = self.state().code.take(size, align.max(1));
        let at = taken.ok_or(LinkError::Full { what: "code", size })?;
        Ok(LinkedCode {
            base: self.code.base + at,
            size,
        })
    }

    /// Writes into code memory that the caller has taken and not yet published.
    ///
    /// # Panics
    /// If the bytes do not fit into `code`, or it is not of this region.
    pub fn write(&self, code: LinkedCode, offset: usize, bytes: &[u8]) {
        let fits = offset
            .checked_add(bytes.len())
            .is_some_and(|end| end <= code.size);
        assert!(fits, "write outside of a block of code");
        let to = self.writable(code.base + offset, bytes.len());
        // SAFETY: `writable` checked that the range lies within the writable mapping; the block is the caller's, and
        // nobody reads it before it is published.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }

    /// Address in the writable mapping of `len` bytes of code.
    fn writable(&self, address: usize, len: usize) -> *mut u8 {
        let offset = address.wrapping_sub(self.code.base);
        assert!(
            offset <= self.code.size && len <= self.code.size - offset,
            "not in this region's code"
        );
        ptr::with_exposed_provenance_mut(self.writer.base + offset)
    }

    /// Makes written code ready to run: synchronizes instruction caches where hardware does not.
    pub fn publish(&self, code: LinkedCode) {
        #[cfg(not(target_arch = "x86_64"))]
        {
            unsafe extern "C" {
                fn __clear_cache(start: *mut u8, end: *mut u8);
            }
            // SAFETY: the range is mapped and executable.
            unsafe {
                __clear_cache(
                    ptr::with_exposed_provenance_mut(code.base),
                    ptr::with_exposed_provenance_mut(code.base + code.size),
                );
            }
        }
        let _ = code;
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    }

    /// Gives back code that nothing refers to any more; it is filled with traps.
    pub fn free(&self, code: LinkedCode) {
        let to = self.writable(code.base, code.size);
        // SAFETY: as in `write`.
        unsafe { ptr::write_bytes(to, FILL, code.size) };
        let at = code.base - self.code.base;
        self.state().code.give(at, code.size);
    }

    /// Takes pointer-sized words near the code, all 0. Returns the address.
    pub fn alloc_data(&self, words: usize) -> Result<usize, LinkError> {
        let size = words.saturating_mul(size_of::<usize>());
        let taken = self.state().data.take(size, size_of::<usize>());
        let at = taken.ok_or(LinkError::Full { what: "data", size })?;
        Ok(self.data.base + at)
    }

    /// Gives back what [`CodeMemory::alloc_data`] returned for as many words.
    ///
    /// # Panics
    /// If the address is not of this region.
    pub fn free_data(&self, address: usize, words: usize) {
        let size = words.saturating_mul(size_of::<usize>());
        let at = address.wrapping_sub(self.data.base);
        assert!(at <= self.data.size && size <= self.data.size - at);
        // SAFETY: the range lies within the data mapping and is the caller's.
        unsafe { ptr::write_bytes(ptr::with_exposed_provenance_mut::<u8>(address), 0, size) };
        self.state().data.give(at, size);
    }

    /// A word near the code that holds `value`.
    pub(crate) fn word(&self, value: usize) -> Result<usize, LinkError> {
        let address = self.alloc_data(1)?;
        // SAFETY: a word just taken, aligned, known to nobody else.
        unsafe { ptr::with_exposed_provenance_mut::<usize>(address).write(value) };
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of /proc/self/maps that overlap a range.
    fn protections(range: &Range<usize>) -> Vec<String> {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let overlaps = |line: &&str| {
            let (range_text, _) = line.split_once(' ').unwrap();
            let (from, to) = range_text.split_once('-').unwrap();
            let parse = |s| usize::from_str_radix(s, 16).unwrap();
            parse(from) < range.end && parse(to) > range.start
        };
        maps.lines()
            .filter(overlaps)
            .map(|l| l.split(' ').nth(1).unwrap().to_string())
            .collect()
    }

    #[test]
    fn code_is_never_writable_and_data_never_executable() {
        let memory = CodeMemory::new(Config::default()).unwrap();
        assert_eq!(protections(&memory.code_range()), ["r-xs"]);
        assert_eq!(protections(&memory.data_range()), ["rw-p"]);
        assert_eq!(protections(&memory.writer.range()), ["rw-s"]);
        assert_eq!(memory.code_range().end, memory.data_range().start);
    }

    #[test]
    fn written_code_is_seen_where_it_runs() {
        let memory = CodeMemory::new(Config {
            code: 1 << 20,
            data: 1 << 16,
        })
        .unwrap();
        let code = memory.alloc_code(3, 64).unwrap();
        assert_eq!(code.base % 64, 0);
        memory.write(code, 0, &[1, 2]);
        memory.write(code, 2, &[3]);
        memory.publish(code);
        let seen = |i| {
            // SAFETY: within a block of readable code memory.
            unsafe { ptr::with_exposed_provenance::<u8>(code.base + i).read_volatile() }
        };
        assert_eq!([seen(0), seen(1), seen(2)], [1, 2, 3]);
        memory.free(code);
        assert_eq!(seen(1), FILL);
        assert_eq!(memory.used(), (0, 0));
    }

    #[test]
    fn data_words_are_zero_again_when_reused() {
        let memory = CodeMemory::new(Config {
            code: 1 << 16,
            data: 1 << 16,
        })
        .unwrap();
        let a = memory.word(77).unwrap();
        memory.free_data(a, 1);
        let b = memory.alloc_data(2).unwrap();
        assert_eq!(a, b);
        // SAFETY: a word of the region's data.
        assert_eq!(unsafe { *ptr::with_exposed_provenance::<usize>(b) }, 0);
    }

    #[test]
    fn a_full_region_is_an_error() {
        let memory = CodeMemory::new(Config { code: 1, data: 1 }).unwrap();
        assert!(memory.alloc_code(PAGE, 16).is_ok());
        let error = memory.alloc_code(1, 16).unwrap_err().to_string();
        assert_eq!(error, "out of code memory: 1 bytes wanted");
        assert!(memory.alloc_data(PAGE).is_err());
        assert!(
            CodeMemory::new(Config {
                code: 2 << 30,
                data: 1
            })
            .is_err()
        );
    }
}
