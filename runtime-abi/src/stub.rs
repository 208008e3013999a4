//! Names of stubs, and of the C functions that they call. What they do is told in the `stubs` crate.

use crate::ids::MethodId;

/// A stub that no other symbol names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stub {
    /// From native code into managed code.
    Invoke,
    /// Jumped to by stubs whose C function left an exception pending.
    ThrowPath,
    /// Entered by the trap handler for a fault at a trap site of a method.
    Fault,
    /// Entered by the trap handler for a fault in a stub, which belongs to the caller's call site.
    StubFault,
    /// Common end of the prestubs: has a method compiled.
    CompileTrampoline,
    /// Common end of the slot trampolines.
    VtableTrampoline,
    /// Common end of the IMT trampolines.
    ImtTrampoline,
    /// What a cell holds while the method has no code.
    Prestub(MethodId),
    /// What vtable slot number `0` holds while its method has no code.
    SlotTrampoline(u32),
    /// What IMT slot number `0` holds until it is filled.
    ImtSlotTrampoline(u32),
    /// Chooses among the interface methods that share an IMT slot; numbered by the runtime.
    ImtThunk(u32),
    /// From a boxed value's `this` to the value's.
    Unboxing(MethodId),
    /// Entry of an exact instantiation: stores its generic context, then the shared code.
    InstantiationEntry(MethodId),
    /// From managed code to native function number `0`.
    NativeCall(u32),
    /// From C into managed code: behind the thunks of foreign function pointers.
    Upcall,
}

macro_rules! runtime_fns {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A C function of the runtime that stubs call, besides the helpers.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum RuntimeFn { $($(#[$doc])* $name,)* }

        impl RuntimeFn {
            /// All of them, in order.
            pub const ALL: &'static [RuntimeFn] = &[$(RuntimeFn::$name),*];
            /// The name in dumps.
            pub fn name(self) -> &'static str {
                match self { $(RuntimeFn::$name => $text,)* }
            }
        }
    };
}

runtime_fns! {
    /// Has a method compiled.
    Compile = "compile";
    /// Finds the method of a vtable slot.
    VtableSlot = "vtable_slot";
    /// Finds the method of an interface call.
    ImtSlot = "imt_slot";
    /// Runs the exception driver for the pending exception.
    Throw = "throw_pending";
    /// Turns a fault into an exception and runs the driver.
    Fault = "fault";
    /// Method entry check failed.
    EntryCheck = "entry_check";
    /// A foreign function is about to be called, and [`CtxWord::Attention`](crate::context::CtxWord::Attention) is set.
    ForeignEnter = "foreign_enter";
    /// A foreign function has returned, and `Attention` is set.
    ForeignLeave = "foreign_leave";
    /// Keeps the error number that a foreign function left.
    ForeignError = "foreign_error";
}
