//! Boxing, unboxing, and casts at run time.

use super::cx::Result;
use super::vtables::type_of_vtable;
use super::{Cx, heap};
use crate::types::layout::Place;
use crate::types::{Kind, Type};
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::layout::{HEADER, VtableHeader, cast_cache_second, cast_cache_slot};
use std::sync::atomic::{AtomicU64, Ordering};

/// (offset of the flag, offset of the value) of `Nullable<T>`.
fn nullable_offsets(ty: &'static Type) -> (usize, usize) {
    let at = |name: &str| match ty.field(name).and_then(|f| f.place().ok()) {
        Some(Place::Instance(offset)) => offset as usize,
        _ => 0,
    };
    let flag = if ty.field("hasValue").is_some() {
        "hasValue"
    } else {
        "has_value"
    };
    (at(flag), at("value"))
}

/// Boxes the value at an address: null for an empty nullable, the reference itself for a reference type.
pub fn box_value(cx: &Cx<'_>, ty: &'static Type, value: usize) -> Result<Ref> {
    if let Some(inner) = ty.nullable_of() {
        let (flag, at) = nullable_offsets(ty);
        // SAFETY: the address of a `Nullable<T>`.
        if unsafe { *((value + flag) as *const u8) } == 0 {
            return Ok(Ref::NULL);
        }
        return cx.box_value(inner, value + at);
    }
    if !ty.is_value() {
        // SAFETY: the address of a location of reference type.
        return Ok(unsafe { *(value as *const Ref) });
    }
    cx.box_value(ty, value)
}

/// Whether a boxed value of class `from` unboxes as `to`: the same type, or enums and integers of one representation.
fn unboxes(from: &'static Type, to: &'static Type) -> bool {
    from == to || (from.is_value() && to.is_value() && from.underlying() == to.underlying())
}

/// Address of the value in a box.
pub fn unbox(cx: &Cx<'_>, object: Ref, ty: &'static Type) -> Result<usize> {
    if object.is_null() {
        return Err(cx.null_reference());
    }
    let ty = ty.nullable_of().unwrap_or(ty);
    if unboxes(cx.type_of(object), ty) {
        return Ok(object.addr() + HEADER as usize);
    }
    Err(invalid_cast(cx))
}

/// Unboxes to a location: nullables from null too, reference types by a cast.
pub fn unbox_any(cx: &Cx<'_>, object: Ref, ty: &'static Type, to: usize) -> Result<()> {
    if let Some(inner) = ty.nullable_of() {
        let (flag, at) = nullable_offsets(ty);
        let (size, _) = ty.size_align().map_err(|e| cx.load_error(&e))?;
        if object.is_null() {
            // SAFETY: a location of that type, in a frame.
            unsafe { std::ptr::write_bytes(to as *mut u8, 0, size as usize) };
            return Ok(());
        }
        // Only for itself: `Nullable<T>.UnboxExact` of the library, which is for enums.
        if inner.kind == Kind::Enum && cx.type_of(object) != inner {
            return Err(invalid_cast(cx));
        }
        let from = unbox(cx, object, inner)?;
        let (size, _) = inner.size_align().map_err(|e| cx.load_error(&e))?;
        // SAFETY: as above.
        unsafe { *((to + flag) as *mut u8) = 1 };
        heap::copy_unknown(
            to + at,
            from,
            size as usize,
            inner.has_refs().unwrap_or(true),
        );
        return Ok(());
    }
    if !ty.is_value() {
        let object = cast_class(cx, object, ty)?;
        heap::store_ref_unknown(to, object);
        return Ok(());
    }
    let from = unbox(cx, object, ty)?;
    let (size, _) = ty.size_align().map_err(|e| cx.load_error(&e))?;
    heap::copy_unknown(to, from, size as usize, ty.has_refs().unwrap_or(true));
    Ok(())
}

/// Answers of [`is_instance`], by a hash of the two types; a newer answer replaces an older one. An entry holds the number of
/// the class in its upper half, and below it that of the type and the answer: one word, so that it needs no lock.
static ANSWERS: [AtomicU64; 1024] = [const { AtomicU64::new(0) }; 1024];

