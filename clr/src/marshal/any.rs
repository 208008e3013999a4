//! `UnmanagedType.AsAny`: an object is passed as what its class says.

use super::convert::{self, value_of, write_word};
use super::form::Encoding;
use super::shape::{self, Shape};
use super::text;
use crate::types::{Kind, Type, types};
use crate::vm::Cx;
use crate::vm::cx::Result;
use isthmus_rt::object::Ref;

/// What an object is passed as.
enum As {
    /// A pointer to text.
    Text(Encoding),
    /// A pointer to a `StringBuilder`'s buffer.
    Buffer(Encoding),
    /// A pointer to what is in the object: elements, numbers.
    Data(usize),
    /// A pointer to the native form of a structure or class.
    Structure(&'static Shape),
}

fn kind_of(cx: &Cx<'_>, object: Ref, unicode: bool) -> Result<As> {
    let ty = cx.type_of(object);
    let encoding = if unicode {
        Encoding::Utf16
    } else {
        Encoding::Utf8
    };
    if ty == types().known.string() {
        return Ok(As::Text(encoding));
    }
    if ty.is_corlib("System.Text", "StringBuilder") {
        return Ok(As::Buffer(encoding));
    }
    if is_plain(ty) {
        return Ok(As::Data(value_of(object)));
    }
    if ty.is_sz_array() && ty.element().is_some_and(is_plain) {
        return Ok(As::Data(cx.data(object)));
    }
    match shape::of_layout(ty) {
        Ok(shape) => Ok(As::Structure(shape)),
        Err(_) => Err(cx.exception(
            "System",
            "ArgumentException",
            "No PInvoke conversion exists for value passed to Object-typed parameter.",
        )),
    }
}

fn is_plain(ty: &Type) -> bool {
    (ty.prim.is_some() || ty.kind == Kind::Enum) && ty.is_value()
}

/// Writes a pointer to the native form of the object.
pub fn before(cx: &Cx<'_>, unicode: bool, object: Ref, input: bool, native: usize) -> Result<()> {
    if object.is_null() {
        write_word(native, 0);
        return Ok(());
    }
    let at = match kind_of(cx, object, unicode)? {
        As::Text(encoding) => text::make(cx, object, encoding)?,
        As::Buffer(encoding) => text::make_buffer(cx, object, encoding, input)?,
        As::Data(at) => at,
        As::Structure(shape) => {
            let at = text::memory(cx, shape.size as usize)?;
            if input {
                convert::write_object(cx, object, shape, at)?;
            }
            at
        }
    };
    write_word(native, at);
    Ok(())
}

/// Reads the native form back if it may have changed, and frees it.
pub fn after(cx: &Cx<'_>, unicode: bool, object: Ref, output: bool, native: usize) -> Result<()> {
    let at = convert::read_word(native);
    if object.is_null() || at == 0 {
        return Ok(());
    }
    match kind_of(cx, object, unicode)? {
        As::Text(encoding) => text::release(at, encoding),
        As::Buffer(encoding) => {
            if output {
                text::read_buffer(cx, object, at, encoding)?;
            }
            text::free(at);
        }
        As::Data(_) => {}
        As::Structure(shape) => {
            if output {
                convert::read_object(cx, shape, at, object)?;
            }
            convert::release_struct(cx, shape, at)?;
            text::free(at);
        }
    }
    Ok(())
}
