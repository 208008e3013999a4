//! Which code is at an address.
//!
//! All JITted code lies in one region of code memory. For every 16 bytes of it, [`CodeMap`] has the number of the code
//! that covers them (a quarter of the code's size, committed as it is used), and by that number its [`Code`]: a
//! look-up is two loads and a bounds check, takes no lock, and may be made in a signal handler.
//!
//! Invariant: a granule's number is stored (release) after the code's record, and removed before the record is freed.

use crate::memory::LazyArray;
use isthmus_eh_tables::encode::encode;
use isthmus_eh_tables::error::{EncodeError, TableError};
use isthmus_eh_tables::table::{Header, MethodTable, Site};
use isthmus_runtime_abi::artifact::{CompiledMethod, Handler, Tier};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use parking_lot::Mutex;
use std::io;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use thiserror::Error;

const GRANULE: usize = 16;

/// Registered code.
#[derive(Debug)]
pub struct Code {
    /// Address of the first byte.
    pub base: usize,
    /// Bytes.
    pub len: u32,
    /// What it is the code of.
    pub symbol: Symbol,
    /// The code of the method's filters, by number.
    pub filters: Box<[usize]>,
    header: Header,
    table: Box<[u8]>,
}

/// Why code cannot be registered.
#[derive(Debug, Error)]
pub enum RegisterError {
    /// Its records contradict each other.
    #[error("{symbol:?}: {error}")]
    Records {
        /// Whose.
        symbol: Symbol,
        /// What is wrong.
        error: EncodeError,
    },
    /// The table that was made of them cannot be read.
    #[error("{symbol:?}: {error}")]
    Table {
        /// Whose.
        symbol: Symbol,
        /// What is wrong.
        error: TableError,
    },
    /// It lies outside the region, or shares a granule with other code.
    #[error("{symbol:?}: no place for code at {base:#x}")]
    Place {
        /// Whose.
        symbol: Symbol,
        /// Where it was to be.
        base: usize,
    },
}

impl Code {
    /// Describes code that was linked at `base`, whose filters were linked at `filters`.
    pub fn new(
        method: &CompiledMethod,
        base: usize,
        filters: Box<[usize]>,
    ) -> Result<Code, RegisterError> {
        let symbol = method.symbol;
        let table =
            encode(method, &[]).map_err(|error| RegisterError::Records { symbol, error })?;
        let header = Header::parse(&table, method.arch)
            .map_err(|error| RegisterError::Table { symbol, error })?;
        debug_assert!(
            isthmus_eh_tables::check::compare(&table, method).is_ok(),
            "{symbol:?}: {:?}",
            isthmus_eh_tables::check::compare(&table, method)
        );
        Ok(Code {
            base,
            len: header.code_len,
            symbol,
            filters,
            header,
            table: table.into_boxed_slice(),
        })
    }

    /// Its table.
    pub fn table(&self) -> MethodTable<'_> {
        self.header.table(&self.table)
    }

    /// Bytes of its table.
    pub fn table_bytes(&self) -> &[u8] {
        &self.table
    }

    /// The method whose body (or filter) this is; `None` for stubs.
    pub fn method(&self) -> Option<MethodId> {
        self.header.method.filter(|_| self.tier() != Tier::Stub)
    }

    /// Who made it.
    pub fn tier(&self) -> Tier {
        self.header.tier
    }

    /// Bytes from FP down to SP where calls are made.
    pub fn frame_size(&self) -> usize {
        self.header.frame.size as usize
    }

    /// The frame.
    pub fn frame(&self) -> &isthmus_runtime_abi::artifact::Frame {
        &self.header.frame
    }

    /// Whether this is the stub by which native code enters managed code.
    pub fn is_entry(&self) -> bool {
        self.symbol == Symbol::Stub(Stub::Invoke)
    }

    /// Whether an address is within the code.
    pub fn contains(&self, pc: usize) -> bool {
        pc.wrapping_sub(self.base) < self.len as usize
    }

    /// The call site with this return address.
    pub fn call_site(&self, ret: usize) -> Option<Site> {
        let offset = u32::try_from(ret.wrapping_sub(self.base)).ok()?;
        // The table was parsed, and its sections are our own: errors cannot occur.
        self.table().call_site(offset).ok().flatten()
    }

    /// The trap site at exactly this address for one of the reasons `wanted`.
    pub fn trap_site(&self, pc: usize, wanted: impl Fn(TrapKind) -> bool) -> Option<Site> {
        let offset = u32::try_from(pc.wrapping_sub(self.base)).ok()?;
        self.table().trap(offset, wanted).ok().flatten()
    }

    /// The handlers around a site, innermost first.
    pub fn handlers(&self, site: Site) -> impl Iterator<Item = Handler> + '_ {
        self.table().handlers(site.handlers).map_while(Result::ok)
    }
}

