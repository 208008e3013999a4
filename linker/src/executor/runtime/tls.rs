//! Thread-local variables of linked code.
//!
//! ```text
//!  dynamic: __tls_get_addr({key, offset}) ─▶ this thread's copy of the key's home (made on first use) + offset
//!  static:  [thread pointer + distance + offset]     code has the distance in an instruction or in a word
//!           thread's block of the program: │ … POOL │ ◀── homes are pieces of this thread-local array of ours
//! ```
//! Code that was compiled for programs (`gcc -c` without `-fPIC`) takes its variables at a fixed distance from the thread pointer. Only variables of
//! what was there when the process started have one. So the runtime has such a variable itself, the pool, and gives pieces of it to homes. The C
//! library fills a new thread's block from the program's template; the runtime writes a home's first values into that template too, and into the
//! copy of the thread that asks. Threads that were there before the link see zeros, or what an earlier home left.
//! Homes that need no fixed distance have copies on demand, and none of these restrictions. Keys of [`library_tls`] stand for variables
//! of shared libraries, which the system's dynamic linker keeps.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::{RefCell, UnsafeCell};
use std::ptr;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::{library_tls, loaded};
use crate::memory::blocks::Blocks;

/// Bytes for all homes at fixed distances.
const POOL_SIZE: usize = 16 << 10;
/// Alignment of homes at fixed distances.
const POOL_ALIGN: usize = 64;
/// The first bytes are not given away: they are not zero, so that the array is in the template.
const RESERVED: usize = POOL_ALIGN;

#[repr(align(64))]
struct Pool(UnsafeCell<[u8; POOL_SIZE]>);

const INITIAL: [u8; POOL_SIZE] = {
    let mut bytes = [0; POOL_SIZE];
    bytes[0] = 1;
    bytes
};

thread_local! {
    static POOL: Pool = const { Pool(UnsafeCell::new(INITIAL)) };
    static COPIES: RefCell<Vec<Option<Copy>>> = const { RefCell::new(Vec::new()) };
}

/// A home.
#[derive(Clone, Debug)]
struct Home {
    layout: Layout,
    /// Offset in the pool, if it is there.
    pooled: Option<usize>,
    /// First values.
    first: Vec<u8>,
}

/// A thread's copy of a home.
#[derive(Debug)]
struct Copy {
    at: *mut u8,
    layout: Layout,
}

impl Drop for Copy {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout by `get_address`, and owned by this value.
        unsafe { dealloc(self.at, self.layout) };
    }
}

#[derive(Debug)]
struct State {
    /// By key less 1. Keys are not used again.
    homes: Vec<Option<Home>>,
    pool: Blocks,
}

fn state() -> MutexGuard<'static, State> {
    static STATE: OnceLock<Mutex<State>> = OnceLock::new();
    let new = || {
        let mut pool = Blocks::new(POOL_SIZE, POOL_ALIGN);
        let _ = pool.take(RESERVED, POOL_ALIGN);
        Mutex::new(State {
            homes: Vec::new(),
            pool,
        })
    };
    let state = STATE.get_or_init(new).lock();
    state.unwrap_or_else(PoisonError::into_inner)
}

/// This thread's pool.
fn pool() -> usize {
    POOL.with(|p| p.0.get().expose_provenance())
}

/// This thread's pointer.
pub(super) fn thread_pointer() -> usize {
    let pointer: usize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the word at the thread pointer is the thread pointer (System V ABI).
    unsafe {
        std::arch::asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, readonly));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: reads a register.
    unsafe {
        std::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, nomem));
    }
    #[cfg(target_arch = "arm")]
    // SAFETY: reads a register.
    unsafe {
        std::arch::asm!("mrc p15, 0, {}, c13, c0, 3", out(reg) pointer, options(nostack, nomem));
    }
    pointer
}

/// Distance of the pool from the thread pointer, if it is the same in each thread.
fn pool_distance() -> Option<isize> {
    static DISTANCE: OnceLock<Option<isize>> = OnceLock::new();
    let here = || pool().wrapping_sub(thread_pointer()) as isize;
    *DISTANCE.get_or_init(|| {
        let elsewhere = std::thread::spawn(move || pool().wrapping_sub(thread_pointer()) as isize);
        let elsewhere = elsewhere.join().ok()?;
        (elsewhere == here()).then_some(elsewhere)
    })
}

/// Where the C library takes a new thread's pool from, and whether it is protected against writing.
fn pool_template() -> Option<(usize, bool)> {
    let pool = pool();
    loaded::find(&mut |object| {
        let offset = pool.wrapping_sub(object.info.dlpi_tls_data.addr());
        if offset.saturating_add(POOL_SIZE) > object.tls.p_filesz as usize {
            return None;
        }
        let at = object.tls.p_vaddr as usize + offset;
        let protected = object.headers.iter().any(|h| {
            let start = h.p_vaddr as usize;
            h.p_type == libc::PT_GNU_RELRO && (start..start + h.p_memsz as usize).contains(&at)
        });
        let load = object.info.dlpi_addr as usize;
        Some((load.wrapping_add(at), protected))
    })
}

