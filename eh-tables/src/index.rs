//! The tables of an image: many method tables behind one symbol, found by code offset in two steps.
//!
//! ```text
//!  header   "IEH1", arch u8, 3 x 0, methods u32, pages u32, bytes of level 2 u32
//!  level 1  for each page of 64 methods: first code offset u32, offset of its page u32, offset of its first table u32
//!  level 2  pages: for each method ULEB(start - start of the method before it in the page), ULEB(bytes of its table)
//!  tables   method tables, end to end
//! ```
//!
//! A look-up is a binary search in level 1 and a walk over at most 64 entries of one page; the candidate's own table
//! says where its code ends. Code offsets are relative to the image's code, so the whole is position independent.

use crate::bytes::{Cursor, put_uleb};
use crate::error::{EncodeError, TableError};
use crate::format::PAGE;
use crate::table::Header;
use isthmus_runtime_abi::target::Arch;

const MAGIC: [u8; 4] = *b"IEH1";
const HEADER: usize = 20;
const LEVEL1: usize = 12;

fn arch_code(arch: Arch) -> u8 {
    match arch {
        Arch::X64 => 1,
        Arch::A64 => 2,
        Arch::A32 => 3,
    }
}

/// Collects method tables in order of their code.
#[derive(Debug)]
pub struct ImageBuilder {
    arch: Arch,
    methods: usize,
    last_start: u32,
    level1: Vec<u8>,
    level2: Vec<u8>,
    tables: Vec<u8>,
}

impl ImageBuilder {
    /// Nothing yet.
    pub fn new(arch: Arch) -> Self {
        ImageBuilder {
            arch,
            methods: 0,
            last_start: 0,
            level1: vec![],
            level2: vec![],
            tables: vec![],
        }
    }

    /// Adds the table of the function at code offset `start`; functions come in ascending order.
    pub fn add(&mut self, start: u32, table: &[u8]) -> Result<(), EncodeError> {
        if self.methods > 0 && start <= self.last_start {
            return Err(EncodeError::Order {
                what: "function",
                index: self.methods,
            });
        }
        if self.methods.is_multiple_of(PAGE) {
            for field in [start, self.level2.len() as u32, self.tables.len() as u32] {
                self.level1.extend_from_slice(&field.to_le_bytes());
            }
            self.last_start = start;
        }
        put_uleb(&mut self.level2, u64::from(start - self.last_start));
        put_uleb(&mut self.level2, table.len() as u64);
        self.tables.extend_from_slice(table);
        self.last_start = start;
        self.methods += 1;
        Ok(())
    }

    /// The image's tables.
    pub fn finish(self) -> Vec<u8> {
        let mut out =
            Vec::with_capacity(HEADER + self.level1.len() + self.level2.len() + self.tables.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[arch_code(self.arch), 0, 0, 0]);
        let pages = self.level1.len() / LEVEL1;
        for field in [self.methods, pages, self.level2.len()] {
            out.extend_from_slice(&(field as u32).to_le_bytes());
        }
        out.extend_from_slice(&self.level1);
        out.extend_from_slice(&self.level2);
        out.extend_from_slice(&self.tables);
        out
    }
}

/// The tables of an image, in place.
#[derive(Clone, Copy, Debug)]
pub struct ImageTables<'a> {
    arch: Arch,
    methods: usize,
    level1: &'a [u8],
    level2: &'a [u8],
    tables: &'a [u8],
}

/// A function of an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImageEntry<'a> {
    /// Code offset of the function in the image.
    pub start: u32,
    /// Its table, for [`Header::parse`].
    pub table: &'a [u8],
}

