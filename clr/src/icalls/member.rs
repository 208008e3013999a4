//! Lists of members of types, and what reflection asks about methods, constructors and fields.

use super::handle::{self, type_at, type_of_object};
use super::runtime_type::types_of_array;
use super::string::{c_bytes, pointer_array};
use super::{constant, invoke};
use crate::metadata::{FieldAttributes, MethodAttributes, Row, TableId, Token};
use crate::types::layout::Place;
use crate::types::params::shown_in;
use crate::types::{Field, Method, Type, types};
use crate::vm::cx::Result;
use crate::vm::offsets::offset_of;
use crate::vm::{Cx, casts, reflect, statics};
use isthmus_rt::object::Ref;

icalls! {
    "System.RuntimeType" {
        "GetConstructors_native" => constructors [this: Ref, flags: i32] -> usize;
        "GetMethodsByName_native" => methods [this: Ref, name: usize, flags: i32, list: i32] -> usize;
        "GetFields_native" => fields [this: Ref, name: usize, flags: i32, list: i32] -> usize;
        "GetNestedTypes_native" => nested_types [this: Ref, name: usize, flags: i32, list: i32] -> usize;
        "GetInterfaceMapData" => interface_map [ty: Ref, interface: Ref, targets: usize, methods: usize] -> ();
        "GetCorrespondingInflatedMethod" => inflated [this: Ref, generic: Ref] -> Ref;
        "GetCorrespondingInflatedConstructor" => inflated [this: Ref, generic: Ref] -> Ref;
    }
    "System.Reflection.RuntimeMethodInfo" {
        "GetMethodFromHandleInternalType_native" => method_from_handle [method: usize, ty: usize, check: bool] -> Ref;
        "get_name" => method_name [method: Ref] -> Ref;
        "get_metadata_token" => method_token [method: Ref] -> i32;
        "get_base_method" => base_method [method: Ref, definition: bool] -> Ref;
        "GetGenericArguments" => method_arguments [this: Ref] -> Ref;
        "GetGenericMethodDefinition_impl" => method_definition [this: Ref] -> Ref;
        "MakeGenericMethod_impl" => make_generic_method [this: Ref, args: Ref] -> Ref;
        "get_IsGenericMethod" => is_generic_method [this: Ref] -> bool;
        "get_IsGenericMethodDefinition" => is_generic_method_definition [this: Ref] -> bool;
    }
    "System.Reflection.RuntimeConstructorInfo" {
        "get_metadata_token" => method_token [method: Ref] -> i32;
    }
    "System.Reflection.MonoMethodInfo" {
        "get_method_attributes" => method_attributes [method: usize] -> i32;
        "get_method_info" => method_info [method: usize, info: usize] -> ();
        "get_parameter_info" => parameter_info [method: usize, member: Ref] -> Ref;
    }
    "System.RuntimeMethodHandle" {
        "GetFunctionPointer" => function_pointer [method: usize] -> usize;
    }
    "System.Reflection.FieldInfo" {
        "internal_from_handle_type" => field_from_handle [field: usize, ty: usize] -> Ref;
    }
    "System.Reflection.RuntimeFieldInfo" {
        "GetParentType" => field_parent [this: Ref, declaring: bool] -> Ref;
        "ResolveType" => field_type [this: Ref] -> Ref;
        "GetFieldOffset" => field_offset [this: Ref] -> i32;
        "GetValueInternal" => field_value [this: Ref, object: Ref] -> Ref;
        "UnsafeGetValue" => field_value [this: Ref, object: Ref] -> Ref;
        "SetValueInternal" => set_field_value [field: Ref, object: Ref, value: Ref] -> ();
        "GetRawConstantValue" => constant_value [this: Ref] -> Ref;
        "get_metadata_token" => field_token [field: Ref] -> i32;
    }
    "System.RuntimeFieldHandle" {
        "SetValueInternal" => set_field_value [field: Ref, object: Ref, value: Ref] -> ();
    }
}

