//! Custom attributes: made from metadata by running their constructors.

use super::handle::type_of_object;
use super::property::property_behind;
use super::{assembly, invoke};
use crate::emit::objects::{Fields, classes};
use crate::metadata::sig::Prim;
use crate::metadata::{
    AttrArg, AttrArgs, AttrType, AttrValue, CustomAttributeRow, EnumName, EnumResolver, NamedArg,
    Row, TableId, Token, parse_attribute,
};
use crate::types::generics::Scope;
use crate::types::system::Assembly;
use crate::types::{LoadError, Method, Type, types};
use crate::vm::cx::{Result, Value};
use crate::vm::offsets::offset_of;
use crate::vm::{Cx, reflect};
use isthmus_rt::object::Ref;
use std::cell::OnceCell;

icalls! {
    "System.MonoCustomAttrs" {
        "GetCustomAttributesInternal" => attributes [provider: Ref, ty: Ref, pseudo: bool] -> Ref;
        "IsDefinedInternal" => is_defined [provider: Ref, ty: Ref] -> bool;
    }
}

/// The row that a reflection object's attributes hang on; `None` for what has no row (arrays, members of arrays).
fn owner_of(cx: &Cx<'_>, provider: Ref) -> Result<Option<(&'static Assembly, Token)>> {
    if provider.is_null() {
        return Err(cx.null_reference());
    }
    let known = &types().known;
    let class = cx.type_of(provider);
    let is = |t: &'static Type| class.is_assignable_to(t);
    if is(known.runtime_type()) {
        let ty = type_of_object(cx, provider)?;
        if let Some((a, row)) = ty.param_row() {
            return Ok(Some((a, row.token())));
        }
        return Ok(ty
            .assembly
            .map(|a| (a, Token::new(TableId::TypeDef, ty.rid))));
    }
    if is(known.runtime_method_info()) || is(known.runtime_constructor_info()) {
        let m = reflect::method_of(cx, provider)?;
        return Ok(m
            .assembly()
            .zip(m.rid())
            .map(|(a, rid)| (a, Token::new(TableId::MethodDef, rid))));
    }
    if is(known.runtime_field_info()) {
        let (f, _) = reflect::field_of(cx, provider)?;
        return Ok(f
            .owner
            .assembly
            .map(|a| (a, Token::new(TableId::Field, f.rid))));
    }
    if is(known.runtime_property_info())
        || is(reflect::class("System.Reflection", "RuntimeEventInfo"))
    {
        let (p, _) = property_behind(cx, provider)?;
        return Ok(p.owner.assembly.map(|a| (a, p.token)));
    }
    let all = classes();
    if class == all.assembly_builder {
        crate::emit::pieces::update_attributes(cx, provider)?;
    }
    if is(known.runtime_assembly()) || class == all.assembly_builder {
        return Ok(Some((
            reflect::assembly_of(cx, provider)?.attribute_home(),
            Token::new(TableId::Assembly, 1),
        )));
    }
    if class == all.method_builder || class == all.constructor_builder {
        let m = reflect::method_of(cx, provider)?;
        return Ok(m
            .assembly()
            .zip(m.rid())
            .map(|(a, rid)| (a, Token::new(TableId::MethodDef, rid))));
    }
    if class == all.field_builder {
        let handle = Fields::of(cx, provider)?.get("handle")?;
        let found = super::handle::field_at(handle).and_then(|f| {
            let token = Token::new(TableId::Field, f.rid);
            f.owner.assembly.map(|a| (a, token))
        });
        return Ok(found);
    }
    if is(known.runtime_module()) || class == all.module_builder {
        let at = offset_of(class, "_impl").map_err(|e| cx.load_error(&e))?;
        let a = super::handle::assembly_at(cx.read(provider, at));
        return Ok(a.map(|a| (a, Token::new(TableId::Module, 1))));
    }
    if is(known.runtime_parameter_info()) {
        let at = |name| offset_of(class, name).map_err(|e| cx.load_error(&e));
        let member: Ref = cx.read(provider, at("MemberImpl")?);
        let position: i32 = cx.read(provider, at("PositionImpl")?);
        if member.is_null() || cx.type_of(member) == known.runtime_property_info() {
            return Ok(None);
        }
        let m = reflect::method_of(cx, member)?;
        let row = super::member::parameter_row(m, (position + 1) as u32);
        return Ok(m.assembly().zip(row.map(|r| r.token())));
    }
    let text = format!("attributes of {}", class.full_name());
    Err(cx.exception("System", "NotSupportedException", &text))
}

