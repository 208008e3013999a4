//! `main`, initializers, and what runs at the end.
//!
//! Functions given to `atexit`, destructors of C++, and tables of finalizers are kept in one list and run from its end. When the process exits, the
//! rest of the list runs; when a session is closed or a graph removed, what belongs to it.

use crate::error::{Error, Result};
use std::ffi::{CString, c_char, c_int, c_void};
use std::ops::Range;
use std::ptr;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// Something to do at the end.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The graph that it belongs to; 0 is none.
    handle: usize,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Plain(extern "C" fn()),
    WithArgument(extern "C" fn(*mut c_void), usize),
    Table { begin: usize, end: usize },
}

/// A linked graph.
#[derive(Clone, Debug)]
struct Unit {
    handle: usize,
    session: usize,
    code: Range<usize>,
}

#[derive(Debug)]
struct State {
    entries: Vec<Entry>,
    units: Vec<Unit>,
    sessions: usize,
}

static STATE: Mutex<State> = Mutex::new(State {
    entries: Vec::new(),
    units: Vec::new(),
    sessions: 0,
});

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// See [`Runtime::OpenSession`](super::Runtime::OpenSession).
pub extern "C" fn open_session() -> usize {
    let mut state = state();
    state.sessions += 1;
    state.sessions
}

/// See [`Runtime::Adopt`](super::Runtime::Adopt).
pub extern "C" fn adopt(session: usize, handle: usize, begin: usize, end: usize) -> usize {
    state().units.push(Unit {
        handle,
        session,
        code: begin..end,
    });
    0
}

fn add(entry: Entry) {
    static HOOK: Once = Once::new();
    extern "C" fn hook() {
        run(|_, _| true);
    }
    HOOK.call_once(|| {
        // SAFETY: `hook` is a C function without arguments. If there is no room, nothing is called at the exit of the process.
        unsafe { libc::atexit(hook) };
    });
    state().entries.push(entry);
}

/// C's `atexit`. The function belongs to the graph whose code it is.
pub extern "C" fn at_exit(function: extern "C" fn()) -> c_int {
    let address = (function as *const ()).addr();
    let state = state();
    let unit = state.units.iter().find(|u| u.code.contains(&address));
    let handle = unit.map_or(0, |u| u.handle);
    drop(state);
    add(Entry {
        handle,
        what: What::Plain(function),
    });
    0
}

/// C++'s `__cxa_atexit`; `handle` is the address of the graph's `__dso_handle`.
pub extern "C" fn cxa_at_exit(
    function: extern "C" fn(*mut c_void),
    argument: *mut c_void,
    handle: *mut c_void,
) -> c_int {
    let argument = argument.expose_provenance();
    add(Entry {
        handle: handle.addr(),
        what: What::WithArgument(function, argument),
    });
    0
}

/// See [`Runtime::AddFinalizers`](super::Runtime::AddFinalizers).
pub extern "C" fn add_finalizers(handle: usize, begin: usize, end: usize) -> usize {
    add(Entry {
        handle,
        what: What::Table { begin, end },
    });
    0
}

/// See [`Runtime::Finalize`](super::Runtime::Finalize).
pub extern "C" fn finalize(handle: usize) -> usize {
    run(|_, entry| entry.handle == handle);
    state().units.retain(|u| u.handle != handle);
    0
}

/// See [`Runtime::CloseSession`](super::Runtime::CloseSession).
pub extern "C" fn close_session(session: usize) -> usize {
    run(|state, entry| {
        let mut units = state.units.iter();
        units.any(|u| (u.session, u.handle) == (session, entry.handle))
    });
    0
}

/// Runs entries, from the last to the first.
fn run(wanted: impl Fn(&State, &Entry) -> bool) {
    loop {
        let mut list = state();
        let Some(at) = list.entries.iter().rposition(|e| wanted(&list, e)) else {
            return;
        };
        let entry = list.entries.remove(at);
        // Functions may note others.
        drop(list);
        match entry.what {
            What::Plain(function) => function(),
            What::WithArgument(function, argument) => {
                function(ptr::with_exposed_provenance_mut(argument));
            }
            What::Table { begin, end } => {
                for function in table(begin, end).iter().rev().flatten() {
                    function(0, ptr::null_mut(), ptr::null_mut());
                }
            }
        }
    }
}

