//! Managed threads.
//!
//! A `Thread` object points to an `InternalThread`, which holds what native code and all `Thread` objects of that thread share: the
//! state bits, the managed id, the name. Beside it this module keeps, by managed id, whether the thread has ended, for `Join` and
//! for the end of the program, which waits for foreground threads.

use super::cx::{Cx, Result, Value};
use super::heap;
use super::offsets::{offset_of, offsets};
use super::{process, runtime, statics};
use crate::icalls::threading::set_name;
use crate::types::types;
use isthmus_rt::object::Ref;
use isthmus_rt::transition::blocking;
use parking_lot::{Condvar, Mutex};
use rustc_hash::FxHashMap;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Bits of `System.Threading.ThreadState`.
pub mod state {
    #![allow(missing_docs)]
    pub const BACKGROUND: u32 = 4;
    pub const UNSTARTED: u32 = 8;
    pub const STOPPED: u32 = 16;
    pub const WAITING: u32 = 32;
}

/// Stack of threads that do not ask for a size.
const DEFAULT_STACK: usize = 8 << 20;
/// The least that a thread gets: what runtime code keeps free and some for the program.
const LEAST_STACK: usize = 1 << 20;

thread_local! {
    /// Handle of this thread's `Thread` object.
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

/// A thread that was started.
#[derive(Default)]
struct Running {
    phase: Mutex<Phase>,
    changed: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Default)]
enum Phase {
    #[default]
    Starting,
    Started,
    Ended,
}

impl Running {
    fn enter(&self, phase: Phase) {
        *self.phase.lock() = phase;
        self.changed.notify_all();
    }

    /// Waits for a phase; false: not in time.
    fn wait_for(&self, phase: Phase, timeout: Option<Duration>) -> bool {
        let deadline = timeout.map(|t| Instant::now() + t);
        blocking(|| {
            let mut now = self.phase.lock();
            while *now < phase {
                match deadline {
                    None => self.changed.wait(&mut now),
                    Some(at) => {
                        if self.changed.wait_until(&mut now, at).timed_out() {
                            return *now >= phase;
                        }
                    }
                }
            }
            true
        })
    }
}

static STARTED: Mutex<Option<FxHashMap<i32, Arc<Running>>>> = Mutex::new(None);
/// Started threads that have not ended: (managed id, handle of the `InternalThread`).
static ALIVE: Mutex<Vec<(i32, usize)>> = Mutex::new(Vec::new());
static NEXT_ID: AtomicI32 = AtomicI32::new(1);

/// A new `InternalThread` in a state.
fn new_internal(cx: &Cx<'_>, bits: u32) -> Result<Ref> {
    let internal = cx.alloc(types().known.internal_thread())?;
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    cx.write(internal, offsets().internal_thread_managed_id, id);
    cx.write(internal, offsets().internal_thread_state, bits);
    // Normal priority.
    let priority = offset_of(types().known.internal_thread(), "priority");
    cx.write(internal, priority.map_err(|e| cx.load_error(&e))?, 2i32);
    Ok(internal)
}

/// The state bits of an `InternalThread`.
pub fn state_bits<'a>(internal: Ref) -> &'a AtomicU32 {
    let at = internal.addr() + offsets().internal_thread_state as usize;
    // SAFETY: a field of a live object, which the caller's local keeps in place while the reference is used.
    unsafe { AtomicU32::from_ptr(at as *mut u32) }
}

/// Gives the calling thread a `Thread` and an `InternalThread`.
pub fn attach_main(cx: &Cx<'_>) -> Result<()> {
    let internal = new_internal(cx, 0)?;
    let thread = cx.alloc(types().known.thread())?;
    cx.write_ref(thread, offsets().thread_internal, internal);
    enter(cx, thread, internal);
    Ok(())
}

/// Makes a `Thread` object the current thread's.
fn enter(cx: &Cx<'_>, thread: Ref, internal: Ref) {
    // SAFETY: no preconditions.
    let id = unsafe { libc::pthread_self() } as i64;
    cx.write(internal, offsets().internal_thread_id, id);
    CURRENT.set(heap::strong_handle(thread));
}

