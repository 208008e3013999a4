//! The macro assembler as traits, one a topic; [`MacroAsm`] is all of them.
//!
//! # What every implementation keeps
//! 1. *Two operands.* `op(dst, src)` means `dst = dst op src`.
//! 2. *Scratch.* Operations may change [`AsmCore::SCRATCH`] and [`AsmCore::FSCRATCH`] and no other register than
//!    their destinations. Operands must not be these registers unless the implementation is x86-64, which uses the
//!    integer one nowhere but in [`AsmInt::copy_block`], and the float one only there, in [`AsmInt::zero_block`] and
//!    in float comparisons, conversions and constants.
//! 3. *Flags.* Integer `alu`, `unary(Neg)`, `shift`, `mul*`, `cmp*`, `test*`, `bit_test`, [`AsmInt::zero`], block and atomic operations change the
//!    flags; moves, loads, stores, `lea`, `mov_imm`, `set`, `cmov`, pushes, pops and jumps do not.
//! 4. *Accesses.* After an operation with a memory operand, or a division, [`AsmCore::last_access`] is the offset of the one
//!    instruction that may fault in it: what a trap record holds.

use crate::buffer::{AsmError, Assembled};
use crate::operand::*;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;

/// Position, labels, alignment, result; registers with roles.
pub trait AsmCore {
    /// Architecture.
    const ARCH: Arch;
    /// Stack pointer.
    const SP: Gpr;
    /// Frame pointer.
    const FP: Gpr;
    /// Thread context.
    const THREAD: Gpr;
    /// Low half of wide products, dividend and quotient: see [`AsmInt::mul_wide`], [`AsmInt::div`]; the expected value of [`AsmInt::atomic_cas`].
    const LO: Gpr;
    /// High half of wide products, remainder.
    const HI: Gpr;
    /// Where variable shift counts must be.
    const COUNT: Gpr;
    /// General register that the assembler may use for itself.
    const SCRATCH: Gpr;
    /// Float register that the assembler may use for itself.
    const FSCRATCH: Fpr;

    /// Offset of the next instruction.
    fn offset(&self) -> u32;
    /// Offset of the instruction of the last operation that may fault.
    fn last_access(&self) -> u32;
    /// A label without a place.
    fn new_label(&mut self) -> Label;
    /// Gives a label its place: here. Binding it again moves it.
    fn bind(&mut self, label: Label);
    /// Offset of a label that is bound.
    fn label_offset(&self, label: Label) -> Option<u32>;
    /// Fills up with instructions that do nothing to a multiple of `to`, a power of two of at most 64.
    fn align(&mut self, to: u32);
    /// Places constants and jump tables, resolves labels, and hands out the code. The assembler is empty afterwards and
    /// may be used again.
    fn finish(&mut self) -> Result<Assembled, AsmError>;
}

/// Integers and addresses.
pub trait AsmInt: AsmCore {
    /// Copies a register. `W32` clears the upper half; smaller widths copy at least that many bits.
    fn mov(&mut self, w: Width, dst: Gpr, src: Gpr);
    /// Loads a constant; for `W32` the low 32 bits, upper half zero. Keeps the flags.
    fn mov_imm(&mut self, w: Width, dst: Gpr, value: i64);
    /// Sets to 0; may change the flags.
    fn zero(&mut self, dst: Gpr);
    /// Extends the low bits of a register.
    fn extend(&mut self, ext: Ext, dst: Gpr, src: Gpr);
    /// Loads from memory.
    fn load(&mut self, ext: Ext, dst: Gpr, mem: Mem);
    /// Stores the low bits of a register.
    fn store(&mut self, w: Width, mem: Mem, src: Gpr);
    /// Stores a constant, sign-extended to the width.
    fn store_imm(&mut self, w: Width, mem: Mem, value: i32);
    /// Computes an address.
    fn lea(&mut self, dst: Gpr, mem: Mem);
    /// The address of a place in this code.
    fn lea_label(&mut self, dst: Gpr, label: Label);
    /// The address of a symbol, wherever it is: see [`crate::reach`].
    fn load_symbol(&mut self, dst: Gpr, symbol: Symbol);
    /// Subtracts a constant from the 32-bit word at a symbol that is near; `Cond::Neg` tells that the result is negative.
    fn count_down(&mut self, symbol: Symbol, by: i32);

