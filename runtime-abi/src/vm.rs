//! The compile-time interface: every question that a compiler may ask the VM.
//!
//! What RyuJIT calls ICorJitInfo and HotSpot JVMCI. Each answer is one of
//!
//! 1. a *constant of the target* (sizes, offsets),
//! 2. a *fact of the module set* (exact types, final methods); an image relies on it, and is refused where a module is another build,
//! 3. a *process value*: a [`Symbol`], or for code that runs in this process only its address ([`CompileEnv::address`]),
//! 4. what is so in this process only (which classes are initialized), or a guess that code checks ([`CompileEnv::likely_class`]); code of
//!    images is given none of these.
//!
//! In shared generic code some handles are known only at run time: [`Handle::Lookup`]. The compiler gets the
//! *generic context* as [`ContextSource`] says and reads the slot:
//!
//! ```text
//!  ctx  = hidden argument              (ContextSource::Hidden)
//!       | [[vtable(this) + GenericContexts] + depth * word]   (ContextSource::This(depth))
//!  v    = [ctx + GenericContext::slot(n)]
//!  if v == 0 { v = GenericLookup(ctx, n) }      // also when n >= INLINE_SLOTS
//! ```

use crate::callconv::Layouts;
use crate::ids::{FieldId, LiteralId, MethodId, RaiseId, SigId, TypeId};
use crate::intrinsics::Intrinsic;
use crate::symbol::Symbol;
use crate::types::{MemTy, Signature};
use std::sync::Arc;

/// What kind of type an id names, as far as code generation cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TypeKind {
    /// Class (also `object`, `string`, delegates).
    Class,
    /// Interface.
    Interface,
    /// Struct, enum or primitive.
    Value,
    /// `Nullable<T>`; the payload type.
    Nullable(TypeId),
    /// One-dimensional zero-based array of this element type.
    SzArray(TypeId),
    /// Multi-dimensional array.
    MdArray(TypeId, u32),
    /// Native or managed pointer, function pointer.
    Pointer,
}

/// A process value or a run-time look-up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Handle {
    /// Known at link time.
    Symbol(Symbol),
    /// A slot of the generic context.
    Lookup(u32),
}

/// Something whose handle shared code may have to look up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Entity {
    /// Vtable for allocation and exact type tests.
    Vtable(TypeId),
    /// Type description, for cast helpers.
    TypeHandle(TypeId),
    /// Method description, for `ResolveVirtual` and `ldtoken`.
    MethodHandle(MethodId),
    /// Field description, for `ldtoken` and `StaticAddress`.
    FieldHandle(FieldId),
    /// Stable entry of a method (`ldftn`, direct calls in shared code).
    MethodEntry(MethodId),
    /// Base address of non-reference statics.
    Statics(TypeId),
    /// Object with reference statics.
    RefStatics(TypeId),
    /// Class-initialization state byte.
    InitState(TypeId),
    /// Generic context to pass to this method.
    Context(MethodId),
    /// Description of the variadic arguments of a call (`varargs`).
    Signature(SigId),
}

/// Where the generic context of a method is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ContextSource {
    /// The method needs none.
    None,
    /// From the vtable of `this`, at this depth of the class hierarchy (the depth of the class that declares the method: the
    /// receiver may be of a derived class, whose own context is another one).
    This(u32),
    /// The hidden rgctx argument.
    Hidden,
}

/// How to perform a call.
#[derive(Clone, PartialEq, Debug)]
pub struct CallPlan {
    /// Where it goes.
    pub dispatch: Dispatch,
    /// Signature of the callee as compiled (in shared code references stand for type parameters).
    pub sig: Arc<Signature>,
    /// Generic context to store into the hidden-argument slot, if the callee takes one.
    pub rgctx: Option<Handle>,
    /// Whether `this` must be checked for null first (`callvirt` of a non-virtual method).
    pub null_check: bool,
    /// Where `dispatch` names code that methods share: which of them is meant, in terms of the calling body. Stack traces show it when it is inlined.
    pub shown: Option<MethodId>,
}

/// Where a call goes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Dispatch {
    /// To this method, through its cell; may be inlined.
    Direct(MethodId),
    /// Through this virtual slot of `this`.
    Virtual(u32),
    /// Through the interface stub of this method: a direct call of a symbol.
    Interface(MethodId),
    /// To a looked-up code address (shared code).
    Lookup(Handle),
    /// Code address from `ResolveGenericVirtual(this, handle)`, then an indirect call.
    GenericVirtual(Handle),
    /// Expand in place.
    Intrinsic(Intrinsic, MethodId),
    /// Throw this prepared exception instead.
    Raise(RaiseId),
}

/// How a call of an interface method finds its code without the stub.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InterfaceSlot {
    /// What the IMT register holds.
    pub key: u32,
    /// Index of the method's IMT slot.
    pub slot: u32,
}

