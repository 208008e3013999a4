//! `System.Array`, `System.Buffer`, and array initializers.

use super::handle;
use crate::metadata::sig::Prim;
use crate::types::{Kind, Type, TypeKey, types};
use crate::vm::cx::Result;
use crate::vm::offsets::offsets;
use crate::vm::{Cx, arrays, casts, heap, statics};
use isthmus_rt::object::{Ref, Thrown};
use isthmus_runtime_abi::layout;

icalls! {
    "System.Array" {
        "GetRank" => get_rank [this: Ref] -> i32;
        "GetLength" => get_length [this: Ref, dimension: i32] -> i32;
        "GetLowerBound" => get_lower_bound [this: Ref, dimension: i32] -> i32;
        "GetValue" => get_value [this: Ref, indices: Ref] -> Ref;
        "SetValue" => set_value [this: Ref, value: Ref, indices: Ref] -> ();
        "GetValueImpl" => get_value_impl [this: Ref, position: i32] -> Ref;
        "SetValueImpl" => set_value_impl [this: Ref, value: Ref, position: i32] -> ();
        "FastCopy" => fast_copy [source: Ref, from: i32, target: Ref, to: i32, length: i32] -> bool;
        "CreateInstanceImpl" => create_instance [element: Ref, lengths: Ref, bounds: Ref] -> Ref;
        "ClearInternal" => clear [array: Ref, index: i32, count: i32] -> ();
    }
    "System.Buffer" {
        "InternalBlockCopy" => block_copy [source: Ref, from: i32, target: Ref, to: i32, count: i32] -> bool;
        "_ByteLength" => byte_length [array: Ref] -> i32;
        "InternalMemcpy" => memory_copy [target: usize, source: usize, count: i32] -> ();
    }
    "System.Runtime.RuntimeImports" {
        "Memmove" => memory_move [target: usize, source: usize, bytes: u32] -> ();
        "Memmove_wbarrier" => memory_move_refs [target: usize, source: usize, count: u32, ty: usize] -> ();
        "ZeroMemory" => zero_memory [target: usize, bytes: u32] -> ();
    }
    "System.Runtime.CompilerServices.RuntimeHelpers" {
        "InitializeArray" => initialize_array [array: Ref, field: usize] -> ();
    }
    "System.Runtime.InteropServices.Marshal" {
        "copy_to_unmanaged_fixed" => copy_to_unmanaged [source: Ref, start: i32, target: usize, length: i32, fixed: usize] -> ();
        "copy_from_unmanaged_fixed" => copy_from_unmanaged [source: usize, start: i32, target: Ref, length: i32, fixed: usize] -> ();
        "UnsafeAddrOfPinnedArrayElement" => address_of_element [array: Ref, index: i32] -> usize;
    }
}

/// Elements of an array: type, size, and address of the first.
pub(super) struct Elements {
    pub(super) ty: &'static Type,
    pub(super) size: usize,
    pub(super) data: usize,
    pub(super) count: usize,
}

/// How the elements of an array that is not null lie.
pub(super) fn elements(cx: &Cx<'_>, array: Ref) -> Result<Elements> {
    let class = cx.type_of(array);
    let Some(ty) = class.element() else {
        return Err(cx.exception("System", "ArgumentException", "Object must be an array."));
    };
    let at = if class.is_sz_array() {
        layout::ARRAY_DATA
    } else {
        layout::md_data(class.rank())
    };
    Ok(Elements {
        ty,
        size: ty.size_align().map_err(|e| cx.load_error(&e))?.0 as usize,
        data: array.addr() + at as usize,
        count: cx.length(array),
    })
}

fn require(cx: &Cx<'_>, object: Ref) -> Result<()> {
    if object.is_null() {
        Err(cx.null_reference())
    } else {
        Ok(())
    }
}

fn out_of_range(cx: &Cx<'_>) -> isthmus_rt::object::Thrown {
    cx.exception("System", "IndexOutOfRangeException", "")
}

fn get_rank(cx: &Cx<'_>, this: Ref) -> Result<i32> {
    require(cx, this)?;
    Ok(cx.type_of(this).rank() as i32)
}

