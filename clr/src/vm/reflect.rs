//! Reflection objects of types, members, assemblies and modules: made on demand, one for each.
//!
//! A `RuntimeType` never moves and hangs off its type. Others are found by a table of strong handles; a member has one object
//! for each type that it is reflected through.

use super::cx::Result;
use super::offsets::{offset_of, offsets};
use super::{Cx, heap};
use crate::types::system::Assembly;
use crate::types::{Field, Method, Type, types};
use isthmus_rt::object::{Ref, Thrown};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The `RuntimeType` of a type: an object that never moves.
pub fn type_object(cx: &Cx<'_>, ty: &'static Type) -> Result<Ref> {
    let cell = &ty.runtime.type_object;
    let found = cell.load(Ordering::Acquire);
    if found != 0 {
        return Ok(Ref::from_addr(found));
    }
    let vtable = types()
        .known
        .runtime_type()
        .vtable_pointer()
        .map_err(|e| cx.load_error(&e))?;
    let object = heap::alloc_immortal(vtable, None).map_err(|e| cx.load_error(&e))?;
    cx.write(
        object,
        offsets().type_handle,
        std::ptr::from_ref(ty) as usize,
    );
    match cell.compare_exchange(0, object.addr(), Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Ok(object),
        Err(first) => Ok(Ref::from_addr(first)),
    }
}

/// The reflection object of a type, or null for none.
pub fn type_object_or_null(cx: &Cx<'_>, ty: Option<&'static Type>) -> Result<Ref> {
    ty.map_or(Ok(Ref::NULL), |t| type_object(cx, t))
}

/// A `Type[]` (or `RuntimeType[]`) of types.
pub fn type_array(cx: &Cx<'_>, element: &'static Type, list: &[&'static Type]) -> Result<Ref> {
    let array = cx.alloc_array(element, list.len())?;
    for (i, ty) in list.iter().enumerate() {
        cx.set_element(array, i, type_object(cx, ty)?);
    }
    Ok(array)
}

/// `System.Type`.
pub fn type_class() -> &'static Type {
    class("System", "Type")
}

/// A class of mscorlib that reflection needs.
///
/// # Panics
/// If there is none: mscorlib without its reflection classes is no mscorlib.
pub fn class(namespace: &str, name: &str) -> &'static Type {
    types()
        .corlib()
        .find_type(namespace, name)
        .unwrap_or_else(|| panic!("mscorlib has no {namespace}.{name}"))
}

/// What a member object is made for: the member's address and the type it is reflected through.
type MemberKey = (usize, u32);

static MEMBERS: Mutex<Option<FxHashMap<MemberKey, usize>>> = Mutex::new(None);

/// The object of a member, from the table or made.
pub(crate) fn member_object(key: MemberKey, make: impl FnOnce() -> Result<Ref>) -> Result<Ref> {
    let find = || MEMBERS.lock().get_or_insert_default().get(&key).copied();
    if let Some(handle) = find() {
        return Ok(heap::from_handle(handle));
    }
    let made = make()?;
    let handle = heap::strong_handle(made);
    // Another thread may have been faster: its object is the one.
    let first = *MEMBERS
        .lock()
        .get_or_insert_default()
        .entry(key)
        .or_insert(handle);
    Ok(heap::from_handle(first))
}

/// Offset of a field of a reflection class.
fn at(cx: &Cx<'_>, class: &'static Type, name: &str) -> Result<u32> {
    offset_of(class, name).map_err(|e| cx.load_error(&e))
}

/// The `RuntimeMethodInfo` or `RuntimeConstructorInfo` of a method reflected through a type.
pub fn method_object(cx: &Cx<'_>, m: &'static Method, through: &'static Type) -> Result<Ref> {
    member_object((std::ptr::from_ref(m) as usize, through.id.raw()), || {
        let known = &types().known;
        let class = if m.name == ".ctor" || m.name == ".cctor" {
            known.runtime_constructor_info()
        } else {
            known.runtime_method_info()
        };
        let object = cx.alloc(class)?;
        cx.write(
            object,
            at(cx, class, "mhandle")?,
            std::ptr::from_ref(m) as usize,
        );
        cx.write_ref(object, at(cx, class, "reftype")?, type_object(cx, through)?);
        Ok(object)
    })
}

