#![doc = include_str!("../../docs/EH-TABLES.md")]

use bitflags::bitflags;
use isthmus_runtime_abi::artifact::Tier;

bitflags! {
    /// First byte of a method table; the low two bits are the tier.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct Flags: u8 {
        const TIER = 3;
        const FILTER = 4;
        const CLAUSES = 8;
        const INLINES = 16;
        const FILTER_OFFSETS = 32;
        const CALLS = 64;
        const TRAPS = 128;
    }
}

bitflags! {
    /// First byte of a frame; bits 1 and 2 are the form of the saved registers.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct FrameFlags: u8 {
        const STACK_ARGS = 1;
        const SAVED_DOWN = 2;
        const SAVED_UP = 4;
        const SAVED_LIST = 6;
        const THIS = 8;
        const RGCTX = 16;
        const FILTER_AREA = 32;
        const UNALIGNED = 64;
    }
}

/// Change byte of a site: a node number follows.
pub(crate) const CHANGE_NODE: u8 = 1;
/// Change byte of a site: a handler reference follows.
pub(crate) const CHANGE_HANDLERS: u8 = 2;
/// Change byte of a site: must be 0.
pub(crate) const CHANGE_RESERVED: u8 = 4;
/// Change byte of a site: the trap kind is in the bits from here up; 0 leaves it as it is.
pub(crate) const CHANGE_KIND_SHIFT: u32 = 3;

/// Sites in a block of a site stream; decoding state starts afresh with each block.
pub(crate) const BLOCK: usize = 16;
/// Method tables in a page of an image's index.
pub(crate) const PAGE: usize = 64;

/// Code of the width of a column, given the largest number in it: 0, 1, 2 for 1, 2, 4 bytes.
pub(crate) fn width_code(largest: u32) -> u8 {
    match largest {
        0..=0xff => 0,
        0x100..=0xffff => 1,
        _ => 2,
    }
}

/// The widths of `N` columns, two bits each; `None` if the byte says nothing sensible.
pub(crate) fn column_widths<const N: usize>(byte: u8) -> Option<[usize; N]> {
    if byte >> (2 * N) != 0 {
        return None;
    }
    let mut widths = [0; N];
    for (i, width) in widths.iter_mut().enumerate() {
        *width = match byte >> (2 * i) & 3 {
            3 => return None,
            code => 1 << code,
        };
    }
    Some(widths)
}

/// Bytes of each number in a stream's block directory.
pub(crate) fn directory_width(code_len: u32, stream_len: u32) -> usize {
    if code_len.max(stream_len) <= 0xffff {
        2
    } else {
        4
    }
}

pub(crate) fn tier_code(tier: Tier) -> u8 {
    match tier {
        Tier::Baseline => 0,
        Tier::Opt => 1,
        Tier::Stub => 2,
    }
}

pub(crate) fn tier_from_code(code: u8) -> Option<Tier> {
    match code {
        0 => Some(Tier::Baseline),
        1 => Some(Tier::Opt),
        2 => Some(Tier::Stub),
        _ => None,
    }
}
