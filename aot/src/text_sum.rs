//! The check sum of an image's text, which `isthmus aot-check` compares and the loader does not look at.
//!
//! Text holds displacements to words, whose values are known only when the image is linked, and images do not say where in the text they
//! are. The check sum is such that this does not matter. Text is a number in base 256, its first byte the lowest digit, taken modulo the
//! prime 2⁶¹ - 1. Be `d` the distance from the start of the text to the first word. A displacement at offset `p` is `d + c`, `c` known
//! when the image is made, and so
//!
//! ```text
//!  number(text) = a + d·b     a = number(text with c for each displacement)     b = Σ 256^p over displacements
//! ```
//!
//! (A negative displacement is written as 2³² more: `d` lies far outside of the text, so all displacements have its sign.)
//!
//! Only displacements of x86-64 have that form: text of other architectures has no check sum ([`TextSum::NONE`]).
//!
//! A changed byte always changes the number, other damage all but once in 2⁶¹.

use crate::build::{Field, WordReloc};

/// The modulus.
const PRIME: u64 = (1 << 61) - 1;
/// Bytes of a word.
const WORD: i64 = 8;

/// The two numbers `a` and `b`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TextSum {
    /// Number of the text as it would be with its first word at its own start.
    pub base: u64,
    /// What each byte of distance to the words adds.
    pub slope: u64,
}

fn reduce(n: u128) -> u64 {
    let folded = (n & u128::from(PRIME)) as u64 + (n >> 61) as u64;
    // The sum is below 2·PRIME + 2 for products of two residues.
    let folded = (folded & PRIME) + (folded >> 61);
    match folded >= PRIME {
        true => folded - PRIME,
        false => folded,
    }
}

fn mul(a: u64, b: u64) -> u64 {
    reduce(u128::from(a) * u128::from(b))
}

fn add(a: u64, b: u64) -> u64 {
    reduce(u128::from(a) + u128::from(b))
}

fn signed(n: i64) -> u64 {
    let residue = reduce(u128::from(n.unsigned_abs()));
    match n < 0 && residue != 0 {
        true => PRIME - residue,
        false => residue,
    }
}

/// 256 to the power of `n`: 2⁶¹ is 1.
fn place(n: u64) -> u64 {
    1 << (8 * (n % 61) % 61)
}

/// The number that bytes are.
fn number(bytes: &[u8]) -> u64 {
    let mut chunks = bytes.rchunks_exact(4);
    let digits = chunks.by_ref();
    let mut n = 0;
    for digit in digits {
        let digit = u32::from_le_bytes([digit[0], digit[1], digit[2], digit[3]]);
        n = reduce((u128::from(n) << 32) + u128::from(digit));
    }
    for &byte in chunks.remainder().iter().rev() {
        n = reduce((u128::from(n) << 8) + u128::from(byte));
    }
    n
}

impl TextSum {
    /// Fits everything.
    pub const NONE: TextSum = TextSum {
        base: u64::MAX,
        slope: u64::MAX,
    };

    /// Of text whose displacements are zero still.
    pub fn of(text: &[u8], relocs: &[WordReloc]) -> TextSum {
        if relocs.iter().any(|r| r.field != Field::X64Displacement) {
            return TextSum::NONE;
        }
        let mut sum = TextSum {
            base: number(text),
            slope: 0,
        };
        for reloc in relocs {
            let offset = u64::from(reloc.offset);
            let known = i64::from(reloc.word) * WORD + i64::from(reloc.addend) - offset as i64;
            sum.base = add(sum.base, mul(place(offset), signed(known)));
            sum.slope = add(sum.slope, place(offset));
        }
        sum
    }

    /// Whether this is the text, with its words at this distance from its start.
    pub fn fits(self, text: &[u8], distance: i64) -> bool {
        if self == TextSum::NONE {
            return true;
        }
        let mut expected = add(self.base, mul(self.slope, signed(distance)));
        if distance < 0 {
            expected = add(expected, mul(self.slope, reduce(1 << 32)));
        }
        number(text) == expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text with three displacements.
    fn example() -> (Vec<u8>, Vec<WordReloc>) {
        let mut text: Vec<u8> = (0..1003u32).map(|n| (n * n / 7) as u8).collect();
        let relocs = [(8, 2), (515, 0), (999, 40)].map(|(offset, word)| WordReloc {
            offset,
            word,
            addend: -4,
            field: Field::X64Displacement,
        });
        for reloc in &relocs {
            text[reloc.offset as usize..][..4].fill(0);
        }
        (text, relocs.to_vec())
    }

    fn linked(text: &[u8], relocs: &[WordReloc], distance: i64) -> Vec<u8> {
        let mut text = text.to_vec();
        for r in relocs {
            let value = distance + i64::from(r.word) * 8 + i64::from(r.addend);
            let value = (value - i64::from(r.offset)) as i32;
            text[r.offset as usize..][..4].copy_from_slice(&value.to_le_bytes());
        }
        text
    }

    #[test]
    fn text_fits_wherever_its_words_are() {
        let (text, relocs) = example();
        let sum = TextSum::of(&text, &relocs);
        for distance in [0x2000, 0x7fff_0000, -0x1000, -0x7000_0000] {
            let linked = linked(&text, &relocs, distance);
            assert!(sum.fits(&linked, distance), "{distance:#x}");
            assert!(!sum.fits(&linked, distance + 16));
        }
    }

    #[test]
    fn a_changed_byte_is_found() {
        let (text, relocs) = example();
        let sum = TextSum::of(&text, &relocs);
        let good = linked(&text, &relocs, 0x3000);
        for at in 0..good.len() {
            for change in [1, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] ^= change;
                assert!(!sum.fits(&bad, 0x3000), "byte {at}");
            }
        }
    }
}