/// The method behind a `RuntimeMethodInfo` or `RuntimeConstructorInfo`.
pub fn method_of(cx: &Cx<'_>, object: Ref) -> Result<&'static Method> {
    if object.is_null() {
        return Err(cx.null_reference());
    }
    let handle: usize = cx.read(object, at(cx, cx.type_of(object), "mhandle")?);
    crate::icalls::handle::method(cx, handle)
}

/// The constraints of generic parameters do not allow these arguments.
pub fn bad_type_arguments(cx: &Cx<'_>) -> Thrown {
    let text = "Invalid generic arguments\nParameter name: typeArguments";
    cx.exception("System", "ArgumentException", text)
}

/// The type that a method object is reflected through.
pub fn reflected_type(cx: &Cx<'_>, object: Ref) -> Result<&'static Type> {
    let ty: Ref = cx.read(object, at(cx, cx.type_of(object), "reftype")?);
    crate::icalls::handle::type_of_object(cx, ty)
}

/// The `RuntimeFieldInfo` of a field reflected through a type.
pub fn field_object(cx: &Cx<'_>, f: &'static Field, through: &'static Type) -> Result<Ref> {
    member_object((std::ptr::from_ref(f) as usize, through.id.raw()), || {
        let class = types().known.runtime_field_info();
        let object = cx.alloc(class)?;
        cx.write(
            object,
            at(cx, class, "klass")?,
            std::ptr::from_ref(through) as usize,
        );
        cx.write(
            object,
            at(cx, class, "fhandle")?,
            std::ptr::from_ref(f) as usize,
        );
        cx.write(object, at(cx, class, "attrs")?, i32::from(f.flags.bits()));
        let name = cx.string(f.name)?;
        cx.write_ref(object, at(cx, class, "name")?, name);
        Ok(object)
    })
}

/// The field behind a `RuntimeFieldInfo`, and the type it is reflected through.
pub fn field_of(cx: &Cx<'_>, object: Ref) -> Result<(&'static Field, &'static Type)> {
    if object.is_null() {
        return Err(cx.null_reference());
    }
    let class = types().known.runtime_field_info();
    let field = crate::icalls::handle::field_at(cx.read(object, at(cx, class, "fhandle")?));
    let through = crate::icalls::handle::type_at(cx.read(object, at(cx, class, "klass")?));
    field.zip(through).ok_or_else(|| cx.null_reference())
}

/// An object of an assembly, made once and held by `cell`.
fn once(cell: &AtomicUsize, make: impl FnOnce() -> Result<Ref>) -> Result<Ref> {
    if cell.load(Ordering::Acquire) == 0 {
        let handle = heap::strong_handle(make()?);
        let _ = cell.compare_exchange(0, handle, Ordering::AcqRel, Ordering::Acquire);
    }
    Ok(heap::from_handle(cell.load(Ordering::Acquire)))
}

/// Offsets of the fields that tie assembly and module objects to assemblies.
fn assembly_offsets(cx: &Cx<'_>) -> Result<(u32, u32, u32)> {
    static FOUND: OnceLock<(u32, u32, u32)> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Ok(*found);
    }
    let known = &types().known;
    let found = (
        at(cx, known.runtime_assembly(), "_mono_assembly")?,
        at(cx, known.runtime_module(), "_impl")?,
        at(cx, known.runtime_module(), "assembly")?,
    );
    Ok(*FOUND.get_or_init(|| found))
}

/// The `RuntimeAssembly` of an assembly, or of the one that a module belongs to.
pub fn assembly_object(cx: &Cx<'_>, a: &'static Assembly) -> Result<Ref> {
    let a = a.main();
    let (handle, _, _) = assembly_offsets(cx)?;
    once(&a.runtime.object, || {
        let object = cx.alloc(types().known.runtime_assembly())?;
        cx.write(object, handle, std::ptr::from_ref(a) as usize);
        Ok(object)
    })
}

/// The assembly behind a `RuntimeAssembly` or `AssemblyBuilder`.
pub fn assembly_of(cx: &Cx<'_>, object: Ref) -> Result<&'static Assembly> {
    if object.is_null() {
        return Err(cx.null_reference());
    }
    let handle = match cx.type_of(object) {
        class if class == types().known.runtime_assembly() => assembly_offsets(cx)?.0,
        class => at(cx, class, "_mono_assembly")?,
    };
    crate::icalls::handle::assembly_at(cx.read(object, handle)).ok_or_else(|| cx.null_reference())
}

/// The `RuntimeModule` of an assembly's only module.
pub fn module_object(cx: &Cx<'_>, a: &'static Assembly) -> Result<Ref> {
    let (_, handle, assembly) = assembly_offsets(cx)?;
    let known = &types().known;
    once(&a.runtime.module, || {
        let class = known.runtime_module();
        let object = cx.alloc(class)?;
        cx.write(object, handle, std::ptr::from_ref(a) as usize);
        cx.write_ref(object, assembly, assembly_object(cx, a)?);
        let path = cx.string(&a.path.to_string_lossy())?;
        cx.write_ref(object, at(cx, class, "fqname")?, path);
        let file = a.path.file_name().unwrap_or_default().to_string_lossy();
        let name = cx.string(&file)?;
        cx.write_ref(object, at(cx, class, "name")?, name);
        cx.write_ref(object, at(cx, class, "scopename")?, name);
        Ok(object)
    })
}
