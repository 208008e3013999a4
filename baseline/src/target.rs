//! What the compiler must know of an architecture beyond the macro assembler.
//!
//! ```text
//!  x86-64    rax rcx rdx rsi rdi r8 r9 r10   values of the evaluation stack (r8 r9 rdi: locals in methods without calls)
//!            rbx r12 r13 r14                 locals (saved by the callee)
//!            r11                             scratch, never holds a value across two operations
//!            xmm0..xmm7 xmm14                values (xmm8..xmm13: locals in methods without calls)
//!            xmm15                           scratch
//! ```

use isthmus_asm::prelude::*;
use isthmus_asm::x64::{X64Asm, regs::*};

/// A macro assembler with the compiler's choice of registers.
pub(crate) trait Target: MacroAsm + 'static {
    /// Registers for values, in order of preference.
    const VALUES: &'static [Gpr];
    /// Float registers for values.
    const FVALUES: &'static [Fpr];
    /// Registers for locals that callees save.
    const SAVED_PINS: &'static [Gpr];
    /// Registers for locals in methods without calls; each is also in `VALUES`.
    const LEAF_PINS: &'static [Gpr];
    /// Float registers for locals in methods without calls; none is in `FVALUES`.
    const LEAF_FPINS: &'static [Fpr];
    /// Register that holds the area of the method's locals in a filter function; one that callees save.
    const AREA: Gpr;
    /// Register for a generic context on its way to the hidden-argument slot; in `VALUES`, no argument register.
    const CONTEXT: Gpr;
    /// Scratch of the compiler.
    const TMP: Gpr;
    /// Float scratch.
    const FTMP: Fpr;
    /// Placeholder for the frame size in the instruction that makes the frame: forces the longest form.
    const FRAME_PLACEHOLDER: i32;

    /// Writes the frame size into the instruction that ends at `end`.
    fn patch_frame(code: &mut [u8], end: u32, size: u32);
    /// Sets the stack pointer from the frame pointer and pops the frame pointer, so that SP is as at entry.
    fn drop_frame(&mut self);
}

impl Target for X64Asm {
    const VALUES: &'static [Gpr] = &[RAX, RCX, RDX, RSI, R10, RDI, R8, R9];
    const FVALUES: &'static [Fpr] = &[XMM0, XMM1, XMM2, XMM3, XMM4, XMM5, XMM6, XMM7, XMM14];
    const SAVED_PINS: &'static [Gpr] = &[RBX, R12, R13, R14];
    const LEAF_PINS: &'static [Gpr] = &[R8, R9, RDI];
    const LEAF_FPINS: &'static [Fpr] = &[XMM8, XMM9, XMM10, XMM11, XMM12, XMM13];
    const AREA: Gpr = RBX;
    const CONTEXT: Gpr = R10;
    const TMP: Gpr = R11;
    const FTMP: Fpr = XMM15;
    const FRAME_PLACEHOLDER: i32 = 0x4000_0000;

    fn patch_frame(code: &mut [u8], end: u32, size: u32) {
        let end = end as usize;
        code[end - 4..end].copy_from_slice(&size.to_le_bytes());
    }

    fn drop_frame(&mut self) {
        self.lea(RSP, Mem::new(RBP, 0));
        self.pop(RBP);
    }
}