/// Bits of `BindingFlags`.
mod binding {
    pub const IGNORE_CASE: i32 = 1;
    pub const DECLARED_ONLY: i32 = 2;
    pub const INSTANCE: i32 = 4;
    pub const STATIC: i32 = 8;
    pub const PUBLIC: i32 = 16;
    pub const NON_PUBLIC: i32 = 32;
    pub const FLATTEN: i32 = 64;
}

/// What a list of members is filtered by.
pub(super) struct Filter {
    name: Option<String>,
    ignore_case: bool,
    flags: i32,
}

impl Filter {
    /// `name` is a C string or null; `list` a `MemberListType` (1: this name, 2: this name in any case).
    pub(super) fn new(name: usize, flags: i32, list: i32) -> Filter {
        Filter {
            name: (name != 0 && list != 0)
                .then(|| String::from_utf8_lossy(c_bytes(name)).into_owned()),
            ignore_case: list == 2 || flags & binding::IGNORE_CASE != 0,
            flags,
        }
    }

    pub(super) fn has_name(&self, name: &str) -> bool {
        self.name.as_deref().is_none_or(|wanted| {
            if self.ignore_case {
                wanted.to_lowercase() == name.to_lowercase()
            } else {
                wanted == name
            }
        })
    }

    /// Whether a member with this accessibility (the low three bits of its attributes) and storage passes; `own`: declared
    /// by the type that was asked, not by an ancestor.
    pub(super) fn admits(&self, access: u16, is_static: bool, own: bool) -> bool {
        const PRIVATE: u16 = 1;
        const PUBLIC: u16 = 6;
        let visible = match access & 7 {
            PUBLIC => self.flags & binding::PUBLIC != 0,
            0 | PRIVATE if !own => false,
            _ => self.flags & binding::NON_PUBLIC != 0,
        };
        let stored = if is_static {
            self.flags & binding::STATIC != 0 && (own || self.flags & binding::FLATTEN != 0)
        } else {
            self.flags & binding::INSTANCE != 0
        };
        visible && stored
    }

