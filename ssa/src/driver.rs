//! One method through the builder and all passes.

use crate::build::build;
use crate::error::Unsupported;
use crate::ir::Unit;
use crate::options::Options;
use crate::passes::{PASSES, Target};
use crate::verify;
use isthmus_frontend_ir::body::{Body, BodySource};
use isthmus_runtime_abi::ids::MethodId;
use smallvec::SmallVec;
use std::sync::Arc;

/// Compiles a method.
pub fn compile(
    env: &dyn BodySource,
    method: MethodId,
    body: &Arc<Body>,
    opts: &Options,
) -> Result<Unit, Unsupported> {
    compile_with(env, method, body, opts, &mut |_, _| ())
}

/// Compiles a method and shows the unit after the builder (`build`) and after every pass, by its name.
pub fn compile_with(
    env: &dyn BodySource,
    method: MethodId,
    body: &Arc<Body>,
    opts: &Options,
    show: &mut dyn FnMut(&'static str, &Unit),
) -> Result<Unit, Unsupported> {
    let mut unit = build(env, method, body, opts)?;
    check(env, &unit, "build", opts);
    show("build", &unit);
    let target = Target {
        word: opts.arch.pointer_bytes(),
    };
    let mut changed: SmallVec<[&'static str; 32]> = SmallVec::new();
    for pass in PASSES {
        let off = !opts.optimize || opts.disable.iter().any(|d| d == pass.name);
        let idle = !pass.when.is_empty() && !pass.when.iter().any(|p| changed.contains(p));
        if idle || off && !pass.required {
            continue;
        }
        if unit.change(&mut |func| (pass.run)(func, target)) {
            changed.push(pass.name);
            check(env, &unit, pass.name, opts);
        }
        show(pass.name, &unit);
    }
    Ok(unit)
}

/// Verifies a unit: a broken invariant is a bug of ours.
fn check(env: &dyn BodySource, unit: &Unit, pass: &str, opts: &Options) {
    if !opts.verify {
        return;
    }
    if let Err(e) = verify::verify_unit(unit) {
        let name = env.method_name(unit.func.method);
        panic!("internal error: after pass {pass} of {name}: {e}\n{unit}");
    }
}
