//! Stack slots become values.
//!
//! A slot is promoted if every use of its address is a load or store of a scalar, each scalar always at the same offset
//! with the same type, or zeroing. Structs that were built in memory for the sake of inlined constructors and methods come
//! apart here.

use super::Target;
use crate::analysis::Cfg;
use crate::build::vars::{Var, Vars};
use crate::ir::{Func, Imm, Inst, Mem, Op, Slot, Ty, Value};
use rustc_hash::FxHashMap;

/// Pieces of one slot.
#[derive(Default)]
struct Pieces {
    escapes: bool,
    list: Vec<(u32, Mem)>,
    zeroed: Vec<(u32, u32)>,
}

/// Runs the pass.
pub fn run(func: &mut Func, target: Target) -> bool {
    if func.slots.is_empty() {
        return false;
    }
    let cfg = Cfg::new(func);
    let addresses = addresses(func, &cfg);
    if addresses.is_empty() {
        return false;
    }
    let mut pieces: Vec<Pieces> = (0..func.slots.len()).map(|_| Pieces::default()).collect();
    for keep in [func.filter_area, func.this_slot, func.rgctx_slot]
        .into_iter()
        .flatten()
    {
        pieces[keep.index()].escapes = true;
    }
    for &b in &cfg.order {
        for (i, _) in func.block_insts(b) {
            use_of(func, i, &addresses, &mut pieces);
        }
    }
    let mut vars = Vars::default();
    let mut by_piece: FxHashMap<(Slot, u32), (Var, Mem)> = FxHashMap::default();
    for (s, p) in pieces.iter_mut().enumerate() {
        p.list.sort_by_key(|&(o, m)| (o, m as u8));
        p.list.dedup();
        let overlap = p
            .list
            .windows(2)
            .any(|w| w[0].0 + w[0].1.bytes(target.word) > w[1].0);
        let split_zero = p.zeroed.iter().any(|&(from, to)| {
            p.list.iter().any(|&(o, m)| {
                let end = o + m.bytes(target.word);
                (o < from && end > from) || (o < to && end > to)
            })
        });
        p.escapes |= overlap || split_zero || p.list.len() > 16;
        if !p.escapes {
            for &(offset, mem) in &p.list {
                let var = vars.new_var(mem.ty());
                by_piece.insert((Slot::from_index(s), offset), (var, mem));
            }
        }
    }
    let promoted = |slot: Slot| !pieces[slot.index()].escapes;
    if !addresses.values().any(|&(s, _)| promoted(s)) {
        return false;
    }
    rewrite(func, &cfg, &addresses, &by_piece, &promoted, vars);
    true
}

/// Values that are constant offsets in slots.
fn addresses(func: &Func, cfg: &Cfg) -> FxHashMap<Value, (Slot, u32)> {
    let mut out: FxHashMap<Value, (Slot, u32)> = FxHashMap::default();
    for &b in &cfg.order {
        for (i, d) in func.block_insts(b) {
            match (d.op, d.imm) {
                (Op::SlotAddr, Imm::Slot(s, o)) => {
                    out.insert(d.first_result, (s, o));
                }
                (Op::Lea, Imm::Access(a)) if func.args(i).len() == 1 => {
                    if let Some(&(s, o)) = out.get(&func.args(i)[0])
                        && let Some(o) = o.checked_add_signed(a.offset)
                    {
                        out.insert(d.first_result, (s, o));
                    }
                }
                (Op::Retype, _) => {
                    if let Some(&at) = out.get(&func.args(i)[0]) {
                        out.insert(d.first_result, at);
                    }
                }
                _ => {}
            }
        }
    }
    out
}

