//! The outer layers of an assembly file: PE headers, sections, CLI header (ECMA-335 II.25).
//!
//! ```text
//! "MZ" … e_lfanew ─▶ "PE\0\0" │ COFF header │ optional header ─ directory 14 ─▶ CLI header
//!                                           │ section headers (address ↔ file offset)   │
//!                                                          metadata root ◀──────────────┤
//!                                                          resources     ◀──────────────┘
//! ```

use std::ops::Range;

use smallvec::SmallVec;

use super::bytes::Reader;
use super::error::{ErrorKind, ReadError, Site};

/// A failure in a header, not yet tied to a file name.
pub(super) type Failure = (Site, ErrorKind);

/// Ties a read error to the header that it was found in.
pub(super) fn in_header(header: &'static str) -> impl Fn(ReadError) -> Failure {
    move |e| (Site::Header(header), e.into())
}

/// A section: a range of addresses and the file bytes that back its beginning.
#[derive(Clone, Debug)]
struct Section {
    address: u32,
    /// Offset and length of the bytes in the file, cut to the file's end.
    offset: u32,
    size: u32,
}

/// An address and a size, as the headers give them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    pub rva: u32,
    pub size: u32,
}

/// What the CLI header says (II.25.3.3), without the parts that only native loaders need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CliHeader {
    pub major_runtime: u16,
    pub minor_runtime: u16,
    pub metadata: Directory,
    pub flags: u32,
    /// The token of the method or file to start with, 0 for none.
    pub entry_point: u32,
    pub resources: Directory,
    pub strong_name: Directory,
}

impl CliHeader {
    pub const IL_ONLY: u32 = 0x1;
    pub const REQUIRES_32_BIT: u32 = 0x2;
    pub const STRONG_NAME_SIGNED: u32 = 0x8;
    /// The entry point is native code at an address, not a token.
    pub const NATIVE_ENTRY_POINT: u32 = 0x10;
}

/// The headers of a PE file with a CLI header.
#[derive(Clone, Debug)]
pub struct Pe {
    sections: SmallVec<[Section; 4]>,
    /// The COFF machine number, as 0x14c for "any CPU" and x86, 0x8664 for x64.
    pub machine: u16,
    /// Whether it is a library.
    pub is_dll: bool,
    pub cli: CliHeader,
}

const CLI_DIRECTORY: usize = 14;

fn directory(r: &mut Reader<'_>) -> Result<Directory, ReadError> {
    Ok(Directory {
        rva: r.u32()?,
        size: r.u32()?,
    })
}

impl Pe {
    /// Parses the headers of a file.
    pub(super) fn parse(data: &[u8]) -> Result<Pe, Failure> {
        let not_pe = |_| (Site::File, ErrorKind::NotPe);
        if !data.starts_with(b"MZ") {
            return Err((Site::File, ErrorKind::NotPe));
        }
        let mut r = Reader::new(data);
        r.skip(0x3c).map_err(not_pe)?;
        let pe_offset = r.u32().map_err(not_pe)? as usize;
        let mut r = Reader::new(data.get(pe_offset..).unwrap_or_default());
        if r.bytes(4).map_err(not_pe)? != b"PE\0\0" {
            return Err((Site::File, ErrorKind::NotPe));
        }

        let coff = in_header("COFF header");
        let machine = r.u16().map_err(&coff)?;
        let section_count = r.u16().map_err(&coff)?;
        r.skip(12).map_err(&coff)?;
        let optional_size = r.u16().map_err(&coff)?;
        let characteristics = r.u16().map_err(&coff)?;
        let optional = r.bytes(usize::from(optional_size)).map_err(&coff)?;
        let cli_directory = Self::parse_optional(optional)?;

        let mut sections = SmallVec::new();
        let header = in_header("section header");
        for _ in 0..section_count {
            r.skip(12).map_err(&header)?;
            let address = r.u32().map_err(&header)?;
            let raw_size = r.u32().map_err(&header)?;
            let offset = r.u32().map_err(&header)?;
            r.skip(16).map_err(&header)?;
            let in_file = (data.len() as u64).saturating_sub(u64::from(offset));
            let size = u64::from(raw_size).min(in_file) as u32;
            sections.push(Section {
                address,
                offset,
                size,
            });
        }

        let mut pe = Pe {
            sections,
            machine,
            is_dll: characteristics & 0x2000 != 0,
            cli: CliHeader {
                major_runtime: 0,
                minor_runtime: 0,
                metadata: Directory::default(),
                flags: 0,
                entry_point: 0,
                resources: Directory::default(),
                strong_name: Directory::default(),
            },
        };
        let range = pe
            .backing(cli_directory.rva)
            .ok_or((Site::Header("CLI header"), ErrorKind::OutsideFile))?;
        pe.cli = Self::parse_cli(&data[range]).map_err(in_header("CLI header"))?;
        Ok(pe)
    }

    /// Finds the CLI directory in the optional header.
    fn parse_optional(optional: &[u8]) -> Result<Directory, Failure> {
        let header = in_header("optional header");
        let mut r = Reader::new(optional);
        let directories_at = match r.u16().map_err(&header)? {
            0x10b => 92,
            0x20b => 108,
            _ => return Err((Site::Header("optional header"), ErrorKind::Signature)),
        };
        r.skip(directories_at - 2).map_err(&header)?;
        let count = r.u32().map_err(&header)? as usize;
        let none = (Site::File, ErrorKind::NotManaged);
        if count <= CLI_DIRECTORY {
            return Err(none);
        }
        r.skip(CLI_DIRECTORY * 8).map_err(&header)?;
        let cli = directory(&mut r).map_err(&header)?;
        if cli.rva == 0 { Err(none) } else { Ok(cli) }
    }

    fn parse_cli(data: &[u8]) -> Result<CliHeader, ReadError> {
        let mut r = Reader::new(data);
        r.skip(4)?;
        Ok(CliHeader {
            major_runtime: r.u16()?,
            minor_runtime: r.u16()?,
            metadata: directory(&mut r)?,
            flags: r.u32()?,
            entry_point: r.u32()?,
            resources: directory(&mut r)?,
            strong_name: directory(&mut r)?,
        })
    }

    /// The file bytes from an address to the end of its section; never empty, always inside the file.
    pub fn backing(&self, rva: u32) -> Option<Range<usize>> {
        self.sections.iter().find_map(|s| {
            let skip = rva.checked_sub(s.address).filter(|&skip| skip < s.size)?;
            let (offset, size) = (s.offset as usize, s.size as usize);
            Some(offset + skip as usize..offset + size)
        })
    }
}
