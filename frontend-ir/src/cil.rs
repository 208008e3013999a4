//! The table of all ECMA-335 encodings (partition III): bytes, mnemonic, inline operand, stack
//! effect, normal form.
//!
//! Everything that reads or writes instructions derives from it: the CIL decoder of a VM, the text
//! form's parser and printer, documentation and coverage checks.

use crate::op::{BinOp, Cmp, ConvMode, ConvTo, Op};
use isthmus_runtime_abi::types::MemTy;

/// The inline operand of an encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// None.
    Nothing,
    /// Signed byte constant.
    I8,
    /// Unsigned byte (prefix flags, alignment).
    U8,
    /// 32-bit constant.
    I32,
    /// 64-bit constant.
    I64,
    /// Float32.
    R4,
    /// Float64.
    R8,
    /// Argument number, 1 byte.
    Arg8,
    /// Argument number, 2 bytes.
    Arg16,
    /// Local number, 1 byte.
    Local8,
    /// Local number, 2 bytes.
    Local16,
    /// Branch displacement, 1 byte.
    Target8,
    /// Branch displacement, 4 bytes.
    Target32,
    /// Count and displacements.
    Switch,
    /// Method token.
    Method,
    /// Field token.
    Field,
    /// Type token.
    Type,
    /// String token.
    Str,
    /// Stand-alone signature token.
    Sig,
    /// Type, method or field token.
    Token,
}

/// Number of stack entries taken or given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Count {
    /// Always this many.
    Fixed(u8),
    /// Depends on a signature.
    Var,
}

/// Operations whose operand comes from the instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Kind {
    LdArg,
    LdArgA,
    StArg,
    LdLoc,
    LdLocA,
    StLoc,
    LdcI4,
    LdcI8,
    LdcR4,
    LdcR8,
    Jmp,
    Call,
    CallI,
    Br,
    BrFalse,
    BrTrue,
    Switch,
    CallVirt,
    CpObj,
    LdObj,
    LdStr,
    NewObj,
    CastClass,
    IsInst,
    Unbox,
    LdFld,
    LdFldA,
    StFld,
    LdSFld,
    LdSFldA,
    StSFld,
    StObj,
    Box,
    NewArr,
    LdElemA,
    LdElemT,
    StElemT,
    UnboxAny,
    RefAnyVal,
    MkRefAny,
    LdToken,
    Leave,
    LdFtn,
    LdVirtFtn,
    InitObj,
    SizeOf,
}

/// How an encoding becomes an [`Op`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Form {
    /// This operation.
    Op(Op),
    /// The operation of this kind with the inline operand.
    With(Kind),
    /// A conditional branch on this comparison to the inline target.
    BranchCmp(Cmp),
    /// A prefix of the next instruction.
    Prefix,
}

/// One encoding.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Row {
    /// One byte, or `0xfe00 | second byte`.
    pub encoding: u16,
    /// Mnemonic.
    pub mnemonic: &'static str,
    /// Inline operand.
    pub operand: Operand,
    /// Stack entries taken.
    pub pops: Count,
    /// Stack entries given.
    pub pushes: Count,
    /// Normal form.
    pub form: Form,
}

const fn row(
    encoding: u16,
    mnemonic: &'static str,
    operand: Operand,
    pops: Count,
    pushes: Count,
    form: Form,
) -> Row {
    Row {
        encoding,
        mnemonic,
        operand,
        pops,
        pushes,
        form,
    }
}

use Count::*;
use Form::{BranchCmp, Op as Is, Prefix, With};
use Operand::*;

