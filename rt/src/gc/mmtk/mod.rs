//! The collector behind the interface: MMTk's StickyImmix or Immix. Nothing outside this folder names MMTk.
//!
//! | file | what |
//! | --- | --- |
//! | `mod.rs` | the one instance; what [`Heap`](super::Heap) calls |
//! | `model.rs` | where metadata lies, how objects are measured and copied |
//! | `scanning.rs` | roots, slots of objects, weak references |
//! | `threads.rs` | stopping the world, collector threads, mutators |
//! | `trigger.rs` | how big the heap gets |
//!
//! ```text
//!  side metadata, 1 bit for 8 bytes of heap (byte at base + (address >> 6), bit (address >> 3) & 7)
//!    log bit      1: an old object not yet remembered        read by compiled code through ThreadContext::log_bits
//!    valid object 1: an object starts here                   what conservative scanning asks
//!    mark, pin    the collector's own
//!  in the header: bits 0-1 of the type word while a collection runs: being copied, copied (then all 8 bytes are the new address)
//! ```

mod model;
mod scanning;
mod threads;
mod trigger;

pub(super) use trigger::add_pressure;

use super::options::{HeapOptions, Plan};
use super::thread::HeapThread;
use super::{HeapError, Place};
use ::mmtk::util::alloc::ImmixAllocator;
use ::mmtk::util::options::{GCTriggerSelector, NurserySize, PlanSelector};
use ::mmtk::util::{Address, ObjectReference, OpaquePointer, VMMutatorThread, VMThread};
use ::mmtk::vm::VMBinding;
use ::mmtk::vm::slot::{SimpleSlot, UnimplementedMemorySlice};
use ::mmtk::{AllocationSemantics, MMTK, MMTKBuilder, MutatorContext, memory_manager};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Our implementation of the binding's traits.
#[derive(Default)]
pub(super) struct Binding;

impl VMBinding for Binding {
    type VMObjectModel = model::Model;
    type VMScanning = scanning::Roots;
    type VMCollection = threads::Threads;
    type VMActivePlan = threads::Threads;
    type VMReferenceGlue = scanning::Roots;
    type VMSlot = SimpleSlot;
    type VMMemorySlice = UnimplementedMemorySlice;

    const ALIGNMENT_VALUE: u8 = 0;
    const MIN_ALIGNMENT: usize = ALIGN;
    const MAX_ALIGNMENT: usize = ALIGN;
    const USE_ALLOCATION_OFFSET: bool = false;
    const ALLOC_END_ALIGNMENT: usize = ALIGN;
}

const ALIGN: usize = isthmus_runtime_abi::layout::OBJECT_ALIGN as usize;

static INSTANCE: OnceLock<&'static MMTK<Binding>> = OnceLock::new();

/// The largest object that there may be where objects move, and the largest ever allocated elsewhere: how far before an interior pointer its object may start.
static LARGEST: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

/// Between which addresses objects that do not move were allocated. Each space has a range of addresses of its own, so no
/// moving object lies between the two addresses; where spaces share their range, it does no harm.
static FIXED: (AtomicUsize, AtomicUsize) = (AtomicUsize::new(usize::MAX), AtomicUsize::new(0));

fn instance() -> &'static MMTK<Binding> {
    INSTANCE.get().expect("the heap is initialized")
}

/// The object reference of a non-null address.
fn reference(object: usize) -> ObjectReference {
    debug_assert!(object != 0);
    // SAFETY: any number is an `Address`; the caller has an object, so it is not 0.
    unsafe { ObjectReference::from_raw_address_unchecked(Address::from_usize(object)) }
}

/// Address space that MMTk reserves at the start for metadata of its spaces (measured; fixed in MMTk). That of the spaces themselves
/// is taken as they grow.
const METADATA: u64 = 433 << 30;

/// Makes the instance. Call once.
pub(super) fn build(options: &HeapOptions) -> Result<(), HeapError> {
    check_address_space(METADATA)?;
    trigger::configure(options);
    let mut builder = MMTKBuilder::new_no_env_vars();
    let o = &mut builder.options;
    let mut ok = o.plan.set(match options.plan {
        Plan::StickyImmix => PlanSelector::StickyImmix,
        Plan::Immix => PlanSelector::Immix,
    });
    ok &= o.threads.set(options.effective_threads());
    ok &= o.gc_trigger.set(GCTriggerSelector::Delegated);
    ok &= o.no_finalizer.set(true);
    ok &= o.no_reference_types.set(true);
    if let Some(bytes) = options.nursery {
        ok &= o.nursery.set(NurserySize::Fixed(bytes.max(1 << 20)));
    }
    ok &= o.immix_always_defrag.set(options.move_always);
    ok &= o.immix_defrag_every_block.set(options.move_always);
    if !ok {
        return Err(HeapError::Options);
    }
    INSTANCE.get_or_init(|| Box::leak(trigger::reserving(|| memory_manager::mmtk_init(&builder))));
    Ok(())
}

