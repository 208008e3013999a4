//! Files to link: objects, archives, shared libraries, and libraries by name.

use anyhow::{Context, Result, bail};
use isthmus_linker::formats::archive::Archive;
use isthmus_linker::formats::elf;
use isthmus_linker::graph::LinkGraph;
use std::path::{Path, PathBuf};

/// Folders of the system's libraries, in which the compiler looks too.
const SYSTEM: &[&str] = &[
    "/usr/local/lib",
    #[cfg(target_arch = "x86_64")]
    "/usr/lib/x86_64-linux-gnu",
    #[cfg(target_arch = "aarch64")]
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib",
    "/lib",
];

/// What the files of a command line are.
#[derive(Default)]
pub struct Inputs {
    /// Objects.
    pub objects: Vec<LinkGraph>,
    /// Archives of objects.
    pub archives: Vec<Archive>,
    /// Paths of shared libraries.
    pub libraries: Vec<String>,
}

/// Whether a file is an ELF shared library.
fn is_shared(bytes: &[u8]) -> bool {
    const DYNAMIC: [u8; 2] = [3, 0];
    bytes.starts_with(b"\x7fELF") && bytes.get(16..18) == Some(&DYNAMIC)
}

/// The files that a text stands for, as the development files of the C library do: `GROUP ( /lib/libm.so.6 … )`.
fn stands_for(bytes: &[u8]) -> Option<Vec<&Path>> {
    let text = std::str::from_utf8(bytes).ok()?;
    if !text.contains("GROUP") && !text.contains("INPUT") {
        return None;
    }
    let words = text.split(|c: char| c.is_whitespace() || "(),".contains(c));
    let files = words.filter(|w| w.starts_with('/') && (w.contains(".so") || w.ends_with(".a")));
    Some(files.map(Path::new).collect())
}

impl Inputs {
    /// Reads a file of whatever kind.
    pub fn add(&mut self, path: &Path) -> Result<()> {
        let bytes = read(path)?;
        match stands_for(&bytes) {
            Some(files) => files
                .into_iter()
                .try_for_each(|file| self.add_binary(file, read(file)?)),
            None => self.add_binary(path, bytes),
        }
    }

    fn add_binary(&mut self, path: &Path, bytes: Vec<u8>) -> Result<()> {
        let name = path.display().to_string();
        if is_shared(&bytes) {
            // The dynamic linker looks elsewhere for a name without a folder.
            let path = path.canonicalize().context(name)?;
            self.libraries.push(path.display().to_string());
        } else if Archive::is_archive(&bytes) {
            self.archives.push(Archive::read(&name, bytes)?);
        } else {
            self.objects.push(elf::graph(&name, &bytes)?);
        }
        Ok(())
    }

    /// Looks for a library by name, in these folders and those of the system.
    pub fn add_library(&mut self, name: &str, folders: &[PathBuf]) -> Result<()> {
        let folders = folders.iter().map(PathBuf::as_path);
        let folders: Vec<&Path> = folders.chain(SYSTEM.iter().map(Path::new)).collect();
        for folder in &folders {
            for file in [format!("lib{name}.so"), format!("lib{name}.a")] {
                let path = folder.join(file);
                if path.is_file() {
                    return self.add(&path);
                }
            }
        }
        let folders: Vec<_> = folders.iter().map(|f| f.display().to_string()).collect();
        bail!(
            "neither lib{name}.so nor lib{name}.a is in {}",
            folders.join(", ")
        )
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}
