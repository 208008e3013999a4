//! Disassembly for dumps and golden tests (x86-64 through iced-x86).

use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};
use isthmus_runtime_abi::target::Arch;
use std::fmt::Write;

/// One instruction as text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Offset in the code.
    pub offset: u32,
    /// Length in bytes.
    pub len: u32,
    /// The instruction; invalid bytes are `(bad)`.
    pub text: String,
}

/// Disassembles instructions as if they started at address 0, so that targets of jumps read as offsets. Other
/// architectures than x86-64 give no lines yet.
pub fn disassemble(arch: Arch, code: &[u8]) -> Vec<Line> {
    if arch != Arch::X64 {
        return Vec::new();
    }
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_space_after_operand_separator(true);
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_rip_relative_addresses(true);
    options.set_branch_leading_zeros(false);
    options.set_small_hex_numbers_in_decimal(true);
    options.set_show_branch_size(false);
    let mut lines = Vec::new();
    for i in &mut Decoder::with_ip(64, code, 0, DecoderOptions::NONE) {
        let mut text = String::new();
        formatter.format(&i, &mut text);
        lines.push(Line {
            offset: i.ip() as u32,
            len: i.len() as u32,
            text,
        });
    }
    lines
}

/// Disassembly as one text: a line an instruction, with its offset.
pub fn listing(arch: Arch, code: &[u8]) -> String {
    let mut out = String::new();
    for line in disassemble(arch, code) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{:4x}  {}", line.offset, line.text);
    }
    out
}
