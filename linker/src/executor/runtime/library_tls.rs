//! Thread-local variables of shared libraries: the system's dynamic linker keeps them, and knows them by {number of the library, offset}.
//!
//! ```text
//!  key: highest bit │ number of the library        __tls_get_addr({key, offset}) ─▶ the system's, with {number, offset}
//! ```

use super::loaded;
use super::tls::thread_pointer;

/// Marks keys of libraries.
const LIBRARY: usize = 1 << (usize::BITS - 1);

/// What the system's function takes.
#[repr(C)]
#[derive(Debug)]
struct Entry {
    number: usize,
    offset: usize,
}

unsafe extern "C" {
    fn __tls_get_addr(entry: *const Entry) -> *mut u8;
}

/// Whether a key is one of a library.
pub fn is_key(key: usize) -> bool {
    key & LIBRARY != 0
}

/// The calling thread's variable of a library.
pub fn address(key: usize, offset: usize) -> *mut u8 {
    let entry = Entry {
        number: key & !LIBRARY,
        offset,
    };
    // SAFETY: the number is one that the dynamic linker has given to a library that is loaded. Code that still refers to variables of one
    // that was unloaded is at fault in any process.
    unsafe { __tls_get_addr(&raw const entry) }
}

/// What the dynamic linker says of a library with thread-local variables.
#[derive(Clone, Copy, Debug)]
struct Library {
    number: usize,
    /// This thread's copy.
    base: usize,
    size: usize,
}

/// A library for which a condition holds; this thread must have a copy of its variables.
fn find(wanted: &dyn Fn(&Library) -> bool) -> Option<Library> {
    loaded::find(&mut |object| {
        let library = Library {
            number: object.info.dlpi_tls_modid,
            base: object.info.dlpi_tls_data.expose_provenance(),
            size: object.tls.p_memsz as usize,
        };
        wanted(&library).then_some(library)
    })
}

/// See [`Runtime::TlsOfLibrary`](super::Runtime::TlsOfLibrary).
pub extern "C" fn key(at: usize) -> usize {
    let found = find(&|library| at.wrapping_sub(library.base) < library.size);
    found.map_or(0, |library| LIBRARY | library.number)
}

/// See [`Runtime::TlsLibraryBase`](super::Runtime::TlsLibraryBase).
pub extern "C" fn base(key: usize) -> usize {
    address(key, 0).expose_provenance()
}

/// Distance of a library's variables from the thread pointer, if it is the same in each thread: two are asked.
pub fn distance(key: usize) -> Option<isize> {
    let here = move || base(key).wrapping_sub(thread_pointer()) as isize;
    let elsewhere = std::thread::spawn(here).join().ok()?;
    (elsewhere == here()).then_some(elsewhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `errno` is the C library's.
    #[test]
    fn variables_of_the_c_library_are_found() {
        let errno = || {
            // SAFETY: gives the address of this thread's variable.
            unsafe { libc::__errno_location() }.expose_provenance()
        };
        let at = errno();
        let key = key(at);
        assert!(is_key(key));
        let offset = at - base(key);
        assert_eq!(address(key, offset).addr(), at);
        let other = std::thread::spawn(move || (address(key, offset).addr(), errno()));
        let (found, wanted) = other.join().unwrap();
        assert_eq!(found, wanted);
        assert_ne!(found, at);
        let distance = distance(key).unwrap();
        assert_eq!(thread_pointer().wrapping_add_signed(distance), base(key));
        assert_eq!(super::key(&raw const at as usize), 0);
    }
}
