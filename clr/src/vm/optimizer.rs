//! The optimizing tier, which a build may be without (cargo feature `opt`): then nothing of `ssa`, `lower` and Cranelift is linked, methods
//! run from images or in baseline code, and none are counted.

use super::env::ClrEnv;
use isthmus_frontend_ir::body::Body;
use isthmus_runtime_abi::artifact::{CompiledMethod, OsrEntry};
use isthmus_runtime_abi::target::Arch;
use std::sync::Arc;

/// Whether this build has the optimizing tier.
pub const IS_PRESENT: bool = cfg!(feature = "opt");

/// The largest size of CIL that it inlines everywhere.
#[cfg(feature = "opt")]
pub fn inline_size(arch: Arch) -> u32 {
    isthmus_ssa::Options::new(arch).inline_size
}

/// Nothing is inlined.
#[cfg(not(feature = "opt"))]
pub fn inline_size(_: Arch) -> u32 {
    0
}

/// Compiles the whole method or from a loop header on. The error says why not.
#[cfg(feature = "opt")]
pub fn compile(
    env: &ClrEnv,
    body: &Arc<Body>,
    entry: Option<&OsrEntry>,
    arch: Arch,
) -> Result<CompiledMethod, String> {
    let options = isthmus_ssa::Options {
        osr: entry.cloned(),
        ..isthmus_ssa::Options::new(arch)
    };
    let unit = isthmus_ssa::compile(env, body.method, body, &options).map_err(|e| e.to_string())?;
    let options = isthmus_lower::Options {
        features: env.options.features,
        line_map: env.options.line_map,
        ..Default::default()
    };
    isthmus_lower::compile(env, &unit, arch, &options).map_err(|e| e.to_string())
}

/// Declines.
#[cfg(not(feature = "opt"))]
pub fn compile(
    _: &ClrEnv,
    _: &Arc<Body>,
    _: Option<&OsrEntry>,
    _: Arch,
) -> Result<CompiledMethod, String> {
    Err("this build has no optimizing tier".to_owned())
}
