//! A function: blocks, instructions, values and their pools.
//!
//! Ids are dense indices; lists (operands, edges, edge arguments, block parameters) are ranges in pools, so an
//! instruction is plain data. Rewriting a list appends a new one and forgets the old.

use super::inst::{CallInfo, Edge, Imm, InstData, ListRef, Sig};
use super::op::{Effects, Op, Res};
use super::ty::{Block, Inst, Slot, Ty, Value};
use super::unit::Clause;
use isthmus_runtime_abi::artifact::{InlineNode, SourcePos};
use isthmus_runtime_abi::ids::MethodId;

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueDef {
    /// Result number `1` of an instruction.
    Result(Inst, u8),
    /// Parameter number `1` of a block.
    Param(Block, u32),
    /// Replaced by another value; only while a pass runs.
    Alias(Value),
}

/// A value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ValueData {
    /// Type.
    pub ty: Ty,
    /// Definition.
    pub def: ValueDef,
}

/// A block.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BlockData {
    /// Parameters.
    pub params: Vec<Value>,
    /// Instructions; the last one ends the block. An empty list: the block was removed.
    pub insts: Vec<Inst>,
    /// Rarely executed.
    pub cold: bool,
}

/// A stack slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotData {
    /// Bytes.
    pub size: u32,
    /// Alignment.
    pub align: u32,
}

/// An instruction with its id, as handed out by iteration.
pub type InstRef<'a> = (Inst, &'a InstData);

/// What a function is of its method.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// All of it, but for its filters.
    Whole,
    /// What takes over from a baseline frame: the method from this instruction of its body on.
    From(u32),
    /// The filter of this clause of its body.
    Filter(u32),
}

/// A function.
#[derive(Clone, Debug)]
pub struct Func {
    /// The method.
    pub method: MethodId,
    /// What it is of the method.
    pub part: Part,
    /// Words of parameters and results.
    pub sig: Sig,
    /// Blocks; the first is the entry, whose parameters are the signature's words.
    pub blocks: Vec<BlockData>,
    /// Instructions.
    pub insts: Vec<InstData>,
    /// Values.
    pub values: Vec<ValueData>,
    /// Operand lists.
    pub values_pool: Vec<Value>,
    /// Edge lists.
    pub edges_pool: Vec<Edge>,
    /// Calls.
    pub calls: Vec<CallInfo>,
    /// Stack slots.
    pub slots: Vec<SlotData>,
    /// The slot that filters share with the method.
    pub filter_area: Option<Slot>,
    /// Slot that keeps `this` for the unwinder.
    pub this_slot: Option<Slot>,
    /// Slot that keeps the generic context for the unwinder.
    pub rgctx_slot: Option<Slot>,
    /// Exception clauses with their inline nodes.
    pub clauses: Vec<(Clause, u32)>,
    /// Source positions.
    pub positions: Vec<SourcePos>,
    /// Inline tree; node 0 is the method.
    pub inline_tree: Vec<InlineNode>,
}

impl Func {
    /// An empty function.
    pub fn new(method: MethodId) -> Func {
        Func {
            method,
            part: Part::Whole,
            sig: Sig::default(),
            blocks: Vec::new(),
            insts: Vec::new(),
            values: Vec::new(),
            values_pool: Vec::new(),
            edges_pool: Vec::new(),
            calls: Vec::new(),
            slots: Vec::new(),
            filter_area: None,
            this_slot: None,
            rgctx_slot: None,
            clauses: Vec::new(),
            positions: vec![SourcePos { node: 0, il: 0 }],
            inline_tree: vec![InlineNode {
                method,
                parent: None,
            }],
        }
    }

    /// The entry block.
    pub fn entry(&self) -> Block {
        Block(0)
    }

    // ---- reading

