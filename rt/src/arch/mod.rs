//! What differs between architectures in the runtime itself: signal contexts, spilling registers, reading a
//! faulting instruction. Each architecture has a file with the same functions.

#[cfg(target_arch = "x86_64")]
mod x64;
#[cfg(target_arch = "x86_64")]
pub(crate) use x64::*;

#[cfg(not(target_arch = "x86_64"))]
compile_error!("the runtime has no support for this architecture yet");
