//! Multi-dimensional arrays, and the checks of array elements.

use super::cx::Result;
use super::{Cx, casts, heap};
use crate::types::{Type, TypeKey, types};
use isthmus_rt::gc::Dimension;
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::layout::{ARRAY_DATA, HEADER, MD_BOUND_BYTES, MD_BOUNDS, md_data};

/// The type behind a type handle.
fn of_handle(ty: usize) -> &'static Type {
    // SAFETY: handles come from made bodies, which name types of this VM.
    unsafe { &*(ty as *const Type) }
}

/// A dimension's length and lower bound.
pub fn bounds(cx: &Cx<'_>, array: Ref, dimension: u32) -> (i32, i32) {
    let at = MD_BOUNDS + dimension * MD_BOUND_BYTES;
    (cx.read(array, at), cx.read(array, at + 4))
}

/// `new T[…]`: lengths, or pairs of lower bound and length; for an array of arrays also the length of the inner ones.
#[allow(clippy::too_many_arguments)] // the argument words of an internal call
pub fn new(
    cx: &Cx<'_>,
    ty: usize,
    n: i32,
    a: i32,
    b: i32,
    c: i32,
    d: i32,
    e: i32,
    f: i32,
    g: i32,
    h: i32,
) -> Result<Ref> {
    let args = [a, b, c, d, e, f, g, h];
    with_arguments(cx, of_handle(ty), &args[..n.clamp(0, 8) as usize])
}

/// The same with the arguments in an `int[]`.
pub fn new_many(cx: &Cx<'_>, ty: usize, args: Ref) -> Result<Ref> {
    let args: Vec<i32> = (0..cx.length(args) as u32)
        .map(|i| cx.read(args, ARRAY_DATA + 4 * i))
        .collect();
    with_arguments(cx, of_handle(ty), &args)
}

fn with_arguments(cx: &Cx<'_>, ty: &'static Type, args: &[i32]) -> Result<Ref> {
    if let (TypeKey::SzArray(_), Some(element)) = (&ty.key, ty.element()) {
        return vector(cx, element, args);
    }
    let rank = ty.rank() as usize;
    let dimensions: Vec<(i32, i32)> = if args.len() == rank {
        args.iter().map(|&length| (length, 0)).collect()
    } else {
        args.chunks_exact(2).map(|p| (p[1], p[0])).collect()
    };
    create(cx, ty, &dimensions)
}

/// A one-dimensional array of the first length, filled with arrays of the lengths that follow.
fn vector(cx: &Cx<'_>, element: &'static Type, lengths: &[i32]) -> Result<Ref> {
    let (&length, rest) = lengths.split_first().unwrap_or((&0, &[]));
    let Ok(length) = usize::try_from(length) else {
        return Err(cx.exception("System", "OverflowException", ""));
    };
    let array = cx.alloc_array(element, length)?;
    if let (Some(inner), false) = (element.element(), rest.is_empty()) {
        for i in 0..length {
            let made = vector(cx, inner, rest)?;
            cx.set_element(array, i, made);
        }
    }
    Ok(array)
}

/// An array with these (length, lower bound) dimensions. A type of rank 1 is a vector or has its bound kept.
pub fn create(cx: &Cx<'_>, ty: &'static Type, dimensions: &[(i32, i32)]) -> Result<Ref> {
    let mut list = Vec::with_capacity(dimensions.len());
    for &(length, lower) in dimensions {
        let Ok(length) = u32::try_from(length) else {
            return Err(cx.exception("System", "OverflowException", ""));
        };
        list.push(Dimension { length, lower });
    }
    let vtable = ty.vtable_pointer().map_err(|e| cx.load_error(&e))?;
    // SAFETY: the vtable is of an array of that rank; the thread is running.
    unsafe { heap::heap().alloc_md_array(vtable, &list) }.map_err(|_| cx.out_of_memory())
}

/// An array of the same shape, and the number of bytes after the header to copy.
pub fn clone_shape(cx: &Cx<'_>, array: Ref, ty: &'static Type) -> Result<(Ref, usize)> {
    let rank = ty.rank();
    let dimensions: Vec<(i32, i32)> = (0..rank).map(|d| bounds(cx, array, d)).collect();
    let copy = create(cx, ty, &dimensions)?;
    let size = ty
        .element()
        .map_or(Ok((8, 8)), |e| e.size_align())
        .map_err(|e| cx.load_error(&e))?
        .0;
    Ok((
        copy,
        (md_data(rank) - HEADER) as usize + cx.length(array) * size as usize,
    ))
}

/// Throws unless a reference may be stored in an array.
pub fn check_store(cx: &Cx<'_>, array: Ref, value: Ref) -> Result<()> {
    if array.is_null() {
        return Err(cx.null_reference());
    }
    if value.is_null() {
        return Ok(());
    }
    let element = cx
        .type_of(array)
        .element()
        .unwrap_or(types().known.object());
    if casts::is_instance(cx.type_of(value), element) {
        return Ok(());
    }
    Err(cx.exception("System", "ArrayTypeMismatchException", ""))
}

/// Throws unless the elements of an array have exactly this type.
pub fn check_exact(cx: &Cx<'_>, array: Ref, ty: usize) -> Result<()> {
    if array.is_null() {
        return Err(cx.null_reference());
    }
    if cx.type_of(array).element() == Some(of_handle(ty)) {
        return Ok(());
    }
    Err(cx.exception("System", "ArrayTypeMismatchException", ""))
}
