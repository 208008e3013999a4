//! Between argument words and Rust types.

use crate::vm::{Cx, exceptions, native};
use isthmus_rt::object::{Ref, Thrown};
use isthmus_runtime_abi::context::ThreadContext;

/// A type that an internal call can take.
pub trait Arg {
    /// What the C function takes.
    type Abi;
    /// Converts.
    fn from_abi(abi: Self::Abi) -> Self;
}

/// A type that an internal call can return.
pub trait Ret {
    /// What the C function returns.
    type Abi: Default;
    /// Converts. Integers smaller than 32 bits are extended.
    fn into_abi(self) -> Self::Abi;
}

macro_rules! same {
    ($($t:ty),*) => {$(
        impl Arg for $t { type Abi = $t; fn from_abi(abi: $t) -> $t { abi } }
        impl Ret for $t { type Abi = $t; fn into_abi(self) -> $t { self } }
    )*};
}
same!(i32, u32, i64, u64, isize, usize, f32, f64, Ref);

macro_rules! small {
    ($($t:ty),*) => {$(
        impl Arg for $t { type Abi = i32; fn from_abi(abi: i32) -> $t { abi as $t } }
        impl Ret for $t { type Abi = i32; fn into_abi(self) -> i32 { i32::from(self) } }
    )*};
}
small!(i8, u8, i16, u16);

impl Arg for bool {
    type Abi = i32;
    fn from_abi(abi: i32) -> bool {
        abi & 0xff != 0
    }
}

impl Ret for bool {
    type Abi = i32;
    fn into_abi(self) -> i32 {
        i32::from(self)
    }
}

impl Ret for () {
    type Abi = ();
    fn into_abi(self) {}
}

/// Runs an internal call, whose C function is at `address`; an error becomes the thread's pending exception.
///
/// # Safety
/// `ctx` must be the current thread's context, as transition stubs pass it.
#[inline]
pub unsafe fn run<R: Ret>(
    ctx: *mut ThreadContext,
    address: usize,
    f: impl FnOnce(&Cx<'_>) -> Result<R, Thrown>,
) -> R::Abi {
    // SAFETY: as the caller says.
    let thread = unsafe { isthmus_rt::thread::Thread::from_context(ctx) };
    let cx = Cx { thread };
    match f(&cx) {
        Ok(value) => value.into_abi(),
        Err(thrown) => {
            fail(&cx, address, thrown);
            R::Abi::default()
        }
    }
}

/// Leaves an exception to the stub.
#[cold]
fn fail(cx: &Cx<'_>, address: usize, thrown: Thrown) {
    cx.thread
        .set_pending(match native::internal_call_at(address) {
            Some(method) => exceptions::leaves_native(cx, thrown, method),
            None => thrown,
        });
}
