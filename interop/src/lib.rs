//! Foreign functions: what a VM needs to call C functions and to be called by them.
//!
//! ```text
//!  Layout ──┐
//!           ├─▶ Function ──▶ abi::Call: which part of which argument is in which register or stack word
//!  Layout ──┘       │             │
//!                   │             ├─▶ downcall: managed code → stub → C function
//!                   │             └─▶ upcall:   C → thunk → entry → managed code
//!                   └─▶ downcall::signature: what the managed side passes (scalars as they are, aggregates by address)
//! ```
//!
//! | module | what it is |
//! | --- | --- |
//! | [`layout`] | values, structures, unions, arrays: size, alignment, paths to their parts, text form |
//! | [`function`] | types of C functions, text form |
//! | [`abi`] | the platforms' conventions as pure functions: System V x86-64, AAPCS64, AAPCS32 with and without float registers |
//! | [`downcall`] | calls of C functions by managed code |
//! | [`upcall`] | C function pointers that lead to managed code |
//! | [`library`] | loading libraries, looking symbols up |
//!
//! Nothing here knows of marshalling: how a string or a class of some VM becomes a [`layout::Layout`] is that VM's affair.

pub mod abi;
pub mod downcall;
pub mod function;
pub mod layout;
pub mod library;
pub mod upcall;
