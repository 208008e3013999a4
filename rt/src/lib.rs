//! The runtime that compiled code runs on, for any VM.
//!
//! ```text
//!   managed code ──helpers, trampolines──▶ helpers, dispatch ──questions──▶ vm::Vm (the VM's own)
//!        ▲  │ faults                            │
//!        │  └─────────▶ traps ──▶ exception ────┤ walk (stack), registry (PC → tables), thread (in flight)
//!        │                                      │
//!   invoke ◀── runtime code ◀───────────────────┘
//!                    └─ transition, safepoint (stop the world) ◀── gc
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`runtime`] | [`Runtime`](runtime::Runtime): everything of a process; installs code, resolves symbols |
//! | [`vm`], `defaults` | the trait that a VM implements, and answers that serve most VMs |
//! | [`class_init`] | running class constructors once |
//! | [`native`] | what native functions of a VM need |
//! | [`thread`] | attached threads: context, stack, states |
//! | [`object`] | references and exceptions in runtime code |
//! | [`invoke`] | calling managed code |
//! | [`helpers`] | the C functions behind helpers |
//! | [`dispatch`] | what trampolines ask: compile, vtable slots, interface methods |
//! | [`methods`] | permanent records of methods: cell, entry, versions |
//! | [`registry`] | code by address |
//! | [`image`] | code that was compiled ahead of time |
//! | [`tiers`] | counters, the compiler thread, replacing running loops |
//! | [`perf`] | a map of code for profilers |
//! | [`walk`] | walking the stack |
//! | [`exception`] | the two-pass exception driver |
//! | [`traps`] | faults of compiled code |
//! | [`safepoint`], `barrier` | stopping the world |
//! | [`stack`] | a second stack for compiling |
//! | `stub_counts` | how many stubs were made |
//! | [`local_memory`] | memory of `localloc` beside the stack |
//! | [`transition`] | blocking regions |
//! | [`gc`] | the heap |
//! | [`heap`] | where the two meet |
//! | [`vtables`] | vtables, in low memory |
//! | [`memory`] | address space |
//! | `arch` | what differs between processors |

pub mod class_init;
pub mod dispatch;
pub mod exception;
pub mod gc;
pub mod heap;
pub mod helpers;
pub mod image;
pub mod invoke;
pub mod local_memory;
pub mod memory;
pub mod methods;
pub mod native;
pub mod object;
pub mod perf;
pub mod registry;
pub mod runtime;
pub mod safepoint;
pub mod stack;
mod stub_counts;
pub mod thread;
pub mod tiers;
pub mod transition;
pub mod traps;
pub mod vm;
pub mod vtables;
pub mod walk;

mod arch;
mod barrier;
mod defaults;

/// Prints a line to standard error. Nobody may be there to read it: that stops nothing.
#[macro_export]
macro_rules! report {
    ($($arg:tt)*) => {{
        let _ = ::std::io::Write::write_fmt(
            &mut ::std::io::stderr(),
            format_args!("{}\n", format_args!($($arg)*)),
        );
    }};
}

/// Exit code of the process when the runtime finds itself in a state that cannot be.
pub const INTERNAL_ERROR: i32 = 70;

/// Ends the process: the runtime is in a state that cannot be. Nothing is unwound or cleaned up: other threads may be
/// stopped, and this may be a signal handler.
#[cold]
pub fn internal_error(message: &str) -> ! {
    crate::report!("internal error: {message}");
    // SAFETY: ends the process.
    unsafe { libc::_exit(INTERNAL_ERROR) }
}
