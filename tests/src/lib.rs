//! What crosses crates: the harnesses that hold Isthmus against a reference.
//!
//! - [`native`]: random functions of C, called by C# and calling back.
//! - [`programs`]: C# and CIL programs, their recorded output, and the runner that compares.

pub mod native;
pub mod programs;
