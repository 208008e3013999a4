//! Callbacks: bodies between a C function pointer and the delegate that it stands for.
//!
//! ```text
//!  arguments: the delegate, the address for an aggregate result, then what C passed (aggregates by address)
//!  for each parameter   before   make its managed form, in a local
//!                       argument push that
//!  Invoke
//!  for each parameter   after    write it back
//!  result               make its native form
//! ```

use super::Synthetic;
use super::builder::Builder;
use super::pinvoke::{block, plain_type, push_count, push_crossing};
use crate::marshal::callbacks::{Class, site};
use crate::marshal::form::{self, Form, layout};
use crate::marshal::spec::{Spec, Specs};
use crate::types::member::ResolvedSig;
use crate::types::{Method, Result, Type, TypeKey, types};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::op::{Cmp, ConvMode, ConvTo, Op};
use isthmus_interop::function::Function;
use isthmus_interop::layout::{Layout, Value};
use isthmus_interop::{downcall, upcall};

/// How a parameter or result crosses.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// The same word, or for parameters by reference the same address.
    Plain,
    /// Truth in an integer.
    Bool(u32),
    /// A character in a byte.
    Byte,
    /// A value type with the same bytes.
    Same(&'static Type),
    /// As the spec of this position says, whose native form has so many bytes.
    Crossing {
        position: i32,
        bytes: u32,
        size_param: Option<u16>,
    },
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
struct Param {
    way: Way,
    by_ref: bool,
    /// The native form comes as an address.
    by_address: bool,
}

/// What the callbacks of a class of delegates need.
pub struct Plan {
    params: Vec<Param>,
    ret: Way,
    /// The function's type in C.
    pub function: Function,
    /// How the result and the parameters cross, in detail.
    pub specs: Specs,
}

/// How callbacks of a class cross. The error names what cannot.
pub fn plan(class: &Class) -> Result<Plan> {
    let sig = class.invoke.sig()?;
    let unicode = class.declared.unicode;
    let mut function = Function {
        params: Vec::with_capacity(sig.params.len()),
        ret: None,
        fixed: None,
    };
    let mut params = Vec::with_capacity(sig.params.len());
    let mut specs = vec![None];
    for (i, &ty) in sig.params.iter().enumerate() {
        let spec = Spec::of(Some(class.invoke), i + 1, ty, unicode)?;
        check_array(&spec, sig)?;
        specs.push(Some(spec));
        let c: Layout = match spec.by_ref {
            true => Value::Ptr.into(),
            false => layout(spec.form),
        };
        let by_address = spec.by_ref || !matches!(c, Layout::Value(_));
        function.params.push(c);
        params.push(Param {
            way: way_of(&spec, i + 1),
            by_ref: spec.by_ref,
            by_address,
        });
    }
    let mut ret = Way::Plain;
    if !sig.ret.is_void() {
        let spec = Spec::of(Some(class.invoke), 0, sig.ret, unicode)?;
        if matches!(spec.form, Form::Any(_) | Form::Builder(_)) {
            return Err(form::unsupported(sig.ret));
        }
        ret = way_of(&spec, 0);
        specs[0] = Some(spec);
        function.ret = Some(layout(spec.form));
    }
    Ok(Plan {
        params,
        ret,
        function,
        specs,
    })
}

/// Arrays need a size that somebody tells.
fn check_array(spec: &Spec, sig: &ResolvedSig) -> Result<()> {
    let Form::Array(_) = spec.form else {
        return Ok(());
    };
    if spec.by_ref || !spec.explicit {
        return Err(form::no_array_directive(spec.by_ref));
    }
    let size = spec.size.unwrap_or_default();
    match size.param {
        None if size.constant == 0 => Err(form::no_size()),
        None => Ok(()),
        Some(p) => match sig.params.get(usize::from(p)) {
            None => Err(form::bad_size_index()),
            Some(ty) => match form::value_of(ty.mem_ty()) {
                Some(v) if !v.is_float() => Ok(()),
                _ => Err(form::bad_size_type()),
            },
        },
    }
}

fn way_of(spec: &Spec, position: usize) -> Way {
    match spec.form {
        form if form::is_same(form) && spec.by_ref => Way::Plain,
        Form::Scalar(_) => Way::Plain,
        Form::Bool(n) if !spec.by_ref => Way::Bool(n),
        Form::Byte if !spec.by_ref => Way::Byte,
        Form::Struct(shape) if shape.blittable => Way::Same(shape.ty),
        _ => Way::Crossing {
            position: position as i32,
            bytes: spec.native_bytes(),
            size_param: spec.size.and_then(|s| s.param),
        },
    }
}

/// How the parameters of the method between cross.
pub fn specs(n: u32) -> Result<Specs> {
    Ok(plan(site(n).class)?.specs)
}

/// The signature of the method between: the delegate, then plain words.
pub fn signature(n: u32) -> Result<ResolvedSig> {
    let class = site(n).class;
    let abi = upcall::signature(&plan(class)?.function);
    let words = abi.params[1..].iter().map(|&t| plain_type(t));
    Ok(ResolvedSig {
        has_this: false,
        vararg: false,
        unmanaged: false,
        params: std::iter::once(class.ty).chain(words).collect(),
        ret: abi.ret.map_or(types().known.void(), plain_type),
        arity: 0,
    })
}

fn to_native(b: &mut Builder) {
    b.op(Op::Conv(ConvTo::U, ConvMode::Wrap));
}

fn target_of(ty: &'static Type) -> &'static Type {
    match ty.key {
        TypeKey::ByRef(t) => types().ty(t),
        _ => ty,
    }
}

/// Pushes the address of the native form of an argument.
fn native_address(b: &mut Builder, i: u16, by_address: bool) {
    match by_address {
        true => b.op(Op::LdArg(i)),
        false => b.op(Op::LdArgA(i)),
    };
    to_native(b);
}

/// The body of the method between.
pub fn body(m: &'static Method, n: u32) -> Result<Body> {
    let class = site(n).class;
    let plan = plan(class)?;
    let sig = class.invoke.sig()?;
    let own = m.sig()?.params.clone();
    let first = 1 + usize::from(downcall::returns_aggregate(&plan.function));
    let mut b = Builder::new(m);
    let mut locals = Vec::with_capacity(plan.params.len());
    for (i, (param, &ty)) in plan.params.iter().zip(&sig.params).enumerate() {
        let Way::Crossing {
            position,
            size_param,
            ..
        } = param.way
        else {
            locals.push(None);
            continue;
        };
        let local = b.local(target_of(ty).mem_ty());
        locals.push(Some(local));
        push_crossing(&mut b, position)?;
        native_address(&mut b, (i + first) as u16, param.by_address);
        b.op(Op::LdLocA(local));
        to_native(&mut b);
        push_count(&mut b, size_param, &own, first);
        b.op(Op::Call(Synthetic::MarshalEnter.method().id));
    }
    b.op(Op::LdArg(0));
    for (i, (param, local)) in plan.params.iter().zip(&locals).enumerate() {
        let arg = (i + first) as u16;
        match (param.way, *local) {
            (Way::Crossing { .. }, Some(local)) if param.by_ref => b.op(Op::LdLocA(local)),
            (Way::Crossing { .. }, Some(local)) => b.op(Op::LdLoc(local)),
            (Way::Bool(_), _) => b.ops(&[Op::LdArg(arg), Op::LdcI4(0), Op::Compare(Cmp::GtUn)]),
            (Way::Same(ty), _) => b.ops(&[Op::LdArg(arg), Op::LdObj(ty.id)]),
            _ => b.op(Op::LdArg(arg)),
        };
    }
    b.op(Op::CallVirt(class.invoke.id));
    let result = (!sig.ret.is_void()).then(|| b.local(sig.ret.mem_ty()));
    if let Some(local) = result {
        b.op(Op::StLoc(local));
    }
    for (i, (param, local)) in plan.params.iter().zip(&locals).enumerate() {
        if let (
            Way::Crossing {
                position,
                size_param,
                ..
            },
            Some(local),
        ) = (param.way, *local)
        {
            push_crossing(&mut b, position)?;
            native_address(&mut b, (i + first) as u16, param.by_address);
            b.op(Op::LdLocA(local));
            to_native(&mut b);
            push_count(&mut b, size_param, &own, first);
            b.op(Op::Call(Synthetic::MarshalLeave.method().id));
        }
    }
    if let Some(local) = result {
        give(&mut b, &plan, local)?;
    }
    b.op(Op::Ret);
    b.finish()
}

/// Pushes the native form of the result, or stores it where the caller says.
fn give(b: &mut Builder, plan: &Plan, managed: u16) -> Result<()> {
    let aggregate = downcall::returns_aggregate(&plan.function);
    match plan.ret {
        Way::Plain => {
            b.op(Op::LdLoc(managed));
        }
        Way::Bool(size) => {
            b.ops(&[Op::LdLoc(managed), Op::LdcI4(0), Op::Compare(Cmp::GtUn)]);
            if size == 2 {
                b.op(Op::Neg);
            }
        }
        Way::Byte => {
            b.ops(&[Op::LdLoc(managed), Op::Conv(ConvTo::U1, ConvMode::Wrap)]);
        }
        Way::Same(ty) => {
            b.ops(&[Op::LdArg(1), Op::LdLoc(managed), Op::StObj(ty.id)]);
        }
        Way::Crossing {
            position, bytes, ..
        } => {
            let word = match &plan.function.ret {
                Some(Layout::Value(v)) => Some(downcall::mem_ty(*v)),
                _ => None,
            };
            let at = block(b, bytes);
            let to = if aggregate {
                Op::LdArg(1)
            } else {
                Op::LdLoc(at)
            };
            push_crossing(b, position)?;
            b.op(Op::LdLocA(managed));
            to_native(b);
            b.op(to).op(Op::Call(Synthetic::MarshalGive.method().id));
            if let Some(ty) = word.filter(|_| !aggregate) {
                b.ops(&[Op::LdLoc(at), Op::LdInd(ty)]);
            }
        }
    }
    Ok(())
}
