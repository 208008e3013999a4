//! References as runtime code holds them.
//!
//! A [`Ref`] may live in a local, argument or result of runtime code: the collector scans stacks and registers
//! conservatively and pins what it finds there. It must never be put into Rust heap memory; use a handle
//! of the heap for that. [`Thrown`] is how a reference to an exception travels through `Result`.

use isthmus_runtime_abi::layout;

/// An object reference: null or the address of an object's header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct Ref(usize);

impl Ref {
    /// The null reference.
    pub const NULL: Ref = Ref(0);

    /// The reference with this address.
    pub const fn from_addr(addr: usize) -> Ref {
        Ref(addr)
    }

    /// The address.
    pub const fn addr(self) -> usize {
        self.0
    }

    /// Whether this is null.
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// Address of the object's vtable, on targets whose vtables live below 4 GiB.
    ///
    /// # Safety
    /// This must be a live object, and the calling thread must not be blocked for a collection.
    #[inline]
    pub unsafe fn vtable(self) -> usize {
        // SAFETY: the caller vouches for the object; its header is readable.
        unsafe { vtable_of(self) }
    }
}

impl std::fmt::Debug for Ref {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ref({:#x})", self.0)
    }
}

/// # Safety
/// As [`Ref::vtable`].
#[inline]
unsafe fn vtable_of(object: Ref) -> usize {
    let word = (object.0 + layout::TYPE_WORD as usize) as *const u32;
    // SAFETY: see above. Atomic, since the collector may set its bits concurrently.
    let word = unsafe { std::sync::atomic::AtomicU32::from_ptr(word.cast_mut()) };
    (word.load(std::sync::atomic::Ordering::Relaxed) & !3) as usize
}

/// Whether a throw starts a new stack trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trace {
    /// `throw`: the trace starts here.
    Fresh,
    /// The same, at the entry of a method: its frame is not filled in yet.
    Entry,
    /// An exception that crosses runtime code: the trace goes on.
    Keep,
    /// `rethrow`: the trace goes on too, but its last frame is the one that rethrows, which is noted anew.
    Rethrow,
}

/// An exception on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thrown {
    /// The exception object, never null.
    pub exception: Ref,
    /// What happens to its stack trace when it is thrown on.
    pub trace: Trace,
}

impl Thrown {
    /// A new exception.
    pub fn new(exception: Ref) -> Thrown {
        Thrown {
            exception,
            trace: Trace::Fresh,
        }
    }

    /// A new exception that a method throws before its frame is filled in.
    pub fn at_entry(exception: Ref) -> Thrown {
        Thrown {
            exception,
            trace: Trace::Entry,
        }
    }

    /// One that its handler throws on.
    pub fn rethrown(exception: Ref) -> Thrown {
        Thrown {
            exception,
            trace: Trace::Rethrow,
        }
    }

    /// One that was already thrown elsewhere.
    pub fn again(exception: Ref) -> Thrown {
        Thrown {
            exception,
            trace: Trace::Keep,
        }
    }
}
