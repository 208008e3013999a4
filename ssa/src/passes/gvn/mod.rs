//! Global value numbering along the dominator tree, with what is known on each path.
//!
//! One walk, each block after its dominator, does together what feeds each other:
//!
//! * simplification and constant folding ([`super::fold`]);
//! * a remainder is computed from the quotient of the same division, if there is one;
//! * equal pure computations become one; so do loads of memory that never changes (type words, lengths, vtables), equal
//!   look-ups in generic contexts, and equal class initializations;
//! * other loads, and loads after stores, along blocks with a single predecessor, as long as nothing may write there;
//! * null checks: what was dereferenced, compared with null, or allocated is not null, so accesses lose their `null` flag;
//! * bounds checks and branches on a comparison whose result a dominating check or branch decided;
//! * stores of references into an object that was allocated just before need no write barrier;
//! * bounds checks on the counter of a loop that goes up by one from 0 or more to a limit (`counters.rs`).
//!
//! Tables are scoped: entries made in a block are undone when the walk leaves what it dominates.

mod counters;
mod memory;

pub(in crate::passes) use memory::{Known, may_alias};

use super::Target;
use super::cleanup::end_with_jump;
use super::fold::{Simplified, exchanged, new_constant, simplify};
use crate::analysis::Cfg;
use crate::ir::{Access, AccessFlags, Block, CallTarget, Effects, Func, Imm, Inst, Op, Ty, Value};
use isthmus_frontend_ir::op::Cmp;
use isthmus_runtime_abi::helpers::{Effects as HelperEffects, Helper};
use isthmus_runtime_abi::layout::NULL_GUARD;
use isthmus_runtime_abi::symbol::Symbol;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    op: Op,
    ty: Ty,
    imm: ImmKey,
    args: SmallVec<[Value; 3]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum ImmKey {
    None,
    Bits(i64),
    Symbol(Symbol),
    Cmp(Cmp),
    Access(Access),
    Helper(Helper),
    Slot(u32, u32),
}

enum Undo {
    Key(Key),
    Fact((Ty, Cmp, Value, Value)),
    NonNull(Value),
    Decided(Value),
    Counter(Value),
}

struct Gvn<'a> {
    func: &'a mut Func,
    target: Target,
    table: FxHashMap<Key, Value>,
    facts: FxHashMap<(Ty, Cmp, Value, Value), bool>,
    nonnull: FxHashMap<Value, ()>,
    /// Conditions that a branch or check has decided.
    decided: FxHashMap<Value, bool>,
    /// Loop counters that are never negative.
    counters: FxHashMap<Value, ()>,
    undo: Vec<Undo>,
    loads: Vec<Known>,
    /// The object that was allocated last in this block, as long as no collection may have happened since: it is young.
    fresh: Option<Value>,
    /// Instructions that belong before the one that the walk is at.
    before: Vec<Inst>,
    /// Numbered instructions with handlers, until the walk takes their normal edge.
    pending: FxHashMap<Inst, Key>,
    changed: bool,
}

/// Runs the pass.
pub fn run(func: &mut Func, target: Target) -> bool {
    let cfg = Cfg::new(func);
    let children = cfg.children();
    let mut gvn = Gvn {
        func,
        target,
        table: FxHashMap::default(),
        facts: FxHashMap::default(),
        nonnull: FxHashMap::default(),
        decided: FxHashMap::default(),
        counters: FxHashMap::default(),
        undo: Vec::new(),
        loads: Vec::new(),
        fresh: None,
        before: Vec::new(),
        pending: FxHashMap::default(),
        changed: false,
    };
    gvn.walk(&cfg, &children);
    let changed = gvn.changed;
    func.resolve_aliases();
    changed
}