/// How to perform a constrained call; the stack holds the address of the value where `this` should be.
#[derive(Clone, PartialEq, Debug)]
pub enum ConstrainedPlan {
    /// The type is a reference type: load the reference, then a virtual call.
    Dereference(CallPlan),
    /// The value type implements the method itself: call with the address as `this`.
    Direct(CallPlan),
    /// The value type inherits it: box (this type), then call.
    Box(TypeId, CallPlan),
    /// Known at run time only: `ResolveConstrained(address, type, method)`; signature of the call.
    Runtime(Handle, Handle, Arc<Signature>),
}

/// Where a field is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum FieldPlace {
    /// At this byte offset from the object's header (classes) or from the start of the value (structs).
    Instance(u32),
    /// At this offset from `Statics` (non-reference) memory of its class.
    Static(u32),
    /// At this offset from the header of the `RefStatics` object of its class.
    RefStatic(u32),
    /// At this offset from the result of `ThreadStatics`.
    ThreadStatic(u32),
    /// Constant data of the module at this symbol.
    Data(Symbol),
    /// Ask `StaticAddress`.
    Helper,
    /// Accessing it throws.
    Raise(RaiseId),
}

/// A field as seen from code.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FieldInfo {
    /// Type of the location.
    pub ty: MemTy,
    /// Class that declares it.
    pub owner: TypeId,
    /// Place.
    pub place: FieldPlace,
    /// Written only by constructors (`initonly`).
    pub init_only: bool,
    /// For statics: the class must be initialized before the access.
    pub init_check: bool,
}

/// Whether and when a method must initialize a class (its own, at entry).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InitAtEntry {
    /// No.
    No,
    /// Precise: `class_init` in the entry, kept when inlined.
    Yes(TypeId),
}

/// Facts about a method.
#[derive(Clone, Debug)]
pub struct MethodInfo {
    /// Signature as compiled.
    pub sig: Arc<Signature>,
    /// Where its generic context is.
    pub context: ContextSource,
    /// Class initialization at entry.
    pub init: InitAtEntry,
    /// The body may be inlined if it is small (no `noinlining`, not synchronized, no security frame).
    pub may_inline: bool,
    /// The author asks for inlining.
    pub wants_inline: bool,
    /// Declared `noreturn`-like throw helper, or known to only throw.
    pub never_returns: bool,
}

/// A runtime handle that an instruction pushes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HandleKind {
    /// `ldtoken` of a type, `refanytype`.
    Type,
    /// `ldtoken` of a method.
    Method,
    /// `ldtoken` of a field.
    Field,
    /// `arglist`.
    ArgList,
}

/// How a type relates to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subtype {
    /// Every value of the first is a value of the second.
    Yes,
    /// No value of the first is (exact types only).
    No,
    /// Depends on the run-time type.
    Maybe,
}

/// How to test an object against a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CastPlan {
    /// Compare the type word with this vtable's (sealed class, value type, array of sealed).
    Exact(Handle),
    /// Compare the display entry at this depth with the type word of this vtable.
    Display(u32, Handle),
    /// Compare the answer in the vtable ([`crate::layout::cast_cache_slot`]) with this handle; if that fails, call `IsInst`/`CastClass` with it.
    Helper(Handle),
}

/// How to make a delegate without its constructor: what to store into the new object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DelegatePlan {
    /// Field for the target.
    pub target: FieldId,
    /// Field for the code address (`Entity::MethodEntry` of the function).
    pub code: FieldId,
    /// Field for the function's handle (`Entity::MethodHandle`).
    pub method: FieldId,
    /// Field, and what to store there, that tells how the function takes its arguments.
    pub shape: (FieldId, i64),
    /// Whether the function is called on the target, which must not be null; otherwise the target must be null.
    pub takes_target: bool,
}

/// The collector's write barrier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BarrierKind {
    /// None needed.
    None,
    /// Log bit of the object stored into: see `CtxWord::LogBits`.
    ObjectLog,
}

/// The VM as compilers see it. `method` arguments name the method being compiled (whose generic context is meant).
///
/// Implementations are called from several compiling threads at once.
pub trait CompileEnv: Layouts + Sync {
    // ---- types
    /// Kind of a type.
    fn type_kind(&self, ty: TypeId) -> TypeKind;
    /// Type of a memory location of this type (enums as their integers, classes as references).
    fn mem_ty(&self, ty: TypeId) -> MemTy;
    /// Name for dumps and messages.
    fn type_name(&self, ty: TypeId) -> String;
    /// Whether the exact type is known when the static type is this (sealed).
    fn is_exact(&self, ty: TypeId) -> bool;
    /// Whether values of `from` are instances of `to`.
    fn subtype(&self, from: TypeId, to: TypeId) -> Subtype;
    /// How to test for a type.
    fn cast_plan(&self, method: MethodId, ty: TypeId) -> CastPlan;
    /// Size in bytes of an instance (header included, rounded up) if inline allocation is allowed: no finalizer,
    /// not too large, not variable.
    fn inline_alloc_size(&self, ty: TypeId) -> Option<u32>;
    /// The array type with elements of this type.
    fn array_of(&self, element: TypeId) -> TypeId;
    /// Offset of the value inside `Nullable<T>` (the flag is at 0), for a `TypeKind::Nullable`.
    fn nullable_value_offset(&self, ty: TypeId) -> u32;
    /// Whether stores into arrays of this static element type need no type check (sealed element type).
    fn array_store_is_exact(&self, element: TypeId) -> bool;