/// (length, lower bound) of a dimension.
fn dimension(cx: &Cx<'_>, this: Ref, dimension: i32) -> Result<(i32, i32)> {
    require(cx, this)?;
    let class = cx.type_of(this);
    if dimension < 0 || dimension as u32 >= class.rank() {
        return Err(out_of_range(cx));
    }
    Ok(if class.is_sz_array() {
        (cx.length(this) as i32, 0)
    } else {
        arrays::bounds(cx, this, dimension as u32)
    })
}

fn get_length(cx: &Cx<'_>, this: Ref, d: i32) -> Result<i32> {
    Ok(dimension(cx, this, d)?.0)
}

fn get_lower_bound(cx: &Cx<'_>, this: Ref, d: i32) -> Result<i32> {
    Ok(dimension(cx, this, d)?.1)
}

/// The position in the array of an element by its indices, an `int[]`.
fn position_of(cx: &Cx<'_>, this: Ref, indices: Ref) -> Result<i32> {
    require(cx, this)?;
    if indices.is_null() {
        return Err(cx.argument_null("indices"));
    }
    let rank = cx.type_of(this).rank();
    if cx.length(indices) != rank as usize {
        return Err(cx.exception(
            "System",
            "ArgumentException",
            "Indices length does not match the array rank",
        ));
    }
    let mut position = 0i64;
    for d in 0..rank {
        let index: i32 = cx.read(indices, layout::ARRAY_DATA + 4 * d);
        let (length, lower) = dimension(cx, this, d as i32)?;
        let offset = i64::from(index) - i64::from(lower);
        if offset < 0 || offset >= i64::from(length) {
            return Err(out_of_range(cx));
        }
        position = position * i64::from(length) + offset;
    }
    Ok(position as i32)
}

fn get_value(cx: &Cx<'_>, this: Ref, indices: Ref) -> Result<Ref> {
    let position = position_of(cx, this, indices)?;
    get_value_impl(cx, this, position)
}

fn set_value(cx: &Cx<'_>, this: Ref, value: Ref, indices: Ref) -> Result<()> {
    let position = position_of(cx, this, indices)?;
    set_value_impl(cx, this, value, position)
}

/// The elements, and the address of one of them.
fn element_at(cx: &Cx<'_>, this: Ref, position: i32) -> Result<(Elements, usize)> {
    require(cx, this)?;
    let e = elements(cx, this)?;
    if position < 0 || position as usize >= e.count {
        return Err(out_of_range(cx));
    }
    let at = e.data + position as usize * e.size;
    Ok((e, at))
}

fn get_value_impl(cx: &Cx<'_>, this: Ref, position: i32) -> Result<Ref> {
    let (e, at) = element_at(cx, this, position)?;
    if e.ty.kind == Kind::Pointer {
        return Err(cx.exception("System", "NotSupportedException", "Type is not supported."));
    }
    casts::box_value(cx, e.ty, at)
}

fn set_value_impl(cx: &Cx<'_>, this: Ref, value: Ref, position: i32) -> Result<()> {
    let (e, at) = element_at(cx, this, position)?;
    if e.ty.kind == Kind::Pointer {
        return Err(cx.exception("System", "NotSupportedException", "Type is not supported."));
    }
    if !e.ty.is_value() {
        if !value.is_null() && !cx.type_of(value).is_assignable_to(e.ty) {
            return Err(invalid_element(cx));
        }
        heap::store_ref(this, at, value);
        return Ok(());
    }
    if value.is_null() {
        // SAFETY: an element of the array; zero is the default of every value type.
        unsafe { std::ptr::write_bytes(at as *mut u8, 0, e.size) };
        return Ok(());
    }
    let from = cx.type_of(value);
    let target = e.ty.nullable_of().unwrap_or(e.ty);
    if from == target
        || (e.ty.nullable_of().is_none()
            && from.underlying() == target.underlying()
            && from.kind != Kind::Class)
    {
        return casts::unbox_any(cx, value, e.ty, at);
    }
    match widen(from, target, value.addr() + layout::HEADER as usize) {
        Some(bits) => {
            heap::store_word(at, e.size, bits);
            Ok(())
        }
        None if is_primitive(from) && is_primitive(target) => {
            let text = "not a widening conversion\nParameter name: value";
            Err(cx.exception("System", "ArgumentException", text))
        }
        None => Err(invalid_element(cx)),
    }
}

