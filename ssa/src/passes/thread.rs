//! Jump threading: a way that decides a branch goes where the branch leads.
//!
//! ```text
//!   p: jump => B(null)                             p: jump => no
//!   q: jump => B(x), not null               ──▶    q: jump => yes(x)
//!   r: jump => B(y)                                r: jump => B(y)
//!   B(v): branch v == null => no, yes              B(v): branch v == null => no, yes(v)
//! ```
//!
//! That is what type tests come to, whose result is the object or null and is compared with null at once, and conditions that are
//! joined by `&&` and `||`. A way decides a branch by the constants that it passes, by what it has dereferenced, and by the
//! branches that it took before.
//!
//! Only small blocks without effects other than polls are copied ([`super::duplicate`]), and no back edge of a loop is doubled: other passes want
//! one.

use super::Target;
use super::cleanup::{self, end_with_jump};
use super::duplicate::duplicate;
use crate::analysis::Cfg;
use crate::eval;
use crate::ir::{Block, Func, Imm, Op, Ty, Value, ValueDef};
use isthmus_frontend_ir::op::Cmp;
use rustc_hash::{FxHashMap, FxHashSet};

/// Blocks with more instructions are left alone.
const MAX_INSTS: usize = 5;

/// Dominators of the end of a way that are asked what they know.
const MAX_STEPS: usize = 16;

/// Instructions that a condition is looked through.
const MAX_DEPTH: u32 = 3;

/// How often: each time, what was threaded may decide more.
const ROUNDS: usize = 3;

/// Runs the pass.
pub fn run(func: &mut Func, target: Target) -> bool {
    let mut changed = false;
    for _ in 0..ROUNDS {
        if !round(func) {
            break;
        }
        changed = true;
        // Joins what the copies left apart, so that the next round sees the branches next to each other.
        cleanup::run(func, target);
    }
    changed
}

/// A way into a block that decides the block's branch.
struct Way {
    pred: Block,
    /// Number of the edge in the predecessor's list.
    edge: usize,
    /// Number of the edge that the branch takes.
    taken: usize,
}

fn round(func: &mut Func) -> bool {
    let cfg = Cfg::new(func);
    // Blocks that end a way of this round, or are copied in it: no block is both.
    let mut preds: FxHashSet<Block> = FxHashSet::default();
    let mut copied: FxHashSet<Block> = FxHashSet::default();
    let mut found: Vec<(Block, Vec<Way>)> = Vec::new();
    for &b in &cfg.order {
        if preds.contains(&b) || !is_small_test(func, &cfg, b) {
            continue;
        }
        let mut ways = ways(func, &cfg, b);
        ways.retain(|w| !copied.contains(&w.pred));
        if !ways.is_empty() {
            preds.extend(ways.iter().map(|w| w.pred));
            copied.insert(b);
            found.push((b, ways));
        }
    }
    if found.is_empty() {
        return false;
    }
    let mut taken: FxHashMap<Block, usize> = FxHashMap::default();
    let mut originals = Vec::with_capacity(found.len());
    for (b, ways) in found {
        let mut ends = Vec::with_capacity(ways.len());
        for way in ways {
            let end = end_of(func, &way);
            taken.insert(end, way.taken);
            ends.push(end);
        }
        originals.push((b, ends));
    }
    duplicate(func, &originals, |func, end| {
        if let (Some((i, _)), Some(&n)) = (func.terminator(end), taken.get(&end)) {
            let edge = func.edges(i)[n];
            end_with_jump(func, end, edge);
        }
    });
    func.resolve_aliases();
    true
}

/// The block that ends with a jump along a way: the predecessor, or a new one on the edge.
fn end_of(func: &mut Func, way: &Way) -> Block {
    let Some((_, d)) = func.terminator(way.pred) else {
        return way.pred;
    };
    let (op, pos, at) = (d.op, d.pos, d.edges.start as usize + way.edge);
    if op == Op::Jump {
        return way.pred;
    }
    let edge = func.edges_pool[at];
    let end = func.new_block();
    func.blocks[end.index()].cold = func.block(edge.block).cold;
    let jump = func.append(end, Op::Jump, Ty::I32, &[], Imm::None, pos);
    func.set_edges(jump, &[edge]);
    func.edges_pool[at] = func.edge(end, &[]);
    end
}

/// Whether `b` does nothing but decide where to go, and more than one way leads to it, none of them back.
fn is_small_test(func: &Func, cfg: &Cfg, b: Block) -> bool {
    let preds = &cfg.preds[b.index()];
    let small = func.block(b).insts.len() <= MAX_INSTS;
    if preds.len() < 2 || !small || preds.iter().any(|p| cfg.dominates(b, p.0)) {
        return false;
    }
    let Some((_, d)) = func.terminator(b) else {
        return false;
    };
    // A poll may be asked on each way instead.
    let copies = func.block(b).insts.split_last().is_some_and(|(_, rest)| {
        rest.iter().all(|&i| match func.inst(i).op {
            Op::Poll => true,
            Op::CtxLoad | Op::SlotAddr => false,
            _ => func.effects(i).is_empty(),
        })
    });
    d.op == Op::Branch && copies
}