    /// `dst = dst op src`.
    fn alu(&mut self, op: Alu, w: Width, dst: Gpr, src: impl Into<Src>);
    /// `mem = mem op src`, where `src` is a register or a constant.
    fn alu_mem(&mut self, op: Alu, w: Width, mem: Mem, src: impl Into<Src>);
    /// Negation or complement.
    fn unary(&mut self, op: Unary, w: Width, dst: Gpr);
    /// `dst = dst * src`; `W32` and `W64`. `Cond::Overflow` tells signed overflow.
    fn mul(&mut self, w: Width, dst: Gpr, src: impl Into<Src>);
    /// `dst = src * value`, as [`AsmInt::mul`].
    fn mul_imm(&mut self, w: Width, dst: Gpr, src: impl Into<Src>, value: i32);
    /// `HI:LO = LO * src`, `W32` and `W64`; `src` is a register or memory. `Cond::Overflow` tells that `LO` alone is not the product.
    fn mul_wide(&mut self, signed: bool, w: Width, src: impl Into<Src>);
    /// `LO = LO / src`, `HI = LO % src`, `W32` and `W64`; `src` is a register other than these two, or memory. Faults on a zero
    /// divisor and on quotient overflow on x86-64 ([`AsmCore::last_access`]).
    fn div(&mut self, signed: bool, w: Width, src: impl Into<Src>);
    /// Shift by a constant.
    fn shift_imm(&mut self, op: Shift, w: Width, dst: Gpr, count: u8);
    /// Shift by the low bits of [`AsmCore::COUNT`].
    fn shift(&mut self, op: Shift, w: Width, dst: Gpr);

    /// Compares (`a - b` on the flags).
    fn cmp(&mut self, w: Width, a: Gpr, b: impl Into<Src>);
    /// Compares memory with a register or constant.
    fn cmp_mem(&mut self, w: Width, a: Mem, b: impl Into<Src>);
    /// `a & b` on the flags; `b` is a register or constant.
    fn test(&mut self, w: Width, a: Gpr, b: impl Into<Src>);
    /// `mem & b` on the flags; `b` is a register or constant.
    fn test_mem(&mut self, w: Width, a: Mem, b: impl Into<Src>);
    /// Bit `bit` of `a` into `Cond::Carry`; `W32` and `W64`; a register number is taken modulo the width.
    fn bit_test(&mut self, w: Width, a: Gpr, bit: impl Into<Src>);
    /// 0 or 1, as a 32-bit value.
    fn set(&mut self, cond: Cond, dst: Gpr);
    /// `if cond { dst = src }`; `src` is a register or memory (which is read in any case); `W32` clears the upper half in any case.
    fn cmov(&mut self, cond: Cond, w: Width, dst: Gpr, src: impl Into<Src>);

    /// Pushes a pointer-sized register.
    fn push(&mut self, src: Gpr);
    /// Pushes a constant, sign-extended.
    fn push_imm(&mut self, value: i32);
    /// Pushes a pointer-sized word.
    fn push_mem(&mut self, src: Mem);
    /// Pops a pointer-sized word.
    fn pop(&mut self, dst: Gpr);

    /// Swaps memory and register atomically.
    fn atomic_swap(&mut self, w: Width, mem: Mem, reg: Gpr);
    /// `if mem == LO { mem = new, Eq } else { LO = mem, Ne }`, atomically.
    fn atomic_cas(&mut self, w: Width, mem: Mem, new: Gpr);
    /// `(mem, reg) = (mem + reg, mem)`, atomically.
    fn atomic_add(&mut self, w: Width, mem: Mem, reg: Gpr);
    /// Full memory fence.
    fn fence(&mut self);

    /// Copies `bytes` that do not overlap, through the scratch registers. Unrolled: meant for structs.
    fn copy_block(&mut self, dst: Mem, src: Mem, bytes: u32);
    /// Clears `bytes`. Unrolled.
    fn zero_block(&mut self, dst: Mem, bytes: u32);
}

