//! Which code a method is entered by.

use super::cx::Result;
use super::{Cx, runtime};
use crate::types::Method;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::vm::ContextSource;

/// The id whose record leads to a method's code: that of the shared code, or, where the shared code takes a hidden
/// context, the exact method's own, whose code is the stub that supplies the context.
pub fn id(m: &'static Method) -> MethodId {
    let code = m.code();
    if code == m || code.context_source() == ContextSource::Hidden {
        m.id
    } else {
        code.id
    }
}

/// Address of code for an exact method, compiled if need be.
pub fn address(cx: &Cx<'_>, m: &'static Method) -> Result<usize> {
    runtime().code_of(cx.thread, id(m))
}

/// Stable address that function pointers and delegates hold.
pub fn stable(m: &'static Method) -> usize {
    runtime().entry(id(m))
}
