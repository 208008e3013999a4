//! Class initialization: each class constructor runs once, on one thread.
//!
//! Compiled code tests the state byte and calls the `ClassInit` helper while it is not `CLASS_READY`; the VM's answer
//! ([`Vm::class_init`](crate::vm::Vm::class_init)) is [`ClassState::ensure`] with what runs the constructor.
//!
//! ```text
//!   Idle ──first use──▶ Running(thread) ──▶ Ready            the byte says so; nobody asks again
//!                                      └──▶ Failed(handle)   every use throws the same exception
//! ```
//!
//! The thread that runs the constructor sees the class as initialized. Others wait for it, unless waiting would close a circle of
//! threads that wait for each other's constructors: then they see the class half initialized (ECMA-335 II.10.5.3.3). Locks are
//! held for moments only, and waiting happens in a blocking region, so that no collection waits for a constructor.

use crate::gc::{Handle, HandleKind};
use crate::object::Thrown;
use crate::thread::Thread;
use crate::transition::blocking;
use isthmus_runtime_abi::layout::CLASS_READY;
use parking_lot::{Condvar, Mutex};
use rustc_hash::FxHashMap;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{Acquire, Release};

/// State of one class. Its address is that of the state byte.
#[derive(Debug, Default)]
#[repr(C)]
pub struct ClassState {
    byte: AtomicU8,
    progress: Mutex<Progress>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Progress {
    #[default]
    Idle,
    /// The constructor runs on the thread with this context.
    Running(usize),
    Failed(Handle),
}

/// What to do about a class.
enum Todo {
    Nothing,
    Run,
    Throw(Handle),
    WaitFor(usize),
}

/// Which thread waits for which. One for the process: circles may cross classes.
static WAITING: Mutex<Option<FxHashMap<usize, usize>>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

impl ClassState {
    /// A class that is not initialized.
    pub const fn new() -> ClassState {
        ClassState {
            byte: AtomicU8::new(0),
            progress: Mutex::new(Progress::Idle),
        }
    }

    /// Address of the state byte that compiled code reads (`Symbol::InitState`, `VtableHeader::init_state`).
    pub fn address(&self) -> usize {
        std::ptr::from_ref(&self.byte) as usize
    }

    /// Whether the class needs no initialization any more.
    #[inline]
    pub fn is_ready(&self) -> bool {
        self.byte.load(Acquire) == CLASS_READY
    }

    /// The class needs no initialization: it has no constructor.
    pub fn set_ready(&self) {
        self.byte.store(CLASS_READY, Release);
    }

    /// Sees to it that the class is initialized, or is being so by this thread. `construct` runs its constructor; what it throws,
    /// every use throws from then on.
    pub fn ensure(
        &self,
        thread: &Thread,
        construct: impl FnOnce() -> Result<(), Thrown>,
    ) -> Result<(), Thrown> {
        let me = thread.context() as usize;
        loop {
            match self.claim(me) {
                Todo::Nothing => return Ok(()),
                Todo::Throw(failure) => {
                    let exception = thread.runtime().heap().handle_target(failure);
                    return Err(Thrown::new(exception));
                }
                Todo::WaitFor(other) if !self.wait(me, other) => return Ok(()),
                Todo::WaitFor(_) => {}
                Todo::Run => break,
            }
        }
        let result = construct();
        let heap = thread.runtime().heap();
        let failure = |thrown: &Thrown| heap.new_handle(HandleKind::Strong, thrown.exception);
        let progress = match result.as_ref().err().and_then(failure) {
            Some(handle) => Progress::Failed(handle),
            None => Progress::Idle,
        };
        if result.is_ok() {
            self.set_ready();
        }
        *self.progress.lock() = progress;
        // Whoever waits looks at the state under this lock before it sleeps.
        let _waiting = WAITING.lock();
        CHANGED.notify_all();
        result
    }

    fn claim(&self, me: usize) -> Todo {
        let mut progress = self.progress.lock();
        if self.is_ready() {
            return Todo::Nothing;
        }
        match *progress {
            Progress::Idle => {
                *progress = Progress::Running(me);
                Todo::Run
            }
            Progress::Running(by) if by == me => Todo::Nothing,
            Progress::Running(by) => Todo::WaitFor(by),
            Progress::Failed(handle) => Todo::Throw(handle),
        }
    }

    /// Waits until the constructor has ended. False: the thread that runs it waits for this one, directly or through others.
    fn wait(&self, me: usize, other: usize) -> bool {
        blocking(|| {
            let mut waiting = WAITING.lock();
            let mut next = other;
            while let Some(&further) = waiting.get_or_insert_default().get(&next) {
                if further == me {
                    return false;
                }
                next = further;
            }
            waiting.get_or_insert_default().insert(me, other);
            while matches!(*self.progress.lock(), Progress::Running(_)) {
                CHANGED.wait(&mut waiting);
            }
            waiting.get_or_insert_default().remove(&me);
            true
        })
    }
}
