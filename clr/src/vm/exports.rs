//! Functions that native libraries take from the program that loads them.
//!
//! Mono's native library `libmono-native.so` is bound when it is loaded, others look the names up: so they must be among the program's dynamic symbols,
//! and the `isthmus` command and the executables that it makes export them (`cli/exports.txt`).
//!
//! Native code runs in a blocking region (`rt::transition`), so there is little to do for what `libmono-native.so` calls. The functions of Mono's embedding interface
//! hand out addresses of objects. As with Mono, these are good as long as native code is in a *GC unsafe* region, where collections wait for the thread: its
//! stack keeps objects in place whenever it calls the runtime.

use super::Cx;
use crate::icalls::handle::method_at;
use crate::marshal::callbacks;
use isthmus_rt::object::Ref;
use isthmus_rt::thread::Thread;
use isthmus_rt::transition::Running;
use isthmus_runtime_abi::layout::HEADER;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;

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

// ---- the embedding interface

/// Calls `f` with the current thread out of its blocking region, if it is in one. A thread that is not attached, and an exception, give zero.
fn managed(f: impl FnOnce(&Cx<'_>) -> super::cx::Result<usize>) -> usize {
    let Some(thread) = Thread::current() else {
        return 0;
    };
    let _running = Running::enter(thread);
    f(&Cx { thread }).unwrap_or(0)
}

/// Begins a region in which native code may use addresses of objects. What it gives ends the region.
#[unsafe(no_mangle)]
extern "C" fn mono_threads_enter_gc_unsafe_region(_stack: *mut *mut c_void) -> *mut c_void {
    match Thread::current() {
        Some(thread) => Box::into_raw(Box::new(Running::enter(thread))).cast(),
        None => ptr::null_mut(),
    }
}

/// Ends a region in which native code may use addresses of objects.
///
/// # Safety
/// `region` is what the function above gave last on this thread.
#[unsafe(no_mangle)]
unsafe extern "C" fn mono_threads_exit_gc_unsafe_region(
    region: *mut c_void,
    _stack: *mut *mut c_void,
) {
    if !region.is_null() {
        // SAFETY: made by `Box::into_raw` there, as the caller says.
        drop(unsafe { Box::from_raw(region.cast::<Running<'static>>()) });
    }
}

/// A C function that calls a method: see `synth::thunk`.
#[unsafe(no_mangle)]
extern "C" fn mono_method_get_unmanaged_thunk(method: *const c_void) -> *const c_void {
    let thunk = managed(|cx| match method_at(method as usize) {
        Some(m) => callbacks::thunk_of(cx, m),
        None => Ok(0),
    });
    thunk as *const c_void
}

/// The address of the value in a box.
#[unsafe(no_mangle)]
extern "C" fn mono_object_unbox(object: *mut c_void) -> *mut c_void {
    object.wrapping_byte_add(HEADER as usize)
}

/// A string object with a text in UTF-8; null for null.
///
/// # Safety
/// `text` is null or ends in a zero byte.
#[unsafe(no_mangle)]
unsafe extern "C" fn mono_string_new_wrapper(text: *const c_char) -> *mut c_void {
    if text.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: as the caller says.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    managed(|cx| Ok(cx.string(&text)?.addr())) as *mut c_void
}

/// The text of a string object in UTF-8, in memory of `malloc`; null for null.
#[unsafe(no_mangle)]
extern "C" fn mono_string_to_utf8(string: *mut c_void) -> *mut c_char {
    if string.is_null() {
        return ptr::null_mut();
    }
    let copy = managed(|cx| {
        let text = cx.text(Ref::from_addr(string as usize));
        // SAFETY: memory for the text and a zero after it.
        Ok(unsafe {
            let memory = libc::calloc(text.len() + 1, 1).cast::<u8>();
            if !memory.is_null() {
                ptr::copy_nonoverlapping(text.as_ptr(), memory, text.len());
            }
            memory as usize
        })
    });
    copy as *mut c_char
}
