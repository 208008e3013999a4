//! Shared objects that hold an image: a check sum of what the system's dynamic linker goes by.
//!
//! The dynamic linker trusts what it maps: a wrong number in a program header or in its tables makes it, or the program later, crash. So the
//! command seals shared objects that it makes, and the loader compares the seal before the file is mapped.
//!
//! ```text
//!  ELF header ─ program headers ─ hash tables ─ symbols ─ │ text │ image's header ─ │ data │ ─ list of images ─ dynamic section
//!  ╰──────────────────── sealed ─────────────────────────╯        ╰─── sealed ────╯         ╰────────── sealed ─────────────╯
//! ```
//!
//! The image's data have a check sum of their own, which the loader compares in memory; the [text](crate::text_sum) has one that it does not look at.
//! What is not mapped, as names for debuggers, does not count: `strip` does not break the seal. Images that somebody else linked have none,
//! and are mapped as they are.

use crate::format;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::read::{ReadCache, ReadRef};
use object::{LittleEndian as LE, U32Bytes, U64Bytes, elf, pod};
use std::fs::File;
use std::mem::offset_of;
use std::ops::Range;
use thiserror::Error;

/// Why a file is not mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SharedError {
    /// It is something else.
    #[error("it is no shared object for this machine")]
    Kind,
    /// It ends before what is to be mapped does.
    #[error("it is cut off")]
    CutOff,
    /// It has no image's header where one must be.
    #[error("it is no image")]
    NoImage,
    /// It is not as the command made it.
    #[error("it is damaged, or was changed since it was made")]
    Changed,
}

type Result<T> = std::result::Result<T, SharedError>;

type Header = elf::FileHeader64<LE>;

/// Where the ELF header says things about sections, which are not mapped.
const OF_SECTIONS: [Range<usize>; 2] = [
    offset_of!(Header, e_shoff)..offset_of!(Header, e_flags),
    offset_of!(Header, e_shentsize)..size_of::<Header>(),
];
/// How many symbols are looked at: there is one.
const MAX_SYMBOLS: u64 = 64;

/// Seals a file that the linker has made.
pub fn seal(file: &mut [u8]) -> Result<()> {
    let shared = Shared::parse(&*file)?;
    let sum = shared.sum()?;
    let at = shared.in_file(shared.seal(), 4)? as usize;
    let place = file.get_mut(at..at + 4).ok_or(SharedError::CutOff)?;
    place.copy_from_slice(&sum.to_le_bytes());
    Ok(())
}

/// Whether a file can be mapped.
pub fn check(file: &File) -> Result<()> {
    check_data(&ReadCache::new(file))
}

fn check_data<'d>(data: impl ReadRef<'d>) -> Result<()> {
    let shared = Shared::parse(data)?;
    match shared.number(shared.seal())? {
        0 => Ok(()),
        sealed if sealed == shared.sum()? => Ok(()),
        _ => Err(SharedError::Changed),
    }
}

/// A shared object with an image. Nothing of it is read that is not needed.
struct Shared<'d, R> {
    data: R,
    head: &'d Header,
    program_headers: &'d [elf::ProgramHeader64<LE>],
    /// Address of the image's header.
    image: u64,
}