    /// The classes to look at: the type and, unless only declared members count, its ancestors.
    pub(super) fn classes(&self, ty: &'static Type) -> Vec<&'static Type> {
        let own = self.flags & binding::DECLARED_ONLY != 0;
        let ancestors = ty.ancestors().take_while(move |_| !own);
        std::iter::once(ty)
            .chain(ancestors.map(|t| shown_in(t, ty, None).unwrap_or(t)))
            .collect()
    }
}

fn constructors(cx: &Cx<'_>, this: Ref, flags: i32) -> Result<usize> {
    let ty = type_of_object(cx, this)?;
    let filter = Filter {
        name: None,
        ignore_case: false,
        flags,
    };
    let list = ty.methods().map_err(|e| cx.load_error(&e))?;
    Ok(pointer_array(
        list.iter()
            .copied()
            .filter(|m| m.name == ".ctor" || m.name == ".cctor")
            .filter(|m| filter.admits(access(m), m.is_static(), true))
            .map(handle::of)
            .collect(),
    ))
}

/// Accessibility of a method; methods of arrays are public.
pub(super) fn access(m: &Method) -> u16 {
    if m.rid().is_some() {
        m.flags.bits() & 7
    } else {
        6
    }
}

fn methods(cx: &Cx<'_>, this: Ref, name: usize, flags: i32, list: i32) -> Result<usize> {
    let ty = type_of_object(cx, this)?;
    let filter = Filter::new(name, flags, list);
    let mut found: Vec<&'static Method> = Vec::new();
    // Slots that a nearer class has overridden.
    let mut slots: Vec<u32> = Vec::new();
    for class in filter.classes(ty) {
        for &m in class.methods().map_err(|e| cx.load_error(&e))? {
            if m.name == ".ctor" || m.name == ".cctor" {
                continue;
            }
            if let Some(slot) = m.slot_in_owner().filter(|_| !class.is_interface()) {
                if slots.contains(&slot) {
                    continue;
                }
                slots.push(slot);
            }
            if filter.has_name(m.name) && filter.admits(access(m), m.is_static(), class == ty) {
                found.push(m);
            }
        }
    }
    Ok(pointer_array(found.into_iter().map(handle::of).collect()))
}

fn fields(cx: &Cx<'_>, this: Ref, name: usize, flags: i32, list: i32) -> Result<usize> {
    let ty = type_of_object(cx, this)?;
    let filter = Filter::new(name, flags, list);
    let mut found: Vec<usize> = Vec::new();
    for class in filter.classes(ty) {
        for f in class.fields().map_err(|e| cx.load_error(&e))? {
            if filter.has_name(f.name)
                && filter.admits(f.flags.bits() & 7, f.is_static(), class == ty)
            {
                found.push(handle::of(*f));
            }
        }
    }
    Ok(pointer_array(found))
}

/// Handles of nested types.
fn nested_types(cx: &Cx<'_>, this: Ref, name: usize, flags: i32, list: i32) -> Result<usize> {
    let ty = type_of_object(cx, this)?.definition();
    let filter = Filter::new(name, flags, list);
    let mut found = Vec::new();
    for nested in ty.nested() {
        // Visibility 2 is "nested public".
        let wanted = if nested.flags.bits() & 7 == 2 {
            binding::PUBLIC
        } else {
            binding::NON_PUBLIC
        };
        // A class without its base class is not shown.
        let is_whole = || nested.parent().is_ok();
        if filter.flags & wanted != 0 && filter.has_name(nested.name()) && is_whole() {
            found.push(handle::of(nested));
        }
    }
    Ok(pointer_array(found))
}

/// The methods of an interface and what implements each in a class; null where the class does not implement it.
fn interface_map(
    cx: &Cx<'_>,
    ty: Ref,
    interface: Ref,
    targets: usize,
    methods: usize,
) -> Result<()> {
    let (ty, interface) = (type_of_object(cx, ty)?, type_of_object(cx, interface)?);
    let thrown = |e| cx.load_error(&e);
    if !ty.interfaces().map_err(thrown)?.contains(&interface) {
        return Ok(());
    }
    let declared = interface.methods().map_err(thrown)?;
    let declared: Vec<_> = declared.iter().filter(|m| m.is_virtual()).collect();
    let class = reflect::class("System.Reflection", "MethodInfo");
    let found = cx.alloc_array(class, declared.len())?;
    let asked = cx.alloc_array(class, declared.len())?;
    for (i, m) in declared.into_iter().enumerate() {
        cx.set_element(asked, i, reflect::method_object(cx, m, interface)?);
        if let Some(target) = ty.interface_implementation(m) {
            let object = reflect::method_object(cx, target, target.owner)?;
            cx.set_element(found, i, object);
        }
    }
    cx.store_by_ref(targets, found);
    cx.store_by_ref(methods, asked);
    Ok(())
}

/// The method of this instantiated type that a method of its definition stands for.
fn inflated(cx: &Cx<'_>, this: Ref, generic: Ref) -> Result<Ref> {
    let ty = type_of_object(cx, this)?;
    let m = reflect::method_of(cx, generic)?;
    let made = types()
        .methods
        .intern(ty, m.kind, &[])
        .map_err(|e| cx.load_error(&e))?;
    reflect::method_object(cx, made, ty)
}

/// The method object of a handle, reflected through a type (its own by default). With `check`, a type that the method does
/// not belong to gives null.
fn method_from_handle(cx: &Cx<'_>, method: usize, ty: usize, check: bool) -> Result<Ref> {
    let m = handle::method(cx, method)?;
    let Some(ty) = type_at(ty) else {
        return reflect::method_object(cx, m, m.owner);
    };
    let belongs = |t: &'static Type| t.definition() == m.owner.definition();
    if check && !belongs(ty) && !ty.ancestors().any(belongs) {
        return Ok(Ref::NULL);
    }
    reflect::method_object(cx, m, ty)
}

fn method_name(cx: &Cx<'_>, method: Ref) -> Result<Ref> {
    cx.string(reflect::method_of(cx, method)?.name)
}

fn method_token(cx: &Cx<'_>, method: Ref) -> Result<i32> {
    Ok(0x0600_0000 | reflect::method_of(cx, method)?.rid().unwrap_or(0) as i32)
}

/// The method that this one overrides: the next one up, or the first declaration.
fn base_method(cx: &Cx<'_>, method: Ref, definition: bool) -> Result<Ref> {
    let m = reflect::method_of(cx, method)?;
    let (Some(slot), false) = (m.slot_in_owner(), m.owner.is_interface()) else {
        return Ok(method);
    };
    let mut base = m;
    for class in types().ty(m.owner.id).ancestors() {
        let list = class.methods().map_err(|e| cx.load_error(&e))?;
        if let Some(&up) = list
            .iter()
            .find(|c| c.slot_in_owner() == Some(slot) && c.name == m.name)
        {
            base = up;
            if !definition {
                break;
            }
        }
    }
    if base == m {
        return Ok(method);
    }
    reflect::method_object(cx, base, base.owner)
}

fn method_arguments(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let m = reflect::method_of(cx, this)?;
    if m.is_generic_definition() {
        let list = m.own_params().map_err(|e| cx.load_error(&e))?;
        return reflect::type_array(cx, reflect::type_class(), &list);
    }
    reflect::type_array(cx, reflect::type_class(), &m.args)
}

fn method_definition(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let m = reflect::method_of(cx, this)?;
    if m.arity == 0 {
        return Ok(Ref::NULL);
    }
    if m.is_generic_definition() {
        return Ok(this);
    }
    let definition = types()
        .methods
        .intern(m.owner, m.kind, &[])
        .map_err(|e| cx.load_error(&e))?;
    reflect::method_object(cx, definition, reflect::reflected_type(cx, this)?)
}

fn make_generic_method(cx: &Cx<'_>, this: Ref, args: Ref) -> Result<Ref> {
    let m = reflect::method_of(cx, this)?;
    let args = types_of_array(cx, args)?;
    if args.len() != m.arity as usize {
        return Err(cx.exception("System", "ArgumentException", "Incorrect length"));
    }
    if !m.admits(&args) {
        return Err(reflect::bad_type_arguments(cx));
    }
    let made = types()
        .methods
        .intern(m.owner, m.kind, &args)
        .map_err(|e| cx.load_error(&e))?;
    reflect::method_object(cx, made, reflect::reflected_type(cx, this)?)
}

fn is_generic_method(cx: &Cx<'_>, this: Ref) -> Result<bool> {
    Ok(reflect::method_of(cx, this)?.arity > 0)
}

fn is_generic_method_definition(cx: &Cx<'_>, this: Ref) -> Result<bool> {
    Ok(reflect::method_of(cx, this)?.is_generic_definition())
}

/// `MethodAttributes`; methods of arrays are public.
fn attribute_bits(m: &Method) -> i32 {
    let bits = if m.rid().is_some() {
        m.flags
    } else {
        m.flags | MethodAttributes::from_bits_retain(6)
    };
    i32::from(bits.bits())
}

fn method_attributes(cx: &Cx<'_>, method: usize) -> Result<i32> {
    Ok(attribute_bits(handle::method(cx, method)?))
}

/// Fills a `MonoMethodInfo`.
fn method_info(cx: &Cx<'_>, method: usize, info: usize) -> Result<()> {
    let m = handle::method(cx, method)?;
    let thrown = |e| cx.load_error(&e);
    let sig = m.sig().map_err(thrown)?;
    let class = reflect::class("System.Reflection", "MonoMethodInfo");
    let at = |name| {
        offset_of(class, name)
            .map(|o| info + o as usize)
            .map_err(thrown)
    };
    cx.store_by_ref(at("parent")?, reflect::type_object(cx, m.owner)?);
    let ret = shown_in(sig.ret, m.owner, Some(m)).map_err(thrown)?;
    cx.store_by_ref(at("ret")?, reflect::type_object(cx, ret)?);
    // CallingConventions: Standard 1, VarArgs 2, HasThis 32.
    let convention = if sig.vararg { 2 } else { 1 } | if sig.has_this { 32 } else { 0 };
    for (name, value) in [
        ("attrs", attribute_bits(m)),
        ("iattrs", i32::from(m.impl_flags.bits())),
        ("callconv", convention),
    ] {
        // SAFETY: a field of the structure that the library passes.
        unsafe { (at(name)? as *mut i32).write_unaligned(value) };
    }
    Ok(())
}

/// `ParameterInfo[]` of a method.
fn parameter_info(cx: &Cx<'_>, method: usize, member: Ref) -> Result<Ref> {
    let m = handle::method(cx, method)?;
    let thrown = |e| cx.load_error(&e);
    let params = &m.sig().map_err(thrown)?.params;
    let class = types().known.runtime_parameter_info();
    let list = cx.alloc_array(
        reflect::class("System.Reflection", "ParameterInfo"),
        params.len(),
    )?;
    let at = |name| offset_of(class, name).map_err(thrown);
    for (i, ty) in params.iter().enumerate() {
        let object = cx.alloc(class)?;
        let shown = shown_in(ty, m.owner, Some(m)).map_err(thrown)?;
        cx.write_ref(object, at("ClassImpl")?, reflect::type_object(cx, shown)?);
        cx.write_ref(object, at("MemberImpl")?, member);
        cx.write(object, at("PositionImpl")?, i as i32);
        let (mut attributes, mut default) = (0i32, Ref::NULL);
        if let Some(row) = parameter_row(m, i as u32 + 1) {
            let name = cx.string(row.name().unwrap_or(""))?;
            cx.write_ref(object, at("NameImpl")?, name);
            attributes = i32::from(row.flags().bits());
            if attributes & 0x2000 != 0
                && let Some(a) = m.assembly()
            {
                let marshal = super::marshal_info::of_token(cx, &a.image, row.token())?;
                cx.write_ref(object, at("marshalAs")?, marshal);
            }
            if attributes & 0x1000 != 0 {
                let image = &m.owner.assembly.expect("parameters have rows").image;
                default = constant::of_token(cx, image, row.token(), ty)?;
            }
        }
        if attributes & 0x1000 == 0 {
            const OPTIONAL: i32 = 0x10;
            default = constant::no_value(cx, attributes & OPTIONAL != 0)?;
        }
        cx.write(object, at("AttrsImpl")?, attributes);
        cx.write_ref(object, at("DefaultValueImpl")?, default);
        cx.set_element(list, i, object);
    }
    Ok(list)
}

/// The Param row of a parameter (0: the result).
pub(super) fn parameter_row(
    m: &'static Method,
    sequence: u32,
) -> Option<crate::metadata::ParamRow<'static>> {
    let image = &m.owner.assembly?.image;
    let mut rids = image.method_def(m.rid()?).ok()?.params().ok()?;
    rids.find_map(|rid| {
        image
            .param(rid)
            .ok()
            .filter(|p| u32::from(p.sequence()) == sequence)
    })
}

