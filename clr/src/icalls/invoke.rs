//! Calls through reflection: `MethodInfo.Invoke` and `ConstructorInfo.Invoke`.

use super::array::widen;
use crate::types::{Method, Type, TypeKey, types};
use crate::vm::cx::{Result, Value};
use crate::vm::{Cx, casts, heap, reflect};
use isthmus_rt::object::{Ref, Thrown};
use isthmus_runtime_abi::callconv::{AbiSig, RetPass};
use isthmus_runtime_abi::layout::HEADER;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::types::MemTy;

icalls! {
    "System.Reflection.RuntimeMethodInfo" {
        "InternalInvoke" => invoke_method [this: Ref, object: Ref, args: Ref, exception: usize] -> Ref;
    }
    "System.Reflection.RuntimeConstructorInfo" {
        "InternalInvoke" => invoke_constructor [this: Ref, object: Ref, args: Ref, exception: usize] -> Ref;
    }
}

/// Stores an object into a location of a type: unboxed, widened, or checked.
pub(super) fn store_object(cx: &Cx<'_>, value: Ref, ty: &'static Type, at: usize) -> Result<()> {
    if !ty.is_value() || ty.nullable_of().is_some() {
        if !value.is_null() && !cx.type_of(value).is_assignable_to(ty) {
            return Err(mismatch(cx, value, ty));
        }
        return casts::unbox_any(cx, value, ty, at);
    }
    let size = ty.size_align().map_err(|e| cx.load_error(&e))?.0 as usize;
    if value.is_null() {
        // SAFETY: a location of that type; zero bits are its default.
        unsafe { std::ptr::write_bytes(at as *mut u8, 0, size) };
        return Ok(());
    }
    let from = cx.type_of(value);
    if from == ty || (from.is_value() && from.underlying() == ty.underlying()) {
        return casts::unbox_any(cx, value, ty, at);
    }
    match widen(from, ty, value.addr() + HEADER as usize) {
        Some(bits) => {
            heap::store_word(at, size, bits);
            Ok(())
        }
        None => Err(mismatch(cx, value, ty)),
    }
}

fn mismatch(cx: &Cx<'_>, value: Ref, ty: &'static Type) -> Thrown {
    let text = format!(
        "Object of type '{}' cannot be converted to type '{}'.",
        cx.type_of(value).full_name(),
        ty.full_name()
    );
    cx.exception("System", "ArgumentException", &text)
}

/// A box for a value of a type, also for nullables (whose own boxes do not otherwise exist).
fn new_box(cx: &Cx<'_>, ty: &'static Type) -> Result<Ref> {
    cx.alloc(ty)
}

/// The arguments of a call: each value lives in a box that `keep`, an array, keeps alive and `Value`s point into.
fn arguments(
    cx: &Cx<'_>,
    m: &'static Method,
    args: Ref,
    keep: Ref,
    list: &mut Vec<Value>,
) -> Result<()> {
    let sig = m.sig().map_err(|e| cx.load_error(&e))?;
    for (i, &ty) in sig.params.iter().enumerate() {
        let given = cx.element(args, i);
        let value = match &ty.key {
            TypeKey::ByRef(target) => {
                let target = types().ty(*target);
                if target.is_value() {
                    // The callee gets the inside of a fresh box, which the caller then finds in its array.
                    let made = new_box(cx, target)?;
                    store_object(cx, given, target, made.addr() + HEADER as usize)?;
                    cx.set_element(keep, i, made);
                    Value::Ptr(made.addr() + HEADER as usize)
                } else {
                    if !given.is_null() && !cx.type_of(given).is_assignable_to(target) {
                        return Err(mismatch(cx, given, target));
                    }
                    cx.set_element(keep, i, given);
                    Value::Ptr(cx.data(keep) + 8 * i)
                }
            }
            TypeKey::Ptr(_) | TypeKey::FnPtr(_) => {
                // Pointers come as boxed IntPtr.
                if given.is_null() {
                    Value::Ptr(0)
                } else {
                    Value::Ptr(cx.read(given, HEADER))
                }
            }
            _ if !ty.is_value() => {
                if !given.is_null() && !cx.type_of(given).is_assignable_to(ty) {
                    return Err(mismatch(cx, given, ty));
                }
                Value::Ref(given)
            }
            _ => {
                let made = new_box(cx, ty)?;
                cx.set_element(keep, i, made);
                let at = made.addr() + HEADER as usize;
                store_object(cx, given, ty, at)?;
                load(ty, at)
            }
        };
        list.push(value);
    }
    Ok(())
}