impl<'d, R: ReadRef<'d>> Shared<'d, R> {
    fn parse(data: R) -> Result<Self> {
        let head = Header::parse(data).map_err(|_| SharedError::Kind)?;
        if !head.is_little_endian() || head.e_type(LE) != elf::ET_DYN {
            return Err(SharedError::Kind);
        }
        let program_headers = head.program_headers(LE, data);
        let mut shared = Shared {
            data,
            head,
            program_headers: program_headers.map_err(|_| SharedError::CutOff)?,
            image: 0,
        };
        // Mapped pages that the file does not have would be faults.
        let len = data.len().map_err(|()| SharedError::CutOff)?;
        for (start, size) in shared.segments().map(|p| p.file_range(LE)) {
            if size != 0 && start.checked_add(size).is_none_or(|end| end > len) {
                return Err(SharedError::CutOff);
            }
        }
        shared.image = shared.find_image()?;
        match shared.read(shared.image, format::MAGIC.len())? == format::MAGIC {
            true => Ok(shared),
            false => Err(SharedError::NoImage),
        }
    }

    /// What is mapped.
    fn segments(&self) -> impl Iterator<Item = &'d elf::ProgramHeader64<LE>> + use<'d, R> {
        let all = self.program_headers.iter();
        all.filter(|p| p.p_type(LE) == elf::PT_LOAD)
    }

    /// Address of the image's header, by its symbol.
    fn find_image(&self) -> Result<u64> {
        let mut dynamic = None;
        for p in self.program_headers {
            let found = p.dynamic(LE, self.data).map_err(|_| SharedError::CutOff)?;
            dynamic = dynamic.or(found);
        }
        let value_of = |tag: u32| {
            let mut entries = dynamic.unwrap_or_default().iter();
            let found = entries.find(|e| e.d_tag(LE) == u64::from(tag));
            found.map(|e| e.d_val(LE)).ok_or(SharedError::NoImage)
        };
        let (symbols, strings) = (value_of(elf::DT_SYMTAB)?, value_of(elf::DT_STRTAB)?);
        let size = size_of::<elf::Sym64<LE>>();
        for n in 0..MAX_SYMBOLS {
            let at = symbols.wrapping_add(n * size as u64);
            let Ok(symbol) = self.get::<elf::Sym64<LE>>(at) else {
                break;
            };
            let name = strings.wrapping_add(symbol.st_name.get(LE).into());
            let expected = format::HEADER_SYMBOL.as_bytes();
            match self.read(name, expected.len() + 1) {
                Ok(found) if found.strip_suffix(b"\0") == Some(expected) => {
                    return Ok(symbol.st_value.get(LE));
                }
                _ => {}
            }
        }
        Err(SharedError::NoImage)
    }

    /// Where in the file something is that is mapped.
    fn in_file(&self, address: u64, len: usize) -> Result<u64> {
        let mut places = self.segments().filter_map(|p| {
            let (start, size) = p.file_range(LE);
            let inside = address.checked_sub(p.p_vaddr(LE))?;
            let end = inside.checked_add(len as u64)?;
            (end <= size).then_some(start + inside)
        });
        places.next().ok_or(SharedError::NoImage)
    }

    fn read(&self, address: u64, len: usize) -> Result<&'d [u8]> {
        let at = self.in_file(address, len)?;
        self.bytes(at..at + len as u64)
    }

    fn bytes(&self, at: Range<u64>) -> Result<&'d [u8]> {
        let bytes = self.data.read_bytes_at(at.start, at.end - at.start);
        bytes.map_err(|()| SharedError::CutOff)
    }

    fn get<T: pod::Pod>(&self, address: u64) -> Result<&'d T> {
        let bytes = self.read(address, size_of::<T>())?;
        let (value, _) = pod::from_bytes(bytes).map_err(|()| SharedError::CutOff)?;
        Ok(value)
    }

    /// Four bytes.
    fn number(&self, address: u64) -> Result<u32> {
        Ok(self.get::<U32Bytes<LE>>(address)?.get(LE))
    }

    /// Address of the seal.
    fn seal(&self) -> u64 {
        self.image.wrapping_add(format::FILE_CHECKSUM as u64)
    }

    /// The check sum.
    fn sum(&self) -> Result<u32> {
        let mut hasher = crc32fast::Hasher::new();
        let mut head = pod::bytes_of(self.head).to_vec();
        OF_SECTIONS.into_iter().for_each(|of| head[of].fill(0));
        hasher.update(&head);
        hasher.update(pod::bytes_of_slice(self.program_headers));
        let mut left_out = self.left_out()?;
        left_out.sort_by_key(|range| range.start);
        for (start, size) in self.segments().map(|p| p.file_range(LE)) {
            let all = start..start + size;
            let (mut at, end) = (all.start, all.end);
            let inside = left_out.iter().filter(|range| all.contains(&range.start));
            for range in inside.cloned().chain(std::iter::once(end..end)) {
                hasher.update(self.bytes(at..range.start.max(at))?);
                at = at.max(range.end);
            }
        }
        Ok(hasher.finalize())
    }

    /// What of the file has check sums of its own, the seal itself, and what the ELF header says of sections.
    fn left_out(&self) -> Result<Vec<Range<u64>>> {
        let range = |address: u64, len: u32| {
            let start = self.in_file(address, len as usize)?;
            Ok(start..start + u64::from(len))
        };
        let field = |at: usize| self.image.wrapping_add(at as u64);
        let text = field(format::TEXT);
        let text = text.wrapping_add(self.get::<U64Bytes<LE>>(text)?.get(LE));
        let rest = self.number(field(format::DATA_LEN))?;
        let mut ranges = vec![
            range(text, self.number(field(format::TEXT_LEN))?)?,
            range(
                field(format::TEXT_SUM),
                rest.saturating_sub(format::TEXT_SUM as u32),
            )?,
            range(self.seal(), 4)?,
        ];
        ranges.extend(OF_SECTIONS.map(|of| of.start as u64..of.end as u64));
        Ok(ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u64 = 0x1000;

    /// A shared object as the linker makes them: headers, symbols and names in the first page, then text, then an image's header and data,
    /// then the dynamic section; behind what is mapped something else.
    fn example() -> Vec<u8> {
        let mut file = vec![0; 4 * PAGE as usize];
        let put = |file: &mut Vec<u8>, at: u64, bytes: &[u8]| {
            file[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
        };
        put(&mut file, 0, b"\x7fELF\x02\x01\x01");
        put(&mut file, 16, &[3, 0, 62, 0]);
        put(&mut file, 32, &64u64.to_le_bytes());
        put(&mut file, 54, &[56, 0, 5, 0]);
        let mut dynamic = Vec::new();
        for (tag, value) in [(elf::DT_STRTAB, 0x300u64), (elf::DT_SYMTAB, 0x200), (0, 0)] {
            dynamic.extend(u64::from(tag).to_le_bytes());
            dynamic.extend(value.to_le_bytes());
        }
        put(&mut file, 3 * PAGE, &dynamic);
        let len = dynamic.len() as u64;
        let segments = [
            (elf::PT_LOAD, 0, 0x400),
            (elf::PT_LOAD, PAGE, 0x321),
            (elf::PT_LOAD, 2 * PAGE, 0x400),
            (elf::PT_LOAD, 3 * PAGE, len),
            (elf::PT_DYNAMIC, 3 * PAGE, len),
        ];
        for (n, (kind, at, len)) in segments.into_iter().enumerate() {
            let numbers = [u64::from(kind), at, at, at, len, len, PAGE];
            for (i, number) in numbers.into_iter().enumerate() {
                let place = 64 + 56 * n as u64 + 8 * i as u64;
                put(&mut file, place, &number.to_le_bytes());
            }
        }
        put(&mut file, 0x200 + 24, &1u32.to_le_bytes());
        put(&mut file, 0x200 + 32, &(2 * PAGE).to_le_bytes());
        put(&mut file, 0x301, format::HEADER_SYMBOL.as_bytes());
        let text: Vec<u8> = (0..0x321u32).map(|n| (n * n) as u8).collect();
        put(&mut file, PAGE, &text);
        let header = 2 * PAGE;
        put(&mut file, header, &format::MAGIC);
        put(&mut file, header + format::DATA_LEN as u64, &[0, 3, 0, 0]);
        let distance = PAGE.wrapping_sub(header + format::TEXT as u64);
        put(
            &mut file,
            header + format::TEXT as u64,
            &distance.to_le_bytes(),
        );
        put(&mut file, header + format::TEXT_LEN as u64, &[0x21, 3]);
        file
    }

    #[test]
    fn whatever_is_mapped_counts() {
        let mut good = example();
        // Nobody has sealed it.
        assert_eq!(check_data(&*good), Ok(()));
        seal(&mut good).unwrap();
        assert_eq!(check_data(&*good), Ok(()));
        let header = 2 * PAGE as usize;
        let data = header + format::TEXT_SUM..header + 0x300;
        let text = PAGE as usize..PAGE as usize + 0x321;
        let [sections, more] = OF_SECTIONS;
        let mut refused = 0;
        for at in 0..good.len() {
            let mapped = match at / PAGE as usize {
                0 | 2 => at % (PAGE as usize) < 0x400,
                1 => text.contains(&at),
                _ => at < 3 * PAGE as usize + 48,
            };
            let other = [&data, &text, &sections, &more];
            let counts = mapped && !other.iter().any(|range| range.contains(&at));
            for change in [1, 0x80, 0xff] {
                good[at] ^= change;
                assert_eq!(check_data(&*good).is_err(), counts, "byte {at:#x}");
                good[at] ^= change;
                refused += usize::from(counts);
            }
        }
        assert!(refused > 4000, "{refused}");
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        let mut good = example();
        seal(&mut good).unwrap();
        let end = 3 * PAGE as usize + 48;
        for len in 0..=end {
            assert_eq!(check_data(&good[..len]).is_ok(), len == end, "{len}");
        }
    }
}