/// Notes what an instruction does with slots.
fn use_of(func: &Func, i: Inst, addresses: &FxHashMap<Value, (Slot, u32)>, pieces: &mut [Pieces]) {
    let d = func.inst(i);
    let args = func.args(i);
    let (base, value) = match d.op {
        Op::Load => (Some(0), None),
        Op::Store | Op::StoreRefUnknown => (Some(1), Some(0)),
        _ => (None, None),
    };
    for (n, a) in args.iter().enumerate() {
        let Some(&(slot, offset)) = addresses.get(a) else {
            continue;
        };
        let p = &mut pieces[slot.index()];
        if Some(n) == base && args.len() == base.map_or(0, |b| b + 1) {
            match d.access() {
                Some(access) => match offset.checked_add_signed(access.offset) {
                    Some(o) => p.list.push((o, access.mem)),
                    None => p.escapes = true,
                },
                None => p.escapes = true,
            }
        } else if d.op == Op::MemZero {
            let size = d.bits().unwrap_or(0) as u32;
            p.zeroed.push((offset, offset + size));
        } else if Some(n) == value
            || !(matches!(d.op, Op::Lea | Op::Retype) && addresses.contains_key(&d.first_result)
                || d.op == Op::NullCheck)
        {
            p.escapes = true;
        }
    }
    for e in func.edges(i) {
        for a in func.list(e.args) {
            if let Some(&(slot, _)) = addresses.get(a) {
                pieces[slot.index()].escapes = true;
            }
        }
    }
}

fn rewrite(
    func: &mut Func,
    cfg: &Cfg,
    addresses: &FxHashMap<Value, (Slot, u32)>,
    by_piece: &FxHashMap<(Slot, u32), (Var, Mem)>,
    promoted: &dyn Fn(Slot) -> bool,
    mut vars: Vars,
) {
    let piece = |base: Value, offset: i32| -> Option<(Var, Mem)> {
        let &(slot, at) = addresses.get(&base)?;
        let at = at.checked_add_signed(offset)?;
        by_piece.get(&(slot, at)).copied()
    };
    for &b in &cfg.order {
        if vars.num_preds(b) == cfg.preds[b.index()].len() {
            vars.seal(func, b);
        }
        let insts = std::mem::take(&mut func.blocks[b.index()].insts);
        let mut out = Vec::with_capacity(insts.len());
        for i in insts {
            let d = *func.inst(i);
            let access = d.access();
            match d.op {
                Op::Load if func.args(i).len() == 1 => {
                    let offset = access.map_or(0, |a| a.offset);
                    if let Some((var, _)) = piece(func.args(i)[0], offset) {
                        let v = vars.read(func, b, var);
                        func.replace(d.first_result, v);
                        continue;
                    }
                }
                Op::Store | Op::StoreRefUnknown if func.args(i).len() == 2 => {
                    let offset = access.map_or(0, |a| a.offset);
                    let (value, base) = (func.args(i)[0], func.args(i)[1]);
                    if let Some((var, mem)) = piece(base, offset) {
                        let value = func.resolve(value);
                        let value = narrowed(func, value, mem, d.pos, &mut out);
                        vars.write(b, var, value);
                        continue;
                    }
                }
                Op::MemZero => {
                    if let Some(&(slot, from)) = addresses.get(&func.args(i)[0])
                        && promoted(slot)
                    {
                        let to = from + d.bits().unwrap_or(0) as u32;
                        for (&(s, o), &(var, mem)) in by_piece {
                            if s == slot && o >= from && o < to {
                                let zero = vars.constant(func, mem.ty(), 0);
                                vars.write(b, var, zero);
                            }
                        }
                        continue;
                    }
                }
                Op::NullCheck => {
                    if let Some(&(slot, _)) = addresses.get(&func.args(i)[0])
                        && promoted(slot)
                    {
                        continue;
                    }
                }
                Op::SlotAddr | Op::Lea | Op::Retype => {
                    if let Some(&(slot, _)) = addresses.get(&d.first_result)
                        && promoted(slot)
                    {
                        continue;
                    }
                }
                _ => {}
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

/// What memory of a small type would make of a value.
fn narrowed(func: &mut Func, v: Value, mem: Mem, pos: u32, out: &mut Vec<Inst>) -> Value {
    let op = match mem {
        Mem::I8 => Op::ExtS8,
        Mem::U8 => Op::ExtU8,
        Mem::I16 => Op::ExtS16,
        Mem::U16 => Op::ExtU16,
        _ => return v,
    };
    let i = func.make(op, Ty::I32, &[v], Imm::None, pos);
    out.push(i);
    func.inst(i).first_result
}
