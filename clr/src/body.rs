//! Where a method's body in stack IR comes from.

use crate::metadata::{CodeType, MethodAttributes, MethodImplAttributes};
use crate::types::{LoadError, LoadErrorKind, Method, MethodKind, Result, missing, types};
use crate::vm::env::ClrEnv;
use crate::{cil, icalls, synth};
use isthmus_frontend_ir::body::Body;
use isthmus_frontend_ir::{typing, verify};
use std::sync::Arc;

/// What stands behind a method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Implementation {
    /// CIL in its assembly.
    Il,
    /// Made by the VM as stack IR.
    Synthetic,
    /// An internal call of the VM.
    InternalCall,
    /// A native function, perhaps behind a body that converts arguments.
    PInvoke,
    /// A native function called as it is, by number (see `synth::pinvoke`).
    Foreign(u32),
    /// Nothing: abstract.
    Nothing,
}

/// What stands behind a method.
pub fn implementation(m: &Method) -> Implementation {
    if !matches!(m.kind, MethodKind::Def(_)) {
        return match m.kind {
            MethodKind::CallSite(_) | MethodKind::OverPointer(_) => Implementation::PInvoke,
            MethodKind::Foreign(n) => Implementation::Foreign(n),
            MethodKind::Synthetic(n) if synth::is_internal_call(n) => Implementation::InternalCall,
            MethodKind::Dynamic(_) => Implementation::Il,
            _ => Implementation::Synthetic,
        };
    }
    if m.makes_its_object() || synth::arrays::is_element_access(m) {
        return Implementation::Synthetic;
    }
    if m.impl_flags.contains(MethodImplAttributes::INTERNAL_CALL) || icalls::replaces(m) {
        return Implementation::InternalCall;
    }
    if m.flags.contains(MethodAttributes::PINVOKE_IMPL) {
        return Implementation::PInvoke;
    }
    if m.impl_flags.code_type() == CodeType::Runtime {
        return Implementation::Synthetic;
    }
    if has_il(m) {
        Implementation::Il
    } else {
        Implementation::Nothing
    }
}

/// Whether the metadata hold a body.
pub fn has_il(m: &Method) -> bool {
    match (m.rid(), m.assembly()) {
        (Some(rid), Some(a)) => a.image.method_def(rid).is_ok_and(|r| r.rva() != 0),
        _ => false,
    }
}

/// Whether the method must not be inlined because it looks at its own frame or its caller's.
pub fn needs_own_frame(m: &Method) -> bool {
    let known = &types().known;
    // Methods that ask "who called me?" take a StackCrawlMark.
    m.sig().is_ok_and(|s| {
        s.params.iter().any(|p| {
            p.element().is_some_and(|e| {
                e.kind == crate::types::ty::Kind::Enum && e.name() == "StackCrawlMark"
            })
        }) || s.ret == known.typed_reference()
    })
}

/// Largest body that is kept once it is made.
const SMALL: u32 = 64;

/// The body of a (canonical, closed) method.
pub fn of(m: &'static Method) -> Result<Arc<Body>> {
    made(m).map(|(body, _)| body)
}

/// The body of a method for its callers to have in themselves. Code that throws because an assembly is missing may find it when it runs:
/// it has to stay a method of its own until then.
pub fn for_callers(m: &'static Method) -> Result<Arc<Body>> {
    match made(m)? {
        (body, true) => Ok(body),
        (_, false) => Err(LoadError::new(
            LoadErrorKind::FileNotFound,
            format!("{} needs an assembly that is missing", m.full_name()),
        )),
    }
}

/// The body of a method, and whether all assemblies that it names are known or given up.
fn made(m: &'static Method) -> Result<(Arc<Body>, bool)> {
    if let Some(body) = m.runtime.small_body.get() {
        return Ok((Arc::clone(body), true));
    }
    let noted = missing::count();
    let body = make(m)?;
    let is_whole = noted == missing::count();
    if body.il_size <= SMALL && is_whole {
        let kept = m.runtime.small_body.get_or_init(|| body);
        return Ok((Arc::clone(kept), true));
    }
    Ok((body, is_whole))
}

/// Bytes of CIL of a method that has some.
pub fn il_size(m: &Method) -> Option<u32> {
    if implementation(m) != Implementation::Il {
        return None;
    }
    let image = &m.assembly()?.image;
    let body = image.method_body(image.method_def(m.rid()?).ok()?).ok()??;
    Some(body.code.len() as u32)
}

fn make(m: &'static Method) -> Result<Arc<Body>> {
    match implementation(m) {
        Implementation::Il => {
            let body = cil::shared_body(m)?;
            // The compilers rely on what the verifier of stack IR checks. The class library is known to be well formed.
            if m.assembly().is_none_or(|a| !a.is_library()) {
                let checked = verify::verify_with(&ClrEnv::default(), &body, &typing::LENIENT);
                checked.map_err(|e| {
                    LoadError::new(
                        LoadErrorKind::InvalidProgram,
                        format!("Invalid IL code in {e}"),
                    )
                })?;
            }
            Ok(body)
        }
        Implementation::Synthetic => synth::body(m).map(Arc::new),
        other => Err(LoadError::new(
            LoadErrorKind::MissingMethod,
            format!("{} has no body ({other:?})", m.full_name()),
        )),
    }
}
