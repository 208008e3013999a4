//! Cranelift back ends as we configure them: one table of settings, each with its reason.
//!
//! A back end is immutable and shared; [`isa`] makes each one once per process.

use crate::unsupported::Unsupported;
use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use isthmus_runtime_abi::target::Arch;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, OnceLock};

/// Which processor features compiled code may use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Features {
    /// The least processor we run on: x86-64-v2, ARMv8.0. What golden files and images use.
    #[default]
    Portable,
    /// Whatever the processor has that compiles the code. The same as `Portable` when the target is another architecture.
    Host,
}

/// A shared setting: name, value, and why.
struct Setting(
    &'static str,
    &'static str,
    #[expect(dead_code, reason = "prose for the reader")] &'static str,
);

const SETTINGS: &[Setting] = &[
    Setting(
        "opt_level",
        "speed",
        "e-graph, GVN, address modes; `none` is hardly faster to compile",
    ),
    Setting(
        "enable_pinned_reg",
        "true",
        "the thread register holds the thread context and is never allocated",
    ),
    Setting(
        "preserve_frame_pointers",
        "true",
        "stack walks follow frame pointers, through leaf frames too",
    ),
    Setting(
        "unwind_info",
        "true",
        "no DWARF is made from it: it says where callee-saved registers are stored",
    ),
    Setting(
        "is_pic",
        "true",
        "symbols are reached through GOT words; a method's cell is its own GOT word",
    ),
    Setting(
        "enable_probestack",
        "false",
        "the entry check leaves more room than any frame that has none",
    ),
    Setting(
        "enable_heap_access_spectre_mitigation",
        "false",
        "concerns WebAssembly's heap operations only",
    ),
    Setting(
        "enable_table_access_spectre_mitigation",
        "false",
        "concerns WebAssembly's table operations only",
    ),
    Setting(
        "enable_verifier",
        if cfg!(debug_assertions) {
            "true"
        } else {
            "false"
        },
        "checks the CLIF that we build; costs about a tenth of compile time",
    ),
    Setting(
        "machine_code_cfg_info",
        "true",
        "where blocks begin: code is laid out again afterwards",
    ),
    Setting(
        "libcall_call_conv",
        "isa_default",
        "no library calls are made: an artifact that asks for one is declined",
    ),
];

/// A processor feature: Cranelift's name, whether it belongs to `Portable`, and whether this processor has it.
struct Feature {
    name: &'static str,
    portable: bool,
    host: fn() -> bool,
}

macro_rules! x64_features {
    ($($name:literal $portable:literal $detect:tt;)*) => {
        &[$(Feature {
            name: $name,
            portable: $portable,
            #[cfg(target_arch = "x86_64")]
            host: || std::is_x86_feature_detected!($detect),
            #[cfg(not(target_arch = "x86_64"))]
            host: || false,
        }),*]
    };
}

static X64_FEATURES: &[Feature] = x64_features! {
    "has_sse3" true "sse3";
    "has_ssse3" true "ssse3";
    "has_sse41" true "sse4.1";
    "has_sse42" true "sse4.2";
    "has_popcnt" true "popcnt";
    "has_avx" false "avx";
    "has_avx2" false "avx2";
    "has_bmi1" false "bmi1";
    "has_bmi2" false "bmi2";
    "has_lzcnt" false "lzcnt";
    "has_fma" false "fma";
};

macro_rules! a64_features {
    ($($name:literal $detect:tt;)*) => {
        &[$(Feature {
            name: $name,
            portable: false,
            #[cfg(target_arch = "aarch64")]
            host: || std::arch::is_aarch64_feature_detected!($detect),
            #[cfg(not(target_arch = "aarch64"))]
            host: || false,
        }),*]
    };
}

static A64_FEATURES: &[Feature] = a64_features! {
    "has_lse" "lse";
    "has_fp16" "fp16";
};

/// The back end for `arch`.
pub fn isa(arch: Arch, features: Features) -> Result<OwnedTargetIsa, Unsupported> {
    type Cache = Mutex<FxHashMap<(Arch, Features), OwnedTargetIsa>>;
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let mut cache = CACHE
        .get_or_init(Cache::default)
        .lock()
        .unwrap_or_else(|e| e.into_inner());
    if let Some(found) = cache.get(&(arch, features)) {
        return Ok(Arc::clone(found));
    }
    let made = build(arch, features)?;
    cache.insert((arch, features), Arc::clone(&made));
    Ok(made)
}

fn build(arch: Arch, features: Features) -> Result<OwnedTargetIsa, Unsupported> {
    let (triple, table) = match arch {
        Arch::X64 => ("x86_64-unknown-linux-gnu", X64_FEATURES),
        Arch::A64 => ("aarch64-unknown-linux-gnu", A64_FEATURES),
        Arch::A32 => return Err(Unsupported::Arch(arch)),
    };
    let config = |e: &dyn std::fmt::Display| Unsupported::Backend(e.to_string());
    let mut flags = settings::builder();
    for Setting(name, value, _) in SETTINGS {
        flags.set(name, value).map_err(|e| config(&e))?;
    }
    let mut builder = isa::lookup_by_name(triple).map_err(|e| config(&e))?;
    let host = features == Features::Host && Arch::host() == Some(arch);
    for feature in table {
        if feature.portable || (host && (feature.host)()) {
            builder.enable(feature.name).map_err(|e| config(&e))?;
        }
    }
    builder
        .finish(settings::Flags::new(flags))
        .map_err(|e| config(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_ends_are_made_once_and_keep_the_pinned_register() {
        for arch in [Arch::X64, Arch::A64] {
            let a = isa(arch, Features::Portable).unwrap();
            let b = isa(arch, Features::Portable).unwrap();
            assert!(Arc::ptr_eq(&a, &b));
            assert!(a.flags().enable_pinned_reg() && a.flags().is_pic());
            assert!(isa(arch, Features::Host).is_ok());
        }
        assert!(matches!(
            isa(Arch::A32, Features::Portable),
            Err(Unsupported::Arch(Arch::A32))
        ));
    }
}