/// Writes first values into a piece of the template that new threads are filled from.
fn write_template(offset: usize, bytes: &[u8]) -> bool {
    let Some((template, protected)) = pool_template() else {
        return false;
    };
    let page = crate::memory::pages::page_size();
    let start = (template + offset) / page * page;
    let size = (template + offset + bytes.len()).next_multiple_of(page) - start;
    let at = ptr::with_exposed_provenance_mut::<libc::c_void>(start);
    // SAFETY: the pages of this program's own template of thread-local variables. Nobody but the C library reads them, when it makes a thread;
    // the bytes changed are the pool's, of which it may see the old values or the new.
    unsafe {
        if protected && libc::mprotect(at, size, libc::PROT_READ | libc::PROT_WRITE) != 0 {
            return false;
        }
        let to = ptr::with_exposed_provenance_mut::<u8>(template + offset);
        ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        // What else is on pages that are protected after start-up is protected too.
        if protected {
            libc::mprotect(at, size, libc::PROT_READ);
        }
    }
    true
}

fn layout(size: usize, align: usize) -> Option<Layout> {
    Layout::from_size_align(size.max(1), align.max(1)).ok()
}

/// Makes a home. See [`Runtime::TlsReserve`](super::Runtime::TlsReserve).
pub extern "C" fn reserve(size: usize, align: usize, same_distance: usize) -> usize {
    let Some(layout) = layout(size, align) else {
        return 0;
    };
    let mut state = state();
    let pooled = match same_distance != 0 {
        false => None,
        true if align > POOL_ALIGN || pool_distance().is_none() => return 0,
        true => match state.pool.take(size, POOL_ALIGN) {
            Some(at) => Some(at),
            None => return 0,
        },
    };
    state.homes.push(Some(Home {
        layout,
        pooled,
        first: Vec::new(),
    }));
    state.homes.len()
}

/// Distance of a home from the thread pointer. See [`Runtime::TlsDistance`](super::Runtime::TlsDistance).
pub extern "C" fn distance(key: usize) -> isize {
    if library_tls::is_key(key) {
        return library_tls::distance(key).unwrap_or(0);
    }
    let state = state();
    let home = state
        .homes
        .get(key.wrapping_sub(1))
        .and_then(Option::as_ref);
    let offset = home.and_then(|h| h.pooled).unwrap_or(0);
    pool_distance().unwrap_or(0) + offset as isize
}

/// Gives a home its first values. See [`Runtime::TlsTemplate`](super::Runtime::TlsTemplate).
pub extern "C" fn template(key: usize, address: usize, size: usize) -> usize {
    let mut state = state();
    let Some(Some(home)) = state.homes.get_mut(key.wrapping_sub(1)) else {
        return 0;
    };
    let size = size.min(home.layout.size());
    // SAFETY: the session names bytes that it has just finalized.
    let first =
        unsafe { std::slice::from_raw_parts(ptr::with_exposed_provenance::<u8>(address), size) };
    home.first = first.to_vec();
    if let Some(at) = home.pooled {
        let mut all = home.first.clone();
        all.resize(home.layout.size(), 0);
        write_template(at, &all);
        let here = ptr::with_exposed_provenance_mut::<u8>(pool() + at);
        // SAFETY: a piece of this thread's pool, which is the home's.
        unsafe { ptr::copy_nonoverlapping(all.as_ptr(), here, all.len()) };
    }
    1
}

/// Takes a home back. See [`Runtime::TlsRelease`](super::Runtime::TlsRelease).
pub extern "C" fn release(key: usize) -> usize {
    let mut state = state();
    let Some(home) = state
        .homes
        .get_mut(key.wrapping_sub(1))
        .and_then(Option::take)
    else {
        return 0;
    };
    if let Some(at) = home.pooled {
        write_template(at, &vec![0; home.layout.size()]);
        state.pool.give(at, home.layout.size());
    }
    drop(state);
    let _ = COPIES.try_with(|copies| {
        if let Some(copy) = copies.borrow_mut().get_mut(key - 1) {
            *copy = None;
        }
    });
    1
}

/// What compiled code passes to [`get_address`].
#[repr(C)]
#[derive(Debug)]
pub struct Entry {
    /// Key of the home.
    pub key: usize,
    /// Offset in it.
    pub offset: usize,
}

