//! Memory that only this function sees becomes values: stack slots, and objects that never leave the function.
//!
//! A *home* is a stack slot or an object that is allocated in place. It is promoted if every use of its address is a load or
//! store of a scalar, each scalar always at the same offset with the same type, or zeroing. Structs that were built in
//! memory for the sake of inlined constructors and methods come apart here, and so do boxes, closures and other small
//! objects that inlined code made and used up. An object may be asked for its class, too.
//!
//! What uses an object is dominated by its allocation, since no parameter of a block stands for it. So each use means the
//! object that was allocated last, and its fields are variables that the allocation sets to zero.

use super::Target;
use crate::analysis::Cfg;
use crate::build::vars::{Var, Vars};
use crate::ir::{Block, Func, Imm, Inst, Mem, Op, Region, Ty, Value};
use rustc_hash::FxHashMap;
use std::ops::Range;

/// A slot's number; objects follow the slots.
type Home = u32;

/// Pieces of one home.
#[derive(Default)]
struct Pieces {
    escapes: bool,
    list: Vec<(u32, Mem)>,
    zeroed: Vec<(u32, u32)>,
}

/// Homes of a function, and the values that are constant offsets in them.
struct Homes {
    slots: u32,
    /// Allocations; the home of the first is `slots`.
    objects: Vec<Inst>,
    addresses: FxHashMap<Value, (Home, u32)>,
}

/// Runs the pass.
pub fn run(func: &mut Func, target: Target) -> bool {
    let cfg = Cfg::new(func);
    let homes = Homes::find(func, &cfg);
    if homes.addresses.is_empty() {
        return false;
    }
    let count = homes.slots as usize + homes.objects.len();
    let mut pieces: Vec<Pieces> = (0..count).map(|_| Pieces::default()).collect();
    for keep in [func.filter_area, func.this_slot, func.rgctx_slot]
        .into_iter()
        .flatten()
    {
        pieces[keep.index()].escapes = true;
    }
    for &b in &cfg.order {
        for (i, _) in func.block_insts(b) {
            use_of(func, i, &homes, &mut pieces);
        }
    }
    let mut vars = Vars::default();
    let mut by_piece: FxHashMap<(Home, u32), (Var, Mem)> = FxHashMap::default();
    for (home, p) in pieces.iter_mut().enumerate() {
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
                by_piece.insert((home as Home, offset), (var, mem));
            }
        }
    }
    let promoted = |home: Home| !pieces[home as usize].escapes;
    if !homes.addresses.values().any(|&(h, _)| promoted(h)) {
        return false;
    }
    rewrite(func, &cfg, &homes, &by_piece, &promoted, vars);
    true
}

