//! Loop peeling: the first iteration of a small loop runs in a copy of the body.
//!
//! ```text
//!   pre ──▶ H: body ─┐            pre ──▶ H': copy ──▶ H: body ─┐
//!           ▲────────┘     ──▶                │        ▲────────┘
//!           └─▶ exit                          └─▶ exit ◀─┘
//! ```
//!
//! What the first iteration found out holds in the others: null checks, type tests, loads of what never changes, class
//! initialization and look-ups whose operands the loop does not change. Numbering then drops them from the loop, in whatever
//! order they stand between other effects, which moving them out could not do. Loops without such instructions stay as they are.
//!
//! Values of the body that are used behind the loop have two definitions then; they become variables and are built again
//! (`build::vars`).

use super::Target;
use super::hoist::loop_blocks;
use crate::analysis::Cfg;
use crate::build::vars::{Var, Vars};
use crate::ir::{AccessFlags, Block, CallTarget, Edge, Effects, Func, Inst, ListRef, Op, Value};
use rustc_hash::{FxHashMap, FxHashSet};

/// Loops with more instructions are left alone, unless there is much to gain.
const MAX_INSTS: usize = 60;

/// So many instructions more are worth it for each one that the copy saves in the loop.
const INSTS_PER_GAIN: usize = 10;

/// Loops with more instructions are left alone whatever there is to gain.
const MOST_INSTS: usize = 160;

/// A function does not grow beyond this many instructions by peeling.
const MAX_FUNCTION: usize = 4_000;

/// Runs the pass.
pub fn run(func: &mut Func, _: Target) -> bool {
    let mut changed = false;
    // Each peeling changes the shape of the function.
    let mut done: FxHashSet<Block> = FxHashSet::default();
    while let Some((cfg, header, body)) = next(func, &mut done) {
        peel(func, &cfg, header, &body);
        changed = true;
    }
    changed
}

/// The next loop to peel.
fn next(func: &Func, done: &mut FxHashSet<Block>) -> Option<(Cfg, Block, Vec<Block>)> {
    let cfg = Cfg::new(func);
    let size: usize = cfg.order.iter().map(|&b| func.block(b).insts.len()).sum();
    if size > MAX_FUNCTION {
        return None;
    }
    let is_header = |b: Block| cfg.preds[b.index()].iter().any(|p| cfg.dominates(b, p.0));
    for &header in &cfg.order {
        if header == func.entry() || !is_header(header) || !done.insert(header) {
            continue;
        }
        let set = loop_blocks(&cfg, header);
        let insts: usize = set.iter().map(|&b| func.block(b).insts.len()).sum();
        let inner = set.iter().any(|&b| b != header && is_header(b));
        let protected =
            (set.iter()).any(|&b| func.successors(b).iter().any(|e| e.clause.is_some()));
        if inner || protected || insts > MOST_INSTS || func.block(header).cold {
            continue;
        }
        let mut body: Vec<Block> = set.iter().copied().collect();
        body.sort_unstable_by_key(|b| cfg.position[b.index()]);
        let gain = gain(func, &cfg, header, &body);
        if gain > 0 && insts <= MAX_INSTS + INSTS_PER_GAIN * (gain - 1) {
            return Some((cfg, header, body));
        }
    }
    None
}

