//! What the dynamic linker has loaded: objects with thread-local variables, as `dl_iterate_phdr` tells of them.

use libc::{c_int, c_void, dl_phdr_info, size_t};

#[cfg(target_pointer_width = "64")]
type Header = libc::Elf64_Phdr;
#[cfg(target_pointer_width = "32")]
type Header = libc::Elf32_Phdr;

/// A loaded object with thread-local variables, of which this thread has a copy.
pub(super) struct WithTls<'a> {
    pub info: &'a dl_phdr_info,
    pub headers: &'a [Header],
    /// The header of its thread-local variables.
    pub tls: &'a Header,
}

struct Search<'a, T> {
    wanted: &'a mut dyn FnMut(&WithTls<'_>) -> Option<T>,
    found: Option<T>,
}

/// The first answer that any of the objects gets.
pub(super) fn find<T>(wanted: &mut dyn FnMut(&WithTls<'_>) -> Option<T>) -> Option<T> {
    let mut search = Search {
        wanted,
        found: None,
    };
    // SAFETY: `look` matches what is expected, and the search outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look::<T>), (&raw mut search).cast()) };
    search.found
}

unsafe extern "C" fn look<T>(info: *mut dl_phdr_info, size: size_t, data: *mut c_void) -> c_int {
    if size < size_of::<dl_phdr_info>() {
        return 0;
    }
    // SAFETY: the caller gives a description of a loaded object, and the search's address.
    let (info, search) = unsafe { (&*info, &mut *data.cast::<Search<'_, T>>()) };
    if info.dlpi_tls_data.is_null() || info.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: the object's program headers, so many.
    let headers =
        unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    if let Some(tls) = headers.iter().find(|h| h.p_type == libc::PT_TLS) {
        search.found = (search.wanted)(&WithTls { info, headers, tls });
    }
    c_int::from(search.found.is_some())
}
