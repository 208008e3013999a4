//! Compiled functions run and give what their SSA means (x86-64 only).
#![cfg(target_arch = "x86_64")]

mod common;

use common::exec::Code;
use common::*;
use isthmus_lower::{Options, compile};
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::cpu::FeatureSet;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_ssa::ir::*;
use std::sync::atomic::Ordering::Relaxed;

extern "C" fn f64_to_u64(v: f64) -> u64 {
    v as u64
}
extern "C" fn mem_move(to: *mut u8, from: *const u8, n: i64) {
    // SAFETY: the test passes buffers of that size.
    unsafe { std::ptr::copy(from, to, n as usize) }
}
extern "C" fn mem_set(to: *mut u8, v: i32, n: i64) {
    // SAFETY: the test passes a buffer of that size.
    unsafe { std::ptr::write_bytes(to, v as u8, n as usize) }
}
extern "C" fn gc_barrier(object: *mut u64) {
    // SAFETY: the test passes an object whose second word counts barriers.
    unsafe { *object.add(1) += 1 }
}
extern "C" fn unexpected() -> ! {
    eprintln!("a call that must not happen");
    std::process::abort()
}

fn resolve(symbol: Symbol) -> usize {
    match symbol {
        Symbol::Helper(Helper::F64ToU64) => f64_to_u64 as *const () as usize,
        Symbol::Helper(Helper::MemMove) => mem_move as *const () as usize,
        Symbol::Helper(Helper::MemSet) => mem_set as *const () as usize,
        Symbol::Helper(Helper::GcBarrier) => gc_barrier as *const () as usize,
        Symbol::Vtable(_) => 0x1234_5678,
        _ => unexpected as *const () as usize,
    }
}

fn load(units: Vec<Unit>) -> Vec<Code> {
    [FeatureSet::MINIMUM, FeatureSet::host()]
        .into_iter()
        .map(|features| {
            let options = Options {
                features,
                ..Options::default()
            };
            let methods: Vec<_> = units
                .iter()
                .map(|u| compile(&Vm, u, Arch::X64, &options).unwrap())
                .collect();
            Code::load(&methods, &resolve)
        })
        .collect()
}

/// Transition stubs are near, so a call of one that the test does not expect must stay within reach: none is made.
fn one(b: B) -> Vec<Code> {
    load(vec![b.unit()])
}

#[test]
fn integer_operations() {
    type Reference = fn(u64, u64) -> u64;
    let cases: &[(Op, Ty, Reference)] = &[
        (Op::Add, Ty::I32, |a, b| {
            (a as u32).wrapping_add(b as u32).into()
        }),
        (Op::Sub, Ty::I64, |a, b| a.wrapping_sub(b)),
        (Op::Mul, Ty::I64, |a, b| a.wrapping_mul(b)),
        (Op::And, Ty::I32, |a, b| (a as u32 & b as u32).into()),
        (Op::Xor, Ty::I64, |a, b| a ^ b),
        (Op::Shl, Ty::I32, |a, b| {
            (a as u32).wrapping_shl(b as u32).into()
        }),
        (Op::Sar, Ty::I64, |a, b| {
            (a as i64).wrapping_shr(b as u32) as u64
        }),
        (Op::Shr, Ty::I32, |a, b| {
            (a as u32).wrapping_shr(b as u32).into()
        }),
    ];
    let values = [
        0,
        1,
        2,
        31,
        32,
        63,
        64,
        77,
        u64::MAX,
        1 << 31,
        1 << 63,
        0x1234_5678_9abc_def0,
    ];
    for &(op, ty, reference) in cases {
        let shift = matches!(op, Op::Shl | Op::Sar | Op::Shr);
        let mut b = B::new(&[ty, if shift { Ty::I32 } else { ty }], &[ty]);
        let v = b.plain(op, ty, &b.params.clone());
        b.ret(&[v]);
        let mask = if ty == Ty::I32 {
            u32::MAX as u64
        } else {
            u64::MAX
        };
        for code in one(b) {
            for &x in &values {
                for &y in &values {
                    let got = code.call(&ThreadContext::default(), &[x, y]) & mask;
                    assert_eq!(got, reference(x, y), "{op:?} {x:x} {y:x}");
                }
            }
        }
    }
}

