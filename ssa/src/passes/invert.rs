//! Loop inversion: a loop that tests at its top tests at its bottom instead.
//!
//! ```text
//!   pre ──▶ H: test ──▶ body ──▶ latch ─┐           pre ──▶ H: test ──▶ body ──▶ latch: test ─┐
//!           ▲  └──▶ exit                │    ──▶             └──▶ exit    ▲      └──▶ exit     │
//!           └───────────────────────────┘                                └────────────────────┘
//! ```
//!
//! The header's instructions are copied to the end of each latch, so that the header runs once, as a guard. Values of the
//! header that are used elsewhere then have several definitions; they become variables and are built again
//! ([`crate::build::vars`]).

use super::Target;
use crate::analysis::Cfg;
use crate::build::vars::{Var, Vars};
use crate::ir::{Block, Edge, Effects, Func, Inst, Op, Value, ValueDef};
use rustc_hash::{FxHashMap, FxHashSet};

/// Headers with more instructions are left alone.
const MAX_TEST: usize = 16;

/// Runs the pass.
pub fn run(func: &mut Func, _: Target) -> bool {
    let cfg = Cfg::new(func);
    let mut headers: Vec<(Block, Vec<Block>)> = Vec::new();
    for &h in &cfg.order {
        let latches = latches(func, &cfg, h);
        if !latches.is_empty() && is_test(func, &cfg, h, &latches) {
            headers.push((h, latches));
        }
    }
    if headers.is_empty() {
        return false;
    }
    // Every value of a header is a variable.
    let mut vars = Vars::default();
    let mut var_of: FxHashMap<Value, Var> = FxHashMap::default();
    for (h, _) in &headers {
        let mut values = func.block(*h).params.clone();
        for (_, d) in func.block_insts(*h) {
            values.extend(d.results());
        }
        for v in values {
            var_of.insert(v, vars.new_var(func.ty(v)));
        }
    }
    // For each copy of a header: its values in the latch.
    let mut copies: FxHashMap<Block, FxHashMap<Value, Value>> = FxHashMap::default();
    for (h, latches) in &headers {
        for &l in latches {
            copies.insert(l, copy_test(func, *h, l));
        }
    }
    rebuild(func, &headers, &copies, &var_of, vars);
    // What is left of a header is outside of the loop: it need not poll.
    for (h, _) in &headers {
        let insts = std::mem::take(&mut func.blocks[h.index()].insts);
        func.blocks[h.index()].insts = insts
            .into_iter()
            .filter(|i| func.insts[i.index()].op != Op::Poll)
            .collect();
    }
    true
}

/// Blocks that jump back to `h`.
fn latches(func: &Func, cfg: &Cfg, h: Block) -> Vec<Block> {
    cfg.preds[h.index()]
        .iter()
        .map(|p| p.0)
        .filter(|&p| {
            cfg.dominates(h, p)
                && p != h
                && func.terminator(p).is_some_and(|(_, d)| d.op == Op::Jump)
        })
        .collect()
}

/// Whether `h` is a small test with one way out of the loop, which all latches come back to by a jump.
fn is_test(func: &Func, cfg: &Cfg, h: Block, latches: &[Block]) -> bool {
    let Some((i, d)) = func.terminator(h) else {
        return false;
    };
    if d.op != Op::Branch || func.block(h).insts.len() > MAX_TEST || h == func.entry() {
        return false;
    }
    let back = cfg.preds[h.index()]
        .iter()
        .filter(|p| cfg.dominates(h, p.0))
        .count();
    // More copies than one are rarely worth it.
    if back != latches.len() || latches.len() > 2 {
        return false;
    }
    let calls = func.block(h).insts.iter().any(|&i| {
        func.effects(i).intersects(Effects::CALLS | Effects::THROWS)
            || func.inst(i).op == Op::CtxLoad
            || func.inst(i).op == Op::SlotAddr
    });
    if calls {
        return false;
    }
    // One successor leads back to a latch, the other does not.
    let body = loop_blocks(cfg, h, latches);
    let inside = |e: &Edge| body.contains(&e.block) && e.block != h;
    let edges = func.edges(i);
    inside(&edges[0]) != inside(&edges[1])
}

