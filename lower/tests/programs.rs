//! Every program of the `.sir` corpus, compiled by `ssa` and `lower` and run: each in a process of its own, its output
//! compared with the `expect` block.
//!
//! `ISTHMUS_ONLY=name` picks programs.
#![cfg(target_arch = "x86_64")]

#[path = "../../baseline/tests/vm/mod.rs"]
mod vm;

use isthmus_lower::Features;
use isthmus_runtime_abi::target::Arch;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How a child process compiles: `plain` without SSA passes for the portable processor, `mixed` every other method by the
/// baseline tier.
const MODE: &str = "ISTHMUS_MODE";

const COMPILER: vm::Compiler = |module, body| {
    let mode = std::env::var(MODE).unwrap_or_default();
    if mode == "mixed" && body.method.index() % 2 == 0 {
        return isthmus_baseline::compile(module, body, &Default::default())
            .map_err(|e| e.to_string());
    }
    let mut options = isthmus_ssa::Options::new(Arch::X64);
    options.optimize = mode != "plain";
    options.inline = mode != "plain";
    let unit = isthmus_ssa::compile(module, body.method, body, &options)
        .map_err(|e| format!("ssa: {e}"))?;
    let options = isthmus_lower::Options {
        features: if mode == "plain" {
            Features::Portable
        } else {
            Features::Host
        },
        ..isthmus_lower::Options::default()
    };
    isthmus_lower::compile(module, &unit, Arch::X64, &options).map_err(|e| format!("lower: {e}"))
};

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sir");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "sir"))
        .collect();
    files.sort();
    files
}

/// Not a test of its own: the child process that runs the program named by `ISTHMUS_SIR`.
#[test]
fn child() {
    let Ok(file) = std::env::var("ISTHMUS_SIR") else {
        return;
    };
    let text = std::fs::read_to_string(file).unwrap();
    let stress = std::env::var("ISTHMUS_STRESS").map_or(0, |s| s.parse().unwrap());
    let result = vm::run(&text, COMPILER, stress);
    std::fs::write(std::env::var("ISTHMUS_OUT").unwrap(), result).unwrap();
    // Threads that still run must not outlive what they use.
    std::process::exit(0);
}

fn run_all(tag: &str, variables: &[(&str, &str)]) {
    let only = std::env::var("ISTHMUS_ONLY").unwrap_or_default();
    let mut failures = Vec::new();
    let mut declined = Vec::new();
    let mut count = 0;
    for file in corpus() {
        let name = file.file_stem().unwrap().to_string_lossy().to_string();
        let text = std::fs::read_to_string(&file).unwrap();
        let Some(expected) = isthmus_frontend_ir::interp::expected(&text) else {
            continue;
        };
        if !name.contains(&only) {
            continue;
        }
        count += 1;
        let out =
            std::env::temp_dir().join(format!("isthmus-lower-{}-{tag}-{name}", std::process::id()));
        let result = Command::new("timeout")
            .arg("60")
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env("ISTHMUS_SIR", &file)
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
        // What `ssa` declines runs in the baseline tier: not the business of this test.
        if got.starts_with("compile error: ssa:") {
            declined.push(name);
            continue;
        }
        if got.trim_end() != expected.trim_end() {
            let differs = got
                .lines()
                .zip(expected.lines())
                .position(|(a, b)| a != b)
                .unwrap_or(usize::MAX);
            failures.push(format!(
                "{name}: line {differs}: {:?} instead of {:?}",
                got.lines().nth(differs).unwrap_or(&got),
                expected.lines().nth(differs).unwrap_or("")
            ));
        }
    }
    println!(
        "{} of {count} programs pass, declined: {declined:?}",
        count - failures.len() - declined.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn programs_do_what_they_say_as_built() {
    run_all("plain", &[(MODE, "plain")]);
}

#[test]
fn programs_do_what_they_say_optimized() {
    run_all("opt", &[]);
}

#[test]
fn programs_do_what_they_say_in_mixed_tiers() {
    run_all("mixed", &[(MODE, "mixed"), ("ISTHMUS_STRESS", "97")]);
}

#[test]
fn programs_do_what_they_say_under_gc_stress() {
    run_all("stress", &[("ISTHMUS_STRESS", "97")]);
}
