//! Unmanaged thunks: what C calls for a method, objects being passed as they are.
//!
//! This is the calling side of Mono's embedding interface (`mono_method_get_unmanaged_thunk`): nothing is converted. References are
//! addresses of objects, scalars are themselves, and value types with fields travel in their boxes, as `this`, as parameters (by reference too: the
//! box is what is changed) and as results. One parameter more than the method has, the last, is the address of a
//! reference: null is stored there, or the exception that the method throws, and the result is zero then.
//!
//! ```text
//!  arguments: an object of no meaning here, this, the parameters, the address for the exception
//!  try   result = method(...); *exception = null
//!  catch *exception = what was thrown
//!  result
//! ```

use super::builder::Builder;
use super::pinvoke::plain_type;
use crate::marshal::form::value_of;
use crate::types::member::ResolvedSig;
use crate::types::{LoadError, LoadErrorKind, Method, Result, Type, TypeKey, types};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::{ConvMode, ConvTo, Op};
use isthmus_frontend_ir::region::ClauseKind;
use isthmus_interop::function::Function;
use isthmus_interop::layout::{Layout, Value};
use isthmus_interop::upcall;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::types::MemTy;

/// How a value crosses.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// A scalar or a pointer.
    Plain,
    /// The address of an object.
    Object,
    /// In a box of this type.
    Boxed(&'static Type),
    /// By reference, as the box of the value referred to.
    InBox(&'static Type),
}

fn way_of(ty: &'static Type) -> Way {
    let has_fields = |t: &'static Type| matches!(t.mem_ty(), MemTy::Struct(_));
    match ty.key {
        TypeKey::ByRef(target) if has_fields(types().ty(target)) => Way::InBox(types().ty(target)),
        _ if has_fields(ty) => Way::Boxed(ty),
        _ if ty.mem_ty() == MemTy::Ref => Way::Object,
        _ => Way::Plain,
    }
}

/// `this` and the parameters.
fn params(m: &'static Method) -> Result<Vec<Way>> {
    let this = match (m.is_static(), m.owner.is_value()) {
        (true, _) => None,
        (false, true) => Some(Way::InBox(m.owner)),
        (false, false) => Some(Way::Object),
    };
    let sig = m.sig()?;
    let own = sig.params.iter().map(|p| way_of(p));
    Ok(this.into_iter().chain(own).collect())
}

/// The function's type in C.
pub fn function(m: &'static Method) -> Result<Function> {
    let sig = m.sig()?;
    if sig.vararg || m.is_generic_definition() || m.owner.is_generic_definition() {
        let text = format!("{} cannot be called by native code", m.full_name());
        return Err(LoadError::new(LoadErrorKind::Argument, text));
    }
    let c = |ty: &'static Type| Layout::from(value_of(ty.mem_ty()).unwrap_or(Value::Ptr));
    let this = (!m.is_static()).then(|| Value::Ptr.into());
    let own = sig.params.iter().map(|p| c(p));
    let exception = std::iter::once(Value::Ptr.into());
    Ok(Function {
        params: this.into_iter().chain(own).chain(exception).collect(),
        ret: (!sig.ret.is_void()).then(|| c(sig.ret)),
        fixed: None,
    })
}

/// The signature of the thunk of a method.
pub fn signature(m: MethodId) -> Result<ResolvedSig> {
    let abi = upcall::signature(&function(types().method(m))?);
    let words = abi.params[1..].iter().map(|&t| plain_type(t));
    let known = &types().known;
    Ok(ResolvedSig {
        has_this: false,
        vararg: false,
        unmanaged: false,
        params: std::iter::once(known.object()).chain(words).collect(),
        ret: abi.ret.map_or(known.void(), plain_type),
        arity: 0,
    })
}

/// The body of the thunk of a method.
pub fn body(thunk: &'static Method, m: MethodId) -> Result<Body> {
    let target = types().method(m);
    let ret = target.sig()?.ret;
    let ways = params(target)?;
    let exception = ways.len() as u16 + 1;
    let mut b = Builder::new(thunk);
    let result = (!ret.is_void()).then(|| match way_of(ret) {
        Way::Boxed(_) => (b.local(MemTy::Ref), true),
        Way::Object => (b.local(MemTy::Ref), true),
        _ => (b.local(ret.mem_ty()), false),
    });
    let thrown = b.local(MemTy::Ref);
    let (begin, handler, end) = (b.label(), b.label(), b.label());

    b.place(begin);
    for (way, i) in ways.iter().zip(1..) {
        if let Way::Plain = way {
            b.op(Op::LdArg(i));
            continue;
        }
        // The address of an object, as a reference.
        b.ops(&[Op::LdArgA(i), Op::LdInd(MemTy::Ref)]);
        match way {
            Way::Boxed(ty) => b.ops(&[Op::Unbox(ty.id), Op::LdObj(ty.id)]),
            Way::InBox(ty) => b.op(Op::Unbox(ty.id)),
            Way::Object | Way::Plain => &mut b,
        };
    }
    b.op(Op::Call(target.id));
    if let Some((local, _)) = result {
        if let Way::Boxed(ty) = way_of(ret) {
            b.op(Op::Box(ty.id));
        }
        b.op(Op::StLoc(local));
    }
    b.ops(&[Op::LdArg(exception), Op::LdNull, Op::StInd(MemTy::Ref)]);
    b.branch(Op::Leave, end);

    b.place(handler);
    b.ops(&[
        Op::StLoc(thrown),
        Op::LdArg(exception),
        Op::LdLoc(thrown),
        Op::StInd(MemTy::Ref),
    ]);
    b.branch(Op::Leave, end);

    b.place(end);
    match result {
        Some((local, true)) => {
            b.ops(&[
                Op::LdLocA(local),
                Op::Conv(ConvTo::U, ConvMode::Wrap),
                Op::LdInd(MemTy::Native),
            ]);
        }
        Some((local, false)) => {
            b.op(Op::LdLoc(local));
        }
        None => {}
    }
    b.op(Op::Ret);
    let any = ClauseKind::Catch(types().known.object().id);
    b.clause(any, [begin, handler, end]);
    b.finish()
}
