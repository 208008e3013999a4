//! What happens to weakly held objects in a collection: weak handles, finalizers, ephemeron arrays.
//!
//! The order is what `System.GC` promises:
//!
//! ```text
//!  objects reachable from roots are known
//!  1  ephemerons: a value lives while its key lives; repeated until nothing new is reached
//!  2  short weak handles whose object was not reached are cleared
//!  3  unreached objects with a finalizer are queued and reached again, with all they refer to
//!  4  ephemerons again, for keys that step 3 brought back
//!  5  long weak handles whose object was not reached are cleared; ephemerons with dead keys are emptied
//! ```
//!
//! Steps 1, 3 and 4 reach objects anew; then the collector has to trace on and call [`WeakState::process`] again.
//! All of it is written against [`Tracer`], so that it can be tested without a collector.

use super::handles::{HandleKind, HandleTable};
use super::object;
use crate::object::Ref;
use isthmus_runtime_abi::layout::VtableFlags;
use parking_lot::{Condvar, Mutex};
use rustc_hash::FxHashSet;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// A collection in progress, as this module sees it. Addresses are those from before the collection.
pub(crate) trait Tracer {
    /// Where an object is now, if it is (already known to be) alive.
    fn survivor(&self, object: usize) -> Option<usize>;
    /// Keeps an object alive; returns where it is now.
    fn retain(&mut self, object: usize) -> usize;
    /// Whether the finalizer of an object (where it is now) runs after others.
    fn is_last(&self, object: usize) -> bool;
    /// Whether only objects made since the last collection can die in this one.
    fn nursery_only(&self) -> bool;
}

/// Bytes of an ephemeron: key, value.
const EPHEMERON: usize = 2 * size_of::<usize>();

#[derive(Default)]
struct Finalizers {
    /// Registered since the last collection.
    young: Vec<usize>,
    /// Registered before.
    old: Vec<usize>,
    /// `SuppressFinalize` was called since the last collection.
    suppressed: FxHashSet<usize>,
    /// Registered after that: they are in the lists already, unless they had been taken out.
    again: Vec<usize>,
    /// Unreachable objects whose finalizer is to run, held by strong handles.
    ready: VecDeque<super::Handle>,
    /// Those among them whose class asks to be last.
    ready_last: VecDeque<super::Handle>,
    /// Finalizers that were taken and have not finished.
    running: usize,
    /// The finalizer thread shall end.
    shut_down: bool,
}

impl Finalizers {
    /// Brings the lists up to date with what was suppressed, and registered again.
    fn settle(&mut self) {
        if !self.again.is_empty() {
            let mut missing: FxHashSet<usize> = self.again.iter().copied().collect();
            for object in self.young.iter().chain(&self.old) {
                missing.remove(object);
            }
            let again = self.again.drain(..).filter(|o| missing.remove(o));
            self.young.extend(again);
        }
        if !self.suppressed.is_empty() {
            let dropped = std::mem::take(&mut self.suppressed);
            self.young.retain(|o| !dropped.contains(o));
            self.old.retain(|o| !dropped.contains(o));
        }
    }

    fn push_ready(&mut self, handle: super::Handle, last: bool) {
        match last {
            true => self.ready_last.push_back(handle),
            false => self.ready.push_back(handle),
        }
    }

    fn pop_ready(&mut self) -> Option<super::Handle> {
        self.ready
            .pop_front()
            .or_else(|| self.ready_last.pop_front())
    }

    fn is_ready(&self) -> bool {
        !self.ready.is_empty() || !self.ready_last.is_empty()
    }
}

/// Whether the finalizer of an object shall run after others.
pub(crate) fn is_last(object: usize) -> bool {
    // SAFETY: registered objects are live, or not reached but still in place.
    let flags = unsafe { object::vtable(object).flags.load(Relaxed) };
    flags & VtableFlags::FINALIZE_LAST.bits() as usize != 0
}

