//! Reads the data of an image in memory.
//!
//! Nothing is trusted: offsets are checked when the image is opened or when they are followed, and what does not fit is an error.
//! The text cannot be checked that way; see [`crate::check`].

use crate::format::{self, Part, UNIT_LEN, Unit};
use crate::text_sum::TextSum;
use isthmus_runtime_abi::cpu::FeatureSet;
use isthmus_runtime_abi::target::Arch;
use std::ops::Range;
use std::sync::atomic::AtomicUsize;
use thiserror::Error;

/// What is wrong with an image.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ImageError {
    /// There is something else at this address, or another version of it.
    #[error("not an image of this version")]
    Magic,
    /// It is for another architecture.
    #[error("the image is for another architecture")]
    Arch,
    /// Its code expects another runtime.
    #[error("the image was made by another build of Isthmus")]
    Fingerprint,
    /// Its data are not what was written.
    #[error("the image is damaged: check sum")]
    Checksum,
    /// Its text is not what was written.
    #[error("the image is damaged: check sum of its text")]
    Text,
    /// Its code assumes more than there is.
    #[error("its code needs a processor with {0}")]
    Features(String),
    /// A number leads outside of its part.
    #[error("the image is damaged: {0}")]
    Damaged(&'static str),
}

/// An image in memory.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    data: &'a [u8],
    text: usize,
    text_len: u32,
    words: &'a [AtomicUsize],
}

