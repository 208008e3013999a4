//! The heap: allocation, collection, handles, finalizers, write barrier.
//!
//! One [`Heap`] for the process, because the collector behind it is one for the process.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`options`] | settings and their text form |
//! | [`world`] | what the heap needs from the runtime's threads: the trait [`World`] |
//! | [`alloc`] | allocation and collection on request |
//! | [`barrier`] | stores and copies of references |
//! | [`handles`] | references from outside the heap |
//! | `weak` | weak handles, finalizers, ephemerons in a collection |
//! | [`lockword`] | the lock/hash word; hash codes |
//! | [`stats`] | counters |
//! | `thread` | a thread's record and allocation buffer |
//! | `object` | size and slots of objects, from their vtables |
//! | `mmtk` | the collector |
//!
//! # Rules for runtime code
//!
//! 1. A thread is attached to the [`World`] first, then bound ([`Heap::bind_thread`]); all of this interface except
//!    statistics is for bound, running threads (not inside a blocking region).
//! 2. A [`Ref`] may be kept in locals across allocation (the stack pins it); never in Rust memory: there, a [`Handle`].
//! 3. References are stored by compiled code or by [`Heap::store`] and its relatives, nothing else.
//! 4. Weak references are handles; the collector does not know weak fields (a class library's weak reference object holds
//!    the number of a handle).
//! 5. Objects of a class with the flag `FINALIZABLE` are allocated here, not in place.
//!
//! # Invariants
//!
//! * Between safepoints every buffer is parsable, see `thread`.
//! * Every object that survived a collection has its valid-object bit set; so have large and immortal ones from the start. Those
//!   that were allocated in place get theirs during the next collection, see `thread`.
//! * The world stands still whenever the collector moves objects or changes handles.

pub mod alloc;
pub mod barrier;
pub mod handles;
pub mod lockword;
pub mod options;
pub mod stats;
pub mod world;

pub(crate) mod weak;

mod mmtk;
mod object;
mod thread;

pub use alloc::Dimension;
pub(crate) use alloc::Place;
pub use handles::{Handle, HandleKind};
pub use lockword::{LockWord, identity_hash};
pub use options::{HeapOptions, Plan};
pub use stats::HeapStats;
pub use world::{StoppedThread, World};

use crate::object::Ref;
use handles::HandleTable;
use isthmus_runtime_abi::context::ThreadContext;
use parking_lot::{Condvar, Mutex, RwLock};
use rustc_hash::FxHashMap;
use stats::Counters;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use thread::{HeapThread, Noted};
use weak::WeakState;

/// There is no memory for an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("out of memory")]
pub struct OutOfMemory;

/// The heap cannot be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeapError {
    /// Address space is limited.
    #[error(
        "cannot reserve {} GiB of address space for the heap: the process may not have that much (see `ulimit -v`, or vm.overcommit_memory)",
        bytes >> 30
    )]
    AddressSpace {
        /// How much was asked for.
        bytes: u64,
    },
    /// Options that the collector rejects, or others than it was prepared with.
    #[error("the collector does not accept the heap options")]
    Options,
    /// There is a heap already.
    #[error("the process has a heap already")]
    Twice,
}

/// The heap.
pub struct Heap {
    options: HeapOptions,
    world: &'static dyn World,
    handles: HandleTable,
    weak: WeakState,
    counters: Counters,
    threads: Mutex<Vec<ThreadPtr>>,
    /// Objects that never die.
    immortals: Mutex<Vec<usize>>,
    /// Collections that are over.
    collected: Mutex<u64>,
    collection_over: Condvar,
    /// While the world is stopped: what was allocated since the last collection.
    noted: RwLock<Noted>,
    log_bits: usize,
    valid_bits: usize,
    range: (usize, usize),
    /// Objects of more bytes are large.
    large: usize,
}

/// A thread's record in the list of threads.
#[derive(Clone, Copy)]
struct ThreadPtr(*mut HeapThread);

// SAFETY: records are used by other threads only while the world is stopped.
unsafe impl Send for ThreadPtr {}

static HEAP: OnceLock<Heap> = OnceLock::new();

/// The collector being made in the background, see [`Heap::prepare`].
type Prepared = std::thread::JoinHandle<(HeapOptions, Result<(), HeapError>)>;
static PREPARED: Mutex<Option<Prepared>> = Mutex::new(None);

