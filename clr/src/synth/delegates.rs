//! Delegates: `.ctor` and `Invoke`.
//!
//! `m_target` and `method_ptr` of `System.Delegate` say what to call: with a target the code is called with the target as
//! first argument (instance methods, and static ones closed over their first argument), without one it is called with the
//! arguments alone. `delegates` of `System.MulticastDelegate` is the list of a combined delegate.

use super::Synthetic;
use super::builder::Builder;
use crate::tables::{raises, signatures};
use crate::types::member::ResolvedSig;
use crate::types::{Field, LoadError, LoadErrorKind, Method, Result, types};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::{BinOp, Cmp, Op};
use isthmus_runtime_abi::types::MemTy;

fn field(name: &str) -> Result<&'static Field> {
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

/// The body of a delegate's runtime method.
pub fn body(m: &'static Method) -> Result<Body> {
    match m.name {
        ".ctor" => {
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

fn invoke(m: &'static Method) -> Result<Body> {
    let sig = m.sig()?;
    let open = ResolvedSig {
        has_this: false,
        ..sig.clone()
    };
    let closed = ResolvedSig {
        has_this: true,
        ..sig.clone()
    };
    let (open, closed) = (signatures().id_of(&open)?, signatures().id_of(&closed)?);
    let (target, code, list) = (
        field("m_target")?,
        field("method_ptr")?,
        field("delegates")?,
    );
    let args: Vec<Op> = (1..=sig.params.len() as u16).map(Op::LdArg).collect();

    let mut b = Builder::new(m);
    let (many, is_open) = (b.label(), b.label());
    b.ops(&[Op::LdArg(0), Op::LdFld(list.id)])
        .branch(Op::BrTrue, many);
    b.ops(&[Op::LdArg(0), Op::LdFld(target.id)])
        .branch(Op::BrFalse, is_open);
    b.ops(&[Op::LdArg(0), Op::LdFld(target.id)]).ops(&args);
    b.ops(&[Op::LdArg(0), Op::LdFld(code.id), Op::CallI(closed), Op::Ret]);
    b.place(is_open).ops(&args);
    b.ops(&[Op::LdArg(0), Op::LdFld(code.id), Op::CallI(open), Op::Ret]);

    b.place(many);
    let (all, i) = (b.local(MemTy::Ref), b.local(MemTy::I32));
    let result = (!sig.ret.is_void()).then(|| b.local(sig.ret.mem_ty()));
    let again = b.label();
    b.ops(&[Op::LdArg(0), Op::LdFld(list.id), Op::StLoc(all)]);
    b.place(again);
    b.ops(&[Op::LdLoc(all), Op::LdLoc(i), Op::LdElem(MemTy::Ref, None)])
        .ops(&args);
    b.op(Op::Call(m.id));
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
