//! Random programs on which all engines must agree, and smaller ones on which they do not.
//!
//! ```text
//!   seeds ──▶ generator ──▶ a batch in one file ──▶ engine 1, engine 2, … in processes of their own
//!                                                            │ outputs differ, a crash, a hang
//!                                                            ▼
//!                                       each program of the batch alone ──▶ reducer ──▶ a few lines
//! ```
//!
//! | module | programs | reference | engines |
//! | --- | --- | --- | --- |
//! | [`sir`] | stack IR (`frontend_ir::generate`) | the interpreter of stack IR | SSA interpreter, baseline, opt, auto, on `examples/toyvm` |
//! | [`csharp`] | C# | Mono | `isthmus run` in every tier |
//!
//! [`work`] shares the batches among threads and keeps what was found.

pub mod csharp;
pub mod sir;
pub mod work;
