//! Managed → C and C → managed, by the System V convention.

use super::frame::{C_INTS, WORD, check_pending, ctx, enter, leave, throw};
use crate::foreign::{
    Downcall, Foreign, Move, Outcome, Source, THUNK_BYTES, ThunkRecord, UpcallFrame,
};
use crate::{StubError, artifact};
use isthmus_asm::prelude::*;
use isthmus_asm::x64::{X64Asm, regs::*};
use isthmus_runtime_abi::artifact::{CompiledMethod, Handlers, TrapSite};
use isthmus_runtime_abi::callconv::{AbiSig, Loc, WordTy};
use isthmus_runtime_abi::context::{CtxWord, FOREIGN, RUNNING};
use isthmus_runtime_abi::stub::{RuntimeFn, Stub};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::{Arch, Reg};
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_runtime_abi::types::MemTy;
use std::mem::offset_of;

/// Callee-saved registers of both conventions, but the frame pointer and the thread register.
const KEPT: [Gpr; 4] = [RBX, R12, R13, R14];
/// Result registers, kept while the runtime is called.
const RESULTS: [Reg; 4] = [Reg::Int(0), Reg::Int(2), Reg::Float(0), Reg::Float(1)];
/// Words copied one by one; more are copied by a loop.
const UNROLLED: u32 = 8;

fn store_reg(a: &mut X64Asm, mem: Mem, reg: Reg) {
    match reg {
        Reg::Int(r) => a.store(Width::W64, mem, Gpr(r)),
        Reg::Float(r) => a.fstore(FTy::F64, mem, Fpr(r)),
    }
}

fn load_reg(a: &mut X64Asm, reg: Reg, mem: Mem) {
    match reg {
        Reg::Int(r) => a.load(Ext::Full64, Gpr(r), mem),
        Reg::Float(r) => a.fload(FTy::F64, Fpr(r), mem),
    }
}

/// How a word of a type is loaded into an integer register: C may rely on 32 bits of small integers.
fn extension(ty: MemTy) -> Ext {
    match ty {
        MemTy::I8 | MemTy::U8 | MemTy::I16 | MemTy::U16 => {
            Ext::of_mem_ty(ty, WORD as u32).unwrap_or(Ext::Full64)
        }
        _ => Ext::Full64,
    }
}

