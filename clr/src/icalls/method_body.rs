//! `MethodBody`, and what signatures and P/Invoke rows say that reflection shows: modifiers, imports.

use super::handle;
use super::member::parameter_row;
use crate::emit::objects::Fields;
use crate::metadata::sig::{MethodSig, SigType};
use crate::metadata::{ClauseKind, Row, TableId, Token};
use crate::types::generics::Scope;
use crate::types::params::shown_in;
use crate::types::system::Assembly;
use crate::types::{LoadError, Method, Type};
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use crate::vm::{Cx, reflect};
use isthmus_rt::object::Ref;

icalls! {
    "System.Reflection.RuntimeMethodInfo" {
        "GetMethodBodyInternal" => method_body [method: usize] -> Ref;
        "GetPInvoke" => import [this: Ref, flags: usize, entry: usize, library: usize] -> ();
    }
    "System.Reflection.RuntimeFieldInfo" {
        "GetTypeModifiers" => field_modifiers [this: Ref, optional: bool] -> Ref;
    }
    "System.Reflection.RuntimeParameterInfo" {
        "GetTypeModifiers" => parameter_modifiers [ty: Ref, member: Ref, position: i32, optional: bool] -> Ref;
        "GetMetadataToken" => parameter_token [this: Ref] -> i32;
    }
    "System.Reflection.RuntimePropertyInfo" {
        "GetTypeModifiers" => property_modifiers [property: Ref, optional: bool] -> Ref;
    }
}

/// A new object of a reflection class, with values of fields by name.
struct Made<'a> {
    cx: &'a Cx<'a>,
    object: Ref,
    class: &'static Type,
}

impl<'a> Made<'a> {
    fn new(cx: &'a Cx<'a>, name: &str) -> Result<Made<'a>> {
        let class = reflect::class("System.Reflection", name);
        let object = cx.alloc(class)?;
        Ok(Made { cx, object, class })
    }

    fn at(&self, field: &str) -> Result<u32> {
        offset_of(self.class, field).map_err(|e| self.cx.load_error(&e))
    }

    fn set<T: Copy>(&self, field: &str, value: T) -> Result<()> {
        self.cx.write(self.object, self.at(field)?, value);
        Ok(())
    }

    fn set_ref(&self, field: &str, value: Ref) -> Result<()> {
        self.cx.write_ref(self.object, self.at(field)?, value);
        Ok(())
    }
}

/// A `MethodBody`; null for a method without one.
fn method_body(cx: &Cx<'_>, method: usize) -> Result<Ref> {
    let m = handle::method(cx, method)?;
    let thrown = |e: LoadError| cx.load_error(&e);
    let (Some(rid), Some(a)) = (m.rid(), m.assembly()) else {
        return Ok(Ref::NULL);
    };
    let read = |a: &'static Assembly| {
        let row = a.image.method_def(rid)?;
        a.image.method_body(row)
    };
    let Some(raw) = read(a).map_err(|e| thrown(e.into()))? else {
        return Ok(Ref::NULL);
    };
    let body = Made::new(cx, "MethodBody")?;
    body.set_ref("il", super::string::byte_array(cx, raw.code)?)?;
    body.set("init_locals", u8::from(raw.init_locals))?;
    body.set("sig_token", raw.local_sig.raw() as i32)?;
    body.set("max_stack", i32::from(raw.max_stack))?;

    let locals = a.image.locals(&raw).map_err(|e| thrown(e.into()))?;
    let class = reflect::class("System.Reflection", "LocalVariableInfo");
    let list = cx.alloc_array(class, locals.len())?;
    for (i, local) in locals.iter().enumerate() {
        let ty = a.resolve_sig(&local.ty, m.scope()).map_err(thrown)?;
        let ty = shown_in(ty, m.owner, Some(m)).map_err(thrown)?;
        let made = Made::new(cx, "LocalVariableInfo")?;
        made.set_ref("type", reflect::type_object(cx, ty)?)?;
        made.set("is_pinned", u8::from(local.pinned))?;
        made.set("position", i as u16)?;
        cx.set_element(list, i, made.object);
    }
    body.set_ref("locals", list)?;

    let class = reflect::class("System.Reflection", "ExceptionHandlingClause");
    let list = cx.alloc_array(class, raw.clauses.len())?;
    for (i, clause) in raw.clauses.iter().enumerate() {
        let made = Made::new(cx, "ExceptionHandlingClause")?;
        let kind = match clause.kind {
            ClauseKind::Catch(token) => {
                let ty = a.resolve_type(token, m.scope()).map_err(thrown)?;
                made.set_ref("catch_type", reflect::type_object(cx, ty)?)?;
                0
            }
            ClauseKind::Filter(at) => {
                made.set("filter_offset", at as i32)?;
                1
            }
            ClauseKind::Finally => 2,
            ClauseKind::Fault => 4,
        };
        made.set("flags", kind)?;
        made.set("try_offset", clause.try_offset as i32)?;
        made.set("try_length", clause.try_length as i32)?;
        made.set("handler_offset", clause.handler_offset as i32)?;
        made.set("handler_length", clause.handler_length as i32)?;
        cx.set_element(list, i, made.object);
    }
    body.set_ref("clauses", list)?;
    Ok(body.object)
}

