//! Where things are in an image's data. See the drawing in the crate's documentation.
//!
//! All numbers are little-endian. Offsets of parts are from the start of the header.

use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::layout::{IMT_SLOTS, VtableWord};
use isthmus_runtime_abi::target::Arch;

/// First bytes of the header; the last one is the version of the format.
pub const MAGIC: [u8; 8] = *b"ISTHAOT\x02";

/// Name of the global symbol at the header.
pub const HEADER_SYMBOL: &str = "isthmus_image";

/// Name of the section with the distance from there to the header. Those of several images that are linked together follow each other
/// between the symbols `__start_isthmus_images` and `__stop_isthmus_images` of the linker.
pub const IMAGES_SECTION: &str = "isthmus_images";

/// Offset of the length of all data, header included (4 bytes).
pub const DATA_LEN: usize = 8;
/// Offset of the architecture (1 byte).
pub const ARCH: usize = 12;
/// Offset of the distance from here to the text (8 bytes).
pub const TEXT: usize = 16;
/// Offset of the distance from here to the first word (8 bytes).
pub const WORDS: usize = 24;
/// Offset of the length of the text (4 bytes).
pub const TEXT_LEN: usize = 32;
/// Offset of the number of words (4 bytes).
pub const WORD_COUNT: usize = 36;
/// Offset of the check sum of what follows the header's own (4 bytes): text sum, directory, parts.
pub const CHECKSUM: usize = 40;
/// Offset of [`fingerprint`] (4 bytes).
pub const FINGERPRINT: usize = 44;
/// Offset of [`head_checksum`] (4 bytes).
pub const HEAD_CHECKSUM: usize = 48;
/// In shared objects: offset of the [check sum of what is mapped](crate::shared) (4 bytes), 0 if nobody has made it.
pub const FILE_CHECKSUM: usize = 52;
/// Offset of the [check sum of the text](crate::text_sum): base and slope (8 bytes each).
pub const TEXT_SUM: usize = 56;
/// Offset of the directory: offset and length (4 bytes each) of every [`Part`].
pub const DIRECTORY: usize = 72;
/// Length of the header.
pub const HEADER_LEN: usize = DIRECTORY + 8 * Part::COUNT;

/// The parts of the data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// What the VM says of the image: identity, modules that code relies on.
    Vm,
    /// What the code may use of the processor: names of [`isthmus_runtime_abi::cpu`], one a line.
    Features,
    /// End of the name of each word in [`Part::Names`] (4 bytes each).
    WordNames,
    /// End of the name of each bare id in [`Part::Names`] (4 bytes each); they follow those of the words.
    IdNames,
    /// The bytes of all names.
    Names,
    /// [`UNIT_LEN`] bytes for each unit.
    Units,
    /// Words that units need: differences of ascending numbers, LEB128.
    Fixups,
    /// Numbers in [`Part::SlotOwners`] of whose generic contexts units look things up in; written as [`Part::Fixups`] are.
    Contexts,
    /// Hash of the method's name, and number of the unit (4 bytes each), in order.
    Index,
    /// Unwind and handler tables of the units.
    Tables,
    /// Owner (number of a bare id), end of its slots in [`Part::Slots`] (4 bytes each).
    SlotOwners,
    /// Names of the slots of generic contexts: numbers of words (4 bytes each).
    Slots,
}

impl Part {
    /// All parts, in order.
    pub const ALL: [Part; 12] = [
        Part::Vm,
        Part::Features,
        Part::WordNames,
        Part::IdNames,
        Part::Names,
        Part::Units,
        Part::Fixups,
        Part::Contexts,
        Part::Index,
        Part::Tables,
        Part::SlotOwners,
        Part::Slots,
    ];
    /// Their number.
    pub const COUNT: usize = Self::ALL.len();
}

/// Bytes of a unit's record: seven numbers of 4 bytes.
pub const UNIT_LEN: usize = 28;

