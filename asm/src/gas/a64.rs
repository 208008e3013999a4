//! AArch64. Every instruction has one encoding, so its text is enough.

use super::{GasLine, NameOf};
use crate::a64::relative;
use disarm64::decoder::decode;
use disarm64::format_insn::format_insn_pc;
use std::fmt;

/// Instructions that the disassembler writes otherwise than the assembler reads them: conversions between formats of floating-point
/// numbers, for one of whose registers it takes the other's size.
fn is_written_wrong(word: u32) -> bool {
    word & 0xff3e_7c00 == 0x1e22_4000
}

struct Text(disarm64::Opcode);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        format_insn_pc(0, f, &self.0)
    }
}

/// See [`super::lines`].
pub fn lines(code: &[u8], start: usize, name_of: &NameOf<'_>) -> Vec<GasLine> {
    let words = code[start..].chunks(4).enumerate();
    let line = |(n, bytes): (usize, &[u8])| {
        let offset = (start + 4 * n) as u32;
        let word = bytes.try_into().map(u32::from_le_bytes);
        GasLine {
            offset,
            len: bytes.len() as u32,
            text: word.ok().and_then(|word| text(word, offset, name_of)),
        }
    };
    words.map(line).collect()
}

fn text(word: u32, at: u32, name_of: &NameOf<'_>) -> Option<String> {
    let decoded = decode(word).filter(|_| !is_written_wrong(word))?;
    let text = Text(decoded).to_string();
    let split = text.split_once(char::is_whitespace);
    let (mnemonic, operands) = split.unwrap_or((&text, ""));
    let mut operands = operands.trim_start().to_owned();
    if let Some(distance) = relative(word) {
        // What is said by its distance comes last.
        let name = name_of(at..at + 4, i64::from(at) + distance)?;
        let last = operands.rfind(", ").map_or(0, |comma| comma + 2);
        operands.replace_range(last.., &name);
    }
    Some(format!("{mnemonic} {operands}").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Range;

    #[test]
    fn addresses_have_names() {
        let name =
            |at: Range<u32>, to: i64| (to != 0x99).then(|| format!(".L{:x}_{to:x}", at.start));
        let text = |word: u32| text(word, 0x10, &name);
        let cases = [
            (0xa9bf_7bfd, Some("stp x29, x30, [sp, #-16]!")),
            (0xd65f_03c0, Some("ret x30")),
            (0x1400_0004, Some("b .L10_20")),
            (0x97ff_fffc, Some("bl .L10_0")),
            (0x5400_0041, Some("b.ne .L10_18")),
            (0xb400_0082, Some("cbz x2, .L10_20")),
            (0x3607_0082, Some("tbz w2, #0, .L10_ffffffffffffe020")),
            (0x1000_008b, Some("adr x11, .L10_20")),
            // From single to double precision.
            (0x1e22_c000, None),
            // No instruction.
            (0xcccc_cccc, None),
        ];
        for (word, expected) in cases {
            assert_eq!(text(word).as_deref(), expected, "{word:#x}");
        }
    }
}