impl Gvn<'_> {
    fn walk(&mut self, cfg: &Cfg, children: &[Vec<Block>]) {
        enum Step {
            Enter(Block),
            Leave(usize),
        }
        // Loads known at the end of each block that has children to hand them to.
        let mut ends: FxHashMap<Block, Vec<Known>> = FxHashMap::default();
        let mut stack = vec![Step::Enter(self.func.entry())];
        while let Some(step) = stack.pop() {
            match step {
                Step::Leave(mark) => self.leave(mark),
                Step::Enter(b) => {
                    stack.push(Step::Leave(self.undo.len()));
                    let preds = &cfg.preds[b.index()];
                    self.loads.clear();
                    if let [(only, edge)] = preds[..] {
                        // On the way to a handler any code may have run, such as the method's own filters.
                        // An edge that a simpler instruction took away leads from nowhere.
                        let edges = self.func.successors(only);
                        let normal = (edges.get(edge as usize)).is_some_and(|e| e.clause.is_none());
                        if let (Some(known), true) = (ends.get(&only), normal) {
                            self.loads.extend_from_slice(known);
                        }
                        self.enter_by(only, edge as usize);
                    } else if preds.len() > 1 {
                        // What decided that a loop is entered holds as long as it runs: values do not change.
                        let mut outside = preds.iter().filter(|p| !cfg.dominates(b, p.0));
                        if let (Some(&(only, edge)), None) = (outside.next(), outside.next()) {
                            self.enter_by(only, edge as usize);
                        }
                        self.enter_loop(cfg, b);
                    }
                    self.block(b);
                    let kids = &children[b.index()];
                    if kids.iter().any(|k| cfg.preds[k.index()].len() == 1) {
                        ends.insert(b, self.loads.clone());
                    }
                    for &k in kids.iter().rev() {
                        stack.push(Step::Enter(k));
                    }
                }
            }
        }
    }

    fn leave(&mut self, mark: usize) {
        while self.undo.len() > mark {
            match self.undo.pop() {
                Some(Undo::Key(k)) => {
                    self.table.remove(&k);
                }
                Some(Undo::Fact(f)) => {
                    self.facts.remove(&f);
                }
                Some(Undo::Counter(v)) => {
                    self.counters.remove(&v);
                }
                Some(Undo::Decided(v)) => {
                    self.decided.remove(&v);
                }
                Some(Undo::NonNull(v)) => {
                    self.nonnull.remove(&v);
                }
                None => {}
            }
        }
    }

    // ---- facts

    fn set_nonnull(&mut self, v: Value) {
        if self.nonnull.insert(v, ()).is_none() {
            self.undo.push(Undo::NonNull(v));
        }
    }

    fn is_nonnull(&self, v: Value) -> bool {
        if self.nonnull.contains_key(&v) {
            return true;
        }
        let Some((i, d)) = self.func.def(v) else {
            return false;
        };
        match d.op {
            Op::AllocObject
            | Op::AllocArray
            | Op::AllocString
            | Op::SlotAddr
            | Op::SymAddr
            | Op::VtableOf => true,
            Op::Lea => d.ty == Ty::ByRef,
            Op::Retype => self.nonnull.contains_key(&self.func.args(i)[0]),
            // A small number is as bad an address as null: an access to it must keep its trap site.
            Op::Const => d.bits().is_some_and(|b| b as u64 >= u64::from(NULL_GUARD)),
            _ => false,
        }
    }

    fn set_fact(&mut self, ty: Ty, cmp: Cmp, a: Value, b: Value, holds: bool) {
        let not = cmp.negate(ty.is_float());
        for (c, x, y, h) in [
            (cmp, a, b, holds),
            (exchanged(cmp), b, a, holds),
            (not, a, b, !holds),
            (exchanged(not), b, a, !holds),
        ] {
            if self.facts.insert((ty, c, x, y), h).is_none() {
                self.undo.push(Undo::Fact((ty, c, x, y)));
            }
        }
    }

    /// Notes that a condition is (or is not) zero from here on.
    fn learn(&mut self, cond: Value, truth: bool) {
        if self.decided.insert(cond, truth).is_none() {
            self.undo.push(Undo::Decided(cond));
        }
        let Some((i, d)) = self.func.def(cond) else {
            return;
        };
        if let Imm::Cmp(cmp) = d.imm {
            let (a, b, ty) = (self.func.args(i)[0], self.func.args(i)[1], d.ty);
            if !ty.is_float() {
                self.set_fact(ty, cmp, a, b, truth);
                let equal = matches!((cmp, truth), (Cmp::Eq, false) | (Cmp::NeUn, true));
                if equal && ty.is_address() && self.func.constant(b) == Some(0) {
                    self.set_nonnull(a);
                }
            }
        } else if d.op == Op::Or && !truth {
            let (a, b) = (self.func.args(i)[0], self.func.args(i)[1]);
            self.learn(a, false);
            self.learn(b, false);
        }
    }

    /// What the edge from a single predecessor says.
    fn enter_by(&mut self, pred: Block, edge: usize) {
        let Some((i, d)) = self.func.terminator(pred) else {
            return;
        };
        if edge >= self.func.successors(pred).len() {
            return;
        }
        if edge == 0
            && let Some(key) = self.pending.get(&i)
        {
            let (key, v) = (key.clone(), d.first_result);
            self.insert(key, v);
        } else if d.op == Op::Branch {
            let cond = self.func.resolve(self.func.args(i)[0]);
            self.learn(cond, edge == 0);
        }
    }

    // ---- the walk through a block

    fn block(&mut self, b: Block) {
        self.fresh = None;
        let insts = std::mem::take(&mut self.func.blocks[b.index()].insts);
        let mut out = Vec::with_capacity(insts.len());
        let mut leaves = None;
        for (n, &i) in insts.iter().enumerate() {
            self.resolve_operands(i);
            let keep = self.inst(b, i);
            out.append(&mut self.before);
            if keep {
                out.push(i);
            } else {
                self.changed = true;
                // A dropped instruction that ended the block leaves a jump.
                if n + 1 == insts.len() {
                    out.push(i);
                    leaves = Some(self.func.edges(i)[0]);
                }
            }
        }
        // New constants were put into the entry block meanwhile.
        let made = std::mem::take(&mut self.func.blocks[b.index()].insts);
        if !made.is_empty() {
            let hidden = (out.iter())
                .take_while(|i| self.func.inst(**i).op == Op::CtxLoad)
                .count();
            out.splice(hidden..hidden, made);
        }
        self.func.blocks[b.index()].insts = out;
        if let Some(edge) = leaves {
            end_with_jump(self.func, b, edge);
        }
    }

    fn resolve_operands(&mut self, i: Inst) {
        let d = *self.func.inst(i);
        for n in d.args.range() {
            self.func.values_pool[n] = self.func.resolve(self.func.values_pool[n]);
        }
    }

    fn constant(&mut self, ty: Ty, bits: i64) -> Value {
        let key = Key {
            op: Op::Const,
            ty,
            imm: ImmKey::Bits(bits),
            args: SmallVec::new(),
        };
        if let Some(&v) = self.table.get(&key) {
            return v;
        }
        let v = new_constant(self.func, ty, bits);
        // In the entry block it is good everywhere: never undone.
        self.table.insert(key, v);
        v
    }

    /// Handles one instruction; false: drop it.
    fn inst(&mut self, b: Block, i: Inst) -> bool {
        match simplify(self.func, i, self.target) {
            Simplified::Keep => {}
            Simplified::Value(v) => return self.becomes(i, v),
            Simplified::Const(ty, c) => {
                let v = self.constant(ty, c);
                return self.becomes(i, v);
            }
        }
        if self.func.inst(i).op == Op::StoreRef && self.fresh == Some(self.func.args(i)[1]) {
            self.func.insts[i.index()].op = Op::Store;
            self.changed = true;
        }
        if matches!(self.func.inst(i).op, Op::Branch | Op::TrapIf | Op::Select) {
            let mut args: SmallVec<[Value; 3]> = SmallVec::from_slice(self.func.args(i));
            if let Some(&truth) = self.decided.get(&args[0])
                && self.func.constant(args[0]).is_none()
            {
                args[0] = self.constant(Ty::I32, i64::from(truth));
                self.func.set_args(i, &args);
                self.changed = true;
            }
        }
        let d = *self.func.inst(i);
        if d.op == Op::Poll || self.func.effects(i).contains(Effects::CALLS) {
            self.fresh = None;
        }
        match d.op {
            Op::Cmp => {
                if let Some(known) = self.known_compare(i) {
                    let v = self.constant(Ty::I32, i64::from(known));
                    return self.becomes(i, v);
                }
                self.number(i)
            }
            Op::Load => self.load(b, i),
            Op::Store | Op::StoreRef | Op::StoreRefUnknown => {
                self.base_is_nonnull(i, 1);
                self.store(i);
                true
            }
            Op::AtomicXchg | Op::AtomicAdd | Op::AtomicCas => {
                self.base_is_nonnull(i, 0);
                self.loads.clear();
                true
            }
            Op::NullCheck => {
                let v = self.func.args(i)[0];
                if self.is_nonnull(v) {
                    return false;
                }
                self.set_nonnull(v);
                true
            }
            Op::TrapIf => {
                let cond = self.func.args(i)[0];
                if self.func.constant(cond) == Some(0) {
                    return false;
                }
                self.learn(cond, false);
                true
            }
            Op::ClassInit | Op::GenericLookup => {
                let kept = self.number(i);
                if kept {
                    self.loads.clear();
                }
                kept
            }
            Op::MemCopy | Op::MemZero | Op::Fence => {
                self.loads.clear();
                true
            }
            Op::Call => {
                let effects = self.func.effects(i);
                if effects.is_empty() {
                    return self.number(i);
                }
                if !self.is_harmless_call(i) {
                    self.loads.clear();
                }
                true
            }
            Op::AllocObject | Op::AllocArray | Op::AllocString => {
                self.set_nonnull(d.first_result);
                // Of a size: in place. Others may be old from the start.
                if d.op == Op::AllocObject && d.bits() > Some(0) {
                    self.fresh = Some(d.first_result);
                }
                true
            }
            Op::SDiv | Op::UDiv => self.number(i),
            Op::SRem | Op::URem => {
                let kept = self.number(i);
                if kept {
                    self.remainder(i);
                }
                kept
            }
            _ if d.ends_block() => true,
            _ if d.effects().is_empty() && d.num_results > 0 => self.number(i),
            _ => true,
        }
    }

    /// Helpers that write nothing which compiled code may have loaded.
    fn is_harmless_call(&self, i: Inst) -> bool {
        match self.func.call(i).map(|c| c.target) {
            Some(CallTarget::Helper(h)) => {
                h.effects().contains(HelperEffects::LEAF)
                    && !matches!(
                        h,
                        Helper::CopyRefs
                            | Helper::CopyValue
                            | Helper::MemMove
                            | Helper::MemSet
                            | Helper::StoreRefUnknown
                            | Helper::LockEnter
                            | Helper::LockExit
                    )
            }
            _ => false,
        }
    }

    /// The instruction's results are another value's.
    fn becomes(&mut self, i: Inst, v: Value) -> bool {
        let first = self.func.inst(i).first_result;
        self.func.replace(first, v);
        false
    }

    fn known_compare(&self, i: Inst) -> Option<bool> {
        let d = self.func.inst(i);
        let Imm::Cmp(cmp) = d.imm else { return None };
        let (a, b) = (self.func.args(i)[0], self.func.args(i)[1]);
        if let Some(&known) = self.facts.get(&(d.ty, cmp, a, b)) {
            return Some(known);
        }
        // A counter against a limit: unsigned is as signed.
        if self.counters.contains_key(&a) && d.ty == Ty::I32 {
            let signed = match cmp {
                Cmp::GeUn | Cmp::LtUn => self.facts.get(&(d.ty, Cmp::Lt, a, b)),
                _ => None,
            };
            if signed == Some(&true) {
                return Some(cmp == Cmp::LtUn);
            }
            match (cmp, self.func.constant(b)) {
                (Cmp::Ge, Some(0)) => return Some(true),
                (Cmp::Lt, Some(0)) => return Some(false),
                _ => {}
            }
        }
        if d.ty.is_address() && self.func.constant(b) == Some(0) && self.is_nonnull(a) {
            return match cmp {
                Cmp::Eq | Cmp::LeUn => Some(false),
                Cmp::NeUn | Cmp::GtUn => Some(true),
                _ => None,
            };
        }
        None
    }

    /// Replaces an instruction by an equal one that dominates it; false: drop it.
    fn number(&mut self, i: Inst) -> bool {
        let d = *self.func.inst(i);
        let imm = match d.imm {
            Imm::None => ImmKey::None,
            Imm::Bits(b) => ImmKey::Bits(b),
            Imm::Symbol(s) => ImmKey::Symbol(s),
            Imm::Cmp(c) => ImmKey::Cmp(c),
            Imm::Access(mut a) => {
                a.flags = AccessFlags::empty();
                ImmKey::Access(a)
            }
            Imm::Slot(s, o) => ImmKey::Slot(s.0, o),
            Imm::Call(_) => match self.func.call(i).map(|c| c.target) {
                Some(CallTarget::Helper(h)) => ImmKey::Helper(h),
                _ => return true,
            },
            _ => return true,
        };
        let mut args: SmallVec<[Value; 3]> = SmallVec::from_slice(self.func.args(i));
        if d.op.row().commutes && args[0] > args[1] {
            args.swap(0, 1);
        }
        let key = Key {
            op: d.op,
            ty: d.ty,
            imm,
            args,
        };
        if let Some(&same) = self.table.get(&key) {
            for n in 0..u32::from(d.num_results) {
                self.func
                    .replace(Value(d.first_result.0 + n), Value(same.0 + n));
            }
            return false;
        }
        // The result of an instruction with handlers exists on its normal edge only.
        if d.edges.len == 0 {
            self.insert(key, d.first_result);
        } else {
            self.pending.insert(i, key);
        }
        true
    }

    /// A remainder whose quotient is known takes a product instead of another division.
    fn remainder(&mut self, i: Inst) {
        let d = *self.func.inst(i);
        let (a, b) = (self.func.args(i)[0], self.func.args(i)[1]);
        // Cranelift divides by constants with a product itself.
        if d.edges.len > 0 || self.func.constant(b).is_some() {
            return;
        }
        let key = Key {
            op: if d.op == Op::SRem { Op::SDiv } else { Op::UDiv },
            ty: d.ty,
            imm: ImmKey::None,
            args: SmallVec::from_slice(&[a, b]),
        };
        let Some(&quotient) = self.table.get(&key) else {
            return;
        };
        let product = self
            .func
            .make(Op::Mul, d.ty, &[quotient, b], Imm::None, d.pos);
        let product_value = self.func.inst(product).first_result;
        self.before.push(product);
        self.func.insts[i.index()].op = Op::Sub;
        self.func.set_args(i, &[a, product_value]);
        self.changed = true;
    }

    fn insert(&mut self, key: Key, v: Value) {
        self.table.insert(key.clone(), v);
        self.undo.push(Undo::Key(key));
    }
}
