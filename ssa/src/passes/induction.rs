//! Loops that count: what values a counter takes, as sums over values from before the loop.
//!
//! ```text
//!   pre ──▶ H(p): … ──▶ latch: branch p + step < limit => H(p + step), exit
//!
//!   first = what pre passes        first, first + step, … , at most limit - 1 = last
//! ```
//!
//! All reckoning is in 64 bits over 32-bit values, so nothing overflows; 32-bit sums, differences and products are the low
//! halves of these, and equal them where the result is known to lie between 0 and a length. What must hold for a range to be
//! right is a list of sums that are not negative ([`Ranges::conditions`]); whoever uses the ranges proves them or tests them
//! before the loop.

use super::fold;
use super::strength::Evolution;
use crate::analysis::Cfg;
use crate::ir::{Block, Func, Imm, Op, Ty, Value, ValueDef};
use isthmus_frontend_ir::op::Cmp;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

/// Factors beyond this are not followed: 64 bits shall do for everything.
const MAX_FACTOR: i64 = 1 << 10;

/// Terms of a sum.
pub type Terms = SmallVec<[(Value, i64); 4]>;

/// A sum of 32-bit values with factors, and a constant, in 64 bits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Linear {
    /// In order of the values, no factor 0.
    pub terms: Terms,
    /// The constant.
    pub constant: i64,
}

impl Linear {
    /// A constant.
    pub fn constant(c: i64) -> Linear {
        Linear {
            terms: Terms::new(),
            constant: c,
        }
    }

    /// A value; constants are known as such.
    pub fn value(func: &Func, v: Value) -> Linear {
        match func.constant(v) {
            Some(c) => Linear::constant(c),
            None => Linear {
                terms: SmallVec::from_slice(&[(v, 1)]),
                constant: 0,
            },
        }
    }

    /// `self + other * factor`, unless it becomes too large to be worth it.
    pub fn plus(&self, other: &Linear, factor: i64) -> Option<Linear> {
        let mut sum = self.clone();
        for &(v, f) in &other.terms {
            let f = f.checked_mul(factor)?;
            match sum.terms.binary_search_by_key(&v, |t| t.0) {
                Ok(n) => {
                    sum.terms[n].1 += f;
                    if sum.terms[n].1 == 0 {
                        sum.terms.remove(n);
                    }
                }
                Err(n) => sum.terms.insert(n, (v, f)),
            }
        }
        sum.constant = sum
            .constant
            .checked_add(other.constant.checked_mul(factor)?)?;
        let small = |f: i64| f.abs() <= MAX_FACTOR;
        let fits = sum.terms.len() <= 4
            && sum.terms.iter().all(|t| small(t.1))
            && sum.constant.abs() < 1 << 44;
        fits.then_some(sum)
    }

    /// With another constant added.
    pub fn offset(mut self, c: i64) -> Linear {
        self.constant += c;
        self
    }

    /// The least that it can be, by the ranges of its values alone.
    pub fn least(&self, func: &Func) -> i64 {
        let least = |&(v, f): &(Value, i64)| {
            let (lo, hi) = fold::range_i32(func, v);
            if f > 0 { f * lo } else { f * hi }
        };
        self.constant + self.terms.iter().map(least).sum::<i64>()
    }
}

/// An innermost loop with one way in and one way back.
pub struct Loop {
    /// The block that all iterations begin with.
    pub header: Block,
    /// Its blocks.
    pub body: FxHashSet<Block>,
    /// The way in: predecessor and number of its edge.
    pub entry: (Block, u32),
    /// The way back.
    pub back: (Block, u32),
}

impl Loop {
    /// The loop of a header, if it has this shape; `body` are its blocks.
    pub fn new(cfg: &Cfg, header: Block, body: FxHashSet<Block>) -> Option<Loop> {
        let (mut entry, mut back) = (None, None);
        for &p in &cfg.preds[header.index()] {
            let place = if body.contains(&p.0) {
                &mut back
            } else {
                &mut entry
            };
            if place.replace(p).is_some() {
                return None;
            }
        }
        Some(Loop {
            header,
            body,
            entry: entry?,
            back: back?,
        })
    }
}

/// A parameter of the header that changes by a constant in each iteration.
#[derive(Clone, Debug)]
struct Counter {
    first: Linear,
    /// Its value in the next iteration.
    next: Value,
    step: i64,
}

