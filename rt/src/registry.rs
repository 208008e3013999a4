//! Which code is at an address.
//!
//! All JITted code lies in one region of code memory; every image of code compiled ahead of time is another region. For every
//! 16 bytes of a region, it has the number of the code that covers them (a quarter of the code's size, committed as it is used),
//! and by that number its [`Code`]: a look-up in JITted code is two loads and a bounds check. None takes a lock; all may be made
//! in a signal handler.
//!
//! Invariant: a granule's number is stored (release) after the code's record, and removed before the record is freed.

use crate::image::{ImageCode, ImageIds};
use crate::memory::LazyArray;
use isthmus_eh_tables::encode::encode;
use isthmus_eh_tables::error::{EncodeError, TableError};
use isthmus_eh_tables::table::{Header, MethodTable, Site};
use isthmus_runtime_abi::artifact::{Clause, ClauseKind, CompiledMethod, Handler, SourcePos, Tier};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::trap::TrapKind;
use parking_lot::Mutex;
use std::borrow::Cow;
use std::io;
use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;
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
    method: Option<MethodId>,
    header: Header,
    table: Cow<'static, [u8]>,
    /// What numbers of methods and types in the table mean, if not themselves.
    ids: Option<&'static dyn ImageIds>,
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
    /// No memory for the map.
    #[error("no memory for a map of code: {0}")]
    Memory(io::Error),
    /// There are as many images as can be.
    #[error("too many images")]
    Images,
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
            method: header.method,
            header,
            table: Cow::Owned(table),
            ids: None,
        })
    }

    /// Describes code of an image, whose filters were registered at `filters`.
    pub(crate) fn of_image(
        method: MethodId,
        image: &ImageCode,
        filters: Box<[usize]>,
        arch: Arch,
    ) -> Result<Code, RegisterError> {
        let body = Symbol::MethodBody(method);
        let header = Header::parse(image.table, arch).map_err(|error| RegisterError::Table {
            symbol: body,
            error,
        })?;
        let symbol = header.filter.map_or(body, |n| Symbol::Filter(method, n));
        Ok(Code {
            base: image.base,
            len: header.code_len,
            symbol,
            filters,
            method: Some(method),
            header,
            table: Cow::Borrowed(image.table),
            ids: Some(image.ids),
        })
    }

    /// Whether it lies in an image.
    pub fn is_of_image(&self) -> bool {
        self.ids.is_some()
    }

    /// Its table, in which methods and types of an image's code are the image's numbers.
    fn table(&self) -> MethodTable<'_> {
        self.header.table(&self.table)
    }

    /// The source frames of a position, innermost first: method and IL offset.
    pub fn inline_chain(&self, pos: SourcePos) -> impl Iterator<Item = (MethodId, u32)> + '_ {
        let chain = self.table().inline_chain(pos).map_while(Result::ok);
        chain.map_while(|(method, il)| match self.ids {
            Some(ids) => Some((ids.method(method)?, il)),
            None => Some((method, il)),
        })
    }

    /// An exception clause.
    pub fn clause(&self, index: u32) -> Option<Clause> {
        let mut clause = self.table().clause(index).ok()?;
        if let (ClauseKind::Catch(ty), Some(ids)) = (&mut clause.kind, self.ids) {
            *ty = ids.ty(*ty)?;
        }
        Some(clause)
    }

    /// The method whose body (or filter) this is; `None` for stubs.
    pub fn method(&self) -> Option<MethodId> {
        self.method.filter(|_| self.tier() != Tier::Stub)
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

/// Most images that a process can have.
const MAX_IMAGES: usize = 1024;

/// All code of the process, by address.
#[derive(Debug)]
pub struct CodeMap {
    /// Code memory.
    near: Region,
    /// The text of images, in order of their loading.
    images: Box<[OnceLock<Region>]>,
}

impl CodeMap {
    /// A map of code memory, which is at these addresses.
    pub fn new(region: Range<usize>) -> io::Result<CodeMap> {
        Ok(CodeMap {
            near: Region::new(region)?,
            images: (0..MAX_IMAGES).map(|_| OnceLock::new()).collect(),
        })
    }

    /// Adds the addresses of an image's text.
    pub fn add_region(&self, text: Range<usize>) -> Result<(), RegisterError> {
        let range = text.start / GRANULE * GRANULE..text.end;
        let mut region = Region::new(range).map_err(RegisterError::Memory)?;
        for place in &self.images {
            match place.set(region) {
                Ok(()) => return Ok(()),
                Err(again) => region = again,
            }
        }
        Err(RegisterError::Images)
    }

    /// All regions.
    fn regions(&self) -> impl Iterator<Item = &Region> {
        let images = self.images.iter().map_while(OnceLock::get);
        std::iter::once(&self.near).chain(images)
    }

    /// Number of pieces of code registered.
    pub fn len(&self) -> usize {
        self.regions().map(Region::len).sum()
    }

    /// Whether nothing is registered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Registers code. It stays until [`Self::remove`].
    pub fn add(&self, code: Code) -> Result<&Code, RegisterError> {
        let mut regions = self.regions();
        let region = regions.find(|r| r.range.contains(&code.base));
        region.unwrap_or(&self.near).add(code)
    }

    /// The code that contains an address.
    #[inline]
    pub fn find(&self, pc: usize) -> Option<&Code> {
        if self.near.range.contains(&pc) {
            return self.near.find(pc);
        }
        let mut images = self.images.iter().map_while(OnceLock::get);
        images.find(|r| r.range.contains(&pc))?.find(pc)
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
        if let Some(region) = self.regions().find(|r| r.range.contains(&code.base)) {
            // SAFETY: passed on.
            unsafe { region.remove(code) };
        }
    }
}

/// All code of a region, by address.
#[derive(Debug)]
struct Region {
    range: Range<usize>,
    granules: LazyArray<AtomicU32>,
    codes: LazyArray<AtomicPtr<Code>>,
    numbers: Mutex<Numbers>,
}

#[derive(Debug, Default)]
struct Numbers {
    used: u32,
    free: Vec<u32>,
}

impl Region {
    fn new(range: Range<usize>) -> io::Result<Region> {
        let granules = range.len().div_ceil(GRANULE);
        Ok(Region {
            range,
            granules: LazyArray::new(granules)?,
            // Codes are numbered from 1.
            codes: LazyArray::new(granules + 1)?,
            numbers: Mutex::default(),
        })
    }

    fn len(&self) -> usize {
        let numbers = self.numbers.lock();
        numbers.used as usize - numbers.free.len()
    }

    fn granules_of(&self, code: &Code) -> Option<Range<usize>> {
        let start = code.base.checked_sub(self.range.start)?;
        let end = start.checked_add(code.len as usize)?;
        (start % GRANULE == 0 && end <= self.range.len())
            .then(|| start / GRANULE..end.div_ceil(GRANULE))
    }

    fn add(&self, code: Code) -> Result<&Code, RegisterError> {
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

    #[inline]
    fn find(&self, pc: usize) -> Option<&Code> {
        let offset = pc.wrapping_sub(self.range.start);
        let number = self.granules.get(offset / GRANULE)?.load(Ordering::Acquire);
        let code = self.codes.get(number as usize)?.load(Ordering::Acquire);
        // SAFETY: null, or a record that was stored before the granule's number.
        unsafe { code.as_ref() }.filter(|c| c.contains(pc))
    }

    /// See [`CodeMap::remove`].
    ///
    /// # Safety
    /// No frame, slot or resume address refers to the code, nobody holds the reference, and no thread looks up
    /// an address within it at this time.
    unsafe fn remove(&self, code: &Code) {
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

impl Drop for Region {
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
    fn images_are_regions_of_their_own() {
        let map = CodeMap::new(0x10_0000..0x20_0000).unwrap();
        assert!(map.add(code(0x7f_0000, 8, 0)).is_err(), "no such image yet");
        map.add_region(0x7f_0000..0x7f_1000).unwrap();
        map.add_region(0x70_0000..0x70_1000).unwrap();
        map.add(code(0x7f_0010, 8, 0)).unwrap();
        map.add(code(0x70_0010, 8, 1)).unwrap();
        let id = |pc| map.find(pc).and_then(Code::method).map(MethodId::index);
        assert_eq!(
            [0x7f_0017, 0x7f_0018, 0x70_0010, 0x60_0000].map(id),
            [Some(0), None, Some(1), None]
        );
        assert_eq!(map.len(), 2);
    }

    #[test]
    fn a_region_may_be_full() {
        let map = CodeMap::new(0x10_0000..0x20_0000).unwrap();
        map.add_region(0x7f_0000..0x7f_0009).unwrap();
        map.add(code(0x7f_0000, 9, 0)).unwrap();
        assert!(map.find(0x7f_0008).is_some());
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
