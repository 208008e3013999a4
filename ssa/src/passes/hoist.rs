//! Loop-invariant code motion of what Cranelift leaves in place: loads, checks, class initialization and generic look-ups.
//!
//! Only the first block of a loop is looked at: what stands there is executed whenever the loop is entered, so it may as
//! well be executed just before, in a new block on the edge into the loop. An inverted loop's body starts there.
//!
//! ```text
//!   guard ──▶ body ─┐           guard ──▶ [hoisted] ──▶ body ─┐
//!              ▲────┘    ──▶                             ▲────┘
//! ```
//!
//! Order is kept where it can be seen: a load or check that may throw moves only if nothing before it that stays may throw or
//! write; a load that relies on a check moves only if all checks before it do.

use super::Target;
use super::gvn::{Known, may_alias};
use crate::analysis::Cfg;
use crate::ir::{
    Access, AccessFlags, Block, Edge, Effects, Func, Imm, Inst, Op, Ty, Value, ValueDef,
};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

/// What a loop does to memory.
pub(super) struct Writes {
    /// Calls and the like: anything may change.
    pub any: bool,
    stores: Vec<(Value, Option<Value>, Access)>,
}

/// Runs the pass.
pub fn run(func: &mut Func, target: Target) -> bool {
    let cfg = Cfg::new(func);
    let mut home = vec![Block(u32::MAX); func.insts.len()];
    for &b in &cfg.order {
        for &i in &func.block(b).insts {
            home[i.index()] = b;
        }
    }
    let mut changed = false;
    for &b in &cfg.order {
        let Some((pred, edge)) = entry_of(func, &cfg, b) else {
            continue;
        };
        let body = loop_blocks(&cfg, b);
        let moved = invariant(func, target, b, &body, &home);
        if moved.is_empty() {
            continue;
        }
        let gone: FxHashSet<Inst> = moved.iter().copied().collect();
        func.blocks[b.index()].insts.retain(|i| !gone.contains(i));
        let before = insert_before(func, pred, edge, b, moved);
        for &i in &func.block(before).insts {
            if let Some(home) = home.get_mut(i.index()) {
                *home = before;
            }
        }
        changed = true;
    }
    changed
}

/// The only edge into a loop, if `header` is a loop's.
pub(super) fn entry_of(func: &Func, cfg: &Cfg, header: Block) -> Option<(Block, u32)> {
    let preds = &cfg.preds[header.index()];
    let mut outside = preds.iter().filter(|p| !cfg.dominates(header, p.0));
    let &(pred, edge) = outside.next()?;
    let alone = outside.next().is_none() && preds.len() > 1;
    (alone && func.successors(pred)[edge as usize].clause.is_none()).then_some((pred, edge))
}

/// The blocks of the loop of a header.
pub(super) fn loop_blocks(cfg: &Cfg, header: Block) -> FxHashSet<Block> {
    let mut seen: FxHashSet<Block> = FxHashSet::default();
    seen.insert(header);
    let mut work: Vec<Block> = cfg.preds[header.index()]
        .iter()
        .map(|p| p.0)
        .filter(|&p| cfg.dominates(header, p))
        .collect();
    while let Some(b) = work.pop() {
        if seen.insert(b) {
            work.extend(cfg.preds[b.index()].iter().map(|p| p.0));
        }
    }
    seen
}

/// Whether a value comes from before the loop with these blocks.
pub(super) fn is_from_before(func: &Func, body: &FxHashSet<Block>, v: Value) -> bool {
    match func.values[v.index()].def {
        ValueDef::Param(b, _) => !body.contains(&b),
        ValueDef::Result(i, _) => !body.iter().any(|&b| func.block(b).insts.contains(&i)),
        ValueDef::Alias(_) => false,
    }
}

/// What is left in the loop of what writes, when the instructions of `moved` are gone.
pub(super) fn writes(func: &Func, body: &FxHashSet<Block>, moved: &FxHashSet<Inst>) -> Writes {
    let mut w = Writes {
        any: false,
        stores: Vec::new(),
    };
    for &b in body {
        for (i, d) in func.block_insts(b) {
            let e = func.effects(i);
            match d.op {
                Op::Store | Op::StoreRef | Op::StoreRefUnknown => {
                    if let Some(a) = d.access() {
                        let args = func.args(i);
                        w.stores.push((args[1], args.get(2).copied(), a));
                    }
                }
                // They write nothing that was there before.
                Op::AllocObject | Op::AllocArray | Op::AllocString => {}
                _ if moved.contains(&i) => {}
                Op::Load => {
                    w.any |= d
                        .access()
                        .is_some_and(|a| a.flags.contains(AccessFlags::VOLATILE));
                }
                _ => w.any |= e.intersects(Effects::CALLS | Effects::WRITES),
            }
        }
    }
    w
}