/// What is known of a unit: the code of a method or of a filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Unit {
    /// Offset of its code in the text.
    pub text: u32,
    /// End of its table in [`Part::Tables`]; it starts where the previous one ends.
    pub table_end: u32,
    /// End of its words in [`Part::Fixups`].
    pub fixups_end: u32,
    /// The method, as a number of a bare id.
    pub method: u32,
    /// End of its owners in [`Part::Contexts`].
    pub contexts_end: u32,
    /// Number of its first filter's unit.
    pub filters: u32,
    /// How many filters it has.
    pub filter_count: u32,
}

impl Unit {
    /// The record's bytes.
    pub fn to_bytes(self) -> [u8; UNIT_LEN] {
        let numbers = [
            self.text,
            self.table_end,
            self.fixups_end,
            self.method,
            self.contexts_end,
            self.filters,
            self.filter_count,
        ];
        let mut bytes = [0; UNIT_LEN];
        for (to, n) in bytes.chunks_exact_mut(4).zip(numbers) {
            to.copy_from_slice(&n.to_le_bytes());
        }
        bytes
    }

    /// The record in these bytes.
    pub fn from_bytes(bytes: &[u8; UNIT_LEN]) -> Unit {
        let n = |i: usize| {
            let at = &bytes[4 * i..4 * i + 4];
            u32::from_le_bytes([at[0], at[1], at[2], at[3]])
        };
        Unit {
            text: n(0),
            table_end: n(1),
            fixups_end: n(2),
            method: n(3),
            contexts_end: n(4),
            filters: n(5),
            filter_count: n(6),
        }
    }
}

/// Number of an architecture.
pub fn arch_code(arch: Arch) -> u8 {
    match arch {
        Arch::X64 => 1,
        Arch::A64 => 2,
        Arch::A32 => 3,
    }
}

/// The architecture of an image whose data begin with these bytes.
pub fn arch_of(data: &[u8]) -> Option<Arch> {
    let code = data.get(ARCH)?;
    let mut all = [Arch::X64, Arch::A64, Arch::A32].into_iter();
    all.find(|&arch| arch_code(arch) == *code)
}

/// Check sum of the header up to here, but for the distances, which are known when the image is linked.
pub fn head_checksum(head: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&head[..TEXT]);
    hasher.update(&head[TEXT_LEN..HEAD_CHECKSUM]);
    hasher.finalize()
}

/// Check sum of text sum, directory and parts: CRC-32.
pub fn checksum(data: &[u8]) -> u32 {
    crc32fast::hash(&data[TEXT_SUM..])
}

/// Appends an unsigned LEB128 number.
pub fn uleb(out: &mut Vec<u8>, mut n: u32) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// 32-bit FNV-1a: order of the index.
pub fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |h, &b| {
        (h ^ u32::from(b)).wrapping_mul(0x0100_0193)
    })
}

/// Changes when the thread context, vtables, or the helpers and how they are called change: code of another build would not work.
pub fn fingerprint() -> u32 {
    let mut text = String::from(env!("CARGO_PKG_VERSION"));
    for &helper in Helper::ALL {
        let (args, ret, effects) = (helper.args(), helper.ret(), helper.effects());
        text.push_str(&format!("{}{args:?}{ret:?}{effects:?}", helper.name()));
    }
    let words = format!("{:?}{:?}{IMT_SLOTS}", CtxWord::ALL, VtableWord::ALL);
    text.push_str(&words);
    hash(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_written() {
        let unit = Unit {
            text: 1,
            table_end: 2,
            fixups_end: 3,
            method: 4,
            contexts_end: 5,
            filters: 6,
            filter_count: 7,
        };
        assert_eq!(Unit::from_bytes(&unit.to_bytes()), unit);
    }

    #[test]
    fn parts_are_numbered_in_order() {
        for (n, part) in Part::ALL.into_iter().enumerate() {
            assert_eq!(part as usize, n);
        }
    }
}
