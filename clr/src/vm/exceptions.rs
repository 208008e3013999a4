//! Exception objects: made by class and message, and their stack traces.
//!
//! A trace is kept in `Exception._stackTrace` as a `long[]`: for each frame, innermost first, the method's id in the
//! upper and the IL offset in the lower half; 0 ends it (the array grows by doubling).

use super::cx::Value;
use super::offsets::offsets;
use super::{Cx, heap};
use crate::tables::Raise;
use crate::types::system::Assembly;
use crate::types::{Method, Type, types};
use isthmus_rt::object::{Ref, Thrown, Trace};
use isthmus_rt::vm::TraceFrame;
use isthmus_runtime_abi::trap::TrapKind;
use std::sync::OnceLock;

/// Handles of exceptions made at start, for when there is no memory or stack to make them.
struct Ready {
    out_of_memory: usize,
    stack_overflow: usize,
}

static READY: OnceLock<Ready> = OnceLock::new();

/// Makes the exceptions that must exist beforehand.
pub fn start(cx: &Cx<'_>) {
    let make = |name: &str| heap::strong_handle(new(cx, "System", name, "").exception);
    let ready = Ready {
        out_of_memory: make("OutOfMemoryException"),
        stack_overflow: make("StackOverflowException"),
    };
    let _ = READY.set(ready);
}

/// `OutOfMemoryException`.
pub fn out_of_memory() -> Thrown {
    match READY.get() {
        Some(ready) => Thrown::new(heap::from_handle(ready.out_of_memory)),
        None => isthmus_rt::internal_error("no memory while the VM starts"),
    }
}

/// The constructor of a class with these parameter types.
fn constructor(ty: &'static Type, params: &[&'static Type]) -> Option<&'static Method> {
    ty.methods()
        .ok()?
        .iter()
        .copied()
        .find(|m| m.name == ".ctor" && m.sig().is_ok_and(|s| s.params == params))
}

/// A new exception of a class of mscorlib. With an empty message its own default one.
pub fn new(cx: &Cx<'_>, namespace: &str, name: &str, message: &str) -> Thrown {
    let Some(class) = types().corlib().find_type(namespace, name) else {
        isthmus_rt::internal_error(&format!(
            "mscorlib has no {namespace}.{name} (for: {message})"
        ));
    };
    match try_new(cx, class, message) {
        Ok(object) => Thrown::new(object),
        // Making the exception threw another: that one is thrown instead.
        Err(other) => other,
    }
}

fn try_new(cx: &Cx<'_>, class: &'static Type, message: &str) -> Result<Ref, Thrown> {
    let string = types().known.string();
    let object = cx.alloc(class)?;
    let plain = constructor(class, &[]);
    match constructor(class, &[string]) {
        Some(with_message) if !message.is_empty() || plain.is_none() => {
            let text = cx.string(message)?;
            cx.invoke(with_message, &[Value::Ref(object), Value::Ref(text)])?;
        }
        _ => {
            if let Some(plain) = plain {
                cx.invoke(plain, &[Value::Ref(object)])?;
            }
            if !message.is_empty() {
                let text = cx.string(message)?;
                cx.write_ref(object, offsets().exception_message, text);
            }
        }
    }
    Ok(object)
}

/// `TypeInitializationException` for a class around what its constructor threw.
pub fn type_initialization(cx: &Cx<'_>, type_name: &str, inner: Ref) -> Ref {
    let known = &types().known;
    let class = types()
        .corlib()
        .find_type("System", "TypeInitializationException");
    let made = class.and_then(|class| {
        let ctor = constructor(class, &[known.string(), known.exception()])?;
        let object = cx.alloc(class).ok()?;
        let name = cx.string(type_name).ok()?;
        cx.invoke(
            ctor,
            &[Value::Ref(object), Value::Ref(name), Value::Ref(inner)],
        )
        .ok()?;
        Some(object)
    });
    made.unwrap_or(inner)
}

/// What is thrown where some of the types of a list could not be loaded: the list, with null for those, and why.
pub fn type_list_incomplete(cx: &Cx<'_>, list: Ref, reasons: Ref) -> Result<Thrown, Thrown> {
    let class = super::reflect::class("System.Reflection", "ReflectionTypeLoadException");
    let object = cx.alloc(class)?;
    match constructor(class, &[cx.type_of(list), cx.type_of(reasons)]) {
        Some(ctor) => {
            let args = [Value::Ref(object), Value::Ref(list), Value::Ref(reasons)];
            cx.invoke(ctor, &args)?;
        }
        None => isthmus_rt::internal_error("ReflectionTypeLoadException has no constructor"),
    }
    Ok(Thrown::new(object))
}

/// The exception that a thrown object travels as: itself, or a `RuntimeWrappedException` around what is none.
pub fn thrown(cx: &Cx<'_>, object: Ref) -> Result<Ref, Thrown> {
    let known = &types().known;
    if cx.type_of(object).is_assignable_to(known.exception()) {
        return Ok(object);
    }
    let class = known.wrapped_exception();
    let wrapped = cx.alloc(class)?;
    match constructor(class, &[known.object()]) {
        Some(ctor) => cx.invoke(ctor, &[Value::Ref(wrapped), Value::Ref(object)])?,
        None => isthmus_rt::internal_error("RuntimeWrappedException has no constructor"),
    };
    Ok(wrapped)
}

