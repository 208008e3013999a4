//! Conversions between a managed location and a native one, both given by their addresses.
//!
//! A managed location may be in the heap: the address of it (or of the object around it) is on the stack meanwhile, so that nothing moves.

use super::form::Form;
use super::shape::Shape;
use super::{arrays, callbacks, custom, text};
use crate::types::types;
use crate::vm::Cx;
use crate::vm::cx::{Result, Value};
use crate::vm::heap;
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::layout::HEADER;

/// Reads a native word.
pub fn read_word(at: usize) -> usize {
    // SAFETY: callers name a native location of a word.
    unsafe { (at as *const usize).read_unaligned() }
}

/// Writes a native word.
pub fn write_word(at: usize, word: usize) {
    // SAFETY: as `read_word`.
    unsafe { (at as *mut usize).write_unaligned(word) };
}

/// Reads a managed location of reference type.
pub fn read_ref(at: usize) -> Ref {
    Ref::from_addr(read_word(at))
}

/// Copies bytes that hold no references.
pub fn copy(from: usize, to: usize, bytes: u32) {
    // SAFETY: callers name locations of that size, which do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to as *mut u8, bytes as usize) };
}

/// Where the value of an object begins.
pub fn value_of(object: Ref) -> usize {
    object.addr() + HEADER as usize
}

/// Writes the native form of what is at `from`.
pub fn to_native(cx: &Cx<'_>, form: Form, from: usize, to: usize) -> Result<()> {
    match form {
        Form::Scalar(v) => copy(from, to, v.size(super::form::arch())),
        Form::Byte => copy(from, to, 1),
        Form::Bool(n) => {
            let mut truth = 0u8;
            copy(from, (&raw mut truth) as usize, 1);
            let word: u32 = match (truth != 0, n) {
                (true, 2) => 0xffff,
                (truth, _) => truth.into(),
            };
            copy((&raw const word) as usize, to, n);
        }
        Form::Text(encoding) => write_word(to, text::make(cx, read_ref(from), encoding)?),
        Form::Builder(encoding) => {
            write_word(to, text::make_buffer(cx, read_ref(from), encoding, true)?)
        }
        Form::FixedText(n, wide) => write_fixed_text(cx, read_ref(from), to, n, wide),
        Form::FixedBytes(n) => {
            for i in 0..n as usize {
                copy(from + 2 * i, to + i, 1);
            }
        }
        Form::FixedArray(n, element) => {
            arrays::write_fixed(cx, read_ref(from), element, to, n as usize)?
        }
        Form::Array(element) => write_word(to, arrays::make(cx, read_ref(from), element, true)?),
        Form::Struct(shape) => write_struct(cx, shape, from, to)?,
        Form::StructPointer(shape) => {
            let at = text::memory(cx, shape.size as usize)?;
            write_word(to, at);
            write_struct(cx, shape, from, at)?;
        }
        Form::Class(shape) => {
            let object = read_ref(from);
            let at = match object.is_null() {
                true => 0,
                false => text::memory(cx, shape.size as usize)?,
            };
            write_word(to, at);
            if at != 0 {
                write_object(cx, object, shape, at)?;
            }
        }
        Form::InlineClass(shape) => {
            let object = read_ref(from);
            // SAFETY: native memory of the structure.
            unsafe { std::ptr::write_bytes(to as *mut u8, 0, shape.size as usize) };
            if !object.is_null() {
                write_object(cx, object, shape, to)?;
            }
        }
        Form::Delegate(_) => write_word(to, callbacks::pointer_of(cx, read_ref(from))?),
        Form::Handle(_) => {
            let object = read_ref(from);
            if object.is_null() {
                return Err(cx.argument_null("handle"));
            }
            let at = cx.offset_of(cx.type_of(object), "handle");
            write_word(to, cx.read(object, at));
        }
        Form::HandleRef => copy(from + handle_in_ref(cx)?, to, size_of::<usize>() as u32),
        Form::Date => write_date(cx, from, to)?,
        Form::Custom(c) => write_word(to, custom::to_native(cx, c, read_ref(from))?),
        // Only parameters are marshalled so: `any`.
        Form::Any(_) => write_word(to, 0),
        Form::Com(bytes) => {
            if !read_ref(from).is_null() {
                return Err(no_com(cx));
            }
            // SAFETY: a native location of that size.
            unsafe { std::ptr::write_bytes(to as *mut u8, 0, bytes as usize) };
        }
    }
    Ok(())
}

fn write_fixed_text(cx: &Cx<'_>, string: Ref, to: usize, n: u32, wide: bool) {
    let bytes = match string.is_null() {
        true => Vec::new(),
        false => text::bytes_of(cx, string, wide),
    };
    let unit = if wide { 2 } else { 1 };
    let room = (n * unit) as usize;
    let used = bytes.len().min(room.saturating_sub(unit as usize));
    // SAFETY: native memory of a structure that has so many characters in place.
    unsafe { std::ptr::write_bytes(to as *mut u8, 0, room) };
    copy(bytes.as_ptr() as usize, to, used as u32);
}

