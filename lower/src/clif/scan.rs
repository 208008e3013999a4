//! One pass over the SSA function before CLIF is built.
//!
//! It finds the order of blocks (reverse postorder, so that definitions come before uses), which truth values are used as
//! integers, which blocks are landing pads, which slots' addresses escape, how finely memory may be divided into alias
//! regions, and whether the method needs an entry check.

use isthmus_runtime_abi::helpers::Effects as HelperEffects;
use isthmus_ssa::ir::{
    AccessFlags, Block, CallTarget, Func, Imm, InstData, Op, Region, Slot, Value, ValueDef,
};

/// What the pass finds.
#[derive(Default, Debug)]
pub struct Scan {
    /// Reachable blocks in reverse postorder.
    pub order: Vec<Block>,
    /// By value: a 32-bit truth value is used as something else than a condition.
    pub wide: Vec<bool>,
    /// By block: it is the target of handler edges.
    pub landing: Vec<bool>,
    /// By slot: its address is used for more than accesses that name the slot.
    pub exposed: Vec<bool>,
    /// Some access may touch any memory: all mutable heap memory is one region.
    pub any_access: bool,
    /// Some field access crosses an 8-byte boundary: all fields are one region.
    pub straddling_field: bool,
    /// Something may run other code or loop: the method needs an entry check.
    pub calls_or_loops: bool,
    /// Instructions in reachable blocks.
    pub instructions: usize,
    /// Most branches to one block that takes values.
    pub widest_join: u32,
    /// By block: branches to it that pass values.
    joins: Vec<u32>,
    seen: Vec<bool>,
    stack: Vec<(Block, usize)>,
}

impl Scan {
    /// Scans a function; old contents are forgotten, allocations kept.
    pub fn run(&mut self, f: &Func) {
        self.reset(f);
        self.reverse_postorder(f);
        for slot in [f.filter_area, f.this_slot, f.rgctx_slot]
            .into_iter()
            .flatten()
        {
            self.exposed[slot.index()] = true;
        }
        for n in 0..self.order.len() {
            let block = self.order[n];
            for (inst, data) in f.block_insts(block) {
                self.instructions += 1;
                self.operands(f, data);
                self.memory(data);
                for edge in f.edges(inst) {
                    for &v in f.list(edge.args) {
                        self.use_as_value(f, v);
                    }
                    if edge.clause.is_some() {
                        self.landing[edge.block.index()] = true;
                    } else if edge.args.len > 0 {
                        let joins = &mut self.joins[edge.block.index()];
                        *joins += 1;
                        self.widest_join = self.widest_join.max(*joins);
                    }
                }
                self.calls_or_loops |= needs_check(f, data);
            }
        }
    }

    fn reset(&mut self, f: &Func) {
        fn clear(flags: &mut Vec<bool>, len: usize) {
            flags.clear();
            flags.resize(len, false);
        }
        self.order.clear();
        clear(&mut self.wide, f.values.len());
        clear(&mut self.landing, f.blocks.len());
        clear(&mut self.exposed, f.slots.len());
        clear(&mut self.seen, f.blocks.len());
        self.any_access = false;
        self.straddling_field = false;
        self.calls_or_loops = false;
        self.instructions = 0;
        self.widest_join = 0;
        self.joins.clear();
        self.joins.resize(f.blocks.len(), 0);
    }

    fn reverse_postorder(&mut self, f: &Func) {
        self.stack.clear();
        self.stack.push((f.entry(), 0));
        self.seen[f.entry().index()] = true;
        while let Some((block, next)) = self.stack.last_mut() {
            match f.successors(*block).get(*next) {
                Some(edge) => {
                    *next += 1;
                    let to = edge.block;
                    if !std::mem::replace(&mut self.seen[to.index()], true) {
                        self.stack.push((to, 0));
                    }
                }
                None => {
                    self.order.push(*block);
                    self.stack.pop();
                }
            }
        }
        self.order.reverse();
    }

    fn operands(&mut self, f: &Func, data: &InstData) {
        let args = f.list(data.args);
        // Which operand is a condition, and which an address whose slot the access names.
        let (condition, address) = match data.op {
            Op::Branch | Op::Select | Op::TrapIf => (Some(0), None),
            Op::Load => (None, Some(0)),
            Op::Store => (None, Some(1)),
            _ => (None, None),
        };
        for (n, &v) in args.iter().enumerate() {
            if condition == Some(n) {
                continue;
            }
            if address == Some(n)
                && let Some(Region::Frame(slot)) = data.access().map(|a| a.region)
                && slot_of(f, v) == Some(slot)
            {
                continue;
            }
            self.use_as_value(f, v);
        }
    }

    fn use_as_value(&mut self, f: &Func, v: Value) {
        self.wide[v.index()] = true;
        if let Some(slot) = slot_of(f, v) {
            self.exposed[slot.index()] = true;
        }
    }

    fn memory(&mut self, data: &InstData) {
        match data.op {
            Op::MemCopy | Op::MemZero | Op::AtomicXchg | Op::AtomicAdd | Op::AtomicCas => {
                self.any_access = true
            }
            Op::Load | Op::Store | Op::StoreRef | Op::StoreRefUnknown => {
                let Some(a) = data.access() else { return };
                match a.region {
                    Region::Any => self.any_access = true,
                    Region::Field => {
                        self.straddling_field |= (a.offset & 7) as u32 + a.mem.bytes(8) > 8
                    }
                    _ => {}
                }
                self.any_access |= a.flags.contains(AccessFlags::VOLATILE);
            }
            _ => {}
        }
    }
}

/// The slot whose address `v` is.
fn slot_of(f: &Func, v: Value) -> Option<Slot> {
    let ValueDef::Result(inst, _) = f.values[v.index()].def else {
        return None;
    };
    match f.inst(inst) {
        InstData {
            op: Op::SlotAddr,
            imm: Imm::Slot(slot, _),
            ..
        } => Some(*slot),
        _ => None,
    }
}

fn needs_check(f: &Func, data: &InstData) -> bool {
    match data.op {
        Op::Call => match data.imm {
            Imm::Call(c) => !matches!(
                f.calls[c as usize].target,
                CallTarget::Helper(h) if h.effects().contains(HelperEffects::LEAF)
            ),
            _ => true,
        },
        Op::Poll
        | Op::TailCall
        | Op::Throw
        | Op::AllocObject
        | Op::AllocArray
        | Op::AllocString
        | Op::ClassInit
        | Op::GenericLookup => true,
        _ => false,
    }
}