fn loop_blocks(cfg: &Cfg, h: Block, latches: &[Block]) -> FxHashSet<Block> {
    let mut seen: FxHashSet<Block> = FxHashSet::default();
    seen.insert(h);
    let mut work: Vec<Block> = latches.to_vec();
    while let Some(b) = work.pop() {
        if seen.insert(b) {
            work.extend(cfg.preds[b.index()].iter().map(|p| p.0));
        }
    }
    seen
}

/// Replaces the jump at the end of `latch` by a copy of `h`; gives the copies of its values.
fn copy_test(func: &mut Func, h: Block, latch: Block) -> FxHashMap<Value, Value> {
    let mut map: FxHashMap<Value, Value> = FxHashMap::default();
    if let Some((jump, _)) = func.terminator(latch) {
        let args = func.list(func.edges(jump)[0].args).to_vec();
        for (&p, a) in func.block(h).params.iter().zip(args) {
            map.insert(p, a);
        }
    }
    func.blocks[latch.index()].insts.pop();
    for i in func.block(h).insts.clone() {
        let d = *func.inst(i);
        let args: Vec<Value> = func
            .args(i)
            .iter()
            .map(|a| map.get(a).copied().unwrap_or(*a))
            .collect();
        let edges: Vec<Edge> = func.edges(i).to_vec();
        let copy = func.make(d.op, d.ty, &args, d.imm, d.pos);
        for (a, b) in d.results().zip(func.inst(copy).results()) {
            map.insert(a, b);
        }
        if !edges.is_empty() {
            let edges: Vec<Edge> = edges
                .into_iter()
                .map(|e| {
                    let args: Vec<Value> = func
                        .list(e.args)
                        .iter()
                        .map(|a| map.get(a).copied().unwrap_or(*a))
                        .collect();
                    Edge {
                        args: func.new_list(&args),
                        ..e
                    }
                })
                .collect();
            func.set_edges(copy, &edges);
        }
        func.blocks[latch.index()].insts.push(copy);
    }
    map
}

/// Builds SSA again for the headers' values.
fn rebuild(
    func: &mut Func,
    headers: &[(Block, Vec<Block>)],
    copies: &FxHashMap<Block, FxHashMap<Value, Value>>,
    var_of: &FxHashMap<Value, Var>,
    mut vars: Vars,
) {
    let cfg = Cfg::new(func);
    let home = |func: &Func, v: Value| match func.values[v.index()].def {
        ValueDef::Param(b, _) => Some(b),
        ValueDef::Result(..) | ValueDef::Alias(_) => None,
    };
    // Where each header's values are defined.
    let mut block_of: FxHashMap<Value, Block> = FxHashMap::default();
    for (h, _) in headers {
        for &p in &func.block(*h).params {
            block_of.insert(p, home(func, p).unwrap_or(*h));
        }
        for (_, d) in func.block_insts(*h) {
            for r in d.results() {
                block_of.insert(r, *h);
            }
        }
    }
    for &b in &cfg.order {
        if vars.num_preds(b) == cfg.preds[b.index()].len() {
            vars.seal(func, b);
        }
        // Uses come before the copy's definitions, or are of them, which are not variables.
        let insts: Vec<Inst> = func.block(b).insts.clone();
        for &i in &insts {
            vars.rename_uses(func, b, i, |v| {
                let var = var_of.get(&v).copied();
                var.filter(|_| block_of.get(&v) != Some(&b))
            });
        }
        if headers.iter().any(|(h, _)| *h == b) {
            let mut values = func.block(b).params.clone();
            for (_, d) in func.block_insts(b) {
                values.extend(d.results());
            }
            for v in values {
                if let Some(&var) = var_of.get(&v) {
                    vars.write(b, var, v);
                }
            }
        }
        if let Some(map) = copies.get(&b) {
            // All at once: the new value may itself stand for a header's value, as in an exchange of two variables.
            let mut writes: Vec<(Var, Value)> = Vec::with_capacity(map.len());
            for (old, &new) in map {
                if let Some(&var) = var_of.get(old) {
                    let new = match var_of.get(&new) {
                        Some(&v) if block_of.get(&new) != Some(&b) => vars.read(func, b, v),
                        _ => new,
                    };
                    writes.push((var, new));
                }
            }
            for (var, v) in writes {
                vars.write(b, var, v);
            }
        }
        if let Some(&last) = func.block(b).insts.last() {
            vars.add_edges(func, b, last);
        }
    }
    vars.finish(func);
}