/// Starts the collector's threads. The heap must be reachable through [`Heap::get`](super::Heap::get) by now.
pub(super) fn start() {
    // Compiled code allocates in place and tells nobody how much: any size that is not large.
    LARGEST[0].fetch_max(large_threshold(), Ordering::Relaxed);
    memory_manager::initialize_collection(instance(), VMThread::UNINITIALIZED);
}

/// Whether the process may reserve `bytes` of address space, found out by trying.
fn check_address_space(bytes: u64) -> Result<(), HeapError> {
    if cfg!(target_pointer_width = "32") {
        return Ok(());
    }
    let length = bytes as usize;
    // SAFETY: reserves and releases a range that nobody uses.
    let reserved = unsafe {
        let p = libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        );
        p != libc::MAP_FAILED && libc::munmap(p, length) == 0
    };
    if reserved {
        Ok(())
    } else {
        Err(HeapError::AddressSpace { bytes })
    }
}

/// Lowest address and end of the heap.
pub(super) fn heap_range() -> (usize, usize) {
    (
        memory_manager::starting_heap_address().as_usize(),
        memory_manager::last_heap_address().as_usize(),
    )
}

/// Base of the log bits as compiled code reads them. With [`Plan::Immix`] there are none: then it is the base of a range
/// of zeros (address space only).
pub(super) fn log_bits(plan: Plan) -> Result<usize, HeapError> {
    match plan {
        Plan::StickyImmix => Ok(model::log_bit_spec().get_absolute_offset().as_usize()),
        Plan::Immix => {
            let (start, end) = heap_range();
            let bytes = (end - start) >> 6;
            // SAFETY: a fresh read-only mapping.
            let zeros = unsafe {
                libc::mmap(
                    std::ptr::null_mut(),
                    bytes,
                    libc::PROT_READ,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                    -1,
                    0,
                )
            };
            if zeros == libc::MAP_FAILED {
                return Err(HeapError::AddressSpace {
                    bytes: bytes as u64,
                });
            }
            Ok((zeros as usize).wrapping_sub(start >> 6))
        }
    }
}

/// Base of the valid-object bits: bit `(address >> 3) & 7` of the byte at `base + (address >> 6)`.
pub(super) fn valid_bits() -> usize {
    ::mmtk::util::metadata::side_metadata::VO_BIT_SIDE_METADATA_ADDR.as_usize()
}

/// Objects of more bytes are large.
pub(super) fn large_threshold() -> usize {
    instance()
        .get_plan()
        .constraints()
        .max_non_los_default_alloc_bytes
}

/// The object that contains `address`, if one does whose valid-object bit is set.
pub(super) fn find_object(address: usize) -> Option<usize> {
    let range = FIXED.0.load(Ordering::Relaxed)..FIXED.1.load(Ordering::Relaxed);
    let kinds = 1 + usize::from(range.contains(&address));
    let largest = LARGEST[..kinds].iter().map(|n| n.load(Ordering::Relaxed));
    let reach = largest.fold(0, usize::max) + ALIGN;
    // SAFETY: any number is an `Address`; it is only looked up in metadata.
    let address = unsafe { Address::from_usize(address) };
    memory_manager::find_object_from_internal_pointer(address, reach)
        .map(|o| o.to_raw_address().as_usize())
}

/// Whether the log bit of an object is set, asked of the collector itself (to check our own formula).
pub(super) fn is_unlogged(object: usize) -> bool {
    use ::mmtk::vm::ObjectModel;
    model::Model::GLOBAL_LOG_BIT_SPEC.is_unlogged::<Binding>(reference(object), Ordering::Relaxed)
}

/// Bytes in use, and bytes that the heap may have now.
pub(super) fn used_and_size() -> (usize, usize) {
    (
        memory_manager::used_bytes(instance()),
        memory_manager::total_bytes(instance()),
    )
}

/// Whether the collection that runs looks at new objects only.
fn is_nursery_collection() -> bool {
    instance()
        .get_plan()
        .generational()
        .is_some_and(|g| g.is_current_gc_nursery())
}

/// Whether the last collection looked at the whole heap.
pub(super) fn last_was_full() -> bool {
    instance()
        .get_plan()
        .generational()
        .is_none_or(|g| g.last_collection_full_heap())
}

/// A thread's share in the collector: allocators and the buffer of remembered objects.
pub(super) struct Mutator {
    inner: *mut ::mmtk::Mutator<Binding>,
    buffer: *mut ::mmtk::util::alloc::BumpPointer,
}

