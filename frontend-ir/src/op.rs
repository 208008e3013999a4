//! The normal form of an instruction.
//!
//! CIL's 219 encodings are about 90 operations with parameters: `ldarg.0`, `ldarg.s` and `ldarg` are one,
//! `ldind.i4` and `ldind.r8` differ in a memory type. Compilers match on this form; the text form and
//! decoders use the encodings of [`crate::cil`].

use isthmus_runtime_abi::ids::{FieldId, LiteralId, MethodId, RaiseId, SigId, TypeId};
use isthmus_runtime_abi::types::MemTy;

/// A two-operand operation on numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BinOp {
    /// Addition.
    Add,
    /// Subtraction.
    Sub,
    /// Multiplication.
    Mul,
    /// Signed or float division.
    Div,
    /// Unsigned division.
    DivUn,
    /// Signed or float remainder.
    Rem,
    /// Unsigned remainder.
    RemUn,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Shift left; the count is I32 or native.
    Shl,
    /// Arithmetic shift right.
    Shr,
    /// Logical shift right.
    ShrUn,
    /// Signed addition that throws OverflowException.
    AddOvf,
    /// Unsigned addition that throws OverflowException.
    AddOvfUn,
    /// Signed subtraction that throws OverflowException.
    SubOvf,
    /// Unsigned subtraction that throws OverflowException.
    SubOvfUn,
    /// Signed multiplication that throws OverflowException.
    MulOvf,
    /// Unsigned multiplication that throws OverflowException.
    MulOvfUn,
}

/// A comparison. For floats, the plain ones are false on NaN and the `Un` ones are true on NaN
/// (`Eq`: false, `NeUn`: true).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cmp {
    /// Equal.
    Eq,
    /// Not equal, or unordered.
    NeUn,
    /// Signed (or ordered float) greater or equal.
    Ge,
    /// Signed greater.
    Gt,
    /// Signed less or equal.
    Le,
    /// Signed less.
    Lt,
    /// Unsigned (or unordered float) greater or equal.
    GeUn,
    /// Unsigned greater.
    GtUn,
    /// Unsigned less or equal.
    LeUn,
    /// Unsigned less.
    LtUn,
}

/// Target of a conversion.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConvTo {
    /// Signed 8 bits, result I32.
    I1,
    /// Unsigned 8 bits, result I32.
    U1,
    /// Signed 16 bits, result I32.
    I2,
    /// Unsigned 16 bits, result I32.
    U2,
    /// Signed 32 bits.
    I4,
    /// Unsigned 32 bits, result I32.
    U4,
    /// Signed 64 bits.
    I8,
    /// Unsigned 64 bits, result I64.
    U8,
    /// Native, sign-extending.
    I,
    /// Native, zero-extending.
    U,
    /// Float32.
    R4,
    /// Float64.
    R8,
    /// Float64 from an unsigned integer (`conv.r.un`).
    RUn,
}

/// How a conversion treats values that do not fit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConvMode {
    /// Truncates.
    Wrap,
    /// Throws OverflowException; the source is signed.
    Ovf,
    /// Throws OverflowException; the source is unsigned.
    OvfUn,
}

/// What `ldtoken` names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Token {
    /// A RuntimeTypeHandle.
    Type(TypeId),
    /// A RuntimeMethodHandle.
    Method(MethodId),
    /// A RuntimeFieldHandle.
    Field(FieldId),
}

/// An operation with its operands. Branch targets are indices of instructions in the body.
#[derive(Clone, Copy, PartialEq, Debug)]
#[allow(missing_docs)] // each is the CIL instruction of that name; see `cil`'s table for the prose
pub enum Op {
    Nop,
    Break,
    LdArg(u16),
    LdArgA(u16),
    StArg(u16),
    LdLoc(u16),
    LdLocA(u16),
    StLoc(u16),
    LdNull,
    LdcI4(i32),
    LdcI8(i64),
    /// Bits of the float32.
    LdcR4(u32),
    /// Bits of the float64.
    LdcR8(u64),
    LdStr(LiteralId),
    Dup,
    Pop,
    Jmp(MethodId),
    Call(MethodId),
    CallVirt(MethodId),
    CallI(SigId),
    NewObj(MethodId),
    Ret,
    Br(u32),
    BrFalse(u32),
    BrTrue(u32),
    BrCmp(Cmp, u32),
    /// Index into [`crate::body::Body::switches`].
    Switch(u32),
    LdInd(MemTy),
    StInd(MemTy),
    Bin(BinOp),
    Neg,
    Not,
    /// `ceq`, `cgt`, `cgt.un`, `clt`, `clt.un` (other comparisons may appear too).
    Compare(Cmp),
    Conv(ConvTo, ConvMode),
    CkFinite,
    CpObj(TypeId),
    LdObj(TypeId),
    StObj(TypeId),
    InitObj(TypeId),
    SizeOf(TypeId),
    Box(TypeId),
    Unbox(TypeId),
    UnboxAny(TypeId),
    CastClass(TypeId),
    IsInst(TypeId),
    /// The element type.
    NewArr(TypeId),
    LdLen,
    LdElemA(TypeId),
    /// Element type in memory; the type operand of `ldelem T`.
    LdElem(MemTy, Option<TypeId>),
    /// Element type in memory; the type operand of `stelem T`.
    StElem(MemTy, Option<TypeId>),
    LdFld(FieldId),
    LdFldA(FieldId),
    StFld(FieldId),
    LdSFld(FieldId),
    LdSFldA(FieldId),
    StSFld(FieldId),
    LdToken(Token),
    LdFtn(MethodId),
    LdVirtFtn(MethodId),
    Throw,
    Rethrow,
    Leave(u32),
    /// `endfinally` / `endfault`.
    EndFinally,
    EndFilter,
    LocAlloc,
    CpBlk,
    InitBlk,
    ArgList,
    MkRefAny(TypeId),
    RefAnyVal(TypeId),
    RefAnyType,
    /// Not CIL: pops variadic arguments, whose types are the signature's parameters, and pushes the cookie that the call takes.
    VarArgs(SigId),
    /// Not CIL: throws a prepared exception. Stands for an instruction whose token the VM could not resolve. Ends the block.
    Raise(RaiseId),
}

