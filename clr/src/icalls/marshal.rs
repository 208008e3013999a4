//! `System.Runtime.InteropServices.Marshal` but for structures (`structures`), texts and memory (`string`): the error number, delegates as function
//! pointers, BSTRs. And what the bodies of P/Invokes and callbacks call (`marshal::spec`).

use super::handle::type_of_object;
use super::string::{alloc_memory, free};
use crate::marshal::form::Encoding;
use crate::marshal::{callbacks, spec, text};
use crate::types::Method;
use crate::vm::cx::Result;
use crate::vm::{Cx, native, reflect};
use isthmus_rt::object::Ref;

icalls! {
    "System.Runtime.InteropServices.Marshal" {
        "GetLastWin32Error" => last_error [] -> i32;
        "SetLastWin32Error" => set_last_error [error: i32] -> ();
        "GetFunctionPointerForDelegateInternal" => pointer_of [delegate: Ref] -> usize;
        "GetDelegateForFunctionPointerInternal" => delegate_for [pointer: usize, class: Ref] -> Ref;
        "PtrToStringBSTR" => from_bstr [at: usize] -> Ref;
        "BufferToBSTR" => to_bstr [units: usize, length: i32] -> usize;
        "FreeBSTR" => free_bstr [at: usize] -> ();
        "ReAllocCoTaskMem" => realloc_32 [memory: usize, size: i32] -> usize;
        "IsComObject" => is_com_object [object: Ref] -> bool;
        "Prelink" => prelink [method: Ref] -> ();
        "PrelinkAll" => prelink_all [class: Ref] -> ();
    }
    "System.Object" {
        "MarshalBefore" => spec::before [method: usize, position: i32, managed: usize, native: usize] -> ();
        "MarshalAfter" => spec::after [method: usize, position: i32, managed: usize, native: usize, count: i64] -> ();
        "MarshalResult" => spec::result [method: usize, position: i32, native: usize, managed: usize, count: i64] -> ();
        "MarshalEnter" => spec::enter [method: usize, position: i32, native: usize, managed: usize, count: i64] -> ();
        "MarshalLeave" => spec::leave [method: usize, position: i32, native: usize, managed: usize, count: i64] -> ();
        "MarshalGive" => spec::give [method: usize, position: i32, managed: usize, native: usize] -> ();
    }
}

fn last_error(cx: &Cx<'_>) -> Result<i32> {
    Ok(cx.thread.last_error())
}

fn set_last_error(cx: &Cx<'_>, error: i32) -> Result<()> {
    cx.thread.set_last_error(error);
    Ok(())
}

fn pointer_of(cx: &Cx<'_>, delegate: Ref) -> Result<usize> {
    callbacks::pointer_of(cx, delegate)
}

fn delegate_for(cx: &Cx<'_>, pointer: usize, class: Ref) -> Result<Ref> {
    let class = type_of_object(cx, class)?;
    callbacks::delegate_for(cx, pointer, class)
}

fn from_bstr(cx: &Cx<'_>, at: usize) -> Result<Ref> {
    match at {
        0 => Err(cx.argument_null("ptr")),
        at => text::read(cx, at, Encoding::Bstr),
    }
}

fn to_bstr(cx: &Cx<'_>, units: usize, length: i32) -> Result<usize> {
    text::bstr(cx, units, length.max(0) as usize)
}

fn free_bstr(_cx: &Cx<'_>, at: usize) -> Result<()> {
    text::release(at, Encoding::Bstr);
    Ok(())
}

fn realloc_32(cx: &Cx<'_>, memory: usize, size: i32) -> Result<usize> {
    if memory != 0 && size == 0 {
        free(cx, memory)?;
        return Ok(0);
    }
    if memory == 0 {
        return alloc_memory(cx, size as isize);
    }
    super::string::realloc_memory(cx, memory, size as isize)
}

/// There are none.
fn is_com_object(cx: &Cx<'_>, object: Ref) -> Result<bool> {
    match object.is_null() {
        true => Err(cx.argument_null("o")),
        false => Ok(false),
    }
}

/// Looks for the function behind a P/Invoke.
fn prelink(cx: &Cx<'_>, method: Ref) -> Result<()> {
    if method.is_null() {
        return Err(cx.argument_null("m"));
    }
    look_for(cx, reflect::method_of(cx, method)?)
}

fn prelink_all(cx: &Cx<'_>, class: Ref) -> Result<()> {
    if class.is_null() {
        return Err(cx.argument_null("c"));
    }
    let class = type_of_object(cx, class)?;
    let methods = class.methods().map_err(|e| cx.load_error(&e))?;
    methods.iter().try_for_each(|m| look_for(cx, m))
}

fn look_for(cx: &Cx<'_>, m: &'static Method) -> Result<()> {
    let is_import = crate::body::implementation(m) == crate::body::Implementation::PInvoke;
    match is_import {
        true => native::p_invoke(m).map(drop).map_err(|e| cx.load_error(&e)),
        false => Ok(()),
    }
}
