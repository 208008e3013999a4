//! What an executable made of a program has besides images: the program's assemblies.
//!
//! ```text
//!  symbol isthmus_program, all numbers 4 bytes, little-endian, offsets from here
//!   0   "ISTHEXE" and the version of the format, 1
//!   8   length of all, number of assemblies, flags (1: there is no compiler), 0
//!  24   for each assembly, the program first:  name of its file (offset, length), the file (offset, length), 1: of the class library
//!  ...  names; files, each 16-aligned
//! ```

use crate::format;
use isthmus_runtime_abi::target::Arch;
use object::write::{Object, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
};
use thiserror::Error;

/// Name of the symbol at the data.
pub const SYMBOL: &str = "isthmus_program";

const MAGIC: [u8; 8] = *b"ISTHEXE\x01";
const HEADER_LEN: usize = 24;
const ENTRY_LEN: usize = 20;
const ALIGN: usize = 16;

/// An assembly in an executable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct File<'a> {
    /// Name of its file.
    pub name: &'a str,
    /// Whether it is of the class library.
    pub is_library: bool,
    /// The file.
    pub data: &'a [u8],
}

/// The program of an executable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program<'a> {
    /// Whether methods that no image has are errors.
    pub no_compiler: bool,
    /// The assemblies, that of the program first.
    pub files: Vec<File<'a>>,
}

/// Why a program cannot be read or written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum ProgramError {
    /// There is something else at this address, or another version of it.
    #[error("not a program of this version")]
    Magic,
    /// A number leads outside.
    #[error("the program is damaged")]
    Damaged,
    /// Offsets have 4 bytes.
    #[error("programs hold less than 4 GiB of assemblies")]
    TooLarge,
}

impl<'a> Program<'a> {
    /// The bytes of the program.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ProgramError> {
        let mut out = vec![0; HEADER_LEN + self.files.len() * ENTRY_LEN];
        let small = |n: usize| u32::try_from(n).map_err(|_| ProgramError::TooLarge);
        let mut entries = Vec::new();
        for file in &self.files {
            entries.extend([small(out.len())?, small(file.name.len())?]);
            out.extend(file.name.as_bytes());
            out.resize(out.len().next_multiple_of(ALIGN), 0);
            entries.extend([small(out.len())?, small(file.data.len())?]);
            entries.push(u32::from(file.is_library));
            out.extend(file.data);
        }
        let flags = u32::from(self.no_compiler);
        let head = [small(out.len())?, small(self.files.len())?, flags, 0];
        let numbers = head.into_iter().chain(entries);
        out[..MAGIC.len()].copy_from_slice(&MAGIC);
        for (to, n) in out[MAGIC.len()..].chunks_exact_mut(4).zip(numbers) {
            to.copy_from_slice(&n.to_le_bytes());
        }
        Ok(out)
    }

    /// The program in these bytes.
    pub fn from_bytes(data: &'a [u8]) -> Result<Program<'a>, ProgramError> {
        let len = data_len(data)?;
        let data = data.get(..len).ok_or(ProgramError::Damaged)?;
        let count = number(data, 12)? as usize;
        let part = |at: usize| {
            let start = number(data, at)? as usize;
            let end = start.saturating_add(number(data, at + 4)? as usize);
            data.get(start..end).ok_or(ProgramError::Damaged)
        };
        // The count may be anything; entries outside end the list.
        let files = (0..count).map(|n| {
            let at = HEADER_LEN + n * ENTRY_LEN;
            Ok(File {
                name: std::str::from_utf8(part(at)?).map_err(|_| ProgramError::Damaged)?,
                data: part(at + 8)?,
                is_library: number(data, at + 16)? & 1 != 0,
            })
        });
        Ok(Program {
            no_compiler: number(data, 16)? & 1 != 0,
            files: files.collect::<Result<_, ProgramError>>()?,
        })
    }

    /// The program at the symbol of an executable.
    ///
    /// # Safety
    /// `start` points to readable memory of the length that its header says, if it begins as a header does, for `'a`.
    pub unsafe fn at(start: *const u8) -> Result<Program<'a>, ProgramError> {
        // SAFETY: as the caller says; the header is read first.
        let head = unsafe { std::slice::from_raw_parts(start, HEADER_LEN) };
        let len = data_len(head)?.max(HEADER_LEN);
        // SAFETY: as the caller says.
        Self::from_bytes(unsafe { std::slice::from_raw_parts(start, len) })
    }

    /// A relocatable object with the program. It has an empty list of images besides, so that executables without images link.
    pub fn to_object(&self, arch: Arch) -> Result<Vec<u8>, String> {
        let architecture = match arch {
            Arch::X64 => Architecture::X86_64,
            Arch::A64 => Architecture::Aarch64,
            Arch::A32 => Architecture::Arm,
        };
        let bytes = self.to_bytes().map_err(|e| e.to_string())?;
        let mut object = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
        let name = b".isthmus.program".to_vec();
        let data = object.add_section(Vec::new(), name, SectionKind::ReadOnlyData);
        object.append_section_data(data, &bytes, ALIGN as u64);
        object.add_symbol(Symbol {
            name: SYMBOL.as_bytes().to_vec(),
            value: 0,
            size: bytes.len() as u64,
            kind: SymbolKind::Data,
            scope: SymbolScope::Linkage,
            weak: false,
            section: SymbolSection::Section(data),
            flags: SymbolFlags::None,
        });
        let images = format::IMAGES_SECTION.as_bytes().to_vec();
        let images = object.add_section(Vec::new(), images, SectionKind::ReadOnlyData);
        object.append_section_data(images, &[], 8);
        let note = b".note.GNU-stack".to_vec();
        object.add_section(Vec::new(), note, SectionKind::Other);
        object.write().map_err(|e| e.to_string())
    }
}