/// Numbers, characters, booleans and enums.
fn is_primitive(ty: &'static Type) -> bool {
    ty.is_value() && ty.underlying().prim.is_some()
}

/// `InvalidCastException` with an empty message, which is not the default one.
fn invalid_element(cx: &Cx<'_>) -> Thrown {
    let thrown = cx.exception("System", "InvalidCastException", "");
    if let Ok(empty) = cx.string("") {
        cx.write_ref(thrown.exception, offsets().exception_message, empty);
    }
    thrown
}

/// The bits of a primitive at an address after an implicit (widening) conversion to another primitive type.
pub(super) fn widen(from: &'static Type, to: &'static Type, at: usize) -> Option<u64> {
    use Prim::*;
    let (from, to) = (from.underlying().prim?, to.underlying().prim?);
    let bits = heap::load_scalar(at, types().known.prim(from).mem_ty());
    if from == to {
        return Some(bits);
    }
    let targets: &[Prim] = match from {
        Char => &[U2, I4, U4, I8, U8, R4, R8],
        I1 => &[I2, I4, I8, R4, R8],
        U1 => &[Char, I2, U2, I4, U4, I8, U8, R4, R8],
        I2 => &[I4, I8, R4, R8],
        U2 => &[I4, U4, I8, U8, R4, R8],
        I4 => &[I8, R4, R8],
        U4 => &[I8, U8, R4, R8],
        I8 | U8 => &[R4, R8],
        R4 => &[R8],
        _ => &[],
    };
    if !targets.contains(&to) {
        return None;
    }
    let signed = match from {
        I1 | I2 | I4 => i64::from(bits as u32 as i32),
        _ => bits as i64,
    };
    Some(match (from, to) {
        (R4, _) => f64::from(f32::from_bits(bits as u32)).to_bits(),
        (U8, R4) => u64::from((bits as f32).to_bits()),
        (U8, R8) => (bits as f64).to_bits(),
        (_, R4) => u64::from((signed as f32).to_bits()),
        (_, R8) => (signed as f64).to_bits(),
        _ => signed as u64,
    })
}

/// Copies elements between one-dimensional arrays of the same class, if the arrays are and have such elements.
fn copy_alike(
    cx: &Cx<'_>,
    source: Ref,
    from: i32,
    target: Ref,
    to: i32,
    length: i32,
) -> Option<()> {
    // SAFETY: live objects.
    if unsafe { source.vtable() != target.vtable() } {
        return None;
    }
    let size = heap::sz_element_size(source)?;
    let (from, to) = (usize::try_from(from).ok()?, usize::try_from(to).ok()?);
    let length = usize::try_from(length).ok()?;
    if from + length > cx.length(source) || to + length > cx.length(target) {
        return None;
    }
    let at = |array: Ref, index: usize| array.addr() + layout::ARRAY_DATA as usize + index * size;
    heap::copy_into(target, at(target, to), at(source, from), length * size);
    Some(())
}

