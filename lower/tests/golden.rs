//! Golden machine code: what each kind of operation becomes on x86-64 and AArch64.
//!
//! Each case is compiled for both and compared with `golden/<case>.txt`; `ISTHMUS_BLESS=1` writes the files anew.

mod common;

use common::*;
use isthmus_lower::{Options, dump};
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::trap::TrapKind;
use isthmus_ssa::ir::*;
use std::path::Path;

fn check(name: &str, b: B) {
    let unit = b.unit();
    let options = Options::default();
    let mut text = String::new();
    text += "== clif\n";
    text += &dump::clif(&Vm, &unit, Arch::X64, &options, false).unwrap();
    for (arch, title) in [(Arch::X64, "\n== x86_64\n"), (Arch::A64, "\n== aarch64\n")] {
        text += title;
        text += &dump::asm(&Vm, &unit, arch, &options).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.txt"));
    if std::env::var_os("ISTHMUS_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    for (n, (got, want)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(got, want, "{name}.txt line {}", n + 1);
    }
    assert_eq!(text.lines().count(), golden.lines().count(), "{name}.txt");
}

/// Sum of an array of ints: a loop tested at its end, bounds check, poll.
#[test]
fn array_sum() {
    let mut b = B::new(&[Ty::Ref], &[Ty::I32]);
    let a = b.params[0];
    let length = b.load(
        Access::new(Mem::I32, 8, Region::Length).with(AccessFlags::NULL),
        &[a],
    );
    let zero = b.int(Ty::I32, 0);
    let (body, p) = b.block(&[Ty::I32, Ty::I32]);
    let (done, result) = b.block(&[Ty::I32]);
    let empty = b.cmp(Cmp::Eq, Ty::I32, length, zero);
    b.branch(empty, (done, &[zero]), (body, &[zero, zero]));
    b.at = body;
    let out = b.cmp(Cmp::GeUn, Ty::I32, p[0], length);
    b.inst(
        Op::TrapIf,
        Ty::I32,
        &[out],
        Imm::Trap(TrapKind::IndexOutOfRange),
    );
    let index = b.plain(Op::Zext, Ty::Ptr, &p[..1]);
    let element = Access::new(Mem::I32, 16, Region::Element(Mem::I32)).scaled(4);
    let v = b.load(element, &[a, index]);
    let sum = b.plain(Op::Add, Ty::I32, &[p[1], v]);
    let one = b.int(Ty::I32, 1);
    let next = b.plain(Op::Add, Ty::I32, &[p[0], one]);
    b.inst(Op::Poll, Ty::I32, &[], Imm::None);
    let more = b.cmp(Cmp::Lt, Ty::I32, next, length);
    b.branch(more, (body, &[next, sum]), (done, &[sum]));
    b.at = done;
    b.ret(&result);
    check("array_sum", b);
}

/// Allocation in place of an object and an array.
#[test]
fn allocation() {
    let mut b = B::new(&[Ty::I64], &[Ty::Ref]);
    let vtable = b.op(
        Op::SymAddr,
        Ty::Ptr,
        &[],
        Imm::Symbol(Symbol::Vtable(ty(5))),
    );
    let o = b.op(Op::AllocObject, Ty::Ref, &[vtable], Imm::Bits(24));
    let array = b.op(
        Op::SymAddr,
        Ty::Ptr,
        &[],
        Imm::Symbol(Symbol::Vtable(ty(6))),
    );
    let n = b.params[0];
    let a = b.op(Op::AllocArray, Ty::Ref, &[array, n], Imm::Bits(8));
    b.inst(
        Op::StoreRef,
        Ty::Ref,
        &[a, o],
        Imm::Access(Access::new(Mem::Ref, 8, Region::Field)),
    );
    b.ret(&[o]);
    check("allocation", b);
}

/// Every kind of call, with a generic context.
#[test]
fn calls() {
    let mut b = B::new(&[Ty::Ref, Ty::Ptr], &[Ty::I64]);
    let [o, context] = [b.params[0], b.params[1]];
    let direct = b.call(CallTarget::Method(method(1)), &[o], &[Ty::I64]);
    let direct = b.result(direct);
    let word = b.load(
        Access::new(Mem::I32, 0, Region::Header).with(AccessFlags::NULL),
        &[o],
    );
    let vtable = b.plain(Op::VtableOf, Ty::Ptr, &[word]);
    let code = b.load(Access::new(Mem::Ptr, 264, Region::Vtable), &[vtable]);
    b.call(CallTarget::Indirect, &[code, o, direct], &[]);
    b.call(
        CallTarget::Symbol(Symbol::InterfaceStub(method(2))),
        &[o],
        &[],
    );
    let shared = b.call(CallTarget::Method(method(3)), &[o, context], &[Ty::I64]);
    let Imm::Call(call) = b.f.inst(shared).imm else {
        unreachable!()
    };
    b.f.calls[call as usize].rgctx = true;
    b.f.calls[call as usize].sig.params.pop();
    let v = b.result(shared);
    b.ret(&[v]);
    check("calls", b);
}

/// A call and an allocation with handlers; a finally and a catch.
#[test]
fn exceptions() {
    let mut b = B::new(&[Ty::Ref], &[Ty::I32]);
    b.f.clauses = vec![(Clause::Catch(ty(3)), 0), (Clause::Finally, 0)];
    let p = b.params[0];
    let (finally, token) = b.block(&[Ty::Ptr, Ty::Ptr]);
    let (catch, caught) = b.block(&[Ty::Ref, Ty::Ptr, Ty::Ref]);
    let vtable = b.op(
        Op::SymAddr,
        Ty::Ptr,
        &[],
        Imm::Symbol(Symbol::Vtable(ty(5))),
    );
    let alloc = b.inst(Op::AllocObject, Ty::Ref, &[vtable], Imm::Bits(16));
    let o = b.result(alloc);
    b.invoke(alloc, &[(1, finally, &[]), (0, catch, &[p])]);
    let call = b.call(CallTarget::Method(method(1)), &[o], &[Ty::I32]);
    let v = b.result(call);
    b.invoke(call, &[(1, finally, &[]), (0, catch, &[o])]);
    b.ret(&[v]);
    b.at = finally;
    let resume = b.inst(Op::Throw, Ty::I32, &token[..1], Imm::Helper(Helper::Resume));
    let edge = b.f.edge(catch, &[p]);
    b.f.set_edges(
        resume,
        &[Edge {
            clause: Some(0),
            ..edge
        }],
    );
    b.at = catch;
    let same = b.cmp(Cmp::Eq, Ty::Ref, caught[0], caught[2]);
    b.ret(&[same]);
    check("exceptions", b);
}

/// Hidden argument, class initialization, look-up, thread context.
#[test]
fn contexts() {
    let mut b = B::new(&[], &[Ty::Ptr]);
    let context = b.op(Op::CtxLoad, Ty::Ptr, &[], Imm::Ctx(CtxWord::HiddenRgctx));
    let state = b.op(
        Op::SymAddr,
        Ty::Ptr,
        &[],
        Imm::Symbol(Symbol::InitState(ty(4))),
    );
    let handle = b.op(
        Op::SymAddr,
        Ty::Ptr,
        &[],
        Imm::Symbol(Symbol::TypeHandle(ty(4))),
    );
    b.inst(Op::ClassInit, Ty::I32, &[state, handle], Imm::None);
    let v = b.op(Op::GenericLookup, Ty::Ptr, &[context], Imm::Bits(2));
    let statics = b.op(Op::CtxLoad, Ty::Ptr, &[], Imm::Ctx(CtxWord::ThreadStatics));
    let sum = b.plain(Op::Add, Ty::Ptr, &[v, statics]);
    b.ret(&[sum]);
    check("contexts", b);
}

/// Checked arithmetic and division.
#[test]
fn arithmetic() {
    let mut b = B::new(&[Ty::I32, Ty::I32], &[Ty::I32]);
    let p = b.params.clone();
    let add = b.inst(Op::AddOvf, Ty::I32, &p, Imm::None);
    let r: Vec<Value> = b.f.inst(add).results().collect();
    b.inst(Op::TrapIf, Ty::I32, &r[1..], Imm::Trap(TrapKind::Overflow));
    let q = b.plain(Op::SDiv, Ty::I32, &[r[0], p[1]]);
    let seven = b.int(Ty::I32, 7);
    let s = b.plain(Op::SDiv, Ty::I32, &[q, seven]);
    let m = b.plain(Op::URem, Ty::I32, &[s, p[0]]);
    b.ret(&[m]);
    check("arithmetic", b);
}

/// Conversions between floats and integers.
#[test]
fn conversions() {
    let mut b = B::new(&[Ty::F64, Ty::I64], &[Ty::I64, Ty::F64]);
    let p = b.params.clone();
    let i = b.plain(Op::FToS, Ty::I64, &p[..1]);
    let f = b.plain(Op::UToF, Ty::F64, &p[1..]);
    b.ret(&[i, f]);
    check("conversions", b);
}

/// Fields of a frame slot, a structure copy, an exposed address.
#[test]
fn structures() {
    let mut b = B::new(&[Ty::ByRef, Ty::I64], &[Ty::I64]);
    let p = b.params.clone();
    let slot = b.f.new_slot(24, 8);
    let address = b.op(Op::SlotAddr, Ty::Ptr, &[], Imm::Slot(slot, 0));
    b.inst(Op::MemCopy, Ty::I32, &[address, p[0]], Imm::Bits(24));
    let second = Access::new(Mem::I64, 8, Region::Frame(slot));
    b.store(second, p[1], &[address]);
    b.call(CallTarget::Method(method(1)), &[address], &[]);
    let v = b.load(second, &[address]);
    b.ret(&[v]);
    check("structures", b);
}

/// A tail call with more stack arguments than the caller got.
#[test]
fn tail_call() {
    let mut b = B::new(&[Ty::I64], &[Ty::I64]);
    let p = b.params[0];
    let inst = b.call(CallTarget::Method(method(1)), &[p; 8], &[Ty::I64]);
    let (args, imm) = (b.f.inst(inst).args, b.f.inst(inst).imm);
    b.f.blocks[0].insts.pop();
    let args: Vec<Value> = b.f.list(args).to_vec();
    b.inst(Op::TailCall, Ty::I32, &args, imm);
    check("tail_call", b);
}

/// A store through a managed pointer that may point anywhere.
#[test]
fn reference_through_pointer() {
    let mut b = B::new(&[Ty::ByRef, Ty::Ref], &[]);
    let p = b.params.clone();
    let access = Access::new(Mem::Ref, 0, Region::Any).with(AccessFlags::NULL);
    b.inst(
        Op::StoreRefUnknown,
        Ty::Ref,
        &[p[1], p[0]],
        Imm::Access(access),
    );
    b.ret(&[]);
    check("reference_through_pointer", b);
}
