//! Threads that run managed code.
//!
//! A [`Thread`] begins with the [`ThreadContext`] that compiled code sees, so that the thread register is the
//! address of both. It belongs to one operating-system thread from [`Runtime::attach`] until the returned [`Attachment`]
//! is dropped.
//!
//! ```text
//!  stack base (highest address)
//!    | frames ...
//!    | SP when parked          -> scanned by the collector from here up
//!    v
//!  StackLimit                  entry checks throw StackOverflowException at or below it
//!    | RESERVE                 left for runtime code
//!  lowest address of the stack
//! ```
//!
//! **States.** *Running* threads may touch the heap. *Blocked* ones do not (see [`crate::transition`]); *parked* ones wait
//! for a safepoint to end. A thread that is not running has published its stack pointer and its registers; one in a *foreign* function,
//! called by a stub, has them in the stub's frame.
//!
//! **Ownership.** The state word, the context's `stack_limit` and `attention` and the poll page are shared with [`crate::safepoint`]; all other
//! fields belong to the thread itself, and to whoever stopped it.

use crate::arch;
use crate::barrier;
use crate::exception::InFlight;
use crate::gc::lockword::owner_word;
use crate::local_memory::LocalMemory;
use crate::memory::{Mapping, page_size};
use crate::runtime::Runtime;
use crate::stack::SecondStack;
use crate::walk::SiteCache;
use isthmus_runtime_abi::context::{FOREIGN, RUNNING, STATIC_BLOCKS, ThreadContext};
use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering, compiler_fence};
use thiserror::Error;

/// Bytes of stack below the limit that are left for runtime code.
pub const RESERVE: usize = 256 << 10;
/// Bytes of stack that a thread uses at most, where its size is not limited.
const LARGEST_STACK: usize = 256 << 20;
/// Bytes of the stack on which signals are handled (a parked thread waits on it).
const SIGNAL_STACK: usize = 128 << 10;

thread_local! {
    static CURRENT: Cell<*const Thread> = const { Cell::new(ptr::null()) };
}

/// A number of the calling thread, never reused.
pub fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static ME: u64 = NEXT.fetch_add(1, Ordering::Relaxed));
    ME.with(|n| *n)
}

/// What a thread may be doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum State {
    /// Managed code, or runtime code that may touch the heap.
    Running,
    /// Runtime or foreign code that does not touch the heap.
    Blocked,
    /// Waits for a safepoint to end.
    Parked,
    /// Foreign code that a stub called: as blocked, but the registers are in the stub's frame.
    Foreign = FOREIGN as u32,
}

const _: () = assert!(State::Running as usize == RUNNING);

/// Where a thread stands that is not running: its stack is scanned from here on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published {
    state: State,
    sp: usize,
    registers: [usize; arch::SAVED_WORDS],
}

/// A thread that runs managed code.
#[repr(C)]
#[derive(Debug)]
pub struct Thread {
    /// What compiled code sees; must be first.
    pub ctx: ThreadContext,
    runtime: &'static Runtime,
    /// Registers published with the context's `parked_sp`.
    parked_registers: UnsafeCell<[usize; arch::SAVED_WORDS]>,
    stack: Range<usize>,
    /// What `ctx.stack_limit` is while no safepoint is requested.
    limit: AtomicUsize,
    poll: Mapping,
    /// What `ctx.thread_statics` points to.
    static_blocks: Mapping,
    /// Error number that the last foreign function left whose caller wants to see it.
    last_error: AtomicI32,
    _signal_stack: SignalStack,
    pub(crate) in_flight: UnsafeCell<InFlight>,
    pub(crate) sites: UnsafeCell<SiteCache>,
    pub(crate) second_stack: UnsafeCell<SecondStack>,
    pub(crate) local_memory: UnsafeCell<LocalMemory>,
}

// SAFETY: see "Ownership": shared fields are atomics; the others are touched by the owner, or by others while the
// owner is parked.
unsafe impl Sync for Thread {}
// SAFETY: as above.
unsafe impl Send for Thread {}

