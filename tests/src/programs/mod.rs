//! Whole programs under `tests/programs/`, run by Isthmus and compared with what Mono printed.
//!
//! ```text
//! csharp/NAME.cs ──mcs──┐                             expected/NAME.txt
//!                       ├─▶ target/programs/NAME.exe ──▶ isthmus run … ──▶ stdout, exit code ──▶ verdict
//! il/NAME.il ────ilasm──┘                                                       │
//!                                                       mono (when blessing) ───┘
//! ```
//!
//! A program is a source file; its name is unique over both folders. Comment lines at its top
//! that read `//! key: value` are directives (see [`catalog::Directives`]). `expected/NAME.txt`
//! holds the bytes of standard output followed by a line `[exit code N]`; standard error is not
//! compared, but its first telling line is shown where a program fails.
//!
//! `enabled.txt` names the programs that must pass. The others are scored, not required.

pub mod catalog;
pub mod compile;
pub mod engine;
pub mod pool;
pub mod report;
pub mod verdict;

pub use catalog::{Catalog, Language, Program};
pub use engine::{Engine, MODES, Mode};
pub use report::Report;
pub use verdict::Verdict;

use std::path::{Path, PathBuf};

/// The top folder of the project.
pub fn project_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests crate lies in the workspace")
}

/// Cargo's target folder, where compiled programs and the `isthmus` command are found.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => project_root().join(dir),
        None => project_root().join("target"),
    }
}

/// How many programs to run at once: one a core, unless `ISTHMUS_JOBS` says otherwise.
pub fn default_jobs() -> usize {
    std::env::var("ISTHMUS_JOBS")
        .ok()
        .and_then(|jobs| jobs.parse().ok())
        .filter(|&jobs| jobs > 0)
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1)
}

/// Compiles `program`, runs it on `engine` in `mode` and judges what it printed.
pub fn score(program: &Program, engine: &Engine, mode: &Mode) -> Verdict {
    let exe = match compile::compile(program) {
        Ok(exe) => exe,
        Err(message) => return Verdict::DoesNotCompile(message),
    };
    let expected = match program.expected() {
        Ok(expected) => expected,
        Err(_) => return Verdict::NotRecorded,
    };
    match engine.run(&exe, program, mode) {
        Ok(outcome) => verdict::judge(&expected, &outcome),
        Err(error) => Verdict::DoesNotStart(error.to_string()),
    }
}
