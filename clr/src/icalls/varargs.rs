//! `System.ArgIterator`, `System.TypedReference`.
//!
//! An iterator walks the block that the caller of a vararg method made (`runtime_abi::callconv::VarArgBlock`): `sig` is the
//! call site's signature, `args` the place of the next argument.

use super::handle::{self, type_at, type_of_object};
use crate::tables::CallSignature;
use crate::types::layout::Place;
use crate::types::{Type, types};
use crate::vm::cx::Result;
use crate::vm::{Cx, casts};
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::callconv::VarArgBlock;

icalls! {
    "System.ArgIterator" {
        "Setup" => setup [this: usize, block: usize, start: usize] -> ();
        "IntGetNextArg" => next_arg [this: usize, result: usize] -> ();
        "IntGetNextArgWithType" => next_arg_of_type [this: usize, result: usize, ty: usize] -> ();
        "IntGetNextArgType" => next_arg_type [this: usize] -> usize;
    }
    "System.TypedReference" {
        "InternalToObject" => to_object [reference: usize] -> Ref;
        "InternalMakeTypedReference" => make [result: usize, target: Ref, fields: Ref, ty: Ref] -> ();
    }
}

/// The class library's `ArgIterator`.
#[repr(C)]
struct ArgIterator {
    sig: Option<&'static CallSignature>,
    args: usize,
    next: u32,
    count: u32,
}

/// The class library's `TypedReference`; its third word is not used.
#[repr(C)]
struct TypedReference {
    ty: usize,
    value: usize,
}

/// The iterator that `this` points to.
fn iterator<'a>(cx: &Cx<'_>, this: usize) -> Result<&'a mut ArgIterator> {
    // SAFETY: the `this` of a method of the struct, in a frame or in native memory: it has a byref-like field.
    unsafe { (this as *mut ArgIterator).as_mut() }.ok_or_else(|| cx.null_reference())
}

fn setup(cx: &Cx<'_>, this: usize, block: usize, start: usize) -> Result<()> {
    let it = iterator(cx, this)?;
    // SAFETY: the caller's block begins with the address of its signature, which is never freed.
    let sig: &'static CallSignature = unsafe { &**(block as *const *const CallSignature) };
    *it = ArgIterator {
        sig: Some(sig),
        args: match start {
            0 => block + VarArgBlock::SLOT as usize,
            start => start,
        },
        next: 0,
        count: sig.types.params.len() as u32,
    };
    Ok(())
}

impl ArgIterator {
    /// The type of the next argument.
    fn peek(&self) -> Option<&'static Type> {
        let sig = self.sig?;
        sig.types.params.get(self.next as usize).copied()
    }

    /// Steps over the next argument; gives its place.
    fn advance(&mut self, cx: &Cx<'_>, ty: &'static Type) -> Result<usize> {
        let (size, _) = ty.size_align().map_err(|e| cx.load_error(&e))?;
        let place = self.args;
        self.args += size.next_multiple_of(VarArgBlock::SLOT) as usize;
        self.next += 1;
        Ok(place)
    }
}

/// Writes a typed reference to where the library wants it.
fn store(result: usize, ty: &'static Type, value: usize) {
    // SAFETY: the address of a local variable of that type.
    unsafe {
        (result as *mut TypedReference).write(TypedReference {
            ty: handle::of(ty),
            value,
        });
    }
}

fn next_arg(cx: &Cx<'_>, this: usize, result: usize) -> Result<()> {
    let it = iterator(cx, this)?;
    if let Some(ty) = it.peek() {
        store(result, ty, it.advance(cx, ty)?);
    }
    Ok(())
}

/// The next argument of exactly this type; the result stays null if there is none.
fn next_arg_of_type(cx: &Cx<'_>, this: usize, result: usize, wanted: usize) -> Result<()> {
    let it = iterator(cx, this)?;
    while let Some(ty) = it.peek() {
        let place = it.advance(cx, ty)?;
        if handle::of(ty) == wanted {
            store(result, ty, place);
            break;
        }
    }
    Ok(())
}

fn next_arg_type(cx: &Cx<'_>, this: usize) -> Result<usize> {
    Ok(iterator(cx, this)?.peek().map_or(0, handle::of))
}

fn to_object(cx: &Cx<'_>, reference: usize) -> Result<Ref> {
    // SAFETY: the library passes the address of a typed reference.
    let reference = unsafe { &*(reference as *const TypedReference) };
    match type_at(reference.ty) {
        None => Ok(Ref::NULL),
        Some(ty) => casts::box_value(cx, ty, reference.value),
    }
}

/// A reference to a field within fields of an object.
fn make(cx: &Cx<'_>, result: usize, target: Ref, fields: Ref, ty: Ref) -> Result<()> {
    let ty = type_of_object(cx, ty)?;
    if target.is_null() || fields.is_null() {
        return Err(cx.null_reference());
    }
    let object = cx.type_of(target);
    let mut place = target.addr();
    if object.is_value() {
        place += isthmus_runtime_abi::layout::HEADER as usize;
    }
    for i in 0..cx.length(fields) {
        // SAFETY: an element of an `IntPtr[]`, which a local pins.
        let field = unsafe { *(cx.data(fields) as *const usize).add(i) };
        let field = handle::field_at(field).ok_or_else(|| cx.null_reference())?;
        match field.place().map_err(|e| cx.load_error(&e))? {
            Place::Instance(offset) => place += offset as usize,
            _ => return Err(cx.exception("System", "ArgumentException", "a static field")),
        }
    }
    debug_assert!(
        types()
            .known
            .typed_reference()
            .size_align()
            .is_ok_and(|l| l.0 >= 16)
    );
    store(result, ty, place);
    Ok(())
}
