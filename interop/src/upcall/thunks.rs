//! The code that function pointers point to.
//!
//! Thunks are made a block at a time, all with the same code; what differs is in the data behind the code, so a pointer is made and freed by
//! writing a word. Code is never writable and executable at once.
//!
//! ```text
//!  block   code  | thunk 0 | thunk 1 | ...          executable, written once
//!          data  | word 0  . | word 1  . | ...      writable: address of the thunk's record
//! ```

use isthmus_rt::memory::Mapping;
use isthmus_runtime_abi::target::Arch;
use isthmus_stubs::foreign::{THUNK_BYTES, thunks};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of code of a block, a multiple of every page size there is.
const BLOCK: usize = 64 << 10;

/// All thunks.
#[derive(Default)]
pub struct Thunks {
    blocks: Vec<Mapping>,
    /// Addresses of thunks that lead nowhere.
    free: Vec<usize>,
}

impl Thunks {
    /// A thunk that leads to a record.
    pub fn take(&mut self, arch: Arch, record: usize) -> Result<usize, super::UpcallError> {
        let address = match self.free.pop() {
            Some(address) => address,
            None => {
                self.add_block(arch)?;
                self.free
                    .pop()
                    .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?
            }
        };
        word_of(address).store(record, Ordering::Release);
        Ok(address)
    }

    /// Makes a thunk free.
    pub fn give_back(&mut self, address: usize) {
        word_of(address).store(0, Ordering::Release);
        self.free.push(address);
    }

    fn add_block(&mut self, arch: Arch) -> Result<(), super::UpcallError> {
        let code = thunks(arch, BLOCK as u32)?;
        let block = Mapping::new(2 * BLOCK)?;
        // SAFETY: fresh memory of twice the size; then its first half becomes code, once nothing writes to it.
        let refused = unsafe {
            std::ptr::copy_nonoverlapping(code.as_ptr(), block.addr() as *mut u8, code.len());
            let access = libc::PROT_READ | libc::PROT_EXEC;
            libc::mprotect(block.addr() as *mut libc::c_void, BLOCK, access) != 0
        };
        if refused {
            return Err(io::Error::last_os_error().into());
        }
        let thunk = |n: usize| block.addr() + n * THUNK_BYTES as usize;
        self.free
            .extend((0..BLOCK / THUNK_BYTES as usize).rev().map(thunk));
        self.blocks.push(block);
        Ok(())
    }
}

/// The data word of a thunk.
fn word_of<'a>(address: usize) -> &'a AtomicUsize {
    // SAFETY: addresses of thunks lie in the first half of a block, which is never unmapped.
    unsafe { &*((address + BLOCK) as *const AtomicUsize) }
}