/// The attributes on a row whose class is `wanted` or derives from it (all of them for `None`): constructor and row.
pub(super) fn matching(
    cx: &Cx<'_>,
    provider: Ref,
    wanted: Ref,
) -> Result<
    Vec<(
        &'static Assembly,
        &'static Method,
        CustomAttributeRow<'static>,
    )>,
> {
    let wanted = if wanted.is_null() {
        None
    } else {
        Some(type_of_object(cx, wanted)?)
    };
    let Some((a, token)) = owner_of(cx, provider)? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for row in a.image.custom_attributes(token) {
        let ctor = row.constructor().map_err(|e| cx.load_error(&e.into()))?;
        let ctor = match a.resolve_method(ctor, Scope::EMPTY) {
            Ok(ctor) => ctor,
            // An attribute of an assembly that is not there does not hinder those that are, unless all are asked for.
            Err(error) if wanted.is_none_or(is_any_attribute) => {
                return Err(cx.load_error(&error));
            }
            Err(_) => continue,
        };
        if wanted.is_none_or(|w| ctor.owner.is_assignable_to(w)) {
            found.push((a, ctor, row));
        }
    }
    Ok(found)
}

/// Whether every attribute is of a class.
fn is_any_attribute(class: &'static Type) -> bool {
    class == types().known.object() || class == reflect::class("System", "Attribute")
}

fn is_defined(cx: &Cx<'_>, provider: Ref, ty: Ref) -> Result<bool> {
    Ok(!matching(cx, provider, ty)?.is_empty())
}

fn attributes(cx: &Cx<'_>, provider: Ref, ty: Ref, _pseudo: bool) -> Result<Ref> {
    let list = matching(cx, provider, ty)?;
    let element = if ty.is_null() {
        reflect::class("System", "Attribute")
    } else {
        match type_of_object(cx, ty)? {
            t if t.is_value() => types().known.object(),
            t => t,
        }
    };
    let result = cx.alloc_array(element, list.len())?;
    for (i, (a, ctor, row)) in list.into_iter().enumerate() {
        let object = make(cx, a, ctor, row)?;
        cx.set_element(result, i, object);
    }
    Ok(result)
}

/// Whether an assembly is marked `RuntimeCompatibility(WrapNonExceptionThrows = true)`.
pub fn wraps_foreign_exceptions(a: &'static Assembly) -> bool {
    const CLASS: &str = "System.Runtime.CompilerServices.RuntimeCompatibilityAttribute";
    let owner = Token::new(TableId::Assembly, 1);
    let a = a.attribute_home();
    a.image.custom_attributes(owner).any(|row| {
        row.type_name().is_ok_and(|n| n.as_deref() == Some(CLASS))
            && row.args(&Home::of(a)).is_ok_and(|args| {
                args.named.iter().any(|n| {
                    n.name == "WrapNonExceptionThrows"
                        && matches!(n.arg.value, AttrValue::Bool(true))
                })
            })
    })
}

/// Where the names in a blob are looked for, and whose tokens the signature of the constructor has.
#[derive(Clone, Copy)]
struct Home {
    names: &'static Assembly,
    tokens: &'static Assembly,
}

impl Home {
    /// Of an attribute whose constructor's signature is read where the attribute is.
    fn of(a: &'static Assembly) -> Home {
        Home {
            names: a,
            tokens: a,
        }
    }
}

impl Home {
    fn named(self, name: &str) -> crate::types::Result<&'static Type> {
        assembly::parse_type_name(name, Some(self.names))
    }

    fn of_token(self, token: Token) -> crate::types::Result<&'static Type> {
        self.tokens.resolve_type(token, Scope::EMPTY)
    }
}

