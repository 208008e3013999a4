//! Allocation from runtime code: the slow path of compiled code, and everything that it does not allocate in place.

use super::thread::HeapThread;
use super::{Heap, OutOfMemory, mmtk, object};
use crate::object::Ref;
use isthmus_runtime_abi::layout::{
    LENGTH, MD_BOUND_BYTES, MD_BOUNDS, TYPE_WORD, VtableFlags, VtableHeader,
};
use std::sync::atomic::Ordering::Relaxed;

/// Which part of the heap an object is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Where objects are made and moved.
    Moving,
    /// Large objects, never moved.
    Large,
    /// Never moved, never freed; roots.
    Immortal,
}

/// Length and lower bound of a dimension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dimension {
    /// Number of elements.
    pub length: u32,
    /// Lowest index.
    pub lower: i32,
}

/// Allocation. All of it may collect, and must be called by a bound, running thread. `vtable` is the address of a complete
/// vtable of the right kind. Everything but headers and lengths is zero.
impl Heap {
    /// An instance of a class. If the class has a finalizer, it is registered.
    ///
    /// # Safety
    /// As stated for all allocation.
    pub unsafe fn alloc_object(&self, vtable: usize) -> Result<Ref, OutOfMemory> {
        // SAFETY: as the caller says.
        unsafe { self.create(vtable, 0, false) }
    }

    /// A one-dimensional array.
    ///
    /// # Safety
    /// As stated for all allocation.
    pub unsafe fn alloc_array(&self, vtable: usize, length: usize) -> Result<Ref, OutOfMemory> {
        // SAFETY: as the caller says.
        unsafe { self.create(vtable, length, false) }
    }

    /// A string of this many UTF-16 units, all zero; the terminating unit comes on top.
    ///
    /// # Safety
    /// As stated for all allocation.
    pub unsafe fn alloc_string(&self, vtable: usize, length: usize) -> Result<Ref, OutOfMemory> {
        // SAFETY: as the caller says.
        unsafe { self.create(vtable, length, false) }
    }

    /// A multi-dimensional array, with its bounds filled in.
    ///
    /// # Safety
    /// As stated for all allocation; the vtable's rank is the number of dimensions.
    pub unsafe fn alloc_md_array(
        &self,
        vtable: usize,
        dimensions: &[Dimension],
    ) -> Result<Ref, OutOfMemory> {
        let length = dimensions
            .iter()
            .try_fold(1usize, |n, d| n.checked_mul(d.length as usize))
            .ok_or(OutOfMemory)?;
        // SAFETY: as the caller says.
        let array = unsafe { self.create(vtable, length, false)? };
        for (i, d) in dimensions.iter().enumerate() {
            let bound = array.addr() + MD_BOUNDS as usize + i * MD_BOUND_BYTES as usize;
            // SAFETY: the bounds lie before the elements.
            unsafe {
                *(bound as *mut u32) = d.length;
                *(bound as *mut i32).add(1) = d.lower;
            }
        }
        Ok(array)
    }

    /// An object (`length` 0), array or string that never moves and never dies: literals, type objects, blocks of static
    /// fields. It is a root: what it refers to lives.
    ///
    /// # Safety
    /// As stated for all allocation.
    pub unsafe fn alloc_immortal(&self, vtable: usize, length: usize) -> Result<Ref, OutOfMemory> {
        // SAFETY: as the caller says.
        let object = unsafe { self.create(vtable, length, true)? };
        self.immortals.lock().push(object.addr());
        Ok(object)
    }

