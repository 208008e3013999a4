//! The table of operations.
//!
//! Printer, parser, verifier and passes derive from it. `T` is the *controlling type*, [`super::InstData::ty`], which the
//! text form prints after the operation's name (`add.i32`).

bitflags::bitflags! {
    /// What an operation does besides computing its results. None: pure, may be numbered, moved and dropped.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Effects: u16 {
        /// Reads memory that its [`super::Access`] names.
        const READS = 1;
        /// Writes memory that its [`super::Access`] names (without one: any memory).
        const WRITES = 2;
        /// May throw through handler edges.
        const THROWS = 4;
        /// May fault or trap, which throws out of the function. For accesses only with [`super::AccessFlags::NULL`].
        const TRAPS = 8;
        /// Runs other code: reads and writes any memory, may collect garbage.
        const CALLS = 16;
        /// Ends a block always.
        const ENDS = 32;
        /// Keeps its place for other reasons.
        const FIXED = 64;
    }
}

/// What an operand must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arg {
    /// Of the controlling type.
    T,
    /// I32.
    I32,
    /// I64.
    I64,
    /// Ptr.
    Ptr,
    /// Ref.
    Ref,
    /// I32, I64 or Ptr.
    Int,
    /// F32 or F64.
    Float,
    /// Ptr, Ref or ByRef.
    Addr,
    /// Anything.
    Any,
    /// A scaled index, Ptr; may be left out. Always last.
    Index,
    /// Any number of anything; always last.
    Rest,
}

/// What the immediate must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImmKind {
    /// None.
    None,
    /// Integer, or bits of a float.
    Bits,
    /// A symbol.
    Symbol,
    /// A comparison.
    Cmp,
    /// A memory access.
    Access,
    /// A trap kind.
    Trap,
    /// A call.
    Call,
    /// A helper.
    Helper,
    /// A stack slot and an offset in it.
    Slot,
    /// A word of the thread context.
    Ctx,
}

/// What the results are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Res {
    /// Nothing.
    None,
    /// One of the controlling type.
    T,
    /// I32.
    I32,
    /// One of the controlling type and an I32.
    TI32,
    /// As the call's signature says.
    Call,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The operation.
    pub op: Op,
    /// Name in the text form.
    pub name: &'static str,
    /// Controlling types that it allows, as a set of letters: `i` I32, `l` I64, `p` Ptr, `f` F32, `d` F64, `r` Ref, `b` ByRef.
    /// Empty: it has none (`ty` is I32 and not printed).
    pub types: &'static str,
    /// Operands.
    pub args: &'static [Arg],
    /// Immediate.
    pub imm: ImmKind,
    /// Results.
    pub res: Res,
    /// Effects.
    pub effects: Effects,
    /// Whether the first two operands may be exchanged.
    pub commutes: bool,
}

