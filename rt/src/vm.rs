//! What the runtime asks the VM while programs run.
//!
//! The compile-time questions are in `runtime_abi::vm`; these are the run-time ones. Every method is called on an
//! attached, running thread: it may touch the heap, and must not block without a
//! [`Blocking`](crate::transition::Blocking) region. References in arguments and results are raw: keep them in
//! locals only (see [`crate::object`]).
//!
//! Exceptions travel as [`Thrown`]: runtime code never unwinds. An `Err` from a helper becomes a throw in the managed
//! caller.
//!
//! Methods with a body are what most VMs want, or what a VM leaves alone that has no such thing (generics, stack traces, tiers). Their
//! answers about types are in `crate::defaults`: they take the handle of a type from its vtable, and handles of methods to be their ids.

use crate::defaults::{self, trap};
use crate::image::ImageCode;
use crate::object::{Ref, Thrown};
use crate::thread::Thread;
use isthmus_runtime_abi::artifact::{CompiledMethod, OsrEntry};
use isthmus_runtime_abi::ids::{MethodId, RaiseId, TypeId};
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::trap::TrapKind;
pub use isthmus_stubs::dispatch::UnboxContext;

/// What a slot of a vtable or IMT leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotTarget {
    /// A method, called with `this` as it is.
    Method(MethodId),
    /// A value type's own method: `this` is unboxed first.
    Unboxed(MethodId, UnboxContext),
}

/// A frame of a stack trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceFrame {
    /// The method (inlined ones have frames of their own).
    pub method: MethodId,
    /// IL offset of the call or instruction.
    pub il: u32,
    /// Offset in the machine code of the outermost method of the machine frame.
    pub native: u32,
}

/// A VM, as the runtime sees it.
pub trait Vm: Send + Sync {
    // ---- code
    /// Code for a method. May be called for one method on several threads at once only if `compile` itself
    /// lets go (the runtime has one thread compile and the others wait). An error is thrown at the call.
    fn compile(&self, thread: &Thread, method: MethodId) -> Result<CompiledMethod, Thrown>;
    /// Code for a method that was compiled ahead of time, ready to run: every word of the image that it needs is filled. Asked
    /// before [`Self::compile`], which is what `None` leads to.
    fn ready_made(&self, thread: &Thread, method: MethodId) -> Option<ImageCode> {
        let _ = (thread, method);
        None
    }
    /// Optimized code for a method that baseline code found hot ([`crate::tiers`]): of the whole method, or of what is left of it
    /// from a loop header on. `None`: declined. Called within a blocking region on a thread of the runtime's own, so it must
    /// not touch the heap (or enter a [`Running`](crate::transition::Running) region to do so), or on the thread that runs
    /// the method, as the options say.
    fn optimize(&self, method: MethodId, entry: Option<&OsrEntry>) -> Option<CompiledMethod> {
        let _ = (method, entry);
        None
    }
    /// Whether a method is so small that optimized callers have it in themselves.
    fn is_small(&self, method: MethodId) -> bool {
        let _ = method;
        false
    }
    /// What virtual slot `slot` of this vtable leads to. Asked when the slot is first called through.
    fn vtable_slot(&self, thread: &Thread, vtable: usize, slot: u32) -> Result<SlotTarget, Thrown>;
    /// What implements an interface method for objects with this vtable.
    fn interface_method(
        &self,
        thread: &Thread,
        vtable: usize,
        method: MethodId,
    ) -> Result<SlotTarget, Thrown>;
    /// Whether this method is the only one of all interfaces that objects with this vtable can ever be called through
    /// whose IMT slot ([`imt_slot_of`](crate::dispatch::imt_slot_of)) is that of `method`. If so, the slot leads to its code without
    /// looking at the key.
    fn is_alone_in_imt_slot(&self, vtable: usize, method: MethodId) -> bool {
        let _ = (vtable, method);
        false
    }
    /// Address of a symbol that the VM defines: handles, vtables, statics, literals, native functions. `None` if there
    /// is none: linking fails.
    fn symbol(&self, symbol: Symbol) -> Option<usize>;
    /// What code throws that was to be linked and needs a symbol which [`Self::symbol`] does not define (the class cannot be
    /// loaded, say). `None`: that cannot be, and the process ends.
    fn undefined(&self, thread: &Thread, symbol: Symbol) -> Option<Thrown> {
        let _ = (thread, symbol);
        None
    }
    /// Name of a method, for messages.
    fn method_name(&self, method: MethodId) -> String;

