//! The programs that are damaged. They use as little of the class library as they can and print nothing: a run takes some
//! milliseconds, and most of the file is what the test is about.

use anyhow::{Context, Result, bail};
use isthmus_tests::programs::target_dir;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folder of the sources.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

/// The seeds' names and compiled bytes, in order of names.
pub fn all() -> Result<Vec<(String, Vec<u8>)>> {
    let mut sources: Vec<PathBuf> = std::fs::read_dir(folder())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    sources.sort();
    let out = target_dir()
        .join("hostile")
        .join(std::process::id().to_string());
    std::fs::create_dir_all(&out)?;
    let made = sources.iter().map(|source| compile(source, &out)).collect();
    // The bytes are in memory; nothing depends on the folder being gone.
    let _ = std::fs::remove_dir_all(&out);
    made
}

fn compile(source: &Path, out: &Path) -> Result<(String, Vec<u8>)> {
    let name = source
        .file_stem()
        .context("a seed without a name")?
        .to_string_lossy()
        .into_owned();
    let exe = out.join(format!("{name}.exe"));
    let mut command = match source.extension().and_then(|e| e.to_str()) {
        Some("cs") => {
            let mut mcs = Command::new("mcs");
            mcs.args(["-nologo", "-unsafe", "-warn:0"])
                .arg(format!("-out:{}", exe.display()));
            mcs
        }
        _ => {
            let mut ilasm = Command::new("ilasm");
            ilasm
                .arg("/quiet")
                .arg(format!("/output:{}", exe.display()));
            ilasm
        }
    };
    let done = command
        .arg(source)
        .output()
        .context("the compilers are missing: `./x setup` installs them")?;
    if !done.status.success() {
        bail!(
            "{}: {}",
            source.display(),
            String::from_utf8_lossy(&done.stderr)
        );
    }
    Ok((name, std::fs::read(&exe)?))
}
