//! Indices of loops whose bounds are decided: counted in 64 bits, and kept in registers from one iteration to the next.
//!
//! ```text
//!   H(i):                                        pre: first = i0 * columns + j
//!     x = mul (sext i), columns                  H(i, n):
//!     load a [add x, j]                    ──▶     load a [n]
//!     … => H(i + 1)                                … => H(i + 1, n + columns)
//! ```
//!
//! [`super::version`] has proved that the 32-bit operands of checks are what sums of counters say, without overflow; so their
//! 64-bit extensions grow by the same amount in each iteration, and so do sums and products of these with values from before
//! the loop. Indices that differ by a constant share one such value; the constant is part of the access. A counter that is one
//! of them is the low half of it.
//!
//! An element that an iteration stores where the next one loads stays in a register, too (`Reduce::carry`).

use super::Target;
use super::cleanup::remove_params;
use super::gvn::{Known, may_alias};
use super::induction::{Linear, Terms};
use crate::analysis::Cfg;
use crate::ir::{
    Access, AccessFlags, Block, Effects, Func, Imm, Inst, Mem, Op, Ty, Value, ValueDef,
};
use rustc_hash::{FxHashMap, FxHashSet};

/// Values that are added to a loop at most: each takes a register.
const MAX_ADDED: usize = 4;

/// What a 32-bit value of the loop is: `first` in the first iteration, and `step` more in each one after.
#[derive(Clone, Debug)]
pub struct Evolution {
    /// Its first value.
    pub first: Linear,
    /// By how much it grows.
    pub step: i64,
}

/// A loop to change.
pub struct Target64<'a> {
    /// The loop's header.
    pub header: Block,
    /// Its blocks.
    pub body: &'a FxHashSet<Block>,
    /// The way in.
    pub entry: (Block, u32),
    /// The way back.
    pub back: (Block, u32),
    /// Operands that do not overflow and are not negative.
    pub exact: FxHashMap<Value, Evolution>,
    /// Operands with the arrays, from before the loop, whose lengths they are below.
    pub bounded: FxHashSet<(Value, Value)>,
    /// The counter that the loop tests, with its next value.
    pub counter: Option<(Value, Value, Evolution)>,
}

/// A value that grows by the same amount in each iteration.
#[derive(Clone, Copy)]
struct Growing {
    first: Value,
    step: Value,
}

/// A parameter that was added for indices that differ by constants.
struct Group {
    terms: Terms,
    step: i64,
    constant: i64,
    param: Value,
    next: Value,
}

struct Reduce<'a> {
    func: &'a mut Func,
    l: &'a Target64<'a>,
    home: Vec<Block>,
    /// Block before the loop.
    pre: Block,
    pos: u32,
    grown: FxHashMap<Value, Option<Growing>>,
    groups: Vec<Group>,
    /// Parameters for other indices.
    params: FxHashMap<Value, Value>,
    added: usize,
}

/// Changes the indices of a loop.
pub fn reduce(func: &mut Func, target: Target, l: &Target64<'_>) {
    if target.word != 8 {
        return;
    }
    let cfg = Cfg::new(func);
    let mut home = vec![Block(u32::MAX); func.insts.len()];
    for &b in &cfg.order {
        for &i in &func.block(b).insts {
            home[i.index()] = b;
        }
    }
    let Some((last, d)) = func.terminator(l.entry.0) else {
        return;
    };
    let at = (d.edges.start + l.entry.1) as usize;
    let pos = func.inst(last).pos;
    // A block on the way in.
    let into = func.edges_pool[at];
    let pre = func.new_block();
    func.edges_pool[at] = func.edge(pre, &[]);
    let jump = func.append(pre, Op::Jump, Ty::I32, &[], Imm::None, pos);
    func.set_edges(jump, &[into]);
    let mut r = Reduce {
        func,
        l,
        home,
        pre,
        pos,
        grown: FxHashMap::default(),
        groups: Vec::new(),
        params: FxHashMap::default(),
        added: 0,
    };
    let mut blocks: Vec<Block> = l.body.iter().copied().collect();
    blocks.sort_unstable_by_key(|b| cfg.position[b.index()]);
    let accesses = r.indices(&blocks);
    r.replace_counter();
    r.carry(&cfg, &accesses, target);
    r.func.resolve_aliases();
}