    // ---- exceptions
    /// Whether a `catch` of this type takes the exception.
    fn catches(&self, ty: TypeId, exception: Ref) -> bool;
    /// The same for the type in a slot of a frame's generic context.
    fn catches_lookup(&self, context: GenericContextOf, slot: u32, exception: Ref) -> bool {
        let _ = (context, slot, exception);
        false
    }
    /// The exception that a thrown object travels as. Code may throw objects that are no exceptions; a VM may wrap these.
    fn thrown(&self, thread: &Thread, object: Ref) -> Result<Ref, Thrown> {
        let _ = thread;
        Ok(object)
    }
    /// What the handlers of a method see of an exception: itself, or what [`Self::thrown`] wrapped.
    fn seen_by(&self, thread: &Thread, method: Option<MethodId>, exception: Ref) -> Ref {
        let _ = (thread, method);
        exception
    }
    /// The exception object of a trap. Must give an object, if only one allocated beforehand.
    fn trap_exception(&self, thread: &Thread, kind: TrapKind) -> Ref;
    /// The object of a prepared exception.
    fn raise_exception(&self, thread: &Thread, raise: RaiseId) -> Ref {
        let _ = raise;
        self.trap_exception(thread, TrapKind::InvalidProgram)
    }
    /// Which methods the source frames of one machine frame show, innermost first: where code is shared, `context` tells which
    /// instantiation of the outermost one it runs for, and the others are named in terms of the one around them.
    fn make_exact(&self, context: Option<GenericContextOf>, frames: &mut [TraceFrame]) {
        let _ = (context, frames);
    }
    /// Notes frames of an exception's stack trace, innermost first, after forgetting so many of those noted last: all of them, `usize::MAX`,
    /// where the trace begins. Called in parts, before each filter runs and before handlers run.
    fn note_trace(&self, thread: &Thread, exception: Ref, forget: usize, frames: &[TraceFrame]) {
        let _ = (thread, exception, forget, frames);
    }

    // ---- allocation: the heap's, unless the VM adds to it
    /// `AllocObject`: an instance of the class with this vtable, with a finalizer registered if it has one.
    fn alloc_object(&self, thread: &Thread, vtable: usize) -> Result<Ref, Thrown> {
        thread.runtime().alloc_object(thread, vtable)
    }
    /// `AllocArray`: a one-dimensional array.
    fn alloc_array(&self, thread: &Thread, vtable: usize, length: i64) -> Result<Ref, Thrown> {
        thread.runtime().alloc_array(thread, vtable, length)
    }
    /// `AllocString`: a string of zeros.
    fn alloc_string(&self, thread: &Thread, vtable: usize, length: i32) -> Result<Ref, Thrown> {
        thread.runtime().alloc_string(thread, vtable, length)
    }

    // ---- types: what boxes, casts and checks of array elements rest on
    /// Whether an object is of a type (a handle); the object is not null.
    fn is_instance(&self, object: Ref, ty: usize) -> bool;
    /// How values of a type (a handle) hold null, if they can.
    fn nullable(&self, ty: usize) -> Option<Nullable> {
        let _ = ty;
        None
    }