#[test]
fn checked_operations_give_value_and_overflow() {
    type Reference = fn(i64, i64) -> (i64, bool);
    let cases: &[(Op, Ty, Reference)] = &[
        (Op::AddOvf, Ty::I32, |a, b| {
            let (v, o) = (a as i32).overflowing_add(b as i32);
            (v.into(), o)
        }),
        (Op::SubOvf, Ty::I64, i64::overflowing_sub),
        (Op::MulOvf, Ty::I64, i64::overflowing_mul),
        (Op::MulOvf, Ty::I32, |a, b| {
            let (v, o) = (a as i32).overflowing_mul(b as i32);
            (v.into(), o)
        }),
        (Op::AddOvfUn, Ty::I64, |a, b| {
            let (v, o) = (a as u64).overflowing_add(b as u64);
            (v as i64, o)
        }),
        (Op::SubOvfUn, Ty::I32, |a, b| {
            let (v, o) = (a as u32).overflowing_sub(b as u32);
            ((v as i32).into(), o)
        }),
        (Op::MulOvfUn, Ty::I64, |a, b| {
            let (v, o) = (a as u64).overflowing_mul(b as u64);
            (v as i64, o)
        }),
    ];
    let values = [
        0,
        1,
        -1,
        2,
        1 << 31,
        (1 << 31) - 1,
        i64::MIN,
        i64::MAX,
        -(1 << 31),
        1 << 32,
    ];
    for &(op, ty, reference) in cases {
        // As two results, and with the flag as a condition.
        let mut b = B::new(&[ty, ty], &[ty, Ty::I32]);
        let inst = b.inst(op, ty, &b.params.clone(), Imm::None);
        let results: Vec<Value> = b.f.inst(inst).results().collect();
        let nine = b.int(Ty::I32, 9);
        let zero = b.int(Ty::I32, 0);
        let chosen = b.plain(Op::Select, Ty::I32, &[results[1], nine, zero]);
        let sum = b.plain(Op::Add, Ty::I32, &[chosen, results[1]]);
        b.ret(&[results[0], sum]);
        for code in one(b) {
            for &x in &values {
                for &y in &values {
                    let (v, o, _) =
                        code.call_with(&ThreadContext::default(), &[x as u64, y as u64], &[]);
                    let v = if ty == Ty::I32 {
                        i64::from(v as i32)
                    } else {
                        v as i64
                    };
                    let flag = o as u32 == 10;
                    assert_eq!((v, flag), reference(x, y), "{op:?} {ty:?} {x} {y}");
                }
            }
        }
    }
}

#[test]
fn float_to_int_gives_the_hardware_pattern() {
    let values = [
        0.0,
        -0.0,
        1.9,
        -1.9,
        2147483647.0,
        2147483648.0,
        -2147483648.0,
        -2147483649.5,
        4294967296.0,
        9.3e18,
        -9.3e18,
        -9223372036854775808.0,
        9223372036854774784.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e-300,
    ];
    let reference = |v: f64, ty: Ty| -> u64 {
        let t = v.trunc();
        if ty == Ty::I32 {
            if (-2147483648.0..=2147483647.0).contains(&t) {
                t as i32 as u32 as u64
            } else {
                1 << 31
            }
        } else if (-9223372036854775808.0..9223372036854775808.0).contains(&t) {
            t as i64 as u64
        } else {
            1 << 63
        }
    };
    for ty in [Ty::I32, Ty::I64] {
        for from in [Ty::F64, Ty::F32] {
            let mut b = B::new(&[Ty::F64], &[ty]);
            let mut v = b.params[0];
            if from == Ty::F32 {
                v = b.plain(Op::FDemote, Ty::F32, &[v]);
            }
            let i = b.plain(Op::FToS, ty, &[v]);
            b.ret(&[i]);
            for code in one(b) {
                for v in values {
                    let (got, _, _) = code.call_with(&ThreadContext::default(), &[], &[v]);
                    let v = if from == Ty::F32 {
                        f64::from(v as f32)
                    } else {
                        v
                    };
                    let mask = if ty == Ty::I32 {
                        u32::MAX as u64
                    } else {
                        u64::MAX
                    };
                    assert_eq!(got & mask, reference(v, ty), "{v} {from:?} {ty:?}");
                }
            }
        }
    }
}