/// The native function of a P/Invoke.
fn import(cx: &Cx<'_>, this: Ref, flags: usize, entry: usize, library: usize) -> Result<()> {
    let m = reflect::method_of(cx, this)?;
    let read = || -> crate::metadata::Result<Option<(u16, &str, &str)>> {
        let (Some(rid), Some(a)) = (m.rid(), m.assembly()) else {
            return Ok(None);
        };
        let token = Token::new(TableId::MethodDef, rid);
        let Some(map) = a.image.impl_map_of(token)? else {
            return Ok(None);
        };
        let library = a.image.module_ref(map.import_scope()?)?.name()?;
        Ok(Some((map.flags().bits(), map.import_name()?, library)))
    };
    let found = read().map_err(|e| cx.load_error(&e.into()))?;
    let (bits, name, from) = found.unwrap_or((0, "", ""));
    // SAFETY: the address of the caller's variable.
    unsafe { *(flags as *mut i32) = i32::from(bits) };
    let (name, from) = (cx.string(name)?, cx.string(from)?);
    cx.store_by_ref(entry, name);
    cx.store_by_ref(library, from);
    Ok(())
}

/// The modifiers of a type in a signature: a `Type[]`, or null for none.
fn modifiers(
    cx: &Cx<'_>,
    a: &'static Assembly,
    sig: &SigType,
    scope: Scope<'_>,
    optional: bool,
) -> Result<Ref> {
    let mut found = Vec::new();
    let mut ty = sig;
    while let SigType::Modified(m) = ty {
        if m.required != optional {
            let class = a.resolve_type(m.modifier, scope);
            found.push(class.map_err(|e| cx.load_error(&e))?);
        }
        ty = &m.ty;
    }
    match found.is_empty() {
        true => Ok(Ref::NULL),
        false => reflect::type_array(cx, reflect::type_class(), &found),
    }
}

fn field_modifiers(cx: &Cx<'_>, this: Ref, optional: bool) -> Result<Ref> {
    let (f, _) = reflect::field_of(cx, this)?;
    let Some(a) = f.owner.assembly else {
        return Ok(Ref::NULL);
    };
    let sig = a.image.field(f.rid).and_then(|row| row.sig());
    let sig = sig.map_err(|e| cx.load_error(&e.into()))?;
    modifiers(cx, a, &sig, f.owner.scope(), optional)
}

fn signature_of(
    m: &'static Method,
) -> crate::metadata::Result<Option<(&'static Assembly, MethodSig)>> {
    let (Some(rid), Some(a)) = (m.rid(), m.assembly()) else {
        return Ok(None);
    };
    Ok(Some((a, a.image.method_def(rid)?.sig()?)))
}

/// Of a parameter of a method (-1: the result) or of a property's index.
fn parameter_modifiers(
    cx: &Cx<'_>,
    _ty: Ref,
    member: Ref,
    position: i32,
    optional: bool,
) -> Result<Ref> {
    let class = Fields::of(cx, member)?.class;
    if class == crate::types::types().known.runtime_property_info() {
        return Ok(Ref::NULL);
    }
    let m = reflect::method_of(cx, member)?;
    let found = signature_of(m).map_err(|e| cx.load_error(&e.into()))?;
    let Some((a, sig)) = found else {
        return Ok(Ref::NULL);
    };
    let ty = match usize::try_from(position) {
        Ok(n) => sig.params.get(n),
        Err(_) => Some(&sig.ret),
    };
    match ty {
        Some(ty) => modifiers(cx, a, ty, m.scope(), optional),
        None => Ok(Ref::NULL),
    }
}

fn property_modifiers(cx: &Cx<'_>, property: Ref, optional: bool) -> Result<Ref> {
    let (p, _) = super::property::property_behind(cx, property)?;
    let Some(a) = p.owner.assembly else {
        return Ok(Ref::NULL);
    };
    let sig = a.image.property(p.token.rid()).and_then(|row| row.sig());
    let sig = sig.map_err(|e| cx.load_error(&e.into()))?;
    modifiers(cx, a, &sig.ty, p.owner.scope(), optional)
}

/// The token of a parameter's row; of none if it has no row.
fn parameter_token(cx: &Cx<'_>, this: Ref) -> Result<i32> {
    const NO_ROW: i32 = 0x0800_0000;
    let fields = Fields::of(cx, this)?;
    let member: Ref = fields.get("MemberImpl")?;
    let position: i32 = fields.get("PositionImpl")?;
    if member.is_null() || cx.type_of(member) == crate::types::types().known.runtime_property_info()
    {
        return Ok(NO_ROW);
    }
    let m = reflect::method_of(cx, member)?;
    let row = parameter_row(m, (position + 1) as u32);
    Ok(row.map_or(NO_ROW, |row| row.token().raw() as i32))
}
