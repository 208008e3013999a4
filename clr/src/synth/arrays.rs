//! Arrays: constructors and accessors, `IList<T>` of one-dimensional ones.
//!
//! Programs make and access one-dimensional arrays by instructions; their constructors and accessors are for reflection.

use super::Synthetic;
use super::builder::{Builder, Label};
use crate::tables::raises;
use crate::types::{LoadError, Method, MethodKind, Result, Type, TypeKey, types};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::{BinOp, Cmp, ConvMode, ConvTo, Op, Prefix, Token};
use isthmus_runtime_abi::layout::{HEADER, MD_BOUND_BYTES, MD_BOUNDS, md_data};
use isthmus_runtime_abi::types::MemTy;

/// Most arguments that are passed one by one (rank 8, or rank 4 with lower bounds); more go in an array.
const MAX_CTOR_ARGS: u32 = 8;

/// The value of a `RuntimeTypeHandle` for a type: its only field.
fn push_type_handle(b: &mut Builder, ty: &'static Type) -> Result<()> {
    let field = types()
        .known
        .type_handle()
        .field("value")
        .ok_or_else(|| LoadError::type_load("System.RuntimeTypeHandle has no field value"))?;
    b.ops(&[Op::LdToken(Token::Type(ty.id)), Op::LdFld(field.id)]);
    Ok(())
}

/// `new T[a, b]` and `new T[lower a .. , …]`: a static method that returns the array.
pub fn constructor(m: &'static Method) -> Result<Body> {
    let MethodKind::ArrayCtor(n) = m.kind else {
        unreachable!("only for constructors")
    };
    let mut b = Builder::new(m);
    if n > MAX_CTOR_ARGS {
        push_type_handle(&mut b, m.owner)?;
        b.ops(&[Op::LdcI4(n as i32), Op::NewArr(types().known.int32().id)]);
        for i in 0..n {
            b.ops(&[Op::Dup, Op::LdcI4(i as i32), Op::LdArg(i as u16)]);
            b.op(Op::StElem(MemTy::I32, None));
        }
        b.ops(&[Op::Call(Synthetic::ArrayNewMany.method().id), Op::Ret]);
        return b.finish();
    }
    push_type_handle(&mut b, m.owner)?;
    b.op(Op::LdcI4(n as i32));
    for i in 0..MAX_CTOR_ARGS {
        b.op(if i < n {
            Op::LdArg(i as u16)
        } else {
            Op::LdcI4(0)
        });
    }
    b.ops(&[Op::Call(Synthetic::ArrayNew.method().id), Op::Ret]);
    b.finish()
}

/// `Get`, `Set` and `Address`: bounds checks, then the element's address from the object's first byte.
pub fn accessor(m: &'static Method) -> Result<Body> {
    let array = m.owner;
    let element = array
        .element()
        .ok_or_else(|| LoadError::type_load("an array without element type"))?;
    let rank = array.rank();
    let mut b = Builder::new(m);
    if matches!(array.key, TypeKey::SzArray(_)) {
        vector_accessor(&mut b, m.kind, element);
        return b.finish();
    }
    let raw = Synthetic::RawData.method().id;
    let base = b.local(MemTy::ByRef);
    let index = b.local(MemTy::Native);
    let here = b.local(MemTy::I32);
    let bad = b.label();

    let is_ref = element.mem_ty() == MemTy::Ref;
    if m.kind == MethodKind::ArraySet && is_ref {
        b.ops(&[
            Op::LdArg(0),
            Op::LdArg(rank as u16 + 1),
            Op::Call(Synthetic::ArrayCheckStore.method().id),
        ]);
    }
    if m.kind == MethodKind::ArrayAddress && is_ref {
        b.op(Op::LdArg(0));
        push_type_handle(&mut b, element)?;
        b.op(Op::Call(Synthetic::ArrayCheckExact.method().id));
    }
    b.ops(&[Op::LdArg(0), Op::Call(raw), Op::StLoc(base)]);
    for d in 0..rank {
        index_step(&mut b, d, base, index, here, bad);
    }
    // The element's address.
    let data = (md_data(rank) - HEADER) as i32;
    b.ops(&[Op::LdLoc(base), Op::LdcI4(data), Op::Bin(BinOp::Add)]);
    b.ops(&[
        Op::LdLoc(index),
        Op::SizeOf(element.id),
        Op::Conv(ConvTo::I, ConvMode::Wrap),
        Op::Bin(BinOp::Mul),
    ]);
    b.op(Op::Bin(BinOp::Add));
    match m.kind {
        MethodKind::ArrayGet => b.prefixed(Prefix::NO_RANGE_CHECK, Op::LdObj(element.id)),
        MethodKind::ArraySet => b
            .op(Op::LdArg(rank as u16 + 1))
            .prefixed(Prefix::NO_RANGE_CHECK, Op::StObj(element.id)),
        _ => &mut b,
    };
    b.op(Op::Ret);
    b.place(bad)
        .op(Op::Raise(raises().system("IndexOutOfRangeException")));
    b.finish()
}