/// Instructions that run in every iteration and repeat what they did in the first one.
fn gain(func: &Func, cfg: &Cfg, header: Block, body: &[Block]) -> usize {
    let latches: Vec<Block> = (cfg.preds[header.index()].iter())
        .map(|p| p.0)
        .filter(|&p| cfg.dominates(header, p))
        .collect();
    let mut varying: FxHashSet<Value> = FxHashSet::default();
    // Whether hoisting would find nothing in the way, up to here.
    let mut hoistable = true;
    let mut gain = 0;
    for &b in body {
        hoistable &= b == header;
        varying.extend(&func.block(b).params);
        let always = latches.iter().all(|&l| cfg.dominates(b, l));
        for (i, d) in func.block_insts(b) {
            let fixed = !func.args(i).iter().any(|v| varying.contains(v));
            let repeats = fixed
                && match d.op {
                    Op::Load => d.access().is_some_and(|a| {
                        a.region.is_constant() && !a.flags.contains(AccessFlags::VOLATILE)
                    }),
                    Op::NullCheck | Op::TrapIf | Op::ClassInit | Op::GenericLookup => true,
                    Op::Branch => func.constant(func.args(i)[0]).is_none(),
                    Op::Call => {
                        matches!(func.call(i).map(|c| c.target), Some(CallTarget::Helper(_)))
                            && func.effects(i).is_empty()
                    }
                    _ => false,
                };
            let repeats_check = (d.access()).is_some_and(|a| {
                let base = usize::from(!matches!(d.op, Op::Load | Op::Lea));
                a.flags.contains(AccessFlags::NULL)
                    && func.args(i).get(base).is_some_and(|v| !varying.contains(v))
            });
            gain += usize::from(always && !hoistable && (repeats || repeats_check));
            let stays = Effects::THROWS | Effects::TRAPS | Effects::CALLS | Effects::WRITES;
            hoistable &= !func.effects(i).intersects(stays) || repeats || repeats_check;
            let pure = fixed && (func.effects(i).is_empty() || repeats) && d.op != Op::CtxLoad;
            if !pure {
                varying.extend(d.results());
            }
        }
    }
    gain
}

fn peel(func: &mut Func, cfg: &Cfg, header: Block, body: &[Block]) {
    let inside: FxHashSet<Block> = body.iter().copied().collect();
    let (blocks, values) = copy(func, body, Polls::Dropped);
    // Ways into the loop lead to the copy, and its ways back to the loop itself.
    for &(pred, e) in &cfg.preds[header.index()] {
        let target = match inside.contains(&pred) {
            // Of the copy of a latch.
            true => {
                let Some((i, _)) = func.terminator(blocks[&pred]) else {
                    continue;
                };
                let at = func.inst(i).edges.start + e;
                func.edges_pool[at as usize].block = header;
                continue;
            }
            false => blocks[&header],
        };
        let Some((i, _)) = func.terminator(pred) else {
            continue;
        };
        let at = func.inst(i).edges.start + e;
        func.edges_pool[at as usize].block = target;
    }
    bind_params(func, cfg, header, &inside, blocks[&header]);
    repair(func, &inside, &blocks, &values);
    func.resolve_aliases();
}

/// If there is one way into the loop only, the first iteration knows the values that it passes.
fn bind_params(func: &mut Func, cfg: &Cfg, header: Block, inside: &FxHashSet<Block>, first: Block) {
    let mut ways = (cfg.preds[header.index()].iter()).filter(|p| !inside.contains(&p.0));
    let (Some(&(pred, e)), None) = (ways.next(), ways.next()) else {
        return;
    };
    let Some((_, d)) = func.terminator(pred) else {
        return;
    };
    let at = (d.edges.start + e) as usize;
    let edge = func.edges_pool[at];
    if edge.clause.is_some() {
        return;
    }
    let args = func.list(edge.args).to_vec();
    let params = std::mem::take(&mut func.blocks[first.index()].params);
    for (p, a) in params.into_iter().zip(args) {
        func.replace(p, a);
    }
    func.edges_pool[at].args = func.new_list(&[]);
}

/// Copies of blocks and of their values.
type Copies = (FxHashMap<Block, Block>, FxHashMap<Value, Value>);

/// What becomes of polls in a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Polls {
    /// The copy runs again and again.
    Kept,
    /// It runs once.
    Dropped,
}

