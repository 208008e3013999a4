//! Fields and statics that a loop reads and writes stay in registers from one iteration to the next.
//!
//! ```text
//!   H:                              P: v0 = load.i32 o [+8]
//!     x = load.i32 o [+8]           H(v):
//!     y = add x, 1             ──▶    y = add v, 1
//!     store y, o [+8]                 store y, o [+8]
//!     … => H                          … => H(y)
//! ```
//!
//! What went through memory took the time of a store and a load in each iteration. Stores stay where they are, for other threads, handlers,
//! and whatever follows the loop.
//!
//! A *place* is carried if the loop makes no calls, every access that may touch it is to exactly this place, and it can be read before the
//! loop: it is static, the loop begins with an access to it, or one comes before the loop on every way.

use super::Target;
use super::gvn::{Known, may_alias};
use super::hoist::{entry_of, insert_before, is_from_before, loop_blocks, writes};
use crate::analysis::Cfg;
use crate::build::vars::{Var, Vars};
use crate::ir::{Access, AccessFlags, Block, Effects, Func, Imm, Inst, Mem, Op, Region, Value};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

/// Places that one loop carries at most: each takes a register.
const MAX_PLACES: usize = 4;
/// Blocks above a loop that are searched for an access to a place.
const MAX_ABOVE: usize = 16;

/// A field or static.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    base: Value,
    offset: i32,
    mem: Mem,
}

/// What a loop does with a place.
struct Use {
    place: Place,
    access: Access,
    load: Option<Inst>,
    stored: bool,
}

/// A load before the loop.
struct Before {
    /// The one in the loop that it is like.
    load: Inst,
    /// Source position of what it does first.
    pos: u32,
    /// It finds out whether the object is there.
    may_be_null: bool,
}

/// Runs the pass.
pub fn run(func: &mut Func, target: Target) -> bool {
    let mut done: FxHashSet<Block> = FxHashSet::default();
    let mut changed = false;
    // Outer loops come first: what they carry is no access in inner ones.
    'again: loop {
        let cfg = Cfg::new(func);
        for &header in &cfg.order {
            let Some(entry) = entry_of(func, &cfg, header) else {
                continue;
            };
            if !done.insert(header) {
                continue;
            }
            let body = loop_blocks(&cfg, header);
            let places = places(func, target, &cfg, header, &body);
            if !places.is_empty() {
                carry(func, &cfg, header, entry, &body, &places);
                changed = true;
                continue 'again;
            }
        }
        return changed;
    }
}

/// The place that an instruction reads or writes, if it can be carried at all.
fn place_of(func: &Func, i: Inst) -> Option<(Place, Access)> {
    let d = func.inst(i);
    let access = d.access()?;
    let args = func.args(i);
    let (base, value) = match d.op {
        Op::Load if args.len() == 1 => (args[0], d.first_result),
        Op::Store | Op::StoreRef | Op::StoreRefUnknown if args.len() == 2 => (args[1], args[0]),
        _ => return None,
    };
    let whole = !matches!(access.mem, Mem::I8 | Mem::U8 | Mem::I16 | Mem::U16);
    let plain = !access
        .flags
        .intersects(AccessFlags::VOLATILE | AccessFlags::UNALIGNED);
    let fits = matches!(access.region, Region::Field | Region::Static)
        && whole
        && plain
        && func.ty(func.resolve(value)) == access.mem.ty();
    let place = Place {
        base: func.resolve(base),
        offset: access.offset,
        mem: access.mem,
    };
    fits.then_some((place, access))
}

/// The places that a loop carries, each with a load to copy before the loop.
fn places(
    func: &Func,
    target: Target,
    cfg: &Cfg,
    header: Block,
    body: &FxHashSet<Block>,
) -> Vec<(Place, Before)> {
    let mut uses: Vec<Use> = Vec::new();
    for &b in body {
        for (i, d) in func.block_insts(b) {
            if func.edges(i).iter().any(|e| e.clause.is_some()) {
                return Vec::new();
            }
            let Some((place, access)) = place_of(func, i) else {
                continue;
            };
            let n = match uses.iter().position(|u| u.place == place) {
                Some(n) => n,
                None => {
                    uses.push(Use {
                        place,
                        access,
                        load: None,
                        stored: false,
                    });
                    uses.len() - 1
                }
            };
            match d.op {
                Op::Load => uses[n].load = Some(i),
                _ => uses[n].stored = true,
            }
        }
    }
    uses.retain(|u| u.stored && u.load.is_some());
    if uses.is_empty() {
        return Vec::new();
    }
    if writes(func, body, &FxHashSet::default()).any {
        return Vec::new();
    }
    let mut found: Vec<(Place, Before)> = uses
        .iter()
        .filter(|u| is_alone(func, target, body, u))
        .filter_map(|u| Some((u.place, before(func, cfg, header, body, u.place, u.load?)?)))
        .collect();
    // The order of a set of blocks is no order.
    found.sort_by_key(|(_, before)| before.load);
    found.truncate(MAX_PLACES);
    found
}

