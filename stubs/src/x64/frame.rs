//! Pieces of x86-64 stubs: frames, the thread context, the way to the throw path.

use isthmus_asm::prelude::*;
use isthmus_asm::x64::{X64Asm, regs::*};
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;

/// Pointer size.
pub(super) const WORD: i32 = 8;

/// Integer argument registers of the platform's C convention: the same as those of the managed one.
pub(super) const C_INTS: [Gpr; 6] = [RDI, RSI, RDX, RCX, R8, R9];

/// A word of the thread context.
pub(super) fn ctx(word: CtxWord) -> Mem {
    Mem::new(R15, word.offset(WORD as u32) as i32)
}

/// Pushes a frame and publishes it as the newest transition.
pub(super) fn enter(a: &mut X64Asm) {
    a.push(RBP);
    a.mov(Width::W64, RBP, RSP);
    a.store(Width::W64, ctx(CtxWord::TransitionFp), RBP);
}

/// Jumps to `failed` if the C function left an exception pending, else ends the transition. Changes the flags only.
pub(super) fn check_pending(a: &mut X64Asm, failed: Label) {
    a.cmp_mem(Width::W64, ctx(CtxWord::Pending), 0);
    a.jcc(Cond::Ne, failed);
    a.store_imm(Width::W64, ctx(CtxWord::TransitionFp), 0);
}

/// Pops the frame, whatever lies below it.
pub(super) fn leave(a: &mut X64Asm) {
    a.mov(Width::W64, RSP, RBP);
    a.pop(RBP);
}

/// The cold end of every transition.
pub(super) fn throw(a: &mut X64Asm, failed: Label) {
    a.bind(failed);
    a.jmp_symbol(Symbol::Stub(Stub::ThrowPath));
}

/// Goes to where the exception driver says.
pub(super) fn resume(a: &mut X64Asm) {
    a.store_imm(Width::W64, ctx(CtxWord::TransitionFp), 0);
    a.load(Ext::Full64, RSP, ctx(CtxWord::ResumeSp));
    a.load(Ext::Full64, RBP, ctx(CtxWord::ResumeFp));
    a.load(Ext::Full64, RAX, ctx(CtxWord::Payload0));
    a.load(Ext::Full64, RDX, ctx(CtxWord::Payload1));
    a.jmp_mem(ctx(CtxWord::ResumePc));
}