macro_rules! ops {
    ($($(#[$doc:meta])* $name:ident = $text:literal $types:literal [$($arg:ident),*] $imm:ident -> $res:ident { $($effect:ident)* } $($commutes:ident)?;)*) => {
        /// An operation.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Op { $($(#[$doc])* $name,)* }

        /// All operations in order of their number.
        pub static TABLE: &[Row] = &[$(Row {
            op: Op::$name,
            name: $text,
            types: $types,
            args: &[$(Arg::$arg),*],
            imm: ImmKind::$imm,
            res: Res::$res,
            effects: Effects::empty()$(.union(Effects::$effect))*,
            commutes: false $(|| { let _ = stringify!($commutes); true })?,
        }),*];
    };
}

ops! {
    // ---- constants and addresses
    /// Constant: integer, bits of a float, or 0 for null.
    Const = "const" "ilpfdrb" [] Bits -> T {};
    /// Address of a symbol; `Ref` for literals and objects with statics.
    SymAddr = "sym" "prb" [] Symbol -> T {};
    /// The type word of a vtable symbol (low 32 bits of its address).
    SymWord = "sym_word" "" [] Symbol -> I32 {};
    /// The vtable of a type word.
    VtableOf = "vtable_of" "p" [I32] None -> T {};
    /// Address in a stack slot.
    SlotAddr = "slot_addr" "pb" [] Slot -> T {};
    /// base + offset (+ index * scale) as a managed or native pointer; the access gives offset and scale only.
    Lea = "lea" "pb" [Addr, Index] Access -> T {};

    // ---- integers
    /// Sum.
    Add = "add" "ilp" [T, T] None -> T {} commutes;
    /// Difference.
    Sub = "sub" "ilp" [T, T] None -> T {};
    /// Product.
    Mul = "mul" "ilp" [T, T] None -> T {} commutes;
    /// Signed quotient; traps (`Division`) on zero divisor and on MIN / -1, unless constant operands exclude it.
    SDiv = "sdiv" "ilp" [T, T] None -> T { TRAPS };
    /// Unsigned quotient; traps (`DivideByZero`).
    UDiv = "udiv" "ilp" [T, T] None -> T { TRAPS };
    /// Signed remainder; traps on zero divisor. MIN % -1 is excluded by a check before it.
    SRem = "srem" "ilp" [T, T] None -> T { TRAPS };
    /// Unsigned remainder; traps (`DivideByZero`).
    URem = "urem" "ilp" [T, T] None -> T { TRAPS };
    /// Bitwise and.
    And = "and" "ilp" [T, T] None -> T {} commutes;
    /// Bitwise or.
    Or = "or" "ilp" [T, T] None -> T {} commutes;
    /// Bitwise exclusive or.
    Xor = "xor" "ilp" [T, T] None -> T {} commutes;
    /// Shift left; counts are masked to the width.
    Shl = "shl" "ilp" [T, I32] None -> T {};
    /// Arithmetic shift right.
    Sar = "sar" "ilp" [T, I32] None -> T {};
    /// Logical shift right.
    Shr = "shr" "ilp" [T, I32] None -> T {};
    /// Negation.
    Neg = "neg" "ilp" [T] None -> T {};
    /// Bitwise complement.
    Not = "not" "ilp" [T] None -> T {};
    /// Signed sum and whether it overflowed.
    AddOvf = "add_ovf" "ilp" [T, T] None -> TI32 {} commutes;
    /// Unsigned sum and whether it overflowed.
    AddOvfUn = "add_ovf_un" "ilp" [T, T] None -> TI32 {} commutes;
    /// Signed difference and whether it overflowed.
    SubOvf = "sub_ovf" "ilp" [T, T] None -> TI32 {};
    /// Unsigned difference and whether it overflowed.
    SubOvfUn = "sub_ovf_un" "ilp" [T, T] None -> TI32 {};
    /// Signed product and whether it overflowed.
    MulOvf = "mul_ovf" "ilp" [T, T] None -> TI32 {} commutes;
    /// Unsigned product and whether it overflowed.
    MulOvfUn = "mul_ovf_un" "ilp" [T, T] None -> TI32 {} commutes;
    /// Sign-extends the low 8 bits.
    ExtS8 = "ext_s8" "i" [T] None -> T {};
    /// Zero-extends the low 8 bits.
    ExtU8 = "ext_u8" "i" [T] None -> T {};
    /// Sign-extends the low 16 bits.
    ExtS16 = "ext_s16" "i" [T] None -> T {};
    /// Zero-extends the low 16 bits.
    ExtU16 = "ext_u16" "i" [T] None -> T {};
    /// Sign-extends an integer to a type at least as wide.
    Sext = "sext" "lp" [Int] None -> T {};
    /// Zero-extends an integer to a type at least as wide.
    Zext = "zext" "lp" [Int] None -> T {};
    /// The low bits of an integer at least as wide.
    Trunc = "trunc" "ip" [Int] None -> T {};
    /// The same bits as another type of the same size (Ref, ByRef, Ptr, and I64 on 64-bit targets; I32 on 32-bit ones).
    Retype = "retype" "ilprb" [Any] None -> T {};

    // ---- floats
    /// Sum.
    FAdd = "fadd" "fd" [T, T] None -> T {} commutes;
    /// Difference.
    FSub = "fsub" "fd" [T, T] None -> T {};
    /// Product.
    FMul = "fmul" "fd" [T, T] None -> T {} commutes;
    /// Quotient.
    FDiv = "fdiv" "fd" [T, T] None -> T {};
    /// Negation (sign bit).
    FNeg = "fneg" "fd" [T] None -> T {};
    /// Absolute value.
    FAbs = "fabs" "fd" [T] None -> T {};
    /// Square root.
    FSqrt = "fsqrt" "fd" [T] None -> T {};
    /// Toward minus infinity.
    FFloor = "ffloor" "fd" [T] None -> T {};
    /// Toward plus infinity.
    FCeil = "fceil" "fd" [T] None -> T {};
    /// To nearest, ties to even.
    FNearest = "fnearest" "fd" [T] None -> T {};
    /// F64 from F32.
    FPromote = "fpromote" "d" [Float] None -> T {};
    /// F32 from F64.
    FDemote = "fdemote" "f" [Float] None -> T {};
    /// Float from a signed integer.
    SToF = "s_to_f" "fd" [Int] None -> T {};
    /// Float from an unsigned integer.
    UToF = "u_to_f" "fd" [Int] None -> T {};
    /// Signed integer from a float, truncating; out of range and NaN: the value with only the top bit set.
    FToS = "f_to_s" "ilp" [Float] None -> T {};
    /// Unsigned 64-bit integer from a float, truncating (what helper `f64_to_u64` gives).
    FToU = "f_to_u" "l" [Float] None -> T {};
    /// The bits of a float as an integer of the same size.
    FBits = "f_bits" "il" [Float] None -> T {};
    /// The float with these bits.
    BitsF = "bits_f" "fd" [Int] None -> T {};

    // ---- comparisons
    /// 1 if the comparison of two values of type T holds, else 0. On integers, pointers and references `*_un` is unsigned, on
    /// floats it holds on NaN too.
    Cmp = "cmp" "ilpfdrb" [T, T] Cmp -> I32 {};
    /// The second operand if the first is not 0, else the third.
    Select = "select" "ilpfdrb" [I32, T, T] None -> T {};

    // ---- memory
    /// Loads; T is the access's value type.
    Load = "load" "ilpfdrb" [Addr, Index] Access -> T { READS TRAPS };
    /// Stores the first operand: address, then index.
    Store = "store" "ilpfdrb" [T, Addr, Index] Access -> None { WRITES TRAPS };
    /// Stores a reference into the heap object that is the base (Ref), with the write barrier.
    StoreRef = "store_ref" "r" [T, Ref, Index] Access -> None { WRITES TRAPS };
    /// Stores a reference through a pointer that may point into the heap, a frame or native memory.
    StoreRefUnknown = "store_ref_unknown" "r" [T, Addr, Index] Access -> None { WRITES TRAPS };
    /// Throws NullReferenceException if the pointer is null, by a faulting access.
    NullCheck = "null_check" "" [Addr] None -> None { TRAPS };
    /// Throws the exception of the trap kind if the operand is not 0.
    TrapIf = "trap_if" "" [I32] Trap -> None { TRAPS };
    /// Copies a constant number of bytes without references (or from frame to frame): destination, source. No overlap, or the same place.
    MemCopy = "mem_copy" "" [Addr, Addr] Bits -> None { READS WRITES };
    /// Zeroes a constant number of bytes in a frame or in non-heap memory, or without references.
    MemZero = "mem_zero" "" [Addr] Bits -> None { WRITES };
    /// Full fence.
    Fence = "fence" "" [] None -> None { READS WRITES FIXED };
    /// Atomic exchange: address, value; gives the old value. Access: offset and type.
    AtomicXchg = "atomic_xchg" "ilp" [Addr, T] Access -> T { READS WRITES FIXED TRAPS };
    /// Atomic addition; gives the old value.
    AtomicAdd = "atomic_add" "ilp" [Addr, T] Access -> T { READS WRITES FIXED TRAPS };
    /// Atomic compare and exchange: address, comparand, new value; gives the old value.
    AtomicCas = "atomic_cas" "ilp" [Addr, T, T] Access -> T { READS WRITES FIXED TRAPS };
    /// Reads a word of the thread context. Hidden arguments: at the top of the entry block only.
    CtxLoad = "ctx_load" "pr" [] Ctx -> T { FIXED };

    // ---- objects and classes
    /// Allocates an instance: vtable; the immediate is its size for allocation in place, 0: always by the helper.
    AllocObject = "alloc_object" "r" [Ptr] Bits -> T { THROWS CALLS };
    /// Allocates an array: vtable, length (negative: OverflowException); the immediate is the size of an element for allocation in
    /// place, 0: always by the helper.
    AllocArray = "alloc_array" "r" [Ptr, I64] Bits -> T { THROWS CALLS };
    /// Allocates a string of zeros, in place if it is small: vtable, length (negative or too long: OutOfMemoryException).
    AllocString = "alloc_string" "r" [Ptr, I32] None -> T { THROWS CALLS };
    /// Initializes a class unless its state byte says that it is: state byte, type handle.
    ClassInit = "class_init" "" [Ptr, Ptr] None -> None { THROWS CALLS };
    /// Value of a slot (immediate) of a generic context: a load, and `GenericLookup` if it is 0.
    GenericLookup = "generic_lookup" "p" [Ptr] Bits -> T { THROWS CALLS };

    // ---- calls
    /// Call. Operands: the code address (indirect calls), argument words, the generic context, the vararg cookie (if the call has them).
    Call = "call" "" [Rest] Call -> Call { THROWS CALLS };
    /// Call in place of the frame; ends the block, the callee's results are this function's.
    TailCall = "tail_call" "" [Rest] Call -> None { CALLS ENDS };
    /// A safepoint poll on a loop's back edge. Not an alias fence.
    Poll = "poll" "" [] None -> None { FIXED };

    // ---- control
    /// To the edge.
    Jump = "jump" "" [] None -> None { ENDS };
    /// First edge if the operand is not 0, else second.
    Branch = "branch" "" [I32] None -> None { ENDS };
    /// Edge number `operand` (unsigned), or the last one if there are no more.
    Switch = "switch" "" [I32] None -> None { ENDS };
    /// Returns the words of the signature.
    Return = "return" "" [Rest] None -> None { ENDS };
    /// Calls a helper that does not return (`throw`, `rethrow`, `throw_trap`, `throw_raise`, `resume`). All edges are handlers.
    Throw = "throw" "" [Rest] Helper -> None { THROWS CALLS ENDS };
    /// Never reached.
    Unreachable = "unreachable" "" [] None -> None { ENDS };
}

impl Op {
    /// Its row.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The operation of this name.
    pub fn from_name(name: &str) -> Option<Op> {
        TABLE.iter().find(|r| r.name == name).map(|r| r.op)
    }

    /// Effects without regard to an instruction's details; see [`super::InstData::effects`].
    pub fn effects(self) -> Effects {
        self.row().effects
    }

    /// Whether an instruction with this operation always ends its block.
    pub fn ends_block(self) -> bool {
        self.effects().contains(Effects::ENDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_consistent() {
        for (i, row) in TABLE.iter().enumerate() {
            assert_eq!(row.op as usize, i);
            assert_eq!(Op::from_name(row.name), Some(row.op));
            assert!(row.types.chars().all(|c| "ilpfdrb".contains(c)));
            if let Some(place) = row
                .args
                .iter()
                .position(|a| matches!(a, Arg::Rest | Arg::Index))
            {
                assert_eq!(place + 1, row.args.len(), "{}", row.name);
            }
            assert!(!row.commutes || row.args.len() == 2);
        }
    }
}