/// All argument words get a home in memory first, then every place of the C call is filled from there.
///
/// ```text
///  FP+16       stack words of the managed caller
///  FP+8, FP    return address, caller's FP
///  FP-32       callee-saved registers
///  FP-64       result registers
///  ..-homes    argument registers
///  SP          stack words for C                              <- ParkedSp
/// ```
pub(crate) fn downcall(
    symbol: Symbol,
    sig: &AbiSig,
    call: &Downcall,
    target: Foreign,
    keeps_error: bool,
) -> Result<CompiledMethod, StubError> {
    let fixed = (KEPT.len() + RESULTS.len()) as i32;
    let mut homes = Vec::with_capacity(sig.words.len());
    let mut in_registers = 0;
    for word in &sig.words {
        homes.push(match word.loc {
            Loc::Stack(offset) => Mem::new(RBP, 2 * WORD + offset as i32),
            Loc::Reg(_) => {
                in_registers += 1;
                Mem::new(RBP, -(fixed + in_registers) * WORD)
            }
        });
    }
    let outgoing = call.stack_bytes.next_multiple_of(WORD as u32) as i32;
    let bytes = ((fixed + in_registers) * WORD + outgoing + 15) & !15;

    let mut a = X64Asm::default();
    let failed = a.new_label();
    let (stop_before, entered) = (a.new_label(), a.new_label());
    let (stop_after, left) = (a.new_label(), a.new_label());

    // A null function: found before there is a frame, so that the fault is the caller's.
    let mut fault = None;
    if let (Foreign::LastArgument, Some(last)) = (target, sig.words.last()) {
        let function = match last.loc {
            Loc::Reg(Reg::Int(r)) => Gpr(r),
            Loc::Reg(Reg::Float(_)) => return Err(StubError::NoTarget),
            Loc::Stack(offset) => {
                a.load(Ext::Full64, RAX, Mem::new(RSP, WORD + offset as i32));
                RAX
            }
        };
        a.load(Ext::Zx8, RAX, Mem::new(function, 0));
        fault = Some(a.last_access());
    }
    enter(&mut a);
    a.alu(Alu::Sub, Width::W64, RSP, bytes);
    for (i, reg) in (1..).zip(KEPT) {
        a.store(Width::W64, Mem::new(RBP, -i * WORD), reg);
    }
    for (word, &home) in sig.words.iter().zip(&homes) {
        if let Loc::Reg(reg) = word.loc {
            store_reg(&mut a, home, reg);
        }
    }
    a.store(Width::W64, ctx(CtxWord::ParkedSp), RSP);
    change_state(&mut a, FOREIGN, stop_before, entered);

    let to_stack = |m: &&Move| {
        let to = match m {
            Move::Word(_, to) => *to,
            Move::Block { to, .. } => Loc::Stack(*to),
        };
        matches!(to, Loc::Stack(_))
    };
    for m in call.moves.iter().filter(to_stack) {
        move_to_stack(&mut a, m, &homes);
    }
    for m in call.moves.iter().filter(|m| !to_stack(m)) {
        if let Move::Word(source, Loc::Reg(reg)) = *m {
            move_to_register(&mut a, source, reg, &homes);
        }
    }
    if let (Foreign::LastArgument, Some(&home)) = (target, homes.last()) {
        a.load(Ext::Full64, R11, home);
    }
    a.mov_imm(Width::W32, RAX, i64::from(call.float_registers));
    match target {
        Foreign::Symbol(symbol) => a.call_symbol(symbol),
        Foreign::LastArgument => a.call_reg(R11),
    }
    let around = |a: &mut X64Asm, f: RuntimeFn| {
        for (i, reg) in (1..).zip(RESULTS) {
            store_reg(a, Mem::new(RBP, -(KEPT.len() as i32 + i) * WORD), reg);
        }
        a.mov(Width::W64, RDI, R15);
        a.call_symbol(Symbol::Runtime(f));
        for (i, reg) in (1..).zip(RESULTS) {
            load_reg(a, reg, Mem::new(RBP, -(KEPT.len() as i32 + i) * WORD));
        }
    };
    if keeps_error {
        around(&mut a, RuntimeFn::ForeignError);
    }
    change_state(&mut a, RUNNING, stop_after, left);
    check_pending(&mut a, failed);
    finish_result(&mut a, &call.outcome, &homes);
    leave(&mut a);
    a.ret(sig.stack_bytes);

    a.bind(stop_before);
    a.mov(Width::W64, RDI, R15);
    a.call_symbol(Symbol::Runtime(RuntimeFn::ForeignEnter));
    a.jmp(entered);
    a.bind(stop_after);
    around(&mut a, RuntimeFn::ForeignLeave);
    a.jmp(left);
    throw(&mut a, failed);
    let mut stub = artifact(symbol, Arch::X64, a.finish()?);
    stub.traps.extend(fault.map(|offset| TrapSite {
        offset,
        kind: TrapKind::NullReference,
        pos: 0,
        handlers: Handlers::new(),
    }));
    Ok(stub)
}

/// Tells what the thread is doing now. Whoever wants it to stop has set `Attention` before looking at that.
fn change_state(a: &mut X64Asm, state: usize, stop: Label, go_on: Label) {
    a.store_imm(Width::W64, ctx(CtxWord::State), state as i32);
    a.cmp_mem(Width::W64, ctx(CtxWord::Attention), 0);
    a.jcc(Cond::Ne, stop);
    a.bind(go_on);
}

/// Changes rax, r10, r11.
fn move_to_stack(a: &mut X64Asm, m: &Move, homes: &[Mem]) {
    match *m {
        Move::Word(source, Loc::Stack(to)) => {
            match source {
                Source::Word(n, ty) => a.load(extension(ty), RAX, homes[n as usize]),
                Source::Behind(n, offset, _) => {
                    a.load(Ext::Full64, R10, homes[n as usize]);
                    a.load(Ext::Full64, RAX, Mem::new(R10, offset as i32));
                }
            }
            a.store(Width::W64, Mem::new(RSP, to as i32), RAX);
        }
        Move::Word(_, Loc::Reg(_)) => {}
        Move::Block { from, to, bytes } => {
            let words = bytes.div_ceil(WORD as u32);
            a.load(Ext::Full64, R10, homes[from as usize]);
            if words <= UNROLLED {
                for i in 0..words as i32 {
                    a.load(Ext::Full64, RAX, Mem::new(R10, i * WORD));
                    a.store(Width::W64, Mem::new(RSP, to as i32 + i * WORD), RAX);
                }
                return;
            }
            let next = a.new_label();
            a.mov_imm(Width::W64, R11, i64::from(words));
            a.bind(next);
            a.load(Ext::Full64, RAX, Mem::indexed(R10, R11, Scale::S8, -WORD));
            a.store(
                Width::W64,
                Mem::indexed(RSP, R11, Scale::S8, to as i32 - WORD),
                RAX,
            );
            a.alu(Alu::Sub, Width::W64, R11, 1);
            a.jcc(Cond::Ne, next);
        }
    }
}

