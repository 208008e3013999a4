//! Why a method is not compiled. A decline is always one of these, never a panic.

use isthmus_runtime_abi::ids::MethodId;

/// Why there is no code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CompileError {
    /// Valid, but this compiler cannot do it.
    #[error("{what} at IL_{il:04x} is not supported by the baseline compiler")]
    Unsupported {
        /// What it is.
        what: Unsupported,
        /// IL offset.
        il: u32,
    },
    /// The body breaks the rules of ECMA-335.
    #[error("invalid code in {method} at IL_{il:04x}: {message}")]
    Invalid {
        /// The method.
        method: MethodId,
        /// IL offset.
        il: u32,
        /// What is wrong.
        message: String,
    },
}

/// What the compiler declines.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Unsupported {
    /// No code generator for this architecture.
    #[error("this architecture")]
    Architecture,
    /// Typed references in a VM that has none.
    #[error("a typed reference")]
    TypedReference,
    /// An intrinsic that must be expanded in place and cannot be here.
    #[error("this use of a mandatory intrinsic")]
    Intrinsic,
    /// More stack arguments than the convention allows.
    #[error("a call with this many stack arguments")]
    StackArguments,
    /// A frame or code of 1 GiB or more.
    #[error("a method of this size")]
    TooLarge,
    /// One instruction needs more registers than there are: an error in this compiler.
    #[error("an instruction with this many operands")]
    RegisterPressure,
}

pub(crate) type R<T = ()> = Result<T, CompileError>;