/// Copies elements when both arrays hold the same kind of element; otherwise false, and the library copies one by one.
fn fast_copy(
    cx: &Cx<'_>,
    source: Ref,
    from: i32,
    target: Ref,
    to: i32,
    length: i32,
) -> Result<bool> {
    require(cx, source)?;
    require(cx, target)?;
    if copy_alike(cx, source, from, target, to, length).is_some() {
        return Ok(true);
    }
    let (a, b) = (cx.type_of(source), cx.type_of(target));
    if a.rank() != b.rank() || from < 0 || to < 0 || length < 0 {
        return Ok(false);
    }
    let (s, t) = (elements(cx, source)?, elements(cx, target)?);
    let fits = |start: i32, e: &Elements| start as usize + length as usize <= e.count;
    if !fits(from, &s) || !fits(to, &t) {
        return Ok(false);
    }
    let start = s.data + from as usize * s.size;
    if s.ty.is_reference() && t.ty.is_reference() {
        if !s.ty.is_assignable_to(t.ty) {
            // Down-casts are checked one by one; what precedes the first misfit is copied, as the standard asks.
            for i in 0..length as usize {
                // SAFETY: an element within the source.
                let object = unsafe { *((start + i * 8) as *const Ref) };
                if !object.is_null() && !cx.type_of(object).is_assignable_to(t.ty) {
                    return Ok(false);
                }
            }
        }
    } else if s.ty != t.ty
        && !(s.ty.is_value() && t.ty.is_value() && s.ty.underlying() == t.ty.underlying())
    {
        return Ok(false);
    }
    heap::copy_into(
        target,
        t.data + to as usize * t.size,
        start,
        length as usize * s.size,
    );
    Ok(true)
}

fn create_instance(cx: &Cx<'_>, element: Ref, lengths: Ref, bounds: Ref) -> Result<Ref> {
    let element = handle::type_of_object(cx, element)?;
    require(cx, lengths)?;
    let int = |list: Ref, i: usize| cx.read::<i32>(list, layout::ARRAY_DATA + 4 * i as u32);
    let rank = cx.length(lengths);
    if element.is_void() || element.is_open {
        return Err(cx.exception(
            "System",
            "NotSupportedException",
            "Array type can not be an open generic type or void",
        ));
    }
    let dimensions: Vec<(i32, i32)> = (0..rank)
        .map(|i| {
            (
                int(lengths, i),
                if bounds.is_null() { 0 } else { int(bounds, i) },
            )
        })
        .collect();
    if let Some(i) = dimensions.iter().position(|d| d.0 < 0) {
        return Err(cx.exception(
            "System",
            "ArgumentOutOfRangeException",
            &format!("lengths[{i}]"),
        ));
    }
    if let [(length, 0)] = dimensions[..] {
        return cx.alloc_array(element, length as usize);
    }
    let ty = types()
        .intern(TypeKey::MdArray(element.id, rank as u32))
        .map_err(|e| cx.load_error(&e))?;
    arrays::create(cx, ty, &dimensions)
}

fn clear(cx: &Cx<'_>, array: Ref, index: i32, count: i32) -> Result<()> {
    require(cx, array)?;
    let (size, data) = match heap::sz_element_size(array) {
        Some(size) => (size, cx.data(array)),
        None => elements(cx, array).map(|e| (e.size, e.data))?,
    };
    if index < 0 || count < 0 || index as usize + count as usize > cx.length(array) {
        return Err(out_of_range(cx));
    }
    // SAFETY: within the array. Nulls need no barrier.
    unsafe {
        std::ptr::write_bytes(
            (data + index as usize * size) as *mut u8,
            0,
            count as usize * size,
        );
    }
    Ok(())
}

/// Address of the bytes of an array of primitives, and their number; `None` for others.
fn bytes_of(cx: &Cx<'_>, array: Ref) -> Result<Option<(usize, usize)>> {
    let e = elements(cx, array)?;
    let primitive =
        e.ty.prim
            .is_some_and(|p| !matches!(p, Prim::String | Prim::Object | Prim::TypedByRef));
    Ok(primitive.then_some((e.data, e.count * e.size)))
}

fn block_copy(
    cx: &Cx<'_>,
    source: Ref,
    from: i32,
    target: Ref,
    to: i32,
    count: i32,
) -> Result<bool> {
    require(cx, source)?;
    require(cx, target)?;
    let (Some((a, s)), Some((b, t))) = (bytes_of(cx, source)?, bytes_of(cx, target)?) else {
        return Ok(false);
    };
    if from < 0
        || to < 0
        || count < 0
        || from as usize + count as usize > s
        || to as usize + count as usize > t
    {
        return Ok(false);
    }
    heap::copy_unknown(b + to as usize, a + from as usize, count as usize, false);
    Ok(true)
}