/// The address of a variable for this thread.
///
/// # Safety
/// `entry` must be an entry that the linker made, of a home that was not released.
pub unsafe extern "C" fn get_address(entry: *const Entry) -> *mut u8 {
    // SAFETY: the caller's promise.
    let entry = unsafe { &*entry };
    if library_tls::is_key(entry.key) {
        return library_tls::address(entry.key, entry.offset);
    }
    let n = entry.key.wrapping_sub(1);
    let known = COPIES.with(|copies| {
        let copies = copies.borrow();
        copies.get(n).and_then(|c| c.as_ref().map(|c| c.at))
    });
    let base = known.unwrap_or_else(|| first_use(n));
    base.wrapping_add(entry.offset)
}

#[cold]
fn first_use(n: usize) -> *mut u8 {
    let state = state();
    let Some(Some(home)) = state.homes.get(n) else {
        // A word of a home that is gone: there is nothing to answer, and no way to fail in this convention but to stop.
        eprintln!("thread-local variable of removed code");
        std::process::abort();
    };
    if let Some(at) = home.pooled {
        return ptr::with_exposed_provenance_mut(pool() + at);
    }
    let layout = home.layout;
    // SAFETY: the size is not 0.
    let at = unsafe { alloc_zeroed(layout) };
    if at.is_null() {
        std::alloc::handle_alloc_error(layout);
    }
    // SAFETY: the block is fresh, and at least as large as the first values.
    unsafe { ptr::copy_nonoverlapping(home.first.as_ptr(), at, home.first.len()) };
    drop(state);
    COPIES.with(|copies| {
        let mut copies = copies.borrow_mut();
        if copies.len() <= n {
            copies.resize_with(n + 1, || None);
        }
        copies[n] = Some(Copy { at, layout });
    });
    at
}

/// The function of the descriptors that the linker makes: gives the descriptor's second word and changes nothing else.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
pub extern "C" fn descriptor() {
    std::arch::naked_asm!("mov rax, [rax + 8]", "ret")
}

/// The function of the descriptors that the linker makes: gives the descriptor's second word and changes nothing else.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
pub extern "C" fn descriptor() {
    std::arch::naked_asm!("ldr x0, [x0, #8]", "ret")
}

/// The function of the descriptors that the linker makes; here, no code refers to them so.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub extern "C" fn descriptor() {}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(size: usize, align: usize, same: bool, first: &[u8]) -> usize {
        let key = reserve(size, align, usize::from(same));
        assert_ne!(key, 0);
        assert_eq!(
            template(key, first.as_ptr().expose_provenance(), first.len()),
            1
        );
        key
    }

    fn get(key: usize, offset: usize) -> *mut u8 {
        let entry = Entry { key, offset };
        // SAFETY: an entry of a home that is there.
        unsafe { get_address(&raw const entry) }
    }

    #[test]
    fn dynamic_homes_have_a_copy_in_each_thread() {
        let key = home(100, 128, false, &[1, 2, 3]);
        // SAFETY: bytes of this thread's copy.
        let byte = |n| unsafe { *get(key, n) };
        assert_eq!(
            [byte(0), byte(1), byte(2), byte(3), byte(99)],
            [1, 2, 3, 0, 0]
        );
        assert_eq!(get(key, 0).addr() % 128, 0);
        // SAFETY: as before.
        unsafe { *get(key, 1) = 77 };
        let other = std::thread::spawn(move || {
            // SAFETY: bytes of that thread's copy.
            unsafe { *get(key, 1) }
        });
        assert_eq!(other.join().unwrap(), 2);
        assert_eq!(byte(1), 77);
        release(key);
    }

    #[test]
    fn static_homes_are_at_one_distance_and_new_threads_have_the_first_values() {
        let key = home(40, 16, true, &[5, 6]);
        let read = move || {
            let at = thread_pointer().wrapping_add_signed(distance(key));
            assert_eq!(at, get(key, 0).addr());
            // SAFETY: a byte of this thread's piece of the pool.
            unsafe { *ptr::with_exposed_provenance::<u8>(at + 1) }
        };
        assert_eq!(read(), 6);
        // SAFETY: a byte of this thread's piece of the pool.
        unsafe { *get(key, 1) = 9 };
        assert_eq!(std::thread::spawn(read).join().unwrap(), 6);
        assert_eq!(read(), 9);
        release(key);
        let again = home(40, 16, true, &[]);
        let zero = std::thread::spawn(move || {
            // SAFETY: a byte of that thread's piece of the pool.
            unsafe { *get(again, 1) }
        });
        assert_eq!(zero.join().unwrap(), 0);
        release(again);
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        assert_eq!(reserve(POOL_SIZE, 8, 1), 0);
        assert_eq!(reserve(8, 4096, 1), 0);
        assert_eq!(reserve(8, 3, 0), 0);
        assert_eq!(template(usize::MAX, 0, 0), 0);
        assert_eq!(release(0), 0);
    }
}