/// Writes the native form of a value.
pub fn write_struct(cx: &Cx<'_>, shape: &Shape, value: usize, to: usize) -> Result<()> {
    if shape.blittable {
        copy(value, to, shape.size);
        return Ok(());
    }
    for part in &shape.parts {
        let (from, to) = (value + part.managed as usize, to + part.native as usize);
        to_native(cx, part.form, from, to)?;
    }
    Ok(())
}

/// Writes the native form of an object that is not null.
pub fn write_object(cx: &Cx<'_>, object: Ref, shape: &Shape, to: usize) -> Result<()> {
    for part in &shape.parts {
        let from = value_of(object) + part.managed as usize;
        to_native(cx, part.form, from, to + part.native as usize)?;
    }
    std::hint::black_box(object);
    Ok(())
}

/// Reads the native form at `from` into a managed location.
pub fn to_managed(cx: &Cx<'_>, form: Form, from: usize, to: usize) -> Result<()> {
    match form {
        Form::Scalar(v) => copy(from, to, v.size(super::form::arch())),
        Form::Byte => {
            let mut unit = 0u16;
            copy(from, (&raw mut unit) as usize, 1);
            copy((&raw const unit) as usize, to, 2);
        }
        Form::Bool(n) => {
            let mut word = 0u32;
            copy(from, (&raw mut word) as usize, n);
            let truth = u8::from(word != 0);
            copy((&raw const truth) as usize, to, 1);
        }
        Form::Text(encoding) => {
            let string = text::read(cx, read_word(from), encoding)?;
            heap::store_ref_unknown(to, string);
        }
        Form::Builder(encoding) => {
            let string = text::read(cx, read_word(from), encoding)?;
            let builder = match string.is_null() {
                true => Ref::NULL,
                false => text::new_builder(cx, string)?,
            };
            heap::store_ref_unknown(to, builder);
        }
        Form::FixedText(n, wide) => {
            heap::store_ref_unknown(to, read_fixed_text(cx, from, n, wide)?);
        }
        Form::FixedBytes(n) => {
            for i in 0..n as usize {
                to_managed(cx, Form::Byte, from + i, to + 2 * i)?;
            }
        }
        Form::FixedArray(n, element) => {
            let array = arrays::read_new(cx, from, element, n as usize)?;
            heap::store_ref_unknown(to, array);
        }
        // Nothing tells how many elements there are.
        Form::Array(_) => {
            return Err(cx.exception(
                "System.Runtime.InteropServices",
                "MarshalDirectiveException",
                "Structure fields of array type need MarshalAs (UnmanagedType.ByValArray).",
            ));
        }
        Form::Struct(shape) => read_struct(cx, shape, from, to)?,
        Form::StructPointer(shape) => {
            let at = read_word(from);
            if at != 0 {
                read_struct(cx, shape, at, to)?;
            }
        }
        Form::Class(shape) => {
            let at = read_word(from);
            let object = match at {
                0 => Ref::NULL,
                _ => read_new(cx, shape, at)?,
            };
            heap::store_ref_unknown(to, object);
        }
        Form::InlineClass(shape) => {
            let object = read_new(cx, shape, from)?;
            heap::store_ref_unknown(to, object);
        }
        Form::Delegate(class) => {
            let delegate = callbacks::delegate_for(cx, read_word(from), class)?;
            heap::store_ref_unknown(to, delegate);
        }
        Form::Handle(_) => {
            // An object keeps its handle: it may only be the same.
            let object = read_ref(to);
            let same = !object.is_null() && {
                let at = cx.offset_of(cx.type_of(object), "handle");
                cx.read::<usize>(object, at) == read_word(from)
            };
            if !same && read_word(from) != 0 {
                return Err(cx.exception(
                    "System",
                    "NotSupportedException",
                    "SafeHandle fields may not be changed by unmanaged code.",
                ));
            }
        }
        Form::HandleRef => copy(from, to + handle_in_ref(cx)?, size_of::<usize>() as u32),
        Form::Date => read_date(cx, from, to)?,
        Form::Custom(c) => heap::store_ref_unknown(to, custom::to_managed(cx, c, read_word(from))?),
        Form::Any(_) => {}
        Form::Com(_) => match read_word(from) {
            0 => heap::store_ref_unknown(to, Ref::NULL),
            _ => return Err(no_com(cx)),
        },
    }
    Ok(())
}

fn no_com(cx: &Cx<'_>) -> isthmus_rt::object::Thrown {
    cx.exception(
        "System",
        "PlatformNotSupportedException",
        "COM is not supported",
    )
}