/// The current thread's `Thread` object. `Thread.CurrentThread` asks until its thread static `current_thread` holds it.
pub fn current(cx: &Cx<'_>) -> Result<Ref> {
    if CURRENT.get() == 0 {
        attach_main(cx)?;
    }
    let thread = heap::from_handle(CURRENT.get());
    if let Some(field) = types().known.thread().field("current_thread") {
        heap::store_ref_unknown(statics::address_of(cx, field)?, thread);
    }
    Ok(thread)
}

/// Gives a new `Thread` object its `InternalThread`, not started.
pub fn construct(cx: &Cx<'_>, thread: Ref) -> Result<()> {
    let internal = new_internal(cx, state::UNSTARTED)?;
    cx.write_ref(thread, offsets().thread_internal, internal);
    Ok(())
}

/// The `InternalThread` of a `Thread`.
pub fn internal_of(cx: &Cx<'_>, thread: Ref) -> Result<Ref> {
    if thread.is_null() {
        return Err(cx.null_reference());
    }
    let internal: Ref = cx.read(thread, offsets().thread_internal);
    if internal.is_null() {
        Err(cx.null_reference())
    } else {
        Ok(internal)
    }
}

/// What a new thread needs, as handles.
struct Start {
    id: i32,
    thread: usize,
    delegate: usize,
    argument: usize,
    running: Arc<Running>,
}

impl Start {
    fn handles(&self) -> [usize; 3] {
        [self.thread, self.delegate, self.argument]
    }
}

/// Starts a thread that runs a delegate.
pub fn start(cx: &Cx<'_>, thread: Ref, delegate: Ref) -> Result<()> {
    let internal = internal_of(cx, thread)?;
    if state_bits(internal).fetch_and(!state::UNSTARTED, Ordering::SeqCst) & state::UNSTARTED == 0 {
        return Err(cx.exception(
            "System.Threading",
            "ThreadStateException",
            "Thread has already been started.",
        ));
    }
    let known = &types().known;
    let at = |class, name| offset_of(class, name).map_err(|e| cx.load_error(&e));
    let asked: i32 = cx.read(internal, at(known.internal_thread(), "stack_size")?);
    let size = usize::try_from(asked)
        .ok()
        .filter(|&s| s > 0)
        .map_or(DEFAULT_STACK, |s| s.max(LEAST_STACK));
    let argument: Ref = cx.read(thread, at(known.thread(), "m_ThreadStartArg")?);
    let id: i32 = cx.read(internal, offsets().internal_thread_managed_id);
    let running = Arc::new(Running::default());
    let start = Start {
        id,
        thread: heap::strong_handle(thread),
        delegate: heap::strong_handle(delegate),
        argument: heap::strong_handle(argument),
        running: running.clone(),
    };
    let started = running.clone();
    STARTED.lock().get_or_insert_default().insert(id, running);
    ALIVE.lock().push((id, heap::strong_handle(internal)));
    let handles = start.handles();
    let spawned = std::thread::Builder::new()
        .stack_size(size)
        .spawn(move || run(start));
    if spawned.is_err() {
        // As if it had not been tried.
        STARTED.lock().get_or_insert_default().remove(&id);
        let mut alive = ALIVE.lock();
        alive.extract_if(.., |a| a.0 == id).for_each(|a| free(a.1));
        drop(alive);
        handles.into_iter().for_each(free);
        state_bits(internal).fetch_or(state::UNSTARTED, Ordering::SeqCst);
        return Err(cx.out_of_memory());
    }
    // As Mono does: when `Start` returns, the thread runs.
    started.wait_for(Phase::Started, None);
    Ok(())
}

/// The life of a started thread.
fn run(start: Start) {
    let attachment = match runtime().attach() {
        Ok(attachment) => attachment,
        Err(e) => isthmus_rt::internal_error(&e.to_string()),
    };
    let cx = Cx {
        thread: &attachment,
    };
    start.running.enter(Phase::Started);
    let result = body(&cx, &start);
    if let Err(thrown) = result {
        process::left_thread(&cx, thrown.exception);
    }
    start.handles().into_iter().for_each(free);
    let mut alive = ALIVE.lock();
    if let Some(i) = alive.iter().position(|a| a.0 == start.id) {
        let (_, internal) = alive.swap_remove(i);
        let bits = state_bits(heap::from_handle(internal));
        bits.fetch_or(state::STOPPED, Ordering::SeqCst);
        bits.fetch_and(!state::BACKGROUND, Ordering::SeqCst);
        free(internal);
    }
    drop(alive);
    drop(attachment);
    STARTED.lock().get_or_insert_default().remove(&start.id);
    start.running.enter(Phase::Ended);
}

