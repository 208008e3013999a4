//! Labels, alignment, result.

use super::X64Asm;
use super::regs::*;
use crate::buffer::{AsmError, Assembled};
use crate::macro_asm::AsmCore;
use crate::operand::*;
use isthmus_runtime_abi::target::Arch;

/// The recommended multi-byte no-operations by length (Intel SDM, NOP).
const NOPS: [&[u8]; 9] = [
    &[0x90],
    &[0x66, 0x90],
    &[0x0f, 0x1f, 0x00],
    &[0x0f, 0x1f, 0x40, 0],
    &[0x0f, 0x1f, 0x44, 0, 0],
    &[0x66, 0x0f, 0x1f, 0x44, 0, 0],
    &[0x0f, 0x1f, 0x80, 0, 0, 0, 0],
    &[0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
    &[0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
];

/// Fills the gap between instructions and data.
const INT3: u8 = 0xcc;

impl AsmCore for X64Asm {
    const ARCH: Arch = Arch::X64;
    const SP: Gpr = RSP;
    const FP: Gpr = RBP;
    const THREAD: Gpr = R15;
    const LO: Gpr = RAX;
    const HI: Gpr = RDX;
    const COUNT: Gpr = RCX;
    const SCRATCH: Gpr = R11;
    const FSCRATCH: Fpr = XMM15;

    #[inline]
    fn offset(&self) -> u32 {
        self.buf.offset()
    }

    #[inline]
    fn last_access(&self) -> u32 {
        self.buf.last_access
    }

    fn new_label(&mut self) -> Label {
        self.buf.new_label()
    }

    fn bind(&mut self, label: Label) {
        self.buf.bind(label);
    }

    fn label_offset(&self, label: Label) -> Option<u32> {
        self.buf.label_offset(label)
    }

    fn align(&mut self, to: u32) {
        let mut gap = (self.offset().next_multiple_of(to) - self.offset()) as usize;
        while gap > 0 {
            let n = gap.min(NOPS.len());
            self.raw(NOPS[n - 1]);
            gap -= n;
        }
    }

    fn finish(&mut self) -> Result<Assembled, AsmError> {
        self.buf.finish(INT3)
    }
}