#[derive(Default)]
struct Ephemerons {
    /// Registered arrays (not kept alive).
    arrays: Vec<usize>,
    /// What to put in place of a dead key; 0: null.
    tombstone: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Step {
    #[default]
    BeforeFinalizers,
    AfterFinalizers,
}

/// Everything that the collector treats weakly, except weak handles themselves.
pub(crate) struct WeakState {
    finalizers: Mutex<Finalizers>,
    /// Signalled when objects become ready and when one was finalized.
    changed: Condvar,
    ephemerons: Mutex<Ephemerons>,
    step: Mutex<Step>,
}

impl WeakState {
    pub(crate) fn new() -> WeakState {
        WeakState {
            finalizers: Mutex::default(),
            changed: Condvar::new(),
            ephemerons: Mutex::default(),
            step: Mutex::default(),
        }
    }

    // ---- asked by mutators

    /// The object's finalizer shall run once it is unreachable.
    pub(crate) fn register(&self, object: Ref) {
        let mut f = self.finalizers.lock();
        let object = object.addr();
        match f.suppressed.remove(&object) {
            true => f.again.push(object),
            false => f.young.push(object),
        }
    }

    /// The object's finalizer shall not run.
    pub(crate) fn suppress(&self, object: Ref) {
        self.finalizers.lock().suppressed.insert(object.addr());
    }

    /// The next object whose finalizer is to run. Call [`WeakState::finished`] afterwards.
    pub(crate) fn take_ready(&self, handles: &HandleTable) -> Option<Ref> {
        let mut f = self.finalizers.lock();
        let handle = f.pop_ready()?;
        f.running += 1;
        let object = handles.get(handle);
        handles.free(handle);
        Some(object)
    }

    /// A finalizer has returned.
    pub(crate) fn finished(&self) {
        let mut f = self.finalizers.lock();
        f.running = f.running.saturating_sub(1);
        self.changed.notify_all();
    }

    /// Queues every registered object, for the end of the program.
    pub(crate) fn ready_all(&self, handles: &HandleTable, is_last: &dyn Fn(usize) -> bool) {
        let mut f = self.finalizers.lock();
        f.settle();
        let mut all = std::mem::take(&mut f.old);
        all.append(&mut f.young);
        for object in all {
            if let Some(h) = handles.create(HandleKind::Strong, Ref::from_addr(object)) {
                f.push_ready(h, is_last(object));
            }
        }
        self.changed.notify_all();
    }

    /// Waits until an object is ready or [`WeakState::shut_down`] was called. Returns false in the latter case.
    pub(crate) fn wait_ready(&self) -> bool {
        let mut f = self.finalizers.lock();
        while !f.is_ready() && !f.shut_down {
            self.changed.wait(&mut f);
        }
        f.is_ready()
    }

    /// Waits until no finalizer is ready or running; false if that takes longer than `timeout`.
    pub(crate) fn wait_idle(&self, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        let mut f = self.finalizers.lock();
        while f.is_ready() || f.running > 0 {
            if self.changed.wait_until(&mut f, end).timed_out() {
                return !f.is_ready() && f.running == 0;
            }
        }
        true
    }

    /// Ends the wait of the finalizer thread once the queue is empty.
    pub(crate) fn shut_down(&self) {
        self.finalizers.lock().shut_down = true;
        self.changed.notify_all();
    }

    /// Wakes the finalizer thread after a collection.
    pub(crate) fn notify(&self) {
        if self.finalizers.lock().is_ready() {
            self.changed.notify_all();
        }
    }

    /// `array` is an array of key and value pairs, each value living as long as its key. Its vtable must say
    /// [`CUSTOM_SCAN`](isthmus_runtime_abi::layout::VtableFlags::CUSTOM_SCAN).
    pub(crate) fn register_ephemerons(&self, array: Ref) {
        self.ephemerons.lock().arrays.push(array.addr());
    }

    /// Sets the object (never moved, never freed) that takes the place of dead keys.
    pub(crate) fn set_tombstone(&self, tombstone: Ref) {
        self.ephemerons.lock().tombstone = tombstone.addr();
    }

