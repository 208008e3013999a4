//! Dead code: instructions without effects whose results nothing needs, and parameters that nothing needs.

use super::Target;
use super::cleanup::remove_params;
use crate::analysis::Cfg;
use crate::ir::{Effects, Func, Imm, Inst, Value, ValueDef};

/// Runs the pass.
pub fn run(func: &mut Func, _: Target) -> bool {
    let cfg = Cfg::new(func);
    let mut live = vec![false; func.values.len()];
    let mut live_insts = vec![false; func.insts.len()];
    let mut work: Vec<Value> = Vec::new();
    let mark = |v: Value, live: &mut Vec<bool>, work: &mut Vec<Value>| {
        if !std::mem::replace(&mut live[v.index()], true) {
            work.push(v);
        }
    };
    for &b in &cfg.order {
        let landing = is_landing(func, &cfg, b);
        let params = &func.block(b).params;
        let fixed = if b == func.entry() {
            params.len()
        } else if landing {
            2
        } else {
            0
        };
        for &p in &params[..fixed] {
            mark(p, &mut live, &mut work);
        }
        for (i, d) in func.block_insts(b) {
            if d.ends_block() || needed(func, i) {
                live_insts[i.index()] = true;
                for &a in func.args(i) {
                    mark(a, &mut live, &mut work);
                }
            }
        }
    }
    while let Some(v) = work.pop() {
        match func.values[v.index()].def {
            ValueDef::Result(i, _) => {
                if !std::mem::replace(&mut live_insts[i.index()], true) {
                    for &a in func.args(i) {
                        mark(a, &mut live, &mut work);
                    }
                }
            }
            ValueDef::Param(b, n) => {
                for &(pred, e) in &cfg.preds[b.index()] {
                    let edge = func.successors(pred)[e as usize];
                    let skip = if edge.clause.is_some() { 2 } else { 0 };
                    if let Some(k) = (n as usize).checked_sub(skip)
                        && let Some(&a) = func.list(edge.args).get(k)
                    {
                        mark(a, &mut live, &mut work);
                    }
                }
            }
            ValueDef::Alias(to) => mark(to, &mut live, &mut work),
        }
    }
    let mut changed = false;
    for &b in &cfg.order {
        let before = func.blocks[b.index()].insts.len();
        func.blocks[b.index()]
            .insts
            .retain(|i| live_insts[i.index()]);
        changed |= before != func.blocks[b.index()].insts.len();
        let keep: Vec<bool> = func
            .block(b)
            .params
            .iter()
            .map(|v| live[v.index()])
            .collect();
        changed |= keep.iter().any(|k| !k);
        remove_params(func, &cfg, b, &keep);
    }
    changed | empty_unused_slots(func, &cfg)
}

/// Slots whose address nothing takes any more need no room in the frame.
fn empty_unused_slots(func: &mut Func, cfg: &Cfg) -> bool {
    let mut used = vec![false; func.slots.len()];
    for s in [func.filter_area, func.this_slot, func.rgctx_slot]
        .into_iter()
        .flatten()
    {
        used[s.index()] = true;
    }
    for &b in &cfg.order {
        for (_, d) in func.block_insts(b) {
            if let Imm::Slot(s, _) = d.imm {
                used[s.index()] = true;
            }
        }
    }
    let mut changed = false;
    for (slot, used) in func.slots.iter_mut().zip(used) {
        if !used && slot.size != 0 {
            slot.size = 0;
            changed = true;
        }
    }
    changed
}

/// Whether handler edges lead to the block.
pub fn is_landing(func: &Func, cfg: &Cfg, b: crate::ir::Block) -> bool {
    cfg.preds[b.index()]
        .first()
        .is_some_and(|&(p, e)| func.successors(p)[e as usize].clause.is_some())
}

/// Whether an instruction does more than compute its results.
fn needed(func: &Func, i: Inst) -> bool {
    !func.effects(i).difference(Effects::READS).is_empty()
}
