//! `System.Type`, `System.RuntimeType` and `System.RuntimeTypeHandle`.

use super::handle::{type_at, type_of_object};
use super::names::{self, Form};
use crate::metadata::Row;
use crate::metadata::sig::Prim;
use crate::types::params::{ParamOwner, shown_in};
use crate::types::{Kind, Type, TypeKey, types};
use crate::vm::cx::Result;
use crate::vm::{Cx, references, reflect};
use isthmus_rt::object::Ref;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

icalls! {
    "System.Type" {
        "internal_from_handle" => from_handle [handle: usize] -> Ref;
    }
    "System.RuntimeType" {
        "MakeGenericType" => make_generic_type [definition: Ref, args: Ref] -> Ref;
        "make_array_type" => make_array_type [this: Ref, rank: i32] -> Ref;
        "make_byref_type" => make_byref_type [this: Ref] -> Ref;
        "MakePointerType" => make_pointer_type [ty: Ref] -> Ref;
        "CreateInstanceInternal" => create_instance [ty: Ref] -> Ref;
        "GetTypeCodeImplInternal" => type_code [ty: Ref] -> i32;
        "GetGenericArgumentsInternal" => generic_arguments [this: Ref, runtime_array: bool] -> Ref;
        "GetGenericParameterPosition" => parameter_position [this: Ref] -> i32;
        "GetInterfaces" => interfaces [this: Ref] -> Ref;
        "get_DeclaringType" => declaring_type [this: Ref] -> Ref;
        "get_DeclaringMethod" => declaring_method [this: Ref] -> Ref;
        "get_Name" => name [this: Ref] -> Ref;
        "get_Namespace" => namespace [this: Ref] -> Ref;
        "getFullName" => full_name [this: Ref, full: bool, qualified: bool] -> Ref;
        "IsWindowsRuntimeObjectType" => never [ty: Ref] -> bool;
        "IsTypeExportedToWindowsRuntime" => never [ty: Ref] -> bool;
        "get_core_clr_security_level" => security_level [this: Ref] -> i32;
    }
    "System.RuntimeTypeHandle" {
        "type_is_assignable_from" => is_assignable_from [a: Ref, b: Ref] -> bool;
        "is_subclass_of" => is_subclass_of [child: usize, base: usize] -> bool;
        "IsInstanceOfType" => is_instance [ty: Ref, object: Ref] -> bool;
        "GetAttributes" => attributes [ty: Ref] -> i32;
        "GetBaseType" => base_type [ty: Ref] -> Ref;
        "GetElementType" => element_type [ty: Ref] -> Ref;
        "GetArrayRank" => array_rank [ty: Ref] -> i32;
        "GetCorElementType" => element_code [ty: Ref] -> u8;
        "GetGenericTypeDefinition_impl" => generic_definition [ty: Ref] -> Ref;
        "HasInstantiation" => has_instantiation [ty: Ref] -> bool;
        "IsGenericTypeDefinition" => is_generic_definition [ty: Ref] -> bool;
        "IsGenericVariable" => is_generic_variable [ty: Ref] -> bool;
        "IsComObject" => never [ty: Ref] -> bool;
        "IsByRefLike" => is_by_ref_like [ty: Ref] -> bool;
        "HasReferences" => has_references [ty: Ref] -> bool;
        "GetMetadataToken" => metadata_token [ty: Ref] -> i32;
        "GetGenericParameterInfo" => parameter_info [ty: Ref] -> usize;
        "GetAssembly" => assembly [ty: Ref] -> Ref;
        "GetModule" => module [ty: Ref] -> Ref;
    }
    "Mono.RuntimeClassHandle" {
        "GetTypeFromClass" => type_of_class [class: usize] -> usize;
    }
    "System.Runtime.CompilerServices.RuntimeHelpers" {
        "RunClassConstructor" => run_class_constructor [ty: usize] -> ();
        "RunModuleConstructor" => run_module_constructor [module: usize] -> ();
        "SufficientExecutionStack" => sufficient_stack [] -> bool;
    }
    "System.Runtime.Remoting.RemotingServices" {
        "IsTransparentProxy" => never [object: Ref] -> bool;
    }
}

