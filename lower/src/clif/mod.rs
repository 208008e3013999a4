//! SSA to Cranelift IR.
//!
//! | module | what it translates |
//! | --- | --- |
//! | [`scan`] | facts about the function, found in one pass before the translation |
//! | [`regions`] | memory classes as alias regions |
//! | `entry` | the entry: parameters, hidden arguments, entry check, zeroed slots |
//! | `arith` | constants, addresses, integer and float arithmetic, comparisons |
//! | `convert` | conversions |
//! | `memory` | loads, stores, copies, atomics, null checks, thread context |
//! | `objects` | allocation, write barriers, class initialization, generic look-ups |
//! | `calls` | calls, invokes with handlers, tail calls, throws |
//! | `control` | jumps, branches, switches, returns, polls |
//!
//! One SSA block becomes one CLIF block, plus cold blocks for slow paths. Blocks are translated in reverse postorder, so
//! every operand has its CLIF value already. An instruction with handler edges ends its block as a `try_call`:
//!
//! ```text
//!   block3():                                    block3:
//!       v9 = call v1 method7(ref) -> ref             try_call fn0(v1), block4(ret0), [ tag2: block9(exn0, exn1, v5) ]
//!         => block4(), clause2 block9(v5)        block4(v9: i64):          results are parameters of the normal successor
//!   block4(): …
//!   block9(v20: ref, v21: ptr, v22: i32) cold:   block9(v20: i64, v21: i64, v22: i32) cold:
//! ```

mod arith;
mod calls;
mod control;
mod convert;
mod entry;
mod memory;
mod objects;
pub mod regions;
pub mod scan;

use crate::artifact::{MAX_FRAME, NamedSlots, NullSites};
use crate::names::{Names, Reach};
use crate::unsupported::Unsupported;
use crate::{Options, abi};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::{
    self as cl, FuncRef, GlobalValue, InsertBuilder, InstBuilder, SigRef, SourceLoc, StackSlotData,
    StackSlotKind, types,
};
use cranelift_codegen::packed_option::PackedOption;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::vm::CompileEnv;
use isthmus_ssa::ir::{Block, Func, Inst, InstData, Op, Sig, Value};
use regions::Regions;
use rustc_hash::FxHashMap;
use scan::Scan;

/// State that outlives one function, so that its allocations are used again.
#[derive(Default)]
pub struct Scratch {
    /// Symbols of the function.
    pub names: Names,
    /// Positions of its null checks.
    pub null_sites: NullSites,
    scan: Scan,
    regions: Regions,
    values: Vec<PackedOption<cl::Value>>,
    blocks: Vec<PackedOption<cl::Block>>,
    slots: Vec<cl::StackSlot>,
    globals: FxHashMap<Symbol, GlobalValue>,
    funcs: FxHashMap<(Symbol, Reach), FuncRef>,
    sigs: FxHashMap<Sig, SigRef>,
}

impl Scratch {
    fn clear(&mut self) {
        self.names.clear();
        self.null_sites.clear();
        self.regions.clear();
        self.values.clear();
        self.blocks.clear();
        self.slots.clear();
        self.globals.clear();
        self.funcs.clear();
        self.sigs.clear();
    }
}

/// What the artifact needs to know about a built function.
#[derive(Clone, Copy, Debug, Default)]
pub struct Built {
    /// Slots known to the runtime.
    pub slots: NamedSlots,
    /// Calls of helpers.
    pub helper_calls: u32,
    /// Bytes of stack arguments.
    pub stack_arg_bytes: u32,
}

/// Builds the CLIF of `ssa` into the empty function `func`.
pub fn build(
    func: &mut cl::Function,
    ssa: &Func,
    env: &dyn CompileEnv,
    arch: Arch,
    options: &Options,
    scratch: &mut Scratch,
) -> Result<Built, Unsupported> {
    scratch.clear();
    scratch.scan.run(ssa);
    if scratch.scan.instructions > options.max_instructions {
        return Err(Unsupported::TooLarge {
            instructions: scratch.scan.instructions,
            limit: options.max_instructions,
        });
    }
    if scratch.scan.widest_join > options.max_join {
        let branches = scratch.scan.widest_join;
        return Err(Unsupported::Limit(format!(
            "{branches} branches to one block"
        )));
    }
    func.name = cl::UserFuncName::user(0, ssa.method.index() as u32);
    func.signature = abi::signature(&ssa.sig);
    let mut lower = Lower {
        cur: FuncCursor::new(func),
        ssa,
        env,
        arch,
        s: scratch,
        unreachable: None,
        built: Built::default(),
    };
    lower.slots()?;
    lower.blocks();
    lower.entry()?;
    for n in 0..lower.s.scan.order.len() {
        let block = lower.s.scan.order[n];
        lower.block(block)?;
    }
    Ok(lower.built)
}

