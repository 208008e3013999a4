//! From a method to code: which compiler, and what it declines.
//!
//! With [`Tier::Auto`] a method is compiled by the baseline tier first, with counters; the runtime (`isthmus_rt::tiers`) asks for
//! optimized code when they have run out.

use super::cx::{Cx, Result};
use super::env::{ClrEnv, EnvOptions};
use super::{native, optimizer, options, references, runtime, stats};
use crate::aot::images;
use crate::body::{self, Implementation};
use crate::icalls;
use crate::synth::{native_calls, pinvoke};
use crate::types::{LoadError, LoadErrorKind, Method, MethodKind, types};
use isthmus_baseline::Count;
use isthmus_frontend_ir::body::Body;
use isthmus_interop::downcall;
use isthmus_interop::function::Function;
use isthmus_rt::dispatch::interface_slot;
use isthmus_runtime_abi::artifact::{CompiledMethod, OsrEntry};
use isthmus_runtime_abi::callconv::AbiSig;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::vm::CompileEnv;
use isthmus_runtime_abi::vm::{ContextSource, InterfaceSlot};
use isthmus_stubs::native::Foreign;
use isthmus_stubs::{dispatch, native as native_stubs};
use std::sync::Arc;
use std::time::Instant;

/// The compilers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tier {
    /// One pass.
    Baseline,
    /// Optimizing.
    Opt,
    /// One pass at first, optimizing for what is hot.
    #[default]
    Auto,
}

/// The architecture that code is made for.
fn arch() -> Arch {
    Arch::host().unwrap_or(Arch::X64)
}

/// The environment that compilers get under the current options.
pub fn env() -> ClrEnv {
    ClrEnv {
        options: EnvOptions {
            inline_allocation: !options().gc_stress,
            features: options().features(),
            here: true,
            ..EnvOptions::default()
        },
    }
}

/// Code for a method of this process.
pub fn compile(cx: &Cx<'_>, m: &'static Method) -> Result<CompiledMethod> {
    references::complete(cx, || make(m))
}

fn stub_error(e: isthmus_stubs::StubError) -> LoadError {
    LoadError::new(LoadErrorKind::InvalidProgram, e.to_string())
}

fn make(m: &'static Method) -> crate::types::Result<CompiledMethod> {
    if let Some(mut stub) = virtual_call(m)? {
        stub.symbol = Symbol::MethodBody(m.id);
        return Ok(stub);
    }
    let code = m.code();
    if code != m {
        // An exact instantiation: its own code supplies the context and goes on in the shared code.
        let made = if code.context_source() == ContextSource::Hidden {
            dispatch::instantiation_entry(arch(), m.id, Symbol::GenericContext(m.id), code.id)
        } else {
            dispatch::method_entry(arch(), code.id)
        };
        let mut stub = made.map_err(stub_error)?;
        stub.symbol = Symbol::MethodBody(m.id);
        return Ok(stub);
    }
    match body_of(m)? {
        Some(body) => compile_body(m, &body),
        None => stub(m, native::function),
    }
}

/// The code of a method that calls a virtual one on its `this`, with the same arguments. Generic ones have bodies.
fn virtual_call(m: &'static Method) -> crate::types::Result<Option<CompiledMethod>> {
    let MethodKind::Dispatch(rid) = m.kind else {
        return Ok(None);
    };
    let target = types()
        .methods
        .intern(m.owner, MethodKind::Def(rid), &m.args)?;
    let made = match target.slot_in_owner() {
        _ if target.arity > 0 => return Ok(None),
        // Several exact interfaces share this code.
        _ if m.owner.is_interface() && m.is_shared() => return Ok(None),
        _ if m.owner.is_interface() => {
            let InterfaceSlot { key, slot } = interface_slot(target.id);
            dispatch::interface_stub(arch(), m.id, key.into(), slot)
        }
        Some(slot) => dispatch::virtual_call(arch(), Symbol::MethodBody(m.id), slot),
        None => return Ok(None),
    };
    made.map(Some).map_err(stub_error)
}

/// The code of a method that calls a native function as it is. `number` gives the number of the function behind a method.
fn stub(
    m: &'static Method,
    number: fn(&'static Method) -> crate::types::Result<u32>,
) -> crate::types::Result<CompiledMethod> {
    let name = Symbol::MethodBody(m.id);
    let foreign_call = |import: Option<&'static Method>, function: &Function, keeps_error: bool| {
        let target = match import {
            Some(import) => Foreign::Symbol(Symbol::Native(number(import)?)),
            None => Foreign::LastArgument,
        };
        downcall::stub(arch(), name, function, target, keeps_error).map_err(stub_error)
    };
    match body::implementation(m) {
        Implementation::InternalCall => {
            let function = Symbol::Native(number(m)?);
            let abi = AbiSig::new(&*m.abi()?, arch(), &ClrEnv::default());
            native_stubs::native_call(arch(), name, &abi, function).map_err(stub_error)
        }
        Implementation::PInvoke => {
            let plan = pinvoke::plan(m)?;
            let import = native_calls::import_behind(m);
            foreign_call(import, &plan.function, plan.keeps_error)
        }
        Implementation::Foreign(n) => {
            let f = pinvoke::foreign(n);
            foreign_call(f.import, &f.function, f.keeps_error)
        }
        Implementation::Il | Implementation::Synthetic | Implementation::Nothing => {
            Err(LoadError::new(
                LoadErrorKind::InvalidProgram,
                format!("{} has no body", m.full_name()),
            ))
        }
    }
}