/// Why a thread cannot be attached.
#[derive(Debug, Error)]
pub enum AttachError {
    /// It is attached to another runtime.
    #[error("this thread already belongs to another runtime")]
    OtherRuntime,
    /// Its stack is too small to be of use.
    #[error("a stack of {0} bytes is too small: {min} are needed", min = 2 * RESERVE)]
    SmallStack(usize),
    /// The operating system refused something.
    #[error("cannot set up a thread: {0}")]
    System(#[from] std::io::Error),
}

impl Thread {
    /// The calling thread, if it is attached.
    #[inline]
    pub fn current() -> Option<&'static Thread> {
        // SAFETY: the pointer is set while the thread is attached, and cleared before it is freed. The lifetime is
        // that of the attachment, which callers of runtime code are within.
        unsafe { CURRENT.get().as_ref() }
    }

    /// The thread whose context this is.
    ///
    /// # Safety
    /// `ctx` must be the context of an attached thread, as compiled code passes it.
    #[inline]
    pub unsafe fn from_context<'a>(ctx: *const ThreadContext) -> &'a Thread {
        // SAFETY: the context is the first field of a `repr(C)` struct, and every context is part of a thread.
        unsafe { &*ctx.cast() }
    }

    /// The runtime that this thread belongs to.
    #[inline]
    pub fn runtime(&self) -> &'static Runtime {
        self.runtime
    }

    /// Address for the thread register.
    #[inline]
    pub fn context(&self) -> *mut ThreadContext {
        (&raw const self.ctx).cast_mut()
    }

    /// Addresses of the stack.
    pub fn stack(&self) -> Range<usize> {
        self.stack.clone()
    }

    /// The lowest stack pointer with which managed code may begin a method.
    pub fn stack_limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Changes the stack limit. Called on the thread, with the list of threads locked; `armed` if a safepoint is requested.
    pub(crate) fn set_stack_limit(&self, limit: usize, armed: bool) {
        self.limit.store(limit, Ordering::Relaxed);
        if !armed {
            self.ctx.stack_limit.store(limit, Ordering::SeqCst);
        }
    }

    /// Error number of the last foreign function whose caller wants to see it (`Marshal.GetLastWin32Error` of a CLR).
    pub fn last_error(&self) -> i32 {
        self.last_error.load(Ordering::Relaxed)
    }

    /// Sets what [`Self::last_error`] gives.
    pub fn set_last_error(&self, error: i32) {
        self.last_error.store(error, Ordering::Relaxed);
    }

    /// The thread's block of thread statics with this number, or 0. Number 0 is nobody's, and those from [`STATIC_BLOCKS`] on have no word
    /// in the table.
    pub fn static_block(&self, number: usize) -> Option<&AtomicUsize> {
        let table = self.static_blocks.addr() as *const AtomicUsize;
        // SAFETY: a word of the table, which lives as long as the thread and whose words are only ever atomic.
        (1..STATIC_BLOCKS)
            .contains(&number)
            .then(|| unsafe { &*table.add(number) })
    }

    /// Address of the poll page.
    pub(crate) fn poll_page(&self) -> usize {
        self.poll.addr()
    }

    /// What the thread may be doing.
    pub fn state(&self) -> State {
        match self.ctx.state.load(Ordering::SeqCst) {
            RUNNING => State::Running,
            1 => State::Blocked,
            FOREIGN => State::Foreign,
            _ => State::Parked,
        }
    }

    pub(crate) fn set_state(&self, state: State) {
        self.ctx.state.store(state as usize, Ordering::SeqCst);
    }

    /// Makes polls and entry checks of this thread fail, or succeed again. Called with the list of threads locked.
    pub(crate) fn arm(&self, armed: bool) {
        self.poll.set_readable(!armed);
        let limit = if armed {
            usize::MAX
        } else {
            self.stack_limit()
        };
        self.ctx.stack_limit.store(limit, Ordering::SeqCst);
        let attention = armed || !barrier::available();
        self.ctx
            .attention
            .store(usize::from(attention), Ordering::SeqCst);
    }

    /// Publishes the calling thread's stack pointer and callee-saved registers.
    #[inline(always)]
    pub(crate) fn publish(&self) {
        // SAFETY: the owner writes while it is running, when nobody else reads.
        let registers = unsafe { &mut *self.parked_registers.get() };
        let sp = arch::spill(registers);
        self.ctx.parked_sp.store(sp, Ordering::SeqCst);
    }

    /// Publishes the registers of interrupted code, within a signal handler.
    pub(crate) fn publish_context(&self, context: &arch::Context<'_>) {
        // SAFETY: as in `publish`.
        context.copy_registers(unsafe { &mut *self.parked_registers.get() });
        self.ctx.parked_sp.store(context.sp(), Ordering::SeqCst);
    }

    /// Enters a blocking region, unless the thread is in one.
    #[inline(never)]
    pub(crate) fn enter_blocked(&self) -> bool {
        if self.state() != State::Running {
            return false;
        }
        self.publish();
        self.set_state(State::Blocked);
        self.runtime.safepoints().notify_if_requested();
        true
    }

    /// A stub enters a blocking region, having saved the registers and published its stack pointer.
    pub(crate) fn enter_foreign(&self) {
        self.set_state(State::Foreign);
        self.runtime.safepoints().notify_if_requested();
    }

    /// Leaves a blocking region; waits if the world is stopped or about to be. What was published on entering stays so
    /// meanwhile: a collector may be reading it, and it covers all callers' frames.
    #[inline]
    pub(crate) fn leave_blocked(&self) {
        if !self.change_state(State::Running) {
            return;
        }
        self.set_state(State::Running);
        if self.runtime.safepoints().is_requested() {
            self.runtime.safepoints().park_published(self);
        }
    }

    /// Tells what the thread is doing, without a barrier of its own, as stubs do ([`crate::barrier`]). Whether somebody may want it to
    /// stop: then it has to be told again.
    #[inline]
    fn change_state(&self, state: State) -> bool {
        self.ctx.state.store(state as usize, Ordering::Release);
        compiler_fence(Ordering::SeqCst);
        // A stop by this thread itself, for another to end, arms the others only.
        self.ctx.attention.load(Ordering::Relaxed) != 0 || self.runtime.safepoints().is_requested()
    }

    /// Leaves a blocking region for a while; the result leads back.
    pub(crate) fn leave_blocked_for_a_while(&self) -> Published {
        let published = Published {
            state: self.state(),
            sp: self.ctx.parked_sp.load(Ordering::SeqCst),
            // SAFETY: only the owner writes them, and it is here.
            registers: unsafe { *self.parked_registers.get() },
        };
        self.leave_blocked();
        published
    }

    /// Enters a blocking region again, as it was: the frame that entered it first may hold references in registers of which
    /// nothing but `published` tells, once the frames between are gone.
    pub(crate) fn enter_blocked_again(&self, published: Published) {
        // SAFETY: the owner writes while it is running, when nobody else reads.
        unsafe { *self.parked_registers.get() = published.registers };
        self.ctx.parked_sp.store(published.sp, Ordering::Relaxed);
        if self.change_state(published.state) {
            self.set_state(published.state);
            self.runtime.safepoints().notify_if_requested();
        }
    }

    /// Calls `f` with every range of words `[start, end)` that may hold references: the stack from the published
    /// stack pointer, memory of `localloc` beside it, the published registers, the context, and exceptions in flight. To be scanned conservatively.
    ///
    /// # Safety
    /// The thread must not be running.
    pub unsafe fn for_each_root_range(&self, f: &mut dyn FnMut(Range<usize>)) {
        let word = size_of::<usize>();
        let sp = self.ctx.parked_sp.load(Ordering::SeqCst);
        // SAFETY: the owner is stopped, so nothing changes its stacks.
        unsafe { &*self.second_stack.get() }.ranges(sp & !(word - 1), &self.stack, f);
        // SAFETY: as above.
        unsafe { &*self.local_memory.get() }.ranges(self.outwardness(sp), f);
        if self.state() != State::Foreign {
            let registers = self.parked_registers.get() as usize;
            f(registers..registers + arch::SAVED_WORDS * word);
        }
        let ctx = self.context() as usize;
        f(ctx..ctx + size_of::<ThreadContext>());
        // SAFETY: the owner is stopped, so nothing changes the records.
        f(unsafe { &*self.in_flight.get() }.words());
    }
}