/// The value of a value type at an address.
fn load(ty: &'static Type, at: usize) -> Value {
    let scalar = |t| heap::load_scalar(at, t);
    match ty.mem_ty() {
        MemTy::Struct(_) => Value::Struct(at),
        MemTy::F32 => Value::F32(f32::from_bits(scalar(MemTy::F32) as u32)),
        MemTy::F64 => Value::F64(f64::from_bits(scalar(MemTy::F64))),
        t @ (MemTy::I8 | MemTy::U8 | MemTy::I16 | MemTy::U16 | MemTy::I32) => {
            Value::I32(scalar(t) as i32)
        }
        t => Value::I64(scalar(t) as i64),
    }
}

/// Copies result words of a value type into a box.
fn store_result(
    cx: &Cx<'_>,
    m: &'static Method,
    ty: &'static Type,
    made: Ref,
    words: &[u64],
) -> Result<()> {
    let size = ty.size_align().map_err(|e| cx.load_error(&e))?.0 as usize;
    let base = made.addr() + HEADER as usize;
    let sig = m.abi().map_err(|e| cx.load_error(&e))?;
    let arch = Arch::host().expect("the VM runs on a known architecture");
    let abi = AbiSig::new(&sig, arch, &crate::vm::env::ClrEnv::default());
    match &abi.ret {
        RetPass::Words(places) if matches!(ty.mem_ty(), MemTy::Struct(_)) => {
            // One word at a time; a struct with references is copied with the collector's barrier.
            for (place, word) in places.iter().zip(words) {
                let offset = place.offset as usize;
                heap::store_word(base + offset, size - offset, *word);
            }
            heap::copy_into(made, base, base, size);
        }
        RetPass::Buffer(_) => heap::copy_into(made, base, words.as_ptr() as usize, size),
        _ => heap::store_word(base, size, words.first().copied().unwrap_or(0)),
    }
    Ok(())
}

/// Calls a method with boxed arguments; `this` goes first unless the method has none. By-reference arguments are stored back
/// into `args`.
pub(super) fn call(cx: &Cx<'_>, m: &'static Method, this: Option<Value>, args: Ref) -> Result<Ref> {
    let thrown = |e| cx.load_error(&e);
    let sig = m.sig().map_err(thrown)?;
    let given = if args.is_null() { 0 } else { cx.length(args) };
    if given != sig.params.len() {
        return Err(cx.exception(
            "System.Reflection",
            "TargetParameterCountException",
            "Number of parameters specified does not match the expected number.",
        ));
    }
    let keep = cx.alloc_array(types().known.object(), given)?;
    let mut list = Vec::with_capacity(given + 1);
    list.extend(this);
    arguments(cx, m, args, keep, &mut list)?;
    let ret = sig.ret;
    let result = if ret.is_value() && !ret.is_void() {
        new_box(cx, ret)?
    } else {
        Ref::NULL
    };
    let words = with_pinned(cx, keep, 0, &mut || cx.invoke(m, &list))?;
    // A reference among the words must not wait for an allocation: only what is on the stack is seen by the collector.
    let word = words.first().copied().unwrap_or(0);
    if !result.is_null() {
        store_result(cx, m, ret, result, &words)?;
    }
    for (i, ty) in sig.params.iter().enumerate() {
        if let TypeKey::ByRef(target) = ty.key {
            let slot = cx.element(keep, i);
            let target = types().ty(target);
            let object = if target.nullable_of().is_some() {
                casts::box_value(cx, target, slot.addr() + HEADER as usize)?
            } else {
                slot
            };
            cx.set_element(args, i, object);
        }
    }
    if m.makes_its_object() {
        return Ok(Ref::from_addr(word as usize));
    }
    if ret.is_void() {
        return Ok(Ref::NULL);
    }
    if !result.is_null() {
        if ret.nullable_of().is_some() {
            return casts::box_value(cx, ret, result.addr() + HEADER as usize);
        }
        return Ok(result);
    }
    match ret.key {
        TypeKey::Ptr(_) | TypeKey::FnPtr(_) => {
            cx.box_value(types().known.int_ptr(), (&raw const word) as usize)
        }
        TypeKey::ByRef(target) => casts::box_value(cx, types().ty(target), word as usize),
        _ => Ok(Ref::from_addr(word as usize)),
    }
}

