//! What native functions of a VM need: C functions that managed code calls through transition stubs
//! (`isthmus_stubs::native::native_call`), which pass the thread context as one more, last, argument.
//!
//! The stub has published the managed frame, so a native function may allocate, collect and call back. One that fails sets the
//! pending exception and returns anything: the stub throws.

use crate::gc::HandleKind;
use crate::object::{Ref, Thrown};
use crate::runtime::Runtime;
use crate::thread::Thread;
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::intrinsics::Intrinsic;
use isthmus_runtime_abi::trap::TrapKind;
use std::io;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicI32, AtomicI64, fence};
use std::thread::JoinHandle;

/// The last argument of every native function: the context of the thread that called. Only stubs make one.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Ctx(*mut ThreadContext);

/// The thread that called.
pub fn current<'a>(ctx: Ctx) -> &'a Thread {
    // SAFETY: stubs pass the calling thread's context.
    unsafe { Thread::from_context(ctx.0) }
}

/// The result of a function that may throw.
pub fn finish<T: Default>(ctx: Ctx, result: Result<T, Thrown>) -> T {
    current(ctx).or_throw(result)
}

/// Throws the exception of a trap.
pub fn trap<T>(ctx: Ctx, kind: TrapKind) -> Result<T, Thrown> {
    let thread = current(ctx);
    Err(thread.runtime().trap(thread, kind))
}

/// An argument that must not be null.
pub fn not_null(ctx: Ctx, addr: usize) -> Result<Ref, Thrown> {
    match addr {
        0 => trap(ctx, TrapKind::NullReference),
        addr => Ok(Ref::from_addr(addr)),
    }
}

impl Runtime {
    /// Starts a thread that attaches and runs `main` with an object. The object crosses in a handle: between the threads nothing
    /// scans it.
    pub fn spawn(
        &'static self,
        stack_bytes: usize,
        argument: Ref,
        main: impl FnOnce(&Thread, Ref) + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        let heap = self.heap();
        let handle = heap.new_handle(HandleKind::Strong, argument);
        let handle = handle.ok_or(io::ErrorKind::OutOfMemory)?;
        let life = move || {
            let thread = match self.attach() {
                Ok(thread) => thread,
                Err(error) => crate::internal_error(&error.to_string()),
            };
            let argument = heap.handle_target(handle);
            heap.free_handle(handle);
            main(&thread, argument);
        };
        let thread = std::thread::Builder::new().stack_size(stack_bytes);
        thread.spawn(life).inspect_err(|_| heap.free_handle(handle))
    }
}

// ---- intrinsics as functions

macro_rules! atomics {
    ($($name:ident($cell:ident: $atomic:ident, $int:ty $(, $arg:ident)*) = $body:expr;)*) => {
        $(extern "C" fn $name(cell: usize, $($arg: $int,)* ctx: Ctx) -> $int {
            finish(ctx, not_null(ctx, cell).map(|cell| {
                // SAFETY: the program passes the address of a field, local or element of this type.
                let $cell = unsafe { $atomic::from_ptr(cell.addr() as *mut $int) };
                $body
            }))
        })*
    };
}

atomics! {
    exchange32(c: AtomicI32, i32, value) = c.swap(value, SeqCst);
    exchange64(c: AtomicI64, i64, value) = c.swap(value, SeqCst);
    compare_exchange32(c: AtomicI32, i32, value, wanted) = c.compare_exchange(wanted, value, SeqCst, SeqCst).unwrap_or_else(|old| old);
    compare_exchange64(c: AtomicI64, i64, value, wanted) = c.compare_exchange(wanted, value, SeqCst, SeqCst).unwrap_or_else(|old| old);
    add32(c: AtomicI32, i32, value) = c.fetch_add(value, SeqCst).wrapping_add(value);
    add64(c: AtomicI64, i64, value) = c.fetch_add(value, SeqCst).wrapping_add(value);
    increment32(c: AtomicI32, i32) = c.fetch_add(1, SeqCst).wrapping_add(1);
    decrement32(c: AtomicI32, i32) = c.fetch_sub(1, SeqCst).wrapping_sub(1);
}

extern "C" fn memory_barrier(_: Ctx) {
    fence(SeqCst);
}

macro_rules! functions {
    ($($name:ident($ty:ty) = $body:expr;)*) => {
        $(extern "C" fn $name(x: $ty, _: Ctx) -> $ty {
            let f: fn($ty) -> $ty = $body;
            f(x)
        })*
    };
}

functions! {
    sqrt(f64) = f64::sqrt;
    abs_f64(f64) = f64::abs;
    abs_f32(f32) = f32::abs;
    floor(f64) = f64::floor;
    ceil(f64) = f64::ceil;
    round(f64) = f64::round_ties_even;
}

/// The native function that does what an intrinsic does, for calls that a compiler does not expand (delegates, for example).
/// `None`: compilers must expand it, or only the VM knows it.
pub fn of_intrinsic(intrinsic: Intrinsic) -> Option<usize> {
    Some(match intrinsic {
        Intrinsic::Exchange32 => exchange32 as *const () as usize,
        Intrinsic::Exchange64 => exchange64 as *const () as usize,
        Intrinsic::CompareExchange32 => compare_exchange32 as *const () as usize,
        Intrinsic::CompareExchange64 => compare_exchange64 as *const () as usize,
        Intrinsic::Add32 => add32 as *const () as usize,
        Intrinsic::Add64 => add64 as *const () as usize,
        Intrinsic::Increment32 => increment32 as *const () as usize,
        Intrinsic::Decrement32 => decrement32 as *const () as usize,
        Intrinsic::MemoryBarrier => memory_barrier as *const () as usize,
        Intrinsic::Sqrt => sqrt as *const () as usize,
        Intrinsic::AbsF64 => abs_f64 as *const () as usize,
        Intrinsic::AbsF32 => abs_f32 as *const () as usize,
        Intrinsic::Floor => floor as *const () as usize,
        Intrinsic::Ceil => ceil as *const () as usize,
        Intrinsic::Round => round as *const () as usize,
        _ => return None,
    })
}
