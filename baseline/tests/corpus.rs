//! Every program of the `.sir` corpus, compiled and run: each in a process of its own, its output compared with the
//! `expect` block.

mod vm;

use isthmus_baseline::Options;
use std::path::{Path, PathBuf};
use std::process::Command;

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
    let flag = |name: &str| std::env::var(name).ok();
    let stress = flag("ISTHMUS_STRESS").map_or(0, |s| s.parse().unwrap());
    let compiler: vm::Compiler = |module, body| {
        let options = Options {
            pin: std::env::var("ISTHMUS_NO_PIN").is_err(),
            ..Options::host()
        };
        isthmus_baseline::compile(module, body, &options).map_err(|e| e.to_string())
    };
    let result = vm::run(&text, compiler, stress);
    std::fs::write(std::env::var("ISTHMUS_OUT").unwrap(), result).unwrap();
    // Threads that still run must not outlive what they use.
    std::process::exit(0);
}

fn run_all(variables: &[(&str, &str)]) {
    let only = std::env::var("ISTHMUS_ONLY").unwrap_or_default();
    let mut failures = Vec::new();
    let mut count = 0;
    for file in corpus() {
        let name = file.file_stem().unwrap().to_string_lossy().to_string();
        if !name.contains(&only) {
            continue;
        }
        count += 1;
        let text = std::fs::read_to_string(&file).unwrap();
        let expected = isthmus_frontend_ir::interp::expected(&text).unwrap_or_default();
        let tag = variables.first().map_or("plain", |v| v.0);
        let out = std::env::temp_dir().join(format!(
            "isthmus-baseline-{}-{tag}-{name}",
            std::process::id()
        ));
        let result = Command::new("timeout")
            .arg("20")
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
    println!("{} of {count} programs pass", count - failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn programs_do_what_they_say() {
    run_all(&[]);
}

#[test]
fn programs_do_what_they_say_without_variables_in_registers() {
    run_all(&[("ISTHMUS_NO_PIN", "1")]);
}

#[test]
fn programs_do_what_they_say_under_gc_stress() {
    run_all(&[("ISTHMUS_STRESS", "97")]);
}