    // ---- the collector's part

    /// Treats weak references after everything reachable was traced. Returns whether objects were reached anew: then
    /// the collector traces on from them and calls this again.
    pub(crate) fn process(&self, handles: &HandleTable, tracer: &mut dyn Tracer) -> bool {
        let mut step = self.step.lock();
        if self.trace_ephemerons(tracer) {
            return true;
        }
        if *step == Step::BeforeFinalizers {
            Self::clear_dead(handles, HandleKind::WeakShort, tracer);
            if self.queue_finalizers(handles, tracer) {
                *step = Step::AfterFinalizers;
                return true;
            }
        }
        Self::clear_dead(handles, HandleKind::WeakLong, tracer);
        self.drop_ephemerons(tracer);
        *step = Step::BeforeFinalizers;
        false
    }

    fn clear_dead(handles: &HandleTable, kind: HandleKind, tracer: &dyn Tracer) {
        handles.for_each(kind, |slot| {
            slot.store(tracer.survivor(slot.load(Relaxed)).unwrap_or(0), Relaxed);
        });
    }

    fn queue_finalizers(&self, handles: &HandleTable, tracer: &mut dyn Tracer) -> bool {
        let mut guard = self.finalizers.lock();
        let f = &mut *guard;
        f.settle();
        let mut retained = false;
        let mut survivors = if tracer.nursery_only() {
            // Old objects neither die nor move now.
            std::mem::take(&mut f.old)
        } else {
            Vec::new()
        };
        let mut candidates = std::mem::take(&mut f.old);
        candidates.append(&mut f.young);
        for object in candidates {
            if let Some(now) = tracer.survivor(object) {
                survivors.push(now);
                continue;
            }
            retained = true;
            let now = Ref::from_addr(tracer.retain(object));
            match handles.create(HandleKind::Strong, now) {
                Some(h) => f.push_ready(h, tracer.is_last(now.addr())),
                // No handle left: keep it for a later collection.
                None => survivors.push(now.addr()),
            }
        }
        f.old = survivors;
        retained
    }

    /// Reaches values whose keys are alive. Returns whether there was one not reached before.
    fn trace_ephemerons(&self, tracer: &mut dyn Tracer) -> bool {
        let e = self.ephemerons.lock();
        let mut reached = false;
        for &array in &e.arrays {
            let Some(array) = tracer.survivor(array) else {
                continue;
            };
            // SAFETY: the array is alive and the world stopped.
            unsafe {
                for_each_ephemeron(array, |key, value| {
                    if *key == 0 || *value == 0 {
                        return;
                    }
                    if tracer.survivor(*key).is_some() && tracer.survivor(*value).is_none() {
                        *value = tracer.retain(*value);
                        reached = true;
                    }
                });
            }
        }
        reached
    }

