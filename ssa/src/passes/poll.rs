//! Polls of counted loops: every 1024th iteration is enough.
//!
//! A loop whose test says how far it counts does so in pieces, and polls between them. Nothing is left of the poll in its iterations; it only
//! costs a second test when it ends. A loop that surely ends before the first piece does needs no poll.
//!
//! ```text
//!   P: jump => H(i0)                  P: jump => H(i0, nearest(n, i0 + 1024))
//!   H(i): …                     ──▶   H(i, m): …
//!         poll                              branch i + 1 < m => H(i + 1, m), L
//!         branch i + 1 < n => H(i + 1), x   L: branch i + 1 < n => ask, x
//!                                     ask (cold): poll; jump => H(i + 1, nearest(n, m + 1024))
//! ```
//!
//! `m` is never beyond `n`, so nothing depends on where it lies but how often the loop polls; a sum that overflows makes it poll each time.
//! The other loops with a counter ask it:
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
use super::fold;
use super::hoist::{is_from_before, loop_blocks};
use super::induction::Loop;
use crate::analysis::Cfg;
use crate::ir::{Block, Edge, Effects, Func, Imm, Inst, Op, Ty, Value};
use isthmus_frontend_ir::op::Cmp;
use rustc_hash::FxHashSet;

/// Iterations between two polls; a power of two.
const STRIDE: i64 = 1024;

/// Steps of counters at most.
const MAX_STEP: i64 = 1 << 10;

/// Loops with more instructions poll each time: it costs them little.
const MAX_INSTS: usize = 64;

/// Runs the pass.
pub fn run(func: &mut Func, _: Target) -> bool {
    let cfg = Cfg::new(func);
    let is_header = |b: Block| cfg.preds[b.index()].iter().any(|p| cfg.dominates(b, p.0));
    let mut changed = false;
    // Backwards: the edge from a loop to the next one is changed with the next one first.
    for &header in cfg.order.iter().rev().filter(|&&b| is_header(b)) {
        let body = loop_blocks(&cfg, header);
        let inner = body.iter().any(|&b| b != header && is_header(b));
        if inner || !is_short(func, &body) {
            continue;
        }
        let polls = polls(func, &body);
        if let [poll] = polls[..]
            && let Some(l) = Loop::new(&cfg, header, body)
            && cfg.position[l.entry.0.index()] < cfg.position[header.index()]
            && (func.terminator(l.entry.0)).is_some_and(|(_, d)| d.num_results == 0)
            && let Some(count) = Count::of(func, &l)
        {
            count_in_pieces(func, &l, &count, poll);
            changed = true;
            continue;
        }
        let Some(counter) = counter(func, &cfg, header) else {
            continue;
        };
        for (b, place) in polls {
            let counter = next_value(func, b, place, counter).unwrap_or(counter);
            poll_rarely(func, b, place, counter);
            changed = true;
        }
    }
    changed
}

/// The polls of a loop: block, and place in it.
fn polls(func: &Func, body: &FxHashSet<Block>) -> Vec<(Block, usize)> {
    let place = |b: Block| {
        let mut insts = func.block(b).insts.iter();
        insts.position(|&i| func.inst(i).op == Op::Poll)
    };
    let mut polls: Vec<(Block, usize)> = (body.iter())
        .filter_map(|&b| place(b).map(|place| (b, place)))
        .collect();
    polls.sort_unstable();
    polls
}

fn is_short(func: &Func, body: &FxHashSet<Block>) -> bool {
    let insts = || body.iter().flat_map(|&b| func.block(b).insts.iter());
    insts().count() <= MAX_INSTS
        && insts().all(|&i| !func.effects(i).intersects(Effects::CALLS | Effects::THROWS))
}

// ---- loops whose test says how far they count

/// How far a loop counts: it goes on while `next` compares so with the limit.
struct Count {
    cmp: Cmp,
    first: Value,
    next: Value,
    /// From before the loop, or a constant.
    limit: Value,
    step: i64,
}

impl Count {
    fn of(func: &Func, l: &Loop) -> Option<Count> {
        let (latch, e) = l.back;
        let (i, d) = func.terminator(latch)?;
        let (test, c) = func.def(*func.args(i).first()?)?;
        let Imm::Cmp(mut cmp) = c.imm else {
            return None;
        };
        if d.op != Op::Branch || c.op != Op::Cmp || !matches!(c.ty, Ty::I32 | Ty::Ptr) {
            return None;
        }
        if e != 0 {
            cmp = cmp.negate(false);
        }
        let &[a, b] = func.args(test) else {
            return None;
        };
        Self::new(func, l, cmp, a, b).or_else(|| Self::new(func, l, fold::exchanged(cmp), b, a))
    }