fn read_fixed_text(cx: &Cx<'_>, from: usize, n: u32, wide: bool) -> Result<Ref> {
    let zero_at = |i: &usize| {
        let mut unit = 0u16;
        let size = if wide { 2 } else { 1 };
        copy(from + i * size, (&raw mut unit) as usize, size as u32);
        unit == 0
    };
    // In narrow text the last character is for the ending zero, whatever is there; wide text may fill its place, as Mono has it.
    let most = if wide { n } else { n.saturating_sub(1) } as usize;
    let length = (0..most).find(zero_at).unwrap_or(most);
    text::read_counted(cx, from, length, wide)
}

/// Reads the native form of a structure into a value.
pub fn read_struct(cx: &Cx<'_>, shape: &Shape, from: usize, value: usize) -> Result<()> {
    if shape.blittable {
        copy(
            from,
            value,
            shape
                .size
                .min(shape.ty.size_align().map_or(shape.size, |s| s.0)),
        );
        return Ok(());
    }
    for part in &shape.parts {
        let (from, to) = (from + part.native as usize, value + part.managed as usize);
        to_managed(cx, part.form, from, to)?;
    }
    Ok(())
}

/// Reads the native form of a class into an object that is not null.
pub fn read_object(cx: &Cx<'_>, shape: &Shape, from: usize, object: Ref) -> Result<()> {
    for part in &shape.parts {
        let to = value_of(object) + part.managed as usize;
        to_managed(cx, part.form, from + part.native as usize, to)?;
    }
    std::hint::black_box(object);
    Ok(())
}

/// A new object of a class or boxed value type, read from its native form.
pub fn read_new(cx: &Cx<'_>, shape: &Shape, from: usize) -> Result<Ref> {
    let object = cx.alloc(shape.ty)?;
    read_object(cx, shape, from, object)?;
    Ok(object)
}

/// Whether [`to_native`] makes something that is to be freed.
pub fn owns(form: Form) -> bool {
    match form {
        Form::Text(_)
        | Form::Builder(_)
        | Form::Array(_)
        | Form::StructPointer(_)
        | Form::Class(_) => true,
        Form::Struct(shape) | Form::InlineClass(shape) => {
            !shape.blittable && shape.parts.iter().any(|p| owns(p.form))
        }
        Form::FixedArray(_, element) => owns(element.form),
        _ => false,
    }
}

/// Frees what the native form at an address points to, and clears the pointers. Arrays are freed without their elements: how many there are, only their owner knows.
pub fn release(cx: &Cx<'_>, form: Form, at: usize) -> Result<()> {
    match form {
        Form::Text(encoding) => {
            text::release(read_word(at), encoding);
            write_word(at, 0);
        }
        Form::Builder(_) | Form::Array(_) => {
            text::free(read_word(at));
            write_word(at, 0);
        }
        Form::StructPointer(shape) | Form::Class(shape) => {
            let pointer = read_word(at);
            if pointer != 0 {
                release_struct(cx, shape, pointer)?;
                text::free(pointer);
                write_word(at, 0);
            }
        }
        Form::Struct(shape) | Form::InlineClass(shape) => release_struct(cx, shape, at)?,
        Form::FixedArray(n, element) if owns(element.form) => {
            for i in 0..n as usize {
                release(cx, element.form, at + i * element.native as usize)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Frees what the fields of a native structure point to.
pub fn release_struct(cx: &Cx<'_>, shape: &Shape, at: usize) -> Result<()> {
    for part in shape.parts.iter().filter(|p| owns(p.form)) {
        release(cx, part.form, at + part.native as usize)?;
    }
    Ok(())
}

/// Offset of the handle in a `HandleRef`.
fn handle_in_ref(cx: &Cx<'_>) -> Result<usize> {
    let class = types()
        .corlib()
        .find_type("System.Runtime.InteropServices", "HandleRef");
    let field = class.and_then(|c| {
        c.fields()
            .ok()?
            .iter()
            .find(|f| !f.is_static() && f.name.ends_with("handle"))
    });
    let place = field.and_then(|f| f.place().ok());
    match place {
        Some(crate::types::layout::Place::Instance(at)) => Ok(at as usize),
        _ => Err(cx.exception("System", "MissingFieldException", "HandleRef.handle")),
    }
}

fn date_method(cx: &Cx<'_>, name: &str, params: usize) -> Result<&'static crate::types::Method> {
    let class = types().corlib().find_type("System", "DateTime");
    class
        .and_then(|c| c.method(name, params))
        .ok_or_else(|| cx.exception("System", "MissingMethodException", name))
}

fn write_date(cx: &Cx<'_>, from: usize, to: usize) -> Result<()> {
    let words = cx.invoke(date_method(cx, "ToOADate", 0)?, &[Value::Ptr(from)])?;
    write_word(to, words.first().copied().unwrap_or(0) as usize);
    Ok(())
}

fn read_date(cx: &Cx<'_>, from: usize, to: usize) -> Result<()> {
    let date = f64::from_bits(read_word(from) as u64);
    let words = cx.invoke(date_method(cx, "FromOADate", 1)?, &[Value::F64(date)])?;
    write_word(to, words.first().copied().unwrap_or(0) as usize);
    Ok(())
}