/// Copies blocks; edges among them go to the copies.
pub(super) fn copy(func: &mut Func, body: &[Block], polls: Polls) -> Copies {
    let mut blocks: FxHashMap<Block, Block> = FxHashMap::default();
    let mut values: FxHashMap<Value, Value> = FxHashMap::default();
    let mut made: Vec<(Inst, Inst)> = Vec::new();
    for &b in body {
        let c = func.new_block();
        blocks.insert(b, c);
        func.blocks[c.index()].cold = func.block(b).cold;
        for p in func.block(b).params.clone() {
            let ty = func.ty(p);
            values.insert(p, func.add_param(c, ty));
        }
        for i in func.block(b).insts.clone() {
            let d = *func.inst(i);
            if d.op == Op::Poll && polls == Polls::Dropped {
                continue;
            }
            let args = func.args(i).to_vec();
            let copy = func.append(c, d.op, d.ty, &args, d.imm, d.pos);
            for (from, to) in d.results().zip(func.inst(copy).results()) {
                values.insert(from, to);
            }
            made.push((i, copy));
        }
    }
    let map = |func: &mut Func, list: ListRef| -> ListRef {
        let mapped: Vec<Value> = (func.list(list).iter())
            .map(|v| values.get(v).copied().unwrap_or(*v))
            .collect();
        func.new_list(&mapped)
    };
    for (from, to) in made {
        let args = func.inst(to).args;
        func.insts[to.index()].args = map(func, args);
        let edges: Vec<Edge> = func.edges(from).to_vec();
        if !edges.is_empty() {
            let edges: Vec<Edge> = edges
                .into_iter()
                .map(|e| Edge {
                    block: blocks.get(&e.block).copied().unwrap_or(e.block),
                    args: map(func, e.args),
                    clause: e.clause,
                })
                .collect();
            func.set_edges(to, &edges);
        }
    }
    (blocks, values)
}

/// Builds SSA again for what the loop defines and others use.
pub(super) fn repair(
    func: &mut Func,
    inside: &FxHashSet<Block>,
    blocks: &FxHashMap<Block, Block>,
    values: &FxHashMap<Value, Value>,
) {
    let cfg = Cfg::new(func);
    let copies: FxHashSet<Block> = blocks.values().copied().collect();
    let outside = |b: Block| !inside.contains(&b) && !copies.contains(&b);
    let mut vars = Vars::default();
    let mut var_of: FxHashMap<Value, Var> = FxHashMap::default();
    let mut note = |func: &Func, v: Value, vars: &mut Vars| {
        if values.contains_key(&v) {
            var_of.entry(v).or_insert_with(|| vars.new_var(func.ty(v)));
        }
    };
    for &b in cfg.order.iter().filter(|&&b| outside(b)) {
        for (i, _) in func.block_insts(b) {
            for &v in func.args(i) {
                note(func, v, &mut vars);
            }
            for e in func.edges(i) {
                for &v in func.list(e.args) {
                    note(func, v, &mut vars);
                }
            }
        }
    }
    if var_of.is_empty() {
        return;
    }
    // Where each is defined, and defined again.
    let mut writes: FxHashMap<Block, Vec<(Var, Value)>> = FxHashMap::default();
    for (&b, &c) in blocks {
        let mut defined = func.block(b).params.clone();
        for (_, d) in func.block_insts(b) {
            defined.extend(d.results());
        }
        for v in defined {
            if let Some(&var) = var_of.get(&v) {
                writes.entry(b).or_default().push((var, v));
                writes.entry(c).or_default().push((var, values[&v]));
            }
        }
    }
    for &b in &cfg.order {
        if vars.num_preds(b) == cfg.preds[b.index()].len() {
            vars.seal(func, b);
        }
        for &(var, v) in writes.get(&b).map_or(&[][..], |w| w) {
            vars.write(b, var, v);
        }
        if outside(b) {
            for i in func.block(b).insts.clone() {
                vars.rename_uses(func, b, i, |v| var_of.get(&v).copied());
            }
        }
        if let Some(&last) = func.block(b).insts.last() {
            vars.add_edges(func, b, last);
        }
    }
    vars.finish(func);
}