/// The translation of one function.
struct Lower<'a, 'f> {
    cur: FuncCursor<'f>,
    ssa: &'a Func,
    env: &'a dyn CompileEnv,
    arch: Arch,
    s: &'a mut Scratch,
    /// Block that follows calls which do not return.
    unreachable: Option<cl::Block>,
    built: Built,
}

impl<'f> Lower<'_, 'f> {
    // ---- set-up

    fn slots(&mut self) -> Result<(), Unsupported> {
        let total: u64 = self.ssa.slots.iter().map(|s| u64::from(s.size)).sum();
        if total > u64::from(MAX_FRAME) {
            return Err(Unsupported::Limit(format!("{total} bytes of stack slots")));
        }
        for slot in &self.ssa.slots {
            let data = StackSlotData::new(
                StackSlotKind::ExplicitSlot,
                slot.size.next_multiple_of(8),
                slot.align.max(8).trailing_zeros() as u8,
            );
            let made = self.cur.func.create_sized_stack_slot(data);
            self.s.slots.push(made);
        }
        let named = |slot: Option<isthmus_ssa::ir::Slot>| slot.map(|s| self.s.slots[s.index()]);
        self.built.slots = NamedSlots {
            filter_area: named(self.ssa.filter_area),
            this: named(self.ssa.this_slot),
            rgctx: named(self.ssa.rgctx_slot),
        };
        Ok(())
    }

    /// Makes all blocks with their parameters.
    fn blocks(&mut self) {
        let ssa = self.ssa;
        self.s.values.resize(ssa.values.len(), None.into());
        self.s.blocks.resize(ssa.blocks.len(), None.into());
        for n in 0..self.s.scan.order.len() {
            let block = self.s.scan.order[n];
            let made = self.cur.func.dfg.make_block();
            self.s.blocks[block.index()] = made.into();
            for &param in &ssa.block(block).params {
                let ty = abi::ty(ssa.ty(param));
                let value = self.cur.func.dfg.append_block_param(made, ty);
                self.s.values[param.index()] = value.into();
            }
        }
    }

    fn block(&mut self, block: Block) -> Result<(), Unsupported> {
        let ssa = self.ssa;
        let data = ssa.block(block);
        let mut insts = data.insts.as_slice();
        if block == ssa.entry() {
            insts = &insts[self.hidden_arguments(block)..];
        } else {
            let made = self.clif_block(block);
            self.cur.insert_block(made);
            if data.cold || self.s.scan.landing[block.index()] {
                self.cur.func.layout.set_cold(made);
            }
        }
        for &inst in insts {
            self.inst(inst)?;
        }
        Ok(())
    }

    fn inst(&mut self, inst: Inst) -> Result<(), Unsupported> {
        let data = self.ssa.inst(inst);
        self.cur.set_srcloc(SourceLoc::new(data.pos));
        match data.op {
            Op::Const | Op::SymAddr | Op::SymWord | Op::VtableOf | Op::SlotAddr | Op::Lea => {
                self.address(inst, data)
            }
            Op::Add
            | Op::Sub
            | Op::Mul
            | Op::SDiv
            | Op::UDiv
            | Op::SRem
            | Op::URem
            | Op::And
            | Op::Or
            | Op::Xor
            | Op::Shl
            | Op::Sar
            | Op::Shr
            | Op::FAdd
            | Op::FSub
            | Op::FMul
            | Op::FDiv => self.binary(inst, data),
            Op::Neg
            | Op::Not
            | Op::FNeg
            | Op::FAbs
            | Op::FSqrt
            | Op::FFloor
            | Op::FCeil
            | Op::FNearest => self.unary(inst, data),
            Op::AddOvf | Op::AddOvfUn | Op::SubOvf | Op::SubOvfUn | Op::MulOvf | Op::MulOvfUn => {
                self.checked(inst, data)
            }
            Op::Cmp => self.compare(inst, data),
            Op::Select => self.select(inst, data),
            Op::ExtS8
            | Op::ExtU8
            | Op::ExtS16
            | Op::ExtU16
            | Op::Sext
            | Op::Zext
            | Op::Trunc
            | Op::Retype
            | Op::FPromote
            | Op::FDemote
            | Op::SToF
            | Op::UToF
            | Op::FToS
            | Op::FToU
            | Op::FBits
            | Op::BitsF => self.convert(inst, data),
            Op::Load => self.load(inst, data),
            Op::Store => self.store(inst, data),
            Op::NullCheck => self.null_check(inst),
            Op::TrapIf => self.trap_if(inst, data),
            Op::MemCopy => self.mem_copy(inst, data),
            Op::MemZero => self.mem_zero(inst, data),
            Op::Fence => {
                self.ins().fence();
            }
            Op::AtomicXchg | Op::AtomicAdd | Op::AtomicCas => self.atomic(inst, data),
            Op::CtxLoad => self.ctx_load(inst, data),
            Op::StoreRef => self.store_ref(inst, data),
            Op::StoreRefUnknown => self.store_ref_unknown(inst, data),
            Op::AllocObject => self.alloc_object(inst, data),
            Op::AllocArray => self.alloc_array(inst, data),
            Op::AllocString => self.alloc_string(inst),
            Op::ClassInit => self.class_init(inst),
            Op::GenericLookup => self.generic_lookup(inst, data),
            Op::Call => return self.call(inst),
            Op::TailCall => return self.tail_call(inst),
            Op::Throw => self.throw(inst, data),
            Op::Poll => self.poll(),
            Op::Jump => self.jump(inst),
            Op::Branch => self.branch(inst),
            Op::Switch => self.switch(inst),
            Op::Return => self.return_(inst),
            Op::Unreachable => self.trap_unreachable(),
        }
        Ok(())
    }

    // ---- what all parts use

    fn ins(&mut self) -> InsertBuilder<'_, &mut FuncCursor<'f>> {
        self.cur.ins()
    }

    fn clif_block(&self, block: Block) -> cl::Block {
        self.s.blocks[block.index()].expect("reachable blocks are made before they are used")
    }

    /// A new block for a slow path.
    fn cold_block(&mut self) -> cl::Block {
        let block = self.cur.func.dfg.make_block();
        // `set_cold` needs no place in the layout.
        self.cur.func.layout.set_cold(block);
        block
    }

    fn new_block(&mut self) -> cl::Block {
        self.cur.func.dfg.make_block()
    }

    /// The CLIF value of an SSA value.
    fn value(&self, v: Value) -> cl::Value {
        self.s.values[v.index()].expect("definitions are translated before uses")
    }

    /// Operand `n` of an instruction.
    fn arg(&self, inst: Inst, n: usize) -> cl::Value {
        self.value(self.ssa.args(inst)[n])
    }

    /// Sets the only result.
    fn define(&mut self, data: &InstData, value: cl::Value) {
        if let Some(result) = data.result() {
            self.s.values[result.index()] = value.into();
        }
    }

    /// Sets a result that is a truth value: widened from 8 bits only if something needs the integer.
    fn define_truth(&mut self, result: Value, truth: cl::Value) {
        let value = if self.s.scan.wide[result.index()] {
            self.ins().uextend(types::I32, truth)
        } else {
            truth
        };
        self.s.values[result.index()] = value.into();
    }

    /// IL offset of an instruction, for declines.
    fn il(&self, inst: Inst) -> u32 {
        self.ssa.pos(inst).il
    }

    /// Address of a symbol.
    fn symbol(&mut self, symbol: Symbol) -> cl::Value {
        if let Some(address) = self.env.address(symbol) {
            return self.iconst(types::I64, address as i64);
        }
        let global = match self.s.globals.get(&symbol) {
            Some(&g) => g,
            None => {
                let name = self.s.names.name(self.cur.func, symbol, Reach::Symbol);
                let global = self
                    .cur
                    .func
                    .create_global_value(cl::GlobalValueData::Symbol {
                        name,
                        offset: 0.into(),
                        colocated: false,
                        tls: false,
                    });
                self.s.globals.insert(symbol, global);
                global
            }
        };
        self.ins().symbol_value(types::I64, global)
    }

    fn iconst(&mut self, ty: cl::Type, value: i64) -> cl::Value {
        // Immediates of narrow types are kept zero-extended.
        let value = if ty == types::I32 {
            i64::from(value as u32)
        } else {
            value
        };
        self.ins().iconst(ty, value)
    }
}
