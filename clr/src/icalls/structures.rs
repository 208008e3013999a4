//! Structures between managed and native memory: `Marshal.SizeOf`, `OffsetOf`, `StructureToPtr`, `PtrToStructure`.
//!
//! The native form of a structure follows C's rules from the declared order, `Pack`, explicit offsets and `MarshalAs`:
//!
//! ```text
//!  managed                    native                                         size
//!  bool                       int (or as MarshalAs says: 1 or 2 bytes)       4
//!  char                       byte, or a unit with CharSet.Unicode           1, 2
//!  string                     pointer to text, or characters in place        8, n or 2 n
//!  array                      elements in place (ByValArray), else a pointer n elements
//!  struct, enum, number       its own native form
//! ```

use super::handle::type_of_object;
use super::marshal::{native_text, text_at};
use super::string::free;
use crate::metadata::{Marshal, Row, TypeAttributes, native};
use crate::types::layout::Place;
use crate::types::{Field, Kind, LoadError, LoadErrorKind, Type, types};
use crate::vm::cx::Result;
use crate::vm::{Cx, heap};
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::layout::HEADER;
use isthmus_runtime_abi::types::MemTy;

icalls! {
    "System.Runtime.InteropServices.Marshal" {
        "SizeOf" => size_of [ty: Ref] -> i32;
        "OffsetOf" => offset_of [ty: Ref, name: Ref] -> isize;
        "StructureToPtr" => to_native [object: Ref, target: usize, destroy: bool] -> ();
        "PtrToStructure(intptr,object)" => into_object [source: usize, object: Ref] -> ();
        "PtrToStructure(intptr,Type)" => to_object [source: usize, ty: Ref] -> Ref;
        "DestroyStructure" => destroy [at: usize, ty: Ref] -> ();
    }
}

