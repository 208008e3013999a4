//! Hostile input: damaged assemblies, which must end in an exception or an error, never in a crash.
//!
//! ```text
//! seeds/NAME.cs, NAME.il ──mcs, ilasm──▶ NAME.exe ──mutate(number)──▶ damaged.exe ──judge──▶ isthmus, in child processes
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`random`] | repeatable random numbers |
//! | [`seeds`] | the programs that are damaged |
//! | [`map`] | where things lie in a file: bodies, instructions, rows, signatures |
//! | [`mutate`] | the kinds of damage |
//! | [`judge`] | runs a damaged program in all ways and says what is wrong |
//!
//! Mutation number `n` of a program is always the same bytes, so that what a long run finds can be made again.

pub mod judge;
pub mod map;
pub mod mutate;
pub mod random;
pub mod seeds;
