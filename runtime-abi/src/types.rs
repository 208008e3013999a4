//! Types as compilers see them.
//!
//! * [`StackTy`]: what an evaluation stack entry or SSA value can be (ECMA-335 I.12.3.2.1, with
//!   float32 kept apart from float64 as Mono does).
//! * [`MemTy`]: what a field, local, argument or array element is in memory.
//! * [`Signature`], [`StructLayout`]: made of those.

use crate::ids::TypeId;
use smallvec::SmallVec;

/// The type of a value on the evaluation stack or in SSA.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StackTy {
    /// 32-bit integer; also bool, char, and all smaller integers, extended.
    I32,
    /// 64-bit integer.
    I64,
    /// Native integer, unmanaged or function pointer: pointer-sized.
    Native,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// Object reference: null or the address of an object's header.
    Ref,
    /// Managed pointer: into an object, an array, the stack or native memory.
    ByRef,
    /// A value type that is not one of the above.
    Struct(TypeId),
}

/// The type of a memory location.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MemTy {
    /// Signed 8 bits.
    I8,
    /// Unsigned 8 bits (bool too).
    U8,
    /// Signed 16 bits.
    I16,
    /// Unsigned 16 bits (char too).
    U16,
    /// 32 bits; the signedness is in the operation.
    I32,
    /// 64 bits.
    I64,
    /// Pointer-sized integer, native pointer or function pointer.
    Native,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// Object reference.
    Ref,
    /// Managed pointer (never in the heap).
    ByRef,
    /// A value type by value.
    Struct(TypeId),
}

impl MemTy {
    /// The type of the stack entry that loading from such a location gives.
    pub fn stack_ty(self) -> StackTy {
        match self {
            MemTy::I8 | MemTy::U8 | MemTy::I16 | MemTy::U16 | MemTy::I32 => StackTy::I32,
            MemTy::I64 => StackTy::I64,
            MemTy::Native => StackTy::Native,
            MemTy::F32 => StackTy::F32,
            MemTy::F64 => StackTy::F64,
            MemTy::Ref => StackTy::Ref,
            MemTy::ByRef => StackTy::ByRef,
            MemTy::Struct(t) => StackTy::Struct(t),
        }
    }

    /// Size in bytes where it does not depend on a struct's layout; `ptr` is the pointer size.
    pub fn scalar_size(self, ptr: u32) -> Option<u32> {
        Some(match self {
            MemTy::I8 | MemTy::U8 => 1,
            MemTy::I16 | MemTy::U16 => 2,
            MemTy::I32 | MemTy::F32 => 4,
            MemTy::I64 | MemTy::F64 => 8,
            MemTy::Native | MemTy::Ref | MemTy::ByRef => ptr,
            MemTy::Struct(_) => return None,
        })
    }
}

impl StackTy {
    /// The location that holds such a value at full width.
    pub fn mem_ty(self) -> MemTy {
        match self {
            StackTy::I32 => MemTy::I32,
            StackTy::I64 => MemTy::I64,
            StackTy::Native => MemTy::Native,
            StackTy::F32 => MemTy::F32,
            StackTy::F64 => MemTy::F64,
            StackTy::Ref => MemTy::Ref,
            StackTy::ByRef => MemTy::ByRef,
            StackTy::Struct(t) => MemTy::Struct(t),
        }
    }

    /// Whether the value lives in a floating-point register.
    pub fn is_float(self) -> bool {
        matches!(self, StackTy::F32 | StackTy::F64)
    }
}

/// Which convention a call uses. Native calls are calls of methods that the VM makes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum CallConv {
    /// The managed convention of [`crate::callconv`].
    #[default]
    Managed,
    /// Managed, with a vararg cookie in the hidden-argument slot; calls take it from the stack, above the last argument.
    ManagedVarArg,
}

/// A method's signature as compilers need it. `this`, if any, is `params[0]` (a [`MemTy::Ref`], or a
/// [`MemTy::ByRef`] for methods of value types).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Signature {
    /// Convention.
    pub conv: CallConv,
    /// Whether `params[0]` is `this`.
    pub has_this: bool,
    /// All parameters, `this` included.
    pub params: SmallVec<[MemTy; 6]>,
    /// Result; `None` is void.
    pub ret: Option<MemTy>,
}

impl Signature {
    /// Whether calls take a vararg cookie from the stack, above the last argument.
    pub fn takes_cookie(&self) -> bool {
        self.conv == CallConv::ManagedVarArg
    }
}

/// One scalar inside a struct, nested structs flattened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leaf {
    /// Byte offset in the struct.
    pub offset: u32,
    /// Its type; never [`MemTy::Struct`].
    pub ty: MemTy,
}

/// How a value type lies in memory (without an object header).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StructLayout {
    /// Size in bytes, a multiple of `align`; at least 1.
    pub size: u32,
    /// Alignment in bytes, 1 to 8.
    pub align: u32,
    /// All scalars in order of offset; empty for opaque blocks. May leave gaps.
    pub leaves: Vec<Leaf>,
    /// Whether leaves overlap (explicit layout): such structs are never split into scalars.
    pub overlapping: bool,
    /// Whether any leaf is a reference.
    pub has_refs: bool,
    /// Whether any leaf is a managed pointer (`ref struct`): never in the heap.
    pub has_byrefs: bool,
}
