//! Compile time of extreme functions: nothing may explode below the size limit.
//!
//! `ISTHMUS_TIME=1` prints the times.

mod common;

use common::*;
use isthmus_lower::{Options, compile};
use isthmus_runtime_abi::target::Arch;
use isthmus_ssa::ir::*;
use std::time::{Duration, Instant};

/// Unoptimized tests on a busy machine are slow; an explosion takes minutes.
const LIMIT: Duration = Duration::from_secs(40);

fn time(name: &str, b: B) {
    let unit = b.unit();
    let instructions = unit.func.insts.len();
    let start = Instant::now();
    let code = compile(&Vm, &unit, Arch::X64, &Options::default()).unwrap();
    let took = start.elapsed();
    if std::env::var_os("ISTHMUS_TIME").is_some() {
        println!(
            "{name}: {instructions} instructions, {} bytes, {took:?}",
            code.code.len()
        );
    }
    assert!(took < LIMIT, "{name}: {took:?}");
}

#[test]
fn a_long_straight_line() {
    let mut b = B::new(&[Ty::I32, Ty::I32], &[Ty::I32]);
    let mut values = b.params.clone();
    for n in 0..25_000 {
        let (x, y) = (values[n], values[n / 2]);
        let op = [Op::Add, Op::Xor, Op::Mul][n % 3];
        values.push(b.plain(op, Ty::I32, &[x, y]));
    }
    b.ret(&values[values.len() - 1..]);
    time("straight line", b);
}

#[test]
fn many_blocks_with_many_live_values() {
    let mut b = B::new(&[Ty::I64; 40], &[Ty::I64]);
    let mut live = b.params.clone();
    for n in 0..1500 {
        let c = b.cmp(Cmp::Lt, Ty::I64, live[n % 40], live[(n + 1) % 40]);
        let (left, right) = (b.block(&[]).0, b.block(&[]).0);
        let (join, params) = b.block(&[Ty::I64]);
        b.branch(c, (left, &[]), (right, &[]));
        b.at = left;
        b.jump(join, &live[n % 40..][..1]);
        b.at = right;
        let sum = b.plain(Op::Add, Ty::I64, &[live[n % 40], live[(n + 7) % 40]]);
        b.jump(join, &[sum]);
        b.at = join;
        live[n % 40] = params[0];
    }
    let mut sum = live[0];
    for &v in &live[1..] {
        sum = b.plain(Op::Add, Ty::I64, &[sum, v]);
    }
    b.ret(&[sum]);
    time("diamonds", b);
}

#[test]
fn many_protected_calls() {
    let mut b = B::new(&[Ty::I64; 20], &[Ty::I64]);
    b.f.clauses = vec![
        (Clause::CatchAll, 0),
        (Clause::Finally, 0),
        (Clause::Fault, 0),
    ];
    let live = b.params.clone();
    let mut tys = vec![Ty::Ref, Ty::Ptr];
    tys.extend([Ty::I64; 20]);
    let pads: Vec<Block> = (0..3)
        .map(|_| {
            let at = b.at;
            let (block, params) = b.block(&tys);
            b.at = block;
            b.ret(&params[2..3]);
            b.at = at;
            block
        })
        .collect();
    let mut value = live[0];
    for n in 0..700 {
        let call = b.call(
            CallTarget::Method(method(n % 50)),
            &[value, live[n % 20]],
            &[Ty::I64],
        );
        value = b.result(call);
        let handlers: Vec<_> = (0..3)
            .map(|k| (k as u32, pads[k], live.as_slice()))
            .collect();
        b.invoke(call, &handlers);
    }
    b.ret(&[value]);
    time("protected calls", b);
}

#[test]
fn many_slots_and_memory_classes() {
    let mut b = B::new(&[Ty::Ref, Ty::I64], &[Ty::I64]);
    let p = b.params.clone();
    let mut sum = p[1];
    for n in 0..1500 {
        let slot = b.f.new_slot(16, 8);
        let address = b.op(Op::SlotAddr, Ty::Ptr, &[], Imm::Slot(slot, 0));
        b.store(
            Access::new(Mem::I64, 8, Region::Frame(slot)),
            sum,
            &[address],
        );
        let field = Access::new(Mem::I64, 8 + 8 * (n % 200), Region::Field);
        b.store(field, sum, &p[..1]);
        let v = b.load(Access::new(Mem::I64, 8, Region::Frame(slot)), &[address]);
        sum = b.plain(Op::Add, Ty::I64, &[v, sum]);
        if n % 10 == 0 {
            let (next, _) = b.block(&[]);
            b.jump(next, &[]);
            b.at = next;
        }
    }
    b.ret(&[sum]);
    time("slots", b);
}
