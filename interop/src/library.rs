//! Libraries and their symbols, through the system's dynamic linker.

use std::ffi::{CStr, CString};
use std::ptr::NonNull;

/// A loaded library, or the program itself. It stays loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Library(NonNull<libc::c_void>);

// SAFETY: a handle that the dynamic linker's functions take on any thread.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

impl Library {
    /// Loads a library by path or name; its symbols are among those of the program from now on. The error is what the dynamic linker says.
    pub fn open(name: &str) -> Result<Library, String> {
        let name = CString::new(name).map_err(|e| e.to_string())?;
        // SAFETY: a C string; running a library's initializers is what loading it means.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_GLOBAL) };
        NonNull::new(handle).map(Library).ok_or_else(last_error)
    }

    /// The program itself, with all that it is linked with.
    pub fn program() -> Result<Library, String> {
        // SAFETY: null names the program.
        let handle = unsafe { libc::dlopen(std::ptr::null(), libc::RTLD_LAZY) };
        NonNull::new(handle).map(Library).ok_or_else(last_error)
    }

    /// The address of a symbol.
    pub fn symbol(self, name: &str) -> Option<usize> {
        let name = CString::new(name).ok()?;
        // SAFETY: a handle from dlopen and a C string.
        let address = unsafe { libc::dlsym(self.0.as_ptr(), name.as_ptr()) } as usize;
        (address != 0).then_some(address)
    }
}

/// What the dynamic linker says of its last failure on this thread.
fn last_error() -> String {
    // SAFETY: gives null or a C string that is valid until the next call on this thread.
    let text = unsafe {
        let text = libc::dlerror();
        (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
    };
    text.unwrap_or_else(|| "the dynamic linker does not say why".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_found_in_libraries_and_in_the_program() {
        let program = Library::program().unwrap();
        assert!(program.symbol("malloc").is_some());
        assert!(program.symbol("there is no such symbol").is_none());
        let m = Library::open("libm.so.6").unwrap();
        assert!(m.symbol("cos").is_some());
        let error = Library::open("libthere-is-none.so").unwrap_err();
        assert!(error.contains("libthere-is-none.so"), "{error}");
    }
}
