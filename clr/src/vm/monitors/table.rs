//! Where monitors are: numbered, found without a lock, used again when their object is gone.
//!
//! ```text
//!  object ──lock word: number──▶ monitor ─┐
//!    ▲                                    │ same number
//!    └────────── weak handle ◀────────────┘
//! ```
//!
//! The handle follows its object through finalization, since finalizers may lock. When it is empty no thread can come to the monitor by
//! the object any more; only threads that block in it may still have it, and those are counted. Who is not blocking has a live object, and no
//! collection comes between reading its lock word and the end of what is done with the monitor.

use crate::types::arena::Arena;
use crate::vm::heap;
use isthmus_rt::gc::{Handle, HandleKind};
use isthmus_rt::object::Ref;
use isthmus_rt::transition::blocking;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

/// Somebody who waits to be pulsed.
#[derive(Default)]
pub(super) struct Waiter {
    pub pulsed: AtomicBool,
}

/// Who has the lock, and who waits.
#[derive(Default)]
pub(super) struct State {
    /// Thread number; 0: free.
    pub owner: u64,
    pub depth: u32,
    pub waiting: VecDeque<Arc<Waiter>>,
}

#[derive(Default)]
pub(super) struct Monitor {
    pub state: Mutex<State>,
    /// The lock may be free, or somebody was pulsed.
    pub changed: Condvar,
    pub hash: AtomicU32,
    /// Threads in [`Self::block`].
    blocked: AtomicU32,
}

impl Monitor {
    /// Does what may block, in a blocking region. The object need not outlive it.
    pub(super) fn block<R>(&self, wait: impl FnOnce() -> R) -> R {
        self.blocked.fetch_add(1, Ordering::Relaxed);
        let result = blocking(wait);
        self.blocked.fetch_sub(1, Ordering::Release);
        result
    }
}

static MONITORS: LazyLock<Arena<Monitor>> = LazyLock::new(Arena::default);
static NUMBERS: Mutex<Numbers> = Mutex::new(Numbers::new());

/// The monitor with a number from a lock word.
pub(super) fn get(number: u32) -> &'static Monitor {
    MONITORS.get(number as usize)
}

/// Gives an object a monitor in this state; `install` stores the number in its lock word, or finds that this has changed.
pub(super) fn make(
    object: Ref,
    state: State,
    hash: u32,
    install: impl FnOnce(u32) -> bool,
) -> Option<&'static Monitor> {
    let heap = heap::heap();
    let mut numbers = NUMBERS.lock();
    let number = numbers.take(heap.stats().collections(), |number, handle| {
        let gone = heap.handle_target(handle).is_null()
            && get(number).blocked.load(Ordering::Acquire) == 0;
        if gone {
            heap.free_handle(handle);
        }
        gone
    });
    if number as usize == MONITORS.len() {
        MONITORS.push(|_| Box::leak(Box::default()));
    }
    let monitor = get(number);
    *monitor.state.lock() = state;
    monitor.hash.store(hash, Ordering::Relaxed);
    if !install(number) {
        numbers.free.push(number);
        return None;
    }
    // Without a handle it belongs to its object for good.
    numbers.objects[number as usize] = heap.new_handle(HandleKind::WeakLong, object);
    heap.add_pressure(size_of::<Monitor>() as i64);
    Some(monitor)
}

/// Which numbers are taken.
struct Numbers {
    /// By number: the object.
    objects: Vec<Option<Handle>>,
    free: Vec<u32>,
    /// Collections when objects that are gone were last looked for.
    looked_after: u64,
}

impl Numbers {
    const fn new() -> Numbers {
        Numbers {
            objects: Vec::new(),
            free: Vec::new(),
            looked_after: 0,
        }
    }

    /// A number that nobody has. Objects go in collections, which look at each handle, so looking here once for each is no more work.
    fn take(&mut self, collections: u64, mut is_gone: impl FnMut(u32, Handle) -> bool) -> u32 {
        if self.free.is_empty() && self.looked_after != collections {
            self.looked_after = collections;
            for (number, object) in (0u32..).zip(&mut self.objects) {
                if object.is_some_and(|handle| is_gone(number, handle)) {
                    *object = None;
                    self.free.push(number);
                }
            }
        }
        self.free.pop().unwrap_or_else(|| {
            self.objects.push(None);
            (self.objects.len() - 1) as u32
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_objects_that_are_gone_are_used_again() {
        let mut numbers = Numbers::new();
        let stays = Handle::from_raw(10 << 2);
        // A collection after every 100; one object in ten thousand stays.
        for n in 0..100_000u32 {
            let number = numbers.take(u64::from(n / 100), |_, handle| Some(handle) != stays);
            numbers.objects[number as usize] = match n % 10_000 {
                0 => stays,
                _ => Handle::from_raw(1 << 2),
            };
        }
        assert!(numbers.objects.len() <= 110, "{}", numbers.objects.len());
        assert_eq!(numbers.objects.iter().filter(|&&o| o == stays).count(), 10);
    }

    #[test]
    fn each_collection_is_followed_by_one_look() {
        let (mut numbers, mut asked) = (Numbers::new(), 0);
        for _ in 0..1000 {
            let number = numbers.take(1, |_, _| {
                asked += 1;
                false
            });
            numbers.objects[number as usize] = Handle::from_raw(1 << 2);
        }
        assert_eq!((numbers.objects.len(), asked), (1000, 0));
        numbers.take(2, |_, _| {
            asked += 1;
            false
        });
        assert_eq!(asked, 1000);
    }
}
