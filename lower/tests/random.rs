//! Random programs: optimized code and the interpreter must agree.
//!
//! `ISTHMUS_SEEDS=from..to` chooses the seeds; a failing program is left in the temporary folder. `ISTHMUS_FILE=x.sir` runs one
//! program instead, for reducing by hand.
#![cfg(target_arch = "x86_64")]

#[path = "../../baseline/tests/generate/mod.rs"]
mod generate;
#[path = "../../baseline/tests/vm/mod.rs"]
mod vm;

use generate::program;
use isthmus_frontend_ir::{interp, text};
use isthmus_runtime_abi::target::Arch;
use std::process::Command;

/// The optimizing tier; with `ISTHMUS_MODE=plain` without its passes, with `mixed` every other method by the baseline tier.
const COMPILER: vm::Compiler = |module, body| {
    let mode = std::env::var("ISTHMUS_MODE").unwrap_or_default();
    if mode == "mixed" && body.method.index() % 2 == 0 {
        return isthmus_baseline::compile(module, body, &Default::default())
            .map_err(|e| e.to_string());
    }
    let mut options = isthmus_ssa::Options::new(Arch::X64);
    if mode == "plain" {
        options.optimize = false;
        options.inline = false;
    }
    if let Ok(names) = std::env::var("ISTHMUS_DISABLE") {
        options.disable = names.split(',').map(str::to_string).collect();
    }
    let unit = isthmus_ssa::compile(module, body.method, body, &options)
        .map_err(|e| format!("ssa: {e}"))?;
    isthmus_lower::compile(module, &unit, Arch::X64, &isthmus_lower::Options::default())
        .map_err(|e| format!("lower: {e}"))
};

/// Not a test of its own: the child process that runs one program.
#[test]
fn child() {
    let Ok(seed) = std::env::var("ISTHMUS_SEED") else {
        return;
    };
    let text = program(seed.parse().unwrap());
    let stress = std::env::var("ISTHMUS_STRESS").map_or(0, |s| s.parse().unwrap());
    let result = vm::run(&text, COMPILER, stress);
    std::fs::write(std::env::var("ISTHMUS_OUT").unwrap(), result).unwrap();
    std::process::exit(0);
}

fn run(seed: u64, variables: &[(&str, &str)]) -> String {
    let out =
        std::env::temp_dir().join(format!("isthmus-opt-random-{}-{seed}", std::process::id()));
    let result = Command::new("timeout")
        .arg("60")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env("ISTHMUS_SEED", seed.to_string())
        .env("ISTHMUS_OUT", &out)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let got = std::fs::read_to_string(&out).unwrap_or_else(|_| {
        format!(
            "{}\n{}",
            result.status,
            String::from_utf8_lossy(&result.stderr)
        )
    });
    let _ = std::fs::remove_file(&out);
    got
}

#[test]
fn optimized_code_agrees_with_the_interpreter() {
    if let Ok(file) = std::env::var("ISTHMUS_FILE") {
        let source = std::fs::read_to_string(file).unwrap();
        let module = text::parse(&source).unwrap();
        let expected = interp::run(&module, Default::default()).unwrap();
        println!("interpreter:\n{expected}\n");
        println!("compiled:\n{}", vm::run(&source, COMPILER, 0));
        return;
    }
    let range = std::env::var("ISTHMUS_SEEDS").unwrap_or_else(|_| "1..40".into());
    let (from, to) = range.split_once("..").unwrap();
    let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
    let mut failures = Vec::new();
    let mut skipped = 0;
    for seed in from..to {
        let source = program(seed);
        let module = text::parse(&source).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let limits = interp::Limits {
            steps: 5_000_000,
            ..Default::default()
        };
        let expected = match interp::run(&module, limits) {
            Ok(outcome) => outcome.to_string(),
            Err(interp::RunError::Steps) => {
                skipped += 1;
                continue;
            }
            Err(e) => panic!("seed {seed}: the interpreter: {e}"),
        };
        for variables in [
            vec![],
            vec![("ISTHMUS_MODE", "plain")],
            vec![("ISTHMUS_MODE", "mixed")],
            vec![("ISTHMUS_STRESS", "5")],
        ] {
            let got = run(seed, &variables);
            if got.trim_end() != expected.trim_end() {
                let file = std::env::temp_dir().join(format!("isthmus-opt-random-{seed}.sir"));
                std::fs::write(&file, &source).unwrap();
                let at = got
                    .lines()
                    .zip(expected.lines())
                    .position(|(a, b)| a != b)
                    .unwrap_or(0);
                failures.push(format!(
                    "seed {seed} {variables:?}: line {at}: {:?} instead of {:?} ({})",
                    got.lines().nth(at).unwrap_or(&got),
                    expected.lines().nth(at).unwrap_or(""),
                    file.display()
                ));
                break;
            }
        }
    }
    println!("{} programs, {skipped} skipped", to - from);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
