//! Calling managed code from runtime code.
//!
//! The one way in is the entry stub. It is a boundary for exceptions: what nothing above it handles comes back as
//! `Err`. Arguments are words in the order of [`AbiSig::words`]; references among them may be raw, since they are on
//! the stack, or in a vector only until the call begins (nothing between collects).

use crate::object::{Ref, Thrown};
use crate::runtime::Runtime;
use crate::thread::{State, Thread};
use isthmus_runtime_abi::callconv::AbiSig;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_stubs::entry::{InvokeArgs, InvokeFn};

impl Runtime {
    /// Calls managed code with prepared registers.
    ///
    /// # Safety
    /// `thread` is the calling thread; `code` is managed code whose signature the words in `args` fit.
    pub unsafe fn invoke_raw(
        &self,
        thread: &Thread,
        code: usize,
        args: &mut InvokeArgs,
    ) -> Result<(), Thrown> {
        debug_assert_eq!(thread.state(), State::Running);
        // SAFETY: the entry stub was made for this type.
        let invoke: InvokeFn = unsafe { std::mem::transmute(self.stub_addresses().invoke) };
        // SAFETY: by the contract above.
        match unsafe { invoke(thread.context(), code, args) } {
            0 => Ok(()),
            _ => Err(thread.take_escaped().unwrap_or_else(|| {
                crate::internal_error("managed code failed without an exception")
            })),
        }
    }

    /// Calls managed code of signature `sig` with one word for each of its argument words, and returns the result words.
    ///
    /// # Safety
    /// As [`Self::invoke_raw`].
    pub unsafe fn invoke(
        &self,
        thread: &Thread,
        code: usize,
        sig: &AbiSig,
        words: &[u64],
        rgctx: usize,
    ) -> Result<Vec<u64>, Thrown> {
        let mut stack = Vec::new();
        let mut args = InvokeArgs::new(sig, words, &mut stack, self.arch());
        args.rgctx = rgctx as u64;
        // SAFETY: passed on.
        unsafe { self.invoke_raw(thread, code, &mut args) }?;
        Ok(args.results(sig, self.arch()))
    }

    /// Calls a method by id: compiles it if need be, and enters it.
    ///
    /// # Safety
    /// `thread` is the calling thread, and the words fit the signature, which is the method's.
    pub unsafe fn invoke_method(
        &self,
        thread: &Thread,
        id: MethodId,
        sig: &AbiSig,
        words: &[u64],
    ) -> Result<Vec<u64>, Thrown> {
        let code = self.code_of(thread, id)?;
        // SAFETY: passed on.
        unsafe { self.invoke(thread, code, sig, words, 0) }
    }

    /// Calls a filter: see [`filters`](isthmus_runtime_abi::artifact::CompiledMethod::filters).
    ///
    /// # Safety
    /// `code` is a filter of the frame whose area is `area`.
    pub(crate) unsafe fn call_filter(
        &self,
        thread: &Thread,
        code: usize,
        area: usize,
        exception: Ref,
    ) -> Result<i32, Thrown> {
        let mut args = InvokeArgs::default();
        args.ints[0] = area as u64;
        args.ints[1] = exception.addr() as u64;
        // SAFETY: passed on; both words go in the first two integer registers of every convention.
        unsafe { self.invoke_raw(thread, code, &mut args) }?;
        Ok(args.int_rets[0] as i32)
    }
}
