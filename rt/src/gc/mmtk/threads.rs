//! Stopping the world, collector threads, mutators.

use super::{Binding, instance};
use crate::gc::Heap;
use crate::gc::thread::HeapThread;
use ::mmtk::Mutator;
use ::mmtk::memory_manager;
use ::mmtk::util::alloc::AllocationError;
use ::mmtk::util::heap::GCTriggerPolicy;
use ::mmtk::util::{Address, OpaquePointer, VMMutatorThread, VMThread, VMWorkerThread};
use ::mmtk::vm::{ActivePlan, Collection, GCThreadContext};

/// How every thread of the collector is named: not the address of a record.
const WORKER: usize = 1;

/// Threads for the collector.
pub(in crate::gc) struct Threads;

fn heap() -> &'static Heap {
    Heap::get().expect("the heap is initialized")
}

fn record(tls: VMThread) -> *mut HeapThread {
    tls.0.to_address().to_mut_ptr()
}

/// # Safety
/// `thread` is the record of a bound thread; the world is stopped, or this is its thread.
unsafe fn mutator_of(thread: *mut HeapThread) -> &'static mut Mutator<Binding> {
    // SAFETY: as the caller says; a record keeps its mutator until it is unbound, which needs a running world.
    unsafe { &mut *(*thread).mutator().inner() }
}

impl Collection<Binding> for Threads {
    fn stop_all_mutators<F>(_tls: VMWorkerThread, mut visit: F)
    where
        F: FnMut(&'static mut Mutator<Binding>),
    {
        heap().stop_world();
        for thread in heap().threads() {
            // SAFETY: the world is stopped.
            visit(unsafe { mutator_of(thread) });
        }
    }

    fn resume_mutators(_tls: VMWorkerThread) {
        heap().resume_world(super::last_was_full());
    }

    fn block_for_gc(_tls: VMMutatorThread) {
        heap().wait_for_collection();
    }

    fn spawn_gc_thread(_tls: VMThread, context: GCThreadContext<Binding>) {
        let GCThreadContext::Worker(worker) = context;
        let spawned = std::thread::Builder::new()
            .name("collector".into())
            .spawn(move || {
                // SAFETY: any number is an `Address`; this one is no thread's record.
                let name = unsafe { Address::from_usize(WORKER) };
                let tls = VMWorkerThread(VMThread(OpaquePointer::from_address(name)));
                let run = || memory_manager::start_worker(instance(), tls, worker);
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err() {
                    // The other threads would wait forever.
                    crate::gc::fatal("internal error: panic in the collector");
                }
            });
        if let Err(e) = spawned {
            crate::gc::fatal(&format!("no thread for the collector: {e}"));
        }
    }

    fn out_of_memory(_tls: VMThread, kind: AllocationError) {
        if let AllocationError::MmapOutOfMemory = kind {
            crate::gc::fatal("the operating system has no more memory");
        }
        // Otherwise the allocation returns nothing, and the program gets an exception.
    }

    fn create_gc_trigger() -> Box<dyn GCTriggerPolicy<Binding>> {
        Box::new(super::trigger::Trigger::new())
    }
}

impl ActivePlan<Binding> for Threads {
    #[inline]
    fn is_mutator(tls: VMThread) -> bool {
        tls.0.to_address().as_usize() != WORKER
    }

    fn mutator(tls: VMMutatorThread) -> &'static mut Mutator<Binding> {
        // SAFETY: a bound thread's name.
        unsafe { mutator_of(record(tls.0)) }
    }

    fn mutators<'a>() -> Box<dyn Iterator<Item = &'a mut Mutator<Binding>> + 'a> {
        // SAFETY: asked while the world is stopped.
        Box::new(
            heap()
                .threads()
                .into_iter()
                .map(|t| unsafe { mutator_of(t) }),
        )
    }

    fn number_of_mutators() -> usize {
        heap().threads().len()
    }
}
