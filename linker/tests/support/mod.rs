//! Compiling test objects.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of the corpus.
pub fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/linker")
        .join(name)
}

/// A fresh folder for what a test makes.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs a compiler or assembler; the object's path.
pub fn compile(compiler: &str, options: &[&str], source: &Path, folder: &Path) -> PathBuf {
    let stem = source.file_stem().unwrap().to_str().unwrap();
    let object = folder.join(format!("{stem}.o"));
    let mut command = Command::new(compiler);
    command
        .args(options)
        .arg("-c")
        .arg(source)
        .arg("-o")
        .arg(&object);
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{compiler} (`./x setup` installs it): {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    object
}