    /// All blocks that have not been removed, in order.
    pub fn block_ids(&self) -> impl DoubleEndedIterator<Item = Block> + '_ {
        (0..self.blocks.len() as u32)
            .map(Block)
            .filter(|b| !self.blocks[b.index()].insts.is_empty())
    }

    /// A block.
    pub fn block(&self, b: Block) -> &BlockData {
        &self.blocks[b.index()]
    }

    /// An instruction.
    pub fn inst(&self, i: Inst) -> &InstData {
        &self.insts[i.index()]
    }

    /// Instructions of a block.
    pub fn block_insts(&self, b: Block) -> impl Iterator<Item = InstRef<'_>> + '_ {
        self.blocks[b.index()]
            .insts
            .iter()
            .map(|&i| (i, &self.insts[i.index()]))
    }

    /// The instruction that ends the block.
    pub fn terminator(&self, b: Block) -> Option<InstRef<'_>> {
        let last = *self.blocks[b.index()].insts.last()?;
        Some((last, self.inst(last)))
    }

    /// Operands.
    pub fn args(&self, i: Inst) -> &[Value] {
        self.list(self.insts[i.index()].args)
    }

    /// A list of values.
    pub fn list(&self, l: ListRef) -> &[Value] {
        &self.values_pool[l.range()]
    }

    /// All successors of an instruction: normal ones, then handlers.
    pub fn edges(&self, i: Inst) -> &[Edge] {
        &self.edges_pool[self.insts[i.index()].edges.range()]
    }

    /// The normal successors of an instruction (for an instruction that may throw and has edges: the first; for `throw`: none).
    pub fn normal_edges(&self, i: Inst) -> &[Edge] {
        let all = self.edges(i);
        let n = all.iter().take_while(|e| e.clause.is_none()).count();
        &all[..n]
    }

    /// The handler edges of an instruction, innermost first.
    pub fn handler_edges(&self, i: Inst) -> &[Edge] {
        &self.edges(i)[self.normal_edges(i).len()..]
    }

    /// Successors of a block.
    pub fn successors(&self, b: Block) -> &[Edge] {
        match self.blocks[b.index()].insts.last() {
            Some(&i) => self.edges(i),
            None => &[],
        }
    }

    /// Type of a value.
    pub fn ty(&self, v: Value) -> Ty {
        self.values[v.index()].ty
    }

    /// The value that `v` stands for, aliases followed.
    pub fn resolve(&self, mut v: Value) -> Value {
        while let ValueDef::Alias(w) = self.values[v.index()].def {
            v = w;
        }
        v
    }

    /// The instruction that defines a value.
    pub fn def(&self, v: Value) -> Option<InstRef<'_>> {
        match self.values[v.index()].def {
            ValueDef::Result(i, _) => Some((i, self.inst(i))),
            _ => None,
        }
    }

    /// The integer or bits if the value is a constant.
    pub fn constant(&self, v: Value) -> Option<i64> {
        let (_, d) = self.def(v)?;
        match (d.op, d.imm) {
            (Op::Const, Imm::Bits(b)) => Some(b),
            _ => None,
        }
    }

    /// The call of a call instruction.
    pub fn call(&self, i: Inst) -> Option<&CallInfo> {
        match self.insts[i.index()].imm {
            Imm::Call(c) => self.calls.get(c as usize),
            _ => None,
        }
    }

    /// Source position of an instruction.
    pub fn pos(&self, i: Inst) -> SourcePos {
        self.positions[self.insts[i.index()].pos as usize]
    }

    /// Effects of an instruction, its constant operands and its call considered.
    pub fn effects(&self, i: Inst) -> Effects {
        use isthmus_runtime_abi::helpers::Effects as H;
        let data = self.inst(i);
        let mut e = data.effects();
        match data.op {
            Op::SDiv | Op::UDiv | Op::SRem | Op::URem => {
                let divisor = self.constant(self.args(i)[1]);
                if divisor.is_some_and(|d| d != 0 && d as i32 != 0 && d != -1) {
                    e.remove(Effects::TRAPS);
                }
            }
            Op::Call => {
                if let Some(CallInfo {
                    target: super::CallTarget::Helper(h),
                    ..
                }) = self.call(i)
                {
                    let h = h.effects();
                    if h.contains(H::PURE | H::LEAF) {
                        e = Effects::empty();
                    } else if !h.contains(H::MAY_THROW) {
                        e.remove(Effects::THROWS);
                    }
                }
            }
            _ => {}
        }
        e
    }

    // ---- building

    /// A new, empty block.
    pub fn new_block(&mut self) -> Block {
        self.blocks.push(BlockData::default());
        Block::from_index(self.blocks.len() - 1)
    }

    /// Adds a parameter to a block.
    pub fn add_param(&mut self, b: Block, ty: Ty) -> Value {
        let n = self.blocks[b.index()].params.len() as u32;
        let v = self.new_value(ty, ValueDef::Param(b, n));
        self.blocks[b.index()].params.push(v);
        v
    }

    /// A new value; its definition is the caller's business.
    pub(crate) fn new_value(&mut self, ty: Ty, def: ValueDef) -> Value {
        self.values.push(ValueData { ty, def });
        Value::from_index(self.values.len() - 1)
    }

    /// A new list of values.
    pub fn new_list(&mut self, values: &[Value]) -> ListRef {
        let start = self.values_pool.len() as u32;
        self.values_pool.extend_from_slice(values);
        ListRef {
            start,
            len: values.len() as u32,
        }
    }

    /// A new list of edges.
    pub fn new_edges(&mut self, edges: &[Edge]) -> ListRef {
        let start = self.edges_pool.len() as u32;
        self.edges_pool.extend_from_slice(edges);
        ListRef {
            start,
            len: edges.len() as u32,
        }
    }

    /// A normal edge.
    pub fn edge(&mut self, block: Block, args: &[Value]) -> Edge {
        Edge {
            block,
            args: self.new_list(args),
            clause: None,
        }
    }

    /// A new stack slot.
    pub fn new_slot(&mut self, size: u32, align: u32) -> Slot {
        self.slots.push(SlotData { size, align });
        Slot::from_index(self.slots.len() - 1)
    }

    /// A new call.
    pub fn new_call(&mut self, info: CallInfo) -> Imm {
        self.calls.push(info);
        Imm::Call(self.calls.len() as u32 - 1)
    }

    /// Makes an instruction without placing it; its results come from the operation's row.
    pub fn make(&mut self, op: Op, ty: Ty, args: &[Value], imm: Imm, pos: u32) -> Inst {
        let args = self.new_list(args);
        let inst = Inst::from_index(self.insts.len());
        let first_result = Value::from_index(self.values.len());
        match op.row().res {
            Res::None => {}
            Res::T => {
                self.new_value(ty, ValueDef::Result(inst, 0));
            }
            Res::I32 => {
                self.new_value(Ty::I32, ValueDef::Result(inst, 0));
            }
            Res::TI32 => {
                self.new_value(ty, ValueDef::Result(inst, 0));
                self.new_value(Ty::I32, ValueDef::Result(inst, 1));
            }
            Res::Call => {
                if let Imm::Call(c) = imm {
                    for n in 0..self.calls[c as usize].ret_tys.len() {
                        let ty = self.calls[c as usize].ret_tys[n];
                        self.new_value(ty, ValueDef::Result(inst, n as u8));
                    }
                }
            }
        }
        self.insts.push(InstData {
            op,
            ty,
            num_results: (self.values.len() - first_result.index()) as u8,
            first_result,
            args,
            edges: ListRef::default(),
            imm,
            pos,
        });
        inst
    }

    /// Makes an instruction at the end of a block.
    pub fn append(&mut self, b: Block, op: Op, ty: Ty, args: &[Value], imm: Imm, pos: u32) -> Inst {
        let i = self.make(op, ty, args, imm, pos);
        self.blocks[b.index()].insts.push(i);
        i
    }

    /// Sets the successors of an instruction.
    pub fn set_edges(&mut self, i: Inst, edges: &[Edge]) {
        self.insts[i.index()].edges = self.new_edges(edges);
    }

    /// Sets the operands of an instruction.
    pub fn set_args(&mut self, i: Inst, args: &[Value]) {
        self.insts[i.index()].args = self.new_list(args);
    }

    /// Makes `from` stand for `to`. Uses are rewritten by [`Self::resolve_aliases`].
    pub fn replace(&mut self, from: Value, to: Value) {
        let to = self.resolve(to);
        if from != to {
            self.values[from.index()].def = ValueDef::Alias(to);
        }
    }

    /// Rewrites every use of a replaced value. Passes that replace values end with it.
    pub fn resolve_aliases(&mut self) {
        for n in 0..self.values_pool.len() {
            let v = self.values_pool[n];
            if let ValueDef::Alias(_) = self.values[v.index()].def {
                self.values_pool[n] = self.resolve(v);
            }
        }
    }
}
