//! The heap as the VM uses it: `rt::gc::Heap` with this VM's errors and vtables.

use super::Cx;
use super::cx::Result;
use super::vtables::type_of_vtable;
use crate::types::{LoadError, LoadErrorKind};
use isthmus_rt::gc::{self, Handle, HandleKind, Heap};
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::layout::{HEADER, LENGTH, VtableFlags, VtableHeader};
use isthmus_runtime_abi::types::MemTy;
use std::sync::atomic::Ordering;

/// The process's heap.
pub fn heap() -> &'static Heap {
    Heap::get().expect("the heap is made at start")
}

fn flags(vtable: usize) -> VtableFlags {
    // SAFETY: callers pass vtables made by `vtables`.
    let bits = unsafe {
        (*(vtable as *const VtableHeader))
            .flags
            .load(Ordering::Relaxed)
    };
    VtableFlags::from_bits_retain(bits as u32)
}

/// Size of the elements of an array that is one-dimensional, from its vtable alone.
pub fn sz_element_size(array: Ref) -> Option<usize> {
    // SAFETY: a live object.
    let vtable = unsafe { array.vtable() };
    let header = vtable as *const VtableHeader;
    flags(vtable)
        .contains(VtableFlags::SZ_ARRAY)
        // SAFETY: as in `flags`.
        .then(|| unsafe { (*header).component_size.load(Ordering::Relaxed) })
}

/// Leaves the object that stands for the class of an object where compiled code looks for it.
pub fn note_type_object(of: Ref, type_object: Ref) {
    // SAFETY: a live object, whose vtable was made by `vtables`; the type's object neither moves nor dies.
    let header = unsafe { &*(of.vtable() as *const VtableHeader) };
    header
        .type_object
        .store(type_object.addr(), Ordering::Release);
}

/// A new instance; a finalizer is registered if the class has one.
pub fn alloc_object(cx: &Cx<'_>, vtable: usize) -> Result<Ref> {
    // SAFETY: the thread is attached and running, and the vtable was made by `vtables`.
    unsafe { heap().alloc_object(vtable) }.map_err(|_| cx.out_of_memory())
}

/// A new one-dimensional array or string.
pub fn alloc_array(cx: &Cx<'_>, vtable: usize, length: i64) -> Result<Ref> {
    let n = match usize::try_from(length) {
        Ok(n) if n <= i32::MAX as usize => n,
        Ok(_) => return Err(cx.out_of_memory()),
        Err(_) => return Err(cx.exception("System", "OverflowException", "")),
    };
    // SAFETY: as `alloc_object`.
    let object = unsafe {
        if flags(vtable).contains(VtableFlags::STRING) {
            heap().alloc_string(vtable, n)
        } else {
            heap().alloc_array(vtable, n)
        }
    };
    object.map_err(|_| cx.out_of_memory())
}

/// An object that never moves or dies; with a length for arrays and strings.
pub fn alloc_immortal(vtable: usize, length: Option<usize>) -> crate::types::Result<Ref> {
    // SAFETY: as `alloc_object`.
    unsafe { heap().alloc_immortal(vtable, length.unwrap_or(0)) }
        .map_err(|e| LoadError::new(LoadErrorKind::TypeLoad, e.to_string()))
}

/// Stores a reference into an object.
pub fn store_ref(object: Ref, slot: usize, value: Ref) {
    // SAFETY: callers name a slot of the object.
    unsafe { heap().store(object, slot, value) };
}

/// Stores a reference through a managed pointer.
pub fn store_ref_unknown(slot: usize, value: Ref) {
    // SAFETY: a managed pointer to a location of reference type.
    unsafe { heap().store_unknown(slot, value) };
}

/// Copies bytes, possibly references among them, into an object.
pub fn copy_into(object: Ref, to: usize, from: usize, bytes: usize) {
    // SAFETY: a live object.
    let vtable = unsafe { object.vtable() };
    if flags(vtable).contains(VtableFlags::HAS_REFS) {
        // SAFETY: the target lies in the object; the source holds a value of the same type.
        unsafe { heap().copy(object, to, from, bytes) };
    } else {
        // SAFETY: as above; no references, so plain bytes.
        unsafe { std::ptr::copy(from as *const u8, to as *mut u8, bytes) };
    }
}

/// Copies bytes to anywhere: `refs` says whether references may be among them.
pub fn copy_unknown(to: usize, from: usize, bytes: usize, refs: bool) {
    if refs {
        // SAFETY: both are locations of a type with references.
        unsafe { heap().copy_unknown(to, from, bytes) };
    } else {
        // SAFETY: both are locations of that size.
        unsafe { std::ptr::copy(from as *const u8, to as *mut u8, bytes) };
    }
}