#[test]
#[expect(clippy::neg_cmp_op_on_partial_ord, reason = "NaN is the point")]
fn float_comparisons_treat_nan_as_their_names_say() {
    let values = [f64::NAN, 1.0, 2.0, -0.0, 0.0];
    type Reference = fn(f64, f64) -> bool;
    let cases: &[(Cmp, Reference)] = &[
        (Cmp::Eq, |a, b| a == b),
        (Cmp::NeUn, |a, b| a != b),
        (Cmp::Lt, |a, b| a < b),
        (Cmp::Ge, |a, b| a >= b),
        (Cmp::LtUn, |a, b| !(a >= b)),
        (Cmp::GtUn, |a, b| !(a <= b)),
        (Cmp::GeUn, |a, b| !(a < b)),
        (Cmp::LeUn, |a, b| !(a > b)),
    ];
    for &(cmp, reference) in cases {
        let mut b = B::new(&[Ty::F64, Ty::F64], &[Ty::I32]);
        let c = b.cmp(cmp, Ty::F64, b.params[0], b.params[1]);
        b.ret(&[c]);
        for code in one(b) {
            for x in values {
                for y in values {
                    let (got, _, _) = code.call_with(&ThreadContext::default(), &[], &[x, y]);
                    assert_eq!(got as u32 != 0, reference(x, y), "{cmp:?} {x} {y}");
                }
            }
        }
    }
}

#[test]
fn unsigned_conversions() {
    let mut b = B::new(&[Ty::I64], &[Ty::F64]);
    let v = b.plain(Op::UToF, Ty::F64, &[b.params[0]]);
    b.ret(&[v]);
    for code in one(b) {
        for x in [0, 1, u64::MAX, 1 << 63, (1 << 63) + 1025, 12345] {
            let (_, _, got) = code.call_with(&ThreadContext::default(), &[x], &[]);
            assert_eq!(got, x as f64);
        }
    }
    let mut b = B::new(&[Ty::F64], &[Ty::I64]);
    let v = b.plain(Op::FToU, Ty::I64, &[b.params[0]]);
    b.ret(&[v]);
    for code in one(b) {
        let (got, _, _) = code.call_with(&ThreadContext::default(), &[], &[1.5e19]);
        assert_eq!(got, 15_000_000_000_000_000_000);
    }
}

#[test]
fn loops_with_block_parameters_and_calls_through_cells() {
    // callee(n) = n * n; caller(n) = sum of callee(i) for i below n
    let mut callee = B::new(&[Ty::I32], &[Ty::I32]);
    callee.f.method = method(7);
    let p = callee.params[0];
    let square = callee.plain(Op::Mul, Ty::I32, &[p, p]);
    callee.ret(&[square]);

    let mut b = B::new(&[Ty::I32], &[Ty::I32]);
    let zero = b.int(Ty::I32, 0);
    let (head, hp) = b.block(&[Ty::I32, Ty::I32]);
    let (body, _) = b.block(&[]);
    let (done, _) = b.block(&[]);
    b.jump(head, &[zero, zero]);
    b.at = head;
    let more = b.cmp(Cmp::Lt, Ty::I32, hp[0], b.params[0]);
    b.branch(more, (body, &[]), (done, &[]));
    b.at = body;
    let call = b.call(CallTarget::Method(method(7)), &[hp[0]], &[Ty::I32]);
    let r = b.result(call);
    let sum = b.plain(Op::Add, Ty::I32, &[hp[1], r]);
    let one = b.int(Ty::I32, 1);
    let next = b.plain(Op::Add, Ty::I32, &[hp[0], one]);
    b.inst(Op::Poll, Ty::I32, &[], Imm::None);
    b.jump(head, &[next, sum]);
    b.at = done;
    b.ret(&[hp[1]]);

    let ctx = ThreadContext::default();
    let page = 0u64;
    ctx.poll_page.store(&page as *const u64 as usize, Relaxed);
    for code in load(vec![callee.unit(), b.unit()]) {
        assert_eq!(code.call(&ctx, &[10]) as u32, 285);
    }
}

#[test]
fn switch_takes_the_last_edge_when_out_of_range() {
    let mut b = B::new(&[Ty::I32], &[Ty::I32]);
    let inst = b.inst(Op::Switch, Ty::I32, &[b.params[0]], Imm::None);
    let (join, p) = b.block(&[Ty::I32]);
    let blocks: Vec<Block> = (0..3).map(|_| b.block(&[]).0).collect();
    let edges: Vec<Edge> = blocks.iter().map(|&t| b.f.edge(t, &[])).collect();
    b.f.set_edges(inst, &edges);
    for (n, &t) in blocks.iter().enumerate() {
        b.at = t;
        let v = b.int(Ty::I32, 100 + n as i64);
        b.jump(join, &[v]);
    }
    b.at = join;
    b.ret(&p);
    for code in one(b) {
        for (x, want) in [(0, 100), (1, 101), (2, 102), (3, 102), (u64::MAX, 102)] {
            assert_eq!(code.call(&ThreadContext::default(), &[x]), want);
        }
    }
}