/// The values that a counter takes in the loop: from `low` to `high`, both inclusive.
#[derive(Clone, Debug)]
struct Range {
    low: Linear,
    high: Linear,
}

/// A value of the loop: a counter with a factor, and what does not change.
#[derive(Clone, Debug, Default)]
pub struct Form {
    counter: Option<Value>,
    factor: i64,
    rest: Linear,
}

/// Counters of a loop and the ranges of their values.
pub struct Ranges<'a> {
    func: &'a Func,
    inside: &'a FxHashSet<Block>,
    /// Block of each instruction.
    home: &'a [Block],
    counters: FxHashMap<Value, Counter>,
    ranges: FxHashMap<Value, Range>,
    /// The counter that the loop's test compares.
    tested: Option<Value>,
    /// Sums that must not be negative for the ranges to be right.
    pub conditions: Vec<Linear>,
}

impl<'a> Ranges<'a> {
    /// Of a loop, if its test says how far a counter goes.
    pub fn new(func: &'a Func, l: &'a Loop, home: &'a [Block]) -> Option<Ranges<'a>> {
        let mut ranges = Ranges {
            func,
            inside: &l.body,
            home,
            counters: FxHashMap::default(),
            ranges: FxHashMap::default(),
            tested: None,
            conditions: Vec::new(),
        };
        ranges.find_counters(l);
        ranges.find_test(l)?;
        Some(ranges)
    }

    fn find_counters(&mut self, l: &Loop) {
        let func = self.func;
        let arg = |(pred, e): (Block, u32), n: usize| {
            let edge = func.successors(pred)[e as usize];
            (edge.clause.is_none())
                .then(|| func.list(edge.args).get(n).copied())
                .flatten()
        };
        for (n, &p) in func.block(l.header).params.iter().enumerate() {
            let (Some(first), Some(next)) = (arg(l.entry, n), arg(l.back, n)) else {
                continue;
            };
            if func.ty(p) != Ty::I32 {
                continue;
            }
            if let Some(step) = self.step(next, p) {
                let first = Linear::value(func, first);
                self.counters.insert(p, Counter { first, next, step });
            }
        }
    }

    /// `c` if `v` is `p + c`.
    fn step(&self, v: Value, p: Value) -> Option<i64> {
        let (i, d) = self.func.def(v)?;
        let args = self.func.args(i);
        let sign = match d.op {
            Op::Add => 1,
            Op::Sub => -1,
            _ => return None,
        };
        let c = self.func.constant(*args.get(1)?)?;
        (args[0] == p && c != 0 && c.abs() <= MAX_FACTOR).then_some(sign * c)
    }

    /// Whether a value comes from before the loop.
    fn is_invariant(&self, v: Value) -> bool {
        match self.func.values[v.index()].def {
            ValueDef::Param(b, _) => !self.inside.contains(&b),
            ValueDef::Result(i, _) => !self.inside.contains(&self.home[i.index()]),
            ValueDef::Alias(_) => false,
        }
    }

    /// The counter whose next value this is.
    fn next_of(&self, v: Value) -> Option<Value> {
        // The least one: hash tables have no order.
        let same = self.counters.iter().filter(|(_, c)| c.next == v);
        same.map(|(&p, _)| p).min()
    }

    /// Finds the ranges that the branch at the end of each iteration says.
    fn find_test(&mut self, l: &Loop) -> Option<()> {
        let (i, d) = self.func.terminator(l.back.0)?;
        if d.op != Op::Branch {
            return None;
        }
        let (j, c) = self.func.def(self.func.args(i)[0])?;
        let Imm::Cmp(mut cmp) = c.imm else {
            return None;
        };
        if c.op != Op::Cmp || c.ty != Ty::I32 {
            return None;
        }
        if l.back.1 != 0 {
            cmp = cmp.negate(false);
        }
        let &[mut a, mut b] = self.func.args(j) else {
            return None;
        };
        if self.next_of(a).is_none() {
            (a, b) = (b, a);
            cmp = fold::exchanged(cmp);
        }
        let p = self.next_of(a)?;
        self.tested = Some(p);
        if self.is_invariant(b) {
            let limit = Linear::value(self.func, b);
            return self.limited(p, cmp, limit);
        }
        // Two counters that meet: `p + s < q - t`.
        let q = self.next_of(b)?;
        let (p, q) = match cmp {
            Cmp::Lt => (p, q),
            Cmp::Gt => (q, p),
            _ => return None,
        };
        let (low, high) = (self.counters[&p].clone(), self.counters[&q].clone());
        if low.step < 0 || high.step > 0 {
            return None;
        }
        // Each iteration begins with p < q. Steps of one cannot pass over the ends of the type then.
        if low.step != 1 || high.step != -1 {
            return None;
        }
        self.conditions
            .push(high.first.plus(&low.first, -1)?.offset(-1));
        let p_range = Range {
            low: low.first.clone(),
            high: high.first.clone().offset(-1),
        };
        let q_range = Range {
            low: low.first.offset(1),
            high: high.first,
        };
        self.ranges.insert(p, p_range);
        self.ranges.insert(q, q_range);
        Some(())
    }

    /// The loop goes on as long as the counter's next value compares so with a limit.
    fn limited(&mut self, p: Value, cmp: Cmp, limit: Linear) -> Option<()> {
        let Counter { first, step, .. } = self.counters[&p].clone();
        let last = match cmp {
            Cmp::Lt if step > 0 => limit.offset(-1),
            Cmp::NeUn if step == 1 => limit.offset(-1),
            Cmp::Le if step > 0 => limit,
            Cmp::Gt if step < 0 => limit.offset(1),
            Cmp::NeUn if step == -1 => limit.offset(1),
            Cmp::Ge if step < 0 => limit,
            _ => return None,
        };
        let zero = Linear::default();
        if step > 0 {
            self.conditions.push(last.plus(&first, -1)?);
            let room = zero.plus(&last, -1)?.offset(i64::from(i32::MAX) - step);
            self.conditions.push(room);
            let (low, high) = (first, last);
            self.ranges.insert(p, Range { low, high });
        } else {
            self.conditions.push(first.plus(&last, -1)?);
            self.conditions
                .push(last.clone().offset(step - i64::from(i32::MIN)));
            let (low, high) = (last, first);
            self.ranges.insert(p, Range { low, high });
        }
        Some(())
    }

    /// A 32-bit value of the loop in terms of a counter whose range is known.
    pub fn form(&self, v: Value) -> Option<Form> {
        self.form_within(v, 8)
    }

    fn form_within(&self, v: Value, depth: u32) -> Option<Form> {
        if self.func.ty(v) != Ty::I32 || depth == 0 {
            return None;
        }
        if self.is_invariant(v) {
            return Some(Form {
                counter: None,
                factor: 0,
                rest: Linear::value(self.func, v),
            });
        }
        if self.ranges.contains_key(&v) {
            return Some(Form {
                counter: Some(v),
                factor: 1,
                rest: Linear::default(),
            });
        }
        if let Some(q) = self.counters.get(&v) {
            // q - q.first is to p - p.first as their steps are.
            let tested = self.tested.filter(|t| self.ranges.contains_key(t))?;
            let p = &self.counters[&tested];
            if q.step % p.step != 0 {
                return None;
            }
            let factor = q.step / p.step;
            return Some(Form {
                counter: Some(tested),
                factor,
                rest: q.first.plus(&p.first, -factor)?,
            });
        }
        let (i, d) = self.func.def(v)?;
        let args = self.func.args(i);
        let (a, b) = (*args.first()?, args.get(1).copied());
        let of = |v: Value| self.form_within(v, depth - 1);
        match d.op {
            Op::Add => of(a)?.plus(&of(b?)?, 1),
            Op::Sub => of(a)?.plus(&of(b?)?, -1),
            Op::Mul => Form::default().plus(&of(a)?, self.func.constant(b?)?),
            Op::Shl => {
                let by = self.func.constant(b?).filter(|by| (0..10).contains(by))?;
                Form::default().plus(&of(a)?, 1 << by)
            }
            Op::Neg => Form::default().plus(&of(a)?, -1),
            _ => None,
        }
    }

    /// How a form changes from one iteration to the next, if it does.
    pub fn evolution(&self, form: &Form) -> Option<Evolution> {
        let counter = &self.counters[&form.counter?];
        Some(Evolution {
            first: form.rest.plus(&counter.first, form.factor)?,
            step: form.factor * counter.step,
        })
    }

    /// The counter that the loop tests, with its next value.
    pub fn tested(&self) -> Option<(Value, Value, Evolution)> {
        let p = self.tested?;
        let Counter { first, next, step } = self.counters[&p].clone();
        Some((p, next, Evolution { first, step }))
    }

    /// The least and the greatest value of a form in the loop.
    pub fn ends(&self, form: &Form) -> Option<(Linear, Linear)> {
        let Some(counter) = form.counter.filter(|_| form.factor != 0) else {
            return Some((form.rest.clone(), form.rest.clone()));
        };
        let range = self.ranges.get(&counter)?;
        let low = form.rest.plus(&range.low, form.factor)?;
        let high = form.rest.plus(&range.high, form.factor)?;
        Some(if form.factor > 0 {
            (low, high)
        } else {
            (high, low)
        })
    }

    /// Whether a value comes from before the loop, as a sum.
    pub fn invariant(&self, v: Value) -> Option<Linear> {
        self.is_invariant(v).then(|| Linear::value(self.func, v))
    }
}

impl Form {
    /// `self + other * factor`.
    fn plus(&self, other: &Form, factor: i64) -> Option<Form> {
        let counter = match (self.counter, other.counter) {
            (Some(a), Some(b)) if a != b => return None,
            (a, b) => a.or(b),
        };
        let product = other.factor.checked_mul(factor)?;
        let sum = self.factor.checked_add(product)?;
        Some(Form {
            counter,
            factor: (sum.abs() <= MAX_FACTOR).then_some(sum)?,
            rest: self.rest.plus(&other.rest, factor)?,
        })
    }
}

/// What is known where a loop is entered: sums that are not negative.
#[derive(Default)]
pub struct Facts {
    /// For each list of terms the least constant.
    known: FxHashMap<Terms, i64>,
}

/// Dominators that are asked for what they know.
const MAX_DOMINATORS: usize = 12;

impl Facts {
    /// What branches and checks say that lie on every way to the end of `b`.
    pub fn at_end_of(func: &Func, cfg: &Cfg, b: Block) -> Facts {
        let mut facts = Facts::default();
        let mut at = b;
        for _ in 0..MAX_DOMINATORS {
            for (i, d) in func.block_insts(at) {
                if d.op == Op::TrapIf {
                    facts.learn(func, func.args(i)[0], false);
                }
            }
            if let [(pred, e)] = cfg.preds[at.index()][..] {
                facts.learn_edge(func, pred, e);
            }
            if at == func.entry() {
                break;
            }
            at = cfg.idom[at.index()];
        }
        facts
    }

