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

/// Reads a file: the bytes from an offset on, if there are as many.
pub type Read<'a> = dyn Fn(u64, usize) -> Option<Vec<u8>> + 'a;

/// Length of the ELF header, of a program header and of a symbol.
const ELF_HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const SYMBOL: usize = 24;
/// Where the ELF header says things about sections, which are not mapped.
const OF_SECTIONS: [Range<usize>; 2] = [40..48, 58..64];
/// Most program headers that an image can have, and how many symbols are looked at: there is one.
const MAX_PROGRAM_HEADERS: usize = 32;
const MAX_SYMBOLS: usize = 64;
/// Types of program headers, and tags of the dynamic section.
const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const STRINGS: u64 = 5;
const SYMBOLS: u64 = 6;

/// Seals a file that the linker has made.
pub fn seal(file: &mut [u8]) -> Result<()> {
    let read = |at: u64, len: usize| bytes_of(file, at, len);
    let shared = Shared::parse(&read)?;
    let sum = shared.sum(&read)?;
    let at = shared.in_file(shared.header + format::FILE_CHECKSUM as u64, 4)? as usize;
    let place = file.get_mut(at..at + 4).ok_or(SharedError::CutOff)?;
    place.copy_from_slice(&sum.to_le_bytes());
    Ok(())
}

/// Whether a file can be mapped.
pub fn check(read: &Read<'_>) -> Result<()> {
    let shared = Shared::parse(read)?;
    match shared.number(read, shared.header + format::FILE_CHECKSUM as u64)? {
        0 => Ok(()),
        sealed if sealed == shared.sum(read)? => Ok(()),
        _ => Err(SharedError::Changed),
    }
}

/// Bytes of a file in memory, as [`Read`] gives them.
pub fn bytes_of(file: &[u8], at: u64, len: usize) -> Option<Vec<u8>> {
    let at = usize::try_from(at).ok()?;
    Some(file.get(at..at.checked_add(len)?)?.to_vec())
}

/// A part of the file that is mapped.
struct Segment {
    address: u64,
    offset: u64,
    len: u64,
}

/// A shared object with an image.
struct Shared {
    head: Vec<u8>,
    program_headers: Vec<u8>,
    segments: Vec<Segment>,
    /// Address of the image's header.
    header: u64,
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.get(at..at + 8).and_then(|b| b.try_into().ok());
    bytes.map_or(0, u64::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u64_at_most(bytes, at, 4) as u32
}

/// A number of up to 8 bytes.
fn u64_at_most(bytes: &[u8], at: usize, len: usize) -> u64 {
    let mut number = [0; 8];
    if let Some(found) = bytes.get(at..at + len) {
        number[..len].copy_from_slice(found);
    }
    u64::from_le_bytes(number)
}

impl Shared {
    fn parse(read: &Read<'_>) -> Result<Shared> {
        let head = read(0, ELF_HEADER).ok_or(SharedError::Kind)?;
        let number = |at: usize| u64_at_most(&head, at, 2) as usize;
        // 64 bits, little endian, a shared object, with program headers as we know them.
        let is_known = head.starts_with(b"\x7fELF\x02\x01") && number(16) == 3;
        if !is_known || number(54) != PROGRAM_HEADER || number(56) > MAX_PROGRAM_HEADERS {
            return Err(SharedError::Kind);
        }
        let program_headers = read(u64_at(&head, 32), number(56) * PROGRAM_HEADER);
        let program_headers = program_headers.ok_or(SharedError::CutOff)?;
        let mut segments = Vec::new();
        let mut dynamic = None;
        for p in program_headers.chunks_exact(PROGRAM_HEADER) {
            let segment = Segment {
                offset: u64_at(p, 8),
                address: u64_at(p, 16),
                len: u64_at(p, 32),
            };
            match u32_at(p, 0) {
                LOAD => {
                    // Mapped pages that the file does not have would be faults.
                    let last = segment.offset.checked_add(segment.len);
                    let last = last.and_then(|end| end.checked_sub(1));
                    if segment.len != 0 && last.and_then(|last| read(last, 1)).is_none() {
                        return Err(SharedError::CutOff);
                    }
                    segments.push(segment);
                }
                DYNAMIC => dynamic = Some(segment),
                _ => {}
            }
        }
        let mut shared = Shared {
            head,
            program_headers,
            segments,
            header: 0,
        };
        let dynamic = dynamic.ok_or(SharedError::NoImage)?;
        shared.header = shared.find_header(read, &dynamic)?;
        match shared.read(read, shared.header, format::MAGIC.len())? == format::MAGIC {
            true => Ok(shared),
            false => Err(SharedError::NoImage),
        }
    }