fn function_pointer(cx: &Cx<'_>, method: usize) -> Result<usize> {
    Ok(crate::vm::entry::stable(handle::method(cx, method)?))
}

fn field_from_handle(cx: &Cx<'_>, field: usize, ty: usize) -> Result<Ref> {
    let f = handle::field_at(field).ok_or_else(|| cx.null_reference())?;
    reflect::field_object(cx, f, type_at(ty).unwrap_or(f.owner))
}

fn field_parent(cx: &Cx<'_>, this: Ref, declaring: bool) -> Result<Ref> {
    let (f, through) = reflect::field_of(cx, this)?;
    reflect::type_object(cx, if declaring { f.owner } else { through })
}

fn field_type(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let (f, _) = reflect::field_of(cx, this)?;
    let ty = f.ty().and_then(|ty| shown_in(ty, f.owner, None));
    reflect::type_object(cx, ty.map_err(|e| cx.load_error(&e))?)
}

fn field_offset(cx: &Cx<'_>, this: Ref) -> Result<i32> {
    let (f, _) = reflect::field_of(cx, this)?;
    Ok(match f.place().map_err(|e| cx.load_error(&e))? {
        Place::Instance(offset) if f.owner.is_value() => offset as i32,
        Place::Instance(offset) => offset as i32 - isthmus_runtime_abi::layout::HEADER as i32,
        _ => 0,
    })
}

