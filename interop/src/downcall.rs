//! Calls of C functions by managed code.
//!
//! On the managed side a foreign function has a signature of plain words: scalars are passed as they are, aggregates by the address of their C form,
//! which is readable up to the next multiple of a word. A result that is an aggregate is stored where a first parameter points, whole words too.
//!
//! ```text
//!  C        struct { f64 x; f64 y; }  f(i32, struct { i64 a; i8 b; })
//!  managed  void                      f(native result, i32, native argument)
//! ```
//!
//! The function is a symbol, or the last parameter.

use crate::abi::{Abi, Call, Pass, Return};
use crate::function::Function;
use crate::layout::{Layout, Value};
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::callconv::{AbiSig, Layouts, Loc};
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::types::{MemTy, Signature, StructLayout};
use isthmus_stubs::StubError;
use isthmus_stubs::foreign::{self, Downcall, Foreign, Move, Outcome, Source};
use isthmus_stubs::native::foreign_call;
use std::sync::Arc;

/// The managed type of a scalar.
pub fn mem_ty(value: Value) -> MemTy {
    match value {
        Value::I8 => MemTy::I8,
        Value::U8 => MemTy::U8,
        Value::I16 => MemTy::I16,
        Value::U16 => MemTy::U16,
        Value::I32 => MemTy::I32,
        Value::I64 => MemTy::I64,
        Value::F32 => MemTy::F32,
        Value::F64 => MemTy::F64,
        Value::Ptr => MemTy::Native,
    }
}

/// What the managed side passes for a C parameter.
pub fn param_ty(layout: &Layout) -> MemTy {
    match layout {
        Layout::Value(v) => mem_ty(*v),
        _ => MemTy::Native,
    }
}

/// Whether the result goes where the first managed parameter points.
pub fn returns_aggregate(f: &Function) -> bool {
    f.ret
        .as_ref()
        .is_some_and(|r| !matches!(r, Layout::Value(_)))
}

/// The managed signature of a function. `by_pointer`: its address is one more parameter, the last.
pub fn signature(f: &Function, by_pointer: bool) -> Signature {
    let result = returns_aggregate(f).then_some(MemTy::Native);
    let target = by_pointer.then_some(MemTy::Native);
    let params = f.params.iter().map(param_ty);
    Signature {
        params: result.into_iter().chain(params).chain(target).collect(),
        ret: match &f.ret {
            Some(Layout::Value(v)) => Some(mem_ty(*v)),
            _ => None,
        },
        ..Signature::default()
    }
}

/// There are no structs in signatures of plain words.
pub(crate) struct NoStructs;

impl Layouts for NoStructs {
    fn struct_layout(&self, _: TypeId) -> Arc<StructLayout> {
        Arc::default()
    }
}

/// A stub named `symbol` that calls a function of type `f`: a managed function of [`signature`]. `keeps_error`: the error number that it leaves is
/// kept for the program.
pub fn stub(
    arch: Arch,
    symbol: Symbol,
    f: &Function,
    target: Foreign,
    keeps_error: bool,
) -> Result<CompiledMethod, StubError> {
    let by_pointer = target == Foreign::LastArgument;
    let sig = AbiSig::new(&signature(f, by_pointer), arch, &NoStructs);
    if !by_pointer && is_plain(f, arch) {
        return foreign_call(arch, symbol, &sig, target, keeps_error);
    }
    let call = plan(f, &sig, Abi::of(arch))?;
    foreign::downcall(arch, symbol, &sig, &call, target, keeps_error)
}

/// Whether the words of the managed call are those of the C call. Both conventions have the same registers on x86-64.
fn is_plain(f: &Function, arch: Arch) -> bool {
    let plain = |l: &Layout| match l {
        Layout::Value(v) => v.is_float() || v.size(arch) >= 4,
        _ => false,
    };
    arch == Arch::X64 && f.params.iter().chain(&f.ret).all(plain)
}

/// How the words of the managed call become the C call.
fn plan(f: &Function, sig: &AbiSig, abi: Abi) -> Result<Downcall, StubError> {
    let arch = abi.arch();
    let call: Call = abi.call(f);
    let first = usize::from(returns_aggregate(f));
    let mut moves = Vec::new();
    if let Return::Memory(loc) = call.ret {
        moves.push(Move::Word(Source::Word(0, MemTy::Native), loc));
    }
    for (i, (pass, layout)) in call.params.iter().zip(&f.params).enumerate() {
        let word = sig.params[first + i].first;
        match (pass, layout) {
            (Pass::Nothing, _) => {}
            (Pass::Pieces(pieces), Layout::Value(v)) => match pieces.as_slice() {
                [piece] => moves.push(Move::Word(Source::Word(word, mem_ty(*v)), piece.loc)),
                // A managed word in two registers: 32-bit machines, which have no stubs yet.
                _ => return Err(StubError::Arch(arch)),
            },
            (Pass::Pieces(pieces), _) => moves.extend(
                pieces
                    .iter()
                    .map(|p| Move::Word(Source::Behind(word, p.offset, p.ty), p.loc)),
            ),
            (Pass::Stack(to), Layout::Value(v)) => {
                moves.push(Move::Word(Source::Word(word, mem_ty(*v)), Loc::Stack(*to)))
            }
            (Pass::Stack(to), aggregate) => moves.push(Move::Block {
                from: word,
                to: *to,
                bytes: aggregate.size(arch),
            }),
            (Pass::Pointer(loc), _) => {
                moves.push(Move::Word(Source::Word(word, MemTy::Native), *loc))
            }
        }
    }
    let outcome = match (&call.ret, &f.ret) {
        (Return::Pieces(pieces), Some(Layout::Value(v))) => match pieces.as_slice() {
            [piece] => match piece.loc {
                Loc::Reg(reg) => Outcome::Word(reg, mem_ty(*v)),
                Loc::Stack(_) => Outcome::Nothing,
            },
            _ => return Err(StubError::Arch(arch)),
        },
        (Return::Pieces(pieces), _) => Outcome::Behind(
            0,
            pieces
                .iter()
                .filter_map(|p| match p.loc {
                    Loc::Reg(reg) => Some((p.offset, p.ty, reg)),
                    Loc::Stack(_) => None,
                })
                .collect(),
        ),
        _ => Outcome::Nothing,
    };
    Ok(Downcall {
        moves,
        stack_bytes: call.stack_bytes,
        float_registers: call.float_registers,
        outcome,
    })
}
