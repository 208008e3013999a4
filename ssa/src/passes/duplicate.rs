//! Copies of small blocks at the end of their predecessors: tail duplication.
//!
//! ```text
//!   p ──▶ B ──▶ s                 p; copy of B ──▶ s
//!   q ──▶ B                 ──▶   q ──▶ B ──▶ s
//! ```
//!
//! Values of the block that are used elsewhere then have several definitions; they become variables and are built again
//! (`build::vars`).

use crate::analysis::Cfg;
use crate::build::vars::{Var, Vars};
use crate::ir::{Block, Edge, Func, Inst, Value, ValueDef};
use rustc_hash::FxHashMap;

/// Replaces jumps by copies of the blocks that they lead to: for each block, those of its predecessors that get a copy, which
/// end with a jump to it. No block is both. `change` may simplify what a
/// predecessor with a copy ends with.
pub fn duplicate(
    func: &mut Func,
    originals: &[(Block, Vec<Block>)],
    mut change: impl FnMut(&mut Func, Block),
) {
    let mut vars = Vars::default();
    let mut var_of: FxHashMap<Value, Var> = FxHashMap::default();
    for (b, _) in originals {
        let mut values = func.block(*b).params.clone();
        for (_, d) in func.block_insts(*b) {
            values.extend(d.results());
        }
        for v in values {
            var_of.insert(v, vars.new_var(func.ty(v)));
        }
    }
    // For each copy: the values that stand for those of the original.
    let mut copies: FxHashMap<Block, FxHashMap<Value, Value>> = FxHashMap::default();
    for (b, preds) in originals {
        for &p in preds {
            copies.insert(p, append(func, *b, p));
            change(func, p);
        }
    }
    rebuild(func, originals, &copies, &var_of, vars);
}

/// Replaces the jump at the end of `pred` by a copy of `block`; gives the copies of its values.
fn append(func: &mut Func, block: Block, pred: Block) -> FxHashMap<Value, Value> {
    let mut map: FxHashMap<Value, Value> = FxHashMap::default();
    if let Some((jump, _)) = func.terminator(pred) {
        let args = func.list(func.edges(jump)[0].args).to_vec();
        for (&p, a) in func.block(block).params.iter().zip(args) {
            map.insert(p, a);
        }
    }
    func.blocks[pred.index()].insts.pop();
    for i in func.block(block).insts.clone() {
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
        func.blocks[pred.index()].insts.push(copy);
    }
    map
}

/// Builds SSA again for the originals' values.
fn rebuild(
    func: &mut Func,
    originals: &[(Block, Vec<Block>)],
    copies: &FxHashMap<Block, FxHashMap<Value, Value>>,
    var_of: &FxHashMap<Value, Var>,
    mut vars: Vars,
) {
    let cfg = Cfg::new(func);
    let home = |func: &Func, v: Value| match func.values[v.index()].def {
        ValueDef::Param(b, _) => Some(b),
        ValueDef::Result(..) | ValueDef::Alias(_) => None,
    };
    // Where each original's values are defined.
    let mut block_of: FxHashMap<Value, Block> = FxHashMap::default();
    for (h, _) in originals {
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
        if originals.iter().any(|(h, _)| *h == b) {
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
            // All at once: the new value may itself stand for an original's value, as in an exchange of two variables.
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
