//! Entries, trampolines, IMT thunks, interface and unboxing stubs.

use super::frame::{WORD, check_pending, ctx, enter, leave, throw};
use crate::dispatch::{ImtTarget, UnboxContext};
use crate::{StubError, artifact};
use isthmus_asm::prelude::*;
use isthmus_asm::x64::{X64Asm, regs::*};
use isthmus_runtime_abi::artifact::{CompiledMethod, Handlers, TrapSite};
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout::{self, HEADER, TYPE_WORD, VtableWord};
use isthmus_runtime_abi::stub::{RuntimeFn, Stub};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::trap::TrapKind;

/// `this`.
const THIS: Gpr = RDI;
/// Interface stubs leave the receiver's vtable here.
const VTABLE: Gpr = RAX;
/// IMT key.
const KEY: Gpr = R10;
/// Number of method or slot, from a trampoline to the common code.
const NUMBER: Gpr = R11;

fn finish(mut a: X64Asm, symbol: Symbol) -> Result<CompiledMethod, StubError> {
    Ok(artifact(symbol, Arch::X64, a.finish()?))
}

pub(crate) fn method_entry(method: MethodId) -> Result<CompiledMethod, StubError> {
    let mut a = X64Asm::default();
    a.jmp_cell(Symbol::MethodCell(method));
    finish(a, Symbol::MethodEntry(method))
}

/// Passes a number to common code.
fn numbered(name: Stub, number: u32, common: Stub) -> Result<CompiledMethod, StubError> {
    let mut a = X64Asm::default();
    a.mov_imm(Width::W32, NUMBER, i64::from(number));
    a.jmp_symbol(Symbol::Stub(common));
    finish(a, Symbol::Stub(name))
}

pub(crate) fn prestub(method: MethodId) -> Result<CompiledMethod, StubError> {
    numbered(Stub::Prestub(method), method.raw(), Stub::CompileTrampoline)
}

/// ```text
///    mov r11d, method
///    sub dword [counter], weight
///    js  ask
///    jmp [image word]                 CompileTrampoline until there is code
///  ask:
///    jmp CompileTrampoline
/// ```
pub(crate) fn counting_prestub(method: MethodId, weight: i32) -> Result<CompiledMethod, StubError> {
    let mut a = X64Asm::default();
    let ask = a.new_label();
    a.mov_imm(Width::W32, NUMBER, i64::from(method.raw()));
    a.count_down(Symbol::MethodCounter(method), weight);
    a.jcc(Cond::Neg, ask);
    a.jmp_cell(Symbol::MethodImage(method));
    a.bind(ask);
    a.jmp_symbol(Symbol::Stub(Stub::CompileTrampoline));
    finish(a, Symbol::Stub(Stub::Prestub(method)))
}

pub(crate) fn slot_trampoline(slot: u32) -> Result<CompiledMethod, StubError> {
    numbered(Stub::SlotTrampoline(slot), slot, Stub::VtableTrampoline)
}

pub(crate) fn imt_slot_trampoline(slot: u32) -> Result<CompiledMethod, StubError> {
    numbered(Stub::ImtSlotTrampoline(slot), slot, Stub::ImtTrampoline)
}

/// Registers that arrive with arguments, pushed in this order.
const INTS: [Gpr; 7] = [RDI, RSI, RDX, RCX, R8, R9, KEY];
/// Hidden arguments, pushed after them.
const HIDDEN: [CtxWord; 2] = [CtxWord::HiddenRgctx, CtxWord::HiddenVarargs];
/// Float argument registers; a word is at most 8 bytes.
const FLOATS: u8 = 8;
/// Bytes below FP: integers, hidden words, floats, rounded up to 16.
const SAVED: i32 = ((INTS.len() + HIDDEN.len()) as i32 * WORD + FLOATS as i32 * WORD + 15) & !15;