/// What the handlers of a method see of an exception. Those of an assembly without
/// `RuntimeCompatibility(WrapNonExceptionThrows = true)` see the object that was thrown.
pub fn seen_by(cx: &Cx<'_>, method: Option<&'static Method>, exception: Ref) -> Ref {
    if cx.type_of(exception) != types().known.wrapped_exception()
        || method.and_then(Method::assembly).is_none_or(sees_wrapped)
    {
        return exception;
    }
    cx.read(exception, offsets().wrapped_object)
}

fn sees_wrapped(a: &'static Assembly) -> bool {
    *a.runtime
        .sees_wrapped
        .get_or_init(|| crate::icalls::wraps_foreign_exceptions(a))
}

/// The exception of a trap.
pub fn of_trap(cx: &Cx<'_>, kind: TrapKind) -> Ref {
    match (kind, READY.get()) {
        (TrapKind::StackOverflow, Some(ready)) => heap::from_handle(ready.stack_overflow),
        (TrapKind::OutOfMemory, Some(ready)) => heap::from_handle(ready.out_of_memory),
        // Mono's own text, which lacks the full stop of the library's.
        (TrapKind::NullReference, _) => cx.null_reference().exception,
        _ => new(cx, "System", kind.exception(), "").exception,
    }
}

/// The exception of a prepared raise.
pub fn of_raise(cx: &Cx<'_>, raise: Option<Raise>) -> Ref {
    match raise {
        Some(Raise::Load(error)) => cx.load_error(&error).exception,
        Some(Raise::System(class)) => new(cx, "System", class, "").exception,
        None => new(cx, "System", "InvalidProgramException", "").exception,
    }
}

/// Notes frames of a trace in the exception, after forgetting so many of those noted last.
pub fn note_trace(cx: &Cx<'_>, exception: Ref, forget: usize, frames: &[TraceFrame]) {
    let at = offsets().exception_stack_trace;
    let entry = |i: usize| 16 + 8 * i as u32;
    let old = cx.read::<Ref>(exception, at);
    // The frames, a zero, and in the last word the number of frames: a deep stack is noted in many parts.
    let used = noted(cx, old).saturating_sub(forget);
    let needed = used + frames.len() + 2;
    // A fresh trace gets a list of its own: copies of the exception may share the old one.
    let fits = used > 0 && cx.length(old) >= needed;
    let mut list = old;
    if !fits {
        // Without memory for a trace the exception goes without.
        let Ok(new) = cx.alloc_array(types().known.int64(), needed.next_power_of_two().max(8))
        else {
            return;
        };
        for i in 0..used {
            cx.write(new, entry(i), cx.read::<u64>(old, entry(i)));
        }
        list = new;
        cx.write_ref(exception, at, new);
    }
    for (i, f) in frames.iter().enumerate() {
        let value = u64::from(f.method.raw()) << 32 | u64::from(f.il);
        cx.write(list, entry(used + i), value);
    }
    cx.write(list, entry(used + frames.len()), 0u64);
    let last = cx.length(list) - 1;
    cx.write(list, entry(last), (used + frames.len()) as u64);
}

/// Number of frames in a list that [`note_trace`] made.
fn noted(cx: &Cx<'_>, list: Ref) -> usize {
    if list.is_null() || cx.type_of(list).element() != Some(types().known.int64()) {
        return 0;
    }
    let last = cx.length(list).saturating_sub(1);
    cx.read::<u64>(list, 16 + 8 * last as u32) as usize
}

/// Notes the frame of an internal call that an exception leaves, and gives how the exception goes on.
pub fn leaves_native(cx: &Cx<'_>, thrown: Thrown, method: &'static Method) -> Thrown {
    let frame = TraceFrame {
        method: method.id,
        il: super::traces::NATIVE,
        native: 0,
    };
    let forget = match thrown.trace {
        Trace::Fresh | Trace::Entry => usize::MAX,
        Trace::Keep | Trace::Rethrow => 0,
    };
    note_trace(cx, thrown.exception, forget, &[frame]);
    Thrown::again(thrown.exception)
}

/// The trace of an exception: method and IL offset, innermost first.
pub fn trace_of(cx: &Cx<'_>, exception: Ref) -> Vec<(&'static Method, u32)> {
    use isthmus_runtime_abi::ids::MethodId;
    let list = cx.read::<Ref>(exception, offsets().exception_stack_trace);
    if list.is_null() || cx.type_of(list).element() != Some(types().known.int64()) {
        return Vec::new();
    }
    (0..cx.length(list))
        .map(|i| cx.read::<u64>(list, 16 + 8 * i as u32))
        .map_while(|e| {
            Some((
                types().method(MethodId::from_raw((e >> 32) as u32)?),
                e as u32,
            ))
        })
        .collect()
}