    /// # Safety
    /// As stated for all allocation.
    unsafe fn create(
        &self,
        vtable: usize,
        length: usize,
        immortal: bool,
    ) -> Result<Ref, OutOfMemory> {
        // SAFETY: a vtable, as the caller says.
        let vt = unsafe { &*(vtable as *const VtableHeader) };
        let has_length = vt.component_size.load(Relaxed) != 0;
        if length > i32::MAX as usize {
            return Err(OutOfMemory);
        }
        let size = object::size_with_length(vt, length).ok_or(OutOfMemory)?;
        let place = if immortal {
            Place::Immortal
        } else if size > self.large {
            Place::Large
        } else {
            Place::Moving
        };
        let thread = self.current();
        // SAFETY: the record of this thread, which runs; the memory is as long as the object.
        unsafe {
            let (object, known) = self.memory(thread, size, place).ok_or(OutOfMemory)?;
            *((object + TYPE_WORD as usize) as *mut u32) = vtable as u32;
            if has_length {
                *((object + LENGTH as usize) as *mut u32) = length as u32;
            }
            if !known {
                (*thread).mutator().publish(object, size, place);
                self.counters.allocated.fetch_add(size as u64, Relaxed);
            }
            let object = Ref::from_addr(object);
            if object::flags(vt).contains(VtableFlags::FINALIZABLE) {
                self.weak.register(object);
            }
            Ok(object)
        }
    }

    /// Zeroed memory for an object, and whether it will be noted with the thread's buffer.
    ///
    /// # Safety
    /// `thread` is the current thread's record, and the thread may be stopped here.
    unsafe fn memory(
        &self,
        thread: *mut HeapThread,
        size: usize,
        place: Place,
    ) -> Option<(usize, bool)> {
        // SAFETY: nobody else uses the record except while this thread is stopped, which it is only inside
        // `collect` and `alloc`.
        unsafe {
            let stress = self.options.stress;
            if stress > 0 {
                if let Some(full) = (*thread).stress(stress) {
                    (*thread).mutator().collect(full);
                }
                // The thread's own buffer stays empty, so that compiled code comes here every time.
                return Some(((*thread).mutator().alloc(size, place)?, false));
            }
            if place != Place::Moving {
                return Some(((*thread).mutator().alloc(size, place)?, false));
            }
            if let Some(object) = (*thread).bump(size) {
                return Some((object, true));
            }
            // Leave the buffer, take whatever buffer the collector has then.
            self.note(thread);
            let cursor = (*thread).context().alloc_cursor.load(Relaxed);
            (*thread).mutator().set_cursor(cursor);
            let object = (*thread).mutator().alloc(size, place);
            let (cursor, limit) = (*thread).mutator().buffer();
            (*thread).set_buffer(cursor, limit);
            Some((object?, false))
        }
    }

    /// Notes what was allocated in a thread's buffer.
    ///
    /// # Safety
    /// `thread` is the current thread's record, or the world is stopped.
    pub(super) unsafe fn note(&self, thread: *mut HeapThread) {
        // SAFETY: as the caller says.
        let bytes = unsafe { (*thread).note() };
        self.counters.allocated.fetch_add(bytes as u64, Relaxed);
    }

    /// Collects now: new objects only, or the whole heap. Returns when it is done.
    ///
    /// # Safety
    /// Called by a bound, running thread.
    pub unsafe fn collect(&self, full: bool) {
        let thread = self.current();
        clear_stack();
        // SAFETY: the record of this thread, which runs.
        unsafe { (*thread).mutator().collect(full) };
    }

    /// Objects took so many bytes of memory outside the heap, or gave them back: the next collection comes sooner for it.
    pub fn add_pressure(&self, bytes: i64) {
        mmtk::add_pressure(bytes);
    }

    /// Figures about the heap.
    pub fn stats(&self) -> super::HeapStats {
        let (used, size) = mmtk::used_and_size();
        super::HeapStats {
            used,
            size,
            ..self.counters.snapshot()
        }
    }
}

/// Overwrites what earlier calls left below this frame. The frames of the collector come to lie there, and what they do not
/// initialize would be taken for references: objects that a program has just dropped would survive the collection it asks for.
#[inline(never)]
fn clear_stack() {
    std::hint::black_box([0u8; 16 << 10]);
}