/// ```text
///  FP+16   stack words of the managed caller, untouched
///  FP+8    return address in the managed caller
///  FP      caller's FP
///  FP-56   rdi rsi rdx rcx r8 r9 r10 (first at the highest address)
///  FP-72   hidden rgctx, hidden varargs
///  FP-136  xmm0-xmm7, 8 bytes each
///  FP-144  (padding)                                         <- SP
/// ```
fn trampoline(
    name: Stub,
    f: RuntimeFn,
    arguments: impl FnOnce(&mut X64Asm),
) -> Result<CompiledMethod, StubError> {
    let word = |i: usize| Mem::new(RBP, -(i as i32 + 1) * WORD);
    let float = |i: u8| word(INTS.len() + HIDDEN.len() + usize::from(i));
    let mut a = X64Asm::default();
    let failed = a.new_label();
    enter(&mut a);
    INTS.iter().for_each(|&r| a.push(r));
    HIDDEN.iter().for_each(|&w| a.push_mem(ctx(w)));
    let pushed = (INTS.len() + HIDDEN.len()) as i32 * WORD;
    a.alu(Alu::Sub, Width::W64, RSP, SAVED - pushed);
    (0..FLOATS).for_each(|i| a.fstore(FTy::F64, float(i), Fpr(i)));

    arguments(&mut a);
    a.mov(Width::W64, RDI, R15);
    a.call_symbol(Symbol::Runtime(f));
    check_pending(&mut a, failed);

    a.mov(Width::W64, R11, RAX);
    (0..FLOATS).for_each(|i| a.fload(FTy::F64, Fpr(i), float(i)));
    for (i, &w) in HIDDEN.iter().enumerate() {
        a.load(Ext::Full64, RAX, word(INTS.len() + i));
        a.store(Width::W64, ctx(w), RAX);
    }
    for (i, &r) in INTS.iter().enumerate() {
        a.load(Ext::Full64, r, word(i));
    }
    leave(&mut a);
    a.jmp_reg(R11);
    throw(&mut a, failed);
    finish(a, Symbol::Stub(name))
}

pub(crate) fn compile_trampoline() -> Result<CompiledMethod, StubError> {
    trampoline(Stub::CompileTrampoline, RuntimeFn::Compile, |a| {
        a.mov(Width::W32, RSI, NUMBER);
    })
}

pub(crate) fn vtable_trampoline() -> Result<CompiledMethod, StubError> {
    trampoline(Stub::VtableTrampoline, RuntimeFn::VtableSlot, |a| {
        a.mov(Width::W64, RSI, THIS);
        a.mov(Width::W32, RDX, NUMBER);
    })
}

pub(crate) fn imt_trampoline() -> Result<CompiledMethod, StubError> {
    trampoline(Stub::ImtTrampoline, RuntimeFn::ImtSlot, |a| {
        a.mov(Width::W64, RSI, THIS);
        a.mov(Width::W64, RDX, KEY);
        a.mov(Width::W32, RCX, NUMBER);
    })
}

/// Up to this many keys are compared one after the other.
const LINEAR: usize = 4;

pub(crate) fn imt_thunk(
    number: u32,
    slot: u32,
    sorted: &[(u64, ImtTarget)],
) -> Result<CompiledMethod, StubError> {
    let mut a = X64Asm::default();
    let miss = a.new_label();
    let hits: Vec<Label> = sorted.iter().map(|_| a.new_label()).collect();
    search(&mut a, sorted, &hits, miss);
    for (&(_, target), &label) in sorted.iter().zip(&hits) {
        a.bind(label);
        match target {
            ImtTarget::VtableSlot(slot) => {
                let at = layout::vtable_slot(slot, WORD as u32);
                a.jmp_mem(Mem::new(VTABLE, at as i32));
            }
            ImtTarget::Cell(cell) => a.jmp_cell(cell),
            ImtTarget::Code(code) => a.jmp_symbol(code),
        }
    }
    a.bind(miss);
    a.jmp_symbol(Symbol::Stub(Stub::ImtSlotTrampoline(slot)));
    finish(a, Symbol::Stub(Stub::ImtThunk(number)))
}

