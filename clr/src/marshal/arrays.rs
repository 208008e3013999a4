//! Pointers to elements.

use super::convert::{self, read_word, write_word};
use super::form::{Element, Form, WORD};
use super::text;
use crate::types::types;
use crate::vm::Cx;
use crate::vm::cx::Result;
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::layout::md_data;

/// Where the elements of an array begin, of one dimension or several.
fn data(cx: &Cx<'_>, array: Ref) -> usize {
    let ty = cx.type_of(array);
    match ty.is_sz_array() {
        true => cx.data(array),
        false => array.addr() + md_data(ty.rank()) as usize,
    }
}

/// Native memory for the elements of an array, which are converted if `filled`; null for null. Arrays of pointers end with a null.
pub fn make(cx: &Cx<'_>, array: Ref, element: &Element, filled: bool) -> Result<usize> {
    if array.is_null() {
        return Ok(0);
    }
    let count = cx.length(array);
    let at = text::memory(cx, count * element.native as usize + WORD as usize)?;
    if filled {
        for i in 0..count {
            let from = cx.data(array) + i * element.managed as usize;
            convert::to_native(cx, element.form, from, at + i * element.native as usize)?;
        }
    }
    std::hint::black_box(array);
    Ok(at)
}

/// Converts native elements into those of an array.
pub fn read(cx: &Cx<'_>, at: usize, element: &Element, array: Ref) -> Result<()> {
    if array.is_null() || at == 0 {
        return Ok(());
    }
    for i in 0..cx.length(array) {
        let from = at + i * element.native as usize;
        let to = cx.data(array) + i * element.managed as usize;
        match element.form {
            // The builders stay; what they hold changes.
            Form::Builder(encoding) => {
                text::read_buffer(cx, cx.element(array, i), read_word(from), encoding)?
            }
            form => convert::to_managed(cx, form, from, to)?,
        }
    }
    std::hint::black_box(array);
    Ok(())
}

/// A new array of so many native elements; null for null.
pub fn read_new(cx: &Cx<'_>, at: usize, element: &Element, count: usize) -> Result<Ref> {
    if at == 0 {
        return Ok(Ref::NULL);
    }
    let array = cx.alloc_array(element.ty, count)?;
    read(cx, at, element, array)?;
    Ok(array)
}

/// Converts the elements of an array into native memory for `count` of them.
pub fn write(cx: &Cx<'_>, array: Ref, element: &Element, at: usize, count: usize) -> Result<()> {
    if array.is_null() || at == 0 {
        return Ok(());
    }
    for i in 0..cx.length(array).min(count) {
        let from = data(cx, array) + i * element.managed as usize;
        convert::to_native(cx, element.form, from, at + i * element.native as usize)?;
    }
    std::hint::black_box(array);
    Ok(())
}

/// Frees what so many native elements point to, and the elements.
pub fn release(cx: &Cx<'_>, at: usize, element: &Element, count: usize) -> Result<()> {
    if at == 0 {
        return Ok(());
    }
    if convert::owns(element.form) {
        for i in 0..count {
            convert::release(cx, element.form, at + i * element.native as usize)?;
        }
    }
    text::free(at);
    Ok(())
}

/// Elements in place: converts at most `count`, zeroes the rest.
pub fn write_fixed(
    cx: &Cx<'_>,
    array: Ref,
    element: &Element,
    at: usize,
    count: usize,
) -> Result<()> {
    // SAFETY: native memory of a structure that has so many elements in place.
    unsafe { std::ptr::write_bytes(at as *mut u8, 0, count * element.native as usize) };
    if !array.is_null() && cx.length(array) < count && is_text(element) {
        return write(cx, array, element, at, count);
    }
    if !array.is_null() && cx.length(array) < count {
        return Err(cx.exception(
            "System",
            "ArgumentException",
            "Type could not be marshaled because the length of an embedded array instance does not match the declared length in the layout.",
        ));
    }
    write(cx, array, element, at, count)
}

/// Whether elements are characters, of which there may be fewer than the place holds.
fn is_text(element: &Element) -> bool {
    element.ty == types().known.char()
}

/// Clears a pointer after what it points to was freed.
pub fn clear(at: usize) {
    write_word(at, 0);
}
