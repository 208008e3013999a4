//! Handles: the native addresses by which managed code names types, methods and fields.
//!
//! `RuntimeTypeHandle.value`, `RuntimeMethodHandle.value` and `RuntimeFieldHandle.value` are addresses of interned, never
//! freed items of the type system. Zero is no item.

use crate::types::system::Assembly;
use crate::types::{Field, Method, Type};
use crate::vm::Cx;
use crate::vm::cx::Result;
use crate::vm::offsets::offsets;
use isthmus_rt::object::Ref;

macro_rules! handles {
    ($($(#[$doc:meta])* $from:ident: $ty:ty;)*) => {$(
        impl Item for $ty {}

        $(#[$doc])*
        pub fn $from(handle: usize) -> Option<&'static $ty> {
            // SAFETY: the library gets handles only from this VM, which makes them from leaked items.
            unsafe { (handle as *const $ty).as_ref() }
        }
    )*};
}

handles! {
    /// The type of a handle.
    type_at: Type;
    /// The method of a handle.
    method_at: Method;
    /// The field of a handle.
    field_at: Field;
    /// The assembly of a `RuntimeAssembly`'s native pointer.
    assembly_at: Assembly;
}

/// What has handles: references to these have none.
pub trait Item {}

/// The handle of an item of the type system.
pub fn of<T: Item>(item: &'static T) -> usize {
    std::ptr::from_ref(item) as usize
}

/// The type of a `RuntimeType` object; null is a NullReferenceException.
pub fn type_of_object(cx: &Cx<'_>, object: Ref) -> Result<&'static Type> {
    if object.is_null() {
        return Err(cx.null_reference());
    }
    if !cx
        .type_of(object)
        .is_assignable_to(crate::types::types().known.runtime_type())
    {
        return Err(cx.exception(
            "System",
            "ArgumentException",
            "Type must be a type provided by the runtime.",
        ));
    }
    type_at(cx.read(object, offsets().type_handle)).ok_or_else(|| cx.null_reference())
}

/// The method of a handle; zero is a NullReferenceException.
pub fn method(cx: &Cx<'_>, handle: usize) -> Result<&'static Method> {
    method_at(handle).ok_or_else(|| cx.null_reference())
}
