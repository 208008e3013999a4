//! AArch64: what of code is no instruction, and what instructions say by distance.

use isthmus_runtime_abi::artifact::{DataKind, DataRange};
use std::collections::BTreeSet;

/// `br`.
const BR: u32 = 0xd61f_0000;
const BR_MASK: u32 = 0xffff_fc1f;

/// The distance to an address that an instruction says by it: of branches, `adr`, loads of literals, and pages.
pub fn relative(word: u32) -> Option<i64> {
    let field = |low: u32, bits: u32| i64::from((word << (32 - low - bits)) as i32 >> (32 - bits));
    // ADR and ADRP have the two lowest bits of the number elsewhere.
    let address = || field(5, 19) << 2 | i64::from(word >> 29 & 3);
    Some(match word {
        // b, bl
        _ if word & 0x7c00_0000 == 0x1400_0000 => 4 * field(0, 26),
        // b.cond, cbz, cbnz, loads of literals
        _ if word & 0xff00_0010 == 0x5400_0000
            || word & 0x7e00_0000 == 0x3400_0000
            || word & 0x3b00_0000 == 0x1800_0000 =>
        {
            4 * field(5, 19)
        }
        // tbz, tbnz
        _ if word & 0x7e00_0000 == 0x3600_0000 => 4 * field(5, 14),
        _ if word & 0x9f00_0000 == 0x1000_0000 => address(),
        _ if word & 0x9f00_0000 == 0x9000_0000 => address() << 12,
        _ => return None,
    })
}

/// Jump tables and constants of Cranelift's code. `starts` are the offsets of its blocks, in order.
///
/// A table stands behind the `br` that it is for, constants behind all code. Both begin where some instruction says.
pub fn data(code: &[u8], starts: &[u32]) -> Vec<DataRange> {
    let mut found = Vec::new();
    // Where data begin, as far as it is known.
    let mut begins = BTreeSet::new();
    let word_at = |at: u32| {
        let bytes = code.get(at as usize..at as usize + 4);
        let bytes = bytes.and_then(|b| b.try_into().ok());
        bytes.map(u32::from_le_bytes)
    };
    let end = code.len() as u32;
    let last_start = starts.last().copied().unwrap_or(0);
    let (mut at, mut last) = (0, 0);
    while let Some(word) = word_at(at) {
        let known = begins.contains(&at);
        let rest = &code[at as usize..];
        if known && last & BR_MASK == BR {
            let next = starts[starts.partition_point(|&s| s <= at)..].first();
            let other = begins.range(at + 1..).next();
            let limit = next.or(other).copied().unwrap_or(end).min(end);
            let is_entry = |distance: u32| starts.binary_search(&at.wrapping_add(distance)).is_ok();
            let words = rest[..(limit - at) as usize].chunks_exact(4);
            let words = words.map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]]));
            let len = 4 * words.take_while(|&w| is_entry(w)).count() as u32;
            if len != 0 {
                let (offset, kind) = (at, DataKind::JumpTable);
                found.push(DataRange { offset, len, kind });
                (at, last) = (at + len, 0);
                continue;
            }
        }
        if at > last_start
            && let Some(&first) = begins.range(at..).next()
            && code[at as usize..first as usize].iter().all(|&b| b == 0)
        {
            found.push(DataRange {
                offset: first,
                len: end - first,
                kind: DataKind::Constants,
            });
            break;
        }
        let is_adr = word & 0x9f00_0000 == 0x1000_0000;
        let is_literal = word & 0x3b00_0000 == 0x1800_0000;
        if (is_adr || is_literal)
            && let Some(distance) = relative(word)
            && let Ok(target) = u32::try_from(i64::from(at) + distance)
            && target > at
            && target < end
        {
            begins.insert(target);
        }
        (at, last) = (at + 4, word);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_constants_are_found() {
        let words = [
            0x1000_006b, // adr x11, 12
            0xd61f_0160, // br x11
            0xd503_201f, // nop
            8,           // the table, which is not behind its `br`
            0x1000_004b, // 10: adr x11, 18
            0xd61f_0160, // br x11
            8,           // 18: to 20
            16,          // to 28
            0x5c00_0080, // 20: ldr d0, 30
            0xd65f_03c0, // ret
            0xd65f_03c0, // 28: ret
            0,
            0x1234, // 30: a constant
            0x5678,
        ];
        let code: Vec<u8> = words.iter().flat_map(|w: &u32| w.to_le_bytes()).collect();
        let found = data(&code, &[0, 0x10, 0x20, 0x28]);
        let range = |offset, len, kind| DataRange { offset, len, kind };
        assert_eq!(
            found,
            [
                range(0x18, 8, DataKind::JumpTable),
                range(0x30, 8, DataKind::Constants)
            ]
        );
    }
}