/// An access whose index was replaced by a group's parameter.
#[derive(Clone, Copy)]
struct Reduced {
    inst: Inst,
    block: Block,
    group: usize,
    /// The 32-bit operand that was its index.
    operand: Value,
}

impl Reduce<'_> {
    // ---- what is added

    fn is_invariant(&self, v: Value) -> bool {
        match self.func.values[v.index()].def {
            ValueDef::Param(b, _) => !self.l.body.contains(&b),
            // What was made meanwhile stands before the loop.
            ValueDef::Result(i, _) => {
                (self.home.get(i.index())).is_none_or(|b| !self.l.body.contains(b))
            }
            ValueDef::Alias(_) => false,
        }
    }

    /// Makes an instruction before the loop.
    fn before(&mut self, op: Op, args: &[Value], imm: Imm) -> Value {
        let i = self.func.make(op, Ty::Ptr, args, imm, self.pos);
        let insts = &mut self.func.blocks[self.pre.index()].insts;
        insts.insert(insts.len() - 1, i);
        self.func.inst(i).first_result
    }

    fn constant(&mut self, c: i64) -> Value {
        self.before(Op::Const, &[], Imm::Bits(c))
    }

    fn add(&mut self, op: Op, a: Value, b: Value) -> Value {
        match (self.func.constant(a), self.func.constant(b)) {
            (_, Some(0)) => a,
            (Some(0), _) if op == Op::Add => b,
            _ => self.before(op, &[a, b], Imm::None),
        }
    }

    fn linear(&mut self, l: &Linear) -> Value {
        let mut sum = self.constant(l.constant);
        for &(v, factor) in &l.terms {
            let mut term = self.before(Op::Sext, &[v], Imm::None);
            if factor.abs() != 1 {
                let by = self.constant(factor.abs());
                term = self.before(Op::Mul, &[term, by], Imm::None);
            }
            sum = self.add(if factor > 0 { Op::Add } else { Op::Sub }, sum, term);
        }
        sum
    }

    /// Adds a parameter to the header; gives it and its next value, which is computed at the end of an iteration.
    fn param(&mut self, first: Value, step: Value) -> (Value, Value) {
        self.added += 1;
        let p = self.func.add_param(self.l.header, Ty::Ptr);
        let next = (self.func).make(Op::Add, Ty::Ptr, &[p, step], Imm::None, self.pos);
        let insts = &mut self.func.blocks[self.l.back.0.index()].insts;
        insts.insert(insts.len() - 1, next);
        let next = self.func.inst(next).first_result;
        self.pass(first, next);
        (p, next)
    }

    /// Adds an argument on both ways to the header.
    fn pass(&mut self, first: Value, next: Value) {
        for ((b, e), v) in [((self.pre, 0), first), (self.l.back, next)] {
            let Some((_, d)) = self.func.terminator(b) else {
                continue;
            };
            let at = (d.edges.start + e) as usize;
            let mut args = self.func.list(self.func.edges_pool[at].args).to_vec();
            args.push(v);
            self.func.edges_pool[at].args = self.func.new_list(&args);
        }
    }

    // ---- indices

    /// Replaces the indices of accesses; gives those that have a group.
    fn indices(&mut self, blocks: &[Block]) -> Vec<Reduced> {
        let mut reduced = Vec::new();
        for &block in blocks {
            for inst in self.func.block(block).insts.clone() {
                let d = *self.func.inst(inst);
                let first = match d.op {
                    Op::Load | Op::Lea => 0,
                    Op::Store | Op::StoreRef | Op::StoreRefUnknown => 1,
                    _ => continue,
                };
                let args = self.func.args(inst).to_vec();
                let (Some(&index), Some(access)) = (args.get(first + 1), d.access()) else {
                    continue;
                };
                if self.is_invariant(index) {
                    continue;
                }
                if let Some((group, offset)) = self.group(index) {
                    let offset = offset
                        .checked_mul(i64::from(access.scale))
                        .and_then(|o| i32::try_from(o + i64::from(access.offset)).ok());
                    let Some(offset) = offset else { continue };
                    let operand = self.func.def(index).map(|(i, _)| self.func.args(i)[0]);
                    let Some(operand) = operand else { continue };
                    self.set_index(inst, first, self.groups[group].param);
                    self.func.insts[inst.index()].imm = Imm::Access(Access { offset, ..access });
                    reduced.push(Reduced {
                        inst,
                        block,
                        group,
                        operand,
                    });
                } else if let Some(p) = self.other(index) {
                    self.set_index(inst, first, p);
                }
            }
        }
        reduced
    }

    fn set_index(&mut self, i: Inst, first: usize, index: Value) {
        let mut args = self.func.args(i).to_vec();
        args[first + 1] = index;
        self.func.set_args(i, &args);
    }

    /// The 32-bit operand that a 64-bit value extends, if that is exact.
    fn extended(&self, v: Value) -> Option<&Evolution> {
        let (i, d) = self.func.def(v)?;
        if !matches!(d.op, Op::Sext | Op::Zext) {
            return None;
        }
        self.l.exact.get(&self.func.args(i)[0])
    }

    /// The group of an index that is just an extension, and its distance from the group's parameter.
    fn group(&mut self, index: Value) -> Option<(usize, i64)> {
        let Evolution { first, step } = self.extended(index)?.clone();
        let same = |g: &Group| g.step == step && g.terms == first.terms;
        let n = match self.groups.iter().position(same) {
            Some(n) => n,
            None => {
                if self.added >= MAX_ADDED {
                    return None;
                }
                // The counter itself, if it is one of them.
                let mut base = first.clone();
                if let Some((.., e)) = &self.l.counter
                    && e.step == step
                    && e.first.terms == first.terms
                {
                    base.constant = e.first.constant;
                }
                let (value, by) = (self.linear(&base), self.constant(step));
                let (param, next) = self.param(value, by);
                self.groups.push(Group {
                    terms: base.terms,
                    step,
                    constant: base.constant,
                    param,
                    next,
                });
                self.groups.len() - 1
            }
        };
        // Elements lie within 2 GiB of each other's displacement.
        let offset = first.constant - self.groups[n].constant;
        (offset.abs() < 1 << 24).then_some((n, offset))
    }

    /// The parameter for a sum or product of extensions.
    fn other(&mut self, index: Value) -> Option<Value> {
        if let Some(&p) = self.params.get(&index) {
            return Some(p);
        }
        let (_, d) = self.func.def(index)?;
        if self.added >= MAX_ADDED || matches!(d.op, Op::Sext | Op::Zext) {
            return None;
        }
        let Growing { first, step } = self.grow(index, 6)?;
        let (p, _) = self.param(first, step);
        self.params.insert(index, p);
        Some(p)
    }

    /// A 64-bit value as one that grows by the same amount in each iteration.
    fn grow(&mut self, v: Value, depth: u32) -> Option<Growing> {
        if let Some(&known) = self.grown.get(&v) {
            return known;
        }
        let found = if depth == 0 {
            None
        } else {
            self.grow_anew(v, depth)
        };
        self.grown.insert(v, found);
        found
    }

    fn grow_anew(&mut self, v: Value, depth: u32) -> Option<Growing> {
        if self.func.ty(v) != Ty::Ptr {
            return None;
        }
        if self.is_invariant(v) {
            let step = self.constant(0);
            return Some(Growing { first: v, step });
        }
        if let Some(Evolution { first, step }) = self.extended(v).cloned() {
            let first = self.linear(&first);
            let step = self.constant(step);
            return Some(Growing { first, step });
        }
        let (i, d) = self.func.def(v)?;
        let op = d.op;
        let &[a, b] = self.func.args(i) else {
            return None;
        };
        match op {
            Op::Add | Op::Sub => {
                let (a, b) = (self.grow(a, depth - 1)?, self.grow(b, depth - 1)?);
                let first = self.add(op, a.first, b.first);
                let step = self.add(op, a.step, b.step);
                Some(Growing { first, step })
            }
            Op::Mul | Op::Shl => {
                let (a, b) = match op {
                    Op::Mul if self.is_invariant(a) => (b, a),
                    _ => (a, b),
                };
                if !self.is_invariant(b) {
                    return None;
                }
                let a = self.grow(a, depth - 1)?;
                let first = self.before(op, &[a.first, b], Imm::None);
                let step = self.before(op, &[a.step, b], Imm::None);
                Some(Growing { first, step })
            }
            _ => None,
        }
    }

    /// The counter becomes the low half of the group that counts alike.
    fn replace_counter(&mut self) {
        let Some((p, next, e)) = self.l.counter.clone() else {
            return;
        };
        let like = |g: &&Group| {
            g.step == e.step && g.terms == e.first.terms && g.constant == e.first.constant
        };
        let Some(g) = self.groups.iter().find(like) else {
            return;
        };
        let (wide, wide_next) = (g.param, g.next);
        self.compare_wide(next, wide_next);
        let Some((old, _)) = self.func.def(next) else {
            return;
        };
        let place = self.home[old.index()];
        // The sum moves to where the counter's was.
        let Some((sum, _)) = self.func.def(wide_next) else {
            return;
        };
        let back = self.l.back.0.index();
        self.func.blocks[back].insts.retain(|&i| i != sum);
        let low = self
            .func
            .make(Op::Trunc, Ty::I32, &[wide_next], Imm::None, self.pos);
        let insts = &mut self.func.blocks[place.index()].insts;
        let Some(at) = insts.iter().position(|&i| i == old) else {
            return;
        };
        insts.splice(at..=at, [sum, low]);
        let low = self.func.inst(low).first_result;
        self.func.replace(next, low);
        let low = self
            .func
            .make(Op::Trunc, Ty::I32, &[wide], Imm::None, self.pos);
        self.func.blocks[self.l.header.index()].insts.insert(0, low);
        let low = self.func.inst(low).first_result;
        // The parameter goes first: what stands for it afterwards is no parameter.
        let keep: Vec<bool> = (self.func.block(self.l.header).params.iter())
            .map(|&q| q != p)
            .collect();
        let cfg = Cfg::new(self.func);
        remove_params(self.func, &cfg, self.l.header, &keep);
        self.func.replace(p, low);
    }

    /// The loop's test compares 64 bits: the counter is its extension even when it has reached the limit.
    fn compare_wide(&mut self, next: Value, wide_next: Value) {
        let condition = (self.func.terminator(self.l.back.0)).map(|(i, _)| self.func.args(i)[0]);
        let Some((test, d)) = condition.and_then(|c| self.func.def(c)) else {
            return;
        };
        let args = self.func.args(test);
        let (Op::Cmp, Ty::I32, Some(n)) = (d.op, d.ty, args.iter().position(|&v| v == next)) else {
            return;
        };
        let limit = args[1 - n];
        if !self.is_invariant(limit) {
            return;
        }
        let mut args = [wide_next; 2];
        args[1 - n] = self.before(Op::Sext, &[limit], Imm::None);
        self.func.insts[test.index()].ty = Ty::Ptr;
        self.func.set_args(test, &args);
    }

    // ---- elements

    /// Loads of what the iteration before stored at the same place: the value is passed on instead.
    fn carry(&mut self, cfg: &Cfg, accesses: &[Reduced], target: Target) {
        let calls = (self.l.body.iter())
            .flat_map(|&b| self.func.block(b).insts.iter())
            .any(|&i| {
                let op = self.func.inst(i).op;
                let store = matches!(op, Op::Store | Op::StoreRef);
                let effects = self.func.effects(i);
                !store && effects.intersects(Effects::WRITES | Effects::CALLS)
            });
        if calls {
            return;
        }
        let every = |r: &Reduced| cfg.dominates(r.block, self.l.back.0);
        let stores: Vec<Reduced> = (accesses.iter().copied())
            .filter(|r| matches!(self.func.inst(r.inst).op, Op::Store | Op::StoreRef) && every(r))
            .collect();
        let loads: Vec<Reduced> = (accesses.iter().copied())
            .filter(|r| self.func.inst(r.inst).op == Op::Load)
            .collect();
        for store in stores {
            for &load in &loads {
                if self.added < MAX_ADDED && self.is_carried(store, load, target) {
                    self.carry_one(store, load);
                }
            }
        }
    }

    /// Whether the load finds what the store of the iteration before left there.
    fn is_carried(&self, store: Reduced, load: Reduced, target: Target) -> bool {
        let func = &*self.func;
        let (s, l) = (func.inst(store.inst), func.inst(load.inst));
        let (Some(sa), Some(la)) = (s.access(), l.access()) else {
            return false;
        };
        let narrow = matches!(la.mem, Mem::I8 | Mem::U8 | Mem::I16 | Mem::U16);
        let plain = AccessFlags::empty();
        let (base, value) = (func.args(store.inst)[1], func.args(store.inst)[0]);
        let step = self.groups[store.group].step * i64::from(sa.scale);
        let same = store.group == load.group
            && base == func.args(load.inst)[0]
            && self.is_invariant(base)
            // The first one is loaded before the loop.
            && self.l.bounded.contains(&(load.operand, base))
            && sa.mem == la.mem
            && sa.scale == la.scale
            && (sa.flags, la.flags) == (plain, plain)
            && func.ty(value) == l.ty
            && i64::from(sa.offset) == i64::from(la.offset) + step;
        if narrow || !same {
            return false;
        }
        // No other store may change it in between.
        let known = Known {
            base,
            index: func.args(load.inst).get(1).copied(),
            access: la,
            value: l.first_result,
        };
        (self.l.body.iter())
            .flat_map(|&b| func.block(b).insts.iter())
            .filter(|&&i| i != store.inst && matches!(func.inst(i).op, Op::Store | Op::StoreRef))
            .all(|&i| {
                let args = func.args(i);
                func.inst(i).access().is_some_and(|a| {
                    !may_alias(func, target.word, &known, args[1], args.get(2).copied(), a)
                })
            })
    }

    fn carry_one(&mut self, store: Reduced, load: Reduced) {
        let d = *self.func.inst(load.inst);
        let list = &mut self.func.blocks[load.block.index()].insts;
        let Some(at) = list.iter().position(|&i| i == load.inst) else {
            return;
        };
        list.remove(at);
        // The first one is loaded before the loop: its place is in bounds like all others.
        let Some((jump, _)) = self.func.terminator(self.pre) else {
            return;
        };
        let place = (self.func.block(self.l.header).params.iter())
            .position(|&p| p == self.groups[load.group].param);
        let entry = self.func.edges(jump)[0];
        let Some(index) = place.and_then(|n| self.func.list(entry.args).get(n).copied()) else {
            return;
        };
        let base = self.func.args(load.inst)[0];
        let first = self.func.make(Op::Load, d.ty, &[base, index], d.imm, d.pos);
        let insts = &mut self.func.blocks[self.pre.index()].insts;
        insts.insert(insts.len() - 1, first);
        let first = self.func.inst(first).first_result;
        let stored = self.func.args(store.inst)[0];
        let p = self.func.add_param(self.l.header, d.ty);
        self.added += 1;
        self.pass(first, stored);
        self.func.replace(d.first_result, p);
    }
}