impl<'a> ImageTables<'a> {
    /// Reads the header.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TableError> {
        let mut c = Cursor::new(bytes, 0);
        let magic = c.fixed(4)?;
        if magic.to_le_bytes() != MAGIC {
            return Err(TableError::invalid("magic", magic, 0));
        }
        let code = c.u8()?;
        let arch = [Arch::X64, Arch::A64, Arch::A32]
            .into_iter()
            .find(|&a| arch_code(a) == code)
            .ok_or_else(|| TableError::invalid("architecture", code.into(), 4))?;
        c.skip(3)?;
        let methods = c.fixed(4)? as usize;
        let pages = c.fixed(4)?;
        let level2_len = c.fixed(4)? as usize;
        if pages as usize != methods.div_ceil(PAGE) {
            return Err(TableError::invalid("number of pages", pages, 12));
        }
        let level1 = c.skip((pages as usize).saturating_mul(LEVEL1))?;
        let level2 = c.skip(level2_len)?;
        let tables = c.pos();
        Ok(ImageTables {
            arch,
            methods,
            level1: &bytes[level1..level2],
            level2: &bytes[level2..tables],
            tables: &bytes[tables..],
        })
    }

    /// Architecture of the code.
    pub fn arch(&self) -> Arch {
        self.arch
    }

    /// Number of functions.
    pub fn len(&self) -> usize {
        self.methods
    }

    /// Whether there are no functions.
    pub fn is_empty(&self) -> bool {
        self.methods == 0
    }

    /// The function that contains the code offset `pc`, with its parsed header. A return address that may lie at
    /// the very end of its function (after a call that never returns) is looked up by `pc - 1`.
    pub fn find(&self, pc: u32) -> Result<Option<(ImageEntry<'a>, Header)>, TableError> {
        let pages = self.level1.len() / LEVEL1;
        let (mut low, mut high) = (0, pages);
        while low < high {
            let middle = (low + high) / 2;
            match self.page(middle)?.0 <= pc {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        let Some(page) = low.checked_sub(1) else {
            return Ok(None);
        };
        let mut found = None;
        for entry in self.entries(page)? {
            let entry = entry?;
            if entry.start > pc {
                break;
            }
            found = Some(entry);
        }
        let Some(entry) = found else { return Ok(None) };
        let header = Header::parse(entry.table, self.arch)?;
        Ok((pc - entry.start < header.code_len).then_some((entry, header)))
    }

    /// All functions in order.
    pub fn iter(&self) -> impl Iterator<Item = Result<ImageEntry<'a>, TableError>> {
        let tables = *self;
        (0..self.level1.len() / LEVEL1).flat_map(move |page| {
            let (entries, error) = match tables.entries(page) {
                Ok(entries) => (Some(entries), None),
                Err(e) => (None, Some(Err(e))),
            };
            entries.into_iter().flatten().chain(error)
        })
    }

    /// First code offset, start in level 2, start in the tables.
    fn page(&self, page: usize) -> Result<(u32, u32, u32), TableError> {
        let mut c = Cursor::new(self.level1, page * LEVEL1);
        Ok((c.fixed(4)?, c.fixed(4)?, c.fixed(4)?))
    }

    fn entries(&self, page: usize) -> Result<PageEntries<'a>, TableError> {
        let (start, level2, table) = self.page(page)?;
        Ok(PageEntries {
            cursor: Cursor::new(self.level2, level2 as usize),
            tables: self.tables,
            left: PAGE.min(self.methods - page * PAGE),
            start,
            table: table as usize,
        })
    }
}

struct PageEntries<'a> {
    cursor: Cursor<'a>,
    tables: &'a [u8],
    left: usize,
    start: u32,
    table: usize,
}

impl<'a> PageEntries<'a> {
    fn decode(&mut self) -> Result<ImageEntry<'a>, TableError> {
        let at = self.cursor.pos();
        self.start = self
            .start
            .checked_add(self.cursor.uleb()?)
            .ok_or(TableError::TooLarge { at })?;
        let len = self.cursor.uleb()? as usize;
        let table = self
            .table
            .checked_add(len)
            .and_then(|end| self.tables.get(self.table..end))
            .ok_or(TableError::Truncated { at })?;
        self.table += len;
        Ok(ImageEntry {
            start: self.start,
            table,
        })
    }
}

impl<'a> Iterator for PageEntries<'a> {
    type Item = Result<ImageEntry<'a>, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let entry = self.decode();
        if entry.is_err() {
            self.left = 0;
        }
        Some(entry)
    }
}