impl Heap {
    /// Starts to make the collector on another thread (it takes some milliseconds), for a later [`Heap::init`] with the same
    /// options. For programs whose start has other things to do first.
    pub fn prepare(options: &HeapOptions) {
        let mut prepared = PREPARED.lock();
        if prepared.is_some() || HEAP.get().is_some() {
            return;
        }
        // The system takes some 10 ms for that in a process that has several threads already, and nothing before.
        crate::barrier::available();
        let options = options.clone();
        *prepared = std::thread::Builder::new()
            .spawn(|| {
                let result = mmtk::build(&options);
                (options, result)
            })
            // Without a thread `init` does it.
            .ok();
    }

    /// Makes the process's heap.
    pub fn init(
        options: HeapOptions,
        world: &'static dyn World,
    ) -> Result<&'static Heap, HeapError> {
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock();
        if HEAP.get().is_some() {
            return Err(HeapError::Twice);
        }
        match PREPARED.lock().take().map(std::thread::JoinHandle::join) {
            Some(Ok((with, result))) if with == options || result.is_err() => result?,
            Some(Ok(_)) => return Err(HeapError::Options),
            Some(Err(_)) => fatal("internal error: panic in the collector"),
            None => mmtk::build(&options)?,
        }
        let log_bits = mmtk::log_bits(options.plan)?;
        let heap = HEAP.get_or_init(|| Heap {
            options,
            world,
            handles: HandleTable::new(),
            weak: WeakState::new(),
            counters: Counters::default(),
            threads: Mutex::default(),
            immortals: Mutex::default(),
            collected: Mutex::new(0),
            collection_over: Condvar::new(),
            noted: RwLock::default(),
            log_bits,
            valid_bits: mmtk::valid_bits(),
            range: mmtk::heap_range(),
            large: mmtk::large_threshold(),
        });
        mmtk::start();
        Ok(heap)
    }

    /// The process's heap, once it is made.
    #[inline]
    pub fn get() -> Option<&'static Heap> {
        HEAP.get()
    }

    /// The options it was made with.
    pub fn options(&self) -> &HeapOptions {
        &self.options
    }

    // ---- threads

    /// Lets the current thread use the heap: fills in the heap's words of its context.
    ///
    /// # Safety
    /// The thread is attached to the world and running, with this context, which stays in place until it is unbound.
    pub unsafe fn bind_thread(&self, context: *mut ThreadContext) {
        assert!(
            HeapThread::current().is_null(),
            "the thread is bound already"
        );
        let thread = HeapThread::create(context, self.options.stress);
        // SAFETY: the caller's context.
        let ctx = unsafe { &*context };
        for word in [&ctx.alloc_cursor, &ctx.alloc_limit, &ctx.alloc_reported] {
            word.store(0, Relaxed);
        }
        ctx.log_bits.store(self.log_bits, Relaxed);
        ctx.heap_start.store(self.range.0, Relaxed);
        ctx.heap_end.store(self.range.1, Relaxed);
        ctx.vtable_base.store(0, Relaxed);
        HeapThread::set_current(thread);
        self.threads.lock().push(ThreadPtr(thread));
    }

    /// The current thread does not use the heap any more.
    ///
    /// # Safety
    /// The thread is bound and running; it is detached from the world afterwards.
    pub unsafe fn unbind_thread(&self) {
        let thread = self.current();
        // SAFETY: the current thread's record. The world cannot stop while this thread runs, so nobody else has it.
        unsafe {
            self.note(thread);
            // Nobody will remember what this thread noted.
            for range in (*thread).take_noted() {
                thread::report(range, self.valid_bits);
            }
            (*thread).set_buffer(0, 0);
            self.threads.lock().retain(|t| t.0 != thread);
            HeapThread::set_current(std::ptr::null_mut());
            (*thread).mutator().destroy();
            drop(Box::from_raw(thread));
        }
    }

    /// The current thread's record.
    #[inline]
    fn current(&self) -> *mut HeapThread {
        let thread = HeapThread::current();
        if thread.is_null() {
            fatal("internal error: a thread uses the heap that is not bound to it");
        }
        thread
    }

    fn threads(&self) -> Vec<*mut HeapThread> {
        self.threads.lock().iter().map(|t| t.0).collect()
    }

    // ---- handles

    /// A new handle. `None`: there are 16 million of the kind.
    pub fn new_handle(&self, kind: HandleKind, object: Ref) -> Option<Handle> {
        self.handles.create(kind, object)
    }

    /// What a handle refers to, or null.
    #[inline]
    pub fn handle_target(&self, handle: Handle) -> Ref {
        self.handles.get(handle)
    }

    /// Makes a handle refer to another object.
    pub fn set_handle(&self, handle: Handle, object: Ref) {
        self.handles.set(handle, object);
    }

    /// Frees a handle.
    pub fn free_handle(&self, handle: Handle) {
        self.handles.free(handle);
    }

    fn handles(&self) -> &HandleTable {
        &self.handles
    }

    fn weak(&self) -> &WeakState {
        &self.weak
    }

    fn for_each_immortal(&self, mut visit: impl FnMut(usize)) {
        for &object in self.immortals.lock().iter() {
            visit(object);
        }
    }

    // ---- finalizers and ephemerons

    /// Registers an object for finalization (allocation does so for classes with a finalizer).
    pub fn register_finalizer(&self, object: Ref) {
        self.weak.register(object);
    }

    /// The object's finalizer shall not run.
    pub fn suppress_finalizer(&self, object: Ref) {
        self.weak.suppress(object);
    }

    /// The life of the finalizer thread: calls `finalize` with every object whose finalizer is due, until
    /// [`Heap::end_finalizers`]. `finalize` runs managed code and keeps its exceptions.
    pub fn run_finalizers(&self, finalize: &mut dyn FnMut(Ref)) {
        loop {
            while let Some(object) = self.weak.take_ready(&self.handles) {
                finalize(object);
                self.weak.finished();
            }
            let mut more = false;
            self.world.blocking(&mut || more = self.weak.wait_ready());
            if !more {
                return;
            }
        }
    }

    /// Waits until no finalizer is due or running; whether that came about before `timeout`.
    pub fn wait_for_finalizers(&self, timeout: Duration) -> bool {
        let mut idle = false;
        self.world
            .blocking(&mut || idle = self.weak.wait_idle(timeout));
        idle
    }

    /// Makes the finalizers of all registered objects due, reachable or not: for the end of the program.
    pub fn finalize_everything(&self) {
        self.weak.ready_all(&self.handles, &weak::is_last);
    }

    /// Ends [`Heap::run_finalizers`] once nothing is due.
    pub fn end_finalizers(&self) {
        self.weak.shut_down();
    }

    /// Registers an array of (key, value) pairs whose values live as long as their keys. The vtable of the array has
    /// the flag `CUSTOM_SCAN`, elements of two references. The array itself is kept alive by others.
    pub fn register_ephemerons(&self, array: Ref) {
        self.weak.register_ephemerons(array);
    }

    /// Sets the immortal object that replaces keys that died.
    pub fn set_ephemeron_tombstone(&self, tombstone: Ref) {
        self.weak.set_tombstone(tombstone);
    }

    // ---- the collector's side

    /// Stops the world and closes every buffer.
    fn stop_world(&self) {
        self.world.stop();
        self.counters.begin();
        let threads = self.threads();
        let by_context: FxHashMap<*mut ThreadContext, *mut HeapThread> = threads
            .iter()
            // SAFETY: the world is stopped from here on, so this thread may use the records.
            .map(|&t| (unsafe { (*t).context_ptr() }, t))
            .collect();
        for &t in &threads {
            // SAFETY: as above.
            unsafe { (*t).ranges_mut().clear() };
        }
        self.world.for_each_thread(&mut |stopped| {
            if let Some(&t) = by_context.get(&stopped.context) {
                // SAFETY: as above.
                unsafe { (*t).ranges_mut().extend_from_slice(stopped.ranges) };
            }
        });
        let mut noted = Vec::new();
        for &t in &threads {
            // SAFETY: as above.
            unsafe {
                self.note(t);
                noted.extend((*t).take_noted());
                (*t).set_buffer(0, 0);
            }
        }
        self.noted.write().set(noted, self.valid_bits);
    }

    /// Lets the world run again.
    fn resume_world(&self, full: bool) {
        self.noted.write().clear();
        self.counters.end(full);
        *self.collected.lock() += 1;
        self.collection_over.notify_all();
        self.weak.notify();
        self.world.resume();
    }

    /// The current thread has requested a collection: waits until it is over. The collection cannot be over before
    /// this thread is parked, so the next one that ends is the right one.
    fn wait_for_collection(&self) {
        let seen = *self.collected.lock();
        self.world.blocking(&mut || {
            let mut collected = self.collected.lock();
            while *collected == seen {
                self.collection_over.wait(&mut collected);
            }
        });
    }
}

impl std::fmt::Debug for Heap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heap")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Ends the process: the heap cannot go on. No unwinding, no exit handlers, since other threads may be stopped.
#[cold]
fn fatal(message: &str) -> ! {
    crate::report!("isthmus: {message}");
    // SAFETY: ends the process.
    unsafe { libc::_exit(70) }
}