/// How a field lies in native memory.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// The same bytes.
    Same(u32),
    /// Truth in so many bytes.
    Bool(u32),
    /// A character as a byte.
    Byte,
    /// A pointer to text; wide or not.
    Text(bool),
    /// So many characters in place, an ending zero among them.
    FixedText(u32, bool),
    /// So many elements in place.
    FixedArray(u32, &'static Type),
    /// A structure.
    Nested(&'static Type),
}

/// A field with its place in both forms.
struct Part {
    field: &'static Field,
    form: Form,
    native: u32,
    /// Offset from the start of the value.
    managed: u32,
}

/// The native form of a structure.
struct Shape {
    parts: Vec<Part>,
    size: u32,
    align: u32,
}

type Load<T> = crate::types::Result<T>;

fn unsupported(ty: &Type) -> LoadError {
    LoadError::new(
        LoadErrorKind::Argument,
        format!(
            "Type {} cannot be marshaled as an unmanaged structure.",
            ty.full_name()
        ),
    )
}

/// Size and alignment of a form.
fn measure(form: Form) -> Load<(u32, u32)> {
    Ok(match form {
        Form::Same(n) | Form::Bool(n) => (n, n.max(1)),
        Form::Byte => (1, 1),
        Form::Text(_) => (8, 8),
        Form::FixedText(n, false) => (n, 1),
        Form::FixedText(n, true) => (2 * n, 2),
        Form::FixedArray(n, element) => {
            let (size, align) = measure(form_of(element, None, false)?)?;
            (n * size, align)
        }
        Form::Nested(ty) => {
            let shape = shape(ty)?;
            (shape.size, shape.align)
        }
    })
}

fn form_of(ty: &'static Type, marshal: Option<Marshal<'_>>, unicode: bool) -> Load<Form> {
    let known = &types().known;
    let simple = match marshal {
        Some(Marshal::Simple(n)) => Some(n),
        _ => None,
    };
    if ty == known.boolean() {
        return Ok(Form::Bool(match simple {
            Some(native::U1 | native::I1) => 1,
            Some(native::VARIANT_BOOL) => 2,
            _ => 4,
        }));
    }
    if ty == known.char() {
        let wide = unicode || matches!(simple, Some(native::U2 | native::I2));
        return Ok(if wide { Form::Same(2) } else { Form::Byte });
    }
    if ty == known.string() {
        return Ok(match (marshal, simple) {
            (Some(Marshal::FixedString { size }), _) => Form::FixedText(size, unicode),
            (_, Some(native::LPWSTR)) => Form::Text(true),
            (_, Some(_)) => Form::Text(false),
            _ => Form::Text(unicode),
        });
    }
    match (ty.mem_ty(), marshal) {
        (MemTy::Ref, Some(Marshal::FixedArray { size, .. })) if ty.is_sz_array() => Ok(
            Form::FixedArray(size, ty.element().ok_or_else(|| unsupported(ty))?),
        ),
        (MemTy::Ref | MemTy::ByRef, _) => Err(unsupported(ty)),
        (MemTy::Struct(_), _) => Ok(Form::Nested(ty)),
        _ => Ok(Form::Same(ty.size_align()?.0)),
    }
}

/// The native form of a class or struct with a layout.
fn shape(ty: &'static Type) -> Load<Shape> {
    let laid_out = TypeAttributes::SEQUENTIAL_LAYOUT | TypeAttributes::EXPLICIT_LAYOUT;
    let a = ty.assembly.ok_or_else(|| unsupported(ty))?;
    if ty.prim.is_some() || ty.kind == Kind::Enum {
        let form = form_of(ty, None, false)?;
        let (size, align) = measure(form)?;
        return Ok(Shape {
            parts: Vec::new(),
            size,
            align,
        });
    }
    if !ty.flags.intersects(laid_out) || matches!(ty.key, crate::types::TypeKey::Inst(..)) {
        return Err(unsupported(ty));
    }
    let unicode = ty.flags.contains(TypeAttributes::UNICODE_CLASS);
    let explicit = ty.flags.contains(TypeAttributes::EXPLICIT_LAYOUT);
    let declared = a.image.type_def(ty.rid)?.layout()?;
    let pack = declared.as_ref().map_or(0, |l| u32::from(l.packing_size()));
    let pack = if pack == 0 { 8 } else { pack };
    let mut shape = Shape {
        parts: Vec::new(),
        size: 0,
        align: 1,
    };
    if !ty.is_value()
        && let Some(parent) = ty.parent()?.filter(|p| *p != types().known.object())
    {
        shape = self::shape(parent)?;
    }
    for &field in ty.fields()?.iter().filter(|f| !f.is_static()) {
        let row = a.image.field(field.rid)?;
        let marshal = match a.image.marshal_of(row.token())? {
            Some(m) => Some(m.descriptor()?),
            None => None,
        };
        let form = form_of(field.ty()?, marshal, unicode)?;
        let (size, align) = measure(form)?;
        let align = align.min(pack).max(1);
        let native = match row.layout()? {
            Some(l) if explicit => l.offset(),
            _ => shape.size.next_multiple_of(align),
        };
        let Place::Instance(managed) = field.place()? else {
            return Err(unsupported(ty));
        };
        let start = if ty.is_value() { 0 } else { HEADER };
        shape.parts.push(Part {
            field,
            form,
            native,
            managed: managed - start,
        });
        shape.size = shape.size.max(native + size);
        shape.align = shape.align.max(align);
    }
    shape.size = shape.size.next_multiple_of(shape.align);
    let declared = declared.map_or(0, |l| l.class_size());
    // Like C++, Mono gives a structure without fields a byte.
    shape.size = shape.size.max(declared).max(1);
    Ok(shape)
}

fn shape_of(cx: &Cx<'_>, ty: &'static Type) -> Result<Shape> {
    shape(ty).map_err(|e| cx.load_error(&e))
}

fn size_of(cx: &Cx<'_>, ty: Ref) -> Result<i32> {
    let ty = type_of_object(cx, ty)?;
    Ok(shape_of(cx, ty)?.size as i32)
}

fn offset_of(cx: &Cx<'_>, ty: Ref, name: Ref) -> Result<isize> {
    let shape = shape_of(cx, type_of_object(cx, ty)?)?;
    let name = cx.text(name);
    let part = shape.parts.iter().find(|p| p.field.name == name);
    part.map(|p| p.native as isize).ok_or_else(|| {
        cx.exception(
            "System",
            "ArgumentException",
            &format!("Field {name} is not a part of the marshaled structure."),
        )
    })
}

/// Where the value of an object begins.
fn value_of(object: Ref) -> usize {
    object.addr() + HEADER as usize
}

/// # Safety
/// Both places must be memory of the sizes that the form says.
unsafe fn copy(from: usize, to: usize, bytes: u32) {
    // SAFETY: as the caller says.
    unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to as *mut u8, bytes as usize) };
}