/// The accessors of a one-dimensional array.
fn vector_accessor(b: &mut Builder, kind: MethodKind, element: &'static Type) {
    let (ty, id) = (element.mem_ty(), Some(element.id));
    b.ops(&[Op::LdArg(0), Op::LdArg(1)]);
    match kind {
        MethodKind::ArrayGet => b.op(Op::LdElem(ty, id)),
        MethodKind::ArraySet => b.ops(&[Op::LdArg(2), Op::StElem(ty, id)]),
        MethodKind::ArrayAddressReadOnly => b.prefixed(Prefix::READONLY, Op::LdElemA(element.id)),
        _ => b.op(Op::LdElemA(element.id)),
    };
    b.op(Op::Ret);
}

/// Whether the method is `Array.GetGenericValueImpl<T>` or `SetGenericValueImpl<T>`, by which `IList<T>` of arrays gets at elements.
pub fn is_element_access(m: &Method) -> bool {
    matches!(m.name, "GetGenericValueImpl" | "SetGenericValueImpl")
        && m.args.len() == 1
        && m.owner == types().known.array()
}

/// Its body: array, index, address of the value.
pub fn element_access(m: &'static Method) -> Result<Body> {
    let element = m.args[0];
    let (ty, id) = (element.mem_ty(), Some(element.id));
    let mut b = Builder::new(m);
    if m.name.starts_with("Get") {
        b.ops(&[Op::LdArg(2), Op::LdArg(0), Op::LdArg(1)]);
        b.ops(&[Op::LdElem(ty, id), Op::StObj(element.id)]);
    } else {
        b.ops(&[Op::LdArg(0), Op::LdArg(1), Op::LdArg(2)]);
        b.ops(&[Op::LdObj(element.id), Op::StElem(ty, id)]);
    }
    b.op(Op::Ret);
    b.finish()
}

/// `here = arg - lower[d]; if here >= length[d] goto bad; index = index * length[d] + here`.
fn index_step(b: &mut Builder, d: u32, base: u16, index: u16, here: u16, bad: Label) {
    let bounds = (MD_BOUNDS - HEADER + d * MD_BOUND_BYTES) as i32;
    let load = |b: &mut Builder, offset: i32| {
        b.ops(&[Op::LdLoc(base), Op::LdcI4(offset), Op::Bin(BinOp::Add)]);
        b.prefixed(Prefix::READONLY, Op::LdInd(MemTy::I32));
    };
    b.op(Op::LdArg(d as u16 + 1));
    load(b, bounds + 4);
    b.ops(&[Op::Bin(BinOp::Sub), Op::StLoc(here), Op::LdLoc(here)]);
    load(b, bounds);
    b.branch(|n| Op::BrCmp(Cmp::GeUn, n), bad);
    if d > 0 {
        b.op(Op::LdLoc(index));
        load(b, bounds);
        b.ops(&[Op::Conv(ConvTo::I, ConvMode::Wrap), Op::Bin(BinOp::Mul)]);
        b.ops(&[
            Op::LdLoc(here),
            Op::Conv(ConvTo::I, ConvMode::Wrap),
            Op::Bin(BinOp::Add),
        ]);
    } else {
        b.ops(&[Op::LdLoc(here), Op::Conv(ConvTo::I, ConvMode::Wrap)]);
    }
    b.op(Op::StLoc(index));
}

/// The method of `System.Array` that implements a generic interface method for a one-dimensional array, instantiated for the
/// interface's type argument.
pub fn interface_method(array: &'static Type, decl: &'static Method) -> Option<&'static Method> {
    let base = types().known.array();
    let interface = decl.owner.name();
    let short = interface.split('`').next().unwrap_or(interface);
    let name = match short {
        "IList" => format!("InternalArray__{}", decl.name),
        "IEnumerable" | "ICollection" | "IReadOnlyCollection" | "IReadOnlyList" => {
            format!("InternalArray__{short}_{}", decl.name)
        }
        _ => String::new(),
    };
    let element = decl.owner.args.first().copied();
    let found = base
        .methods()
        .ok()?
        .iter()
        .copied()
        .find(|m| m.name == name);
    match (found, element) {
        (Some(m), Some(t)) if m.arity == 1 => types().methods.intern(base, m.kind, &[t]).ok(),
        (Some(m), Some(_)) => Some(m),
        // The non-generic interfaces are implemented by `System.Array` itself.
        _ => base
            .interface_implementation(decl)
            .filter(|_| array.is_sz_array()),
    }
}
