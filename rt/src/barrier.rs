//! A memory barrier on all threads of the process at once.
//!
//! Threads that change their state often (around each foreign call) do it by plain stores and loads; whoever wants to stop them,
//! which is rare, has them all make the barrier that lies between:
//!
//! ```text
//!  thread                            stopper
//!  state = …                         attention = 1
//!  (nothing)                         all_threads()
//!  attention? ── 0 ──▶ go on         state? ── sees the thread's store
//! ```
//!
//! A thread that read 0 did so before the barrier reached it, so that its store, which comes before the load, is seen after the barrier.

use std::sync::OnceLock;

// Of linux/membarrier.h.
const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: touches no memory of the process.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// Whether the system can do it.
pub(crate) fn available() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(|| membarrier(REGISTER_PRIVATE_EXPEDITED))
}

/// Returns after every other thread of the process has made a full barrier. Nothing if that is not [`available`].
pub(crate) fn all_threads() {
    if available() {
        let done = membarrier(PRIVATE_EXPEDITED);
        debug_assert!(done, "the process is registered");
    }
}
