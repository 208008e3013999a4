//! Why the optimizing compiler declines a method.

/// What is not supported.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Reason {
    /// The method is larger than the compiler's limit.
    #[error("method is too large")]
    TooLarge,
    /// The stack differs in depth or type where control joins.
    #[error("stack does not match at a join")]
    StackMerge,
    /// An instruction finds too few or wrong operands.
    #[error("invalid operands")]
    BadOperands,
    /// A struct whose fields overlap where they would have to be taken apart.
    #[error("overlapping struct is used by parts")]
    Overlap,
    /// Control runs off the end of the method or of a region.
    #[error("control runs off the end")]
    OffTheEnd,
    /// An intrinsic that must be expanded is called in an unexpected way.
    #[error("mandatory intrinsic with unexpected operands")]
    Intrinsic,
    /// The method cannot be entered at this loop.
    #[error("the method cannot be entered here")]
    Entry,
    /// An operation needs a target property that is missing.
    #[error("not on this target")]
    Target,
}

/// A decline, with its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason} at IL_{il:04x}")]
pub struct Unsupported {
    /// What is not supported.
    pub reason: Reason,
    /// IL offset.
    pub il: u32,
}
