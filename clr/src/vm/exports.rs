//! Functions that Mono's native library `libmono-native.so` takes from the program that loads it.
//!
//! The library is bound when it is loaded, so they must be among the program's dynamic symbols: the `isthmus` command
//! exports them (`cli/build.rs`). Its functions run in a blocking region already (`rt::transition`), so there is little for them to do.

use isthmus_rt::thread::Thread;
use std::ffi::{c_char, c_void};

/// Keeps the error number of the last system call for `Marshal.GetLastWin32Error`.
#[unsafe(no_mangle)]
extern "C" fn mono_marshal_set_last_error() {
    let error = std::io::Error::last_os_error().raw_os_error();
    if let Some(thread) = Thread::current() {
        thread.set_last_error(error.unwrap_or(0));
    }
}

/// Begins a region in which collections need not wait for the thread: it is in one.
#[unsafe(no_mangle)]
extern "C" fn mono_threads_enter_gc_safe_region_internal(_stack: *mut c_void) -> *mut c_void {
    std::ptr::null_mut()
}

/// Ends what the function above began.
#[unsafe(no_mangle)]
extern "C" fn mono_threads_exit_gc_safe_region_internal(_cookie: *mut c_void, _stack: *mut c_void) {
}

/// Would add internal calls; only `mono_pal_init` calls it, which is for Mono itself. All internal calls are in `icalls`.
#[unsafe(no_mangle)]
extern "C" fn mono_add_internal_call_with_flags(
    _name: *const c_char,
    _method: *const c_void,
    _cooperative: i32,
) {
}