    /// Type of the stack entry that `ldtoken`, `refanytype` or `arglist` pushes: a struct of one native word, or the word
    /// itself for a VM without such structs.
    fn handle_ty(&self, _kind: HandleKind) -> MemTy {
        MemTy::Native
    }
    /// The struct that `mkrefany` makes: a type handle and a managed pointer. `None`: the VM has no typed references.
    fn typed_reference(&self) -> Option<TypeId> {
        None
    }

    // ---- fields
    /// Facts about a field.
    fn field(&self, method: MethodId, field: FieldId) -> FieldInfo;
    /// Name for dumps.
    fn field_name(&self, field: FieldId) -> String;

    /// Whether the VM keeps blocks of thread statics in the table of the thread context: it defines [`Symbol::ThreadStatics`].
    fn thread_statics_in_table(&self) -> bool {
        false
    }

    // ---- methods
    /// Facts about a method.
    fn method(&self, method: MethodId) -> MethodInfo;
    /// Name for dumps, messages and `--method`.
    fn method_name(&self, method: MethodId) -> String;
    /// Signature of an indirect call.
    fn signature(&self, sig: SigId) -> Arc<Signature>;
    /// Plan of `call` (`virt` false) or `callvirt` (`virt` true).
    fn call_plan(&self, method: MethodId, callee: MethodId, virt: bool) -> CallPlan;
    /// Plan of `constrained. ty callvirt callee`.
    fn constrained_plan(&self, method: MethodId, ty: TypeId, callee: MethodId) -> ConstrainedPlan;
    /// The implementation that a virtual call of `callee` reaches on an object of exactly this type.
    fn resolve_virtual(&self, callee: MethodId, exact: TypeId) -> Option<MethodId>;
    /// The class whose objects a virtual or interface call of `callee` on a reference of type `on` will probably meet: a guess, which
    /// code checks.
    fn likely_class(&self, _callee: MethodId, _on: Option<TypeId>) -> Option<TypeId> {
        None
    }
    /// The exact class of the object that the method returns, if it depends on the method alone. It is never null.
    fn returned_class(&self, _callee: MethodId) -> Option<TypeId> {
        None
    }
    /// Key and IMT slot of an interface method. `None`: they are not known while this code is compiled, which calls its stub.
    fn interface_slot(&self, _callee: MethodId) -> Option<InterfaceSlot> {
        None
    }
    /// Whether no loaded or loadable class overrides the method (sealed or final).
    fn is_final(&self, callee: MethodId) -> bool;
    /// The intrinsic that the method stands for.
    fn intrinsic(&self, callee: MethodId) -> Option<Intrinsic>;
    /// The type argument that [`Intrinsic::SizeOf`] and [`Intrinsic::AddElements`] of this method are about, if code can know it.
    fn intrinsic_type(&self, _callee: MethodId) -> Option<TypeId> {
        None
    }
    /// For `newobj`: the class that `ctor` creates, or `None` if the constructor itself returns the object (strings,
    /// multi-dimensional arrays), in which case it is called like a static method.
    fn new_object_class(&self, ctor: MethodId) -> Option<TypeId>;

    /// How to make a delegate over `function`, given its constructor. `None`: by calling the constructor.
    fn delegate_plan(&self, _ctor: MethodId, _function: MethodId) -> Option<DelegatePlan> {
        None
    }
    /// Whether the method is the `Invoke` of a delegate class.
    fn is_delegate_invoke(&self, _callee: MethodId) -> bool {
        false
    }

    // ---- handles
    /// How code of `method` gets at an entity.
    fn handle(&self, method: MethodId, entity: Entity) -> Handle;
    /// What a symbol stands for, if the code is for this process alone and that does not change any more. `None`: a relocation
    /// names it.
    fn address(&self, _symbol: Symbol) -> Option<u64> {
        None
    }
    /// Exact type of a literal object.
    fn literal_type(&self, literal: LiteralId) -> TypeId;
    /// Exact class of what [`Intrinsic::AllocString`] makes. `None`: the VM has no such intrinsic.
    fn string_class(&self) -> Option<TypeId> {
        None
    }
    /// Exact class of the objects that [`Symbol::TypeObject`] names. `None`: the VM has none.
    fn type_object_class(&self) -> Option<TypeId> {
        None
    }

    // ---- classes
    /// Whether the class is initialized already, or needs no initialization: the check may be left out.
    fn is_initialized(&self, ty: TypeId) -> bool;
    /// Whether initialization may happen earlier than its trigger (`beforefieldinit`).
    fn init_is_relaxed(&self, ty: TypeId) -> bool;

    // ---- collector and tiering
    /// Barrier for reference stores into the heap.
    fn barrier(&self) -> BarrierKind;
    /// Whether `AllocObject`/`AllocArray` may be expanded in place through the thread context's buffer.
    fn inline_allocation(&self) -> bool;
    /// Largest object, in bytes, for which inline allocation may be used.
    fn inline_alloc_limit(&self) -> u32;
}