/// Floating point, scalar.
pub trait AsmFloat: AsmCore {
    /// Copies a register.
    fn fmov(&mut self, ty: FTy, dst: Fpr, src: Fpr);
    /// Loads a constant given by its bits.
    fn fconst(&mut self, ty: FTy, dst: Fpr, bits: u64);
    /// Loads from memory.
    fn fload(&mut self, ty: FTy, dst: Fpr, mem: Mem);
    /// Stores to memory.
    fn fstore(&mut self, ty: FTy, mem: Mem, src: Fpr);
    /// Loads the whole register (x86-64, AArch64: 16 bytes; ARM: 8).
    fn fload_wide(&mut self, dst: Fpr, mem: Mem);
    /// Stores the whole register.
    fn fstore_wide(&mut self, mem: Mem, src: Fpr);
    /// `dst = dst op src`.
    fn falu(&mut self, op: FAlu, ty: FTy, dst: Fpr, src: impl Into<FSrc>);
    /// Square root.
    fn fsqrt(&mut self, ty: FTy, dst: Fpr, src: impl Into<FSrc>);
    /// Changes the sign.
    fn fneg(&mut self, ty: FTy, dst: Fpr);
    /// Clears the sign.
    fn fabs(&mut self, ty: FTy, dst: Fpr);
    /// Rounds to an integral value (x86-64: needs SSE4.1).
    fn fround(&mut self, mode: Rounding, ty: FTy, dst: Fpr, src: impl Into<FSrc>);
    /// Jumps if the comparison holds.
    fn fjcc(&mut self, cond: FCond, ty: FTy, a: Fpr, b: Fpr, target: Label);
    /// 0 or 1, as a 32-bit value.
    fn fset(&mut self, cond: FCond, ty: FTy, dst: Gpr, a: Fpr, b: Fpr);
    /// Signed integer to float; `W32` and `W64`.
    fn int_to_float(&mut self, w: Width, ty: FTy, dst: Fpr, src: impl Into<Src>);
    /// Float to signed integer, truncating; `W32` and `W64`. NaN and values out of range give the least integer.
    fn float_to_int(&mut self, ty: FTy, w: Width, dst: Gpr, src: impl Into<FSrc>);
    /// Converts between the float types: `from` to the other one.
    fn fconvert(&mut self, from: FTy, dst: Fpr, src: impl Into<FSrc>);
    /// Moves bits from a general register.
    fn bits_to_float(&mut self, ty: FTy, dst: Fpr, src: Gpr);
    /// Moves bits to a general register.
    fn float_to_bits(&mut self, ty: FTy, dst: Gpr, src: Fpr);
}

/// Jumps and calls. A call's return address is [`AsmCore::offset`] right after it.
pub trait AsmControl: AsmCore {
    /// Jumps.
    fn jmp(&mut self, target: Label);
    /// Jumps if the condition holds.
    fn jcc(&mut self, cond: Cond, target: Label);
    /// Jumps to the address in a register.
    fn jmp_reg(&mut self, target: Gpr);
    /// Jumps to the address in memory.
    fn jmp_mem(&mut self, target: Mem);
    /// Jumps to a symbol, wherever it is: see [`crate::reach`].
    fn jmp_symbol(&mut self, target: Symbol);
    /// Jumps to the address in the word at a symbol that is near (`jmp [cell]`).
    fn jmp_cell(&mut self, cell: Symbol);
    /// Jumps to `targets[index]`. `index` is below their number (compared before) and zero-extended; it and `tmp` are changed.
    fn jump_table(&mut self, index: Gpr, tmp: Gpr, targets: &[Label]);
    /// Calls the address in a register.
    fn call_reg(&mut self, target: Gpr);
    /// Calls the address in memory.
    fn call_mem(&mut self, target: Mem);
    /// Calls a symbol, wherever it is: see [`crate::reach`].
    fn call_symbol(&mut self, target: Symbol);
    /// Calls the address in the word at a symbol that is near (`call [cell]`).
    fn call_cell(&mut self, cell: Symbol);
    /// Calls a place in this code.
    fn call_label(&mut self, target: Label);
    /// Returns and pops `bytes` of stack arguments (at most `callconv::MAX_STACK_BYTES`).
    fn ret(&mut self, bytes: u32);
    /// An instruction that always traps as invalid.
    fn trap(&mut self);
}

/// All of the macro assembler.
pub trait MacroAsm: AsmCore + AsmInt + AsmFloat + AsmControl + Default {}

impl<T: AsmCore + AsmInt + AsmFloat + AsmControl + Default> MacroAsm for T {}
