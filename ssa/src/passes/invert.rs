//! Loop inversion: a loop that tests at its top tests at its bottom instead.
//!
//! ```text
//!   pre ──▶ H: test ──▶ body ──▶ latch ─┐           pre ──▶ H: test ──▶ body ──▶ latch: test ─┐
//!           ▲  └──▶ exit                │    ──▶             └──▶ exit    ▲      └──▶ exit     │
//!           └───────────────────────────┘                                └────────────────────┘
//! ```
//!
//! The header's instructions are copied to the end of each latch ([`super::duplicate`]), so that the header runs once, as a
//! guard.

use super::Target;
use super::duplicate::duplicate;
use crate::analysis::Cfg;
use crate::ir::{Block, Edge, Effects, Func, Op};
use rustc_hash::FxHashSet;

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
    duplicate(func, &headers, |_, _| ());
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
