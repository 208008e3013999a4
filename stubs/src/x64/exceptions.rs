//! Throw path, fault stubs, entry check.

use super::frame::{WORD, check_pending, ctx, enter, leave, resume, throw};
use crate::{StubError, artifact};
use isthmus_asm::prelude::*;
use isthmus_asm::x64::{X64Asm, regs::*};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::stub::{RuntimeFn, Stub};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;

/// Runs the driver on an aligned stack and follows it.
fn drive(a: &mut X64Asm, f: RuntimeFn) {
    a.alu(Alu::And, Width::W64, RSP, -16);
    a.mov(Width::W64, RDI, R15);
    a.call_symbol(Symbol::Runtime(f));
    resume(a);
}

pub(crate) fn throw_path() -> Result<CompiledMethod, StubError> {
    let mut a = X64Asm::default();
    drive(&mut a, RuntimeFn::Throw);
    Ok(artifact(
        Symbol::Stub(Stub::ThrowPath),
        Arch::X64,
        a.finish()?,
    ))
}

pub(crate) fn fault() -> Result<CompiledMethod, StubError> {
    let mut a = X64Asm::default();
    // Managed code keeps nothing below SP.
    a.push_mem(ctx(CtxWord::FaultPc));
    enter(&mut a);
    drive(&mut a, RuntimeFn::Fault);
    Ok(artifact(Symbol::Stub(Stub::Fault), Arch::X64, a.finish()?))
}

pub(crate) fn stub_fault() -> Result<CompiledMethod, StubError> {
    let mut a = X64Asm::default();
    enter(&mut a);
    drive(&mut a, RuntimeFn::Fault);
    Ok(artifact(
        Symbol::Stub(Stub::StubFault),
        Arch::X64,
        a.finish()?,
    ))
}

/// What the C convention does not keep; rbx, rbp, r12-r15 it does.
const VOLATILE: [Gpr; 9] = [RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11];
const HIDDEN: [CtxWord; 2] = [CtxWord::HiddenRgctx, CtxWord::HiddenVarargs];
const FLOATS: u8 = 16;

/// ```text
///  FP+8   return address in the method's entry
///  FP     method's FP
///  FP-72  rax rcx rdx rsi rdi r8 r9 r10 r11 (first at the highest address)
///  FP-88  hidden arguments
///  FP-344 xmm0-xmm15, 16 bytes each; below: alignment
/// ```
pub(crate) fn entry_check() -> Result<CompiledMethod, StubError> {
    let words = (VOLATILE.len() + HIDDEN.len()) as i32 * WORD;
    let float = |i: u8| Mem::new(RBP, -words - 16 * (i32::from(i) + 1));
    let mut a = X64Asm::default();
    let failed = a.new_label();
    enter(&mut a);
    VOLATILE.iter().for_each(|&r| a.push(r));
    HIDDEN.iter().for_each(|&w| a.push_mem(ctx(w)));
    a.alu(Alu::Sub, Width::W64, RSP, 16 * i32::from(FLOATS));
    a.alu(Alu::And, Width::W64, RSP, -16);
    (0..FLOATS).for_each(|i| a.fstore_wide(float(i), Fpr(i)));
    a.mov(Width::W64, RDI, R15);
    a.call_symbol(Symbol::Runtime(RuntimeFn::EntryCheck));
    check_pending(&mut a, failed);
    (0..FLOATS).for_each(|i| a.fload_wide(Fpr(i), float(i)));
    a.lea(RSP, Mem::new(RBP, -words));
    for &w in HIDDEN.iter().rev() {
        a.pop(RAX);
        a.store(Width::W64, ctx(w), RAX);
    }
    VOLATILE.iter().rev().for_each(|&r| a.pop(r));
    leave(&mut a);
    a.ret(0);
    throw(&mut a, failed);
    Ok(artifact(
        Symbol::Helper(Helper::EntryCheck),
        Arch::X64,
        a.finish()?,
    ))
}