/// What a method's code in images is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ahead {
    /// A compiled body.
    Body,
    /// A stub that calls a native function as it is.
    Stub,
    /// None: the method has no code, cannot have any, or calls C where only this machine's C is known.
    Nothing,
}

/// What a method's code in images is.
pub fn ahead(m: &'static Method, for_arch: Arch) -> Ahead {
    let is_native = for_arch == arch();
    match body::implementation(m) {
        Implementation::Il | Implementation::Synthetic => Ahead::Body,
        Implementation::InternalCall if is_native && icalls::find(m).is_some() => Ahead::Stub,
        Implementation::Foreign(_) if is_native => Ahead::Stub,
        Implementation::PInvoke if is_native => match pinvoke::plan(m) {
            Ok(plan) if plan.is_plain() => Ahead::Stub,
            Ok(_) => Ahead::Body,
            // It throws when it is called.
            Err(_) => Ahead::Nothing,
        },
        _ => Ahead::Nothing,
    }
}

/// The code of [`Ahead::Stub`].
pub fn stub_ahead(m: &'static Method) -> crate::types::Result<CompiledMethod> {
    stub(m, native::elsewhere)
}

/// The body that is compiled for a method; `None`: its code is a stub.
pub fn body_of(m: &'static Method) -> crate::types::Result<Option<Arc<Body>>> {
    Ok(match body::implementation(m) {
        Implementation::Il | Implementation::Synthetic => Some(body::of(m)?),
        Implementation::PInvoke => {
            let plan = pinvoke::plan(m)?;
            match plan.is_plain() {
                true => None,
                false => Some(Arc::new(pinvoke::body(m, &plan)?)),
            }
        }
        Implementation::InternalCall | Implementation::Foreign(_) | Implementation::Nothing => None,
    })
}

/// Optimized code for a method that has become hot, or for what is left of it from a loop header on. `None`: declined.
pub fn compile_hot(m: &'static Method, entry: Option<&OsrEntry>) -> Option<CompiledMethod> {
    let start = Instant::now();
    let made = match body_of(m) {
        Ok(Some(body)) => optimize(&env(), &body, entry),
        // Only methods that had a body are counted.
        Ok(None) => return None,
        Err(error) => Err(error.to_string()),
    };
    match made {
        Ok(artifact) => {
            stats().compiled(Tier::Opt, start.elapsed(), artifact.code.len());
            Some(artifact)
        }
        Err(reason) => {
            stats().declined(&m.full_name(), &reason);
            None
        }
    }
}

/// Compiles a body with the chosen tier, the baseline taking what the optimizing one declines.
fn compile_body(m: &'static Method, body: &Arc<Body>) -> crate::types::Result<CompiledMethod> {
    if options().no_compiler {
        return Err(LoadError::new(
            LoadErrorKind::NotSupported,
            format!(
                "{} was not compiled ahead of time, and there is no compiler",
                m.full_name()
            ),
        ));
    }
    if options().stats {
        stats().not_ahead(&m.full_name(), images::absence(m));
    }
    let env = env();
    if options().tier == Tier::Opt {
        let start = Instant::now();
        match optimize(&env, body, None) {
            Ok(artifact) => {
                stats().compiled(Tier::Opt, start.elapsed(), artifact.code.len());
                return Ok(artifact);
            }
            Err(reason) => {
                stats().declined(&m.full_name(), &reason);
                if options().no_fallback {
                    return Err(LoadError::new(
                        LoadErrorKind::NotSupported,
                        format!("the optimizing tier declines {}: {reason}", m.full_name()),
                    ));
                }
            }
        }
    }
    let start = Instant::now();
    let artifact = baseline(&env, body, count())
        .map_err(|e| LoadError::new(LoadErrorKind::InvalidProgram, e))?;
    stats().compiled(Tier::Baseline, start.elapsed(), artifact.code.len());
    Ok(artifact)
}

/// Whether optimized callers inline a method, going by its size.
pub fn is_small(m: &'static Method) -> bool {
    let limit = optimizer::inline_size(arch());
    body::il_size(m).is_some_and(|size| size <= limit) && env().method(m.id).may_inline
}

/// What baseline code counts.
fn count() -> Option<Count> {
    let weights = runtime().tiering()?.weights();
    Some(Count {
        call: weights.call,
        turn: weights.turn,
    })
}

/// Compiles with the one-pass tier. The error says why not.
pub fn baseline(
    env: &ClrEnv,
    body: &Arc<Body>,
    count: Option<Count>,
) -> std::result::Result<CompiledMethod, String> {
    let options = isthmus_baseline::Options {
        count,
        ..Default::default()
    };
    isthmus_baseline::compile(env, body, &options).map_err(|e| e.to_string())
}

/// Compiles with the optimizing tier, the whole method or from a loop header on. The error says why not.
pub fn optimize(
    env: &ClrEnv,
    body: &Arc<Body>,
    entry: Option<&OsrEntry>,
) -> std::result::Result<CompiledMethod, String> {
    optimizer::compile(env, body, entry, arch())
}