/// The ways into `b` that decide its branch.
fn ways(func: &Func, cfg: &Cfg, b: Block) -> Vec<Way> {
    let Some((i, _)) = func.terminator(b) else {
        return Vec::new();
    };
    let cond = func.args(i)[0];
    let mut out = Vec::new();
    for &(pred, e) in &cfg.preds[b.index()] {
        let (edge, Some((_, end))) = (func.successors(pred)[e as usize], func.terminator(pred))
        else {
            continue;
        };
        // The edge behind an instruction with a result leads to a block of its own.
        if edge.clause.is_some() || end.num_results > 0 {
            continue;
        }
        let way = Knowledge {
            func,
            cfg,
            block: b,
            pred,
            edge: e as usize,
        };
        let Some(decided) = way.constant(cond, MAX_DEPTH) else {
            continue;
        };
        let taken = usize::from(decided as i32 == 0);
        let goal = func.edges(i)[taken].block;
        if !cfg.dominates(goal, b) {
            out.push(Way {
                pred,
                edge: e as usize,
                taken,
            });
        }
    }
    out
}

/// What is known of values at the end of one edge.
struct Knowledge<'a> {
    func: &'a Func,
    cfg: &'a Cfg,
    /// The block that the edge leads to.
    block: Block,
    pred: Block,
    edge: usize,
}

impl Knowledge<'_> {
    /// The value on this way, if it is a constant.
    fn constant(&self, v: Value, depth: u32) -> Option<i64> {
        let func = self.func;
        let v = self.passed(v);
        if let Some(c) = func.constant(v) {
            return Some(c);
        }
        if let Some(truth) = self.decided(v) {
            return Some(i64::from(truth));
        }
        let (i, d) = func.def(v)?;
        if depth == 0 || d.op != Op::Cmp {
            return None;
        }
        let Imm::Cmp(cmp) = d.imm else {
            return None;
        };
        let (a, b) = (func.args(i)[0], func.args(i)[1]);
        let right = self.constant(b, depth - 1)?;
        if let Some(left) = self.constant(a, depth - 1) {
            return (!d.ty.is_float()).then(|| i64::from(eval::compare(cmp, d.ty, left, right)));
        }
        let null_test = d.ty.is_address() && right == 0;
        match cmp {
            Cmp::Eq if null_test && self.is_nonnull(self.passed(a)) => Some(0),
            Cmp::NeUn if null_test && self.is_nonnull(self.passed(a)) => Some(1),
            _ => None,
        }
    }

    /// What this way passes for a parameter of the block; other values as they are.
    fn passed(&self, v: Value) -> Value {
        let ValueDef::Param(b, n) = self.func.values[v.index()].def else {
            return v;
        };
        if b != self.block {
            return v;
        }
        let edge = self.func.successors(self.pred)[self.edge];
        self.func.list(edge.args)[n as usize]
    }

    /// Ends of blocks that were passed on this way, nearest first: each with the edge that was taken out of it, if that is known.
    fn trail(&self) -> impl Iterator<Item = (Block, Option<usize>)> + '_ {
        let mut next = Some((self.pred, Some(self.edge)));
        std::iter::from_fn(move || {
            let (b, edge) = next?;
            let up = self.cfg.idom[b.index()];
            next = (up != b).then(|| match self.cfg.preds[b.index()][..] {
                [(only, e)] => (only, Some(e as usize)),
                _ => (up, None),
            });
            Some((b, edge))
        })
        .take(MAX_STEPS)
    }

    /// What a branch on the same condition decided before.
    fn decided(&self, cond: Value) -> Option<bool> {
        self.trail().find_map(|(b, edge)| {
            let (i, d) = self.func.terminator(b)?;
            let edges = self.func.edges(i);
            (d.op == Op::Branch && self.func.args(i)[0] == cond && edges[0].block != edges[1].block)
                .then_some(edge? == 0)
        })
    }

    /// Whether a reference was found not to be null before.
    fn is_nonnull(&self, v: Value) -> bool {
        let func = self.func;
        if let Some((_, d)) = func.def(v)
            && matches!(d.op, Op::AllocObject | Op::AllocArray | Op::AllocString)
        {
            return true;
        }
        self.trail().any(|(b, edge)| {
            let taken = func.terminator(b).is_some_and(|(i, d)| {
                d.op == Op::Branch && edge.is_some_and(|e| self.proves(func.args(i)[0], e == 0, v))
            });
            taken
                || func.block_insts(b).any(|(i, d)| {
                    let base = usize::from(matches!(d.op, Op::Store | Op::StoreRef));
                    matches!(d.op, Op::Load | Op::Store | Op::StoreRef)
                        && func.args(i).get(base) == Some(&v)
                })
        })
    }

    /// Whether a condition says that `v` is not null.
    fn proves(&self, cond: Value, truth: bool, v: Value) -> bool {
        let Some((i, d)) = self.func.def(cond) else {
            return false;
        };
        let args = self.func.args(i);
        let about = d.op == Op::Cmp
            && d.ty.is_address()
            && args[0] == v
            && self.func.constant(args[1]) == Some(0);
        match d.imm {
            Imm::Cmp(Cmp::Eq) => about && !truth,
            Imm::Cmp(Cmp::NeUn) => about && truth,
            _ => false,
        }
    }
}
