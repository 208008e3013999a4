//! GDB's interface: a list of objects in memory, and a function that GDB stops at when the list changes.
//!
//! See "JIT Compilation Interface" in GDB's manual. The names are what GDB looks for.

use std::ptr;
use std::sync::{Mutex, PoisonError};

/// An object in the list.
#[repr(C)]
#[derive(Debug)]
struct Entry {
    next: *mut Entry,
    previous: *mut Entry,
    object: *const u8,
    size: u64,
}

/// The list.
#[repr(C)]
#[derive(Debug)]
pub struct Descriptor {
    version: u32,
    /// 0: nothing, 1: `relevant` was added, 2: it is about to go.
    action: u32,
    relevant: *mut Entry,
    first: *mut Entry,
}

/// The list that GDB reads.
#[unsafe(no_mangle)]
static mut __jit_debug_descriptor: Descriptor = Descriptor {
    version: 1,
    action: 0,
    relevant: ptr::null_mut(),
    first: ptr::null_mut(),
};

/// GDB has a breakpoint here.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn __jit_debug_register_code() {
    // Something that cannot be left out.
    std::hint::black_box(&raw const __jit_debug_descriptor);
}

/// Who may change the list.
static LOCK: Mutex<()> = Mutex::new(());

/// See [`Runtime::DebugRegister`](super::Runtime::DebugRegister). The object stays in place until it is unregistered.
pub extern "C" fn register(address: usize, size: usize) -> usize {
    let _lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the list is changed under the lock only; all entries are live boxes.
    unsafe {
        let list = &raw mut __jit_debug_descriptor;
        let first = (*list).first;
        let entry = Box::into_raw(Box::new(Entry {
            next: first,
            previous: ptr::null_mut(),
            object: ptr::with_exposed_provenance(address),
            size: size as u64,
        }));
        if let Some(first) = first.as_mut() {
            first.previous = entry;
        }
        (*list).first = entry;
        (*list).relevant = entry;
        (*list).action = 1;
        __jit_debug_register_code();
        (*list).action = 0;
        entry.expose_provenance()
    }
}

/// See [`Runtime::DebugUnregister`](super::Runtime::DebugUnregister).
pub extern "C" fn unregister(handle: usize) -> usize {
    let _lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: as in `register`; what is not in the list is not touched.
    unsafe {
        let list = &raw mut __jit_debug_descriptor;
        let mut at = (*list).first;
        while !at.is_null() && at.addr() != handle {
            at = (*at).next;
        }
        let Some(entry) = at.as_mut() else {
            return 0;
        };
        match entry.previous.as_mut() {
            Some(previous) => previous.next = entry.next,
            None => (*list).first = entry.next,
        }
        if let Some(next) = entry.next.as_mut() {
            next.previous = entry.previous;
        }
        (*list).relevant = at;
        (*list).action = 2;
        __jit_debug_register_code();
        (*list).action = 0;
        (*list).relevant = ptr::null_mut();
        drop(Box::from_raw(at));
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_what_is_registered() {
        let addresses = || {
            let mut found = Vec::new();
            // SAFETY: nothing else in this process changes the list.
            unsafe {
                let list = &raw const __jit_debug_descriptor;
                let mut at = (*list).first;
                while let Some(entry) = at.as_ref() {
                    found.push((entry.object.addr(), entry.size));
                    at = entry.next;
                }
            }
            found
        };
        let handles = [10, 20, 30].map(|n| register(n, n));
        assert_eq!(addresses(), [(30, 30), (20, 20), (10, 10)]);
        assert_eq!(unregister(handles[1]), 1);
        assert_eq!(unregister(handles[1]), 0);
        assert_eq!(addresses(), [(30, 30), (10, 10)]);
        assert_eq!(unregister(handles[2]), 1);
        assert_eq!(unregister(handles[0]), 1);
        assert_eq!(addresses(), []);
    }
}
