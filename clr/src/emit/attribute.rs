//! Blobs of custom attributes from values (`CustomAttributeBuilder`); see `metadata/attr.rs` for the form.

use super::members::{MethodObject, method_object};
use super::objects::{Fields, TypeShape, classes, elements, length, shape};
use super::registry::BuiltType;
use crate::icalls::{assembly_name, qualified_type_name};
use crate::metadata::sig::Prim;
use crate::metadata::write::Out;
use crate::types::{Type, types};
use crate::vm::cx::Result;
use crate::vm::{Cx, reflect};
use isthmus_rt::object::Ref;

/// The type of an argument.
enum Kind {
    Prim(Prim),
    Type,
    Object,
    /// Name and integer type.
    Enum(String, Prim),
    Array(Box<Kind>),
}

impl Kind {
    /// Of a type of the runtime.
    fn of_type(cx: &Cx<'_>, ty: &'static Type) -> Result<Kind> {
        let known = &types().known;
        if let Some(prim) = ty.prim.filter(|&p| p != Prim::Object) {
            return Ok(Kind::Prim(prim));
        }
        if ty == known.object() {
            return Ok(Kind::Object);
        }
        if ty == reflect::type_class() || ty == known.runtime_type() {
            return Ok(Kind::Type);
        }
        let integer = ty.underlying();
        match (ty.is_sz_array(), ty.element(), integer.prim) {
            (true, Some(element), _) => Ok(Kind::Array(Box::new(Kind::of_type(cx, element)?))),
            (_, _, Some(prim)) if integer != ty => Ok(Kind::Enum(qualified_type_name(ty), prim)),
            _ => Err(unfit(cx, &ty.full_name())),
        }
    }

    /// Of a `Type` object.
    fn of_object(cx: &Cx<'_>, object: Ref) -> Result<Kind> {
        match shape(cx, object)? {
            TypeShape::Runtime(t) => Kind::of_type(cx, t),
            TypeShape::SzArray(t) => Ok(Kind::Array(Box::new(Kind::of_object(cx, t)?))),
            TypeShape::Builder(b) => {
                let built = BuiltType::of(cx, b)?;
                match built.created.get() {
                    Some(ty) => Kind::of_type(cx, ty),
                    // An enum: of `int` unless its field says more.
                    None => Ok(Kind::Enum(type_name(cx, object)?, enum_prim(cx, b)?)),
                }
            }
            _ => Err(unfit(cx, "a constructed type")),
        }
    }

    fn write(&self, out: &mut Out) {
        match self {
            Kind::Prim(p) => out.u8(*p as u8),
            Kind::Type => out.u8(0x50),
            Kind::Object => out.u8(0x51),
            Kind::Enum(name, _) => {
                out.u8(0x55);
                out.text(Some(name));
            }
            Kind::Array(element) => {
                out.u8(0x1d);
                element.write(out);
            }
        }
    }
}

fn unfit(cx: &Cx<'_>, what: &str) -> isthmus_rt::object::Thrown {
    let text = format!("{what} cannot be the type of an attribute's argument");
    cx.exception("System", "ArgumentException", &text)
}

/// The integer type of an enum under construction.
fn enum_prim(cx: &Cx<'_>, builder: Ref) -> Result<Prim> {
    let list: Ref = Fields::of(cx, builder)?.get("fields")?;
    for (_, field) in elements(cx, list) {
        let field = Fields::of(cx, field)?;
        if field.text("name")? == "value__" {
            return Ok(field.ty("type")?.prim.unwrap_or(Prim::I4));
        }
    }
    Ok(Prim::I4)
}

/// Name of a type in a blob: with its assembly.
pub fn type_name(cx: &Cx<'_>, object: Ref) -> Result<String> {
    let (name, assembly) = name_parts(cx, object)?;
    Ok(match assembly {
        Some(assembly) => format!("{name}, {assembly}"),
        None => name,
    })
}

fn name_parts(cx: &Cx<'_>, object: Ref) -> Result<(String, Option<String>)> {
    let around = |inner: Ref, suffix: &str| {
        let (name, assembly) = name_parts(cx, inner)?;
        Ok((name + suffix, assembly))
    };
    match shape(cx, object)? {
        TypeShape::Runtime(t) => {
            let full = qualified_type_name(t);
            Ok((full, None))
        }
        TypeShape::Builder(b) => {
            let built = BuiltType::of(cx, b)?;
            let home = assembly_name(built.module.root.main());
            Ok((built.full_name(), Some(home)))
        }
        TypeShape::SzArray(t) => around(t, "[]"),
        TypeShape::Array(t, rank) => around(t, &format!("[{}]", ",".repeat(rank as usize - 1))),
        TypeShape::ByRef(t) => around(t, "&"),
        TypeShape::Pointer(t) => around(t, "*"),
        TypeShape::Instance(definition, args) => {
            let (name, assembly) = name_parts(cx, definition)?;
            let args = elements(cx, args)
                .map(|(_, arg)| Ok(format!("[{}]", type_name(cx, arg)?)))
                .collect::<Result<Vec<_>>>()?;
            Ok((format!("{name}[{}]", args.join(",")), assembly))
        }
        TypeShape::Var(_) | TypeShape::MVar(_) => Err(unfit(cx, "a generic parameter")),
    }
}