    /// What taking an edge says.
    pub fn learn_edge(&mut self, func: &Func, pred: Block, edge: u32) {
        if let Some((i, d)) = func.terminator(pred)
            && d.op == Op::Branch
        {
            self.learn(func, func.args(i)[0], edge == 0);
        }
    }

    fn learn(&mut self, func: &Func, condition: Value, holds: bool) {
        let Some((i, d)) = func.def(condition) else {
            return;
        };
        let (Imm::Cmp(cmp), &[a, b]) = (d.imm, func.args(i)) else {
            return;
        };
        if d.op != Op::Cmp || d.ty != Ty::I32 {
            return;
        }
        let cmp = if holds { cmp } else { cmp.negate(false) };
        let (a, b) = (Linear::value(func, a), Linear::value(func, b));
        match cmp {
            Cmp::Lt => self.note(b.plus(&a, -1), -1),
            Cmp::Le => self.note(b.plus(&a, -1), 0),
            Cmp::Gt => self.note(a.plus(&b, -1), -1),
            Cmp::Ge => self.note(a.plus(&b, -1), 0),
            Cmp::Eq => {
                self.note(a.plus(&b, -1), 0);
                self.note(b.plus(&a, -1), 0);
            }
            // More than the least that is possible.
            Cmp::NeUn if b.terms.is_empty() && a.least(func) == b.constant => {
                self.note(a.plus(&b, -1), -1);
            }
            Cmp::LtUn if b.least(func) >= 0 => {
                self.note(b.plus(&a, -1), -1);
                self.note(Some(a), 0);
            }
            Cmp::GtUn if a.least(func) >= 0 => {
                self.note(a.plus(&b, -1), -1);
                self.note(Some(b), 0);
            }
            _ => {}
        }
    }

    fn note(&mut self, sum: Option<Linear>, offset: i64) {
        if let Some(sum) = sum {
            let sum = sum.offset(offset);
            let known = self.known.entry(sum.terms).or_insert(sum.constant);
            *known = (*known).min(sum.constant);
        }
    }

    /// Whether a sum is known not to be negative.
    pub fn proves(&self, func: &Func, sum: &Linear) -> bool {
        sum.least(func) >= 0
            || (self.known.get(&sum.terms)).is_some_and(|&known| known <= sum.constant)
    }
}
