//! Stopping the world.
//!
//! ```text
//!  stopper                                    a running thread
//!  requested = 1                              ... polls, enters methods ...
//!  arm each thread: poll page unreadable,     poll faults (signal handler), or entry check fails (stub)
//!    StackLimit = all ones, Attention = 1       publish SP and registers; state = Parked; notify
//!  barrier on all threads
//!  wait until no thread is Running            wait until resumed
//!  ... scan stacks, move objects ...
//!  disarm; requested = 0; notify all          state = Running; go on
//! ```
//!
//! A thread in a blocking region counts as stopped; when it leaves the region it first becomes *Running* and then
//! looks at `requested` (sequentially consistent on both sides, like Dekker's algorithm): either the stopper
//! sees it running and waits, or it sees the request and parks, having touched nothing. Stubs of foreign functions do the same without
//! a barrier of their own, by the thread's `Attention` (`crate::barrier`).

use crate::barrier;
use crate::thread::{State, Thread};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::sync::atomic::{AtomicBool, Ordering};

/// The threads of a runtime, and the protocol to stop them.
#[derive(Debug, Default)]
pub struct Safepoints {
    list: Mutex<List>,
    /// Signalled when a thread has stopped running.
    stopped: Condvar,
    /// Signalled when the world goes on.
    resumed: Condvar,
    requested: AtomicBool,
}

#[derive(Debug, Default)]
struct List {
    threads: Vec<*const Thread>,
    /// A stopper is at work.
    stopping: bool,
}

// SAFETY: threads are `Sync`, and are freed only after they were taken from the list under its lock.
unsafe impl Send for List {}

impl Safepoints {
    /// Whether the world is stopped or about to be.
    #[inline]
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst)
    }

    /// Adds the calling thread, after a stop that may be under way.
    pub(crate) fn add(&self, thread: &Thread) {
        let mut list = self.list.lock();
        while list.stopping {
            self.resumed.wait(&mut list);
        }
        list.threads.push(thread);
    }

    /// Removes the calling thread.
    pub(crate) fn remove(&self, thread: &Thread) {
        thread.publish();
        let mut list = self.list.lock();
        thread.set_state(State::Blocked);
        self.stopped.notify_all();
        while list.stopping {
            self.resumed.wait(&mut list);
        }
        list.threads.retain(|&t| !std::ptr::eq(t, thread));
    }

    /// Tells a stopper that a thread has stopped running.
    #[inline]
    pub(crate) fn notify_if_requested(&self) {
        if self.is_requested() {
            // The lock orders this after the stopper's look at the states.
            drop(self.list.lock());
            self.stopped.notify_all();
        }
    }

    /// Changes the calling thread's stack limit, which a stopper may be changing too.
    pub(crate) fn set_limit(&self, thread: &Thread, limit: usize) {
        let list = self.list.lock();
        thread.set_stack_limit(limit, list.stopping);
    }

    /// Stops the calling thread while the world is stopped, if it is.
    #[inline(never)]
    pub fn park(&self, thread: &Thread) {
        thread.publish();
        self.park_published(thread);
    }

    /// As [`Self::park`], with the registers published by the caller.
    pub(crate) fn park_published(&self, thread: &Thread) {
        let mut list = self.list.lock();
        if !list.stopping {
            return;
        }
        thread.set_state(State::Parked);
        self.stopped.notify_all();
        while list.stopping {
            self.resumed.wait(&mut list);
        }
        thread.set_state(State::Running);
    }

    /// Stops all other threads. Returns when none of them touches the heap, and keeps it so until [`Self::resume`].
    /// A caller that is attached is not waited for; its stack pointer is published.
    #[inline(never)]
    pub fn stop(&self) {
        let me = Thread::current();
        if let Some(me) = me {
            me.publish();
        }
        let mut list = self.list.lock();
        self.wait_for_turn(&mut list, me);
        list.stopping = true;
        self.requested.store(true, Ordering::SeqCst);
        let is_me = |t: *const Thread| me.is_some_and(|m| std::ptr::eq(m, t));
        for &thread in list.threads.iter().filter(|&&t| !is_me(t)) {
            // SAFETY: listed threads are alive while the list is locked.
            unsafe { &*thread }.arm(true);
        }
        barrier::all_threads();
        loop {
            // SAFETY: as above.
            let running =
                |&t: &*const Thread| unsafe { &*t }.state() == State::Running && !is_me(t);
            if !list.threads.iter().any(running) {
                return;
            }
            self.stopped.wait(&mut list);
        }
    }

    /// Waits until no other stopper is at work; meanwhile the caller counts as parked.
    fn wait_for_turn(&self, list: &mut MutexGuard<'_, List>, me: Option<&Thread>) {
        let state = me.map(Thread::state);
        while list.stopping {
            if let Some(me) = me {
                me.set_state(State::Parked);
                self.stopped.notify_all();
            }
            self.resumed.wait(list);
            if let (Some(me), Some(state)) = (me, state) {
                me.set_state(state);
            }
        }
    }

    /// Lets all threads go on.
    pub fn resume(&self) {
        let mut list = self.list.lock();
        debug_assert!(list.stopping, "the world is not stopped");
        list.stopping = false;
        self.requested.store(false, Ordering::SeqCst);
        for &thread in &list.threads {
            // SAFETY: listed threads are alive while the list is locked.
            unsafe { &*thread }.arm(false);
        }
        self.resumed.notify_all();
    }

    /// Calls `f` for each attached thread. To be used while the world is stopped, or for what threads share.
    pub fn for_each_thread(&self, f: &mut dyn FnMut(&Thread)) {
        let list = self.list.lock();
        for &thread in &list.threads {
            // SAFETY: listed threads are alive while the list is locked.
            f(unsafe { &*thread });
        }
    }
}