fn byte_length(cx: &Cx<'_>, array: Ref) -> Result<i32> {
    require(cx, array)?;
    Ok(bytes_of(cx, array)?.map_or(-1, |(_, n)| n as i32))
}

fn memory_copy(cx: &Cx<'_>, target: usize, source: usize, count: i32) -> Result<()> {
    memory_move(cx, target, source, count.max(0) as u32)
}

fn memory_move(_cx: &Cx<'_>, target: usize, source: usize, bytes: u32) -> Result<()> {
    heap::copy_unknown(target, source, bytes as usize, false);
    Ok(())
}

/// Copies `count` elements of a type that contains references.
fn memory_move_refs(
    cx: &Cx<'_>,
    target: usize,
    source: usize,
    count: u32,
    ty: usize,
) -> Result<()> {
    let size = match handle::type_at(ty) {
        Some(ty) => ty.size_align().map_err(|e| cx.load_error(&e))?.0,
        None => 8,
    };
    heap::copy_unknown(target, source, count as usize * size as usize, true);
    Ok(())
}

fn zero_memory(_cx: &Cx<'_>, target: usize, bytes: u32) -> Result<()> {
    // SAFETY: the library owns that memory.
    unsafe { std::ptr::write_bytes(target as *mut u8, 0, bytes as usize) };
    Ok(())
}

/// Fills an array of primitives from the data of a field.
fn initialize_array(cx: &Cx<'_>, array: Ref, field: usize) -> Result<()> {
    let field = handle::field_at(field).filter(|f| f.has_rva());
    let (false, Some(field)) = (array.is_null(), field) else {
        return Err(cx.argument_null(if array.is_null() {
            "array"
        } else {
            "fldHandle"
        }));
    };
    let e = elements(cx, array)?;
    let thrown = |e| cx.load_error(&e);
    let (available, _) = field.ty().map_err(thrown)?.size_align().map_err(thrown)?;
    if e.ty.has_refs().map_err(thrown)? || e.count * e.size > available as usize {
        return Err(cx.exception(
            "System",
            "ArgumentException",
            "Field not large enough to fill array",
        ));
    }
    let from = statics::data_of(field).map_err(thrown)?;
    heap::copy_unknown(e.data, from, e.count * e.size, false);
    Ok(())
}

/// The elements from `start`, checked to be `length` many without references.
fn range(cx: &Cx<'_>, array: Ref, start: i32, length: i32) -> Result<(usize, usize)> {
    if array.is_null() {
        return Err(cx.argument_null("source"));
    }
    let e = elements(cx, array)?;
    if e.ty.has_refs().unwrap_or(true) {
        return Err(cx.exception("System", "ArgumentException", "array"));
    }
    if start < 0 {
        return Err(cx.exception("System", "ArgumentException", "Must be >= 0"));
    }
    if length < 0 || start as usize + length as usize > e.count {
        return Err(cx.exception("System", "ArgumentOutOfRangeException", "length"));
    }
    Ok((e.data + start as usize * e.size, length as usize * e.size))
}

fn copy_to_unmanaged(
    cx: &Cx<'_>,
    source: Ref,
    start: i32,
    target: usize,
    length: i32,
    _fixed: usize,
) -> Result<()> {
    let (from, bytes) = range(cx, source, start, length)?;
    if target == 0 {
        return Err(cx.argument_null("destination"));
    }
    heap::copy_unknown(target, from, bytes, false);
    Ok(())
}

fn copy_from_unmanaged(
    cx: &Cx<'_>,
    source: usize,
    start: i32,
    target: Ref,
    length: i32,
    _fixed: usize,
) -> Result<()> {
    let (to, bytes) = range(cx, target, start, length)?;
    if source == 0 {
        return Err(cx.argument_null("source"));
    }
    heap::copy_unknown(to, source, bytes, false);
    Ok(())
}

fn address_of_element(cx: &Cx<'_>, array: Ref, index: i32) -> Result<usize> {
    require(cx, array)?;
    let e = elements(cx, array)?;
    Ok((e.data as isize + index as isize * e.size as isize) as usize)
}
