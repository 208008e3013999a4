//! Structures between managed and native memory: `Marshal.SizeOf`, `OffsetOf`, `StructureToPtr`, `PtrToStructure`, `DestroyStructure`. What their
//! native form is, `marshal::shape` knows.

use super::handle::type_of_object;
use crate::marshal::convert::{self, value_of};
use crate::marshal::form::{self, Form, Place};
use crate::marshal::shape::{self, Shape};
use crate::types::{Kind, LoadErrorKind, Type};
use crate::vm::Cx;
use crate::vm::cx::Result;
use isthmus_rt::object::Ref;

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

fn shape_of(cx: &Cx<'_>, ty: &'static Type) -> Result<&'static Shape> {
    shape::of_layout(ty).map_err(|e| cx.load_error(&e))
}

/// The form of a number or enumeration by itself.
fn scalar(cx: &Cx<'_>, ty: &'static Type) -> Result<Option<Form>> {
    if ty.prim.is_none() && ty.kind != Kind::Enum {
        return Ok(None);
    }
    let place = Place {
        unicode: false,
        inside: true,
        home: None,
        depth: 0,
    };
    let found = form::form_of(ty, None, place).map_err(|e| match e.kind {
        LoadErrorKind::MarshalDirective => shape::no_layout(ty),
        _ => e,
    });
    found.map(Some).map_err(|e| cx.load_error(&e))
}

fn size_of(cx: &Cx<'_>, ty: Ref) -> Result<i32> {
    let ty = type_of_object(cx, ty)?;
    Ok(match scalar(cx, ty)? {
        Some(form) => form::measure(form).0 as i32,
        None => shape_of(cx, ty)?.size as i32,
    })
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

fn to_native(cx: &Cx<'_>, object: Ref, target: usize, old: bool) -> Result<()> {
    if object.is_null() || target == 0 {
        return Err(cx.argument_null(if target == 0 { "ptr" } else { "structure" }));
    }
    let ty = cx.type_of(object);
    if let Some(form) = scalar(cx, ty)? {
        return convert::to_native(cx, form, value_of(object), target);
    }
    let shape = shape_of(cx, ty)?;
    if old {
        convert::release_struct(cx, shape, target)?;
    }
    convert::write_object(cx, object, shape, target)
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
    convert::read_object(cx, shape_of(cx, ty)?, source, object)
}

fn to_object(cx: &Cx<'_>, source: usize, ty: Ref) -> Result<Ref> {
    let ty = type_of_object(cx, ty)?;
    if source == 0 {
        return Ok(Ref::NULL);
    }
    if let Some(form) = scalar(cx, ty)? {
        let object = cx.alloc(ty)?;
        convert::to_managed(cx, form, source, value_of(object))?;
        return Ok(object);
    }
    convert::read_new(cx, shape_of(cx, ty)?, source)
}

fn destroy(cx: &Cx<'_>, at: usize, ty: Ref) -> Result<()> {
    let ty = type_of_object(cx, ty)?;
    match scalar(cx, ty)? {
        Some(_) => Ok(()),
        None => convert::release_struct(cx, shape_of(cx, ty)?, at),
    }
}
