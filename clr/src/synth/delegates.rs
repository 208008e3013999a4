//! Delegates: `.ctor`, `Invoke`, `BeginInvoke` and `EndInvoke`.
//!
//! `m_target` and `method_ptr` of `System.Delegate` say what to call: with a target the code is called with the target as
//! first argument (instance methods, and static ones closed over their first argument), without one with the
//! arguments alone, or with null as first argument: `extra_arg` says which it is ([`Shape`]). That matters as well where the result comes back
//! through a buffer, whose place among the arguments depends on whether the callee has a `this`. `delegates` of `System.MulticastDelegate` is the list of a combined delegate,
//! which has no code of its own.
//!
//! `Invoke` of a class whose delegates will probably be over one method (`comparers::likely_function`) looks for that first: it is called directly,
//! and so the optimizer can put it in place.

use super::Synthetic;
use super::builder::{Builder, Label};
use crate::comparers;
use crate::tables::{raises, signatures};
use crate::types::member::ResolvedSig;
use crate::types::{
    Field, LoadError, LoadErrorKind, Method, MethodKind, Result, Type, TypeKey, types,
};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::{BinOp, Cmp, ConvMode, ConvTo, Op};
use isthmus_runtime_abi::callconv::MAX_FLAT_WORDS;
use isthmus_runtime_abi::types::MemTy;

/// Whether a class is one of delegates.
pub fn is_delegate(class: &'static Type) -> bool {
    let parent = class.parent().ok().flatten();
    parent == Some(types().known.multicast_delegate())
}

/// The `Invoke` of a class of delegates.
pub fn invoke_of(class: &'static Type) -> Option<&'static Method> {
    let methods = class.methods().ok()?;
    methods.iter().copied().find(|m| m.name == "Invoke")
}

/// A field of the library's base classes of delegates.
pub fn field(name: &str) -> Result<&'static Field> {
    let known = &types().known;
    let owner = if name == "delegates" {
        known.multicast_delegate()
    } else {
        known.delegate()
    };
    owner
        .field(name)
        .ok_or_else(|| LoadError::type_load(format!("{owner:?} has no field {name}")))
}

/// How the code of a delegate takes its first argument: the value of `extra_arg`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i64)]
pub enum Shape {
    /// An instance method called on the target, which may be null.
    Instance = 0,
    /// A static method whose first argument is the target, which may be null.
    ClosedStatic = 1,
    /// A static method.
    Static = 2,
    /// An instance method whose `this` is the first argument.
    OpenInstance = 3,
}

/// The body of a delegate's runtime method.
pub fn body(m: &'static Method) -> Result<Body> {
    match m.name {
        ".ctor" => {
            // A delegate that nobody could call is not made.
            invoke_of(m.owner).map(Method::sig).transpose()?;
            let mut b = Builder::new(m);
            b.ops(&[
                Op::LdArg(0),
                Op::LdArg(1),
                Op::LdArg(2),
                Op::Call(Synthetic::DelegateInit.method().id),
                Op::Ret,
            ]);
            b.finish()
        }
        "Invoke" => invoke(m),
        "BeginInvoke" => begin_invoke(m),
        "EndInvoke" => end_invoke(m),
        _ => {
            let mut b = Builder::new(m);
            let e = LoadError::new(
                LoadErrorKind::NotSupported,
                format!("{} is not supported", m.full_name()),
            );
            b.op(Op::Raise(raises().add(e)));
            b.finish()
        }
    }
}

/// A virtual call on the first argument.
pub fn dispatch(m: &'static Method, rid: u32) -> Result<Body> {
    let target = types()
        .methods
        .intern(m.owner, MethodKind::Def(rid), &m.args)?;
    let mut b = Builder::new(m);
    for i in 0..=m.sig()?.params.len() as u16 {
        b.op(Op::LdArg(i));
    }
    b.ops(&[Op::CallVirt(target.id), Op::Ret]);
    b.finish()
}

