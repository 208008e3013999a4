//! Hand-made code between managed code, native code and the runtime.
//!
//! Every stub is a function here that returns a [`CompiledMethod`] of [`Tier::Stub`]: position-independent code with
//! symbolic relocations, linked and registered like any other code. Its inline tree has one node, the method it is made for or
//! [`NO_METHOD`]; its trap sites and call sites say what the exception driver must know.
//!
//! | module | stubs |
//! | --- | --- |
//! | [`entry`] | [`Stub::Invoke`]: native → managed, with [`InvokeArgs`](entry::InvokeArgs) |
//! | [`native`] | managed → C: helpers, internal calls, foreign functions |
//! | [`foreign`] | managed → C with aggregates, C → managed |
//! | [`dispatch`] | method entries, prestubs, slot and IMT trampolines, IMT thunks, interface and unboxing stubs |
//! | [`exceptions`] | throw path, fault stubs, entry check |
//! | `x64` | the same files once more: code for x86-64 |
//!
//! # What the linker must know
//! A stub refers to other stubs by [`Symbol::Stub`], [`Symbol::Helper`], [`Symbol::MethodCell`], and to C functions by [`Symbol::Runtime`]
//! (addresses in [`RuntimeEntries`]) or by what the caller names. [`common`] makes all stubs of which there is one.
//!
//! # Frames
//! Each stub that calls C keeps a frame of the ordinary shape and publishes it:
//!
//! ```text
//!        +--------------------+
//!        | stack arguments    |
//!        | return address     |  in the managed caller        \
//!        | caller's FP        |  <- FP = [ctx.TransitionFp]   / what the stack walk starts from
//!        | saved registers... |
//!        +--------------------+  <- SP, 16-aligned: C function's frame below
//! ```
//!
//! While the C function runs, `TransitionFp` is that FP. On normal return it is set to 0. If `Pending` is not 0 after the call, the
//! stub jumps to [`Stub::ThrowPath`] with `TransitionFp` still set; that calls [`RuntimeEntries::throw`], which clears
//! `Pending` and fills `ResumePc`, `ResumeSp`, `ResumeFp`, `Payload0`, `Payload1`, and then goes there with `TransitionFp` = 0.

pub mod dispatch;
pub mod entry;
pub mod exceptions;
pub mod foreign;
pub mod native;
mod x64;

use isthmus_asm::buffer::{AsmError, Assembled};
use isthmus_runtime_abi::artifact::{CompiledMethod, SourcePos, Tier};
use isthmus_runtime_abi::context::ThreadContext;
use isthmus_runtime_abi::ids::MethodId;
use isthmus_runtime_abi::stub::{RuntimeFn, Stub};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;

/// `compile(ctx, method) -> code`: has a method compiled (`method` is its id's raw number), updates its cell, and returns the address to go on at. On failure
/// it sets `Pending` and the result does not matter.
pub type CompileFn = unsafe extern "C" fn(ctx: *mut ThreadContext, method: u32) -> usize;
/// `vtable_slot(ctx, this, slot) -> code`: finds what slot number `slot` of the vtable of `this` calls, patches the slot.
pub type VtableSlotFn =
    unsafe extern "C" fn(ctx: *mut ThreadContext, this: usize, slot: u32) -> usize;
/// `imt_slot(ctx, this, key, slot) -> code`: finds what interface method `key` is for `this`, updates the IMT slot.
pub type ImtSlotFn =
    unsafe extern "C" fn(ctx: *mut ThreadContext, this: usize, key: u64, slot: u32) -> usize;
/// `throw_pending(ctx)`: runs the exception driver for the pending exception, seen from the frame `TransitionFp`; clears `Pending` and fills the resume words.
pub type ThrowFn = unsafe extern "C" fn(ctx: *mut ThreadContext);
/// `fault(ctx)`: the same for the fault that `FaultPc` and `FaultKind` describe. `TransitionFp` is the frame of the fault stub, whose
/// return address is `FaultPc`: a trap site. If `FaultPc` is 0 the return address is that of an ordinary call site (the fault was in a stub).
pub type FaultFn = unsafe extern "C" fn(ctx: *mut ThreadContext);
/// `entry_check(ctx)`: a method found SP at or below `StackLimit`: parks at a safepoint, or sets `Pending` (stack overflow).
/// The return address of the frame `TransitionFp` lies in the entry of the method, whose own frame is complete.
pub type EntryCheckFn = unsafe extern "C" fn(ctx: *mut ThreadContext);

/// `foreign_enter(ctx)`, `foreign_leave(ctx)`, `foreign_error(ctx)`: around a call of a foreign function.
pub type ForeignFn = unsafe extern "C" fn(ctx: *mut ThreadContext);