/// Writes the native form of a value. The object that holds the value stays in place: the caller's local names it.
fn write(cx: &Cx<'_>, ty: &'static Type, value: usize, to: usize) -> Result<()> {
    let shape = shape_of(cx, ty)?;
    for part in &shape.parts {
        let (from, to) = (value + part.managed as usize, to + part.native as usize);
        write_part(cx, part.form, from, to)?;
    }
    Ok(())
}

fn write_part(cx: &Cx<'_>, form: Form, from: usize, to: usize) -> Result<()> {
    // SAFETY: fields of a live value, and native memory of the structure's size, as the program says.
    unsafe {
        match form {
            Form::Same(n) => copy(from, to, n),
            Form::Byte => copy(from, to, 1),
            Form::Bool(n) => {
                let truth = *(from as *const u8) != 0;
                let word: u32 = if truth && n == 2 {
                    0xffff
                } else {
                    truth.into()
                };
                copy((&raw const word) as usize, to, n);
            }
            Form::Text(wide) => {
                let text = native_text(cx, *(from as *const Ref), i32::from(wide))?;
                (to as *mut usize).write_unaligned(text);
            }
            Form::FixedText(n, wide) => {
                let string = *(from as *const Ref);
                let bytes: Vec<u8> = match (string.is_null(), wide) {
                    (true, _) => Vec::new(),
                    (false, true) => cx
                        .units(string)
                        .iter()
                        .flat_map(|u| u.to_le_bytes())
                        .collect(),
                    (false, false) => cx.text(string).into_bytes(),
                };
                let unit = if wide { 2 } else { 1 };
                let room = (n * unit) as usize;
                let used = bytes.len().min(room.saturating_sub(unit as usize));
                std::ptr::write_bytes(to as *mut u8, 0, room);
                copy(bytes.as_ptr() as usize, to, used as u32);
            }
            Form::FixedArray(n, element) => {
                let array = *(from as *const Ref);
                let form = form_of(element, None, false).map_err(|e| cx.load_error(&e))?;
                let (native, _) = measure(form).map_err(|e| cx.load_error(&e))?;
                let (managed, _) = element.size_align().map_err(|e| cx.load_error(&e))?;
                std::ptr::write_bytes(to as *mut u8, 0, (n * native) as usize);
                let count = if array.is_null() {
                    0
                } else {
                    cx.length(array).min(n as usize)
                };
                for i in 0..count {
                    let from = cx.data(array) + i * managed as usize;
                    write_part(cx, form, from, to + i * native as usize)?;
                }
            }
            Form::Nested(ty) if ty.prim.is_some() => {
                let (size, _) = measure(form).map_err(|e| cx.load_error(&e))?;
                copy(from, to, size);
            }
            Form::Nested(ty) => write(cx, ty, from, to)?,
        }
    }
    Ok(())
}

/// Reads the native form into a value inside `object`.
fn read(cx: &Cx<'_>, ty: &'static Type, from: usize, object: Ref, value: usize) -> Result<()> {
    let shape = shape_of(cx, ty)?;
    for part in &shape.parts {
        let (from, to) = (from + part.native as usize, value + part.managed as usize);
        read_part(
            cx,
            part.field.ty().map_err(|e| cx.load_error(&e))?,
            part.form,
            from,
            object,
            to,
        )?;
    }
    Ok(())
}