/// All encodings in order.
#[rustfmt::skip]
pub static TABLE: &[Row] = &[
    row(0x00, "nop", Nothing, Fixed(0), Fixed(0), Is(Op::Nop)),
    row(0x01, "break", Nothing, Fixed(0), Fixed(0), Is(Op::Break)),
    row(0x02, "ldarg.0", Nothing, Fixed(0), Fixed(1), Is(Op::LdArg(0))),
    row(0x03, "ldarg.1", Nothing, Fixed(0), Fixed(1), Is(Op::LdArg(1))),
    row(0x04, "ldarg.2", Nothing, Fixed(0), Fixed(1), Is(Op::LdArg(2))),
    row(0x05, "ldarg.3", Nothing, Fixed(0), Fixed(1), Is(Op::LdArg(3))),
    row(0x06, "ldloc.0", Nothing, Fixed(0), Fixed(1), Is(Op::LdLoc(0))),
    row(0x07, "ldloc.1", Nothing, Fixed(0), Fixed(1), Is(Op::LdLoc(1))),
    row(0x08, "ldloc.2", Nothing, Fixed(0), Fixed(1), Is(Op::LdLoc(2))),
    row(0x09, "ldloc.3", Nothing, Fixed(0), Fixed(1), Is(Op::LdLoc(3))),
    row(0x0a, "stloc.0", Nothing, Fixed(1), Fixed(0), Is(Op::StLoc(0))),
    row(0x0b, "stloc.1", Nothing, Fixed(1), Fixed(0), Is(Op::StLoc(1))),
    row(0x0c, "stloc.2", Nothing, Fixed(1), Fixed(0), Is(Op::StLoc(2))),
    row(0x0d, "stloc.3", Nothing, Fixed(1), Fixed(0), Is(Op::StLoc(3))),
    row(0x0e, "ldarg.s", Arg8, Fixed(0), Fixed(1), With(Kind::LdArg)),
    row(0x0f, "ldarga.s", Arg8, Fixed(0), Fixed(1), With(Kind::LdArgA)),
    row(0x10, "starg.s", Arg8, Fixed(1), Fixed(0), With(Kind::StArg)),
    row(0x11, "ldloc.s", Local8, Fixed(0), Fixed(1), With(Kind::LdLoc)),
    row(0x12, "ldloca.s", Local8, Fixed(0), Fixed(1), With(Kind::LdLocA)),
    row(0x13, "stloc.s", Local8, Fixed(1), Fixed(0), With(Kind::StLoc)),
    row(0x14, "ldnull", Nothing, Fixed(0), Fixed(1), Is(Op::LdNull)),
    row(0x15, "ldc.i4.m1", Nothing, Fixed(0), Fixed(1), Is(Op::LdcI4(-1))),
    row(0x16, "ldc.i4.0", Nothing, Fixed(0), Fixed(1), Is(Op::LdcI4(0))),
    row(0x17, "ldc.i4.1", Nothing, Fixed(0), Fixed(1), Is(Op::LdcI4(1))),
    row(0x18, "ldc.i4.2", Nothing, Fixed(0), Fixed(1), Is(Op::LdcI4(2))),
    row(0x19, "ldc.i4.3", Nothing, Fixed(0), Fixed(1), Is(Op::LdcI4(3))),
    row(0x1a, "ldc.i4.4", Nothing, Fixed(0), Fixed(1), Is(Op::LdcI4(4))),
    row(0x1b, "ldc.i4.5", Nothing, Fixed(0), Fixed(1), Is(Op::LdcI4(5))),
    row(0x1c, "ldc.i4.6", Nothing, Fixed(0), Fixed(1), Is(Op::LdcI4(6))),
    row(0x1d, "ldc.i4.7", Nothing, Fixed(0), Fixed(1), Is(Op::LdcI4(7))),
    row(0x1e, "ldc.i4.8", Nothing, Fixed(0), Fixed(1), Is(Op::LdcI4(8))),
    row(0x1f, "ldc.i4.s", I8, Fixed(0), Fixed(1), With(Kind::LdcI4)),
    row(0x20, "ldc.i4", I32, Fixed(0), Fixed(1), With(Kind::LdcI4)),
    row(0x21, "ldc.i8", I64, Fixed(0), Fixed(1), With(Kind::LdcI8)),
    row(0x22, "ldc.r4", R4, Fixed(0), Fixed(1), With(Kind::LdcR4)),
    row(0x23, "ldc.r8", R8, Fixed(0), Fixed(1), With(Kind::LdcR8)),
    row(0x25, "dup", Nothing, Fixed(1), Fixed(2), Is(Op::Dup)),
    row(0x26, "pop", Nothing, Fixed(1), Fixed(0), Is(Op::Pop)),
    row(0x27, "jmp", Method, Fixed(0), Fixed(0), With(Kind::Jmp)),
    row(0x28, "call", Method, Var, Var, With(Kind::Call)),
    row(0x29, "calli", Sig, Var, Var, With(Kind::CallI)),
    row(0x2a, "ret", Nothing, Var, Fixed(0), Is(Op::Ret)),
    row(0x2b, "br.s", Target8, Fixed(0), Fixed(0), With(Kind::Br)),
    row(0x2c, "brfalse.s", Target8, Fixed(1), Fixed(0), With(Kind::BrFalse)),
    row(0x2d, "brtrue.s", Target8, Fixed(1), Fixed(0), With(Kind::BrTrue)),
    row(0x2e, "beq.s", Target8, Fixed(2), Fixed(0), BranchCmp(Cmp::Eq)),
    row(0x2f, "bge.s", Target8, Fixed(2), Fixed(0), BranchCmp(Cmp::Ge)),
    row(0x30, "bgt.s", Target8, Fixed(2), Fixed(0), BranchCmp(Cmp::Gt)),
    row(0x31, "ble.s", Target8, Fixed(2), Fixed(0), BranchCmp(Cmp::Le)),
    row(0x32, "blt.s", Target8, Fixed(2), Fixed(0), BranchCmp(Cmp::Lt)),
    row(0x33, "bne.un.s", Target8, Fixed(2), Fixed(0), BranchCmp(Cmp::NeUn)),
    row(0x34, "bge.un.s", Target8, Fixed(2), Fixed(0), BranchCmp(Cmp::GeUn)),
    row(0x35, "bgt.un.s", Target8, Fixed(2), Fixed(0), BranchCmp(Cmp::GtUn)),
    row(0x36, "ble.un.s", Target8, Fixed(2), Fixed(0), BranchCmp(Cmp::LeUn)),
    row(0x37, "blt.un.s", Target8, Fixed(2), Fixed(0), BranchCmp(Cmp::LtUn)),
    row(0x38, "br", Target32, Fixed(0), Fixed(0), With(Kind::Br)),
    row(0x39, "brfalse", Target32, Fixed(1), Fixed(0), With(Kind::BrFalse)),
    row(0x3a, "brtrue", Target32, Fixed(1), Fixed(0), With(Kind::BrTrue)),
    row(0x3b, "beq", Target32, Fixed(2), Fixed(0), BranchCmp(Cmp::Eq)),
    row(0x3c, "bge", Target32, Fixed(2), Fixed(0), BranchCmp(Cmp::Ge)),
    row(0x3d, "bgt", Target32, Fixed(2), Fixed(0), BranchCmp(Cmp::Gt)),
    row(0x3e, "ble", Target32, Fixed(2), Fixed(0), BranchCmp(Cmp::Le)),
    row(0x3f, "blt", Target32, Fixed(2), Fixed(0), BranchCmp(Cmp::Lt)),
    row(0x40, "bne.un", Target32, Fixed(2), Fixed(0), BranchCmp(Cmp::NeUn)),
    row(0x41, "bge.un", Target32, Fixed(2), Fixed(0), BranchCmp(Cmp::GeUn)),
    row(0x42, "bgt.un", Target32, Fixed(2), Fixed(0), BranchCmp(Cmp::GtUn)),
    row(0x43, "ble.un", Target32, Fixed(2), Fixed(0), BranchCmp(Cmp::LeUn)),
    row(0x44, "blt.un", Target32, Fixed(2), Fixed(0), BranchCmp(Cmp::LtUn)),
    row(0x45, "switch", Switch, Fixed(1), Fixed(0), With(Kind::Switch)),
    row(0x46, "ldind.i1", Nothing, Fixed(1), Fixed(1), Is(Op::LdInd(MemTy::I8))),
    row(0x47, "ldind.u1", Nothing, Fixed(1), Fixed(1), Is(Op::LdInd(MemTy::U8))),
    row(0x48, "ldind.i2", Nothing, Fixed(1), Fixed(1), Is(Op::LdInd(MemTy::I16))),
    row(0x49, "ldind.u2", Nothing, Fixed(1), Fixed(1), Is(Op::LdInd(MemTy::U16))),
    row(0x4a, "ldind.i4", Nothing, Fixed(1), Fixed(1), Is(Op::LdInd(MemTy::I32))),
    row(0x4b, "ldind.u4", Nothing, Fixed(1), Fixed(1), Is(Op::LdInd(MemTy::I32))),
    row(0x4c, "ldind.i8", Nothing, Fixed(1), Fixed(1), Is(Op::LdInd(MemTy::I64))),
    row(0x4d, "ldind.i", Nothing, Fixed(1), Fixed(1), Is(Op::LdInd(MemTy::Native))),
    row(0x4e, "ldind.r4", Nothing, Fixed(1), Fixed(1), Is(Op::LdInd(MemTy::F32))),
    row(0x4f, "ldind.r8", Nothing, Fixed(1), Fixed(1), Is(Op::LdInd(MemTy::F64))),
    row(0x50, "ldind.ref", Nothing, Fixed(1), Fixed(1), Is(Op::LdInd(MemTy::Ref))),
    row(0x51, "stind.ref", Nothing, Fixed(2), Fixed(0), Is(Op::StInd(MemTy::Ref))),
    row(0x52, "stind.i1", Nothing, Fixed(2), Fixed(0), Is(Op::StInd(MemTy::I8))),
    row(0x53, "stind.i2", Nothing, Fixed(2), Fixed(0), Is(Op::StInd(MemTy::I16))),
    row(0x54, "stind.i4", Nothing, Fixed(2), Fixed(0), Is(Op::StInd(MemTy::I32))),
    row(0x55, "stind.i8", Nothing, Fixed(2), Fixed(0), Is(Op::StInd(MemTy::I64))),
    row(0x56, "stind.r4", Nothing, Fixed(2), Fixed(0), Is(Op::StInd(MemTy::F32))),
    row(0x57, "stind.r8", Nothing, Fixed(2), Fixed(0), Is(Op::StInd(MemTy::F64))),
    row(0x58, "add", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::Add))),
    row(0x59, "sub", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::Sub))),
    row(0x5a, "mul", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::Mul))),
    row(0x5b, "div", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::Div))),
    row(0x5c, "div.un", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::DivUn))),
    row(0x5d, "rem", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::Rem))),
    row(0x5e, "rem.un", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::RemUn))),
    row(0x5f, "and", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::And))),
    row(0x60, "or", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::Or))),
    row(0x61, "xor", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::Xor))),
    row(0x62, "shl", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::Shl))),
    row(0x63, "shr", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::Shr))),
    row(0x64, "shr.un", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::ShrUn))),
    row(0x65, "neg", Nothing, Fixed(1), Fixed(1), Is(Op::Neg)),
    row(0x66, "not", Nothing, Fixed(1), Fixed(1), Is(Op::Not)),
    row(0x67, "conv.i1", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I1, ConvMode::Wrap))),
    row(0x68, "conv.i2", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I2, ConvMode::Wrap))),
    row(0x69, "conv.i4", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I4, ConvMode::Wrap))),
    row(0x6a, "conv.i8", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I8, ConvMode::Wrap))),
    row(0x6b, "conv.r4", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::R4, ConvMode::Wrap))),
    row(0x6c, "conv.r8", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::R8, ConvMode::Wrap))),
    row(0x6d, "conv.u4", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U4, ConvMode::Wrap))),
    row(0x6e, "conv.u8", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U8, ConvMode::Wrap))),
    row(0x6f, "callvirt", Method, Var, Var, With(Kind::CallVirt)),
    row(0x70, "cpobj", Type, Fixed(2), Fixed(0), With(Kind::CpObj)),
    row(0x71, "ldobj", Type, Fixed(1), Fixed(1), With(Kind::LdObj)),
    row(0x72, "ldstr", Str, Fixed(0), Fixed(1), With(Kind::LdStr)),
    row(0x73, "newobj", Method, Var, Fixed(1), With(Kind::NewObj)),
    row(0x74, "castclass", Type, Fixed(1), Fixed(1), With(Kind::CastClass)),
    row(0x75, "isinst", Type, Fixed(1), Fixed(1), With(Kind::IsInst)),
    row(0x76, "conv.r.un", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::RUn, ConvMode::Wrap))),
    row(0x79, "unbox", Type, Fixed(1), Fixed(1), With(Kind::Unbox)),
    row(0x7a, "throw", Nothing, Fixed(1), Fixed(0), Is(Op::Throw)),
    row(0x7b, "ldfld", Field, Fixed(1), Fixed(1), With(Kind::LdFld)),
    row(0x7c, "ldflda", Field, Fixed(1), Fixed(1), With(Kind::LdFldA)),
    row(0x7d, "stfld", Field, Fixed(2), Fixed(0), With(Kind::StFld)),
    row(0x7e, "ldsfld", Field, Fixed(0), Fixed(1), With(Kind::LdSFld)),
    row(0x7f, "ldsflda", Field, Fixed(0), Fixed(1), With(Kind::LdSFldA)),
    row(0x80, "stsfld", Field, Fixed(1), Fixed(0), With(Kind::StSFld)),
    row(0x81, "stobj", Type, Fixed(2), Fixed(0), With(Kind::StObj)),
    row(0x82, "conv.ovf.i1.un", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I1, ConvMode::OvfUn))),
    row(0x83, "conv.ovf.i2.un", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I2, ConvMode::OvfUn))),
    row(0x84, "conv.ovf.i4.un", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I4, ConvMode::OvfUn))),
    row(0x85, "conv.ovf.i8.un", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I8, ConvMode::OvfUn))),
    row(0x86, "conv.ovf.u1.un", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U1, ConvMode::OvfUn))),
    row(0x87, "conv.ovf.u2.un", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U2, ConvMode::OvfUn))),
    row(0x88, "conv.ovf.u4.un", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U4, ConvMode::OvfUn))),
    row(0x89, "conv.ovf.u8.un", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U8, ConvMode::OvfUn))),
    row(0x8a, "conv.ovf.i.un", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I, ConvMode::OvfUn))),
    row(0x8b, "conv.ovf.u.un", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U, ConvMode::OvfUn))),
    row(0x8c, "box", Type, Fixed(1), Fixed(1), With(Kind::Box)),
    row(0x8d, "newarr", Type, Fixed(1), Fixed(1), With(Kind::NewArr)),
    row(0x8e, "ldlen", Nothing, Fixed(1), Fixed(1), Is(Op::LdLen)),
    row(0x8f, "ldelema", Type, Fixed(2), Fixed(1), With(Kind::LdElemA)),
    row(0x90, "ldelem.i1", Nothing, Fixed(2), Fixed(1), Is(Op::LdElem(MemTy::I8, None))),
    row(0x91, "ldelem.u1", Nothing, Fixed(2), Fixed(1), Is(Op::LdElem(MemTy::U8, None))),
    row(0x92, "ldelem.i2", Nothing, Fixed(2), Fixed(1), Is(Op::LdElem(MemTy::I16, None))),
    row(0x93, "ldelem.u2", Nothing, Fixed(2), Fixed(1), Is(Op::LdElem(MemTy::U16, None))),
    row(0x94, "ldelem.i4", Nothing, Fixed(2), Fixed(1), Is(Op::LdElem(MemTy::I32, None))),
    row(0x95, "ldelem.u4", Nothing, Fixed(2), Fixed(1), Is(Op::LdElem(MemTy::I32, None))),
    row(0x96, "ldelem.i8", Nothing, Fixed(2), Fixed(1), Is(Op::LdElem(MemTy::I64, None))),
    row(0x97, "ldelem.i", Nothing, Fixed(2), Fixed(1), Is(Op::LdElem(MemTy::Native, None))),
    row(0x98, "ldelem.r4", Nothing, Fixed(2), Fixed(1), Is(Op::LdElem(MemTy::F32, None))),
    row(0x99, "ldelem.r8", Nothing, Fixed(2), Fixed(1), Is(Op::LdElem(MemTy::F64, None))),
    row(0x9a, "ldelem.ref", Nothing, Fixed(2), Fixed(1), Is(Op::LdElem(MemTy::Ref, None))),
    row(0x9b, "stelem.i", Nothing, Fixed(3), Fixed(0), Is(Op::StElem(MemTy::Native, None))),
    row(0x9c, "stelem.i1", Nothing, Fixed(3), Fixed(0), Is(Op::StElem(MemTy::I8, None))),
    row(0x9d, "stelem.i2", Nothing, Fixed(3), Fixed(0), Is(Op::StElem(MemTy::I16, None))),
    row(0x9e, "stelem.i4", Nothing, Fixed(3), Fixed(0), Is(Op::StElem(MemTy::I32, None))),
    row(0x9f, "stelem.i8", Nothing, Fixed(3), Fixed(0), Is(Op::StElem(MemTy::I64, None))),
    row(0xa0, "stelem.r4", Nothing, Fixed(3), Fixed(0), Is(Op::StElem(MemTy::F32, None))),
    row(0xa1, "stelem.r8", Nothing, Fixed(3), Fixed(0), Is(Op::StElem(MemTy::F64, None))),
    row(0xa2, "stelem.ref", Nothing, Fixed(3), Fixed(0), Is(Op::StElem(MemTy::Ref, None))),
    row(0xa3, "ldelem", Type, Fixed(2), Fixed(1), With(Kind::LdElemT)),
    row(0xa4, "stelem", Type, Fixed(3), Fixed(0), With(Kind::StElemT)),
    row(0xa5, "unbox.any", Type, Fixed(1), Fixed(1), With(Kind::UnboxAny)),
    row(0xb3, "conv.ovf.i1", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I1, ConvMode::Ovf))),
    row(0xb4, "conv.ovf.u1", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U1, ConvMode::Ovf))),
    row(0xb5, "conv.ovf.i2", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I2, ConvMode::Ovf))),
    row(0xb6, "conv.ovf.u2", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U2, ConvMode::Ovf))),
    row(0xb7, "conv.ovf.i4", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I4, ConvMode::Ovf))),
    row(0xb8, "conv.ovf.u4", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U4, ConvMode::Ovf))),
    row(0xb9, "conv.ovf.i8", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I8, ConvMode::Ovf))),
    row(0xba, "conv.ovf.u8", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U8, ConvMode::Ovf))),
    row(0xc2, "refanyval", Type, Fixed(1), Fixed(1), With(Kind::RefAnyVal)),
    row(0xc3, "ckfinite", Nothing, Fixed(1), Fixed(1), Is(Op::CkFinite)),
    row(0xc6, "mkrefany", Type, Fixed(1), Fixed(1), With(Kind::MkRefAny)),
    row(0xd0, "ldtoken", Token, Fixed(0), Fixed(1), With(Kind::LdToken)),
    row(0xd1, "conv.u2", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U2, ConvMode::Wrap))),
    row(0xd2, "conv.u1", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U1, ConvMode::Wrap))),
    row(0xd3, "conv.i", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I, ConvMode::Wrap))),
    row(0xd4, "conv.ovf.i", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::I, ConvMode::Ovf))),
    row(0xd5, "conv.ovf.u", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U, ConvMode::Ovf))),
    row(0xd6, "add.ovf", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::AddOvf))),
    row(0xd7, "add.ovf.un", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::AddOvfUn))),
    row(0xd8, "mul.ovf", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::MulOvf))),
    row(0xd9, "mul.ovf.un", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::MulOvfUn))),
    row(0xda, "sub.ovf", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::SubOvf))),
    row(0xdb, "sub.ovf.un", Nothing, Fixed(2), Fixed(1), Is(Op::Bin(BinOp::SubOvfUn))),
    row(0xdc, "endfinally", Nothing, Fixed(0), Fixed(0), Is(Op::EndFinally)),
    row(0xdd, "leave", Target32, Fixed(0), Fixed(0), With(Kind::Leave)),
    row(0xde, "leave.s", Target8, Fixed(0), Fixed(0), With(Kind::Leave)),
    row(0xdf, "stind.i", Nothing, Fixed(2), Fixed(0), Is(Op::StInd(MemTy::Native))),
    row(0xe0, "conv.u", Nothing, Fixed(1), Fixed(1), Is(Op::Conv(ConvTo::U, ConvMode::Wrap))),
    row(0xfe00, "arglist", Nothing, Fixed(0), Fixed(1), Is(Op::ArgList)),
    row(0xfe01, "ceq", Nothing, Fixed(2), Fixed(1), Is(Op::Compare(Cmp::Eq))),
    row(0xfe02, "cgt", Nothing, Fixed(2), Fixed(1), Is(Op::Compare(Cmp::Gt))),
    row(0xfe03, "cgt.un", Nothing, Fixed(2), Fixed(1), Is(Op::Compare(Cmp::GtUn))),
    row(0xfe04, "clt", Nothing, Fixed(2), Fixed(1), Is(Op::Compare(Cmp::Lt))),
    row(0xfe05, "clt.un", Nothing, Fixed(2), Fixed(1), Is(Op::Compare(Cmp::LtUn))),
    row(0xfe06, "ldftn", Method, Fixed(0), Fixed(1), With(Kind::LdFtn)),
    row(0xfe07, "ldvirtftn", Method, Fixed(1), Fixed(1), With(Kind::LdVirtFtn)),
    row(0xfe09, "ldarg", Arg16, Fixed(0), Fixed(1), With(Kind::LdArg)),
    row(0xfe0a, "ldarga", Arg16, Fixed(0), Fixed(1), With(Kind::LdArgA)),
    row(0xfe0b, "starg", Arg16, Fixed(1), Fixed(0), With(Kind::StArg)),
    row(0xfe0c, "ldloc", Local16, Fixed(0), Fixed(1), With(Kind::LdLoc)),
    row(0xfe0d, "ldloca", Local16, Fixed(0), Fixed(1), With(Kind::LdLocA)),
    row(0xfe0e, "stloc", Local16, Fixed(1), Fixed(0), With(Kind::StLoc)),
    row(0xfe0f, "localloc", Nothing, Fixed(1), Fixed(1), Is(Op::LocAlloc)),
    row(0xfe11, "endfilter", Nothing, Fixed(1), Fixed(0), Is(Op::EndFilter)),
    row(0xfe12, "unaligned.", U8, Fixed(0), Fixed(0), Prefix),
    row(0xfe13, "volatile.", Nothing, Fixed(0), Fixed(0), Prefix),
    row(0xfe14, "tail.", Nothing, Fixed(0), Fixed(0), Prefix),
    row(0xfe15, "initobj", Type, Fixed(1), Fixed(0), With(Kind::InitObj)),
    row(0xfe16, "constrained.", Type, Fixed(0), Fixed(0), Prefix),
    row(0xfe17, "cpblk", Nothing, Fixed(3), Fixed(0), Is(Op::CpBlk)),
    row(0xfe18, "initblk", Nothing, Fixed(3), Fixed(0), Is(Op::InitBlk)),
    row(0xfe19, "no.", U8, Fixed(0), Fixed(0), Prefix),
    row(0xfe1a, "rethrow", Nothing, Fixed(0), Fixed(0), Is(Op::Rethrow)),
    row(0xfe1c, "sizeof", Type, Fixed(0), Fixed(1), With(Kind::SizeOf)),
    row(0xfe1d, "refanytype", Nothing, Fixed(1), Fixed(1), Is(Op::RefAnyType)),
    row(0xfe1e, "readonly.", Nothing, Fixed(0), Fixed(0), Prefix),
];

/// Row of an encoding (`0xfe00 | second` for two-byte ones).
pub fn by_encoding(encoding: u16) -> Option<&'static Row> {
    // The table is sorted, so that this is a short search; decoders may build a direct index.
    TABLE
        .binary_search_by_key(&encoding, |r| r.encoding)
        .ok()
        .map(|i| &TABLE[i])
}

/// Row of a mnemonic.
pub fn by_mnemonic(mnemonic: &str) -> Option<&'static Row> {
    TABLE.iter().find(|r| r.mnemonic == mnemonic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_complete_and_unambiguous() {
        assert!(TABLE.windows(2).all(|w| w[0].encoding < w[1].encoding));
        for r in TABLE {
            assert_eq!(by_encoding(r.encoding), Some(r));
            assert_eq!(by_mnemonic(r.mnemonic), Some(r));
        }
        // ECMA-335 III defines 219 encodings, counted without the reserved ones.
        assert_eq!(TABLE.len(), 219);
    }
}
