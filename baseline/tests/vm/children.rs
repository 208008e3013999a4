//! Programs in processes of their own, since a process has one heap: the corpus and generated programs, compared with what they
//! say or what the interpreter says.
//!
//! A test binary that uses this has a test named `child` which calls [`child`]: it is what the processes run.
//!
//! | variable | for whom | |
//! | --- | --- | --- |
//! | `ISTHMUS_ONLY` | the user | programs of the corpus whose names contain this |
//! | `ISTHMUS_SEEDS` | the user | `from..to`: generated programs; those that fail stay in the temporary folder |
//! | `ISTHMUS_FILE` | the user | runs this program instead and shows both outputs, for reducing by hand |
//! | `ISTHMUS_SIR`, `ISTHMUS_OUT` | the child | its program, and where its output goes |
//! | `ISTHMUS_STRESS` | the child | collects at every so many allocations |

use super::{Compiler, run};
use isthmus_frontend_ir::{interp, text};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Environment variables that say how a child compiles and runs.
pub type Mode<'a> = &'a [(&'a str, &'a str)];

/// What the test `child` does: runs the program that the parent names, if there is one.
pub fn child(compiler: Compiler) {
    let Ok(file) = std::env::var("ISTHMUS_SIR") else {
        return;
    };
    let source = std::fs::read_to_string(file).unwrap();
    let stress = std::env::var("ISTHMUS_STRESS").map_or(0, |s| s.parse().unwrap());
    let result = run(&source, compiler, stress);
    std::fs::write(std::env::var("ISTHMUS_OUT").unwrap(), result).unwrap();
    // Threads that still run must not outlive what they use.
    std::process::exit(0);
}

/// Output of the program in a child; how it died if it did.
fn output(file: &Path, mode: Mode<'_>) -> String {
    let name = file.file_stem().unwrap().to_string_lossy();
    let modes: String = mode.iter().map(|(k, v)| format!("-{k}-{v}")).collect();
    let out = format!("isthmus-{}{modes}-{name}.out", std::process::id());
    let out = std::env::temp_dir().join(out);
    let result = Command::new("timeout")
        .arg("60")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        // Tests run on threads of 2 MiB; programs may want as much as a process usually has.
        .env("RUST_MIN_STACK", (8 << 20).to_string())
        .env("ISTHMUS_SIR", file)
        .env("ISTHMUS_OUT", &out)
        .envs(mode.iter().copied())
        .output()
        .unwrap();
    let got = std::fs::read_to_string(&out).unwrap_or_else(|_| {
        let errors = String::from_utf8_lossy(&result.stderr);
        format!("{}\n{errors}", result.status)
    });
    let _ = std::fs::remove_file(&out);
    got
}

/// Where an output is not what it should be.
fn difference(got: &str, expected: &str) -> Option<String> {
    let (got, expected) = (got.trim_end(), expected.trim_end());
    if got == expected {
        return None;
    }
    let lines = got.lines().zip(expected.lines());
    let at = lines.take_while(|(a, b)| a == b).count();
    let (has, wants) = (got.lines().nth(at), expected.lines().nth(at));
    Some(format!("line {at}: {has:?} instead of {wants:?}"))
}

/// Runs every program of the `.sir` corpus in this mode and compares its output with the `expect` block.
pub fn corpus(mode: Mode<'_>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sir");
    let only = std::env::var("ISTHMUS_ONLY").unwrap_or_default();
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "sir"))
        .filter(|p| p.file_stem().unwrap().to_string_lossy().contains(&only))
        .collect();
    files.sort();
    let mut failures = Vec::new();
    for file in &files {
        let source = std::fs::read_to_string(file).unwrap();
        let expected = interp::expected(&source).unwrap_or_default();
        if let Some(difference) = difference(&output(file, mode), &expected) {
            let name = file.file_stem().unwrap().to_string_lossy();
            failures.push(format!("{name}: {difference}"));
        }
    }
    let passed = files.len() - failures.len();
    println!("{passed} of {} programs pass", files.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Runs the programs of these seeds in all modes and compares their output with the interpreter's.
pub fn random(seeds: &str, program: fn(u64) -> String, modes: &[Mode<'_>], compiler: Compiler) {
    if let Ok(file) = std::env::var("ISTHMUS_FILE") {
        let source = std::fs::read_to_string(file).unwrap();
        let module = text::parse(&source).unwrap();
        let expected = interp::run(&module, Default::default()).unwrap();
        println!("interpreter:\n{expected}\n");
        println!("compiled:\n{}", run(&source, compiler, 0));
        return;
    }
    let seeds = std::env::var("ISTHMUS_SEEDS").unwrap_or_else(|_| seeds.into());
    let (from, to) = seeds.split_once("..").unwrap();
    let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
    let (mut failures, mut skipped) = (Vec::new(), 0);
    for seed in from..to {
        let source = program(seed);
        let name = format!("isthmus-random-{}-{seed}.sir", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, &source).unwrap();
        let place = format!("seed {seed}, {}", file.display());
        let module = text::parse(&source).unwrap_or_else(|e| panic!("{place}: {e}"));
        let limits = interp::Limits {
            steps: 5_000_000,
            ..Default::default()
        };
        let expected = match interp::run(&module, limits) {
            Ok(outcome) => outcome.to_string(),
            Err(interp::RunError::Steps) => {
                skipped += 1;
                std::fs::remove_file(&file).unwrap();
                continue;
            }
            Err(e) => panic!("{place}: the interpreter: {e}"),
        };
        let failed = modes.iter().find_map(|mode| {
            let difference = difference(&output(&file, mode), &expected)?;
            Some(format!("{place}, {mode:?}: {difference}"))
        });
        match failed {
            Some(failure) => failures.push(failure),
            None => std::fs::remove_file(&file).unwrap(),
        }
    }
    println!("{} programs, {skipped} skipped", to - from);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
