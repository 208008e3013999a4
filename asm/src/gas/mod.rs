//! Instructions as text that the GNU assembler turns into the same bytes.

pub mod a64;
pub mod x64;

use isthmus_runtime_abi::target::Arch;
use std::ops::Range;

/// An instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GasLine {
    /// Offset in the code.
    pub offset: u32,
    /// Length in bytes.
    pub len: u32,
    /// Its text, if there is one.
    pub text: Option<String>,
}

/// Names an address, which is relative to the start of the code, for the instruction at these offsets.
pub type NameOf<'a> = dyn Fn(Range<u32>, i64) -> Option<String> + 'a;

/// Instructions as text: those from an offset of the code on, up to its end. What refers to addresses has text if these have names.
/// There are none for architectures without a disassembler.
pub fn lines(arch: Arch, code: &[u8], start: usize, name_of: &NameOf<'_>) -> Vec<GasLine> {
    match arch {
        Arch::X64 => x64::lines(code, start, name_of),
        Arch::A64 => a64::lines(code, start, name_of),
        Arch::A32 => Vec::new(),
    }
}
