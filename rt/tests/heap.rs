//! Managed code and the collector together: references in frames, registers and exceptions in flight survive
//! collections that happen at allocations, polls and in other threads.
#![cfg(target_arch = "x86_64")]

mod support;

use isthmus_asm::prelude::*;
use isthmus_asm::x64::regs::*;
use isthmus_rt::gc::HeapOptions;
use isthmus_runtime_abi::artifact::ClauseKind;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout::{VtableFlags, VtableHeader};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use support::*;

/// A class with a reference at 8 and a word at 16.
fn node_class() -> usize {
    static CLASS: OnceLock<usize> = OnceLock::new();
    *CLASS.get_or_init(|| {
        let map: &'static [u32; 2] = Box::leak(Box::new([1, 8]));
        let vtable = runtime().alloc_vtable(0).unwrap();
        // SAFETY: memory for a vtable, made just now.
        let header = unsafe { &*(vtable as *const VtableHeader) };
        let flags = VtableFlags::HAS_REFS.bits() as usize;
        header.flags.store(flags, Relaxed);
        header.base_size.store(24, Relaxed);
        header.ref_map.store(map.as_ptr() as usize, Relaxed);
        vtable
    })
}

fn start() {
    // Every 50th allocation collects, and collections move what they can.
    HEAP.get_or_init(|| HeapOptions {
        stress: 50,
        ..HeapOptions::default()
    });
    node_class();
}

fn ctx(word: CtxWord) -> Mem {
    Mem::new(R15, word.offset(8) as i32)
}

/// Allocates a node: result in rax. In place where there is room.
fn alloc(f: &mut Fun, in_place: bool) {
    let (slow, done) = (f.label(), f.label());
    if in_place {
        f.a.load(Ext::Full64, RAX, ctx(CtxWord::AllocCursor));
        f.a.lea(RCX, Mem::new(RAX, 24));
        f.a.cmp(Width::W64, RCX, ctx(CtxWord::AllocLimit));
        f.a.jcc(Cond::Above, slow);
        f.a.store(Width::W64, ctx(CtxWord::AllocCursor), RCX);
        f.a.store_imm(Width::W32, Mem::new(RAX, 0), node_class() as i32);
        f.a.jmp(done);
    }
    f.bind(slow);
    f.a.mov_imm(Width::W64, RDI, node_class() as i64);
    f.helper(Helper::AllocObject, 1, &[]);
    f.bind(done);
}

/// Builds a list of as many nodes as the argument says, numbered; head in rbx while building, and returns the sum of the
/// numbers found when walking it.
fn list(in_place: bool) -> MethodId {
    let mut f = Fun::new(new_method());
    let (build, walk, end) = (f.label(), f.label(), f.label());
    f.a.store(Width::W64, local(0), RDI);
    f.a.store(Width::W64, local(1), RBX);
    f.a.zero(RBX);
    f.bind(build);
    alloc(&mut f, in_place);
    f.a.store(Width::W64, Mem::new(RAX, 8), RBX);
    f.a.load(Ext::Full64, RCX, local(0));
    f.a.store(Width::W64, Mem::new(RAX, 16), RCX);
    f.a.mov(Width::W64, RBX, RAX);
    f.poll(2);
    f.a.alu_mem(Alu::Sub, Width::W64, local(0), 1);
    f.a.jcc(Cond::Ne, build);
    f.a.zero(RAX);
    f.a.zero(RCX);
    f.bind(walk);
    f.a.test(Width::W64, RBX, RBX);
    f.a.jcc(Cond::Eq, end);
    f.a.alu(Alu::Add, Width::W64, RCX, Mem::new(RBX, 16));
    f.a.load(Ext::Full64, RBX, Mem::new(RBX, 8));
    f.a.jmp(walk);
    f.bind(end);
    f.a.mov(Width::W64, RAX, RCX);
    f.a.load(Ext::Full64, RBX, local(1));
    f.ret();
    f.define()
}

fn sum(n: u64) -> u64 {
    n * (n + 1) / 2
}

