//! Machine types and dense ids.

use isthmus_runtime_abi::callconv::WordTy;
use isthmus_runtime_abi::helpers::HelperTy;
use isthmus_runtime_abi::types::{MemTy, StackTy};

/// The type of an SSA value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Ty {
    /// 32-bit integer; truth values too (0 or 1).
    I32,
    /// 64-bit integer.
    I64,
    /// Native integer or unmanaged pointer: pointer-sized.
    Ptr,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// Object reference.
    Ref,
    /// Managed pointer.
    ByRef,
}

impl Ty {
    /// All types.
    pub const ALL: &'static [Ty] = &[
        Ty::I32,
        Ty::I64,
        Ty::Ptr,
        Ty::F32,
        Ty::F64,
        Ty::Ref,
        Ty::ByRef,
    ];

    /// Name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Ty::I32 => "i32",
            Ty::I64 => "i64",
            Ty::Ptr => "ptr",
            Ty::F32 => "f32",
            Ty::F64 => "f64",
            Ty::Ref => "ref",
            Ty::ByRef => "byref",
        }
    }

    /// The type of this name.
    pub fn from_name(name: &str) -> Option<Ty> {
        Ty::ALL.iter().copied().find(|t| t.name() == name)
    }

    /// Whether it is a float.
    pub fn is_float(self) -> bool {
        matches!(self, Ty::F32 | Ty::F64)
    }

    /// Whether integer arithmetic is defined on it.
    pub fn is_int(self) -> bool {
        matches!(self, Ty::I32 | Ty::I64 | Ty::Ptr)
    }

    /// Whether it may be the base of a memory access.
    pub fn is_address(self) -> bool {
        matches!(self, Ty::Ptr | Ty::Ref | Ty::ByRef)
    }

    /// Bytes of a value; `ptr` is the pointer size.
    pub fn bytes(self, ptr: u32) -> u32 {
        match self {
            Ty::I32 | Ty::F32 => 4,
            Ty::I64 | Ty::F64 => 8,
            Ty::Ptr | Ty::Ref | Ty::ByRef => ptr,
        }
    }

    /// The word that such a value travels in.
    pub fn word(self) -> WordTy {
        match self {
            Ty::I32 => WordTy::I32,
            Ty::I64 => WordTy::I64,
            Ty::Ptr | Ty::Ref | Ty::ByRef => WordTy::Ptr,
            Ty::F32 => WordTy::F32,
            Ty::F64 => WordTy::F64,
        }
    }

    /// The type of a scalar stack entry; `None` for structs.
    pub fn of_stack(ty: StackTy) -> Option<Ty> {
        Some(match ty {
            StackTy::I32 => Ty::I32,
            StackTy::I64 => Ty::I64,
            StackTy::Native => Ty::Ptr,
            StackTy::F32 => Ty::F32,
            StackTy::F64 => Ty::F64,
            StackTy::Ref => Ty::Ref,
            StackTy::ByRef => Ty::ByRef,
            StackTy::Struct(_) => return None,
        })
    }

    /// The type of a helper's argument or result.
    pub fn of_helper(ty: HelperTy) -> Ty {
        match ty {
            HelperTy::I32 => Ty::I32,
            HelperTy::I64 => Ty::I64,
            HelperTy::Ptr => Ty::Ptr,
            HelperTy::Ref => Ty::Ref,
            HelperTy::ByRef => Ty::ByRef,
            HelperTy::F32 => Ty::F32,
            HelperTy::F64 => Ty::F64,
        }
    }

    /// The location that holds such a value at full width.
    pub fn mem(self) -> Mem {
        match self {
            Ty::I32 => Mem::I32,
            Ty::I64 => Mem::I64,
            Ty::Ptr => Mem::Ptr,
            Ty::F32 => Mem::F32,
            Ty::F64 => Mem::F64,
            Ty::Ref => Mem::Ref,
            Ty::ByRef => Mem::ByRef,
        }
    }
}

