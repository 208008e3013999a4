//! Compiles programs with `mcs`, once per content.
//!
//! A program lies in `CACHE/HASH/NAME.exe`; the hash is that of its source, the harness and the switches. Several processes may compile at the same
//! time: each writes into a folder of its own and renames it, which is atomic. (The folder differs, not the file name: the compiler
//! names the assembly after its file.)

use super::programs::{HARNESS, Program};
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The compiler and its fixed switches.
const COMPILER: &[&str] = &[
    "mcs",
    "-nologo",
    "-optimize+",
    "-warn:0",
    "-r:System.Core.dll",
];

/// `isthmus/bench` in the user's cache folder.
pub fn default_cache() -> Result<PathBuf> {
    let folder = |name: &str, below: &str| {
        let value = std::env::var_os(name).filter(|v| !v.is_empty())?;
        Some(PathBuf::from(value).join(below))
    };
    match folder("XDG_CACHE_HOME", "isthmus/bench")
        .or_else(|| folder("HOME", ".cache/isthmus/bench"))
    {
        Some(folder) => Ok(folder),
        None => {
            bail!("neither XDG_CACHE_HOME nor HOME is set: say with --cache where to keep programs")
        }
    }
}

/// Compiles programs, several at a time.
pub fn all<'p>(
    programs: &[&'p Program],
    cache: &Path,
    bar: &ProgressBar,
) -> Result<Vec<(&'p Program, PathBuf)>> {
    let cache = std::path::absolute(cache)?;
    let made: Mutex<Vec<Option<Result<PathBuf>>>> =
        Mutex::new(programs.iter().map(|_| None).collect());
    let next = AtomicUsize::new(0);
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(programs.len()) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(program) = programs.get(number) else {
                        break;
                    };
                    let exe = compile(program, &cache)
                        .with_context(|| format!("cannot compile {}", program.name));
                    made.lock().unwrap_or_else(|e| e.into_inner())[number] = Some(exe);
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let made = made.into_inner().unwrap_or_else(|e| e.into_inner());
    let mut all = Vec::new();
    for (program, exe) in programs.iter().zip(made) {
        match exe {
            Some(exe) => all.push((*program, exe?)),
            None => bail!("{} was not compiled", program.name),
        }
    }
    Ok(all)
}

fn compile(program: &Program, cache: &Path) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    (COMPILER, HARNESS, program.source).hash(&mut hasher);
    let folder = cache.join(format!("{:016x}", hasher.finish()));
    let name = format!("{}.exe", program.name);
    if folder.join(&name).exists() {
        return Ok(folder.join(name));
    }
    let scratch = cache.join(format!("{}.{}", program.name, std::process::id()));
    std::fs::create_dir_all(&scratch).with_context(|| scratch.display().to_string())?;
    let result = run_compiler(program, &scratch, &name);
    if result.is_ok() {
        // Another process may have been faster: its folder is as good.
        let _ = std::fs::rename(&scratch, &folder);
    }
    let _ = std::fs::remove_dir_all(&scratch);
    result?;
    Ok(folder.join(name))
}

fn run_compiler(program: &Program, folder: &Path, name: &str) -> Result<()> {
    let source = format!("{}.cs", program.name);
    for (file, text) in [("Bench.cs", HARNESS), (&*source, program.source)] {
        std::fs::write(folder.join(file), text).with_context(|| folder.display().to_string())?;
    }
    let done = Command::new(COMPILER[0])
        .args(&COMPILER[1..])
        .arg(format!("-out:{name}"))
        .args([&*source, "Bench.cs"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    match done {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => bail!(
            "mcs failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            bail!("there is no `mcs`; `./x setup` installs it (Debian's package mono-mcs)")
        }
        Err(e) => bail!("cannot run `mcs`: {e}"),
    }
}
