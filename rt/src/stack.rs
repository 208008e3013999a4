//! A second, larger stack for deep runtime work (compiling) that a program deep in recursion asks for.
//!
//! ```text
//!  thread's stack                                second stack
//!   | managed frames ... |                        | compiler's frames        |
//!   | stub, runtime code |  ── switched here ──▶  | perhaps managed frames   |
//!   | SP at the switch   |  (suspended)           | SP                       |
//! ```
//!
//! The collector scans the suspended part too. Walks do not notice: they follow frame pointers and transitions. While the
//! thread is on the second stack, its stack limit is that stack's.

use crate::arch;
use crate::memory::Mapping;
use crate::thread::{RESERVE, Thread};
use std::cell::{Cell, OnceCell};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Bytes of the second stack; committed as it is used.
const SIZE: usize = 8 << 20;
/// Work is done in place while this much of a stack is left.
const ENOUGH: usize = 1 << 20;
/// How near the limit exceptions get a part of the reserve.
const NEAR: usize = 64 << 10;
/// That part. The rest is for runtime code that managed code calls meanwhile.
const OPENED: usize = RESERVE / 2;
/// Zeroes left at the top: a backtrace that does not know of the switch finds a return address of 0 there, and ends.
const TOP: usize = 4096;

/// The second stack of a thread, and the part of its first one that waits for it.
#[derive(Debug, Default)]
pub(crate) struct SecondStack {
    memory: OnceCell<Mapping>,
    suspended: Option<Range<usize>>,
    /// Part of the reserve below the stack limit is open to managed code.
    reserve_open: Cell<bool>,
}

impl SecondStack {
    /// The parts of stacks that may hold references, for a thread whose stack pointer is `sp`.
    pub(crate) fn ranges(&self, sp: usize, first: &Range<usize>, f: &mut dyn FnMut(Range<usize>)) {
        match (&self.suspended, self.memory.get()) {
            (Some(suspended), Some(memory)) => {
                f(sp..memory.range().end);
                f(suspended.clone());
            }
            _ => f(sp..first.end),
        }
    }
}

impl Thread {
    /// Orders frames from inner to outer. Stacks grow downwards, and the second stack is used from the first.
    pub(crate) fn outwardness(&self, fp: usize) -> (bool, usize) {
        (self.stack().contains(&fp), fp)
    }

    /// Runs `work`, which may run managed code on behalf of an exception (its constructor, filters), perhaps because
    /// the stack is full: part of the reserve is open to managed code meanwhile.
    pub(crate) fn with_reserve<R>(&self, work: impl FnOnce() -> R) -> R {
        let limit = self.stack_limit();
        // SAFETY: own thread; the borrow ends with the expression, here and below.
        let open = unsafe { &(*self.second_stack.get()).reserve_open };
        if arch::stack_pointer() > limit + NEAR || open.replace(true) {
            return work();
        }
        self.runtime().safepoints().set_limit(self, limit - OPENED);
        let result = work();
        self.runtime().safepoints().set_limit(self, limit);
        // SAFETY: as above.
        unsafe { &(*self.second_stack.get()).reserve_open }.set(false);
        result
    }

    /// Runs `work`, which may need a deep stack: on the second one if little is left of the first. References in
    /// locals are as safe as ever.
    pub fn with_deep_stack<R>(&self, work: impl FnOnce() -> R) -> R {
        let sp = arch::stack_pointer();
        let on_first = self.stack().contains(&sp);
        if !on_first || sp - self.stack().start >= ENOUGH + RESERVE {
            return work();
        }
        // SAFETY: own thread; nobody else looks at it while this thread runs.
        let second = unsafe { &mut *self.second_stack.get() };
        if second.memory.get().is_none() {
            let guarded = |m: Mapping| m.guard_lowest_page().map(|()| m);
            match Mapping::new(SIZE).and_then(guarded) {
                Ok(memory) => drop(second.memory.set(memory)),
                // No memory for it: the first stack has to do.
                Err(_) => return work(),
            }
        }
        let Some(memory) = second.memory.get() else {
            return work();
        };
        let (limit, top) = (memory.addr() + RESERVE, memory.range().end - TOP);

        let mut result = None;
        let mut work = Some(work);
        let mut run = || {
            result = work.take().map(|work| catch_unwind(AssertUnwindSafe(work)));
        };
        let outer_limit = self.stack_limit();
        self.runtime().safepoints().set_limit(self, limit);
        // SAFETY: the top of unused memory, aligned to pages; `run` does not unwind. The suspended part is noted before
        // the switch, by the function that makes it.
        unsafe {
            arch::on_stack(top, &mut run, &mut |sp| {
                let second = &mut *self.second_stack.get();
                second.suspended = Some(sp..self.stack().end);
            });
            (*self.second_stack.get()).suspended = None;
        }
        self.runtime().safepoints().set_limit(self, outer_limit);
        match result {
            Some(Ok(result)) => result,
            Some(Err(panic)) => resume_unwind(panic),
            None => crate::internal_error("work on the second stack was not done"),
        }
    }
}
