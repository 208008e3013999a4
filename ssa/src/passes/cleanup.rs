//! Control flow: constant branches, unreachable blocks, redundant parameters, chains of blocks.

use super::Target;
use crate::analysis::Cfg;
use crate::ir::{Block, Edge, Func, Imm, Inst, ListRef, Op, Ty, Value, ValueDef};

/// Runs the pass.
pub fn run(func: &mut Func, _: Target) -> bool {
    let mut changed = false;
    // Each round enables the next; a few are enough, and more would not be worth the time.
    for _ in 0..4 {
        let mut again = fold_branches(func);
        again |= thread_jumps(func);
        let cfg = Cfg::new(func);
        drop_unreachable(func, &cfg);
        again |= drop_redundant_params(func, &cfg);
        again |= merge_chains(func);
        changed |= again;
        if !again {
            break;
        }
    }
    changed
}

/// Replaces the ending instruction of a block by a jump along an edge.
pub fn end_with_jump(func: &mut Func, b: Block, edge: Edge) {
    let Some(&last) = func.block(b).insts.last() else {
        return;
    };
    let edge = Edge {
        clause: None,
        ..edge
    };
    let pos = func.inst(last).pos;
    let jump = func.make(Op::Jump, Ty::I32, &[], Imm::None, pos);
    func.set_edges(jump, &[edge]);
    if let Some(place) = func.blocks[b.index()].insts.last_mut() {
        *place = jump;
    }
}

fn same_edge(func: &Func, a: &Edge, b: &Edge) -> bool {
    a.block == b.block && func.list(a.args) == func.list(b.args)
}

fn fold_branches(func: &mut Func) -> bool {
    let mut changed = false;
    for n in 0..func.blocks.len() {
        let b = Block::from_index(n);
        let Some((i, d)) = func.terminator(b) else {
            continue;
        };
        let edges = func.edges(i);
        let taken = match d.op {
            Op::Branch | Op::Switch => match func.constant(func.args(i)[0]) {
                Some(c) if d.op == Op::Branch => Some(usize::from(c as i32 == 0)),
                Some(c) => Some((c as u32 as usize).min(edges.len() - 1)),
                None if edges[1..].iter().all(|e| same_edge(func, e, &edges[0])) => Some(0),
                None => None,
            },
            _ => None,
        };
        if let Some(edge) = taken.map(|t| edges[t]) {
            end_with_jump(func, b, edge);
            changed = true;
        }
    }
    changed
}

/// Edges to a block that only jumps on go to its target.
fn thread_jumps(func: &mut Func) -> bool {
    // Where a block without parameters that only jumps leads.
    let forward = |func: &Func, b: Block| -> Option<Edge> {
        let data = func.block(b);
        let [only] = data.insts.as_slice() else {
            return None;
        };
        let d = func.inst(*only);
        if d.op != Op::Jump || !data.params.is_empty() {
            return None;
        }
        let edge = func.edges(*only)[0];
        (edge.block != b).then_some(edge)
    };
    let mut changed = false;
    for n in 0..func.blocks.len() {
        let b = Block::from_index(n);
        let Some((i, d)) = func.terminator(b) else {
            continue;
        };
        // The normal edge of an instruction with results and handlers leads to a block of its own.
        let fixed = d.num_results > 0;
        for e in d.edges.range() {
            if func.edges_pool[e].clause.is_some() || fixed {
                continue;
            }
            let mut steps = 0;
            while let Some(next) = forward(func, func.edges_pool[e].block) {
                func.edges_pool[e] = next;
                changed = true;
                steps += 1;
                if steps > 8 {
                    break;
                }
            }
        }
        let _ = i;
    }
    changed
}

fn drop_unreachable(func: &mut Func, cfg: &Cfg) {
    for n in 0..func.blocks.len() {
        if !cfg.is_reachable(Block::from_index(n)) {
            func.blocks[n].insts.clear();
            func.blocks[n].params.clear();
        }
    }
}