type Function = extern "C" fn(c_int, *mut *mut c_char, *mut *mut c_char);

/// Functions of a table, without those that mean nothing.
fn table(begin: usize, end: usize) -> Vec<Option<Function>> {
    let word = size_of::<usize>();
    let addresses = (begin..end.saturating_sub(word - 1)).step_by(word);
    let function = |at: usize| {
        // SAFETY: the session names a table of addresses in finalized memory, aligned or not.
        let address = unsafe { ptr::with_exposed_provenance::<usize>(at).read_unaligned() };
        if address == 0 || address == usize::MAX {
            return None;
        }
        let p = ptr::with_exposed_provenance::<()>(address);
        // SAFETY: what the object put into its table of such functions.
        Some(unsafe { std::mem::transmute::<*const (), Function>(p) })
    };
    addresses.map(function).collect()
}

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

/// See [`Runtime::RunInitializers`](super::Runtime::RunInitializers).
pub extern "C" fn run_initializers(begin: usize, end: usize) -> usize {
    for function in table(begin, end).into_iter().flatten() {
        // SAFETY: reads the C library's variable; whoever changes it at the same time would break C code just so.
        let environment = unsafe { environ };
        let mut none: [*mut c_char; 1] = [ptr::null_mut()];
        function(0, none.as_mut_ptr(), environment);
    }
    0
}

/// Calls `main`. Its output buffers are written before this returns.
pub fn run_main(function: u64, arguments: &[String]) -> Result<i32> {
    let owned: Result<Vec<CString>, _> =
        arguments.iter().map(|a| CString::new(a.as_str())).collect();
    let owned = owned.map_err(|_| Error::executor("an argument with a zero byte"))?;
    // The program may keep and change its arguments.
    let owned: Vec<*mut c_char> = owned.into_iter().map(CString::into_raw).collect();
    let mut vector = owned.clone();
    vector.push(ptr::null_mut());
    let vector = Box::leak(vector.into_boxed_slice());
    type Main = extern "C" fn(c_int, *mut *mut c_char, *mut *mut c_char) -> c_int;
    let p = ptr::with_exposed_provenance::<()>(function as usize);
    // SAFETY: the caller names a `main` of C. The arguments are never freed.
    let main = unsafe { std::mem::transmute::<*const (), Main>(p) };
    // SAFETY: as in `run_initializers`.
    let environment = unsafe { environ };
    let status = main(owned.len() as c_int, vector.as_mut_ptr(), environment);
    // SAFETY: writes all of C's streams.
    unsafe { libc::fflush(ptr::null_mut()) };
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    static LOG: AtomicU64 = AtomicU64::new(0);

    extern "C" fn note(digit: *mut c_void) {
        let digit = digit.addr() as u64;
        let _ = LOG.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| Some(n * 10 + digit));
    }

    extern "C" fn three(_: c_int, _: *mut *mut c_char, _: *mut *mut c_char) {
        note(ptr::without_provenance_mut(3));
    }

    extern "C" fn seven() {
        note(ptr::without_provenance_mut(7));
    }

    #[test]
    fn what_belongs_to_a_graph_runs_backwards() {
        let number = |n: usize| ptr::without_provenance_mut::<c_void>(n);
        let table = [0, usize::MAX, (three as *const ()).expose_provenance()];
        let begin = table.as_ptr().expose_provenance();
        let session = open_session();
        let code = (seven as *const ()).expose_provenance();
        adopt(session, 300, code, code + 1);
        at_exit(seven);
        cxa_at_exit(note, number(1), number(100));
        add_finalizers(100, begin, begin + 24);
        cxa_at_exit(note, number(2), number(200));
        cxa_at_exit(note, number(4), number(100));
        finalize(100);
        assert_eq!(LOG.load(Ordering::SeqCst), 431);
        finalize(200);
        finalize(100);
        assert_eq!(LOG.load(Ordering::SeqCst), 4312);
        close_session(session + 1);
        assert_eq!(LOG.load(Ordering::SeqCst), 4312);
        close_session(session);
        assert_eq!(LOG.load(Ordering::SeqCst), 43127);
    }
}
