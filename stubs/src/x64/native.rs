//! Managed → C.

use super::frame::{C_INTS, WORD, check_pending, ctx, enter, leave, throw};
use crate::native::Foreign;
use crate::{StubError, artifact};
use isthmus_asm::prelude::*;
use isthmus_asm::x64::{X64Asm, regs::*};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::callconv::{AbiSig, Loc, RetPass};
use isthmus_runtime_abi::context::{CtxWord, FOREIGN, RUNNING};
use isthmus_runtime_abi::helpers::Effects;
use isthmus_runtime_abi::stub::RuntimeFn;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::{Arch, Reg};

/// Stack words copied one by one; more are copied by a loop.
const UNROLLED: i32 = 8;

/// The managed and the C convention give words the same registers and stack words on x86-64, so only the stack words move:
///
/// ```text
///  FP+16       stack words of the managed caller
///  FP+8, FP    return address, caller's FP
///  FP-out      result words (only if more than two)
///  SP          stack words for C: the same, then the thread context and the result pointer as far as registers are used up
/// ```
pub(crate) fn native_call(
    symbol: Symbol,
    sig: &AbiSig,
    target: Symbol,
) -> Result<CompiledMethod, StubError> {
    let stacked = sig
        .words
        .iter()
        .filter(|w| matches!(w.loc, Loc::Stack(_)))
        .count() as i32;
    let ints = sig
        .words
        .iter()
        .filter(|w| matches!(w.loc, Loc::Reg(Reg::Int(_))))
        .count();
    let results: &[_] = match &sig.ret {
        RetPass::Words(words) => words,
        RetPass::Void | RetPass::Buffer(_) => &[],
    };
    let by_pointer = results.len() > 2;
    let out = if by_pointer { results.len() as i32 } else { 0 };

    let mut a = X64Asm::default();
    let failed = a.new_label();
    enter(&mut a);

    // The added arguments: next free registers, then stack words.
    let mut free = C_INTS[ints..].iter().copied();
    let mut extra = 0;
    let mut place = || {
        free.next().map_or_else(
            || {
                extra += 1;
                Err(Mem::new(RSP, (stacked + extra - 1) * WORD))
            },
            Ok,
        )
    };
    let context_to = place();
    let pointer_to = by_pointer.then(place);
    let bytes = ((out + stacked + extra) * WORD + 15) & !15;
    if bytes > 0 {
        a.alu(Alu::Sub, Width::W64, RSP, bytes);
    }
    copy_words(&mut a, stacked);
    match context_to {
        Ok(reg) => a.mov(Width::W64, reg, R15),
        Err(mem) => a.store(Width::W64, mem, R15),
    }
    let result = |i: i32| Mem::new(RBP, (i - out) * WORD);
    match pointer_to {
        None => {}
        Some(Ok(reg)) => a.lea(reg, result(0)),
        Some(Err(mem)) => {
            a.lea(RAX, result(0));
            a.store(Width::W64, mem, RAX);
        }
    }
    a.call_symbol(target);

    let diverges = matches!(symbol, Symbol::Helper(h) if h.effects().contains(Effects::NO_RETURN));
    if !diverges {
        check_pending(&mut a, failed);
        move_results(&mut a, results, by_pointer, result);
        leave(&mut a);
        a.ret(sig.stack_bytes);
    }
    throw(&mut a, failed);
    Ok(artifact(symbol, Arch::X64, a.finish()?))
}

/// Callee-saved registers of both conventions, but the frame pointer and the thread register.
const KEPT: [Gpr; 4] = [RBX, R12, R13, R14];

