//! The VM proper: what turns the type system into a running program.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`state`] | what the VM keeps beside each type, method and assembly |
//! | [`env`] | the compile-time interface |
//! | [`contexts`] | generic contexts and their look-up slots |

pub mod contexts;
pub mod env;
pub mod state;

/// Marks numbers of `Symbol::VmData` that name a field's description instead of its data.
pub const FIELD_HANDLE_BIT: u32 = 1 << 31;