    /// Address of the image's header, by its symbol.
    fn find_header(&self, read: &Read<'_>, dynamic: &Segment) -> Result<u64> {
        let len = usize::try_from(dynamic.len).unwrap_or(usize::MAX);
        if len > 16 * MAX_SYMBOLS {
            return Err(SharedError::NoImage);
        }
        let entries = read(dynamic.offset, len).ok_or(SharedError::CutOff)?;
        let value_of = |tag: u64| {
            let mut entries = entries.chunks_exact(16);
            let found = entries.find(|e| u64_at(e, 0) == tag);
            found.map(|e| u64_at(e, 8)).ok_or(SharedError::NoImage)
        };
        let (symbols, strings) = (value_of(SYMBOLS)?, value_of(STRINGS)?);
        for n in 0..MAX_SYMBOLS {
            let symbol = symbols.wrapping_add((n * SYMBOL) as u64);
            let Ok(symbol) = self.read(read, symbol, SYMBOL) else {
                break;
            };
            let name = strings.wrapping_add(u64::from(u32_at(&symbol, 0)));
            let expected = format::HEADER_SYMBOL.as_bytes();
            match self.read(read, name, expected.len() + 1) {
                Ok(found) if found.strip_suffix(b"\0") == Some(expected) => {
                    return Ok(u64_at(&symbol, 8));
                }
                _ => {}
            }
        }
        Err(SharedError::NoImage)
    }

    /// Where in the file something is that is mapped.
    fn in_file(&self, address: u64, len: usize) -> Result<u64> {
        let holds = |s: &&Segment| {
            let inside = address.checked_sub(s.address);
            let end = inside.and_then(|at| at.checked_add(len as u64));
            end.is_some_and(|end| end <= s.len)
        };
        let segment = self.segments.iter().find(holds);
        let segment = segment.ok_or(SharedError::NoImage)?;
        Ok(segment.offset + (address - segment.address))
    }

    fn read(&self, read: &Read<'_>, address: u64, len: usize) -> Result<Vec<u8>> {
        read(self.in_file(address, len)?, len).ok_or(SharedError::CutOff)
    }

    /// Four bytes.
    fn number(&self, read: &Read<'_>, address: u64) -> Result<u32> {
        Ok(u32_at(&self.read(read, address, 4)?, 0))
    }

    /// The check sum.
    fn sum(&self, read: &Read<'_>) -> Result<u32> {
        let mut hasher = crc32fast::Hasher::new();
        let mut head = self.head.clone();
        OF_SECTIONS.into_iter().for_each(|of| head[of].fill(0));
        hasher.update(&head);
        hasher.update(&self.program_headers);
        let mut left_out = self.left_out(read)?;
        left_out.sort_by_key(|range| range.start);
        for segment in &self.segments {
            let all = segment.offset..segment.offset + segment.len;
            let (mut at, end) = (all.start, all.end);
            let inside = left_out.iter().filter(|range| all.contains(&range.start));
            for range in inside.cloned().chain(std::iter::once(end..end)) {
                let len = usize::try_from(range.start.saturating_sub(at));
                let bytes = read(at, len.unwrap_or(usize::MAX)).ok_or(SharedError::CutOff)?;
                hasher.update(&bytes);
                at = at.max(range.end);
            }
        }
        Ok(hasher.finalize())
    }

    /// What of the file has check sums of its own, the seal itself, and what the ELF header says of sections.
    fn left_out(&self, read: &Read<'_>) -> Result<Vec<Range<u64>>> {
        let image = self.read(read, self.header, format::HEADER_LEN)?;
        let range = |address: u64, len: u64| {
            let start = self.in_file(address, usize::try_from(len).unwrap_or(usize::MAX))?;
            Ok(start..start + len)
        };
        let text = self.header.wrapping_add(format::TEXT as u64);
        let text = text.wrapping_add(u64_at(&image, format::TEXT));
        let rest = u64::from(u32_at(&image, format::DATA_LEN));
        let rest = rest.saturating_sub(format::TEXT_SUM as u64);
        let mut ranges = vec![
            range(text, u64::from(u32_at(&image, format::TEXT_LEN)))?,
            range(self.header + format::TEXT_SUM as u64, rest)?,
            range(self.header + format::FILE_CHECKSUM as u64, 4)?,
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
        for (tag, value) in [(STRINGS, 0x300u64), (SYMBOLS, 0x200), (0, 0)] {
            dynamic.extend(tag.to_le_bytes());
            dynamic.extend(value.to_le_bytes());
        }
        put(&mut file, 3 * PAGE, &dynamic);
        let len = dynamic.len() as u64;
        let segments = [
            (LOAD, 0, 0x400),
            (LOAD, PAGE, 0x321),
            (LOAD, 2 * PAGE, 0x400),
            (LOAD, 3 * PAGE, len),
            (DYNAMIC, 3 * PAGE, len),
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

    fn checked(file: &[u8]) -> Result<()> {
        check(&|at, len| bytes_of(file, at, len))
    }

    #[test]
    fn whatever_is_mapped_counts() {
        let mut good = example();
        // Nobody has sealed it.
        assert_eq!(checked(&good), Ok(()));
        seal(&mut good).unwrap();
        assert_eq!(checked(&good), Ok(()));
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
                assert_eq!(checked(&good).is_err(), counts, "byte {at:#x}");
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
            assert_eq!(checked(&good[..len]).is_ok(), len == end, "{len}");
        }
    }
}
