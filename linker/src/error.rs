//! What can go wrong when code is placed.

use isthmus_runtime_abi::symbol::{RelocKind, Symbol};

/// An error of the linker.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The system refused memory.
    #[error("cannot map {what}: {error}")]
    Map {
        /// What was asked for.
        what: &'static str,
        /// Why not.
        error: std::io::Error,
    },
    /// The region is used up.
    #[error("out of {what} memory: {size} bytes wanted")]
    Full {
        /// Code or data.
        what: &'static str,
        /// Bytes that were wanted.
        size: usize,
    },
    /// The symbol has no address.
    #[error("no address for {symbol:?}: {reason}")]
    Unresolved {
        /// The symbol.
        symbol: Symbol,
        /// Why not.
        reason: String,
    },
    /// The value does not fit the place.
    #[error("{kind:?} of {symbol:?} at {offset:#x}: value {value:#x} is out of range")]
    Range {
        /// Kind of the relocation.
        kind: RelocKind,
        /// What it refers to.
        symbol: Symbol,
        /// Where it is.
        offset: u32,
        /// The value.
        value: i128,
    },
    /// The relocation is not for this architecture.
    #[error("{kind:?} of {symbol:?} is not for this architecture")]
    Kind {
        /// Kind of the relocation.
        kind: RelocKind,
        /// What it refers to.
        symbol: Symbol,
    },
    /// The relocation lies outside of the code.
    #[error("{kind:?} of {symbol:?} at {offset:#x} is outside of {size} bytes of code")]
    Outside {
        /// Kind of the relocation.
        kind: RelocKind,
        /// What it refers to.
        symbol: Symbol,
        /// Where it is.
        offset: u32,
        /// Size of the code.
        size: usize,
    },
}
