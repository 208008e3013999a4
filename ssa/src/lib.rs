//! SSA: the optimizing compiler's middle.
//!
//! ```text
//!   body ──build──▶ unit ──verify──▶ pass ──verify──▶ pass … ──▶ unit, for `lower`
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`ir`] | the IR: types, the table of operations, instructions, functions |
//! | `build` | from stack IR to SSA, inlining on the way |
//! | [`analysis`] | order of blocks, predecessors, dominators |
//! | [`verify`] | the verifier with its numbered invariants |
//! | [`print`](mod@print), [`parse`] | the text form |
//! | [`passes`] | the passes, as data |
//! | [`eval`] | operations on constants |
//! | [`driver`] | one method through all passes |
//! | [`interp`] | an interpreter, the oracle for builder and passes |
//! | [`error`] | why a method is declined |
//! | [`options`] | what a compilation may be told |

pub mod analysis;
mod build;
pub mod driver;
pub mod error;
pub mod eval;
pub mod interp;
pub mod ir;
pub mod options;
pub mod parse;
pub mod passes;
pub mod print;
pub mod verify;

pub use build::build;
pub use driver::{compile, compile_with};
pub use error::{Reason, Unsupported};
pub use ir::{Func, Unit};
pub use options::Options;
