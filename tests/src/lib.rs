//! What crosses crates: the harnesses that hold Isthmus against a reference.
//!
//! - [`programs`]: C# and CIL programs, their recorded output, and the runner that compares.

pub mod programs;