/// `CustomAttributeBuilder.GetBlob`: constructor, its arguments, properties and fields with their values.
pub fn blob(
    cx: &Cx<'_>,
    ctor: Ref,
    args: Ref,
    properties: (Ref, Ref),
    fields: (Ref, Ref),
) -> Result<Vec<u8>> {
    let mut out = Out::default();
    out.u16(1);
    match method_object(cx, ctor)? {
        MethodObject::Runtime(m) => {
            let sig = m.sig().map_err(|e| cx.load_error(&e))?;
            for (i, ty) in sig.params.iter().enumerate() {
                value(cx, &mut out, &Kind::of_type(cx, ty)?, cx.element(args, i))?;
            }
        }
        _ => {
            let params: Ref = Fields::of(cx, ctor)?.get("parameters")?;
            for (i, ty) in elements(cx, params) {
                value(cx, &mut out, &Kind::of_object(cx, ty)?, cx.element(args, i))?;
            }
        }
    }
    let named = length(cx, properties.0) + length(cx, fields.0);
    out.u16(named as u16);
    for (is_property, (members, values)) in [(true, properties), (false, fields)] {
        for (i, member) in elements(cx, members) {
            let (name, kind) = named_member(cx, member, is_property)?;
            out.u8(if is_property { 0x54 } else { 0x53 });
            kind.write(&mut out);
            out.text(Some(&name));
            value(cx, &mut out, &kind, cx.element(values, i))?;
        }
    }
    Ok(out.into_bytes())
}

/// Name and type of a property or field, of the runtime or under construction.
fn named_member(cx: &Cx<'_>, member: Ref, is_property: bool) -> Result<(String, Kind)> {
    let fields = Fields::of(cx, member)?;
    let all = classes();
    if fields.class == all.field_builder || fields.class == all.property_builder {
        let kind = Kind::of_object(cx, fields.get("type")?)?;
        return Ok((fields.text("name")?, kind));
    }
    if is_property {
        let (name, ty) = crate::icalls::property_type(cx, member)?;
        return Ok((name, Kind::of_type(cx, ty)?));
    }
    let (field, _) = reflect::field_of(cx, member)?;
    let ty = field.ty().map_err(|e| cx.load_error(&e))?;
    Ok((field.name.to_owned(), Kind::of_type(cx, ty)?))
}

fn value(cx: &Cx<'_>, out: &mut Out, kind: &Kind, object: Ref) -> Result<()> {
    match kind {
        Kind::Prim(Prim::String) => match object {
            Ref::NULL => out.text(None),
            text => out.text(Some(&cx.text(text))),
        },
        Kind::Prim(p) | Kind::Enum(_, p) => {
            if object.is_null() {
                return Err(cx.exception("System", "ArgumentNullException", "constructorArgs"));
            }
            bits(out, *p, cx.type_of(object), object.addr() + 8);
        }
        Kind::Type => match object {
            Ref::NULL => out.text(None),
            ty => out.text(Some(&type_name(cx, ty)?)),
        },
        Kind::Object => {
            let kind = match object {
                Ref::NULL => Kind::Prim(Prim::String),
                object if cx.type_of(object).is_assignable_to(reflect::type_class()) => Kind::Type,
                object => Kind::of_type(cx, cx.type_of(object))?,
            };
            kind.write(out);
            value(cx, out, &kind, object)?;
        }
        Kind::Array(element) => array(cx, out, element, object)?,
    }
    Ok(())
}

fn array(cx: &Cx<'_>, out: &mut Out, element: &Kind, object: Ref) -> Result<()> {
    if object.is_null() {
        out.u32(u32::MAX);
        return Ok(());
    }
    out.u32(cx.length(object) as u32);
    let class = cx
        .type_of(object)
        .element()
        .unwrap_or(types().known.object());
    let size = class.size_align().map_or(8, |s| s.0 as usize);
    for i in 0..cx.length(object) {
        match element {
            Kind::Prim(p) | Kind::Enum(_, p) if class.is_value() => {
                bits(out, *p, class, cx.data(object) + i * size);
            }
            _ => value(cx, out, element, cx.element(object, i))?,
        }
    }
    Ok(())
}

/// The bytes of a value of class `from` at an address, as wide as the argument's type.
fn bits(out: &mut Out, prim: Prim, from: &'static Type, at: usize) {
    let size = |p: Prim| match p {
        Prim::Boolean | Prim::I1 | Prim::U1 => 1,
        Prim::Char | Prim::I2 | Prim::U2 => 2,
        Prim::I4 | Prim::U4 | Prim::R4 => 4,
        _ => 8,
    };
    let given = from.underlying().prim.map_or(0, size);
    let mut word = [0; 8];
    // SAFETY: a value of that size in a live object of the caller's.
    unsafe { std::ptr::copy_nonoverlapping(at as *const u8, word.as_mut_ptr(), given) };
    out.bytes(&word[..size(prim)]);
}
