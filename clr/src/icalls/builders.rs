//! `System.Reflection.Emit`: assemblies, modules and types that a program builds. What they are made into is in [`crate::emit`].

use super::string::byte_array;
use crate::emit::members::{MethodObject, method_object};
use crate::emit::objects::{Fields, TypeShape, classes, elements, shape};
use crate::emit::registry::BuiltModule;
use crate::emit::{attribute, emitter::Emitter, pieces, save};
use crate::metadata::sig::LocalVar;
use crate::metadata::write::{Out, write_field_sig, write_locals};
use crate::types::{TypeKey, types};
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use crate::vm::{Cx, reflect};
use isthmus_rt::object::Ref;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;

icalls! {
    "System.Reflection.Emit.AssemblyBuilder" {
        "basic_init" => init_assembly [builder: Ref] -> ();
        "UpdateNativeCustomAttributes" => pieces::update_attributes [builder: Ref] -> ();
    }
    "System.Reflection.Emit.ModuleBuilder" {
        "basic_init" => init_module [builder: Ref] -> ();
        "set_wrappers_type" => set_wrappers_type [builder: Ref, ty: Ref] -> ();
        "getUSIndex" => text_token [builder: Ref, text: Ref] -> i32;
        "getToken" => object_token [builder: Ref, object: Ref, open: bool] -> i32;
        "getMethodToken" => method_token [builder: Ref, method: Ref, optional: Ref] -> i32;
        "RegisterToken" => register_token [this: Ref, object: Ref, token: i32] -> ();
        "GetRegisteredToken" => registered_token [this: Ref, token: i32] -> Ref;
        "build_metadata" => build_metadata [builder: Ref] -> ();
        "WriteToFile" => write_to_file [this: Ref, handle: usize] -> ();
    }
    "System.Reflection.Emit.TypeBuilder" {
        "create_runtime_class" => create_class [this: Ref] -> Ref;
    }
    "System.Reflection.Emit.EnumBuilder" {
        "setup_enum_type" => set_up_enum [this: Ref, ty: Ref] -> ();
    }
    "System.Reflection.Emit.CustomAttributeBuilder" {
        "GetBlob" => attribute_blob [assembly: Ref, ctor: Ref, args: Ref, properties: Ref, property_values: Ref, fields: Ref, field_values: Ref] -> Ref;
    }
    "System.Reflection.Emit.SignatureHelper" {
        "get_signature_local" => local_signature [this: Ref] -> Ref;
        "get_signature_field" => field_signature [this: Ref] -> Ref;
    }
}

/// Writes a native pointer into a field of an object.
fn set_pointer(cx: &Cx<'_>, object: Ref, field: &str, value: usize) -> Result<()> {
    let at = offset_of(cx.type_of(object), field).map_err(|e| cx.load_error(&e))?;
    cx.write(object, at, value);
    Ok(())
}

fn init_assembly(cx: &Cx<'_>, builder: Ref) -> Result<()> {
    let a = pieces::load_assembly(cx, builder)?;
    set_pointer(cx, builder, "_mono_assembly", super::handle::of(a))
}

fn init_module(cx: &Cx<'_>, builder: Ref) -> Result<()> {
    let module = pieces::load_module(cx, builder)?;
    set_pointer(cx, builder, "_impl", super::handle::of(module.root))
}

/// The class that Mono puts its wrappers of delegates into. This runtime has them elsewhere.
fn set_wrappers_type(_cx: &Cx<'_>, _builder: Ref, _ty: Ref) -> Result<()> {
    Ok(())
}

fn text_token(cx: &Cx<'_>, builder: Ref, text: Ref) -> Result<i32> {
    let module = BuiltModule::of(cx, builder)?;
    Ok(module.text_token(cx.units(text)) as i32)
}

/// Numbers of tables, as tokens of the library's own builders have them.
mod table {
    pub const TYPE_REF: u8 = 0x01;
    pub const TYPE_DEF: u8 = 0x02;
    pub const FIELD: u8 = 0x04;
    pub const MEMBER_REF: u8 = 0x0a;
    pub const SIGNATURE: u8 = 0x11;
    pub const TYPE_SPEC: u8 = 0x1b;
    pub const METHOD_SPEC: u8 = 0x2b;
}

