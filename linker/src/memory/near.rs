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
use super::pages::{self, MAX_PAGE, Mapping};
use crate::error::LinkError;
use crate::graph::Prot;
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
    /// Code, then data.
    region: Mapping,
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

impl CodeMemory {
    /// Reserves a region.
    pub fn new(config: Config) -> Result<CodeMemory, LinkError> {
        let code_size = config.code.max(1).next_multiple_of(MAX_PAGE);
        let data_size = config.data.max(1).next_multiple_of(MAX_PAGE);
        let size = code_size.saturating_add(data_size);
        if size > MAX_REGION {
            return Err(LinkError::Full { what: "near", size });
        }
        let region = Mapping::reserve_anywhere(size)?;
        let writer = Mapping::shared(code_size)?;
        region.view_again(0, &writer, Prot::RX)?;
        region.commit(code_size, data_size, Prot::RW)?;
        Ok(CodeMemory {
            state: Mutex::new(State {
                code: Blocks::new(code_size, CODE_GRAIN),
                data: Blocks::new(data_size, size_of::<usize>()),
                got: FxHashMap::default(),
                islands: FxHashMap::default(),
            }),
            region,
            writer,
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // No operation leaves the state half changed by panicking.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Addresses that code may have.
    pub fn code_range(&self) -> Range<usize> {
        let start = self.region.base();
        start..start + self.writer.range().len()
    }

    /// Addresses that data may have.
    pub fn data_range(&self) -> Range<usize> {
        self.code_range().end..self.region.range().end
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
            base: self.region.base() + at,
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
        let at = self.in_code(code.base + offset, bytes.len());
        // SAFETY: the writable mapping; the block is the caller's, and nobody reads it before it is published.
        unsafe { self.writer.write(at, bytes) };
    }

    /// Offset of `len` bytes of code.
    fn in_code(&self, address: usize, len: usize) -> usize {
        let code = self.code_range();
        let inside = code.start <= address && address <= code.end && len <= code.end - address;
        assert!(inside, "not in this region's code");
        address - code.start
    }

    /// Makes written code ready to run: synchronizes instruction caches where hardware does not.
    pub fn publish(&self, code: LinkedCode) {
        pages::flush_code(code.base, code.size);
    }

    /// Gives back code that nothing refers to any more; it is filled with traps.
    pub fn free(&self, code: LinkedCode) {
        let at = self.in_code(code.base, code.size);
        // SAFETY: within the writable mapping; nobody uses the block any more.
        unsafe {
            let to = ptr::with_exposed_provenance_mut::<u8>(self.writer.base() + at);
            ptr::write_bytes(to, FILL, code.size);
        }
        self.state().code.give(at, code.size);
    }

    /// Takes pointer-sized words near the code, all 0. Returns the address.
    pub fn alloc_data(&self, words: usize) -> Result<usize, LinkError> {
        let size = words.saturating_mul(size_of::<usize>());
        let taken = self.state().data.take(size, size_of::<usize>());
        let at = taken.ok_or(LinkError::Full { what: "data", size })?;
        Ok(self.data_range().start + at)
    }

    /// Gives back what [`CodeMemory::alloc_data`] returned for as many words.
    ///
    /// # Panics
    /// If the address is not of this region.
    pub fn free_data(&self, address: usize, words: usize) {
        let size = words.saturating_mul(size_of::<usize>());
        let data = self.data_range();
        assert!(data.start <= address && address <= data.end && size <= data.end - address);
        let at = address - data.start;
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
        assert!(memory.alloc_code(MAX_PAGE, 16).is_ok());
        let error = memory.alloc_code(1, 16).unwrap_err().to_string();
        assert_eq!(error, "out of code memory: 1 bytes wanted");
        assert!(memory.alloc_data(MAX_PAGE).is_err());
        assert!(
            CodeMemory::new(Config {
                code: 2 << 30,
                data: 1
            })
            .is_err()
        );
    }
}
