//! The thread context: what the reserved thread register points to.
//!
//! Every field is one machine word, so that offsets are data for any target. Runtime crates put their
//! own per-thread state after it.

use crate::layout::words;
use std::sync::atomic::AtomicUsize;

words! {
    /// The words of a thread context, in order.
    CtxWord,
    /// The part of a thread context that compiled code and stubs touch.
    ThreadContext {
        /// Next free byte of the thread's allocation buffer. Memory from here to the limit is zero.
        AllocCursor alloc_cursor,
        /// End of the allocation buffer.
        AllocLimit alloc_limit,
        /// Method entry check: entry with SP at or below this calls [`crate::helpers::Helper::EntryCheck`]. All ones while a
        /// safepoint is requested.
        StackLimit stack_limit,
        /// Address of this thread's poll page: loops load from it; it is unreadable while a safepoint is requested.
        PollPage poll_page,
        /// Hidden argument: generic context of the callee. Stored last before a call, read first in the callee.
        HiddenRgctx hidden_rgctx,
        /// Hidden argument: vararg cookie.
        HiddenVarargs hidden_varargs,
        /// The newest transition out of managed code: frame pointer of the stub's frame, 0 in managed code. The stub's
        /// frame has the ordinary shape: `[fp]` the managed caller's FP, `[fp + word]` the managed return address.
        TransitionFp transition_fp,
        /// Non-zero: a helper failed; the stub must throw instead of returning.
        Pending pending,
        /// Where to continue after the exception driver: instruction, stack and frame pointer, and the two payload words.
        ResumePc resume_pc,
        /// See `resume_pc`.
        ResumeSp resume_sp,
        /// See `resume_pc`.
        ResumeFp resume_fp,
        /// See `resume_pc`.
        Payload0 payload0,
        /// See `resume_pc`.
        Payload1 payload1,
        /// Set by the trap handler: program counter of the faulting instruction.
        FaultPc fault_pc,
        /// Set by the trap handler: [`crate::trap::TrapKind`] code.
        FaultKind fault_kind,
        /// Base of the collector's log-bit table: bit `(obj >> 3) & 7` of the byte at `base + (obj >> 6)` is 1 while the old
        /// object `obj` must be remembered when a reference is stored into it.
        LogBits log_bits,
        /// Lowest heap address (for stores through managed pointers that may not point into the heap).
        HeapStart heap_start,
        /// End of the heap's address range.
        HeapEnd heap_end,
        /// Added to a type word to give the vtable's address (0 where vtables live below 4 GiB).
        VtableBase vtable_base,
        /// The thread's table of blocks of thread statics, of [`STATIC_BLOCKS`] words: 0 at offset 0, elsewhere a class's block once the thread
        /// has one. See [`Symbol::ThreadStatics`](crate::symbol::Symbol::ThreadStatics).
        ThreadStatics thread_statics,
        /// First byte not yet reported to the collector in the allocation buffer (see `rt::gc`).
        AllocReported alloc_reported,
        /// Scratch words of stubs.
        Scratch0 scratch0,
        /// See `scratch0`.
        Scratch1 scratch1,
        /// The VM's thread object (opaque).
        VmThread vm_thread,
        /// What the thread may be doing: [`RUNNING`], [`FOREIGN`], or what else the runtime knows.
        State state,
        /// Stack pointer published by a thread that is not running: its stack is scanned from there.
        ParkedSp parked_sp,
        /// Not 0: a change of `state` has to be made by the runtime ([`crate::stub::RuntimeFn::ForeignEnter`]), because it is waited for.
        Attention attention,
        /// What a thin lock of this thread looks like, but for the depth; 0: it has none (see `rt::gc::lockword`).
        LockOwner lock_owner,
    }
}

/// Words of the table that [`CtxWord::ThreadStatics`] points to.
pub const STATIC_BLOCKS: usize = 2048;

/// [`CtxWord::State`] of a thread that may touch the heap.
pub const RUNNING: usize = 0;
/// [`CtxWord::State`] of a thread in a foreign function: it does not touch the heap, and the stub that called has saved all
/// callee-saved registers in its frame, above [`CtxWord::ParkedSp`].
pub const FOREIGN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_struct_agrees_with_word_offsets() {
        let word = size_of::<usize>() as u32;
        assert_eq!(
            std::mem::offset_of!(ThreadContext, vm_thread) as u32,
            CtxWord::VmThread.offset(word)
        );
        assert_eq!(
            std::mem::offset_of!(ThreadContext, pending) as u32,
            CtxWord::Pending.offset(word)
        );
    }
}
