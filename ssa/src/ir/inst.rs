//! Instruction data.

use super::op::{Effects, ImmKind, Op};
use super::ty::{Block, Mem, SigConv, Slot, Ty, Value};
use isthmus_frontend_ir::op::Cmp;
use isthmus_runtime_abi::callconv::WordTy;
use isthmus_runtime_abi::context::CtxWord;
use isthmus_runtime_abi::helpers::Helper;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
use smallvec::SmallVec;

/// A range in one of a function's pools.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ListRef {
    /// First element.
    pub start: u32,
    /// Number of elements.
    pub len: u32,
}

impl ListRef {
    /// As a range of indices.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

/// One instruction.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct InstData {
    /// Operation.
    pub op: Op,
    /// Controlling type.
    pub ty: Ty,
    /// Number of results.
    pub num_results: u8,
    /// First result; the others follow it.
    pub first_result: Value,
    /// Operands, in [`super::Func::values_pool`].
    pub args: ListRef,
    /// Successors, in [`super::Func::edges_pool`].
    pub edges: ListRef,
    /// Immediate.
    pub imm: Imm,
    /// Source position: index into [`super::Func::positions`].
    pub pos: u32,
}

/// An immediate operand.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Imm {
    /// None.
    None,
    /// Integer, or bits of a float.
    Bits(i64),
    /// A symbol.
    Symbol(Symbol),
    /// A comparison.
    Cmp(Cmp),
    /// A memory access.
    Access(Access),
    /// A trap kind.
    Trap(TrapKind),
    /// Index into [`super::Func::calls`].
    Call(u32),
    /// A helper.
    Helper(Helper),
    /// A slot and a byte offset in it.
    Slot(Slot, u32),
    /// A word of the thread context.
    Ctx(CtxWord),
}

impl Imm {
    /// Its kind.
    pub fn kind(&self) -> ImmKind {
        match self {
            Imm::None => ImmKind::None,
            Imm::Bits(_) => ImmKind::Bits,
            Imm::Symbol(_) => ImmKind::Symbol,
            Imm::Cmp(_) => ImmKind::Cmp,
            Imm::Access(_) => ImmKind::Access,
            Imm::Trap(_) => ImmKind::Trap,
            Imm::Call(_) => ImmKind::Call,
            Imm::Helper(_) => ImmKind::Helper,
            Imm::Slot(..) => ImmKind::Slot,
            Imm::Ctx(_) => ImmKind::Ctx,
        }
    }
}

bitflags::bitflags! {
    /// Details of an access.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct AccessFlags: u8 {
        /// The base may be null: faults with a trap record of kind `NullReference`.
        const NULL = 1;
        /// Acquire (loads) or release (stores); not removed, merged or reordered with others of the kind.
        const VOLATILE = 2;
        /// The address may not be a multiple of the size.
        const UNALIGNED = 4;
    }
}

/// What memory an access touches. Two accesses may touch the same memory only if their regions are equal or one is
/// [`Region::Any`]; field regions need overlapping offsets too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Region {
    /// Anything that is not one of the unchanging regions.
    Any,
    /// An object's type word: never changes.
    Header,
    /// Length of an array or string: never changes, never negative.
    Length,
    /// Vtable, display, generic contexts of a vtable: any value read is good.
    Vtable,
    /// What the front end says never changes (prefix `readonly.`).
    Fixed,
    /// A field of an object (base is a `Ref`, no index).
    Field,
    /// An element of an array, of this type.
    Element(Mem),
    /// A static field.
    Static,
    /// Part of a stack slot.
    Frame(Slot),
}

impl Region {
    /// Whether it never changes once it can be read.
    pub fn is_constant(self) -> bool {
        matches!(
            self,
            Region::Header | Region::Length | Region::Vtable | Region::Fixed
        )
    }
}

/// A memory access at `base + offset (+ index * scale)`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Access {
    /// What is in memory.
    pub mem: Mem,
    /// 1, 2, 4 or 8; without meaning if there is no index.
    pub scale: u8,
    /// Details.
    pub flags: AccessFlags,
    /// What memory it is.
    pub region: Region,
    /// Byte offset.
    pub offset: i32,
}

impl Access {
    /// An access of `mem` at `offset` in `region`.
    pub fn new(mem: Mem, offset: i32, region: Region) -> Self {
        Access {
            mem,
            scale: 1,
            flags: AccessFlags::empty(),
            region,
            offset,
        }
    }

    /// The same with these flags added.
    pub fn with(mut self, flags: AccessFlags) -> Self {
        self.flags |= flags;
        self
    }

    /// The same with this scale of the index.
    pub fn scaled(mut self, scale: u8) -> Self {
        self.scale = scale;
        self
    }
}

/// Words of a call or of the function itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Sig {
    /// Argument words.
    pub params: SmallVec<[WordTy; 8]>,
    /// Result words.
    pub rets: SmallVec<[WordTy; 4]>,
    /// Convention.
    pub conv: SigConv,
}

/// Where a call goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CallTarget {
    /// A method, through its cell (`Symbol::MethodCell`).
    Method(MethodId),
    /// Code at a symbol (`InterfaceStub`, `MethodEntry`, …): a direct call.
    Symbol(Symbol),
    /// The address in the first operand.
    Indirect,
    /// A runtime helper: managed convention through its transition stub, or C if it is a leaf. The signature is the helper's.
    Helper(Helper),
}

/// Details of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallInfo {
    /// Where it goes.
    pub target: CallTarget,
    /// Words.
    pub sig: Sig,
    /// Types of the results, one for each result word.
    pub ret_tys: SmallVec<[Ty; 4]>,
    /// An operand after the argument words is the generic context to store into its hidden-argument slot just before the call.
    pub rgctx: bool,
    /// The last operand is the vararg cookie, likewise.
    pub cookie: bool,
    /// The method that the source names, for dumps.
    pub callee: Option<MethodId>,
}

/// A successor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Target.
    pub block: Block,
    /// Arguments for the target's parameters (for handler edges: after the two payload parameters).
    pub args: ListRef,
    /// For handler edges the clause: index into [`super::Func::clauses`].
    pub clause: Option<u32>,
}

impl InstData {
    /// The access of a memory operation.
    pub fn access(&self) -> Option<Access> {
        match self.imm {
            Imm::Access(a) => Some(a),
            _ => None,
        }
    }

    /// The integer or bit pattern, where there is one.
    pub fn bits(&self) -> Option<i64> {
        match self.imm {
            Imm::Bits(b) => Some(b),
            _ => None,
        }
    }

    /// The results.
    pub fn results(&self) -> impl DoubleEndedIterator<Item = Value> + use<> {
        let first = self.first_result.0;
        (first..first + u32::from(self.num_results)).map(Value)
    }

    /// The first result.
    pub fn result(&self) -> Option<Value> {
        (self.num_results > 0).then_some(self.first_result)
    }

    /// Effects of this instruction: those of its operation, less what its access rules out.
    pub fn effects(&self) -> Effects {
        let mut e = self.op.effects();
        if let Some(a) = self.access() {
            if !a.flags.contains(AccessFlags::NULL) {
                e.remove(Effects::TRAPS);
            }
            if a.flags.contains(AccessFlags::VOLATILE) {
                e.insert(Effects::FIXED);
            }
        }
        e
    }

    /// Whether it ends its block.
    pub fn ends_block(&self) -> bool {
        self.op.ends_block() || self.edges.len > 0
    }
}
