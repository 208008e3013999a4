//! Answers that serve most VMs: what the default methods of [`Vm`] do.
//!
//! They know types by their vtables alone:
//!
//! ```text
//!   object ──type word──▶ vtable ── class ─────────▶ the type's handle, as compiled code passes it
//!                                └─ element_type ──▶ vtable of the elements (arrays of references)
//! ```
//!
//! The rest is up to [`Vm::is_instance`] (is it of this type?), [`Vm::nullable`] and [`Vm::interface_method`]. The helpers that lead
//! here have dealt with null references, where null has an answer of its own.

use crate::object::{Ref, Thrown};
use crate::thread::Thread;
use crate::vm::{Nullable, SlotTarget, Vm};
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::layout::{HEADER, VtableHeader};
use isthmus_runtime_abi::trap::TrapKind;
use std::sync::atomic::Ordering::Relaxed;

fn header<'a>(vtable: usize) -> &'a VtableHeader {
    // SAFETY: vtables of live objects and of element types are made by `Runtime::alloc_vtable` and never freed.
    unsafe { &*(vtable as *const VtableHeader) }
}

fn vtable<'a>(object: Ref) -> &'a VtableHeader {
    // SAFETY: compiled code passes live objects, and the thread runs.
    header(unsafe { object.vtable() })
}

/// The handle of an object's type.
fn type_of(object: Ref) -> usize {
    vtable(object).class.load(Relaxed)
}

pub(crate) fn trap<T>(thread: &Thread, kind: TrapKind) -> Result<T, Thrown> {
    Err(thread.runtime().trap(thread, kind))
}

pub(crate) fn cast_class<V: Vm + ?Sized>(
    vm: &V,
    thread: &Thread,
    object: Ref,
    ty: usize,
) -> Result<Ref, Thrown> {
    match vm.is_inst(object, ty) {
        Ref::NULL => trap(thread, TrapKind::InvalidCast),
        object => Ok(object),
    }
}

pub(crate) fn array_store_check<V: Vm + ?Sized>(
    vm: &V,
    thread: &Thread,
    array: Ref,
    value: Ref,
) -> Result<(), Thrown> {
    let element = vtable(array).element_type.load(Relaxed);
    match element != 0 && vm.is_instance(value, header(element).class.load(Relaxed)) {
        true => Ok(()),
        false => trap(thread, TrapKind::ArrayTypeMismatch),
    }
}

pub(crate) fn array_exact_check(thread: &Thread, array: Ref, ty: usize) -> Result<(), Thrown> {
    if array.is_null() {
        return trap(thread, TrapKind::NullReference);
    }
    let element = vtable(array).element_type.load(Relaxed);
    match element != 0 && header(element).class.load(Relaxed) == ty {
        true => Ok(()),
        false => trap(thread, TrapKind::ArrayTypeMismatch),
    }
}

pub(crate) fn unbox(thread: &Thread, object: Ref, ty: usize) -> Result<usize, Thrown> {
    match type_of(object) == ty {
        true => Ok(object.addr() + HEADER as usize),
        false => trap(thread, TrapKind::InvalidCast),
    }
}

/// Boxes a nullable: its value, or null.
pub(crate) fn box_nullable<V: Vm + ?Sized>(
    vm: &V,
    thread: &Thread,
    nullable: Nullable,
    at: usize,
) -> Result<Ref, Thrown> {
    // SAFETY: compiled code passes the address of a nullable, whose flag lies there.
    match unsafe { *((at + nullable.flag as usize) as *const u8) } {
        0 => Ok(Ref::NULL),
        _ => vm.box_value(thread, nullable.vtable, at + nullable.value as usize),
    }
}

/// Unboxes to a nullable: null gives an empty one.
pub(crate) fn unbox_nullable<V: Vm + ?Sized>(
    vm: &V,
    thread: &Thread,
    object: Ref,
    nullable: Nullable,
    to: usize,
) -> Result<(), Thrown> {
    let from = match object {
        Ref::NULL => None,
        object => {
            let payload = header(nullable.vtable).class.load(Relaxed);
            Some(vm.unbox(thread, object, payload)?)
        }
    };
    // SAFETY: the destination is a nullable in the caller's frame (so no barrier). The object is live, and as large as a value is.
    unsafe {
        std::ptr::write_bytes(to as *mut u8, 0, nullable.size as usize);
        if let Some(from) = from {
            *((to + nullable.flag as usize) as *mut u8) = 1;
            let value = (to + nullable.value as usize) as *mut u8;
            std::ptr::copy_nonoverlapping(from as *const u8, value, nullable.value_size as usize);
        }
    }
    Ok(())
}

pub(crate) fn resolve_virtual<V: Vm + ?Sized>(
    vm: &V,
    thread: &Thread,
    object: Ref,
    method: usize,
) -> Result<usize, Thrown> {
    let Some(method) = u32::try_from(method).ok().and_then(MethodId::from_raw) else {
        return trap(thread, TrapKind::InvalidProgram);
    };
    let runtime = thread.runtime();
    // SAFETY: a live object; the thread runs.
    let vtable = unsafe { object.vtable() };
    match vm.interface_method(thread, vtable, method)? {
        SlotTarget::Method(method) => Ok(runtime.entry(method)),
        SlotTarget::Unboxed(method, context) => match runtime.unboxing_stub(method, context) {
            Ok(stub) => Ok(stub),
            Err(_) => trap(thread, TrapKind::OutOfMemory),
        },
    }
}
