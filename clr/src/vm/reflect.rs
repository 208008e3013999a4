//! Reflection objects of types and members: made on demand, one for each.

use super::cx::Result;
use super::offsets::offsets;
use super::{Cx, heap};
use crate::types::{Type, types};
use isthmus_rt::object::Ref;
use std::sync::atomic::Ordering;

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
