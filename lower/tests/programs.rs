//! Every program of the `.sir` corpus, compiled by `ssa` and `lower` and run, its output compared with the `expect` block;
//! and random programs, compared with the interpreter. See [`vm::children`] for the environment variables.
#![cfg(target_arch = "x86_64")]

#[path = "../../baseline/tests/vm/mod.rs"]
mod vm;

use isthmus_frontend_ir::generate;
use isthmus_runtime_abi::cpu::FeatureSet;
use isthmus_runtime_abi::target::Arch;
use vm::children::{self, Mode};

/// How a child process compiles: `plain` without SSA passes for the portable processor, `mixed` every other method by the
/// baseline tier.
const MODE: &str = "ISTHMUS_MODE";

/// The optimizing tier; `ISTHMUS_DISABLE=pass,pass` leaves passes out.
const COMPILER: vm::Compiler = |module, body| {
    let mode = std::env::var(MODE).unwrap_or_default();
    if mode == "mixed" && body.method.index() % 2 == 0 {
        return isthmus_baseline::compile(module, body, &Default::default())
            .map_err(|e| e.to_string());
    }
    let plain = mode == "plain";
    let mut options = isthmus_ssa::Options::new(Arch::X64);
    options.optimize = !plain;
    options.inline = !plain;
    if let Ok(names) = std::env::var("ISTHMUS_DISABLE") {
        options.disable = names.split(',').map(str::to_string).collect();
    }
    let unit = isthmus_ssa::compile(module, body.method, body, &options)
        .map_err(|e| format!("ssa: {e}"))?;
    let features = match plain {
        true => FeatureSet::MINIMUM,
        false => FeatureSet::host(),
    };
    let options = isthmus_lower::Options {
        features,
        ..Default::default()
    };
    isthmus_lower::compile(module, &unit, Arch::X64, &options).map_err(|e| format!("lower: {e}"))
};

/// Not a test of its own.
#[test]
fn child() {
    children::child(COMPILER);
}

#[test]
fn programs_do_what_they_say_as_built() {
    children::corpus(&[(MODE, "plain")]);
}

#[test]
fn programs_do_what_they_say_optimized() {
    children::corpus(&[]);
}

#[test]
fn programs_do_what_they_say_in_mixed_tiers() {
    children::corpus(&[(MODE, "mixed"), ("ISTHMUS_STRESS", "97")]);
}

#[test]
fn programs_do_what_they_say_under_gc_stress() {
    children::corpus(&[("ISTHMUS_STRESS", "97")]);
}

#[test]
fn random_programs_do_what_the_interpreter_does() {
    let modes: [Mode<'_>; 4] = [
        &[],
        &[(MODE, "plain")],
        &[(MODE, "mixed")],
        &[("ISTHMUS_STRESS", "5")],
    ];
    children::random("1..40", generate::program, &modes, COMPILER);
}
