//! Counters of loops: what goes up by one from 0 or more to a limit is never negative, and in the loop less than the limit.

use super::{Gvn, Undo};
use crate::analysis::Cfg;
use crate::ir::{Block, Imm, Inst, Op, Region, Ty, Value, ValueDef};
use isthmus_frontend_ir::op::Cmp;

impl Gvn<'_> {
    /// What is known of the counters of a loop whose header is `b`.
    ///
    /// A parameter `p` that starts at 0 or more and goes round as `p + 1` is never negative if `p < limit` held before each
    /// addition, which then cannot overflow. That is so if either every edge to the header was taken because the value it
    /// passes is less than the same limit (a loop that tests at its bottom, behind a guard), and then `p < limit` holds in the
    /// header too; or the addition lies behind a branch on `p < limit` (a loop that tests at its top).
    pub(super) fn enter_loop(&mut self, cfg: &Cfg, b: Block) {
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
}