    /// Empties pairs with dead keys, updates the others, and forgets dead arrays.
    fn drop_ephemerons(&self, tracer: &dyn Tracer) {
        let mut guard = self.ephemerons.lock();
        let e = &mut *guard;
        let tombstone = e.tombstone;
        e.arrays.retain_mut(|array| {
            let Some(now) = tracer.survivor(*array) else {
                return false;
            };
            *array = now;
            // SAFETY: the array is alive and the world stopped.
            unsafe {
                for_each_ephemeron(now, |key, value| {
                    if *key == 0 {
                        return;
                    }
                    match tracer.survivor(*key) {
                        Some(k) => {
                            *key = k;
                            *value = tracer.survivor(*value).unwrap_or(0);
                        }
                        None => {
                            *key = tombstone;
                            *value = 0;
                        }
                    }
                });
            }
            true
        });
    }
}

/// # Safety
/// `array` is a live array of ephemerons, and nobody else uses it now.
unsafe fn for_each_ephemeron(array: usize, mut visit: impl FnMut(&mut usize, &mut usize)) {
    // SAFETY: as the caller says; elements are key and value.
    unsafe {
        let data = array + object::vtable(array).base_size.load(Relaxed);
        for i in 0..object::length(array) {
            let pair = (data + i * EPHEMERON) as *mut usize;
            visit(&mut *pair, &mut *pair.add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustc_hash::FxHashMap;

    /// A collection in which some objects are alive, all move by 1 MiB, and `refs` says what keeps what alive.
    #[derive(Default)]
    struct Fake {
        alive: FxHashSet<usize>,
        refs: FxHashMap<usize, Vec<usize>>,
        nursery: bool,
        last: FxHashSet<usize>,
    }

    const MOVE: usize = 1 << 20;

    impl Tracer for Fake {
        fn survivor(&self, object: usize) -> Option<usize> {
            if object >= MOVE {
                return Some(object);
            }
            self.alive.contains(&object).then_some(object + MOVE)
        }
        fn retain(&mut self, object: usize) -> usize {
            if self.alive.insert(object) {
                for r in self.refs.get(&object).cloned().unwrap_or_default() {
                    self.retain(r);
                }
            }
            object + MOVE
        }
        fn is_last(&self, object: usize) -> bool {
            self.last.contains(&(object - MOVE))
        }
        fn nursery_only(&self) -> bool {
            self.nursery
        }
    }

    fn collect(state: &WeakState, handles: &HandleTable, fake: &mut Fake) -> usize {
        let mut rounds = 0;
        while state.process(handles, fake) {
            rounds += 1;
            assert!(rounds < 100);
        }
        rounds
    }

    fn weak(handles: &HandleTable, kind: HandleKind, object: usize) -> super::super::Handle {
        handles.create(kind, Ref::from_addr(object)).unwrap()
    }

    #[test]
    fn weak_handles_follow_or_are_cleared() {
        let (state, handles) = (WeakState::new(), HandleTable::new());
        let kept = weak(&handles, HandleKind::WeakShort, 8);
        let lost = weak(&handles, HandleKind::WeakShort, 16);
        let lost_long = weak(&handles, HandleKind::WeakLong, 16);
        let mut fake = Fake::default();
        fake.alive.insert(8);
        assert_eq!(collect(&state, &handles, &mut fake), 0);
        assert_eq!(handles.get(kept).addr(), 8 + MOVE);
        assert!(handles.get(lost).is_null());
        assert!(handles.get(lost_long).is_null());
    }

    #[test]
    fn finalizers_resurrect_once() {
        let (state, handles) = (WeakState::new(), HandleTable::new());
        state.register(Ref::from_addr(8));
        state.register(Ref::from_addr(24));
        let short = weak(&handles, HandleKind::WeakShort, 8);
        let long = weak(&handles, HandleKind::WeakLong, 8);
        // 16 is reachable only from the dead 8.
        let long_child = weak(&handles, HandleKind::WeakLong, 16);
        let mut fake = Fake::default();
        fake.refs.insert(8, vec![16]);
        fake.alive.insert(24);
        assert_eq!(collect(&state, &handles, &mut fake), 1);
        assert!(handles.get(short).is_null());
        assert_eq!(handles.get(long).addr(), 8 + MOVE);
        assert_eq!(handles.get(long_child).addr(), 16 + MOVE);
        assert_eq!(state.take_ready(&handles).unwrap().addr(), 8 + MOVE);
        assert_eq!(state.take_ready(&handles), None);
        assert!(!state.wait_idle(Duration::from_millis(1)));
        state.finished();
        assert!(state.wait_idle(Duration::from_millis(1)));
        // 24 survived and is still registered, at its new place.
        assert_eq!(state.finalizers.lock().old, [24 + MOVE]);
    }

    #[test]
    fn some_finalizers_run_last() {
        let (state, handles) = (WeakState::new(), HandleTable::new());
        for o in [8, 16, 24] {
            state.register(Ref::from_addr(o));
        }
        let mut fake = Fake::default();
        fake.last.insert(8);
        collect(&state, &handles, &mut fake);
        let ready: Vec<usize> = std::iter::from_fn(|| state.take_ready(&handles))
            .map(Ref::addr)
            .collect();
        assert_eq!(ready, [16 + MOVE, 24 + MOVE, 8 + MOVE]);
    }

    #[test]
    fn suppressed_finalizers_do_not_run() {
        let (state, handles) = (WeakState::new(), HandleTable::new());
        for o in [8, 16, 24] {
            state.register(Ref::from_addr(o));
        }
        state.suppress(Ref::from_addr(8));
        state.suppress(Ref::from_addr(16));
        state.register(Ref::from_addr(16)); // changed its mind
        let mut fake = Fake::default();
        collect(&state, &handles, &mut fake);
        let ready: Vec<usize> = std::iter::from_fn(|| state.take_ready(&handles))
            .map(Ref::addr)
            .collect();
        assert_eq!(ready, [16 + MOVE, 24 + MOVE]);
    }

    #[test]
    fn what_is_registered_again_is_finalized_once() {
        let (state, handles) = (WeakState::new(), HandleTable::new());
        let object = Ref::from_addr;
        state.finalizers.lock().old.push(8);
        state.register(object(16));
        // 24 was finalized before, and 32 changes its mind thrice.
        for o in [8, 16, 24] {
            state.suppress(object(o));
            state.register(object(o));
        }
        state.register(object(32));
        for _ in 0..3 {
            state.suppress(object(32));
            state.register(object(32));
        }
        state.register(object(40));
        state.suppress(object(40));
        state.register(object(40));
        state.suppress(object(40));
        collect(&state, &handles, &mut Fake::default());
        let ready = std::iter::from_fn(|| state.take_ready(&handles));
        let mut ready: Vec<usize> = ready.map(|o| o.addr() - MOVE).collect();
        ready.sort_unstable();
        assert_eq!(ready, [8, 16, 24, 32]);
        assert!(state.finalizers.lock().suppressed.is_empty());
    }

    #[test]
    fn suppressing_takes_no_longer_the_more_objects_there_are() {
        // Each object looks at what was suppressed: a minute for so many, if that means all of it.
        let (state, handles) = (WeakState::new(), HandleTable::new());
        for o in (8..).step_by(8).take(500_000) {
            state.register(Ref::from_addr(o));
            state.suppress(Ref::from_addr(o));
        }
        for o in (8..).step_by(8).take(1000) {
            state.register(Ref::from_addr(o));
        }
        state.ready_all(&handles, &|_| false);
        let ready = std::iter::from_fn(|| state.take_ready(&handles));
        assert_eq!(ready.count(), 1000);
    }

    #[test]
    fn nursery_collections_leave_old_candidates_alone() {
        let (state, handles) = (WeakState::new(), HandleTable::new());
        state.finalizers.lock().old.push(8);
        state.register(Ref::from_addr(16));
        let mut fake = Fake {
            nursery: true,
            ..Fake::default()
        };
        collect(&state, &handles, &mut fake);
        assert_eq!(state.take_ready(&handles).unwrap().addr(), 16 + MOVE);
        assert_eq!(state.take_ready(&handles), None);
        assert_eq!(state.finalizers.lock().old, [8]);
        state.suppress(Ref::from_addr(8));
        collect(&state, &handles, &mut fake);
        assert!(state.finalizers.lock().old.is_empty());
    }

    #[test]
    fn everything_is_queued_at_the_end() {
        let (state, handles) = (WeakState::new(), HandleTable::new());
        for o in [8, 16] {
            state.register(Ref::from_addr(o));
        }
        for o in [32, 24] {
            state.register(Ref::from_addr(o));
        }
        state.suppress(Ref::from_addr(16));
        state.ready_all(&handles, &|o| o == 32);
        state.shut_down();
        assert!(state.wait_ready());
        for o in [8, 24, 32] {
            assert_eq!(state.take_ready(&handles).unwrap().addr(), o);
        }
        assert!(!state.wait_ready());
    }
}