impl<'a> Image<'a> {
    /// The image whose header is at this address.
    ///
    /// # Safety
    /// `header` points to readable memory of the length that its header says, if it begins as a header does; its distances lead
    /// to text and to writable words of the lengths that it says, which only this crate's users touch; all of that for `'a`.
    pub unsafe fn at(header: *const u8, arch: Arch) -> Result<Image<'a>, ImageError> {
        // SAFETY: as the caller says; the header is read first.
        let head = unsafe { std::slice::from_raw_parts(header, format::HEADER_LEN) };
        let len = head_number(head, arch, format::DATA_LEN)? as usize;
        // SAFETY: as the caller says.
        let data = unsafe { std::slice::from_raw_parts(header, len) };
        let distance = |at: usize| {
            let bytes: [u8; 8] = data[at..at + 8].try_into().unwrap_or_default();
            (header as usize)
                .wrapping_add(at)
                .wrapping_add_signed(i64::from_le_bytes(bytes) as isize)
        };
        let count = number(data, format::WORD_COUNT) as usize;
        let words = distance(format::WORDS);
        if words % align_of::<AtomicUsize>() != 0 || words == 0 {
            return Err(ImageError::Damaged("words"));
        }
        // SAFETY: as the caller says.
        let words = unsafe { std::slice::from_raw_parts(words as *const AtomicUsize, count) };
        let image = Image {
            data,
            text: distance(format::TEXT),
            text_len: number(data, format::TEXT_LEN),
            words,
        };
        image.check_parts()?;
        Ok(image)
    }

    /// An image whose text and words are elsewhere or nowhere: to look at its data.
    pub fn of_data(data: &'a [u8], arch: Arch) -> Result<Image<'a>, ImageError> {
        let len = head_number(data, arch, format::DATA_LEN)? as usize;
        let data = data.get(..len).ok_or(ImageError::Damaged("length"))?;
        let image = Image {
            data,
            text: 0,
            text_len: number(data, format::TEXT_LEN),
            words: &[],
        };
        image.check_parts()?;
        Ok(image)
    }

    fn check_parts(&self) -> Result<(), ImageError> {
        for part in Part::ALL {
            let range = self.part_range(part);
            if range.start < format::HEADER_LEN || self.data.get(range).is_none() {
                return Err(ImageError::Damaged("directory"));
            }
        }
        let words = number(self.data, format::WORD_COUNT) as usize;
        let fits = |part: Part, count: usize, of: usize| self.part(part).len() == count * of;
        let whole = |part: Part, of: usize| self.part(part).len().is_multiple_of(of);
        match fits(Part::WordNames, words, 4)
            && whole(Part::IdNames, 4)
            && whole(Part::Units, UNIT_LEN)
            && whole(Part::Index, 8)
            && whole(Part::SlotOwners, 8)
            && whole(Part::Slots, 4)
        {
            true => Ok(()),
            false => Err(ImageError::Damaged("size of a part")),
        }
    }

    /// Whether the data are what was written. (Looks at every byte.)
    pub fn verify_checksum(&self) -> Result<(), ImageError> {
        let found = format::checksum(self.data);
        match found == number(self.data, format::CHECKSUM) {
            true => Ok(()),
            false => Err(ImageError::Checksum),
        }
    }

    /// What the code may use of the processor.
    pub fn features(&self) -> Result<FeatureSet, ImageError> {
        let damaged = ImageError::Damaged("features");
        let names = std::str::from_utf8(self.part(Part::Features));
        let (Ok(names), Some(arch)) = (names, format::arch_of(self.data)) else {
            return Err(damaged);
        };
        FeatureSet::from_text(arch, names).map_err(|name| ImageError::Features(name.to_owned()))
    }

    /// Whether a processor with these features can run the code.
    pub fn check_features(&self, processor: FeatureSet) -> Result<(), ImageError> {
        let missing = processor.missing(self.features()?);
        let arch = format::arch_of(self.data).unwrap_or(Arch::X64);
        let names: Vec<&str> = missing.of(arch).map(|f| f.name).collect();
        match names.is_empty() {
            true => Ok(()),
            false => Err(ImageError::Features(names.join(", "))),
        }
    }

    /// Whether the text is what was written, linked with its words at this distance from its start. (Looks at every byte.)
    pub fn verify_text(&self, text: &[u8], distance: i64) -> Result<(), ImageError> {
        let long = |at: usize| {
            let bytes = self.data.get(at..at + 8).and_then(|b| b.try_into().ok());
            bytes.map_or(0, u64::from_le_bytes)
        };
        let sum = TextSum {
            base: long(format::TEXT_SUM),
            slope: long(format::TEXT_SUM + 8),
        };
        match text.len() == self.text_len as usize && sum.fits(text, distance) {
            true => Ok(()),
            false => Err(ImageError::Text),
        }
    }

    fn part_range(&self, part: Part) -> Range<usize> {
        let at = format::DIRECTORY + 8 * part as usize;
        let start = number(self.data, at) as usize;
        start..start.saturating_add(number(self.data, at + 4) as usize)
    }

    /// The bytes of a part.
    pub fn part(&self, part: Part) -> &'a [u8] {
        self.data.get(self.part_range(part)).unwrap_or_default()
    }

    /// All data.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Addresses of the text.
    pub fn text(&self) -> Range<usize> {
        self.text..self.text + self.text_len as usize
    }

    /// Word number `n`.
    pub fn word(&self, n: u32) -> Option<&'a AtomicUsize> {
        self.words.get(n as usize)
    }

    /// How many words there are.
    pub fn word_count(&self) -> u32 {
        (self.part(Part::WordNames).len() / 4) as u32
    }

    /// How many bare ids have names.
    pub fn id_count(&self) -> u32 {
        (self.part(Part::IdNames).len() / 4) as u32
    }

    /// How many owners of generic contexts there are.
    pub fn owner_count(&self) -> u32 {
        (self.part(Part::SlotOwners).len() / 8) as u32
    }

    /// How many units there are.
    pub fn unit_count(&self) -> u32 {
        (self.part(Part::Units).len() / UNIT_LEN) as u32
    }

    fn name(&self, part: Part, n: u32, first: usize) -> Result<&'a [u8], ImageError> {
        let ends = self.part(part);
        let end_of = |n: u32| entry(ends, n as usize);
        let damaged = ImageError::Damaged("name");
        let start = match n.checked_sub(1) {
            None => first,
            Some(before) => end_of(before).ok_or(damaged.clone())? as usize,
        };
        let end = end_of(n).ok_or(damaged.clone())? as usize;
        self.part(Part::Names).get(start..end).ok_or(damaged)
    }

    /// Name of what a word is for.
    pub fn word_name(&self, n: u32) -> Result<&'a [u8], ImageError> {
        self.name(Part::WordNames, n, 0)
    }

    /// Name of a bare id.
    pub fn id_name(&self, n: u32) -> Result<&'a [u8], ImageError> {
        let ends = self.part(Part::WordNames);
        let first = (ends.len() / 4).checked_sub(1);
        let first = first.and_then(|last| entry(ends, last)).unwrap_or(0);
        self.name(Part::IdNames, n, first as usize)
    }

    /// Unit number `n`.
    pub fn unit(&self, n: u32) -> Result<Unit, ImageError> {
        let at = n as usize * UNIT_LEN;
        let bytes = self.part(Part::Units).get(at..at + UNIT_LEN);
        let bytes = bytes.and_then(|b| b.try_into().ok());
        let unit = Unit::from_bytes(bytes.ok_or(ImageError::Damaged("unit"))?);
        let filters = unit.filters.checked_add(unit.filter_count);
        if unit.text >= self.text_len
            || filters.is_none_or(|end| end > self.unit_count())
            || (unit.filter_count != 0 && unit.filters <= n)
        {
            return Err(ImageError::Damaged("unit"));
        }
        Ok(unit)
    }

    fn before(&self, n: u32) -> Result<Unit, ImageError> {
        match n.checked_sub(1) {
            Some(before) => self.unit(before),
            None => Ok(Unit::default()),
        }
    }

    /// The unwind and handler table of a unit.
    pub fn table(&self, n: u32) -> Result<&'a [u8], ImageError> {
        let range = self.before(n)?.table_end as usize..self.unit(n)?.table_end as usize;
        let table = self.part(Part::Tables).get(range);
        table.ok_or(ImageError::Damaged("table"))
    }

    /// The words that a unit needs, in order.
    pub fn fixups(&self, n: u32) -> Result<Vec<u32>, ImageError> {
        let range = self.before(n)?.fixups_end..self.unit(n)?.fixups_end;
        self.ascending(Part::Fixups, range, self.word_count())
    }

    /// The owners of the generic contexts that a unit looks things up in.
    pub fn contexts(&self, n: u32) -> Result<Vec<u32>, ImageError> {
        let range = self.before(n)?.contexts_end..self.unit(n)?.contexts_end;
        self.ascending(Part::Contexts, range, self.owner_count())
    }

    /// Numbers below `limit`, written as differences of ascending ones.
    fn ascending(&self, part: Part, range: Range<u32>, limit: u32) -> Result<Vec<u32>, ImageError> {
        let damaged = || ImageError::Damaged("list of numbers");
        let range = range.start as usize..range.end as usize;
        let bytes = self.part(part).get(range).ok_or_else(damaged)?;
        let mut numbers = Vec::with_capacity(bytes.len());
        let (mut number, mut difference, mut shift) = (0u32, 0u32, 0);
        for &byte in bytes {
            let bits = u32::from(byte & 0x7f);
            let moved = bits.checked_shl(shift).filter(|m| m >> shift == bits);
            difference |= moved.ok_or_else(damaged)?;
            shift += 7;
            if byte < 0x80 {
                number = number.checked_add(difference).ok_or_else(damaged)?;
                if number >= limit {
                    return Err(damaged());
                }
                numbers.push(number);
                (difference, shift) = (0, 0);
            }
        }
        match shift {
            0 => Ok(numbers),
            _ => Err(damaged()),
        }
    }

    /// The unit of the method with this name, as a bare id.
    pub fn find(&self, name: &[u8]) -> Result<Option<u32>, ImageError> {
        let index = self.part(Part::Index);
        let hash = format::hash(name);
        let hash_at = |i: usize| entry(index, 2 * i).unwrap_or(u32::MAX);
        let (mut low, mut high) = (0, index.len() / 8);
        while low < high {
            let middle = low.midpoint(high);
            match hash_at(middle) < hash {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        while low < index.len() / 8 && hash_at(low) == hash {
            let unit = entry(index, 2 * low + 1).ok_or(ImageError::Damaged("index"))?;
            if self.id_name(self.unit(unit)?.method)? == name {
                return Ok(Some(unit));
            }
            low += 1;
        }
        Ok(None)
    }

    /// An owner of generic contexts, as a number of a bare id, and the words that name its slots.
    pub fn slots(&self, number: u32) -> Result<(u32, Vec<u32>), ImageError> {
        let owners = self.part(Part::SlotOwners);
        let damaged = || ImageError::Damaged("slots");
        let n = number as usize;
        let owner = entry(owners, 2 * n).ok_or_else(damaged)?;
        let start = match n.checked_sub(1) {
            Some(before) => entry(owners, 2 * before + 1).ok_or_else(damaged)?,
            None => 0,
        };
        let end = entry(owners, 2 * n + 1).ok_or_else(damaged)?;
        let range = 4 * start as usize..4 * end as usize;
        let words = self.part(Part::Slots).get(range).ok_or_else(damaged)?;
        let words: Vec<u32> = (0..words.len() / 4)
            .filter_map(|i| entry(words, i))
            .collect();
        match words.iter().all(|&w| w < self.word_count()) {
            true => Ok((owner, words)),
            false => Err(damaged()),
        }
    }
}

/// A number of the header, if it is one.
fn head_number(head: &[u8], arch: Arch, at: usize) -> Result<u32, ImageError> {
    if head.len() < format::HEADER_LEN || head[..8] != format::MAGIC {
        return Err(ImageError::Magic);
    }
    if head[format::ARCH] != format::arch_code(arch) {
        return Err(ImageError::Arch);
    }
    if number(head, format::FINGERPRINT) != format::fingerprint() {
        return Err(ImageError::Fingerprint);
    }
    if number(head, format::HEAD_CHECKSUM) != format::head_checksum(head) {
        return Err(ImageError::Checksum);
    }
    match number(head, at) {
        n if (n as usize) < format::HEADER_LEN => Err(ImageError::Damaged("length")),
        n => Ok(n),
    }
}

/// The number at an offset of the header.
fn number(data: &[u8], at: usize) -> u32 {
    let bytes = data.get(at..at + 4).and_then(|b| b.try_into().ok());
    bytes.map_or(0, u32::from_le_bytes)
}

/// Number `n` of a list.
fn entry(list: &[u8], n: usize) -> Option<u32> {
    let bytes = list.get(4 * n..4 * n + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes))
}