bitflags::bitflags! {
    /// Prefixes of an instruction.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct Prefix: u8 {
        /// `volatile.`
        const VOLATILE = 1;
        /// `tail.`
        const TAIL = 2;
        /// `readonly.`; at `ldind` and `ldobj`: the memory never changes once code can read it (not CIL)
        const READONLY = 4;
        /// `unaligned. 1`, `2` or `4`.
        const UNALIGNED = 8;
        /// `no. typecheck`
        const NO_TYPE_CHECK = 16;
        /// `no. rangecheck`; at `ldind`, `stind`, `ldobj` and `stobj`: the address is that of an element of an array (not CIL)
        const NO_RANGE_CHECK = 32;
        /// `no. nullcheck`
        const NO_NULL_CHECK = 64;
    }
}

/// An instruction.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Insn {
    /// Operation.
    pub op: Op,
    /// Prefixes.
    pub prefix: Prefix,
    /// Type of a `constrained.` prefix.
    pub constrained: Option<TypeId>,
    /// Byte offset of the instruction (its first prefix) in the source body.
    pub il: u32,
}

impl Insn {
    /// An instruction without prefixes.
    pub fn new(op: Op, il: u32) -> Self {
        Insn {
            op,
            prefix: Prefix::empty(),
            constrained: None,
            il,
        }
    }
}

/// Where control goes after an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// To the next instruction.
    Next,
    /// To the target only.
    Branch,
    /// To the target or the next.
    CondBranch,
    /// To one of many or the next.
    Switch,
    /// Leaves the method.
    Return,
    /// Throws, or ends a handler.
    End,
    /// Leaves protected regions and handlers for the target.
    Leave,
}

impl Op {
    /// Where control goes after the instruction.
    pub fn flow(self) -> Flow {
        match self {
            Op::Br(_) => Flow::Branch,
            Op::BrFalse(_) | Op::BrTrue(_) | Op::BrCmp(..) => Flow::CondBranch,
            Op::Switch(_) => Flow::Switch,
            Op::Ret | Op::Jmp(_) => Flow::Return,
            Op::Throw | Op::Rethrow | Op::EndFinally | Op::EndFilter | Op::Raise(_) => Flow::End,
            Op::Leave(_) => Flow::Leave,
            _ => Flow::Next,
        }
    }

    /// The single branch target, if there is one.
    pub fn target(self) -> Option<u32> {
        match self {
            Op::Br(t) | Op::BrFalse(t) | Op::BrTrue(t) | Op::BrCmp(_, t) | Op::Leave(t) => Some(t),
            _ => None,
        }
    }
}

impl Cmp {
    /// The comparison that holds exactly when this one does not. For floats that flips orderedness (what the `Un` forms mean
    /// there), for integers it keeps signedness.
    pub fn negate(self, floats: bool) -> Cmp {
        match (self, floats) {
            (Cmp::Eq, _) => Cmp::NeUn,
            (Cmp::NeUn, _) => Cmp::Eq,
            (Cmp::Ge, true) | (Cmp::GeUn, false) => Cmp::LtUn,
            (Cmp::Gt, true) | (Cmp::GtUn, false) => Cmp::LeUn,
            (Cmp::Le, true) | (Cmp::LeUn, false) => Cmp::GtUn,
            (Cmp::Lt, true) | (Cmp::LtUn, false) => Cmp::GeUn,
            (Cmp::GeUn, true) | (Cmp::Ge, false) => Cmp::Lt,
            (Cmp::GtUn, true) | (Cmp::Gt, false) => Cmp::Le,
            (Cmp::LeUn, true) | (Cmp::Le, false) => Cmp::Gt,
            (Cmp::LtUn, true) | (Cmp::Lt, false) => Cmp::Ge,
        }
    }
}
