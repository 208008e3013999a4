//! Stack traces as programs see them: which frames they show, and with which offsets.
//!
//! They are Mono's, so that a program prints the same on both. Frames of methods that the VM makes (`Invoke` of delegates and the like)
//! are left out. An internal call that throws, and what C calls, have frames of their own, named as Mono names its wrappers. The offset of a frame is that of
//! the last *sequence point* before the instruction: where the stack of operands is empty, or just after a call.

use super::contexts::{self, ContextOwner};
use super::tiers;
use crate::body::{self, Implementation};
use crate::marshal::callbacks;
use crate::metadata::Row;
use crate::types::{Method, MethodKind, Type, TypeKey, types};
use isthmus_frontend_ir::op::{Flow, Insn, Op};
use isthmus_frontend_ir::verify;
use isthmus_rt::vm::TraceFrame;
use isthmus_runtime_abi::ids::MethodId;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// In place of an IL offset: the frame of an internal call.
pub const NATIVE: u32 = u32::MAX;

/// What a trace shows of a frame.
pub enum Shown {
    /// A method at an IL offset.
    Managed(&'static Method, u32),
    /// An internal call, by its text.
    Native(String),
}

/// What is shown of a frame, if anything.
pub fn shown(m: &'static Method, il: u32) -> Option<Shown> {
    if let MethodKind::Callback(n) = m.kind {
        let target = callbacks::site(n).target?;
        return Some(Shown::Native(wrapper_name("native-to-managed", target)));
    }
    match body::implementation(m) {
        Implementation::Il => Some(Shown::Managed(m, sequence_point(m, il))),
        Implementation::InternalCall | Implementation::PInvoke if il == NATIVE => {
            Some(Shown::Native(wrapper_name("managed-to-native", m)))
        }
        Implementation::Synthetic if matches!(m.kind, MethodKind::InvokeAll(_)) => {
            Some(Shown::Native(delegate_wrapper_name(m)))
        }
        _ => None,
    }
}

/// The methods that source frames of one machine frame show, innermost first. The outermost one is named by its code, which runs for the
/// instantiation that a generic context (or 0) tells; the others by what the code of the one around them calls.
pub fn make_exact(context: usize, frames: &mut [TraceFrame]) {
    let mut around: Option<&'static Method> = None;
    for (i, frame) in frames.iter_mut().rev().enumerate() {
        let m = types().method(frame.method);
        around = match (m.is_shared(), i) {
            (false, _) => Some(m),
            (true, 0) => exact(context, m),
            (true, _) => around.and_then(|a| a.scope().close_method(m).ok()),
        };
        if let Some(exact) = around {
            frame.method = exact.id;
        }
    }
}

/// The instantiation for which shared code runs in a generic context (0: it is not known).
fn exact(context: usize, code: &'static Method) -> Option<&'static Method> {
    if context == 0 {
        return None;
    }
    // SAFETY: code keeps contexts that `contexts` made.
    match unsafe { contexts::owner(context) } {
        ContextOwner::Class(class) => types().methods.intern(class, code.kind, &[]).ok(),
        ContextOwner::Method(m) => Some(m),
    }
}

/// The last sequence point at or before an offset.
fn sequence_point(m: &'static Method, il: u32) -> u32 {
    static KNOWN: Mutex<Option<FxHashMap<MethodId, Arc<[u32]>>>> = Mutex::new(None);
    let known = KNOWN.lock().get_or_insert_default().get(&m.id).cloned();
    let points = known.unwrap_or_else(|| {
        let points = sequence_points(m);
        KNOWN
            .lock()
            .get_or_insert_default()
            .insert(m.id, points.clone());
        points
    });
    let after = points.partition_point(|&p| p <= il);
    after.checked_sub(1).map_or(il, |i| points[i])
}

/// Offsets of a method's sequence points, rising; none if its body is not valid.
fn sequence_points(m: &'static Method) -> Arc<[u32]> {
    let Ok(body) = body::of(m.code()) else {
        return Arc::default();
    };
    let Ok(stacks) = verify::stacks(&tiers::env(), &body) else {
        return Arc::default();
    };
    let mut after_call = false;
    let mut points = Vec::new();
    for (i, (insn, stack)) in body.code.iter().zip(stacks).enumerate() {
        if (stack.is_empty() || after_call) && points.last() != Some(&insn.il) {
            points.push(insn.il);
        }
        after_call = match insn.op {
            Op::Call(_) | Op::CallVirt(_) | Op::CallI(_) => true,
            Op::NewObj(m) => !(is_plain_exception(types().method(m)) && throws(&body.code[i..])),
            _ => false,
        };
    }
    points.into()
}

/// Whether it is a constructor of an exception of mscorlib that takes up to two strings: Mono makes these by a call of its own where
/// they are thrown at once.
fn is_plain_exception(ctor: &'static Method) -> bool {
    let known = &types().known;
    ctor.assembly().is_some_and(|a| a.is_corlib())
        && ctor.owner.is_assignable_to(known.exception())
        && ctor
            .sig()
            .is_ok_and(|s| s.params.len() <= 2 && s.params.iter().all(|p| *p == known.string()))
}

/// Whether this code throws before it branches.
fn throws(code: &[Insn]) -> bool {
    code.iter()
        .find(|insn| insn.op.flow() != Flow::Next)
        .is_some_and(|insn| insn.op == Op::Throw)
}

/// `(wrapper delegate-invoke) Class.invoke_result_parameters(types)`. Those of classes that are not generic belong to the module.
fn delegate_wrapper_name(m: &'static Method) -> String {
    let generic = !m.owner.args.is_empty();
    let class = if generic {
        m.owner.full_name()
    } else {
        "<Module>".to_owned()
    };
    let open = types().methods.intern(m.owner.definition(), m.kind, &[]);
    let (Ok(sig), Ok(open)) = (m.sig(), open.and_then(Method::sig)) else {
        return class;
    };
    let mut name = format!("{class}.invoke_{}", word_text(open.ret, m));
    for param in &open.params {
        name.push('_');
        name.push_str(&word_text(param, m));
    }
    let types: Vec<_> = sig.params.iter().map(|t| type_text(t)).collect();
    format!("(wrapper delegate-invoke) {name}({})", types.join(","))
}

/// A type in the name of a delegate's wrapper: without namespaces, generic parameters by their names.
fn word_text(t: &Type, m: &Method) -> String {
    match t.key {
        TypeKey::Var(n) => class_parameter(m.owner, n).unwrap_or("?").to_owned(),
        TypeKey::SzArray(e) => word_text(types().ty(e), m) + "[]",
        TypeKey::ByRef(e) => word_text(types().ty(e), m) + "&",
        _ => {
            let text = type_text(t);
            let end = text.find('<').unwrap_or(text.len());
            let start = text[..end].rfind(['.', '/']).map_or(0, |i| i + 1);
            text[start..].to_owned()
        }
    }
}

/// The name of a generic parameter of a class.
fn class_parameter(class: &Type, n: u32) -> Option<&'static str> {
    let image = &class.assembly?.image;
    let token = image.type_def(class.rid).ok()?.token();
    image.generic_params(token).nth(n as usize)?.name().ok()
}

/// `(wrapper managed-to-native) Class.Method(types)`.
fn wrapper_name(kind: &str, m: &Method) -> String {
    let mut parts = Vec::new();
    if let Ok(sig) = m.sig() {
        if sig.has_this {
            parts.push(type_text(m.owner));
        }
        parts.extend(sig.params.iter().map(|t| type_text(t)));
    }
    format!(
        "(wrapper {kind}) {}.{}({})",
        m.owner.qualified_name('/'),
        m.name,
        parts.join(",")
    )
}

/// A type in the text of a wrapper.
fn type_text(t: &Type) -> String {
    let inner = || t.element().map(type_text).unwrap_or_default();
    match (&t.key, t.prim) {
        (_, Some(p)) => p.keyword().to_owned(),
        (TypeKey::SzArray(_), _) => inner() + "[]",
        (TypeKey::MdArray(_, rank), _) => {
            format!("{}[{}]", inner(), ",".repeat(*rank as usize - 1))
        }
        (TypeKey::Ptr(_), _) => inner() + "*",
        (TypeKey::ByRef(_), _) => inner() + "&",
        (TypeKey::Inst(definition, args), _) => {
            let args: Vec<_> = args.iter().map(|&a| type_text(types().ty(a))).collect();
            let name = types().ty(*definition).qualified_name('/');
            format!("{name}<{}>", args.join(", "))
        }
        _ => t.qualified_name('/'),
    }
}
