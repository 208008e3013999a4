//! If conversion: a branch whose ways meet at once becomes a choice between values.
//!
//! ```text
//!   branch c => b(x, z), b(y, z)      ──▶      v = select c, x, y
//!                                              jump => b(v, z)
//! ```
//!
//! That is what minima, maxima and conditional expressions of variables and constants come to when blocks that only jump are
//! threaded. The processor need not guess; both values exist anyway.
//!
//! A way that computes something cheap and harmless before it meets the other is brought into this form first: what it
//! computes is computed always.
//!
//! ```text
//!   branch c => t, b(y)   t: x = add y, 1; jump => b(x)      ──▶      x = add y, 1
//!                                                                     branch c => b(x), b(y)
//! ```

use super::Target;
use super::cleanup::end_with_jump;
use crate::ir::{Block, Edge, Func, Imm, Inst, Op, Ty, Value};
use isthmus_frontend_ir::op::Cmp;

/// Choices that one branch may become: more are better guessed once.
const MAX_CHOICES: usize = 2;

/// What may be computed in vain on each way, in instructions of one cycle.
const MAX_COST: u32 = 3;

/// Runs the pass.
pub fn run(func: &mut Func, _: Target) -> bool {
    let mut preds = vec![0u32; func.blocks.len()];
    for b in func.block_ids() {
        for e in func.successors(b) {
            preds[e.block.index()] += 1;
        }
    }
    let mut changed = false;
    // Later blocks first: inner choices are then part of the ways of outer ones.
    for n in (0..func.blocks.len()).rev() {
        let b = Block::from_index(n);
        changed |= speculate(func, b, &preds);
        changed |= convert(func, b);
    }
    changed
}

/// Empties the ways of a branch that meet after something cheap, if choices can take its place.
fn speculate(func: &mut Func, b: Block, preds: &[u32]) -> bool {
    let Some((i, d)) = func.terminator(b) else {
        return false;
    };
    let [then, other] = *func.edges(i) else {
        return false;
    };
    if d.op != Op::Branch || then.block == other.block {
        return false;
    }
    // Where each way leads, and what it passes there.
    let through = |e: Edge| match cheap_way(func, b, e, preds) {
        Some(next) => (next, true),
        None => (e, false),
    };
    let ways = match (through(then), through(other)) {
        ((t, true), (o, true)) if t.block == o.block => [(t, true), (o, true)],
        ((t, true), _) if t.block == other.block => [(t, true), (other, false)],
        (_, (o, true)) if o.block == then.block => [(then, false), (o, true)],
        _ => return false,
    };
    let [(t, _), (o, _)] = ways;
    let pairs = (func.list(t.args).iter()).zip(func.list(o.args));
    let mut choices = 0;
    for (&x, &y) in pairs {
        choices += usize::from(x != y);
        if x != y && func.ty(x).is_float() {
            return false;
        }
    }
    if choices > MAX_CHOICES {
        return false;
    }
    func.blocks[b.index()].insts.pop();
    for (e, (_, emptied)) in [then, other].into_iter().zip(ways) {
        if emptied {
            let mut insts = std::mem::take(&mut func.blocks[e.block.index()].insts);
            insts.pop();
            func.blocks[b.index()].insts.extend(insts);
        }
    }
    func.blocks[b.index()].insts.push(i);
    func.set_edges(i, &[t, o]);
    true
}

/// Where an edge leads on to, if its block computes only what is cheap and cannot be noticed.
fn cheap_way(func: &Func, b: Block, edge: Edge, preds: &[u32]) -> Option<Edge> {
    let way = func.block(edge.block);
    let (&last, insts) = way.insts.split_last()?;
    let d = func.inst(last);
    let alone = preds[edge.block.index()] == 1 && way.params.is_empty();
    if !alone || way.cold || d.op != Op::Jump || edge.block == b {
        return None;
    }
    let mut cost = 0;
    for &i in insts {
        cost += cost_of(func, i)?;
    }
    let next = func.edges(last)[0];
    (cost <= MAX_COST && next.block != edge.block).then_some(next)
}

/// What an instruction costs; `None`: it cannot be computed in vain.
fn cost_of(func: &Func, i: Inst) -> Option<u32> {
    let d = func.inst(i);
    Some(match d.op {
        Op::Const | Op::Retype | Op::Trunc => 0,
        Op::Mul => match func.constant(func.args(i)[1]) {
            Some(3 | 5 | 9) => 1,
            _ => 3,
        },
        Op::Add | Op::Sub | Op::And | Op::Or | Op::Xor | Op::Shl | Op::Sar | Op::Shr => 1,
        Op::Neg | Op::Not | Op::Sext | Op::Zext | Op::Cmp => 1,
        Op::ExtS8 | Op::ExtU8 | Op::ExtS16 | Op::ExtU16 => 1,
        Op::Select => 2,
        _ => return None,
    })
}

fn convert(func: &mut Func, b: Block) -> bool {
    let Some((i, d)) = func.terminator(b) else {
        return false;
    };
    let (op, pos) = (d.op, d.pos);
    let [then, other] = *func.edges(i) else {
        return false;
    };
    if op != Op::Branch || then.block != other.block {
        return false;
    }
    let pairs: Vec<(Value, Value)> = (func.list(then.args).iter().copied())
        .zip(func.list(other.args).iter().copied())
        .collect();
    let choices = pairs.iter().filter(|(x, y)| x != y);
    // Floats are chosen by a branch anyway.
    if choices.clone().count() > MAX_CHOICES || choices.clone().any(|p| func.ty(p.0).is_float()) {
        return false;
    }
    let cond = func.args(i)[0];
    func.blocks[b.index()].insts.pop();
    let args: Vec<Value> = pairs
        .into_iter()
        .map(|(x, y)| {
            if x == y {
                x
            } else {
                choose(func, b, cond, x, y, pos)
            }
        })
        .collect();
    func.blocks[b.index()].insts.push(i);
    let edge = Edge {
        args: func.new_list(&args),
        ..then
    };
    end_with_jump(func, b, edge);
    true
}

/// `cond ? x : y` at the end of a block.
fn choose(func: &mut Func, b: Block, cond: Value, x: Value, y: Value, pos: u32) -> Value {
    let ty = func.ty(x);
    let is_truth = func.def(cond).is_some_and(|(_, d)| d.op == Op::Cmp);
    if ty == Ty::I32 && is_truth {
        match (func.constant(x), func.constant(y)) {
            (Some(1), Some(0)) => return cond,
            (Some(0), Some(1)) => {
                let i: Inst = func.append(b, Op::Cmp, Ty::I32, &[cond, x], Imm::Cmp(Cmp::Eq), pos);
                return func.inst(i).first_result;
            }
            _ => {}
        }
    }
    let i = func.append(b, Op::Select, ty, &[cond, x, y], Imm::None, pos);
    func.inst(i).first_result
}
