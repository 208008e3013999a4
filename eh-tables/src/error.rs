//! What can be wrong with a table, and with an artifact to be encoded.

use thiserror::Error;

/// A table's bytes do not mean anything. `at` is a byte offset in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum TableError {
    /// The bytes end too early.
    #[error("table is cut off at byte {at}")]
    Truncated {
        /// Where.
        at: usize,
    },
    /// A number has too many bits.
    #[error("number at byte {at} is too large")]
    TooLarge {
        /// Where.
        at: usize,
    },
    /// A field has a value that the format does not define, or that refers to nothing.
    #[error("{what} {value} at byte {at} is not valid")]
    Invalid {
        /// Which field.
        what: &'static str,
        /// Its value.
        value: u32,
        /// Where.
        at: usize,
    },
}

impl TableError {
    pub(crate) fn invalid(what: &'static str, value: u32, at: usize) -> Self {
        TableError::Invalid { what, value, at }
    }
}

/// An artifact that cannot be encoded: its records contradict each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum EncodeError {
    /// Records are not in order of their code offset.
    #[error("{what} {index} is out of order")]
    Order {
        /// Call site or trap.
        what: &'static str,
        /// Its number.
        index: usize,
    },
    /// An index or offset is out of range.
    #[error("{what} {value} is out of range")]
    Range {
        /// Which.
        what: &'static str,
        /// Value.
        value: u32,
    },
    /// The frame has a property that no managed frame has.
    #[error("frame: {what}")]
    Frame {
        /// Which.
        what: &'static str,
    },
}