/// Addresses of the C functions behind [`Symbol::Runtime`]; each is of the type that its comment names.
#[derive(Clone, Copy, Debug)]
pub struct RuntimeEntries {
    /// [`CompileFn`].
    pub compile: usize,
    /// [`VtableSlotFn`].
    pub vtable_slot: usize,
    /// [`ImtSlotFn`].
    pub imt_slot: usize,
    /// [`ThrowFn`].
    pub throw: usize,
    /// [`FaultFn`].
    pub fault: usize,
    /// [`EntryCheckFn`].
    pub entry_check: usize,
    /// [`ForeignFn`]; 0 where nothing calls foreign functions.
    pub foreign_enter: usize,
    /// [`ForeignFn`].
    pub foreign_leave: usize,
    /// [`ForeignFn`].
    pub foreign_error: usize,
}

impl RuntimeEntries {
    /// From typed functions.
    pub fn new(
        compile: CompileFn,
        vtable_slot: VtableSlotFn,
        imt_slot: ImtSlotFn,
        throw: ThrowFn,
        fault: FaultFn,
        entry_check: EntryCheckFn,
    ) -> RuntimeEntries {
        RuntimeEntries {
            compile: compile as usize,
            vtable_slot: vtable_slot as usize,
            imt_slot: imt_slot as usize,
            throw: throw as usize,
            fault: fault as usize,
            entry_check: entry_check as usize,
            foreign_enter: 0,
            foreign_leave: 0,
            foreign_error: 0,
        }
    }

    /// With what foreign calls need.
    pub fn with_foreign(
        self,
        enter: ForeignFn,
        leave: ForeignFn,
        error: ForeignFn,
    ) -> RuntimeEntries {
        RuntimeEntries {
            foreign_enter: enter as usize,
            foreign_leave: leave as usize,
            foreign_error: error as usize,
            ..self
        }
    }

    /// Address of a function.
    pub fn address(&self, f: RuntimeFn) -> usize {
        match f {
            RuntimeFn::Compile => self.compile,
            RuntimeFn::VtableSlot => self.vtable_slot,
            RuntimeFn::ImtSlot => self.imt_slot,
            RuntimeFn::Throw => self.throw,
            RuntimeFn::Fault => self.fault,
            RuntimeFn::EntryCheck => self.entry_check,
            RuntimeFn::ForeignEnter => self.foreign_enter,
            RuntimeFn::ForeignLeave => self.foreign_leave,
            RuntimeFn::ForeignError => self.foreign_error,
        }
    }
}

/// Why a stub could not be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StubError {
    /// No stubs for this architecture yet.
    #[error("no stubs for {}", .0.name())]
    Arch(Arch),
    /// The signature's stack arguments need more than a return instruction can pop.
    #[error("{0} bytes of stack arguments are too many")]
    StackArguments(u32),
    /// A foreign function cannot give a result of more than two words back in registers.
    #[error("a foreign function's result of more than two words")]
    ForeignResult,
    /// The last argument of a foreign call of a pointer is not one.
    #[error("a foreign call without a function pointer")]
    NoTarget,
    /// The assembler refused.
    #[error(transparent)]
    Asm(#[from] AsmError),
}

/// The stubs of which there is one: `Invoke`, `ThrowPath`, `Fault`, `StubFault`, the three trampolines, and the
/// transition stubs of all helpers that are not leaves.
///
/// ```text
///  for stub in stubs::common(arch)? { link it; remember its address under stub.symbol }   // in this order: no forward references
/// ```
pub fn common(arch: Arch) -> Result<Vec<CompiledMethod>, StubError> {
    let mut stubs = vec![
        exceptions::throw_path(arch)?,
        exceptions::fault(arch)?,
        exceptions::stub_fault(arch)?,
        entry::invoke(arch)?,
        dispatch::compile_trampoline(arch)?,
        dispatch::vtable_trampoline(arch)?,
        dispatch::imt_trampoline(arch)?,
    ];
    stubs.extend(native::helpers(arch)?);
    Ok(stubs)
}

/// The method of stubs that belong to none.
pub const NO_METHOD: MethodId = match MethodId::from_raw(u32::MAX) {
    Some(id) => id,
    None => unreachable!(),
};

/// An artifact with nothing but code.
fn artifact(symbol: Symbol, arch: Arch, done: Assembled) -> CompiledMethod {
    let method = match symbol {
        Symbol::MethodEntry(m)
        | Symbol::InterfaceStub(m)
        | Symbol::Stub(Stub::Prestub(m) | Stub::Unboxing(m) | Stub::InstantiationEntry(m)) => m,
        _ => NO_METHOD,
    };
    CompiledMethod {
        code: done.code,
        relocs: done.relocs,
        positions: vec![SourcePos { node: 0, il: 0 }],
        ..CompiledMethod::new(symbol, method, arch, Tier::Stub)
    }
}

/// Dispatches to the folder of an architecture.
macro_rules! per_arch {
    ($arch:expr, $($call:tt)*) => {
        match $arch {
            isthmus_runtime_abi::target::Arch::X64 => $crate::x64::$($call)*,
            other => Err($crate::StubError::Arch(other)),
        }
    };
}
use per_arch;
