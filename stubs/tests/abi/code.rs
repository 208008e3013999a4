//! Generated functions: recorders of arguments, forwarders, C functions.

use isthmus_asm::prelude::*;
use isthmus_asm::x64::{X64Asm, regs::*};
use isthmus_runtime_abi::artifact::{CompiledMethod, Tier};
use isthmus_runtime_abi::callconv::{AbiSig, Loc, RetPass, Word};
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::{Arch, Reg};

use Width::W64;

/// An artifact of finished code.
pub fn artifact(symbol: Symbol, mut a: X64Asm) -> CompiledMethod {
    let done = a.finish().unwrap();
    CompiledMethod {
        code: done.code,
        relocs: done.relocs,
        ..CompiledMethod::new(symbol, MethodId::from_index(0), Arch::X64, Tier::Baseline)
    }
}

pub fn ctx(word: CtxWord) -> Mem {
    Mem::new(R15, word.offset(8) as i32)
}

/// Traps if a C function is not called with an aligned stack, then goes to it.
pub fn aligned(function: usize) -> CompiledMethod {
    let mut a = X64Asm::default();
    let good = a.new_label();
    a.lea(RAX, Mem::new(RSP, 8));
    a.test(W64, RAX, 15);
    a.jcc(Cond::Eq, good);
    a.trap();
    a.bind(good);
    a.mov_imm(W64, RAX, function as i64);
    a.jmp_reg(RAX);
    artifact(Symbol::VmData(0), a)
}

/// What a recorder saw.
#[repr(C)]
#[derive(Debug)]
pub struct Record {
    pub calls: u64,
    pub rgctx: u64,
    pub varargs: u64,
    /// Stack pointer in its frame.
    pub sp: u64,
    /// For C functions: the transition's frame and the return address in it, and the context argument.
    pub transition: u64,
    pub transition_ret: u64,
    pub context: u64,
    /// For C functions: the thread's state.
    pub state: u64,
    pub words: [u64; 128],
}

impl Default for Record {
    fn default() -> Self {
        Record {
            calls: 0,
            rgctx: 0,
            varargs: 0,
            sp: 0,
            transition: 0,
            transition_ret: 0,
            context: 0,
            state: 0,
            words: [0xaaaa; 128],
        }
    }
}

macro_rules! field {
    ($base:expr, $ty:ty, $field:ident) => {
        Mem::new($base, std::mem::offset_of!($ty, $field) as i32)
    };
}

/// Every register that a function may change gets rubbish, but for the integers in `keep`.
fn spoil(a: &mut X64Asm, keep: &[Gpr]) {
    a.mov_imm(W64, R11, 0x0bad_0bad_0bad);
    (0..16).for_each(|i| a.bits_to_float(FTy::F64, Fpr(i), R11));
    for r in [RAX, RCX, RDX, RSI, RDI, R8, R9, R10] {
        if !keep.contains(&r) {
            a.mov(W64, r, R11);
        }
    }
}

fn start_record(a: &mut X64Asm, record: &Record) {
    a.push(RBP);
    a.mov(W64, RBP, RSP);
    a.mov_imm(W64, R11, &raw const *record as i64);
    a.alu_mem(Alu::Add, W64, field!(R11, Record, calls), 1);
    a.load(Ext::Full64, RAX, ctx(CtxWord::HiddenRgctx));
    a.store(W64, field!(R11, Record, rgctx), RAX);
    a.load(Ext::Full64, RAX, ctx(CtxWord::HiddenVarargs));
    a.store(W64, field!(R11, Record, varargs), RAX);
    a.store(W64, field!(R11, Record, sp), RSP);
}

fn word_slot(i: usize) -> Mem {
    field!(R11, Record, words).plus(8 * i as i32)
}

fn record_word(a: &mut X64Asm, i: usize, loc: Loc) {
    match loc {
        Loc::Reg(Reg::Int(r)) => a.store(W64, word_slot(i), Gpr(r)),
        Loc::Reg(Reg::Float(r)) => a.fstore(FTy::F64, word_slot(i), Fpr(r)),
        Loc::Stack(offset) => {
            a.load(Ext::Full64, RAX, Mem::new(RBP, 16 + offset as i32));
            a.store(W64, word_slot(i), RAX);
        }
    }
}

