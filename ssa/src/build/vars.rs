//! Variables become values: on-the-fly SSA construction.
//!
//! After Braun, Buchwald, Hack, Leißa, Mallon, Zwinkau, "Simple and Efficient Construction of Static Single
//! Assignment Form" (CC 2013), without recursion: a read that needs a parameter makes it and queues its operands.
//!
//! A read goes up the dominators ([`Doms`]) past all joins between which and their dominator the variable was not written: blocks between the
//! two are built between the dominator's end and the join's sealing, so the times of the variable's writes say so. What is far up is
//! thus found in a few steps, and few parameters are made that stand for one value.
//!
//! A block is *sealed* once no predecessor can be added; reads in others make parameters whose operands come
//! when the block is sealed. Operands live here until [`Vars::finish`], which drops parameters that stand for one value
//! and writes the arguments of all edges at once.

use super::doms::Doms;
use crate::ir::{Block, Func, Imm, Inst, ListRef, Op, Ty, Value, ValueDef};
use rustc_hash::FxHashMap;

/// A variable: a local, argument, stack position or temporary of some frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Var(pub u32);

/// How often parameters are looked at again when their operands have become known.
const ROUNDS: u32 = 4;

/// Number of writes to variables so far.
type Time = u32;

#[derive(Debug)]
struct Variable {
    ty: Ty,
    /// When it was written.
    writes: Vec<Time>,
}

#[derive(Debug)]
struct Phi {
    block: Block,
    var: Var,
    value: Value,
    operands: Vec<Value>,
}

#[derive(Default, Debug)]
struct BlockState {
    sealed: bool,
    /// When it was sealed, and when it ended.
    sealed_at: Time,
    ended_at: Time,
    /// What was written in it before anything led there.
    early: Vec<Var>,
    /// Predecessor and index of the edge in the edges' pool.
    preds: Vec<(Block, u32)>,
    /// Indices of parameters in `Vars::phis`.
    phis: Vec<u32>,
}

/// State of the construction.
#[derive(Default, Debug)]
pub struct Vars {
    defs: FxHashMap<(Block, Var), Value>,
    vars: Vec<Variable>,
    now: Time,
    blocks: Vec<BlockState>,
    doms: Doms,
    phis: Vec<Phi>,
    unfilled: Vec<u32>,
    constants: FxHashMap<(Ty, i64), Value>,
    /// Instructions that belong at the top of the entry block.
    entry: Vec<Inst>,
}

impl Vars {
    /// A new variable.
    pub fn new_var(&mut self, ty: Ty) -> Var {
        self.vars.push(Variable {
            ty,
            writes: Vec::new(),
        });
        Var(self.vars.len() as u32 - 1)
    }

    /// Its type.
    pub fn ty(&self, var: Var) -> Ty {
        self.vars[var.0 as usize].ty
    }

    fn state(&mut self, b: Block) -> &mut BlockState {
        if self.blocks.len() <= b.index() {
            self.blocks.resize_with(b.index() + 1, BlockState::default);
        }
        &mut self.blocks[b.index()]
    }

    /// Number of predecessors known so far.
    pub fn num_preds(&self, b: Block) -> usize {
        self.blocks.get(b.index()).map_or(0, |s| s.preds.len())
    }

    /// Records the edges of `inst`, which ends `block`.
    pub fn add_edges(&mut self, func: &Func, block: Block, inst: Inst) {
        let now = self.now;
        self.state(block).ended_at = now;
        self.doms.end(block, &self.blocks[block.index()].preds);
        let list = func.inst(inst).edges;
        for n in list.range() {
            let target = func.edges_pool[n].block;
            let state = self.state(target);
            debug_assert!(!state.sealed, "edge to sealed {target}");
            state.preds.push((block, n as u32));
        }
    }

    /// No more predecessors will come.
    pub fn seal(&mut self, func: &mut Func, b: Block) {
        let now = self.now;
        let state = self.state(b);
        if state.sealed {
            return;
        }
        (state.sealed, state.sealed_at) = (true, now);
        let early = std::mem::take(&mut state.early);
        if self.doms.seal(b, &self.blocks[b.index()].preds) && !early.is_empty() {
            // Seen from the blocks that lead there it was written now, and ends now.
            self.now += 1;
            for var in early {
                self.vars[var.0 as usize].writes.push(self.now);
            }
            self.blocks[b.index()].ended_at = self.now;
        }
        let state = self.state(b);
        let phis = state.phis.clone();
        self.unfilled.extend(phis);
        self.fill(func);
    }

