//! Looking into objects from Rust. All of this runs on attached threads, with references in locals.

use crate::run::toy;
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::thread::Thread;
use isthmus_runtime_abi::ids::TypeId;
use isthmus_runtime_abi::layout::{LENGTH, STRING_CHARS, VtableHeader};
use isthmus_runtime_abi::trap::TrapKind;
use std::sync::atomic::Ordering::Relaxed;

/// The type that a vtable belongs to: its `Class` word holds the id.
pub fn type_of_vtable(vtable: usize) -> TypeId {
    // SAFETY: the runtime and compiled code pass vtables of this VM, which are never freed.
    let class = unsafe { (*(vtable as *const VtableHeader)).class.load(Relaxed) };
    match TypeId::from_raw(class as u32) {
        Some(ty) => ty,
        None => unreachable!("a vtable without class"),
    }
}

/// The exact type of an object, which is not null.
pub fn type_of(object: Ref) -> TypeId {
    // SAFETY: references that reach this VM are live objects; the thread runs.
    type_of_vtable(unsafe { object.vtable() })
}

/// Length of an array or string, which is not null.
pub fn length(object: Ref) -> usize {
    // SAFETY: a live array or string has its length there.
    unsafe { *((object.addr() + LENGTH as usize) as *const u32) as usize }
}

/// The 16-bit units of a string or char array that start at byte `at` of it. A copy: nothing moves objects while it is made.
pub fn units(object: Ref, at: u32) -> Vec<u16> {
    let data = (object.addr() + at as usize) as *const u16;
    // SAFETY: that many units follow.
    unsafe { std::slice::from_raw_parts(data, length(object)) }.to_vec()
}

/// The text of a string.
pub fn text(string: Ref) -> String {
    String::from_utf16_lossy(&units(string, STRING_CHARS))
}

/// Fills a string that was just allocated.
pub(crate) fn fill_string(string: Ref, units: &[u16]) {
    let chars = (string.addr() + STRING_CHARS as usize) as *mut u16;
    // SAFETY: it was allocated for that many.
    unsafe { std::ptr::copy_nonoverlapping(units.as_ptr(), chars, units.len()) };
}

/// A new string.
pub fn new_string(thread: &Thread, units: &[u16]) -> Result<Ref, Thrown> {
    let vtable = toy().types().vtable(toy().module.wellknown().string);
    // SAFETY: the vtable of strings; the thread runs.
    match unsafe { thread.runtime().heap().alloc_string(vtable, units.len()) } {
        Ok(string) => {
            fill_string(string, units);
            Ok(string)
        }
        Err(_) => Err(thread.runtime().trap(thread, TrapKind::OutOfMemory)),
    }
}

/// A new instance, zeroed; no constructor runs.
pub fn new_object(thread: &Thread, ty: TypeId) -> Result<Ref, Thrown> {
    thread
        .runtime()
        .alloc_object(thread, toy().types().vtable(ty))
}