#[test]
fn copies_and_fills_of_every_size() {
    for bytes in [1u32, 3, 7, 8, 15, 16, 17, 31, 64, 128, 129, 1000] {
        let mut b = B::new(&[Ty::Ptr, Ty::Ptr, Ty::Ptr], &[]);
        let p = b.params.clone();
        b.inst(Op::MemCopy, Ty::I32, &p[..2], Imm::Bits(bytes.into()));
        b.inst(Op::MemZero, Ty::I32, &p[2..], Imm::Bits(bytes.into()));
        b.ret(&[]);
        for code in one(b) {
            let from: Vec<u8> = (0..1100).map(|n| n as u8).collect();
            let (mut to, mut zero) = (vec![0xaau8; 1100], vec![0xaau8; 1100]);
            code.call(
                &ThreadContext::default(),
                &[
                    to.as_mut_ptr() as u64,
                    from.as_ptr() as u64,
                    zero.as_mut_ptr() as u64,
                ],
            );
            let n = bytes as usize;
            assert!(to[..n] == from[..n] && to[n..].iter().all(|&x| x == 0xaa));
            assert!(zero[..n].iter().all(|&x| x == 0) && zero[n..].iter().all(|&x| x == 0xaa));
        }
    }
}

#[test]
fn a_copy_sees_stores_of_other_classes() {
    // Copy a to b; store to b as a field; copy b to a: the second copy must not forward the first one's value.
    let mut b = B::new(&[Ty::Ref, Ty::Ref, Ty::I64], &[]);
    let p = b.params.clone();
    b.inst(Op::MemCopy, Ty::I32, &[p[1], p[0]], Imm::Bits(8));
    b.store(Access::new(Mem::I64, 0, Region::Field), p[2], &p[1..2]);
    b.inst(Op::MemCopy, Ty::I32, &[p[0], p[1]], Imm::Bits(8));
    b.ret(&[]);
    for code in one(b) {
        let (mut x, mut y) = (1u64, 2u64);
        let (px, py) = (&raw mut x, &raw mut y);
        code.call(&ThreadContext::default(), &[px as u64, py as u64, 42]);
        assert_eq!((x, y), (42, 42));
    }
}

#[test]
fn element_access_and_small_types() {
    for mem in [Mem::I8, Mem::U8, Mem::I16, Mem::U16, Mem::I32] {
        let access = Access::new(mem, 16, Region::Element(mem)).scaled(mem.bytes(8) as u8);
        let mut b = B::new(&[Ty::Ref, Ty::Ptr, Ty::I32], &[Ty::I32]);
        let p = b.params.clone();
        b.store(access, p[2], &p[..2]);
        let (next, _) = b.block(&[]);
        b.jump(next, &[]);
        b.at = next;
        b.inst(Op::Fence, Ty::I32, &[], Imm::None);
        let v = b.load(access, &p[..2]);
        b.ret(&[v]);
        for code in one(b) {
            let mut array = [0u64; 8];
            let got = code.call(
                &ThreadContext::default(),
                &[array.as_mut_ptr() as u64, 3, 0xffff_ff85],
            ) as i32;
            let want = match mem {
                Mem::I8 => 0x85u8 as i8 as i32,
                Mem::U8 => 0x85,
                Mem::I16 => 0xff85u16 as i16 as i32,
                Mem::U16 => 0xff85,
                _ => 0xffff_ff85u32 as i32,
            };
            assert_eq!(got, want, "{mem:?}");
        }
    }
}