    /// Sets a variable in a block.
    pub fn write(&mut self, b: Block, var: Var, value: Value) {
        let state = self.state(b);
        if !state.sealed && state.preds.is_empty() {
            state.early.push(var);
        }
        self.now += 1;
        self.vars[var.0 as usize].writes.push(self.now);
        self.defs.insert((b, var), value);
    }

    /// Whether a variable was written after the end of a block and not after a time.
    fn written(&self, var: Var, after: Block, until: Time) -> bool {
        let after = self.blocks[after.index()].ended_at;
        let writes = &self.vars[var.0 as usize].writes;
        let later = writes.partition_point(|&t| t <= after);
        writes.get(later).is_some_and(|&t| t <= until)
    }

    /// Where the value is that a variable has at the beginning of a block: at the end of another one.
    fn above(&mut self, b: Block, var: Var) -> Option<Block> {
        let state = self.state(b);
        if !state.sealed {
            return None;
        }
        let sealed_at = state.sealed_at;
        let known = self.doms.above(b);
        // On the way may be loops that were built in part only when this block was sealed.
        if let Some((_, Some(far))) = known
            && !self.written(var, far, self.now)
        {
            return Some(far);
        }
        if let [(pred, _)] = self.blocks[b.index()].preds[..] {
            return Some(pred);
        }
        let (near, _) = known?;
        (!self.written(var, near, sealed_at)).then_some(near)
    }

    /// The variable's value at the end of what is built of the block.
    pub fn read(&mut self, func: &mut Func, b: Block, var: Var) -> Value {
        let v = self.lookup(func, b, var);
        self.fill(func);
        func.resolve(v)
    }

    /// Makes the values that `inst` of block `b` uses reads of variables, where `var_of` knows one for them. A list that changes
    /// is a new one: lists may be shared.
    pub fn rename_uses(
        &mut self,
        func: &mut Func,
        b: Block,
        inst: Inst,
        var_of: impl Fn(Value) -> Option<Var>,
    ) {
        let args = func.inst(inst).args;
        func.insts[inst.index()].args = self.rename(func, b, args, &var_of);
        for e in func.inst(inst).edges.range() {
            let args = func.edges_pool[e].args;
            func.edges_pool[e].args = self.rename(func, b, args, &var_of);
        }
    }

    fn rename(
        &mut self,
        func: &mut Func,
        b: Block,
        list: ListRef,
        var_of: &impl Fn(Value) -> Option<Var>,
    ) -> ListRef {
        if !func.list(list).iter().any(|&v| var_of(v).is_some()) {
            return list;
        }
        let values = func.list(list).to_vec().into_iter();
        let values: Vec<Value> = values
            .map(|v| var_of(v).map_or(v, |var| self.read(func, b, var)))
            .collect();
        func.new_list(&values)
    }

    /// A constant; it lives in the entry block.
    pub fn constant(&mut self, func: &mut Func, ty: Ty, bits: i64) -> Value {
        if let Some(&v) = self.constants.get(&(ty, bits)) {
            return v;
        }
        let inst = func.make(Op::Const, ty, &[], Imm::Bits(bits), 0);
        self.entry.push(inst);
        let v = func.inst(inst).first_result;
        self.constants.insert((ty, bits), v);
        v
    }

    /// Places an instruction at the top of the entry block, after all constants made so far.
    pub fn at_entry(&mut self, inst: Inst) {
        self.entry.push(inst);
    }

    fn lookup(&mut self, func: &mut Func, b: Block, var: Var) -> Value {
        if let Some(&v) = self.defs.get(&(b, var)) {
            return func.resolve(v);
        }
        // Up to where it was written, or where several values may meet.
        let mut here = b;
        let mut chain = Vec::new();
        let value = loop {
            if let Some(&v) = self.defs.get(&(here, var)) {
                break func.resolve(v);
            }
            if let Some(above) = self.above(here, var) {
                chain.push(here);
                here = above;
                // A cycle of single predecessors is unreachable from the entry.
                if chain.len() > self.blocks.len() {
                    let ty = self.ty(var);
                    break self.constant(func, ty, 0);
                }
                continue;
            }
            let state = self.state(here);
            let (sealed, none) = (state.sealed, state.preds.is_empty());
            let ty = self.ty(var);
            let v = if sealed && none {
                self.constant(func, ty, 0)
            } else {
                let value = func.new_value(ty, ValueDef::Param(here, u32::MAX));
                let n = self.phis.len() as u32;
                self.phis.push(Phi {
                    block: here,
                    var,
                    value,
                    operands: Vec::new(),
                });
                self.state(here).phis.push(n);
                if sealed {
                    self.unfilled.push(n);
                }
                value
            };
            self.defs.insert((here, var), v);
            break v;
        };
        for c in chain {
            self.defs.insert((c, var), value);
        }
        value
    }