/// Says how enums in attribute blobs are stored.
impl EnumResolver for Home {
    fn by_token(&self, token: Token) -> Option<Prim> {
        self.of_token(token).ok()?.underlying().prim
    }

    fn by_name(&self, name: &str) -> Option<Prim> {
        self.named(name).ok()?.underlying().prim
    }
}

/// The same, keeping why an enum cannot be loaded.
struct Asking {
    home: Home,
    failed: OnceCell<LoadError>,
}

impl Asking {
    fn stored_as(&self, ty: crate::types::Result<&'static Type>) -> Option<Prim> {
        match ty {
            Ok(ty) => ty.underlying().prim,
            Err(error) => {
                // The first one is thrown.
                let _ = self.failed.set(error);
                None
            }
        }
    }
}

impl EnumResolver for Asking {
    fn by_token(&self, token: Token) -> Option<Prim> {
        self.stored_as(self.home.of_token(token))
    }

    fn by_name(&self, name: &str) -> Option<Prim> {
        self.stored_as(self.home.named(name))
    }
}

/// Makes an attribute object: constructor, then named fields and properties.
fn make(
    cx: &Cx<'_>,
    a: &'static Assembly,
    ctor: &'static Method,
    row: CustomAttributeRow<'static>,
) -> Result<Ref> {
    let asking = Asking {
        home: Home::of(a),
        failed: OnceCell::new(),
    };
    let parsed = row.args(&asking);
    let parsed = parsed.map_err(|e| {
        let why = asking.failed.into_inner();
        cx.load_error(&why.unwrap_or_else(|| e.into()))
    })?;
    let args = cx.alloc_array(types().known.object(), parsed.fixed.len())?;
    for (i, arg) in parsed.fixed.iter().enumerate() {
        let object = argument(cx, Home::of(a), arg)?;
        cx.set_element(args, i, object);
    }
    cx.ensure_init(ctor.owner)?;
    let object = cx.alloc(ctor.owner)?;
    invoke::call(cx, ctor, Some(Value::Ref(object)), args)?;
    for named in &parsed.named {
        let value = argument(cx, Home::of(a), &named.arg)?;
        let missing = || {
            let text = format!("{} has no {}", ctor.owner.full_name(), named.name);
            cx.exception("System.Reflection", "CustomAttributeFormatException", &text)
        };
        let classes = || std::iter::once(ctor.owner).chain(ctor.owner.ancestors());
        if named.is_property {
            let setter = format!("set_{}", named.name);
            let setter = classes()
                .find_map(|c| c.method(&setter, 1))
                .ok_or_else(missing)?;
            let one = cx.alloc_array(types().known.object(), 1)?;
            cx.set_element(one, 0, value);
            invoke::call(cx, setter, Some(Value::Ref(object)), one)?;
        } else {
            let field = classes()
                .find_map(|c| c.field(named.name))
                .ok_or_else(missing)?;
            let ty = field.ty().map_err(|e| cx.load_error(&e))?;
            let at = super::member::field_address(cx, field, object)?;
            invoke::store_object(cx, value, ty, at)?;
        }
    }
    Ok(object)
}

/// The type of an argument.
fn type_of_argument(cx: &Cx<'_>, a: Home, ty: &AttrType<'_>) -> Result<&'static Type> {
    let thrown = |e| cx.load_error(&e);
    Ok(match ty {
        AttrType::Prim(p) => types().known.prim(*p),
        AttrType::Type => reflect::type_class(),
        AttrType::Object => types().known.object(),
        AttrType::Enum(EnumName::Token(token), _) => a.of_token(*token).map_err(thrown)?,
        AttrType::Enum(EnumName::Name(name), _) => a.named(name).map_err(thrown)?,
        AttrType::Array(element) => {
            let element = type_of_argument(cx, a, element)?;
            types().sz_array(element).map_err(thrown)?
        }
    })
}

