//! Every program of `tests/sir` in every engine, with and without collections at every turn. One process a program: a process
//! has one heap.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

fn programs() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sir");
    let entries = std::fs::read_dir(&dir).expect("tests/sir is there");
    let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "sir"));
    let filter = std::env::var("SIR").unwrap_or_default();
    files.retain(|f| f.to_string_lossy().contains(&filter));
    files.sort();
    files
}

fn check(file: &Path, args: &[&str]) -> Result<(), String> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    toyvm(&name, &["--check", &file.to_string_lossy()], args)
}

fn toyvm(name: &str, program: &[&str], args: &[&str]) -> Result<(), String> {
    let output = Command::new("timeout")
        .args(["-s", "KILL", "120", env!("CARGO_BIN_EXE_isthmus-toyvm")])
        .args(args)
        .args(program)
        .output()
        .map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let why = stderr.lines().next_back().unwrap_or("").to_string();
    Err(format!("{name}: {}: {why}", output.status))
}

/// Runs jobs side by side and fails with all their complaints.
fn all<T: Sync>(what: &str, jobs: &[T], run: impl Fn(&T) -> Result<(), String> + Sync) {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |n| n.get()) {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = run(job) {
                        failed.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    println!(
        "{what}: {} of {} programs",
        jobs.len() - failed.len(),
        jobs.len()
    );
    assert!(
        failed.is_empty(),
        "{what}: {} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

fn run_all(args: &[&str]) {
    all(&args.join(" "), &programs(), |file| check(file, args));
}

/// Generated programs: `RANDOM=1000..2000` chooses others.
fn run_random(args: &[&str]) {
    let range = std::env::var("RANDOM").unwrap_or_default();
    let mut ends = range.split("..").map_while(|n| n.parse::<u64>().ok());
    let (from, to) = (ends.next().unwrap_or(0), ends.next().unwrap_or(200));
    let seeds: Vec<String> = (from..to).map(|s| s.to_string()).collect();
    all(&args.join(" "), &seeds, |seed| {
        toyvm(seed, &["--random", seed], args)
    });
}

#[test]
fn programs_do_what_they_say_in_baseline_code() {
    run_all(&["--tier", "baseline"]);
}

#[test]
fn programs_do_what_they_say_in_baseline_code_under_gc_stress() {
    run_all(&["--tier", "baseline", "--gc-stress", "101"]);
}

#[test]
fn programs_do_what_they_say_in_the_ssa_interpreter() {
    run_all(&["--tier", "ssa-interp"]);
}

/// The optimizing compiler takes every method.
#[test]
fn no_program_is_declined() {
    run_all(&["--no-fallback"]);
}

#[test]
fn programs_do_what_they_say_optimized() {
    run_all(&["--tier", "opt"]);
}

#[test]
fn programs_do_what_they_say_optimized_under_gc_stress() {
    run_all(&[
        "--tier",
        "opt",
        "--gc-stress",
        "101",
        "--heap",
        "move=always",
    ]);
}

#[test]
fn random_programs_do_what_the_interpreter_does_in_baseline_code() {
    run_random(&["--tier", "baseline"]);
}

#[test]
fn random_programs_do_what_the_interpreter_does_in_the_ssa_interpreter() {
    run_random(&["--tier", "ssa-interp"]);
}

#[test]
fn random_programs_do_what_the_interpreter_does_optimized() {
    run_random(&["--tier", "opt"]);
}

/// Every method is optimized at its second call, every loop goes over to optimized code at its second turn.
#[test]
fn programs_do_what_they_say_in_mixed_tiers() {
    run_all(&["--tier", "auto", "--tier-up", "2"]);
}

#[test]
fn programs_do_what_they_say_in_mixed_tiers_under_gc_stress() {
    run_all(&[
        "--tier",
        "auto",
        "--tier-up",
        "2",
        "--gc-stress",
        "101",
        "--heap",
        "move=always",
    ]);
}

/// The same, whenever the compiler thread is done.
#[test]
fn programs_do_what_they_say_in_mixed_tiers_in_the_background() {
    run_all(&["--tier", "auto", "--tier-up", "2", "--background"]);
}

#[test]
fn random_programs_do_what_the_interpreter_does_in_mixed_tiers() {
    run_random(&["--tier", "auto", "--tier-up", "3"]);
}