/// Changes r10 and the register.
fn move_to_register(a: &mut X64Asm, source: Source, reg: Reg, homes: &[Mem]) {
    let (mem, ext) = match source {
        Source::Word(n, ty) => (homes[n as usize], extension(ty)),
        Source::Behind(n, offset, _) => {
            a.load(Ext::Full64, R10, homes[n as usize]);
            (Mem::new(R10, offset as i32), Ext::Full64)
        }
    };
    match reg {
        Reg::Int(r) => a.load(ext, Gpr(r), mem),
        Reg::Float(r) => a.fload(FTy::F64, Fpr(r), mem),
    }
}

/// Changes r10 besides the result.
fn finish_result(a: &mut X64Asm, outcome: &Outcome, homes: &[Mem]) {
    match outcome {
        Outcome::Nothing => {}
        Outcome::Word(Reg::Float(r), _) if *r != 0 => a.fmov(FTy::F64, XMM0, Fpr(*r)),
        Outcome::Word(Reg::Float(_), _) => {}
        Outcome::Word(Reg::Int(r), ty) => match extension(*ty) {
            Ext::Full64 if *r == RAX.0 => {}
            Ext::Full64 => a.mov(Width::W64, RAX, Gpr(*r)),
            ext => a.extend(ext, RAX, Gpr(*r)),
        },
        Outcome::Behind(n, pieces) => {
            a.load(Ext::Full64, R10, homes[*n as usize]);
            for &(offset, ty, reg) in pieces {
                let to = Mem::new(R10, offset as i32);
                match (reg, ty) {
                    (Reg::Float(r), WordTy::F32) => a.fstore(FTy::F32, to, Fpr(r)),
                    (reg, _) => store_reg(a, to, reg),
                }
            }
        }
    }
}

/// ```text
///  FP+16   stack arguments
///  FP+8    return address in C
///  FP      C's FP
///  SP      UpcallFrame
/// ```
pub(crate) fn upcall_entry(symbol: Symbol) -> Result<CompiledMethod, StubError> {
    let size = (size_of::<UpcallFrame>() as i32 + 15) & !15;
    let field = |offset: usize, i: usize| Mem::new(RSP, (offset + 8 * i) as i32);
    let mut a = X64Asm::default();
    let failed = a.new_label();
    a.push(RBP);
    a.mov(Width::W64, RBP, RSP);
    a.alu(Alu::Sub, Width::W64, RSP, size);
    for (i, reg) in C_INTS.into_iter().enumerate() {
        a.store(Width::W64, field(offset_of!(UpcallFrame, ints), i), reg);
    }
    for i in 0..8 {
        let to = field(offset_of!(UpcallFrame, floats), usize::from(i));
        a.fstore(FTy::F64, to, Fpr(i));
    }
    a.lea(RAX, Mem::new(RBP, 2 * WORD));
    a.store(Width::W64, field(offset_of!(UpcallFrame, stack), 0), RAX);
    a.mov(Width::W64, RDI, RSP);
    a.mov(Width::W64, RSI, R11);
    a.call_mem(Mem::new(R11, offset_of!(ThunkRecord, handler) as i32));
    a.test(Width::W64, RAX, RAX);
    a.jcc(Cond::Ne, failed);
    let ints = offset_of!(UpcallFrame, int_rets);
    a.load(Ext::Full64, RAX, field(ints, 0));
    a.load(Ext::Full64, RDX, field(ints, 1));
    for i in 0..2 {
        let from = field(offset_of!(UpcallFrame, float_rets), usize::from(i));
        a.fload(FTy::F64, Fpr(i), from);
    }
    leave(&mut a);
    a.ret(0);
    // The C frames up to the newest transition are left for good.
    a.bind(failed);
    a.mov(Width::W64, R15, RAX);
    a.load(Ext::Full64, RBP, ctx(CtxWord::TransitionFp));
    a.jmp_symbol(Symbol::Stub(Stub::ThrowPath));
    Ok(artifact(symbol, Arch::X64, a.finish()?))
}

/// Each `lea r11, [its data word]; mov r11, [r11]; jmp [r11]`.
pub(crate) fn thunks(bytes: u32) -> Result<Vec<u8>, StubError> {
    const { assert!(offset_of!(ThunkRecord, entry) == 0) };
    let mut a = X64Asm::default();
    let data: Vec<Label> = (0..bytes / THUNK_BYTES).map(|_| a.new_label()).collect();
    for &word in &data {
        a.align(THUNK_BYTES);
        a.lea_label(R11, word);
        a.load(Ext::Full64, R11, Mem::new(R11, 0));
        a.jmp_mem(Mem::new(R11, 0));
    }
    // The data are elsewhere; this stands for them as far as distances go.
    for &word in &data {
        a.align(THUNK_BYTES);
        debug_assert!(a.offset().is_multiple_of(THUNK_BYTES));
        a.bind(word);
        a.trap();
    }
    let mut code = a.finish()?.code;
    code.truncate(bytes as usize);
    Ok(code)
}