impl Homes {
    fn find(func: &Func, cfg: &Cfg) -> Homes {
        let mut homes = Homes {
            slots: func.slots.len() as u32,
            objects: Vec::new(),
            addresses: FxHashMap::default(),
        };
        let out = &mut homes.addresses;
        for &b in &cfg.order {
            for (i, d) in func.block_insts(b) {
                match (d.op, d.imm) {
                    (Op::SlotAddr, Imm::Slot(s, o)) => {
                        out.insert(d.first_result, (s.0, o));
                    }
                    // Of a size: in place, hence without a finalizer.
                    (Op::AllocObject, Imm::Bits(1..)) => {
                        let home = homes.slots + homes.objects.len() as u32;
                        homes.objects.push(i);
                        out.insert(d.first_result, (home, 0));
                    }
                    (Op::Lea, Imm::Access(a)) if func.args(i).len() == 1 => {
                        if let Some(&(h, o)) = out.get(&func.args(i)[0])
                            && let Some(o) = o.checked_add_signed(a.offset)
                        {
                            out.insert(d.first_result, (h, o));
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
        homes
    }

    fn get(&self, v: Value) -> Option<(Home, u32)> {
        self.addresses.get(&v).copied()
    }

    /// The allocation of an object.
    fn object(&self, home: Home) -> Option<Inst> {
        let n = home.checked_sub(self.slots)?;
        self.objects.get(n as usize).copied()
    }
}

/// Notes what an instruction does with homes.
fn use_of(func: &Func, i: Inst, homes: &Homes, pieces: &mut [Pieces]) {
    let d = func.inst(i);
    let args = func.args(i);
    let (base, value) = match d.op {
        Op::Load => (Some(0), None),
        Op::Store | Op::StoreRef | Op::StoreRefUnknown => (Some(1), Some(0)),
        _ => (None, None),
    };
    for (n, &a) in args.iter().enumerate() {
        let Some((home, offset)) = homes.get(a) else {
            continue;
        };
        let p = &mut pieces[home as usize];
        if Some(n) == base && args.len() == base.map_or(0, |b| b + 1) {
            match d.access() {
                Some(access) if d.op == Op::Load && access.region == Region::Header => {}
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
            || !(matches!(d.op, Op::Lea | Op::Retype) && homes.get(d.first_result).is_some()
                || d.op == Op::NullCheck)
        {
            p.escapes = true;
        }
    }
    for e in func.edges(i) {
        for &a in func.list(e.args) {
            if let Some((home, _)) = homes.get(a) {
                pieces[home as usize].escapes = true;
            }
        }
    }
}

fn rewrite(
    func: &mut Func,
    cfg: &Cfg,
    homes: &Homes,
    by_piece: &FxHashMap<(Home, u32), (Var, Mem)>,
    promoted: &dyn Fn(Home) -> bool,
    mut vars: Vars,
) {
    let piece = |base: Value, offset: i32| -> Option<(Var, Mem)> {
        let (home, at) = homes.get(base)?;
        let at = at.checked_add_signed(offset)?;
        by_piece.get(&(home, at)).copied()
    };
    let zero = |func: &mut Func, vars: &mut Vars, b: Block, home: Home, range: Range<u32>| {
        for (&(h, o), &(var, mem)) in by_piece {
            if h == home && range.contains(&o) {
                let zero = vars.constant(func, mem.ty(), 0);
                vars.write(b, var, zero);
            }
        }
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
                Op::Load if access.is_some_and(|a| a.region == Region::Header) => {
                    if let Some((home, _)) = homes.get(func.args(i)[0])
                        && promoted(home)
                        && let Some(object) = homes.object(home)
                    {
                        // The type word: the low bits of the vtable's address.
                        let vtable = func.args(object)[0];
                        let symbol = func.def(vtable).map(|(_, v)| (v.op, v.imm));
                        let load = &mut func.insts[i.index()];
                        if let Some((Op::SymAddr, imm)) = symbol {
                            (load.op, load.imm) = (Op::SymWord, imm);
                            func.set_args(i, &[]);
                        } else {
                            (load.op, load.imm) = (Op::Trunc, Imm::None);
                            func.set_args(i, &[vtable]);
                        }
                    }
                }
                Op::Load if func.args(i).len() == 1 => {
                    let offset = access.map_or(0, |a| a.offset);
                    if let Some((var, _)) = piece(func.args(i)[0], offset) {
                        let v = vars.read(func, b, var);
                        func.replace(d.first_result, v);
                        continue;
                    }
                }
                Op::Store | Op::StoreRef | Op::StoreRefUnknown if func.args(i).len() == 2 => {
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
                    if let Some((home, from)) = homes.get(func.args(i)[0])
                        && promoted(home)
                    {
                        let to = from + d.bits().unwrap_or(0) as u32;
                        zero(func, &mut vars, b, home, from..to);
                        continue;
                    }
                }
                Op::NullCheck => {
                    if let Some((home, _)) = homes.get(func.args(i)[0])
                        && promoted(home)
                    {
                        continue;
                    }
                }
                Op::AllocObject => {
                    if let Some((home, _)) = homes.get(d.first_result)
                        && promoted(home)
                    {
                        zero(func, &mut vars, b, home, 0..u32::MAX);
                        if let Some(&normal) = func.edges(i).first() {
                            let jump = func.make(Op::Jump, Ty::I32, &[], Imm::None, d.pos);
                            func.set_edges(jump, &[normal]);
                            out.push(jump);
                        }
                        continue;
                    }
                }
                Op::SlotAddr | Op::Lea | Op::Retype => {
                    if let Some((home, _)) = homes.get(d.first_result)
                        && promoted(home)
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
