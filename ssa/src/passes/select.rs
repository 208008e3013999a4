//! If conversion: a branch whose ways meet at once becomes a choice between values.
//!
//! ```text
//!   branch c => b(x, z), b(y, z)      ──▶      v = select c, x, y
//!                                              jump => b(v, z)
//! ```
//!
//! That is what minima, maxima and conditional expressions of variables and constants come to when blocks that only jump are
//! threaded. The processor need not guess; both values exist anyway.

use super::Target;
use super::cleanup::end_with_jump;
use crate::ir::{Block, Edge, Func, Imm, Inst, Op, Ty, Value};
use isthmus_frontend_ir::op::Cmp;

/// Choices that one branch may become: more are better guessed once.
const MAX_CHOICES: usize = 2;

/// Runs the pass.
pub fn run(func: &mut Func, _: Target) -> bool {
    let mut changed = false;
    for n in 0..func.blocks.len() {
        changed |= convert(func, Block::from_index(n));
    }
    changed
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
