//! Compiles programs with `mcs` and `ilasm` into `target/programs/`, once per content, and with `cc` the C libraries that some of them call.
//!
//! Beside `NAME.exe` lies `NAME.key`, a hash of the source and of the compiler's command line; the
//! program is compiled again when it differs. Several threads and processes may compile at the same
//! time: each writes into a folder of its own and renames the result, which is atomic. (The folder
//! differs, not the file name: the compilers name the assembly after its file.)

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::catalog::programs_dir;
use super::{Language, Program, target_dir};

static SCRATCH_FOLDERS: AtomicUsize = AtomicUsize::new(0);

/// The compiled program; the error is what the compiler said.
pub fn compile(program: &Program) -> Result<PathBuf, String> {
    let folder = target_dir().join("programs");
    if let Some(source) = &program.directives.native {
        compile_library(&folder, &programs_dir().join("native").join(source))?;
    }
    let exe = folder.join(format!("{}.exe", program.name));
    let key_path = folder.join(format!("{}.key", program.name));
    let source = fs::read(&program.source)
        .map_err(|error| format!("{}: {error}", program.source.display()))?;
    let key = key(program, &source);
    if exe.exists() && fs::read_to_string(&key_path).is_ok_and(|found| found == key) {
        return Ok(exe);
    }

    let number = SCRATCH_FOLDERS.fetch_add(1, Ordering::Relaxed);
    let scratch = folder.join(format!("{}.{}.{number}", program.name, std::process::id()));
    let made = scratch.join(format!("{}.exe", program.name));
    fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    let result = run_compiler(program, &made).and_then(|()| {
        fs::rename(&made, &exe)
            .and_then(|()| fs::write(&key_path, &key))
            .map_err(|error| format!("{}: {error}", exe.display()))
    });
    // Nothing depends on the scratch folder being gone.
    let _ = fs::remove_dir_all(&scratch);
    result.map(|()| exe)
}

/// Compiles a C library to `libNAME.so` in a folder.
fn compile_library(folder: &Path, source: &Path) -> Result<(), String> {
    const SWITCHES: &[&str] = &["-O1", "-shared", "-fPIC", "-o"];
    let name = source.file_stem().unwrap_or_default().to_string_lossy();
    let text = fs::read(source).map_err(|error| format!("{}: {error}", source.display()))?;
    let mut hasher = DefaultHasher::new();
    SWITCHES.hash(&mut hasher);
    text.hash(&mut hasher);
    let key = format!("{:016x}\n", hasher.finish());
    let (library, key_path) = (
        folder.join(format!("lib{name}.so")),
        folder.join(format!("lib{name}.key")),
    );
    if library.exists() && fs::read_to_string(&key_path).is_ok_and(|found| found == key) {
        return Ok(());
    }
    let number = SCRATCH_FOLDERS.fetch_add(1, Ordering::Relaxed);
    let made = folder.join(format!("lib{name}.{}.{number}", std::process::id()));
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let output = Command::new("cc")
        .args(SWITCHES)
        .args([&made, source])
        .arg("-lpthread")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run `cc` ({error}); `./x setup` installs it"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    fs::rename(&made, &library)
        .and_then(|()| fs::write(&key_path, &key))
        .map_err(|error| format!("{}: {error}", library.display()))
}

/// The compiler of a language and its fixed switches.
fn compiler(language: Language) -> (&'static str, &'static [&'static str]) {
    match language {
        Language::CSharp => ("mcs", &["-nologo", "-unsafe", "-warn:0"]),
        Language::Il => ("ilasm", &["/quiet"]),
    }
}

fn key(program: &Program, source: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    compiler(program.language).hash(&mut hasher);
    program.directives.flags.hash(&mut hasher);
    source.hash(&mut hasher);
    format!("{:016x}\n", hasher.finish())
}

fn run_compiler(program: &Program, made: &Path) -> Result<(), String> {
    let (tool, switches) = compiler(program.language);
    let output_switch = match program.language {
        Language::CSharp => format!("-out:{}", made.display()),
        Language::Il => format!("/output:{}", made.display()),
    };
    let output = Command::new(tool)
        .args(switches)
        .args(&program.directives.flags)
        .arg(output_switch)
        .arg(&program.source)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run `{tool}` ({error}); `./x setup` installs it"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}