/// Runs `f` while the elements of an array stand in frames of this stack, which keeps them in place.
fn with_pinned<R>(cx: &Cx<'_>, keep: Ref, from: usize, f: &mut dyn FnMut() -> R) -> R {
    if from >= cx.length(keep) {
        std::hint::black_box(keep);
        return f();
    }
    let object = std::hint::black_box(cx.element(keep, from));
    let result = with_pinned(cx, keep, from + 1, f);
    std::hint::black_box(object);
    result
}

/// What is wrong with a call goes to `exception`, which the library throws as it is; what the called method throws
/// is thrown here, and the library wraps it.
fn refuse(cx: &Cx<'_>, exception: usize, namespace: &str, name: &str, text: &str) -> Result<Ref> {
    cx.store_by_ref(exception, cx.exception(namespace, name, text).exception);
    Ok(Ref::NULL)
}

fn invoke_method(cx: &Cx<'_>, this: Ref, object: Ref, args: Ref, exception: usize) -> Result<Ref> {
    cx.store_by_ref(exception, Ref::NULL);
    let m = reflect::method_of(cx, this)?;
    let target_error = |text| refuse(cx, exception, "System.Reflection", "TargetException", text);
    if m.owner.is_open || m.is_generic_definition() {
        return refuse(
            cx,
            exception,
            "System",
            "InvalidOperationException",
            "Late bound operations cannot be performed on types or methods for which ContainsGenericParameters is true.",
        );
    }
    let sig = m.sig().map_err(|e| cx.load_error(&e))?;
    if matches!(sig.ret.key, TypeKey::ByRef(_)) {
        let text = "Cannot invoke method returning ByRef type via reflection";
        return refuse(cx, exception, "System", "NotSupportedException", text);
    }
    if m.is_static() {
        return call(cx, m, None, args);
    }
    if object.is_null() {
        return target_error("Non-static method requires a target.");
    }
    let class = cx.type_of(object);
    if !class.is_assignable_to(m.owner) {
        return target_error("Object does not match target type.");
    }
    let target = class.implementation_of(m).unwrap_or(m);
    call(cx, target, Some(this_of(target, object)), args)
}

/// The first argument of an instance method: the object, or the inside of a box for methods of value types.
pub(super) fn this_of(m: &Method, object: Ref) -> Value {
    if m.owner.is_value() {
        Value::Ptr(object.addr() + HEADER as usize)
    } else {
        Value::Ref(object)
    }
}

fn invoke_constructor(
    cx: &Cx<'_>,
    this: Ref,
    object: Ref,
    args: Ref,
    exception: usize,
) -> Result<Ref> {
    cx.store_by_ref(exception, Ref::NULL);
    let m = reflect::method_of(cx, this)?;
    if m.is_static() {
        return cx.ensure_init(m.owner).map(|()| Ref::NULL);
    }
    if m.makes_its_object() {
        return call(cx, m, None, args);
    }
    if !object.is_null() {
        return call(cx, m, Some(this_of(m, object)), args).map(|_| Ref::NULL);
    }
    if m.owner
        .flags
        .contains(crate::metadata::TypeAttributes::ABSTRACT)
    {
        let text = format!("Cannot create an abstract class '{}'.", m.owner.full_name());
        return refuse(cx, exception, "System", "MemberAccessException", &text);
    }
    cx.ensure_init(m.owner)?;
    let made = cx.alloc(m.owner)?;
    call(cx, m, Some(this_of(m, made)), args)?;
    Ok(made)
}
