//! Native → managed.

use super::frame::{WORD, ctx};
use crate::entry::{InvokeArgs, PREVIOUS_TRANSITION};
use crate::{StubError, artifact};
use isthmus_asm::prelude::*;
use isthmus_asm::x64::{X64Asm, regs::*};
use isthmus_runtime_abi::artifact::{
    CallSite, Clause, ClauseKind, CompiledMethod, Frame, Handler, Handlers,
};
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::stub::Stub;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use std::mem::offset_of;

/// Callee-saved registers of the C convention, pushed in this order.
const SAVED: [Gpr; 5] = [RBX, R12, R13, R14, R15];
/// Bytes from FP to SP in the body: [`SAVED`], previous transition, `InvokeArgs`, one word of padding.
const SIZE: i32 = 8 * WORD;
/// The `InvokeArgs` pointer.
const ARGS: Mem = Mem::new(RBP, PREVIOUS_TRANSITION - WORD);

/// ```text
///  FP+8    return address in native code
///  FP      native FP
///  FP-8    rbx, r12, r13, r14, r15
///  FP-48   previous TransitionFp
///  FP-56   InvokeArgs
///  FP-64   (padding)              <- SP at the landing pad and after the call
///          stack words            <- SP at the call; the callee pops them
/// ```
pub(crate) fn invoke() -> Result<CompiledMethod, StubError> {
    let roles = Arch::X64.roles();
    let field = |base, offset: usize, i: usize| Mem::new(base, (offset + 8 * i) as i32);
    let mut a = X64Asm::default();
    let (copied, next, out) = (a.new_label(), a.new_label(), a.new_label());

    a.push(RBP);
    a.mov(Width::W64, RBP, RSP);
    SAVED.iter().for_each(|&r| a.push(r));
    a.mov(Width::W64, R15, RDI);
    a.push_mem(ctx(CtxWord::TransitionFp));
    a.push(RDX);
    a.alu(Alu::Sub, Width::W64, RSP, WORD);
    let prologue_end = a.offset();

    // Stack words from the last to the first; rsi stays the code address, rdx the arguments.
    a.load(
        Ext::Full64,
        RCX,
        field(RDX, offset_of!(InvokeArgs, stack_words), 0),
    );
    a.load(
        Ext::Full64,
        R11,
        field(RDX, offset_of!(InvokeArgs, stack), 0),
    );
    a.bind(next);
    a.test(Width::W64, RCX, RCX);
    a.jcc(Cond::Eq, copied);
    a.push_mem(Mem::indexed(R11, RCX, Scale::S8, -WORD));
    a.alu(Alu::Sub, Width::W64, RCX, 1);
    a.jmp(next);
    a.bind(copied);

    a.load(
        Ext::Full64,
        RAX,
        field(RDX, offset_of!(InvokeArgs, rgctx), 0),
    );
    a.store(Width::W64, ctx(CtxWord::HiddenRgctx), RAX);
    a.store_imm(Width::W64, ctx(CtxWord::TransitionFp), 0);
    a.mov(Width::W64, R11, RDX);
    a.mov(Width::W64, RAX, RSI);
    for (i, &r) in roles.float_args.iter().enumerate() {
        a.fload(
            FTy::F64,
            Fpr(r),
            field(R11, offset_of!(InvokeArgs, floats), i),
        );
    }
    for (i, &r) in roles.int_args.iter().enumerate() {
        a.load(
            Ext::Full64,
            Gpr(r),
            field(R11, offset_of!(InvokeArgs, ints), i),
        );
    }
    a.call_reg(RAX);
    let ret = a.offset();

    a.load(Ext::Full64, R11, ARGS);
    for (i, &r) in roles.int_rets.iter().enumerate() {
        a.store(
            Width::W64,
            field(R11, offset_of!(InvokeArgs, int_rets), i),
            Gpr(r),
        );
    }
    for (i, &r) in roles.float_rets.iter().enumerate() {
        a.fstore(
            FTy::F64,
            field(R11, offset_of!(InvokeArgs, float_rets), i),
            Fpr(r),
        );
    }
    a.zero(RAX);
    a.bind(out);
    a.load(Ext::Full64, R11, Mem::new(RBP, PREVIOUS_TRANSITION));
    a.store(Width::W64, ctx(CtxWord::TransitionFp), R11);
    a.lea(RSP, Mem::new(RBP, -(SAVED.len() as i32) * WORD));
    SAVED.iter().rev().for_each(|&r| a.pop(r));
    a.pop(RBP);
    a.ret(0);

    let landing = a.offset();
    a.mov_imm(Width::W32, RAX, 1);
    a.jmp(out);

    let mut stub = artifact(Symbol::Stub(Stub::Invoke), Arch::X64, a.finish()?);
    stub.frame = Frame {
        size: SIZE as u32,
        prologue_end,
        ..Frame::default()
    };
    stub.clauses.push(Clause {
        kind: ClauseKind::CatchAll,
        node: 0,
    });
    stub.call_sites.push(CallSite {
        ret,
        pos: 0,
        handlers: Handlers::from_slice(&[Handler { clause: 0, landing }]),
    });
    Ok(stub)
}