/// As above, in a blocking region: the frame holds what callers have in registers, and the thread counts as stopped once `State` says
/// so. Somebody who wants the world to stop sets `Attention`; only then the runtime is called, for which the frame keeps what is in
/// other registers.
///
/// ```text
///  FP+16       stack words of the managed caller
///  FP+8, FP    return address, caller's FP
///  FP-kept     callee-saved registers
///  ..-save     argument registers, later result registers
///  SP          stack words for C                              <- ParkedSp
/// ```
pub(crate) fn foreign_call(
    symbol: Symbol,
    sig: &AbiSig,
    target: Foreign,
    keeps_error: bool,
) -> Result<CompiledMethod, StubError> {
    let (passed, pointer) = match (target, sig.words.split_last()) {
        (Foreign::LastArgument, Some((last, others))) => (others, Some(last.loc)),
        _ => (&sig.words[..], None),
    };
    let reg_of = |loc: &Loc| match *loc {
        Loc::Reg(r) => Some(r),
        Loc::Stack(_) => None,
    };
    let mut args: Vec<Reg> = passed.iter().filter_map(|w| reg_of(&w.loc)).collect();
    let floats = args.iter().filter(|r| matches!(r, Reg::Float(_))).count();
    let stacked = (passed.len() - args.len()) as i32;
    args.extend(pointer.as_ref().and_then(reg_of));
    let returned: &[_] = match &sig.ret {
        RetPass::Words(words) => words,
        RetPass::Void | RetPass::Buffer(_) => &[],
    };
    // Where C leaves the result: the next of rax, rdx or xmm0, xmm1 for each word. Whole words: a struct may hold two floats in one.
    // A struct that goes through a buffer: C gives back its address, which nobody reads.
    let (mut ints, mut fps) = ([RAX, RDX].into_iter(), 0u8..);
    let mut results: Vec<Reg> = Vec::new();
    for w in returned {
        let next = if w.ty.is_float() {
            fps.next().map(Reg::Float)
        } else {
            ints.next().map(|r| Reg::Int(r.0))
        };
        results.extend(next);
    }
    let save = args.len().max(results.len()) as i32;
    let kept = KEPT.len() as i32;
    let bytes = ((kept + save + stacked) * WORD + 15) & !15;

    let mut a = X64Asm::default();
    let failed = a.new_label();
    let (stop_before, entered) = (a.new_label(), a.new_label());
    let (stop_after, left) = (a.new_label(), a.new_label());
    enter(&mut a);
    a.alu(Alu::Sub, Width::W64, RSP, bytes);
    for (i, reg) in (0..).zip(KEPT) {
        a.store(Width::W64, Mem::new(RBP, (i - kept) * WORD), reg);
    }
    let saved = |i: i32| Mem::new(RBP, (i - save - kept) * WORD);
    let keep = |a: &mut X64Asm, regs: &[Reg], store: bool| {
        for (i, reg) in (0..).zip(regs) {
            match (*reg, store) {
                (Reg::Int(r), true) => a.store(Width::W64, saved(i), Gpr(r)),
                (Reg::Int(r), false) => a.load(Ext::Full64, Gpr(r), saved(i)),
                (Reg::Float(r), true) => a.fstore(FTy::F64, saved(i), Fpr(r)),
                (Reg::Float(r), false) => a.fload(FTy::F64, Fpr(r), saved(i)),
            }
        }
    };
    let around = |a: &mut X64Asm, f: RuntimeFn, regs: &[Reg]| {
        keep(a, regs, true);
        a.mov(Width::W64, RDI, R15);
        a.call_symbol(Symbol::Runtime(f));
        keep(a, regs, false);
    };
    let change_state = |a: &mut X64Asm, state: usize, stop: Label, go_on: Label| {
        a.store_imm(Width::W64, ctx(CtxWord::State), state as i32);
        a.cmp_mem(Width::W64, ctx(CtxWord::Attention), 0);
        a.jcc(Cond::Ne, stop);
        a.bind(go_on);
    };
    a.store(Width::W64, ctx(CtxWord::ParkedSp), RSP);
    change_state(&mut a, FOREIGN, stop_before, entered);
    copy_words(&mut a, stacked);
    match pointer {
        Some(Loc::Stack(offset)) => {
            a.load(Ext::Full64, R11, Mem::new(RBP, 2 * WORD + offset as i32))
        }
        Some(Loc::Reg(Reg::Int(r))) => a.mov(Width::W64, R11, Gpr(r)),
        _ => {}
    }
    // Variadic functions want to know how many vector registers may hold arguments.
    a.mov_imm(Width::W32, RAX, floats as i64);
    match target {
        Foreign::Symbol(symbol) => a.call_symbol(symbol),
        Foreign::LastArgument => a.call_reg(R11),
    }
    if keeps_error {
        around(&mut a, RuntimeFn::ForeignError, &results);
    }
    change_state(&mut a, RUNNING, stop_after, left);
    check_pending(&mut a, failed);
    move_results(&mut a, returned, false, saved);
    leave(&mut a);
    a.ret(sig.stack_bytes);

    a.bind(stop_before);
    around(&mut a, RuntimeFn::ForeignEnter, &args);
    a.jmp(entered);
    a.bind(stop_after);
    around(&mut a, RuntimeFn::ForeignLeave, &results);
    a.jmp(left);
    throw(&mut a, failed);
    Ok(artifact(symbol, Arch::X64, a.finish()?))
}

/// Copies the incoming stack words to the bottom of the frame. Changes rax, r10, r11, no argument register.
fn copy_words(a: &mut X64Asm, words: i32) {
    if words <= UNROLLED {
        for i in 0..words {
            a.load(Ext::Full64, RAX, Mem::new(RBP, 2 * WORD + i * WORD));
            a.store(Width::W64, Mem::new(RSP, i * WORD), RAX);
        }
        return;
    }
    let next = a.new_label();
    a.mov_imm(Width::W64, R10, i64::from(words));
    a.bind(next);
    a.load(
        Ext::Full64,
        RAX,
        Mem::indexed(RBP, R10, Scale::S8, 2 * WORD - WORD),
    );
    a.store(Width::W64, Mem::indexed(RSP, R10, Scale::S8, -WORD), RAX);
    a.alu(Alu::Sub, Width::W64, R10, 1);
    a.jcc(Cond::Ne, next);
}

/// From where C leaves results to where managed code expects them.
fn move_results(
    a: &mut X64Asm,
    results: &[isthmus_runtime_abi::callconv::Word],
    by_pointer: bool,
    memory: impl Fn(i32) -> Mem,
) {
    // C returns two integers in rax and rdx, managed code in rax and rcx; floats and single words agree.
    let ints = results.iter().filter(|w| !w.ty.is_float()).count();
    if !by_pointer {
        if ints == 2 {
            a.mov(Width::W64, RCX, RDX);
        }
        return;
    }
    for (i, w) in results.iter().enumerate() {
        match w.loc {
            Loc::Reg(Reg::Int(r)) => a.load(Ext::Full64, Gpr(r), memory(i as i32)),
            Loc::Reg(Reg::Float(r)) => a.fload(FTy::F64, Fpr(r), memory(i as i32)),
            Loc::Stack(_) => {}
        }
    }
}
