//! Why compiled code faults or calls a throw helper: one table for both.

macro_rules! traps {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $exception:literal;)*) => {
        /// The reason of an implicit exception. The number is the trap code in Cranelift and the kind
        /// byte in the EH tables.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum TrapKind { $($(#[$doc])* $name = $code,)* }

        impl TrapKind {
            /// All kinds, in order of their code.
            pub const ALL: &'static [TrapKind] = &[$(TrapKind::$name),*];
            /// The kind with this code.
            pub fn from_code(code: u8) -> Option<TrapKind> {
                match code { $($code => Some(TrapKind::$name),)* _ => None }
            }
            /// Name of the exception class, without namespace (`System`). Empty: no exception.
            pub fn exception(self) -> &'static str {
                match self { $(TrapKind::$name => $exception,)* }
            }
            /// The name used in dumps.
            pub fn name(self) -> &'static str {
                match self { $(TrapKind::$name => stringify!($name),)* }
            }
        }
    };
}

traps! {
    /// A load or store through null (fault address below the guard size).
    NullReference = 1, "NullReferenceException";
    /// Array index out of bounds.
    IndexOutOfRange = 2, "IndexOutOfRangeException";
    /// Integer division or remainder by zero.
    DivideByZero = 3, "DivideByZeroException";
    /// Checked arithmetic or conversion overflowed; also MIN / -1.
    Overflow = 4, "OverflowException";
    /// Failed cast or unboxing.
    InvalidCast = 5, "InvalidCastException";
    /// Storing an element of the wrong type into an array of references.
    ArrayTypeMismatch = 6, "ArrayTypeMismatchException";
    /// The stack limit was reached.
    StackOverflow = 7, "StackOverflowException";
    /// No memory.
    OutOfMemory = 8, "OutOfMemoryException";
    /// `ckfinite` on a NaN or an infinity.
    NotFinite = 9, "ArithmeticException";
    /// Code that is not valid was reached.
    InvalidProgram = 10, "InvalidProgramException";
    /// A division that faults in hardware (x86 `idiv`): zero divisor or quotient overflow; the trap
    /// handler finds out which.
    Division = 11, "DivideByZeroException";
    /// A safepoint poll: not an exception, the thread parks in place.
    Poll = 12, "";
    /// Control reached what a compiler proved unreachable: an internal error.
    Unreachable = 13, "";
}