    // ---- helpers; see `runtime_abi::helpers::Helper` for each
    /// `Box`.
    fn box_value(&self, thread: &Thread, vtable: usize, value: usize) -> Result<Ref, Thrown> {
        thread.runtime().box_value(thread, vtable, value)
    }
    /// `BoxAny`.
    fn box_any(&self, thread: &Thread, ty: usize, value: usize) -> Result<Ref, Thrown> {
        match self.nullable(ty) {
            Some(nullable) => defaults::box_nullable(self, thread, nullable, value),
            None => trap(thread, TrapKind::InvalidProgram),
        }
    }
    /// `Unbox`; the object is not null.
    fn unbox(&self, thread: &Thread, object: Ref, ty: usize) -> Result<usize, Thrown> {
        defaults::unbox(thread, object, ty)
    }
    /// `UnboxAny`.
    fn unbox_any(&self, thread: &Thread, object: Ref, ty: usize, to: usize) -> Result<(), Thrown> {
        match self.nullable(ty) {
            Some(nullable) => defaults::unbox_nullable(self, thread, object, nullable, to),
            None => trap(thread, TrapKind::InvalidProgram),
        }
    }
    /// `IsInst`: the object, or null. The object is not null.
    fn is_inst(&self, object: Ref, ty: usize) -> Ref {
        match self.is_instance(object, ty) {
            true => object,
            false => Ref::NULL,
        }
    }
    /// `CastClass`; the object is not null.
    fn cast_class(&self, thread: &Thread, object: Ref, ty: usize) -> Result<Ref, Thrown> {
        defaults::cast_class(self, thread, object, ty)
    }
    /// `ArrayStoreCheck`; neither is null.
    fn array_store_check(&self, thread: &Thread, array: Ref, value: Ref) -> Result<(), Thrown> {
        defaults::array_store_check(self, thread, array, value)
    }
    /// `ArrayExactCheck`.
    fn array_exact_check(&self, thread: &Thread, array: Ref, ty: usize) -> Result<(), Thrown> {
        defaults::array_exact_check(thread, array, ty)
    }
    /// `ResolveVirtual`; the object is not null. By default what [`Self::interface_method`] says, which must then know methods of
    /// classes as well.
    fn resolve_virtual(
        &self,
        thread: &Thread,
        object: Ref,
        method: usize,
    ) -> Result<usize, Thrown> {
        defaults::resolve_virtual(self, thread, object, method)
    }
    /// `ResolveGenericVirtual`; the object is not null.
    fn resolve_generic_virtual(
        &self,
        thread: &Thread,
        object: Ref,
        method: usize,
    ) -> Result<usize, Thrown> {
        let _ = (object, method);
        trap(thread, TrapKind::InvalidProgram)
    }
    /// `ResolveConstrained`: code address, and the `this` to pass.
    fn resolve_constrained(
        &self,
        thread: &Thread,
        value: usize,
        ty: usize,
        method: usize,
    ) -> Result<(usize, usize), Thrown> {
        let _ = (value, ty, method);
        trap(thread, TrapKind::InvalidProgram)
    }
    /// `GenericLookup`.
    fn generic_lookup(&self, thread: &Thread, context: usize, slot: u32) -> Result<usize, Thrown> {
        let _ = (context, slot);
        trap(thread, TrapKind::InvalidProgram)
    }
    /// `ClassInit`; see [`ClassState::ensure`](crate::class_init::ClassState::ensure).
    fn class_init(&self, thread: &Thread, ty: usize) -> Result<(), Thrown>;
    /// `ThreadStatics`.
    fn thread_statics(&self, thread: &Thread, ty: usize) -> Result<usize, Thrown>;
    /// The calling thread is about to be detached: lets go of what the VM keeps for it.
    fn thread_ends(&self, thread: &Thread) {
        let _ = thread;
    }
    /// `StaticAddress`.
    fn static_address(&self, thread: &Thread, field: usize) -> Result<usize, Thrown> {
        let _ = field;
        trap(thread, TrapKind::InvalidProgram)
    }
    /// `CopyValue`: copies a value with references by its type.
    fn copy_value(&self, to: usize, from: usize, ty: usize);
}

/// How values of a type hold null: a flag byte, not 0 if there is a value, and the value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nullable {
    /// Size of the type.
    pub size: u32,
    /// Offset of the flag.
    pub flag: u32,
    /// Offset of the value.
    pub value: u32,
    /// Size of the value.
    pub value_size: u32,
    /// Vtable of the value's boxes.
    pub vtable: usize,
}

/// Where a frame's generic context is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GenericContextOf {
    /// The hidden argument itself.
    Context(usize),
    /// The `this` of this method; the context hangs off its vtable.
    This(Ref, MethodId),
}
