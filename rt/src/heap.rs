//! Where the runtime and its heap meet: threads as the collector's world, allocation and barriers as helpers.

use crate::gc::{Heap, HeapOptions, OutOfMemory, StoppedThread, World};
use crate::object::{Ref, Thrown};
use crate::runtime::{Runtime, StartError};
use crate::thread::Thread;
use crate::transition::Blocking;
use isthmus_runtime_abi::layout::{HEADER, LONGEST_STRING, VtableHeader};
use isthmus_runtime_abi::trap::TrapKind;
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

impl World for Runtime {
    fn stop(&self) {
        self.safepoints().stop();
        self.free_retired();
    }

    fn resume(&self) {
        self.safepoints().resume();
    }

    fn for_each_thread(&self, visit: &mut dyn FnMut(StoppedThread<'_>)) {
        self.safepoints().for_each_thread(&mut |thread| {
            let mut ranges: SmallVec<[Range<usize>; 4]> = SmallVec::new();
            // SAFETY: the collector asks while the world is stopped.
            unsafe { thread.for_each_root_range(&mut |range| ranges.push(range)) };
            visit(StoppedThread {
                context: thread.context(),
                ranges: &ranges,
            });
        });
    }

    fn blocking(&self, wait: &mut dyn FnMut()) {
        let region = Thread::current().map(Blocking::enter);
        wait();
        drop(region);
    }
}

impl Runtime {
    /// Makes the process's heap for this runtime.
    pub(crate) fn start_heap(&'static self, options: HeapOptions) -> Result<(), StartError> {
        let heap = Heap::init(options, self)?;
        // Set once: by the one call that `init` lets through.
        let _ = self.heap_cell().set(heap);
        Ok(())
    }

    /// The heap. Without one (a runtime made for tests of code alone) this is an internal error.
    #[inline]
    pub fn heap(&self) -> &'static Heap {
        match self.heap_cell().get() {
            Some(heap) => heap,
            None => crate::internal_error("the runtime was started without a heap"),
        }
    }

    pub(crate) fn heap_bind(&self, thread: &Thread) {
        if let Some(heap) = self.heap_cell().get() {
            // SAFETY: attached and running; the context stays until the thread is detached.
            unsafe { heap.bind_thread(thread.context()) };
        }
    }

    pub(crate) fn heap_unbind(&self, _thread: &Thread) {
        if let Some(heap) = self.heap_cell().get() {
            // SAFETY: bound by `heap_bind`, still running.
            unsafe { heap.unbind_thread() };
        }
    }

    /// An instance of the class with this vtable.
    pub fn alloc_object(&self, thread: &Thread, vtable: usize) -> Result<Ref, Thrown> {
        // SAFETY: a vtable of the VM; the calling thread is running.
        let object = unsafe { self.heap().alloc_object(vtable) };
        self.or_out_of_memory(thread, object)
    }

    /// A one-dimensional array; a negative length overflows.
    pub fn alloc_array(&self, thread: &Thread, vtable: usize, length: i64) -> Result<Ref, Thrown> {
        let Ok(length) = usize::try_from(length) else {
            return Err(self.trap(thread, TrapKind::Overflow));
        };
        // SAFETY: as above.
        let array = unsafe { self.heap().alloc_array(vtable, length) };
        self.or_out_of_memory(thread, array)
    }

    /// A string of zeros.
    pub fn alloc_string(&self, thread: &Thread, vtable: usize, length: i32) -> Result<Ref, Thrown> {
        let string = match usize::try_from(length) {
            // SAFETY: as above.
            Ok(length) if length <= LONGEST_STRING => unsafe {
                self.heap().alloc_string(vtable, length)
            },
            _ => Err(OutOfMemory),
        };
        self.or_out_of_memory(thread, string)
    }

    /// A box with a copy of the value at `value`.
    pub fn box_value(&self, thread: &Thread, vtable: usize, value: usize) -> Result<Ref, Thrown> {
        let object = self.alloc_object(thread, vtable)?;
        // SAFETY: the vtable is that of the box; the value is as long as its fields, rounded up at most within the
        // words in which frames and objects keep values. No safepoint lies between copy and barrier.
        unsafe {
            let header = HEADER as usize;
            let bytes = (*(vtable as *const VtableHeader)).base_size.load(Relaxed) - header;
            let target = object.addr() + header;
            std::ptr::copy_nonoverlapping(value as *const u8, target as *mut u8, bytes);
            self.heap().barrier(object);
        }
        Ok(object)
    }

    /// The exception of a trap.
    pub fn trap(&self, thread: &Thread, kind: TrapKind) -> Thrown {
        let exception = thread.with_reserve(|| self.vm().trap_exception(thread, kind));
        match kind {
            TrapKind::StackOverflow => Thrown::at_entry(exception),
            _ => Thrown::new(exception),
        }
    }

    fn or_out_of_memory(
        &self,
        thread: &Thread,
        result: Result<Ref, OutOfMemory>,
    ) -> Result<Ref, Thrown> {
        result.map_err(|OutOfMemory| self.trap(thread, TrapKind::OutOfMemory))
    }
}

/// `Helper::GcBarrier`.
pub(crate) extern "C" fn gc_barrier(object: usize) {
    if let Some(heap) = Heap::get() {
        // SAFETY: compiled code calls it with a live object.
        unsafe { heap.remember(Ref::from_addr(object)) };
    }
}

/// `Helper::StoreRefUnknown`.
pub(crate) unsafe extern "C" fn store_ref_unknown(slot: usize, value: usize) {
    // SAFETY: compiled code vouches for the slot.
    unsafe {
        match Heap::get() {
            Some(heap) => heap.store_unknown(slot, Ref::from_addr(value)),
            None => *(slot as *mut usize) = value,
        }
    }
}

/// `Helper::CopyRefs`.
pub(crate) unsafe extern "C" fn copy_refs(object: usize, to: usize, from: usize, bytes: i64) {
    let bytes = bytes as usize;
    // SAFETY: compiled code vouches for the object and both ranges.
    unsafe {
        match Heap::get() {
            Some(heap) => heap.copy(Ref::from_addr(object), to, from, bytes),
            None => std::ptr::copy(from as *const u8, to as *mut u8, bytes),
        }
    }
}
