//! Stack traces as objects: `System.Diagnostics.StackTrace` and `StackFrame`.

use crate::types::{Method, types};
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use crate::vm::traces::{self, Shown};
use crate::vm::{Cx, exceptions, reflect};
use isthmus_rt::object::Ref;
use isthmus_rt::walk::Walk;

icalls! {
    "System.Diagnostics.StackTrace" {
        "get_trace" => exception_trace [exception: Ref, skip: i32, files: bool] -> Ref;
    }
    "System.Diagnostics.StackFrame" {
        "get_frame_info" => frame_info [skip: i32, files: bool, method: usize, il: usize, native: usize, file: usize, line: usize, column: usize] -> bool;
    }
    "System.Reflection.MethodBase" {
        "GetCurrentMethod" => current_method [] -> Ref;
    }
    "Mono.Runtime" {
        "GetNativeStackTrace" => native_trace [exception: Ref] -> Ref;
    }
}

/// The managed frames of the current thread, innermost first: method and IL offset.
pub(super) fn frames(cx: &Cx<'_>) -> Vec<(&'static Method, u32)> {
    let mut list = Vec::new();
    // SAFETY: the calling thread's own stack, whose frames stay during the walk.
    for frame in unsafe { Walk::of_thread(cx.thread) } {
        let Ok(frame) = frame else { break };
        let shown = frame.shown(cx.thread).into_iter();
        list.extend(shown.map(|f| (types().method(f.method), f.il)));
    }
    list
}

/// What is shown of frames.
fn shown(frames: Vec<(&'static Method, u32)>) -> Vec<Shown> {
    frames
        .into_iter()
        .filter_map(|(m, il)| traces::shown(m, il))
        .collect()
}

/// `StackFrame[]` of the trace in an exception; empty if it was never thrown.
fn exception_trace(cx: &Cx<'_>, exception: Ref, skip: i32, _files: bool) -> Result<Ref> {
    let trace = shown(if exception.is_null() {
        frames(cx)
    } else {
        exceptions::trace_of(cx, exception)
    });
    let trace = trace.get(skip.max(0) as usize..).unwrap_or_default();
    let class = reflect::class("System.Diagnostics", "StackFrame");
    let list = cx.alloc_array(class, trace.len())?;
    let at = |name| offset_of(class, name).map_err(|e| cx.load_error(&e));
    for (i, shown) in trace.iter().enumerate() {
        let frame = cx.alloc(class)?;
        cx.set_element(list, i, frame);
        match shown {
            Shown::Managed(m, il) => {
                let method = reflect::method_object(cx, m, m.owner)?;
                cx.write_ref(frame, at("methodBase")?, method);
                cx.write(frame, at("ilOffset")?, *il as i32);
            }
            Shown::Native(name) => {
                let name = cx.string(name)?;
                cx.write_ref(frame, at("internalMethodName")?, name);
            }
        }
        cx.write(frame, at("nativeOffset")?, -1i32);
    }
    Ok(list)
}

/// The frame `skip` levels up; level 0 is this internal call itself.
#[allow(clippy::too_many_arguments)] // the argument words of an internal call
fn frame_info(
    cx: &Cx<'_>,
    skip: i32,
    _files: bool,
    method: usize,
    il: usize,
    native: usize,
    file: usize,
    line: usize,
    column: usize,
) -> Result<bool> {
    let list = shown(frames(cx));
    let found = usize::try_from(skip - 1).ok().and_then(|i| list.get(i));
    let Some(Shown::Managed(m, offset)) = found else {
        return Ok(false);
    };
    cx.store_by_ref(method, reflect::method_object(cx, m, m.owner)?);
    cx.store_by_ref(file, Ref::NULL);
    for (to, value) in [(il, *offset as i32), (native, -1), (line, 0), (column, 0)] {
        // SAFETY: managed pointers to ints.
        unsafe { (to as *mut i32).write_unaligned(value) };
    }
    Ok(true)
}

/// The method that called `MethodBase.GetCurrentMethod`, an internal call without a frame of its own. Of a generic method or
/// type it is the definition: code does not always know what it is instantiated for.
fn current_method(cx: &Cx<'_>) -> Result<Ref> {
    match frames(cx)
        .iter()
        .find(|(m, _)| m.name != "GetCurrentMethod")
    {
        Some((m, _)) => {
            let definition = types()
                .methods
                .intern(m.owner.definition(), m.kind, &[])
                .map_err(|e| cx.load_error(&e))?;
            reflect::method_object(cx, definition, definition.owner)
        }
        None => Ok(Ref::NULL),
    }
}

/// Frames of native code are not recorded in exceptions.
fn native_trace(_cx: &Cx<'_>, _exception: Ref) -> Result<Ref> {
    Ok(Ref::NULL)
}