fn field_token(cx: &Cx<'_>, field: Ref) -> Result<i32> {
    Ok(0x0400_0000 | reflect::field_of(cx, field)?.0.rid as i32)
}

/// Address of a field's data: in an object (a box for value types), or static.
pub(super) fn field_address(cx: &Cx<'_>, f: &'static Field, object: Ref) -> Result<usize> {
    let place = f.place().map_err(|e| cx.load_error(&e))?;
    let Place::Instance(offset) = place else {
        cx.ensure_init(types().ty(f.owner.id))?;
        return statics::address_of(cx, f);
    };
    if object.is_null() {
        return Err(cx.exception(
            "System.Reflection",
            "TargetException",
            "Non-static field requires a target",
        ));
    }
    let header = if f.owner.is_value() {
        isthmus_runtime_abi::layout::HEADER
    } else {
        0
    };
    Ok(object.addr() + (offset + header) as usize)
}

fn field_value(cx: &Cx<'_>, this: Ref, object: Ref) -> Result<Ref> {
    let (f, _) = reflect::field_of(cx, this)?;
    if f.is_literal() {
        return constant_of_field(cx, f);
    }
    let ty = f.ty().map_err(|e| cx.load_error(&e))?;
    f.owner.layout().map_err(|e| cx.load_error(&e))?;
    casts::box_value(cx, ty, field_address(cx, f, object)?)
}

