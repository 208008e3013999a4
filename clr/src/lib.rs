//! The reference virtual machine: a CLR that the back end is plugged into.
//!
//! - [`metadata`]: reads assemblies

pub mod metadata;
