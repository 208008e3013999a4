//! Faults of compiled code.
//!
//! ```text
//!  SIGSEGV, SIGBUS, SIGFPE, SIGILL on the thread's signal stack
//!    │ the thread is attached, PC is in registered code, and that code has a trap record at exactly PC that fits the signal
//!    ├─ Poll ───────────▶ publish the interrupted registers, park here, return: the load is made again
//!    ├─ in a method ────▶ FaultPc, FaultKind; return to the fault stub, which throws
//!    ├─ in a stub ──────▶ FaultPc = 0, FaultKind; return to the stub-fault stub, which throws for the caller's call site
//!    └─ anything else ──▶ the handler that was installed before
//! ```
//!
//! What fits: a null reference is an access below [`NULL_GUARD`] (`si_code` tells it from a non-canonical address,
//! which x86-64 reports as 0); a poll is an access to the thread's own poll page; hardware division faults are told apart
//! by the divisor; everything else is an undefined instruction put there on purpose.
//!
//! The handler runs only for synchronous faults of managed code, which holds no locks of the runtime or of libc: it may
//! lock and wait like ordinary code.

use crate::arch::Context;
use crate::registry::Code;
use crate::thread::Thread;
use isthmus_runtime_abi::artifact::Tier;
use isthmus_runtime_abi::layout::NULL_GUARD;
use isthmus_runtime_abi::trap::TrapKind;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;

const SIGNALS: [i32; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];
/// `si_code` of an access to an unmapped or a protected page.
const ADDRESS_CODES: [i32; 2] = [1, 2];

/// The handlers that were installed before ours, in the order of [`SIGNALS`].
static PREVIOUS: OnceLock<[Previous; 4]> = OnceLock::new();

#[derive(Clone, Copy)]
struct Previous(libc::sigaction);

// SAFETY: plain data; the handler address in it is that of a function.
unsafe impl Send for Previous {}
// SAFETY: as above.
unsafe impl Sync for Previous {}

/// Installs the handlers, once for the process.
pub(crate) fn install() -> io::Result<()> {
    let mut error = None;
    PREVIOUS.get_or_init(|| {
        SIGNALS.map(|signal| match install_one(signal) {
            Ok(previous) => previous,
            Err(e) => {
                error = Some(e);
                // SAFETY: all zeroes is `SIG_DFL` with an empty mask.
                Previous(unsafe { MaybeUninit::zeroed().assume_init() })
            }
        })
    });
    error.map_or(Ok(()), Err)
}

fn install_one(signal: i32) -> io::Result<Previous> {
    // SAFETY: all zeroes is a valid `sigaction`.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handle as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    let mut previous = MaybeUninit::uninit();
    // SAFETY: the handler has the signature that SA_SIGINFO asks for; it stays for the life of the process.
    match unsafe { libc::sigaction(signal, &action, previous.as_mut_ptr()) } {
        // SAFETY: filled by the call.
        0 => Ok(Previous(unsafe { previous.assume_init() })),
        _ => Err(io::Error::last_os_error()),
    }
}

extern "C" fn handle(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // The interrupted code may be using errno.
    // SAFETY: errno's address is valid for the thread's life.
    let errno = unsafe { *libc::__errno_location() };
    // SAFETY: called by the kernel with a valid siginfo and context.
    let handled = unsafe { handle_managed(signal, &*info, &mut Context::new(context)) };
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
    if !handled {
        // SAFETY: our own arguments, passed on.
        unsafe { chain(signal, info, context) };
    }
}

/// # Safety
/// `info` and `context` are those of a signal that is being handled on the calling thread.
unsafe fn handle_managed(signal: i32, info: &libc::siginfo_t, context: &mut Context<'_>) -> bool {
    let Some(thread) = Thread::current() else {
        return false;
    };
    let runtime = thread.runtime();
    let Some(code) = runtime.code_map().find(context.pc()) else {
        return false;
    };
    // SAFETY: a fault's siginfo has an address.
    let addr = unsafe { info.si_addr() } as usize;
    let Some(kind) = classify(thread, code, signal, info.si_code, addr, context) else {
        return false;
    };
    match kind {
        TrapKind::Poll => {
            thread.publish_context(context);
            runtime.safepoints().park_published(thread);
            return true;
        }
        TrapKind::Unreachable => {
            crate::internal_error("compiled code reached a place that it cannot reach")
        }
        _ => {}
    }
    thread.ctx.fault_kind.store(kind as usize, Relaxed);
    let stubs = runtime.stub_addresses();
    let (fault_pc, stub) = match code.tier() {
        Tier::Stub => (0, stubs.stub_fault),
        Tier::Baseline | Tier::Opt => (context.pc(), stubs.fault),
    };
    thread.ctx.fault_pc.store(fault_pc, Relaxed);
    context.set_pc(stub);
    true
}

/// The reason of a fault, if it is one that the code's records foresee.
fn classify(
    thread: &Thread,
    code: &Code,
    signal: i32,
    si_code: i32,
    addr: usize,
    context: &Context<'_>,
) -> Option<TrapKind> {
    use TrapKind::*;
    let record = |wanted: &dyn Fn(TrapKind) -> bool| {
        code.trap_site(context.pc(), wanted).map(|site| site.kind)
    };
    match signal {
        libc::SIGSEGV | libc::SIGBUS => {
            let known = signal == libc::SIGSEGV && ADDRESS_CODES.contains(&si_code);
            if known && addr == thread.poll_page() {
                record(&|k| k == Poll)
            } else if known && addr < NULL_GUARD as usize {
                record(&|k| k == NullReference)
            } else {
                None
            }
        }
        libc::SIGFPE => {
            let kind = record(&|k| matches!(k, Division | DivideByZero | Overflow))?;
            Some(match context.divides_by_zero() {
                Some(true) => DivideByZero,
                Some(false) => Overflow,
                None => kind,
            })
        }
        _ => match record(&|k| !matches!(k, NullReference | Poll))? {
            Division => Some(DivideByZero),
            kind => Some(kind),
        },
    }
}

/// Does what would have happened without our handler.
///
/// # Safety
/// The arguments are those of a signal that is being handled.
unsafe fn chain(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let index = SIGNALS.iter().position(|&s| s == signal);
    let previous = index.and_then(|i| PREVIOUS.get().map(|p| &p[i].0));
    // SAFETY: the previous handler gets what it would have got; the default action is restored and the
    // instruction faults again when this handler returns.
    unsafe {
        match previous {
            Some(p) if p.sa_sigaction == libc::SIG_IGN => {}
            Some(p) if p.sa_sigaction != libc::SIG_DFL && p.sa_flags & libc::SA_SIGINFO != 0 => {
                let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) =
                    std::mem::transmute(p.sa_sigaction);
                handler(signal, info, context);
            }
            Some(p) if p.sa_sigaction != libc::SIG_DFL => {
                let handler: extern "C" fn(i32) = std::mem::transmute(p.sa_sigaction);
                handler(signal);
            }
            _ => {
                let mut default: libc::sigaction = MaybeUninit::zeroed().assume_init();
                default.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &default, ptr::null_mut());
            }
        }
    }
}