/// Whether all stores of the loop are to the place, as they can be carried, or surely to others.
fn is_alone(func: &Func, target: Target, body: &FxHashSet<Block>, u: &Use) -> bool {
    let known = Known {
        base: u.place.base,
        index: None,
        access: u.access,
        value: u.place.base,
    };
    let mut insts = body.iter().flat_map(|&b| func.block_insts(b));
    insts.all(|(i, d)| match (d.op, d.access()) {
        (Op::Store | Op::StoreRef | Op::StoreRefUnknown, Some(access)) => {
            let args = func.args(i);
            let (base, index) = (func.resolve(args[1]), args.get(2).copied());
            place_of(func, i).is_some_and(|(place, _)| place == u.place)
                || !may_alias(func, target.word, &known, base, index, access)
        }
        _ => true,
    })
}

/// How a place can be read before the loop.
fn before(
    func: &Func,
    cfg: &Cfg,
    header: Block,
    body: &FxHashSet<Block>,
    place: Place,
    load: Inst,
) -> Option<Before> {
    let pos = func.inst(load).pos;
    let surely = Before {
        load,
        pos,
        may_be_null: false,
    };
    if matches!(func.def(place.base), Some((_, d)) if d.op == Op::SymAddr) {
        return Some(surely);
    }
    if !is_from_before(func, body, place.base) {
        return None;
    }
    // What the loop does first it does as well before, as long as nothing was seen of it.
    let is_access = |i: Inst| place_of(func, i).is_some_and(|(p, _)| p == place);
    let seen = Effects::THROWS | Effects::TRAPS | Effects::CALLS | Effects::WRITES;
    for (i, d) in func.block_insts(header) {
        if is_access(i) {
            let flags = d.access().map_or(AccessFlags::empty(), |a| a.flags);
            return Some(Before {
                load,
                pos: d.pos,
                may_be_null: flags.contains(AccessFlags::NULL),
            });
        }
        if func.effects(i).intersects(seen) {
            break;
        }
    }
    let mut b = header;
    for _ in 0..MAX_ABOVE {
        if b == func.entry() {
            return None;
        }
        b = cfg.idom[b.index()];
        if func.block(b).insts.iter().any(|&i| is_access(i)) {
            return Some(surely);
        }
    }
    None
}

fn carry(
    func: &mut Func,
    cfg: &Cfg,
    header: Block,
    (pred, edge): (Block, u32),
    body: &FxHashSet<Block>,
    places: &[(Place, Before)],
) {
    let mut vars = Vars::default();
    let mut insts = Vec::new();
    let mut carried: SmallVec<[(Place, Var); MAX_PLACES]> = SmallVec::new();
    let mut first: SmallVec<[(Var, Value); MAX_PLACES]> = SmallVec::new();
    for (place, before) in places {
        let base = match func.def(place.base).map(|(_, d)| *d) {
            // It may stand in the loop.
            Some(d) if d.op == Op::SymAddr => {
                insts.push(func.make(d.op, d.ty, &[], d.imm, before.pos));
                func.inst(insts[insts.len() - 1]).first_result
            }
            _ => place.base,
        };
        let d = *func.inst(before.load);
        let imm = d.access().map_or(d.imm, |mut a| {
            a.flags.set(AccessFlags::NULL, before.may_be_null);
            Imm::Access(a)
        });
        let i = func.make(Op::Load, d.ty, &[base], imm, before.pos);
        insts.push(i);
        let var = vars.new_var(place.mem.ty());
        carried.push((*place, var));
        first.push((var, func.inst(i).first_result));
    }
    let before = insert_before(func, pred, edge, header, insts);
    for (var, value) in first {
        vars.write(before, var, value);
    }
    if let Some(&last) = func.block(before).insts.last() {
        vars.add_edges(func, before, last);
    }
    for &b in cfg.order.iter().filter(|b| body.contains(b)) {
        if vars.num_preds(b) == cfg.preds[b.index()].len() {
            vars.seal(func, b);
        }
        let insts = std::mem::take(&mut func.blocks[b.index()].insts);
        let mut out = Vec::with_capacity(insts.len());
        for i in insts {
            let at = place_of(func, i).map(|(place, _)| place);
            let var = carried.iter().find(|(p, _)| Some(*p) == at).map(|c| c.1);
            let d = *func.inst(i);
            match (var, d.op) {
                (Some(var), Op::Load) => {
                    let v = vars.read(func, b, var);
                    func.replace(d.first_result, v);
                    continue;
                }
                (Some(var), _) => {
                    let value = func.resolve(func.args(i)[0]);
                    vars.write(b, var, value);
                }
                (None, _) => {}
            }
            out.push(i);
        }
        func.blocks[b.index()].insts = out;
        if let Some(&last) = func.block(b).insts.last() {
            vars.add_edges(func, b, last);
        }
    }
    vars.finish(func);
}
