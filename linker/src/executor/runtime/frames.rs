//! Unwind tables: so that C++ exceptions and debuggers' backtraces pass through linked code.

use std::ptr;

unsafe extern "C" {
    fn __register_frame(begin: *const u8);
    fn __deregister_frame(begin: *const u8);
}

/// See [`Runtime::RegisterFrames`](super::Runtime::RegisterFrames).
pub extern "C" fn register(address: usize) -> usize {
    // SAFETY: the session names finalized unwind tables, which end with a zero.
    unsafe { __register_frame(ptr::with_exposed_provenance(address)) };
    0
}

/// See [`Runtime::DeregisterFrames`](super::Runtime::DeregisterFrames).
pub extern "C" fn deregister(address: usize) -> usize {
    // SAFETY: the session names unwind tables that it has registered, and still has.
    unsafe { __deregister_frame(ptr::with_exposed_provenance(address)) };
    0
}