/// The arguments in a blob of an assembly, by the signature of the constructor's definition.
pub(super) fn parse<'a>(
    cx: &Cx<'_>,
    names: &'static Assembly,
    ctor: &'static Method,
    blob: &'a [u8],
) -> Result<AttrArgs<'a>> {
    let home = Home {
        names,
        tokens: ctor.assembly().unwrap_or(names),
    };
    let row = home.tokens.image.method_def(ctor.rid().unwrap_or(0));
    let sig = row.and_then(|row| row.sig());
    let sig = sig.map_err(|e| cx.load_error(&e.into()))?;
    parse_attribute(blob, &sig, &home).map_err(|e| {
        let text = format!("{}: {e}", ctor.owner.full_name());
        cx.exception("System.Reflection", "CustomAttributeFormatException", &text)
    })
}

/// Type and value of an argument; what is typed `object` has the type of its value.
pub(super) fn typed_value(
    cx: &Cx<'_>,
    names: &'static Assembly,
    ctor: &'static Method,
    arg: &AttrArg<'_>,
) -> Result<(&'static Type, Ref)> {
    let home = Home {
        names,
        tokens: ctor.assembly().unwrap_or(names),
    };
    let inner = match &arg.value {
        // Nothing is stored as no text, but has no type of its own.
        AttrValue::Object(inner) if inner.value != AttrValue::String(None) => inner,
        _ => arg,
    };
    let ty = type_of_argument(cx, home, &inner.ty)?;
    Ok((ty, argument(cx, home, inner)?))
}

/// The reflection object of the property or field that a named argument sets.
pub(super) fn named_member(cx: &Cx<'_>, class: &'static Type, arg: &NamedArg<'_>) -> Result<Ref> {
    let missing = || {
        let text = format!("{} has no {}", class.full_name(), arg.name);
        cx.exception("System.Reflection", "CustomAttributeFormatException", &text)
    };
    for class in std::iter::once(class).chain(class.ancestors()) {
        if arg.is_property {
            if let Some(found) = super::property::declared_property(cx, class, arg.name)? {
                return Ok(found);
            }
        } else if let Some(field) = class.field(arg.name) {
            return reflect::field_object(cx, field, class);
        }
    }
    Err(missing())
}

fn argument(cx: &Cx<'_>, a: Home, arg: &AttrArg<'_>) -> Result<Ref> {
    value(cx, a, &arg.ty, &arg.value)
}

fn value(cx: &Cx<'_>, a: Home, ty: &AttrType<'_>, v: &AttrValue<'_>) -> Result<Ref> {
    let boxed = |bits: u64| cx.box_value(type_of_argument(cx, a, ty)?, (&raw const bits) as usize);
    match v {
        AttrValue::Bool(b) => boxed(u64::from(*b)),
        AttrValue::Char(c) => boxed(u64::from(*c)),
        AttrValue::Int(i) => boxed(*i as u64),
        AttrValue::UInt(u) => boxed(*u),
        AttrValue::R4(f) => boxed(u64::from(f.to_bits())),
        AttrValue::R8(f) => boxed(f.to_bits()),
        AttrValue::String(None) | AttrValue::Type(None) | AttrValue::Array(None) => Ok(Ref::NULL),
        AttrValue::String(Some(text)) => cx.string(text),
        AttrValue::Type(Some(name)) => {
            let ty = a.named(name).map_err(|e| cx.load_error(&e))?;
            reflect::type_object(cx, ty)
        }
        AttrValue::Object(inner) => argument(cx, a, inner),
        AttrValue::Array(Some(list)) => {
            let AttrType::Array(element) = ty else {
                return Err(cx.exception(
                    "System.Reflection",
                    "CustomAttributeFormatException",
                    "",
                ));
            };
            let class = type_of_argument(cx, a, element)?;
            let array = cx.alloc_array(class, list.len())?;
            for (i, item) in list.iter().enumerate() {
                let object = value(cx, a, element, item)?;
                let (size, _) = class.size_align().map_err(|e| cx.load_error(&e))?;
                invoke::store_object(cx, object, class, cx.data(array) + i * size as usize)?;
            }
            Ok(array)
        }
    }
}