/// The type that a parameter is boxed as: pointers as native integers.
fn boxed_as(ty: &'static Type) -> &'static Type {
    match ty.key {
        TypeKey::Ptr(_) | TypeKey::FnPtr(_) => types().known.int_ptr(),
        _ => ty,
    }
}

/// `BeginInvoke(arguments…, callback, state)`: boxes the arguments, by-reference ones by their value.
fn begin_invoke(m: &'static Method) -> Result<Body> {
    let mut b = Builder::new(m);
    let args = b.local(MemTy::Ref);
    let object = types().known.object().id;
    let params = &m.sig()?.params;
    let own = &params[..params.len().saturating_sub(2)];
    b.ops(&[
        Op::LdcI4(own.len() as i32),
        Op::NewArr(object),
        Op::StLoc(args),
    ]);
    for (i, &ty) in own.iter().enumerate() {
        b.ops(&[
            Op::LdLoc(args),
            Op::LdcI4(i as i32),
            Op::LdArg(i as u16 + 1),
        ]);
        let ty = match ty.key {
            TypeKey::ByRef(target) => {
                b.op(Op::LdObj(target));
                types().ty(target)
            }
            _ => ty,
        };
        b.ops(&[
            Op::Box(boxed_as(ty).id),
            Op::StElem(MemTy::Ref, Some(object)),
        ]);
    }
    let n = own.len() as u16;
    b.ops(&[
        Op::LdArg(0),
        Op::LdLoc(args),
        Op::LdArg(n + 1),
        Op::LdArg(n + 2),
        Op::Call(Synthetic::DelegateBegin.method().id),
        Op::Ret,
    ]);
    b.finish()
}

/// `EndInvoke(by-reference arguments…, IAsyncResult)`.
fn end_invoke(m: &'static Method) -> Result<Body> {
    let mut b = Builder::new(m);
    let (outs, result) = (b.local(MemTy::Ref), b.local(MemTy::Ref));
    let object = types().known.object().id;
    let sig = m.sig()?;
    let own = &sig.params[..sig.params.len().saturating_sub(1)];
    b.ops(&[
        Op::LdcI4(own.len() as i32),
        Op::NewArr(object),
        Op::StLoc(outs),
    ]);
    b.ops(&[
        Op::LdArg(0),
        Op::LdArg(own.len() as u16 + 1),
        Op::LdLoc(outs),
        Op::Call(Synthetic::DelegateEnd.method().id),
        Op::StLoc(result),
    ]);
    for (i, ty) in own.iter().enumerate() {
        let TypeKey::ByRef(target) = ty.key else {
            continue;
        };
        b.ops(&[
            Op::LdArg(i as u16 + 1),
            Op::LdLoc(outs),
            Op::LdcI4(i as i32),
        ]);
        b.ops(&[
            Op::LdElem(MemTy::Ref, Some(object)),
            Op::UnboxAny(boxed_as(types().ty(target)).id),
            Op::StObj(target),
        ]);
    }
    if !sig.ret.is_void() {
        b.ops(&[Op::LdLoc(result), Op::UnboxAny(boxed_as(sig.ret).id)]);
    }
    b.op(Op::Ret);
    b.finish()
}

fn invoke(m: &'static Method) -> Result<Body> {
    let sig = m.sig()?;
    let open_sig = ResolvedSig {
        has_this: false,
        ..sig.clone()
    };
    let closed_sig = ResolvedSig {
        has_this: true,
        ..sig.clone()
    };
    let (open, closed) = (
        signatures().id_of(&open_sig)?,
        signatures().id_of(&closed_sig)?,
    );
    let (target, code, list) = (
        field("m_target")?,
        field("method_ptr")?,
        field("delegates")?,
    );
    let args: Vec<Op> = (1..=sig.params.len() as u16).map(Op::LdArg).collect();

    let mut b = Builder::new(m);
    let (many, is_open) = (b.label(), b.label());
    let buffered = !sig.ret.is_void() && sig.ret.size_align()?.0 > MAX_FLAT_WORDS * 8;
    let shape = field("extra_arg")?;
    let branch_if_shape = |b: &mut Builder, is: Cmp, than: Shape, to: Label| {
        b.ops(&[
            Op::LdArg(0),
            Op::LdFld(shape.id),
            Op::LdcI4(than as i32),
            Op::Conv(ConvTo::I, ConvMode::Wrap),
        ]);
        b.branch(|n| Op::BrCmp(is, n), to);
    };
    if let Some(likely) = comparers::likely_function(m.owner) {
        let other = b.label();
        b.ops(&[Op::LdArg(0), Op::LdFld(code.id), Op::LdFtn(likely.id)]);
        b.branch(|n| Op::BrCmp(Cmp::NeUn, n), other);
        b.ops(&[Op::LdArg(0), Op::LdFld(target.id)]).ops(&args);
        b.ops(&[Op::Call(likely.id), Op::Ret]);
        b.place(other);
    }
    b.ops(&[Op::LdArg(0), Op::LdFld(list.id)])
        .branch(Op::BrTrue, many);
    b.ops(&[Op::LdArg(0), Op::LdFld(target.id)])
        .branch(Op::BrFalse, is_open);
    let mut params = vec![types().known.object()];
    params.extend(sig.params.iter().copied());
    let closed_static = signatures().id_of(&ResolvedSig {
        params,
        ..open_sig.clone()
    })?;
    if buffered {
        let instance = b.label();
        branch_if_shape(&mut b, Cmp::NeUn, Shape::ClosedStatic, instance);
        b.ops(&[Op::LdArg(0), Op::LdFld(target.id)]).ops(&args);
        b.ops(&[
            Op::LdArg(0),
            Op::LdFld(code.id),
            Op::CallI(closed_static),
            Op::Ret,
        ]);
        b.place(instance);
    }
    b.ops(&[Op::LdArg(0), Op::LdFld(target.id)]).ops(&args);
    b.ops(&[Op::LdArg(0), Op::LdFld(code.id), Op::CallI(closed), Op::Ret]);
    b.place(is_open);
    let call_on_null = |b: &mut Builder, sig| {
        b.op(Op::LdNull).ops(&args);
        b.ops(&[Op::LdArg(0), Op::LdFld(code.id), Op::CallI(sig), Op::Ret]);
    };
    let not_null = b.label();
    branch_if_shape(&mut b, Cmp::GtUn, Shape::ClosedStatic, not_null);
    if buffered {
        let is_static = b.label();
        branch_if_shape(&mut b, Cmp::NeUn, Shape::Instance, is_static);
        call_on_null(&mut b, closed);
        b.place(is_static);
    }
    call_on_null(&mut b, closed_static);
    b.place(not_null);
    if buffered && sig.params.first().is_some_and(|p| p.mem_ty() == MemTy::Ref) {
        let is_static = b.label();
        branch_if_shape(&mut b, Cmp::NeUn, Shape::OpenInstance, is_static);
        let params = sig.params[1..].to_vec();
        let open_instance = signatures().id_of(&ResolvedSig {
            params,
            ..closed_sig.clone()
        })?;
        b.ops(&args);
        b.ops(&[
            Op::LdArg(0),
            Op::LdFld(code.id),
            Op::CallI(open_instance),
            Op::Ret,
        ]);
        b.place(is_static);
    }
    b.ops(&args);
    b.ops(&[Op::LdArg(0), Op::LdFld(code.id), Op::CallI(open), Op::Ret]);

    // Elsewhere, so that this is small enough to be inlined.
    b.place(many);
    let rid = m
        .rid()
        .ok_or_else(|| LoadError::type_load("Invoke is no definition"))?;
    let all = types()
        .methods
        .intern(m.owner, MethodKind::InvokeAll(rid), &[])?;
    b.op(Op::LdArg(0)).ops(&args);
    b.ops(&[Op::Call(all.id), Op::Ret]);
    b.finish()
}

/// Calls the parts of a combined delegate one after the other, and returns the last one's result.
pub fn invoke_all(m: &'static Method, rid: u32) -> Result<Body> {
    let invoke = types().methods.intern(m.owner, MethodKind::Def(rid), &[])?;
    let sig = m.sig()?;
    let list = field("delegates")?;
    let args: Vec<Op> = (1..=sig.params.len() as u16).map(Op::LdArg).collect();
    let mut b = Builder::new(m);
    let (all, i) = (b.local(MemTy::Ref), b.local(MemTy::I32));
    let result = (!sig.ret.is_void()).then(|| b.local(sig.ret.mem_ty()));
    let again = b.label();
    b.ops(&[Op::LdArg(0), Op::LdFld(list.id), Op::StLoc(all)]);
    b.place(again);
    b.ops(&[Op::LdLoc(all), Op::LdLoc(i), Op::LdElem(MemTy::Ref, None)])
        .ops(&args);
    b.op(Op::Call(invoke.id));
    if let Some(r) = result {
        b.op(Op::StLoc(r));
    }
    b.ops(&[
        Op::LdLoc(i),
        Op::LdcI4(1),
        Op::Bin(BinOp::Add),
        Op::StLoc(i),
    ]);
    b.ops(&[Op::LdLoc(i), Op::LdLoc(all), Op::LdLen])
        .branch(|n| Op::BrCmp(Cmp::LtUn, n), again);
    if let Some(r) = result {
        b.op(Op::LdLoc(r));
    }
    b.op(Op::Ret);
    b.finish()
}
