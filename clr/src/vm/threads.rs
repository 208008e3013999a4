//! Managed threads: for now the main thread's objects.

use super::cx::{Cx, Result};
use super::heap;
use super::offsets::offsets;
use crate::types::types;
use isthmus_rt::object::Ref;
use std::cell::Cell;

thread_local! {
    /// Handle of this thread's `Thread` object.
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

/// Gives the main thread its `Thread` and `InternalThread`.
pub fn attach_main(cx: &Cx<'_>) -> Result<()> {
    let known = &types().known;
    let internal = cx.alloc(known.internal_thread())?;
    let thread = cx.alloc(known.thread())?;
    cx.write_ref(thread, offsets().thread_internal, internal);
    cx.write(internal, offsets().internal_thread_managed_id, 1i32);
    // SAFETY: no preconditions.
    let id = unsafe { libc::pthread_self() } as i64;
    cx.write(internal, offsets().internal_thread_id, id);
    CURRENT.set(heap::strong_handle(thread));
    Ok(())
}

/// The current thread's `Thread` object.
pub fn current(cx: &Cx<'_>) -> Result<Ref> {
    if CURRENT.get() == 0 {
        attach_main(cx)?;
    }
    Ok(heap::from_handle(CURRENT.get()))
}
