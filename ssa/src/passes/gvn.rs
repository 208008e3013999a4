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
//! * bounds checks on the counter of a loop that goes up by one from 0 or more to a limit ([`Gvn::enter_loop`]).
//!
//! Tables are scoped: entries made in a block are undone when the walk leaves what it dominates.

use super::Target;
use super::cleanup::end_with_jump;
use super::fold::{Simplified, exchanged, new_constant, simplify};
use crate::analysis::Cfg;
use crate::ir::{
    Access, AccessFlags, Block, CallTarget, Effects, Func, Imm, Inst, Mem, Op, Region, Ty, Value,
    ValueDef,
};
use isthmus_frontend_ir::op::Cmp;
use isthmus_runtime_abi::helpers::{Effects as HelperEffects, Helper};
use isthmus_runtime_abi::layout::NULL_GUARD;
use isthmus_runtime_abi::symbol::Symbol;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// Loads remembered on a path at most.
const MAX_LOADS: usize = 48;

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

/// A value in memory.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub base: Value,
    pub index: Option<Value>,
    pub access: Access,
    pub value: Value,
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

    /// What is known of the counters of a loop whose header is `b`.
    ///
    /// A parameter `p` that starts at 0 or more and goes round as `p + 1` is never negative if `p < limit` held before each
    /// addition, which then cannot overflow. That is so if either every edge to the header was taken because the value it
    /// passes is less than the same limit (a loop that tests at its bottom, behind a guard), and then `p < limit` holds in the
    /// header too; or the addition lies behind a branch on `p < limit` (a loop that tests at its top).
    fn enter_loop(&mut self, cfg: &Cfg, b: Block) {
        let preds = &cfg.preds[b.index()];
        if !preds.iter().any(|p| cfg.dominates(b, p.0)) {
            return;
        }
        for (n, &p) in self.func.block(b).params.clone().iter().enumerate() {
            if self.func.ty(p) == Ty::I32 {
                self.counter(cfg, b, n, p);
            }
        }
    }

    fn counter(&mut self, cfg: &Cfg, b: Block, n: usize, p: Value) {
        let preds = &cfg.preds[b.index()];
        let mut limit: Option<Value> = None;
        let mut bottom_tested = true;
        let mut top_tested = true;
        for &(pred, e) in preds {
            // An edge that a simpler instruction took away is never taken.
            let Some(&edge) = self.func.successors(pred).get(e as usize) else {
                continue;
            };
            if edge.clause.is_some() {
                return;
            }
            let Some(&arg) = self.func.list(edge.args).get(n) else {
                return;
            };
            let arg = self.func.resolve(arg);
            if cfg.dominates(b, pred) {
                match self.is_successor(arg, p) {
                    Some(at) => top_tested &= self.is_below_limit(cfg, b, at, p),
                    None => return,
                }
            } else if !self.starts_nonnegative(arg)
                && !self.follows_nonnegative(arg, self.limit_on(pred, e as usize, arg))
            {
                return;
            }
            match (self.limit_on(pred, e as usize, arg), limit) {
                (Some(l), None) => limit = Some(l),
                (Some(l), Some(known)) if self.same_length(l, known) => {
                    // The one that exists in the header.
                    if self.exists_in(cfg, l, b) {
                        limit = Some(l);
                    }
                }
                _ => bottom_tested = false,
            }
        }
        if !bottom_tested && !top_tested {
            return;
        }
        if self.counters.insert(p, ()).is_none() {
            self.undo.push(Undo::Counter(p));
        }
        if let (true, Some(l)) = (bottom_tested, limit)
            && self.exists_in(cfg, l, b)
        {
            self.set_fact(Ty::I32, Cmp::Lt, p, l, true);
        }
    }

    /// Where `p + 1` is computed, if `v` is that.
    fn is_successor(&self, v: Value, p: Value) -> Option<Value> {
        let (i, d) = self.func.def(v)?;
        let args = self.func.args(i);
        let sum = d.op == Op::Add
            && self.func.resolve(args[0]) == p
            && self.func.constant(self.func.resolve(args[1])) == Some(1);
        sum.then_some(v)
    }

    fn starts_nonnegative(&self, v: Value) -> bool {
        if self.counters.contains_key(&v) {
            return true;
        }
        match self.func.def(v) {
            Some((_, d)) => match (d.op, d.imm) {
                (Op::Const, Imm::Bits(c)) => c >= 0,
                (Op::Load, Imm::Access(a)) => a.region == Region::Length,
                _ => false,
            },
            None => false,
        }
    }

    /// Whether `v` is `x + 1` for an `x` of at least 0 that is known to be less than the limit: the second value of a counter,
    /// whose first iteration was peeled.
    fn follows_nonnegative(&self, v: Value, limit: Option<Value>) -> bool {
        let (Some((i, d)), Some(limit)) = (self.func.def(v), limit) else {
            return false;
        };
        let args = self.func.args(i);
        if d.op != Op::Add || self.func.constant(self.func.resolve(args[1])) != Some(1) {
            return false;
        }
        let x = self.func.resolve(args[0]);
        self.starts_nonnegative(x) && self.facts.get(&(Ty::I32, Cmp::Lt, x, limit)) == Some(&true)
    }

    /// The value that `v` is less than if the edge is taken.
    fn limit_on(&self, pred: Block, edge: usize, v: Value) -> Option<Value> {
        let (i, d) = self.func.terminator(pred)?;
        if d.op != Op::Branch {
            return None;
        }
        let (j, c) = self.func.def(self.func.resolve(self.func.args(i)[0]))?;
        let Imm::Cmp(cmp) = c.imm else { return None };
        if c.ty != Ty::I32 {
            return None;
        }
        let (x, y) = (
            self.func.resolve(self.func.args(j)[0]),
            self.func.resolve(self.func.args(j)[1]),
        );
        let cmp = if edge == 0 { cmp } else { cmp.negate(false) };
        match cmp {
            Cmp::Lt if x == v => Some(y),
            Cmp::Gt if y == v => Some(x),
            _ => None,
        }
    }

    /// Whether the block of `at` lies behind a branch on `p` being less than something, within the loop of `header`.
    fn is_below_limit(&self, cfg: &Cfg, header: Block, at: Value, p: Value) -> bool {
        let Some((i, _)) = self.func.def(at) else {
            return false;
        };
        // The block of the addition: the walk has not come to it, so it is looked up from the latches' side by dominance.
        let Some(mut b) = self.block_of(cfg, header, i) else {
            return false;
        };
        for _ in 0..32 {
            if b == header {
                return false;
            }
            if let [(pred, e)] = cfg.preds[b.index()][..]
                && self.limit_on(pred, e as usize, p).is_some()
            {
                return true;
            }
            b = cfg.idom[b.index()];
        }
        false
    }

    /// The block of an instruction of a loop, searched from its latches towards the header.
    fn block_of(&self, cfg: &Cfg, header: Block, i: Inst) -> Option<Block> {
        for &(latch, _) in &cfg.preds[header.index()] {
            let mut b = latch;
            for _ in 0..32 {
                if self.func.block(b).insts.contains(&i) {
                    return Some(b);
                }
                if b == header || !cfg.dominates(header, b) {
                    break;
                }
                b = cfg.idom[b.index()];
            }
        }
        None
    }

    /// Whether two values are equal as far as lengths of the same array go.
    fn same_length(&self, a: Value, b: Value) -> bool {
        let length = |v: Value| {
            let (i, d) = self.func.def(v)?;
            let access = d.access()?;
            (d.op == Op::Load && access.region == Region::Length)
                .then(|| (self.func.resolve(self.func.args(i)[0]), access.offset))
        };
        a == b || (length(a).is_some() && length(a) == length(b))
    }

    /// Whether a value is defined where the walk has been on its way to `b`: by a dominator.
    fn exists_in(&self, cfg: &Cfg, v: Value, b: Block) -> bool {
        match self.func.values[v.index()].def {
            ValueDef::Param(at, _) => cfg.dominates(at, b) && at != b,
            ValueDef::Result(i, _) => {
                let mut at = cfg.idom[b.index()];
                for _ in 0..32 {
                    if self.func.block(at).insts.contains(&i) {
                        return true;
                    }
                    if at == self.func.entry() {
                        return false;
                    }
                    at = cfg.idom[at.index()];
                }
                false
            }
            ValueDef::Alias(_) => false,
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

    // ---- memory

    /// Drops the `null` flag of an access whose base is known, and knows it after the access.
    fn base_is_nonnull(&mut self, i: Inst, base: usize) {
        let v = self.func.args(i)[base];
        let known = self.is_nonnull(v);
        let d = &mut self.func.insts[i.index()];
        if let Imm::Access(a) = &mut d.imm
            && a.flags.contains(AccessFlags::NULL)
        {
            if known {
                a.flags.remove(AccessFlags::NULL);
                self.changed = true;
            } else {
                self.set_nonnull(v);
            }
        }
    }

    fn load(&mut self, b: Block, i: Inst) -> bool {
        self.base_is_nonnull(i, 0);
        let d = *self.func.inst(i);
        let Some(access) = d.access() else {
            return true;
        };
        if access.flags.contains(AccessFlags::VOLATILE) {
            self.loads.clear();
            return true;
        }
        if access.region == Region::Length
            && let Some((j, base)) = self.func.def(self.func.args(i)[0])
            && matches!(base.op, Op::AllocArray | Op::AllocString)
        {
            // The length that the array or string was made with.
            let length = self.func.args(j)[1];
            let op = match base.op {
                Op::AllocArray => Op::Trunc,
                _ => Op::Retype,
            };
            let load = &mut self.func.insts[i.index()];
            load.op = op;
            load.imm = Imm::None;
            self.func.set_args(i, &[length]);
            return self.inst(b, i);
        }
        if access.region.is_constant() {
            return self.number(i);
        }
        let args = self.func.args(i);
        let (base, index) = (args[0], args.get(1).copied());
        let same = self.loads.iter().find(|k| {
            k.base == base
                && k.index == index
                && k.access.offset == access.offset
                && k.access.mem == access.mem
                && (index.is_none() || k.access.scale == access.scale)
                && self.func.ty(k.value) == d.ty
        });
        // A load whose base is not known to be non-null was the first of its base: nothing equal precedes it.
        if let Some(k) = same
            && !access.flags.contains(AccessFlags::NULL)
        {
            let v = k.value;
            return self.becomes(i, v);
        }
        self.remember(base, index, access, d.first_result);
        true
    }

    fn remember(&mut self, base: Value, index: Option<Value>, access: Access, value: Value) {
        if self.loads.len() >= MAX_LOADS {
            self.loads.remove(0);
        }
        self.loads.push(Known {
            base,
            index,
            access,
            value,
        });
    }

    fn store(&mut self, i: Inst) {
        let d = *self.func.inst(i);
        let Some(access) = d.access() else {
            self.loads.clear();
            return;
        };
        let args = self.func.args(i);
        let (value, base, index) = (args[0], args[1], args.get(2).copied());
        let word = self.target.word;
        let func = &*self.func;
        self.loads
            .retain(|k| !may_alias(func, word, k, base, index, access));
        let full = !matches!(access.mem, Mem::I8 | Mem::U8 | Mem::I16 | Mem::U16);
        if full && !access.flags.contains(AccessFlags::VOLATILE) {
            self.remember(base, index, access, value);
        }
    }
}

/// Whether a store may change a remembered value.
pub(super) fn may_alias(
    func: &Func,
    word: u32,
    k: &Known,
    base: Value,
    index: Option<Value>,
    access: Access,
) -> bool {
    let (a, b) = (k.access, access);
    let overlap = a.offset < b.offset.saturating_add(b.mem.bytes(word) as i32)
        && b.offset < a.offset.saturating_add(a.mem.bytes(word) as i32);
    // The same base without an index: offsets decide.
    if k.base == base && k.index.is_none() && index.is_none() {
        return overlap;
    }
    // Slots are memory of their own, reached by other ways only once their address was given away, which only
    // accesses to any memory can tell.
    let local = |v: Value| func.def(v).is_some_and(|(_, d)| d.op == Op::SlotAddr);
    match (a.region, b.region) {
        (Region::Frame(x), Region::Frame(y)) => x == y,
        (Region::Any, _) | (_, Region::Any) => {
            // A fresh reference to an object cannot point into a frame.
            !((local(k.base) && func.ty(base) == Ty::Ref)
                || (local(base) && func.ty(k.base) == Ty::Ref))
        }
        (Region::Field, Region::Field) | (Region::Static, Region::Static) => overlap,
        (Region::Element(x), Region::Element(y)) => x.bytes(word) == y.bytes(word),
        (x, y) => x == y,
    }
}
