//! The finalizer thread.
//!
//! ```text
//!   collection ──dead objects with finalizers──▶ queue ──▶ this thread: Finalize()
//!   WaitForPendingFinalizers, end of the program ◀── queue empty, nothing running
//! ```
//!
//! It starts with the program, and becomes a managed thread with the first finalizer. Finalizers of `CriticalFinalizerObject`s, and of
//! the class library, run after the others that died with them. At the end of the program every object that is left is finalized.

use super::cx::{Cx, Value};
use super::{heap, process, runtime, threads};
use crate::types::types;
use isthmus_rt::object::Ref;
use std::cell::Cell;
use std::time::Duration;

/// Stack of the thread.
const STACK: usize = 8 << 20;
/// How long the end of a program waits for finalizers, as Mono does.
const AT_END: Duration = Duration::from_secs(2);

thread_local! {
    static IS_FINALIZER: Cell<bool> = const { Cell::new(false) };
}

/// Starts the thread. Without it (the system refuses) nothing is finalized.
pub fn start() {
    let life = || {
        let Ok(attachment) = runtime().attach() else {
            return;
        };
        IS_FINALIZER.set(true);
        let cx = Cx {
            thread: &attachment,
        };
        let mut known = false;
        heap::heap().run_finalizers(&mut |object| {
            if !std::mem::replace(&mut known, true) {
                // Out of memory: the thread stays without a name.
                let _ = threads::attach_finalizer(&cx);
            }
            finalize(&cx, object);
        });
    };
    let thread = std::thread::Builder::new().stack_size(STACK);
    let _ = thread.name("finalizer".to_owned()).spawn(life);
}

/// Runs `Finalize` of an object. What it throws ends the program, or is dropped if the program ends anyway.
fn finalize(cx: &Cx<'_>, object: Ref) {
    let finalizer = types().known.object().method("Finalize", 0);
    let Some(m) = finalizer.and_then(|m| cx.type_of(object).implementation_of(m)) else {
        return;
    };
    if let Err(thrown) = cx.invoke(m, &[Value::Ref(object)])
        && !process::is_ending()
    {
        let code = process::unhandled(cx, thrown.exception);
        std::process::exit(code);
    }
}

/// Whether the calling thread is the one that runs finalizers.
pub fn is_finalizer() -> bool {
    IS_FINALIZER.get()
}

/// Waits until no finalizer is due or running. On the finalizer thread itself this returns at once.
pub fn wait() {
    while !is_finalizer() && !heap::heap().wait_for_finalizers(Duration::from_secs(3600)) {}
}

/// Finalizes what is left, at the end of the program.
pub fn end() {
    if is_finalizer() {
        return;
    }
    heap::heap().finalize_everything();
    heap::heap().wait_for_finalizers(AT_END);
}
