//! Functions that are chosen when they are loaded: the address of one is what another function gives.

use std::ptr;

/// What a function that chooses gets: nothing on x86-64, the processor's features elsewhere.
#[repr(C)]
#[derive(Debug)]
struct Features {
    size: usize,
    first: usize,
    second: usize,
}

/// AArch64: the first argument says that there is a second.
const MORE: u64 = 1 << 62;

type Chooser = extern "C" fn(usize, *const Features) -> usize;

/// See [`Runtime::Choose`](super::Runtime::Choose).
pub extern "C" fn choose(begin: usize, end: usize) -> usize {
    // SAFETY: asks for constants of the process.
    let [first, second] = unsafe {
        [
            libc::getauxval(libc::AT_HWCAP),
            libc::getauxval(libc::AT_HWCAP2),
        ]
    };
    let [first, second] = [first, second].map(|v| v as usize);
    let features = Features {
        size: size_of::<Features>(),
        first,
        second,
    };
    let argument = match cfg!(target_arch = "aarch64") {
        true => first | MORE as usize,
        false => first,
    };
    let word = size_of::<usize>();
    for at in (begin..end.saturating_sub(word - 1)).step_by(word) {
        let place = ptr::with_exposed_provenance_mut::<usize>(at);
        // SAFETY: the session names words of finalized memory that can be written to, each with the address of such a function of the object.
        unsafe {
            let chooser = ptr::with_exposed_provenance::<()>(place.read_unaligned());
            let chooser = std::mem::transmute::<*const (), Chooser>(chooser);
            place.write_unaligned(chooser(argument, &raw const features));
        }
    }
    0
}
