//! `System.Object`, `System.ValueType`, and the calls of made bodies.

use crate::types::types;
use crate::vm::cx::Result;
use crate::vm::{Cx, heap, reflect};
use isthmus_rt::object::Ref;

icalls! {
    "System.Object" {
        "GetType" => get_type [this: Ref] -> Ref;
        "MemberwiseClone" => memberwise_clone [this: Ref] -> Ref;
        "InternalGetHashCode" => hash_code [object: Ref] -> i32;
        "DelegateInit" => crate::vm::delegates::init [delegate: Ref, target: Ref, code: usize] -> ();
        "ArrayNewMany" => crate::vm::arrays::new_many [ty: usize, args: Ref] -> Ref;
        "ArrayNew" => crate::vm::arrays::new [ty: usize, n: i32, a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32, h: i32] -> Ref;
        "ArrayCheckStore" => crate::vm::arrays::check_store [array: Ref, value: Ref] -> ();
        "ArrayCheckExact" => crate::vm::arrays::check_exact [array: Ref, ty: usize] -> ();
    }
    "System.Runtime.CompilerServices.RuntimeHelpers" {
        "GetObjectValue" => get_object_value [object: Ref] -> Ref;
    }
}

fn get_type(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    if this.is_null() {
        return Err(cx.null_reference());
    }
    let object = reflect::type_object(cx, cx.type_of(this))?;
    heap::note_type_object(this, object);
    Ok(object)
}

fn memberwise_clone(cx: &Cx<'_>, this: Ref) -> Result<Ref> {
    heap::clone(cx, this)
}

fn hash_code(_cx: &Cx<'_>, object: Ref) -> Result<i32> {
    Ok(if object.is_null() {
        0
    } else {
        heap::identity_hash(object)
    })
}

/// The object itself, or a copy of a boxed value.
fn get_object_value(cx: &Cx<'_>, object: Ref) -> Result<Ref> {
    if object.is_null()
        || !cx.type_of(object).is_value()
        || cx.type_of(object) == types().known.object()
    {
        return Ok(object);
    }
    heap::clone(cx, object)
}
