//! A block of its own in front of each loop.
//!
//! ```text
//!   a: branch … => H, x               a: branch … => P, x
//!   b: jump => H               ──▶    b: jump => P
//!   latch: jump => H                  P: jump => H           latch: jump => H
//! ```
//!
//! The back end moves what a loop does not change to the block that dominates its header. Without a block of its own that is
//! whatever lies before: another loop, often, which then computes in each iteration what the next loop needs once.

use super::Target;
use crate::analysis::Cfg;
use crate::ir::{Block, Func, Imm, Op, Ty, Value};

/// Runs the pass.
pub fn run(func: &mut Func, _: Target) -> bool {
    let cfg = Cfg::new(func);
    let mut changed = false;
    for &header in &cfg.order {
        let preds = &cfg.preds[header.index()];
        let entering = || preds.iter().filter(|p| !cfg.dominates(header, p.0));
        if header == func.entry() || entering().count() == preds.len() {
            continue;
        }
        let plain = |&(pred, e): &(Block, u32)| {
            let fixed = func.terminator(pred).is_none_or(|(_, d)| d.num_results > 0);
            !fixed && func.successors(pred)[e as usize].clause.is_none()
        };
        let own = |&(pred, _): &(Block, u32)| func.successors(pred).len() == 1;
        if !entering().all(plain) || entering().count() == 1 && entering().all(own) {
            continue;
        }
        let ways: Vec<(Block, u32)> = entering().copied().collect();
        insert(func, header, &ways);
        changed = true;
    }
    changed
}

fn insert(func: &mut Func, header: Block, ways: &[(Block, u32)]) {
    let block = func.new_block();
    func.blocks[block.index()].cold = func.block(header).cold;
    let mut pos = 0;
    for &(pred, e) in ways {
        if let Some((_, d)) = func.terminator(pred) {
            let at = (d.edges.start + e) as usize;
            pos = d.pos;
            func.edges_pool[at].block = block;
        }
    }
    let types: Vec<Ty> = (func.block(header).params.iter())
        .map(|&p| func.ty(p))
        .collect();
    let args: Vec<Value> = types.iter().map(|&t| func.add_param(block, t)).collect();
    let jump = func.append(block, Op::Jump, Ty::I32, &[], Imm::None, pos);
    let edge = func.edge(header, &args);
    func.set_edges(jump, &[edge]);
}