#[test]
fn volatile_and_atomic_operations() {
    let mut b = B::new(&[Ty::Ptr, Ty::I32, Ty::I32], &[Ty::I32, Ty::I32]);
    let p = b.params.clone();
    let plain = Access::new(Mem::I32, 4, Region::Any);
    let volatile = plain.with(AccessFlags::VOLATILE);
    b.store(volatile, p[1], &p[..1]);
    let old = b.op(Op::AtomicAdd, Ty::I32, &[p[0], p[2]], Imm::Access(plain));
    let swapped = b.op(
        Op::AtomicCas,
        Ty::I32,
        &[p[0], p[2], p[1]],
        Imm::Access(plain),
    );
    let xchg = b.op(Op::AtomicXchg, Ty::I32, &[p[0], old], Imm::Access(plain));
    let now = b.load(volatile, &p[..1]);
    let sum = b.plain(Op::Add, Ty::I32, &[xchg, now]);
    let _ = swapped;
    b.ret(&[old, sum]);
    for code in one(b) {
        let mut cell = [0u32; 2];
        let ctx = ThreadContext::default();
        let (old, sum, _) = code.call_with(&ctx, &[cell.as_mut_ptr() as u64, 5, 100], &[]);
        // add: 5 -> 105; cas 100 fails; xchg gives 105, stores 5; load gives 5
        assert_eq!((old as u32, sum as u32, cell[1]), (5, 110, 5));
    }
}

#[test]
fn allocation_in_place_moves_the_cursor() {
    let mut b = B::new(&[], &[Ty::Ref, Ty::Ref]);
    let vtable = b.op(
        Op::SymAddr,
        Ty::Ptr,
        &[],
        Imm::Symbol(Symbol::Vtable(ty(0))),
    );
    let o = b.op(Op::AllocObject, Ty::Ref, &[vtable], Imm::Bits(24));
    let n = b.int(Ty::I64, 5);
    let a = b.op(Op::AllocArray, Ty::Ref, &[vtable, n], Imm::Bits(2));
    b.ret(&[o, a]);
    for code in one(b) {
        let mut heap = [0u64; 64];
        let start = heap.as_mut_ptr() as usize;
        let ctx = ThreadContext::default();
        ctx.alloc_cursor.store(start, Relaxed);
        ctx.alloc_limit.store(start + 512, Relaxed);
        let (o, a, _) = code.call_with(&ctx, &[], &[]);
        assert_eq!((o as usize, a as usize), (start, start + 24));
        // 16 + 5 * 2 rounded up
        assert_eq!(ctx.alloc_cursor.load(Relaxed), start + 24 + 32);
        assert_eq!((heap[0], heap[3], heap[4]), (0x1234_5678, 0x1234_5678, 5));
    }
}

#[test]
fn the_barrier_tests_the_log_bit_of_the_object() {
    let access = Access::new(Mem::Ref, 16, Region::Field);
    let mut b = B::new(&[Ty::Ref, Ty::Ref], &[]);
    let p = b.params.clone();
    b.inst(Op::StoreRef, Ty::Ref, &[p[1], p[0]], Imm::Access(access));
    let null = b.int(Ty::Ref, 0);
    b.inst(Op::StoreRef, Ty::Ref, &[null, p[0]], Imm::Access(access));
    b.inst(Op::StoreRef, Ty::Ref, &[p[1], p[0]], Imm::Access(access));
    b.ret(&[]);
    for code in one(b) {
        for bit in [false, true] {
            let mut objects = [[0u64; 3]; 8];
            for words in &mut objects {
                let object = words.as_mut_ptr();
                // The table's byte for the object is `log`.
                let mut log = 0u8;
                if bit {
                    log = 1 << ((object as usize >> 3) & 7);
                }
                let ctx = ThreadContext::default();
                let base = (&raw const log as usize).wrapping_sub(object as usize >> 6);
                ctx.log_bits.store(base, Relaxed);
                code.call(&ctx, &[object as u64, 77]);
                // Stores of null have no barrier.
                assert_eq!(*words, [0, if bit { 2 } else { 0 }, 77]);
            }
        }
    }
}

#[test]
fn state_bytes_and_lookups_take_the_fast_path() {
    let mut b = B::new(&[Ty::Ptr, Ty::Ptr, Ty::Ptr], &[Ty::Ptr]);
    let p = b.params.clone();
    b.inst(Op::ClassInit, Ty::I32, &p[..2], Imm::None);
    let v = b.op(Op::GenericLookup, Ty::Ptr, &p[2..], Imm::Bits(3));
    b.ret(&[v]);
    for code in one(b) {
        let state = 0xffu8;
        let context = [0u64, 0, 0, 0, 99];
        let got = code.call(
            &ThreadContext::default(),
            &[&raw const state as u64, 0, context.as_ptr() as u64],
        );
        assert_eq!(got, 99);
    }
}