/// The instructions of the loop's first block that can move out of it, in order.
fn invariant(
    func: &Func,
    target: Target,
    header: Block,
    body: &FxHashSet<Block>,
    home: &[Block],
) -> Vec<Inst> {
    let mut moved: Vec<Inst> = Vec::new();
    let mut moved_set: FxHashSet<Inst> = FxHashSet::default();
    let mut memory: Option<Writes> = None;
    // Whether something that stays may throw, or may write, before the place that the walk has come to.
    let (mut throws, mut wrote) = (false, false);
    let mut useful = false;
    for (i, d) in func.block_insts(header) {
        if d.ends_block() {
            break;
        }
        let is_class = matches!(d.op, Op::ClassInit | Op::GenericLookup);
        // Symbols that classes are initialized by go along.
        let mut symbols: SmallVec<[Inst; 2]> = SmallVec::new();
        let outside = func
            .args(i)
            .iter()
            .all(|&v| match func.values[v.index()].def {
                ValueDef::Param(b, _) => !body.contains(&b),
                ValueDef::Result(j, _) => {
                    let inside = body.contains(&home[j.index()]) && !moved_set.contains(&j);
                    let symbol = inside && is_class && func.inst(j).op == Op::SymAddr;
                    if symbol {
                        symbols.push(j);
                    }
                    !inside || symbol
                }
                ValueDef::Alias(_) => false,
            });
        let effects = func.effects(i);
        let moves = outside
            && match d.op {
                Op::Load => {
                    let memory = memory.get_or_insert_with(|| writes(func, body, &moved_set));
                    let flags = d.access().map_or(AccessFlags::VOLATILE, |a| a.flags);
                    let faults = flags.contains(AccessFlags::NULL);
                    let ok = !flags.contains(AccessFlags::VOLATILE)
                        && !throws
                        && (!faults || !wrote)
                        && is_unchanged(func, target, i, memory);
                    useful |= ok;
                    ok
                }
                // What runs first whenever the loop is entered runs as well before it, whatever code it runs.
                Op::NullCheck | Op::TrapIf | Op::ClassInit | Op::GenericLookup => {
                    let ok = !throws && !wrote;
                    useful |= ok;
                    ok
                }
                // Division may trap; constants and addresses are free where they are.
                Op::SymAddr | Op::SymWord | Op::Const | Op::SlotAddr | Op::CtxLoad => false,
                _ => effects.is_empty() && d.num_results > 0,
            };
        if moves {
            for j in symbols.into_iter().chain([i]) {
                if moved_set.insert(j) {
                    moved.push(j);
                }
            }
        } else {
            throws |= effects.intersects(Effects::THROWS | Effects::TRAPS | Effects::CALLS);
            wrote |= effects.intersects(Effects::WRITES | Effects::CALLS);
        }
    }
    // Pure computations alone are Cranelift's business.
    if useful { moved } else { Vec::new() }
}

fn is_unchanged(func: &Func, target: Target, i: Inst, memory: &Writes) -> bool {
    let d = func.inst(i);
    let Some(access) = d.access() else {
        return false;
    };
    if access.region.is_constant() {
        return true;
    }
    let args = func.args(i);
    let known = Known {
        base: args[0],
        index: args.get(1).copied(),
        access,
        value: d.first_result,
    };
    !memory.any
        && !memory
            .stores
            .iter()
            .any(|&(base, index, a)| may_alias(func, target.word, &known, base, index, a))
}

/// Puts instructions, not none, into a new block on the edge into a loop.
pub(super) fn insert_before(
    func: &mut Func,
    pred: Block,
    edge: u32,
    header: Block,
    insts: Vec<Inst>,
) -> Block {
    let p = func.new_block();
    func.blocks[p.index()].cold = func.block(header).cold;
    let last = *func.block(pred).insts.last().expect("a block has an end");
    let at = (func.inst(last).edges.start + edge) as usize;
    let into = func.edges_pool[at];
    func.edges_pool[at] = Edge {
        block: p,
        args: func.new_list(&[]),
        clause: None,
    };
    let pos = func.inst(insts[insts.len() - 1]).pos;
    func.blocks[p.index()].insts = insts;
    let jump = func.append(p, Op::Jump, Ty::I32, &[], Imm::None, pos);
    func.set_edges(jump, &[into]);
    p
}