/// All code of a region, by address.
#[derive(Debug)]
pub struct CodeMap {
    region: Range<usize>,
    granules: LazyArray<AtomicU32>,
    codes: LazyArray<AtomicPtr<Code>>,
    numbers: Mutex<Numbers>,
}

#[derive(Debug, Default)]
struct Numbers {
    used: u32,
    free: Vec<u32>,
}

impl CodeMap {
    /// A map of the region of code memory.
    pub fn new(region: Range<usize>) -> io::Result<CodeMap> {
        let granules = region.len().div_ceil(GRANULE);
        Ok(CodeMap {
            region,
            granules: LazyArray::new(granules)?,
            codes: LazyArray::new(granules)?,
            numbers: Mutex::default(),
        })
    }

    /// Number of pieces of code registered.
    pub fn len(&self) -> usize {
        let numbers = self.numbers.lock();
        numbers.used as usize - numbers.free.len()
    }

    /// Whether nothing is registered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn granules_of(&self, code: &Code) -> Option<Range<usize>> {
        let start = code.base.checked_sub(self.region.start)?;
        let end = start.checked_add(code.len as usize)?;
        (start % GRANULE == 0 && end <= self.region.len())
            .then(|| start / GRANULE..end.div_ceil(GRANULE))
    }

    /// Registers code. It stays until [`Self::remove`].
    pub fn add(&self, code: Code) -> Result<&Code, RegisterError> {
        let place = RegisterError::Place {
            symbol: code.symbol,
            base: code.base,
        };
        let Some(range) = self.granules_of(&code) else {
            return Err(place);
        };
        let mut numbers = self.numbers.lock();
        let granule = |i| self.granules.get(i);
        if !range
            .clone()
            .all(|i| granule(i).is_some_and(|g| g.load(Ordering::Relaxed) == 0))
        {
            return Err(place);
        }
        let number = match numbers.free.pop() {
            Some(number) => number,
            None => {
                numbers.used += 1;
                numbers.used
            }
        };
        let Some(slot) = self.codes.get(number as usize) else {
            return Err(place);
        };
        let code = Box::into_raw(Box::new(code));
        slot.store(code, Ordering::Release);
        range
            .filter_map(granule)
            .for_each(|g| g.store(number, Ordering::Release));
        // SAFETY: just made, and freed only by `remove`, whose caller vouches that nobody uses it any more.
        Ok(unsafe { &*code })
    }

    /// The code that contains an address.
    #[inline]
    pub fn find(&self, pc: usize) -> Option<&Code> {
        let offset = pc.wrapping_sub(self.region.start);
        let number = self.granules.get(offset / GRANULE)?.load(Ordering::Acquire);
        let code = self.codes.get(number as usize)?.load(Ordering::Acquire);
        // SAFETY: null, or a record that was stored before the granule's number.
        unsafe { code.as_ref() }.filter(|c| c.contains(pc))
    }

    /// The code that a return address belongs to. The call may be the last instruction of its code.
    #[inline]
    pub fn find_return(&self, ret: usize) -> Option<&Code> {
        self.find(ret.wrapping_sub(1))
    }

    /// Removes code.
    ///
    /// # Safety
    /// No frame, slot or resume address refers to the code, nobody holds the reference, and no thread looks up
    /// an address within it at this time.
    pub unsafe fn remove(&self, code: &Code) {
        let Some(range) = self.granules_of(code) else {
            return;
        };
        let mut numbers = self.numbers.lock();
        let mut number = 0;
        for granule in range.filter_map(|i| self.granules.get(i)) {
            number = granule.swap(0, Ordering::AcqRel);
        }
        if let Some(slot) = self.codes.get(number as usize).filter(|_| number != 0) {
            let record = slot.swap(ptr::null_mut(), Ordering::AcqRel);
            numbers.free.push(number);
            if !record.is_null() {
                // SAFETY: made by `Box::into_raw` in `add`; unused by the contract above.
                drop(unsafe { Box::from_raw(record) });
            }
        }
    }
}