/// A token for a type, member or signature: its table, and the address of what it stands for in the runtime, if it does.
fn object_token(cx: &Cx<'_>, builder: Ref, object: Ref, open: bool) -> Result<i32> {
    let module = BuiltModule::of(cx, builder)?;
    let class = Fields::of(cx, object)?.class;
    let all = classes();
    let (table, item) = if class == all.signature_helper {
        (table::SIGNATURE, 0)
    } else if class.is_assignable_to(reflect::type_class()) {
        match shape(cx, object)? {
            TypeShape::Runtime(t) if !matches!(t.key, TypeKey::Def(..)) => {
                (table::TYPE_SPEC, super::handle::of(t))
            }
            TypeShape::Runtime(t) if open && t.is_generic_definition() => {
                (table::TYPE_SPEC, super::handle::of(t))
            }
            TypeShape::Runtime(t) => (table::TYPE_REF, super::handle::of(t)),
            TypeShape::Builder(_) => (table::TYPE_DEF, 0),
            _ => (table::TYPE_SPEC, 0),
        }
    } else if class == all.field_builder {
        (table::FIELD, 0)
    } else if class.is_assignable_to(types().known.runtime_field_info()) {
        let (field, _) = reflect::field_of(cx, object)?;
        (table::MEMBER_REF, super::handle::of(field))
    } else if class == all.field_of_instantiation {
        (table::MEMBER_REF, 0)
    } else {
        match method_object(cx, object)? {
            MethodObject::Runtime(m) if m.args.is_empty() => {
                (table::MEMBER_REF, super::handle::of(m))
            }
            MethodObject::Runtime(m) => (table::METHOD_SPEC, super::handle::of(m)),
            _ => (table::MEMBER_REF, 0),
        }
    };
    Ok(module.token(table, object, item, open) as i32)
}

/// A token for a call of a method with variadic arguments of these types.
fn method_token(cx: &Cx<'_>, builder: Ref, method: Ref, optional: Ref) -> Result<i32> {
    if optional.is_null() {
        return object_token(cx, builder, method, true);
    }
    let module = BuiltModule::of(cx, builder)?;
    let pair = cx.alloc_array(types().known.object(), 2)?;
    cx.set_element(pair, 0, method);
    cx.set_element(pair, 1, optional);
    Ok(module.token(table::MEMBER_REF, pair, 0, false) as i32)
}

fn register_token(cx: &Cx<'_>, this: Ref, object: Ref, token: i32) -> Result<()> {
    let module = BuiltModule::of(cx, this)?;
    // The library asks for a TypeSpec where it means a definition over its own parameters.
    let open = token as u32 >> 24 == u32::from(table::TYPE_SPEC);
    module.register(token as u32, object, open);
    Ok(())
}

fn registered_token(cx: &Cx<'_>, this: Ref, token: i32) -> Result<Ref> {
    let found = BuiltModule::of(cx, this)?.object(token as u32);
    Ok(found.map_or(Ref::NULL, |f| f.0))
}

fn create_class(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let ty = pieces::create(cx, this)?;
    reflect::type_object(cx, ty)
}

/// An `EnumBuilder` needs nothing beside its `TypeBuilder`.
fn set_up_enum(_cx: &Cx<'_>, _this: Ref, _ty: Ref) -> Result<()> {
    Ok(())
}

fn build_metadata(cx: &Cx<'_>, builder: Ref) -> Result<()> {
    let module = BuiltModule::of(cx, builder)?;
    module.set_file(save::module_file(cx, builder)?);
    Ok(())
}

fn write_to_file(cx: &Cx<'_>, this: Ref, handle: usize) -> Result<()> {
    let bytes = BuiltModule::of(cx, this)?.take_file();
    // SAFETY: the descriptor of an open FileStream, which stays its owner.
    let file = unsafe { std::fs::File::from_raw_fd(handle as i32) };
    ManuallyDrop::new(file)
        .write_all(&bytes)
        .map_err(|e| cx.exception("System.IO", "IOException", &e.to_string()))
}

#[allow(clippy::too_many_arguments)] // the argument words of an internal call
fn attribute_blob(
    cx: &Cx<'_>,
    _assembly: Ref,
    ctor: Ref,
    args: Ref,
    properties: Ref,
    property_values: Ref,
    fields: Ref,
    field_values: Ref,
) -> Result<Ref> {
    let (properties, fields) = ((properties, property_values), (fields, field_values));
    let blob = attribute::blob(cx, ctor, args, properties, fields)?;
    byte_array(cx, &blob)
}

/// The signature that a `SignatureHelper` describes, with tokens of an image of its own.
fn signature(
    cx: &Cx<'_>,
    helper: Ref,
    write: impl FnOnce(&mut Emitter<'_>, &Fields<'_>, &mut Out) -> Result<()>,
) -> Result<Ref> {
    let mut emitter = Emitter::new(cx, None, false);
    let fields = Fields::of(cx, helper)?;
    let mut out = Out::default();
    write(&mut emitter, &fields, &mut out)?;
    byte_array(cx, out.as_bytes())
}

fn local_signature(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    signature(cx, this, |emitter, fields, out| {
        let list: Ref = fields.get("arguments")?;
        let locals = elements(cx, list)
            .map(|(_, ty)| {
                let ty = emitter.sig(ty)?;
                Ok(LocalVar { pinned: false, ty })
            })
            .collect::<Result<Vec<_>>>()?;
        write_locals(out, &locals);
        Ok(())
    })
}

fn field_signature(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    signature(cx, this, |emitter, fields, out| {
        let list: Ref = fields.get("arguments")?;
        if let Some((_, ty)) = elements(cx, list).next() {
            let ty = emitter.sig(ty)?;
            write_field_sig(out, &ty);
        }
        Ok(())
    })
}