    fn new(func: &Func, l: &Loop, cmp: Cmp, next: Value, limit: Value) -> Option<Count> {
        let (i, d) = func.def(next)?;
        let &[p, by] = func.args(i) else {
            return None;
        };
        let by = func.constant(by)?;
        let step = match d.op {
            Op::Add => by,
            Op::Sub => by.checked_neg()?,
            _ => return None,
        };
        let n = (func.block(l.header).params.iter()).position(|&q| q == p)?;
        let argument = |(pred, e): (Block, u32)| {
            let edge = func.successors(pred)[e as usize];
            let plain = edge.clause.is_none();
            plain
                .then(|| func.list(edge.args).get(n).copied())
                .flatten()
        };
        let towards = match cmp {
            Cmp::Lt | Cmp::Le | Cmp::LtUn | Cmp::LeUn => step > 0,
            Cmp::Gt | Cmp::Ge | Cmp::GtUn | Cmp::GeUn => step < 0,
            Cmp::Eq | Cmp::NeUn => false,
        };
        let fits = towards
            && step.abs() <= MAX_STEP
            && argument(l.back)? == next
            && (func.constant(limit).is_some() || is_from_before(func, &l.body, limit));
        Some(Count {
            cmp,
            first: argument(l.entry)?,
            next,
            limit,
            step,
        })
        .filter(|_| fits)
    }

    /// Whether the loop is known to end before the first poll.
    fn is_soon_over(&self, func: &Func) -> bool {
        let (Some(first), Some(limit)) = (func.constant(self.first), func.constant(self.limit))
        else {
            return false;
        };
        let signed = matches!(self.cmp, Cmp::Lt | Cmp::Le | Cmp::Gt | Cmp::Ge);
        let turns = (i128::from(limit) - i128::from(first)) / i128::from(self.step);
        // Steps that do not reach the end of the type: the limit is passed without wrapping around.
        let fits = |v: i64| v.unsigned_abs() < (i32::MAX as i64 - MAX_STEP) as u64;
        signed && fits(first) && fits(limit) && turns < i128::from(STRIDE)
    }

    /// Makes the nearer one of the limit and of what is reached from a value in [`STRIDE`] iterations.
    fn nearest(&self, func: &mut Func, b: Block, from: Value, pos: u32) -> Value {
        let ty = func.ty(from);
        let limit = func.constant(self.limit);
        let mut emit = |op, args: &[Value], imm| {
            let i = func.append(b, op, ty, args, imm, pos);
            func.inst(i).first_result
        };
        // A constant may stand in the loop.
        let limit = match limit {
            Some(c) => emit(Op::Const, &[], Imm::Bits(c)),
            None => self.limit,
        };
        let by = emit(Op::Const, &[], Imm::Bits(STRIDE * self.step));
        let far = emit(Op::Add, &[from, by], Imm::None);
        let is_near = emit(Op::Cmp, &[limit, far], Imm::Cmp(self.cmp));
        emit(Op::Select, &[is_near, limit, far], Imm::None)
    }
}

fn count_in_pieces(func: &mut Func, l: &Loop, count: &Count, (home, place): (Block, usize)) {
    let poll: Inst = func.blocks[home.index()].insts.remove(place);
    if count.is_soon_over(func) {
        return;
    }
    let pos = func.inst(poll).pos;
    let ty = func.ty(count.next);
    let (before, last, ask) = (func.new_block(), func.new_block(), func.new_block());
    func.blocks[before.index()].cold = func.block(l.header).cold;
    func.blocks[last.index()].cold = func.block(l.back.0).cold;
    func.blocks[ask.index()].cold = true;
    let (pred, e) = l.entry;
    let (Some((_, entering)), Some((branch, leaving))) =
        (func.terminator(pred), func.terminator(l.back.0))
    else {
        return;
    };
    let at = (entering.edges.start + e) as usize;
    let into = func.edges_pool[at];
    let (back, out) = {
        let edges = &func.edges_pool[leaving.edges.start as usize..][..2];
        let back = l.back.1 as usize;
        (edges[back], edges[1 - back])
    };
    let condition = func.args(branch)[0];

    func.edges_pool[at] = func.edge(before, &[]);
    let end = count.nearest(func, before, count.first, pos);
    jump(func, before, into, end, pos);

    let end = func.add_param(l.header, ty);
    func.blocks[l.back.0.index()].insts.pop();
    let goes_on = func.append(
        l.back.0,
        Op::Cmp,
        ty,
        &[count.next, end],
        Imm::Cmp(count.cmp),
        pos,
    );
    let goes_on = func.inst(goes_on).first_result;
    let again = with_argument(func, back, end);
    let rest = func.edge(last, &[]);
    let test = func.append(l.back.0, Op::Branch, Ty::I32, &[goes_on], Imm::None, pos);
    func.set_edges(test, &[again, rest]);

    let test = func.append(last, Op::Branch, Ty::I32, &[condition], Imm::None, pos);
    let mut ways = [out; 2];
    ways[l.back.1 as usize] = func.edge(ask, &[]);
    func.set_edges(test, &ways);

    func.blocks[ask.index()].insts.push(poll);
    // From the end of the piece before, where the counter is now: a sum of the counter would keep its value before the step alive.
    let next_end = count.nearest(func, ask, end, pos);
    jump(func, ask, back, next_end, pos);
}

/// An edge with one more argument.
fn with_argument(func: &mut Func, edge: Edge, v: Value) -> Edge {
    let mut args = func.list(edge.args).to_vec();
    args.push(v);
    func.edge(edge.block, &args)
}

/// Ends a block with a jump along an edge, with one more argument.
fn jump(func: &mut Func, b: Block, edge: Edge, v: Value, pos: u32) {
    let jump = func.append(b, Op::Jump, Ty::I32, &[], Imm::None, pos);
    let edge = with_argument(func, edge, v);
    func.set_edges(jump, &[edge]);
}

// ---- other loops with a counter

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