impl Drop for CodeMap {
    fn drop(&mut self) {
        for number in 1..=self.numbers.get_mut().used {
            let record = self.codes.get(number as usize);
            let record = record.map_or(ptr::null_mut(), |s| s.load(Ordering::Acquire));
            if !record.is_null() {
                // SAFETY: made by `Box::into_raw` in `add`; the map is gone, so nobody finds it any more.
                drop(unsafe { Box::from_raw(record) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isthmus_runtime_abi::target::Arch;

    fn code(base: usize, len: usize, method: usize) -> Code {
        let id = MethodId::from_index(method);
        let mut m = CompiledMethod::new(Symbol::MethodBody(id), id, Arch::X64, Tier::Opt);
        m.code = vec![0xcc; len];
        Code::new(&m, base, Box::new([])).unwrap()
    }

    #[test]
    fn every_address_finds_its_code_and_no_other() {
        let region = 0x10_0000..0x20_0000;
        let map = CodeMap::new(region).unwrap();
        map.add(code(0x10_0000, 33, 0)).unwrap();
        map.add(code(0x10_0030, 5, 1)).unwrap();
        map.add(code(0x1f_fff0, 16, 2)).unwrap();
        let id = |pc| {
            map.find(pc)
                .and_then(Code::method)
                .map(|m: MethodId| m.index())
        };
        assert_eq!(
            [0x10_0000, 0x10_0020, 0x10_0021, 0x10_002f].map(id),
            [Some(0), Some(0), None, None]
        );
        assert_eq!(
            [0x10_0030, 0x10_0034, 0x10_0035, 0x10_0040].map(id),
            [Some(1), Some(1), None, None]
        );
        assert_eq!(
            [0x1f_ffff, 0x20_0000, 0xf_ffff, 0].map(id),
            [Some(2), None, None, None]
        );
        assert_eq!(
            map.find_return(0x10_0035)
                .unwrap()
                .method()
                .unwrap()
                .index(),
            1
        );
        assert_eq!(map.len(), 3);
    }

    #[test]
    fn places_are_checked_and_reused() {
        let map = CodeMap::new(0x1000..0x2000).unwrap();
        let first = map.add(code(0x1100, 64, 0)).unwrap();
        assert!(map.add(code(0x1130, 8, 1)).is_err(), "overlaps");
        assert!(map.add(code(0x1148, 8, 1)).is_err(), "not aligned");
        assert!(map.add(code(0x1ff0, 17, 1)).is_err(), "outside");
        // SAFETY: a test's map; nobody else uses it.
        unsafe { map.remove(first) };
        assert!(map.find(0x1100).is_none());
        map.add(code(0x1130, 8, 1)).unwrap();
        assert_eq!(map.find(0x1137).unwrap().method().unwrap().index(), 1);
        assert_eq!(map.len(), 1);
    }
}