/// An attached thread; detaches when dropped.
#[derive(Debug)]
pub struct Attachment {
    thread: *const Thread,
    /// Whether this attachment made the thread (a nested one does not).
    owner: bool,
}

impl Deref for Attachment {
    type Target = Thread;
    fn deref(&self) -> &Thread {
        // SAFETY: the thread is freed by the owning attachment's drop only; nested ones lie within it.
        unsafe { &*self.thread }
    }
}

impl Runtime {
    /// Makes the calling operating-system thread one that may run managed code. Attaching again gives the same thread.
    pub fn attach(&'static self) -> Result<Attachment, AttachError> {
        if let Some(thread) = Thread::current() {
            return match ptr::eq(thread.runtime, self) {
                true => Ok(Attachment {
                    thread,
                    owner: false,
                }),
                false => Err(AttachError::OtherRuntime),
            };
        }
        let stack = stack_bounds()?;
        if stack.len() < 2 * RESERVE {
            return Err(AttachError::SmallStack(stack.len()));
        }
        let poll = Mapping::new(page_size())?;
        let static_blocks = Mapping::new(STATIC_BLOCKS * size_of::<usize>())?;
        let limit = (stack.start + RESERVE).max(stack.end.saturating_sub(LARGEST_STACK));
        let thread = Box::new(Thread {
            ctx: ThreadContext {
                stack_limit: limit.into(),
                poll_page: poll.addr().into(),
                state: RUNNING.into(),
                lock_owner: (owner_word(number()) as usize).into(),
                parked_sp: stack.end.into(),
                attention: usize::from(!barrier::available()).into(),
                thread_statics: static_blocks.addr().into(),
                ..ThreadContext::default()
            },
            runtime: self,
            parked_registers: UnsafeCell::default(),
            stack,
            limit: limit.into(),
            poll,
            static_blocks,
            last_error: AtomicI32::new(0),
            _signal_stack: SignalStack::install()?,
            in_flight: UnsafeCell::default(),
            sites: UnsafeCell::default(),
            second_stack: UnsafeCell::default(),
            local_memory: UnsafeCell::default(),
        });
        let thread = Box::into_raw(thread);
        CURRENT.set(thread);
        // SAFETY: just made; freed only by the attachment.
        let shared = unsafe { &*thread };
        self.safepoints().add(shared);
        self.heap_bind(shared);
        Ok(Attachment {
            thread,
            owner: true,
        })
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if !self.owner {
            return;
        }
        self.runtime.vm().thread_ends(self);
        self.runtime.heap_unbind(self);
        self.runtime.safepoints().remove(self);
        CURRENT.set(ptr::null());
        // SAFETY: made by `Box::into_raw` in `attach`; no longer listed, so nobody else knows it.
        drop(unsafe { Box::from_raw(self.thread.cast_mut()) });
    }
}

