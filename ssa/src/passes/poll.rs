//! Polls of counted loops: every 1024th iteration is enough.
//!
//! ```text
//!   latch: poll                 latch: branch (i & 1023) == 0 => ask, rest
//!          branch … => header   ask (cold): poll; jump => rest
//!                               rest: branch … => header
//! ```
//!
//! `i` is the counter's next value where the block has it: most counters start at 0, and short loops shall not poll at once.
//! Only loops without loops and calls inside, whose counter goes up or down by one: they take microseconds between
//! two polls. Loops around them poll each time, so that short loops that never come to a poll do no harm.

use super::Target;
use super::hoist::loop_blocks;
use crate::analysis::Cfg;
use crate::ir::{Block, Edge, Effects, Func, Imm, Inst, Op, Ty, Value};
use isthmus_frontend_ir::op::Cmp;
use rustc_hash::FxHashSet;

/// Iterations between two polls; a power of two.
const STRIDE: i64 = 1024;

/// Loops with more instructions poll each time: it costs them little.
const MAX_INSTS: usize = 64;

/// Runs the pass.
pub fn run(func: &mut Func, _: Target) -> bool {
    let cfg = Cfg::new(func);
    let is_header = |b: Block| cfg.preds[b.index()].iter().any(|p| cfg.dominates(b, p.0));
    let mut changed = false;
    for &header in cfg.order.iter().filter(|&&b| is_header(b)) {
        let body = loop_blocks(&cfg, header);
        let inner = body.iter().any(|&b| b != header && is_header(b));
        if inner || !is_short(func, &body) {
            continue;
        }
        let Some(counter) = counter(func, &cfg, header) else {
            continue;
        };
        let mut polls: Vec<(Block, usize)> = Vec::new();
        for &b in &body {
            let insts = &func.block(b).insts;
            polls.extend(
                (insts.iter().position(|&i| func.inst(i).op == Op::Poll)).map(|place| (b, place)),
            );
        }
        polls.sort_unstable();
        for (b, place) in polls {
            let counter = next_value(func, b, place, counter).unwrap_or(counter);
            poll_rarely(func, b, place, counter);
            changed = true;
        }
    }
    changed
}

fn is_short(func: &Func, body: &FxHashSet<Block>) -> bool {
    let insts = || body.iter().flat_map(|&b| func.block(b).insts.iter());
    insts().count() <= MAX_INSTS
        && insts().all(|&i| !func.effects(i).intersects(Effects::CALLS | Effects::THROWS))
}

/// A parameter of the header that changes by one each time round.
fn counter(func: &Func, cfg: &Cfg, header: Block) -> Option<Value> {
    let params = &func.block(header).params;
    let steps = |n: usize, p: Value| {
        cfg.preds[header.index()]
            .iter()
            .filter(|&&(pred, _)| cfg.dominates(header, pred))
            .all(|&(pred, e)| {
                let edge = func.successors(pred)[e as usize];
                let next = func.list(edge.args).get(n).and_then(|&v| func.def(v));
                next.is_some_and(|(i, d)| {
                    let args = func.args(i);
                    let by = args.get(1).and_then(|&v| func.constant(v));
                    matches!(d.op, Op::Add | Op::Sub) && args[0] == p && matches!(by, Some(1 | -1))
                })
            })
    };
    params
        .iter()
        .enumerate()
        .find(|&(n, &p)| matches!(func.ty(p), Ty::I32 | Ty::Ptr) && steps(n, p))
        .map(|(_, &p)| p)
}

/// The counter's next value, if the block computes it before the poll.
fn next_value(func: &Func, b: Block, place: usize, counter: Value) -> Option<Value> {
    let before = &func.block(b).insts[..place];
    let next = before.iter().rev().find(|&&i| {
        let args = func.args(i);
        matches!(func.inst(i).op, Op::Add | Op::Sub)
            && args[0] == counter
            && matches!(func.constant(args[1]), Some(1 | -1))
    })?;
    func.inst(*next).result()
}

fn poll_rarely(func: &mut Func, b: Block, place: usize, counter: Value) {
    let mut insts = std::mem::take(&mut func.blocks[b.index()].insts);
    let rest_insts = insts.split_off(place + 1);
    let poll: Inst = insts[place];
    insts.truncate(place);
    let pos = func.inst(poll).pos;
    let (ask, rest) = (func.new_block(), func.new_block());
    func.blocks[rest.index()].cold = func.block(b).cold;
    func.blocks[rest.index()].insts = rest_insts;
    func.blocks[ask.index()].cold = true;
    func.blocks[b.index()].insts = insts;
    let to_rest = |func: &mut Func| -> Edge { func.edge(rest, &[]) };

    let ty = func.ty(counter);
    let mut constant = |c| {
        let i = func.append(b, Op::Const, ty, &[], Imm::Bits(c), pos);
        func.inst(i).first_result
    };
    let (mask, zero) = (constant(STRIDE - 1), constant(0));
    let low = func.append(b, Op::And, ty, &[counter, mask], Imm::None, pos);
    let low = func.inst(low).first_result;
    let is_due = func.append(b, Op::Cmp, ty, &[low, zero], Imm::Cmp(Cmp::Eq), pos);
    let is_due = func.inst(is_due).first_result;
    let branch = func.append(b, Op::Branch, Ty::I32, &[is_due], Imm::None, pos);
    let edges = [func.edge(ask, &[]), to_rest(func)];
    func.set_edges(branch, &edges);

    func.blocks[ask.index()].insts.push(poll);
    let jump = func.append(ask, Op::Jump, Ty::I32, &[], Imm::None, pos);
    let edge = to_rest(func);
    func.set_edges(jump, &[edge]);
}