fn body(cx: &Cx<'_>, start: &Start) -> Result<()> {
    let thread = heap::from_handle(start.thread);
    enter(cx, thread, internal_of(cx, thread)?);
    let delegate = heap::from_handle(start.delegate);
    let argument = heap::from_handle(start.argument);
    let class = cx.type_of(delegate);
    let (args, arity) = (
        [Value::Ref(delegate), Value::Ref(argument)],
        usize::from(class.method("Invoke", 1).is_some()),
    );
    match class.method("Invoke", arity) {
        Some(invoke) => cx.invoke(invoke, &args[..=arity]).map(drop),
        None => Err(cx.null_reference()),
    }
}

fn free(handle: usize) {
    if let Some(h) = isthmus_rt::gc::Handle::from_raw(handle as u32) {
        heap::heap().free_handle(h);
    }
}

/// Waits until a started thread has ended; false: not in time.
pub fn join(cx: &Cx<'_>, thread: Ref, timeout: Option<Duration>) -> Result<bool> {
    let internal = internal_of(cx, thread)?;
    if state_bits(internal).load(Ordering::SeqCst) & state::UNSTARTED != 0 {
        return Err(cx.exception(
            "System.Threading",
            "ThreadStateException",
            "Thread has not been started.",
        ));
    }
    let id: i32 = cx.read(internal, offsets().internal_thread_managed_id);
    Ok(wait_for_end(id, timeout))
}

fn wait_for_end(id: i32, timeout: Option<Duration>) -> bool {
    let Some(running) = STARTED.lock().get_or_insert_default().get(&id).cloned() else {
        return true;
    };
    running.wait_for(Phase::Ended, timeout)
}

/// Waits for the threads that keep the program alive.
pub fn join_foreground() {
    loop {
        let next = ALIVE
            .lock()
            .iter()
            .find(|(_, internal)| {
                let bits = state_bits(heap::from_handle(*internal)).load(Ordering::SeqCst);
                bits & state::BACKGROUND == 0
            })
            .map(|a| a.0);
        match next {
            Some(id) => {
                // A thread that turns into a background one does not keep the program either.
                wait_for_end(id, Some(Duration::from_millis(20)));
            }
            None => return,
        }
    }
}

/// Gives a worker of the thread pool its objects: a background thread.
pub fn attach_worker(cx: &Cx<'_>) -> Result<()> {
    let internal = new_internal(cx, state::BACKGROUND)?;
    let pool = offset_of(types().known.internal_thread(), "threadpool_thread");
    cx.write(internal, pool.map_err(|e| cx.load_error(&e))?, true);
    let thread = cx.alloc(types().known.thread())?;
    cx.write_ref(thread, offsets().thread_internal, internal);
    enter(cx, thread, internal);
    Ok(())
}

/// Gives a thread that native code made its objects: a background thread.
pub fn attach_foreign(cx: &Cx<'_>) -> Result<()> {
    let internal = new_internal(cx, state::BACKGROUND)?;
    let thread = cx.alloc(types().known.thread())?;
    cx.write_ref(thread, offsets().thread_internal, internal);
    enter(cx, thread, internal);
    Ok(())
}

/// Gives the finalizer thread its objects.
pub fn attach_finalizer(cx: &Cx<'_>) -> Result<()> {
    attach_main(cx)?;
    let internal = internal_of(cx, current(cx)?)?;
    // It has to see its own objects at the end of the program.
    heap::heap().suppress_finalizer(internal);
    let name: Vec<u16> = "Finalizer".encode_utf16().collect();
    set_name(cx, internal, name.as_ptr() as usize, name.len() as i32)
}

/// Lets the current thread's objects go when it ends.
pub fn detach() {
    free(CURRENT.replace(0));
}