/// A shallow copy of an object.
pub fn clone(cx: &Cx<'_>, object: Ref) -> Result<Ref> {
    // SAFETY: a live object.
    let vtable = unsafe { object.vtable() };
    let f = flags(vtable);
    // SAFETY: the class word of a vtable made by this VM.
    let ty = unsafe { type_of_vtable(vtable) };
    let (copy, bytes) = if f.contains(VtableFlags::SZ_ARRAY) || f.contains(VtableFlags::STRING) {
        let n = cx.length(object);
        let copy = alloc_array(cx, vtable, n as i64)?;
        let element = ty
            .element()
            .map_or(Ok((2, 2)), |e| e.size_align())
            .map_err(|e| cx.load_error(&e))?;
        let base = if f.contains(VtableFlags::STRING) {
            12
        } else {
            16
        };
        (copy, base - HEADER as usize + n * element.0 as usize)
    } else if f.contains(VtableFlags::MD_ARRAY) {
        super::arrays::clone_shape(cx, object, ty)?
    } else {
        let layout = ty.layout().map_err(|e| cx.load_error(&e))?;
        let size = if ty.is_value() {
            layout.size
        } else {
            layout.size - HEADER
        };
        (alloc_object(cx, vtable)?, size as usize)
    };
    let (to, from) = (
        copy.addr() + HEADER as usize,
        object.addr() + HEADER as usize,
    );
    copy_into(copy, to, from, bytes);
    debug_assert!(
        !f.contains(VtableFlags::SZ_ARRAY)
            || cx.read::<u32>(copy, LENGTH) == cx.read::<u32>(object, LENGTH)
    );
    Ok(copy)
}

/// The hash code of an object's identity.
pub fn identity_hash(object: Ref) -> i32 {
    // SAFETY: a live object.
    unsafe { gc::identity_hash(object) }.unwrap_or_else(|_| super::monitors::hash_of_locked(object))
        as i32
}

/// A strong handle, as a number; 0 for null.
pub fn strong_handle(object: Ref) -> usize {
    if object.is_null() {
        return 0;
    }
    heap()
        .new_handle(HandleKind::Strong, object)
        .map_or(0, |h| h.raw() as usize)
}

/// What a handle made by [`strong_handle`] refers to.
pub fn from_handle(handle: usize) -> Ref {
    match Handle::from_raw(handle as u32) {
        Some(h) => heap().handle_target(h),
        None => Ref::NULL,
    }
}

/// Gives up a handle made by [`strong_handle`].
pub fn free_handle(handle: usize) {
    if let Some(h) = Handle::from_raw(handle as u32) {
        heap().free_handle(h);
    }
}

/// A scalar of a memory type, as an argument word.
pub fn load_scalar(at: usize, ty: MemTy) -> u64 {
    // SAFETY: callers pass the address of a value of that type.
    unsafe {
        match ty {
            MemTy::I8 => *(at as *const i8) as i32 as u32 as u64,
            MemTy::U8 => u64::from(*(at as *const u8)),
            MemTy::I16 => (at as *const i16).read_unaligned() as i32 as u32 as u64,
            MemTy::U16 => u64::from((at as *const u16).read_unaligned()),
            MemTy::I32 | MemTy::F32 => u64::from((at as *const u32).read_unaligned()),
            _ => (at as *const u64).read_unaligned(),
        }
    }
}

/// The word at an address of which only `left` bytes belong to the value.
pub fn load_word(at: usize, left: usize) -> u64 {
    let mut bytes = [0u8; 8];
    let n = left.min(8);
    // SAFETY: `left` bytes are readable there.
    unsafe { std::ptr::copy_nonoverlapping(at as *const u8, bytes.as_mut_ptr(), n) };
    u64::from_le_bytes(bytes)
}

/// Stores a result word into a value of which `left` bytes remain.
pub fn store_word(at: usize, left: usize, word: u64) {
    let bytes = word.to_le_bytes();
    // SAFETY: `left` bytes are writable there.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), at as *mut u8, left.min(8)) };
}

/// Zeroes memory. No barrier is needed: null is never remembered.
pub fn zero(at: usize, bytes: usize) {
    // SAFETY: callers name a location of that size.
    unsafe { std::ptr::write_bytes(at as *mut u8, 0, bytes) };
}