#[test]
fn lists_built_by_managed_code_survive_collections() {
    start();
    let thread = attach();
    for in_place in [false, true] {
        let list = list(in_place);
        for n in [1, 100, 5_000] {
            assert_eq!(call(&thread, list, &[n]), Ok(sum(n)), "{in_place}");
        }
    }
    assert!(runtime().heap().stats().collections() > 20);
}

#[test]
fn threads_collect_under_each_other() {
    start();
    std::thread::scope(|scope| {
        for i in 0..4 {
            scope.spawn(move || {
                let thread = attach();
                let list = list(i % 2 == 0);
                for _ in 0..10 {
                    assert_eq!(call(&thread, list, &[700]), Ok(sum(700)));
                }
            });
        }
    });
}

/// `try { try { throw new Node(4711) } finally { build a list } } catch (object e) { return e.value }`
fn throws_and_collects() -> MethodId {
    // throws a node with 4711 in it
    let mut f = Fun::new(new_method());
    alloc(&mut f, false);
    f.a.store_imm(Width::W64, Mem::new(RAX, 16), 4711);
    f.a.mov(Width::W64, RDI, RAX);
    f.helper(Helper::Throw, 1, &[]);
    let throws = f.define();
    // try { throws() } finally { build a long list }
    let collects = list(false);
    let mut f = Fun::new(new_method());
    let clause = f.clause(ClauseKind::Finally);
    let pad = f.label();
    f.call(throws, 2, &[(clause, pad)]);
    f.bind(pad);
    f.a.store(Width::W64, local(0), RAX);
    f.a.mov_imm(Width::W64, RDI, 500);
    f.call(collects, 3, &[]);
    f.a.load(Ext::Full64, RDI, local(0));
    f.helper(Helper::Resume, 4, &[]);
    let cleans = f.define();
    let mut f = Fun::new(new_method());
    let clause = f.clause(ClauseKind::CatchAll);
    let pad = f.label();
    f.call(cleans, 5, &[(clause, pad)]);
    f.bind(pad);
    f.a.load(Ext::Full64, RAX, Mem::new(RAX, 16));
    f.ret();
    f.define()
}

#[test]
fn an_exception_in_flight_stays_alive_while_finally_code_collects() {
    start();
    let thread = attach();
    let outer = throws_and_collects();
    let before = runtime().heap().stats().collections();
    for _ in 0..10 {
        assert_eq!(call(&thread, outer, &[]), Ok(4711));
    }
    assert!(runtime().heap().stats().collections() > before);
}

#[test]
fn threads_throw_while_others_collect() {
    start();
    let (throws, list) = (throws_and_collects(), list(true));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let thread = attach();
                for _ in 0..5 {
                    assert_eq!(call(&thread, throws, &[]), Ok(4711));
                    assert_eq!(call(&thread, list, &[100]), Ok(sum(100)));
                }
                assert_eq!(thread.exceptions_in_flight(), 0);
            });
        }
    });
}

#[test]
fn negative_lengths_overflow_and_stores_anywhere_work() {
    start();
    let thread = attach();
    let mut f = Fun::new(new_method());
    f.a.mov_imm(Width::W64, RDI, node_class() as i64);
    f.a.mov_imm(Width::W64, RSI, -1);
    f.helper(Helper::AllocArray, 1, &[]);
    f.ret();
    let m = f.define();
    let e = call(&thread, m, &[]).unwrap_err();
    assert_eq!(type_of(e), trap_type(TrapKind::Overflow));
    // A leaf helper, called in the C convention: a reference into a frame's word.
    let mut f = Fun::new(new_method());
    alloc(&mut f, false);
    f.a.store_imm(Width::W64, Mem::new(RAX, 16), 99);
    f.a.lea(RDI, local(4));
    f.a.mov(Width::W64, RSI, RAX);
    f.a.load_symbol(RAX, Symbol::Helper(Helper::StoreRefUnknown));
    f.a.call_reg(RAX);
    f.a.load(Ext::Full64, RAX, local(4));
    f.a.load(Ext::Full64, RAX, Mem::new(RAX, 16));
    f.ret();
    let m = f.define();
    assert_eq!(call(&thread, m, &[]), Ok(99));
}
