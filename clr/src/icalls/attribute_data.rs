//! `CustomAttributeData`: attributes as they are written, without making them.

use super::attribute;
use super::handle::assembly_at;
use crate::emit::objects::Fields;
use crate::metadata::{Cell, TableId};
use crate::types::{LoadError, Method, Type, types};
use crate::vm::cx::{Result, Value};
use crate::vm::{Cx, reflect};
use isthmus_rt::object::Ref;

icalls! {
    "System.MonoCustomAttrs" {
        "GetCustomAttributesDataInternal" => data_of [provider: Ref] -> Ref;
    }
    "System.Reflection.CustomAttributeData" {
        "ResolveArgumentsInternal" => resolve [ctor: Ref, assembly: Ref, data: usize, length: u32, args: usize, named: usize] -> ();
    }
}

/// A constructor of a class of the library by the names of its parameters' types.
fn constructor(cx: &Cx<'_>, class: &'static Type, params: &[&str]) -> Result<&'static Method> {
    let list = class.methods().map_err(|e| cx.load_error(&e))?;
    let fits = |m: &&'static Method| {
        m.is_ctor()
            && m.sig().is_ok_and(|s| {
                s.params.len() == params.len()
                    && s.params
                        .iter()
                        .zip(params)
                        .all(|(t, &name)| t.name() == name)
            })
    };
    list.iter().copied().find(fits).ok_or_else(|| {
        let text = format!("{} has no constructor of {params:?}", class.full_name());
        cx.load_error(&LoadError::type_load(text))
    })
}

/// A `CustomAttributeData` for each attribute: constructor, and where its blob lies.
fn data_of(cx: &Cx<'_>, provider: Ref) -> Result<Ref> {
    let class = reflect::class("System.Reflection", "CustomAttributeData");
    let make = constructor(
        cx,
        class,
        &["ConstructorInfo", "Assembly", "IntPtr", "UInt32"],
    )?;
    let list = attribute::matching(cx, provider, Ref::NULL)?;
    let result = cx.alloc_array(class, list.len())?;
    for (i, (a, ctor, row)) in list.into_iter().enumerate() {
        use crate::metadata::Row;
        let cell = a.image.cell(TableId::CustomAttribute, row.rid(), 2);
        let blob = match cell.map_err(|e| cx.load_error(&e.into()))? {
            Cell::Blob(blob) => blob,
            _ => &[],
        };
        let object = cx.alloc(class)?;
        let ctor = reflect::method_object(cx, ctor, ctor.owner)?;
        let home = reflect::assembly_object(cx, a)?;
        let args = [
            Value::Ref(object),
            Value::Ref(ctor),
            Value::Ref(home),
            Value::Ptr(blob.as_ptr() as usize),
            Value::I32(blob.len() as i32),
        ];
        cx.invoke(make, &args)?;
        cx.set_element(result, i, object);
    }
    Ok(result)
}

/// The arguments of an attribute whose blob lies at `data`: boxed `CustomAttributeTypedArgument`s and
/// `CustomAttributeNamedArgument`s.
fn resolve(
    cx: &Cx<'_>,
    ctor: Ref,
    assembly: Ref,
    data: usize,
    length: u32,
    args: usize,
    named: usize,
) -> Result<()> {
    let home: usize = Fields::of(cx, assembly)?.get("_mono_assembly")?;
    let a = assembly_at(home).ok_or_else(|| cx.null_reference())?;
    let m = reflect::method_of(cx, ctor)?;
    // SAFETY: the library gives back what `data_of` gave it: a blob of a mapped image.
    let blob = unsafe { std::slice::from_raw_parts(data as *const u8, length as usize) };
    let parsed = attribute::parse(cx, a, m, blob)?;
    let typed_class = reflect::class("System.Reflection", "CustomAttributeTypedArgument");
    let typed = constructor(cx, typed_class, &["Type", "Object"])?;
    let named_class = reflect::class("System.Reflection", "CustomAttributeNamedArgument");
    let by_member = constructor(cx, named_class, &["MemberInfo", "Object"])?;

    let fixed_list = cx.alloc_array(types().known.object(), parsed.fixed.len())?;
    for (i, arg) in parsed.fixed.iter().enumerate() {
        let (ty, value) = attribute::typed_value(cx, a, m, arg)?;
        let object = cx.alloc(typed_class)?;
        let ty = reflect::type_object(cx, ty)?;
        let call = [
            Value::Ptr(object.addr() + 8),
            Value::Ref(ty),
            Value::Ref(value),
        ];
        cx.invoke(typed, &call)?;
        cx.set_element(fixed_list, i, object);
    }
    let named_list = cx.alloc_array(types().known.object(), parsed.named.len())?;
    for (i, arg) in parsed.named.iter().enumerate() {
        let (_, value) = attribute::typed_value(cx, a, m, &arg.arg)?;
        let member = attribute::named_member(cx, m.owner, arg)?;
        let object = cx.alloc(named_class)?;
        let call = [
            Value::Ptr(object.addr() + 8),
            Value::Ref(member),
            Value::Ref(value),
        ];
        cx.invoke(by_member, &call)?;
        cx.set_element(named_list, i, object);
    }
    cx.store_by_ref(args, fixed_list);
    cx.store_by_ref(named, named_list);
    Ok(())
}
