//! Leaving the heap alone for a while.
//!
//! A thread that may wait for something other than the collector (a lock, a file, a foreign function) tells so
//! by a [`Blocking`] region. Inside, it must not touch the heap, and collections do not wait for it: they scan its
//! stack from where it entered. On leaving it waits for a collection that is under way. A foreign function that calls back
//! is a [`Running`] region inside.
//!
//! The stubs of foreign functions (`isthmus_stubs::native::foreign_call`) open and close such a region by a few stores to the thread
//! context, and call the C functions here only when somebody wants the thread to stop.

use crate::thread::{Published, State, Thread};
use isthmus_runtime_abi::context::ThreadContext;
use std::marker::PhantomData;

/// A region in which the thread does not touch the heap. Ends when dropped.
#[derive(Debug)]
pub struct Blocking<'a> {
    thread: &'a Thread,
    /// Nested regions do nothing.
    outermost: bool,
    not_send: PhantomData<*mut ()>,
}

impl<'a> Blocking<'a> {
    /// Enters the region. References held in locals of the callers stay valid; they are pinned.
    #[inline]
    pub fn enter(thread: &'a Thread) -> Blocking<'a> {
        Blocking {
            thread,
            outermost: thread.enter_blocked(),
            not_send: PhantomData,
        }
    }
}

impl Drop for Blocking<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.outermost {
            self.thread.leave_blocked();
        }
    }
}

/// The opposite, within a blocking region: a foreign function calls back, and the thread touches the heap again until this is
/// dropped. Outside of a region it does nothing.
#[derive(Debug)]
pub struct Running<'a> {
    thread: &'a Thread,
    /// What the region around published, if there is one.
    around: Option<Published>,
    not_send: PhantomData<*mut ()>,
}

impl<'a> Running<'a> {
    /// Leaves the blocking region for a while; waits if the world is stopped.
    pub fn enter(thread: &'a Thread) -> Running<'a> {
        let blocked = matches!(thread.state(), State::Blocked | State::Foreign);
        Running {
            thread,
            around: blocked.then(|| thread.leave_blocked_for_a_while()),
            not_send: PhantomData,
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(published) = self.around.take() {
            self.thread.enter_blocked_again(published);
        }
    }
}

/// `RuntimeFn::ForeignEnter`: the thread is about to run a foreign function, and somebody waits for that, perhaps.
pub(crate) unsafe extern "C" fn foreign_enter(ctx: *mut ThreadContext) {
    // SAFETY: stubs pass the current thread's context. No region is open: managed code was running.
    unsafe { Thread::from_context(ctx) }.enter_foreign();
}

/// `RuntimeFn::ForeignLeave`: the foreign function has returned, and the world is stopped, perhaps.
pub(crate) unsafe extern "C" fn foreign_leave(ctx: *mut ThreadContext) {
    // SAFETY: stubs pass the current thread's context, within the region.
    unsafe { Thread::from_context(ctx) }.leave_blocked();
}

/// `RuntimeFn::ForeignError`: the foreign function has returned, and its caller wants to see its error number.
pub(crate) unsafe extern "C" fn foreign_error(ctx: *mut ThreadContext) {
    // Before anything that could change it.
    let error = std::io::Error::last_os_error().raw_os_error();
    // SAFETY: stubs pass the current thread's context.
    let thread = unsafe { Thread::from_context(ctx) };
    thread.set_last_error(error.unwrap_or(0));
}

/// Runs `f` in a blocking region of the current thread, if it is attached.
pub fn blocking<R>(f: impl FnOnce() -> R) -> R {
    let region = Thread::current().map(Blocking::enter);
    let result = f();
    drop(region);
    result
}
