//! Class initialization (ECMA-335 II.10.5.3). `rt::class_init` sees to it that each static constructor runs once; here is what
//! one is.

use super::Cx;
use crate::types::Type;
use isthmus_rt::object::Thrown;

/// Runs the class constructor of a type unless it ran; throws TypeInitializationException if it failed.
pub fn ensure(cx: &Cx, ty: &'static Type) -> Result<(), Thrown> {
    let state = &ty.runtime.init;
    if state.is_ready() {
        return Ok(());
    }
    let Some(constructor) = ty.class_constructor() else {
        state.set_ready();
        return Ok(());
    };
    state.ensure(cx.thread, || {
        let Err(thrown) = cx.invoke(constructor, &[]) else {
            return Ok(());
        };
        // As Mono has it: without the types that it is nested in.
        let name = match ty.namespace() {
            "" => ty.name().to_owned(),
            namespace => format!("{namespace}.{}", ty.name()),
        };
        let wrapped = cx.type_initialization_exception(&name, thrown.exception);
        Err(Thrown::new(wrapped))
    })
}
