//! Random programs of two generators (odd seeds: the one that all engines share): compiled code and the interpreter must
//! agree.
//!
//! `ISTHMUS_SEEDS=from..to` chooses the seeds; a failing program is left in the temporary folder.

mod generate;
mod vm;

use isthmus_baseline::Options;
use std::process::Command;

/// The program of a seed.
fn program(seed: u64) -> String {
    match seed % 2 {
        0 => generate::program(seed),
        _ => isthmus_frontend_ir::generate::program(seed),
    }
}

const COMPILER: vm::Compiler = |module, body| {
    let options = Options {
        pin: std::env::var("ISTHMUS_NO_PIN").is_err(),
        ..Options::default()
    };
    isthmus_baseline::compile(module, body, &options).map_err(|e| e.to_string())
};

/// Not a test of its own: the child process that runs the program of a seed.
#[test]
fn child() {
    let Ok(seed) = std::env::var("ISTHMUS_SEED") else {
        return;
    };
    let text = program(seed.parse().unwrap());
    let flag = |name: &str| std::env::var(name).ok();
    let stress = flag("ISTHMUS_STRESS").map_or(0, |s| s.parse().unwrap());
    let result = vm::run(&text, COMPILER, stress);
    std::fs::write(std::env::var("ISTHMUS_OUT").unwrap(), result).unwrap();
    std::process::exit(0);
}

#[test]
fn compiled_code_agrees_with_the_interpreter() {
    if let Ok(file) = std::env::var("ISTHMUS_FILE") {
        // For reducing a failing program by hand.
        let text = std::fs::read_to_string(file).unwrap();
        let module = isthmus_frontend_ir::text::parse(&text).unwrap();
        let expected = isthmus_frontend_ir::interp::run(&module, Default::default()).unwrap();
        println!("interpreter:\n{expected}\n");
        println!("compiled:\n{}", vm::run(&text, COMPILER, 0));
        return;
    }
    let range = std::env::var("ISTHMUS_SEEDS").unwrap_or_else(|_| "1..60".into());
    let (from, to) = range.split_once("..").unwrap();
    let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
    let mut failures = Vec::new();
    let mut skipped = 0;
    for seed in from..to {
        let text = program(seed);
        let module = match isthmus_frontend_ir::text::parse(&text) {
            Ok(m) => m,
            Err(e) => {
                std::fs::write(std::env::temp_dir().join("isthmus-bad.sir"), &text).unwrap();
                panic!("seed {seed}: {e}");
            }
        };
        let limits = isthmus_frontend_ir::interp::Limits {
            steps: 5_000_000,
            ..Default::default()
        };
        let expected = match isthmus_frontend_ir::interp::run(&module, limits) {
            Ok(outcome) => outcome.to_string(),
            Err(isthmus_frontend_ir::interp::RunError::Steps) => {
                skipped += 1;
                continue;
            }
            Err(e) => panic!("seed {seed}: the interpreter: {e}"),
        };
        for variables in [
            vec![],
            vec![("ISTHMUS_NO_PIN", "1")],
            vec![("ISTHMUS_STRESS", "5")],
        ] {
            let out =
                std::env::temp_dir().join(format!("isthmus-random-{}-{seed}", std::process::id()));
            let result = Command::new("timeout")
                .arg("20")
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
            if got.trim_end() != expected.trim_end() {
                let file = std::env::temp_dir().join(format!("isthmus-random-{seed}.sir"));
                std::fs::write(&file, &text).unwrap();
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
