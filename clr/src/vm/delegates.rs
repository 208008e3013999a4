//! Finishing a delegate: see `synth::delegates` for what its fields mean.

use super::cx::Result;
use super::offsets::offsets;
use super::{Cx, entry, runtime};
use crate::synth::delegates::{Shape, invoke_of};
use crate::types::{Method, Type, types};
use isthmus_rt::object::Ref;
use isthmus_rt::vm::UnboxContext;

/// The method that a code address (entry stub or code) belongs to.
pub fn method_at(code: usize) -> Option<&'static Method> {
    let rt = runtime();
    let id = rt
        .method_of_entry(code)
        .or_else(|| rt.code_map().find(code)?.method())?;
    Some(types().method(id))
}

/// `.ctor(object target, native int code)`.
pub fn init(cx: &Cx<'_>, delegate: Ref, target: Ref, code: usize) -> Result<()> {
    if code == 0 {
        return Err(cx.argument_null("method"));
    }
    init_closed(cx, delegate, target, code, false)
}

/// As [`init`]; `closed`: over an instance method whose `this` is the target, which may be null.
pub fn init_closed(
    cx: &Cx<'_>,
    delegate: Ref,
    target: Ref,
    code: usize,
    closed: bool,
) -> Result<()> {
    let o = offsets();
    let method = method_at(code);
    let mut address = code;
    if let Some(m) = method {
        if m.is_static() || !m.owner.is_value() {
            address = runtime().entry(m.id);
        } else if !target.is_null() {
            // The method of a value type gets the boxed object's payload as `this`.
            address = unboxing_entry(m);
        }
        let shown = match target {
            Ref::NULL => m,
            target => exact(cx.type_of(target), m).map_err(|e| cx.load_error(&e))?,
        };
        cx.write(
            delegate,
            o.delegate_method,
            std::ptr::from_ref(shown) as usize,
        );
    }
    let is_lost = |m: &'static Method| !m.is_static() && !is_open(cx, delegate, m);
    if target.is_null() && !closed && method.is_some_and(is_lost) {
        return Err(cx.exception(
            "System",
            "ArgumentException",
            "Delegate to an instance method cannot have null 'this'.",
        ));
    }
    let is_static = method.is_some_and(|m| m.is_static());
    let shape = match (target.is_null(), is_static) {
        (false, false) => Shape::Instance,
        (false, true) => Shape::ClosedStatic,
        (true, true) if method.is_some_and(|m| takes_target(cx, delegate, m)) => {
            Shape::ClosedStatic
        }
        (true, true) => Shape::Static,
        (true, false) if closed => Shape::Instance,
        (true, false) => Shape::OpenInstance,
    };
    cx.write(delegate, o.delegate_shape, shape as i64);
    cx.write(delegate, o.delegate_code, address);
    cx.write_ref(delegate, o.delegate_target, target);
    Ok(())
}

/// The method that shared code means on an object of a class: of the class's own instantiation.
pub fn exact(class: &'static Type, m: &'static Method) -> crate::types::Result<&'static Method> {
    if !m.owner.is_shared || m.is_static() {
        return Ok(m);
    }
    let definition = m.owner.definition();
    let mut classes = std::iter::once(class).chain(class.ancestors());
    match classes.find(|c| c.definition() == definition) {
        Some(owner) => types().methods.intern(owner, m.kind, &m.args),
        None => Ok(m),
    }
}

/// Whether a delegate over an instance method takes `this` as its first argument.
pub fn is_open(cx: &Cx<'_>, delegate: Ref, m: &'static Method) -> bool {
    let invoke = invoke_of(cx.type_of(delegate));
    match (invoke.map(|i| i.sig()), m.sig()) {
        (Some(Ok(invoke)), Ok(sig)) => invoke.params.len() == sig.params.len() + 1,
        _ => false,
    }
}

/// Whether a static method has a parameter more than the delegate: for the target, null though it is.
fn takes_target(cx: &Cx<'_>, delegate: Ref, m: &'static Method) -> bool {
    let invoke = invoke_of(cx.type_of(delegate));
    match (invoke.map(|i| i.sig()), m.sig()) {
        (Some(Ok(invoke)), Ok(sig)) => invoke.params.len() + 1 == sig.params.len(),
        _ => false,
    }
}

/// Entry of a value type's method for a boxed `this`.
pub fn unboxing_entry(m: &'static Method) -> usize {
    runtime()
        .unboxing_stub(entry::id(m), UnboxContext::None)
        .unwrap_or_else(|e| isthmus_rt::internal_error(&e.to_string()))
}
