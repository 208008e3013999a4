//! Runtime helpers: one table with signature and effects.
//!
//! Compiled code calls a helper like a managed function (convention of [`crate::callconv`]) through a *transition
//! stub* that publishes the frame in the thread context, calls the runtime's function with the thread context as
//! one more, last, argument (platform's C convention), and turns a pending exception into a throw. A helper whose
//! effects are [`Effects::LEAF`] has no stub: compiled code calls its C function directly, with the platform's
//! C convention and no added argument.

use bitflags::bitflags;

bitflags! {
    /// What calling a helper may do.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Effects: u16 {
        /// Neither collects, throws nor calls managed code; called directly.
        const LEAF = 1;
        /// May collect garbage (is a safepoint).
        const MAY_GC = 2;
        /// May throw.
        const MAY_THROW = 4;
        /// May run managed code.
        const CALLS_MANAGED = 8;
        /// Never returns.
        const NO_RETURN = 16;
        /// Same arguments, same result, no visible side effect: may be numbered and dropped when unused.
        const PURE = 32;
        /// Doing it twice is the same as doing it once.
        const IDEMPOTENT = 64;
    }
}

/// Type of a helper's argument or result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HelperTy {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// Pointer: a symbol's address or native memory.
    Ptr,
    /// Object reference.
    Ref,
    /// Managed pointer.
    ByRef,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
}

macro_rules! helpers {
    ($($(#[$doc:meta])* $name:ident = $text:literal ($($arg:ident),*) $(-> $ret:ident)?, $($effect:ident)|+;)*) => {
        /// A runtime helper.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Helper { $($(#[$doc])* $name,)* }

        impl Helper {
            /// All helpers, in order of their number.
            pub const ALL: &'static [Helper] = &[$(Helper::$name),*];
            /// Name in text forms and symbols.
            pub fn name(self) -> &'static str {
                match self { $(Helper::$name => $text,)* }
            }
            /// Argument types.
            pub fn args(self) -> &'static [HelperTy] {
                match self { $(Helper::$name => &[$(HelperTy::$arg),*],)* }
            }
            /// Result type.
            #[allow(unused_mut, unused_assignments)]
            pub fn ret(self) -> Option<HelperTy> {
                match self { $(Helper::$name => { let mut r = None; $(r = Some(HelperTy::$ret);)? r })* }
            }
            /// Effects.
            pub fn effects(self) -> Effects {
                match self { $(Helper::$name => Effects::empty()$(.union(Effects::$effect))+,)* }
            }
            /// The helper with this name.
            pub fn from_name(name: &str) -> Option<Helper> {
                Helper::ALL.iter().copied().find(|h| h.name() == name)
            }
        }
    };
}