fn from_handle(cx: &Cx<'_>, handle: usize) -> Result<Ref> {
    reflect::type_object_or_null(cx, type_at(handle))
}

/// The types of a `Type[]`.
pub(super) fn types_of_array(cx: &Cx<'_>, array: Ref) -> Result<Vec<&'static Type>> {
    if array.is_null() {
        return Ok(Vec::new());
    }
    (0..cx.length(array))
        .map(|i| type_of_object(cx, cx.element(array, i)))
        .collect()
}

fn make_generic_type(cx: &Cx<'_>, definition: Ref, args: Ref) -> Result<Ref> {
    let def = type_of_object(cx, definition)?.definition();
    let args = types_of_array(cx, args)?;
    if def.generic_arity() != args.len() {
        return Err(cx.exception(
            "System",
            "ArgumentException",
            "The type or method has a different number of generic parameters",
        ));
    }
    if let Some(bad) = args.iter().find(|a| a.kind == Kind::Pointer || a.is_void()) {
        let text = format!(
            "The type '{}' may not be used as a type argument.",
            bad.full_name()
        );
        return Err(cx.exception("System", "ArgumentException", &text));
    }
    if !def.admits(&args) {
        return Err(reflect::bad_type_arguments(cx));
    }
    let made = types()
        .instantiate(def, &args)
        .map_err(|e| cx.load_error(&e))?;
    reflect::type_object(cx, made)
}

fn interned(cx: &Cx<'_>, key: TypeKey) -> Result<Ref> {
    let made = types().intern(key).map_err(|e| cx.load_error(&e))?;
    reflect::type_object(cx, made)
}

/// Rank 0 asks for a vector.
fn make_array_type(cx: &Cx<'_>, this: Ref, rank: i32) -> Result<Ref> {
    let element = type_of_object(cx, this)?.id;
    interned(
        cx,
        if rank == 0 {
            TypeKey::SzArray(element)
        } else {
            TypeKey::MdArray(element, rank as u32)
        },
    )
}

fn make_byref_type(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    interned(cx, TypeKey::ByRef(type_of_object(cx, this)?.id))
}

fn make_pointer_type(cx: &Cx<'_>, ty: Ref) -> Result<Ref> {
    interned(cx, TypeKey::Ptr(type_of_object(cx, ty)?.id))
}

/// A zeroed object; null for nullables.
fn create_instance(cx: &Cx<'_>, ty: Ref) -> Result<Ref> {
    let ty = type_of_object(cx, ty)?;
    if ty.nullable_of().is_some() {
        return Ok(Ref::NULL);
    }
    cx.alloc(ty)
}

/// `System.TypeCode`.
fn type_code(cx: &Cx<'_>, ty: Ref) -> Result<i32> {
    let ty = type_of_object(cx, ty)?.underlying();
    Ok(match ty.prim {
        Some(Prim::Boolean) => 3,
        Some(Prim::Char) => 4,
        Some(Prim::I1) => 5,
        Some(Prim::U1) => 6,
        Some(Prim::I2) => 7,
        Some(Prim::U2) => 8,
        Some(Prim::I4) => 9,
        Some(Prim::U4) => 10,
        Some(Prim::I8) => 11,
        Some(Prim::U8) => 12,
        Some(Prim::R4) => 13,
        Some(Prim::R8) => 14,
        Some(Prim::String) => 18,
        _ if ty.is_corlib("System", "DBNull") => 2,
        _ if ty.is_corlib("System", "Decimal") => 15,
        _ if ty.is_corlib("System", "DateTime") => 16,
        _ => 1,
    })
}

fn generic_arguments(cx: &Cx<'_>, this: Ref, runtime_array: bool) -> Result<Ref> {
    let ty = type_of_object(cx, this)?;
    let class = if runtime_array {
        types().known.runtime_type()
    } else {
        reflect::type_class()
    };
    if ty.is_generic_definition() {
        let parameters = ty.own_params().map_err(|e| cx.load_error(&e))?;
        return reflect::type_array(cx, class, &parameters);
    }
    reflect::type_array(cx, class, &ty.args)
}

fn parameter_position(cx: &Cx<'_>, this: Ref) -> Result<i32> {
    Ok(match type_of_object(cx, this)?.key {
        TypeKey::Var(n) | TypeKey::MVar(n) | TypeKey::Param(_, n) => n as i32,
        _ => -1,
    })
}

fn interfaces(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let ty = type_of_object(cx, this)?;
    let list = references::complete(cx, || ty.interfaces())?;
    let shown: crate::types::Result<Vec<_>> = list.iter().map(|i| shown_in(i, ty, None)).collect();
    reflect::type_array(
        cx,
        reflect::type_class(),
        &shown.map_err(|e| cx.load_error(&e))?,
    )
}

fn declaring_type(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let ty = type_of_object(cx, this)?;
    let owner = match ty.param() {
        Some((ParamOwner::Type(t), _)) => Some(types().ty(t)),
        Some((ParamOwner::Method(m), _)) => Some(types().method(m).owner),
        None => ty.enclosing(),
    };
    reflect::type_object_or_null(cx, owner)
}

/// The method that a generic parameter belongs to.
fn declaring_method(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    match type_of_object(cx, this)?.param() {
        Some((ParamOwner::Method(m), _)) => {
            let m = types().method(m);
            reflect::method_object(cx, m, m.owner)
        }
        _ => Ok(Ref::NULL),
    }
}

/// What the library reads of a generic parameter: its `GenericParamInfo`.
#[repr(C)]
struct ParamInfo {
    class: usize,
    name: usize,
    flags: u16,
    token: u32,
    /// Ends with a zero.
    constraints: *const usize,
}

/// The description of a generic parameter; lives as long as the process, as types do.
fn parameter_info(cx: &Cx<'_>, ty: Ref) -> Result<usize> {
    static MADE: Mutex<Option<FxHashMap<usize, usize>>> = Mutex::new(None);
    let ty = type_of_object(cx, ty)?;
    let key = std::ptr::from_ref(ty) as usize;
    if let Some(&made) = MADE.lock().get_or_insert_default().get(&key) {
        return Ok(made);
    }
    let list = ty.param_constraints().map_err(|e| cx.load_error(&e))?;
    let constraints: Vec<usize> = list
        .iter()
        .map(|t| std::ptr::from_ref(*t) as usize)
        .chain([0])
        .collect();
    let row = ty.param_row();
    let info = Box::new(ParamInfo {
        class: key,
        name: 0,
        flags: row.map_or(0, |(_, r)| r.flags().bits()),
        token: row.map_or(0, |(_, r)| r.token().raw()),
        constraints: Box::leak(constraints.into_boxed_slice()).as_ptr(),
    });
    let made = std::ptr::from_ref(Box::leak(info)) as usize;
    Ok(*MADE
        .lock()
        .get_or_insert_default()
        .entry(key)
        .or_insert(made))
}

/// The type of a class handle: they are the same.
fn type_of_class(_cx: &Cx<'_>, class: usize) -> Result<usize> {
    Ok(class)
}

fn name(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    cx.string(&names::simple_name(type_of_object(cx, this)?))
}

fn namespace(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    let mut ty = type_of_object(cx, this)?;
    loop {
        ty = match (ty.param(), ty.element().or_else(|| ty.enclosing())) {
            (Some((ParamOwner::Type(t), _)), _) => types().ty(t),
            (Some((ParamOwner::Method(m), _)), _) => types().method(m).owner,
            (None, Some(inner)) => inner,
            (None, None) => break,
        };
    }
    let namespace = ty.namespace();
    if namespace.is_empty() {
        Ok(Ref::NULL)
    } else {
        cx.string(namespace)
    }
}

fn full_name(cx: &Cx<'_>, this: Ref, full: bool, qualified: bool) -> Result<Ref> {
    let ty = type_of_object(cx, this)?;
    if full && ty.kind == Kind::Param {
        return Ok(Ref::NULL);
    }
    let form = match (full, qualified) {
        (false, _) => Form::Display,
        (true, false) => Form::Full,
        (true, true) => Form::Qualified,
    };
    cx.string(&names::type_name(ty, form))
}

/// What exists only with COM or the Windows Runtime.
fn never(_cx: &Cx<'_>, _object: Ref) -> Result<bool> {
    Ok(false)
}

/// Everything is security-critical: there is no CoreCLR security model.
fn security_level(_cx: &Cx<'_>, _this: Ref) -> Result<i32> {
    Ok(2)
}

fn is_assignable_from(cx: &Cx<'_>, a: Ref, b: Ref) -> Result<bool> {
    let (a, b) = (type_of_object(cx, a)?, type_of_object(cx, b)?);
    Ok(b.is_assignable_to(a))
}

fn is_subclass_of(_cx: &Cx<'_>, child: usize, base: usize) -> Result<bool> {
    let (Some(child), Some(base)) = (type_at(child), type_at(base)) else {
        return Ok(false);
    };
    if child.is_interface() {
        return Ok(base == types().known.object());
    }
    Ok(child.ancestors().any(|t| t == base))
}

fn is_instance(cx: &Cx<'_>, ty: Ref, object: Ref) -> Result<bool> {
    let ty = type_of_object(cx, ty)?;
    Ok(!object.is_null() && cx.type_of(object).is_assignable_to(ty))
}

fn attributes(cx: &Cx<'_>, ty: Ref) -> Result<i32> {
    Ok(attribute_bits(type_of_object(cx, ty)?))
}

/// `TypeAttributes`. Managed pointers have those of what they point to, pointers its visibility.
fn attribute_bits(ty: &Type) -> i32 {
    const VISIBILITY: i32 = 7;
    let target = || ty.element().map_or(0, attribute_bits);
    match (ty.kind, &ty.key) {
        // Public, sealed, serializable.
        (Kind::Array, _) => 0x2101,
        (Kind::Pointer, TypeKey::ByRef(_)) => target(),
        (Kind::Pointer, _) => target() & VISIBILITY,
        (Kind::Param, _) => 1,
        _ => ty.flags.bits() as i32,
    }
}

fn base_type(cx: &Cx<'_>, ty: Ref) -> Result<Ref> {
    let ty = type_of_object(cx, ty)?;
    if ty.kind == Kind::Pointer {
        return Ok(Ref::NULL);
    }
    let parent = references::complete(cx, || ty.parent())?;
    let shown = parent.map(|p| shown_in(p, ty, None)).transpose();
    reflect::type_object_or_null(cx, shown.map_err(|e| cx.load_error(&e))?)
}

fn element_type(cx: &Cx<'_>, ty: Ref) -> Result<Ref> {
    reflect::type_object_or_null(cx, type_of_object(cx, ty)?.element())
}

fn array_rank(cx: &Cx<'_>, ty: Ref) -> Result<i32> {
    let ty = type_of_object(cx, ty)?;
    if ty.kind != Kind::Array {
        return Err(cx.exception("System", "ArgumentException", "type must be an array type"));
    }
    Ok(ty.rank() as i32)
}

/// `CorElementType` (ECMA-335 II.23.1.16).
fn element_code(cx: &Cx<'_>, ty: Ref) -> Result<u8> {
    let ty = type_of_object(cx, ty)?;
    Ok(match (&ty.key, ty.prim) {
        (_, Some(p)) => p as u8,
        (TypeKey::Ptr(_), _) => 0x0f,
        (TypeKey::ByRef(_), _) => 0x10,
        (TypeKey::Var(_) | TypeKey::SharedVar(_) | TypeKey::Param(ParamOwner::Type(_), _), _) => {
            0x13
        }
        (TypeKey::MdArray(..), _) => 0x14,
        (TypeKey::Inst(..), _) => 0x15,
        (TypeKey::FnPtr(_), _) => 0x1b,
        (TypeKey::SzArray(_), _) => 0x1d,
        (
            TypeKey::MVar(_) | TypeKey::SharedMVar(_) | TypeKey::Param(ParamOwner::Method(_), _),
            _,
        ) => 0x1e,
        (TypeKey::Def(..), _) if ty.is_value() => 0x11,
        (TypeKey::Def(..), _) => 0x12,
    })
}

fn generic_definition(cx: &Cx<'_>, ty: Ref) -> Result<Ref> {
    let ty = type_of_object(cx, ty)?;
    let generic = matches!(ty.key, TypeKey::Inst(..)) || ty.is_generic_definition();
    reflect::type_object_or_null(cx, generic.then(|| ty.definition()))
}

fn has_instantiation(cx: &Cx<'_>, ty: Ref) -> Result<bool> {
    let ty = type_of_object(cx, ty)?;
    Ok(matches!(ty.key, TypeKey::Inst(..)) || ty.is_generic_definition())
}

fn is_generic_definition(cx: &Cx<'_>, ty: Ref) -> Result<bool> {
    Ok(type_of_object(cx, ty)?.is_generic_definition())
}

fn is_generic_variable(cx: &Cx<'_>, ty: Ref) -> Result<bool> {
    Ok(type_of_object(cx, ty)?.kind == Kind::Param)
}

fn is_by_ref_like(cx: &Cx<'_>, ty: Ref) -> Result<bool> {
    let ty = type_of_object(cx, ty)?.definition();
    let (Some(a), true) = (ty.assembly, ty.is_value()) else {
        return Ok(false);
    };
    let token = crate::metadata::Token::new(crate::metadata::TableId::TypeDef, ty.rid);
    Ok(a.has_attribute(
        token,
        "System.Runtime.CompilerServices",
        "IsByRefLikeAttribute",
    ))
}

fn has_references(cx: &Cx<'_>, ty: Ref) -> Result<bool> {
    type_of_object(cx, ty)?
        .has_refs()
        .map_err(|e| cx.load_error(&e))
}

fn metadata_token(cx: &Cx<'_>, ty: Ref) -> Result<i32> {
    let ty = type_of_object(cx, ty)?;
    Ok(match ty.param_row() {
        Some((_, row)) => row.token().raw() as i32,
        None => 0x0200_0000 | ty.rid as i32,
    })
}

/// The assembly that a type counts to: arrays and pointers to their element's.
pub(super) fn home(ty: &'static Type) -> &'static crate::types::system::Assembly {
    let mut ty = ty;
    while let Some(element) = ty.element() {
        ty = element;
    }
    if let Some((a, _)) = ty.param_row() {
        return a;
    }
    ty.assembly.unwrap_or_else(|| types().corlib())
}

fn assembly(cx: &Cx<'_>, ty: Ref) -> Result<Ref> {
    reflect::assembly_object(cx, home(type_of_object(cx, ty)?))
}

fn module(cx: &Cx<'_>, ty: Ref) -> Result<Ref> {
    reflect::module_object(cx, home(type_of_object(cx, ty)?))
}

fn run_class_constructor(cx: &Cx<'_>, ty: usize) -> Result<()> {
    match type_at(ty) {
        Some(ty) => cx.ensure_init(ty),
        None => Err(cx.exception("System", "ArgumentException", "Handle is not initialized.")),
    }
}

fn run_module_constructor(cx: &Cx<'_>, module: usize) -> Result<()> {
    match super::handle::assembly_at(module) {
        Some(a) => cx.ensure_init(a.type_def(1).map_err(|e| cx.load_error(&e))?),
        None => Err(cx.exception("System", "ArgumentException", "Handle is not initialized.")),
    }
}

/// Whether a recursion of ordinary depth still fits: 128 KiB above the limit.
fn sufficient_stack(cx: &Cx<'_>) -> Result<bool> {
    let here = 0u8;
    Ok((&raw const here as usize).saturating_sub(cx.thread.stack_limit()) > 128 * 1024)
}
