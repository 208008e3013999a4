//! `BeginInvoke` and `EndInvoke` of delegates: the call is a work item of the thread pool.
//!
//! The bodies that `synth::delegates` makes box the arguments and unbox the results; what happens between is here:
//!
//! ```text
//!  BeginInvoke ─▶ begin: AsyncResult { object_data = Call } ─▶ ThreadPool.UnsafeQueueCustomWorkItem
//!                                                                  │ on a thread of the pool
//!  EndInvoke ─▶ end: waits for `completed` ◀── run: calls the delegate, notes result or exception, calls back
//! ```

use super::invoke;
use crate::types::{Method, Type, TypeKey, types};
use crate::vm::cx::{Result, Value};
use crate::vm::offsets::{offset_of, offsets};
use crate::vm::{Cx, monitors, reflect};
use isthmus_rt::object::{Ref, Thrown};

icalls! {
    "System.Object" {
        "DelegateBegin" => begin [delegate: Ref, args: Ref, callback: Ref, state: Ref] -> Ref;
        "DelegateEnd" => end [delegate: Ref, result: Ref, outs: Ref] -> Ref;
    }
    "System.Runtime.Remoting.Messaging.AsyncResult" {
        "Invoke" => run [this: Ref] -> Ref;
    }
}

/// What the array in `object_data` holds.
mod call {
    /// Boxed arguments; by-reference ones are replaced by what the call left in them.
    pub const ARGS: usize = 0;
    pub const RESULT: usize = 1;
    pub const EXCEPTION: usize = 2;
    pub const CALLBACK: usize = 3;
    pub const LENGTH: usize = 4;
}

fn class() -> &'static Type {
    reflect::class("System.Runtime.Remoting.Messaging", "AsyncResult")
}

fn at(cx: &Cx<'_>, field: &str) -> Result<u32> {
    offset_of(class(), field).map_err(|e| cx.load_error(&e))
}

/// A method of the library that this module relies on.
fn library_method(
    cx: &Cx<'_>,
    class: &'static Type,
    name: &str,
    params: usize,
) -> Result<&'static Method> {
    class.method(name, params).ok_or_else(|| {
        let text = format!("{}.{name}", class.full_name());
        cx.exception("System", "MissingMethodException", &text)
    })
}

fn invoke_of(cx: &Cx<'_>, delegate: Ref) -> Result<&'static Method> {
    let class = cx.type_of(delegate);
    let methods = class.methods().map_err(|e| cx.load_error(&e))?;
    let found = methods.iter().copied().find(|m| m.name == "Invoke");
    found.ok_or_else(|| cx.exception("System", "MissingMethodException", &class.full_name()))
}

fn begin(cx: &Cx<'_>, delegate: Ref, args: Ref, callback: Ref, state: Ref) -> Result<Ref> {
    if !cx.read::<Ref>(delegate, offsets().delegate_list).is_null() {
        let text = "The delegate must have only one target";
        return Err(cx.exception("System", "ArgumentException", text));
    }
    let data = cx.alloc_array(types().known.object(), call::LENGTH)?;
    cx.set_element(data, call::ARGS, args);
    cx.set_element(data, call::CALLBACK, callback);
    let result = cx.alloc(class())?;
    cx.write_ref(result, at(cx, "async_state")?, state);
    cx.write_ref(result, at(cx, "async_delegate")?, delegate);
    cx.write_ref(result, at(cx, "object_data")?, data);
    let pool = reflect::class("System.Threading", "ThreadPool");
    let queue = library_method(cx, pool, "UnsafeQueueCustomWorkItem", 2)?;
    cx.invoke(queue, &[Value::Ref(result), Value::I32(0)])?;
    Ok(result)
}

/// The work item: on a thread of the pool.
fn run(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let delegate: Ref = cx.read(this, at(cx, "async_delegate")?);
    let data: Ref = cx.read(this, at(cx, "object_data")?);
    let m = invoke_of(cx, delegate)?;
    if data.is_null() {
        let args = cx.alloc_array(types().known.object(), 1)?;
        cx.set_element(args, 0, cx.read(this, at(cx, "async_state")?));
        return invoke::call(cx, m, Some(Value::Ref(delegate)), args);
    }
    let args = cx.element(data, call::ARGS);
    match invoke::call(cx, m, Some(Value::Ref(delegate)), args) {
        Ok(result) => cx.set_element(data, call::RESULT, result),
        Err(thrown) => cx.set_element(data, call::EXCEPTION, thrown.exception),
    }
    monitors::enter(this, None);
    cx.write(this, at(cx, "completed")?, true);
    let handle: Ref = cx.read(this, at(cx, "handle")?);
    let _ = monitors::exit(this);
    if !handle.is_null() {
        let event = reflect::class("System.Threading", "EventWaitHandle");
        cx.invoke(library_method(cx, event, "Set", 0)?, &[Value::Ref(handle)])?;
    }
    let callback = cx.element(data, call::CALLBACK);
    if !callback.is_null() {
        let m = invoke_of(cx, callback)?;
        cx.invoke(m, &[Value::Ref(callback), Value::Ref(this)])?;
    }
    Ok(cx.element(data, call::RESULT))
}

/// Waits for the call; its by-reference arguments go to `outs`, in order.
fn end(cx: &Cx<'_>, delegate: Ref, result: Ref, outs: Ref) -> Result<Ref> {
    if result.is_null() || cx.type_of(result) != class() {
        return Err(cx.exception(
            "System.Runtime.Remoting",
            "RemotingException",
            "The async result object is null or of an unexpected type.",
        ));
    }
    let invalid = |text| cx.exception("System", "InvalidOperationException", text);
    if cx.read::<Ref>(result, at(cx, "async_delegate")?) != delegate {
        return Err(invalid(
            "The IAsyncResult object provided does not match this delegate.",
        ));
    }
    let ended = at(cx, "endinvoke_called")?;
    monitors::enter(result, None);
    let again: bool = cx.read(result, ended);
    cx.write(result, ended, true);
    let completed: bool = cx.read(result, at(cx, "completed")?);
    let _ = monitors::exit(result);
    if again {
        return Err(invalid("Delegate EndInvoke method called more than once"));
    }
    if !completed {
        wait(cx, result)?;
    }
    let data: Ref = cx.read(result, at(cx, "object_data")?);
    let exception = cx.element(data, call::EXCEPTION);
    if !exception.is_null() {
        return Err(Thrown::again(exception));
    }
    let m = invoke_of(cx, delegate)?;
    let sig = m.sig().map_err(|e| cx.load_error(&e))?;
    let by_reference = sig.params.iter().enumerate();
    let by_reference = by_reference.filter(|(_, t)| matches!(t.key, TypeKey::ByRef(_)));
    let args = cx.element(data, call::ARGS);
    for (out, (i, _)) in by_reference.enumerate() {
        cx.set_element(outs, out, cx.element(args, i));
    }
    Ok(cx.element(data, call::RESULT))
}

/// Waits on the result's event, which the library makes.
fn wait(cx: &Cx<'_>, result: Ref) -> Result<()> {
    let get = library_method(cx, class(), "get_AsyncWaitHandle", 0)?;
    let words = cx.invoke(get, &[Value::Ref(result)])?;
    let handle = Ref::from_addr(words.first().copied().unwrap_or(0) as usize);
    let class = reflect::class("System.Threading", "WaitHandle");
    cx.invoke(
        library_method(cx, class, "WaitOne", 0)?,
        &[Value::Ref(handle)],
    )?;
    Ok(())
}
