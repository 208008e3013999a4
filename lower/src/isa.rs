//! Cranelift back ends as we configure them: one table of settings, each with its reason.
//!
//! A back end is immutable and shared; [`isa`](fn@isa) makes each one once per process.

use crate::unsupported::Unsupported;
use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use isthmus_runtime_abi::cpu::{Feature, FeatureSet};
use isthmus_runtime_abi::target::Arch;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, OnceLock};

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

/// Cranelift's setting of a processor feature.
fn setting_of(feature: &Feature) -> String {
    format!("has_{}", feature.name.replace('.', ""))
}

/// The back end for `arch`.
pub fn isa(arch: Arch, features: FeatureSet) -> Result<OwnedTargetIsa, Unsupported> {
    type Cache = Mutex<FxHashMap<(Arch, FeatureSet), OwnedTargetIsa>>;
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

fn build(arch: Arch, features: FeatureSet) -> Result<OwnedTargetIsa, Unsupported> {
    let triple = match arch {
        Arch::X64 => "x86_64-unknown-linux-gnu",
        Arch::A64 => "aarch64-unknown-linux-gnu",
        Arch::A32 => return Err(Unsupported::Arch(arch)),
    };
    let config = |e: &dyn std::fmt::Display| Unsupported::Backend(e.to_string());
    let mut flags = settings::builder();
    for Setting(name, value, _) in SETTINGS {
        flags.set(name, value).map_err(|e| config(&e))?;
    }
    let mut builder = isa::lookup_by_name(triple).map_err(|e| config(&e))?;
    for feature in features.of(arch) {
        let name = setting_of(feature);
        builder.enable(&name).map_err(|e| config(&e))?;
    }
    builder
        .finish(settings::Flags::new(flags))
        .map_err(|e| config(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use isthmus_runtime_abi::cpu::FEATURES;

    #[test]
    fn every_feature_has_a_setting() {
        for feature in &FEATURES {
            let list = format!("+{}", feature.name);
            let set = FeatureSet::parse(feature.arch, &list).unwrap();
            let made = isa(feature.arch, set).unwrap();
            let setting = setting_of(feature);
            let flags = made.isa_flags();
            let flag = flags.iter().find(|f| f.name == setting);
            assert_eq!(flag.and_then(|f| f.as_bool()), Some(true), "{setting}");
        }
    }

    #[test]
    fn back_ends_are_made_once_and_keep_the_pinned_register() {
        for arch in [Arch::X64, Arch::A64] {
            let a = isa(arch, FeatureSet::MINIMUM).unwrap();
            let b = isa(arch, FeatureSet::MINIMUM).unwrap();
            assert!(Arc::ptr_eq(&a, &b));
            assert!(a.flags().enable_pinned_reg() && a.flags().is_pic());
            assert!(isa(arch, FeatureSet::host()).is_ok());
        }
        assert!(matches!(
            isa(Arch::A32, FeatureSet::MINIMUM),
            Err(Unsupported::Arch(Arch::A32))
        ));
    }
}