/// Binary search that ends in a few comparisons.
fn search(a: &mut X64Asm, entries: &[(u64, ImtTarget)], hits: &[Label], miss: Label) {
    if entries.len() <= LINEAR {
        for (&(key, _), &hit) in entries.iter().zip(hits) {
            compare_key(a, key);
            a.jcc(Cond::Eq, hit);
        }
        return a.jmp(miss);
    }
    let middle = entries.len() / 2;
    let below = a.new_label();
    compare_key(a, entries[middle].0);
    a.jcc(Cond::Below, below);
    search(a, &entries[middle..], &hits[middle..], miss);
    a.bind(below);
    search(a, &entries[..middle], &hits[..middle], miss);
}

fn compare_key(a: &mut X64Asm, key: u64) {
    // A 32-bit immediate is sign-extended: fine for keys below 2 GiB.
    match i32::try_from(key) {
        Ok(key) => a.cmp(Width::W64, KEY, key),
        Err(_) => {
            a.mov_imm(Width::W64, R11, key as i64);
            a.cmp(Width::W64, KEY, R11);
        }
    }
}

pub(crate) fn interface_stub(
    method: MethodId,
    key: u64,
    slot: u32,
) -> Result<CompiledMethod, StubError> {
    let mut a = X64Asm::default();
    a.mov_imm(Width::W64, KEY, key as i64);
    a.load(Ext::Zx32, VTABLE, Mem::new(THIS, TYPE_WORD as i32));
    let offset = a.last_access();
    let at = layout::imt_slot(slot, WORD as u32);
    a.jmp_mem(Mem::new(VTABLE, at as i32));
    with_null_check(finish(a, Symbol::InterfaceStub(method))?, offset)
}

pub(crate) fn virtual_call(name: Symbol, slot: u32) -> Result<CompiledMethod, StubError> {
    let mut a = X64Asm::default();
    a.load(Ext::Zx32, VTABLE, Mem::new(THIS, TYPE_WORD as i32));
    let offset = a.last_access();
    let at = layout::vtable_slot(slot, WORD as u32);
    a.jmp_mem(Mem::new(VTABLE, at as i32));
    with_null_check(finish(a, name)?, offset)
}

/// The access at this offset fails if `this` is null.
fn with_null_check(mut stub: CompiledMethod, offset: u32) -> Result<CompiledMethod, StubError> {
    stub.traps.push(TrapSite {
        offset,
        kind: TrapKind::NullReference,
        pos: 0,
        handlers: Handlers::new(),
    });
    Ok(stub)
}

pub(crate) fn unboxing(
    method: MethodId,
    context: UnboxContext,
) -> Result<CompiledMethod, StubError> {
    let mut a = X64Asm::default();
    match context {
        UnboxContext::None => {}
        UnboxContext::Depth(depth) => {
            let contexts = VtableWord::GenericContexts.offset(WORD as u32);
            a.load(Ext::Zx32, RAX, Mem::new(THIS, TYPE_WORD as i32));
            a.load(Ext::Full64, RAX, Mem::new(RAX, contexts as i32));
            a.load(Ext::Full64, RAX, Mem::new(RAX, depth as i32 * WORD));
            a.store(Width::W64, ctx(CtxWord::HiddenRgctx), RAX);
        }
        UnboxContext::Symbol(context) => {
            a.load_symbol(RAX, context);
            a.store(Width::W64, ctx(CtxWord::HiddenRgctx), RAX);
        }
    }
    a.alu(Alu::Add, Width::W64, THIS, HEADER as i32);
    a.jmp_cell(Symbol::MethodCell(method));
    finish(a, Symbol::Stub(Stub::Unboxing(method)))
}

pub(crate) fn instantiation_entry(
    exact: MethodId,
    context: Symbol,
    shared: MethodId,
) -> Result<CompiledMethod, StubError> {
    let mut a = X64Asm::default();
    a.load_symbol(RAX, context);
    a.store(Width::W64, ctx(CtxWord::HiddenRgctx), RAX);
    a.jmp_cell(Symbol::MethodCell(shared));
    finish(a, Symbol::Stub(Stub::InstantiationEntry(exact)))
}
