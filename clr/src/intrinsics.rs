//! Which library methods compilers expand in place, as one table.

use crate::types::{Method, Type};
use isthmus_runtime_abi::intrinsics::Intrinsic;

/// (namespace, class, method, number of parameters without `this`, intrinsic). A class that is generic has its arity in the name.
#[rustfmt::skip]
static TABLE: &[(&str, &str, &str, usize, Intrinsic)] = &[
    ("System", "Array", "get_Length", 0, Intrinsic::ArrayLength),
    ("System", "Array", "GetRawSzArrayData", 0, Intrinsic::ArrayDataRef),
    ("System", "Array", "GetRank", 0, Intrinsic::ArrayRank),
    ("System", "Array", "GetLength", 1, Intrinsic::ArrayDimension),
    ("System", "Array", "GetLowerBound", 1, Intrinsic::ArrayLowerBound),
    ("System", "Object", "InternalGetHashCode", 1, Intrinsic::IdentityHash),
    ("System", "Object", "GetType", 0, Intrinsic::ObjectType),
    ("System", "Type", "GetTypeFromHandle", 1, Intrinsic::TypeObject),
    ("System", "String", "FastAllocateString", 1, Intrinsic::AllocString),
    ("System", "Buffer", "Memcpy", 3, Intrinsic::CopyBytes),
    ("System", "Buffer", "InternalMemcpy", 3, Intrinsic::CopyBytes),
    ("System", "Buffer", "Memmove", 3, Intrinsic::MoveBytes),
    ("System.Runtime", "RuntimeImports", "Memmove", 3, Intrinsic::MoveBytes),
    ("System", "String", "get_Length", 0, Intrinsic::StringLength),
    ("System", "String", "get_Chars", 1, Intrinsic::StringChar),
    ("System", "ByReference`1", ".ctor", 1, Intrinsic::ByReferenceCtor),
    ("System", "ByReference`1", "get_Value", 0, Intrinsic::ByReferenceValue),
    ("System.Runtime.CompilerServices", "RuntimeHelpers", "get_OffsetToStringData", 0, Intrinsic::OffsetToStringData),
    ("System", "Array", "UnsafeMov", 1, Intrinsic::Identity),
    ("System", "Math", "Abs", 1, Intrinsic::AbsF64),
    ("System", "Math", "Round", 1, Intrinsic::Round),
    ("System", "Math", "Sqrt", 1, Intrinsic::Sqrt),
    ("System", "Math", "Floor", 1, Intrinsic::Floor),
    ("System", "Math", "Ceiling", 1, Intrinsic::Ceil),
    ("System.Threading", "Monitor", "Enter", 1, Intrinsic::LockEnter),
    ("System.Threading", "Monitor", "ReliableEnterTimeout", 3, Intrinsic::LockTryEnter),
    ("System.Threading", "Monitor", "Exit", 1, Intrinsic::LockExit),
    ("System.Threading", "Thread", "MemoryBarrier", 0, Intrinsic::MemoryBarrier),
    ("System.Threading", "Interlocked", "MemoryBarrier", 0, Intrinsic::MemoryBarrier),
];

/// The intrinsic that a method stands for.
pub fn of(m: &Method) -> Option<Intrinsic> {
    use crate::types::MethodKind;
    if let MethodKind::Synthetic(n) = m.kind {
        return crate::synth::intrinsic(n);
    }
    if !m.assembly()?.is_corlib() {
        return None;
    }
    let (namespace, class) = (m.owner.namespace(), m.owner.name());
    if m.name == "IsReferenceOrContainsReferences" && class == "RuntimeHelpers" {
        return has_references(m.args.first()?);
    }
    if let Some(i) = interlocked(m, namespace, class) {
        return Some(i);
    }
    let found = TABLE
        .iter()
        .find(|r| r.2 == m.name && r.1 == class && r.0 == namespace)?;
    (m.sig().ok()?.params.len() == found.3 && well_typed(m, found.4)).then_some(found.4)
}

/// Whether a type is one of references or contains some, as a constant. (What a shared variable stands for is a reference.)
fn has_references(ty: &Type) -> Option<Intrinsic> {
    Some(match ty.has_refs().ok()? {
        true => Intrinsic::True,
        false => Intrinsic::False,
    })
}

/// Overloads that share a name with others of another type.
fn well_typed(m: &Method, i: Intrinsic) -> bool {
    use isthmus_runtime_abi::types::MemTy;
    let Ok(sig) = m.sig() else { return false };
    match i {
        Intrinsic::Sqrt
        | Intrinsic::Floor
        | Intrinsic::Ceil
        | Intrinsic::Round
        | Intrinsic::AbsF64 => sig.params[0].mem_ty() == MemTy::F64,
        // Between types of one kind of stack entry only.
        Intrinsic::Identity => sig.params[0].mem_ty().stack_ty() == sig.ret.mem_ty().stack_ty(),
        // Not the generic ones, nor those that take arrays.
        Intrinsic::CopyBytes | Intrinsic::MoveBytes => {
            let pointer = |n: usize| sig.params[n].mem_ty() == MemTy::Native;
            m.arity == 0 && pointer(0) && pointer(1) && sig.params[2].mem_ty() == MemTy::I32
        }
        _ => true,
    }
}

/// `Interlocked` by operand type.
fn interlocked(m: &Method, namespace: &str, class: &str) -> Option<Intrinsic> {
    use isthmus_runtime_abi::types::MemTy;
    if namespace != "System.Threading" || class != "Interlocked" {
        return None;
    }
    let cell = m.sig().ok()?.params.first()?.element()?.mem_ty();
    let operands = m.sig().ok()?.params.len() - 1;
    match (m.name, cell) {
        ("Exchange", MemTy::I32) if operands == 1 => Some(Intrinsic::Exchange32),
        ("Exchange", MemTy::I64) if operands == 1 => Some(Intrinsic::Exchange64),
        ("CompareExchange", MemTy::I32) if operands == 2 => Some(Intrinsic::CompareExchange32),
        ("CompareExchange", MemTy::I64) if operands == 2 => Some(Intrinsic::CompareExchange64),
        ("Add", MemTy::I32) => Some(Intrinsic::Add32),
        ("Add", MemTy::I64) => Some(Intrinsic::Add64),
        ("Increment", MemTy::I32) => Some(Intrinsic::Increment32),
        ("Decrement", MemTy::I32) => Some(Intrinsic::Decrement32),
        _ => None,
    }
}