fn read_part(
    cx: &Cx<'_>,
    ty: &'static Type,
    form: Form,
    from: usize,
    object: Ref,
    to: usize,
) -> Result<()> {
    // SAFETY: as in `write_part`.
    unsafe {
        match form {
            Form::Same(n) => copy(from, to, n),
            Form::Byte => (to as *mut u16).write_unaligned(u16::from(*(from as *const u8))),
            Form::Bool(n) => {
                let mut word = 0u32;
                copy(from, (&raw mut word) as usize, n);
                *(to as *mut u8) = u8::from(word != 0);
            }
            Form::Text(wide) => {
                let text = text_at(cx, (from as *const usize).read_unaligned(), i32::from(wide))?;
                heap::store_ref(object, to, text);
            }
            Form::FixedText(n, wide) => {
                let units: Vec<u16> = if wide {
                    let unit = |i| (from as *const u16).add(i).read_unaligned();
                    (0..n as usize).map(unit).take_while(|u| *u != 0).collect()
                } else {
                    let bytes = std::slice::from_raw_parts(from as *const u8, n as usize);
                    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
                    String::from_utf8_lossy(&bytes[..end])
                        .encode_utf16()
                        .collect()
                };
                let text = cx.string_utf16(&units)?;
                heap::store_ref(object, to, text);
            }
            Form::FixedArray(n, element) => {
                let array = cx.alloc_array(element, n as usize)?;
                let form = form_of(element, None, false).map_err(|e| cx.load_error(&e))?;
                let (native, _) = measure(form).map_err(|e| cx.load_error(&e))?;
                let (managed, _) = element.size_align().map_err(|e| cx.load_error(&e))?;
                for i in 0..n as usize {
                    let to = cx.data(array) + i * managed as usize;
                    read_part(cx, element, form, from + i * native as usize, array, to)?;
                }
                heap::store_ref(object, to, array);
            }
            Form::Nested(_) if ty.prim.is_some() => {
                let (size, _) = measure(form).map_err(|e| cx.load_error(&e))?;
                copy(from, to, size);
            }
            Form::Nested(ty) => read(cx, ty, from, object, to)?,
        }
    }
    Ok(())
}

fn to_native(cx: &Cx<'_>, object: Ref, target: usize, old: bool) -> Result<()> {
    if object.is_null() || target == 0 {
        return Err(cx.argument_null(if target == 0 { "ptr" } else { "structure" }));
    }
    let ty = cx.type_of(object);
    if old {
        destroy_value(cx, ty, target)?;
    }
    let shape = shape_of(cx, ty)?;
    if shape.parts.is_empty() {
        // SAFETY: a number or enumeration, and native memory for it, as the program says.
        unsafe { copy(value_of(object), target, shape.size) };
        return Ok(());
    }
    write(cx, ty, value_of(object), target)?;
    std::hint::black_box(object);
    Ok(())
}

fn into_object(cx: &Cx<'_>, source: usize, object: Ref) -> Result<()> {
    if object.is_null() || source == 0 {
        return Err(cx.argument_null(if source == 0 { "ptr" } else { "structure" }));
    }
    let ty = cx.type_of(object);
    if ty.is_value() {
        return Err(cx.exception(
            "System",
            "ArgumentException",
            "The structure must not be a value class.",
        ));
    }
    read(cx, ty, source, object, value_of(object))
}

fn to_object(cx: &Cx<'_>, source: usize, ty: Ref) -> Result<Ref> {
    let ty = type_of_object(cx, ty)?;
    if source == 0 {
        return Ok(Ref::NULL);
    }
    let shape = shape_of(cx, ty)?;
    let object = cx.alloc(ty)?;
    if shape.parts.is_empty() {
        // SAFETY: as in `to_native`.
        unsafe { copy(source, value_of(object), shape.size) };
    } else {
        read(cx, ty, source, object, value_of(object))?;
    }
    Ok(object)
}

fn destroy(cx: &Cx<'_>, at: usize, ty: Ref) -> Result<()> {
    let ty = type_of_object(cx, ty)?;
    destroy_value(cx, ty, at)
}

/// Frees the texts that a native structure points to.
fn destroy_value(cx: &Cx<'_>, ty: &'static Type, at: usize) -> Result<()> {
    for part in &shape_of(cx, ty)?.parts {
        let at = at + part.native as usize;
        match part.form {
            Form::Text(_) => {
                // SAFETY: a pointer that `write_part` made, or null, as the program says.
                unsafe {
                    free(cx, (at as *const usize).read_unaligned())?;
                    (at as *mut usize).write_unaligned(0);
                }
            }
            Form::Nested(ty) if ty.prim.is_none() => destroy_value(cx, ty, at)?,
            _ => {}
        }
    }
    Ok(())
}