/// Loads the given words into registers.
fn load_results(a: &mut X64Asm, results: &[u64], locs: impl Fn(usize) -> Loc) {
    for (i, &v) in results.iter().enumerate() {
        if let Loc::Reg(Reg::Float(r)) = locs(i) {
            a.mov_imm(W64, R11, v as i64);
            a.bits_to_float(FTy::F64, Fpr(r), R11);
        }
    }
    for (i, &v) in results.iter().enumerate() {
        if let Loc::Reg(Reg::Int(r)) = locs(i) {
            a.mov_imm(W64, Gpr(r), v as i64);
        }
    }
}

fn store_words(a: &mut X64Asm, words: &[u64]) {
    for (i, &v) in words.iter().enumerate() {
        a.mov_imm(W64, RCX, v as i64);
        a.store(W64, Mem::new(RAX, 8 * i as i32), RCX);
    }
}

/// A managed function that stores all it gets to `record` and returns `results`.
pub fn recorder(symbol: Symbol, abi: &AbiSig, results: &[u64], record: &Record) -> CompiledMethod {
    let mut a = X64Asm::default();
    start_record(&mut a, record);
    for (i, w) in abi.words.iter().enumerate() {
        record_word(&mut a, i, w.loc);
    }
    if let RetPass::Buffer(word) = abi.ret {
        a.load(Ext::Full64, RAX, word_slot(word as usize));
        store_words(&mut a, results);
    }
    spoil(&mut a, &[]);
    if let RetPass::Words(words) = &abi.ret {
        load_results(&mut a, results, |i| words[i].loc);
    }
    a.pop(RBP);
    a.ret(abi.stack_bytes);
    artifact(symbol, a)
}

/// Where the C convention puts words: restated here, so that the stub is compared with something else.
fn c_places(words: &[Word]) -> (Vec<Loc>, usize, u32) {
    const INTS: [u8; 6] = [7, 6, 2, 1, 8, 9];
    let (mut ints, mut floats, mut stack) = (0, 0u8, 0);
    let mut places = Vec::new();
    for w in words {
        places.push(if w.ty.is_float() && floats < 8 {
            floats += 1;
            Loc::Reg(Reg::Float(floats - 1))
        } else if !w.ty.is_float() && ints < 6 {
            ints += 1;
            Loc::Reg(Reg::Int(INTS[ints - 1]))
        } else {
            stack += 8;
            Loc::Stack(stack - 8)
        });
    }
    (places, ints, stack)
}

/// A C function that takes these words, the context, and perhaps a pointer for results.
pub fn c_recorder(abi: &AbiSig, results: &[u64], record: &Record) -> CompiledMethod {
    const INTS: [Gpr; 6] = [RDI, RSI, RDX, RCX, R8, R9];
    let (places, mut ints, mut stack) = c_places(&abi.words);
    let mut extra = || match INTS.get(ints) {
        Some(&r) => {
            ints += 1;
            Loc::Reg(r.into())
        }
        None => {
            stack += 8;
            Loc::Stack(stack - 8)
        }
    };
    let n = places.len();
    let context = extra();
    let words: &[Word] = match &abi.ret {
        RetPass::Words(words) => words,
        _ => &[],
    };
    let out = (words.len() > 2).then(&mut extra);

    let mut a = X64Asm::default();
    start_record(&mut a, record);
    places
        .iter()
        .chain([&context])
        .chain(out.as_ref())
        .enumerate()
        .for_each(|(i, &loc)| record_word(&mut a, i, loc));
    a.load(Ext::Full64, RAX, word_slot(n));
    a.store(W64, field!(R11, Record, context), RAX);
    a.load(Ext::Full64, RAX, ctx(CtxWord::State));
    a.store(W64, field!(R11, Record, state), RAX);
    a.load(Ext::Full64, RAX, ctx(CtxWord::TransitionFp));
    a.store(W64, field!(R11, Record, transition), RAX);
    a.load(Ext::Full64, RAX, Mem::new(RAX, 8));
    a.store(W64, field!(R11, Record, transition_ret), RAX);
    if out.is_some() {
        a.load(Ext::Full64, RAX, word_slot(n + 1));
        store_words(&mut a, results);
    } else if let RetPass::Buffer(word) = abi.ret {
        a.load(Ext::Full64, RAX, word_slot(word as usize));
        store_words(&mut a, results);
    }
    spoil(&mut a, &[]);
    if out.is_none() && !words.is_empty() {
        let class = |i: usize| {
            words[..i]
                .iter()
                .filter(|w| w.ty.is_float() == words[i].ty.is_float())
                .count()
        };
        load_results(&mut a, results, |i| {
            let n = class(i) as u8;
            match words[i].ty.is_float() {
                true => Loc::Reg(Reg::Float(n)),
                false => Loc::Reg([RAX, RDX][usize::from(n)].into()),
            }
        });
    }
    a.pop(RBP);
    a.ret(0);
    artifact(Symbol::VmData(0), a)
}

