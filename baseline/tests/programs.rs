//! Every program of the `.sir` corpus, compiled and run, its output compared with the `expect` block; and random programs,
//! compared with the interpreter. See [`vm::children`] for the environment variables.

mod vm;

use isthmus_baseline::Options;
use isthmus_frontend_ir::generate;
use vm::children::{self, Mode};

const COMPILER: vm::Compiler = |module, body| {
    let options = Options {
        pin: std::env::var("ISTHMUS_NO_PIN").is_err(),
        ..Options::host()
    };
    isthmus_baseline::compile(module, body, &options).map_err(|e| e.to_string())
};

/// Not a test of its own.
#[test]
fn child() {
    children::child(COMPILER);
}

#[test]
fn programs_do_what_they_say() {
    children::corpus(&[]);
}

#[test]
fn programs_do_what_they_say_without_variables_in_registers() {
    children::corpus(&[("ISTHMUS_NO_PIN", "1")]);
}

#[test]
fn programs_do_what_they_say_under_gc_stress() {
    children::corpus(&[("ISTHMUS_STRESS", "97")]);
}

#[test]
fn random_programs_do_what_the_interpreter_does() {
    let modes: [Mode<'_>; 3] = [&[], &[("ISTHMUS_NO_PIN", "1")], &[("ISTHMUS_STRESS", "5")]];
    children::random("1..60", generate::program, &modes, COMPILER);
}