fn data_len(data: &[u8]) -> Result<usize, ProgramError> {
    match data.starts_with(&MAGIC) {
        true => Ok(number(data, MAGIC.len())? as usize),
        false => Err(ProgramError::Magic),
    }
}

fn number(data: &[u8], at: usize) -> Result<u32, ProgramError> {
    let bytes = data.get(at..at + 4).and_then(|b| b.try_into().ok());
    Ok(u32::from_le_bytes(bytes.ok_or(ProgramError::Damaged)?))
}

/// The headers of the images between the linker's symbols around [`format::IMAGES_SECTION`].
///
/// # Safety
/// The memory between the addresses consists of such sections.
pub unsafe fn headers(start: *const u8, stop: *const u8) -> impl Iterator<Item = *const u8> {
    let count = (stop as usize).saturating_sub(start as usize) / 8;
    (0..count).map(move |n| {
        let place = start.wrapping_add(8 * n);
        // SAFETY: inside, as the caller says.
        let distance = unsafe { place.cast::<i64>().read_unaligned() };
        place.wrapping_offset(distance as isize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Program<'static> {
        let file = |name, is_library, data| File {
            name,
            is_library,
            data,
        };
        Program {
            no_compiler: true,
            files: vec![
                file("a.exe", false, b"MZ program"),
                file("mscorlib.dll", true, b"MZ library"),
                file("empty.dll", false, b""),
            ],
        }
    }

    #[test]
    fn programs_are_read_as_written() {
        let bytes = program().to_bytes().unwrap();
        assert_eq!(Program::from_bytes(&bytes), Ok(program()));
        // SAFETY: the bytes are all there.
        assert_eq!(unsafe { Program::at(bytes.as_ptr()) }, Ok(program()));
        for len in 0..bytes.len() {
            assert!(Program::from_bytes(&bytes[..len]).is_err());
        }
    }

    #[test]
    fn files_are_aligned() {
        let bytes = program().to_bytes().unwrap();
        for file in Program::from_bytes(&bytes).unwrap().files {
            let offset = file.data.as_ptr() as usize - bytes.as_ptr() as usize;
            assert_eq!(offset % ALIGN, 0);
        }
    }

    #[test]
    fn damaged_programs_are_refused_or_read_in_bounds() {
        let good = program().to_bytes().unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] = 0xff;
            let _ = Program::from_bytes(&bad);
        }
    }

    #[test]
    fn headers_are_found_by_their_distances() {
        let distances = [100i64, -16, 0];
        let start = distances.as_ptr().cast::<u8>();
        // SAFETY: the three distances.
        let found: Vec<_> = unsafe { headers(start, start.wrapping_add(24)) }.collect();
        let expected = [100isize, 8 - 16, 16].map(|at| start.wrapping_offset(at));
        assert_eq!(found, expected);
    }
}
