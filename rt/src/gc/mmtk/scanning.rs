//! Roots, slots and weak references.
//!
//! Roots: words of stacks and saved registers (they pin what they seem to point to), strong handles (updated when
//! the object moves), pinned handles, and objects that never die (scanned as whole objects).

use super::{Binding, find_object, is_nursery_collection, reference};
use crate::gc::handles::HandleKind;
use crate::gc::thread::HeapThread;
use crate::gc::weak::Tracer;
use crate::gc::{Heap, object};
use ::mmtk::scheduler::GCWorker;
use ::mmtk::util::{Address, ObjectReference, VMWorkerThread};
use ::mmtk::vm::slot::SimpleSlot;
use ::mmtk::vm::{
    ObjectTracer, ObjectTracerContext, ReferenceGlue, RootsWorkFactory, Scanning, SlotVisitor,
};
use ::mmtk::{Mutator, MutatorContext};
use std::ops::Range;

/// Roots in one packet of work.
const PACKET: usize = 1024;

/// Scanning for the collector.
pub(in crate::gc) struct Roots;

impl Scanning<Binding> for Roots {
    #[inline]
    fn scan_object<V: SlotVisitor<SimpleSlot>>(
        _tls: VMWorkerThread,
        object: ObjectReference,
        visitor: &mut V,
    ) {
        // SAFETY: the collector scans live objects after they were copied.
        unsafe {
            object::for_each_slot(object.to_raw_address().as_usize(), |slot| {
                visitor.visit_slot(SimpleSlot::from_address(Address::from_usize(slot)));
            });
        }
    }

    fn notify_initial_thread_scan_complete(_partial: bool, _tls: VMWorkerThread) {}

    fn scan_roots_in_mutator_thread(
        _tls: VMWorkerThread,
        mutator: &'static mut Mutator<Binding>,
        factory: impl RootsWorkFactory<SimpleSlot>,
    ) {
        let thread = mutator.get_tls().0.0.to_address().to_ptr::<HeapThread>();
        // SAFETY: the address of a bound thread's record, see `tls`; the world is stopped.
        let ranges = unsafe { (*thread).ranges() };
        scan_conservatively(ranges, factory);
    }

    fn scan_vm_specific_roots(
        _tls: VMWorkerThread,
        mut factory: impl RootsWorkFactory<SimpleSlot>,
    ) {
        let heap = Heap::get().expect("the heap is initialized");
        let mut slots = Vec::with_capacity(PACKET);
        heap.handles().for_each(HandleKind::Strong, |slot| {
            slots.push(SimpleSlot::from_address(Address::from_ref(slot)));
            if slots.len() == PACKET {
                factory.create_process_roots_work(std::mem::replace(
                    &mut slots,
                    Vec::with_capacity(PACKET),
                ));
            }
        });
        if !slots.is_empty() {
            factory.create_process_roots_work(slots);
        }
        let mut nodes = Nodes::new(factory);
        heap.handles().for_each(HandleKind::Pinned, |slot| {
            nodes.push(slot.load(std::sync::atomic::Ordering::Relaxed));
        });
        if !is_nursery_collection() {
            // In a nursery collection they count as old: what they refer to is found through remembered objects.
            heap.for_each_immortal(|object| nodes.push(object));
        }
        nodes.finish();
    }

    fn supports_return_barrier() -> bool {
        false
    }

    fn prepare_for_roots_re_scanning() {}

    fn process_weak_refs(
        worker: &mut GCWorker<Binding>,
        context: impl ObjectTracerContext<Binding>,
    ) -> bool {
        let heap = Heap::get().expect("the heap is initialized");
        context.with_tracer(worker, |tracer| {
            heap.weak().process(
                heap.handles(),
                &mut WeakTracer {
                    tracer,
                    nursery: is_nursery_collection(),
                },
            )
        })
    }
}

/// Collects objects into packets of pinning roots.
struct Nodes<F: RootsWorkFactory<SimpleSlot>> {
    factory: F,
    nodes: Vec<ObjectReference>,
}

impl<F: RootsWorkFactory<SimpleSlot>> Nodes<F> {
    fn new(factory: F) -> Self {
        Nodes {
            factory,
            nodes: Vec::new(),
        }
    }

    fn push(&mut self, object: usize) {
        self.nodes.push(reference(object));
        if self.nodes.len() == PACKET {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let nodes = std::mem::take(&mut self.nodes);
        self.factory.create_process_pinning_roots_work(nodes);
    }

    fn finish(mut self) {
        if !self.nodes.is_empty() {
            self.flush();
        }
    }
}

/// Takes every word that could point into an object, or one past its end, as a root.
fn scan_conservatively(ranges: &[Range<usize>], factory: impl RootsWorkFactory<SimpleSlot>) {
    const WORD: usize = size_of::<usize>();
    let (start, end) = super::heap_range();
    let heap = Heap::get().expect("the heap is initialized");
    let noted = heap.noted.read();
    let find_object = |address: usize| {
        noted.prepare(address, heap.valid_bits);
        find_object(address)
    };
    let mut nodes = Nodes::new(factory);
    let mut last = [0; 2];
    for range in ranges {
        let mut at = range.start.next_multiple_of(WORD);
        while at + WORD <= range.end {
            // SAFETY: the world's description of a stopped thread: readable memory that nobody writes now.
            let word = unsafe { (at as *const usize).read_volatile() };
            at += WORD;
            // One past the end of an object may be past the end of the heap.
            if word < start || word > end || last.contains(&word) {
                continue;
            }
            last = [last[1], word];
            let inside = find_object(word);
            if let Some(object) = inside {
                nodes.push(object);
            }
            if inside.is_none_or(|object| object == word)
                && let Some(before) = find_object(word - 1)
            {
                nodes.push(before);
            }
        }
    }
    nodes.finish();
}

struct WeakTracer<'a, T: ObjectTracer> {
    tracer: &'a mut T,
    nursery: bool,
}

impl<T: ObjectTracer> Tracer for WeakTracer<'_, T> {
    fn survivor(&self, object: usize) -> Option<usize> {
        if object == 0 {
            return None;
        }
        let object = reference(object);
        object.is_live().then(|| {
            object
                .get_forwarded_object()
                .unwrap_or(object)
                .to_raw_address()
                .as_usize()
        })
    }

    fn retain(&mut self, object: usize) -> usize {
        self.tracer
            .trace_object(reference(object))
            .to_raw_address()
            .as_usize()
    }

    fn is_last(&self, object: usize) -> bool {
        crate::gc::weak::is_last(object)
    }

    fn nursery_only(&self) -> bool {
        self.nursery
    }
}

/// Reference objects and finalizers of MMTk's own are switched off: `gc::weak` treats them.
impl ReferenceGlue<Binding> for Roots {
    type FinalizableType = ObjectReference;

    fn clear_referent(_reference: ObjectReference) {}

    fn get_referent(_reference: ObjectReference) -> Option<ObjectReference> {
        None
    }

    fn set_referent(_reference: ObjectReference, _referent: ObjectReference) {}

    fn enqueue_references(_references: &[ObjectReference], _tls: VMWorkerThread) {}
}