/// How a forwarder makes its call.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    Symbol(Symbol),
    Cell(Symbol),
    VtableSlot(u32),
}

/// What a forwarder found after its call.
#[repr(C)]
#[derive(Default, Debug)]
pub struct After {
    pub saved: [u64; 4],
    pub sp: u64,
    pub fp: u64,
    /// What it puts into the hidden argument before the call.
    pub rgctx: u64,
    /// 1 if the landing pad was reached; its payload.
    pub landed: u64,
    pub payload: [u64; 2],
}

const SAVED: [Gpr; 4] = [RBX, R12, R13, R14];
pub const MAGIC: [u64; 4] = [0x1b0b, 0x2b0b_0000_0000, 0x3b0b, 0x4b0b];
/// Bytes from FP to SP in a forwarder's body.
pub const FORWARDER_FRAME: usize = 32;

/// A managed function that passes all its arguments on and its callee's results back. Gives the offsets of the
/// return address and of a landing pad, which returns normally.
pub fn forwarder(abi: &AbiSig, call: Call, after: &After) -> (CompiledMethod, u32, u32) {
    let mut a = X64Asm::default();
    let out = a.new_label();
    a.push(RBP);
    a.mov(W64, RBP, RSP);
    SAVED.iter().for_each(|&r| a.push(r));
    for (&r, v) in SAVED.iter().zip(MAGIC) {
        a.mov_imm(W64, r, v as i64);
    }
    let words = abi.stack_bytes as i32 / 8;
    (0..words)
        .rev()
        .for_each(|i| a.push_mem(Mem::new(RBP, 16 + 8 * i)));
    a.mov_imm(W64, R11, &raw const *after as i64);
    a.load(Ext::Full64, RAX, field!(R11, After, rgctx));
    a.store(W64, ctx(CtxWord::HiddenRgctx), RAX);
    a.alu(Alu::Add, W64, RAX, 1);
    a.store(W64, ctx(CtxWord::HiddenVarargs), RAX);
    match call {
        Call::Symbol(s) => a.call_symbol(s),
        Call::Cell(s) => a.call_cell(s),
        Call::VtableSlot(slot) => {
            a.load(Ext::Zx32, RAX, Mem::new(RDI, 0));
            a.call_mem(Mem::new(RAX, layout::vtable_slot(slot, 8) as i32));
        }
    }
    let ret = a.offset();
    a.mov_imm(W64, R11, &raw const *after as i64);
    for (i, &r) in SAVED.iter().enumerate() {
        a.store(W64, field!(R11, After, saved).plus(8 * i as i32), r);
    }
    a.bind(out);
    a.store(W64, field!(R11, After, sp), RSP);
    a.store(W64, field!(R11, After, fp), RBP);
    a.lea(RSP, Mem::new(RBP, -(FORWARDER_FRAME as i32)));
    SAVED.iter().rev().for_each(|&r| a.pop(r));
    a.pop(RBP);
    a.ret(abi.stack_bytes);

    let landing = a.offset();
    a.mov_imm(W64, R11, &raw const *after as i64);
    a.store_imm(W64, field!(R11, After, landed), 1);
    a.store(W64, field!(R11, After, payload), RAX);
    a.store(W64, field!(R11, After, payload).plus(8), RDX);
    a.jmp(out);
    (artifact(Symbol::VmData(0), a), ret, landing)
}
