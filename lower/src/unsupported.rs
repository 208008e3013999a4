//! Why the optimizing tier declines a method.

use cranelift_codegen::CodegenError;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;

/// A reason to decline, with the IL offset of the site where there is one. The method then runs in the baseline tier.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unsupported {
    /// No back end for the architecture.
    #[error("no optimizing back end for {}", .0.name())]
    Arch(Arch),
    /// The method is too large: compile time would explode.
    #[error("{instructions} SSA instructions are more than {limit}")]
    TooLarge {
        /// Instructions of the SSA function.
        instructions: usize,
        /// The limit.
        limit: usize,
    },
    /// The frame, the argument area or the code is larger than the back end can do.
    #[error("a limit of the back end: {0}")]
    Limit(String),
    /// The stack argument area cannot be popped by one instruction.
    #[error("{bytes} bytes of stack arguments at IL_{il:04x}")]
    StackArguments {
        /// Bytes.
        bytes: u32,
        /// IL offset of the call.
        il: u32,
    },
    /// An operation that this target cannot do.
    #[error("{what} at IL_{il:04x}")]
    Operation {
        /// Which.
        what: &'static str,
        /// IL offset.
        il: u32,
    },
    /// A relocation for which the artifact has no kind.
    #[error("relocation {kind} against {symbol:?}")]
    Relocation {
        /// Cranelift's name of the kind.
        kind: String,
        /// Symbol, if it is one of ours.
        symbol: Option<Symbol>,
    },
    /// The back end cannot compile something; its own words.
    #[error("back end: {0}")]
    Backend(String),
}

impl Unsupported {
    /// Short name for counting (`--stats`).
    pub fn name(&self) -> &'static str {
        match self {
            Unsupported::Arch(_) => "Arch",
            Unsupported::TooLarge { .. } => "TooLarge",
            Unsupported::Limit(_) => "Limit",
            Unsupported::StackArguments { .. } => "StackArguments",
            Unsupported::Operation { .. } => "Operation",
            Unsupported::Relocation { .. } => "Relocation",
            Unsupported::Backend(_) => "Backend",
        }
    }

    /// IL offset of the site, where there is one.
    pub fn il(&self) -> Option<u32> {
        match self {
            Unsupported::StackArguments { il, .. } | Unsupported::Operation { il, .. } => Some(*il),
            _ => None,
        }
    }
}

impl From<CodegenError> for Unsupported {
    fn from(error: CodegenError) -> Self {
        match error {
            CodegenError::ImplLimitExceeded | CodegenError::CodeTooLarge => {
                Unsupported::Limit(error.to_string())
            }
            // The verifier's messages name the function's instructions: our bug, kept in full.
            CodegenError::Verifier(errors) => Unsupported::Backend(errors.to_string()),
            other => Unsupported::Backend(other.to_string()),
        }
    }
}
