//! What each kind of relocation writes.
//!
//! | kind | bytes | value |
//! | --- | --- | --- |
//! | `Abs64` | 8 | S + A |
//! | `Abs32` | 4 | S + A, below 4 GiB |
//! | `X64PcRel32`, `X64Call32` | 4 | S + A - P, signed |
//! | `X64GotPcRel32` | 4 | G + A - P, signed |

use crate::error::LinkError;
use isthmus_runtime_abi::symbol::{Reloc, RelocKind};

/// What the place of a relocation refers to directly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Via {
    /// The symbol itself.
    Symbol,
    /// A word that holds the symbol's address.
    Got,
}

/// What a kind of relocation refers to; `None` if it is not for x86-64.
pub fn via(kind: RelocKind) -> Option<Via> {
    match kind {
        RelocKind::Abs64 | RelocKind::Abs32 | RelocKind::X64PcRel32 | RelocKind::X64Call32 => {
            Some(Via::Symbol)
        }
        RelocKind::X64GotPcRel32 => Some(Via::Got),
        _ => None,
    }
}

/// The value that a relocation writes when it refers to address `to` and the code is at `base`.
pub fn value(reloc: &Reloc, base: u64, to: u64) -> i128 {
    let sum = i128::from(to) + i128::from(reloc.addend);
    match reloc.kind {
        RelocKind::X64PcRel32 | RelocKind::X64Call32 | RelocKind::X64GotPcRel32 => {
            sum - i128::from(base) - i128::from(reloc.offset)
        }
        _ => sum,
    }
}

/// Whether `value` can be written by this kind.
pub fn fits(kind: RelocKind, value: i128) -> bool {
    match kind {
        RelocKind::Abs64 => u64::try_from(value).is_ok(),
        RelocKind::Abs32 => u32::try_from(value).is_ok(),
        RelocKind::X64PcRel32 | RelocKind::X64Call32 | RelocKind::X64GotPcRel32 => {
            i32::try_from(value).is_ok()
        }
        _ => false,
    }
}

/// Writes the relocation for code that will be at `base`, referring to address `to`.
pub fn apply(code: &mut [u8], reloc: &Reloc, base: u64, to: u64) -> Result<(), LinkError> {
    let (kind, symbol, offset) = (reloc.kind, reloc.symbol, reloc.offset);
    let bytes = match kind {
        RelocKind::Abs64 => 8,
        _ if via(kind).is_some() => 4,
        _ => return Err(LinkError::Kind { kind, symbol }),
    };
    let value = value(reloc, base, to);
    if !fits(kind, value) {
        return Err(LinkError::Range {
            kind,
            symbol,
            offset,
            value,
        });
    }
    let size = code.len();
    let place = code
        .get_mut(offset as usize..)
        .and_then(|rest| rest.get_mut(..bytes))
        .ok_or(LinkError::Outside {
            kind,
            symbol,
            offset,
            size,
        })?;
    place.copy_from_slice(&(value as u64).to_le_bytes()[..bytes]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use isthmus_runtime_abi::symbol::Symbol;

    fn reloc(kind: RelocKind, offset: u32, addend: i64) -> Reloc {
        Reloc {
            offset,
            kind,
            symbol: Symbol::VmData(7),
            addend,
        }
    }

    #[test]
    fn values_are_those_of_the_table() {
        let mut code = [0u8; 12];
        let base = 0x7000_0000_0000;
        apply(&mut code, &reloc(RelocKind::Abs64, 2, 3), base, 0x1234).unwrap();
        assert_eq!(code[2..10], 0x1237u64.to_le_bytes());
        apply(&mut code, &reloc(RelocKind::Abs32, 0, 0), base, 0xffff_fff0).unwrap();
        assert_eq!(code[..4], 0xffff_fff0u32.to_le_bytes());
        // Displacement counts from the end of the four bytes: addend -4.
        apply(&mut code, &reloc(RelocKind::X64PcRel32, 4, -4), base, base).unwrap();
        assert_eq!(code[4..8], (-8i32).to_le_bytes());
    }

    #[test]
    fn limits_are_exact() {
        let r = reloc(RelocKind::X64Call32, 0, -4);
        let base = 1 << 40;
        let mut code = [0u8; 4];
        let edge = base + 4 + 0x7fff_ffff;
        assert!(apply(&mut code, &r, base, edge).is_ok());
        let error = apply(&mut code, &r, base, edge + 1)
            .unwrap_err()
            .to_string();
        assert!(error.contains("X64Call32 of VmData(7)"), "{error}");
        let low = base + 4 - 0x8000_0000;
        assert!(apply(&mut code, &r, base, low).is_ok());
        assert!(apply(&mut code, &r, base, low - 1).is_err());
        let r = reloc(RelocKind::Abs32, 0, 1);
        assert!(apply(&mut code, &r, base, 0xffff_ffff).is_err());
        assert!(apply(&mut code, &r, base, 0xffff_fffe).is_ok());
    }

    #[test]
    fn places_outside_and_foreign_kinds_are_errors() {
        let mut code = [0u8; 8];
        for offset in [1, 5, 8, u32::MAX] {
            let r = reloc(RelocKind::Abs64, offset, 0);
            assert!(matches!(
                apply(&mut code, &r, 0, 0),
                Err(LinkError::Outside { .. })
            ));
        }
        let r = reloc(RelocKind::A64Call26, 0, 0);
        assert!(matches!(
            apply(&mut code, &r, 0, 0),
            Err(LinkError::Kind { .. })
        ));
    }
}