/// The calling thread's stack.
fn stack_bounds() -> std::io::Result<Range<usize>> {
    let mut base = ptr::null_mut();
    let mut size = 0;
    // SAFETY: plain queries into local variables; the attributes are destroyed after use.
    let error = unsafe {
        let mut attr = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
        let mut error = libc::pthread_getattr_np(libc::pthread_self(), attr.as_mut_ptr());
        if error == 0 {
            error = libc::pthread_attr_getstack(attr.as_ptr(), &mut base, &mut size);
            libc::pthread_attr_destroy(attr.as_mut_ptr());
        }
        error
    };
    match error {
        0 => Ok(base as usize..base as usize + size),
        code => Err(std::io::Error::from_raw_os_error(code)),
    }
}

/// A stack for signal handlers; the thread's previous one comes back when it is dropped.
#[derive(Debug)]
struct SignalStack {
    // Unmapped after `drop` has switched away from it.
    _memory: Mapping,
    previous: (usize, usize, i32),
    not_send: PhantomData<*mut ()>,
}

impl SignalStack {
    fn install() -> std::io::Result<SignalStack> {
        let memory = Mapping::new(SIGNAL_STACK)?;
        let new = libc::stack_t {
            ss_sp: memory.addr() as *mut libc::c_void,
            ss_flags: 0,
            ss_size: memory.len(),
        };
        let previous = Self::switch(new)?;
        Ok(SignalStack {
            _memory: memory,
            previous: (previous.ss_sp as usize, previous.ss_size, previous.ss_flags),
            not_send: PhantomData,
        })
    }

    fn switch(new: libc::stack_t) -> std::io::Result<libc::stack_t> {
        let mut old = libc::stack_t {
            ss_sp: ptr::null_mut(),
            ss_flags: libc::SS_DISABLE,
            ss_size: 0,
        };
        // SAFETY: `new` describes memory that stays mapped while it is installed.
        match unsafe { libc::sigaltstack(&new, &mut old) } {
            0 => Ok(old),
            _ => Err(std::io::Error::last_os_error()),
        }
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let (sp, size, flags) = self.previous;
        // If this fails, the kernel keeps the unmapped stack: the next signal on this thread ends the process.
        let _ = Self::switch(libc::stack_t {
            ss_sp: sp as *mut libc::c_void,
            ss_flags: flags,
            ss_size: size,
        });
    }
}