/// The type of a scalar in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Mem {
    /// Signed 8 bits.
    I8,
    /// Unsigned 8 bits.
    U8,
    /// Signed 16 bits.
    I16,
    /// Unsigned 16 bits.
    U16,
    /// 32 bits.
    I32,
    /// 64 bits.
    I64,
    /// Pointer-sized.
    Ptr,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// Object reference.
    Ref,
    /// Managed pointer.
    ByRef,
}

impl Mem {
    /// All types.
    pub const ALL: &'static [Mem] = &[
        Mem::I8,
        Mem::U8,
        Mem::I16,
        Mem::U16,
        Mem::I32,
        Mem::I64,
        Mem::Ptr,
        Mem::F32,
        Mem::F64,
        Mem::Ref,
        Mem::ByRef,
    ];

    /// Name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Mem::I8 => "i8",
            Mem::U8 => "u8",
            Mem::I16 => "i16",
            Mem::U16 => "u16",
            Mem::I32 => "i32",
            Mem::I64 => "i64",
            Mem::Ptr => "ptr",
            Mem::F32 => "f32",
            Mem::F64 => "f64",
            Mem::Ref => "ref",
            Mem::ByRef => "byref",
        }
    }

    /// The type of this name.
    pub fn from_name(name: &str) -> Option<Mem> {
        Mem::ALL.iter().copied().find(|t| t.name() == name)
    }

    /// The type of a loaded value: small integers are extended to 32 bits.
    pub fn ty(self) -> Ty {
        match self {
            Mem::I8 | Mem::U8 | Mem::I16 | Mem::U16 | Mem::I32 => Ty::I32,
            Mem::I64 => Ty::I64,
            Mem::Ptr => Ty::Ptr,
            Mem::F32 => Ty::F32,
            Mem::F64 => Ty::F64,
            Mem::Ref => Ty::Ref,
            Mem::ByRef => Ty::ByRef,
        }
    }

    /// Bytes in memory; `ptr` is the pointer size.
    pub fn bytes(self, ptr: u32) -> u32 {
        match self {
            Mem::I8 | Mem::U8 => 1,
            Mem::I16 | Mem::U16 => 2,
            Mem::I32 | Mem::F32 => 4,
            Mem::I64 | Mem::F64 => 8,
            Mem::Ptr | Mem::Ref | Mem::ByRef => ptr,
        }
    }

    /// The scalar of a VM's memory type; `None` for structs.
    pub fn of(ty: MemTy) -> Option<Mem> {
        Some(match ty {
            MemTy::I8 => Mem::I8,
            MemTy::U8 => Mem::U8,
            MemTy::I16 => Mem::I16,
            MemTy::U16 => Mem::U16,
            MemTy::I32 => Mem::I32,
            MemTy::I64 => Mem::I64,
            MemTy::Native => Mem::Ptr,
            MemTy::F32 => Mem::F32,
            MemTy::F64 => Mem::F64,
            MemTy::Ref => Mem::Ref,
            MemTy::ByRef => Mem::ByRef,
            MemTy::Struct(_) => return None,
        })
    }
}

/// How the words of a [`super::Sig`] are passed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SigConv {
    /// The managed convention.
    #[default]
    Managed,
    /// The platform's C convention, called directly: leaf helpers.
    C,
}

macro_rules! dense {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// Its number.
            pub fn index(self) -> usize {
                self.0 as usize
            }
            /// The id of this number.
            pub fn from_index(index: usize) -> Self {
                $name(index as u32)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(self, f)
            }
        }
    };
}

dense!(
    /// A value: result of an instruction or parameter of a block.
    Value, "v"
);
dense!(
    /// A basic block. Block 0 is the entry.
    Block, "block"
);
dense!(
    /// An instruction.
    Inst, "inst"
);
dense!(
    /// A stack slot.
    Slot, "slot"
);