/// The arguments that an edge passes for parameter `n` of its target.
fn edge_arg(func: &Func, edge: &Edge, n: usize) -> Option<Value> {
    let skip = if edge.clause.is_some() { 2 } else { 0 };
    let args = func.list(edge.args);
    n.checked_sub(skip).and_then(|n| args.get(n)).copied()
}

/// Parameters for which every predecessor passes the same value.
fn drop_redundant_params(func: &mut Func, cfg: &Cfg) -> bool {
    let mut changed = false;
    for &b in &cfg.order {
        if func.block(b).params.is_empty() || cfg.preds[b.index()].is_empty() {
            continue;
        }
        let mut keep = vec![true; func.block(b).params.len()];
        for (n, &p) in func.block(b).params.clone().iter().enumerate() {
            let mut same: Option<Value> = None;
            let redundant = cfg.preds[b.index()].iter().all(|&(pred, e)| {
                let edge = func.successors(pred)[e as usize];
                let Some(arg) = edge_arg(func, &edge, n) else {
                    return false;
                };
                let arg = func.resolve(arg);
                if arg == p || same == Some(arg) {
                    return true;
                }
                same.replace(arg).is_none()
            });
            if let (true, Some(v)) = (redundant, same) {
                func.replace(p, v);
                keep[n] = false;
                changed = true;
            }
        }
        remove_params(func, cfg, b, &keep);
    }
    if changed {
        func.resolve_aliases();
    }
    changed
}

/// Removes the parameters of a block that are not kept, and their arguments on all edges.
pub fn remove_params(func: &mut Func, cfg: &Cfg, b: Block, keep: &[bool]) {
    if keep.iter().all(|&k| k) {
        return;
    }
    let old = std::mem::take(&mut func.blocks[b.index()].params);
    let mut params = Vec::with_capacity(old.len());
    for (&v, &k) in old.iter().zip(keep) {
        if k {
            func.values[v.index()].def = ValueDef::Param(b, params.len() as u32);
            params.push(v);
        }
    }
    func.blocks[b.index()].params = params;
    for &(pred, e) in &cfg.preds[b.index()] {
        let Some(&last) = func.block(pred).insts.last() else {
            continue;
        };
        let at = func.inst(last).edges.start + e;
        let edge = func.edges_pool[at as usize];
        let skip = if edge.clause.is_some() { 2 } else { 0 };
        let args: Vec<Value> = func
            .list(edge.args)
            .iter()
            .zip(&keep[skip.min(keep.len())..])
            .filter(|(_, k)| **k)
            .map(|(&v, _)| v)
            .collect();
        let list: ListRef = func.new_list(&args);
        func.edges_pool[at as usize].args = list;
    }
}

/// Appends to a block its only successor, if that has no other predecessor.
fn merge_chains(func: &mut Func) -> bool {
    let n = func.blocks.len();
    let mut preds = vec![0u32; n];
    for b in 0..n {
        for e in func.successors(Block::from_index(b)) {
            preds[e.block.index()] += 1;
        }
    }
    let mut changed = false;
    for n in 0..n {
        let b = Block::from_index(n);
        while let Some((i, d)) = func.terminator(b) {
            if d.op != Op::Jump {
                break;
            }
            let edge = func.edges(i)[0];
            let next = edge.block;
            if next == b || next == func.entry() || preds[next.index()] != 1 {
                break;
            }
            let args = func.list(edge.args).to_vec();
            let params = std::mem::take(&mut func.blocks[next.index()].params);
            for (p, a) in params.into_iter().zip(args) {
                func.replace(p, a);
            }
            let rest: Vec<Inst> = std::mem::take(&mut func.blocks[next.index()].insts);
            let insts = &mut func.blocks[n].insts;
            insts.pop();
            insts.extend(rest);
            changed = true;
        }
    }
    if changed {
        func.resolve_aliases();
    }
    changed
}