helpers! {
    // ---- exceptions
    /// Throws the object (null: NullReferenceException).
    Throw = "throw" (Ref), MAY_GC | MAY_THROW | CALLS_MANAGED | NO_RETURN;
    /// Throws the object again, keeping its stack trace.
    Rethrow = "rethrow" (Ref), MAY_GC | MAY_THROW | CALLS_MANAGED | NO_RETURN;
    /// Throws the exception of a `TrapKind` code.
    ThrowTrap = "throw_trap" (I32), MAY_GC | MAY_THROW | CALLS_MANAGED | NO_RETURN;
    /// Throws a prepared exception (`RaiseId`).
    ThrowRaise = "throw_raise" (Ptr), MAY_GC | MAY_THROW | CALLS_MANAGED | NO_RETURN;
    /// Ends a finally or fault handler that was entered by the second pass; the argument is payload 0.
    Resume = "resume" (Ptr), MAY_GC | MAY_THROW | CALLS_MANAGED | NO_RETURN;
    // ---- safepoints
    /// Method entry check failed: parks at a safepoint or throws StackOverflowException. Called with every register preserved.
    EntryCheck = "entry_check" (), MAY_GC | MAY_THROW;
    // ---- allocation
    /// Allocates an instance: vtable.
    AllocObject = "alloc_object" (Ptr) -> Ref, MAY_GC | MAY_THROW;
    /// Allocates a one-dimensional array: its vtable, length (native int; negative: OverflowException).
    AllocArray = "alloc_array" (Ptr, I64) -> Ref, MAY_GC | MAY_THROW;
    /// Allocates a string of zeros: vtable, length (negative or too long: OutOfMemoryException).
    AllocString = "alloc_string" (Ptr, I32) -> Ref, MAY_GC | MAY_THROW;
    /// Boxes: vtable, address of the value.
    Box = "box" (Ptr, ByRef) -> Ref, MAY_GC | MAY_THROW;
    // ---- type tests; the Ptr is a TypeHandle
    /// `castclass`.
    CastClass = "cast_class" (Ref, Ptr) -> Ref, MAY_GC | MAY_THROW | CALLS_MANAGED | IDEMPOTENT;
    /// `isinst`.
    IsInst = "is_inst" (Ref, Ptr) -> Ref, LEAF | PURE;
    /// `unbox`: object, type; gives the address of the value.
    Unbox = "unbox" (Ref, Ptr) -> ByRef, MAY_GC | MAY_THROW;
    /// `unbox.any` to Nullable or a type parameter: object, type, destination.
    UnboxAny = "unbox_any" (Ref, Ptr, ByRef), MAY_GC | MAY_THROW | CALLS_MANAGED;
    /// `box` of Nullable or of a type parameter in shared code: TypeHandle, address of the value.
    BoxAny = "box_any" (Ptr, ByRef) -> Ref, MAY_GC | MAY_THROW;
    /// Checks that a value may be stored into an array of references: array, value.
    ArrayStoreCheck = "array_store_check" (Ref, Ref), MAY_GC | MAY_THROW;
    /// Checks that the array's element type is exactly the type (`ldelema`): array, TypeHandle.
    ArrayExactCheck = "array_exact_check" (Ref, Ptr), MAY_GC | MAY_THROW;
    // ---- calls
    /// Code address of a virtual method for an object: object, MethodHandle.
    ResolveVirtual = "resolve_virtual" (Ref, Ptr) -> Ptr, MAY_GC | MAY_THROW | CALLS_MANAGED;
    /// Virtual generic or otherwise unusual dispatch: object, MethodHandle; sets the hidden rgctx itself.
    ResolveGenericVirtual = "resolve_generic_virtual" (Ref, Ptr) -> Ptr, MAY_GC | MAY_THROW | CALLS_MANAGED;
    /// Constrained call in shared code: address of the value, TypeHandle, MethodHandle; gives the code address;
    /// the `this` to pass is in the thread context's scratch word 0.
    ResolveConstrained = "resolve_constrained" (ByRef, Ptr, Ptr) -> Ptr, MAY_GC | MAY_THROW | CALLS_MANAGED;
    /// Fills a slot of a generic context and returns its value.
    GenericLookup = "generic_lookup" (Ptr, I32) -> Ptr, MAY_GC | MAY_THROW | CALLS_MANAGED | IDEMPOTENT;
    // ---- classes and statics
    /// Runs a class constructor unless done: TypeHandle.
    ClassInit = "class_init" (Ptr), MAY_GC | MAY_THROW | CALLS_MANAGED | IDEMPOTENT;
    /// Address of the thread's block of statics of a type: TypeHandle.
    ThreadStatics = "thread_statics" (Ptr) -> Ptr, MAY_GC | MAY_THROW | CALLS_MANAGED | IDEMPOTENT;
    /// Address of a static field in shared or unusual cases: FieldHandle.
    StaticAddress = "static_address" (Ptr) -> ByRef, MAY_GC | MAY_THROW | CALLS_MANAGED | IDEMPOTENT;
    // ---- references in memory
    /// Slow path of the write barrier: the object stored into, whose log bit was set.
    GcBarrier = "gc_barrier" (Ref), LEAF;
    /// Stores a reference through a pointer that may point anywhere: address, value (does the store).
    StoreRefUnknown = "store_ref_unknown" (ByRef, Ref), LEAF;
    /// Copies a value with references: destination, source, TypeHandle of the value type.
    CopyValue = "copy_value" (ByRef, ByRef, Ptr), LEAF;
    /// Copies values with references into an array or object that is known: object stored into, destination, source, byte count.
    CopyRefs = "copy_refs" (Ref, ByRef, ByRef, I64), LEAF;
    /// Copies bytes that may overlap: destination, source, byte count.
    MemMove = "mem_move" (Ptr, Ptr, I64), LEAF;
    /// Fills bytes: destination, value, byte count.
    MemSet = "mem_set" (Ptr, I32, I64), LEAF;
    /// Memory that lives as long as the calling frame (`localloc` where the stack cannot be moved), zeroed: byte count, address of the
    /// frame's mark, a word that was zero when the invocation began.
    LocalAlloc = "local_alloc" (I64, Ptr) -> Ptr, MAY_GC | MAY_THROW;
    // ---- locks
    /// Takes a free lock or one that the thread holds: object, the thread's `LockOwner`. 0 if that is not the state it is in.
    LockEnter = "lock_enter" (Ref, I32) -> I32, LEAF;
    /// Gives a lock back that nobody waits for: object, the thread's `LockOwner`. 0 if that is not the state it is in.
    LockExit = "lock_exit" (Ref, I32) -> I32, LEAF;
    // ---- arithmetic that has no instruction; results as ECMA-335 and Mono give them
    /// C `fmod`.
    RemF64 = "rem_f64" (F64, F64) -> F64, LEAF | PURE;
    /// C `fmodf`.
    RemF32 = "rem_f32" (F32, F32) -> F32, LEAF | PURE;
    /// Unsigned 64-bit to float64.
    U64ToF64 = "u64_to_f64" (I64) -> F64, LEAF | PURE;
    /// float64 to unsigned 64-bit, truncating.
    F64ToU64 = "f64_to_u64" (F64) -> I64, LEAF | PURE;
    /// Checked float64 to i64: throws OverflowException.
    F64ToI64Ovf = "f64_to_i64_ovf" (F64) -> I64, MAY_GC | MAY_THROW;
    /// Checked float64 to u64: throws OverflowException.
    F64ToU64Ovf = "f64_to_u64_ovf" (F64) -> I64, MAY_GC | MAY_THROW;
    /// 64-bit signed division on 32-bit targets.
    DivI64 = "div_i64" (I64, I64) -> I64, LEAF | PURE;
    /// 64-bit unsigned division on 32-bit targets.
    DivU64 = "div_u64" (I64, I64) -> I64, LEAF | PURE;
    /// 64-bit signed remainder on 32-bit targets.
    RemI64 = "rem_i64" (I64, I64) -> I64, LEAF | PURE;
    /// 64-bit unsigned remainder on 32-bit targets.
    RemU64 = "rem_u64" (I64, I64) -> I64, LEAF | PURE;
    /// Sine.
    Sin = "sin" (F64) -> F64, LEAF | PURE;
    /// Cosine.
    Cos = "cos" (F64) -> F64, LEAF | PURE;
    /// Tangent.
    Tan = "tan" (F64) -> F64, LEAF | PURE;
    /// Power.
    Pow = "pow" (F64, F64) -> F64, LEAF | PURE;
    /// e to the power.
    Exp = "exp" (F64) -> F64, LEAF | PURE;
    /// Natural logarithm.
    Log = "log" (F64) -> F64, LEAF | PURE;
    /// Arc tangent of a quotient.
    Atan2 = "atan2" (F64, F64) -> F64, LEAF | PURE;
    // ---- tiering
    /// A method's counter ran out: the counter, and the instruction of the loop header or -1 at the method's entry. Gives the code
    /// to go on in (see `artifact::OsrMap`), or null.
    TierUp = "tier_up" (Ptr, I32) -> Ptr, MAY_GC;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_consistent() {
        for (i, &h) in Helper::ALL.iter().enumerate() {
            assert_eq!(h as usize, i);
            assert_eq!(Helper::from_name(h.name()), Some(h));
            let e = h.effects();
            if e.contains(Effects::LEAF) {
                assert!(
                    !e.intersects(Effects::MAY_GC | Effects::MAY_THROW | Effects::CALLS_MANAGED),
                    "{h:?}"
                );
            }
            assert!(
                h.args().len() <= 5,
                "{h:?}: the thread context is one more argument"
            );
        }
    }
}
