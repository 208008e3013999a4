//! Random structures and signatures between C# and C, both ways: see `isthmus_tests::native`.
//!
//! `ISTHMUS_SIGNATURES=10000` runs as many as it says; `ISTHMUS_SIGNATURES_SEED` begins elsewhere.

use std::fs;
use std::path::Path;
use std::process::Command;

use isthmus_child_process::End;
use isthmus_tests::native::{GOOD, generate};
use isthmus_tests::programs::{Engine, default_jobs, pool, target_dir};

/// Functions of one program.
const BATCH: usize = 100;

/// Tiers, and the seconds that a batch may take.
const MODES: &[(&[&str], u64)] = &[
    (&["--tier", "baseline"], 120),
    (&["--tier", "opt", "--no-fallback"], 240),
];

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

/// Compiles and runs the functions of a seed. The folder stays where something is wrong.
fn try_seed(folder: &Path, engine: &Path, seed: u64) -> Result<(), String> {
    let folder = folder.join(seed.to_string());
    let io = |e: std::io::Error| format!("{}: {e}", folder.display());
    fs::create_dir_all(&folder).map_err(io)?;
    let at = |name: &str| folder.join(name);
    let sources = generate(seed, BATCH);
    fs::write(at("signatures.c"), &sources.c).map_err(io)?;
    fs::write(at("signatures.cs"), &sources.csharp).map_err(io)?;
    let cc = ["-O1", "-w", "-shared", "-fPIC", "-o"];
    run(Command::new("cc")
        .args(cc)
        .args([at("libsignatures.so"), at("signatures.c")]))?;
    let exe = at("signatures.exe");
    let out = format!("-out:{}", exe.display());
    run(Command::new("mcs")
        .args(["-nologo", "-unsafe", "-warn:0", &out])
        .arg(at("signatures.cs")))?;
    for (switches, seconds) in MODES {
        let mut command = Command::new(engine);
        command.arg("run").args(*switches).arg(&exe);
        let limit = std::time::Duration::from_secs(*seconds);
        let outcome = isthmus_child_process::run(&mut command, "", limit).map_err(io)?;
        let right = matches!(outcome.end, End::Exit(0)) && outcome.stdout == GOOD.as_bytes();
        if !right {
            return Err(format!(
                "seed {seed}, {switches:?}: {:?} {}{}",
                outcome.end,
                String::from_utf8_lossy(&outcome.stdout),
                String::from_utf8_lossy(&outcome.stderr)
            ));
        }
    }
    fs::remove_dir_all(&folder).map_err(io)
}

#[test]
fn values_cross_in_random_signatures() {
    let engine = match Engine::isthmus() {
        Ok(Engine::Isthmus(path)) => path,
        Ok(Engine::Mono) => return,
        Err(error) => panic!("{error}"),
    };
    let batches = number("ISTHMUS_SIGNATURES", 300).div_ceil(BATCH as u64);
    let first = number("ISTHMUS_SIGNATURES_SEED", 1);
    let seeds: Vec<u64> = (first..first + batches).collect();
    let folder = target_dir().join("signatures");
    let results = pool::map(&seeds, default_jobs(), |&seed| {
        try_seed(&folder, &engine, seed)
    });
    let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
