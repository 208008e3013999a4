//! Files of images: where they are, and how they come into memory.
//!
//! | file | mapped by |
//! | --- | --- |
//! | `NAME.dll.isthmus.so` | the system's dynamic linker: pages of the file, shared between processes |
//! | `NAME.dll.isthmus.o` | our linker, into memory of this process |
//!
//! `NAME.dll.so` would be the name of Mono's own images, which Mono maps without a question.

use super::images::LoadedError;
use crate::types::system::Assembly;
use isthmus_aot::format::HEADER_SYMBOL;
use isthmus_aot::image::Image;
use isthmus_aot::shared;
use isthmus_linker::executor::local::Local;
use isthmus_linker::formats::elf;
use isthmus_linker::link::{Options, Session};
use isthmus_linker::memory::in_process::InProcess;
use isthmus_runtime_abi::target::Arch;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;

/// Variable with directories of images.
const PATH: &str = "ISTHMUS_AOT_PATH";

/// What the name of an assembly's file ends in where it is a shared object with its image.
pub const SHARED: &str = ".isthmus.so";

/// The same of a relocatable object.
pub const OBJECT: &str = ".isthmus.o";

/// Where the image of an assembly may be, as a file of this kind.
pub fn places(assembly: &Assembly, ending: &str) -> impl Iterator<Item = PathBuf> {
    folders(assembly).map(move |folder| in_folder(&folder, assembly, ending))
}

/// The file of an assembly's image: of the first folder that has one, a shared object rather than another.
pub fn find(assembly: &Assembly) -> Option<PathBuf> {
    let mut files = folders(assembly)
        .flat_map(|folder| [SHARED, OBJECT].map(|ending| in_folder(&folder, assembly, ending)));
    files.find(|path| path.is_file())
}

/// The assembly's own folder, and those of the variable.
fn folders(assembly: &Assembly) -> impl Iterator<Item = PathBuf> {
    let own = assembly.path.with_file_name("");
    let path = std::env::var_os(PATH).unwrap_or_default();
    let further: Vec<PathBuf> = std::env::split_paths(&path).collect();
    std::iter::once(own).chain(further)
}

fn in_folder(folder: &Path, assembly: &Assembly, ending: &str) -> PathBuf {
    let mut name = assembly.path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    folder.join(name)
}

/// Brings an image into memory, for good, and checks that its data are what was written.
pub fn open(path: &Path) -> Result<Image<'static>, LoadedError> {
    let file = |reason: String| LoadedError::of_file(path, reason);
    let header = match path.extension().is_some_and(|e| e == "o") {
        true => link(path),
        false => map(path),
    };
    let header = header.map_err(&file)?;
    let arch = Arch::host().unwrap_or(Arch::X64);
    // SAFETY: the symbol is defined in images only, at their header; the file stays mapped; this is the one place that opens it.
    let image = unsafe { Image::at(header, arch) }.map_err(|e| file(e.to_string()))?;
    image.verify_checksum().map_err(|e| file(e.to_string()))?;
    Ok(image)
}

/// Maps a shared object; gives the address of its header.
fn map(path: &Path) -> Result<*const u8, String> {
    check(path)?;
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
    // SAFETY: a zero-terminated path. Images have no constructors; what is not an image is the user's own library.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if handle.is_null() {
        return Err("it cannot be mapped".to_owned());
    }
    let symbol = CString::new(HEADER_SYMBOL).unwrap_or_default();
    // SAFETY: a handle of `dlopen` and a zero-terminated name.
    let header = unsafe { libc::dlsym(handle, symbol.as_ptr()) };
    match header.is_null() {
        true => Err("it is no image".to_owned()),
        false => Ok(header.cast_const().cast()),
    }
}

/// Whether a file is as the command made it: the dynamic linker trusts what it maps.
fn check(path: &Path) -> Result<(), String> {
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    shared::check(&file).map_err(|e| e.to_string())
}

/// Links a relocatable object; gives the address of its header. Nothing of it is run: what is not an image stays without effect.
fn link(path: &Path) -> Result<*const u8, String> {
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    let graph = elf::graph(&path.display().to_string(), &bytes).map_err(|e| e.to_string())?;
    let executor = Arc::new(Local::new(Box::new(InProcess::new())));
    let mut session = Session::new(executor, Options::default());
    session.link(vec![graph]).map_err(|e| e.to_string())?;
    let header = session.lookup(HEADER_SYMBOL).ok_or("it is no image")?;
    // Its memory stays.
    std::mem::forget(session);
    Ok(ptr::with_exposed_provenance(header as usize))
}