fn set_field_value(cx: &Cx<'_>, field: Ref, object: Ref, value: Ref) -> Result<()> {
    let (f, _) = reflect::field_of(cx, field)?;
    if f.flags.contains(FieldAttributes::LITERAL) {
        return Err(cx.exception(
            "System",
            "FieldAccessException",
            "Cannot set a constant field",
        ));
    }
    let ty = f.ty().map_err(|e| cx.load_error(&e))?;
    let at = field_address(cx, f, object)?;
    invoke::store_object(cx, value, ty, at)
}

/// The constant of a literal field, as its own type.
fn constant_of_field(cx: &Cx<'_>, f: &'static Field) -> Result<Ref> {
    let ty = f.ty().map_err(|e| cx.load_error(&e))?;
    constant_as(cx, f, ty)
}

fn constant_as(cx: &Cx<'_>, f: &'static Field, ty: &'static Type) -> Result<Ref> {
    let assembly = f.owner.assembly.expect("fields belong to definitions");
    constant::of_token(cx, &assembly.image, Token::new(TableId::Field, f.rid), ty)
}

/// The constant as the integer, even for enums.
fn constant_value(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let (f, _) = reflect::field_of(cx, this)?;
    if !f.is_literal() {
        return Err(cx.exception("System", "InvalidOperationException", ""));
    }
    let ty = f.ty().map_err(|e| cx.load_error(&e))?;
    constant_as(cx, f, ty.underlying())
}
