//! SSA: the optimizing compiler's middle.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`ir`] | the IR: types, the table of operations, instructions, functions |

pub mod ir;