    fn fill(&mut self, func: &mut Func) {
        let mut filled = Vec::new();
        while let Some(n) = self.unfilled.pop() {
            let (block, var) = (self.phis[n as usize].block, self.phis[n as usize].var);
            let preds = self.blocks[block.index()].preds.len();
            let mut operands = Vec::with_capacity(preds);
            for p in 0..preds {
                let pred = self.blocks[block.index()].preds[p].0;
                operands.push(self.lookup(func, pred, var));
            }
            self.phis[n as usize].operands = operands;
            if !self.drop_if_trivial(func, n) {
                filled.push(n);
            }
        }
        // Where paths join inside of a loop, the parameter there turns out to be the loop's own after that one was looked at. What
        // is known of a value is lost where a parameter stands for it, so it is worth to look again; `finish` finds the rest.
        for _ in 0..ROUNDS {
            let before = filled.len();
            filled.retain(|&n| !self.drop_if_trivial(func, n));
            if filled.is_empty() || filled.len() == before {
                break;
            }
        }
    }

    /// Replaces a parameter whose operands are one value and itself.
    fn drop_if_trivial(&mut self, func: &mut Func, n: u32) -> bool {
        let phi = &self.phis[n as usize];
        if let ValueDef::Alias(_) = func.values[phi.value.index()].def {
            return false;
        }
        let mut same = None;
        for &o in &phi.operands {
            let o = func.resolve(o);
            if o == phi.value || Some(o) == same {
                continue;
            }
            if same.is_some() {
                return false;
            }
            same = Some(o);
        }
        let value = phi.value;
        let with = match same {
            Some(v) => v,
            None => {
                let ty = func.ty(value);
                self.constant(func, ty, 0)
            }
        };
        func.replace(value, with);
        true
    }

    /// Seals what is left, drops trivial parameters, and writes parameters and arguments.
    pub fn finish(&mut self, func: &mut Func) {
        for n in 0..func.blocks.len() {
            self.seal(func, Block::from_index(n));
        }
        // Parameters that use a dropped parameter may have become trivial.
        let mut users: FxHashMap<Value, Vec<u32>> = FxHashMap::default();
        for (n, phi) in self.phis.iter().enumerate() {
            for &o in &phi.operands {
                users.entry(o).or_default().push(n as u32);
            }
        }
        let mut work: Vec<u32> = (0..self.phis.len() as u32).collect();
        while let Some(n) = work.pop() {
            if self.drop_if_trivial(func, n)
                && let Some(u) = users.get(&self.phis[n as usize].value)
            {
                // Users of the replaced value now use the replacement.
                let list = u.clone();
                let to = func.resolve(self.phis[n as usize].value);
                users.entry(to).or_default().extend(list.iter().copied());
                work.extend(list);
            }
        }
        for (b, state) in self.blocks.iter().enumerate() {
            let block = Block::from_index(b);
            let live: Vec<u32> = state
                .phis
                .iter()
                .copied()
                .filter(|&n| {
                    let v = self.phis[n as usize].value;
                    !matches!(func.values[v.index()].def, ValueDef::Alias(_))
                })
                .collect();
            if live.is_empty() {
                continue;
            }
            for &n in &live {
                let v = self.phis[n as usize].value;
                let place = func.blocks[b].params.len() as u32;
                func.values[v.index()].def = ValueDef::Param(block, place);
                func.blocks[b].params.push(v);
            }
            for (p, &(_, edge)) in state.preds.iter().enumerate() {
                let mut args: Vec<Value> = func.list(func.edges_pool[edge as usize].args).to_vec();
                args.extend(live.iter().map(|&n| self.phis[n as usize].operands[p]));
                let list: ListRef = func.new_list(&args);
                func.edges_pool[edge as usize].args = list;
            }
        }
        // Hidden arguments are read first.
        let entry = std::mem::take(&mut self.entry);
        let hidden = (func.blocks[0].insts.iter())
            .take_while(|i| func.insts[i.index()].op == Op::CtxLoad)
            .count();
        func.blocks[0].insts.splice(hidden..hidden, entry);
        func.resolve_aliases();
    }
}