/// Whether objects of this class are of the type. Remembered, because finding out may mean to search lists of interfaces and
/// to compare type arguments.
pub fn is_instance(class: &'static Type, ty: &'static Type) -> bool {
    if class == ty {
        return true;
    }
    let (from, to) = (class.id.raw(), ty.id.raw());
    if to > u32::MAX >> 1 {
        return class.is_assignable_to(ty);
    }
    let question = u64::from(from) << 32 | u64::from(to) << 1;
    let hash = from.wrapping_mul(0x9e37_79b1) ^ to.wrapping_mul(0x85eb_ca6b);
    let answer = &ANSWERS[(hash >> 16) as usize % ANSWERS.len()];
    let known = answer.load(Ordering::Relaxed);
    if known & !1 == question {
        return known & 1 != 0;
    }
    let yes = class.is_assignable_to(ty);
    answer.store(question | u64::from(yes), Ordering::Relaxed);
    yes
}

/// Whether an object is of the type. Leaves the answer where compiled code looks for it.
pub fn is_of(object: Ref, ty: &'static Type) -> bool {
    // SAFETY: a live object, and vtables are made by this VM.
    let (class, header) = unsafe {
        let vtable = object.vtable();
        (type_of_vtable(vtable), &*(vtable as *const VtableHeader))
    };
    let yes = is_instance(class, ty);
    remember(header, std::ptr::from_ref(ty) as usize, yes);
    yes
}

/// Keeps an answer in a vtable: in the first of its two words unless another type's is there, else in the second. If both are taken
/// one of the others moves to its other word, or is forgotten.
fn remember(header: &VtableHeader, handle: usize, yes: bool) {
    let answers = header.cast_answers();
    let words = |handle: usize| [cast_cache_slot(handle), cast_cache_second(handle)];
    let there = |slot: usize| answers[slot].load(Ordering::Relaxed);
    let answer = handle | usize::from(!yes);
    let free = |slot: &usize| there(*slot) == 0 || there(*slot) & !1 == handle;
    let [first, second] = words(handle);
    let slot = [first, second].into_iter().find(free).unwrap_or_else(|| {
        for slot in [first, second] {
            let other = there(slot);
            let elsewhere = words(other & !1).into_iter().find(|&s| there(s) == 0);
            if let Some(elsewhere) = elsewhere {
                answers[elsewhere].store(other, Ordering::Relaxed);
                return slot;
            }
        }
        first
    });
    answers[slot].store(answer, Ordering::Relaxed);
}

/// The object, if it is null or of the type.
pub fn cast_class(cx: &Cx<'_>, object: Ref, ty: &'static Type) -> Result<Ref> {
    if object.is_null() || is_of(object, ty) {
        return Ok(object);
    }
    Err(invalid_cast(cx))
}

/// With Mono's text, which names no types.
fn invalid_cast(cx: &Cx<'_>) -> isthmus_rt::object::Thrown {
    cx.exception(
        "System",
        "InvalidCastException",
        "Specified cast is not valid.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A handle whose answers are in these words.
    fn handle(number: usize, first: usize, second: usize) -> usize {
        number << 16 | second << 7 | first << 4
    }

    fn known(header: &VtableHeader, handle: usize) -> Option<bool> {
        let words = [cast_cache_slot(handle), cast_cache_second(handle)];
        let seen = words.map(|slot| header.cast_answers()[slot].load(Ordering::Relaxed));
        let yes = seen.contains(&handle);
        (yes || seen.contains(&(handle | 1))).then_some(yes)
    }

    #[test]
    fn answers_of_types_that_share_a_word_are_kept() {
        let header = VtableHeader::default();
        // The third one finds both of its words taken; the first one moves.
        let types = [
            handle(1, 3, 5),
            handle(2, 3, 4),
            handle(3, 4, 3),
            handle(4, 5, 3),
        ];
        for (n, &ty) in types.iter().enumerate().take(3) {
            remember(&header, ty, n % 2 == 0);
        }
        for (n, &ty) in types.iter().enumerate().take(3) {
            assert_eq!(known(&header, ty), Some(n % 2 == 0), "{n}");
        }
        remember(&header, types[3], true);
        assert_eq!(known(&header, types[3]), Some(true));
        remember(&header, types[3], false);
        assert_eq!(known(&header, types[3]), Some(false));
    }
}
