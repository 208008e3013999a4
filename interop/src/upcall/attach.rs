//! Threads that C made, when they call managed code for the first time.
//!
//! Such a thread is attached until it ends. Outside of callbacks it is in a blocking region: nobody waits for it.

use super::Host;
use isthmus_rt::thread::{Attachment, Thread};
use isthmus_rt::transition::{Blocking, Running};
use std::cell::RefCell;
use std::mem::forget;

struct Attached(Attachment);

impl Drop for Attached {
    fn drop(&mut self) {
        // Out of the region for good: the thread is about to be forgotten.
        forget(Running::enter(&self.0));
    }
}

thread_local! {
    static ATTACHED: RefCell<Option<Attached>> = const { RefCell::new(None) };
}

/// Attaches the calling thread until it ends.
pub(super) fn attach(host: &'static dyn Host) -> &'static Thread {
    let attachment = match host.runtime().attach() {
        Ok(attachment) => attachment,
        Err(error) => isthmus_rt::internal_error(&error.to_string()),
    };
    if let Err(thrown) = host.attached(&attachment) {
        host.unhandled(&attachment, thrown);
    }
    // The region that is open between callbacks.
    forget(Blocking::enter(&attachment));
    ATTACHED.with(|here| here.replace(Some(Attached(attachment))));
    match Thread::current() {
        Some(thread) => thread,
        None => isthmus_rt::internal_error("a thread that was just attached is not"),
    }
}
