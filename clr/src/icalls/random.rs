//! Cryptographic random numbers, from the kernel.

use crate::vm::Cx;
use crate::vm::cx::Result;

icalls! {
    "System.Security.Cryptography.RNGCryptoServiceProvider" {
        "RngOpen" => open [] -> bool;
        "RngInitialize" => initialize [seed: usize, length: isize] -> isize;
        "RngGetBytes" => get_bytes [handle: isize, data: usize, length: isize] -> isize;
        "RngClose" => close [handle: isize] -> ();
    }
}

/// A handle; there is nothing behind it.
const HANDLE: isize = 1;

/// Whether all providers share one source.
fn open(_cx: &Cx<'_>) -> Result<bool> {
    Ok(true)
}

/// The kernel needs no seed.
fn initialize(_cx: &Cx<'_>, _seed: usize, _length: isize) -> Result<isize> {
    Ok(HANDLE)
}

/// Fills the bytes; the handle comes back, or 0 after a failure.
fn get_bytes(_cx: &Cx<'_>, handle: isize, data: usize, length: isize) -> Result<isize> {
    let length = length.max(0) as usize;
    let mut done = 0;
    while done < length {
        // SAFETY: the library passes pinned memory of that length.
        let n = unsafe { libc::getrandom((data + done) as *mut libc::c_void, length - done, 0) };
        match usize::try_from(n) {
            Ok(n) => done += n,
            Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {
            }
            Err(_) => return Ok(0),
        }
    }
    Ok(if handle == 0 { HANDLE } else { handle })
}

fn close(_cx: &Cx<'_>, _handle: isize) -> Result<()> {
    Ok(())
}
