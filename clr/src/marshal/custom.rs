//! Marshalers written in managed code: `ICustomMarshaler`.

use crate::icalls::assembly::type_named;
use crate::metadata::CustomMarshaler;
use crate::types::system::Assembly;
use crate::types::{Type, types};
use crate::vm::Cx;
use crate::vm::cx::{Result, Value};
use crate::vm::heap;
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::ids::TypeId;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// A marshaler as `MarshalAs` names it.
pub struct Custom {
    named: CustomMarshaler<'static>,
    home: &'static Assembly,
}

impl std::fmt::Debug for Custom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.named.managed_type)
    }
}

/// Handles of marshalers, by class and cookie.
type Instances = FxHashMap<(TypeId, &'static str), usize>;

static INSTANCES: Mutex<Option<Instances>> = Mutex::new(None);

impl Custom {
    /// The marshaler that an assembly names.
    pub fn new(named: CustomMarshaler<'static>, home: &'static Assembly) -> &'static Custom {
        Box::leak(Box::new(Custom { named, home }))
    }
}

fn interface() -> Option<&'static Type> {
    types()
        .corlib()
        .find_type("System.Runtime.InteropServices", "ICustomMarshaler")
}

/// What is wrong with a marshaler's class.
fn wrong<T>(cx: &Cx<'_>, class: &Type, what: &str) -> Result<T> {
    let text = format!("Custom marshaler '{}' {what}", class.full_name());
    Err(cx.exception("System", "ApplicationException", &text))
}

/// The marshaler: one for each class and cookie.
fn instance(cx: &Cx<'_>, custom: &Custom) -> Result<Ref> {
    let class = type_named(cx, custom.named.managed_type, custom.home)?;
    let cookie = custom.named.cookie;
    if let Some(&handle) = INSTANCES
        .lock()
        .get_or_insert_default()
        .get(&(class.id, cookie))
    {
        return Ok(heap::from_handle(handle));
    }
    let Some(interface) = interface().filter(|i| class.is_assignable_to(i)) else {
        return wrong(
            cx,
            class,
            "does not implement the ICustomMarshaler interface.",
        );
    };
    let string = types().known.string();
    let methods = class.methods().map_err(|e| cx.load_error(&e))?;
    let maker = methods.iter().copied().find(|m| {
        let fits =
            |s: &crate::types::member::ResolvedSig| s.params == [string] && s.ret == interface;
        m.name == "GetInstance" && m.is_static() && m.sig().is_ok_and(fits)
    });
    let Some(maker) = maker else {
        return wrong(
            cx,
            class,
            "does not implement a static GetInstance method that takes a single string parameter and returns an ICustomMarshaler.",
        );
    };
    cx.ensure_init(class)?;
    let argument = cx.string(cookie)?;
    let words = cx.invoke(maker, &[Value::Ref(argument)])?;
    let made = Ref::from_addr(words.first().copied().unwrap_or(0) as usize);
    if made.is_null() {
        return wrong(
            cx,
            class,
            "has a GetInstance method that returned null, which is not allowed.",
        );
    }
    let handle = heap::strong_handle(made);
    INSTANCES
        .lock()
        .get_or_insert_default()
        .insert((class.id, cookie), handle);
    Ok(made)
}

/// Calls a method of the interface.
fn call(cx: &Cx<'_>, custom: &Custom, name: &str, arg: Value) -> Result<u64> {
    let marshaler = instance(cx, custom)?;
    let declared = interface().and_then(|i| i.method(name, 1));
    let class = cx.type_of(marshaler);
    let method = declared.and_then(|m| class.interface_implementation(m));
    let method = method.ok_or_else(|| cx.exception("System", "MissingMethodException", name))?;
    let words = cx.invoke(method, &[Value::Ref(marshaler), arg])?;
    Ok(words.first().copied().unwrap_or(0))
}

/// Throws what is wrong with a marshaler, if anything.
pub fn check(cx: &Cx<'_>, custom: &Custom) -> Result<()> {
    instance(cx, custom).map(drop)
}

/// The native form of an object; null for null.
pub fn to_native(cx: &Cx<'_>, custom: &Custom, object: Ref) -> Result<usize> {
    check(cx, custom)?;
    match object.is_null() {
        true => Ok(0),
        false => call(cx, custom, "MarshalManagedToNative", Value::Ref(object)).map(|w| w as usize),
    }
}

/// The object of a native form; null for null.
pub fn to_managed(cx: &Cx<'_>, custom: &Custom, at: usize) -> Result<Ref> {
    match at {
        0 => Ok(Ref::NULL),
        at => {
            let word = call(cx, custom, "MarshalNativeToManaged", Value::Ptr(at))?;
            Ok(Ref::from_addr(word as usize))
        }
    }
}

/// Tells the marshaler that a native form is not used any more.
pub fn clean_native(cx: &Cx<'_>, custom: &Custom, at: usize) -> Result<()> {
    match at {
        0 => Ok(()),
        at => call(cx, custom, "CleanUpNativeData", Value::Ptr(at)).map(drop),
    }
}

/// Tells the marshaler that an object is not used any more.
pub fn clean_managed(cx: &Cx<'_>, custom: &Custom, object: Ref) -> Result<()> {
    match object.is_null() {
        true => Ok(()),
        false => call(cx, custom, "CleanUpManagedData", Value::Ref(object)).map(drop),
    }
}