impl Mutator {
    /// A mutator for a thread, which must stay where it is.
    pub(super) fn new(thread: *mut HeapThread) -> Mutator {
        let inner = Box::into_raw(memory_manager::bind_mutator(instance(), tls(thread)));
        let selector =
            memory_manager::get_allocator_mapping(instance(), AllocationSemantics::Default);
        // SAFETY: the mutator is fresh and nobody else's; both plans allocate by an Immix allocator.
        let buffer = unsafe {
            &raw mut (*inner)
                .allocator_impl_mut::<ImmixAllocator<Binding>>(selector)
                .bump_pointer
        };
        Mutator { inner, buffer }
    }

    /// Gives up the mutator.
    ///
    /// # Safety
    /// The world runs, and the mutator is out of the list of threads afterwards.
    pub(super) unsafe fn destroy(&mut self) {
        // SAFETY: made by `new`; the caller does not use it again.
        unsafe {
            memory_manager::destroy_mutator(&mut *self.inner);
            drop(Box::from_raw(self.inner));
        }
        self.inner = std::ptr::null_mut();
    }

    /// The allocation buffer: cursor and limit.
    ///
    /// # Safety
    /// Called by the mutator's thread, or while the world is stopped.
    pub(super) unsafe fn buffer(&self) -> (usize, usize) {
        // SAFETY: the mutator lives, see `new`.
        unsafe {
            (
                (*self.buffer).cursor.as_usize(),
                (*self.buffer).limit.as_usize(),
            )
        }
    }

    /// Tells how far the buffer was used.
    ///
    /// # Safety
    /// As [`Mutator::buffer`]; `cursor` lies in the buffer.
    pub(super) unsafe fn set_cursor(&mut self, cursor: usize) {
        // SAFETY: as above.
        unsafe { (*self.buffer).cursor = Address::from_usize(cursor) };
    }

    /// Zeroed memory for an object of `size` bytes (a multiple of 8). May collect. `None`: out of memory.
    ///
    /// # Safety
    /// Called by the mutator's thread at a point where it may be stopped.
    pub(super) unsafe fn alloc(&mut self, size: usize, place: Place) -> Option<usize> {
        // MMTk would collect again and again.
        if size > trigger::highest() {
            return None;
        }
        let largest = &LARGEST[usize::from(place != Place::Moving)];
        if size > largest.load(Ordering::Relaxed) {
            largest.fetch_max(size, Ordering::Relaxed);
        }
        // SAFETY: the mutator lives; the collector's threads use it only while this thread is stopped.
        let address =
            unsafe { memory_manager::alloc(&mut *self.inner, size, ALIGN, 0, semantics(place)) };
        if place != Place::Moving && !address.is_zero() {
            FIXED.0.fetch_min(address.as_usize(), Ordering::Relaxed);
            FIXED
                .1
                .fetch_max(address.as_usize() + size, Ordering::Relaxed);
        }
        (!address.is_zero()).then(|| address.as_usize())
    }

    /// Makes an object known: its valid-object bit and what its space wants.
    ///
    /// # Safety
    /// The object was just allocated by [`Mutator::alloc`] with this size and place, and its header is complete.
    pub(super) unsafe fn publish(&mut self, object: usize, size: usize, place: Place) {
        // SAFETY: as the caller says.
        unsafe {
            memory_manager::post_alloc(&mut *self.inner, reference(object), size, semantics(place));
        }
    }

    /// Remembers an object that was stored into, unless it is remembered or new.
    ///
    /// # Safety
    /// Called by the mutator's thread; `object` is alive.
    pub(super) unsafe fn remember(&mut self, object: usize) {
        let slot = SimpleSlot::from_address(reference(object).to_raw_address());
        // SAFETY: as the caller says.
        unsafe {
            (*self.inner)
                .barrier()
                .object_reference_write_slow(reference(object), slot, None);
        }
    }

    /// Collects; returns when the collection is over.
    ///
    /// # Safety
    /// As [`Mutator::alloc`].
    pub(super) unsafe fn collect(&self, full: bool) {
        // SAFETY: the mutator lives.
        let tls = unsafe { (*self.inner).mutator_tls };
        for _ in 0..3 {
            instance().handle_user_collection_request(tls, true, full);
            // The request may have joined a nursery collection that was already due.
            if !full || last_was_full() {
                break;
            }
        }
    }

    fn inner(&self) -> *mut ::mmtk::Mutator<Binding> {
        self.inner
    }
}

fn semantics(place: Place) -> AllocationSemantics {
    match place {
        Place::Moving => AllocationSemantics::Default,
        Place::Large => AllocationSemantics::Los,
        Place::Immortal => AllocationSemantics::Immortal,
    }
}

/// How MMTk names a thread: the address of our record of it.
fn tls(thread: *mut HeapThread) -> VMMutatorThread {
    VMMutatorThread(VMThread(OpaquePointer::from_address(
        Address::from_mut_ptr(thread),
    )))
}
